package node_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/dure-net/dure/node/api"
)

// Another member's node stays away. After a week it is named by the member that has erased
// something meanwhile, and no more once it has dropped it.
func TestAlerts_ErasureUnheard(t *testing.T) {
	ctx := context.Background()
	seoul, montreal := pair(t)
	record := seoul.publish("to be erased")
	other := seoul.publish("to be erased too")
	same(t, seoul, montreal)
	montreal.halt()
	for _, r := range []api.Receipt{record, other} {
		if _, err := seoul.client().Erase(ctx, r.Record, api.Why{Code: "personal_data"}); err != nil {
			t.Fatal(err)
		}
	}
	told := func() (out []api.Alert) {
		s, err := seoul.client().Status(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range s.Alerts {
			if a.Code == "erasure_unheard" {
				out = append(out, a)
			}
		}
		return out
	}
	if got := told(); len(got) > 0 {
		t.Fatalf("told at once: %+v", got)
	}
	seoul.ahead.Store(int64(6 * 24 * time.Hour))
	if got := told(); len(got) > 0 {
		t.Fatalf("told after six days: %+v", got)
	}
	seoul.ahead.Store(int64(8 * 24 * time.Hour))
	got := told()
	if len(got) != 1 || got[0].Member != "ca-montreal" || got[0].Level != api.AlertWarn || got[0].Args["count"] != "2" || got[0].Args["number"] != record.Number {
		t.Fatalf("after eight days: %+v", got)
	}
	montreal.start()
	eventually(t, "the node has said that it dropped them", func() error {
		seoul.ahead.Add(int64(2 * time.Minute)) // an answer stands for a minute
		if got := told(); len(got) > 0 {
			return fmt.Errorf("%+v", got)
		}
		return nil
	})
}

// What the federation erased by an act is the secretariat's to look after, whoever wrote it.
func TestAlerts_ErasureByActUnheard(t *testing.T) {
	ctx := context.Background()
	seoul, montreal := pair(t)
	record := montreal.publish("to be erased by all")
	same(t, seoul, montreal)
	montreal.halt()
	decide := func(c api.Change) {
		t.Helper()
		if _, err := seoul.client().Decide(ctx, api.Proposal{Changes: []api.Change{c}}); err != nil {
			t.Fatal(err)
		}
	}
	told := func() (out []api.Alert) {
		seoul.ahead.Add(int64(2 * time.Minute)) // an answer stands for a minute
		s, err := seoul.client().Status(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range s.Alerts {
			if a.Code == "erasure_unheard_act" || a.Code == "erasure_unheard" {
				out = append(out, a)
			}
		}
		return out
	}
	decide(api.Change{Kind: "erase", Record: record.Number, Why: map[string]string{"en": "It names a person."}})
	eventually(t, "it is erased", func() error {
		if got, err := seoul.client().Erasure(ctx, record.Record); err != nil || !got.Erased {
			return fmt.Errorf("%+v, %v", got, err)
		}
		return nil
	})
	seoul.ahead.Store(int64(8 * 24 * time.Hour))
	if got := told(); len(got) > 0 {
		t.Fatalf("a member without the office is told: %+v", got)
	}
	decide(api.Change{Kind: "appoint", Office: "secretariat", Member: "kr-seoul"})
	eventually(t, "the secretariat is told", func() error {
		got := told()
		if len(got) != 1 || got[0].Code != "erasure_unheard_act" || got[0].Member != "ca-montreal" || got[0].Args["count"] != "1" || got[0].Args["number"] != record.Number {
			return fmt.Errorf("%+v", got)
		}
		return nil
	})
	montreal.start()
	eventually(t, "the node has said that it dropped it", func() error {
		if got := told(); len(got) > 0 {
			return fmt.Errorf("%+v", got)
		}
		return nil
	})
}
