package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dure-net/dure/node/access"
	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// Every method of the client gives what the backend gave.
func TestClient_RoundTrip(t *testing.T) {
	w := newWorld(t)
	ctx, c := context.Background(), w.client()
	same := func(method string, got any, gotErr error, want any, wantErr error) {
		t.Helper()
		if gotErr != nil || wantErr != nil {
			t.Fatalf("%s: got %v, want %v", method, gotErr, wantErr)
		}
		if diff := cmp.Diff(want, got, cmp.Transformer("plain", plain)); diff != "" {
			t.Errorf("%s: the client's answer differs (-backend +client):\n%s", method, diff)
		}
	}
	check := func(method string, ask func(api.Backend) (any, error)) {
		t.Helper()
		got, gotErr := ask(c)
		want, wantErr := ask(w.fake)
		same(method, got, gotErr, want, wantErr)
	}
	check("Status", func(b api.Backend) (any, error) { return b.Status(ctx) })
	check("Members", func(b api.Backend) (any, error) { return b.Members(ctx) })
	check("Records", func(b api.Backend) (any, error) {
		return b.Records(ctx, api.RecordQuery{Types: []string{"offer", "request"}, Member: "kr-seoul", Limit: 1})
	})
	check("Search", func(b api.Backend) (any, error) { return b.Search(ctx, api.RecordQuery{Text: "seoul", Limit: 3}) })
	check("Search types", func(b api.Backend) (any, error) {
		return b.Search(ctx, api.RecordQuery{Types: []string{"member", "act"}})
	})
	check("FoundFacets", func(b api.Backend) (any, error) { return b.FoundFacets(ctx, api.RecordQuery{Text: "seoul"}) })
	check("Record by number", func(b api.Backend) (any, error) { return b.Record(ctx, "kr-seoul-41") })
	page, err := c.Records(ctx, api.RecordQuery{})
	if err != nil {
		t.Fatal(err)
	}
	newest := page.Items[0]
	check("Record by prefix", func(b api.Backend) (any, error) { return b.Record(ctx, newest.ID[:30]) })
	check("Block", func(b api.Backend) (any, error) { return b.Block(ctx, newest.Body) })
	check("Decisions", func(b api.Backend) (any, error) { return b.Decisions(ctx) })
	check("Decide", func(b api.Backend) (any, error) {
		return b.Decide(ctx, api.Proposal{Changes: []api.Change{{Kind: "suspend", Member: "it-bologna"}}, Text: map[string]string{"en": "why"}})
	})
	check("Answer", func(b api.Backend) (any, error) {
		return b.Answer(ctx, api.AnswerRequest{Number: 4, None: true})
	})
	check("Invite", func(b api.Backend) (any, error) {
		return b.Invite(ctx, api.InviteRequest{Handle: "fr-bordeaux", Days: 3, Trust: true})
	})
	check("Import", func(b api.Backend) (any, error) { return b.Import(ctx, strings.NewReader("bundle"), nil) })

	var steps []api.Progress
	report, err := c.Verify(ctx, func(p api.Progress) { steps = append(steps, p) })
	if err != nil || !report.OK || len(steps) != 3 || steps[2].Done != 3 {
		t.Errorf("Verify: got %+v with %v and %v", report, steps, err)
	}
	check("Export", func(b api.Backend) (any, error) {
		var out bytes.Buffer
		r, err := b.Export(ctx, &out, nil)
		if !bytes.Equal(out.Bytes(), w.fake.Bundle) {
			t.Errorf("got bundle %q", out.Bytes())
		}
		return r, err
	})
	check("Backup", func(b api.Backend) (any, error) { return b.Backup(ctx, io.Discard, nil) })

	receipt, err := c.Publish(ctx, api.Draft{Type: "request", Raw: []byte(goodRequest)})
	if err != nil || receipt.Number != "kr-seoul-42" || receipt.ID != receipt.Record || receipt.Seq != 8 {
		t.Fatalf("Publish: got %+v, %v", receipt, err)
	}
	revised, err := c.Publish(ctx, api.Draft{Type: "request", Raw: []byte(strings.Replace(goodRequest, "네 명", "다섯 명", 1)), Of: receipt.Number})
	if err != nil || revised.Record != receipt.Record || revised.ID == receipt.ID {
		t.Fatalf("Publish a revision: got %+v, %v", revised, err)
	}
	gone, err := c.Withdraw(ctx, receipt.Number, map[string]string{"ko": "일정이 바뀌었습니다."})
	if err != nil || gone.Record != receipt.Record {
		t.Fatalf("Withdraw: got %+v, %v", gone, err)
	}
	rec, err := c.Record(ctx, receipt.Number)
	if err != nil || rec.State != api.RecordWithdrawn || rec.Revisions != 1 || rec.Reason["ko"] == "" {
		t.Errorf("Record: got %+v, %v", rec, err)
	}
}

// plain makes numbers and links comparable with what JSON makes of them.
func plain(m map[string]any) map[string]any {
	out := map[string]any{}
	for k, v := range m {
		out[k] = plainValue(v)
	}
	return out
}

func plainValue(v any) any {
	switch v := v.(type) {
	case uint64:
		return float64(v)
	case protocol.CID:
		return v.String()
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = plainValue(v[i])
		}
		return out
	}
	return v
}

func TestClient_ErrorsKeepTheirReason(t *testing.T) {
	w := newWorld(t)
	ctx, c := context.Background(), w.client()
	for _, r := range protocol.Reasons()[1:] {
		w.fake.Fail = func(string) error {
			return &protocol.Error{Reason: r, Op: "test", ID: "kr-seoul-41", Args: map[string]string{"handle": "kr-seoul"}}
		}
		_, err := c.Status(ctx)
		var e *protocol.Error
		if !errors.As(err, &e) || e.Reason != r || e.ID != "kr-seoul-41" || e.Args["handle"] != "kr-seoul" {
			t.Errorf("%s: got %#v", r, err)
		}
	}
	w.fake.Fail = nil
	_, err := c.Publish(ctx, api.Draft{Type: "request", Raw: []byte(`{"type":"request","lang":"ko"}`)})
	_, want := w.fake.Publish(ctx, api.Draft{Type: "request", Raw: []byte(`{"type":"request","lang":"ko"}`)})
	if diff := cmp.Diff(record.FaultsOf(want), record.FaultsOf(err)); diff != "" || len(record.FaultsOf(err)) < 5 {
		t.Errorf("faults differ (-backend +client):\n%s", diff)
	}
}

func TestClient_NodeThatIsNotThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "http://" + l.Addr().String()
	_ = l.Close()
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", 404) }))
	defer other.Close()
	silent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }))
	defer silent.Close()
	for name, base := range map[string]string{"nobody listens": address, "something else answers": other.URL, "the connection breaks": silent.URL} {
		c := api.NewClient(base, token)
		if _, err := c.Status(context.Background()); protocol.ReasonOf(err) != protocol.ReasonNotRunning {
			t.Errorf("%s: got %v, want not running", name, err)
		}
		for _, err := range c.Watch(context.Background(), 0) {
			if protocol.ReasonOf(err) != protocol.ReasonNotRunning {
				t.Errorf("%s: Watch got %v, want not running", name, err)
			}
		}
		c.Close()
	}
	w := newWorld(t)
	c := api.NewClient(w.srv.URL, strings.Repeat("z", 40))
	defer c.Close()
	if _, err := c.Status(context.Background()); protocol.ReasonOf(err) != protocol.ReasonForbidden {
		t.Errorf("a wrong token: got %v, want forbidden", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := w.client().Status(ctx); protocol.ReasonOf(err) != protocol.ReasonCanceled {
		t.Errorf("a caller that gave up: got %v, want canceled", err)
	}
}

// A download that breaks off is never taken for whole.
func TestClient_BrokenDownload(t *testing.T) {
	w := newWorld(t)
	w.fake.Bundle = bytes.Repeat([]byte("x"), 1<<20)
	w.fake.Broken = protocol.Fail(protocol.ReasonDamaged, "test", nil)
	if _, err := w.client().Export(context.Background(), io.Discard, nil); protocol.ReasonOf(err) != protocol.ReasonNotRunning {
		t.Errorf("got %v, want a broken connection", err)
	}
	w.fake.Fail = func(string) error { return protocol.Fail(protocol.ReasonDamaged, "test", nil) }
	if _, err := w.client().Export(context.Background(), io.Discard, nil); protocol.ReasonOf(err) != protocol.ReasonDamaged {
		t.Errorf("got %v before the first byte, want damaged", err)
	}
}

func TestServer_IdempotencyKey(t *testing.T) {
	w := newWorld(t)
	post := func(key, body string) (*http.Response, []byte) {
		return w.ask("POST", "/api/v1/records", body, "Idempotency-Key", key)
	}
	first, raw := post("one", goodRequest)
	again, raw2 := post("one", goodRequest)
	if first.StatusCode != 201 || again.StatusCode != 201 || !bytes.Equal(raw, raw2) || again.Header.Get("Idempotent-Replay") != "true" {
		t.Errorf("got %s then %s, want one receipt twice", raw, raw2)
	}
	if got := first.Header.Get("Location"); !strings.HasPrefix(got, "/api/v1/records/baf") {
		t.Errorf("got Location %q", got)
	}
	if resp, raw := post("one", strings.Replace(goodRequest, "care", "housing", 1)); resp.StatusCode != 422 || problem(t, resp, raw).Code != "conflict" {
		t.Errorf("the key of another request: got %s, want 422", resp.Status)
	}
	if resp, raw := post("two", `{"type":"request"}`); resp.StatusCode != 422 {
		t.Errorf("got %s %s", resp.Status, raw)
	}
	if resp, raw := post("two", goodRequest); resp.StatusCode != 201 || resp.Header.Get("Idempotent-Replay") != "" {
		t.Errorf("a key whose request failed cannot be used again: %s %s", resp.Status, raw)
	}
	if page, _ := w.fake.Records(context.Background(), api.RecordQuery{Member: "kr-seoul"}); len(page.Items) != 3 {
		t.Errorf("got %d records of kr-seoul, want 1 from before and 2 published", len(page.Items))
	}
}

// Programs that number their requests alike do not get each other's receipts.
func TestServer_IdempotencyKeysAreTheCallersOwn(t *testing.T) {
	w := newWorld(t)
	if _, err := w.fake.Access.SetUser(access.User{Name: "kim", Role: access.RoleClerk}); err != nil {
		t.Fatal(err)
	}
	bearer := func(name, user string) string {
		secret, _, err := w.fake.Access.Issue(access.Request{Name: name, User: user, Scopes: []string{"write"}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return "Bearer " + secret
	}
	post := func(bearer, body string) (*http.Response, api.Receipt) {
		resp, raw := w.ask("POST", "/api/v1/records", body, "Idempotency-Key", "1", "Authorization", bearer)
		var r api.Receipt
		if err := json.Unmarshal(raw, &r); err != nil || resp.StatusCode != 201 {
			t.Fatal(resp.Status, string(raw))
		}
		return resp, r
	}
	site, stock := bearer("site", ""), bearer("stock", "")
	_, owners := post("Bearer "+token, goodRequest)
	resp, first := post(site, goodRequest)
	if resp.Header.Get("Idempotent-Replay") != "" || first.Record == owners.Record {
		t.Errorf("a program gets the owner's receipt: %+v", first)
	}
	if _, other := post(stock, strings.Replace(goodRequest, "네 명", "다섯 명", 1)); other.Record == first.Record {
		t.Errorf("a program gets another one's receipt: %+v", other)
	}
	if resp, again := post(site, goodRequest); resp.Header.Get("Idempotent-Replay") != "true" || again.Record != first.Record {
		t.Errorf("its own key writes again: %+v", again)
	}
	_, kims := post(bearer("old", "kim"), goodRequest)
	if resp, again := post(bearer("new", "kim"), goodRequest); resp.Header.Get("Idempotent-Replay") != "true" || again.Record != kims.Record {
		t.Errorf("after a token was renewed, its user's key writes again: %+v", again)
	}
}

// Ten requests of one key at once write once.
func TestServer_IdempotencyKeyAtOnce(t *testing.T) {
	w := newWorld(t)
	var writes atomic.Int32
	w.fake.Pause = func(context.Context) { writes.Add(1); time.Sleep(100 * time.Millisecond) }
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if resp, raw := w.ask("POST", "/api/v1/records", goodRequest, "Idempotency-Key", "same"); resp.StatusCode != 201 {
				t.Errorf("got %s %s", resp.Status, raw)
			}
		})
	}
	wg.Wait()
	if got := writes.Load(); got != 1 {
		t.Errorf("got %d writes, want 1", got)
	}
}

// A connection lost while the answer is on its way does not write twice.
func TestClient_PublishTriesOnceMore(t *testing.T) {
	w := newWorld(t)
	var broken atomic.Bool
	inner := w.srv.Config.Handler
	w.srv.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method == "POST" && broken.CompareAndSwap(false, true) {
			inner.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		}
		inner.ServeHTTP(rw, r)
	})
	receipt, err := w.client().Publish(context.Background(), api.Draft{Type: "request", Raw: []byte(goodRequest)})
	if err != nil || receipt.Number != "kr-seoul-42" {
		t.Fatalf("got %+v, %v", receipt, err)
	}
	if page, _ := w.fake.Records(context.Background(), api.RecordQuery{Member: "kr-seoul"}); len(page.Items) != 2 {
		t.Errorf("got %d records of kr-seoul, want 1 from before and 1 published", len(page.Items))
	}
}
