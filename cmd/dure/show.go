package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/phrase"
	"github.com/dure-net/dure/node/remarks"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
	"github.com/dure-net/dure/protocol/record/remark"
)

// shownRecord is a record and what is said about it.
type shownRecord struct {
	api.Record
	Remarks api.Remarks `json:"remarks"`
}

func (a *app) showCommand() *cobra.Command {
	var ics, linked, original bool
	c := a.command("show ID", between(1, 1), shownRecord{}, func(ctx context.Context, arguments []string) error {
		return a.with(ctx, func(s *session) error {
			if linked {
				_, err := s.ExportRecords(ctx, a.out, api.ExportQuery{Format: "jsonld", Lang: a.langFlag, Record: arguments[0]}, nil)
				return err
			}
			r, err := s.Record(ctx, arguments[0])
			if err != nil {
				return err
			}
			if ics {
				return a.printCalendar(r)
			}
			said, err := s.Remarks(ctx, arguments[0], "")
			if err != nil {
				return err
			}
			var e api.Erasure
			if r.State == api.RecordErased {
				if e, err = s.Erasure(ctx, arguments[0]); err != nil {
					return err
				}
			}
			var files []api.Attachment
			if kind, ok := protocol.ParseKind(r.Type); ok && record.HasFiles(kind) && r.Content != nil {
				if files, err = s.Attachments(ctx, arguments[0]); err != nil {
					return err
				}
			}
			return a.answer(shownRecord{r, said}, func() {
				t := teller{a, said}
				t.sayFlags()
				shown := r
				var by *remark.Translation
				if kind, ok := protocol.ParseKind(r.Type); ok && !original {
					shown.Content, by = remarks.Translated(kind, r.Content, said.Translations, a.lang)
				}
				a.show(shown)
				if by != nil {
					how := "remark.instead"
					if by.ByMachine {
						how = "remark.instead.machine"
					}
					a.line(how, args{"who": t.who(by.Member)})
					a.note("remark.original.how", args{"number": r.Cited()})
				}
				if len(files) > 0 {
					a.line("field.attachments", nil)
					a.files(files)
				}
				t.sayRemarks()
				if e.Erased {
					a.line("term.erased.nodes", args{"gone": e.Gone, "count": len(e.Nodes)})
					a.note("cli.erase.how", args{"number": cmp.Or(e.Number, e.Record)})
				}
				a.sayNotice(ctx, s)
			})
		})
	})
	c.Example = "dure show kr-seoul-41\ndure show kr-seoul-7 --ics > forum.ics\ndure show kr-seoul-41 --jsonld > request.jsonld"
	a.switchFlag(c.Flags(), &ics, "ics")
	c.Flags().BoolVar(&original, "original", false, a.say("flag.show.original", nil))
	c.Flags().BoolVar(&linked, "jsonld", false, a.say("flag.show.jsonld", nil))
	return c
}

func (a *app) show(r api.Record) {
	who := a.name(r.Names, r.Member)
	fmt.Fprintln(a.out, a.paint(bold, a.title(r)))
	fmt.Fprintln(a.out, a.word("type", r.Type)+" · "+who+" · "+a.book.Time(a.lang, r.Time.Local()))
	if len(r.For) > 0 {
		a.line("cli.show.for", args{"members": strings.Join(r.For, ", ")})
	}
	if r.Owner != "" {
		a.line("cli.show.owner."+r.Owner, nil)
	}
	if r.Given != "" {
		a.line("term.given", args{"number": r.Given, "id": r.Cited()})
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
	if head := record.HeadOf(kind, api.PlainContent(r.Content)); ok && r.Content != nil {
		if text, _ := phrase.Pick(a.lang, protocol.Text(head.Summary), r.Lang); text != "" {
			fmt.Fprintln(a.out, "\n"+text)
		}
	}
	fmt.Fprintln(a.out)
	t := table{indent: 2}
	for _, row := range a.describe(kind, api.PlainContent(r.Content), r.Lang) {
		t.row(row.label, row.value)
	}
	if s := r.Stock; s != nil {
		t.row(a.say("field.stock", nil), a.say("cli.stock", args{"remaining": s.Remaining, "total": s.Total, "unit": a.unit(s.Unit), "state": a.word("stock", s.State)}))
	}
	if r.Number != "" {
		t.row(a.say("field.number", nil), r.Number)
	}
	t.row(a.say("field.id", nil), r.ID)
	t.print(a.out)
}
