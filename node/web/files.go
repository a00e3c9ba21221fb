package web

import (
	"net/http"
	"strconv"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// fileLine is a file of a record.
type fileLine struct {
	URL     string
	Title   text
	Name    string
	Kind    string
	Size    string
	State   string // that it is not, or not wholly, here; empty where it is
	Picture bool
}

// files lists the files of a record. Pictures that are not here are fetched when they are
// shown, others when they are asked for.
func (s *site) files(r *http.Request, v *view, rec api.Record) ([]fileLine, error) {
	kind, ok := protocol.ParseKind(rec.Type)
	if list, _ := rec.Content["attachments"].([]any); !ok || len(list) == 0 || !record.HasFiles(kind) {
		return nil, nil
	}
	all, err := s.backend.Attachments(r.Context(), rec.ID)
	if err != nil {
		return nil, err
	}
	out := make([]fileLine, 0, len(all))
	for _, f := range all {
		line := fileLine{URL: recordURL(rec) + "/attachments/" + strconv.Itoa(f.Number), Title: v.text(f.Title, rec.Lang), Name: f.Name,
			Kind: or(record.Label(record.MediaTypes, f.MediaType, v.Lang), f.MediaType), Size: v.book.Bytes(v.Lang, f.Bytes), Picture: f.Picture}
		if f.State != api.AttachmentHere {
			line.State = v.T("term.file." + string(f.State))
		}
		out = append(out, line)
	}
	return out, nil
}

// sendFile gives a browser a file of a record.
func (s *site) sendFile(w http.ResponseWriter, r *http.Request, _ *view) error {
	return api.SendAttachment(w, r, s.backend, r.PathValue("ref"), r.PathValue("number"))
}
