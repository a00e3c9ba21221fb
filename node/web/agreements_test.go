package web_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/dure-net/dure/node/api"
)

// agreed gives the node a proposal to answer and an agreement under way, with words that must be escaped.
func (w *world) agreed() {
	parties := []api.Party{{Member: "sn-dakar", Names: map[string]string{"fr": "Ville de Dakar", "en": "City of Dakar"}}, {Member: "kr-seoul", Names: map[string]string{"ko": "서울특별시", "en": "Seoul"}}}
	clause := api.ClauseState{No: 1, State: "differing", Provider: "kr-seoul", Receiver: "sn-dakar", Action: "transfer", What: map[string]string{"en": "Laptops <b>&"}, Promised: "100", Unit: "C62",
		Given: "100", Received: "92", Counted: "92", Last: "2026-12-20"}
	open := clause
	open.State, open.Given, open.Received, open.Counted = "open", "0", "0", "0"
	w.fake.Threads = []api.Agreement{
		{ID: "bafyone", Number: "sn-dakar-7", Title: map[string]string{"en": "Laptops for schools", "ko": "학교 노트북"}, Lang: "en", Phase: "proposed", Proposer: "sn-dakar", Parties: parties,
			Versions: []api.Version{{Number: "sn-dakar-7", Writer: "sn-dakar", State: "proposed", AnswerBy: "2026-12-20", Content: map[string]any{"terms": map[string]any{"en": "By sea <i>"}}}},
			Clauses:  []api.ClauseState{open}, Choices: []api.Choice{{Deed: "accept", Version: "sn-dakar-7"}, {Deed: "counter", Version: "sn-dakar-7"}, {Deed: "decline", Version: "sn-dakar-7"}},
			Waits: []api.Wait{{Code: "answer", Version: "sn-dakar-7", From: []string{"sn-dakar"}, Day: "2026-12-20"}}},
		{ID: "bafytwo", Number: "kr-seoul-9", Title: map[string]string{"en": "Desks"}, Lang: "en", Phase: "in_progress", Proposer: "kr-seoul", Parties: parties, InForce: "2026-11-01", Ruling: "kr-seoul-9",
			Versions: []api.Version{{Number: "kr-seoul-9", Writer: "kr-seoul", State: "confirmed", AnswerBy: "2026-11-20"}}, Clauses: []api.ClauseState{clause},
			Choices:  []api.Choice{{Deed: "fulfil", Clauses: []uint64{1}}, {Deed: "complete"}, {Deed: "amend"}, {Deed: "dispute"}, {Deed: "cancel"}},
			Waits:    []api.Wait{{Code: "difference", Clause: 1, From: []string{"sn-dakar"}, Day: "2026-11-02", Late: true}},
			Feedback: []api.FeedbackGiven{{PartyWord: api.PartyWord{Member: "sn-dakar"}, State: "hidden"}}},
	}
}

func TestInbox_SaysWhatWaits(t *testing.T) {
	w := newWorld(t)
	w.agreed()
	w.signIn()
	for lang, want := range map[string][]string{
		"en": {"City of Dakar proposed sn-dakar-7: answer by", "what you report and what City of Dakar reports differ", "late", `href="/agreements/sn-dakar-7"`},
		"ko": {"학교 노트북", "City of Dakar", "기한 지남", "할 일"},
		"fr": {"Ville de Dakar a proposé sn-dakar-7", "en retard"},
		"es": {"City of Dakar propuso sn-dakar-7"},
	} {
		status, page, _ := w.open("/inbox?lang=" + lang)
		for _, words := range want {
			if status != 200 || !strings.Contains(page, words) {
				t.Errorf("%s (%d): nothing says %q", lang, status, words)
			}
		}
	}
}

// What waits for a word about a record stood in the command line's inbox alone, and a proposal among
// the newest records bore an empty mark.
func TestInbox_SaysWhichRecordsWait(t *testing.T) {
	w := newWorld(t)
	w.signIn()
	w.hear("ca-montreal", "kr-seoul-41", "question", `{"lang":"en","text":{"en":"Is there a fee?"}}`, "")
	box, err := w.fake.Inbox(t.Context(), "")
	if err != nil || len(box.Records) == 0 {
		t.Fatalf("nothing waits: %v", err)
	}
	_, page, _ := w.open("/inbox?lang=en")
	for _, r := range box.Records {
		if !strings.Contains(page, r.Number) || strings.Contains(page, "<code>dure ") {
			t.Errorf("nothing says that %s waits, or a command is named where a form is at hand", r.Number)
		}
	}
}

// The buttons are those that the node would hear, and each does its deed once.
func TestAgreement_ButtonsOfNow(t *testing.T) {
	w := newWorld(t)
	w.agreed()
	w.signIn()
	_, page, _ := w.open("/agreements/sn-dakar-7?lang=en")
	for _, words := range []string{`value="accept"`, `value="counter"`, `value="decline"`, "Laptops &lt;b&gt;&amp;", "By sea &lt;i&gt;", "Seoul to City of Dakar"} {
		if !strings.Contains(page, words) {
			t.Errorf("nothing says %q", words)
		}
	}
	if strings.Contains(page, `value="confirm"`) || strings.Contains(page, `value="cancel"`) {
		t.Error("a button that would be refused")
	}
	form := hidden(page)
	form.Set("deed", "accept")
	form.Set("version", "sn-dakar-7")
	for range 2 { // pressed twice
		if status, _, header := w.post("/agreements/sn-dakar-7/deeds", form); status != 303 || header.Get("Location") != "/agreements/sn-dakar-7" {
			t.Fatalf("accept: got %d to %q", status, header.Get("Location"))
		}
	}
	if len(w.fake.Acts) != 1 || w.fake.Acts[0].Deed != "accept" || w.fake.Acts[0].Version != "sn-dakar-7" {
		t.Errorf("asked for %+v", w.fake.Acts)
	}
	_, page, _ = w.open("/agreements/kr-seoul-9?lang=en")
	form = hidden(page)
	for name, value := range map[string]string{"deed": "fulfil", "clause": "1", "quantity": " 8 ", "on": "2026-11-03", "text": "Eight more"} {
		form.Set(name, value)
	}
	if status, _, _ := w.post("/agreements/kr-seoul-9/deeds", form); status != 303 {
		t.Fatalf("fulfil: got %d", status)
	}
	if d := w.fake.Acts[len(w.fake.Acts)-1]; d.Clause != 1 || d.Quantity != "8" || d.On != "2026-11-03" || d.Text["en"] != "Eight more" {
		t.Errorf("asked for %+v", d)
	}
	// What is refused is said on the page, with what can be done.
	form = hidden(page)
	form.Set("deed", "confirm")
	form.Set("key", "another")
	if status, page, _ := w.post("/agreements/kr-seoul-9/deeds", form); status != 409 || !strings.Contains(page, "is not possible in kr-seoul-9 now") {
		t.Errorf("confirm: got %d", status)
	}
	form.Set("token", "forged")
	if status, _, _ := w.post("/agreements/kr-seoul-9/deeds", form); status != 403 {
		t.Errorf("a forged form: got %d", status)
	}
	if status, _, _ := w.open("/agreements/nothing-1"); status != 404 {
		t.Errorf("nothing: got %d", status)
	}
}

func TestListing_OthersAreAsked(t *testing.T) {
	w := newWorld(t)
	w.signIn()
	own, other := w.listings()
	_, page, _ := w.open(own + "?lang=en")
	if strings.Contains(page, own+"/proposal") {
		t.Error("an exchange is proposed to oneself")
	}
	// What fits is proposed together with the own listing, so that both are drawn on.
	number := strings.TrimPrefix(own, "/records/")
	link := regexp.MustCompile(`href="(/records/[a-z0-9-]+/proposal\?own=` + number + `)"`).FindStringSubmatch(page)
	if link == nil {
		t.Fatal("what fits is not proposed together with the own listing")
	}
	var drafted [2]string
	w.fake.OnRead = func(method string, detail any) {
		if method == "DraftProposal" {
			drafted = detail.([2]string)
		}
	}
	status, both, _ := w.open(link[1])
	if status != 200 || drafted[1] != number || !strings.Contains(both, `name="own" value="`+number+`"`) {
		t.Errorf("the form for both: %d, drafted from %q", status, drafted)
	}
	w.fake.OnRead = nil
	_, page, _ = w.open(other + "?lang=en")
	form := hidden(page)
	form.Set("quantity", "4")
	status, _, header := w.post(other+"/proposal", form)
	if status != 303 || !strings.HasPrefix(header.Get("Location"), "/agreements/") {
		t.Fatalf("propose: got %d to %q", status, header.Get("Location"))
	}
	if d := w.fake.Acts[0]; d.Deed != "propose" || !strings.Contains(string(d.Proposal), `"value":"4"`) {
		t.Errorf("asked for %s", d.Proposal)
	}
}
