package api_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/dure-net/dure/node/access"
	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/api/apitest"
)

// keeping is a world whose interface keeps answers, with a clock that stands still, and
// the number of questions that its node was asked.
type keeping struct {
	*world
	clock time.Time
	asked int
}

func newKeeping(t *testing.T, change ...func(*api.Config)) *keeping {
	k := &keeping{clock: now}
	k.world = newWorld(t, append(change, func(c *api.Config) {
		c.Epoch, c.Now = c.Backend.(*apitest.Backend).Epoch, func() time.Time { return k.clock }
	})...)
	k.fake.OnRead = func(string, any) { k.asked++ }
	return k
}

// made reports whether answering made the node work.
func (k *keeping) made(path string, header ...string) (bool, *http.Response, []byte) {
	before := k.asked
	resp, raw := k.ask("GET", path, "", header...)
	return k.asked > before, resp, raw
}

func TestKept_TheSameQuestionIsAnsweredOnce(t *testing.T) {
	k := newKeeping(t)
	for _, path := range []string{"/api/v1/records", "/api/v1/records?type=offer&limit=3", "/api/v1/facets", "/api/v1/records/kr-seoul-41", "/api/v1/records/kr-seoul-41/matches"} {
		made, first, body := k.made(path)
		again, second, same := k.made(path)
		if first.StatusCode != 200 || !made || again || string(same) != string(body) {
			t.Fatalf("%s: %d, made %v and %v", path, first.StatusCode, made, again)
		}
		for name, values := range first.Header {
			if equal := strings.Join(second.Header[name], "\n") == strings.Join(values, "\n"); equal != (name != "X-Request-Id") && name != "Date" {
				t.Errorf("%s: %s is %v, then %v", path, name, values, second.Header[name])
			}
		}
		if len(first.Header) != len(second.Header) {
			t.Errorf("%s: %v, then %v", path, first.Header, second.Header)
		}
		made, held, nothing := k.made(path, "If-None-Match", first.Header.Get("ETag"))
		if made || held.StatusCode != 304 || len(nothing) > 0 || held.Header.Get("ETag") != first.Header.Get("ETag") {
			t.Errorf("%s: whoever holds it is told %d, made %v", path, held.StatusCode, made)
		}
	}
	for _, path := range []string{"/api/v1/members", "/api/v1/status", "/api/v1/inbox"} { // what also depends on something else
		k.made(path)
		if made, _, _ := k.made(path); !made {
			t.Errorf("%s was kept", path)
		}
	}
	for range 2 {
		if made, resp, _ := k.made("/api/v1/records/nothing-9"); !made || resp.StatusCode != 404 {
			t.Errorf("a refusal was kept")
		}
	}
}

func TestKept_NotBeyondAChangeADayOrASecond(t *testing.T) {
	k := newKeeping(t)
	const path = "/api/v1/records"
	k.made(path)
	if resp, raw := k.ask("POST", path, goodRequest); resp.StatusCode != 201 {
		t.Fatal(string(raw))
	}
	if made, _, raw := k.made(path); !made || !strings.Contains(string(raw), "kr-seoul-42") {
		t.Errorf("after a record came, the list is %v %.200s", made, raw)
	}
	for _, later := range []time.Duration{time.Second, 24 * time.Hour} {
		k.made(path)
		k.clock = k.clock.Add(later)
		if made, _, _ := k.made(path); !made {
			t.Errorf("an answer was given again after %v", later)
		}
	}
	k.clock = time.Date(2026, 12, 15, 23, 59, 59, 999_000_000, time.UTC)
	k.made(path)
	k.clock = k.clock.Add(10 * time.Millisecond)
	if made, _, _ := k.made(path); !made {
		t.Error("an answer of yesterday was given today")
	}
}

// What changed while an answer was made is in none that is kept.
func TestKept_NotWhenSomethingChangedMeanwhile(t *testing.T) {
	k := newKeeping(t)
	k.fake.OnRead = func(method string, _ any) {
		if k.asked++; method == "Facets" {
			if _, err := k.fake.Publish(context.Background(), api.Draft{Type: "request", Raw: json.RawMessage(goodRequest)}); err != nil {
				t.Error(err)
			}
		}
	}
	for range 2 {
		if made, _, _ := k.made("/api/v1/facets"); !made {
			t.Error("an answer of before the change was given after it")
		}
	}
}

// Nobody is told what was made for somebody with other rights, or for another language.
func TestKept_ForThoseWhoMayAskTheSame(t *testing.T) {
	k := newKeeping(t, func(c *api.Config) { c.Public = true })
	r, err := k.client().Publish(context.Background(), api.Draft{Type: "offer", Raw: json.RawMessage(privateOffer)})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/api/v1/records", "/api/v1/records/" + r.Number} {
		if _, resp, raw := k.made(path); resp.StatusCode != 200 || !strings.Contains(string(raw), r.Record) {
			t.Fatalf("%s: the owner is told %d", path, resp.StatusCode)
		}
		if made, _, raw := k.made(path, "Authorization", ""); !made || strings.Contains(string(raw), r.Record) {
			t.Errorf("%s: a caller without token is told of a record for chosen members", path)
		}
		if _, _, raw := k.made(path); !strings.Contains(string(raw), r.Record) {
			t.Errorf("%s: the owner is told what others are", path)
		}
	}
	if made, _, _ := k.made("/api/v1/records", "Authorization", ""); made {
		t.Error("an answer for callers without token was made again for the next one")
	}
	const matches = "/api/v1/records/kr-seoul-41/matches"
	_, _, korean := k.made(matches, "Accept-Language", "ko")
	if made, _, english := k.made(matches, "Accept-Language", "en"); !made || string(korean) == string(english) {
		t.Error("reasons in the language of another caller")
	}
}

// Being kept saves the work and none of the questions: each request is asked who sends it.
func TestKept_EveryRequestIsStillAskedWhoItIs(t *testing.T) {
	k := newKeeping(t, func(c *api.Config) { c.Public = true })
	const path = "/api/v1/records"
	secret, tok, err := k.fake.Access.Issue(access.Request{Name: "site", Scopes: []string{"read"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	bearer := "Bearer " + secret
	k.made(path, "Authorization", bearer)
	if made, resp, _ := k.made(path, "Authorization", bearer); made || resp.StatusCode != 200 {
		t.Fatalf("made %v, %d", made, resp.StatusCode)
	}
	if _, resp, _ := k.made(path, "Authorization", bearer, "Host", "evil.example"); resp.StatusCode != 421 {
		t.Errorf("another Host: %d", resp.StatusCode)
	}
	if _, err := k.fake.Access.Revoke(tok.ID); err != nil {
		t.Fatal(err)
	}
	if _, resp, _ := k.made(path, "Authorization", bearer); resp.StatusCode != 401 {
		t.Errorf("a revoked token: %d", resp.StatusCode)
	}
	if _, resp, _ := k.made(path, "Authorization", "Bearer wrong"); resp.StatusCode != 401 {
		t.Errorf("a wrong token: %d", resp.StatusCode)
	}
	limited := false
	for range 100 {
		if _, resp, _ := k.made(path, "Authorization", ""); resp.StatusCode == 429 {
			limited = true
			break
		}
	}
	if !limited {
		t.Error("a hundred requests at once without token were all answered")
	}
}

// The bytes that are kept are bounded; what was not asked for longest goes first.
func TestKept_IsBounded(t *testing.T) {
	k := newKeeping(t)
	ask := func(language string) (made bool) {
		before := k.asked
		r := httptest.NewRequest("GET", "/api/v1/records", nil)
		r.Host = "127.0.0.1"
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Accept-Language", language)
		rec := httptest.NewRecorder()
		if k.srv.Config.Handler.ServeHTTP(rec, r); rec.Code != 200 {
			t.Fatal(rec.Code)
		}
		return k.asked > before
	}
	long := strings.Repeat("x", 512<<10)
	ask("first")
	ask("second")
	for i := range 40 { // 20 MiB
		ask(long + string(rune('A'+i)))
		if ask("first") {
			t.Fatalf("what is asked for all the time was forgotten after %d", i)
		}
	}
	if !ask("second") {
		t.Error("nothing was forgotten")
	}
	if ask(long + string(rune('A'+39))) {
		t.Error("the last answer was forgotten")
	}
	ask(long + long)
	if !ask(long + long) {
		t.Error("an answer beyond the bound of one was kept")
	}
}
