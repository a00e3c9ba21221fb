package web_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/phrase"
	"github.com/dure-net/dure/node/web"
	"github.com/dure-net/dure/protocol/record"
)

func paper(t *testing.T, langs ...string) web.Paper {
	t.Helper()
	book, err := phrase.New()
	if err != nil {
		t.Fatal(err)
	}
	return web.Paper{Book: book, Langs: langs, Zone: time.UTC, Now: now, Federation: map[string]string{"ko": "국제사회적경제협의체", "fr": "Forum mondial"}}
}

// Two languages stand beside each other, row by row; nothing is loaded from elsewhere, and
// what members write is text and never markup.
func TestPaper_RecordInTwoLanguages(t *testing.T) {
	w := newWorld(t)
	at := w.withFiles()
	number := strings.TrimPrefix(at, "/records/")
	rec, err := w.fake.Record(context.Background(), number)
	if err != nil {
		t.Fatal(err)
	}
	files, err := w.fake.Attachments(context.Background(), number)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := paper(t, "ko", "fr").Record(rec, files)
	if err != nil {
		t.Fatal(err)
	}
	page := string(raw)
	for _, want := range []string{
		`<html lang="ko">`, "국제사회적경제협의체", "Forum mondial", `lang="fr"`, "돌봄", "Soin", "@page{size:A4", "의자 &lt;목록&gt;.csv", number,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q:\n%s", want, page)
		}
	}
	for _, never := range []string{"<script", "http://", "https://", "url(", "<목록>", "<img", "src="} {
		if strings.Contains(page, never) {
			t.Errorf("the page has %q", never)
		}
	}
	for i, row := range strings.Split(page, "<tr")[1:] {
		if n := strings.Count(row, "<td"); n != 2 {
			t.Errorf("row %d has %d values, want one for each language", i, n)
		}
	}
}

func TestPaper_Agreement(t *testing.T) {
	a := api.Agreement{ID: "bafyid", Number: "kr-seoul-9", Title: map[string]string{"ko": "강사 <교류>", "en": "Trainers"}, Lang: "ko", Phase: "in_force", AsOf: "2026-12-15",
		Digest: "00ff", Parties: []api.Party{{Member: "kr-seoul", Names: map[string]string{"ko": "서울특별시", "en": "Seoul"}}, {Member: "ca-montreal", Names: map[string]string{"fr": "Ville de Montréal"}}},
		Began: "2026-12-01", InForce: "2026-12-10", Ruling: "kr-seoul-9",
		Versions: []api.Version{{Number: "kr-seoul-9", Writer: "kr-seoul", State: "confirmed", On: "2026-12-01", Accepted: []api.PartyWord{{Member: "ca-montreal", On: "2026-12-05"}},
			Content: map[string]any{"type": "proposal", "terms": map[string]any{"ko": "숙소는 서울이 냅니다", "en": "Seoul pays for lodging"}, "respond_by": "2026-12-20"}}},
		Clauses: []api.ClauseState{{No: 1, State: "open", Provider: "kr-seoul", Receiver: "ca-montreal", Action: "work", What: map[string]string{"ko": "강사 두 사람", "en": "Two trainers"}, Promised: "10", Unit: "DAY", Last: "2027-03-01"}}}
	raw, err := paper(t, "ko", "en").Agreement(a)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"합의서", "Agreement", "강사 &lt;교류&gt;", "Trainers", "서울특별시 (kr-seoul)", "Ville de Montréal (ca-montreal)", "10일, 2027년 3월 1일까지",
		"10 days, by 1 March 2027", "숙소는 서울이 냅니다", "Seoul pays for lodging", "회신 기한", "2026년 12월 5일", "00ff", "bafyid", `class="line"`} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("the page has no %q:\n%s", want, raw)
		}
	}
	if alone, err := paper(t, "es").Agreement(a); err != nil || strings.Contains(string(alone), "합의서") {
		t.Errorf("in one language: %v", err)
	}
	if _, err := paper(t, "ko").Agreement(api.Agreement{}); err != nil {
		t.Errorf("of nothing: %v", err)
	}
}

// What an agreement says of costs is in words, as on listings.
func TestPaper_CostsAreInWords(t *testing.T) {
	a := inForce()
	a.Versions = []api.Version{{Number: "kr-seoul-9", State: "confirmed", Writer: "kr-seoul",
		Content: map[string]any{"type": "proposal", "lang": "ko", "governing": map[string]any{"costs": map[string]any{"travel": "receiver"}}}}}
	raw, err := paper(t, "ko", "fr").Agreement(a)
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range []string{"ko", "fr"} {
		if want := record.Label(record.CostBearers, "receiver", lang); !strings.Contains(string(raw), ">"+want+"<") || strings.Contains(string(raw), ">receiver<") {
			t.Errorf("%s: the page does not say %q:\n%s", lang, want, raw)
		}
	}
}
