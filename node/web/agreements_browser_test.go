package web_test

import (
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/dure-net/dure/node/api"
)

// The inbox and an agreement fit a telephone and a desk, in four languages, with every form open.
func TestAgreements_InChromium(t *testing.T) {
	if testing.Short() {
		t.Skip("the browser takes a while")
	}
	ctx := chromium(t)
	w := newWorld(t)
	w.agreed()
	b := tab{t, ctx, axe(t)}
	b.do(chromedp.Navigate(api.SignInLink(w.srv.URL, token, w.now)))
	b.until(`document.getElementById("newest")`)
	complaints := complaints(t, ctx)
	for _, lang := range []string{"ko", "en", "fr", "es"} {
		for _, width := range []int64{360, 1280} {
			b.do(chromedp.EmulateViewport(width, 900))
			for name, path := range map[string]string{"inbox": "/inbox", "proposal": "/agreements/sn-dakar-7", "agreement": "/agreements/kr-seoul-9"} {
				b.do(chromedp.Navigate(w.srv.URL + path + "?lang=" + lang))
				eval[bool](b, `(document.querySelectorAll("details").forEach(d => d.open = true), true)`)
				b.check(name, lang, width)
			}
		}
	}
	if all := complaints(); len(all) > 0 {
		t.Errorf("the browser complained: %q", all)
	}
}
