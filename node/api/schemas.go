package api

import (
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/dure-net/dure/node/access"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

const mediaSchema = "application/schema+json"

// schemas registers the JSON Schema of every type of record.
func (s *server) schemas() {
	op := get(access.Open, "list-schemas", "/schemas", "The types of records that have a JSON Schema")
	op.Responses = map[string]*huma.Response{"200": {Description: "names of types", Content: map[string]*huma.MediaType{
		"application/json": {Schema: &huma.Schema{Type: huma.TypeObject, Required: []string{"items"}, Properties: map[string]*huma.Schema{
			"items": {Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeString}}}}}}}}
	s.raw(op, func(w http.ResponseWriter, r *http.Request) error {
		writeJSON(w, http.StatusOK, map[string][]string{"items": record.Types()})
		return nil
	})

	op = get(access.Open, "get-schema", "/schemas/{kind}", "JSON Schema of records of one type, as they are posted")
	op.Description = "Named by the type, with or without .json. It refuses nothing that is valid; rules between fields only dry_run knows."
	op.Parameters = []*huma.Param{{Name: "kind", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}}}
	op.Responses = map[string]*huma.Response{"200": {Description: "a JSON Schema (2020-12)", Content: map[string]*huma.MediaType{
		mediaSchema: {Schema: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}}}}}
	s.raw(op, func(w http.ResponseWriter, r *http.Request) error {
		kind, ok := protocol.ParseKind(strings.TrimSuffix(r.PathValue("kind"), ".json"))
		schema := record.JSONSchema(kind)
		if !ok || schema == nil {
			return &protocol.Error{Reason: protocol.ReasonNotFound, Op: "find schema", ID: clip(r.PathValue("kind"))}
		}
		w.Header().Set("Content-Type", mediaSchema)
		_, _ = w.Write(schema)
		return nil
	})
}
