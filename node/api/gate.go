package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/dure-net/dure/node/access"
	"github.com/dure-net/dure/protocol"
)

// callerKey is where a request's context has the access.Grant of whoever asks, and
// ownerKey where a connection's context says that it is the owner's.
type (
	callerKey struct{}
	ownerKey  struct{}
)

// callerOf is what the caller of a request may do; nothing where nobody was identified.
func callerOf(ctx context.Context) access.Grant {
	who, _ := ctx.Value(callerKey{}).(access.Grant)
	return who
}

// As is a context in which a grant asks, for pages: they know who is signed in.
func As(ctx context.Context, who access.Grant) context.Context {
	return context.WithValue(ctx, callerKey{}, who)
}

// Asking is whoever asks; false where nobody was identified, as where the command line has
// opened the home itself.
func Asking(ctx context.Context) (access.Grant, bool) {
	who, ok := ctx.Value(callerKey{}).(access.Grant)
	return who, ok
}

// Account names who asks, for what is counted or kept by caller: the user whose token it is,
// else the token. It is "" for the owner, for pages, and where nobody asks over HTTP.
func Account(ctx context.Context) string {
	switch who := callerOf(ctx); {
	case who.ID == "":
		return ""
	case who.User != "":
		return "user " + who.User
	default:
		return "token " + who.ID
	}
}

// identify finds who asks: the owner over a socket of their own, the holder of a token, or
// on a public node anybody. Tokens are compared in constant time, whatever their length.
func (s *server) identify(r *http.Request) (access.Grant, error) {
	if r.Context().Value(ownerKey{}) != nil {
		return access.Owner(), nil
	}
	values := r.Header.Values("Authorization")
	if len(values) == 0 && s.public != nil {
		return access.Grant{Scopes: access.Anyone()}, s.public.admit(r)
	}
	scheme, token, _ := strings.Cut(strings.Join(values, ","), " ")
	if len(values) != 1 || !strings.EqualFold(scheme, "Bearer") {
		return access.Grant{}, s.tokenNeeded(s.scopeFor(r))
	}
	token = strings.TrimSpace(token)
	sum := sha256.Sum256([]byte(token))
	if subtle.ConstantTimeCompare(sum[:], s.token[:]) == 1 {
		return access.Owner(), nil
	}
	if s.access != nil {
		who, err := s.access.Check(token)
		var e *protocol.Error
		if err == nil {
			return who, nil
		}
		if errors.As(err, &e) && len(e.Args) > 0 { // a token that was one: say what became of it
			f := fail(err)
			f.status = http.StatusUnauthorized
			return access.Grant{}, challenged(f, `error="invalid_token"`)
		}
	}
	return access.Grant{}, s.tokenNeeded(s.scopeFor(r))
}

// scopeFor is what the operation that a request names asks for; Read where it names none.
func (s *server) scopeFor(r *http.Request) access.Scope {
	_, pattern := s.mux.Handler(r)
	if scope, ok := s.scopes[pattern]; ok {
		return scope
	}
	return access.Read
}

// tokenNeeded tells a caller without a token that counts which one to bring.
func (s *server) tokenNeeded(scope access.Scope) error {
	need := max(scope, access.Read).String()
	f := refuse(protocol.ReasonForbidden, http.StatusUnauthorized, "api.problem.token")
	f.err = &protocol.Error{Reason: protocol.ReasonForbidden, Op: "answer request", Args: map[string]string{"scope": need}}
	return challenged(f, `scope="`+need+`"`)
}

// challenged adds what RFC 6750 asks for.
func challenged(f *failure, more string) *failure {
	f.header = http.Header{"Www-Authenticate": {`Bearer realm="dure", ` + more}}
	return f
}

// may asks whether the caller has a scope. A caller without any token is told to bring one
// (401), one whose token has other scopes what it lacks (403): both say which.
func (s *server) may(ctx context.Context, scope access.Scope) error {
	who := callerOf(ctx)
	switch {
	case who.Scopes.Has(scope):
		return nil
	case who.Name == "":
		return s.tokenNeeded(scope)
	}
	need := max(scope, access.Read).String()
	return challenged(fail(&protocol.Error{Reason: protocol.ReasonForbidden, Op: "answer request", Field: "scope",
		Args: map[string]string{"scope": need, "has": who.Scopes.String()}}), `error="insufficient_scope", scope="`+need+`"`)
}

// gate stands before every JSON operation.
func (s *server) gate(ctx huma.Context, next func(huma.Context)) {
	if err := s.may(ctx.Context(), scopeOf(ctx.Operation())); err != nil {
		r, w := humago.Unwrap(ctx)
		s.writeProblem(w, r, err)
		return
	}
	next(ctx)
}

// scopeKey is where an operation has its scope.
const scopeKey = "scope"

// declare writes an operation's scope where gate finds it, and into the document.
func declare(scope access.Scope, op huma.Operation) huma.Operation {
	op.Metadata = map[string]any{scopeKey: scope}
	op.Security = []map[string][]string{{"token": {max(scope, access.Read).String()}}}
	if scope == access.Open {
		op.Extensions = map[string]any{"x-open": true} // a public node answers it without a token
	}
	return op
}

// scopeOf is the scope that an operation was declared with. One that names none is for
// nobody but the keeper: forgetting it lets nobody in.
func scopeOf(op *huma.Operation) access.Scope {
	if scope, ok := op.Metadata[scopeKey].(access.Scope); ok {
		return scope
	}
	return access.Keep
}
