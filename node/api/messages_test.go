package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
)

const privateOffer = `{"type":"offer","for":["ca-montreal"],"lang":"en","kind":"personnel","mode":"expert_mission","title":{"en":"Two advisers"},
 "summary":{"en":"For the drafting of an ordinance."},"themes":["public_procurement"],"delivery":"remote","window":{"from":"2027-03-02","to":"2027-05-28"},
 "valid_until":"2027-02-26","working_languages":["en"],"return":"cost_recovery","costs":{"travel":"receiver"},"skills":["2422"],"effort":{"value":"15","unit":"DAY"}}`

func TestMessages_OverHTTP(t *testing.T) {
	w, ctx := newWorld(t), context.Background()
	c := w.client()
	r, err := c.Send(ctx, api.MessageDraft{To: []string{"ca-montreal"}, Text: "Ask for Kim Hana.", Lang: "en", About: "kr-seoul-41", Persons: []api.Person{{Name: "김하나", Phone: "02-123-4567"}}})
	if err != nil {
		t.Fatal(err)
	}
	m, err := c.Message(ctx, r.Number)
	if err != nil || m.Text != "Ask for Kim Hana." || m.Concerns != "kr-seoul-41" || len(m.Persons) != 1 {
		t.Fatalf("%+v %v", m, err)
	}
	page, err := c.Messages(ctx, api.MessageQuery{With: "ca-montreal", About: "kr-seoul-41"})
	if err != nil || len(page.Items) != 1 {
		t.Fatalf("%+v %v", page, err)
	}
	var e *protocol.Error
	if _, err = c.Send(ctx, api.MessageDraft{To: []string{"ph-quezon-city"}, Text: "x", Dry: true}); !errors.As(err, &e) || e.Reason != protocol.ReasonNotFound || e.Args["recipients"] != "ph-quezon-city" {
		t.Errorf("a member without a key: %v", err)
	}
	all, err := c.Recipients(ctx)
	if err != nil || len(all) != 7 {
		t.Errorf("%d %v", len(all), err)
	}
	if self, err := c.RotateKey(ctx); err != nil || !self.Self {
		t.Errorf("%+v %v", self, err)
	}
	up, err := c.Enclose(ctx, "계약서.pdf", strings.NewReader(pdf+"contract"))
	if err != nil || !up.Private || up.MediaType != "application/pdf" {
		t.Fatalf("%+v %v", up, err)
	}
	sent, err := c.Send(ctx, api.MessageDraft{To: []string{"ca-montreal"}, Documents: []api.DocumentDraft{{Title: "계약서.pdf", Upload: up.ID}}})
	if err != nil {
		t.Fatal(err)
	}
	if m, err := c.Message(ctx, sent.Number); err != nil || len(m.Documents) != 1 || m.Documents[0].Attachment != 1 {
		t.Errorf("%+v %v", m, err)
	}
	if all, err := c.Attachments(ctx, sent.Number); err != nil || len(all) != 1 || !all[0].Private || all[0].Name != "계약서.pdf" {
		t.Errorf("%+v %v", all, err)
	}
	if resp, raw := w.ask("GET", "/api/v1/records/"+sent.Number+"/attachments/1", ""); string(raw) != pdf+"contract" || resp.Header.Get("Content-Type") != "application/pdf" {
		t.Errorf("%s %q", resp.Status, raw)
	}
	for _, path := range []string{"/api/v1/records/" + sent.Number + "/attachments", "/api/v1/records/" + sent.Number + "/attachments/1"} {
		if resp, raw := w.ask("GET", path, "", "Authorization", ""); resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s without a token: %s %s", path, resp.Status, raw)
		}
	}
	if resp, raw := w.ask("POST", "/api/v1/attachments?private=perhaps", "x", "Content-Type", "application/octet-stream"); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("neither private nor not: %s %s", resp.Status, raw)
	}
	if _, err := c.Send(ctx, api.MessageDraft{To: []string{"ca-montreal"}, Documents: []api.DocumentDraft{{Title: "x", Upload: "bafynothing"}}}); protocol.ReasonOf(err) != protocol.ReasonInvalid {
		t.Errorf("a file that is not here: %v", err)
	}
	for body, field := range map[string]string{
		`{"to":[],"text":"x"}`: "to", `{"to":["a"],"text":"x","what":"order"}`: "what", `{"to":["a"],"text":"x","cc":["b"]}`: "cc",
		`{"to":["a"],"persons":[{"phone":"1"}]}`: "persons",
	} {
		resp, raw := w.ask("POST", "/api/v1/messages", body)
		if resp.StatusCode/100 != 4 || !strings.Contains(string(raw), field) {
			t.Errorf("%s: %s %s", body, resp.Status, raw)
		}
	}
}

// What is for chosen members is for holders of a token: on a public node others learn
// nothing of it, not even that there is something.
func TestMessages_NothingIsOpenData(t *testing.T) {
	w, ctx := newWorld(t, func(c *api.Config) { c.Public = true }), context.Background()
	r, err := w.client().Publish(ctx, api.Draft{Type: "offer", Raw: json.RawMessage(privateOffer)})
	if err != nil {
		t.Fatal(err)
	}
	mine, err := w.client().Record(ctx, r.Number)
	if err != nil || len(mine.For) != 1 || mine.Content["for"] != nil {
		t.Fatalf("%+v %v", mine, err)
	}
	again, err := w.client().Publish(ctx, api.Draft{Type: "offer", Raw: json.RawMessage(strings.Replace(privateOffer, `"for":["ca-montreal"],`, "", 1)), For: []string{"es-bilbao", "sn-dakar"}})
	if rec, err2 := w.client().Record(ctx, again.Number); err != nil || err2 != nil || len(rec.For) != 2 {
		t.Errorf("%+v %v %v", rec, err, err2)
	}
	for _, path := range []string{"/records/" + r.Number, "/records/" + r.Record, "/records/" + r.Number + "/erasure", "/records/" + r.Number + "/matches", "/records/" + r.Number + "/calendar", "/entries/" + r.Number + "/proof", "/blocks/" + mine.Entry, "/blocks/" + mine.Body, "/records/kr-seoul-9999"} {
		resp, raw := w.ask("GET", "/api/v1"+path, "", "Authorization", "")
		if resp.StatusCode != http.StatusNotFound || strings.Contains(string(raw), "ca-montreal") {
			t.Errorf("%s: %s %s", path, resp.Status, raw)
		}
	}
	for _, path := range []string{"/messages", "/messages/" + r.Number, "/recipients"} {
		if resp, raw := w.ask("GET", "/api/v1"+path, "", "Authorization", ""); resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %s %s", path, resp.Status, raw)
		}
	}
	_, raw := w.ask("GET", "/api/v1/records?limit=200", "", "Authorization", "")
	if strings.Contains(string(raw), r.Record) || !strings.Contains(string(raw), "kr-seoul-41") {
		t.Errorf("the open list: %s", raw)
	}
	if _, raw := w.ask("GET", "/api/v1/records?limit=200", ""); !strings.Contains(string(raw), r.Record) {
		t.Error("the list of a holder of a token lacks it")
	}
	// Its last day and its title are in a calendar, the sealed entry is in a proof: for holders of a token.
	for _, path := range []string{"/records/" + r.Number + "/calendar", "/entries/" + r.Number + "/proof", "/blocks/" + mine.Entry, "/blocks/" + mine.Body} {
		if resp, raw := w.ask("GET", "/api/v1"+path, ""); resp.StatusCode != http.StatusOK {
			t.Errorf("%s with a token: %s %s", path, resp.Status, raw)
		}
	}
	// Once erased, it names nobody; that it was there is still no open data.
	if _, err := w.client().Erase(ctx, r.Number, api.Why{}); err != nil {
		t.Fatal(err)
	}
	if resp, raw := w.ask("GET", "/api/v1/records/"+r.Number, "", "Authorization", ""); resp.StatusCode != http.StatusNotFound {
		t.Errorf("erased: %s %s", resp.Status, raw)
	}
}

// Somebody who wanted to choose readers, and chose none, does not publish for all.
func TestMessages_ForNobodyIsNotForAll(t *testing.T) {
	w := newWorld(t)
	for _, to := range []string{`null`, `[]`, `"ca-montreal"`, `{}`} {
		resp, raw := w.ask("POST", "/api/v1/records", strings.Replace(privateOffer, `["ca-montreal"]`, to, 1))
		if resp.StatusCode/100 != 4 {
			t.Errorf("for %s: %s %s", to, resp.Status, raw)
		}
	}
}
