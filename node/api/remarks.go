package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"github.com/danielgtaylor/huma/v2"

	"github.com/dure-net/dure/node/access"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
	"github.com/dure-net/dure/protocol/record/remark"
)

// Remarker hears and says what members say about one another's records.
type Remarker interface {
	// Remarks is what is said about a record, named as in Reader.Record, on a day
	// (YYYY-MM-DD; empty: today). Two nodes that hold the same answer the same for one day,
	// but for May, which is this member's.
	Remarks(ctx context.Context, ref, asOf string) (Remarks, error)

	// Remark says something about a record, durably, as Publisher.Publish does. What would
	// not count is refused: ReasonForbidden without the office or partnership it needs,
	// ReasonBusy beyond a day's rate with Args "again", ReasonConflict where it is so
	// already or the record is the member's own, ReasonUsage where such a remark does not
	// fit such a record, ReasonNotFound or ReasonAmbiguous where what it answers is not
	// plain. The receipt's Record and Number are those of the record.
	Remark(ctx context.Context, d RemarkDraft) (Receipt, error)
}

// Remarks is what is said about one record.
type Remarks struct {
	Record string `json:"record" doc:"CID of the record"`
	Number string `json:"number,omitempty"`
	Type   string `json:"type"`
	remark.View
	May   []string                     `json:"may" doc:"what this node's member may say now: names of remark types, and join, leave, flag, lift, close"`
	Names map[string]map[string]string `json:"names" doc:"names of the members that occur, by handle and language"`
}

// RemarkDraft is what this member wants to say. Raw is the remark as JSON, as posted; its
// "type" says what it is.
type RemarkDraft struct {
	Ref  string // the record, named as in Reader.Record
	Type string
	Raw  json.RawMessage
	To   string // the remark that is answered or taken back: its CID, or a part of it
}

// Waiting is one thing that waits for this member.
type Waiting struct {
	What   string            `json:"what" enum:"question,notice,call,closing,invited" doc:"a question about an own record; a notice to acknowledge; a call near its last day; an own call to close; a project that names this member a partner"`
	Record string            `json:"record"`
	Number string            `json:"number,omitempty"`
	Title  map[string]string `json:"title,omitempty" doc:"of the record"`
	Lang   string            `json:"lang,omitempty"`
	Remark string            `json:"remark,omitempty" doc:"CID of the question"`
	Text   map[string]string `json:"text,omitempty" doc:"of the question"`
	Member string            `json:"member" doc:"who waits"`
	Names  map[string]string `json:"names,omitempty"`
	Day    string            `json:"day,omitempty" doc:"by when"`
}

func (s *server) remarks() {
	type asking struct {
		ID   string `path:"id" maxLength:"120" doc:"as for get-record"`
		AsOf string `query:"as_of" format:"date" doc:"the day to judge by; absent: today"`
	}
	route(s, get(access.Read, "list-remarks", "/records/{id}/remarks", "What members say about a record: questions, translations, adoptions, partners, acknowledgements, answers, flags"),
		func(ctx context.Context, in *asking) (*answer[Remarks], error) {
			r, err := s.backend.Remarks(ctx, in.ID, in.AsOf)
			return &answer[Remarks]{r}, err
		})

	type remarking struct {
		Keyed
		ID      string `path:"id" maxLength:"120"`
		To      string `query:"to" maxLength:"120" doc:"the remark that this one answers or takes back: its CID, or a part of it of at least 4 characters"`
		RawBody []byte
	}
	op := post(access.Write, "remark", "/records/{id}/remarks", "Say something about a record, own or another member's; answered when it is durable", http.StatusCreated)
	op.Description = "The types are those of protocol/record/SCHEMA.md: question, reply, translation, adoption, endorsement, partnership, update, acknowledgement, flag, submission, recall."
	op.MaxBodyBytes, op.SkipValidateBody = maxDraftBytes, true
	op.RequestBody = &huma.RequestBody{Required: true, Description: "the remark", Content: map[string]*huma.MediaType{
		"application/json": {Schema: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true, Required: []string{"type", "lang"},
			Description: "the fields of the remark beside its type; all faults are told at once",
			Properties: map[string]*huma.Schema{
				"type": {Type: huma.TypeString, Description: "what it is", Enum: enumOf(record.Remarks())},
				"lang": {Type: huma.TypeString, Description: "BCP 47 tag of the language it is written in"},
			}}}}}
	routeAs(s, op, func(ctx context.Context, in *remarking) (*created, error) {
		return s.write(ctx, in.Keyed, "remark "+in.ID+" "+in.To, in.RawBody, func(raw []byte) (Receipt, error) {
			return s.remark(ctx, RemarkDraft{Ref: in.ID, Raw: raw, To: in.To})
		})
	})
}

func enumOf(names []string) []any {
	out := make([]any, len(names))
	for i, name := range names {
		out[i] = name
	}
	return out
}

// remark reads the type, which decides what else is allowed.
func (s *server) remark(ctx context.Context, d RemarkDraft) (Receipt, error) {
	var head struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(d.Raw, &head); err != nil {
		return Receipt{}, protocol.Fail(protocol.ReasonMalformed, "read remark", err)
	}
	if loneSurrogate(d.Raw) {
		return Receipt{}, protocol.Fail(protocol.ReasonMalformed, "read remark", errors.New("half of a character"))
	}
	d.Type = head.Type
	return s.backend.Remark(ctx, d)
}

// Remarks implements Remarker.
func (c *Client) Remarks(ctx context.Context, ref, asOf string) (r Remarks, err error) {
	path := "/records/" + url.PathEscape(ref) + "/remarks"
	if asOf != "" {
		path += "?" + url.Values{"as_of": {asOf}}.Encode()
	}
	return r, c.get(ctx, path, &r)
}

// Remark implements Remarker, with the promise of Publish.
func (c *Client) Remark(ctx context.Context, d RemarkDraft) (Receipt, error) {
	path := "/records/" + url.PathEscape(d.Ref) + "/remarks"
	if d.To != "" {
		path += "?" + url.Values{"to": {d.To}}.Encode()
	}
	return c.write(ctx, path, bytes.Clone(d.Raw))
}
