// Package calendar writes iCalendar files (RFC 5545) of what has a day: events with their
// programmes, projects, the last days of calls and listings. It never reads a clock, a store or
// a catalogue, and needs no table of time zones: times are instants in UTC, days are days.
package calendar

import (
	"bytes"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Media is the media type of what Write makes.
const Media = "text/calendar; charset=utf-8"

// Entry is one thing in a calendar. Either Start and End are given, instants with Start
// before End, or Day is, with LastDay where it takes more than one.
type Entry struct {
	UID         string    // the same for the same thing in every file
	Stamp       time.Time // when the version that this is made from was written
	Revision    int       // how often it was revised
	Summary     string
	Description string
	Location    string
	Categories  []string
	URL         string

	Start, End   time.Time
	Day, LastDay string // YYYY-MM-DD, both included
}

// Write is a whole calendar: bytes to be sent as Media, or saved with the ending .ics. name
// is what calendar programs call it. A day that is none leaves its entry out. The slice is
// the caller's.
func Write(name string, entries []Entry) []byte {
	var w writer
	w.line("BEGIN", "VCALENDAR")
	w.line("VERSION", "2.0")
	w.line("PRODID", "-//dure//dure//EN")
	w.line("CALSCALE", "GREGORIAN")
	w.line("METHOD", "PUBLISH")
	w.text("X-WR-CALNAME", name)
	for _, e := range entries {
		w.entry(e)
	}
	w.line("END", "VCALENDAR")
	return w.out.Bytes()
}

const (
	instantForm = "20060102T150405Z"
	dayForm     = "20060102"
)

type writer struct{ out bytes.Buffer }

func (w *writer) entry(e Entry) {
	first, last, ok := days(e.Day, e.LastDay)
	if e.Start.IsZero() && !ok {
		return
	}
	w.line("BEGIN", "VEVENT")
	w.line("UID", escape(e.UID))
	w.line("DTSTAMP", e.Stamp.UTC().Format(instantForm))
	if e.Revision > 0 {
		w.line("SEQUENCE", strconv.Itoa(e.Revision))
	}
	if e.Start.IsZero() {
		w.line("DTSTART;VALUE=DATE", first.Format(dayForm))
		w.line("DTEND;VALUE=DATE", last.AddDate(0, 0, 1).Format(dayForm)) // the end is excluded, RFC 5545 section 3.6.1
		w.line("TRANSP", "TRANSPARENT")
	} else {
		w.line("DTSTART", e.Start.UTC().Format(instantForm))
		w.line("DTEND", e.End.UTC().Format(instantForm))
	}
	w.text("SUMMARY", e.Summary)
	w.text("DESCRIPTION", e.Description)
	w.text("LOCATION", e.Location)
	if len(e.Categories) > 0 {
		var all []string
		for _, c := range e.Categories {
			all = append(all, escape(c))
		}
		w.line("CATEGORIES", strings.Join(all, ","))
	}
	if e.URL != "" {
		w.line("URL", plain(e.URL))
	}
	w.line("END", "VEVENT")
}

// days reads the first and the last day; ok where there is a first.
func days(first, last string) (from, to time.Time, ok bool) {
	from, err := time.Parse(time.DateOnly, first)
	if err != nil {
		return from, to, false
	}
	to, err = time.Parse(time.DateOnly, last)
	if err != nil || to.Before(from) {
		to = from
	}
	return from, to, true
}

// text writes a property whose value people wrote; an empty one is left out.
func (w *writer) text(name, value string) {
	if value != "" {
		w.line(name, escape(value))
	}
}

// lineBytes is the length of a line that section 3.1 asks not to be passed, without its end.
const lineBytes = 75

// line writes a content line, folded between characters so that no line passes lineBytes.
func (w *writer) line(name, value string) {
	s := name + ":" + value
	for first := true; ; first = false {
		room := lineBytes
		if !first {
			w.out.WriteByte(' ')
			room--
		}
		if len(s) <= room {
			w.out.WriteString(s + "\r\n")
			return
		}
		for room > 0 && !utf8.RuneStart(s[room]) {
			room--
		}
		w.out.WriteString(s[:room] + "\r\n")
		s = s[room:]
	}
}

// escape writes a TEXT value, section 3.3.11. Other controls are dropped: none may stand
// in one, and a bare line end would begin a property of the writer's choosing.
func escape(s string) string {
	s = strings.ReplaceAll(strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\r\n", "\n"), "\r", "\n")
	s = strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\n", `\n`).Replace(s)
	return plain(s)
}

// plain drops what may stand in no value.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 && r != '\t' || r == 0x7F {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
}
