package api_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dure-net/dure/node/access"
	"github.com/dure-net/dure/node/api"
)

// Every operation of the document names a scope, and a token with any other is refused
// before anything is read or done.
func TestAccess_EveryOperationAsksForItsScope(t *testing.T) {
	w := newWorld(t)
	store := w.fake.Access
	bearer := map[string]string{}
	for _, scope := range []string{"read", "write", "govern", "keep"} {
		secret, _, err := store.Issue(access.Request{Name: scope, Scopes: []string{scope}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		bearer[scope] = secret
	}
	called := false
	w.fake.OnRead = func(string, any) { called = true }
	seen := map[string]int{}
	for path, item := range w.document()["paths"].(map[string]any) {
		for method, op := range item.(map[string]any) {
			security, _ := op.(map[string]any)["security"].([]any)
			if len(security) != 1 {
				t.Fatalf("%s %s names no scope", method, path)
			}
			need := security[0].(map[string]any)["token"].([]any)[0].(string)
			seen[need]++
			for scope, secret := range bearer {
				if scope == need || need == "read" {
					continue
				}
				called = false
				url := strings.NewReplacer("{id}", "kr-seoul-41", "{cid}", "x", "{number}", "1").Replace(path)
				resp, raw := w.ask(strings.ToUpper(method), url, "", "Authorization", "Bearer "+secret, "Accept-Language", "ko")
				p := problem(t, resp, raw)
				if resp.StatusCode != 403 || p.Code != "forbidden" || p.Args["scope"] != need || !strings.Contains(p.Title, need) || !strings.Contains(p.Hint, "dure token new --scope "+need) {
					t.Errorf("%s %s with %s: got %d %+v", method, path, scope, resp.StatusCode, p)
				}
				if got := resp.Header.Get("WWW-Authenticate"); !strings.Contains(got, `error="insufficient_scope", scope="`+need+`"`) {
					t.Errorf("%s %s: WWW-Authenticate is %q", method, path, got)
				}
				if called {
					t.Errorf("%s %s with %s asked the node", method, path, scope)
				}
			}
		}
	}
	for _, scope := range []string{"read", "write", "govern", "keep"} {
		if seen[scope] < 2 {
			t.Errorf("%d operations ask for %s", seen[scope], scope)
		}
	}
	if resp, _ := w.ask("GET", "/metrics", "", "Authorization", "Bearer "+bearer["read"]); resp.StatusCode != 404 { // none are given here
		t.Errorf("got %d", resp.StatusCode)
	}
	for scope, secret := range bearer {
		if resp, raw := w.ask("GET", "/api/v1/records", "", "Authorization", "Bearer "+secret); resp.StatusCode != 200 {
			t.Errorf("%s cannot read: %s", scope, raw)
		}
	}
	if resp, raw := w.ask("POST", "/api/v1/records", goodRequest, "Authorization", "Bearer "+bearer["write"]); resp.StatusCode != 201 {
		t.Errorf("write cannot publish: %s", raw)
	}
}

func TestAccess_AnEndedTokenIsTold(t *testing.T) {
	w := newWorld(t)
	store := w.fake.Access
	secret, token, err := store.Issue(access.Request{Name: "홈페이지", Scopes: []string{"read"}, Seconds: 60}, nil)
	if err != nil {
		t.Fatal(err)
	}
	revoked, other, err := store.Issue(access.Request{Name: "old", Scopes: []string{"read"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Revoke(other.ID); err != nil {
		t.Fatal(err)
	}
	w.fake.Now = token.Expires
	for name, secret := range map[string]string{"홈페이지": secret, "old": revoked} {
		resp, raw := w.ask("GET", "/api/v1/status", "", "Authorization", "Bearer "+secret)
		if p := problem(t, resp, raw); resp.StatusCode != 401 || !strings.Contains(p.Title, name) || !strings.Contains(resp.Header.Get("WWW-Authenticate"), "invalid_token") {
			t.Errorf("got %d %+v", resp.StatusCode, p)
		}
	}
}

// A public node shows open data to anybody, little else, and not without end.
func TestAccess_PublicReading(t *testing.T) {
	clock := now
	w := newWorld(t, func(c *api.Config) { c.Public = true; c.Now = func() time.Time { return clock } })
	none := func(method, path string, header ...string) *http.Response {
		resp, _ := w.ask(method, path, "", append([]string{"Authorization", ""}, header...)...)
		return resp
	}
	for path, want := range map[string]int{"/api/v1/records": 200, "/api/v1/members": 200, "/api/v1/records/kr-seoul-41": 200,
		// Every other day has all agreements folded anew, while the member's own lists wait.
		"/api/v1/agreements": 200, "/api/v1/agreements?as_of=2027-01-02": 401, "/api/v1/unanswered?as_of=2027-01-02": 401, "/api/v1/records/kr-seoul-41/matches?as_of=2027-01-02": 401,
		"/api/v1/status": 401, "/api/v1/decisions": 401, "/api/v1/stream": 401, "/api/v1/export": 401, "/api/v1/nothing": 404,
		"/api/v1/search?q=Seoul": 200, "/api/v1/search?type=act": 401} {
		if got := none("GET", path).StatusCode; got != want {
			t.Errorf("%s: got %d, want %d", path, got, want)
		}
	}
	resp, raw := w.ask("GET", "/api/v1/status", "", "Authorization", "")
	if p := problem(t, resp, raw); p.Args["scope"] != "read" || !strings.Contains(resp.Header.Get("WWW-Authenticate"), `scope="read"`) {
		t.Errorf("got %+v", p)
	}
	if got := none("POST", "/api/v1/records").StatusCode; got != 401 {
		t.Errorf("a write without token: %d", got)
	}
	if resp := none("GET", "/api/v1/records", "Authorization", "Bearer wrong"); resp.StatusCode != 401 {
		t.Errorf("a wrong token is taken for none: %d", resp.StatusCode)
	}
	var limited *http.Response
	for range 100 {
		if resp := none("GET", "/api/v1/members"); resp.StatusCode == 429 {
			limited = resp
			break
		}
	}
	if limited == nil || limited.Header.Get("Retry-After") == "" {
		t.Fatal("a hundred requests at once were all answered")
	}
	if resp, _ := w.ask("GET", "/api/v1/members", ""); resp.StatusCode != 200 {
		t.Errorf("whoever has a token waits too: %d", resp.StatusCode)
	}
	clock = clock.Add(time.Second)
	if got := none("GET", "/api/v1/members").StatusCode; got != 200 {
		t.Errorf("a second later: %d", got)
	}
}

// Judging all listings is work that callers without a token get one at a time; nobody
// else waits for them.
func TestAccess_PublicMatchesOneAtATime(t *testing.T) {
	w := newWorld(t, func(c *api.Config) { c.Public = true })
	const path = "/api/v1/records/kr-seoul-41/matches"
	begun, end := make(chan bool), make(chan bool)
	var met atomic.Bool
	w.fake.OnRead = func(method string, _ any) {
		if method == "Matches" && met.CompareAndSwap(false, true) {
			begun <- true
			<-end
		}
	}
	answered := make(chan int)
	go func() {
		r := httptest.NewRequest("GET", path, nil)
		r.Host = "127.0.0.1"
		rec := httptest.NewRecorder()
		w.srv.Config.Handler.ServeHTTP(rec, r)
		answered <- rec.Code
	}()
	<-begun
	resp, raw := w.ask("GET", path, "", "Authorization", "")
	if p := problem(t, resp, raw); resp.StatusCode != 429 || p.Code != "busy" || resp.Header.Get("Retry-After") != "2" {
		t.Errorf("a second caller: %d %+v", resp.StatusCode, p)
	}
	if resp, raw := w.ask("GET", path, ""); resp.StatusCode != 200 {
		t.Errorf("whoever has a token waits too: %d %s", resp.StatusCode, raw)
	}
	end <- true
	if got := <-answered; got != 200 {
		t.Errorf("the first caller: %d", got)
	}
	if resp, _ := w.ask("GET", path, "", "Authorization", ""); resp.StatusCode != 200 {
		t.Errorf("afterwards: %d", resp.StatusCode)
	}
}

// Behind a proxy callers are told apart by what the proxy itself added last; what they
// write before that changes nothing.
func TestAccess_PublicReadingBehindAProxy(t *testing.T) {
	w := newWorld(t, func(c *api.Config) { c.Public, c.Proxied, c.Now = true, true, func() time.Time { return now } })
	ask := func(forwarded string) int {
		resp, _ := w.ask("GET", "/api/v1/members", "", "Authorization", "", "X-Forwarded-For", forwarded)
		return resp.StatusCode
	}
	used := 0
	for i := 0; ask("203.0.113."+string(rune('0'+i%10))+", 198.51.100.7") == 200; i++ {
		used++
	}
	if used != 40 {
		t.Errorf("one caller had %d answers, want 40", used)
	}
	if got := ask("198.51.100.8"); got != 200 {
		t.Errorf("another caller: %d", got)
	}
}

func TestServer_EntityTags(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/api/v1/records", "/api/v1/members", "/api/v1/status", "/api/v1/records/kr-seoul-41", "/api/v1/decisions", "/api/v1/limits"} {
		resp, raw := w.ask("GET", path, "")
		tag := resp.Header.Get("ETag")
		if resp.StatusCode != 200 || tag == "" || resp.ContentLength != int64(len(raw)) {
			t.Fatalf("%s: %d with tag %q and length %d of %d", path, resp.StatusCode, tag, resp.ContentLength, len(raw))
		}
		if strong := !strings.HasPrefix(tag, "W/"); strong != strings.Contains(path, "kr-seoul-41") {
			t.Errorf("%s: the tag is %s", path, tag)
		}
		for _, header := range []string{tag, `"other", ` + tag, "*"} {
			if resp, raw := w.ask("GET", path, "", "If-None-Match", header); resp.StatusCode != 304 || len(raw) > 0 || resp.Header.Get("ETag") != tag {
				t.Errorf("%s with If-None-Match %s: %d %q", path, header, resp.StatusCode, raw)
			}
		}
		if resp, _ := w.ask("GET", path, "", "If-None-Match", `"other"`); resp.StatusCode != 200 {
			t.Errorf("%s with another tag: %d", path, resp.StatusCode)
		}
	}
	before, _ := w.ask("GET", "/api/v1/records", "")
	if resp, raw := w.ask("POST", "/api/v1/records", goodRequest); resp.StatusCode != 201 {
		t.Fatal(string(raw))
	}
	if resp, _ := w.ask("GET", "/api/v1/records", "", "If-None-Match", before.Header.Get("ETag")); resp.StatusCode != 200 {
		t.Errorf("after a change: %d", resp.StatusCode)
	}
	if resp, raw := w.ask("GET", "/api/v1/records/nothing-9", "", "If-None-Match", "*"); resp.StatusCode != 404 || resp.Header.Get("ETag") != "" {
		t.Errorf("a problem with a tag: %d %s", resp.StatusCode, raw)
	}
}

// A change that names the version it was made from never undoes one that came between.
func TestServer_IfMatch(t *testing.T) {
	w := newWorld(t)
	resp, raw := w.ask("POST", "/api/v1/records", goodRequest)
	path := resp.Header.Get("Location")
	if resp.StatusCode != 201 {
		t.Fatal(string(raw))
	}
	resp, _ = w.ask("GET", path, "")
	first := resp.Header.Get("ETag")
	if resp, raw := w.ask("POST", path+"/revisions", goodRequest, "If-Match", first); resp.StatusCode != 201 {
		t.Fatalf("%d %s", resp.StatusCode, raw)
	}
	resp, raw = w.ask("POST", path+"/revisions", goodRequest, "If-Match", first)
	p := problem(t, resp, raw)
	if resp.StatusCode != 412 || p.Code != "conflict" || p.Args["superseded"] == "" {
		t.Errorf("an old version: %d %+v", resp.StatusCode, p)
	}
	if resp, raw := w.ask("POST", path+"/revisions", goodRequest, "If-Match", `"`+p.Args["superseded"]+`"`); resp.StatusCode != 201 {
		t.Errorf("the version that the problem names: %d %s", resp.StatusCode, raw)
	}
	for _, bad := range []string{"W/" + first, strings.Trim(first, `"`), `"x"`, first + ", " + first} {
		if resp, raw := w.ask("POST", path+"/revisions", goodRequest, "If-Match", bad); resp.StatusCode != 400 || problem(t, resp, raw).Field != "header.If-Match" {
			t.Errorf("If-Match %s: %d %s", bad, resp.StatusCode, raw)
		}
	}
	if resp, raw := w.ask("POST", path+"/revisions", goodRequest, "If-Match", "*"); resp.StatusCode != 201 {
		t.Errorf("If-Match *: %d %s", resp.StatusCode, raw)
	}
}

func TestServer_PreferToWaitForOtherNodes(t *testing.T) {
	w := newWorld(t)
	for prefer, want := range map[string]struct {
		status, nodes int
		applied       string
	}{
		"": {201, 0, ""}, "return=minimal": {201, 0, ""}, "wait=5": {201, 2, "wait=5, replicas=1"}, "replicas=2": {201, 2, "wait=10, replicas=2"},
		"handling=lenient, WAIT=1; replicas=3": {202, 2, "wait=1, replicas=3"},
		"wait=soon":                            {400, 0, ""}, "wait=0": {400, 0, ""}, "replicas=-1": {400, 0, ""},
	} {
		resp, raw := w.ask("POST", "/api/v1/records", goodRequest, "Prefer", prefer)
		var r api.Receipt
		if err := json.Unmarshal(raw, &r); err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != want.status || resp.Header.Get("Preference-Applied") != want.applied || (r.Held != nil) != (want.nodes > 0) || r.Held != nil && r.Held.Nodes != want.nodes {
			t.Errorf("Prefer %q: %d %q %s", prefer, resp.StatusCode, resp.Header.Get("Preference-Applied"), raw)
		}
	}
}

func TestServer_RequestsHaveNumbers(t *testing.T) {
	var log bytes.Buffer
	w := newWorld(t, func(c *api.Config) {
		c.Log = slog.New(slog.NewTextHandler(&log, nil))
	})
	resp, raw := w.ask("POST", "/api/v1/records", `{"type":"offer"}`, "X-Request-Id", "mine-1")
	if p := problem(t, resp, raw); p.Request != "mine-1" || resp.Header.Get("X-Request-Id") != "mine-1" {
		t.Errorf("got %q and %q", p.Request, resp.Header.Get("X-Request-Id"))
	}
	w.srv.Close()
	if line := log.String(); !strings.Contains(line, "request=mine-1 method=POST path=/api/v1/records status=422") || !strings.Contains(line, "token=owner") {
		t.Errorf("the log says %q", line)
	}
	w = newWorld(t)
	seen := map[string]bool{}
	for _, bad := range []string{"", "a b", strings.Repeat("a", 65), "a\"b"} {
		resp, _ := w.ask("GET", "/api/v1/status", "", "X-Request-Id", bad)
		if id := resp.Header.Get("X-Request-Id"); id == "" || id == bad || seen[id] {
			t.Errorf("%q became %q", bad, id)
		} else {
			seen[id] = true
		}
	}
}
