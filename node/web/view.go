package web

import (
	"embed"
	"html/template"
	"io/fs"
	"math"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/dure-net/dure/node/access"
	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/phrase"
)

//go:embed page/*.html
var pageFiles embed.FS

// parsePages reads every page with the frame around it. A template that does not parse
// is a fault of this build.
func parsePages() map[string]*template.Template {
	names, err := fs.Glob(pageFiles, "page/*.html")
	if err != nil {
		panic("dure: internal error: " + err.Error())
	}
	pages := map[string]*template.Template{}
	for _, path := range names {
		name := strings.TrimSuffix(strings.TrimPrefix(path, "page/"), ".html")
		if name == "frame" || name == "parts" || name == "remarks" {
			continue
		}
		pages[name] = template.Must(template.New("frame.html").ParseFS(pageFiles, "page/frame.html", "page/parts.html", "page/remarks.html", path))
	}
	return pages
}

// view is what one page shows. Exported names are for templates.
type view struct {
	Lang       string
	Title      string
	Path       string // of the page itself, without query
	Here       string // which entry of the menu this is
	Ref        string // the record asked for
	StylePath  string
	SignedIn   bool
	Who        access.Grant // who is signed in
	Until      moment       // when that ends
	Status     api.Status
	Federation text
	Member     text
	Notice     text
	SwitchForm string // id of a form whose values another language must keep; "" where links do
	SwitchTo   string // path that form is sent to
	Data       any

	book  *phrase.Book
	query url.Values
	zone  *time.Location
	now   time.Time
}

// text is words and the language they are in; Name is what that language is called,
// where a page says it.
type text struct{ Text, Lang, Name string }

func (s *site) newView(w http.ResponseWriter, r *http.Request) *view {
	return &view{Lang: s.language(w, r), Path: r.URL.Path, StylePath: stylePath, book: s.book, query: r.URL.Query(), zone: s.zone, now: s.now().In(s.zone)}
}

const languageCookie = "dure_lang"

// language is what the reader asked for just now, asked for before, or has in the
// browser's settings, in this order. A choice is kept for a year.
func (s *site) language(w http.ResponseWriter, r *http.Request) string {
	if chosen := r.URL.Query().Get("lang"); phrase.Speaks(chosen) {
		http.SetCookie(w, &http.Cookie{Name: languageCookie, Value: chosen, Path: "/", MaxAge: 365 * 24 * 3600,
			HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteStrictMode})
		return chosen
	}
	if c, err := r.Cookie(languageCookie); err == nil && phrase.Speaks(c.Value) {
		return c.Value
	}
	return s.book.Match(r.Header.Get("Accept-Language"))
}

// T is a sentence of the catalogues; pairs are names and values of its arguments.
func (v *view) T(key string, pairs ...any) string {
	args := make(map[string]any, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		value := pairs[i+1]
		if n, ok := value.(uint64); ok {
			value = int64(min(n, math.MaxInt64)) // plural rules are for signed numbers
		}
		args[pairs[i].(string)] = value
	}
	return v.book.Say(v.Lang, key, args)
}

// Rich is a sentence whose commands, between backquotes, are set as code.
func (v *view) Rich(sentence string) template.HTML {
	var b strings.Builder
	for i, part := range strings.Split(sentence, "`") {
		if part = template.HTMLEscapeString(part); i%2 == 1 {
			part = "<code>" + part + "</code>"
		}
		b.WriteString(part)
	}
	return template.HTML(b.String()) // every part is escaped above
}

// Languages are the entries of the language switch, each in its own language.
func (v *view) Languages() []languageLink {
	var all []languageLink
	for _, lang := range []string{"ko", "en", "fr", "es"} {
		q := url.Values{}
		for name, values := range v.query {
			if name != "key" {
				q[name] = values
			}
		}
		q.Set("lang", lang)
		all = append(all, languageLink{Lang: lang, Name: v.book.Say(lang, "web.language.own", nil), Current: lang == v.Lang,
			URL: v.Path + "?" + q.Encode(), Action: v.SwitchTo + "?lang=" + lang})
	}
	return all
}

type languageLink struct {
	Lang, Name, URL, Action string
	Current                 bool
}

// text picks what this reader understands best.
func (v *view) text(m map[string]string, prefer ...string) text {
	value, tag := phrase.Pick(v.Lang, m, prefer...)
	return text{Text: value, Lang: tag}
}

// moment is a point in time for a <time> element.
type moment struct{ Machine, Words, Ago string }

func (v *view) moment(t time.Time) moment {
	if t.IsZero() {
		return moment{}
	}
	return moment{t.UTC().Format(time.RFC3339), v.book.Time(v.Lang, t.In(v.zone)), v.book.Ago(v.Lang, t, v.now)}
}

// Along is Controlled for anything.
func (v *view) Along(part any) any {
	return struct {
		View *view
		C    any
	}{v, part}
}

// Controlled hands a part of the page the view along, for its words.
func (v *view) Controlled(c control) any {
	return struct {
		View *view
		C    control
	}{v, c}
}

// Said hands a remark, or a form for one, the view along, for its words.
func (v *view) Said(item any) any {
	return struct {
		View *view
		Item any
	}{v, item}
}
