package web_test

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/dure-net/dure/node/api"
)

// A clerk erases a record without any script: the page asks, says what it cannot do, and
// shows afterwards by whose word it is gone and who has dropped it.
func TestErase_FromTheRecordPage(t *testing.T) {
	w := newWorld(t)
	w.signIn()
	page, err := w.fake.Records(context.Background(), api.RecordQuery{Member: "kr-seoul"})
	if err != nil || len(page.Items) == 0 {
		t.Fatal(err)
	}
	rec := page.Items[0]
	path := "/records/" + rec.Number
	if _, body, _ := w.open(path + "?lang=en"); !strings.Contains(body, `href="`+path+`/erase"`) {
		t.Fatal("the owner is not offered to erase")
	}
	status, ask, _ := w.open(path + "/erase")
	if status != 200 || !strings.Contains(ask, "backups made before") || !strings.Contains(ask, "it contained personal data") {
		t.Fatalf("the page that asks: %d\n%s", status, ask)
	}
	form := hidden(ask)
	form.Set("code", "personal_data")
	form.Set("reason", "It named <somebody>.")
	// Not sure: nothing is erased, and what was typed is still there.
	status, again, _ := w.post(path+"/erase", form)
	if status != 422 || !strings.Contains(again, "Tick the box first") || !strings.Contains(again, "It named &lt;somebody&gt;.") || !strings.Contains(again, `value="personal_data" selected`) {
		t.Fatalf("unsure: %d\n%s", status, again)
	}
	// Another site, another session's token: nothing is erased.
	foreign := url.Values{"token": {"x"}, "key": form["key"], "sure": {"yes"}}
	if status, _, _ := w.post(path+"/erase", foreign); status != 403 {
		t.Fatalf("a foreign form: %d", status)
	}
	if r, _ := w.fake.Record(context.Background(), rec.Number); r.State == api.RecordErased {
		t.Fatal("it is erased already")
	}
	form = hidden(again)
	form.Set("code", "personal_data")
	form.Set("reason", "It named <somebody>.")
	form.Set("sure", "yes")
	for range 2 { // pressed twice
		if status, _, header := w.post(path+"/erase", form); status != 303 || header.Get("Location") != path {
			t.Fatalf("erased: %d, to %q", status, header.Get("Location"))
		}
	}
	for lang, want := range map[string][]string{
		"en": {"Erased by Seoul Metropolitan Government on 15 December 2026", "Reason: It named &lt;somebody&gt;. (it contained personal data)", "nodes have dropped it", "has not answered yet", "gone since"},
		"ko": {"서울특별시가 2026년 12월 15일", "까닭: ", "디스크에서 없앴습니다", "아직 답이 없음"},
		"fr": {"Effacé par", "Raison : ", "n’a pas encore répondu"},
		"es": {"Borrado por", "Motivo: ", "aún no ha respondido"},
	} {
		_, body, _ := w.open(path + "?lang=" + lang)
		for _, s := range want {
			if !strings.Contains(body, s) {
				t.Errorf("%s: the page does not say %q:\n%s", lang, s, body)
			}
		}
		if strings.Contains(body, path+"/erase") || strings.Contains(body, "/blocks/"+rec.Body) {
			t.Errorf("%s: what is gone is offered still", lang)
		}
	}
	if status, _, _ := w.open("/blocks/" + rec.Body); status != 410 {
		t.Errorf("the erased bytes: %d", status)
	}
	if status, _, _ := w.open(path + "/erase"); status != 410 {
		t.Errorf("erasing again: %d", status)
	}
	_, list, _ := w.open("/records?lang=en")
	if !strings.Contains(list, path+`"`) || !strings.Contains(list, "Erased") {
		t.Errorf("the list does not show it as erased")
	}
}

func TestErase_OnlyOwnRecords(t *testing.T) {
	w := newWorld(t)
	w.signIn()
	page, err := w.fake.Records(context.Background(), api.RecordQuery{Member: "ca-montreal"})
	if err != nil || len(page.Items) == 0 {
		t.Fatal(err)
	}
	path := "/records/" + page.Items[0].Number
	if _, body, _ := w.open(path); strings.Contains(body, path+"/erase") {
		t.Error("somebody else’s record is offered to be erased")
	}
	if status, _, _ := w.open(path + "/erase"); status != 403 {
		t.Errorf("somebody else’s record: %d", status)
	}
}
