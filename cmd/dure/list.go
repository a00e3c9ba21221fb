package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/phrase"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

func (a *app) listCommand() *cobra.Command {
	flags := filterFlags{}
	c := a.command("list [TYPE…]", between(0, -1), api.RecordPage{}, func(ctx context.Context, arguments []string) error {
		q, err := flags.query(a, api.RecordQuery.Check)
		if err != nil {
			return err
		}
		for _, text := range arguments {
			typ, ok := a.recordType(text)
			if !ok {
				return misuse("usage.unknown_type", args{"value": text, "known": strings.Join(record.Types(), ", ")})
			}
			q.Types = append(q.Types, typ)
		}
		return a.with(ctx, func(s *session) error { return a.list(ctx, s, q, flags.all) })
	})
	c.Example = "dure list offers requests --member kr-seoul\ndure list requests --theme care --open --sort closing"
	flags.add(a, c.Flags())
	return c
}

// recordType understands the type's own name, its plural, and what people call it in any of the languages.
func (a *app) recordType(text string) (string, bool) {
	text = strings.ToLower(strings.TrimSpace(text))
	for _, typ := range record.Types() {
		if text == typ {
			return typ, true
		}
		for _, lang := range phrase.Languages() {
			for _, key := range []string{"term.type." + typ, "term.types." + typ} {
				if text == strings.ToLower(a.book.Say(lang, key, nil)) {
					return typ, true
				}
			}
		}
	}
	return "", false
}

func (a *app) list(ctx context.Context, s *session, q api.RecordQuery, all bool) error {
	if all && q.Limit <= api.DefaultLimit {
		q.Limit = api.MaxLimit
	}
	page, err := s.Records(ctx, q)
	for err == nil && all && page.NextCursor != "" {
		q.Cursor = page.NextCursor
		var next api.RecordPage
		next, err = s.Records(ctx, q)
		page.Items, page.NextCursor = append(page.Items, next.Items...), next.NextCursor
	}
	if err != nil {
		return err
	}
	return a.answer(page, func() {
		if len(page.Items) == 0 {
			if len(q.Values()) > 1 { // more than a limit
				a.line("cli.search.none", nil)
			} else {
				a.line("cli.list.none", nil)
			}
			return
		}
		a.sayHow(page.Relaxed, page.Unranked)
		t := table{}
		for _, r := range page.Items {
			t.row(a.listed(r)...)
		}
		t.print(a.out)
		if page.NextCursor != "" {
			a.note("cli.list.more", args{"cursor": page.NextCursor})
		}
		a.sayNotice(ctx, s)
	})
}

// titlePlaces is how wide a title may be in a list.
const titlePlaces = 60

func (a *app) listed(r api.Record) []string {
	number := r.Number
	if number == "" {
		number = r.ID
	}
	state := ""
	if r.State != api.RecordPublished {
		state = a.word("state", string(r.State))
	}
	if len(r.For) > 0 {
		state = strings.TrimPrefix(state+", "+a.say("term.chosen", nil), ", ")
	}
	if r.Flag != nil {
		state = strings.TrimPrefix(state+", "+a.say("web.record.folded", args{"reason": a.code(record.FlagReasons, r.Flag.Reason)}), ", ")
	}
	if r.Owner != "" {
		state = strings.TrimPrefix(state+", "+a.word("owner", r.Owner), ", ")
	}
	return []string{number, a.word("type", r.Type), r.Time.Local().Format("2006-01-02"), cut(a.title(r), titlePlaces), state}
}

// title is what the record is called for this reader.
func (a *app) title(r api.Record) string {
	kind, ok := protocol.ParseKind(r.Type)
	if !ok || r.Content == nil {
		return a.say("cli.show.no_content", nil)
	}
	value, _ := phrase.Pick(a.lang, protocol.Text(record.HeadOf(kind, api.PlainContent(r.Content)).Title), r.Lang)
	return value
}

// sayNotice repeats what the founding act says about all records of the federation, such as that they are made up.
func (a *app) sayNotice(ctx context.Context, s *session) {
	status, err := s.Status(ctx)
	if err != nil {
		return // the answer stands; the notice is said again wherever records show
	}
	if text, _ := phrase.Pick(a.lang, status.Federation.Notice); text != "" {
		a.note("cli.notice", args{"text": text})
	}
}
