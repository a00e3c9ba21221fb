package calendar

import (
	"strconv"
	"strings"
	"time"

	"github.com/dure-net/dure/protocol/record"
)

// About is what a record's entries need besides what it says.
type About struct {
	ID        string    // of the record
	Written   time.Time // claimed by the current version
	Revisions int
	URL       string // where people read it; "" leaves it out

	Text   func(record.Text) string         // the language to write in
	Label  func(record.List, string) string // a code's word
	Answer func(title string) string        // names the last day of a call
	Until  func(title string) string        // names the last day of a listing
}

// OfRecord lists what of a record has a day: of an event its days and each session of its
// programme, of a call and a listing the last day, of a listing its window, of a project
// its time. nil where nothing has. The slice is the caller's.
func OfRecord(r record.Record, a About) []Entry {
	h := r.Head()
	title := a.Text(h.Title)
	base := Entry{UID: a.ID + "@dure", Stamp: a.Written, Revision: a.Revisions, Summary: title, Description: a.Text(h.Summary), URL: a.URL, Categories: a.labels(h.Themes)}
	day := func(part, summary string, from, to record.Day) Entry {
		e := base
		e.UID, e.Summary, e.Day, e.LastDay = a.ID+part+"@dure", summary, string(from), string(to)
		return e
	}
	switch r := r.(type) {
	case *record.Notice:
		return a.notice(r, title, base, day)
	case *record.Project:
		if r.Ends != "" {
			return []Entry{day("", title, r.Starts, r.Ends)}
		}
		return []Entry{day("", title, r.Starts, r.Starts)}
	case *record.Listing:
		var out []Entry
		if r.Window != nil {
			out = append(out, day("", title, r.Window.From, r.Window.To))
		}
		if r.ValidUntil != "" {
			out = append(out, day("-until", a.Until(title), r.ValidUntil, ""))
		}
		return out
	}
	return nil
}

func (a About) notice(n *record.Notice, title string, base Entry, day func(part, summary string, from, to record.Day) Entry) []Entry {
	var out []Entry
	if n.Category == "call" {
		return append(out, day("-answers", a.Answer(title), n.LastDay(), ""))
	}
	if n.Starts == "" {
		return nil
	}
	whole := day("", title, n.Starts, n.Ends)
	if n.Place != nil {
		whole.Location = n.Place.Label
	}
	out = append(out, whole)
	for i, s := range n.Sessions {
		e := base
		e.UID = a.ID + "-" + strconv.Itoa(i+1) + "@dure"
		e.Summary, e.Description, e.Categories = a.Text(s.Title), a.Text(s.Summary), a.labels(s.Themes)
		e.Location = strings.Trim(s.Room+", "+whole.Location, ", ")
		e.Start, e.End = instant(s.Day, s.From, n.UTCOffset), instant(s.Day, s.To, n.UTCOffset)
		if !e.Start.IsZero() && e.End.After(e.Start) {
			out = append(out, e)
		}
	}
	return out
}

func (a About) labels(themes []string) []string {
	var out []string
	for _, t := range themes {
		out = append(out, a.Label(record.Themes, t))
	}
	return out
}

// instant is a time of day at a place; zero where it cannot be read.
func instant(day record.Day, clock, offset string) time.Time {
	t, err := time.Parse("2006-01-02T15:04Z07:00", string(day)+"T"+clock+offset)
	if err != nil {
		return time.Time{}
	}
	return t
}
