package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/dure-net/dure/protocol"
)

const base = "/api/v1"

func typeOf[T any]() reflect.Type { return reflect.TypeFor[T]() }

// route registers one JSON operation; every error it returns becomes a Problem.
func route[I, O any](s *server, op huma.Operation, answer func(context.Context, *I) (*O, error)) {
	op.BodyReadTimeout = bodyTimeout
	huma.Register(s.api, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := answer(ctx, in)
		if err != nil {
			return nil, fail(err)
		}
		return out, nil
	})
}

type answer[T any] struct{ Body T }

func get(id, path, summary string) huma.Operation {
	return huma.Operation{OperationID: id, Method: http.MethodGet, Path: base + path, Summary: summary}
}

func post(id, path, summary string, status int) huma.Operation {
	return huma.Operation{OperationID: id, Method: http.MethodPost, Path: base + path, Summary: summary,
		DefaultStatus: status, MaxBodyBytes: maxCommandBytes}
}

// reads registers what changes nothing.
func (s *server) reads() {
	route(s, get("status", "/status", "Condition of this node, the members and the copy on this disk"),
		func(ctx context.Context, _ *struct{}) (*answer[Status], error) {
			status, err := s.backend.Status(ctx)
			if status.Members == nil {
				status.Members = []MemberStatus{}
			}
			return &answer[Status]{status}, err
		})

	type listing struct {
		Type   []string `query:"type" enum:"profile,project,experience,offer,request,notice" doc:"one or more, separated by commas"`
		Member string   `query:"member" maxLength:"40" doc:"handle of the owner"`
		Limit  int      `query:"limit" minimum:"1" maximum:"200" default:"50"`
		Cursor string   `query:"cursor" maxLength:"200" doc:"next_cursor of the page before"`
	}
	route(s, get("list-records", "/records", "Records, newest arrival first"),
		func(ctx context.Context, in *listing) (*answer[RecordPage], error) {
			page, err := s.backend.Records(ctx, RecordQuery{Types: in.Type, Member: in.Member, Limit: in.Limit, Cursor: in.Cursor})
			if page.Items == nil {
				page.Items = []Record{}
			}
			return &answer[RecordPage]{page}, err
		})

	type named struct {
		ID string `path:"id" maxLength:"120" doc:"CID, a prefix of it of at least 8 characters, or a short number as kr-seoul-41"`
	}
	route(s, get("get-record", "/records/{id}", "One record"),
		func(ctx context.Context, in *named) (*answer[Record], error) {
			rec, err := s.backend.Record(ctx, in.ID)
			return &answer[Record]{rec}, err
		})

	type members struct {
		Items []Member `json:"items"`
	}
	route(s, get("list-members", "/members", "Members as the charter has them"),
		func(ctx context.Context, _ *struct{}) (*answer[members], error) {
			all, err := s.backend.Members(ctx)
			if all == nil {
				all = []Member{}
			}
			return &answer[members]{members{all}}, err
		})

	route(s, get("list-decisions", "/decisions", "The act line and what is open on it"),
		func(ctx context.Context, _ *struct{}) (*answer[Decisions], error) {
			d, err := s.backend.Decisions(ctx)
			return &answer[Decisions]{d}, err
		})

	type limits struct {
		Items []Limit `json:"items"`
	}
	route(s, get("list-limits", "/limits", "Every bound of this node: its value, why it is there and what happens beyond it"),
		func(context.Context, *struct{}) (*answer[limits], error) {
			return &answer[limits]{limits{s.limits}}, nil
		})

	s.matches()
	s.erasures()
	s.evidence()
	s.blocks()
	s.stream()
}

// created is the answer to a write of an entry.
type created struct {
	Status   int
	Location string `header:"Location"`
	Replayed string `header:"Idempotent-Replay" doc:"true where this repeats the answer of an earlier request of the same key"`
	Body     Receipt
}

// Keyed is exported because huma sees only exported fields, embedded ones too.
type Keyed struct {
	Key string `header:"Idempotency-Key" doc:"repeat a request of the same key safely; kept in memory for a day"`
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
					"type": {Type: huma.TypeString, Description: "profile, project, experience, offer, request or notice"},
					"lang": {Type: huma.TypeString, Description: "BCP 47 tag of the language it is written in"},
				}}}}}
	}

	type publishing struct {
		Keyed
		Dry     bool `query:"dry_run" doc:"judge the record, tell all faults and warnings, and write nothing (200)"`
		RawBody []byte
	}
	op := post("publish-record", "/records", "Publish a record; answered when it is durable", http.StatusCreated)
	op.MaxBodyBytes, op.RequestBody, op.SkipValidateBody = maxDraftBytes, draft("the record"), true
	route(s, op, func(ctx context.Context, in *publishing) (*created, error) {
		if in.Dry {
			return s.judge(ctx, "", in.RawBody)
		}
		return s.write(ctx, in.Key, "publish", in.RawBody, func(raw []byte) (Receipt, error) {
			return s.publish(ctx, Draft{Raw: raw})
		})
	})

	type revising struct {
		Keyed
		ID      string `path:"id" maxLength:"120"`
		Dry     bool   `query:"dry_run" doc:"as for a new record"`
		RawBody []byte
	}
	op = post("revise-record", "/records/{id}/revisions", "Publish a new version of an own record", http.StatusCreated)
	op.MaxBodyBytes, op.RequestBody, op.SkipValidateBody = maxDraftBytes, draft("the whole new version"), true
	route(s, op, func(ctx context.Context, in *revising) (*created, error) {
		if in.Dry {
			return s.judge(ctx, in.ID, in.RawBody)
		}
		return s.write(ctx, in.Key, "revise "+in.ID, in.RawBody, func(raw []byte) (Receipt, error) {
			return s.publish(ctx, Draft{Of: in.ID, Raw: raw})
		})
	})

	type withdrawing struct {
		Keyed
		ID   string `path:"id" maxLength:"120"`
		Body *withdrawal
	}
	route(s, post("withdraw-record", "/records/{id}/withdrawal", "Withdraw an own record; it stays readable as withdrawn", http.StatusCreated),
		func(ctx context.Context, in *withdrawing) (*created, error) {
			var reason map[string]string
			if in.Body != nil {
				reason = in.Body.Reason
			}
			body, err := json.Marshal(reason)
			if err != nil {
				return nil, err
			}
			return s.write(ctx, in.Key, "withdraw "+in.ID, body, func([]byte) (Receipt, error) {
				return s.backend.Withdraw(ctx, in.ID, reason)
			})
		})

	s.listings()

	route(s, post("table-decision", "/decisions", "Table a decision on the last act", http.StatusCreated),
		func(ctx context.Context, in *struct{ Body Proposal }) (*answer[Decision], error) {
			d, err := s.backend.Decide(ctx, in.Body)
			return &answer[Decision]{d}, err
		})

	type answering struct {
		Number uint64 `path:"number" minimum:"1"`
		Body   AnswerRequest
	}
	route(s, post("answer-decision", "/decisions/{number}/answers", "Answer with one decision, or with none of these", http.StatusCreated),
		func(ctx context.Context, in *answering) (*answer[Decision], error) {
			in.Body.Number = in.Number
			d, err := s.backend.Answer(ctx, in.Body)
			return &answer[Decision]{d}, err
		})

	route(s, post("invite", "/invitations", "Make one pasteable line that lets a member in", http.StatusCreated),
		func(ctx context.Context, in *struct{ Body InviteRequest }) (*answer[Invitation], error) {
			i, err := s.backend.Invite(ctx, in.Body)
			return &answer[Invitation]{i}, err
		})

	s.statements()
}

// write runs one write under its idempotency key. raw is copied: huma takes its buffer
// back when the answer is sent.
func (s *server) write(ctx context.Context, key, target string, raw []byte, do func(raw []byte) (Receipt, error)) (*created, error) {
	raw = bytes.Clone(raw)
	receipt, replayed, err := s.memory.Do(ctx, key, target, raw, func() (Receipt, error) { return do(raw) })
	if err != nil {
		return nil, err
	}
	out := &created{Status: http.StatusCreated, Location: base + "/records/" + receipt.Record, Body: receipt}
	if replayed {
		out.Replayed = "true"
	}
	return out, nil
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
	return s.backend.Publish(ctx, d)
}

// judge is publish without writing; nothing is kept under an idempotency key.
func (s *server) judge(ctx context.Context, of string, raw []byte) (*created, error) {
	receipt, err := s.publish(ctx, Draft{Of: of, Raw: bytes.Clone(raw), Dry: true})
	return &created{Status: http.StatusOK, Body: receipt}, err
}
