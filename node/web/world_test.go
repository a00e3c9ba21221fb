package web_test

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/api/apitest"
	"github.com/dure-net/dure/node/phrase"
	"github.com/dure-net/dure/node/web"
)

const token = "0123456789abcdef0123456789abcdef0123456789ab"

var now = time.Date(2026, 12, 15, 9, 30, 0, 0, time.FixedZone("KST", 9*3600))

// world is a served node with its pages, and a browser without scripts.
type world struct {
	t       *testing.T
	fake    *apitest.Backend
	srv     *httptest.Server
	browser *http.Client
	now     time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	book, err := phrase.New()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, fake: apitest.New(now), now: now}
	clock := func() time.Time { return w.now }
	sessions := api.NewSessions(token, clock, w.fake.Access)
	pages := web.New(web.Config{Backend: w.fake, Sessions: sessions, Book: book, Now: clock, Zone: now.Location()})
	w.srv = httptest.NewServer(api.New(api.Config{Backend: w.fake, Token: token, Hosts: []string{"127.0.0.1"}, Version: "0.1.0", Phrases: book, Web: pages, Now: clock}))
	t.Cleanup(w.srv.Close)
	w.browser = w.newBrowser()
	return w
}

func (w *world) newBrowser() *http.Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func (w *world) signIn() {
	w.t.Helper()
	if status, _, _ := w.open(strings.TrimPrefix(api.SignInLink(w.srv.URL, token, w.now), w.srv.URL)); status != 200 {
		w.t.Fatalf("sign-in: got %d, want 200", status)
	}
}

func (w *world) do(req *http.Request) (int, string, http.Header) {
	w.t.Helper()
	resp, err := w.browser.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return resp.StatusCode, string(raw), resp.Header
}

func (w *world) open(path string) (int, string, http.Header) {
	w.t.Helper()
	req, err := http.NewRequest("GET", w.srv.URL+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.do(req)
}

func (w *world) post(path string, form url.Values, header ...string) (int, string, http.Header) {
	w.t.Helper()
	req, err := http.NewRequest("POST", w.srv.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", w.srv.URL)
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return w.do(req)
}

var hiddenInput = regexp.MustCompile(`<input type="hidden" name="([a-z_.0-9]+)" value="([^"]*)">`)

// hidden are the hidden inputs of a page.
func hidden(page string) url.Values {
	v := url.Values{}
	for _, m := range hiddenInput.FindAllStringSubmatch(page, -1) {
		v.Add(m[1], strings.NewReplacer("&#43;", "+", "&#34;", `"`, "&#39;", "'", "&amp;", "&", "&lt;", "<", "&gt;", ">").Replace(m[2]))
	}
	return v
}

func (w *world) records() int {
	page, err := w.fake.Records(context.Background(), api.RecordQuery{Limit: 200})
	if err != nil {
		w.t.Fatal(err)
	}
	return len(page.Items)
}

// good is a request that is fully typed.
func good() url.Values {
	return url.Values{"lang": {"ko"}, "mode": {"expert_mission"}, "title": {"공동주택 에너지 자문"}, "summary": {"오래된 공동주택의 에너지 절감 사업을 함께 설계할 분을 찾습니다."},
		"themes": {"energy", "housing"}, "skills": {"2161"}, "amount": {"15"}, "unit": {"DAY"}, "from": {"2027-03-02"}, "to": {"2027-05-28"},
		"valid_until": {"2027-02-26"}, "delivery": {"hybrid"}, "working_languages": {"ko", "en"}, "return": {"cost_recovery"},
		"travel": {"receiver"}, "duration": {"10"}, "duration_unit": {"D"}, "place": {"서울"}, "country": {"KR"}, "minimum": {"10"},
		"also": {"en"}, "title_also": {"Advice on energy in housing"}, "summary_also": {"We look for somebody to plan with us."}}
}
