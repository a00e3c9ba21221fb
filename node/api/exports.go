package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/dure-net/dure/node/access"
	"github.com/dure-net/dure/protocol"
)

// exportMedia are the media types of the forms in which records are exported.
var exportMedia = map[string]string{"car": mediaCAR, "ndjson": mediaNDJSON, "csv": "text/csv; charset=utf-8", "jsonld": "application/ld+json", "geojson": "application/geo+json"}

func (s *server) exports() {
	op := get(access.Read, "export", "/export", "The whole ledger as a bundle (CARv1), or its records in a form for other programs")
	op.Description = "Equal ledgers (the same root, and nothing wanted) give the same bytes for one as_of, whichever node is asked. An interrupted answer " +
		"closes the connection, and lacks the trailer " + reportHeader + ". CSV begins with a byte order mark and ends its lines with CRLF, for Excel; " +
		"JSON-LD has the terms of ValueFlows and schema.org and its context within; GeoJSON holds the records that have coordinates."
	text := func(name, doc string, enum ...any) *huma.Param {
		return &huma.Param{Name: name, In: "query", Description: doc, Schema: &huma.Schema{Type: huma.TypeString, Enum: enum}}
	}
	op.Parameters = []*huma.Param{text("format", "car when left out", "car", "ndjson", "csv", "jsonld", "geojson"),
		text("as_of", "day on which validity is judged, YYYY-MM-DD; today (UTC) when left out"),
		text("lang", "language of texts in forms that hold one; each record's own when left out"),
		text("type", "types of records, separated by commas; not for car"), text("member", "handle of the owner; not for car"),
		text("record", "one record alone, by short number, CID or prefix; in jsonld also an agreement; not for car")}
	found := octets(mediaCAR, "the file, with its report in the trailer "+reportHeader)
	for _, media := range exportMedia {
		name, _, _ := strings.Cut(media, ";")
		found.Content[name] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
	}
	found.Content[mediaCAR] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
	op.Responses = map[string]*huma.Response{"200": found}
	s.raw(op, func(w http.ResponseWriter, r *http.Request) error {
		v := r.URL.Query()
		q := ExportQuery{Format: v.Get("format"), AsOf: v.Get("as_of"), Lang: v.Get("lang"), Member: v.Get("member"), Record: v.Get("record")}
		if v.Get("type") != "" {
			q.Types = strings.Split(v.Get("type"), ",")
		}
		if q.Format == "" || q.Format == "car" {
			if q.AsOf != "" || q.Lang != "" || q.Member != "" || q.Record != "" || q.Types != nil {
				return &protocol.Error{Reason: protocol.ReasonUsage, Op: "export", Field: "query.format", Err: errors.New("a bundle is always the whole ledger")}
			}
			return s.download(w, r, mediaCAR, "dure.car", func(ctx context.Context, out io.Writer) (any, error) {
				return s.backend.Export(ctx, out, nil)
			})
		}
		media, ok := exportMedia[q.Format]
		if !ok {
			return &protocol.Error{Reason: protocol.ReasonUsage, Op: "export", Args: map[string]string{"value": clip(q.Format), "want": "car, ndjson, csv, jsonld, geojson"}}
		}
		return s.download(w, r, media, "dure."+q.Format, func(ctx context.Context, out io.Writer) (any, error) {
			return s.backend.ExportRecords(ctx, out, q, nil)
		})
	})
}
