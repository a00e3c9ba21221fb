package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
	"github.com/dure-net/dure/protocol/record/exchange"
)

type waitLine struct {
	Text string
	Late string // the word for it; "" while there is time
}

type overLine struct {
	Line recordLine
	Text string
}

// agreementLine is an agreement in a list.
type agreementLine struct {
	URL     string
	Type    string // in words; "" in lists
	Title   text
	Number  string
	Phase   string // in words
	Parties string
}

// agreementView is the page of one agreement.
type agreementView struct {
	Private  *confidential // what parties told one another
	Line     agreementLine
	Path     string
	Token    string
	Key      string
	Facts    []string
	Waits    []waitLine
	Clauses  []clauseLine
	Versions []versionLine
	Given    bool // something can have been given: it is or was in force
	Says     []string
	Terms    text
	Acts     []deedForm
	Problem  string
	Next     string
	Keep     keeping
}

type clauseLine struct {
	No       uint64
	What     text
	Action   string
	Who      string
	Days     string
	State    string
	Promised string
	Given    string
	Received string
	Counted  string
	Reports  []reportLine
}

// reportLine is one report of fulfilment, with the files that show it.
type reportLine struct {
	Text  string
	Note  text
	Files []fileLine
}

type versionLine struct {
	Number, Words, State string
	Holds                bool
}

// deedForm is a button that this member may press now, with the fields it takes.
type deedForm struct {
	Deed    string
	Version string
	Which   string // the version, where there are several
	Label   string
	Plain   bool // a button alone; else fields behind a summary
	Second  bool
	Clauses []option
	Codes   []option
	CodeTag string // what the codes are, for the label
	Has     map[string]bool
	Text    string // label of the text field; "" for none
	Amount  string // label of the quantity
	Whole   string // address of the form for all clauses; "" where there is none
	Open    bool   // it was posted and could not be done
	Typed   url.Values
	Kept    *brought
}

// Value is what was typed into a field before.
func (f deedForm) Value(name string) string { return f.Typed.Get(name) }

const agreementForm = "agreement"

func agreementURL(number, id string) string {
	if number != "" {
		return "/agreements/" + url.PathEscape(number)
	}
	return "/agreements/" + url.PathEscape(id)
}

// partyNames are the names of the parties, for one line.
func (v *view) partyNames(parties []api.Party) string {
	var names []string
	for _, p := range parties {
		if name := v.text(p.Names).Text; name != "" {
			names = append(names, name)
		} else {
			names = append(names, p.Member)
		}
	}
	return strings.Join(names, ", ")
}

func (v *view) partyName(parties []api.Party, member string) string {
	for _, p := range parties {
		if p.Member == member {
			return v.partyNames([]api.Party{p})
		}
	}
	return member
}

func (v *view) agreementLine(number, id string, title map[string]string, lang, phase string, parties []api.Party) agreementLine {
	return agreementLine{URL: agreementURL(number, id), Title: v.text(title, lang), Number: number, Phase: capital(v.T("term.phase." + phase)), Parties: v.partyNames(parties)}
}

func (v *view) waitLines(parties []api.Party, waits []api.Wait) []waitLine {
	api.WordWaits(v.book.Wait, v.Lang, parties, waits)
	var out []waitLine
	for _, w := range waits {
		one := waitLine{Text: w.Text}
		if w.Late {
			one.Late = v.T("cli.inbox.late")
		}
		out = append(out, one)
	}
	return out
}

// unit is a unit as people call it; a currency is its code.
func (v *view) unit(code string) string {
	if label := record.Label(record.Units, code, v.Lang); label != "" {
		return label
	}
	return code
}

// showAgreement shows an agreement with what this member may do now.
func (s *site) showAgreement(w http.ResponseWriter, r *http.Request, v *view) error {
	v.Ref = r.PathValue("ref")
	a, err := s.backend.Agreement(r.Context(), v.Ref, "")
	if err != nil {
		return err
	}
	s.renderAgreement(w, r, v, a, deedTyped{}, http.StatusOK)
	return nil
}

// deedTyped is what was typed into the form of a deed that could not be done.
type deedTyped struct {
	values  url.Values
	file    *brought // asks whether it was meant
	problem error
}

func (s *site) renderAgreement(w http.ResponseWriter, r *http.Request, v *view, a api.Agreement, typed deedTyped, status int) {
	out := agreementView{
		Line: v.agreementLine(a.Number, a.ID, a.Title, a.Lang, a.Phase, a.Parties), Path: agreementURL(a.Number, a.ID) + "/deeds",
		Token: s.sessions.FormToken(r, agreementForm), Key: newKey(), Waits: v.waitLines(a.Parties, a.Waits),
	}
	var parties []string
	for _, p := range a.Parties {
		parties = append(parties, p.Member)
	}
	out.Private = s.confidential(r, v, a.ID, parties...)
	out.Keep = v.keep(agreementURL(a.Number, a.ID), false, api.CalendarOfAgreement(s.book, v.Lang, a) != nil)
	if typed.problem != nil {
		out.Problem, out.Next = v.fileProblem(typed.problem)
		for _, f := range record.FaultsOf(typed.problem) {
			out.Problem += " " + v.deedLabel(f.Field) + v.T("web.colon") + " " + v.book.Fault(v.Lang, f)
		}
	}
	if a.InForce != "" {
		out.Facts = append(out.Facts, v.T("cli.agreement.since", "day", v.book.Day(v.Lang, a.InForce)))
	}
	if a.Ended != "" {
		out.Facts = append(out.Facts, v.T("cli.agreement.ended", "day", v.book.Day(v.Lang, a.Ended)))
	}
	for _, p := range a.Parties {
		if p.Removed {
			out.Facts = append(out.Facts, v.T("cli.agreement.removed", "members", v.partyName(a.Parties, p.Member)))
		}
	}
	if len(a.Closed) > 0 {
		out.Facts = append(out.Facts, v.T("cli.agreement.closed", "records", strings.Join(a.Closed, ", ")))
	}
	for _, p := range a.Asks {
		out.Facts = append(out.Facts, v.T("cli.agreement.asks", "members", v.partyName(a.Parties, p)))
	}
	for _, c := range a.Clauses {
		out.Clauses = append(out.Clauses, clauseLine{
			No: c.No, What: v.text(c.What, a.Lang), Action: record.Label(record.ClauseActions, c.Action, v.Lang), State: capital(v.T("term.clause." + c.State)),
			Who:      v.T("web.agreement.who", "provider", v.partyName(a.Parties, c.Provider), "receiver", v.partyName(a.Parties, c.Receiver)),
			Days:     v.T("web.agreement.by", "day", v.book.Day(v.Lang, c.Last)),
			Promised: v.amount(c.Promised, c.Unit), Given: v.amount(c.Given, c.Unit), Received: v.amount(c.Received, c.Unit), Counted: v.amount(c.Counted, c.Unit),
			Reports: s.reports(r.Context(), v, a, c.Reports),
		})
	}
	for _, one := range a.Versions {
		out.Versions = append(out.Versions, versionLine{one.Number,
			v.T("cli.agreement.answer_by", "writer", v.partyName(a.Parties, one.Writer), "day", v.book.Day(v.Lang, one.AnswerBy)), capital(v.T("term.phase." + one.State)), one.Number == a.Ruling})
		if terms, ok := one.Content["terms"].(map[string]any); ok && (one.Number == a.Ruling || a.Ruling == "") {
			words := map[string]string{}
			for lang, t := range terms {
				words[lang], _ = t.(string)
			}
			out.Terms = v.text(words, a.Lang)
		}
	}
	out.Line.Type = v.T("term.type.proposal")
	if out.Given = a.InForce != ""; out.Given {
		out.Line.Type = v.T("term.type.agreement")
	}
	out.Line.Type = capital(out.Line.Type)
	if len(a.Waits) == 0 && (a.Phase == string(exchange.Proposed) || a.Phase == string(exchange.Accepted)) && slices.ContainsFunc(a.Parties, func(p api.Party) bool { return p.Member == v.Status.Member.Handle }) {
		out.Facts = append(out.Facts, v.T("web.agreement.others"))
	}
	out.Says = v.agreementSays(a)
	for _, c := range a.Choices {
		if !v.May("write") {
			break
		}
		out.Acts = append(out.Acts, v.deedForm(a, c, typed))
	}
	v.Title, v.Here, v.Data, v.Path = out.Line.Title.Text, "inbox", out, agreementURL(a.Number, a.ID)
	s.render(w, v, status, "agreement")
}

// agreementSays tells of cancellations, disputes, signatures and feedback.
func (v *view) agreementSays(a api.Agreement) (out []string) {
	say := func(t map[string]string) string { return v.text(t, a.Lang).Text }
	for _, c := range a.Cancels {
		out = append(out, v.T("cli.agreement.cancelled", "member", v.partyName(a.Parties, c.Member), "day", v.book.Day(v.Lang, c.On),
			"reason", strings.Trim(record.Label(record.CancelReasons, c.Reason, v.Lang)+". "+say(c.Text), ". ")))
	}
	for _, d := range a.Disputes {
		out = append(out, v.T("cli.agreement.dispute", "member", v.partyName(a.Parties, d.Member), "day", v.book.Day(v.Lang, d.On), "state", v.T("term.dispute."+d.State), "text", say(d.Text)))
		for _, m := range d.Mediations {
			out = append(out, v.T("cli.agreement.mediation", "member", m.Member, "closing", record.Label(record.MediationClosings, m.Closing, v.Lang), "text", say(m.Text)))
		}
	}
	for _, p := range a.Signed {
		if a.Phase != string(exchange.Completed) {
			out = append(out, v.T("cli.agreement.signed", "members", v.partyName(a.Parties, p)))
		}
	}
	for _, f := range a.Feedback {
		who := v.partyName(a.Parties, f.Member)
		if f.State == exchange.FeedbackHidden {
			out = append(out, v.T("cli.agreement.feedback_hidden", "member", who))
			continue
		}
		out = append(out, strings.TrimSpace(v.T("cli.agreement.feedback", "member", who, "outcome", record.Label(record.Outcomes, f.Outcome, v.Lang), "text", say(f.Text))))
	}
	return out
}

// maxReportsShown bounds the reports of one clause that its page shows, the newest.
const maxReportsShown = 50

// reports words what was reported of a clause.
func (s *site) reports(ctx context.Context, v *view, a api.Agreement, all []api.Report) (out []reportLine) {
	for _, r := range all[max(0, len(all)-maxReportsShown):] {
		key := "web.report"
		if r.Less {
			key = "web.report.less"
		}
		line := reportLine{Note: v.text(r.Note, a.Lang), Text: v.T(key, "member", v.partyName(a.Parties, r.Member), "amount", v.amount(r.Value, r.Unit), "day", v.book.Day(v.Lang, r.On))}
		if !r.Counts {
			line.Text += " " + v.T("web.report.void")
		}
		if files, err := s.backend.Attachments(ctx, r.Entry); err == nil { // the page stands without them
			line.Files = v.fileLines("/records/"+url.PathEscape(r.Entry), a.Lang, files)
		}
		out = append(out, line)
	}
	return out
}

// deedLabel names a field of a deed as its form does.
func (v *view) deedLabel(path string) string {
	for _, f := range []struct{ path, key string }{{"quantity", "web.agreement.quantity.short"}, {"amount", "web.agreement.quantity.short"}, {"on", "web.agreement.on.short"}, {"clause", "web.agreement.clause"},
		{"attachments", "web.files.title"}, {"files", "web.files.title"}, {"note", "web.agreement.note"}, {"text", "web.agreement.note"}, {"reason", "web.agreement.note"}} {
		if strings.HasPrefix(path, f.path) {
			return v.T(f.key)
		}
	}
	return v.label(plainPath(path))
}

// deedForm is the form of one choice.
func (v *view) deedForm(a api.Agreement, c api.Choice, typed deedTyped) deedForm {
	f := deedForm{Deed: c.Deed, Version: c.Version, Label: capital(v.T("term.deed." + c.Deed)), Has: map[string]bool{}, Text: v.T("web.agreement.note"), Amount: v.T("web.agreement.quantity")}
	clauses := func(numbers []uint64) {
		for _, s := range a.Clauses {
			if numbers == nil || len(numbers) > 0 && slices.Contains(numbers, s.No) {
				f.Clauses = append(f.Clauses, option{strconv.FormatUint(s.No, 10), strconv.FormatUint(s.No, 10) + ". " + v.text(s.What, a.Lang).Text, false})
			}
		}
	}
	codes := func(list record.List, tag string) {
		f.CodeTag = v.T(tag)
		f.Codes = []option{{}} // nothing is said of others that was not chosen
		for _, code := range record.Codes(list) {
			f.Codes = append(f.Codes, option{code, record.Label(list, code, v.Lang), false})
		}
	}
	switch exchange.Deed(c.Deed) {
	case exchange.Accept, exchange.Confirm:
		f.Plain, f.Text = true, ""
	case exchange.Counter, exchange.Amend:
		clauses(nil)
		f.Has["quantity"], f.Has["due"], f.Text, f.Second = true, true, v.T("web.agreement.terms"), true
		f.Amount = v.T("web.agreement.other")
		f.Whole = agreementURL(a.Number, a.ID) + "/terms?" + url.Values{"deed": {c.Deed}, "version": {c.Version}}.Encode()
	case exchange.Fulfil:
		clauses(c.Clauses)
		f.Has["quantity"], f.Has["on"], f.Has["file"] = true, true, true
	case exchange.CancelIt:
		codes(record.CancelReasons, "web.agreement.why")
		f.Second = true
	case exchange.Mediate:
		codes(record.MediationClosings, "web.agreement.closing")
	case exchange.Review:
		codes(record.Outcomes, "web.agreement.outcome")
		f.Has["repeat"] = true
	default:
		f.Second = true
	}
	if f.Open = len(a.Choices) == 1; len(a.Versions) > 1 {
		f.Which = c.Version
	}
	if typed.values.Get("deed") == c.Deed && typed.values.Get("version") == c.Version {
		f.Open, f.Typed, f.Kept = true, typed.values, typed.file
		for _, list := range [][]option{f.Clauses, f.Codes} {
			for i := range list {
				list[i].Chosen = slices.Contains([]string{f.Value("clause"), f.Value("code")}, list[i].Value)
			}
		}
	}
	return f
}

// capital begins a button's words with a capital, where the script has them.
func capital(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[n:]
}

// deed does what was chosen, once however often the button is pressed, and shows the agreement again.
func (s *site) deed(w http.ResponseWriter, r *http.Request, v *view) error {
	v.Ref = r.PathValue("ref")
	form, file, err := s.posted(r, v, agreementForm, s.backend.Upload)
	again := func(typed deedTyped, status int) error {
		a, err := s.backend.Agreement(r.Context(), v.Ref, "")
		if err == nil {
			s.renderAgreement(w, r, v, a, typed, status)
		}
		return err
	}
	var refused *fileRefused
	switch {
	case errors.As(err, &refused):
		return again(deedTyped{values: form, problem: err}, api.StatusOf(protocol.ReasonOf(err)))
	case err != nil:
		return err
	case file != nil && len(file.Told) > 0 && form.Get("sure") == "":
		return again(deedTyped{values: form, file: file}, http.StatusUnprocessableEntity)
	}
	d := api.Deed{Deed: form.Get("deed"), Version: form.Get("version")}
	if d.Deed == "settle" {
		d.Deed = "retract"
	}
	words := record.Clean(form.Get("text"))
	if words != "" {
		d.Text = map[string]string{v.Lang: words}
	}
	clause, _ := strconv.ParseUint(form.Get("clause"), 10, 64) // none is judged by the node
	quantity := strings.TrimSpace(form.Get("quantity"))
	switch d.Deed {
	case "counter", "amend":
		d.Edit = &api.TermsEdit{Clause: clause, Quantity: quantity, Due: form.Get("due"), Terms: d.Text}
		d.Text = nil
	case "fulfil":
		d.Clause, d.Quantity, d.On = clause, quantity, form.Get("on")
	case "cancel":
		d.Reason = form.Get("code")
	case "mediate":
		d.Closing = form.Get("code")
	case "feedback":
		d.Outcome, d.Repeat = form.Get("code"), form.Get("repeat") != ""
	}
	if file != nil {
		d.Files = []api.DeedFile{{ID: file.ID, MediaType: file.MediaType, Bytes: file.Bytes, Title: map[string]string{v.Lang: file.Title}}}
	}
	_, _, err = s.once.Do(r.Context(), form.Get("key"), "deed "+v.Ref, []byte(form.Encode()), func() (api.Receipt, error) {
		return s.backend.Act(r.Context(), v.Ref, d)
	})
	switch protocol.ReasonOf(err) {
	case protocol.ReasonNone:
		http.Redirect(w, r, agreementURL(v.Ref, ""), http.StatusSeeOther)
		return nil
	case protocol.ReasonInvalid, protocol.ReasonConflict, protocol.ReasonNotOwner, protocol.ReasonAmbiguous:
		return again(deedTyped{values: form, problem: err}, api.StatusOf(protocol.ReasonOf(err)))
	}
	return err
}

// propose drafts a proposal from a listing, and proposes it as it is: the other side may counter, and nothing binds
// before both have agreed. What comes from the form for all clauses has their number.
func (s *site) propose(w http.ResponseWriter, r *http.Request, v *view) error {
	v.Ref = r.PathValue("ref")
	if err := r.ParseForm(); err != nil {
		return protocol.Fail(protocol.ReasonTooLarge, "read form", err)
	}
	if r.PostForm.Has("rows") {
		return s.sendTerms(w, r, v)
	}
	if !s.sessions.FormValid(r, agreementForm, r.PostForm.Get("token")) {
		return protocol.Fail(protocol.ReasonForbidden, "read form", nil)
	}
	receipt, _, err := s.once.Do(r.Context(), r.PostForm.Get("key"), "propose "+v.Ref, nil, func() (api.Receipt, error) {
		draft, err := s.backend.DraftProposal(r.Context(), v.Ref, "")
		if err != nil {
			return api.Receipt{}, err
		}
		raw, err := changedDraft(draft, strings.TrimSpace(r.PostForm.Get("quantity")))
		if err != nil {
			return api.Receipt{}, err
		}
		return s.backend.Act(r.Context(), "", api.Deed{Deed: "propose", Proposal: raw})
	})
	if err != nil {
		return err
	}
	http.Redirect(w, r, agreementURL(receipt.Number, receipt.Record), http.StatusSeeOther)
	return nil
}
