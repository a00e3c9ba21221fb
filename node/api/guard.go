package api

import (
	"context"
	"mime"
	"net"
	"net/http"
	"strings"

	"github.com/dure-net/dure/protocol"
)

// guard is what every request passes before it is routed, in this order: headers that
// make browsers careful, the Host allow-list (a page of another site that rebinds its
// name to this address is same-origin to a browser, but cannot change the Host), the
// origin of writes, and who asks for anything under /api/ or for /metrics (identify). What the
// caller may do there is asked for at each endpoint (gate).
func (s *server) guard(next http.Handler) http.Handler {
	origin := http.NewCrossOriginProtection()
	origin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.writeProblem(w, r, refuse(protocol.ReasonForbidden, http.StatusForbidden, "api.problem.origin"))
	}))
	protected := origin.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isAPI(r.URL.Path) || r.URL.Path == "/metrics" {
			who, err := s.identify(r)
			if err != nil {
				s.writeProblem(w, r, err)
				return
			}
			r = r.WithContext(context.WithValue(r.Context(), callerKey{}, who))
			note(r, who)
			if f := contentType(r); f != nil {
				s.writeProblem(w, r, f)
				return
			}
			if r.ContentLength > maxCommandBytes && r.URL.Path != pathImport && r.URL.Path != pathAttachments {
				s.writeProblem(w, r, refuse(protocol.ReasonTooLarge, http.StatusRequestEntityTooLarge, "api.problem.too_large"))
				return
			}
		}
		next.ServeHTTP(w, r)
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w, r, done := s.noted(w, r)
		defer done()
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		if isAPI(r.URL.Path) {
			h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
			h.Set("Cache-Control", "no-store")
		}
		switch {
		case r.Context().Value(ownerKey{}) == nil && !s.hosts.allow(r.Host): // no page of another site reaches a socket
			s.writeProblem(w, r, refuse(protocol.ReasonForbidden, http.StatusMisdirectedRequest, "api.problem.host"))
		case len(r.URL.RequestURI()) > maxURLBytes:
			s.writeProblem(w, r, refuse(protocol.ReasonTooLarge, http.StatusRequestURITooLong, "api.problem.too_large"))
		default:
			protected.ServeHTTP(w, r)
		}
	})
}

func isAPI(path string) bool { return path == "/api" || strings.HasPrefix(path, "/api/") }

// contentType refuses the media types that a form of another site could send without
// asking. A request without a body needs none.
func contentType(r *http.Request) *failure {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return nil
	}
	given := r.Header.Get("Content-Type")
	if given == "" && r.ContentLength == 0 {
		return nil
	}
	want := "application/json"
	switch r.URL.Path {
	case pathImport:
		want = mediaCAR
	case pathAttachments:
		want = mediaOctets
	}
	got, params, err := mime.ParseMediaType(given)
	charset := strings.ToLower(params["charset"])
	if err != nil || got != want || (charset != "" && charset != "utf-8") {
		f := refuse(protocol.ReasonUsage, http.StatusUnsupportedMediaType, "api.problem.content_type")
		f.fields = []ProblemField{{Field: "header.Content-Type", Code: "usage", Message: want, Value: clip(given)}}
		return f
	}
	return nil
}

func clip(s string) string {
	if len(s) > 80 {
		return s[:80]
	}
	return s
}

// hostList is the exact Host values this node answers to. An entry without a port
// stands for that name with any port: another port cannot be reached by rebinding a
// name, and containers publish under ports they do not know.
type hostList map[string]bool

func newHostList(hosts []string) hostList {
	list := make(hostList, len(hosts))
	for _, h := range hosts {
		list[strings.ToLower(strings.TrimSpace(h))] = true
	}
	return list
}

func (l hostList) allow(host string) bool {
	host = strings.ToLower(host)
	if host == "" || strings.ContainsAny(host, "/\\@ ") {
		return false
	}
	if l[host] {
		return true
	}
	name, port, err := net.SplitHostPort(host)
	if err != nil || port == "" {
		return false
	}
	if strings.Contains(name, ":") {
		name = "[" + name + "]"
	}
	return l[name]
}
