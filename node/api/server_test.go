package api_test

import (
	"bytes"
	"context"
	"encoding/json"
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
	c := api.Config{Backend: w.fake, Token: token, Hosts: []string{"127.0.0.1"}, Version: "0.1.0", Phrases: book, Interval: 50 * time.Millisecond}
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

func TestServer_HostileRequests(t *testing.T) {
	w := newWorld(t)
	const json = "application/json"
	for _, c := range []struct {
		name, method, path, body string
		header                   []string
		status                   int
	}{
		{"a name rebound to this address", "GET", "/api/v1/status", "", []string{"Host", "evil.example:7710"}, 421},
		{"a name that begins like ours", "GET", "/api/v1/status", "", []string{"Host", "127.0.0.1.evil.example:7710"}, 421},
		{"a name with a user part", "GET", "/api/v1/status", "", []string{"Host", "127.0.0.1@evil.example"}, 421},
		{"an unlisted loopback name", "GET", "/healthz", "", []string{"Host", "localhost:80"}, 421},
		{"another loopback address", "GET", "/healthz", "", []string{"Host", "127.0.0.2:80"}, 421},
		{"no token", "GET", "/api/v1/status", "", []string{"Authorization", ""}, 401},
		{"a wrong token", "GET", "/api/v1/status", "", []string{"Authorization", "Bearer " + strings.Repeat("0", len(token))}, 401},
		{"a token cut short", "GET", "/api/v1/status", "", []string{"Authorization", "Bearer " + token[:len(token)-1]}, 401},
		{"the token as a password", "GET", "/api/v1/status", "", []string{"Authorization", "Basic " + token}, 401},
		{"the token in the query", "GET", "/api/v1/status?token=" + token, "", []string{"Authorization", ""}, 401},
		{"no token for metrics", "GET", "/metrics", "", []string{"Authorization", ""}, 401},
		{"no token for an unknown path", "GET", "/api/v1/nothing", "", []string{"Authorization", ""}, 401},
		{"a form of another site", "POST", "/api/v1/records", goodRequest, []string{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, 403},
		{"a sandboxed frame", "POST", "/api/v1/records", goodRequest, []string{"Origin", "null"}, 403},
		{"a neighbouring port", "POST", "/api/v1/records", goodRequest, []string{"Origin", "http://127.0.0.1:1", "Sec-Fetch-Site", "same-site"}, 403},
		{"a form's content type", "POST", "/api/v1/records", goodRequest, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415},
		{"plain text that is JSON", "POST", "/api/v1/records", goodRequest, []string{"Content-Type", "text/plain"}, 415},
		{"no content type", "POST", "/api/v1/records", goodRequest, []string{"Content-Type", ""}, 415},
		{"another charset", "POST", "/api/v1/records", goodRequest, []string{"Content-Type", "application/json; charset=euc-kr"}, 415},
		{"JSON where a bundle is asked for", "POST", "/api/v1/import", "{}", []string{"Content-Type", json}, 415},
		{"not JSON", "POST", "/api/v1/records", "{", nil, 400},
		{"JSON of another shape", "POST", "/api/v1/decisions", `{"changes":"all"}`, nil, 422},
		{"an unknown member", "POST", "/api/v1/invitations", `{"handle":"fr-bordeaux","day":3}`, nil, 422},
		{"an unknown type", "POST", "/api/v1/records", `{"type":"ballot"}`, nil, 422},
		{"too large", "POST", "/api/v1/records", `{"type":"` + strings.Repeat("x", 600<<10) + `"}`, nil, 413},
		{"an unknown parameter", "GET", "/api/v1/records?membre=kr-seoul", "", nil, 422},
		{"an unknown parameter of a stream", "GET", "/api/v1/stream?sinse=3", "", nil, 422},
		{"a limit of zero", "GET", "/api/v1/records?limit=0", "", nil, 422},
		{"a limit beyond the bound", "GET", "/api/v1/records?limit=201", "", nil, 422},
		{"a type that is none", "GET", "/api/v1/records?type=offers", "", nil, 422},
		{"a cursor that is none", "GET", "/api/v1/records?cursor=AAAA", "", nil, 400},
		{"a sequence that is none", "GET", "/api/v1/stream?since=-1", "", nil, 400},
		{"a block that is none", "GET", "/api/v1/blocks/QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG", "", nil, 400},
		{"a path that is none", "GET", "/api/v1/nothing", "", nil, 404},
		{"a record that is none", "GET", "/api/v1/records/kr-seoul-999", "", nil, 404},
		{"a path of another version", "GET", "/api/v2/status", "", nil, 404},
		{"a method that is none", "DELETE", "/api/v1/records/kr-seoul-41", "", nil, 405},
		{"a write by GET", "GET", "/api/v1/invitations", "", nil, 405},
		{"an endless path", "GET", "/api/v1/records/" + strings.Repeat("a", 5000), "", nil, 414},
		{"a long idempotency key", "POST", "/api/v1/records", goodRequest, []string{"Idempotency-Key", strings.Repeat("k", 201)}, 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			resp, raw := w.ask(c.method, c.path, c.body, c.header...)
			if resp.StatusCode != c.status {
				t.Fatalf("got %d with %s, want %d", resp.StatusCode, raw, c.status)
			}
			problem(t, resp, raw)
			if got := resp.Header.Get("Access-Control-Allow-Origin"); got != "" {
				t.Errorf("got Access-Control-Allow-Origin %q, want none", got)
			}
			if got := resp.Header.Get("X-Content-Type-Options"); got != "nosniff" {
				t.Errorf("got X-Content-Type-Options %q, want nosniff", got)
			}
		})
	}
	if page, _ := w.fake.Records(context.Background(), api.RecordQuery{}); len(page.Items) != 7 {
		t.Errorf("got %d records after hostile requests, want the 7 from before", len(page.Items))
	}
}

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
