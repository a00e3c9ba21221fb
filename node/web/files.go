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
	URL   string
	Title text
	Name  string // to save it under; empty where it must be fetched first, which may fail
	Kind  string
	Size  string
	State string // that it is not, or not wholly, here; empty where it is
	Shown bool   // a picture that is here
}

// files lists the files of a record. What is not here is fetched when somebody asks for it.
func (s *site) files(r *http.Request, v *view, rec api.Record) ([]fileLine, error) {
	kind, ok := protocol.ParseKind(rec.Type)
	if list, _ := rec.Content["attachments"].([]any); !ok || len(list) == 0 || !record.HasFiles(kind) {
		return nil, nil
	}
	all, err := s.backend.Attachments(r.Context(), rec.ID)
	if err != nil {
		return nil, err
	}
	return v.fileLines(recordURL(rec), rec.Lang, all), nil
}

// fileLines words the files that something under an address names.
func (v *view) fileLines(address, lang string, all []api.Attachment) []fileLine {
	out := make([]fileLine, 0, len(all))
	for _, f := range all {
		line := fileLine{URL: address + "/attachments/" + strconv.Itoa(f.Number), Title: v.text(f.Title, lang), Name: f.Name,
			Kind: or(record.Label(record.MediaTypes, f.MediaType, v.Lang), f.MediaType), Size: v.book.Bytes(v.Lang, f.Bytes)}
		if f.State == api.AttachmentHere {
			line.Shown = f.Picture
		} else {
			line.State, line.Name = v.T("web.files."+string(f.State)), ""
		}
		out = append(out, line)
	}
	return out
}

// sendFile gives a browser a file of a record.
func (s *site) sendFile(w http.ResponseWriter, r *http.Request, _ *view) error {
	return api.SendAttachment(w, r, s.backend, r.PathValue("ref"), r.PathValue("number"))
}
