package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/dure-net/dure/protocol"
)

// tagged gives the answer of a GET its entity tag and its length, and answers 304 where the
// caller holds it. The tag is a hash of the bytes: whatever they depend on, nobody is
// told that nothing changed when something did. It is weak, but strong where the answer
// names its version (versioned): then it is the version, a dot and the hash. What lasts is
// kept for the next caller.
func (s *server) tagged(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	keeps := s.larder != nil && isLasting(ctx.Operation())
	var asked question
	var begun era
	if keeps {
		asked, begun = questionOf(r), s.larder.present()
		if f, ok := s.larder.find(asked, begun); ok {
			f.send(w, r)
			return
		}
	}
	held := buffers.Get().(*bytes.Buffer)
	held.Reset()
	defer func() {
		if held.Cap() <= maxHeldBuffer {
			buffers.Put(held)
		}
	}()
	out := &heldWriter{ResponseWriter: w, body: held, header: http.Header{}}
	next(humago.NewContext(ctx.Operation(), r, out))
	if out.status != http.StatusOK && out.status != 0 {
		maps.Copy(w.Header(), out.header)
		w.Header().Set("Content-Length", strconv.Itoa(held.Len()))
		w.WriteHeader(out.status)
		_, _ = w.Write(held.Bytes()) // the reader is gone; nobody is left to tell
		return
	}
	sum := sha256.Sum256(held.Bytes())
	tag, version := base64.RawURLEncoding.EncodeToString(sum[:12]), out.header.Get("ETag")
	if version != "" {
		tag = version + "." + tag
	}
	f := finish(out.header, tag, version == "", held.Bytes())
	if keeps {
		f.body = bytes.Clone(f.body)
		s.larder.keep(asked, begun, f)
	}
	f.send(w, r)
}

// maxHeldBuffer bounds a buffer that is kept for the next answer.
const maxHeldBuffer = 1 << 20

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// heldWriter keeps an answer until its tag is known.
type heldWriter struct {
	http.ResponseWriter
	body   *bytes.Buffer
	header http.Header
	status int
}

func (w *heldWriter) Header() http.Header               { return w.header }
func (w *heldWriter) WriteHeader(status int)            { w.status = status }
func (w *heldWriter) Write(b []byte) (int, error)       { return w.body.Write(b) }
func (w *heldWriter) WriteString(s string) (int, error) { return w.body.WriteString(s) }
func (w *heldWriter) Unwrap() http.ResponseWriter       { return w.ResponseWriter }

// Matched is embedded by the input of a change that may be bound to the version it was
// made from. It is exported because huma sees only exported fields.
type Matched struct {
	Match string `header:"If-Match" maxLength:"200" doc:"the ETag of the version that this change was made from; 412 where there is a newer one"`
}

// version is the CID of the version that If-Match names, or "" where it names none. What is
// not one strong tag of ours is ReasonUsage.
func (m Matched) version() (string, error) {
	if m.Match == "" || m.Match == "*" {
		return "", nil
	}
	tag, ok := strings.CutPrefix(m.Match, `"`)
	tag, ok2 := strings.CutSuffix(tag, `"`)
	name, _, _ := strings.Cut(tag, ".")
	id, err := protocol.ParseCID(name)
	if !ok || !ok2 || err != nil || strings.Contains(tag, `"`) {
		return "", &protocol.Error{Reason: protocol.ReasonUsage, Op: "read If-Match", Field: "header.If-Match", Err: err}
	}
	return id.String(), nil
}
