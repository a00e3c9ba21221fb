package web_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/dure-net/dure/node/api"
)

var shots = flag.String("shots", "", "directory for pictures of every page")

// browser is the one Chromium of this package's tests: to start it takes longer than most of them.
type browser struct {
	once sync.Once
	ctx  context.Context
	err  error
	ends []func() // in the order in which they are called
}

var shared browser

func (b *browser) start(path string) {
	dir, err := os.MkdirTemp("", "dure-chromium")
	if err != nil {
		b.err = err
		return
	}
	alloc, cancel := chromedp.NewExecAllocator(context.Background(), chromedp.ExecPath(path), chromedp.Headless, chromedp.NoFirstRun,
		chromedp.NoDefaultBrowserCheck, chromedp.DisableGPU, chromedp.NoSandbox, chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("accept-lang", "en"), chromedp.UserDataDir(dir))
	ctx, stop := chromedp.NewContext(alloc)
	b.ends = []func(){func() { _ = chromedp.Cancel(ctx) }, stop, cancel, func() { _ = os.RemoveAll(dir) }} // whatever is left lies in a directory for temporary files
	b.ctx, b.err = ctx, chromedp.Do(ctx)
}

func (b *browser) stop() {
	for _, end := range b.ends {
		end()
	}
}

// chromium is a window of its own, with cookies of its own, in the browser of this machine; where there is none, the test
// skips.
func chromium(t *testing.T) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		t.Skip("no Chromium on this machine; the pages are not tried in a browser")
	}
	shared.once.Do(func() { shared.start(path) })
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	ctx, stop := chromedp.NewContext(shared.ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(stop)
	ctx, done := context.WithTimeout(ctx, 8*time.Minute)
	t.Cleanup(done)
	return ctx
}

// axe is the accessibility checker, from the directory that is shared beside the module.
func axe(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
	}
	raw, err := os.ReadFile(filepath.Join(dir, "..", "shared", "tools", "axe.min.js"))
	if err != nil {
		t.Log("no ../shared/tools/axe.min.js beside the module; accessibility is not checked")
		return ""
	}
	return string(raw)
}

type tab struct {
	t   *testing.T
	ctx context.Context
	axe string
}

func (b tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

func eval[T any](b tab, js string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](js, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", js[:min(len(js), 60)], err)
	}
	return v
}

// press presses what sel finds and waits until the page that follows says done. It does
// so in the page, because a mouse waits for a window that headless machines may not draw.
func (b tab) press(sel, done string) {
	b.t.Helper()
	eval[bool](b, `(document.querySelector(`+"`"+sel+"`"+`).click(), true)`)
	b.until(done)
}

func (b tab) until(done string) {
	b.t.Helper()
	for end := time.Now().Add(90 * time.Second); time.Now().Before(end); time.Sleep(25 * time.Millisecond) {
		// While one page gives way to the next, there is nothing to ask.
		if ok, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](`document.readyState === "complete" && !!(`+done+`)`)); err == nil && ok {
			return
		}
	}
	b.t.Fatalf("the page never said %s", done)
}

// check looks at the page that is open: nothing wider than the window, the language
// said, no accessibility rule broken.
func (b tab) check(name, lang string, width int64) {
	b.t.Helper()
	if got := eval[int64](b, "document.documentElement.scrollWidth"); got > width {
		b.t.Errorf("%s in %s at %d px: the page is %d px wide", name, lang, width, got)
	}
	if got := eval[string](b, "document.documentElement.lang"); got != lang {
		b.t.Errorf("%s: got language %q, want %q", name, got, lang)
	}
	if got := eval[string](b, "document.body.innerText"); strings.Contains(got, "web.") {
		b.t.Errorf("%s in %s: a sentence is missing: %.200s", name, lang, got[strings.Index(got, "web."):])
	}
	if *shots != "" {
		raw, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
		if err != nil {
			b.t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(*shots, fmt.Sprintf("%s-%s-%d.png", name, lang, width)), raw, 0o600); err != nil {
			b.t.Fatal(err)
		}
	}
	if b.axe == "" {
		return
	}
	if !eval[bool](b, "typeof axe === 'object'") {
		eval[bool](b, b.axe+";true")
	}
	found := eval[string](b, `axe.run(document, {runOnly: ["wcag2a","wcag2aa","wcag21a","wcag21aa","wcag22aa","best-practice"]}).then(r =>
		JSON.stringify(r.passes.length < 10 ? ["too few rules were checked"] : r.violations.map(v => v.id + ": " + v.nodes.map(n => n.html + " " + n.failureSummary).slice(0, 3).join(" | "))))`)
	var violations []string
	if err := json.Unmarshal([]byte(found), &violations); err != nil {
		b.t.Fatal(err)
	}
	for _, v := range violations {
		b.t.Errorf("%s in %s at %d px: %s", name, lang, width, v)
	}
}

// complaints gathers what the browser writes to its console: breaches of the security
// policy above all. An error page's own status is no complaint.
func complaints(t *testing.T, ctx context.Context) func() []string {
	ctx, cancel := context.WithCancel(ctx)
	var all []string
	messages, done := chromedp.Console(ctx), make(chan struct{})
	go func() {
		defer close(done)
		for m, err := range messages {
			if err != nil {
				return
			}
			if !strings.HasPrefix(m.Text, "Failed to load resource: the server responded with a status of 4") {
				all = append(all, m.String())
			}
		}
	}()
	stop := func() []string { cancel(); <-done; return all }
	t.Cleanup(func() { stop() })
	return stop
}

// Every page, in four languages, on a telephone and on a desk.
func TestPages_InChromium(t *testing.T) {
	if testing.Short() {
		t.Skip("the browser takes a while")
	}
	ctx := chromium(t)
	w := newWorld(t)
	b := tab{t, ctx, axe(t)}
	b.do(chromedp.Navigate("about:blank"))
	complaints := complaints(t, ctx)
	for _, lang := range []string{"ko", "en", "fr", "es"} {
		b.do(chromedp.Navigate(w.srv.URL + "/sign-in?lang=" + lang))
		for _, width := range []int64{360, 1280} {
			b.do(chromedp.EmulateViewport(width, 900))
			b.check("signin", lang, width)
		}
	}
	b.do(chromedp.Navigate(api.SignInLink(w.srv.URL, token, w.now)))
	b.until(`document.getElementById("newest")`)
	for _, lang := range []string{"ko", "en", "fr", "es"} {
		for _, width := range []int64{360, 1280} {
			b.do(chromedp.EmulateViewport(width, 900))
			b.do(chromedp.Navigate(w.srv.URL + "/?lang=" + lang))
			b.press("summary", `document.querySelector("details").open`)
			b.check("home", lang, width)
			pages := map[string]string{"records": "/records", "record": "/records/kr-seoul-41", "search": "/records?q=e&theme=care&sort=relevance"}
			if lang == "fr" { // the longest words; the rest of these pages is tried in all languages already
				pages["project"], pages["experience"], pages["lost"], pages["form"] = "/records/es-bilbao-1", "/records/sn-dakar-1", "/nowhere", "/requests/new"
			}
			for name, path := range pages {
				b.do(chromedp.Navigate(w.srv.URL + path))
				if name == "record" {
					b.press("summary", `document.querySelector("details").open`)
				}
				b.check(name, lang, width)
			}
			b.do(chromedp.Navigate(w.srv.URL + "/requests/new"))
			b.press("#request .actions button", `document.querySelector("[role=alert]")`)
			b.check("form-faults", lang, width)
		}
	}
	if _, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}}); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{"dark-home": "/?lang=ko", "dark-record": "/records/kr-seoul-41?lang=ko",
		"dark-form": "/requests/new?lang=ko"} {
		b.do(chromedp.Navigate(w.srv.URL + path))
		if name == "dark-form" {
			b.press("#request .actions button", `document.querySelector("[role=alert]")`)
		}
		b.check(name, "ko", 1280)
	}
	if all := complaints(); len(all) > 0 {
		t.Errorf("the browser complained: %q", all)
	}
}

// A clerk types a request, sees it, and publishes it; the keyboard suffices.
func TestPages_PublishInChromium(t *testing.T) {
	if testing.Short() {
		t.Skip("the browser takes a while")
	}
	ctx := chromium(t)
	w := newWorld(t)
	b := tab{t, ctx, axe(t)}
	b.do(chromedp.EmulateViewport(360, 900), chromedp.Navigate(api.SignInLink(w.srv.URL, token, w.now)))
	b.until(`document.getElementById("newest")`)
	b.do(chromedp.Navigate(w.srv.URL + "/requests/new?lang=ko"))
	fill, err := json.Marshal(good())
	if err != nil {
		t.Fatal(err)
	}
	eval[bool](b, `(values => { for (const [name, all] of Object.entries(values)) for (const e of document.getElementsByName(name)) {
		if (e.type === "checkbox") e.checked = all.includes(e.value); else e.value = all[0]; } return true })(`+string(fill)+`)`)
	b.press("#request .actions button", `document.getElementById("who")`)
	for _, lang := range []string{"en", "fr", "es", "ko"} { // the switch keeps what was typed
		b.press(`.tongues button[lang=`+lang+`]`, `document.documentElement.lang === "`+lang+`" && document.getElementById("who")`)
		for _, width := range []int64{1280, 360} {
			b.do(chromedp.EmulateViewport(width, 900))
			b.check("preview", lang, width)
		}
	}
	b.do(chromedp.SendKeys(`#request .actions button`, "\r"))
	b.until(`document.querySelector("[role=status]")`)
	b.check("published", "ko", 360)
	rec, err := w.fake.Record(ctx, "kr-seoul-42")
	if err != nil {
		t.Fatal(err)
	}
	if title, _ := rec.Content["title"].(map[string]any); title["ko"] != "공동주택 에너지 자문" || title["en"] != "Advice on energy in housing" {
		t.Errorf("got title %v", title)
	}
}
