package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// Phrases finds the sentences for people. phrase.Book implements it.
type Phrases interface {
	// Match is the best language the catalogues have for an Accept-Language header.
	Match(acceptLanguage string) string
	// Say is the sentence of a key.
	Say(lang, key string, args map[string]any) string
	// Error is the sentence for an error and what to do next.
	Error(lang string, err error) (sentence, hint string)
	// Fault is the sentence for one fault of a record, without its path.
	Fault(lang string, f record.Fault) string
	// MatchReason and MatchMiss say why two listings fit, or do not.
	MatchReason(lang, code string, facts map[string][]string) string
	MatchMiss(lang, code string, facts map[string][]string) string
	// Wait says what waits for a member in an agreement.
	Wait(lang, code string, args map[string]string) string
}

// Problem is how errors are told (RFC 9457). Title and Hint are in the language of the
// request; Code and the codes of Errors are stable and for programs; Detail is English
// and for developers.
type Problem struct {
	Type      string            `json:"type" doc:"urn:dure:problem: and the code"`
	Title     string            `json:"title" doc:"a sentence in the language of the request"`
	Status    int               `json:"status"`
	Detail    string            `json:"detail,omitempty" doc:"for developers, in English"`
	Code      string            `json:"code" doc:"stable code to branch on"`
	Hint      string            `json:"hint,omitempty" doc:"what to do next, in the language of the request"`
	Retryable bool              `json:"retryable" doc:"the same request may succeed later"`
	ID        string            `json:"id,omitempty" doc:"what it is about"`
	Field     string            `json:"field,omitempty"`
	Args      map[string]string `json:"args,omitempty" doc:"values of the sentence"`
	Why       string            `json:"why,omitempty" doc:"of /readyz: the stable code that the status has as node.reason"`
	Errors    []ProblemField    `json:"errors,omitempty" doc:"every fault of the content"`
	Request   string            `json:"request_id,omitempty" doc:"as in the header X-Request-Id and in this node's log"`
}

// ProblemField is one fault of what was sent.
type ProblemField struct {
	Field   string            `json:"field" doc:"path, as goals[2].target.unit; for parameters query.limit"`
	Code    string            `json:"code" doc:"stable code"`
	Message string            `json:"message" doc:"a sentence in the language of the request"`
	Args    map[string]string `json:"args,omitempty"`
	Value   string            `json:"value,omitempty"`
}

// ContentType makes huma send problems under their own media type.
func (Problem) ContentType(string) string { return "application/problem+json" }

// failure is an error on its way to a Problem. key overrides the reason's own
// sentence, status its own HTTP status.
type failure struct {
	err    error
	status int
	key    string
	header http.Header
	fields []ProblemField
	why    string // key of a sentence that says more than the reason's hint
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// GetStatus, GetHeaders and ContentType are what huma asks errors for.
func (f *failure) GetStatus() int            { return f.status }
func (f *failure) GetHeaders() http.Header   { return f.header }
func (f *failure) ContentType(string) string { return "application/problem+json" }

func fail(err error) *failure {
	var f *failure
	if errors.As(err, &f) {
		return f
	}
	r := protocol.ReasonOf(err)
	f = &failure{err: err, status: StatusOf(r)}
	if Retryable(r) {
		f.header = http.Header{"Retry-After": {"1"}}
	}
	return f
}

// seconds is a wait as Retry-After has it.
func seconds(wait time.Duration) string {
	return strconv.Itoa(max(1, int((wait+time.Second-1)/time.Second)))
}

// refuse is a failure of the HTTP layer itself, with a sentence of this package.
func refuse(r protocol.Reason, status int, key string) *failure {
	return &failure{err: protocol.Fail(r, "answer request", nil), status: status, key: key}
}

// problem puts a failure into words.
func (s *server) problem(ctx context.Context, lang string, f *failure) *Problem {
	reason := protocol.ReasonOf(f.err)
	p := &Problem{Request: requestID(ctx), Status: f.status, Code: reason.String(), Retryable: Retryable(reason), Errors: f.fields}
	p.Type = "urn:dure:problem:" + p.Code
	if f.key != "" {
		values := map[string]any{}
		for name, value := range argsOf(f.err) {
			values[name] = value
		}
		p.Title, p.Hint = s.phrases.Say(lang, f.key, values), s.phrases.Say(lang, f.key+".hint", values)
	} else {
		p.Title, p.Hint = s.phrases.Error(lang, f.err)
	}
	if p.Why = f.why; f.why != "" {
		if said := s.phrases.Say(lang, f.why, nil); said != f.why {
			p.Hint = said
		}
	}
	var e *protocol.Error
	if errors.As(f.err, &e) {
		p.ID, p.Field, p.Args = e.ID, e.Field, e.Args
	}
	if reason == protocol.ReasonInternal {
		s.log.Error("request failed", "request", p.Request, "error", f.err)
	} else if f.key == "" {
		p.Detail = f.err.Error()
	}
	for _, fault := range record.FaultsOf(f.err) {
		p.Errors = append(p.Errors, ProblemField{Field: fault.Field, Code: string(fault.Code), Args: fault.Args,
			Value: fault.Value, Message: s.phrases.Fault(lang, fault)})
	}
	return p
}

func argsOf(err error) map[string]string {
	var e *protocol.Error
	if errors.As(err, &e) {
		return e.Args
	}
	return nil
}

// transform replaces huma's own errors, and ours, by a Problem in the caller's language, and
// null by an empty list.
func (s *server) transform(ctx huma.Context, _ string, v any) (any, error) {
	switch v := v.(type) {
	case *failure:
		lang := s.phrases.Match(ctx.Header("Accept-Language"))
		ctx.SetHeader("Content-Language", lang)
		return s.problem(ctx.Context(), lang, v), nil
	case *huma.ErrorModel:
		lang := s.phrases.Match(ctx.Header("Accept-Language"))
		ctx.SetHeader("Content-Language", lang)
		return s.problem(ctx.Context(), lang, fromHuma(v)), nil
	}
	return whole(v), nil
}

// fromHuma gives huma's findings about parameters and bodies our codes.
func fromHuma(m *huma.ErrorModel) *failure {
	var f *failure
	switch m.Status {
	case http.StatusRequestEntityTooLarge:
		f = refuse(protocol.ReasonTooLarge, m.Status, "api.problem.too_large")
	case http.StatusRequestTimeout:
		f = refuse(protocol.ReasonBusy, m.Status, "api.problem.slow")
	default:
		if m.Status < 500 {
			f = refuse(protocol.ReasonUsage, m.Status, "api.problem.request")
			break
		}
		f = &failure{err: protocol.Fail(protocol.ReasonInternal, "answer request", m), status: m.Status}
	}
	for _, d := range m.Errors {
		if d == nil {
			continue
		}
		field := ProblemField{Field: d.Location, Code: protocol.ReasonUsage.String(), Message: d.Message}
		if text, ok := d.Value.(string); ok && len(text) <= 80 {
			field.Value = text
		}
		f.fields = append(f.fields, field)
	}
	return f
}

// writeProblem answers outside huma.
func (s *server) writeProblem(w http.ResponseWriter, r *http.Request, err error) {
	f := fail(err)
	lang := s.phrases.Match(r.Header.Get("Accept-Language"))
	body, err := json.Marshal(s.problem(r.Context(), lang, f))
	if err != nil {
		panic("dure: internal error: " + err.Error())
	}
	h := w.Header()
	for k, v := range f.header {
		h[k] = v
	}
	h.Set("Content-Language", lang)
	h.Set("Content-Type", "application/problem+json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(f.status)
	_, _ = w.Write(body)
}

// err turns a problem back into the error it was made from, as far as it travels.
func (p Problem) err() error {
	e := &protocol.Error{Reason: protocol.ParseReason(p.Code), Op: "ask node", ID: p.ID, Field: p.Field, Hint: p.Hint, Args: p.Args}
	if e.Reason == protocol.ReasonNone {
		e.Reason = protocol.ReasonInternal
	}
	var faults record.Faults
	for _, f := range p.Errors {
		faults = append(faults, record.Fault{Field: f.Field, Code: record.FaultCode(f.Code), Args: f.Args, Value: f.Value})
	}
	switch {
	case e.Reason == protocol.ReasonInvalid && len(faults) > 0:
		e.Err = faults
	case p.Detail != "":
		e.Err = errors.New(p.Detail)
	case p.Title != "":
		e.Err = errors.New(p.Title)
	}
	return e
}
