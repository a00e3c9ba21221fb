package phrase

import (
	"strconv"
	"time"

	"golang.org/x/text/number"

	"github.com/dure-net/dure/protocol"
)

// Date is a day as lang writes it: "2026년 12월 15일", "15 December 2026".
func (b *Book) Date(lang string, t time.Time) string {
	return b.Say(lang, "date.day", map[string]any{
		"day": strconv.Itoa(t.Day()), "month": b.Say(lang, "date.month."+strconv.Itoa(int(t.Month())), nil), "year": strconv.Itoa(t.Year()),
	})
}

// Day is Date for a day written YYYY-MM-DD; any other text comes back as it is.
func (b *Book) Day(lang, day string) string {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return day
	}
	return b.Date(lang, t)
}

// Time is a day and the time of day in t's own time zone: "15 December 2026, 09:30".
func (b *Book) Time(lang string, t time.Time) string {
	return b.Say(lang, "date.time", map[string]any{"date": b.Date(lang, t), "time": t.Format("15:04")})
}

// Number is an integer with the separators of lang.
func (b *Book) Number(lang string, n int64) string { return b.speaker(lang).number(n) }

func (s *speaker) number(v any) string { return s.printer.Sprint(number.Decimal(v)) }

// units are decimal, as disks and transmission rates are sold; the words are in the catalogues.
var units = []struct {
	key  string
	size float64
}{{"unit.tb", 1e12}, {"unit.gb", 1e9}, {"unit.mb", 1e6}, {"unit.kb", 1e3}}

// Bytes is an amount of data in the largest decimal unit that fits: "312 MB", in French "312 Mo".
func (b *Book) Bytes(lang string, n uint64) string {
	s := b.speaker(lang)
	for _, u := range units {
		if v := float64(n) / u.size; v >= 1 {
			digits := 0
			if v < 10 {
				digits = 1
			}
			return b.Say(lang, u.key, map[string]any{"n": s.printer.Sprint(number.Decimal(v, number.MaxFractionDigits(digits)))})
		}
	}
	return b.Say(lang, "unit.b", map[string]any{"n": s.number(n)})
}

// Duration is a length of time in one unit, rounded down: "3 minutes". Negative lengths are written as positive.
func (b *Book) Duration(lang string, d time.Duration) string {
	key, n := span(d)
	return b.Say(lang, "span."+key, map[string]any{"count": n})
}

// Ago says how long before now t was: "40 seconds ago"; "just now" under two seconds, and for a t after now, which
// only a clock that was set can cause.
func (b *Book) Ago(lang string, t, now time.Time) string {
	d := now.Sub(t)
	if d < 2*time.Second {
		return b.Say(lang, "ago.now", nil)
	}
	key, n := span(d)
	return b.Say(lang, "ago."+key, map[string]any{"count": n})
}

func span(d time.Duration) (key string, n int64) {
	if d < 0 {
		d = -d
	}
	switch {
	case d < 2*time.Minute:
		return "seconds", int64(d / time.Second)
	case d < 2*time.Hour:
		return "minutes", int64(d / time.Minute)
	case d < 48*time.Hour:
		return "hours", int64(d / time.Hour)
	}
	return "days", int64(d / (24 * time.Hour))
}

// Pick chooses from a text by language what a reader of lang understands best: lang itself, then the languages of
// prefer in order, then English, then the first tag in the alphabet. It returns the tag too, for the lang attribute;
// both are empty for an empty text.
func Pick(lang string, text protocol.Text, prefer ...string) (value, tag string) {
	for _, want := range append(append([]string{lang}, prefer...), "en") {
		if value, tag = find(text, want); tag != "" {
			return value, tag
		}
	}
	for t, v := range text {
		if tag == "" || t < tag {
			value, tag = v, t
		}
	}
	return value, tag
}

// find looks for want, and for a regional form of it ("fr-CA" for "fr").
func find(text protocol.Text, want string) (value, tag string) {
	if v, ok := text[want]; ok {
		return v, want
	}
	for t, v := range text {
		if len(t) > len(want) && t[:len(want)] == want && t[len(want)] == '-' && (tag == "" || t < tag) {
			value, tag = v, t
		}
	}
	return value, tag
}
