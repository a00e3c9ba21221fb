package web_test

import (
	"archive/zip"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/dure-net/dure/node/access"
	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/archive"
	"github.com/dure-net/dure/protocol"
)

// saved unpacks the page of an archive, as whoever keeps one has it.
func (w *world) saved(path string) string {
	w.t.Helper()
	w.signIn()
	status, body, _ := w.open(path)
	z, err := zip.NewReader(strings.NewReader(body), int64(len(body)))
	if status != http.StatusOK || err != nil {
		w.t.Fatalf("%s: %d %v", path, status, err)
	}
	page, err := z.Open(archive.NamePage)
	if err != nil {
		w.t.Fatal(err)
	}
	defer page.Close()
	raw, err := io.ReadAll(page)
	if err != nil {
		w.t.Fatal(err)
	}
	name := filepath.Join(w.t.TempDir(), "index.html")
	if err := os.WriteFile(name, raw, 0o600); err != nil {
		w.t.Fatal(err)
	}
	return "file://" + name
}

// The pages that no other test opens in a browser: users, members, decisions, clauses, what is erased, what is asked and
// refused on the way, what is printed and what is kept.
func TestPages_TheOthersInChromium(t *testing.T) {
	if testing.Short() {
		t.Skip("the browser takes a while")
	}
	ctx := chromium(t)
	w := newWorld(t)
	w.agreed()
	own, other := w.listings()
	if _, err := w.fake.Access.SetUser(access.User{Name: "사회적경제과 담당자", Role: access.RoleClerk}); err != nil {
		t.Fatal(err)
	}
	picture := filepath.Join(t.TempDir(), "마을 부엌.jpg")
	table := filepath.Join(t.TempDir(), "run.exe")
	for name, raw := range map[string][]byte{picture: placed(t), table: []byte("MZ\x90\x00\x03\x00\x00\x00")} {
		if err := os.WriteFile(name, raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := w.saved(own + "/archive.zip")

	b := tab{t, ctx, axe(t)}
	b.do(chromedp.Navigate("about:blank"))
	complaints := complaints(t, ctx)
	b.do(chromedp.Navigate(api.SignInLink(w.srv.URL, token, w.now)))
	b.until(`document.getElementById("newest")`)
	both := func(name, lang string) {
		t.Helper()
		for _, width := range []int64{360, 1280} {
			b.do(chromedp.EmulateViewport(width, 900))
			eval[bool](b, `(document.querySelectorAll("details").forEach(d => d.open = true), true)`)
			b.check(name, lang, width)
		}
	}
	alert := `document.querySelector("[role=alert]")`
	for _, lang := range []string{"fr", "ko"} { // the longest words, and those that break otherwise
		at := func(path string) { t.Helper(); b.do(chromedp.Navigate(w.srv.URL + path + "?lang=" + lang)) }
		for name, path := range map[string]string{"member": "/members/ca-montreal", "act": "/acts/" + protocol.Sum([]byte("founding act")).String(),
			"decision": "/acts/" + protocol.Sum([]byte("decision")).String(), "overtaken": "/acts/" + protocol.Sum([]byte("overtaken")).String(), "erase": own + "/erase", "lost": "/nowhere"} {
			at(path)
			both(name, lang)
		}
		b.do(chromedp.Navigate(w.srv.URL + "/records?q=economy&lang=" + lang))
		both("search", lang)
		b.press("form.saving button", `document.querySelector("button[value=remove]")`)
		both("searches", lang)
		b.press("section.card h2 a", `document.querySelector("nav.filter a[href='/searches']")`)
		both("news", lang)
		at("/users")
		both("users", lang)
		b.press("button[value=link]", `document.querySelector("pre code")`)
		both("users-link", lang)
		at(other + "/proposal")
		both("terms", lang)
		eval[bool](b, `(document.querySelectorAll("#terms textarea, #terms input[type=date]").forEach(e => e.value = ""), true)`)
		b.press("button[value=send]", alert)
		both("terms-faults", lang)
		at(own)
		b.do(chromedp.SetUploadFiles("#file", []string{table}))
		b.press("form[enctype] button", alert)
		both("attach-refused", lang)
		b.do(chromedp.SetUploadFiles("#file", []string{picture}))
		b.press("form[enctype] button", `document.querySelector("input[name=file_id]")`)
		both("attach-asks", lang)
		for name, path := range map[string]string{"paper-record": own + "/paper", "paper-agreement": "/agreements/kr-seoul-9/paper"} {
			for _, second := range []string{"", "es"} {
				b.do(chromedp.Navigate(w.srv.URL + path + "?first=" + lang + "&second=" + second))
				both(name+second, lang)
			}
		}
	}
	b.do(chromedp.Navigate(file))
	both("saved", "en")
	if all := complaints(); len(all) > 0 {
		t.Errorf("the browser complained: %q", all)
	}
}
