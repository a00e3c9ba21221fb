package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
)

const pdf = "%PDF-1.7\n0123456789"

// attached publishes a record with these files and returns its number. Each is named as the
// type says, whatever its bytes are.
func (w *world) attached(files map[string]string) string {
	w.t.Helper()
	var list []map[string]any
	for name, typ := range files {
		up, err := w.fake.Upload(context.Background(), name, strings.NewReader(pdf+name))
		if err != nil {
			w.t.Fatal(err)
		}
		list = append(list, map[string]any{"id": up.ID, "media_type": typ, "bytes": up.Bytes, "title": map[string]any{"ko": name}})
	}
	var draft map[string]any
	if err := json.Unmarshal([]byte(goodRequest), &draft); err != nil {
		w.t.Fatal(err)
	}
	draft["attachments"] = list
	raw, err := json.Marshal(draft)
	if err != nil {
		w.t.Fatal(err)
	}
	receipt, err := w.client().Publish(context.Background(), api.Draft{Type: "request", Raw: raw})
	if err != nil {
		w.t.Fatal(err)
	}
	return receipt.Number
}

// Nothing in a file runs, is guessed, is kept by browsers or shown in a page, whatever it
// is called; and a part of it is the part that was asked for.
func TestServer_SendsFilesSafely(t *testing.T) {
	w := newWorld(t)
	number := w.attached(map[string]string{"보고서 \"최종\".pdf": "application/pdf"})
	path := "/api/v1/records/" + number + "/attachments/1"
	whole := pdf + "보고서 \"최종\".pdf"
	resp, body := w.ask("GET", path, "")
	if resp.StatusCode != 200 || string(body) != whole {
		t.Fatalf("%d, %q", resp.StatusCode, body)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/pdf", "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox; default-src 'none'",
		"Cache-Control": "private, no-store", "Cross-Origin-Resource-Policy": "same-origin", "Accept-Ranges": "bytes",
		"Content-Disposition": `attachment; filename*=utf-8''%EB%B3%B4%EA%B3%A0%EC%84%9C%20%22%EC%B5%9C%EC%A2%85%22.pdf`,
	} {
		if got := resp.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	tag := resp.Header.Get("ETag")
	resp, body = w.ask("GET", path, "", "Range", "bytes=9-12")
	if resp.StatusCode != http.StatusPartialContent || string(body) != "0123" || resp.Header.Get("Content-Range") == "" {
		t.Errorf("a part: %d, %q", resp.StatusCode, body)
	}
	if resp, _ = w.ask("GET", path, "", "If-None-Match", tag); resp.StatusCode != http.StatusNotModified {
		t.Errorf("held already: %d", resp.StatusCode)
	}
	if resp, _ = w.ask("GET", path, "", "Range", "bytes=9999-"); resp.StatusCode != http.StatusRequestedRangeNotSatisfiable {
		t.Errorf("beyond its end: %d", resp.StatusCode)
	}
	for _, number := range []string{"0", "2", "-1", "one", "1e0"} {
		resp, body := w.ask("GET", strings.TrimSuffix(path, "1")+number, "")
		if resp.StatusCode != 404 {
			t.Errorf("file %s: %d %s", number, resp.StatusCode, body)
		}
	}
	if resp, _ = w.ask("GET", path, "", "Authorization", ""); resp.StatusCode != 401 {
		t.Errorf("without a token: %d", resp.StatusCode)
	}
}

// A member may call a page a picture; nobody is shown it.
func TestServer_FileThatIsNotWhatItsRecordSays(t *testing.T) {
	w := newWorld(t)
	number := w.attached(map[string]string{"a": "image/png"})
	resp, body := w.ask("GET", "/api/v1/records/"+number+"/attachments/1", "")
	p := problem(t, resp, body)
	if resp.StatusCode != 422 || p.Code != "invalid" || !strings.Contains(p.Title, "image/png") || resp.Header.Get("Content-Disposition") != "" {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}

func TestServer_Upload(t *testing.T) {
	w := newWorld(t)
	octets := func(body string, header ...string) (*http.Response, []byte) {
		return w.ask("POST", "/api/v1/attachments?name=a.csv", body, append([]string{"Content-Type", "application/octet-stream"}, header...)...)
	}
	resp, body := octets("이름,수\n")
	var up api.Upload
	if err := json.Unmarshal(body, &up); err != nil || resp.StatusCode != 201 || up.MediaType != "text/csv" || up.Bytes != 11 || up.ID == "" {
		t.Fatalf("%d %s", resp.StatusCode, body)
	}
	for _, c := range []struct {
		what, body, code string
		status           int
		header           []string
	}{
		{"a page", "<html>", "invalid", 415, nil},
		{"a drawing", "<svg/>", "invalid", 415, nil},
		{"a byte too many", strings.Repeat("a", protocol.MaxAttachmentBytes+1), "too_large", 413, nil},
		{"nothing", "", "malformed", 400, nil},
		{"a form of another site", "a,b", "usage", 415, []string{"Content-Type", "text/plain"}},
		{"JSON", "{}", "usage", 415, []string{"Content-Type", "application/json"}},
	} {
		resp, body := octets(c.body, c.header...)
		if p := problem(t, resp, body); resp.StatusCode != c.status || p.Code != c.code || p.Hint == "" {
			t.Errorf("%s: %d %s", c.what, resp.StatusCode, body)
		}
	}
	resp, body = octets("<html>", "Accept-Language", "ko")
	if p := problem(t, resp, body); !strings.Contains(p.Title, "이 종류의 파일(text/html)은") {
		t.Errorf("in Korean: %s", body)
	}
}

// breaks ends connections after so many bytes of a file, as a bad line does.
type breaks struct {
	http.Handler
	after  int
	broken atomic.Int32
}

func (b *breaks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/attachments/1") {
		w = &broken{w, b, b.after}
	}
	b.Handler.ServeHTTP(w, r)
}

type broken struct {
	http.ResponseWriter
	b    *breaks
	left int
}

func (b *broken) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		b.b.broken.Add(1)
		panic(http.ErrAbortHandler)
	}
	return b.ResponseWriter.Write(p)
}

func (b *broken) Unwrap() http.ResponseWriter { return b.ResponseWriter }

// A connection that breaks in the middle of a file is taken up where it broke.
func TestClient_FileResumes(t *testing.T) {
	w := newWorld(t)
	file := pdf + strings.Repeat("0123456789", 30_000)
	up, err := w.fake.Upload(context.Background(), "a.pdf", strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	var draft map[string]any
	if err := json.Unmarshal([]byte(goodRequest), &draft); err != nil {
		t.Fatal(err)
	}
	draft["attachments"] = []map[string]any{{"id": up.ID, "media_type": up.MediaType, "bytes": up.Bytes, "title": map[string]any{"ko": "a"}}}
	raw, _ := json.Marshal(draft)
	receipt, err := w.client().Publish(context.Background(), api.Draft{Type: "request", Raw: raw})
	if err != nil {
		t.Fatal(err)
	}
	line := &breaks{Handler: w.srv.Config.Handler, after: 100_000}
	w.srv.Config.Handler = line
	f, err := w.client().Attachment(context.Background(), receipt.Number, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := io.ReadAll(f)
	if err != nil || string(got) != file {
		t.Fatalf("%d bytes of %d, %v", len(got), len(file), err)
	}
	if line.broken.Load() < 2 {
		t.Errorf("it broke %d times", line.broken.Load())
	}
}

// Both backends give a file the same name, state and bytes.
func TestClient_FilesAsTheBackend(t *testing.T) {
	w := newWorld(t)
	number := w.attached(map[string]string{"표.csv": "application/pdf"})
	here, err := w.fake.Attachments(context.Background(), number)
	if err != nil {
		t.Fatal(err)
	}
	there, err := w.client().Attachments(context.Background(), number)
	if err != nil || len(there) != 1 || there[0].ID != here[0].ID || there[0].State != api.AttachmentHere || there[0].Name != here[0].Name {
		t.Errorf("%+v, %v, want %+v", there, err, here)
	}
	up, err := w.client().Upload(context.Background(), "a.csv", bytes.NewReader([]byte("a,b\n")))
	if err != nil || up.MediaType != "text/csv" {
		t.Errorf("%+v, %v", up, err)
	}
	if _, err := w.client().Upload(context.Background(), "a.csv", strings.NewReader("<html>")); protocol.ReasonOf(err) != protocol.ReasonInvalid {
		t.Errorf("a page: %v", err)
	}
	if _, err := w.client().Upload(context.Background(), "", bytes.NewReader(make([]byte, protocol.MaxAttachmentBytes+1))); protocol.ReasonOf(err) != protocol.ReasonTooLarge {
		t.Errorf("a byte too many: %v", err)
	}
	if _, err := w.client().Attachment(context.Background(), number, 7); protocol.ReasonOf(err) != protocol.ReasonNotFound {
		t.Errorf("no such file: %v", err)
	}
	w.fake.Fail = func(method string) error {
		if method == "Upload" {
			return protocol.Fail(protocol.ReasonReadOnly, "keep file", nil)
		}
		return nil
	}
	if _, err := w.client().Upload(context.Background(), "", strings.NewReader("x")); protocol.ReasonOf(err) != protocol.ReasonReadOnly {
		t.Errorf("a full disk: %v", err)
	}
}
