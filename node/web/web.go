// Package web is the pages that people see of one member's node: its condition in
// sentences, the newest records, one record, and a form for a personnel request. It never
// needs a script, loads nothing from elsewhere, and knows the node only as an api.Backend.
package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"html/template"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/dure-net/dure/node/access"
	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/phrase"
	"github.com/dure-net/dure/protocol"
)

// Config is what the pages need. Backend, Sessions and Book are required.
type Config struct {
	Backend  api.Backend
	Sessions *api.Sessions
	Book     *phrase.Book
	Now      func() time.Time // nil: time.Now
	Zone     *time.Location   // of dates and times shown; nil: time.Local
	Secure   bool             // browsers come by TLS, through a reverse proxy
	Log      *slog.Logger     // nil: nothing is logged
}

type site struct {
	backend  api.Backend
	sessions *api.Sessions
	book     *phrase.Book
	now      func() time.Time
	zone     *time.Location
	secure   bool
	log      *slog.Logger
	once     *api.Once
	pages    map[string]*template.Template
}

//go:embed style.css
var style []byte

//go:embed icon.svg
var icon []byte

// stylePath names the style sheet by its content, so that browsers keep it and never
// show a page with an old one.
var stylePath = "/style-" + shortHash(style) + ".css"

// policy lets a page use its own style sheet, its own pictures and its own forms, and
// nothing else: no script, no frame, nothing from elsewhere.
const policy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// maxFormBytes bounds a posted form: all fields at their limits, percent-encoded Hangul.
// Beyond: 413.
const maxFormBytes = 256 << 10

// New is the pages, to be mounted at / behind the guard of package api. It starts
// nothing. Without Backend, Sessions or Book it panics.
func New(c Config) http.Handler {
	if c.Backend == nil || c.Sessions == nil || c.Book == nil {
		panic("dure: internal error: the pages need a backend, sessions and catalogues")
	}
	s := &site{backend: c.Backend, sessions: c.Sessions, book: c.Book, now: c.Now, zone: c.Zone, secure: c.Secure, log: c.Log, pages: parsePages()}
	if s.now == nil {
		s.now = time.Now
	}
	if s.zone == nil {
		s.zone = time.Local
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.once = api.NewOnce(s.now)

	mux := http.NewServeMux()
	mux.HandleFunc("GET "+stylePath, fixed("text/css; charset=utf-8", style))
	mux.HandleFunc("GET /icon.svg", fixed("image/svg+xml", icon))
	mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/icon.svg", http.StatusMovedPermanently)
	})
	mux.HandleFunc("GET /{$}", s.frontDoor)
	mux.HandleFunc("GET /sign-in", s.page(s.showSignIn))
	mux.HandleFunc("POST /sign-out", s.signOut)
	mux.HandleFunc("GET /records", s.members(s.showRecords))
	mux.HandleFunc("GET /records/{ref}", s.members(s.showRecord))
	mux.HandleFunc("POST /records/{ref}/state", s.acting(access.Write, s.adjust))
	mux.HandleFunc("POST /records/{ref}/versions", s.acting(access.Write, s.bringBack))
	mux.HandleFunc("POST /records/{ref}/remarks", s.acting(access.Write, s.say))
	mux.HandleFunc("GET /records/{ref}/calendar.ics", s.members(s.sendCalendar))
	mux.HandleFunc("GET /records/{ref}/print", s.members(s.showPrint))
	mux.HandleFunc("GET /records/{ref}/paper", s.members(s.sendPaper))
	mux.HandleFunc("GET /records/{ref}/archive.zip", s.members(s.sendArchive))
	mux.HandleFunc("POST /records/{ref}/files", s.withFile(s.known(allowed(access.Write, s.attach))))
	mux.HandleFunc("GET /records/{ref}/erase", s.acting(access.Write, s.showErase))
	mux.HandleFunc("POST /records/{ref}/erase", s.acting(access.Write, s.erase))
	mux.HandleFunc("GET /blocks/{cid}", s.members(s.sendBlock))
	mux.HandleFunc("GET /records/{ref}/attachments/{number}", s.members(s.sendFile))
	mux.HandleFunc("GET /members/{ref}", s.members(s.showMember))
	mux.HandleFunc("GET /acts/{ref}", s.members(s.showAct))
	mux.HandleFunc("GET /inbox", s.members(s.showInbox))
	mux.HandleFunc("GET /agreements/{ref}", s.members(s.showAgreement))
	mux.HandleFunc("POST /agreements/{ref}/deeds", s.withFile(s.known(allowed(access.Write, s.deed))))
	mux.HandleFunc("GET /agreements/{ref}/paper", s.members(s.sendPaper))
	mux.HandleFunc("GET /agreements/{ref}/archive.zip", s.members(s.sendArchive))
	mux.HandleFunc("GET /agreements/{ref}/calendar.ics", s.members(s.sendAgreementCalendar))
	mux.HandleFunc("GET /records/{ref}/proposal", s.acting(access.Write, s.showTerms))
	mux.HandleFunc("POST /records/{ref}/proposal", s.acting(access.Write, s.propose))
	mux.HandleFunc("GET /agreements/{ref}/terms", s.acting(access.Write, s.showTerms))
	mux.HandleFunc("POST /agreements/{ref}/terms", s.acting(access.Write, s.sendTerms))
	mux.HandleFunc("GET /messages", s.members(s.showMessages))
	mux.HandleFunc("POST /messages", s.withFile(s.known(allowed(access.Write, s.send))))
	mux.HandleFunc("GET /messages/{ref}", s.members(s.showMessage))
	mux.HandleFunc("GET /requests/new", s.acting(access.Write, s.showForm))
	mux.HandleFunc("POST /requests/new", s.acting(access.Write, s.showForm)) // another language, with what was typed
	mux.HandleFunc("POST /requests/preview", s.acting(access.Write, s.preview))
	mux.HandleFunc("POST /requests", s.acting(access.Write, s.publish))
	mux.HandleFunc("GET /searches", s.members(s.showSearches))
	mux.HandleFunc("POST /searches", s.members(s.changeSearches))
	mux.HandleFunc("GET /searches/{ref}", s.members(s.showNews))
	mux.HandleFunc("GET /users", s.acting(access.Keep, s.showUsers))
	mux.HandleFunc("POST /users", s.acting(access.Keep, s.changeUsers))
	mux.HandleFunc("/", s.page(func(w http.ResponseWriter, r *http.Request, v *view) error {
		return protocol.Fail(protocol.ReasonNotFound, "find page", nil)
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		mux.ServeHTTP(w, r)
	})
}

type pageFunc func(http.ResponseWriter, *http.Request, *view) error

// page runs f; an error it returns is shown as a page.
func (s *site) page(f pageFunc) http.HandlerFunc { return s.reading(maxFormBytes, f) }

// reading is page for forms of at most so many bytes. A whole form has its time; beyond
// what a form of fields has, every read has its own.
func (s *site) reading(most int64, f pageFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(20 * time.Second)) // not every writer has deadlines
		if r.Method == http.MethodPost {
			body := http.MaxBytesReader(w, r.Body, most)
			if r.Body = body; most > maxFormBytes {
				r.Body = patient{api.Patient(w, body), body}
			}
		}
		v := s.newView(w, r)
		if err := f(w, r, v); err != nil {
			s.showError(w, r, v, err)
		}
	}
}

type patient struct {
	io.Reader
	io.Closer
}

// members is page for those who are signed in; others are told how to sign in.
func (s *site) members(f pageFunc) http.HandlerFunc { return s.page(s.known(f)) }

// known runs f for those who are signed in.
func (s *site) known(f pageFunc) pageFunc {
	return func(w http.ResponseWriter, r *http.Request, v *view) error {
		who, until, ok := s.sessions.Who(r)
		if !ok {
			return s.showSignIn(w, r, v)
		}
		v.SignedIn, v.Who, v.Until = true, who, v.moment(until)
		r = r.WithContext(api.As(r.Context(), who))
		if err := s.introduce(r.Context(), v); err != nil {
			return err
		}
		return f(w, r, v)
	}
}

// introduce says whose node this is, which every page for members shows.
func (s *site) introduce(ctx context.Context, v *view) error {
	status, err := s.backend.Status(ctx)
	if err != nil {
		return err
	}
	v.Status = status
	v.Federation = v.text(status.Federation.Names)
	v.Member = v.text(status.Member.Names)
	if v.Member.Text == "" {
		v.Member.Text = status.Member.Handle
	}
	v.Notice = v.text(status.Federation.Notice)
	return nil
}

func (s *site) showError(w http.ResponseWriter, r *http.Request, v *view, err error) {
	status := api.StatusOf(protocol.ReasonOf(err))
	if status == http.StatusInternalServerError {
		s.log.Error("page failed", "error", err)
	}
	sentence, hint := s.book.Error(v.Lang, err)
	var e *protocol.Error
	switch reason := protocol.ReasonOf(err); {
	case reason == protocol.ReasonNotFound && v.Ref == "":
		sentence, hint = v.T("web.lost.title"), v.T("web.lost.hint")
	case reason == protocol.ReasonNotFound:
		if _, plain := s.book.Reason(v.Lang, reason, nil); hint == plain { // it names a command
			hint = v.T("web.missing.hint")
		}
	case reason == protocol.ReasonForbidden && errors.As(err, &e) && e.Field == "scope":
		sentence, hint = v.T("web.role.refused", "who", v.Signed()), v.T("web.role.who."+e.Args["scope"])
	case reason == protocol.ReasonForbidden:
		sentence, hint = v.T("web.forbidden.title"), v.T("web.forbidden.hint")
	}
	v.Data = struct{ Sentence, Hint string }{sentence, hint}
	v.Title = sentence
	s.render(w, v, status, "error")
}

// render writes a whole page or, if its template is at fault, none of it.
func (s *site) render(w http.ResponseWriter, v *view, status int, name string) {
	var out bytes.Buffer
	if err := s.pages[name].Execute(&out, v); err != nil {
		s.log.Error("page failed", "page", name, "error", err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", v.Lang)
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes()) // the reader is gone; nobody is left to tell
}

func fixed(media string, data []byte) http.HandlerFunc {
	tag := `"` + shortHash(data) + `"`
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", media)
		w.Header().Set("ETag", tag)
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	}
}

func shortHash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:6])
}
