package web_test

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// The page for developers lists every operation under its strict policy: the browser finds
// nothing that breaks it, and nothing is asked of anybody else.
func TestBrowser_DocsKeepThePolicy(t *testing.T) {
	b := tab{t: t, ctx: chromium(t)}
	w := newWorld(t)
	b.do(chromedp.Navigate(w.srv.URL + "/healthz"))
	b.do(chromedp.Navigate(w.srv.URL + "/docs"))
	b.until(`document.querySelectorAll(".opblock").length > 20`)
	others := eval[[]string](b, `performance.getEntriesByType("resource").map(e => e.name).filter(n => !n.startsWith(location.origin) && !n.startsWith("data:"))`)
	if len(others) > 0 {
		t.Errorf("it asked %v", others)
	}
	broken := eval[[]string](b, `new Promise(done => { const seen = []; new ReportingObserver(r => seen.push(...r.map(x => x.body.blockedURL + " " + x.body.effectiveDirective)), {types: ["csp-violation"], buffered: true}).observe(); setTimeout(() => done(seen), 300) })`)
	if len(broken) > 0 {
		t.Errorf("against the policy: %v", broken)
	}
	if title := eval[string](b, `document.querySelector(".info .title").innerText`); title == "" {
		t.Error("no title")
	}
}
