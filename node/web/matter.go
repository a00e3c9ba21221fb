package web

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/phrase"
	"github.com/dure-net/dure/protocol"
)

// matter is the page of a member or of a decision.
type matter struct {
	Line  recordLine
	Also  []text // what it is called in other languages
	Fate  string // what became of a decision, and why; "" where it stands or can be answered
	Facts []matterFact
	Links []typeLink
	Write string // address of the form by which a member is written to privately; "" for decisions

	Instead []namedLink // the acts in the place of a decision
}

type namedLink struct {
	URL, Number string
	Title       text
}

type matterFact struct{ Label, Text string }

func (m *matter) say(label string, parts ...string) {
	parts = slices.DeleteFunc(parts, func(p string) bool { return p == "" })
	if len(parts) > 0 {
		m.Facts = append(m.Facts, matterFact{label, strings.Join(parts, ", ")})
	}
}

func (s *site) showMember(w http.ResponseWriter, r *http.Request, v *view) error {
	all, err := s.backend.Members(r.Context())
	if err != nil {
		return err
	}
	handle := r.PathValue("ref")
	i := slices.IndexFunc(all, func(m api.Member) bool { return m.Handle == handle })
	if i < 0 {
		return protocol.Fail(protocol.ReasonNotFound, "show member", nil)
	}
	one := all[i]
	m := matter{Line: v.foundLine(api.Found{Type: api.FoundMember, State: one.Status, Title: one.Names, Facts: &one, Record: api.Record{ID: handle, Member: handle, Names: one.Names}})}
	m.Also = v.others(one.Names, m.Line.Title.Lang)
	m.say(v.T("web.search.facet.category"), v.word("kind", one.Kind), v.word("category", one.Category))
	m.say(v.T("web.search.facet.country"), one.City, phrase.Country(v.Lang, one.Country))
	for _, o := range one.Offices {
		m.say(v.T("web.found.office"), v.word("office", o.Office), strings.Trim(o.From+" – "+o.To, " –"))
	}
	m.Links = []typeLink{
		{URL: address(api.RecordQuery{Member: handle}), Label: v.T("web.found.records", "count", one.Records)},
		{URL: address(api.RecordQuery{Types: []string{"profile"}, Member: handle}), Label: v.typeLabel("profile")},
		{URL: address(api.RecordQuery{Types: []string{api.FoundAgreement}, Member: handle}), Label: capital(v.T("term.types.agreement"))},
		{URL: address(api.RecordQuery{Types: []string{api.FoundAct}, Member: handle}), Label: capital(v.T("term.types.act"))},
	}
	if handle != v.Status.Member.Handle && one.Status == "member" && v.May("write") {
		m.Write = writeURL("", handle)
	}
	return s.showMatter(w, v, m)
}

func (s *site) showAct(w http.ResponseWriter, r *http.Request, v *view) error {
	one, err := s.backend.Decision(r.Context(), r.PathValue("ref"))
	if protocol.ReasonOf(err) == protocol.ReasonNotFound {
		return protocol.Fail(protocol.ReasonNotFound, "show decision", nil)
	}
	if err != nil {
		return err
	}
	if one.Number == 0 {
		one.Text = v.Status.Federation.Names
	}
	m := matter{Line: v.foundLine(api.Found{Type: api.FoundAct, State: one.State, Time: one.Time, Title: one.Text, Decision: &one.Decision, Record: api.Record{ID: one.ID, Member: one.By, Names: v.namesOf(one.By)}})}
	m.Also = v.others(one.Text, m.Line.Title.Lang)
	m.Fate = v.fate(one)
	for _, a := range one.Instead {
		if a.Number == 0 && len(a.Text) == 0 {
			a.Text = v.Status.Federation.Names
		}
		title := v.text(a.Text)
		if title.Text == "" {
			title.Text = v.changes(a.Changes)
		}
		m.Instead = append(m.Instead, namedLink{actURL(a.ID), v.actNumber(api.Decision{Number: a.Number, Final: one.State != "halted"}), title})
	}
	m.say(v.T("web.found.changes"), v.changes(one.Changes))
	if one.State == "open" {
		m.say(v.T("web.found.for"), v.membersNamed(one.For)...)
		m.say(v.T("web.found.missing"), v.membersNamed(one.Missing)...)
	}
	return s.showMatter(w, v, m)
}

// fate says in sentences what became of a decision and why; "" of one that stands or can
// be answered.
func (v *view) fate(f api.Fate) string {
	switch f.State {
	case "stale", "halted":
		return v.T("web.fate." + f.Why)
	case "invalid":
		rule := ""
		if key := "why." + f.Breaks; v.book.Has(key) {
			rule = v.T(key)
		}
		return strings.TrimSpace(v.T("web.fate.rule") + " " + rule)
	case "waiting":
		return v.T("web.fate.waiting")
	}
	return ""
}

func (s *site) showMatter(w http.ResponseWriter, v *view, m matter) error {
	v.Title, v.Here, v.Data = m.Line.Title.Text, "records", m
	s.render(w, v, http.StatusOK, "matter")
	return nil
}

// word is what a code of the catalogue's own lists is called.
func (v *view) word(group, code string) string {
	if key := "term." + group + "." + code; v.book.Has(key) {
		return v.T(key)
	}
	return code
}

func (v *view) namesOf(handle string) map[string]string {
	for _, m := range v.Status.Members {
		if m.Handle == handle {
			return m.Names
		}
	}
	return nil
}

// memberNamed is what a member is called; its handle where that is not known.
func (v *view) memberNamed(handle string) string {
	return cmp.Or(v.text(v.namesOf(handle)).Text, handle)
}

func (v *view) membersNamed(handles []string) []string {
	var out []string
	for _, h := range handles {
		out = append(out, v.memberNamed(h))
	}
	return out
}

// whereabouts is a member's kind and place in a line.
func (v *view) whereabouts(m api.Member) text {
	parts := slices.DeleteFunc([]string{v.word("kind", m.Kind), m.City, phrase.Country(v.Lang, m.Country)}, func(p string) bool { return p == "" })
	return text{Text: strings.Join(parts, ", ")}
}

// changes are what a decision changes, in sentences.
func (v *view) changes(all []api.Change) string {
	var parts []string
	for _, c := range all {
		parts = append(parts, v.book.Change(v.Lang, c.Kind, map[string]string{"member": v.memberNamed(c.Member), "category": c.Category, "office": c.Office,
			"from": c.From, "to": c.To, "rules": c.Rules, "node": beginning(c.Key), "until": c.To, "entry": cmp.Or(c.Record, beginning(c.Head))}))
	}
	return strings.Join(parts, " ")
}

// beginning is as much of a key or a CID as people compare.
func beginning(text string) string { return text[:min(len(text), 10)] }

// actURL is the page of a decision.
func actURL(id string) string { return "/acts/" + url.PathEscape(id) }
