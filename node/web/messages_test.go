package web_test

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/dure-net/dure/node/api"
)

// correspondence is a world in which members have written to one another.
func correspondence(t *testing.T) *world {
	w := newWorld(t)
	w.fake.Receive(api.Message{Number: "ca-montreal-7", From: "ca-montreal", To: []api.MessageParty{{Handle: "kr-seoul"}, {Handle: "es-bilbao"}}, What: "message", Lang: "fr", Time: w.now.AddDate(0, 0, -2),
		Text: "Bonjour,\n\nNous accueillons volontiers deux conseillers en mars. Qui vient, et qui pouvons-nous appeler ?", Concerns: "kr-seoul-41", About: "x"})
	w.fake.Receive(api.Message{Number: "kr-seoul-44", From: "kr-seoul", Own: true, To: []api.MessageParty{{Handle: "ca-montreal"}}, What: "particulars", Lang: "ko", Time: w.now.AddDate(0, 0, -1),
		Text:      "<b>담당자</b>를 알려 드립니다.",
		Persons:   []api.Person{{Name: "김하나", Role: "통역", Email: "interpreter@example.org", Phone: "02-123-4567"}},
		Documents: []api.Document{{Title: "여권 사본", Where: "2층 금고"}}, Concerns: "kr-seoul-41", About: "x", Answers: "ca-montreal-7"})
	w.signIn()
	return w
}

// A clerk reads what came, and answers, without any script; what was typed is not lost
// where it cannot be sent.
func TestMessages_ReadAndAnswer(t *testing.T) {
	w := correspondence(t)
	status, list, _ := w.open("/messages?lang=en")
	for _, want := range []string{"City of Montréal", "deux conseillers", "&lt;b&gt;담당자&lt;/b&gt;", "김하나 · 통역", "cannot be recalled", `href="/records/kr-seoul-41"`, "cannot be written to until"} {
		if status != 200 || !strings.Contains(list, want) {
			t.Fatalf("%d, without %q:\n%s", status, want, list)
		}
	}
	form := hidden(list)
	form.Set("text", "Typed with care.")
	if status, again, _ := w.post("/messages", form); status != 422 || !strings.Contains(again, "Choose at least one member") || !strings.Contains(again, "Typed with care.") {
		t.Fatalf("to nobody: %d\n%s", status, again)
	}
	form["to"] = []string{"ca-montreal", "ph-quezon-city"}
	status, again, _ := w.post("/messages", form)
	if status != 404 || !strings.Contains(again, "ph-quezon-city: no key to write privately to yet") || !strings.Contains(again, "Typed with care.") || !strings.Contains(again, `value="ca-montreal" checked`) {
		t.Fatalf("to one without a key: %d\n%s", status, again)
	}
	foreign := hidden(list)
	foreign.Set("token", "x")
	if status, _, _ := w.post("/messages", foreign); status != 403 {
		t.Errorf("a foreign form: %d", status)
	}
	_, one, _ := w.open("/messages/ca-montreal-7?lang=en")
	if !strings.Contains(one, `name="answers" value="ca-montreal-7"`) || !strings.Contains(one, `value="ca-montreal" checked`) || !strings.Contains(one, `value="es-bilbao" checked`) {
		t.Fatalf("the answer does not go to all that the message was for:\n%s", one)
	}
	form = hidden(one)
	form["to"], form["text"] = []string{"ca-montreal"}, []string{"She will come."}
	for range 2 { // pressed twice
		if status, body, header := w.post("/messages", form); status != 303 || !strings.HasPrefix(header.Get("Location"), "/messages?sent=kr-seoul-") {
			t.Fatalf("%d to %q\n%s", status, header.Get("Location"), body)
		}
	}
	_, list, _ = w.open("/messages")
	if strings.Count(list, "She will come.") != 1 {
		t.Error("it is there twice, or not at all")
	}
	if status, body, _ := w.open("/messages/kr-nobody-1"); status != 404 || !strings.Contains(body, "Nothing here is called") || strings.Contains(body, "dure list") {
		t.Errorf("what is for others: %d\n%s", status, body)
	}
	if _, body, _ := w.open("/messages/kr-seoul-44"); !strings.Contains(body, `href="/records/kr-seoul-44/erase"`) {
		t.Error("its writer is not offered to erase it")
	}
}

// A file goes with a message; where that cannot be sent, it need not be chosen again.
func TestMessages_WithAFile(t *testing.T) {
	w := correspondence(t)
	_, list, _ := w.open("/messages?lang=en")
	form := formOf(t, list, "/messages")
	contract := []byte("%PDF-1.7\nthe contract")
	if status, page, _ := w.bring("/messages", "page.html", []byte("<!doctype html><script>alert(1)</script>"), append(form, "to", "ca-montreal", "text", "Typed with care.")...); status != 422 && status != 400 || !strings.Contains(page, "page.html: a file of this kind") || !strings.Contains(page, "Typed with care.") || !strings.Contains(page, `value="ca-montreal" checked`) {
		t.Fatalf("a page: %d\n%s", status, page)
	}
	status, again, _ := w.bring("/messages", "계약서.pdf", contract, append(form, "text", "")...)
	if status != 422 || !strings.Contains(again, "Choose at least one member") || !strings.Contains(again, "계약서.pdf is here") {
		t.Fatalf("to nobody: %d\n%s", status, again)
	}
	kept := append(formOf(t, again, "/messages"), "to", "ca-montreal")
	status, body, header := w.bring("/messages", "", nil, kept...)
	if status != 303 {
		t.Fatalf("%d\n%s", status, body)
	}
	number := strings.TrimPrefix(header.Get("Location"), "/messages?sent=")
	for _, path := range []string{"/messages", "/messages/" + number} {
		if _, page, _ := w.open(path); !strings.Contains(page, `href="/records/`+number+`/attachments/1" download="계약서.pdf"`) {
			t.Fatalf("%s does not offer the file:\n%s", path, page)
		}
	}
	if _, file, _ := w.open("/records/" + number + "/attachments/1"); file != string(contract) {
		t.Errorf("the file is %q", file)
	}
	kept[1] = "x"
	if status, _, _ := w.bring("/messages", "계약서.pdf", contract, kept...); status != 403 {
		t.Errorf("a foreign form: %d", status)
	}
}

func TestMessages_OnlySignedIn(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/messages", "/messages/kr-seoul-44"} {
		if _, body, _ := w.open(path); strings.Contains(body, "<textarea") {
			t.Errorf("%s is shown to anybody", path)
		}
	}
	if status, _, _ := w.post("/messages", nil); status == 303 {
		t.Error("anybody can write")
	}
}

// A telephone and a desk, four languages.
func TestMessages_InChromium(t *testing.T) {
	if testing.Short() {
		t.Skip("the browser takes a while")
	}
	ctx := chromium(t)
	w := correspondence(t)
	b := tab{t, ctx, axe(t)}
	b.do(chromedp.Navigate(api.SignInLink(w.srv.URL, token, w.now)))
	b.until(`document.getElementById("newest")`)
	for _, lang := range []string{"ko", "en", "fr", "es"} {
		for _, width := range []int64{360, 1280} {
			b.do(chromedp.EmulateViewport(width, 900))
			b.do(chromedp.Navigate(w.srv.URL + "/messages?lang=" + lang))
			b.check("messages", lang, width)
			b.do(chromedp.Navigate(w.srv.URL + "/messages/kr-seoul-44"))
			b.check("message", lang, width)
		}
	}
}
