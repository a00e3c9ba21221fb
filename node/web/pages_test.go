package web_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/phrase"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

func TestPages_SignInWorksOnce(t *testing.T) {
	w := newWorld(t)
	link := strings.TrimPrefix(api.SignInLink(w.srv.URL, token, w.now), w.srv.URL)
	if status, page, _ := w.open("/"); status != 401 || !strings.Contains(page, "dure open") {
		t.Errorf("without signing in: got %d, want 401 and how to sign in", status)
	}
	status, page, header := w.open(link)
	cookie := header.Get("Set-Cookie")
	if status != 200 || !strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "SameSite=Strict") || strings.Contains(cookie, token) || strings.Contains(page, token) {
		t.Fatalf("sign-in: got %d with cookie %q", status, cookie)
	}
	if status, _, _ := w.open("/"); status != 200 {
		t.Errorf("signed in: got %d, want 200", status)
	}
	signedIn := w.browser
	w.browser = w.newBrowser()
	for name, path := range map[string]string{"a second use": link, "a wrong key": link + "x", "no key of ours": "/?key=a.b.c",
		"an old key":        strings.TrimPrefix(api.SignInLink(w.srv.URL, token, w.now.Add(-time.Minute)), w.srv.URL),
		"a key to come":     strings.TrimPrefix(api.SignInLink(w.srv.URL, token, w.now.Add(time.Hour)), w.srv.URL),
		"another's key":     strings.TrimPrefix(api.SignInLink(w.srv.URL, strings.ToUpper(token), w.now), w.srv.URL),
		"the token as key":  "/?key=" + token,
		"a page of records": "/records"} {
		if status, page, header := w.open(path); status != 401 || header.Get("Set-Cookie") != "" || strings.Contains(page, "kr-seoul") {
			t.Errorf("%s: got %d with cookie %q, want 401 without", name, status, header.Get("Set-Cookie"))
		}
	}
	w.browser = signedIn
	w.now = w.now.Add(8 * 24 * time.Hour)
	if status, _, _ := w.open("/"); status != 401 {
		t.Errorf("after eight days: got %d, want 401", status)
	}
}

func TestPages_SignOut(t *testing.T) {
	w := newWorld(t)
	w.signIn()
	if status, _, _ := w.post("/sign-out", nil); status != 303 {
		t.Errorf("got %d, want 303", status)
	}
	if status, _, _ := w.open("/"); status != 401 {
		t.Errorf("after signing out: got %d, want 401", status)
	}
}

// A session is for pages only; programs need the token.
func TestPages_SessionIsNoToken(t *testing.T) {
	w := newWorld(t)
	w.signIn()
	if status, _, _ := w.open("/api/v1/status"); status != 401 {
		t.Errorf("got %d, want 401", status)
	}
}

var (
	banned  = regexp.MustCompile(`(?i)\b(peers?|CIDs?|gossip|topics?|CRDT|feeds?)\b`)
	tags    = regexp.MustCompile(`(?s)<[^>]*>`)
	outside = regexp.MustCompile(`(?i)(src|href|action)="(https?:)?//`)
)

// Every page in every language: no script, no style or address from elsewhere, no
// sentence missing, none of the words that members should not have to learn.
func TestPages_Everywhere(t *testing.T) {
	w := newWorld(t)
	w.signIn()
	for _, lang := range phrase.Languages() {
		for _, path := range []string{"/", "/sign-in", "/records", "/records?type=offer", "/records/kr-seoul-41", "/records/kr-sen-1", "/records/es-bilbao-1",
			"/records/sn-dakar-1", "/requests/new", "/nowhere", "/records/kr-seoul-999"} {
			at := path + "?lang=" + lang
			if strings.Contains(path, "?") {
				at = path + "&lang=" + lang
			}
			status, page, header := w.open(at)
			if status >= 500 {
				t.Errorf("%s: got %d", at, status)
			}
			if status < 300 || status >= 400 {
				if !strings.Contains(page, `<html lang="`+lang+`">`) || header.Get("Content-Language") != lang {
					t.Errorf("%s: the page does not say its language", at)
				}
			}
			words := html.UnescapeString(tags.ReplaceAllString(page, " "))
			if m := banned.FindString(words); m != "" {
				t.Errorf("%s: the word %q is on screen", at, m)
			}
			if m := regexp.MustCompile(`\b(web|error|hint|fault|term)\.[a-z_.]+`).FindString(words); m != "" {
				t.Errorf("%s: the sentence %q is missing", at, m)
			}
			if strings.Contains(page, "<script") || strings.Contains(page, "style=") || strings.Contains(page, "<style") || outside.MatchString(page) {
				t.Errorf("%s: a script, a style or an address from elsewhere", at)
			}
			if got := header.Get("Content-Security-Policy"); got != "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'" {
				t.Errorf("%s: got policy %q", at, got)
			}
			if got := header.Get("Cache-Control"); got != "no-store" {
				t.Errorf("%s: got Cache-Control %q, want no-store", at, got)
			}
		}
	}
}

// The schema's fields and the catalogues cannot drift apart.
func TestPages_EveryFieldHasALabel(t *testing.T) {
	book, err := phrase.New()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range record.Types() {
		kind, _ := protocol.ParseKind(name)
		for _, f := range record.Fields(kind) {
			path := strings.ReplaceAll(f.Path, "[]", "")
			if path == "type" {
				continue
			}
			last := path[strings.LastIndexByte(path, '.')+1:]
			if !book.Has("web.field."+path) && !book.Has("web.field."+last) {
				t.Errorf("%s.%s has no label", name, f.Path)
			}
		}
	}
}

func TestPages_LanguageIsRemembered(t *testing.T) {
	w := newWorld(t)
	w.signIn()
	req, err := http.NewRequest("GET", w.srv.URL+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept-Language", "fr-CA,fr;q=0.9")
	if _, page, _ := w.do(req); !strings.Contains(page, `<html lang="fr">`) {
		t.Error("the browser's language does not count")
	}
	w.open("/?lang=es")
	if _, page, _ := w.do(req); !strings.Contains(page, `<html lang="es">`) {
		t.Error("the choice is forgotten")
	}
	w.open("/?lang=de")
	if _, page, _ := w.do(req); !strings.Contains(page, `<html lang="es">`) {
		t.Error("a language that is not there replaced the choice")
	}
}

func TestHome_SaysHowTheNodeIs(t *testing.T) {
	w := newWorld(t)
	w.signIn()
	for name, c := range map[string]struct {
		change func(*api.Status)
		want   []string
	}{
		"ready": {nil, []string{"This node is ready.", "City of Dakar is 12 records behind.", "4 of 6 other members can be reached.", "Made up for demonstration."}},
		"alerts": {func(s *api.Status) {
			s.Alerts = []api.Alert{{Code: "node_older", Level: api.AlertWarn, Member: "sn-dakar", Args: map[string]string{"theirs": "1", "ours": "3"}}}
		}, []string{"A node of City of Dakar runs a version of dure that is too old to talk to this one (protocol 1 instead of 3)"}},
		"one behind":  {func(s *api.Status) { one := uint64(1); s.Members[6].Nodes[0].Behind = &one }, []string{"City of Dakar is one record behind."}},
		"nobody":      {func(s *api.Status) { s.Members[6].Nodes[0].Behind = s.Members[0].Nodes[0].Behind }, []string{"No member that can be reached is behind."}},
		"unknown":     {func(s *api.Status) { s.Members[6].Nodes[0].Behind = nil }, []string{"How far it has come is not known."}},
		"catching up": {func(s *api.Status) { s.Catchup = api.Catchup{Running: true, Fetched: 1200, Known: 5000} }, []string{"1,200 of 5,000 entries"}},
		"wanted":      {func(s *api.Status) { s.Ledger.Wanted = 3 }, []string{"the contents of 3 records are still on their way"}},
		"joining":     {func(s *api.Status) { s.Node.State = api.StateJoining }, []string{"is joining the federation"}},
		"recovering":  {func(s *api.Status) { s.Node.State = api.StateRecovering }, []string{"is recovering", "publishing waits"}},
		"full":        {func(s *api.Status) { s.Node.State = api.StateReadOnly }, []string{"no space left"}},
	} {
		w.fake.Change = c.change
		_, page, _ := w.open("/?lang=en")
		for _, want := range c.want {
			if !strings.Contains(html.UnescapeString(page), want) {
				t.Errorf("%s: the page does not say %q", name, want)
			}
		}
	}
}

func TestRecords_OlderPages(t *testing.T) {
	w := newWorld(t)
	w.signIn()
	for range 60 {
		if _, err := w.fake.Publish(t.Context(), api.Draft{Type: "request", Raw: []byte(`{"type":"request","lang":"en","kind":"personnel","mode":"study_visit","title":{"en":"Visit"},` +
			`"summary":{"en":"A visit."},"themes":["care"],"quantity":{"value":"4","unit":"IE"},"window":{"from":"2027-03-01","to":"2027-05-31"},"delivery":"on_site",` +
			`"working_languages":["en"],"return":"gift","valid_until":"2027-02-28"}`)}); err != nil {
			t.Fatal(err)
		}
	}
	older := regexp.MustCompile(`rel="next" href="([^"]+)"`)
	seen, path := map[string]bool{}, "/records?lang=en"
	for range 9 {
		status, page, _ := w.open(path)
		if status != 200 {
			t.Fatalf("%s: got %d", path, status)
		}
		for _, m := range regexp.MustCompile(`<h3><a href="(/records/[^"]+)"`).FindAllStringSubmatch(page, -1) {
			if seen[m[1]] {
				t.Errorf("%s is listed twice", m[1])
			}
			seen[m[1]] = true
		}
		m := older.FindStringSubmatch(page)
		if m == nil {
			break
		}
		path = html.UnescapeString(m[1])
	}
	if len(seen) != 67 {
		t.Errorf("got %d records over all pages, want 67", len(seen))
	}
}

func TestRecord_BytesCanBeVerified(t *testing.T) {
	w := newWorld(t)
	w.signIn()
	_, page, _ := w.open("/records/kr-seoul-41")
	files := regexp.MustCompile(`href="/blocks/([a-z0-9]+)" download`).FindAllStringSubmatch(page, -1)
	if len(files) != 2 {
		t.Fatalf("got %d files, want the header and the content", len(files))
	}
	for _, m := range files {
		cid, err := protocol.ParseCID(m[1])
		if err != nil {
			t.Fatal(err)
		}
		if _, raw, _ := w.open("/blocks/" + m[1]); !cid.Matches([]byte(raw)) {
			t.Errorf("the bytes of %s do not hash to it", m[1])
		}
	}
}

// What a record says cannot become part of the page.
func TestRecord_HostileText(t *testing.T) {
	w := newWorld(t)
	w.signIn()
	evil := `</h1><script>alert(1)</script><img src=x onerror=alert(1)>`
	form := good()
	form.Set("title", evil)
	form.Set("summary", "`"+evil)
	form.Set("place", `"><a href="javascript:alert(1)">`)
	_, page, _ := w.open("/requests/new?lang=en")
	form.Set("token", hidden(page).Get("token"))
	status, page, _ := w.post("/requests/preview", form)
	if status != 200 {
		t.Fatalf("got %d", status)
	}
	for _, p := range []string{page} {
		if strings.Contains(p, "<script") || strings.Contains(p, "<img src=x") || strings.Contains(p, `<a href="javascript`) {
			t.Error("text of a record became markup")
		}
	}
	status, _, header := w.post("/requests", hidden(page))
	if status != 303 {
		t.Fatalf("got %d", status)
	}
	if _, page, _ := w.open(header.Get("Location")); strings.Contains(page, "<script") || strings.Contains(page, "<img src=x") {
		t.Error("text of a record became markup")
	}
}

func (w *world) form() url.Values {
	_, page, _ := w.open("/requests/new?lang=en")
	form := good()
	form.Set("token", hidden(page).Get("token"))
	return form
}

func TestForm_PublishesOnceHoweverOftenPressed(t *testing.T) {
	w := newWorld(t)
	w.signIn()
	status, page, _ := w.post("/requests/preview", w.form())
	if status != 200 || !strings.Contains(page, "Every member of the federation reads it") || w.records() != 7 {
		t.Fatalf("preview: got %d with %d records, want 200 and nothing published", status, w.records())
	}
	sent := hidden(page)
	var wg sync.WaitGroup
	places := make([]string, 5)
	for i := range places {
		wg.Go(func() {
			status, _, header := w.post("/requests", sent)
			if status != 303 {
				t.Errorf("publish: got %d, want 303", status)
			}
			places[i] = header.Get("Location")
		})
	}
	wg.Wait()
	for _, place := range places {
		if place != "/records/kr-seoul-42?published=8" {
			t.Errorf("got %q, want one record for all", place)
		}
	}
	if got := w.records(); got != 8 {
		t.Errorf("got %d records, want 8", got)
	}
	rec, err := w.fake.Record(t.Context(), "kr-seoul-42")
	if err != nil {
		t.Fatal(err)
	}
	if effort, _ := rec.Content["effort"].(map[string]any); effort["value"] != "15" || rec.Content["duration"] != "P10D" || rec.Content["lang"] != "ko" {
		t.Errorf("got %v", rec.Content)
	}
	if _, page, _ := w.open(places[0]); !strings.Contains(page, "Its number is kr-seoul-42") {
		t.Error("the page does not say that the record is published")
	}
}

func TestForm_FaultsStandBesideTheirFields(t *testing.T) {
	w := newWorld(t)
	w.signIn()
	form := w.form()
	form.Set("title", strings.Repeat("가", 121))
	form.Set("valid_until", "2027-06-01")
	form.Set("amount", "ten")
	form.Set("minimum", "")
	form.Del("skills")
	form.Set("to", "2027-02-30")
	status, page, _ := w.post("/requests/preview", form)
	if status != 422 || w.records() != 7 {
		t.Fatalf("got %d, want 422 and nothing published", status)
	}
	for _, name := range []string{"title", "amount", "skills", "to"} {
		if !strings.Contains(page, `id="e-`+name+`"`) || !strings.Contains(page, `href="#f-`+name+`"`) {
			t.Errorf("%s: no fault beside the field or no link to it", name)
		}
	}
	if !strings.Contains(page, form.Get("summary")) || !strings.Contains(page, form.Get("title")) || !strings.Contains(page, `value="energy" checked`) {
		t.Error("what was typed is lost")
	}
	if strings.Contains(page, "window.") || strings.Contains(page, "fault.") {
		t.Error("a field is called by its name in the schema")
	}
}

// Another language, on the form and on the preview, keeps what was typed.
func TestForm_LanguageKeepsWhatWasTyped(t *testing.T) {
	w := newWorld(t)
	w.signIn()
	form := w.form()
	for _, path := range []string{"/requests/new?lang=fr", "/requests/preview?lang=fr"} {
		_, page, _ := w.post(path, form)
		if !strings.Contains(page, `<html lang="fr">`) || !strings.Contains(page, form.Get("title")) || !strings.Contains(page, form.Get("summary")) {
			t.Errorf("%s: another language or what was typed is lost", path)
		}
	}
}

func TestForm_ChangeGoesBack(t *testing.T) {
	w := newWorld(t)
	w.signIn()
	_, page, _ := w.post("/requests/preview", w.form())
	sent := hidden(page)
	sent.Set("change", "1")
	status, page, _ := w.post("/requests", sent)
	if status != 200 || !strings.Contains(page, `name="title"`) || !strings.Contains(page, good().Get("title")) || w.records() != 7 {
		t.Errorf("got %d with %d records, want the form as it was", status, w.records())
	}
}

func TestForm_OnlyThisSession(t *testing.T) {
	w := newWorld(t)
	w.signIn()
	_, page, _ := w.post("/requests/preview", w.form())
	sent := hidden(page)
	other := url.Values{}
	for k, v := range sent {
		other[k] = v
	}
	other.Set("token", strings.Repeat("A", len(sent.Get("token"))))
	for name, c := range map[string]struct {
		form   url.Values
		header []string
	}{
		"no form token":           {good(), nil},
		"another form token":      {other, nil},
		"a form of another site":  {sent, []string{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}},
		"a sandboxed frame":       {sent, []string{"Origin", "null", "Sec-Fetch-Site", "cross-site"}},
		"a neighbouring port":     {sent, []string{"Origin", "http://127.0.0.1:1", "Sec-Fetch-Site", "same-site"}},
		"an old browser, no site": {sent, []string{"Origin", "http://evil.example", "Sec-Fetch-Site", ""}},
	} {
		if status, _, _ := w.post("/requests", c.form, c.header...); status != 403 {
			t.Errorf("%s: got %d, want 403", name, status)
		}
	}
	signedIn := w.browser
	w.browser = w.newBrowser()
	if status, _, _ := w.post("/requests", sent); status != 401 {
		t.Errorf("without a session: got %d, want 401", status)
	}
	w.signIn()
	w.browser = signedIn
	if got := w.records(); got != 7 {
		t.Errorf("got %d records, want the 7 from before", got)
	}
}

func TestForm_TooLarge(t *testing.T) {
	w := newWorld(t)
	w.signIn()
	form := w.form()
	form.Set("body", strings.Repeat("가", 200_000))
	if status, _, _ := w.post("/requests/preview", form); status != 413 {
		t.Errorf("got %d, want 413", status)
	}
}

// A node that cannot publish says why, and the same button works when it can again.
func TestForm_PublishingFails(t *testing.T) {
	w := newWorld(t)
	w.signIn()
	_, page, _ := w.post("/requests/preview", w.form())
	sent := hidden(page)
	for reason, want := range map[protocol.Reason]int{protocol.ReasonReadOnly: 507, protocol.ReasonRecovering: 503, protocol.ReasonInternal: 500} {
		w.fake.Fail = func(method string) error {
			if method == "Publish" {
				return protocol.Fail(reason, "test", nil)
			}
			return nil
		}
		status, page, _ := w.post("/requests", sent)
		if status != want || !strings.Contains(page, `role="alert"`) || hidden(page).Get("key") != sent.Get("key") {
			t.Errorf("%s: got %d, want %d and the same draft again", reason, status, want)
		}
	}
	w.fake.Fail = nil
	if status, _, _ := w.post("/requests", sent); status != 303 || w.records() != 8 {
		t.Errorf("got %d with %d records, want it published", status, w.records())
	}
}
