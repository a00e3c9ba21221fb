package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
	"github.com/dure-net/dure/protocol/record/remark"
)

const remarkForm = "remark"

// sayForm is a form by which this member says something about a record.
type sayForm struct {
	ID      string // for labels
	What    string
	To      string // CID of the remark that is meant; "" for none
	Title   string
	Hint    string
	Button  string
	Path    string
	Token   string
	Key     string
	Inputs  []sayInput
	Open    bool
	Problem []string
	Plain   bool // a button alone
}

// sayInput is one field of it. Kind is block, line, day, choice or check.
type sayInput struct {
	ID, Name, Kind, Label, Hint string
	Value                       string
	Lang                        string
	Max                         int
	Required                    bool
	Options                     []option
}

// typedRemark is what somebody posted and why it could not be said.
type typedRemark struct {
	values  map[string]string
	problem []string
}

// formMaker makes the forms of one page.
type formMaker struct {
	*view
	rec   api.Record
	path  string
	token string
	typed *typedRemark
	may   []string
}

func (f formMaker) form(what, to, title string, inputs ...sayInput) sayForm {
	form := sayForm{ID: what, What: what, To: to, Title: title, Button: f.T("remark.form.send"), Path: f.path, Token: f.token, Key: newKey()}
	if to != "" {
		form.ID += "-" + to[len(to)-8:]
	}
	if key := "remark.form." + what + ".hint"; f.book.Has(key) {
		form.Hint = f.T(key)
	}
	mine := f.typed != nil && f.typed.values["what"] == what && f.typed.values["to"] == to
	for i := range inputs {
		inputs[i].ID = form.ID + "-" + strings.NewReplacer(".", "-", "[", "-", "]", "").Replace(inputs[i].Name)
		if mine {
			inputs[i].Value = f.typed.values[inputs[i].Name]
			for j := range inputs[i].Options {
				inputs[i].Options[j].Chosen = inputs[i].Options[j].Value == inputs[i].Value
			}
		}
	}
	if mine {
		form.Open, form.Problem = true, f.typed.problem
	}
	form.Inputs = inputs
	return form
}

func (f formMaker) block(name, label string, most int, required bool) sayInput {
	return sayInput{Name: name, Kind: "block", Label: label, Lang: f.Lang, Max: most, Required: required}
}

func (f formMaker) choice(name, label string, list record.List) sayInput {
	in := sayInput{Name: name, Kind: "choice", Label: label, Required: true}
	for _, code := range record.Codes(list) {
		in.Options = append(in.Options, option{code, record.Label(list, code, f.Lang), false})
	}
	return in
}

// Bounds of what fields take, in characters, as the schema has them.
const (
	remarkChars = 1000
	reasonChars = 500
	adoptChars  = 2000
	answerChars = 4000
)

// all are the forms below the remarks.
func (f formMaker) all() []sayForm {
	var out []sayForm
	words := f.T("remark.form.text")
	for _, what := range f.may {
		title := ""
		if key := "remark.form." + what; what != "reply" && what != "translation" && f.book.Has(key) {
			title = f.T(key)
		}
		switch what {
		case "question":
			out = append(out, f.form(what, "", title, f.block("text", words, remarkChars, true)))
		case "translation":
			if form, ok := f.translation(); ok {
				out = append(out, form)
			}
		case "adoption":
			out = append(out, f.form(what, "", title, f.block("changed", f.T("remark.changed"), adoptChars, true), f.choice("result", f.T("remark.form.result"), record.AdoptionResults),
				f.block("outcome", f.T("remark.outcome"), adoptChars, false), sayInput{Name: "since", Kind: "day", Label: f.T("remark.since")}))
		case "endorsement":
			out = append(out, f.form(what, "", title, f.choice("way", f.T("remark.form.way"), record.EndorsementWays), f.block("text", words, remarkChars, false)))
		case "join", "leave":
			out = append(out, f.form(what, "", title, f.block("text", words, reasonChars, false)))
		case "update":
			out = append(out, f.form(what, "", title, f.update(words)...))
		case "acknowledgement", "close":
			form := f.form(what, "", title)
			form.Plain, form.Button = true, title
			out = append(out, form)
		case "submission":
			out = append(out, f.form(what, "", title, f.block("text", words, answerChars, true)))
		case "flag":
			out = append(out, f.form(what, "", title, f.choice("reason", f.T("remark.form.reason"), record.FlagReasons), f.block("text", words, reasonChars, true)))
		case "lift":
			out = append(out, f.form(what, "", title, f.block("text", f.T("remark.form.reason"), reasonChars, true)))
		}
	}
	return out
}

// reply is the form under a question.
func (f formMaker) reply(q remark.Question) []sayForm {
	if !slices.Contains(f.may, "reply") {
		return nil
	}
	return []sayForm{f.form("reply", q.ID, f.T("remark.form.reply"), f.block("text", f.T("remark.form.text"), remarkChars, true))}
}

// recall is the button beside an own remark that can be taken back.
func (f formMaker) recall(w remark.Words) []sayForm {
	if w.Member != f.Status.Member.Handle || w.ID == "" || !f.May("write") {
		return nil
	}
	form := f.form("recall", w.ID, f.T("remark.form.recall"))
	form.Plain, form.Button = true, f.T("remark.form.recall")
	return []sayForm{form}
}

// translation is into the language of this page, of what lacks it.
func (f formMaker) translation() (sayForm, bool) {
	kind, _ := protocol.ParseKind(f.rec.Type)
	var inputs []sayInput
	for _, p := range record.Passages(kind, f.rec.Content) {
		if p.Text[f.Lang] != "" {
			continue
		}
		original := f.text(p.Text, f.rec.Lang)
		in := f.block("t."+p.Path, f.label(plainPath(p.Path)), 8000, false)
		in.Hint = original.Text
		inputs = append(inputs, in)
	}
	if len(inputs) == 0 {
		return sayForm{}, false
	}
	inputs = append(inputs, sayInput{Name: "by_machine", Kind: "check", Label: f.T("remark.form.by_machine")})
	return f.form("translation", "", f.T("remark.form.translation", "lang", f.book.Language(f.Lang, f.Lang)), inputs...), true
}

func (f formMaker) update(words string) []sayInput {
	out := []sayInput{f.block("text", words, remarkChars, true)}
	goals, _ := f.rec.Content["goals"].([]any)
	if len(goals) == 0 {
		return out
	}
	in := sayInput{Name: "goal", Kind: "choice", Label: f.T("remark.form.goal"), Options: []option{{"", f.T("remark.form.goal.none"), false}}}
	kind, _ := protocol.ParseKind(f.rec.Type)
	passages := record.Passages(kind, f.rec.Content)
	for i := range goals {
		label := strconv.Itoa(i + 1)
		for _, p := range passages {
			if p.Path == "goals["+strconv.Itoa(i)+"].text" {
				label += ". " + f.text(p.Text, f.rec.Lang).Text
			}
		}
		in.Options = append(in.Options, option{strconv.Itoa(i + 1), label, false})
	}
	return append(out, in, sayInput{Name: "reached", Kind: "line", Label: f.T("remark.form.reached"), Max: 20})
}

// say publishes what was typed, once however often the button is pressed, and shows the
// record again: with what was typed and the problem, where there is one.
func (s *site) say(w http.ResponseWriter, r *http.Request, v *view) error {
	v.Ref = r.PathValue("ref")
	if err := r.ParseForm(); err != nil {
		return protocol.Fail(protocol.ReasonTooLarge, "read form", err)
	}
	if !s.sessions.FormValid(r, remarkForm, r.PostForm.Get("token")) {
		return protocol.Fail(protocol.ReasonForbidden, "read form", nil)
	}
	values := map[string]string{}
	for name, list := range r.PostForm {
		if len(list) > 0 {
			values[name] = record.Clean(list[0])
		}
	}
	rec, err := s.backend.Record(r.Context(), v.Ref)
	if err != nil {
		return err
	}
	typ, fields, err := remarkOf(values, v.Lang, rec)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(fields)
	if err != nil {
		return protocol.Fail(protocol.ReasonInternal, "read form", err)
	}
	_, _, err = s.once.Do(r.Context(), values["key"], "remark "+v.Ref+" "+typ, raw, func() (api.Receipt, error) {
		if typ == "close" {
			return s.backend.Adjust(r.Context(), v.Ref, api.Adjustment{State: "closed"})
		}
		return s.backend.Remark(r.Context(), api.RemarkDraft{Ref: v.Ref, Type: typ, Raw: raw, To: values["to"]})
	})
	var e *protocol.Error
	if err != nil && (!errors.As(err, &e) || api.StatusOf(e.Reason) == http.StatusInternalServerError) {
		return err
	}
	if err != nil {
		return s.renderRecord(w, r, v, rec, shownAgain{remark: &typedRemark{values, s.problems(v, err)}}, api.StatusOf(protocol.ReasonOf(err)))
	}
	http.Redirect(w, r, recordURL(rec)+"#said", http.StatusSeeOther)
	return nil
}

// problems says an error, fault by fault where it has any.
func (s *site) problems(v *view, err error) []string {
	faults := record.FaultsOf(err)
	if len(faults) == 0 {
		sentence, hint := s.book.Error(v.Lang, err)
		return []string{sentence, hint}
	}
	var out []string
	for _, f := range faults {
		path, _, _ := strings.Cut(strings.TrimPrefix(f.Field, "texts."), "."+v.Lang)
		out = append(out, v.remarkLabel(plainPath(path))+v.T("web.colon")+" "+s.book.Fault(v.Lang, f))
	}
	return out
}

// remarkLabel names a field as the forms do.
func (v *view) remarkLabel(path string) string {
	for _, key := range []string{"remark.form." + path, "remark." + path} {
		if v.book.Has(key) {
			return v.T(key)
		}
	}
	return v.label(path)
}

// remarkOf makes a remark's fields of a form's.
func remarkOf(values map[string]string, lang string, rec api.Record) (typ string, fields map[string]any, err error) {
	typ = values["what"]
	fields = map[string]any{"lang": lang}
	put := func(names ...string) {
		for _, name := range names {
			if values[name] != "" {
				fields[name] = map[string]string{lang: values[name]}
			}
		}
	}
	code := func(names ...string) {
		for _, name := range names {
			if values[name] != "" {
				fields[name] = values[name]
			}
		}
	}
	switch typ {
	case "question", "reply", "submission":
		put("text")
	case "adoption":
		put("changed", "outcome")
		code("result", "since")
	case "endorsement":
		put("text")
		code("way")
	case "join", "leave":
		put("text")
		fields["step"], typ = typ, "partnership"
	case "update":
		put("text")
		if n, err := strconv.Atoi(values["goal"]); err == nil && n > 0 {
			unit, _ := record.GoalUnit(rec.Content, n) // a goal that is not there is refused
			fields["goal"], fields["reached"] = n, map[string]string{"value": values["reached"], "unit": unit}
		}
	case "flag", "lift":
		put("text")
		code("reason")
		fields["step"], typ = typ, "flag"
	case "acknowledgement", "recall", "close":
	case "translation":
		texts := map[string]string{}
		for name, value := range values {
			if path, ok := strings.CutPrefix(name, "t."); ok && value != "" {
				texts[path] = value
			}
		}
		fields["texts"] = texts
		if values["by_machine"] != "" {
			fields["by_machine"] = true
		}
	default:
		return "", nil, &protocol.Error{Reason: protocol.ReasonUsage, Op: "read form", Field: "what"}
	}
	return typ, fields, nil
}
