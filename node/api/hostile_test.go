package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/api/apitest"
	"github.com/dure-net/dure/node/phrase"
)

var updateHostile = flag.Bool("update-hostile", false, "write HOSTILE.md")

// hostileRequest is what somebody may send to the interface, and the answer: the status,
// and the code of the problem where one is told. "closed" is no answer at all.
type hostileRequest struct {
	what, answer string
	send         func(w *world) string
}

// ask sends a request with the token, and header pairs as they stand.
func ask(method, path, body string, header ...string) func(*world) string {
	return func(w *world) string {
		resp, raw := w.ask(method, path, body, header...)
		return w.verdict(resp, raw)
	}
}

// raw sends bytes, and slow the same and then a letter a second.
func raw(request string) func(*world) string {
	return func(w *world) string {
		conn := w.dial()
		defer conn.Close()
		go func() { _, _ = io.WriteString(conn, request) }()
		return w.read(conn)
	}
}

func slow(request string) func(*world) string {
	return func(w *world) string {
		conn := w.dial()
		defer conn.Close()
		go func() {
			for text := request; ; text = "a" {
				if _, err := io.WriteString(conn, text); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}()
		return w.read(conn)
	}
}

func (w *world) dial() net.Conn {
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.srv.URL, "http://"))
	if err != nil {
		w.t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(90 * time.Second))
	return conn
}

func (w *world) read(conn net.Conn) string {
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return "closed"
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return w.verdict(resp, body)
}

func (w *world) verdict(resp *http.Response, body []byte) string {
	if resp.Header.Get("Access-Control-Allow-Origin") != "" {
		w.t.Error("another site's page may read the answer")
	}
	status := fmt.Sprint(resp.StatusCode)
	if resp.Header.Get("Content-Type") != "application/problem+json" {
		return status
	}
	if got := resp.Header.Get("X-Content-Type-Options"); got != "nosniff" {
		w.t.Errorf("X-Content-Type-Options is %q", got)
	}
	var p api.Problem
	if err := json.Unmarshal(body, &p); err != nil || p.Status != resp.StatusCode || p.Title == "" || p.Hint == "" || strings.HasPrefix(p.Title, "api.") {
		w.t.Errorf("a problem of status %d, title %q, hint %q: %v", p.Status, p.Title, p.Hint, err)
	}
	return status + " " + p.Code
}

// theBook is made once: it takes a while, and nothing changes it.
var theBook = sync.OnceValues(phrase.New)

// newGate is a world behind the limits of the real server.
func newGate(t *testing.T) *world {
	t.Helper()
	book, err := theBook()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, fake: apitest.New(now)}
	l, err := api.Listen("127.0.0.1:0", false)
	if err != nil {
		t.Fatal(err)
	}
	h := api.New(api.Config{Backend: w.fake, Token: token, Hosts: []string{"127.0.0.1"}, Version: "0.1.0", Phrases: book})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- api.Serve(ctx, l, h, nil) }()
	t.Cleanup(func() { cancel(); <-done })
	w.srv = &httptest.Server{URL: "http://" + l.Addr().String()}
	return w
}

func TestServer_HostileRequests(t *testing.T) {
	list := hostileRequests()
	seen := map[string]bool{}
	t.Run("rows", func(t *testing.T) {
		for _, r := range list {
			if seen[r.what] {
				t.Errorf("%q twice", r.what)
			}
			seen[r.what] = true
			t.Run(strings.ReplaceAll(r.what, "/", "|"), func(t *testing.T) {
				t.Parallel() // the slow ones wait for real clocks
				w := newGate(t)
				before, _ := w.fake.Records(context.Background(), api.RecordQuery{})
				if got := r.send(w); got != r.answer {
					t.Errorf("answered %q, want %q", got, r.answer)
				}
				after, _ := w.fake.Records(context.Background(), api.RecordQuery{})
				if len(after.Items) != len(before.Items) && r.answer != "422 conflict" {
					t.Error("it wrote a record")
				}
				if got := ask("GET", "/api/v1/status", "")(w); got != "200" {
					t.Errorf("a good request afterwards is answered %s", got)
				}
			})
		}
	})
}

// HOSTILE.md has the same rows as the tests. go test ./node/api -run Hostile -update-hostile writes it.
func TestServer_HostileTable(t *testing.T) {
	text := "# Hostile requests to the local interface\n\n" +
		"What the interface answers to requests that no program of ours sends. Each row is a test of TestServer_HostileRequests, which\n" +
		"sends it to a served interface, sees that nothing was written, and that a good request is answered afterwards. The number is the HTTP\n" +
		"status, the word the `code` of the problem document; *closed* is no answer at all. What comes over the network is in `protocol/SPEC.md`,\n" +
		"section 17. This file is written by `go test ./node/api -run HostileTable -update-hostile`.\n\n| request | answer |\n| --- | --- |\n"
	for _, r := range hostileRequests() {
		text += "| " + r.what + " | " + r.answer + " |\n"
	}
	if *updateHostile {
		if err := os.WriteFile("HOSTILE.md", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if raw, err := os.ReadFile("HOSTILE.md"); err != nil || string(raw) != text {
		t.Errorf("HOSTILE.md is not what is tested; run with -update-hostile and read the difference (%v)", err)
	}
}

func hostileRequests() []hostileRequest {
	behind := api.RecordQuery{Near: &api.Circle{Lat: 37.5, Lon: 127, Km: api.DefaultKm}, Sort: api.SortDistance}
	return []hostileRequest{
		{"a name rebound to this address", "421 forbidden", ask("GET", "/api/v1/status", "", "Host", "evil.example:7710")},
		{"a name that begins like ours", "421 forbidden", ask("GET", "/api/v1/status", "", "Host", "127.0.0.1.evil.example:7710")},
		{"a name with a user part", "421 forbidden", ask("GET", "/api/v1/status", "", "Host", "127.0.0.1@evil.example")},
		{"an unlisted loopback name", "421 forbidden", ask("GET", "/healthz", "", "Host", "localhost:80")},
		{"another loopback address", "421 forbidden", ask("GET", "/healthz", "", "Host", "127.0.0.2:80")},
		{"our address written as one number", "421 forbidden", ask("GET", "/healthz", "", "Host", "2130706433")},
		{"our address with a dot at its end", "421 forbidden", ask("GET", "/healthz", "", "Host", "127.0.0.1.:80")},
		{"no Host", "400", raw("GET /healthz HTTP/1.1\r\n\r\n")},
		{"an empty Host", "421 forbidden", raw("GET /healthz HTTP/1.1\r\nHost:\r\n\r\n")},
		{"two Hosts", "400", raw("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n")},
		{"a whole address of another host in the request line", "421 forbidden", raw("GET http://evil.example/healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")},
		{"X-Forwarded-Host of ours, Host of another", "421 forbidden", ask("GET", "/healthz", "", "Host", "evil.example", "X-Forwarded-Host", "127.0.0.1")},
		{"no token", "401 forbidden", ask("GET", "/api/v1/status", "", "Authorization", "")},
		{"a wrong token", "401 forbidden", ask("GET", "/api/v1/status", "", "Authorization", "Bearer "+strings.Repeat("0", len(token)))},
		{"a token cut short", "401 forbidden", ask("GET", "/api/v1/status", "", "Authorization", "Bearer "+token[:len(token)-1])},
		{"a token with more behind it", "401 forbidden", ask("GET", "/api/v1/status", "", "Authorization", "Bearer "+token+"0")},
		{"an empty token", "401 forbidden", ask("GET", "/api/v1/status", "", "Authorization", "Bearer ")},
		{"the token as a password", "401 forbidden", ask("GET", "/api/v1/status", "", "Authorization", "Basic "+token)},
		{"the token in the query", "401 forbidden", ask("GET", "/api/v1/status?token="+token, "", "Authorization", "")},
		{"the token as a cookie", "401 forbidden", ask("GET", "/api/v1/status", "", "Authorization", "", "Cookie", "token="+token)},
		{"two tokens, one of them right", "401 forbidden", raw("GET /api/v1/status HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer wrong\r\nAuthorization: Bearer " + token + "\r\n\r\n")},
		{"a thousand guesses of the token", "401 forbidden", func(w *world) string {
			last := ""
			for i := range 1000 {
				last = ask("GET", "/api/v1/status", "", "Authorization", fmt.Sprintf("Bearer %044d", i))(w)
			}
			return last
		}},
		{"no token for metrics", "401 forbidden", ask("GET", "/metrics", "", "Authorization", "")},
		{"no token for an unknown path", "401 forbidden", ask("GET", "/api/v1/nothing", "", "Authorization", "")},
		{"no token, and a path written to be cleaned", "307", raw("GET /x/../api/v1/status HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")},
		{"no token, and a path with an escaped letter", "401 forbidden", raw("GET /%61pi/v1/status HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")},
		{"no token, and a path with two slashes", "307", raw("GET //api/v1/status HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")},
		{"no token, and the path in capitals", "404 not_found", raw("GET /API/v1/status HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")},
		{"a form of another site", "403 forbidden", ask("POST", "/api/v1/records", goodRequest, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site")},
		{"a sandboxed frame", "403 forbidden", ask("POST", "/api/v1/records", goodRequest, "Origin", "null")},
		{"a neighbouring port", "403 forbidden", ask("POST", "/api/v1/records", goodRequest, "Origin", "http://127.0.0.1:1", "Sec-Fetch-Site", "same-site")},
		{"an Origin of another site alone", "403 forbidden", ask("POST", "/api/v1/records", goodRequest, "Origin", "https://evil.example")},
		{"a preflight of another site", "405 usage", ask("OPTIONS", "/api/v1/records", "", "Origin", "https://evil.example", "Access-Control-Request-Method", "POST")},
		{"a form's content type", "415 usage", ask("POST", "/api/v1/records", goodRequest, "Content-Type", "application/x-www-form-urlencoded")},
		{"a form with files", "415 usage", ask("POST", "/api/v1/records", goodRequest, "Content-Type", "multipart/form-data; boundary=x")},
		{"plain text that is JSON", "415 usage", ask("POST", "/api/v1/records", goodRequest, "Content-Type", "text/plain")},
		{"no content type", "415 usage", ask("POST", "/api/v1/records", goodRequest, "Content-Type", "")},
		{"another charset", "415 usage", ask("POST", "/api/v1/records", goodRequest, "Content-Type", "application/json; charset=euc-kr")},
		{"a content type that cannot be read", "415 usage", ask("POST", "/api/v1/records", goodRequest, "Content-Type", "application/json; ;")},
		{"JSON where a bundle is asked for", "415 usage", ask("POST", "/api/v1/import", "{}", "Content-Type", "application/json")},
		{"a compressed body", "400 malformed", ask("POST", "/api/v1/records", "\x1f\x8b\x08\x00\x00\x00\x00\x00", "Content-Encoding", "gzip")},
		{"not JSON", "400 malformed", ask("POST", "/api/v1/records", "{")},
		{"no body", "400 usage", ask("POST", "/api/v1/records", "")},
		{"JSON and more behind it", "400 malformed", ask("POST", "/api/v1/records", goodRequest+"{}")},
		{"JSON of another shape", "422 usage", ask("POST", "/api/v1/decisions", `{"changes":"all"}`)},
		{"a list in place of a record", "400 malformed", ask("POST", "/api/v1/records", "[1,2,3]")},
		{"null in place of a record", "422 invalid", ask("POST", "/api/v1/records", "null")},
		{"a field that nobody knows", "422 usage", ask("POST", "/api/v1/invitations", `{"handle":"fr-bordeaux","day":3}`)},
		{"a type that nobody knows", "422 invalid", ask("POST", "/api/v1/records", `{"type":"ballot"}`)},
		{"one key twice in a record", "422 invalid", ask("POST", "/api/v1/records", strings.Replace(goodRequest, `"lang":"ko"`, `"lang":"ko","lang":"en"`, 1))},
		{"one key twice in a command", "400 usage", ask("POST", "/api/v1/invitations", `{"handle":"fr-bordeaux","handle":"fr-lyon"}`)},
		{"lists nested a hundred thousand deep", "400 malformed", ask("POST", "/api/v1/records", `{"type":`+strings.Repeat("[", 100_000))},
		{"objects nested two hundred deep in a command", "400 usage", ask("POST", "/api/v1/decisions", strings.Repeat(`{"title":`, 200)+"1"+strings.Repeat("}", 200))},
		{"a number of a thousand digits", "422 invalid", ask("POST", "/api/v1/records", strings.Replace(goodRequest, `"value":"4"`, `"value":`+strings.Repeat("9", 1000), 1))},
		{"a number beyond all numbers in a command", "422 usage", ask("POST", "/api/v1/decisions/99999999999999999999/answers", `{}`)},
		{"NUL in a text", "422 invalid", ask("POST", "/api/v1/records", strings.Replace(goodRequest, "연수", `연\u0000수`, 1))},
		{"text that is not UTF-8", "422 invalid", ask("POST", "/api/v1/records", strings.Replace(goodRequest, "연수", "\xc3\x28", 1))},
		{"text that is not UTF-8 in a command", "400 usage", ask("POST", "/api/v1/invitations", "{\"handle\":\"\xc3\x28\"}")},
		{"half of a surrogate pair", "400 malformed", ask("POST", "/api/v1/records", strings.Replace(goodRequest, "연수", `\ud800`, 1))},
		{"letters that turn the direction of text", "422 invalid", ask("POST", "/api/v1/records", strings.Replace(goodRequest, "연수", `연\u202e수`, 1))},
		{"a record of 600 KiB", "413 too_large", ask("POST", "/api/v1/records", `{"type":"`+strings.Repeat("x", 600<<10)+`"}`)},
		{"a command of two MiB", "413 too_large", ask("POST", "/api/v1/invitations", `{"handle":"`+strings.Repeat("x", 2<<20)+`"}`)},
		{"a body said to be a terabyte", "413 too_large", raw("POST /api/v1/records HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + token + "\r\nContent-Type: application/json\r\nContent-Length: 1099511627776\r\n\r\n{")},
		{"an endless body in chunks", "413 too_large", raw("POST /api/v1/records HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + token + "\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("10000\r\n"+strings.Repeat("x", 0x10000)+"\r\n", 20))},
		{"a length that is none", "400", raw("POST /api/v1/records HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n")},
		{"two lengths that differ", "400", raw("POST /api/v1/records HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef")},
		{"a header with a line break folded in", "400", raw("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: b\r\n c: d\r\nbad line\r\n\r\n")},
		{"headers of a mebibyte", "431", raw("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: " + strings.Repeat("a", 1<<20) + "\r\n\r\n")},
		{"a protocol that is none", "400", raw("GET /healthz SMTP/1.0\r\n\r\n")},
		{"a TLS greeting", "400", raw("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")},
		{"a body of one byte a second", "408 busy", slow("POST /api/v1/records HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + token + "\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n")},
		{"headers of one byte a second", "closed", slow("GET /healthz HTTP/1.1\r\nX-A: ")},
		{"a parameter that nobody knows", "422 usage", ask("GET", "/api/v1/records?membre=kr-seoul", "")},
		{"a parameter of a stream that nobody knows", "422 usage", ask("GET", "/api/v1/stream?sinse=3", "")},
		{"a limit of zero", "422 usage", ask("GET", "/api/v1/records?limit=0", "")},
		{"a limit beyond the bound", "422 usage", ask("GET", "/api/v1/records?limit=201", "")},
		{"a limit beyond all numbers", "422 usage", ask("GET", "/api/v1/records?limit=99999999999999999999", "")},
		{"a record type that is none", "422 usage", ask("GET", "/api/v1/records?type=offers", "")},
		{"a day that is none", "422 usage", ask("GET", "/api/v1/records?as_of=2027-02-30", "")},
		{"a cursor that is none", "400 usage", ask("GET", "/api/v1/records?cursor=AAAA", "")},
		{"a cursor of another query", "400 usage", ask("GET", "/api/v1/records?type=offer&cursor="+api.RecordQuery{}.CursorAfter(api.Mark{Seq: 3}), "")},
		{"a cursor of a place before the first", "400 usage", ask("GET", "/api/v1/records?near=37.5,127&sort=distance&cursor="+behind.CursorAfter(api.Mark{Seq: 3, Key: -1}), "")},
		{"a cursor with a letter changed", "400 usage", ask("GET", "/api/v1/records?cursor="+api.RecordQuery{}.CursorAfter(api.Mark{Seq: 3})[:16]+"__", "")},
		{"a sequence that is none", "400 usage", ask("GET", "/api/v1/stream?since=-1", "")},
		{"a block that is none", "400 malformed", ask("GET", "/api/v1/blocks/QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG", "")},
		{"a record name that leads out", "404 not_found", ask("GET", "/api/v1/records/..%2f..%2fetc%2fpasswd", "")},
		{"a record name with NUL", "404 not_found", ask("GET", "/api/v1/records/a%00b", "")},
		{"a record name that is SQL", "404 not_found", ask("GET", "/api/v1/records/x'%20OR%201=1--", "")},
		{"a path that is none", "404 not_found", ask("GET", "/api/v1/nothing", "")},
		{"a record that is none", "404 not_found", ask("GET", "/api/v1/records/kr-seoul-999", "")},
		{"a path of another version", "404 not_found", ask("GET", "/api/v2/status", "")},
		{"a method that is none", "405 usage", ask("DELETE", "/api/v1/records/kr-seoul-41", "")},
		{"a write by GET", "405 usage", ask("GET", "/api/v1/invitations", "")},
		{"a read said to be a write", "405 usage", ask("POST", "/api/v1/status", "", "X-HTTP-Method-Override", "GET")},
		{"a write hidden in a read", "405 usage", ask("GET", "/api/v1/invitations", "", "X-HTTP-Method-Override", "POST")},
		{"TRACE", "405 usage", ask("TRACE", "/api/v1/status", "")},
		{"CONNECT to elsewhere", "421 forbidden", raw("CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n")},
		{"a path of five thousand letters", "414 too_large", ask("GET", "/api/v1/records/"+strings.Repeat("a", 5000), "")},
		{"an idempotency key of 201 letters", "400 usage", ask("POST", "/api/v1/records", goodRequest, "Idempotency-Key", strings.Repeat("k", 201))},
		{"an idempotency key used for something else", "422 conflict", func(w *world) string {
			ask("POST", "/api/v1/records?dry_run=false", goodRequest, "Idempotency-Key", "once")(w)
			return ask("POST", "/api/v1/records", strings.Replace(goodRequest, "네 명", "다섯 명", 1), "Idempotency-Key", "once")(w)
		}},
	}
}
