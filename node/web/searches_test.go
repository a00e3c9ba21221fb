package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
)

var newsInPage = regexp.MustCompile(`href="(/searches/[a-z2-7]{16})"`)

// A search is saved with one button, the inbox tells what came since, and opening it shows
// that and counts as having seen it.
func TestSearches_SavedAndTold(t *testing.T) {
	w := newWorld(t)
	w.signIn()
	open := func(path string) string {
		t.Helper()
		status, page, _ := w.open(path)
		if status != http.StatusOK {
			t.Fatalf("%s: %d %.300s", path, status, page)
		}
		return page
	}
	if page := open("/records?lang=en"); strings.Contains(page, `action="/searches"`) {
		t.Error("everything can be saved as a search")
	}
	page := open("/records?q=%EC%82%AC%ED%9A%8C%EC%A0%81%EA%B2%BD%EC%A0%9C&type=request")
	form := hiddenOf(t, page, "/searches")
	form.Set("name", "사회적경제")
	form.Set("do", "save")
	status, _, header := w.post("/searches", form)
	if status != http.StatusSeeOther || !strings.HasPrefix(header.Get("Location"), "/searches?saved=") {
		t.Fatalf("saving: %d to %q", status, header.Get("Location"))
	}
	if page = open(header.Get("Location")); !strings.Contains(page, "“사회적경제” is saved") || !strings.Contains(page, "Nothing new") {
		t.Error("what was saved is not listed: " + page)
	}
	if page = open("/inbox"); strings.Contains(page, "new for") || !strings.Contains(page, `href="/searches"`) {
		t.Error("the inbox tells what is not new")
	}

	if _, err := w.fake.Publish(t.Context(), api.Draft{Type: "request", Raw: []byte(`{"type":"request","lang":"ko","kind":"personnel","mode":"expert_mission","title":{"ko":"사회적경제 전문가 한 명"},"summary":{"ko":"연수"},"themes":["care"],"delivery":"hybrid","window":{"from":"2027-03-02","to":"2027-05-28"},"valid_until":"2027-02-26","working_languages":["ko"],"return":"gift","skills":["2422"],"effort":{"value":"15","unit":"DAY"}}`)}); err != nil {
		t.Fatal(err)
	}
	page = open("/inbox")
	link := newsInPage.FindStringSubmatch(page)
	if link == nil || !strings.Contains(page, "1 new for “사회적경제”") {
		t.Fatal("the inbox does not tell what is new: " + page)
	}
	req, err := http.NewRequest("HEAD", w.srv.URL+link[1], nil)
	if err != nil {
		t.Fatal(err)
	}
	if status, _, _ := w.do(req); status != http.StatusOK {
		t.Errorf("HEAD: %d", status)
	}
	if page = open(link[1]); !strings.Contains(page, "사회적경제 전문가 한 명") || !strings.Contains(page, "count as seen") {
		t.Error("what is new is not shown: " + page)
	}
	if page = open(link[1]); !strings.Contains(page, "Nothing new") || !strings.Contains(page, "New when you looked before") || !strings.Contains(page, "사회적경제 전문가 한 명") {
		t.Error("what was new is gone after a reload: " + page)
	}
	if page = open("/inbox"); strings.Contains(page, "new for") {
		t.Error("the inbox tells what was seen")
	}

	// Another user has none of it.
	owner := w.browser
	w.browser = w.enter("Mina", "reader")
	if page = open("/searches?lang=en"); !strings.Contains(page, "You have saved no search yet") {
		t.Error("a user sees the searches of another: " + page)
	}
	if status, _, _ := w.open(link[1]); status != http.StatusNotFound {
		t.Errorf("a user opens the search of another: %d", status)
	}
	mina := hiddenOf(t, open("/records?q=x"), "/searches")
	mina.Set("name", "mine")
	mina.Set("do", "save")
	if status, _, _ := w.post("/searches", mina); status != http.StatusSeeOther {
		t.Errorf("a reader saves a search: %d", status)
	}
	w.browser = owner

	// What cannot be saved is told, with the form to try again.
	form.Set("query", "q=other")
	if status, page, _ := w.post("/searches", form); status != http.StatusConflict || !strings.Contains(page, "You have saved another search as") || !strings.Contains(page, `value="q=other"`) {
		t.Errorf("a name twice: %d %s", status, page)
	}
	for _, query := range []string{"q=a&limit=3", "theme=nonsense", "q=%zz"} {
		form.Set("query", query)
		if status, _, _ := w.post("/searches", form); status != http.StatusBadRequest {
			t.Errorf("%s: %d", query, status)
		}
	}
	if status, _, _ := w.post("/searches", url.Values{"do": {"remove"}, "id": {"x"}}); status != http.StatusForbidden {
		t.Errorf("without the token of the form: %d", status)
	}
	form = hiddenOf(t, open("/searches"), "/searches")
	form.Set("do", "remove")
	if status, _, _ := w.post("/searches", form); status != http.StatusSeeOther {
		t.Errorf("removing: %d", status)
	}
	if page = open("/searches"); !strings.Contains(page, "You have saved no search yet") {
		t.Error("what was removed is listed: " + page)
	}
}

// A decision that was overtaken has a page that says by what.
func TestActs_WhatBecameOfThem(t *testing.T) {
	w := newWorld(t)
	w.signIn()
	status, page, _ := w.open("/acts/" + protocol.Sum([]byte("overtaken")).String() + "?lang=en")
	founding := protocol.Sum([]byte("founding act")).String()
	for _, want := range []string{"Lyon is admitted", "Overtaken", "What became of it", "Another decision became the act of this number", `href="/acts/` + founding, `<span class="badge">Decision</span>`} {
		if status != http.StatusOK || !strings.Contains(page, want) {
			t.Errorf("%d, without %q: %s", status, want, page)
		}
	}
	if status, page, _ := w.open("/acts/" + founding); status != http.StatusOK || strings.Contains(page, "What became of it") {
		t.Errorf("the founding act: %d %s", status, page)
	}
	if status, _, _ := w.open("/acts/nothing"); status != http.StatusNotFound {
		t.Errorf("a decision that is none: %d", status)
	}
}
