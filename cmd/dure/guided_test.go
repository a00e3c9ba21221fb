package main

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// A person who answers each question gets a valid record; a wrong answer is asked again with what is wrong.
func TestGuide_AsksUntilNothingLacks(t *testing.T) {
	for name, c := range map[string]struct {
		kind    protocol.Kind
		answers map[string][]string // by the beginning of the question: what is typed, in turn
		want    map[string]string   // fields of the outcome
	}{
		"an offer of people": {protocol.KindOffer, map[string][]string{
			"kind of exchange": {"9", "1"}, "form": {"3"}, "title": {"Trainer"}, "summary": {"Ten days."}, "themes": {"26, 3"}, "skills": {"99", "19"},
			"quantity, number": {"ten", "10"}, "quantity, unit": {"DAY"}, "period, from": {"1 March", "2027-03-01"}, "period, to": {"2027-02-01", "2027-05-31"},
			"delivery": {"remote"}, "working languages": {"en, fr"}, "in return": {"gift"}, "valid until": {"2027-05-01"},
		}, map[string]string{"mode": "trainer", "kind": "personnel", "delivery": "remote"}},
		"an experience": {protocol.KindExperience, map[string][]string{
			"title": {"Care"}, "period, from": {"2024-01-01"}, "period, to": {"2025-01-01"}, "place, country": {"KR"}, "place, name": {"Seoul"}, "problem": {"P"}, "approach": {"A"},
			"lessons": {"L"}, "themes": {"care"}, "licence": {"1"},
		}, map[string]string{"licence": "CC-BY-4.0"}},
	} {
		a, err := newApp([]string{"--lang", "en"})
		if err != nil {
			t.Fatal(err)
		}
		a.lang = "en"
		var said strings.Builder
		a.err = &said
		m := map[string]any{"type": c.kind.String(), "lang": "en"}
		asked := 0
		err = a.guide(c.kind, m, func(question string) (string, error) {
			asked++
			for begin, answers := range c.answers {
				if strings.HasPrefix(question, begin) && len(answers) > 0 {
					c.answers[begin] = answers[1:]
					return answers[0], nil
				}
			}
			return "", errors.New("nothing to answer to: " + question)
		})
		if err != nil {
			t.Errorf("%s: after %d questions: %v\n%s", name, asked, err, said.String())
			continue
		}
		raw, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := record.Parse(c.kind, raw); err != nil {
			t.Errorf("%s: %v", name, record.FaultsOf(err))
		}
		for field, want := range c.want {
			if m[field] != want {
				t.Errorf("%s: %s is %v, want %s", name, field, m[field], want)
			}
		}
		for begin, left := range c.answers {
			if len(left) > 0 {
				t.Errorf("%s: nobody asked for %s again", name, begin)
			}
		}
		if name == "an offer of people" && !strings.Contains(said.String(), "period, to: ") {
			t.Errorf("a wrong answer is not explained: %s", said.String())
		}
	}
}
