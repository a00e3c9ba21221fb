package web_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/dure-net/dure/node/api"
)

// own is the path of an open listing of this member, other of somebody else's.
func (w *world) listings() (own, other string) {
	w.t.Helper()
	page, err := w.fake.Records(w.t.Context(), api.RecordQuery{Types: []string{"offer", "request"}, Limit: 200})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, r := range page.Items {
		switch {
		case r.State != api.RecordPublished:
		case r.Member == "kr-seoul":
			own = "/records/" + r.Number
		default:
			other = "/records/" + r.Number
		}
	}
	if own == "" || other == "" {
		w.t.Fatal("no listings to try")
	}
	return own, other
}

func TestListing_OwnerPausesAndResumes(t *testing.T) {
	w := newWorld(t)
	w.signIn()
	own, other := w.listings()
	_, page, _ := w.open(own + "?lang=en")
	if !strings.Contains(page, "What becomes of it") || !strings.Contains(page, `value="pause"`) {
		t.Fatal("the owner's page offers nothing")
	}
	if _, page, _ := w.open(other); strings.Contains(page, `value="pause"`) {
		t.Error("somebody else's page offers to pause it")
	}
	form := hiddenOf(t, page, "/state")
	form.Set("what", "pause")
	status, _, header := w.post(own+"/state", form)
	if status != 303 || header.Get("Location") != own {
		t.Fatalf("pause: got %d to %s", status, header.Get("Location"))
	}
	if _, page, _ = w.open(own); !strings.Contains(page, `value="resume"`) || strings.Contains(page, `value="pause"`) {
		t.Error("a paused listing cannot be resumed")
	}
	form.Set("what", "fulfilled")
	if status, _, _ := w.post(own+"/state", form); status != 303 {
		t.Errorf("close: got %d", status)
	}
	if _, page, _ = w.open(own); strings.Contains(page, "/state") {
		t.Error("a closed listing can still be changed")
	}
}

func TestListing_OnlyThisSessionAndKnownWords(t *testing.T) {
	w := newWorld(t)
	w.signIn()
	own, other := w.listings()
	_, page, _ := w.open(own)
	form := hiddenOf(t, page, "/state")
	for _, c := range []struct {
		name, path string
		form       url.Values
		want       int
	}{
		{"no token", own, url.Values{"what": {"pause"}}, 403},
		{"another form's token", own, url.Values{"what": {"pause"}, "token": {"x"}}, 403},
		{"no such thing to do", own, url.Values{"what": {"explode"}, "token": form["token"]}, 400},
		{"not the owner", other, url.Values{"what": {"pause"}, "token": form["token"]}, 403},
	} {
		if status, _, _ := w.post(c.path+"/state", c.form); status != c.want {
			t.Errorf("%s: got %d, want %d", c.name, status, c.want)
		}
	}
}

// What looks like data of a private person is told before it is published.
func TestForm_TellsOfPersonalData(t *testing.T) {
	w := newWorld(t)
	w.signIn()
	_, page, _ := w.open("/requests/new?lang=en")
	form := good()
	form.Set("token", hiddenOf(t, page, "/requests/preview").Get("token"))
	if _, page, _ := w.post("/requests/preview", form); strings.Contains(page, "Does this belong in public?") {
		t.Error("warned of nothing")
	}
	form.Set("body", "담당 홍길동 010-1234-5678")
	if _, page, _ := w.post("/requests/preview", form); !strings.Contains(page, "Does this belong in public?") || !strings.Contains(page, "This looks like a telephone number: 010-1234-5678") {
		t.Error("a telephone number is not told of")
	}
}
