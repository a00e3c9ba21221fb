package web

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/archive"
	"github.com/dure-net/dure/protocol"
)

// languages are those of the catalogues, in the order in which pages offer them.
var languages = []string{"ko", "en", "fr", "es"}

// keeping is how a record or an agreement can be taken along: on paper, as an archive, into a calendar.
type keeping struct {
	Path          string
	First, Second []option // languages of the page of paper
	Whole         string   // address of a collection with all that it gathers; "" for others
	Calendar      string   // "" where nothing has a day
}

func (v *view) keep(path string, collection, days bool) keeping {
	k := keeping{Path: path}
	for _, lang := range languages {
		name := v.book.Say(lang, "web.language.own", nil)
		k.First = append(k.First, option{lang, name, lang == v.Lang})
		k.Second = append(k.Second, option{lang, name, false})
	}
	if collection {
		k.Whole = path + "/print"
	}
	if days {
		k.Calendar = path + "/calendar.ics"
	}
	return k
}

// Of writes the agreement, or the record, that ref names. id is its CID.
func (p Paper) Of(ctx context.Context, b api.Backend, ref string) (page []byte, id string, err error) {
	if st, err := b.Status(ctx); err == nil {
		p.Federation = st.Federation.Names
	}
	r, err := b.Record(ctx, ref)
	if err != nil {
		return nil, "", err
	}
	if r.Type == protocol.KindProposal.String() {
		agreement, err := b.Agreement(ctx, ref, "")
		if err != nil {
			return nil, "", err
		}
		page, err = p.Agreement(agreement)
		return page, agreement.ID, err
	}
	r.Content = api.PlainContent(r.Content)
	var files []api.Attachment
	if r.State == api.RecordPublished {
		if files, err = b.Attachments(ctx, ref); err != nil {
			return nil, "", err
		}
	}
	page, err = p.Record(r, files)
	return page, r.ID, err
}

// Archive gathers what an archive of a record or an agreement is made of: its page in p's
// languages, its entries with their proofs, the files that they name. id is its CID.
func (p Paper) Archive(ctx context.Context, b api.Backend, ref string) (c archive.Contents, id string, err error) {
	entries, err := b.Entries(ctx, ref)
	if err != nil {
		return c, "", err
	}
	for _, e := range entries {
		one, err := b.Proof(ctx, e)
		if err != nil {
			return c, "", err
		}
		c.Proofs = append(c.Proofs, one)
	}
	if c.Page, id, err = p.Of(ctx, b, ref); err != nil {
		return c, "", err
	}
	r, err := b.Record(ctx, ref)
	if err != nil {
		return c, "", err
	}
	c.At = r.Time
	var data any = r
	if r.Type == protocol.KindProposal.String() {
		if data, err = b.Agreement(ctx, ref, ""); err != nil {
			return c, "", err
		}
	}
	if c.Data, err = json.MarshalIndent(data, "", " "); err != nil {
		return c, "", protocol.Fail(protocol.ReasonInternal, "write archive", err)
	}
	for _, lang := range languages {
		c.How += strings.ReplaceAll(p.Book.Say(lang, "archive.how", nil), "`", "") + "\n\n"
	}
	c.Files, err = archived(ctx, b, entries)
	return c, id, err
}

// archived are the files that entries name: the newest version's first, then what only an
// older one or a report names and is here or can still be had.
func archived(ctx context.Context, b api.Backend, entries []string) (out []archive.File, err error) {
	seen := map[string]bool{}
	for i := len(entries) - 1; i >= 0; i-- {
		entry := entries[i]
		files, err := b.Attachments(ctx, entry)
		if reason := protocol.ReasonOf(err); reason == protocol.ReasonNotFound || reason == protocol.ReasonErased {
			continue // it names none, or nothing any more
		}
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			if seen[f.ID] || f.State == api.AttachmentAbsent && i < len(entries)-1 {
				continue
			}
			seen[f.ID] = true
			id, err := protocol.ParseCID(f.ID)
			if err != nil {
				return nil, err
			}
			out = append(out, archive.File{Number: len(out) + 1, Name: f.Name, ID: id,
				Open: func() (io.ReadCloser, error) { return b.Attachment(ctx, entry, f.Number) }})
		}
	}
	return out, nil
}

// sendPaper shows a record or an agreement as one page to be printed, in one language or two.
func (s *site) sendPaper(w http.ResponseWriter, r *http.Request, v *view) error {
	v.Ref = r.PathValue("ref")
	page, _, err := s.paper(v, v.query.Get("first"), v.query.Get("second")).Of(r.Context(), s.backend, v.Ref)
	if err != nil {
		return err
	}
	_, rest, _ := strings.Cut(string(page), "<style>")
	style, _, _ := strings.Cut(rest, "</style>")
	sum := sha256.Sum256([]byte(style))
	h := w.Header()
	h.Set("Content-Security-Policy", strings.Replace(policy, "style-src 'self'", "style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'", 1))
	h.Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(page) // the reader is gone; nobody is left to tell
	return nil
}

// paper is in the languages that were chosen; in the page's own where none was.
func (s *site) paper(v *view, first, second string) Paper {
	p := Paper{Book: s.book, Langs: []string{v.Lang}, Zone: s.zone, Now: v.now}
	for i, lang := range []string{first, second} {
		for _, known := range languages {
			switch {
			case lang != known:
			case i == 0:
				p.Langs[0] = lang
			case lang != p.Langs[0]:
				p.Langs = append(p.Langs, lang)
			}
		}
	}
	return p
}

// sendArchive sends a record or an agreement as a ZIP that needs no dure. A file that is not
// here is asked for before anything is sent; one that breaks off ends the connection.
func (s *site) sendArchive(w http.ResponseWriter, r *http.Request, v *view) error {
	v.Ref = r.PathValue("ref")
	contents, _, err := s.paper(v, "", "").Archive(r.Context(), s.backend, v.Ref)
	if err != nil {
		return err
	}
	for _, f := range contents.Files {
		open, err := f.Open()
		if err != nil {
			return err
		}
		_ = open.Close() // it was only asked for
	}
	h := w.Header()
	h.Set("Content-Type", "application/zip")
	h.Set("Content-Disposition", api.Disposition("attachment", v.Ref+".zip"))
	if err := archive.Write(api.PatientResponse(w), contents); err != nil {
		s.log.Error("an archive broke off", "record", v.Ref, "error", err)
		panic(http.ErrAbortHandler) // how net/http closes a connection whose answer cannot be finished
	}
	return nil
}

// sendAgreementCalendar gives a browser the days of an agreement.
func (s *site) sendAgreementCalendar(w http.ResponseWriter, r *http.Request, v *view) error {
	v.Ref = r.PathValue("ref")
	a, err := s.backend.Agreement(r.Context(), v.Ref, "")
	if err != nil {
		return err
	}
	file := api.CalendarOfAgreement(s.book, v.Lang, a)
	if file == nil {
		return &protocol.Error{Reason: protocol.ReasonNotFound, Op: "make calendar", Args: map[string]string{"no_day": v.Ref}}
	}
	api.SendCalendar(w, api.Record{ID: a.ID, Number: a.Number}, file)
	return nil
}
