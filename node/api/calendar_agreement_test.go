package api_test

import (
	"strings"
	"testing"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/phrase"
)

// The days of an agreement: each clause that still counts, and an answer that is waited for.
func TestCalendarOfAgreement(t *testing.T) {
	book, err := phrase.New()
	if err != nil {
		t.Fatal(err)
	}
	a := api.Agreement{ID: "bafyone", Title: map[string]string{"ko": "교류", "en": "Exchange"}, Lang: "ko", Began: "2026-12-01",
		Versions: []api.Version{{ID: "bafytwo", State: "proposed", AnswerBy: "2026-12-20"}, {ID: "bafyold", State: "countered", AnswerBy: "2026-12-19"}},
		Clauses: []api.ClauseState{
			{No: 1, State: "open", Provider: "kr-seoul", Receiver: "ca-montreal", What: map[string]string{"ko": "강사", "en": "Trainers"}, Promised: "10", Unit: "DAY", From: "2027-02-01", Last: "2027-03-01"},
			{No: 2, State: "dropped", What: map[string]string{"ko": "의자"}, Last: "2027-04-01"}}}
	file := string(api.CalendarOfAgreement(book, "en", a))
	for _, want := range []string{"SUMMARY:Trainers", "DTSTART;VALUE=DATE:20270201", "DTEND;VALUE=DATE:20270302", "kr-seoul to ca-montreal\\, 10 days", "SUMMARY:Last day to answer: Exchange", "DTSTART;VALUE=DATE:20261220"} {
		if !strings.Contains(strings.ReplaceAll(file, "\r\n ", ""), want) {
			t.Errorf("no %q in\n%s", want, file)
		}
	}
	for _, never := range []string{"20270401", "20261219"} {
		if strings.Contains(file, never) {
			t.Errorf("%s is in it", never)
		}
	}
	if api.CalendarOfAgreement(book, "en", api.Agreement{}) != nil {
		t.Error("a calendar of nothing")
	}
}
