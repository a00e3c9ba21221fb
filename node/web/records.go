package web

import (
	"cmp"
	"context"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/remarks"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

const listRecords = 25 // records of one page of the list

// recordLine is one record in a list.
type recordLine struct {
	URL     string
	Type    string // stable name, for the style sheet
	Label   string // its word
	Title   text
	Summary text
	Member  text
	Owner   string // that the owner is suspended or removed; else empty
	Number  string
	Given   string // that another record has the number that it was given; else empty
	When    moment
	State   string // in words; "" while published
}

func (v *view) recordLine(r api.Record) recordLine {
	kind, _ := protocol.ParseKind(r.Type)
	head := record.HeadOf(kind, r.Content)
	line := recordLine{URL: recordURL(r), Type: r.Type, Label: record.Label(record.RecordTypes, r.Type, v.Lang), Number: r.Number, When: v.moment(r.Time),
		Title: v.text(head.Title, r.Lang), Summary: v.text(head.Summary, r.Lang), Member: v.owner(r)}
	if line.Label == "" { // no type that people filter by
		line.Label = capital(v.T("term.type." + r.Type))
	}
	if line.Title.Text == "" {
		line.Title = text{Text: v.T("web.record.untitled")}
	}
	if r.State != api.RecordPublished {
		line.State = v.T("web.record.state." + string(r.State))
	}
	if f := r.Flag; f != nil { // folded away: its words are on its own page, for whoever opens them
		line.Title = text{Text: v.T("web.record.folded", "reason", record.Label(record.FlagReasons, f.Reason, v.Lang))}
		line.Summary = text{}
	}
	if len(r.For) > 0 && line.State == "" {
		line.State = capital(v.T("term.chosen"))
	}
	if r.Given != "" {
		line.Given = v.T("term.given", "number", r.Given, "id", r.Cited())
	}
	if r.Owner != "" {
		line.Owner = v.T("term.owner." + r.Owner)
	}
	return line
}

func (v *view) owner(r api.Record) text {
	if name := v.text(r.Names); name.Text != "" {
		return name
	}
	return text{Text: r.Member, Lang: "zxx"} // a handle is in no language
}

func recordURL(r api.Record) string {
	if r.Type == protocol.KindProposal.String() {
		return agreementURL(r.Number, r.ID)
	}
	if r.Number != "" {
		return "/records/" + url.PathEscape(r.Number)
	}
	return "/records/" + url.PathEscape(r.ID)
}

// recordList is the list of records with its filters.
type recordList struct {
	Records []recordLine
	Types   []typeLink
	Search  search
	Newest  string  // address of the first page
	Older   string  // address of the next page; "" on the last
	Later   bool    // not the first page
	Save    *saving // nil: the list is of everything
}

type typeLink struct {
	URL, Label string
	Current    bool
}

func (s *site) showRecords(w http.ResponseWriter, r *http.Request, v *view) error {
	q, err := s.searched(v)
	if err != nil {
		return err
	}
	var lines []recordLine
	var next string
	var told told
	if everything(q) {
		page, err := s.backend.Search(r.Context(), q)
		if err != nil {
			return err
		}
		next, told.relaxed, told.unranked = page.NextCursor, page.Relaxed, page.Unranked
		for _, f := range page.Items {
			lines = append(lines, v.foundLine(f))
		}
	} else {
		q.Sealed = true // whoever is signed in sees what this node reads
		page, err := s.backend.Records(r.Context(), q)
		if err != nil {
			return err
		}
		next, told.relaxed, told.unranked = page.NextCursor, page.Relaxed, page.Unranked
		for _, rec := range page.Items {
			lines = append(lines, v.recordLine(rec))
		}
	}
	first := with(q, "type", "")
	list := recordList{Records: lines, Later: q.Cursor != "", Newest: address(with(q, "type", strings.Join(q.Types, ","))),
		Types: []typeLink{{address(first), v.T("web.records.all"), len(q.Types) == 0}}}
	for _, name := range api.FoundTypes() {
		list.Types = append(list.Types, typeLink{address(with(q, "type", name)), v.typeLabel(name), slices.Contains(q.Types, name)})
	}
	if list.Search, err = s.search(r.Context(), v, q, told); err != nil {
		return err
	}
	list.Save = s.saving(r, v, q)
	if next != "" {
		older := q
		older.Cursor = next
		list.Older = address(older)
	}
	v.Title, v.Here, v.Data = v.T("web.records.title"), "records", list
	s.render(w, v, http.StatusOK, "records")
	return nil
}

// oneRecord is the page of one record.
type oneRecord struct {
	Line      recordLine
	Also      []text // the title in other languages
	Fields    []field
	Reason    text // of the withdrawal
	State     string
	StateHint string
	Published bool // just now, by this reader
	Revisions string
	History   *history
	ID        string
	Chosen    bool   // it is for chosen members
	Owner     string // handle
	Write     string // address of the form by which its owner is written to privately about it; "" where that cannot be
	Files     []proof
	Attached  []fileLine
	Attach    *attaching
	Keep      keeping
	Matches   *matches
	Life      *life
	Proposing *proposing
	Erased    *erasedView
	Erase     string // address of the page that asks whether to erase it; "" where this member cannot
	Machine   string // languages that a machine wrote, in words
	Remarks   *remarksView

	Translated string // by whom, where another member's translation stands in place of the text
	Full       text   // the title of a record that is folded away
}

// proof is a file whose SHA-256 a reader can compare.
type proof struct{ Label, URL, Name, Sum string }

func (s *site) showRecord(w http.ResponseWriter, r *http.Request, v *view) error {
	v.Ref = r.PathValue("ref")
	rec, err := s.backend.Record(r.Context(), v.Ref)
	if err != nil {
		return err
	}
	return s.renderRecord(w, r, v, rec, shownAgain{}, http.StatusOK)
}

// shownAgain is what was typed on the page of a record and could not be done.
type shownAgain struct {
	remark    *typedRemark
	attaching *attaching
}

// renderRecord shows a record, with what was typed before, if anything.
func (s *site) renderRecord(w http.ResponseWriter, r *http.Request, v *view, rec api.Record, again shownAgain, status int) (err error) {
	kind, _ := protocol.ParseKind(rec.Type)
	v.Path = recordURL(rec)
	shown, translated, err := s.translated(r, v, kind, rec)
	if err != nil {
		return err
	}
	o := oneRecord{Line: v.recordLine(shown), ID: rec.ID, Owner: rec.Member, Published: v.query.Has("published"), Reason: v.text(rec.Reason, rec.Lang),
		Fields: v.fields(kind, shown.Content, rec.Lang), Translated: translated}
	s.nameReferences(r.Context(), v, o.Fields)
	o.Also = v.others(record.HeadOf(kind, rec.Content).Title, o.Line.Title.Lang)
	if rec.State != api.RecordPublished {
		o.State, o.StateHint = o.Line.State, v.T("web.record.state."+string(rec.State)+".hint")
	}
	if len(rec.For) > 0 && rec.State == api.RecordPublished {
		o.State, o.StateHint = o.Line.State, v.T("cli.show.for", "members", strings.Join(v.membersNamed(rec.For), ", "))
		o.Chosen = true
	}
	if rec.Revisions > 0 {
		o.Revisions = v.T("web.record.revisions", "count", rec.Revisions)
	}
	if o.History, err = s.history(r, v, rec); err != nil {
		return err
	}
	if rec.State == api.RecordErased {
		rec.Body = "" // there is nothing to fetch any more
	}
	for _, file := range []struct{ label, id string }{{"web.proof.header", rec.Entry}, {"web.proof.body", rec.Body}} {
		if cid, err := protocol.ParseCID(file.id); err == nil {
			sum := cid.Digest()
			o.Files = append(o.Files, proof{v.T(file.label), "/blocks/" + file.id, file.id, hex.EncodeToString(sum[:])})
		}
	}
	if o.Attached, err = s.files(r, v, rec); err != nil {
		return err
	}
	if o.Attach = again.attaching; o.Attach == nil {
		o.Attach = s.attaching(r, v, rec)
	}
	o.Keep = v.keep(recordURL(rec), rec.Type == protocol.KindCollection.String() && rec.State == api.RecordPublished, api.CalendarOf(s.book, v.Lang, rec) != nil)
	o.Life, o.Proposing = s.life(r, v, rec), s.proposing(r, v, rec)
	if o.Erased, err = s.erased(r, v, rec); err != nil {
		return err
	}
	if rec.Member == v.Status.Member.Handle && rec.State != api.RecordErased && v.May("write") {
		o.Erase = recordURL(rec) + "/erase"
	}
	if rec.Member != v.Status.Member.Handle && rec.State != api.RecordErased && v.May("write") {
		o.Write = writeURL(cmp.Or(rec.Number, rec.ID), rec.Member)
	}
	if o.Matches, err = s.matches(r.Context(), v, rec); err != nil {
		return err
	}
	if rec.Flag != nil {
		o.Full, o.Also = v.text(record.HeadOf(kind, rec.Content).Title, rec.Lang), nil
	}
	if o.Remarks, err = s.remarks(r, v, rec, again.remark); err != nil {
		return err
	}
	v.Title, v.Here, v.Data = o.Line.Title.Text, "records", o
	s.render(w, v, status, "record")
	return nil
}

// translated is the record with another member's translation in place of what it does not say
// in the reader's language, and who translated it; unless the reader asks for the original.
func (s *site) translated(r *http.Request, v *view, kind protocol.Kind, rec api.Record) (shown api.Record, by string, err error) {
	lacks := slices.ContainsFunc(record.Passages(kind, rec.Content), func(p record.Passage) bool { return p.Text[v.Lang] == "" })
	if !lacks || v.query.Has("original") || len(rec.For) > 0 {
		return rec, "", nil
	}
	said, err := s.backend.Remarks(r.Context(), rec.ID, "")
	if err != nil {
		return rec, "", err
	}
	content, one := remarks.Translated(kind, rec.Content, said.Translations, v.Lang)
	if one == nil {
		return rec, "", nil
	}
	rec.Content = content
	how := "remark.instead"
	if one.ByMachine {
		how = "remark.instead.machine"
	}
	return rec, v.T(how, "who", v.party(one.Member, said.Names[one.Member]).Text), nil
}

// nameReferences calls the records that fields refer to by their titles, where they are
// held here; a reader learns nothing from an id.
func (s *site) nameReferences(ctx context.Context, v *view, fields []field) {
	for _, f := range fields {
		for i, val := range f.Values {
			id, ok := strings.CutPrefix(val.URL, "/records/")
			if !ok {
				continue
			}
			if rec, err := s.backend.Record(ctx, id); err == nil {
				line := v.recordLine(rec)
				f.Values[i].Text, f.Values[i].Lang, f.Values[i].URL = line.Title.Text, line.Title.Lang, line.URL
			}
		}
		for _, inner := range f.Inner {
			s.nameReferences(ctx, v, inner)
		}
	}
}

// sendBlock gives a browser the exact bytes, which the interface for programs would ask
// a token for.
func (s *site) sendBlock(w http.ResponseWriter, r *http.Request, v *view) error {
	cid, err := protocol.ParseCID(r.PathValue("cid"))
	if err != nil {
		return protocol.Fail(protocol.ReasonNotFound, "send block", err)
	}
	block, err := s.backend.Block(r.Context(), cid.String())
	if err != nil {
		return err
	}
	if !cid.Matches(block.Data) {
		return &protocol.Error{Reason: protocol.ReasonDamaged, Op: "send block", ID: cid.String()}
	}
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", `attachment; filename="`+cid.String()+`"`)
	h.Set("Content-Length", strconv.Itoa(len(block.Data)))
	_, _ = w.Write(block.Data) // the reader is gone; nobody is left to tell
	return nil
}
