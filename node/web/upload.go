package web

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strconv"

	"golang.org/x/text/unicode/norm"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// maxUploadBytes bounds a posted form with a file in it. It is more than a file may have, so
// that whoever chose one that is too large is told so instead of being cut off. Beyond: 413.
const maxUploadBytes = 8 * protocol.MaxAttachmentBytes

// brought is a file that came with a form and lies here now, waiting for a record to name it.
type brought struct {
	api.Upload
	Title string
	Told  []string // what in it looks like data of private persons
}

// bringing is one of the ways in which the node keeps a file.
type bringing func(ctx context.Context, name string, r io.Reader) (api.Upload, error)

// withFile is page for a form that may carry a file: there is more to read, and more time.
func (s *site) withFile(f pageFunc) http.HandlerFunc {
	return s.reading(maxUploadBytes, f)
}

// posted reads a form, and keeps the file in it. The token of the form stands before the
// file, so that nothing is kept that does not come from a page of this session. bring keeps
// the file. One that is refused is named in the error; the values are those before it.
func (s *site) posted(r *http.Request, v *view, form string, bring bringing) (values url.Values, file *brought, err error) {
	if media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); media != "multipart/form-data" {
		if err := r.ParseForm(); err != nil {
			return nil, nil, protocol.Fail(protocol.ReasonTooLarge, "read form", err)
		}
		values = r.PostForm
		if !s.sessions.FormValid(r, form, values.Get("token")) {
			return nil, nil, protocol.Fail(protocol.ReasonForbidden, "read form", nil)
		}
		return values, s.kept(v, values), nil
	}
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, nil, protocol.Fail(protocol.ReasonUsage, "read form", err)
	}
	values = url.Values{}
	left := int64(maxFormBytes)
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, unreadable(err)
		}
		if part.FormName() != "file" {
			raw, err := io.ReadAll(io.LimitReader(part, left+1))
			if err != nil {
				return nil, nil, unreadable(err)
			}
			if left -= int64(len(raw)); left < 0 {
				return nil, nil, protocol.Fail(protocol.ReasonTooLarge, "read form", nil)
			}
			values.Add(part.FormName(), string(raw))
			continue
		}
		if !s.sessions.FormValid(r, form, values.Get("token")) {
			return nil, nil, protocol.Fail(protocol.ReasonForbidden, "read form", nil)
		}
		name := norm.NFC.String(path.Base(part.FileName()))
		if part.FileName() == "" || file != nil {
			continue // no file was chosen; or a second one, which no form of ours has
		}
		up, err := bring(r.Context(), name, part)
		if err != nil {
			_, _ = io.Copy(io.Discard, part) // so that the browser waits for the answer
			return values, nil, refusedFile(name, err)
		}
		file = &brought{Upload: up}
	}
	if !s.sessions.FormValid(r, form, values.Get("token")) {
		return nil, nil, protocol.Fail(protocol.ReasonForbidden, "read form", nil)
	}
	if file == nil {
		return values, s.kept(v, values), nil
	}
	file.Title = titleOf(record.Clean(values.Get("file_title")), file.Name)
	for _, w := range file.Warnings {
		file.Told = append(file.Told, v.T("personal."+w.Code, "found", w.Found))
	}
	return values, file, nil
}

// kept is the file that came with the form before this one, which asked whether it was meant.
func (s *site) kept(v *view, values url.Values) *brought {
	if values.Get("file_id") == "" {
		return nil
	}
	n, _ := strconv.ParseUint(values.Get("file_bytes"), 10, 64) // another number is refused by the node
	name := values.Get("file_name")
	return &brought{Upload: api.Upload{ID: values.Get("file_id"), MediaType: values.Get("file_type"), Bytes: n, Name: name},
		Title: titleOf(record.Clean(values.Get("file_title")), name)}
}

func unreadable(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return protocol.Fail(protocol.ReasonTooLarge, "read form", err)
	}
	return protocol.Fail(protocol.ReasonUsage, "read form", err)
}

// fileRefused is why a file was not taken, with its name.
type fileRefused struct {
	name string
	err  error
}

func (f *fileRefused) Error() string { return f.name + ": " + f.err.Error() }
func (f *fileRefused) Unwrap() error { return f.err }

func refusedFile(name string, err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		err = protocol.Fail(protocol.ReasonTooLarge, "upload file", err)
	}
	return &fileRefused{name, err}
}

// fileProblem says why a file is not taken, in the words of `dure attach`.
func (v *view) fileProblem(err error) (sentence, hint string) {
	var refused *fileRefused
	var e *protocol.Error
	if errors.As(err, &refused) {
		key := ""
		args := []any{"file", refused.name}
		switch reason := protocol.ReasonOf(err); {
		case reason == protocol.ReasonTooLarge:
			key, args = "cli.attach.large", append(args, "max", v.book.Bytes(v.Lang, protocol.MaxAttachmentBytes))
		case reason == protocol.ReasonMalformed:
			key = "cli.attach.empty"
		case reason == protocol.ReasonInvalid && errors.As(err, &e) && e.Args["refused"] != "":
			return v.T("web.attach.kind", args...), v.T("cli.attach.kind.hint")
		}
		if key != "" {
			return v.T(key, args...), v.T(key + ".hint")
		}
	}
	return v.book.Error(v.Lang, err)
}

// maxTitleRunes is how long a title of a record may be.
const maxTitleRunes = 120

// titleOf is the title of a file: what was typed, or its name, cut before its ending.
func titleOf(typed, name string) string {
	if typed != "" {
		return typed
	}
	runes := []rune(name)
	if len(runes) <= maxTitleRunes {
		return name
	}
	ending := []rune(path.Ext(name))
	if len(ending) >= maxTitleRunes {
		ending = nil
	}
	return string(runes[:maxTitleRunes-len(ending)]) + string(ending)
}
