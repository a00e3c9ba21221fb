package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/dure-net/dure/node/access"
	"github.com/dure-net/dure/protocol"
)

const (
	mediaCAR     = "application/vnd.ipld.car"
	mediaBackup  = "application/octet-stream"
	pathImport   = base + "/import"
	reportHeader = "Dure-Report" // trailer of a download: its report as JSON
)

// custody registers what looks after the copy on this disk.
func (s *server) custody() {
	schemas := s.api.OpenAPI().Components.Schemas

	s.exports()

	op := get(access.Keep, "backup", "/backup", "A backup of this node's store; an interrupted answer is not a backup")
	op.Responses = map[string]*huma.Response{"200": octets(mediaBackup, "a backup, with its report in the trailer "+reportHeader)}
	s.raw(op, func(w http.ResponseWriter, r *http.Request) error {
		return s.download(w, r, mediaBackup, "dure.backup", func(ctx context.Context, out io.Writer) (any, error) {
			return s.backend.Backup(ctx, out, nil)
		})
	})

	op = post(access.Keep, "import", "/import", "Admit the entries of a bundle", http.StatusOK)
	op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		mediaCAR: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}}
	op.Responses = map[string]*huma.Response{"200": {Description: "what it brought", Content: map[string]*huma.MediaType{
		"application/json": {Schema: schemas.Schema(typeOf[ImportReport](), true, "")}}}}
	s.raw(op, func(w http.ResponseWriter, r *http.Request) error {
		rc := http.NewResponseController(w)
		in := &patientReader{r: http.MaxBytesReader(w, r.Body, maxImportBytes), rc: rc}
		report, err := s.backend.Import(r.Context(), in, nil)
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return refuse(protocol.ReasonTooLarge, http.StatusRequestEntityTooLarge, "api.problem.too_large")
		}
		if err != nil {
			return err
		}
		writeJSON(w, http.StatusOK, report)
		return nil
	})

	op = post(access.Keep, "verify", "/verify", "Re-hash the whole ledger; as NDJSON it tells its progress", http.StatusOK)
	line := schemas.Schema(typeOf[verifyLine](), true, "")
	op.Responses = map[string]*huma.Response{"200": {Description: "what was found", Content: map[string]*huma.MediaType{
		"application/json": {Schema: schemas.Schema(typeOf[VerifyReport](), true, "")},
		mediaNDJSON:        {Schema: line}}}}
	s.raw(op, s.serveVerify)

	op = post(access.Keep, "scrub", "/scrub", "Take the scrub that runs in the background to its end now; as NDJSON it tells its progress", http.StatusOK)
	op.Parameters = []*huma.Param{{Name: "again", In: "query", Description: "begin at the first entry again",
		Schema: &huma.Schema{Type: huma.TypeBoolean}}}
	line = schemas.Schema(typeOf[scrubLine](), true, "")
	op.Responses = map[string]*huma.Response{"200": {Description: "what was found", Content: map[string]*huma.MediaType{
		"application/json": {Schema: schemas.Schema(typeOf[ScrubReport](), true, "")},
		mediaNDJSON:        {Schema: line}}}}
	s.raw(op, s.serveScrub)
}

// download streams bytes whose number is not known before. The status is sent with the
// first byte, so that an error before it is still a Problem; an error after it breaks
// the connection, which every client notices.
func (s *server) download(w http.ResponseWriter, r *http.Request, media, name string, do func(context.Context, io.Writer) (any, error)) error {
	h := w.Header()
	out := &patientWriter{w: w, rc: http.NewResponseController(w), begin: func() {
		h.Set("Content-Type", media)
		h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
		h.Set("Trailer", reportHeader)
		w.WriteHeader(http.StatusOK)
	}}
	report, err := do(r.Context(), out)
	if err != nil {
		if !out.begun {
			return err
		}
		s.log.Warn("download broke off", "error", err)
		panic(http.ErrAbortHandler) // how net/http closes a connection whose answer cannot be finished
	}
	out.start()
	h.Set(reportHeader, string(mustJSON(report)))
	return nil
}

// taskLine is one line of a long task told as it goes: the last one has the report, or
// the problem that ended it.
type taskLine[T any] struct {
	Progress *Progress `json:"progress,omitempty"`
	Report   *T        `json:"report,omitempty"`
	Problem  *Problem  `json:"problem,omitempty"`
}

type (
	verifyLine = taskLine[VerifyReport]
	scrubLine  = taskLine[ScrubReport]
)

// task runs a long task: it answers with its report or, where the caller accepts NDJSON,
// with its progress line by line.
func task[T any](s *server, w http.ResponseWriter, r *http.Request, do func(context.Context, func(Progress)) (T, error)) error {
	if !strings.Contains(r.Header.Get("Accept"), mediaNDJSON) {
		report, err := do(r.Context(), nil)
		if err != nil {
			return err
		}
		writeJSON(w, http.StatusOK, report)
		return nil
	}
	rc := http.NewResponseController(w)
	w.Header().Set("Content-Type", mediaNDJSON)
	w.WriteHeader(http.StatusOK)
	var mu sync.Mutex // guards w: progress may come from another goroutine than the report
	write := func(line taskLine[T]) {
		mu.Lock()
		defer mu.Unlock()
		_ = rc.SetWriteDeadline(time.Now().Add(writeTimeout))
		_, _ = w.Write(append(mustJSON(line), '\n')) // the reader is gone; the request's context ends the work
		_ = rc.Flush()
	}
	report, err := do(r.Context(), func(p Progress) { write(taskLine[T]{Progress: &p}) })
	if err != nil {
		write(taskLine[T]{Problem: s.problem(r.Context(), s.phrases.Match(r.Header.Get("Accept-Language")), fail(err))})
		return nil
	}
	write(taskLine[T]{Report: &report})
	return nil
}

func (s *server) serveVerify(w http.ResponseWriter, r *http.Request) error {
	return task(s, w, r, func(ctx context.Context, progress func(Progress)) (VerifyReport, error) {
		report, err := s.backend.Verify(ctx, progress)
		report.Damage = noNil(report.Damage)
		return report, err
	})
}

func (s *server) serveScrub(w http.ResponseWriter, r *http.Request) error {
	again := r.URL.Query().Get("again")
	if again != "" && again != "true" && again != "false" {
		f := refuse(protocol.ReasonUsage, http.StatusUnprocessableEntity, "api.problem.request")
		f.fields = []ProblemField{{Field: "query.again", Code: "usage", Message: "true or false"}}
		return f
	}
	return task(s, w, r, func(ctx context.Context, progress func(Progress)) (ScrubReport, error) {
		report, err := s.backend.Scrub(ctx, again == "true", progress)
		report.Damage = noNil(report.Damage)
		return report, err
	})
}

func noNil(d []Damage) []Damage {
	if d == nil {
		return []Damage{}
	}
	return d
}

// patientWriter gives every write its own deadline, so that a long download may take
// hours and a stalled one does not.
type patientWriter struct {
	w     io.Writer
	rc    *http.ResponseController
	begin func()
	begun bool
}

func (p *patientWriter) start() {
	if !p.begun {
		p.begun = true
		p.begin()
	}
}

func (p *patientWriter) Write(b []byte) (int, error) {
	p.start()
	_ = p.rc.SetWriteDeadline(time.Now().Add(writeTimeout))
	return p.w.Write(b)
}

// Patient is r, of which every read has its own deadline: for bodies that take longer than
// a form.
func Patient(w http.ResponseWriter, r io.Reader) io.Reader {
	return &patientReader{r: r, rc: http.NewResponseController(w)}
}

// patientReader gives every read its own deadline.
type patientReader struct {
	r  io.Reader
	rc *http.ResponseController
}

func (p *patientReader) Read(b []byte) (int, error) {
	_ = p.rc.SetReadDeadline(time.Now().Add(bodyTimeout))
	return p.r.Read(b)
}
