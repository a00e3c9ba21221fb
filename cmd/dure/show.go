package main

import (
	"cmp"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/phrase"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

func (a *app) showCommand() *cobra.Command {
	c := a.command("show ID", between(1, 1), api.Record{}, func(ctx context.Context, arguments []string) error {
		return a.with(ctx, func(s *session) error {
			r, err := s.Record(ctx, arguments[0])
			if err != nil {
				return err
			}
			var e api.Erasure
			if r.State == api.RecordErased {
				if e, err = s.Erasure(ctx, arguments[0]); err != nil {
					return err
				}
			}
			return a.answer(r, func() {
				a.show(r)
				if e.Erased {
					a.line("term.erased.nodes", args{"gone": e.Gone, "count": len(e.Nodes)})
					a.note("cli.erase.how", args{"number": cmp.Or(e.Number, e.Record)})
				}
				a.sayNotice(ctx, s)
			})
		})
	})
	c.Example = "dure show kr-seoul-41"
	return c
}

func (a *app) show(r api.Record) {
	who := a.name(r.Names, r.Member)
	fmt.Fprintln(a.out, a.paint(bold, a.title(r)))
	fmt.Fprintln(a.out, a.word("type", r.Type)+" · "+who+" · "+a.book.Time(a.lang, r.Time.Local()))
	if r.Owner != "" {
		a.line("cli.show.owner."+r.Owner, nil)
	}
	if r.Revisions > 0 {
		a.line("cli.show.revised", args{"count": r.Revisions})
	}
	if r.State != api.RecordPublished {
		a.line("cli.show.state."+string(r.State), nil)
		if r.Erased != nil {
			a.sayErasedBy(*r.Erased, []api.ErasureNode{{Member: r.Member, Names: r.Names}})
		}
		if text, _ := phrase.Pick(a.lang, r.Reason, r.Lang); text != "" {
			a.line("cli.show.reason", args{"text": text})
		}
	}
	kind, ok := protocol.ParseKind(r.Type)
	if head := record.HeadOf(kind, plainContent(r.Content)); ok && r.Content != nil {
		if text, _ := phrase.Pick(a.lang, protocol.Text(head.Summary), r.Lang); text != "" {
			fmt.Fprintln(a.out, "\n"+text)
		}
	}
	fmt.Fprintln(a.out)
	t := table{indent: 2}
	for _, row := range a.describe(kind, plainContent(r.Content), r.Lang) {
		t.row(row.label, row.value)
	}
	t.row(a.say("field.number", nil), r.Number)
	t.row(a.say("field.id", nil), r.ID)
	t.print(a.out)
}
