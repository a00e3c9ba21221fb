package web

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// requestForm is the page with the form.
type requestForm struct {
	Sections []section
	Faulty   []faultLink // every fault, with a link to its field
	Token    string
}

type faultLink struct{ Field, Label, Sentence string }

// requestPreview is the page that shows what will be published, and to whom.
type requestPreview struct {
	Title    text
	Also     []text
	Fields   []field
	Values   []pair // what was typed, to send again
	Token    string
	Key      string
	Personal []string // what looks like data of private persons
	Sentence string   // why publishing failed
	Hint     string
}

type pair struct{ Name, Value string }

const formName = "request"

func (s *site) showForm(w http.ResponseWriter, r *http.Request, v *view) error {
	f, err := s.typed(r)
	if err != nil {
		return err
	}
	if r.Method == http.MethodGet {
		f.Set("lang", v.Lang)
		f.Values["working_languages"] = []string{v.Lang}
	}
	s.renderForm(w, r, v, f, nil, http.StatusOK)
	return nil
}

// typed reads a posted form. One without the token of this session is refused; what was
// typed is then lost on purpose, because somebody else may have typed it.
func (s *site) typed(r *http.Request) (typed, error) {
	if r.Method == http.MethodGet {
		return typed{url.Values{}}, nil
	}
	if err := r.ParseForm(); err != nil {
		return typed{}, protocol.Fail(protocol.ReasonTooLarge, "read form", err)
	}
	if !s.sessions.FormValid(r, formName, r.PostForm.Get("token")) {
		return typed{}, protocol.Fail(protocol.ReasonForbidden, "read form", nil)
	}
	return typed{r.PostForm}, nil
}

func (s *site) renderForm(w http.ResponseWriter, r *http.Request, v *view, f typed, faults map[string][]string, status int) {
	form := requestForm{Sections: v.sections(f, faults), Token: s.sessions.FormToken(r, formName)}
	for _, sentence := range faults[""] {
		form.Faulty = append(form.Faulty, faultLink{"", "", sentence})
	}
	for _, sec := range form.Sections {
		for _, c := range sec.Controls {
			for _, one := range []*control{&c, c.Unit, c.Second} {
				if one != nil {
					for _, sentence := range one.Faults {
						form.Faulty = append(form.Faulty, faultLink{one.Name, one.Label, sentence})
					}
				}
			}
		}
	}
	v.Title, v.Here, v.Data = v.T("web.request.title"), "new", form
	if len(form.Faulty) > 0 {
		v.Title = v.T("web.form.faulty", "title", v.Title)
	}
	v.SwitchForm, v.SwitchTo, v.Path = "request", "/requests/new", "/requests/new"
	s.render(w, v, status, "form")
}

// preview shows what would be published; faults lead back to the form.
func (s *site) preview(w http.ResponseWriter, r *http.Request, v *view) error {
	f, err := s.typed(r)
	if err != nil {
		return err
	}
	if faults := v.judge(f); len(faults) > 0 {
		s.renderForm(w, r, v, f, faults, http.StatusUnprocessableEntity)
		return nil
	}
	key := newKey()
	if given := f.get("key"); given != "" { // the same draft in another language
		key = given
	}
	return s.renderPreview(w, r, v, f, key, nil)
}

// newKey is an idempotency key: what is sent again under it is not done again.
func newKey() string {
	var nonce [18]byte
	_, _ = rand.Read(nonce[:]) // crypto/rand never fails
	return base64.RawURLEncoding.EncodeToString(nonce[:])
}

func (s *site) renderPreview(w http.ResponseWriter, r *http.Request, v *view, f typed, key string, failed error) error {
	rec, err := record.Parse(protocol.KindRequest, f.draft())
	if err != nil {
		return err
	}
	body, err := record.Encode(protocol.Salt{}, rec)
	if err != nil {
		return err
	}
	content, err := protocol.BodyContent(body)
	if err != nil {
		return err
	}
	head := rec.Head()
	p := requestPreview{Title: v.text(head.Title, head.Lang), Fields: v.fields(protocol.KindRequest, content, head.Lang), Token: s.sessions.FormToken(r, formName), Key: key}
	p.Also = v.others(head.Title, p.Title.Lang)
	for _, found := range record.FindPersonal(rec) {
		p.Personal = append(p.Personal, v.T("personal."+string(found.Code), "found", found.Found))
	}
	for _, name := range formFields {
		for _, value := range f.all(name) {
			p.Values = append(p.Values, pair{name, value})
		}
	}
	status := http.StatusOK
	if failed != nil {
		status = api.StatusOf(protocol.ReasonOf(failed))
		p.Sentence, p.Hint = s.book.Error(v.Lang, failed)
		if status == http.StatusInternalServerError {
			s.log.Error("publishing failed", "error", failed)
		}
	}
	v.Title, v.Here, v.Data = v.T("web.preview.title"), "new", p
	v.SwitchForm, v.SwitchTo, v.Path = "request", "/requests/preview", "/requests/new"
	s.render(w, v, status, "preview")
	return nil
}

// formFields are the names that a draft is made of; nothing else is sent on.
var formFields = []string{"lang", "mode", "title", "summary", "themes", "skills", "amount", "unit", "from", "to", "valid_until", "delivery",
	"working_languages", "return", "body", "minimum", "duration", "duration_unit", "place", "country", "travel", "lodging", "interpretation",
	"level", "requirements", "safeguards", "contact_role", "also", "title_also", "summary_also"}

// publish publishes once, however often the button is pressed: the key that the preview
// made answers a repeated post with the first one's record.
func (s *site) publish(w http.ResponseWriter, r *http.Request, v *view) error {
	f, err := s.typed(r)
	if err != nil {
		return err
	}
	if f.get("change") != "" {
		s.renderForm(w, r, v, f, nil, http.StatusOK)
		return nil
	}
	if faults := v.judge(f); len(faults) > 0 {
		s.renderForm(w, r, v, f, faults, http.StatusUnprocessableEntity)
		return nil
	}
	raw := f.draft()
	receipt, _, err := s.once.Do(r.Context(), f.get("key"), "publish", raw, func() (api.Receipt, error) {
		return s.backend.Publish(r.Context(), api.Draft{Type: "request", Raw: raw})
	})
	switch {
	case len(record.FaultsOf(err)) > 0:
		s.renderForm(w, r, v, f, v.faults(err), http.StatusUnprocessableEntity)
		return nil
	case err != nil:
		return s.renderPreview(w, r, v, f, f.get("key"), err)
	}
	http.Redirect(w, r, recordURL(api.Record{ID: receipt.Record, Number: receipt.Number})+"?published="+strconv.FormatUint(receipt.Seq, 10), http.StatusSeeOther)
	return nil
}
