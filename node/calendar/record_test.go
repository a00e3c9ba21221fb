package calendar

import (
	"strings"
	"testing"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

func of(t *testing.T, kind protocol.Kind, body string) string {
	t.Helper()
	r, err := record.Parse(kind, []byte(body))
	if err != nil {
		t.Fatal(record.FaultsOf(err))
	}
	var out []string
	for _, e := range OfRecord(r, About{ID: "r", Written: stamp, Text: func(t record.Text) string { s, _ := t.In("en", "en"); return s },
		Label: func(_ record.List, id string) string { return id }, Answer: func(t string) string { return "answer " + t }, Until: func(t string) string { return "until " + t }}) {
		when := e.Day + ".." + e.LastDay
		if !e.Start.IsZero() {
			when = e.Start.UTC().Format(instantForm) + ".." + e.End.UTC().Format(instantForm)
		}
		out = append(out, strings.Join([]string{e.UID, when, e.Summary, e.Location, strings.Join(e.Categories, "+")}, "|"))
	}
	return strings.Join(out, "\n")
}

func TestOfRecord(t *testing.T) {
	const text = `"lang":"en","title":{"en":"T"},`
	for _, c := range []struct {
		name string
		kind protocol.Kind
		body string
		want string
	}{
		{"event", protocol.KindNotice, `{"type":"notice",` + text + `"body":{"en":"B"},"category":"event","valid_until":"2027-01-01","starts":"2026-12-09","ends":"2026-12-10","utc_offset":"+09:00",
			"place":{"country":"KR","label":"Seoul"},"themes":["care"],"sessions":[{"title":{"en":"First"},"day":"2026-12-10","from":"00:30","to":"02:00","room":"A","themes":["housing","energy"]}]}`,
			"r@dure|2026-12-09..2026-12-10|T|Seoul|care\nr-1@dure|20261209T153000Z..20261209T170000Z|First|A, Seoul|housing+energy"},
		{"event without days", protocol.KindNotice, `{"type":"notice",` + text + `"body":{"en":"B"},"category":"event","valid_until":"2027-01-01"}`, ""},
		{"news", protocol.KindNotice, `{"type":"notice",` + text + `"body":{"en":"B"},"category":"news","valid_until":"2027-01-01"}`, ""},
		{"call", protocol.KindNotice, `{"type":"notice",` + text + `"body":{"en":"B"},"category":"call","valid_until":"2027-01-01"}`, "r-answers@dure|2027-01-01..|answer T||"},
		{"project", protocol.KindProject, `{"type":"project",` + text + `"summary":{"en":"S"},"status":"active","themes":["care"],"place":{"country":"KR","label":"Seoul"},"starts":"2026-09-01"}`,
			"r@dure|2026-09-01..2026-09-01|T||care"},
		{"offer", protocol.KindOffer, `{"type":"offer",` + text + `"kind":"personnel","mode":"mentoring","summary":{"en":"S"},"themes":["care"],"effort":{"value":"10","unit":"DAY"},
			"window":{"from":"2027-01-01","to":"2027-02-01"},"delivery":"remote","working_languages":["en"],"return":"gift","valid_until":"2027-01-31"}`,
			"r@dure|2027-01-01..2027-02-01|T||care\nr-until@dure|2027-01-31..|until T||care"},
	} {
		if got := of(t, c.kind, c.body); got != c.want {
			t.Errorf("%s:\ngot  %q\nwant %q", c.name, got, c.want)
		}
	}
}
