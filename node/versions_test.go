package node_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
)

// Two machines of a member change a record while they are cut off from each other. The same version counts everywhere,
// the other is in the history of every node with its author's machine, and comes back by one more revision.
func TestVersions_WhatWasLostComesBack(t *testing.T) {
	ctx := context.Background()
	c := federation(t, "kr-seoul", "ca-montreal")
	seoul, montreal := c[0], c[1]
	first, err := seoul.client().Publish(ctx, api.Draft{Type: "request", Raw: json.RawMessage(koreanRequest)})
	if err != nil {
		t.Fatal(err)
	}
	annex := seoul.another("annex")
	annex.settled(seoul)
	revise := func(c *city, title string) {
		t.Helper()
		raw := strings.Replace(koreanRequest, "전문가 2명", title, 1)
		if _, err := c.node.Publish(ctx, api.Draft{Type: "request", Of: first.Number, Raw: json.RawMessage(raw)}); err != nil {
			t.Fatal(err)
		}
	}
	annex.halt()
	revise(seoul, "전문가 3명")
	seoul.halt()
	annex.start()
	revise(annex, "전문가 4명")
	seoul.start()
	var all api.RecordVersions
	for _, c := range []*city{seoul, annex, montreal} {
		eventually(t, c.handle+" has both", func() error {
			all, err = c.client().Versions(ctx, first.Number)
			if err == nil && len(all.Items) != 3 {
				err = fmt.Errorf("%d versions", len(all.Items))
			}
			return err
		})
		roles := map[string]int{}
		machines := map[string]bool{}
		for i, v := range all.Items {
			roles[v.Role]++
			machines[v.Node] = true
			if v.Version != i+1 || v.Member != "kr-seoul" || v.Content == nil || v.State != "published" || v.Time.IsZero() || v.Title["ko"] == "" {
				t.Errorf("%s tells %+v", c.handle, v)
			}
		}
		if roles["current"] != 1 || roles["rival"] != 1 || roles["superseded"] != 1 || len(machines) != 2 {
			t.Fatalf("%s: %v on %d machines", c.handle, roles, len(machines))
		}
	}
	lost := all.Items[slices.IndexFunc(all.Items, func(v api.RecordVersion) bool { return v.Role == "rival" })]
	d, err := lost.Draft(first.Number, all.Current())
	if err != nil || !lost.Again() {
		t.Fatal(err)
	}
	if _, err := seoul.client().Publish(ctx, d); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*city{seoul, annex, montreal} {
		eventually(t, c.handle+" has it back", func() error {
			r, err := c.client().Record(ctx, first.Number)
			if err == nil && fmt.Sprint(r.Content["title"]) != fmt.Sprint(lost.Content["title"]) {
				err = fmt.Errorf("it says %v", r.Content["title"])
			}
			return err
		})
	}
	if all, err := montreal.client().Versions(ctx, first.Number); err != nil || len(all.Items) != 4 || all.Items[3].Role != "current" {
		t.Errorf("%+v, %v", all, err)
	}

	// What is erased says nothing in its history, and cannot come back; letters have none.
	if _, err := seoul.client().Erase(ctx, first.Number, api.Why{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is erased", func() error {
		all, err := montreal.client().Versions(ctx, first.Number)
		for _, v := range all.Items {
			if v.Content != nil || len(v.Title) > 0 || v.Again() {
				err = fmt.Errorf("version %d says %v", v.Version, v.Title)
			}
		}
		return err
	})
	seoul.reachable(1, "ca-montreal")
	letter := seoul.writes("Ask for Kim Hana.", "ca-montreal")
	if _, err := seoul.client().Versions(ctx, letter.Number); protocol.ReasonOf(err) != protocol.ReasonNotFound {
		t.Errorf("of a letter: %v", err)
	}
}
