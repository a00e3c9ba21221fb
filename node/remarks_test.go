package node_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record/remark"
)

// says has a city say something about a record.
func (c *city) says(ref, typ, fields string) (api.Receipt, error) {
	return c.client().Remark(context.Background(), api.RemarkDraft{Ref: ref, Type: typ, Raw: json.RawMessage(`{"type":"` + typ + `","lang":"en",` + fields + `}`)})
}

// sees waits until a city's view of a record's remarks is as wanted.
func (c *city) sees(ref, what string, ok func(remark.View) bool) (v remark.View) {
	c.t.Helper()
	eventually(c.t, c.handle+" sees "+what, func() error {
		r, err := c.client().Remarks(context.Background(), ref, "")
		if v = r.View; err == nil && !ok(v) {
			err = errors.New("not yet")
		}
		return err
	})
	return v
}

// The rate is refused at home first, with when one may ask again; it counts all records
// together, and both nodes come to the same view, byte for byte.
func TestRemarks_RateIsRefusedAtHomeFirst(t *testing.T) {
	seoul, montreal, offer := agreeing(t)
	second := seoul.publish("Another record").Number
	eventually(t, "the second record is known", func() error { _, err := montreal.client().Record(context.Background(), second); return err })
	// Midnight may fall between two questions: then there is room for those of another day.
	asked, began, err := map[string]int{}, remark.DayOf(time.Now().UnixMilli()), error(nil)
	total := 0
	for ; total <= 2*remark.MaxQuestions; total++ {
		ref := []string{offer, second}[total%2]
		if _, err = montreal.says(ref, "question", fmt.Sprintf(`"text":{"en":"Question %d"}`, total)); err != nil {
			break
		}
		asked[ref]++
	}
	if most := remark.MaxQuestions; total < most || total > most && began == remark.DayOf(time.Now().UnixMilli()) {
		t.Errorf("%d questions are written in a day, want %d: %v", total, most, err)
	}
	var e *protocol.Error
	if !errors.As(err, &e) || e.Reason != protocol.ReasonBusy {
		t.Fatalf("one too many: %v", err)
	}
	if again, err := time.Parse(time.RFC3339, e.Args["again"]); err != nil || !again.After(time.Now()) || again.Sub(time.Now()) > 24*time.Hour {
		t.Errorf("again at %v, %v", e.Args["again"], err)
	}
	if _, err := seoul.says(offer, "reply", `"text":{"en":"To which?"}`); protocol.ReasonOf(err) != protocol.ReasonAmbiguous {
		t.Errorf("a reply to one of ten: %v", err)
	}
	here := montreal.sees(offer, "its questions", func(v remark.View) bool { return v.Count.Questions == asked[offer] })
	there := seoul.sees(offer, "the same", func(v remark.View) bool { return v.Count.Questions == asked[offer] })
	a, err1 := json.Marshal(here)
	b, err2 := json.Marshal(there)
	if here.AsOf == there.AsOf && (err1 != nil || err2 != nil || string(a) != string(b)) {
		t.Errorf("two views:\n%s\n%s", a, b)
	}
	seoul.sees(second, "the others", func(v remark.View) bool { return v.Count.Questions == asked[second] })
	box, err := seoul.client().Inbox(context.Background(), "")
	if err != nil || len(box.Records) != total || box.Records[0].What != "question" || box.Records[0].Text["en"] == "" {
		t.Errorf("%d wait for Seoul, %v", len(box.Records), err)
	}
}

// What a member said about another's record is the member's to erase, and only that goes.
func TestRemarks_OwnOnesAreErased(t *testing.T) {
	seoul, montreal, offer := agreeing(t)
	ctx := context.Background()
	r, err := montreal.says(offer, "question", `"text":{"en":"Call the office at +1 514-555-0199"}`)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Warnings) == 0 {
		t.Error("a telephone number is not told of")
	}
	seoul.sees(offer, "the question", func(v remark.View) bool { return v.Count.Questions == 1 })
	if _, err := seoul.says(offer, "reply", `"text":{"en":"We will"}`); err != nil {
		t.Fatal(err)
	}
	if _, err := seoul.client().Erase(ctx, r.ID, api.Why{}); err == nil {
		t.Error("the record's owner erased another member's words")
	}
	if _, err := montreal.client().Erase(ctx, r.ID, api.Why{}); err != nil {
		t.Fatal(err)
	}
	if _, err := montreal.client().Erase(ctx, r.ID, api.Why{}); protocol.ReasonOf(err) != protocol.ReasonErased {
		t.Errorf("erased twice: %v", err)
	}
	for _, c := range []*city{seoul, montreal} {
		v := c.sees(offer, "it gone", func(v remark.View) bool {
			return len(v.Questions) == 1 && v.Questions[0].State == "absent" && len(v.Questions[0].Replies) == 1
		})
		raw, err := json.Marshal(v)
		if err != nil || strings.Contains(string(raw), "514") {
			t.Errorf("%s still says it: %s", c.handle, raw)
		}
	}
	if rec, err := seoul.client().Record(ctx, offer); err != nil || rec.State != api.RecordPublished {
		t.Errorf("the record: %v, %v", rec.State, err)
	}
}
