package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/api/apitest"
	"github.com/dure-net/dure/node/phrase"
	"github.com/dure-net/dure/protocol"
)

const token = "0123456789abcdef0123456789abcdef0123456789ab"

var now = time.Date(2026, 12, 15, 9, 30, 0, 0, time.UTC)

// world is a served interface over a fake node.
type world struct {
	t    *testing.T
	fake *apitest.Backend
	srv  *httptest.Server
}

func newWorld(t *testing.T, change ...func(*api.Config)) *world {
	t.Helper()
	book, err := phrase.New()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, fake: apitest.New(now)}
	c := api.Config{Backend: w.fake, Token: token, Access: w.fake.Access, Hosts: []string{"127.0.0.1"}, Version: "0.1.0", Phrases: book, Interval: 50 * time.Millisecond}
	for _, f := range change {
		f(&c)
	}
	w.srv = httptest.NewServer(api.New(c))
	t.Cleanup(w.srv.Close)
	return w
}

func (w *world) client() *api.Client {
	c := api.NewClient(w.srv.URL, token)
	w.t.Cleanup(c.Close)
	return c
}

// ask sends one request with the token; header pairs are set as they stand.
func (w *world) ask(method, path, body string, header ...string) (*http.Response, []byte) {
	w.t.Helper()
	req, err := http.NewRequest(method, w.srv.URL+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		switch header[i] {
		case "Host":
			req.Host = header[i+1]
		default:
			req.Header.Set(header[i], header[i+1])
		}
		if header[i+1] == "" {
			req.Header.Del(header[i])
		}
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	keepsContract(w.t, req, resp, raw)
	return resp, raw
}

func problem(t *testing.T, resp *http.Response, raw []byte) api.Problem {
	t.Helper()
	if got := resp.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Fatalf("got content type %q with %s, want a problem", got, raw)
	}
	var p api.Problem
	if err := json.Unmarshal(raw, &p); err != nil {
		t.Fatal(err)
	}
	if p.Status != resp.StatusCode || p.Title == "" || p.Hint == "" || strings.HasPrefix(p.Title, "api.") || strings.HasPrefix(p.Title, "error.") {
		t.Fatalf("got status %d and %+v, want the same status, a sentence and a hint", resp.StatusCode, p)
	}
	return p
}

const goodRequest = `{"type":"request","lang":"ko","kind":"personnel","mode":"study_visit","title":{"ko":"돌봄 협동조합 연수"},` +
	`"summary":{"ko":"실무자 네 명이 배우고자 합니다."},"themes":["care"],"quantity":{"value":"4","unit":"IE"},` +
	`"window":{"from":"2027-03-01","to":"2027-05-31"},"delivery":"on_site","working_languages":["ko","en"],"return":"gift","valid_until":"2027-02-28"}`

func TestServer_ExactHostsKeepTheirPort(t *testing.T) {
	w := newWorld(t, func(c *api.Config) { c.Hosts = []string{"Dure.example:443", "[::1]"} })
	for host, want := range map[string]int{"dure.example:443": 200, "DURE.EXAMPLE:443": 200, "dure.example": 421, "dure.example:80": 421,
		"[::1]:9": 200, "[::2]:9": 421, "": 421} {
		req := httptest.NewRequest("GET", "/healthz", nil)
		req.Host = host
		rec := httptest.NewRecorder()
		w.srv.Config.Handler.ServeHTTP(rec, req)
		if rec.Code != want {
			t.Errorf("Host %q: got %d, want %d", host, rec.Code, want)
		}
	}
}

func TestServer_HealthNeedsNoToken(t *testing.T) {
	w := newWorld(t)
	for path, want := range map[string]string{"/healthz": `"ok"`, "/readyz": `"ready"`, "/openapi.json": `"openapi": "3.1.0"`} {
		resp, raw := w.ask("GET", path, "", "Authorization", "")
		if resp.StatusCode != 200 || !bytes.Contains(raw, []byte(want)) {
			t.Errorf("%s: got %d with %.200s, want 200 with %s", path, resp.StatusCode, raw, want)
		}
	}
	for state, code := range map[api.NodeState]string{api.StateJoining: "joining", api.StateRecovering: "recovering", api.StateReadOnly: "read_only"} {
		w.fake.Change = func(s *api.Status) { s.Node.State = state }
		resp, raw := w.ask("GET", "/readyz", "")
		if p := problem(t, resp, raw); resp.StatusCode != 503 || p.Code != code {
			t.Errorf("%s: got %d %q, want 503 %q", state, resp.StatusCode, p.Code, code)
		}
	}
}

func TestServer_ErrorsFollowTheReadersLanguage(t *testing.T) {
	w := newWorld(t)
	seen := map[string]string{}
	for header, lang := range map[string]string{"ko-KR,ko;q=0.9": "ko", "fr-CA": "fr", "es;q=0.8,de;q=0.9": "es", "": "en"} {
		resp, raw := w.ask("GET", "/api/v1/records/kr-seoul-999", "", "Accept-Language", header)
		p := problem(t, resp, raw)
		if got := resp.Header.Get("Content-Language"); got != lang {
			t.Errorf("%q: got language %q, want %q", header, got, lang)
		}
		if p.Code != "not_found" || p.ID != "kr-seoul-999" || p.Retryable {
			t.Errorf("got %+v, want not_found of kr-seoul-999", p)
		}
		if other, ok := seen[p.Title]; ok {
			t.Errorf("languages %s and %s say the same: %q", other, lang, p.Title)
		}
		seen[p.Title] = lang
	}
}

func TestServer_StatusOfReasons(t *testing.T) {
	w := newWorld(t)
	want := map[string]int{"read_only": 507, "recovering": 503, "joining": 503, "conflict": 409, "not_owner": 403, "invalid": 422,
		"not_found": 404, "erased": 410, "wanted": 503, "too_large": 413, "malformed": 400, "internal": 500, "busy": 503}
	for code, status := range want {
		w.fake.Fail = func(string) error { return protocol.Fail(protocol.ParseReason(code), "test", nil) }
		resp, raw := w.ask("POST", "/api/v1/records", goodRequest)
		p := problem(t, resp, raw)
		if resp.StatusCode != status || p.Code != code {
			t.Errorf("%s: got %d %q, want %d", code, resp.StatusCode, p.Code, status)
		}
		if got := resp.Header.Get("Retry-After") != ""; got != p.Retryable {
			t.Errorf("%s: got Retry-After %v and retryable %v, want both alike", code, got, p.Retryable)
		}
	}
	for _, r := range protocol.Reasons()[1:] {
		w.fake.Fail = func(string) error { return protocol.Fail(r, "test", nil) }
		resp, raw := w.ask("GET", "/api/v1/status", "")
		if p := problem(t, resp, raw); p.Code != r.String() || resp.StatusCode < 400 {
			t.Errorf("%s: got %d %q", r, resp.StatusCode, p.Code)
		}
	}
}

func TestServer_InternalFaultsTellNoDetails(t *testing.T) {
	w := newWorld(t)
	w.fake.Fail = func(string) error { return io.ErrClosedPipe }
	resp, raw := w.ask("GET", "/api/v1/status", "")
	if p := problem(t, resp, raw); resp.StatusCode != 500 || p.Detail != "" || bytes.Contains(raw, []byte("pipe")) {
		t.Errorf("got %d with %s, want 500 without details", resp.StatusCode, raw)
	}
}

// A dry run judges as a real one does, warns of what looks personal, and writes nothing.
func TestServer_DryRun(t *testing.T) {
	w := newWorld(t)
	before, _ := w.fake.Records(t.Context(), api.RecordQuery{})
	named := strings.Replace(goodRequest, `"summary":{"ko":"`, `"summary":{"ko":"문의 010-1234-5678 `, 1)
	if named == goodRequest {
		t.Fatal("the request has no summary to write into")
	}
	for path, want := range map[string]int{"/api/v1/records?dry_run=true": 200, "/api/v1/records/kr-seoul-41/revisions?dry_run=true": 200} {
		resp, raw := w.ask("POST", path, named, "Idempotency-Key", "dry")
		var r api.Receipt
		if err := json.Unmarshal(raw, &r); err != nil || resp.StatusCode != want || !r.Dry || r.ID != "" || len(r.Warnings) != 1 || r.Warnings[0].Code != "phone" {
			t.Errorf("%s: got %d %s", path, resp.StatusCode, raw)
		}
	}
	if resp, raw := w.ask("POST", "/api/v1/records?dry_run=true", `{"type":"request","lang":"ko"}`); resp.StatusCode != 422 {
		t.Errorf("faults: got %d %s", resp.StatusCode, raw)
	}
	after, _ := w.fake.Records(t.Context(), api.RecordQuery{})
	if len(after.Items) != len(before.Items) {
		t.Error("a dry run wrote a record")
	}
	if resp, raw := w.ask("POST", "/api/v1/records", goodRequest, "Idempotency-Key", "dry"); resp.StatusCode != 201 || resp.Header.Get("Idempotent-Replay") != "" {
		t.Errorf("after a dry run under one key: %d %s", resp.StatusCode, raw)
	}
}

func TestServer_AllFaultsAtOnce(t *testing.T) {
	w := newWorld(t)
	resp, raw := w.ask("POST", "/api/v1/records", `{"type":"request","lang":"ko","kind":"personnel","mode":"trainer","titel":{"ko":"x"}}`, "Accept-Language", "ko")
	p := problem(t, resp, raw)
	if resp.StatusCode != 422 || p.Code != "invalid" {
		t.Fatalf("got %d %s, want 422 invalid", resp.StatusCode, p.Code)
	}
	got := map[string]string{}
	for _, f := range p.Errors {
		got[f.Field] = f.Code
		if f.Message == "" || strings.HasPrefix(f.Message, "fault.") {
			t.Errorf("%s: got message %q, want a sentence", f.Field, f.Message)
		}
	}
	for field, code := range map[string]string{"title": "required", "titel": "unknown_field", "window": "required", "themes": "required", "skills": "required"} {
		if got[field] != code {
			t.Errorf("%s: got %q, want %q; all: %v", field, got[field], code, got)
		}
	}
}

func TestServer_BlocksNeverChange(t *testing.T) {
	w := newWorld(t)
	page, err := w.fake.Records(context.Background(), api.RecordQuery{})
	if err != nil {
		t.Fatal(err)
	}
	cid := page.Items[0].Body
	resp, raw := w.ask("GET", "/api/v1/blocks/"+cid, "")
	if resp.StatusCode != 200 || protocol.Sum(raw).String() != cid {
		t.Fatalf("got %d and bytes that hash to %s, want %s", resp.StatusCode, protocol.Sum(raw), cid)
	}
	if got := resp.Header.Get("Content-Type"); got != "application/vnd.ipld.dag-cbor" {
		t.Errorf("got content type %q", got)
	}
	if got := resp.Header.Get("Cache-Control"); !strings.Contains(got, "immutable") {
		t.Errorf("got Cache-Control %q, want immutable", got)
	}
	tag := resp.Header.Get("ETag")
	for _, header := range []string{tag, "W/" + tag, `"x", ` + tag, "*"} {
		if resp, raw := w.ask("GET", "/api/v1/blocks/"+cid, "", "If-None-Match", header); resp.StatusCode != 304 || len(raw) != 0 {
			t.Errorf("If-None-Match %s: got %d with %d bytes, want 304", header, resp.StatusCode, len(raw))
		}
	}
	if resp, _ := w.ask("GET", "/api/v1/blocks/"+cid, "", "If-None-Match", `"other"`); resp.StatusCode != 200 {
		t.Errorf("got %d for another tag, want 200", resp.StatusCode)
	}
}

func TestServer_CursorsBelongToTheirQuery(t *testing.T) {
	w := newWorld(t)
	var page api.RecordPage
	seen := map[string]bool{}
	path := "/api/v1/records?limit=2&type=request,offer"
	for range 5 {
		resp, raw := w.ask("GET", path+"&cursor="+page.NextCursor, "")
		page = api.RecordPage{}
		if err := json.Unmarshal(raw, &page); err != nil || resp.StatusCode != 200 {
			t.Fatal(resp.Status, err)
		}
		for _, r := range page.Items {
			if seen[r.ID] || (r.Type != "request" && r.Type != "offer") {
				t.Errorf("got %s %s twice or of another type", r.Type, r.Number)
			}
			seen[r.ID] = true
		}
		if page.NextCursor == "" {
			break
		}
		if resp, raw := w.ask("GET", "/api/v1/records?limit=2&cursor="+page.NextCursor, ""); resp.StatusCode != 400 || problem(t, resp, raw).Field != "cursor" {
			t.Errorf("another query took the cursor: %s", resp.Status)
		}
	}
	if len(seen) != 4 {
		t.Errorf("got %d records over all pages, want 4", len(seen))
	}
}

// Equal days get equal answers, whatever day it is; a cursor belongs to its day.
func TestServer_ListsAreJudgedOnADay(t *testing.T) {
	w := newWorld(t)
	list := func(query string) (api.RecordPage, []byte) {
		resp, raw := w.ask("GET", "/api/v1/records?type=request"+query, "")
		var page api.RecordPage
		if err := json.Unmarshal(raw, &page); err != nil || resp.StatusCode != 200 {
			t.Fatal(resp.Status, err)
		}
		return page, raw
	}
	standing := func(page api.RecordPage) map[string]string {
		out := map[string]string{}
		for _, r := range page.Items {
			out[r.Number] = r.Standing
		}
		return out
	}
	if _, err := w.client().Adjust(context.Background(), "kr-seoul-41", api.Adjustment{State: "paused"}); err != nil {
		t.Fatal(err)
	}
	today, _ := list("")
	if today.AsOf != "2026-12-15" || standing(today)["ph-quezon-city-1"] != "open" || standing(today)["kr-seoul-41"] != "paused" {
		t.Errorf("today: %s %v", today.AsOf, standing(today))
	}
	last, _ := list("&as_of=2027-04-30")
	over, bytesThen := list("&as_of=2027-05-01")
	if standing(last)["ph-quezon-city-1"] != "open" || standing(over)["ph-quezon-city-1"] != "expired" || over.AsOf != "2027-05-01" || len(over.Items) != len(today.Items) {
		t.Errorf("on its last day %v, on the day after %v", standing(last), standing(over))
	}
	w.fake.Now = w.fake.Now.AddDate(1, 0, 0)
	if _, later := list("&as_of=2027-05-01"); !bytes.Equal(later, bytesThen) {
		t.Error("a year later the same day is judged differently")
	}
	page, _ := list("&limit=1&as_of=2027-05-01")
	if next, _ := list("&limit=1&as_of=2027-05-01&cursor=" + page.NextCursor); len(next.Items) != 1 || next.Items[0].ID == page.Items[0].ID {
		t.Errorf("the next page has %v", standing(next))
	}
	if resp, raw := w.ask("GET", "/api/v1/records?type=request&limit=1&as_of=2027-05-02&cursor="+page.NextCursor, ""); resp.StatusCode != 400 || problem(t, resp, raw).Field != "cursor" {
		t.Errorf("another day took the cursor: %s", resp.Status)
	}
	for _, bad := range []string{"tomorrow", "2027-02-30", "2027-1-1", "20270101"} {
		if resp, raw := w.ask("GET", "/api/v1/records?as_of="+bad, ""); resp.StatusCode != 422 || problem(t, resp, raw).Code != "usage" {
			t.Errorf("%s: %d", bad, resp.StatusCode)
		}
	}
	var e *protocol.Error
	if err := (api.RecordQuery{AsOf: "2027-02-30"}).Check(); !errors.As(err, &e) || e.Reason != protocol.ReasonUsage || e.Field != "as_of" {
		t.Errorf("a backend is asked for a day that is none: %v", err)
	}
	got, err := w.client().Records(context.Background(), api.RecordQuery{AsOf: "2027-05-01", Types: []string{"request"}})
	if err != nil || got.AsOf != "2027-05-01" {
		t.Errorf("the client: %v %v", got.AsOf, err)
	}
}
