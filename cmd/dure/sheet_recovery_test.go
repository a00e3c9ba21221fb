package main

import (
	"bytes"
	"context"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/dure-net/dure/node/phrase"
)

// fullSheet is a sheet with as much on it as there can be.
func fullSheet(a *app) sheetPage {
	p := a.sheetOf(map[string]string{"en": strings.Repeat("A municipality with a long name ", 3)}, "kr-"+strings.Repeat("long-", 7)+"ab", "1234 5678 9012")
	p.Federation, p.FederationName = "bafyrei"+strings.Repeat("a", 52), strings.Repeat("A federation with a long name ", 3)
	for range sheetMembers {
		o := sheetOther{Name: "Another municipality"}
		for range sheetAddresses {
			o.Addresses = append(o.Addresses, "/dns4/dure.municipality.example/udp/4710/quic-v1/p2p/12D3KooW"+strings.Repeat("x", 44))
		}
		p.Others = append(p.Others, o)
	}
	return p
}

func TestSheet_HoldsTheWordsOnlyWhereAsked(t *testing.T) {
	for _, lang := range phrase.Languages() {
		p := fullSheet(testApp(t, lang))
		var plain, with bytes.Buffer
		if err := p.write(&plain); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(plain.String(), "<li></li>"); n != 24 {
			t.Errorf("%s: %d places for words, want 24", lang, n)
		}
		p.Words = make([]string, 24)
		for i := range p.Words {
			p.Words[i] = "word<" // is escaped
		}
		if err := p.write(&with); err != nil {
			t.Fatal(err)
		}
		if strings.Count(with.String(), "<li>word&lt;</li>") != 24 {
			t.Errorf("%s: the words are not on the sheet that was asked for with them", lang)
		}
	}
}

// One page, on A4 and on Letter, in every language.
func TestSheet_PrintsOnOnePage(t *testing.T) {
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("no Chromium on this machine; the sheet is not printed")
	}
	alloc, cancel := chromedp.NewExecAllocator(context.Background(), chromedp.ExecPath(path), chromedp.Headless, chromedp.NoFirstRun,
		chromedp.NoDefaultBrowserCheck, chromedp.DisableGPU, chromedp.NoSandbox, chromedp.Flag("disable-dev-shm-usage", true), chromedp.UserDataDir(t.TempDir()))
	defer cancel()
	ctx, stop := chromedp.NewContext(alloc)
	defer stop()
	ctx, end := context.WithTimeout(ctx, time.Minute)
	defer end()
	leaf := regexp.MustCompile(`/Type\s*/Page[^s]`)
	for _, lang := range phrase.Languages() {
		file := filepath.Join(t.TempDir(), "sheet.html")
		var html bytes.Buffer
		if err := fullSheet(testApp(t, lang)).write(&html); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, html.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		for paper, size := range map[string][2]float64{"A4": {8.27, 11.69}, "Letter": {8.5, 11}} {
			if err := chromedp.Do(ctx, chromedp.Navigate((&url.URL{Scheme: "file", Path: file}).String())); err != nil {
				t.Fatal(err)
			}
			printed, err := chromedp.Call(ctx, page.PrintToPDF, page.PrintToPDFParams{PaperWidth: size[0], PaperHeight: size[1]})
			if err != nil {
				t.Fatal(err)
			}
			if n := len(leaf.FindAll(printed.Data, -1)); n != 1 {
				t.Errorf("%s on %s: %d pages", lang, paper, n)
			}
		}
	}
}
