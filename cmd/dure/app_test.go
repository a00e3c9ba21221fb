package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/dure-net/dure/node/api"
)

func TestProgress_LineNowAndThenWithoutTerminal(t *testing.T) {
	a := testApp(t, "en")
	var shown bytes.Buffer
	a.err = &shown
	now := time.Date(2026, 12, 15, 9, 0, 0, 0, time.UTC)
	a.now = func() time.Time { return now }
	step, done := a.progress("cli.progress.export")
	for i := range 25 {
		step(api.Progress{Done: uint64(i) * 1000, Total: 25_000, Unit: "entries"})
		now = now.Add(time.Second)
	}
	done()
	if want := "Exporting: 10,000 of 25,000\nExporting: 20,000 of 25,000\n"; shown.String() != want {
		t.Errorf("got %q, want %q", shown.String(), want)
	}
	shown.Reset()
	a.quiet = true
	step, _ = a.progress("cli.progress.export")
	now = now.Add(time.Minute)
	step(api.Progress{Done: 1})
	if shown.Len() > 0 {
		t.Errorf("with --quiet: %q", shown.String())
	}
}

func TestEarly_FindsGlobalFlagsBeforeParsing(t *testing.T) {
	for line, want := range map[string]string{
		"status --lang ko": "ko", "--lang=fr status": "fr", "publish -- --lang ko": "", "status --lang": "", "status --language ko": "",
		"--lang en --lang es": "es",
	} {
		if got := early(strings.Fields(line), "lang"); got != want {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
	if !earlySwitch([]string{"list", "--json"}, "json") || earlySwitch([]string{"list", "--", "--json"}, "json") {
		t.Error("--json is not found, or found behind --")
	}
}

func TestAnswer_OneDocumentOrWords(t *testing.T) {
	a := testApp(t, "en")
	var out bytes.Buffer
	a.out = &out
	said := false
	if err := a.answer(map[string]string{"a": "<&>"}, func() { said = true }); err != nil || !said || out.Len() > 0 {
		t.Errorf("%v %v %q", err, said, out.String())
	}
	a.json = true
	if err := a.answer(map[string]string{"a": "<&>"}, func() { t.Error("words beside JSON") }); err != nil || out.String() != "{\"a\":\"<&>\"}\n" {
		t.Errorf("%v %q", err, out.String())
	}
}

func TestRecordType_InEveryLanguage(t *testing.T) {
	a := testApp(t, "en")
	for text, want := range map[string]string{"offer": "offer", "Offers": "offer", "요청": "request", "demandes": "request", "oferta": "offer", "사업": "project", "공지": "notice"} {
		if got, ok := a.recordType(text); !ok || got != want {
			t.Errorf("%q: got %q", text, got)
		}
	}
	if got, ok := a.recordType("fruit"); ok {
		t.Errorf("fruit is %q", got)
	}
}

func TestDescribe_SaysCodesInWords(t *testing.T) {
	a := testApp(t, "ko")
	content := api.PlainContent(map[string]any{
		"type": "request", "lang": "fr", "title": map[string]string{"fr": "x"}, "themes": []any{"care"}, "working_languages": []any{"ko", "fr"},
		"window": map[string]any{"from": "2026-12-15", "to": "2027-01-31"}, "effort": map[string]any{"value": "10", "unit": "DAY"},
		"place": map[string]any{"country": "SN", "label": "Dakar"}, "costs": map[string]any{"travel": "provider"}, "divisible": true,
		"requirements": map[string]any{"fr": "permis", "ko": "면허"}, "sdgs": []any{float64(3)}, "something_new": "later",
	})
	got := map[string]string{}
	for _, row := range a.describe(20, content, "fr") {
		got[row.label] = row.value
	}
	for label, want := range map[string]string{
		"기간": "2026년 12월 15일 – 2027년 1월 31일", "일하는 언어": "한국어, 프랑스어", "장소": "Dakar, 세네갈", "나눌 수 있음": "예", "갖출 것": "면허", "something_new": "later",
	} {
		if got[label] != want {
			t.Errorf("%s: got %q, want %q", label, got[label], want)
		}
	}
	for _, label := range []string{"주제", "일의 양", "비용 부담", "지속가능발전목표"} {
		if got[label] == "" || strings.Contains(got[label], "care") || strings.Contains(got[label], "travel") {
			t.Errorf("%s is not in words: %q", label, got[label])
		}
	}
	if _, there := got["title"]; there {
		t.Error("the title is said twice")
	}
}
