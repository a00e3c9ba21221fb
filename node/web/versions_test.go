package web_test

import (
	"strings"
	"testing"
)

// A version that was lost is told of, and comes back by one button, without a script.
func TestVersions_BringBack(t *testing.T) {
	w := newWorld(t)
	w.signIn()
	if _, page, _ := w.open("/records/kr-seoul-41?lang=en"); strings.Contains(page, `id="versions"`) {
		t.Error("what was never changed has a history")
	}
	w.fake.Lose("kr-seoul-41", map[string]string{"ko": "다른 컴퓨터에서 고친 제목"})
	_, page, _ := w.open("/records/kr-seoul-41?lang=en")
	for _, want := range []string{"Two machines of this member", "다른 컴퓨터에서 고친 제목", "written at the same time as another", "Bring this version back"} {
		if !strings.Contains(page, want) {
			t.Fatalf("the page lacks %q:\n%s", want, page)
		}
	}
	form := hiddenOf(t, page, "/versions")
	for range 2 { // pressed twice
		if status, body, header := w.post("/records/kr-seoul-41/versions", form); status != 303 || header.Get("Location") != "/records/kr-seoul-41#versions" {
			t.Fatalf("%d to %q\n%s", status, header.Get("Location"), body)
		}
	}
	if _, page, _ = w.open("/records/kr-seoul-41?lang=ko"); !strings.Contains(page, "<h1>다른 컴퓨터에서 고친 제목") && !strings.Contains(page, "다른 컴퓨터에서 고친 제목</h1>") {
		t.Errorf("it did not come back:\n%s", page)
	}
	form.Set("token", "x")
	if status, _, _ := w.post("/records/kr-seoul-41/versions", form); status != 403 {
		t.Errorf("a foreign form: %d", status)
	}
	form = hiddenOf(t, page, "/versions")
	form.Set("entry", "bafynothing")
	form.Set("key", "another")
	if status, _, _ := w.post("/records/kr-seoul-41/versions", form); status != 404 {
		t.Errorf("a version that is not there: %d", status)
	}
}
