package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/dure-net/dure/node/access"
	"github.com/dure-net/dure/protocol"
)

const base = "/api/v1"

func typeOf[T any]() reflect.Type { return reflect.TypeFor[T]() }

// route registers one JSON operation. Its scope is asked for before anything of it is
// read; every error it returns becomes a Problem; what a GET answers gets an entity tag.
//
// All answers are told to huma as one type, and their own is written into the document
// here: what huma makes of an operation is tens of kilobytes for each type of answer.
func route[I, T any](s *server, op huma.Operation, ask func(context.Context, *I) (*answer[T], error)) {
	status := op.DefaultStatus
	if status == 0 {
		status = http.StatusOK
	}
	schema := s.api.OpenAPI().Components.Schemas.Schema(typeOf[T](), true, op.OperationID+"Response")
	op.Responses = map[string]*huma.Response{strconv.Itoa(status): {Content: map[string]*huma.MediaType{"application/json": {Schema: schema}}}}
	routeAs(s, op, func(ctx context.Context, in *I) (*answer[any], error) {
		out, err := ask(ctx, in)
		if err != nil {
			return nil, err
		}
		return &answer[any]{out.Body}, nil
	})
}

// oneID is what operations take that are asked by a name alone: one type, for the reason
// that route tells.
type oneID struct {
	ID string `path:"id" maxLength:"300"`
}

// idIs says in the document what the name is in the paths of operations that take a oneID.
func (s *server) idIs(doc string, paths ...string) {
	for _, path := range paths {
		item := s.api.OpenAPI().Paths[base+path]
		for _, op := range []*huma.Operation{item.Get, item.Post} {
			if op == nil {
				continue
			}
			for _, p := range op.Parameters {
				if p.Name == "id" {
					p.Description = doc
				}
			}
		}
	}
}

// routeAs is route for what answers with headers of its own.
func routeAs[I, O any](s *server, op huma.Operation, ask func(context.Context, *I) (*O, error)) {
	op.BodyReadTimeout = bodyTimeout
	s.scopes[op.Method+" "+op.Path] = scopeOf(&op)
	op.Middlewares = append(huma.Middlewares{s.gate}, op.Middlewares...)
	if op.Method == http.MethodGet {
		op.Middlewares = append(op.Middlewares, s.tagged)
	}
	huma.Register(s.api, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := ask(ctx, in)
		if err != nil {
			return nil, fail(err)
		}
		return out, nil
	})
}

type answer[T any] struct{ Body T }

// versioned is answer for something that has versions. Version is the CID of the present
// one: it becomes a part of a strong entity tag, which If-Match of a change can name.
type versioned[T any] struct {
	Version string `header:"ETag" doc:"names this version; send it back as If-Match with a change"`
	Body    T
}

// get declares an operation that changes nothing, and who may ask it.
func get(scope access.Scope, id, path, summary string) huma.Operation {
	return declare(scope, huma.Operation{OperationID: id, Method: http.MethodGet, Path: base + path, Summary: summary})
}

// post declares an operation that changes something, and who may ask it.
func post(scope access.Scope, id, path, summary string, status int) huma.Operation {
	return declare(scope, huma.Operation{OperationID: id, Method: http.MethodPost, Path: base + path, Summary: summary,
		DefaultStatus: status, MaxBodyBytes: maxCommandBytes})
}

// reads registers what changes nothing.
func (s *server) reads() {
	route(s, get(access.Read, "status", "/status", "Condition of this node, the members and the copy on this disk"),
		func(ctx context.Context, _ *struct{}) (*answer[Status], error) {
			status, err := s.backend.Status(ctx)
			if status.Members == nil {
				status.Members = []MemberStatus{}
			}
			return &answer[Status]{status}, err
		})

	type listing struct {
		Selecting
		Sort   string `query:"sort" enum:"newest,relevance,closing,distance" default:"newest" doc:"relevance needs q, distance needs near"`
		AsOf   string `query:"as_of" format:"date" doc:"YYYY-MM-DD: the day on which standing is judged; today when left out. It selects nothing: open does"`
		Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
		Cursor string `query:"cursor" maxLength:"200" doc:"next_cursor of the page before"`
	}
	route(s, lasting(get(access.Open, "list-records", "/records", "Records, newest arrival first, or what a search finds")),
		func(ctx context.Context, in *listing) (*answer[RecordPage], error) {
			q, err := in.query()
			if err != nil {
				return nil, err
			}
			q.AsOf = in.AsOf
			if q.Limit, q.Cursor, q.Sealed = in.Limit, in.Cursor, sees(ctx); in.Sort != string(SortNewest) {
				q.Sort = Sort(in.Sort)
			}
			page, err := s.backend.Records(ctx, q)
			if page.Items == nil {
				page.Items = []Record{}
			}
			return &answer[RecordPage]{page}, err
		})
	route(s, lasting(get(access.Open, "count-facets", "/facets", "How many records there are of each value of the filters")),
		func(ctx context.Context, in *Selecting) (*answer[Facets], error) {
			q, err := in.query()
			if err != nil {
				return nil, err
			}
			facets, err := s.backend.Facets(ctx, q)
			if facets.Facets == nil {
				facets.Facets = map[string][]FacetValue{}
			}
			return &answer[Facets]{facets}, err
		})

	type named struct {
		ID string `path:"id" maxLength:"120" doc:"CID, a prefix of it of at least 8 characters, or a short number as kr-seoul-41"`
	}
	routeAs(s, lasting(get(access.Open, "get-record", "/records/{id}", "One record")),
		func(ctx context.Context, in *named) (*versioned[Record], error) {
			rec, err := s.backend.Record(ctx, in.ID)
			if err == nil && hidden(ctx, rec) {
				rec, err = Record{}, notThere(in.ID)
			}
			return &versioned[Record]{rec.Entry, rec}, err
		})

	type members struct {
		Items []Member `json:"items"`
	}
	route(s, get(access.Open, "list-members", "/members", "Members as the charter has them"),
		func(ctx context.Context, _ *struct{}) (*answer[members], error) {
			all, err := s.backend.Members(ctx)
			if all == nil {
				all = []Member{}
			}
			return &answer[members]{members{all}}, err
		})

	route(s, get(access.Read, "list-decisions", "/decisions", "The act line and what is open on it"),
		func(ctx context.Context, _ *struct{}) (*answer[Decisions], error) {
			d, err := s.backend.Decisions(ctx)
			return &answer[Decisions]{d}, err
		})

	route(s, get(access.Read, "get-decision", "/decisions/{id}", "One decision, and what became of it"),
		func(ctx context.Context, in *oneID) (*answer[Fate], error) {
			f, err := s.backend.Decision(ctx, in.ID)
			return &answer[Fate]{f}, err
		})

	s.idIs("CID", "/decisions/{id}")

	type limits struct {
		Items []Limit `json:"items"`
	}
	route(s, get(access.Open, "list-limits", "/limits", "Every bound of this node: its value, why it is there and what happens beyond it"),
		func(context.Context, *struct{}) (*answer[limits], error) {
			return &answer[limits]{limits{s.limits}}, nil
		})

	s.searches()
	s.saved()
	s.holders()
	s.proofs()
	s.schemas()
	s.matches()
	s.remarks()
	s.calendars()
	s.messages()
	s.agreements()
	s.erasures()
	s.versions()
	s.evidence()
	s.blocks()
	s.stream()
}

type withdrawal struct {
	Reason map[string]string `json:"reason,omitempty" doc:"why, by language"`
}

// writes registers what this member can say.
func (s *server) writes() {
	draft := func(summary string) *huma.RequestBody {
		return &huma.RequestBody{Required: true, Description: summary, Content: map[string]*huma.MediaType{
			"application/json": {Schema: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true,
				Required:    []string{"type"},
				Description: "the fields of the record beside its type; all faults are told at once",
				Properties: map[string]*huma.Schema{
					"type": {Type: huma.TypeString, Description: "profile, project, experience, offer, request, notice or collection"},
					"for":  {Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeString}, Description: "handles: an offer or a request that these members alone read"},
					"lang": {Type: huma.TypeString, Description: "BCP 47 tag of the language it is written in"},
				}}}}}
	}

	type publishing struct {
		Keyed
		Dry     bool `query:"dry_run" doc:"judge the record, tell all faults and warnings, and write nothing (200)"`
		RawBody []byte
	}
	op := post(access.Write, "publish-record", "/records", "Publish a record; answered when it is durable", http.StatusCreated)
	op.MaxBodyBytes, op.RequestBody, op.SkipValidateBody = maxDraftBytes, draft("the record"), true
	routeAs(s, op, func(ctx context.Context, in *publishing) (*created, error) {
		if in.Dry {
			return s.judge(ctx, "", in.RawBody)
		}
		return s.write(ctx, in.Keyed, "publish", in.RawBody, func(raw []byte) (Receipt, error) {
			return s.publish(ctx, Draft{Raw: raw})
		})
	})

	type revising struct {
		Keyed
		Matched
		ID      string `path:"id" maxLength:"120"`
		Dry     bool   `query:"dry_run" doc:"as for a new record"`
		RawBody []byte
	}
	op = post(access.Write, "revise-record", "/records/{id}/revisions", "Publish a new version of an own record", http.StatusCreated)
	op.MaxBodyBytes, op.RequestBody, op.SkipValidateBody = maxDraftBytes, draft("the whole new version"), true
	routeAs(s, op, func(ctx context.Context, in *revising) (*created, error) {
		if in.Dry {
			return s.judge(ctx, in.ID, in.RawBody)
		}
		version, err := in.version()
		if err != nil {
			return nil, err
		}
		return s.write(ctx, in.Keyed, "revise "+in.ID, in.RawBody, func(raw []byte) (Receipt, error) {
			return s.publish(ctx, Draft{Of: in.ID, Raw: raw, Version: version})
		})
	})

	type withdrawing struct {
		Keyed
		ID   string `path:"id" maxLength:"120"`
		Body *withdrawal
	}
	routeAs(s, post(access.Write, "withdraw-record", "/records/{id}/withdrawal", "Withdraw an own record; it stays readable as withdrawn", http.StatusCreated),
		func(ctx context.Context, in *withdrawing) (*created, error) {
			var reason map[string]string
			if in.Body != nil {
				reason = in.Body.Reason
			}
			body, err := json.Marshal(reason)
			if err != nil {
				return nil, err
			}
			return s.write(ctx, in.Keyed, "withdraw "+in.ID, body, func([]byte) (Receipt, error) {
				return s.backend.Withdraw(ctx, in.ID, reason)
			})
		})

	s.listings()
	s.deeds()

	route(s, post(access.Govern, "table-decision", "/decisions", "Table a decision on the last act", http.StatusCreated),
		func(ctx context.Context, in *struct{ Body Proposal }) (*answer[Decision], error) {
			d, err := s.backend.Decide(ctx, in.Body)
			return &answer[Decision]{d}, err
		})

	type answering struct {
		Number uint64 `path:"number" minimum:"1"`
		Body   AnswerRequest
	}
	route(s, post(access.Govern, "answer-decision", "/decisions/{number}/answers", "Answer with one decision, or with none of these", http.StatusCreated),
		func(ctx context.Context, in *answering) (*answer[Decision], error) {
			in.Body.Number = in.Number
			d, err := s.backend.Answer(ctx, in.Body)
			return &answer[Decision]{d}, err
		})

	route(s, post(access.Govern, "invite", "/invitations", "Make one pasteable line that lets a member in", http.StatusCreated),
		func(ctx context.Context, in *struct{ Body InviteRequest }) (*answer[Invitation], error) {
			i, err := s.backend.Invite(ctx, in.Body)
			return &answer[Invitation]{i}, err
		})

	s.statements()
}

// publish reads the type, which decides what else is allowed; the rest is judged by
// protocol/record, all at once.
func (s *server) publish(ctx context.Context, d Draft) (Receipt, error) {
	var head struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(d.Raw, &head); err != nil {
		return Receipt{}, protocol.Fail(protocol.ReasonMalformed, "read record", err)
	}
	if loneSurrogate(d.Raw) {
		return Receipt{}, protocol.Fail(protocol.ReasonMalformed, "read record", errors.New("half of a character"))
	}
	d.Type = head.Type
	d, err := Addressed(d)
	if err != nil {
		return Receipt{}, err
	}
	receipt, err := s.backend.Publish(ctx, d)
	if protocol.ReasonOf(err) == protocol.ReasonConflict && argsOf(err)["superseded"] != "" {
		f := fail(err)
		f.status = http.StatusPreconditionFailed
		return receipt, f
	}
	return receipt, err
}

// judge is publish without writing; nothing is kept under an idempotency key.
func (s *server) judge(ctx context.Context, of string, raw []byte) (*created, error) {
	receipt, err := s.publish(ctx, Draft{Of: of, Raw: bytes.Clone(raw), Dry: true})
	return &created{Status: http.StatusOK, Body: receipt}, err
}
