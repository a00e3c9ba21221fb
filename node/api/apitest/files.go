package apitest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/media"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

type nopCloser struct{ *bytes.Reader }

func (nopCloser) Close() error { return nil }

// Upload implements api.Filer.
func (b *Backend) Upload(_ context.Context, name string, r io.Reader) (api.Upload, error) {
	if err := b.see("Upload", name); err != nil {
		return api.Upload{}, err
	}
	raw, err := io.ReadAll(r)
	if err != nil {
		return api.Upload{}, err
	}
	m := protocol.Manifest{Bytes: uint64(len(raw))}
	for at := 0; at < len(raw); at += protocol.ChunkBytes {
		m.Chunks = append(m.Chunks, protocol.SumRaw(raw[at:min(at+protocol.ChunkBytes, len(raw))]))
	}
	_, id, err := m.Encode()
	if err != nil {
		return api.Upload{}, err
	}
	up := api.Upload{ID: id.String(), Bytes: m.Bytes, Name: name}
	if up.MediaType, err = media.TypeOf(bytes.NewReader(raw), int64(len(raw)), name); err != nil {
		return api.Upload{}, err
	}
	if where, ok := media.Position(bytes.NewReader(raw), int64(len(raw)), up.MediaType); ok {
		up.Warnings = []api.Personal{{Field: name, Code: string(record.PersonalPosition), Found: where}}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.files == nil {
		b.files = map[string][]byte{}
	}
	b.files[up.ID] = raw
	return up, nil
}

// Attachments implements api.Filer. What was not uploaded here is absent, for ever.
func (b *Backend) Attachments(_ context.Context, ref string) ([]api.Attachment, error) {
	if err := b.see("Attachments", ref); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if out, ok := b.enclosures(ref); ok {
		return out, nil
	}
	i, err := b.find(ref)
	if err != nil {
		return nil, err
	}
	list, _ := b.records[i].Content["attachments"].([]any)
	out := []api.Attachment{}
	for n, one := range list {
		m, _ := one.(map[string]any)
		a := api.Attachment{Number: n + 1, State: api.AttachmentAbsent, Entry: b.records[i].Entry, Title: map[string]string{}}
		a.ID, a.MediaType = fmt.Sprint(m["id"]), fmt.Sprint(m["media_type"])
		a.Bytes, _ = strconv.ParseUint(fmt.Sprint(m["bytes"]), 10, 64)
		a.Picture = media.IsPicture(a.MediaType)
		titles, _ := m["title"].(map[string]any)
		for tag, text := range titles {
			a.Title[tag], _ = text.(string)
		}
		extension := media.Extension(a.MediaType)
		a.Name = strings.TrimSuffix(a.Title[b.records[i].Lang], extension) + extension
		if raw, ok := b.files[a.ID]; ok {
			a.State, a.Here = api.AttachmentHere, uint64(len(raw))
		}
		out = append(out, a)
	}
	return out, nil
}

// Entries implements api.Filer: the current version alone.
func (b *Backend) Entries(ctx context.Context, ref string) ([]string, error) {
	r, err := b.Record(ctx, ref)
	return []string{r.Entry}, err
}

// Attachment implements api.Filer.
func (b *Backend) Attachment(ctx context.Context, ref string, n int) (*api.File, error) {
	all, err := b.Attachments(ctx, ref)
	if err != nil {
		return nil, err
	}
	if n < 1 || n > len(all) {
		return nil, &protocol.Error{Reason: protocol.ReasonNotFound, Op: "open file", ID: ref}
	}
	a := all[n-1]
	b.mu.Lock()
	raw, ok := b.files[a.ID]
	if a.Private {
		raw, ok = b.files["private "+a.ID]
	}
	b.mu.Unlock()
	switch {
	case !ok:
		return nil, &protocol.Error{Reason: protocol.ReasonWanted, Op: "open file", ID: a.ID, Args: map[string]string{"file": a.ID}}
	case !media.Fits(raw[:min(len(raw), protocol.ChunkBytes)], a.MediaType):
		return nil, &protocol.Error{Reason: protocol.ReasonInvalid, Op: "open file", ID: a.ID, Args: map[string]string{"claimed": a.MediaType}}
	}
	return &api.File{Attachment: a, ReadSeekCloser: nopCloser{bytes.NewReader(raw)}}, nil
}
