package api

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/dure-net/dure/node/access"
)

const requestHeader = "X-Request-Id"

type noteKey struct{}

// request is what is noted of one request while it is answered.
type request struct {
	id  string
	who access.Grant
}

// noted gives a request its number, which stands in the answer, in a problem and in the
// log: the caller's own where it sent one of at most 64 letters, digits, dots and dashes.
// Reading is logged for developers (debug), writing for everybody (info).
func (s *server) noted(w http.ResponseWriter, r *http.Request) (http.ResponseWriter, *http.Request, func()) {
	n := &request{id: r.Header.Get(requestHeader)}
	if n.id == "" || len(n.id) > 64 || strings.ContainsFunc(n.id, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.'
	}) {
		n.id = rand.Text()[:16]
	}
	w.Header().Set(requestHeader, n.id)
	r = r.WithContext(context.WithValue(r.Context(), noteKey{}, n))
	level := slog.LevelDebug
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		level = slog.LevelInfo
	}
	if !s.log.Enabled(r.Context(), level) || !isAPI(r.URL.Path) {
		return w, r, func() {}
	}
	out, began := &statusWriter{ResponseWriter: w, status: http.StatusOK}, time.Now()
	return out, r, func() {
		s.log.Log(r.Context(), level, "answered", "request", n.id, "method", r.Method, "path", r.URL.Path, "status", out.status,
			"took", time.Since(began), "token", n.who.Name, "user", n.who.User)
	}
}

// note says who asks.
func note(r *http.Request, who access.Grant) {
	if n, ok := r.Context().Value(noteKey{}).(*request); ok {
		n.who = who
	}
}

func requestID(ctx context.Context) string {
	if n, ok := ctx.Value(noteKey{}).(*request); ok {
		return n.id
	}
	return ""
}

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
