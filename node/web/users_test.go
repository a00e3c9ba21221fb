package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/dure-net/dure/node/access"
)

var linkInPage = regexp.MustCompile(`<code>http://[^/]+(/\?key=[^<]+)</code>`)

// enter makes a user on the page of users and signs another browser in by the link it shows.
func (w *world) enter(name, role string) *http.Client {
	w.t.Helper()
	_, page, _ := w.open("/users?lang=en")
	form := hiddenOf(w.t, page, "/users")
	form.Set("name", name)
	form.Set("role", role)
	form.Set("do", "set")
	if status, body, _ := w.post("/users", form); status != http.StatusSeeOther {
		w.t.Fatalf("add %s: %d %.300s", name, status, body)
	}
	form.Set("do", "link")
	_, body, _ := w.post("/users", form)
	link := linkInPage.FindStringSubmatch(body)
	if link == nil {
		w.t.Fatalf("no link for %s: %.300s", name, body)
	}
	owner := w.browser
	w.browser = w.newBrowser()
	defer func() { w.browser = owner }()
	if status, _, _ := w.open(link[1]); status != http.StatusOK {
		w.t.Fatalf("%s signs in: %d", name, status)
	}
	if status, _, _ := w.open(link[1]); status != http.StatusSeeOther {
		w.t.Errorf("the link counts twice: %d", status)
	}
	return w.browser
}

// Whoever may only read sees who may do more, and no button; what is sent all the same is refused.
func TestUsers_AReaderReads(t *testing.T) {
	w := newWorld(t)
	a := inForce()
	w.fake.Threads = append(w.fake.Threads, a)
	w.signIn()
	_, page, _ := w.open("/records/kr-seoul-41?lang=en")
	ownForms := []string{"/files", "/state", "/remarks"}
	for _, name := range ownForms {
		if !strings.Contains(page, name+`"`) && !strings.Contains(page, name+"#") {
			t.Fatalf("the owner has no form to %s", name)
		}
	}
	owner := w.browser
	w.browser = w.enter("Mina", "reader")
	for _, path := range []string{"/?lang=en", "/records/kr-seoul-41", "/records/es-bilbao-1", "/agreements/kr-seoul-9", "/messages", "/inbox", "/records"} {
		status, page, _ := w.open(path)
		if status != http.StatusOK || !strings.Contains(page, "Signed in as Mina (reader)") || !strings.Contains(page, "A clerk, a delegate or a keeper publishes") {
			t.Errorf("%s: %d, and does not say who may", path, status)
		}
		if n := strings.Count(page, `method="post"`); n != 1 { // to sign out
			t.Errorf("%s has %d forms that a reader may not send", path, n)
		}
		for _, address := range []string{`"/requests/new"`, `"/users"`, "/erase"} {
			if strings.Contains(page, address) {
				t.Errorf("%s leads to %s", path, address)
			}
		}
	}
	for path, method := range map[string]string{"/requests/new": "GET", "/requests": "POST", "/requests/preview": "POST", "/records/kr-seoul-41/state": "POST", "/records/kr-seoul-41/remarks": "POST", "/records/kr-seoul-41/erase": "POST",
		"/records/kr-seoul-41/files": "POST", "/records/es-bilbao-1/proposal": "POST", "/agreements/kr-seoul-9/deeds": "POST", "/agreements/kr-seoul-9/terms": "POST", "/messages": "POST", "/users": "POST", "/users?": "GET"} {
		var status int
		var body string
		if method == "GET" {
			status, body, _ = w.open(path)
		} else {
			status, body, _ = w.post(path, url.Values{"token": {"x"}})
		}
		if status != http.StatusForbidden || !strings.Contains(body, "this role may not do that") {
			t.Errorf("%s %s: %d", method, path, status)
		}
	}
	reader := w.browser
	w.browser = owner
	if _, page, _ := w.open("/"); !strings.Contains(page, "Signed in as the owner of this node") {
		t.Error("the owner is not told so")
	}
	// A change of role counts at once, as does a removal; another one of that name is another one.
	if _, err := w.fake.Access.SetUser(access.User{Name: "Mina", Role: access.RoleClerk}); err != nil {
		t.Fatal(err)
	}
	w.browser = reader
	if _, page, _ := w.open("/records/kr-seoul-41"); !strings.Contains(page, "/files") {
		t.Error("a clerk has no buttons")
	}
	if status, _, _ := w.open("/users"); status != http.StatusForbidden {
		t.Errorf("a clerk makes users: %d", status)
	}
	if err := w.fake.Access.RemoveUser("Mina"); err != nil {
		t.Fatal(err)
	}
	if status, _, _ := w.open("/records"); status != http.StatusUnauthorized {
		t.Errorf("who was removed is signed in: %d", status)
	}
	w.fake.Now = w.fake.Now.Add(time.Second)
	if _, err := w.fake.Access.SetUser(access.User{Name: "Mina", Role: access.RoleKeeper}); err != nil {
		t.Fatal(err)
	}
	if status, _, _ := w.open("/records"); status != http.StatusUnauthorized {
		t.Errorf("an old session is another user's: %d", status)
	}
}

// A clerk publishes; a session that was signed out, or is a week old, counts no more, even
// where its cookie was kept.
func TestUsers_SessionsEnd(t *testing.T) {
	w := newWorld(t)
	w.signIn()
	w.browser = w.enter("담당자", "clerk")
	if status, page, _ := w.open("/requests/new?lang=ko"); status != http.StatusOK || !strings.Contains(page, "담당자") {
		t.Fatalf("a clerk: %d", status)
	}
	at, _ := url.Parse(w.srv.URL)
	kept := w.browser.Jar.Cookies(at)
	if status, _, _ := w.post("/sign-out", nil); status != http.StatusSeeOther {
		t.Fatalf("sign out: %d", status)
	}
	if status, _, _ := w.open("/records"); status != http.StatusUnauthorized {
		t.Errorf("after signing out: %d", status)
	}
	w.browser.Jar.SetCookies(at, kept)
	if status, _, _ := w.open("/records"); status != http.StatusUnauthorized {
		t.Errorf("by a cookie that was kept: %d", status)
	}
	w.browser = w.newBrowser()
	w.signIn()
	w.now = w.now.Add(7*24*time.Hour - time.Minute)
	if status, _, _ := w.open("/records"); status != http.StatusOK {
		t.Errorf("within the week: %d", status)
	}
	w.now = w.now.Add(2 * time.Minute)
	if status, _, _ := w.open("/records"); status != http.StatusUnauthorized {
		t.Errorf("after a week: %d", status)
	}
}

func TestUsers_WhatIsRefused(t *testing.T) {
	w := newWorld(t)
	w.signIn()
	_, page, _ := w.open("/users?lang=fr")
	form := hiddenOf(t, page, "/users")
	for what, test := range map[string]struct {
		do, name, role string
		status         int
	}{
		"no name": {"set", " ", "clerk", 400}, "no role": {"set", "a", "owner", 400}, "nobody to remove": {"remove", "a", "", 404}, "no link for nobody": {"link", "a", "", 404}, "nothing": {"", "a", "clerk", 400},
	} {
		form.Set("do", test.do)
		form.Set("name", test.name)
		form.Set("role", test.role)
		if status, _, _ := w.post("/users", form); status != test.status {
			t.Errorf("%s: got %d, want %d", what, status, test.status)
		}
	}
	form.Set("token", "x")
	if status, _, _ := w.post("/users", form); status != http.StatusForbidden {
		t.Errorf("a form of somebody else: %d", status)
	}
	if len(w.fake.Access.Users()) != 0 {
		t.Error("one of them was made")
	}
}
