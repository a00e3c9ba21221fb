package api

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/dure-net/dure/node/access"
	"github.com/dure-net/dure/protocol"
)

// Config is what the interface needs. Backend, Token, Hosts and Phrases are required;
// without them New panics, because a node that answers unguarded is worse than none.
type Config struct {
	Backend  Backend
	Token    string                      // the owner's bearer token, at least 32 characters
	Access   *access.Store               // further tokens, with scopes; nil: there are none
	Public   bool                        // open data may be read without a token, within rate limits
	Proxied  bool                        // a reverse proxy stands before it and names the caller in X-Forwarded-For
	Hosts    []string                    // exact Host values ("127.0.0.1:7710"); a name without port stands for any port
	Limits   []Limit                     // what GET /limits tells
	Version  string                      // of dure, for the OpenAPI document
	Phrases  Phrases                     // the catalogues
	Metrics  prometheus.Gatherer         // nil: no /metrics
	Web      http.Handler                // the pages, everything outside /api; nil: none
	Ready    func(context.Context) error // nil: ready while Status says so
	Log      *slog.Logger                // nil: nothing is logged
	Now      func() time.Time            // nil: time.Now
	Interval time.Duration               // between heartbeats of a stream; 0: 15 s

	// Epoch rises with whatever changes what the Backend answers, at the earliest when that
	// shows in its answers: while it is the same, some answers are given again. Nil: none is.
	// It is asked for each of them and must not block.
	Epoch func() uint64
}

type server struct {
	backend  Backend
	token    [32]byte // SHA-256 of the owner's token
	access   *access.Store
	scopes   map[string]access.Scope // by pattern of mux, of every operation
	public   *public                 // nil: nobody asks without a token
	hosts    hostList
	phrases  Phrases
	ready    func(context.Context) error
	log      *slog.Logger
	now      func() time.Time
	interval time.Duration
	memory   *Once
	larder   *larder // nil: no answer is kept
	limits   []Limit
	streams  chan struct{} // one place per open stream

	mux *http.ServeMux
	api huma.API
}

// New is the whole HTTP interface of a node: /api/v1, health, metrics, the OpenAPI
// document and, where given, the pages. It starts nothing and holds nothing open.
func New(c Config) http.Handler {
	if c.Backend == nil || len(c.Token) < 32 || len(c.Hosts) == 0 || c.Phrases == nil {
		panic("dure: internal error: the interface needs a backend, a token of 32 characters, hosts and phrases")
	}
	s := &server{
		backend: c.Backend, token: sha256.Sum256([]byte(c.Token)), hosts: newHostList(c.Hosts), phrases: c.Phrases,
		access: c.Access, ready: c.Ready, log: c.Log, now: c.Now, interval: c.Interval,
		scopes: map[string]access.Scope{}, streams: make(chan struct{}, maxStreams), mux: http.NewServeMux(),
	}
	if s.ready == nil {
		s.ready = s.statusReady
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.interval <= 0 {
		s.interval = heartbeat
	}
	s.memory = NewOnce(s.now)
	if c.Public {
		s.public = newPublic(c.Proxied, s.now)
	}
	if c.Epoch != nil {
		s.larder = newLarder(c.Epoch, s.now)
	}
	s.limits = append([]Limit{}, c.Limits...)
	s.api = humago.New(s.mux, s.config(c.Version))
	s.reads()
	s.writes()
	s.attachments()
	s.custody()
	s.tokens()
	s.health(c.Metrics)
	s.document()
	s.docs()
	s.mux.HandleFunc("/api/", s.unknown)
	if c.Web != nil {
		s.mux.Handle("/", c.Web)
	} else {
		s.mux.HandleFunc("/", s.unknown)
	}
	return s.guard(s.mux)
}

func (s *server) config(version string) huma.Config {
	c := huma.DefaultConfig("dure", version)
	c.Info.Description = "What programs may ask of one member's node. Lists are newest first; cursors are opaque. " +
		"Errors are problem documents (RFC 9457): branch on `code`, show `title` and `hint`, which follow Accept-Language."
	c.Info.License = &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"}
	c.OpenAPIPath, c.DocsPath, c.SchemasPath = "", "", "" // documents are served by us, pages by node/web
	c.CreateHooks = nil                                   // no $schema members in answers
	c.Formats = map[string]huma.Format{"application/json": strictJSON(), "json": strictJSON()}
	c.DefaultFormat = "application/json"
	c.RejectUnknownQueryParameters = true
	c.Transformers = []huma.Transformer{s.transform}
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer",
		Description: "the content of the file api.token in the node's home, or a token that `dure token new` made; the names behind it are the scopes of which it needs one"}}
	c.Security = []map[string][]string{{"token": {}}}
	return c
}

// document serves the OpenAPI document, made once: it does not change while running.
func (s *server) document() {
	oapi := s.api.OpenAPI()
	problem := map[string]*huma.MediaType{"application/problem+json": {Schema: oapi.Components.Schemas.Schema(typeOf[Problem](), true, "")}}
	for _, item := range oapi.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post} {
			if op != nil {
				if made := op.Responses["201"]; made != nil && slices.ContainsFunc(op.Parameters, func(p *huma.Param) bool { return p.Name == "Prefer" }) {
					op.Responses["202"] = &huma.Response{Description: "it is durable here, and fewer other nodes hold it than Prefer asked for", Headers: made.Headers, Content: made.Content}
					op.Responses["200"] = &huma.Response{Description: "it was judged, and nothing was written (dry_run)", Headers: made.Headers, Content: made.Content}
				}
				op.Responses["default"] = &huma.Response{Description: "a problem", Content: problem}
			}
		}
	}
	delete(oapi.Components.Schemas.Map(), "ErrorModel")
	delete(oapi.Components.Schemas.Map(), "ErrorDetail")
	neverNull(oapi)
	raw := sync.OnceValue(func() []byte {
		raw, err := json.MarshalIndent(oapi, "", " ")
		if err != nil {
			panic("dure: internal error: " + err.Error())
		}
		return append(raw, '\n')
	})
	s.mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/openapi+json")
		w.Header().Set("Cache-Control", "no-cache")
		_, _ = w.Write(raw())
	})
}

// health are the addresses that machines watch. They tell no secrets and need no token,
// except the metrics, which name members.
func (s *server) health(metrics prometheus.Gatherer) {
	s.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	s.mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		ctx, cancel := context.WithTimeout(r.Context(), headerTimeout)
		defer cancel()
		if err := s.ready(ctx); err != nil {
			f := fail(err)
			f.status = http.StatusServiceUnavailable
			s.writeProblem(w, r, f)
			return
		}
		writeJSON(w, http.StatusOK, map[string]string{"status": "ready"})
	})
	if metrics != nil {
		answer := promhttp.HandlerFor(metrics, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
		s.mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
			if err := s.may(r.Context(), access.Read); err != nil {
				s.writeProblem(w, r, err)
				return
			}
			answer.ServeHTTP(w, r)
		})
	}
}

func (s *server) statusReady(ctx context.Context) error {
	status, err := s.backend.Status(ctx)
	if err != nil {
		return err
	}
	switch status.Node.State {
	case StateReady:
		return nil
	case StateReadOnly:
		return unready(protocol.ReasonReadOnly, status)
	case StateRecovering:
		return unready(protocol.ReasonRecovering, status)
	case StateEnded:
		return unready(protocol.ReasonNotMember, status)
	}
	return unready(protocol.ReasonJoining, status)
}

// unready says why the node cannot write: reading works all the same, so a balancer that
// sends readers elsewhere asks /healthz.
func unready(r protocol.Reason, status Status) error {
	f := fail(protocol.Fail(r, "answer readiness", nil))
	f.why = status.Node.Reason
	return f
}

// unknown answers paths that are not ours, and methods that a path does not have.
func (s *server) unknown(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		probe := r.Clone(r.Context())
		probe.Method = method
		if _, pattern := s.mux.Handler(probe); pattern != "/api/" && pattern != "/" {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) == 0 || slices.Contains(allowed, r.Method) {
		s.writeProblem(w, r, refuse(protocol.ReasonNotFound, http.StatusNotFound, "api.problem.route"))
		return
	}
	f := refuse(protocol.ReasonUsage, http.StatusMethodNotAllowed, "api.problem.method")
	f.header = http.Header{"Allow": {strings.Join(allowed, ", ")}}
	s.writeProblem(w, r, f)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the connection is gone; nobody is left to tell
}
