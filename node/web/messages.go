package web

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

const (
	listMessages    = 25   // messages of one page
	maxMessageShown = 6000 // characters that the field takes
	messageFormName = "message"
)

// messageList is the page of what was written to this member, and by it.
type messageList struct {
	Messages []messageLine
	Form     messageForm
	Older    string // address of the next page; "" on the last
	Later    bool   // not the first page
	Sent     string // number of the message just sent
}

// messageLine is one message.
type messageLine struct {
	URL       string
	Own       bool
	From      text
	To        []text
	What      string
	State     string // in words; "" while it can be read
	Text      text
	Persons   []field
	Documents []field
	Files     []fileLine // those of its documents that go with it
	Concerns  text       // number of the record it is about
	About     string     // its address
	Answers   string     // address of the message that it answers
	Number    string
	When      moment
	ID        string
}

// messageForm is what a message is written in.
type messageForm struct {
	Token, Key string
	To         []option
	Without    []text // members that cannot be written to yet
	About      string
	Answers    string
	Text       string
	Lang       string
	Max        int
	Kept       *brought // a file that came with the form and goes with the message
	Sentence   string   // why sending failed
	Hint       string
}

// oneMessage is the page of one message.
type oneMessage struct {
	Line  messageLine
	Form  *messageForm // nil for what is erased
	Erase string
}

// confidential is what was written privately about a record or an agreement, on its page.
type confidential struct {
	Messages []messageLine
	Write    string // address of the form, with its parties chosen
}

// writeURL is the form of a message about a record, to be written to members.
func writeURL(about string, handles ...string) string {
	q := url.Values{"to": handles}
	if about != "" {
		q.Set("about", about)
	}
	return "/messages?" + q.Encode() + "#form"
}

// confidential finds what this node can read about a record.
func (s *site) confidential(r *http.Request, v *view, ref string, parties ...string) *confidential {
	out := &confidential{}
	if v.May("write") {
		out.Write = writeURL(ref, slices.DeleteFunc(slices.Clone(parties), func(handle string) bool { return handle == v.Status.Member.Handle })...)
	}
	page, err := s.backend.Messages(r.Context(), api.MessageQuery{About: ref, Limit: listMessages})
	if err != nil {
		return out // the page stands without them
	}
	for _, m := range page.Items {
		out.Messages = append(out.Messages, v.messageLine(m))
	}
	return out
}

func messageURL(m api.Message) string { return "/messages/" + url.PathEscape(cmp.Or(m.Number, m.ID)) }

func (s *site) showMessages(w http.ResponseWriter, r *http.Request, v *view) error {
	form, err := s.messageForm(r, v, url.Values{"about": {v.query.Get("about")}, "to": v.query["to"]})
	if err != nil {
		return err
	}
	return s.renderMessages(w, r, v, form, http.StatusOK)
}

func (s *site) renderMessages(w http.ResponseWriter, r *http.Request, v *view, form messageForm, status int) error {
	page, err := s.backend.Messages(r.Context(), api.MessageQuery{Limit: listMessages, Cursor: v.query.Get("cursor")})
	if err != nil {
		return err
	}
	list := messageList{Form: form, Later: v.query.Get("cursor") != "", Sent: v.query.Get("sent")}
	for _, m := range page.Items {
		line := v.messageLine(m)
		line.Files = s.enclosed(r, v, m)
		list.Messages = append(list.Messages, line)
		if m.Unread && r.Method == http.MethodGet { // its whole text stands on the page
			if err := s.backend.MarkRead(r.Context(), m.ID); err != nil {
				return err
			}
		}
	}
	if page.NextCursor != "" {
		list.Older = "/messages?" + url.Values{"cursor": {page.NextCursor}}.Encode()
	}
	v.Title, v.Here, v.Data, v.Path = v.T("web.messages.title"), "messages", list, "/messages"
	s.render(w, v, status, "messages")
	return nil
}

func (v *view) messageLine(m api.Message) messageLine {
	line := messageLine{URL: messageURL(m), Own: m.Own, From: v.party(m.From, m.Names), What: capital(v.T("term.letter.message")), Number: m.Number, ID: m.ID,
		When: v.moment(m.Time), Text: text{Text: m.Text, Lang: m.Lang}}
	if m.What == "particulars" {
		line.What = capital(v.T("term.letter.particulars"))
	}
	for _, p := range m.To {
		line.To = append(line.To, v.party(p.Handle, p.Names))
	}
	if m.Unread {
		line.State = v.T("web.message.unread")
	}
	switch m.State {
	case "erased", "replaced":
		line.State = v.T("term.letter.state." + m.State)
	}
	said := func(label string, parts ...string) field {
		var there []string
		for _, p := range parts {
			if p != "" {
				there = append(there, p)
			}
		}
		return field{Label: label, Values: []value{{Text: strings.Join(there, " · ")}}}
	}
	for _, p := range m.Persons {
		line.Persons = append(line.Persons, said(v.T("cli.message.person"), p.Name, p.Role, p.Email, p.Phone, p.Note))
	}
	for _, d := range m.Documents {
		if d.Attachment > 0 && d.Where == "" && d.Note == "" {
			continue // its file says it
		}
		line.Documents = append(line.Documents, said(v.T("cli.message.document"), d.Title, d.Where, d.Note))
	}
	if m.Concerns != "" {
		line.Concerns, line.About = text{Text: m.Concerns}, "/records/"+url.PathEscape(m.Concerns)
	}
	if m.Answers != "" {
		line.Answers = "/messages/" + url.PathEscape(m.Answers)
	}
	return line
}

// enclosed lists the files that go with a message.
func (s *site) enclosed(r *http.Request, v *view, m api.Message) []fileLine {
	if !slices.ContainsFunc(m.Documents, func(d api.Document) bool { return d.Attachment > 0 }) {
		return nil
	}
	all, err := s.backend.Attachments(r.Context(), m.ID)
	if err != nil {
		return nil // the message stands without them
	}
	return v.fileLines("/records/"+url.PathEscape(cmp.Or(m.Number, m.ID)), m.Lang, all)
}

// party is what a member is called; a handle is in no language.
func (v *view) party(handle string, names map[string]string) text {
	if name := v.text(names); name.Text != "" {
		return name
	}
	return text{Text: handle, Lang: "zxx"}
}

// messageForm is a form filled with what was typed.
func (s *site) messageForm(r *http.Request, v *view, typed url.Values) (messageForm, error) {
	form := messageForm{Token: s.sessions.FormToken(r, messageFormName), Key: cmp.Or(typed.Get("key"), newKey()), About: typed.Get("about"), Answers: typed.Get("answers"),
		Text: typed.Get("text"), Lang: v.Lang, Max: maxMessageShown}
	all, err := s.backend.Recipients(r.Context())
	if err != nil {
		return form, err
	}
	for _, m := range all {
		name := v.party(m.Handle, m.Names)
		switch {
		case m.Self:
		case m.Ready:
			form.To = append(form.To, option{m.Handle, name.Text, slices.Contains(typed["to"], m.Handle)})
		default:
			form.Without = append(form.Without, name)
		}
	}
	return form, nil
}

func (s *site) showMessage(w http.ResponseWriter, r *http.Request, v *view) error {
	v.Ref = r.PathValue("ref")
	m, err := s.backend.Message(r.Context(), v.Ref)
	if err != nil {
		return err
	}
	if m.Unread {
		if err := s.backend.MarkRead(r.Context(), v.Ref); err != nil {
			return err
		}
	}
	page := oneMessage{Line: v.messageLine(m)}
	page.Line.Files = s.enclosed(r, v, m)
	if m.State != "erased" && v.May("write") {
		to := []string{m.From}
		for _, p := range m.To {
			to = append(to, p.Handle)
		}
		form, err := s.messageForm(r, v, url.Values{"answers": {cmp.Or(m.Number, m.ID)}, "to": to})
		if err != nil {
			return err
		}
		page.Form = &form
		if m.Own {
			page.Erase = "/records/" + url.PathEscape(cmp.Or(m.Number, m.ID)) + "/erase"
		}
	}
	v.Title, v.Here, v.Data, v.Path = v.T("web.message.title", "number", cmp.Or(m.Number, m.ID)), "messages", page, messageURL(m)
	s.render(w, v, http.StatusOK, "message")
	return nil
}

// send writes a message once, however often the button is pressed.
func (s *site) send(w http.ResponseWriter, r *http.Request, v *view) error {
	typed, file, err := s.posted(r, v, messageFormName, s.backend.Enclose)
	var refused *fileRefused
	if err != nil && !errors.As(err, &refused) {
		return err
	}
	m := api.MessageDraft{To: typed["to"], About: strings.TrimSpace(typed.Get("about")), Answers: typed.Get("answers"), Lang: v.Lang,
		Text: strings.TrimSpace(strings.ReplaceAll(typed.Get("text"), "\r\n", "\n"))}
	enclosed := ""
	if file != nil {
		enclosed, m.What = file.ID, "particulars"
		m.Documents = []api.DocumentDraft{{Title: file.Title, Upload: file.ID}}
	}
	problem := ""
	switch {
	case err != nil:
	case len(m.To) == 0:
		problem = v.T("web.message.nobody")
	case m.Text == "" && file == nil:
		problem = v.T("cli.usage.empty_message")
	}
	var receipt api.Receipt
	if problem == "" && err == nil {
		raw := []byte(strings.Join(append(slices.Clone(m.To), m.About, m.Answers, m.Text, enclosed), "\x00"))
		receipt, _, err = s.once.Do(r.Context(), typed.Get("key"), "message", raw, func() (api.Receipt, error) { return s.backend.Send(r.Context(), m) })
	}
	if problem == "" && err == nil {
		http.Redirect(w, r, "/messages?"+url.Values{"sent": {receipt.Number}}.Encode(), http.StatusSeeOther)
		return nil
	}
	form, ferr := s.messageForm(r, v, typed)
	if ferr != nil {
		return ferr
	}
	form.Kept = file
	status := http.StatusUnprocessableEntity
	if form.Sentence = problem; err != nil {
		status = api.StatusOf(protocol.ReasonOf(err))
		form.Sentence, form.Hint = v.fileProblem(err)
		for _, f := range record.FaultsOf(err) { // it is not here any more: another one can be chosen
			form.Hint, form.Kept = v.book.Fault(v.Lang, f), nil
		}
		if status == http.StatusInternalServerError {
			s.log.Error("sending failed", "error", err)
		}
	}
	return s.renderMessages(w, r, v, form, status)
}
