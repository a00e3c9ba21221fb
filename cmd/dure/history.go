package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/phrase"
	"github.com/dure-net/dure/protocol"
)

func (a *app) historyCommand() *cobra.Command {
	var restore bool
	c := a.command("history ID [N]", between(1, 2), api.RecordVersions{}, func(ctx context.Context, arguments []string) error {
		if restore && len(arguments) < 2 {
			return misuse("history.which", args{"id": arguments[0]})
		}
		return a.with(ctx, func(s *session) error {
			all, err := s.Versions(ctx, arguments[0])
			if err != nil {
				return err
			}
			if len(arguments) == 1 {
				return a.answer(all, func() { a.sayHistory(all) })
			}
			one, ok := versionOf(all, arguments[1])
			switch {
			case !ok:
				return &complaint{reason: protocol.ReasonNotFound, key: "cli.history.no_such", args: args{"n": arguments[1], "id": arguments[0]}}
			case !restore:
				return a.answer(one, func() { a.sayVersion(all, one) })
			case !one.Again():
				return &complaint{reason: protocol.ReasonConflict, key: "cli.history.not_again", args: args{"n": one.Version, "what": a.word("version", one.Role)}}
			}
			d, err := one.Draft(arguments[0], all.Current())
			if err != nil {
				return err
			}
			receipt, err := s.Publish(ctx, d)
			if err != nil {
				return err
			}
			return a.receipt(s, receipt, "cli.history.restored")
		})
	})
	c.Example = "dure history kr-seoul-41\ndure history kr-seoul-41 2 --restore"
	a.switchFlag(c.Flags(), &restore, "restore")
	return c
}

// versionOf finds a version by its number in the list, or by the beginning of its CID.
func versionOf(all api.RecordVersions, name string) (api.RecordVersion, bool) {
	for _, v := range all.Items {
		if strconv.Itoa(v.Version) == name || len(name) >= api.MinPrefix && strings.HasPrefix(v.Entry, strings.ToLower(name)) {
			return v, true
		}
	}
	return api.RecordVersion{}, false
}

func (a *app) sayHistory(all api.RecordVersions) {
	if all.More {
		a.note("cli.history.more", args{"count": len(all.Items)})
	}
	t := table{}
	again := 0
	for _, v := range all.Items {
		title, _ := phrase.Pick(a.lang, v.Title, v.Lang)
		t.row(strconv.Itoa(v.Version), a.book.Time(a.lang, v.Time.Local()), a.name(v.Names, v.Member), a.machine(v), a.word("version", v.Role), cut(title, titlePlaces))
		if v.Again() {
			again = v.Version
		}
	}
	t.print(a.out)
	if again > 0 {
		a.note("cli.history.how", args{"id": all.Number, "n": again})
	}
}

// machine says on which machine of its author a version was written.
func (a *app) machine(v api.RecordVersion) string {
	if v.Self {
		return a.say("cli.history.here", nil)
	}
	return v.Node[:min(len(v.Node), 10)]
}

func (a *app) sayVersion(all api.RecordVersions, v api.RecordVersion) {
	title, _ := phrase.Pick(a.lang, v.Title, v.Lang)
	fmt.Fprintln(a.out, a.paint(bold, title))
	fmt.Fprintln(a.out, a.word("version", v.Role)+" · "+a.name(v.Names, v.Member)+" · "+a.book.Time(a.lang, v.Time.Local()))
	fmt.Fprintln(a.out)
	t := table{indent: 2}
	if kind, ok := protocol.ParseKind(v.Type); ok && v.Content != nil {
		for _, row := range a.describe(kind, api.PlainContent(v.Content), v.Lang) {
			t.row(row.label, row.value)
		}
	}
	t.row(a.say("field.id", nil), v.Entry)
	t.print(a.out)
	if v.Again() {
		a.note("cli.history.how", args{"id": all.Number, "n": v.Version})
	}
}
