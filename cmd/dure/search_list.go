package main

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/phrase"
	"github.com/dure-net/dure/protocol"
)

// listFound prints what a search finds.
func (a *app) listFound(ctx context.Context, s *session, q api.RecordQuery, all bool) error {
	if all && q.Limit <= api.DefaultLimit {
		q.Limit = api.MaxLimit
	}
	page, err := s.Search(ctx, q)
	for err == nil && all && page.NextCursor != "" {
		q.Cursor = page.NextCursor
		var next api.FoundPage
		next, err = s.Search(ctx, q)
		page.Items, page.NextCursor = append(page.Items, next.Items...), next.NextCursor
	}
	if err != nil {
		return err
	}
	return a.answer(page, func() {
		if len(page.Items) == 0 {
			a.line("cli.search.none", nil)
			return
		}
		a.sayHow(page.Relaxed, page.Unranked)
		t := table{}
		for _, f := range page.Items {
			t.row(a.foundRow(f)...)
		}
		t.print(a.out)
		if page.NextCursor != "" {
			a.note("cli.list.more", args{"cursor": page.NextCursor})
		}
		a.sayNotice(ctx, s)
	})
}

// sayHow says where an answer is not quite what was asked for.
func (a *app) sayHow(relaxed, unranked bool) {
	if relaxed {
		a.note("cli.search.relaxed", nil)
	}
	if unranked {
		a.note("cli.search.unranked", nil)
	}
}

// foundRow is what was found in the columns of a list of records.
func (a *app) foundRow(f api.Found) []string {
	title, _ := phrase.Pick(a.lang, protocol.Text(f.Title), f.Lang)
	number, state := f.Number, ""
	switch f.Type {
	case api.FoundMember:
		number, state = f.ID, a.word("status", f.State)
	case api.FoundAgreement:
		state = a.word("phase", f.State)
	case api.FoundAct:
		if f.Decision != nil {
			number = "#" + strconv.FormatUint(f.Decision.Number, 10)
		}
		state = a.word("condition", f.State)
	default:
		return a.listed(f.Record)
	}
	if number == "" {
		number = f.ID
	}
	day := ""
	if !f.Time.IsZero() {
		day = f.Time.Local().Format("2006-01-02")
	}
	return []string{number, a.word("type", f.Type), day, cut(title, titlePlaces), state}
}

// foundTypes understands types as recordTypes does, and those of a search alone.
func (a *app) foundTypes(texts []string) (types []string, err error) {
	for _, text := range texts {
		typ, ok := a.recordType(text)
		for _, other := range []string{api.FoundMember, api.FoundAgreement, api.FoundAct} {
			names := []string{other}
			for _, lang := range phrase.Languages() {
				names = append(names, strings.ToLower(a.book.Say(lang, "term.type."+other, nil)), strings.ToLower(a.book.Say(lang, "term.types."+other, nil)))
			}
			if !ok && slices.Contains(names, strings.ToLower(strings.TrimSpace(text))) {
				typ, ok = other, true
			}
		}
		if !ok {
			return nil, misuse("usage.unknown_type", args{"value": text, "known": strings.Join(api.FoundTypes(), ", ")})
		}
		types = append(types, typ)
	}
	return types, nil
}
