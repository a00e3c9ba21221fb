package web_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/dure-net/dure/node/api"
)

// hear has a member of the made-up federation say something about a record.
func (w *world) hear(member, ref, typ, raw, to string) api.Receipt {
	w.t.Helper()
	r, err := w.fake.Hear(member, api.RemarkDraft{Ref: ref, Type: typ, Raw: json.RawMessage(raw), To: to})
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// publish has kr-seoul publish a record.
func (w *world) publish(typ, raw string) string {
	w.t.Helper()
	r, err := w.fake.Publish(w.t.Context(), api.Draft{Type: typ, Raw: json.RawMessage(raw)})
	if err != nil {
		w.t.Fatal(err)
	}
	return "/records/" + r.Number
}

const (
	eventBody = `{"type":"notice","lang":"fr","category":"event","title":{"fr":"Forum du logement, à Séoul"},"body":{"fr":"Venez"},"valid_until":"2099-01-01","ack_wanted":true,
		"starts":"2027-03-10","ends":"2027-03-11","utc_offset":"+09:00","place":{"country":"KR","label":"Seoul"},
		"sessions":[{"title":{"fr":"Qui paie ?"},"themes":["housing"],"day":"2027-03-10","from":"09:30","to":"11:00","room":"A"}]}`
	callBody    = `{"type":"notice","lang":"en","category":"call","title":{"en":"Who comes?"},"body":{"en":"Tell us"},"valid_until":"2027-01-31"}`
	projectBody = `{"type":"project","lang":"ko","title":{"ko":"책 읽는 방"},"summary":{"ko":"함께 읽습니다"},"status":"active","themes":["education"],"place":{"country":"KR","label":"서울"},
		"starts":"2026-09-01","partners":["ca-montreal","sn-dakar"],"goals":[{"text":{"ko":"다섯 곳을 엽니다"},"target":{"value":"5","unit":"C62"}}]}`
)

// remarkInputs are the hidden inputs of the forms by which something is said about a record.
func remarkInputs(page string) url.Values {
	_, forms, _ := strings.Cut(page, `/remarks`)
	return hidden(forms)
}

// say posts what a form of the page would.
func (w *world) say(path, what string, fields url.Values) (int, string) {
	w.t.Helper()
	_, page, _ := w.open(path)
	own := remarkInputs(page)
	form := url.Values{"token": own["token"][:1], "key": own["key"][:1], "what": {what}, "to": {""}}
	for name, v := range fields {
		form[name] = v
	}
	status, answer, _ := w.post(path+"/remarks", form)
	return status, answer
}

func TestRemarks_AskedAndAnsweredOnThePage(t *testing.T) {
	w := newWorld(t)
	w.signIn()
	_, other := w.listings()
	if _, page, _ := w.open(other + "?lang=en"); !strings.Contains(page, "Nobody has said anything about it yet.") || !strings.Contains(page, "Ask a question") {
		t.Fatal("no form to ask with")
	}
	if status, _ := w.say(other, "question", url.Values{"text": {"How many?\r\nAnd when?"}}); status != 303 {
		t.Fatalf("ask: got %d", status)
	}
	_, page, _ := w.open(other)
	for _, want := range []string{"How many?\nAnd when?", "waiting for the owner’s reply: 1", "Seoul Metropolitan Government", "Take back"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	var to string
	for _, id := range remarkInputs(page)["to"] {
		to = max(to, id)
	}
	if status, _ := w.say(other, "reply", url.Values{"text": {"Five"}, "to": {to}}); status != 303 {
		t.Fatalf("reply: got %d", status)
	}
	if _, page, _ := w.open(other); !strings.Contains(page, "Five") {
		t.Error("the reply is not there")
	}
	if status, _ := w.say(other, "recall", url.Values{"to": {to}}); status != 303 {
		t.Fatalf("recall: got %d", status)
	}
	if _, page, _ := w.open(other); !strings.Contains(page, "(taken back)") || strings.Contains(page, "And when?") {
		t.Error("a question that was taken back is still shown")
	}
}

// What was typed stays when it cannot be said, with the reason in words.
func TestRemarks_FaultsKeepWhatWasTyped(t *testing.T) {
	w := newWorld(t)
	w.signIn()
	w.open("/records/sn-dakar-1?lang=en")
	status, page := w.say("/records/sn-dakar-1", "adoption", url.Values{"changed": {"Two evenings"}, "result": {"worked"}, "outcome": {""}})
	if status != 422 && status != 400 {
		t.Fatalf("got %d", status)
	}
	for _, want := range []string{"Not published yet.", "Two evenings", "Outcome: ", `<details id="f-adoption" open>`, `<option value="worked" selected>`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

func TestRemarks_OnlyThisSessionAndKnownWords(t *testing.T) {
	w := newWorld(t)
	w.signIn()
	_, other := w.listings()
	_, page, _ := w.open(other)
	token := remarkInputs(page)["token"][:1]
	for _, c := range []struct {
		name string
		form url.Values
		want int
	}{
		{"no token", url.Values{"what": {"question"}, "text": {"x"}}, 403},
		{"no such remark", url.Values{"what": {"explode"}, "token": token}, 400},
	} {
		if status, _, _ := w.post(other+"/remarks", c.form); status != c.want {
			t.Errorf("%s: got %d, want %d", c.name, status, c.want)
		}
	}
	key := url.Values{"what": {"question"}, "token": token, "key": {"once"}, "text": {"Only once"}}
	for range 2 {
		if status, _, _ := w.post(other+"/remarks", key); status != 303 {
			t.Errorf("got %d", status)
		}
	}
	if _, page, _ = w.open(other); strings.Count(page, "Only once") != 1 {
		t.Error("a button pressed twice asks twice")
	}
}

func TestRemarks_FoldedAway(t *testing.T) {
	w := newWorld(t)
	w.signIn()
	_, other := w.listings()
	w.hear("kr-seoul", other[len("/records/"):], "flag", `{"lang":"en","step":"flag","reason":"duplicate","text":{"en":"The same twice"}}`, "")
	_, page, _ := w.open(other + "?lang=en")
	if !strings.Contains(page, "Folded away by the secretariat") || !strings.Contains(page, "The same twice") || !strings.Contains(page, "Show what is folded away") {
		t.Error("it does not say that it is folded away")
	}
	if !strings.Contains(page, "Show it again (secretariat)") {
		t.Error("the secretariat cannot lift it")
	}
}

func TestRemarks_CalendarAndPrint(t *testing.T) {
	w := newWorld(t)
	w.signIn()
	event := w.publish("notice", eventBody)
	status, file, head := w.open(event + "/calendar.ics")
	if status != 200 || !strings.HasPrefix(head.Get("Content-Type"), "text/calendar") || !strings.Contains(head.Get("Content-Disposition"), ".ics") || !strings.Contains(file, "SUMMARY:Qui paie ?\r\n") {
		t.Errorf("got %d %v %s", status, head, file)
	}
	if _, page, _ := w.open(event + "?lang=en"); !strings.Contains(page, event+"/calendar.ics") || !strings.Contains(page, "Acknowledged by 0 of 6") || !strings.Contains(page, ">Housing<") {
		t.Error("the page has no link to it, does not say who has not read it, or has a code for a session's theme")
	}
	if status, _, _ := w.open("/records/sn-dakar-1/calendar.ics"); status != 404 {
		t.Errorf("of an experience: got %d", status)
	}
	collection := w.publish("collection", `{"type":"collection","lang":"en","title":{"en":"A model"},"summary":{"en":"How to begin"},"body":{"en":"Read in order."},
		"items":[{"record":"`+w.id("sn-dakar-1")+`","comment":{"en":"Read this first"},"transfer_conditions":["trained_staff"]}],"conditions":{"en":"Patience"},"themes":["education"],"licence":"CC-BY-4.0"}`)
	if _, page, _ := w.open(collection); !strings.Contains(page, collection+"/print") {
		t.Error("no link to print it")
	}
	_, page, _ := w.open(collection + "/print?lang=en")
	for _, want := range []string{"A model", "Read in order.", "Read this first", "Trained staff", "Patience", "sn-dakar-1"} {
		if !strings.Contains(page, want) {
			t.Errorf("the printed page does not say %q", want)
		}
	}
	if status, _, _ := w.open(event + "/print"); status != 404 {
		t.Errorf("of a notice: got %d", status)
	}
}

func (w *world) id(number string) string {
	rec, err := w.fake.Record(w.t.Context(), number)
	if err != nil {
		w.t.Fatal(err)
	}
	return rec.ID
}

// talked is a world in which members have said everything that can be said.
func talked(t *testing.T) (w *world, pages map[string]string) {
	w = newWorld(t)
	project := w.publish("project", projectBody)
	event, call := w.publish("notice", eventBody), w.publish("notice", callBody)
	collection := w.publish("collection", `{"type":"collection","lang":"en","title":{"en":"A model of reading rooms for whole districts"},"summary":{"en":"How to begin"},"body":{"en":"Read in order."},
		"items":[{"record":"`+w.id("sn-dakar-1")+`","comment":{"en":"Read this first"},"transfer_conditions":["trained_staff"]}],"conditions":{"en":"Patience"},"themes":["education"],"licence":"CC-BY-4.0"}`)
	number := func(path string) string { return path[len("/records/"):] }
	q := w.hear("sn-dakar", "kr-seoul-41", "question", `{"lang":"fr","text":{"fr":"Combien de personnes peuvent venir, et pour combien de temps ?"}}`, "")
	w.hear("kr-seoul", "kr-seoul-41", "reply", `{"lang":"ko","text":{"ko":"다섯 명까지 됩니다.","en":"Up to five."}}`, q.ID)
	w.hear("ca-montreal", "kr-seoul-41", "question", `{"lang":"en","text":{"en":"Is there a fee?"}}`, "")
	w.hear("es-bilbao", "kr-seoul-41", "translation", `{"lang":"es","by_machine":true,"texts":{"title":"Asesoramiento"}}`, "")
	w.hear("ca-montreal", "sn-dakar-1", "adoption", `{"lang":"en","changed":{"en":"Two evenings instead of one, because people work shifts."},"result":"partly","outcome":{"en":"Half of the groups go on."},"since":"2026-03-01"}`, "")
	w.hear("es-bilbao", "sn-dakar-1", "endorsement", `{"lang":"es","way":"verified_visit","text":{"es":"Estuvimos en mayo."}}`, "")
	w.hear("ca-montreal", number(project), "partnership", `{"lang":"fr","step":"join","text":{"fr":"Nous formons les animateurs."}}`, "")
	w.hear("kr-seoul", number(project), "update", `{"lang":"ko","text":{"ko":"세 곳을 열었습니다."},"goal":1,"reached":{"value":"3","unit":"C62"}}`, "")
	w.hear("sn-dakar", number(event), "acknowledgement", `{"lang":"fr"}`, "")
	w.hear("sn-dakar", number(call), "submission", `{"lang":"fr","text":{"fr":"Nous venons à deux."}}`, "")
	w.hear("kr-seoul", number(call), "flag", `{"lang":"en","step":"flag","reason":"duplicate","text":{"en":"The same twice"}}`, "")
	return w, map[string]string{"said-request": "/records/kr-seoul-41", "said-experience": "/records/sn-dakar-1", "said-project": project, "said-event": event,
		"said-call": call, "said-collection": collection, "print": collection + "/print"}
}

// What members say, with every form open, on a telephone and on a desk.
func TestRemarks_InChromium(t *testing.T) {
	if testing.Short() {
		t.Skip("the browser takes a while")
	}
	ctx := chromium(t)
	w, pages := talked(t)
	b := tab{t, ctx, axe(t)}
	b.do(chromedp.Navigate("about:blank"))
	complaints := complaints(t, ctx)
	b.do(chromedp.Navigate(api.SignInLink(w.srv.URL, token, w.now)))
	b.until(`document.getElementById("newest")`)
	for _, lang := range []string{"fr", "ko"} { // the longest words, and those that break otherwise
		for name, path := range pages {
			if lang != "fr" && name != "said-project" {
				continue // the one with the most forms
			}
			for _, width := range []int64{360, 1280} {
				b.do(chromedp.EmulateViewport(width, 900), chromedp.Navigate(w.srv.URL+path+"?lang="+lang))
				eval[bool](b, `(document.querySelectorAll("details").forEach(d => d.open = true), true)`)
				b.check(name, lang, width)
			}
		}
	}
	if all := complaints(); len(all) > 0 {
		t.Errorf("the browser complained: %q", all)
	}
}

// Another member's translation stands in place of the text for who reads that language, with whose it is; the original is
// one step away, and for everybody else nothing changes.
func TestRecord_ShowsATranslationInPlaceOfTheText(t *testing.T) {
	w, _ := talked(t)
	w.signIn()
	_, page, _ := w.open("/records/kr-seoul-41?lang=es")
	for _, want := range []string{">Asesoramiento</h1>", "Traducción automática añadida por", `<a href="?original=1">El original</a>`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page in Spanish does not say %q", want)
		}
	}
	for _, query := range []string{"?lang=es&original=1", "?lang=fr", "?lang=ko"} {
		if _, page, _ := w.open("/records/kr-seoul-41" + query); strings.Contains(page, ">Asesoramiento</h1>") || strings.Contains(page, "?original=1") {
			t.Errorf("%s: the translation stands in place of the text", query)
		}
	}
}
