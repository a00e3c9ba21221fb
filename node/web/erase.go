package web

import (
	"net/http"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/phrase"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// erasedView is what the page of an erased record says.
type erasedView struct {
	By      string
	Because text
	Count   string
	Nodes   []droppedBy
}

// droppedBy is one node and whether it has dropped its copy.
type droppedBy struct {
	Member text
	Said   string
	Gone   bool
}

// eraseForm is the page that asks before a record is erased.
type eraseForm struct {
	Title   text
	Path    string // of the record
	Token   string
	Key     string
	Codes   []option
	Reason  string
	Lang    string
	Max     int
	Cannot  []string
	Problem string
}

const eraseFormName = "erase"

// maxReasonShown bounds what the field takes, in characters.
const maxReasonShown = protocol.MaxReason

// erased says by whose word a record's content is gone, and who has dropped it.
func (s *site) erased(r *http.Request, v *view, rec api.Record) (*erasedView, error) {
	if rec.State != api.RecordErased || rec.Erased == nil {
		return nil, nil
	}
	e, err := s.backend.Erasure(r.Context(), rec.ID)
	if err != nil {
		return nil, err
	}
	when := v.moment(rec.Erased.Time).Words
	out := &erasedView{By: v.T("term.erased.owner", "who", v.owner(rec).Text, "time", when)}
	if rec.Erased.Act > 0 {
		out.By = v.T("term.erased.act", "act", rec.Erased.Act, "time", when)
	}
	words, lang := phrase.Pick(v.Lang, rec.Erased.Reason)
	if code := rec.Erased.Code; code != "" {
		word := v.T("term.erasure." + code)
		if words != "" {
			word = words + " (" + word + ")"
		} else {
			lang = v.Lang
		}
		words = word
	}
	if words == "" {
		words, lang = v.T("term.erased.no_reason"), v.Lang
	} else {
		words = v.T("term.erased.because", "text", words)
	}
	out.Because = text{Text: words, Lang: lang}
	out.Count = v.T("term.erased.nodes", "gone", e.Gone, "count", len(e.Nodes))
	for _, n := range e.Nodes {
		one := droppedBy{Member: v.text(n.Names), Gone: n.Gone, Said: v.T("web.erase.node.waiting")}
		if one.Member.Text == "" {
			one.Member = text{Text: n.Member, Lang: "zxx"}
		}
		if n.Gone {
			one.Said = v.T("web.erase.node.gone", "time", v.moment(n.Time).Words)
		}
		out.Nodes = append(out.Nodes, one)
	}
	return out, nil
}

// erasable finds an own record that is not erased yet.
func (s *site) erasable(r *http.Request, v *view) (api.Record, error) {
	v.Ref = r.PathValue("ref")
	rec, err := s.backend.Record(r.Context(), v.Ref)
	if protocol.ReasonOf(err) == protocol.ReasonNotFound {
		if m, merr := s.backend.Message(r.Context(), v.Ref); merr == nil {
			rec, err = api.Record{ID: m.ID, Number: m.Number, Type: protocol.KindSealed.String(), Member: m.From, State: api.RecordState(m.State)}, nil
		}
	}
	if err != nil {
		return rec, err
	}
	if rec.Member != v.Status.Member.Handle {
		return rec, &protocol.Error{Reason: protocol.ReasonNotOwner, Op: "erase", ID: rec.ID, Args: map[string]string{"member": rec.Member, "number": rec.Number}}
	}
	if rec.State == api.RecordErased {
		return rec, &protocol.Error{Reason: protocol.ReasonErased, Op: "erase", ID: rec.ID}
	}
	return rec, nil
}

// showErase asks before a record is erased, and says what that cannot do.
func (s *site) showErase(w http.ResponseWriter, r *http.Request, v *view) error {
	rec, err := s.erasable(r, v)
	if err != nil {
		return err
	}
	s.renderErase(w, r, v, rec, nil, "", http.StatusOK)
	return nil
}

func (s *site) renderErase(w http.ResponseWriter, r *http.Request, v *view, rec api.Record, typed map[string]string, problem string, status int) {
	kind, _ := protocol.ParseKind(rec.Type)
	form := eraseForm{Title: v.text(record.HeadOf(kind, rec.Content).Title, rec.Lang), Path: recordURL(rec), Token: s.sessions.FormToken(r, eraseFormName),
		Key: typed["key"], Reason: typed["reason"], Lang: v.Lang, Max: maxReasonShown, Problem: problem}
	if form.Key == "" {
		form.Key = newKey()
	}
	for _, code := range protocol.ErasureCodes() {
		form.Codes = append(form.Codes, option{string(code), v.T("term.erasure." + string(code)), typed["code"] == string(code)})
	}
	for _, key := range []string{"cli.erase.cannot.copies", "cli.erase.cannot.offline", "cli.erase.cannot.removed", "cli.erase.cannot.backups"} {
		form.Cannot = append(form.Cannot, v.T(key))
	}
	name := rec.Number
	if name == "" {
		name = form.Title.Text
	}
	v.Title, v.Here, v.Data = v.T("web.erase.title", "number", name), "records", form
	v.Path = form.Path + "/erase"
	s.render(w, v, status, "erase")
}

// erase erases once, however often the button is pressed.
func (s *site) erase(w http.ResponseWriter, r *http.Request, v *view) error {
	if err := r.ParseForm(); err != nil {
		return protocol.Fail(protocol.ReasonTooLarge, "read form", err)
	}
	if !s.sessions.FormValid(r, eraseFormName, r.PostForm.Get("token")) {
		return protocol.Fail(protocol.ReasonForbidden, "read form", nil)
	}
	v.Ref = r.PathValue("ref")
	why := api.Why{Code: r.PostForm.Get("code")}
	typed := map[string]string{"key": r.PostForm.Get("key"), "code": why.Code, "reason": r.PostForm.Get("reason")}
	if typed["reason"] != "" {
		why.Reason = map[string]string{v.Lang: typed["reason"]}
	}
	if r.PostForm.Get("sure") == "" {
		rec, err := s.erasable(r, v)
		if err != nil {
			return err
		}
		s.renderErase(w, r, v, rec, typed, v.T("web.erase.unsure"), http.StatusUnprocessableEntity)
		return nil
	}
	receipt, _, err := s.once.Do(r.Context(), typed["key"], "erase "+v.Ref, []byte(why.Code+"\x00"+typed["reason"]), func() (api.Receipt, error) {
		return s.backend.Erase(r.Context(), v.Ref, why)
	})
	if err != nil {
		return err
	}
	back := recordURL(api.Record{ID: receipt.Record, Number: receipt.Number})
	if m, err := s.backend.Message(r.Context(), receipt.Record); err == nil {
		back = messageURL(m)
	}
	http.Redirect(w, r, back, http.StatusSeeOther)
	return nil
}
