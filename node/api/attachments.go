package api

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/dure-net/dure/node/access"
	"github.com/dure-net/dure/protocol"
)

const (
	mediaOctets     = "application/octet-stream"
	pathAttachments = base + "/attachments"
)

// attachments registers what carries files that go with records.
func (s *server) attachments() {
	schemas := s.api.OpenAPI().Components.Schemas
	text := &huma.Schema{Type: huma.TypeString}

	op := post(access.Write, "upload-attachment", "/attachments", "Keep a file that a record is then to name, within a day", http.StatusCreated)
	op.Parameters = []*huma.Param{{Name: "name", In: "query", Description: "the file's name; its ending tells a table from other text", Schema: text},
		{Name: "private", In: "query", Description: "encrypt it before it comes to the disk: for send-message to name, until the node is started anew", Schema: &huma.Schema{Type: huma.TypeBoolean}}}
	op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		mediaOctets: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}}
	op.Responses = map[string]*huma.Response{"201": {Description: "what a record or a message names it by", Content: map[string]*huma.MediaType{
		"application/json": {Schema: schemas.Schema(typeOf[Upload](), true, "")}}}}
	s.raw(op, func(w http.ResponseWriter, r *http.Request) error {
		in := &patientReader{r: http.MaxBytesReader(w, r.Body, protocol.MaxAttachmentBytes+1), rc: http.NewResponseController(w)}
		keep := s.backend.Upload
		switch private := r.URL.Query().Get("private"); private {
		case "", "false":
		case "true":
			keep = s.backend.Enclose
		default:
			return &protocol.Error{Reason: protocol.ReasonUsage, Op: "upload file", Field: "private", Args: map[string]string{"value": private}}
		}
		up, err := keep(r.Context(), r.URL.Query().Get("name"), in)
		if err != nil {
			return refusedFile(err)
		}
		writeJSON(w, http.StatusCreated, up)
		return nil
	})

	type list struct {
		Items []Attachment `json:"items"`
	}
	type named = oneID
	defer s.idIs("short number, CID or a prefix of it, of a record or a message; or the CID of an entry that names files", "/records/{id}/attachments")
	route(s, get(access.Read, "list-attachments", "/records/{id}/attachments", "The files of a record or a message, and how much of them lies here"),
		func(ctx context.Context, in *named) (*answer[list], error) {
			items, err := s.backend.Attachments(ctx, in.ID)
			if items == nil {
				items = []Attachment{}
			}
			return &answer[list]{list{items}}, err
		})

	type entries struct {
		Items []string `json:"items" doc:"CIDs of entries, in the order of arrival; get-proof proves each"`
	}
	route(s, get(access.Read, "list-entries", "/records/{id}/entries", "The entries that made a record or an agreement what it is"),
		func(ctx context.Context, in *named) (*answer[entries], error) {
			items, err := s.backend.Entries(ctx, in.ID)
			if items == nil {
				items = []string{}
			}
			return &answer[entries]{entries{items}}, err
		})

	op = get(access.Read, "get-attachment", "/records/{id}/attachments/{number}", "A file of a record or a message; what is not here is fetched from other nodes while it is sent")
	op.Parameters = []*huma.Param{
		{Name: "id", In: "path", Required: true, Description: "as for the list", Schema: text},
		{Name: "number", In: "path", Required: true, Description: "its place in the record, from 1", Schema: &huma.Schema{Type: huma.TypeInteger}}}
	whole := octets("*/*", "the file, under its own type")
	op.Responses = map[string]*huma.Response{"200": whole, "206": whole, "304": {Description: "you hold this file"}, "416": {Description: "it has no such bytes"}}
	s.raw(op, func(w http.ResponseWriter, r *http.Request) error {
		return SendAttachment(w, r, s.backend, r.PathValue("id"), r.PathValue("number"))
	})
}

// refusedFile gives a file that is not taken the status that programs expect.
func refusedFile(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		err = &protocol.Error{Reason: protocol.ReasonTooLarge, Op: "upload file", Args: map[string]string{"max": strconv.Itoa(protocol.MaxAttachmentBytes)}}
	}
	var e *protocol.Error
	if errors.As(err, &e) && e.Reason == protocol.ReasonBusy && e.Args["unnamed"] != "" {
		f := fail(err)
		f.status, f.header = http.StatusTooManyRequests, http.Header{"Retry-After": {seconds(unnamedAgain)}}
		return f
	}
	if errors.As(err, &e) && e.Reason == protocol.ReasonInvalid && e.Field == "media_type" {
		f := fail(err)
		f.status = http.StatusUnsupportedMediaType
		return f
	}
	return err
}

// SendAttachment answers with a file of a record, or a part of it where one is asked for.
// Whatever the file is, nothing in it runs: its type is not guessed, it may load and do
// nothing, and only a picture shows in a page. After an error nothing has been written,
// unless the file broke off, which ends the connection.
func SendAttachment(w http.ResponseWriter, r *http.Request, b Filer, ref, number string) error {
	n, err := strconv.Atoi(number)
	if err != nil {
		return &protocol.Error{Reason: protocol.ReasonNotFound, Op: "send file", ID: ref}
	}
	f, err := b.Attachment(r.Context(), ref, n)
	if err != nil {
		return err
	}
	defer f.Close()
	how := "attachment"
	if f.Picture {
		how = "inline"
	}
	h := w.Header()
	h.Set("Content-Type", f.MediaType)
	h.Set("Content-Disposition", Disposition(how, f.Name))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "private, no-store") // it can be erased
	h.Set("ETag", `"`+f.ID+`"`)
	watched := &breaking{f: f}
	http.ServeContent(PatientResponse(w), r, "", time.Time{}, watched)
	if watched.err != nil {
		panic(http.ErrAbortHandler) // how net/http closes a connection whose answer cannot be finished
	}
	return nil
}

// Disposition names a file by RFC 6266, also where its name is not ASCII.
func Disposition(how, name string) string {
	if text := mime.FormatMediaType(how, map[string]string{"filename": name}); text != "" {
		return text
	}
	return how + "; filename*=UTF-8''" + url.PathEscape(name)
}

// breaking remembers why reading ended early: http.ServeContent tells nobody.
type breaking struct {
	f   *File
	err error
}

func (b *breaking) Read(p []byte) (int, error) {
	n, err := b.f.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		b.err = err
	}
	return n, err
}

func (b *breaking) Seek(offset int64, whence int) (int64, error) { return b.f.Seek(offset, whence) }

// PatientResponse is w, of which every write has its own deadline: for answers that take
// longer than a page.
func PatientResponse(w http.ResponseWriter) http.ResponseWriter {
	return &patientResponse{ResponseWriter: w, rc: http.NewResponseController(w)}
}

// patientResponse gives every write its own deadline.
type patientResponse struct {
	http.ResponseWriter
	rc *http.ResponseController
}

func (p *patientResponse) Write(b []byte) (int, error) {
	_ = p.rc.SetWriteDeadline(time.Now().Add(writeTimeout))
	return p.ResponseWriter.Write(b)
}
