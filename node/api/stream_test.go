package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dure-net/dure/node/access"
	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/api/apitest"
	"github.com/dure-net/dure/node/phrase"
	"github.com/dure-net/dure/protocol"
)

// listener reads one stream by hand, so that the bytes themselves are tested.
type listener struct {
	t     *testing.T
	lines *bufio.Scanner
	close func()
}

func (w *world) listen(path string, header ...string) *listener {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	req, err := http.NewRequestWithContext(ctx, "GET", w.srv.URL+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		w.t.Fatal(err)
	}
	l := &listener{t: w.t, lines: bufio.NewScanner(resp.Body), close: func() { cancel(); resp.Body.Close() }}
	w.t.Cleanup(l.close)
	if resp.StatusCode != 200 {
		w.t.Fatalf("got %s, want 200", resp.Status)
	}
	return l
}

// next is the next event: its id, type and data.
func (l *listener) next() (id, kind string, e api.Event) {
	l.t.Helper()
	for l.lines.Scan() {
		name, value, _ := strings.Cut(l.lines.Text(), ": ")
		switch name {
		case "id":
			id = value
		case "event":
			kind = value
		case "data":
			if err := json.Unmarshal([]byte(value), &e); err != nil {
				l.t.Fatal(err)
			}
		case "":
			if kind != "" {
				return id, kind, e
			}
		}
	}
	l.t.Fatalf("the stream ended: %v", l.lines.Err())
	return
}

func (l *listener) ids(n int) []uint64 {
	l.t.Helper()
	var got []uint64
	for range n {
		id, kind, e := l.next()
		if e.Type != api.EventType(kind) || id == "" {
			l.t.Errorf("got event %q with id %q and %+v", kind, id, e)
		}
		got = append(got, e.Seq)
	}
	return got
}

func (w *world) publish() api.Receipt {
	w.t.Helper()
	receipt, err := w.fake.Publish(context.Background(), api.Draft{Type: "request", Raw: []byte(goodRequest)})
	if err != nil {
		w.t.Fatal(err)
	}
	return receipt
}

func TestStream_BeginsWhereAsked(t *testing.T) {
	for _, c := range []struct {
		name, query, last string
		want              []uint64 // the fake has events 1 to 7; 8 follows while connected
	}{
		{"no cursor means from now on", "", "", []uint64{8}},
		{"zero means from the beginning", "?since=0", "", []uint64{1, 2, 3, 4, 5, 6, 7, 8}},
		{"inside", "?since=5", "", []uint64{6, 7, 8}},
		{"at the end", "?since=7", "", []uint64{8}},
		{"Last-Event-ID wins over since", "?since=0", "6", []uint64{7, 8}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			var header []string
			if c.last != "" {
				header = []string{"Last-Event-ID", c.last}
			}
			l := w.listen("/api/v1/stream"+c.query, header...)
			w.publish()
			if got := l.ids(len(c.want)); !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestStream_FutureCursorIsReset(t *testing.T) {
	w := newWorld(t)
	l := w.listen("/api/v1/stream?since=1000")
	if id, kind, e := l.next(); kind != "reset" || id != "7" || e.Seq != 7 {
		t.Fatalf("got %q with id %s and %+v, want one reset to 7", kind, id, e)
	}
	w.publish()
	if got := l.ids(1); got[0] != 8 {
		t.Errorf("got %v after the reset, want 8", got)
	}
}

func TestStream_Heartbeats(t *testing.T) {
	w := newWorld(t)
	l := w.listen("/api/v1/stream")
	beats := 0
	for beats < 3 && l.lines.Scan() {
		if l.lines.Text() == ": still here" {
			beats++
		}
	}
	if beats < 3 {
		t.Errorf("got %d heartbeats before the stream ended", beats)
	}
}

func TestStream_Lines(t *testing.T) {
	w := newWorld(t)
	l := w.listen("/api/v1/stream?since=5", "Accept", "application/x-ndjson")
	for want := uint64(6); want <= 7; {
		if !l.lines.Scan() {
			t.Fatal(l.lines.Err())
		}
		if l.lines.Text() == "" {
			continue
		}
		var e api.Event
		if err := json.Unmarshal(l.lines.Bytes(), &e); err != nil || e.Seq != want {
			t.Fatalf("got %q, want event %d (%v)", l.lines.Text(), want, err)
		}
		want++
	}
}

func TestStream_EndsWithTheProblem(t *testing.T) {
	w := newWorld(t)
	w.fake.Fail = func(method string) error {
		if method == "Watch" {
			return protocol.Fail(protocol.ReasonDamaged, "test", nil)
		}
		return nil
	}
	l := w.listen("/api/v1/stream?since=0")
	if id, kind, _ := l.next(); kind != "problem" || id != "" {
		t.Errorf("got %q with id %q, want a problem without id", kind, id)
	}
	for _, err := range w.client().Watch(context.Background(), 0) {
		if protocol.ReasonOf(err) != protocol.ReasonDamaged {
			t.Errorf("the client got %v, want damaged", err)
		}
	}
}

// A token that is revoked ends the streams it opened, before another event is told.
func TestStream_EndsWithItsToken(t *testing.T) {
	w := newWorld(t)
	secret, issued, err := w.fake.Access.Issue(access.Request{Name: "website", Scopes: []string{"read"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	l := w.listen("/api/v1/stream", "Authorization", "Bearer "+secret)
	if _, err := w.fake.Access.Revoke(issued.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := w.client().Publish(context.Background(), api.Draft{Type: "offer", Raw: json.RawMessage(privateOffer)}); err != nil {
		t.Fatal(err)
	}
	told := ""
	for l.lines.Scan() {
		told += l.lines.Text() + "\n"
	}
	if strings.Contains(told, "event: record") || !strings.Contains(told, "forbidden") {
		t.Errorf("after its end the token still hears:\n%s", told)
	}
}

func TestStream_TooManyAreTurnedAway(t *testing.T) {
	w := newWorld(t)
	for range 64 {
		w.listen("/api/v1/stream")
	}
	resp, raw := w.ask("GET", "/api/v1/stream", "")
	if p := problem(t, resp, raw); resp.StatusCode != 503 || p.Code != "busy" {
		t.Errorf("got %d %s, want 503 busy", resp.StatusCode, p.Code)
	}
}

// sluggish is the connection of a reader that takes its time over one message.
type sluggish struct {
	*httptest.ResponseRecorder
	wait string // what the message has in it
	took func() // is called while it is sent
}

func (c *sluggish) WriteString(text string) (int, error) {
	if strings.Contains(text, c.wait) {
		c.took()
	}
	return c.ResponseRecorder.WriteString(text)
}

// A reader that lets a message wait is told where to go on, and going on there it misses
// nothing and is told nothing twice. One that takes its time within bounds is not cut.
func TestStream_SlowReadersAreToldWhereToGoOn(t *testing.T) {
	book, err := theBook()
	if err != nil {
		t.Fatal(err)
	}
	for _, lines := range []bool{false, true} {
		clock, wait := now, 11*time.Second
		handler := api.New(api.Config{Backend: apitest.New(now), Token: token, Hosts: []string{"127.0.0.1"}, Phrases: book, Now: func() time.Time { return clock }})
		read := func(since, until string, wait time.Duration) string {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			r := httptest.NewRequestWithContext(ctx, "GET", "/api/v1/stream?type=record&since="+since, nil)
			r.Host = "127.0.0.1"
			r.Header.Set("Authorization", "Bearer "+token)
			r.Header.Set("Accept-Language", "fr")
			if lines {
				r.Header.Set("Accept", "application/x-ndjson")
			}
			c := &sluggish{httptest.NewRecorder(), `"seq":` + until + `,`, func() {
				if clock = clock.Add(wait); wait < 10*time.Second {
					cancel()
				}
			}}
			handler.ServeHTTP(c, r)
			if ctx.Err() == context.DeadlineExceeded {
				t.Error("the stream did not end")
			}
			return c.Body.String()
		}
		told := read("0", "3", wait)
		mark := `"args":{"resume":"3"}`
		if last := told[strings.LastIndex(strings.TrimSpace(told), "\n"):]; !strings.Contains(last, mark) || !strings.Contains(last, `"code":"busy"`) || !strings.Contains(last, "rouvrez le flux après 3") {
			t.Errorf("the last message is %q", last)
		}
		if !lines && !strings.Contains(told, "id: 3\nevent: problem\n") {
			t.Errorf("the last message has no id: %s", told)
		}
		if strings.Contains(told, `"seq":4,`) || !strings.Contains(told, `"seq":3,`) {
			t.Errorf("the stream went on: %s", told)
		}
		told = read("3", "7", 9*time.Second)
		if strings.Contains(told, "resume") || strings.Contains(told, `"seq":3,`) || strings.Count(told, `"seq":`) != 4 {
			t.Errorf("going on there brings %s", told)
		}
	}
}

// A client that follows while connections break again and again sees every event once
// and in order.
func TestClient_WatchResumesExactly(t *testing.T) {
	book, err := phrase.New()
	if err != nil {
		t.Fatal(err)
	}
	fake := apitest.New(now)
	handler := api.New(api.Config{Backend: fake, Token: token, Hosts: []string{"127.0.0.1"}, Phrases: book})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex // guards conns
	var conns []net.Conn
	srv := &http.Server{Handler: handler, ConnState: func(c net.Conn, s http.ConnState) {
		if s == http.StateNew {
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
		}
	}}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close() })

	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	const rounds, each = 5, 10
	client := api.NewClient("http://"+l.Addr().String(), token)
	defer client.Close()
	var got []uint64
	for e, err := range client.Watch(ctx, 0) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e.Seq)
		if n := len(got); n >= 7 && (n-7)%each == 0 {
			if (n-7)/each == rounds {
				break
			}
			mu.Lock()
			for _, c := range conns {
				_ = c.Close()
			}
			conns = nil
			mu.Unlock()
			for range each {
				if _, err := fake.Publish(ctx, api.Draft{Type: "request", Raw: []byte(goodRequest)}); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for i, seq := range got {
		if seq != uint64(i+1) {
			t.Fatalf("got %v, want every number once and in order", got)
		}
	}
	if len(got) != 7+rounds*each {
		t.Errorf("got %d events, want %d", len(got), 7+rounds*each)
	}
}

// The five cursors: none, zero, inside, older than what is kept (nothing is: it is the
// ledger), and of the future.
func TestStream_FiveCursors(t *testing.T) {
	for _, c := range []struct {
		what, path string
		header     []string
		first      string // "" is the next thing that happens
	}{
		{"none", "/api/v1/stream", nil, ""},
		{"zero", "/api/v1/stream?since=0", nil, "1 record"},
		{"inside", "/api/v1/stream?since=3", nil, "4 record"},
		{"the newest", "/api/v1/stream?since=7", nil, ""},
		{"older than all", "/api/v1/stream", []string{"Last-Event-ID", "0"}, "1 record"},
		{"the header wins", "/api/v1/stream?since=0", []string{"Last-Event-ID", "5"}, "6 record"},
		{"of the future", "/api/v1/stream?since=900", nil, "7 reset"},
	} {
		w := newWorld(t)
		l := w.listen(c.path, c.header...)
		want := c.first
		if want == "" {
			if resp, raw := w.ask("POST", "/api/v1/records", goodRequest); resp.StatusCode != 201 {
				t.Fatal(string(raw))
			}
			want = "8 record"
		}
		if id, kind, _ := l.next(); id+" "+kind != want {
			t.Errorf("%s: began with %s %s, want %s", c.what, id, kind, want)
		}
	}
}

// Filters leave events out and lose none of the others; the heartbeat says how far they
// have come, so that a reader who resumes is not told everything again.
func TestStream_Filters(t *testing.T) {
	w := newWorld(t)
	count := func(path string) (got []string) {
		l := w.listen(path + "&since=0")
		defer l.close()
		for l.lines.Scan() {
			line := l.lines.Text()
			if name, found := strings.CutPrefix(line, "data: "); found {
				var e api.Event
				if err := json.Unmarshal([]byte(name), &e); err != nil {
					t.Fatal(err)
				}
				got = append(got, e.Member+" "+e.RecordType)
			}
			if line == "id: 7" { // of the last event, or of the heartbeat after it
				if strings.HasPrefix(path, "/api/v1/stream?kind=offer&member=nobody") || len(got) > 0 {
					return got
				}
			}
		}
		t.Fatal(l.lines.Err())
		return nil
	}
	all := count("/api/v1/stream?type=record")
	offers := count("/api/v1/stream?kind=offer")
	if len(offers) == 0 || len(offers) >= len(all) {
		t.Errorf("%d of %d events are of offers", len(offers), len(all))
	}
	for _, one := range offers {
		if !strings.HasSuffix(one, " offer") {
			t.Errorf("%s came through", one)
		}
	}
	if got := count("/api/v1/stream?kind=offer&member=nobody"); len(got) != 0 {
		t.Errorf("got %v", got)
	}
	for _, bad := range []string{"type=everything", "kind=ballot", "type=record,", "filter=x"} {
		if resp, raw := w.ask("GET", "/api/v1/stream?"+bad, ""); resp.StatusCode/100 != 4 {
			t.Errorf("%s: %d %s", bad, resp.StatusCode, raw)
		}
	}
}
