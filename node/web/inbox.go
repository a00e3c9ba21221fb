package web

import (
	"cmp"
	"html/template"
	"net/http"
	"strings"

	"github.com/dure-net/dure/node/api"
)

// inbox is what waits for this member.
type inbox struct {
	Unread  string // how many messages are; "" for none
	Items   []inboxItem
	Records []recordWait
	Over    []overLine
	News    []savedLine // saved searches to which something is new
	All     []agreementLine
}

type inboxItem struct {
	Line  agreementLine
	Waits []waitLine
}

// recordWait is a record on which this member is asked for a word.
type recordWait struct {
	URL    string
	Title  text
	Number string
	Text   template.HTML
}

// showInbox shows what waits, and this member's agreements.
func (s *site) showInbox(w http.ResponseWriter, r *http.Request, v *view) error {
	box, err := s.backend.Inbox(r.Context(), "")
	if err != nil {
		return err
	}
	all, err := s.backend.Agreements(r.Context(), api.AgreementQuery{Member: v.Status.Member.Handle, Limit: api.MaxLimit})
	if err != nil {
		return err
	}
	out := inbox{}
	if box.Unread > 0 {
		out.Unread = v.T("web.inbox.unread", "count", box.Unread)
	}
	for _, item := range box.Items {
		out.Items = append(out.Items, inboxItem{v.agreementLine(item.Number, item.ID, item.Title, item.Lang, item.Phase, item.Parties), v.waitLines(item.Parties, item.Waits)})
	}
	for _, l := range box.Listings {
		var agreements []string
		for _, p := range l.Stock.Pledges {
			agreements = append(agreements, p.Agreement)
		}
		out.Over = append(out.Over, overLine{v.recordLine(l.Record), v.T("cli.inbox.over", "number", l.Record.Number, "over", l.Stock.Over, "unit", v.unit(l.Stock.Unit),
			"committed", l.Stock.Committed, "total", l.Stock.Total, "agreements", strings.Join(agreements, ", "))})
	}
	for _, w := range box.Records {
		out.Records = append(out.Records, v.recordWait(w))
	}
	for _, one := range box.Searches {
		out.News = append(out.News, v.savedLine(one))
	}
	for _, a := range all.Items {
		out.All = append(out.All, v.agreementLine(a.Number, a.ID, a.Title, a.Lang, a.Phase, a.Parties))
	}
	v.Title, v.Here, v.Data = v.T("web.inbox.title"), "inbox", out
	s.render(w, v, http.StatusOK, "inbox")
	return nil
}

// recordWait is a record that waits for this member's word, and what to do.
func (v *view) recordWait(w api.Waiting) recordWait {
	r := api.Record{ID: w.Record, Number: w.Number}
	who, title := v.text(w.Names), v.text(w.Title, w.Lang)
	if who.Text == "" {
		who.Text = w.Member
	}
	if title.Text == "" {
		title.Text = v.T("web.record.untitled")
	}
	sentence := v.T("remark.waiting."+w.What,
		"who", who.Text, "day", v.book.Day(v.Lang, w.Day), "text", v.text(w.Text, w.Lang).Text, "number", cmp.Or(w.Number, w.Record))
	if i := strings.LastIndex(sentence, " `dure "); i > 0 { // the record's own page has a form for it
		sentence = sentence[:i]
	}
	return recordWait{URL: recordURL(r) + "#said", Title: title, Number: w.Number, Text: v.Rich(sentence)}
}
