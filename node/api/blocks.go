package api

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/dure-net/dure/node/access"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/proof"
)

const (
	mediaDagCBOR = "application/vnd.ipld.dag-cbor"
	mediaRaw     = "application/vnd.ipld.raw"
)

// raw registers an operation that answers with bytes or a stream instead of one JSON
// value. An error it returns before it wrote anything becomes a Problem.
func (s *server) raw(op huma.Operation, do func(http.ResponseWriter, *http.Request) error) {
	if op.Responses == nil {
		op.Responses = map[string]*huma.Response{}
	}
	s.api.OpenAPI().AddOperation(&op)
	known := map[string]bool{}
	for _, p := range op.Parameters {
		if p.In == "query" {
			known[p.Name] = true
		}
	}
	scope := scopeOf(&op)
	s.scopes[op.Method+" "+op.Path] = scope
	s.mux.HandleFunc(op.Method+" "+op.Path, func(w http.ResponseWriter, r *http.Request) {
		if err := s.may(r.Context(), scope); err != nil {
			s.writeProblem(w, r, err)
			return
		}
		for name := range r.URL.Query() {
			if !known[name] {
				f := refuse(protocol.ReasonUsage, http.StatusUnprocessableEntity, "api.problem.request")
				f.fields = []ProblemField{{Field: "query." + clip(name), Code: "usage", Message: "unknown query parameter"}}
				s.writeProblem(w, r, f)
				return
			}
		}
		if err := do(w, r); err != nil {
			s.writeProblem(w, r, err)
		}
	})
}

func octets(media, description string) *huma.Response {
	return &huma.Response{Description: description, Content: map[string]*huma.MediaType{
		media: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}}
}

// proofs registers what proves an entry. The media type of JSON is enough: bytes are base64.
func (s *server) proofs() {
	type named = oneID
	defer s.idIs("CID of an entry, or a record as for get-record: then its current version", "/entries/{id}/proof")
	op := get(access.Open, "get-proof", "/entries/{id}/proof", "An entry with all that proves it: check it with nothing but these bytes (dure verify FILE)")
	route(s, op, func(ctx context.Context, in *named) (*answer[proof.Proof], error) {
		p, err := s.backend.Proof(ctx, in.ID)
		if err == nil && !sees(ctx) {
			if e, derr := protocol.DecodeEntry(p.Header); derr != nil || isSealed(e.Kind()) {
				p, err = proof.Proof{}, notThere(in.ID)
			}
		}
		return &answer[proof.Proof]{p}, err
	})
}

// isSealed reports whether entries of a kind are of what members write to chosen others.
func isSealed(k protocol.Kind) bool { return k == protocol.KindSealed || k == protocol.KindRewrap }

// Proof implements Reader. It is checked before it is given.
func (c *Client) Proof(ctx context.Context, ref string) (p proof.Proof, err error) {
	if err := c.get(ctx, "/entries/"+url.PathEscape(ref)+"/proof", &p); err != nil {
		return proof.Proof{}, err
	}
	_, err = p.Verify()
	return p, err
}

// blocks serves exact bytes: whoever hashes them gets the CID, so the address itself is
// the entity tag and the answer never changes.
func (s *server) blocks() {
	op := get(access.Open, "get-block", "/blocks/{cid}", "The exact bytes of a signed header or a body")
	op.Parameters = []*huma.Param{{Name: "cid", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}}}
	found := octets(mediaDagCBOR, "the bytes; their SHA-256 is the hash inside the CID")
	found.Content[mediaRaw] = found.Content[mediaDagCBOR]
	op.Responses = map[string]*huma.Response{"200": found, "304": {Description: "you hold these bytes"}}
	s.raw(op, func(w http.ResponseWriter, r *http.Request) error {
		name, err := protocol.ParseCID(r.PathValue("cid"))
		if err != nil {
			return err
		}
		block, err := s.backend.Block(r.Context(), name.String())
		if err == nil && block.Sealed && !sees(r.Context()) {
			err = notThere(name.String())
		}
		if err != nil {
			return err
		}
		if !name.Matches(block.Data) {
			return &protocol.Error{Reason: protocol.ReasonDamaged, Op: "read block", ID: name.String(),
				Err: errors.New("the bytes do not hash to the CID")}
		}
		h := w.Header()
		h.Set("ETag", `"`+name.String()+`"`)
		h.Set("Cache-Control", "private, max-age=31536000, immutable")
		if block.Erasable {
			h.Set("Cache-Control", "private, no-store")
		}
		if matches(r.Header.Get("If-None-Match"), name.String()) {
			w.WriteHeader(http.StatusNotModified)
			return nil
		}
		h.Set("Content-Type", mediaDagCBOR)
		if block.Codec == CodecRaw {
			h.Set("Content-Type", mediaRaw)
		}
		h.Set("Content-Disposition", `attachment; filename="`+name.String()+`"`)
		h.Set("Content-Length", strconv.Itoa(len(block.Data)))
		w.WriteHeader(http.StatusOK)
		if r.Method != http.MethodHead {
			_, _ = w.Write(block.Data) // the reader is gone; nobody is left to tell
		}
		return nil
	})
}

// matches implements the weak comparison of If-None-Match for one entity tag.
func matches(header, tag string) bool {
	for _, one := range strings.Split(header, ",") {
		one = strings.TrimPrefix(strings.TrimSpace(one), "W/")
		if one == "*" || one == `"`+tag+`"` {
			return true
		}
	}
	return false
}
