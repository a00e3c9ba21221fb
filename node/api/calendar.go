package api

import (
	"cmp"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/dure-net/dure/node/access"
	"github.com/dure-net/dure/node/calendar"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// CalendarOf is an iCalendar file of what of a record has a day, in a language; nil where
// nothing has, or its content is not at hand.
func CalendarOf(book Phrases, lang string, rec Record) []byte {
	kind, _ := protocol.ParseKind(rec.Type)
	if rec.Content == nil || rec.State != RecordPublished {
		return nil
	}
	body, err := record.FromContent(kind, rec.Content)
	if err != nil {
		return nil // it says nothing that this version understands
	}
	text := func(t record.Text) string { s, _ := t.In(rec.Lang, lang); return s }
	titled := func(key string) func(string) string {
		return func(title string) string { return book.Say(lang, key, map[string]any{"title": title}) }
	}
	entries := calendar.OfRecord(body, calendar.About{ID: rec.ID, Written: rec.Time, Revisions: rec.Revisions, Text: text,
		Label:  func(list record.List, id string) string { return cmp.Or(record.Label(list, id, lang), id) },
		Answer: titled("remark.calendar.answer"), Until: titled("remark.calendar.until")})
	if len(entries) == 0 {
		return nil
	}
	return calendar.Write(text(body.Head().Title), entries)
}

// CalendarOfAgreement is an iCalendar file of the days of an agreement: those of its clauses,
// and the last day of an answer that is still waited for; nil where none has one.
func CalendarOfAgreement(book Phrases, lang string, a Agreement) []byte {
	text := func(t map[string]string) string { s, _ := record.Text(t).In(a.Lang, lang); return s }
	written, _ := time.Parse(time.DateOnly, a.Began) // zero where it says none
	var entries []calendar.Entry
	for _, c := range a.Clauses {
		if c.State == "cancelled" || c.State == "dropped" {
			continue
		}
		args := map[string]any{"provider": c.Provider, "receiver": c.Receiver, "promised": c.Promised, "unit": cmp.Or(record.Label(record.Units, c.Unit, lang), c.Unit)}
		entries = append(entries, calendar.Entry{UID: a.ID + "-clause-" + strconv.FormatUint(c.No, 10), Stamp: written, Revision: a.Amended,
			Summary: text(c.What), Description: book.Say(lang, "agreement.calendar.clause", args), Day: cmp.Or(c.From, c.Last), LastDay: c.Last})
	}
	for _, v := range a.Versions {
		if v.State == "proposed" && v.AnswerBy != "" {
			entries = append(entries, calendar.Entry{UID: v.ID + "-answer", Stamp: written, Summary: book.Say(lang, "agreement.calendar.answer", map[string]any{"title": text(a.Title)}), Day: v.AnswerBy})
		}
	}
	if len(entries) == 0 {
		return nil
	}
	return calendar.Write(text(a.Title), entries)
}

// calendars serves them, in the language that is asked for.
func (s *server) calendars() {
	op := get(access.Open, "get-calendar", "/records/{id}/calendar", "What of a record has a day, as an iCalendar file (RFC 5545)")
	op.Parameters = []*huma.Param{{Name: "id", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}},
		{Name: "Accept-Language", In: "header", Schema: &huma.Schema{Type: huma.TypeString}}}
	op.Responses = map[string]*huma.Response{"200": octets("text/calendar", "events with their programmes, last days of calls and listings")}
	s.raw(op, func(w http.ResponseWriter, r *http.Request) error {
		rec, err := s.backend.Record(r.Context(), r.PathValue("id"))
		if err == nil && hidden(r.Context(), rec) {
			err = notThere(r.PathValue("id"))
		}
		if err != nil {
			return err
		}
		file := CalendarOf(s.phrases, s.phrases.Match(r.Header.Get("Accept-Language")), rec)
		if file == nil {
			return &protocol.Error{Reason: protocol.ReasonNotFound, Op: "make calendar", ID: rec.ID, Args: map[string]string{"no_day": cmp.Or(rec.Number, rec.ID)}}
		}
		SendCalendar(w, rec, file)
		return nil
	})
}

// SendCalendar answers a request with a file of CalendarOf.
func SendCalendar(w http.ResponseWriter, rec Record, file []byte) {
	h := w.Header()
	h.Set("Content-Type", calendar.Media)
	h.Set("Content-Disposition", `attachment; filename="`+cmp.Or(rec.Number, rec.ID)+`.ics"`)
	h.Set("Cache-Control", "private, no-store")
	_, _ = w.Write(file) // the reader is gone; nobody is left to tell
}
