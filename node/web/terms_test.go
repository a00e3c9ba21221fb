package web_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/dure-net/dure/node/api"
)

// A proposal has several clauses without a script: a button adds one, another takes one out,
// what was typed stays, and what is wrong is said at its clause.
func TestTerms_SeveralClauses(t *testing.T) {
	w := newWorld(t)
	w.signIn()
	_, other := w.listings()
	at := other + "/proposal"
	owner := strings.TrimPrefix(other[:strings.LastIndex(other, "-")], "/records/")
	status, page, _ := w.open(at + "?lang=en")
	if status != http.StatusOK {
		t.Fatalf("got %d %.300s", status, page)
	}
	form := hiddenOf(t, page, at)
	for name, value := range map[string]string{"lang": "en", "title": "Exchange of trainers", "respond_by": "2027-01-10", "what.0": "Two trainers", "action.0": "work", "provider.0": owner, "receiver.0": "kr-seoul",
		"quantity.0": "10", "unit.0": "DAY", "until.0": "2027-03-01", "do": "add"} {
		form.Set(name, value)
	}
	status, page, _ = w.post(at, form)
	if status != http.StatusOK || !strings.Contains(page, ">Two trainers</textarea>") || !strings.Contains(page, `id="what-1"`) || strings.Contains(page, `role="alert"`) {
		t.Fatalf("one more clause: %d %.300s", status, page)
	}
	if len(w.fake.Acts) != 0 {
		t.Fatal("a clause more was taken for a proposal")
	}
	for name, value := range map[string]string{"rows": "2", "no.1": "2", "what.1": "", "action.1": "work", "provider.1": "kr-seoul", "receiver.1": owner, "quantity.1": "many", "unit.1": "EUR", "until.1": "2027-03-01", "do": "send"} {
		form.Set(name, value)
	}
	status, page, _ = w.post(at, form)
	if status != http.StatusUnprocessableEntity || !strings.Contains(page, `<a href="#what-1">Clause 2, What</a>`) || !strings.Contains(page, `<a href="#quantity-1">Clause 2, How much</a>`) || !strings.Contains(page, `value="many"`) {
		t.Fatalf("faults: %d %.3000s", status, page)
	}
	form.Set("what.1", "Their travel; ask jane.doe@gmail.com")
	form.Set("quantity.1", "1200")
	status, page, _ = w.post(at, form)
	if status != http.StatusUnprocessableEntity || !strings.Contains(page, "jane.doe@gmail.com") || !strings.Contains(page, `name="sure"`) || len(w.fake.Acts) != 0 {
		t.Fatalf("what looks like a person's: %d, %d acts", status, len(w.fake.Acts))
	}
	form.Set("what.1", "Their travel")
	if status, page, _ = w.post(at, form); status != http.StatusSeeOther || len(w.fake.Acts) != 1 {
		t.Fatalf("got %d, %d acts %.300s", status, len(w.fake.Acts), page)
	}
	var sent struct {
		Title   map[string]string
		Clauses []struct {
			No       int
			What     map[string]string
			Due      string
			Amount   *struct{ Value, Currency string }
			Quantity *struct{ Value, Unit string }
		}
	}
	if err := json.Unmarshal(w.fake.Acts[0].Proposal, &sent); err != nil {
		t.Fatal(err)
	}
	if len(sent.Clauses) != 2 || sent.Title["en"] != "Exchange of trainers" || sent.Clauses[0].Quantity == nil || sent.Clauses[1].Amount == nil || sent.Clauses[1].Amount.Currency != "EUR" || sent.Clauses[1].Due != "2027-03-01" {
		t.Errorf("sent %s", w.fake.Acts[0].Proposal)
	}
	w.post(at, form)
	if len(w.fake.Acts) != 1 {
		t.Error("the button pressed twice proposes twice")
	}
	form.Set("do", "drop-0")
	if _, page, _ = w.post(at, form); strings.Contains(page, "Two trainers") || !strings.Contains(page, "Their travel") || !strings.Contains(page, "Clause 2") {
		t.Error("a clause taken out is there, or the other one is not, or has another number")
	}
	form.Set("token", "another")
	if status, _, _ = w.post(at, form); status != http.StatusForbidden {
		t.Errorf("a form of somebody else: %d", status)
	}
}

// An amendment begins with what holds; twenty clauses are the most.
func TestTerms_AmendAndMost(t *testing.T) {
	w := newWorld(t)
	a := inForce()
	a.Choices = []api.Choice{{Deed: "amend"}}
	a.Versions = []api.Version{{Number: "kr-seoul-9", State: "confirmed", Writer: "kr-seoul", Content: map[string]any{"type": "proposal", "lang": "ko", "title": map[string]any{"ko": "강사 교류"}, "parties": []any{"kr-seoul", "ca-montreal"},
		"respond_by": "2026-12-20", "governing": map[string]any{"data": map[string]any{"ko": "공유하지 않음"}}, "clauses": []any{map[string]any{"no": 3, "provider": "kr-seoul", "receiver": "ca-montreal", "action": "work", "what": map[string]any{"ko": "강사 두 사람"},
			"skill": "2351", "quantity": map[string]any{"value": "10", "unit": "DAY"}, "window": map[string]any{"from": "2027-01-05", "to": "2027-03-01"}}}}}}
	w.fake.Threads = []api.Agreement{a}
	w.signIn()
	_, page, _ := w.open("/agreements/kr-seoul-9?lang=ko")
	if !strings.Contains(page, "/agreements/kr-seoul-9/terms?deed=amend") {
		t.Fatal("nothing leads to the form")
	}
	if status, _, _ := w.open("/agreements/kr-seoul-9/terms?deed=counter"); status != http.StatusConflict {
		t.Errorf("what cannot be done now: %d", status)
	}
	const at = "/agreements/kr-seoul-9/terms"
	_, page, _ = w.open(at + "?deed=amend&version=")
	for _, want := range []string{">강사 두 사람</textarea>", `value="2027-01-05"`, `value="10"`, "3번 조항"} {
		if !strings.Contains(page, want) {
			t.Errorf("the form has no %s", want)
		}
	}
	form := hiddenOf(t, page, at)
	for name, value := range map[string]string{"lang": "ko", "title": "강사 교류", "respond_by": "2027-01-10", "what.0": "강사 세 사람", "action.0": "work", "provider.0": "kr-seoul", "receiver.0": "ca-montreal",
		"quantity.0": "15", "unit.0": "DAY", "from.0": "2027-01-05", "until.0": "2027-04-01", "do": "send"} {
		form.Set(name, value)
	}
	if status, page, _ := w.post(at, form); status != http.StatusSeeOther || len(w.fake.Acts) != 1 {
		_, alert, _ := strings.Cut(page, `role="alert"`)
		t.Fatalf("got %d %.500s", status, alert)
	}
	for _, want := range []string{`"skill":"2351"`, "공유하지 않음", `"value":"15"`, `"to":"2027-04-01"`, `"no":3`} {
		if !strings.Contains(string(w.fake.Acts[0].Proposal), want) {
			t.Errorf("sent without %s: %s", want, w.fake.Acts[0].Proposal)
		}
	}
	form.Set("rows", "4000")
	form.Set("do", "add")
	if _, page, _ = w.post(at, form); strings.Count(page, "<fieldset") != 20 || strings.Contains(page, `value="add"`) {
		t.Errorf("%d clauses", strings.Count(page, "<fieldset"))
	}
}
