package web

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// attaching is the form by which a file is brought to an own record.
type attaching struct {
	Path, Token, Key string
	Version          string // the entry that the page shows: a newer one is not written over
	Left             string // how many more files the record may have, in words; "" for none
	Title            string
	Sentence, Hint   string // why it was not taken
	Kept             *brought
}

const attachForm = "attach"

// attaching is nil for what has no files, or is not this member's to change.
func (s *site) attaching(r *http.Request, v *view, rec api.Record) *attaching {
	kind, _ := protocol.ParseKind(rec.Type)
	if !v.May("write") || !record.HasFiles(kind) || !kind.IsRecord() || rec.Member != v.Status.Member.Handle || rec.State != api.RecordPublished || len(rec.For) > 0 {
		return nil
	}
	list, _ := rec.Content["attachments"].([]any)
	a := &attaching{Path: recordURL(rec) + "/files", Token: s.sessions.FormToken(r, attachForm), Key: newKey(), Version: rec.Entry}
	if left := record.MaxAttachments - len(list); left > 0 {
		a.Left = v.T("web.attach.left", "count", left, "max", v.book.Bytes(v.Lang, protocol.MaxAttachmentBytes))
	}
	return a
}

// attach brings a file to an own record by a new version of it. A picture that tells where
// it was taken is kept, and asked about once more.
func (s *site) attach(w http.ResponseWriter, r *http.Request, v *view) error {
	v.Ref = r.PathValue("ref")
	rec, err := s.backend.Record(r.Context(), v.Ref)
	if err != nil {
		return err
	}
	if rec.Member != v.Status.Member.Handle { // before anything is read
		return &protocol.Error{Reason: protocol.ReasonNotOwner, Op: "attach", ID: rec.ID, Args: map[string]string{"member": rec.Member, "number": rec.Number}}
	}
	form := s.attaching(r, v, rec)
	if form == nil && len(rec.For) > 0 {
		return &protocol.Error{Reason: protocol.ReasonUsage, Op: "attach", ID: rec.ID, Args: map[string]string{"files": "1"}} // they would lie open
	}
	if form == nil {
		return &protocol.Error{Reason: protocol.ReasonConflict, Op: "attach", ID: rec.ID, Args: map[string]string{"number": rec.Number}}
	}
	again := func(err error) error {
		status := http.StatusUnprocessableEntity
		if err != nil {
			var refused *fileRefused
			if reason := protocol.ReasonOf(err); !errors.As(err, &refused) && (reason == protocol.ReasonForbidden || api.StatusOf(reason) == http.StatusInternalServerError) {
				return err
			}
			status = api.StatusOf(protocol.ReasonOf(err))
			form.Sentence, form.Hint = v.fileProblem(err)
			for _, f := range record.FaultsOf(err) {
				form.Hint = v.book.Fault(v.Lang, f)
			}
		}
		return s.showAttaching(w, r, v, rec, form, status)
	}
	values, file, err := s.posted(r, v, attachForm, s.backend.Upload)
	if values != nil {
		form.Title = record.Clean(values.Get("file_title"))
	}
	switch {
	case err != nil:
		return again(err)
	case file == nil:
		form.Sentence = v.T("web.attach.none")
		return again(nil)
	case len(file.Told) > 0 && values.Get("sure") == "":
		form.Kept = file
		return again(nil)
	}
	list, _ := rec.Content["attachments"].([]any)
	content := maps.Clone(rec.Content)
	content["attachments"] = append(list[:len(list):len(list)], map[string]any{"id": file.ID, "media_type": file.MediaType, "bytes": file.Bytes, "title": map[string]any{rec.Lang: file.Title}})
	raw, err := json.Marshal(content)
	if err != nil {
		return protocol.Fail(protocol.ReasonInternal, "attach", err)
	}
	_, _, err = s.once.Do(r.Context(), values.Get("key"), "attach "+rec.ID, []byte(file.ID), func() (api.Receipt, error) {
		return s.backend.Publish(r.Context(), api.Draft{Type: rec.Type, Raw: raw, Of: rec.ID, Version: values.Get("version")})
	})
	if err != nil {
		return again(err)
	}
	http.Redirect(w, r, recordURL(rec)+"#files", http.StatusSeeOther)
	return nil
}

// showAttaching shows the record with the form as it was left.
func (s *site) showAttaching(w http.ResponseWriter, r *http.Request, v *view, rec api.Record, form *attaching, status int) error {
	return s.renderRecord(w, r, v, rec, shownAgain{attaching: form}, status)
}
