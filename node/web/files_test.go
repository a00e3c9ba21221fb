package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/dure-net/dure/node/api"
)

// withFiles publishes a record with a picture and a table here, and a report that lies on
// other nodes. It returns the record's address.
func (w *world) withFiles() string {
	w.t.Helper()
	pic := image.NewRGBA(image.Rect(0, 0, 320, 200))
	for x := range 320 {
		for y := range 200 {
			pic.Set(x, y, color.RGBA{uint8(x), uint8(200 - y), 140, 255})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, pic); err != nil {
		w.t.Fatal(err)
	}
	var files []map[string]any
	for _, f := range []struct{ name, content string }{{"마을 부엌.png", b.String()}, {"의자 <목록>.csv", "이름,수\n의자,3\n"}} {
		up, err := w.fake.Upload(context.Background(), f.name, strings.NewReader(f.content))
		if err != nil {
			w.t.Fatal(err)
		}
		files = append(files, map[string]any{"id": up.ID, "media_type": up.MediaType, "bytes": up.Bytes, "title": map[string]any{"en": "Kitchen", "ko": f.name}})
	}
	files = append(files, map[string]any{"id": "bafyreiguqqostyu47booyfijwxxu4jvw77dffl3lzbhuuy75nauwdwhnvm", "media_type": "application/pdf", "bytes": 9_000_000, "title": map[string]any{"en": "Report", "ko": "보고서.pdf"}})
	raw, err := json.Marshal(map[string]any{"type": "project", "lang": "ko", "title": map[string]any{"ko": "마을 부엌"}, "summary": map[string]any{"ko": "함께 짓는 밥"}, "status": "active",
		"themes": []string{"care"}, "starts": "2026-01-01", "place": map[string]any{"country": "KR", "label": "서울"}, "attachments": files})
	if err != nil {
		w.t.Fatal(err)
	}
	receipt, err := w.fake.Publish(context.Background(), api.Draft{Type: "project", Raw: raw})
	if err != nil {
		w.t.Fatal(err)
	}
	return "/records/" + receipt.Number
}

func TestRecord_Files(t *testing.T) {
	w := newWorld(t)
	at := w.withFiles()
	if _, body, header := w.open(at + "/attachments/1"); strings.Contains(body, "PNG") || header.Get("Content-Type") == "image/png" {
		t.Error("a file is given to whoever asks")
	}
	w.signIn()
	_, body, _ := w.open(at + "?lang=ko")
	for _, want := range []string{
		`<img src="` + at + `/attachments/1" alt="마을 부엌.png" lang="ko" loading="lazy" decoding="async">`,
		`<a href="` + at + `/attachments/2" download="의자 &lt;목록&gt;.csv" lang="ko">의자 &lt;목록&gt;.csv</a>`,
		`아직 여기에 없음`, `PDF 문서`, `붙은 파일`,
	} {
		if !strings.Contains(body, want) {
			_, list, _ := strings.Cut(body, `<ul class="files">`)
			list, _, _ = strings.Cut(list, "</ul>")
			t.Errorf("the page has no %s but %s", want, list)
		}
	}
	if n := strings.Count(body, `<img src="/records/`); n != 1 {
		t.Errorf("%d pictures, want the one that is one", n)
	}
	if strings.Contains(body, "bafyreiguqqost") {
		t.Error("it shows the name of a manifest")
	}
	status, body, header := w.open(at + "/attachments/1")
	if status != 200 || header.Get("Content-Type") != "image/png" || header.Get("Content-Security-Policy") != "sandbox; default-src 'none'" ||
		!strings.HasPrefix(header.Get("Content-Disposition"), "inline") || !strings.HasPrefix(body, "\x89PNG") {
		t.Errorf("%d %v", status, header)
	}
	if _, _, header := w.open(at + "/attachments/2"); !strings.HasPrefix(header.Get("Content-Disposition"), "attachment; filename*=utf-8''") {
		t.Errorf("a table: %v", header)
	}
	status, body, _ = w.open(at + "/attachments/3?lang=ko")
	if status != 503 || !strings.Contains(body, "연결된 노드 가운데 지금 가진 곳도 없습니다") {
		t.Errorf("nobody has it: %d %s", status, body)
	}
	if status, _, _ = w.open(at + "/attachments/4"); status != 404 {
		t.Errorf("no such file: %d", status)
	}
}

func TestRecord_FilesInChromium(t *testing.T) {
	if testing.Short() {
		t.Skip("the browser takes a while")
	}
	ctx := chromium(t)
	w := newWorld(t)
	at := w.withFiles()
	b := tab{t, ctx, axe(t)}
	b.do(chromedp.Navigate("about:blank"))
	complaints := complaints(t, ctx)
	b.do(chromedp.Navigate(api.SignInLink(w.srv.URL, token, w.now)))
	b.until(`document.getElementById("newest")`)
	for _, width := range []int64{360, 1280} {
		b.do(chromedp.EmulateViewport(width, 900))
		b.do(chromedp.Navigate(w.srv.URL + at + "?lang=ko"))
		b.until(`document.querySelector(".files img").naturalWidth === 320`)
		b.check("files", "ko", width)
	}
	for _, c := range complaints() {
		t.Error(c)
	}
}
