package api

import (
	"bytes"
	_ "embed"
	"io/fs"
	"net/http"
	"time"

	"github.com/swaggest/swgui/v5/static"
)

// The page on which developers try requests: Swagger UI from the binary, under a policy
// that lets it load and ask nothing but this node. The page and its first script are ours,
// because Swagger UI's own are written into the page, which the policy forbids.
var (
	//go:embed docs.html
	docsPage []byte
	//go:embed docs.js
	docsScript []byte
)

const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

func (s *server) docs() {
	serve := func(path, media string, data []byte, zipped bool) {
		s.mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			h := w.Header()
			h.Set("Content-Security-Policy", docsPolicy)
			h.Set("Content-Type", media)
			h.Set("Cache-Control", "no-cache")
			if zipped {
				h.Set("Content-Encoding", "gzip") // every browser takes it; other programs read /openapi.json
			}
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
		})
	}
	serve("/docs", "text/html; charset=utf-8", docsPage, false)
	serve("/docs/start.js", "text/javascript; charset=utf-8", docsScript, false)
	for name, media := range map[string]string{"swagger-ui-bundle.js": "text/javascript; charset=utf-8", "swagger-ui.css": "text/css; charset=utf-8"} {
		data, err := fs.ReadFile(static.FS, name+".gz")
		if err != nil {
			panic("dure: internal error: " + err.Error())
		}
		serve("/docs/"+name, media, data, true)
	}
}
