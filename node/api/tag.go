package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
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
// names its version (versioned): then it is the version, a dot and the hash.
func tagged(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	held := buffers.Get().(*bytes.Buffer)
	held.Reset()
	defer func() {
		if held.Cap() <= maxHeldBuffer {
			buffers.Put(held)
		}
	}()
	out := &heldWriter{ResponseWriter: w, body: held}
	next(humago.NewContext(ctx.Operation(), r, out))
	h := w.Header()
	if out.status == http.StatusOK {
		sum := sha256.Sum256(held.Bytes())
		hash := base64.RawURLEncoding.EncodeToString(sum[:12])
		tag := `W/"` + hash + `"`
		if version := h.Get("ETag"); version != "" {
			tag = `"` + version + "." + hash + `"`
		}
		h.Set("ETag", tag)
		if matches(r.Header.Get("If-None-Match"), strings.Trim(strings.TrimPrefix(tag, "W/"), `"`)) {
			h.Del("Content-Type")
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	if out.status == 0 {
		out.status = http.StatusOK
	}
	h.Set("Content-Length", strconv.Itoa(held.Len()))
	w.WriteHeader(out.status)
	_, _ = w.Write(held.Bytes()) // the reader is gone; nobody is left to tell
}

// maxHeldBuffer bounds a buffer that is kept for the next answer.
const maxHeldBuffer = 1 << 20

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// heldWriter keeps an answer until its tag is known.
type heldWriter struct {
	http.ResponseWriter
	body   *bytes.Buffer
	status int
}

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
