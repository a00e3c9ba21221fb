package web_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"image"
	"image/jpeg"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/archive"
	"github.com/dure-net/dure/protocol"
)

// bring posts a form with a file in it, as a browser does: fields in the order of the page.
func (w *world) bring(path, name string, content []byte, fields ...string) (int, string, http.Header) {
	w.t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for i := 0; i+1 < len(fields); i += 2 {
		_ = m.WriteField(fields[i], fields[i+1])
	}
	if name != "" {
		part, err := m.CreateFormFile("file", name)
		if err != nil {
			w.t.Fatal(err)
		}
		_, _ = part.Write(content)
	}
	_ = m.Close()
	req, err := http.NewRequest("POST", w.srv.URL+path, &b)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", m.FormDataContentType())
	req.Header.Set("Origin", w.srv.URL)
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	return w.do(req)
}

// formOf are the hidden fields of the form that goes to a path, in order.
func formOf(t *testing.T, page, action string) []string {
	t.Helper()
	_, form, ok := strings.Cut(page, `action="`+action)
	form, _, _ = strings.Cut(form, "</form>")
	if !ok {
		t.Fatalf("no form goes to %s", action)
	}
	var out []string
	for _, m := range hiddenInput.FindAllStringSubmatch(form, -1) {
		out = append(out, m[1], m[2])
	}
	return out
}

// hiddenOf are the hidden inputs of the first form whose address ends so.
func hiddenOf(t *testing.T, page, ending string) url.Values {
	t.Helper()
	at := regexp.MustCompile(`action="[^"]*` + regexp.QuoteMeta(ending) + `"`).FindStringIndex(page)
	if at == nil {
		t.Fatalf("no form goes to %s", ending)
	}
	form, _, _ := strings.Cut(page[at[1]:], "</form>")
	return hidden(form)
}

// placed is a picture that tells where it was taken: a JPEG with an EXIF block of GPS.
func placed(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewRGBA(image.Rect(0, 0, 8, 8)), nil); err != nil {
		t.Fatal(err)
	}
	be := binary.BigEndian
	tiff := []byte("MM\x00\x2a\x00\x00\x00\x08")
	entry := func(tag, kind uint16, count, value uint32) []byte {
		return be.AppendUint32(be.AppendUint32(be.AppendUint16(be.AppendUint16(nil, tag), kind), count), value)
	}
	tiff = append(tiff, 0, 1)
	tiff = append(tiff, entry(0x8825, 4, 1, 26)...)
	tiff = append(tiff, 0, 0, 0, 0)
	tiff = append(tiff, 0, 4)
	tiff = append(tiff, entry(1, 2, 2, uint32('N')<<24)...)
	tiff = append(tiff, entry(2, 5, 3, 80)...)
	tiff = append(tiff, entry(3, 2, 2, uint32('E')<<24)...)
	tiff = append(tiff, entry(4, 5, 3, 104)...)
	tiff = append(tiff, 0, 0, 0, 0)
	for _, n := range []uint32{37, 1, 33, 1, 0, 1, 126, 1, 58, 1, 0, 1} {
		tiff = be.AppendUint32(tiff, n)
	}
	exif := append([]byte("Exif\x00\x00"), tiff...)
	head := be.AppendUint16([]byte{0xff, 0xe1}, uint16(len(exif)+2))
	return append(append(append([]byte{0xff, 0xd8}, head...), exif...), b.Bytes()[2:]...)
}

func TestAttach_ByAForm(t *testing.T) {
	w := newWorld(t)
	w.signIn()
	const at = "/records/kr-seoul-41"
	_, page, _ := w.open(at + "?lang=ko")
	form := formOf(t, page, at+"/files")
	status, body, header := w.bring(at+"/files", "계획.csv", []byte("이름,수\n의자,3\n"), append(form, "file_title", "의자 목록")...)
	if status != http.StatusSeeOther || header.Get("Location") != at+"#files" {
		t.Fatalf("got %d %v %.300s", status, header, body)
	}
	if status, again, _ := w.bring(at+"/files", "계획.csv", []byte("이름,수\n의자,3\n"), form...); status != http.StatusSeeOther {
		t.Errorf("the button pressed twice: %d %.300s", status, again)
	}
	_, page, _ = w.open(at)
	if n := strings.Count(page, ">의자 목록<"); n != 1 || !strings.Contains(page, "CSV") {
		t.Errorf("the file stands %d times on the page", n)
	}
	if _, body, _ := w.open(at + "/attachments/1"); body != "이름,수\n의자,3\n" {
		t.Errorf("it is %q", body)
	}
	// Another version was written since the page was shown: nothing is written over it.
	status, body, _ = w.bring(at+"/files", "b.csv", []byte("a,b\n"), "token", form[1], "key", "another", "version", form[5])
	if status != http.StatusConflict {
		t.Errorf("over a newer version: %d %.300s", status, body)
	}
	for what, test := range map[string]struct {
		path, name, content string
		fields              []string
		status              int
		says                string
	}{
		"no form of ours": {at, "a.csv", "a,b\n", []string{"token", "x"}, 403, ""},
		"token behind":    {at, "a.csv", "a,b\n", nil, 403, ""},
		"no file":         {at, "", "", form, 422, "먼저 파일을 고르세요"},
		"empty":           {at, "a.txt", "", form, 400, "비어"},
		"a program":       {at, "a.exe", "MZ\x90\x00\x03\x00\x00\x00", form, 422, "a.exe"},
		"too large":       {at, "a.pdf", "%PDF-1.7\n" + strings.Repeat("x", protocol.MaxAttachmentBytes), form, 413, "a.pdf"},
		"of another":      {"/records/es-bilbao-1", "a.csv", "a,b\n", form, 403, ""},
	} {
		t.Run(what, func(t *testing.T) {
			w.t = t
			status, body, _ := w.bring(test.path+"/files", test.name, []byte(test.content), test.fields...)
			if status != test.status || !strings.Contains(body, test.says) {
				_, alert, _ := strings.Cut(body, `role="alert"`)
				t.Errorf("got %d %.400s", status, alert)
			}
		})
	}
	w.t = t
	if status, _, _ = w.bring("/records/nothing-1/files", "a.csv", []byte("a,b\n"), form...); status != http.StatusNotFound {
		t.Errorf("to nothing: %d", status)
	}
}

// A picture that tells where it was taken is attached when that was meant, and not before.
func TestAttach_AsksAboutAPlace(t *testing.T) {
	w := newWorld(t)
	w.signIn()
	const at = "/records/kr-seoul-41"
	_, page, _ := w.open(at + "?lang=en")
	status, page, _ := w.bring(at+"/files", "yard.jpg", placed(t), formOf(t, page, at+"/files")...)
	if status != http.StatusUnprocessableEntity || !strings.Contains(page, "This picture tells where it was taken: 37.55") {
		t.Fatalf("got %d %.2000s", status, page)
	}
	if all, err := w.fake.Attachments(context.Background(), "kr-seoul-41"); err != nil || len(all) != 0 {
		t.Fatalf("it was attached before anybody said so: %v %v", all, err)
	}
	status, page, _ = w.bring(at+"/files", "", nil, append(formOf(t, page, at+"/files"), "sure", "yes")...)
	if all, err := w.fake.Attachments(context.Background(), "kr-seoul-41"); status != http.StatusSeeOther || err != nil || len(all) != 1 || all[0].Title["ko"] != "yard.jpg" {
		t.Errorf("got %d %v %v %.300s", status, all, err, page)
	}
}

// A report of fulfilment takes a file that shows it.
func TestAttach_ToAReport(t *testing.T) {
	w := newWorld(t)
	w.fake.Threads = []api.Agreement{inForce()}
	w.signIn()
	_, page, _ := w.open("/agreements/kr-seoul-9?lang=en")
	form := formOf(t, page, "/agreements/kr-seoul-9/deeds")
	for i := range form {
		if form[i] == "deed" && form[i+1] != "fulfil" {
			t.Fatalf("the first form is %q", form)
		}
	}
	status, body, _ := w.bring("/agreements/kr-seoul-9/deeds", "a.exe", []byte("MZ\x90\x00"), append(form, "clause", "1", "quantity", "4", "text", "four days")...)
	if status != 422 || !strings.Contains(body, "a.exe") || !strings.Contains(body, ">four days</textarea>") || !strings.Contains(body, `value="4"`) {
		t.Errorf("a program: %d, and what was typed is gone", status)
	}
	status, body, _ = w.bring("/agreements/kr-seoul-9/deeds", "list.csv", []byte("a,b\n"), append(form, "clause", "1", "quantity", "4")...)
	if status != http.StatusSeeOther || len(w.fake.Acts) != 1 || len(w.fake.Acts[0].Files) != 1 || w.fake.Acts[0].Files[0].Title["en"] != "list.csv" {
		t.Fatalf("got %d %v %.300s", status, w.fake.Acts, body)
	}
}

// inForce is an agreement of which this member can report.
func inForce() api.Agreement {
	return api.Agreement{ID: "bafythread", Number: "kr-seoul-9", Title: map[string]string{"ko": "강사 교류", "en": "Trainers"}, Lang: "ko", Phase: "in_force", AsOf: "2026-12-15",
		Parties: []api.Party{{Member: "kr-seoul"}, {Member: "ca-montreal"}}, Began: "2026-12-01", InForce: "2026-12-10", Ruling: "kr-seoul-9", Versions: []api.Version{},
		Clauses: []api.ClauseState{{No: 1, State: "open", Provider: "kr-seoul", Receiver: "ca-montreal", Action: "work", What: map[string]string{"en": "Two trainers"}, Promised: "10", Unit: "DAY",
			Given: "0", Received: "0", Counted: "0", Last: "2027-03-01", Reports: []api.Report{{Entry: "bafyreport", Member: "kr-seoul", Value: "4", Unit: "DAY", Counts: true, On: "2026-12-12", Note: map[string]string{"en": "In Montréal"}}}}},
		Choices: []api.Choice{{Deed: "fulfil", Clauses: []uint64{1}}}}
}

// What can be taken along: a page of paper under its own policy, an archive, the days.
func TestKeep_PaperArchiveAndDays(t *testing.T) {
	w := newWorld(t)
	w.fake.Threads = []api.Agreement{inForce()}
	for _, path := range []string{"/records/kr-seoul-41/paper", "/records/kr-seoul-41/archive.zip", "/agreements/kr-seoul-9/calendar.ics"} {
		if status, _, _ := w.open(path); status != http.StatusUnauthorized {
			t.Errorf("%s is given to whoever asks: %d", path, status)
		}
	}
	w.signIn()
	_, page, _ := w.open("/agreements/kr-seoul-9?lang=fr")
	for _, want := range []string{`action="/agreements/kr-seoul-9/paper"`, `href="/agreements/kr-seoul-9/archive.zip"`, `href="/agreements/kr-seoul-9/calendar.ics"`, "In Montréal"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %s", want)
		}
	}
	status, body, header := w.open("/records/kr-seoul-41/paper?first=fr&second=ko")
	if status != 200 || !strings.Contains(body, `<html lang="fr">`) || !strings.Contains(body, `lang="ko"`) || !strings.Contains(header.Get("Content-Security-Policy"), "style-src 'sha256-") {
		t.Errorf("on paper: %d %v", status, header)
	}
	if _, alone, _ := w.open("/records/kr-seoul-41/paper?first=fr&second=fr"); strings.Count(alone, "<td") >= strings.Count(body, "<td") {
		t.Error("one language twice is two columns")
	}
	status, body, header = w.open("/agreements/kr-seoul-9/calendar.ics")
	if status != 200 || !strings.HasPrefix(body, "BEGIN:VCALENDAR") || !strings.Contains(header.Get("Content-Disposition"), "kr-seoul-9.ics") {
		t.Errorf("days: %d %v", status, header)
	}
	status, body, header = w.open("/records/kr-seoul-41/archive.zip")
	if status != 200 || header.Get("Content-Type") != "application/zip" || !strings.Contains(header.Get("Content-Disposition"), "kr-seoul-41.zip") {
		t.Fatalf("archive: %d %v %.300s", status, header, body)
	}
	z, err := zip.NewReader(strings.NewReader(body), int64(len(body)))
	if err != nil || len(z.File) < 4 || z.File[0].Name != archive.NamePage {
		t.Errorf("got %v %v", z, err)
	}
}

func TestAttach_InChromium(t *testing.T) {
	if testing.Short() {
		t.Skip("the browser takes a while")
	}
	ctx := chromium(t)
	w := newWorld(t)
	w.fake.Threads = []api.Agreement{inForce()}
	b := tab{t, ctx, axe(t)}
	b.do(chromedp.Navigate("about:blank"))
	complaints := complaints(t, ctx)
	b.do(chromedp.Navigate(api.SignInLink(w.srv.URL, token, w.now)))
	b.until(`document.getElementById("newest")`)
	for _, width := range []int64{360, 1280} {
		b.do(chromedp.EmulateViewport(width, 900))
		b.do(chromedp.Navigate(w.srv.URL + "/records/kr-seoul-41?lang=fr"))
		b.until(`document.getElementById("keep")`)
		eval[bool](b, `document.querySelectorAll("details").forEach(d => d.open = true), true`)
		b.check("attach", "fr", width)
		b.do(chromedp.Navigate(w.srv.URL + "/agreements/kr-seoul-9?lang=es"))
		b.until(`document.getElementById("keep")`)
		eval[bool](b, `document.querySelectorAll("details").forEach(d => d.open = true), true`)
		b.check("agreement-report", "es", width)
	}
	b.do(chromedp.Navigate(w.srv.URL + "/records/kr-seoul-41/paper?first=ko&second=es"))
	b.until(`getComputedStyle(document.querySelector("table")).borderCollapse === "collapse"`) // its policy lets its own style in
	for _, c := range complaints() {
		t.Error(c)
	}
}
