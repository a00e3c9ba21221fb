package web_test

import (
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// A clerk searches, narrows, and takes a filter away again; what they chose goes on with
// every link, and the filter for languages is not taken for their own language.
func TestSearch_NarrowsAndWidens(t *testing.T) {
	w := newWorld(t)
	w.signIn()
	open := func(path string) string {
		t.Helper()
		status, page, _ := w.open(path)
		if status != 200 {
			t.Fatalf("%s: got %d", path, status)
		}
		return page
	}
	titles := func(page string) int { return strings.Count(page, "<h3><a href=\"/records/") }
	follow := func(page, label string) string {
		t.Helper()
		for _, m := range regexp.MustCompile(`<a (?:class="clear" )?href="([^"]+)"[^>]*>([^<]*)`).FindAllStringSubmatch(page, -1) {
			if strings.Contains(m[1], "/records") && strings.TrimSpace(html.UnescapeString(m[2])) == label {
				return html.UnescapeString(m[1])
			}
		}
		t.Fatalf("no link %q", label)
		return ""
	}
	all := open("/records?lang=en")
	if !strings.Contains(all, `role="search"`) || !strings.Contains(all, "Narrow down") || strings.Contains(all, `class="chips"`) {
		t.Fatal("the list has no search, or filters that nobody set")
	}
	care := open(follow(all, "Care"))
	if n := titles(care); n == 0 || n >= titles(all) || !strings.Contains(care, "Without “Care”") || !strings.Contains(care, "Found: ") {
		t.Errorf("narrowed to %d of %d", n, titles(all))
	}
	offers := follow(care, "Offer")
	if u, err := url.Parse(offers); err != nil || u.Query().Get("theme") != "care" || u.Query().Get("type") != "offer" {
		t.Errorf("the type forgets the theme: %s", offers)
	}
	korean := open(follow(all, "Korean"))
	if !strings.Contains(korean, `<html lang="en"`) || titles(korean) == 0 {
		t.Error("filtering by language changed the reader's")
	}
	if got := open(follow(korean, "Clear all")); titles(got) != titles(all) {
		t.Errorf("cleared: %d of %d", titles(got), titles(all))
	}
	found := open("/records?q=" + url.QueryEscape("서울") + "&theme=care")
	if !strings.Contains(found, `value="서울"`) || !strings.Contains(found, `<input type="hidden" name="theme" value="care">`) || !strings.Contains(found, "Best match first") {
		t.Error("the words or the theme are forgotten")
	}
	if none := open("/records?q=zzzzz"); !strings.Contains(none, "Nothing fits what you look for.") || !strings.Contains(none, "Use fewer words") {
		t.Error("nothing found is not told with what to do")
	}
	if evil := open("/records?q=" + url.QueryEscape(`"><script>alert(1)</script>`)); strings.Contains(evil, "<script>alert") {
		t.Error("words become markup")
	}
	if status, page, _ := w.open("/records?theme=nonsense"); status != 400 || !strings.Contains(page, "nonsense") && !strings.Contains(page, "theme") {
		t.Errorf("a theme that is none: %d", status)
	}
}

// Members, agreements and decisions stand before records, each with a page of its own.
func TestSearch_FindsWhatIsNoRecord(t *testing.T) {
	w := newWorld(t)
	w.signIn()
	open := func(path string) string {
		t.Helper()
		_, page, _ := w.open(path)
		return page
	}
	found := open("/records?q=Montr%C3%A9al&lang=en")
	if !strings.Contains(found, `href="/members/ca-montreal"`) || !strings.Contains(found, "city, Canada") {
		t.Error("the member is not found: " + found)
	}
	if acts := open("/records?type=act"); !strings.Contains(acts, "Bordeaux is admitted") || !strings.Contains(acts, "Open to answers") || !strings.Contains(acts, `href="/acts/`) {
		t.Error("the decision is not listed: " + acts)
	}
	if page := open("/members/ca-montreal"); !strings.Contains(page, "Ville de Montréal") || !strings.Contains(page, `href="/records?member=ca-montreal"`) {
		t.Error("the page of a member: " + page)
	}
	if status, _, _ := w.open("/members/nobody"); status != 404 {
		t.Errorf("a member that is none: %d", status)
	}
}
