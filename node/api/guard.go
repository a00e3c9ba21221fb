package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"mime"
	"net"
	"net/http"
	"strings"

	"github.com/dure-net/dure/protocol"
)

// guard is what every request passes before it is routed, in this order: headers that
// make browsers careful, the Host allow-list (a page of another site that rebinds its
// name to this address is same-origin to a browser, but cannot change the Host), the
// origin of writes, and the token for everything under /api/ and for /metrics.
func (s *server) guard(next http.Handler) http.Handler {
	origin := http.NewCrossOriginProtection()
	origin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.writeProblem(w, r, refuse(protocol.ReasonForbidden, http.StatusForbidden, "api.problem.origin"))
	}))
	protected := origin.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isAPI(r.URL.Path) || r.URL.Path == "/metrics" {
			if !s.authorised(r) {
				f := refuse(protocol.ReasonForbidden, http.StatusUnauthorized, "api.problem.token")
				f.header = http.Header{"Www-Authenticate": {`Bearer realm="dure"`}}
				s.writeProblem(w, r, f)
				return
			}
			if f := contentType(r); f != nil {
				s.writeProblem(w, r, f)
				return
			}
			if r.ContentLength > maxCommandBytes && r.URL.Path != pathImport {
				s.writeProblem(w, r, refuse(protocol.ReasonTooLarge, http.StatusRequestEntityTooLarge, "api.problem.too_large"))
				return
			}
		}
		next.ServeHTTP(w, r)
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
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
		case !s.hosts.allow(r.Host):
			s.writeProblem(w, r, refuse(protocol.ReasonForbidden, http.StatusMisdirectedRequest, "api.problem.host"))
		case len(r.URL.RequestURI()) > maxURLBytes:
			s.writeProblem(w, r, refuse(protocol.ReasonTooLarge, http.StatusRequestURITooLong, "api.problem.too_large"))
		default:
			protected.ServeHTTP(w, r)
		}
	})
}

func isAPI(path string) bool { return path == "/api" || strings.HasPrefix(path, "/api/") }

// authorised compares the bearer token in constant time, whatever its length.
func (s *server) authorised(r *http.Request) bool {
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return false
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	sum := sha256.Sum256([]byte(strings.TrimSpace(token)))
	same := subtle.ConstantTimeCompare(sum[:], s.token[:]) == 1
	return strings.EqualFold(scheme, "Bearer") && same
}

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
	if r.URL.Path == pathImport {
		want = mediaCAR
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
