package calendar

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

var stamp = time.Date(2026, 12, 1, 9, 30, 0, 0, time.FixedZone("KST", 9*3600))

func TestWrite_Whole(t *testing.T) {
	got := string(Write("Forum", []Entry{
		{UID: "a@dure", Stamp: stamp, Revision: 12, Summary: "Logement; \"accès\", prix\\coût", Description: "Une\r\nDeux", Location: "Salle A",
			Categories: []string{"Logement", "a,b"}, URL: "http://127.0.0.1/x", Start: stamp, End: stamp.Add(90 * time.Minute)},
		{UID: "b@dure", Stamp: stamp, Summary: "Days", Day: "2026-12-30", LastDay: "2026-12-31"},
		{UID: "c@dure", Stamp: stamp, Summary: "One day", Day: "2028-02-29"},
		{UID: "d@dure", Stamp: stamp, Summary: "Never", Day: "2026-02-30"},
	}))
	want := strings.ReplaceAll(`BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//dure//dure//EN
CALSCALE:GREGORIAN
METHOD:PUBLISH
X-WR-CALNAME:Forum
BEGIN:VEVENT
UID:a@dure
DTSTAMP:20261201T003000Z
SEQUENCE:12
DTSTART:20261201T003000Z
DTEND:20261201T020000Z
SUMMARY:Logement\; "accès"\, prix\\coût
DESCRIPTION:Une\nDeux
LOCATION:Salle A
CATEGORIES:Logement,a\,b
URL:http://127.0.0.1/x
END:VEVENT
BEGIN:VEVENT
UID:b@dure
DTSTAMP:20261201T003000Z
DTSTART;VALUE=DATE:20261230
DTEND;VALUE=DATE:20270101
TRANSP:TRANSPARENT
SUMMARY:Days
END:VEVENT
BEGIN:VEVENT
UID:c@dure
DTSTAMP:20261201T003000Z
DTSTART;VALUE=DATE:20280229
DTEND;VALUE=DATE:20280301
TRANSP:TRANSPARENT
SUMMARY:One day
END:VEVENT
END:VCALENDAR
`, "\n", "\r\n")
	if got != want {
		t.Errorf("got\n%s", got)
	}
}

// What people write ends no line and begins no property.
func TestWrite_NothingBreaksOut(t *testing.T) {
	for _, evil := range []string{"x\r\nEND:VEVENT\r\nX:1", "x\rATTACH:1", "x\nATTENDEE:1", "a\x00b\x07", "\u2028", "\xff\xfe", strings.Repeat("é", 500)} {
		out := Write(evil, []Entry{{UID: evil, Stamp: stamp, Summary: evil, Description: evil, Location: evil, Categories: []string{evil}, URL: evil, Day: "2026-12-01"}})
		for _, line := range bytes.Split(bytes.TrimSuffix(out, []byte("\r\n")), []byte("\r\n")) {
			name, _, _ := bytes.Cut(line, []byte(":"))
			switch known := string(name); known {
			case "ATTACH", "ATTENDEE", "X":
				t.Errorf("%q wrote %q", evil, line)
			}
			if bytes.ContainsAny(line, "\r\n\x00\x07") || !utf8.Valid(line) || len(line) > lineBytes {
				t.Errorf("%q wrote %q, %d bytes", evil, line, len(line))
			}
		}
		if n := bytes.Count(out, []byte("END:VEVENT\r\n")); n != 1 {
			t.Errorf("%q: %d events", evil, n)
		}
	}
}

// Folded lines say the same once they are unfolded, whatever the characters' lengths.
func FuzzWrite_FoldsBetweenCharacters(f *testing.F) {
	f.Add("국제사회적경제협의체 총회 프로그램: 주거와 돌봄, 그리고 함께 일하는 방법에 관한 분과 회의", 3)
	f.Add(strings.Repeat("x", 75), 0)
	f.Add(strings.Repeat("👩‍👩‍👧", 30), 1)
	f.Fuzz(func(t *testing.T, s string, shift int) {
		s = strings.Repeat("y", ((shift%7)+7)%7) + s
		out := Write("", []Entry{{UID: "u", Stamp: stamp, Summary: s, Day: "2026-12-01"}})
		for _, line := range bytes.Split(out, []byte("\r\n")) {
			if len(line) > lineBytes || !utf8.Valid(line) {
				t.Fatalf("%q: %d bytes", line, len(line))
			}
		}
		whole := strings.ReplaceAll(string(out), "\r\n ", "")
		if want := "SUMMARY:" + escape(s) + "\r\n"; s != "" && !strings.Contains(whole, want) {
			t.Fatalf("%q became %q", want, whole)
		}
	})
}
