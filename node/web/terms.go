package web

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// termsView is the form for the whole terms of a proposal, a counter-proposal or an amendment.
type termsView struct {
	Path, Token, Key string
	Deed, Version    string // "propose" and "", or what is done to which proposal
	Own              string // the listing of this member that it is about too; "" for none
	Back             string
	Button           string
	Langs            []option
	Lang             string
	Title, Terms     string
	RespondBy        string
	Clauses          []clauseForm
	More             bool                // there may be more clauses
	Faults           map[string][]string // by field, beside the clauses'
	Faulty           []faultLink
	Personal         []string // what looks like data of private persons: it is asked whether that is meant
}

// clauseForm is one clause in the form. I counts from 0 and is part of every name.
type clauseForm struct {
	I, No                                        int
	What, Quantity, From, Until                  string
	Units, Providers, Receivers, Actions, Answer []option
	Currencies                                   []option
	Faults                                       map[string][]string
}

// termsOf is what the terms are made from: those at hand, as a body says them, and who is a party.
type termsOf struct {
	deed, version string
	content       map[string]any
	parties       []api.Party
	path, back    string
	own           string
}

// draftTerms are those of a proposal about a listing, and about one of this member's where own names it.
func (s *site) draftTerms(ctx context.Context, v *view, ref, own string) (termsOf, error) {
	draft, err := s.backend.DraftProposal(ctx, ref, own)
	if err != nil {
		return termsOf{}, err
	}
	back := "/records/" + url.PathEscape(ref)
	t := termsOf{deed: "propose", content: plainJSON(draft), path: back + "/proposal", back: back, own: own}
	for _, p := range listOf(t.content["parties"]) {
		handle, _ := p.(string)
		one := api.Party{Member: handle}
		for _, m := range v.Status.Members {
			if m.Handle == handle {
				one.Names = m.Names
			}
		}
		t.parties = append(t.parties, one)
	}
	return t, nil
}

// changedTerms are those of the proposal that is to be countered, or of the agreement that is to be amended.
func (s *site) changedTerms(ctx context.Context, ref, deed, version string) (termsOf, error) {
	a, err := s.backend.Agreement(ctx, ref, "")
	if err != nil {
		return termsOf{}, err
	}
	refused := &protocol.Error{Reason: protocol.ReasonConflict, Op: "act", ID: a.ID, Args: map[string]string{"deed": deed, "number": a.Number, "phase": a.Phase}}
	if deed != "counter" && deed != "amend" || !slices.ContainsFunc(a.Choices, func(c api.Choice) bool { return c.Deed == deed && c.Version == version }) {
		return termsOf{}, refused
	}
	from := version
	if deed == "amend" {
		from = a.Ruling
	}
	for _, one := range a.Versions {
		if one.Number == from {
			content := plainJSON(one.Content)
			for _, name := range []string{"thread", "replaces", "amends"} { // filled in by the node
				delete(content, name)
			}
			content["respond_by"] = ""
			back := agreementURL(a.Number, a.ID)
			return termsOf{deed: deed, version: version, content: content, parties: a.Parties, path: back + "/terms", back: back}, nil
		}
	}
	return termsOf{}, refused
}

// plainJSON is content as JSON has it, whatever types it was in.
func plainJSON(content map[string]any) map[string]any {
	out := map[string]any{}
	if raw, err := json.Marshal(content); err == nil {
		_ = json.Unmarshal(raw, &out) // it was just written
	}
	return out
}

func listOf(v any) []any { l, _ := v.([]any); return l }

func mapOf(v any) map[string]any { m, _ := v.(map[string]any); return m }

func textOf(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}

// typedOf fills the form's fields from terms.
func (t termsOf) typed() url.Values {
	lang := textOf(t.content["lang"])
	f := url.Values{"lang": {lang}, "title": {textOf(mapOf(t.content["title"])[lang])}, "terms": {textOf(mapOf(t.content["terms"])[lang])}, "respond_by": {textOf(t.content["respond_by"])}}
	clauses := listOf(t.content["clauses"])
	f.Set("rows", strconv.Itoa(len(clauses)))
	for i, one := range clauses {
		c, at := mapOf(one), "."+strconv.Itoa(i)
		for _, name := range []string{"no", "provider", "receiver", "action", "reciprocal_of"} {
			f.Set(name+at, textOf(c[name]))
		}
		f.Set("what"+at, textOf(mapOf(c["what"])[lang]))
		f.Set("until"+at, textOf(c["due"]))
		if w := mapOf(c["window"]); w != nil {
			f.Set("from"+at, textOf(w["from"]))
			f.Set("until"+at, textOf(w["to"]))
		}
		if q := mapOf(c["quantity"]); q != nil {
			f.Set("quantity"+at, textOf(q["value"]))
			f.Set("unit"+at, textOf(q["unit"]))
		}
		if q := mapOf(c["amount"]); q != nil {
			f.Set("quantity"+at, textOf(q["value"]))
			f.Set("unit"+at, textOf(q["currency"]))
		}
	}
	return f
}

// rowsOf is how many clauses were posted.
func rowsOf(f url.Values) int {
	n, _ := strconv.Atoi(f.Get("rows")) // none is no clause
	return min(max(n, 0), record.MaxClauses)
}

var clauseFields = []string{"no", "provider", "receiver", "action", "what", "quantity", "unit", "from", "until", "reciprocal_of"}

// added puts another clause at the end, between the same parties as the last one, counted alike.
func added(f url.Values) {
	n := rowsOf(f)
	if n >= record.MaxClauses {
		return
	}
	last := 0
	for i := range n {
		no, _ := strconv.Atoi(f.Get("no." + strconv.Itoa(i))) // what is none is refused by the node
		last = max(last, no)
	}
	at, before := "."+strconv.Itoa(n), "."+strconv.Itoa(n-1)
	for _, name := range []string{"provider", "receiver", "action", "unit", "until"} {
		f.Set(name+at, f.Get(name+before))
	}
	f.Set("no"+at, strconv.Itoa(last+1))
	f.Set("rows", strconv.Itoa(n+1))
}

// dropped takes a clause out; those behind move up and keep their numbers.
func dropped(f url.Values, row int) {
	n := rowsOf(f)
	if row < 0 || row >= n || n < 2 {
		return
	}
	for i := row; i < n-1; i++ {
		for _, name := range clauseFields {
			f.Set(name+"."+strconv.Itoa(i), f.Get(name+"."+strconv.Itoa(i+1)))
		}
	}
	f.Set("rows", strconv.Itoa(n-1))
}

// written are the terms with what was typed; what the form does not show stays as it was.
func (t termsOf) written(f url.Values) map[string]any {
	out := maps.Clone(t.content)
	lang := f.Get("lang")
	out["lang"] = lang
	worded := func(m map[string]any, name, words string) {
		texts := maps.Clone(mapOf(m[name]))
		if texts == nil {
			texts = map[string]any{}
		}
		if delete(texts, lang); record.Clean(words) != "" {
			texts[lang] = record.Clean(words)
		}
		if m[name] = texts; len(texts) == 0 {
			delete(m, name)
		}
	}
	put := func(m map[string]any, name, value string) {
		if m[name] = strings.TrimSpace(value); m[name] == "" {
			delete(m, name)
		}
	}
	worded(out, "title", f.Get("title"))
	worded(out, "terms", f.Get("terms"))
	put(out, "respond_by", f.Get("respond_by"))
	clauses := []any{}
	for i := range rowsOf(f) {
		at := "." + strconv.Itoa(i)
		no, _ := strconv.Atoi(f.Get("no" + at)) // 0 is refused by the node
		c := map[string]any{}
		for _, old := range listOf(t.content["clauses"]) {
			if textOf(mapOf(old)["no"]) == strconv.Itoa(no) {
				c = maps.Clone(mapOf(old))
			}
		}
		c["no"] = no
		for _, name := range []string{"provider", "receiver", "action"} {
			put(c, name, f.Get(name+at))
		}
		delete(c, "reciprocal_of")
		if n, err := strconv.Atoi(f.Get("reciprocal_of" + at)); err == nil && n > 0 {
			c["reciprocal_of"] = n
		}
		worded(c, "what", f.Get("what"+at))
		delete(c, "quantity")
		delete(c, "amount")
		if value, unit := strings.TrimSpace(f.Get("quantity"+at)), f.Get("unit"+at); value != "" {
			if record.Has(record.Currencies, unit) && !record.Has(record.Units, unit) {
				c["amount"] = map[string]any{"value": value, "currency": unit}
			} else {
				c["quantity"] = map[string]any{"value": value, "unit": unit}
			}
		}
		delete(c, "window")
		delete(c, "due")
		if from := f.Get("from" + at); from != "" {
			c["window"] = map[string]any{"from": from, "to": f.Get("until" + at)}
		} else {
			put(c, "due", f.Get("until"+at))
		}
		clauses = append(clauses, c)
	}
	out["clauses"] = clauses
	return out
}

var clausePath = regexp.MustCompile(`^clauses\[(\d+)\]\.?(.*)$`)

// termsField finds the field of the form that a path of the schema is shown at: its row, -1
// for none, and its name; "" where no field stands for it.
func termsField(path string) (row int, name string) {
	m := clausePath.FindStringSubmatch(path)
	if m == nil {
		for _, name := range []string{"title", "terms", "respond_by", "lang"} {
			if path == name || strings.HasPrefix(path, name+".") {
				return -1, name
			}
		}
		return -1, ""
	}
	row, _ = strconv.Atoi(m[1]) // digits
	for _, f := range []struct{ path, name string }{{"what", "what"}, {"quantity.unit", "unit"}, {"amount.currency", "unit"}, {"quantity", "quantity"}, {"amount", "quantity"},
		{"window.from", "from"}, {"window", "until"}, {"due", "until"}, {"provider", "provider"}, {"receiver", "receiver"}, {"action", "action"}, {"reciprocal_of", "reciprocal_of"}} {
		if strings.HasPrefix(m[2], f.path) {
			return row, f.name
		}
	}
	return row, ""
}

// termsView is the form with what was typed and what is wrong with it.
func (s *site) termsView(r *http.Request, v *view, t termsOf, f url.Values, problem error) termsView {
	out := termsView{Path: t.path, Token: s.sessions.FormToken(r, agreementForm), Key: or(f.Get("key"), newKey()), Deed: t.deed, Version: t.version, Own: t.own, Back: t.back,
		Button: capital(v.T("term.deed." + t.deed)), Lang: f.Get("lang"), Title: f.Get("title"), Terms: f.Get("terms"), RespondBy: f.Get("respond_by"), Faults: map[string][]string{}}
	tags := slices.Clone(languages)
	if own := textOf(t.content["lang"]); own != "" && !slices.Contains(tags, own) {
		tags = append(tags, own)
	}
	for _, tag := range tags {
		out.Langs = append(out.Langs, option{tag, v.book.Language(v.Lang, tag), tag == out.Lang})
	}
	n := rowsOf(f)
	out.More = n < record.MaxClauses
	for i := range n {
		out.Clauses = append(out.Clauses, v.clauseForm(t, f, i))
	}
	faults := record.FaultsOf(problem)
	if problem != nil && len(faults) == 0 {
		sentence, hint := v.book.Error(v.Lang, problem)
		out.Faulty = append(out.Faulty, faultLink{Sentence: strings.TrimSpace(sentence + " " + hint)})
	}
	for _, fault := range faults {
		row, name := termsField(fault.Field)
		if by := fault.Args["because"]; by != "" {
			if _, other := termsField(fault.Field[:strings.LastIndex(fault.Field, ".")+1] + by); other == name || v.label(by) == by {
				fault.Args = nil // one field of the form stands for both, or none for the other
			} else {
				fault.Args = maps.Clone(fault.Args)
				fault.Args["because"] = v.label(by)
			}
		}
		sentence := v.book.Fault(v.Lang, fault)
		link := faultLink{Field: name, Label: v.T("web.terms." + or(name, "other")), Sentence: sentence}
		switch {
		case name == "":
			link.Label = v.deedLabel(fault.Field)
		case row < 0:
			out.Faults[name] = append(out.Faults[name], sentence)
		case row < len(out.Clauses):
			c := out.Clauses[row]
			c.Faults[name] = append(c.Faults[name], sentence)
			link.Field = name + "-" + strconv.Itoa(row)
		}
		if row >= 0 && row < len(out.Clauses) {
			link.Label = v.T("web.terms.clause", "no", out.Clauses[row].No) + ", " + link.Label
		}
		out.Faulty = append(out.Faulty, link)
	}
	return out
}

func (v *view) clauseForm(t termsOf, f url.Values, i int) clauseForm {
	at := "." + strconv.Itoa(i)
	c := clauseForm{I: i, What: f.Get("what" + at), Quantity: f.Get("quantity" + at), From: f.Get("from" + at), Until: f.Get("until" + at), Faults: map[string][]string{}}
	c.No, _ = strconv.Atoi(f.Get("no" + at)) // 0 is refused by the node
	for _, p := range t.parties {
		name := v.partyNames([]api.Party{p})
		c.Providers = append(c.Providers, option{p.Member, name, p.Member == f.Get("provider"+at)})
		c.Receivers = append(c.Receivers, option{p.Member, name, p.Member == f.Get("receiver"+at)})
	}
	for _, code := range record.Codes(record.ClauseActions) {
		c.Actions = append(c.Actions, option{code, record.Label(record.ClauseActions, code, v.Lang), code == f.Get("action"+at)})
	}
	for _, code := range record.Codes(record.Units) {
		c.Units = append(c.Units, option{code, record.Label(record.Units, code, v.Lang), code == f.Get("unit"+at)})
	}
	for _, code := range record.Codes(record.Currencies) {
		c.Currencies = append(c.Currencies, option{code, code, code == f.Get("unit"+at)})
	}
	for j := range rowsOf(f) {
		if no := f.Get("no." + strconv.Itoa(j)); j != i {
			c.Answer = append(c.Answer, option{no, v.T("web.terms.clause", "no", no), no == f.Get("reciprocal_of"+at)})
		}
	}
	return c
}

func (s *site) renderTerms(w http.ResponseWriter, v *view, form termsView, status int) error {
	v.Title, v.Here, v.Data = v.T("web.terms.title."+form.Deed), "inbox", form
	v.SwitchForm, v.SwitchTo, v.Path = "terms", form.Path, form.Path
	s.render(w, v, status, "terms")
	return nil
}

// termsAsked finds what a request for the form is about.
func (s *site) termsAsked(r *http.Request, v *view, f url.Values) (termsOf, error) {
	v.Ref = r.PathValue("ref")
	if strings.HasPrefix(r.URL.Path, "/records/") {
		return s.draftTerms(r.Context(), v, v.Ref, f.Get("own"))
	}
	return s.changedTerms(r.Context(), v.Ref, f.Get("deed"), f.Get("version"))
}

// showTerms shows the form, filled with the terms at hand.
func (s *site) showTerms(w http.ResponseWriter, r *http.Request, v *view) error {
	t, err := s.termsAsked(r, v, v.query)
	if err != nil {
		return err
	}
	return s.renderTerms(w, v, s.termsView(r, v, t, t.typed(), nil), http.StatusOK)
}

// sendTerms adds or takes out a clause and shows the form again, or proposes what was typed.
func (s *site) sendTerms(w http.ResponseWriter, r *http.Request, v *view) error {
	if err := r.ParseForm(); err != nil {
		return protocol.Fail(protocol.ReasonTooLarge, "read form", err)
	}
	f := r.PostForm
	if !s.sessions.FormValid(r, agreementForm, f.Get("token")) {
		return protocol.Fail(protocol.ReasonForbidden, "read form", nil)
	}
	t, err := s.termsAsked(r, v, f)
	if err != nil {
		return err
	}
	do := f.Get("do")
	if row, ok := strings.CutPrefix(do, "drop-"); ok {
		if n, err := strconv.Atoi(row); err == nil {
			dropped(f, n)
		}
	} else if do == "add" {
		added(f)
	}
	if do != "send" || v.query.Has("lang") {
		return s.renderTerms(w, v, s.termsView(r, v, t, f, nil), http.StatusOK)
	}
	raw, err := json.Marshal(t.written(f))
	if err != nil {
		return protocol.Fail(protocol.ReasonInternal, "propose", err)
	}
	d := api.Deed{Deed: t.deed, Version: t.version, Proposal: raw, Dry: true}
	ref := v.Ref
	if t.deed == "propose" {
		ref = ""
	}
	judged, err := s.backend.Act(r.Context(), ref, d)
	if err == nil && len(judged.Warnings) > 0 && f.Get("sure") == "" {
		form := s.termsView(r, v, t, f, nil)
		for _, p := range judged.Warnings {
			form.Personal = append(form.Personal, v.T("personal."+p.Code, "found", p.Found))
		}
		return s.renderTerms(w, v, form, http.StatusUnprocessableEntity)
	}
	var receipt api.Receipt
	if err == nil {
		d.Dry = false
		receipt, _, err = s.once.Do(r.Context(), f.Get("key"), "terms "+t.deed+" "+v.Ref, raw, func() (api.Receipt, error) { return s.backend.Act(r.Context(), ref, d) })
	}
	if err != nil {
		status := api.StatusOf(protocol.ReasonOf(err))
		if status == http.StatusInternalServerError {
			return err
		}
		return s.renderTerms(w, v, s.termsView(r, v, t, f, err), status)
	}
	to := agreementURL(receipt.Number, receipt.Record)
	if ref != "" {
		to = t.back
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}
