package web

import (
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/searches"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// savedView is the page of the searches that whoever is signed in has saved.
type savedView struct {
	Token          string
	Saved          string // the name of one that was just saved; "" for none
	Searches       []savedLine
	Save           *saving // to be tried again; nil: nothing was refused
	Sentence, Hint string
}

// savedLine is a saved search and how much is new to it.
type savedLine struct {
	URL, All string // of its news, and of everything that fits
	ID, Name string
	Asks     string // what it asks for, in words
	New      string // how much is new, in a sentence; "" for nothing
	Looked   string
}

// saving is the form that saves a search.
type saving struct{ Token, Query, Name string }

const searchesForm = "searches"

func searchURL(id string) string { return "/searches/" + url.PathEscape(id) }

func (v *view) savedLine(one api.SavedSearch) savedLine {
	line := savedLine{URL: searchURL(one.ID), ID: one.ID, Name: one.Name, New: v.newFor(one)}
	_, query, _ := strings.Cut(one.Href, "?")
	if q, err := api.ParseSelection(query); err == nil {
		line.All, line.Asks = address(q), strings.Join(v.asked(q), " · ")
	}
	if !one.Looked.IsZero() {
		line.Looked = v.T("web.searches.looked", "time", v.moment(one.Looked).Words)
	}
	return line
}

// newFor says how much is new to a saved search; "" for nothing.
func (v *view) newFor(one api.SavedSearch) string {
	switch {
	case one.More:
		return v.T("cli.searches.new_more", "count", one.New, "name", one.Name)
	case one.New > 0:
		return v.T("cli.searches.new", "count", one.New, "name", one.Name)
	}
	return ""
}

// asked is what a query asks for, in words.
func (v *view) asked(q api.RecordQuery) (out []string) {
	if q.Text != "" {
		out = append(out, q.Text)
	}
	if len(q.Types) < len(record.Types()) { // else it is every type of record
		for _, t := range q.Types {
			out = append(out, v.typeLabel(t))
		}
	}
	if q.Member != "" {
		out = append(out, v.valueLabel("member", q.Member))
	}
	for _, f := range api.Filters() {
		for _, value := range q.Where[f.Name] {
			out = append(out, v.valueLabel(f.Name, value))
		}
	}
	if n := q.Near; n != nil {
		out = append(out, api.FilterOf(api.RecordQuery{Near: n}).Near)
	}
	if q.Open != "" {
		out = append(out, v.T("web.search.open"))
	}
	return out
}

// saving is the form that saves what a list is narrowed to; nil where it is everything.
func (s *site) saving(r *http.Request, v *view, q api.RecordQuery) *saving {
	name := strings.Join(v.asked(q), " · ")
	if name == "" {
		return nil
	}
	for utf8.RuneCountInString(name) > searches.MaxName {
		_, size := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-size]
	}
	if !everything(q) { // such a list has records alone
		if q.Types == nil {
			q.Types = record.Types()
		}
	}
	return &saving{s.sessions.FormToken(r, searchesForm), q.Selection(), strings.TrimSpace(name)}
}

func (s *site) showSearches(w http.ResponseWriter, r *http.Request, v *view) error {
	return s.renderSearches(w, r, v, savedView{Saved: v.query.Get("saved")}, http.StatusOK)
}

func (s *site) renderSearches(w http.ResponseWriter, r *http.Request, v *view, out savedView, status int) error {
	all, err := s.backend.SavedSearches(r.Context())
	if err != nil {
		return err
	}
	out.Token = s.sessions.FormToken(r, searchesForm)
	for _, one := range all {
		out.Searches = append(out.Searches, v.savedLine(one))
	}
	v.Title, v.Here, v.Data, v.Path = v.T("web.searches.title"), "records", out, "/searches"
	s.render(w, v, status, "searches")
	return nil
}

// changeSearches saves a search, or forgets one.
func (s *site) changeSearches(w http.ResponseWriter, r *http.Request, v *view) error {
	if err := r.ParseForm(); err != nil {
		return protocol.Fail(protocol.ReasonTooLarge, "read form", err)
	}
	if !s.sessions.FormValid(r, searchesForm, r.PostForm.Get("token")) {
		return protocol.Fail(protocol.ReasonForbidden, "read form", nil)
	}
	out, to := savedView{}, "/searches"
	var err error
	switch r.PostForm.Get("do") {
	case "save":
		out.Save = &saving{r.PostForm.Get("token"), r.PostForm.Get("query"), record.Clean(r.PostForm.Get("name"))}
		var q api.RecordQuery
		if q, err = api.ParseSelection(out.Save.Query); err == nil {
			_, err = s.backend.SaveSearch(r.Context(), out.Save.Name, q)
		}
		to += "?" + url.Values{"saved": {out.Save.Name}}.Encode()
	case "remove":
		err = s.backend.RemoveSearch(r.Context(), r.PostForm.Get("id"))
	default:
		err = &protocol.Error{Reason: protocol.ReasonUsage, Op: "save search", Field: "do"}
	}
	if status := api.StatusOf(protocol.ReasonOf(err)); err != nil {
		if status == http.StatusInternalServerError {
			return err
		}
		out.Sentence, out.Hint = v.book.Error(v.Lang, err)
		return s.renderSearches(w, r, v, out, status)
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// newsView is the page of what is new to one saved search.
type newsView struct {
	Line    savedLine
	Items   []recordLine
	More    string
	Seen    bool // what is shown counts as seen from now on
	Partial bool
	Earlier []recordLine
}

// showNews shows what is new to a saved search. What its owner has opened counts as seen;
// what a browser fetches for itself beforehand does not.
func (s *site) showNews(w http.ResponseWriter, r *http.Request, v *view) error {
	v.Ref = r.PathValue("ref")
	news, err := s.backend.SavedSearch(r.Context(), v.Ref)
	if err != nil {
		return err
	}
	out := newsView{Line: v.savedLine(news.SavedSearch), Partial: news.Partial}
	for _, f := range news.Items {
		out.Items = append(out.Items, v.foundLine(f))
	}
	for _, f := range news.Earlier {
		out.Earlier = append(out.Earlier, v.foundLine(f))
	}
	if news.More {
		out.More = v.T("web.searches.more", "count", news.New)
	}
	if r.Method == http.MethodGet && news.New > 0 && news.Upto > 0 && r.Header.Get("Sec-Purpose") == "" {
		if _, err := s.backend.SeeSearch(r.Context(), news.ID, news.Upto); err == nil {
			out.Seen = true
		} else if protocol.ReasonOf(err) != protocol.ReasonBusy && protocol.ReasonOf(err) != protocol.ReasonReadOnly { // then it stays new
			return err
		}
	}
	v.Title, v.Here, v.Data, v.Path = news.Name, "records", out, out.Line.URL
	s.render(w, v, http.StatusOK, "news")
	return nil
}
