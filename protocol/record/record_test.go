package record

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dure-net/dure/protocol"
)

func TestSamples_Validate(t *testing.T) {
	bodies := sampleBodies(t)
	if len(bodies) != 40 {
		t.Fatalf("got %d samples, want 40", len(bodies))
	}
	for _, raw := range bodies {
		r, err := ParseAny(raw, anyRef)
		if err != nil {
			t.Errorf("%s\n%v", raw, FaultsOf(err))
			continue
		}
		if text, tag := r.Head().Title.In(r.Head().Lang); text == "" || tag != r.Head().Lang {
			t.Errorf("no title in its own language: %s", raw)
		}
		var m map[string]any
		if err := json.Unmarshal(raw, &m); err != nil {
			t.Fatal(err)
		}
		if _, refers := m["project"]; refers != (len(r.Refs()) == 1) {
			t.Errorf("refs %v of %s", r.Refs(), raw)
		}
	}
}

// Every field goes through: JSON to record to body and back, nothing lost or added.
func TestFull_GoesThroughWhole(t *testing.T) {
	for kind, text := range full {
		r, err := Parse(kind, []byte(fill(text)))
		if err != nil {
			t.Errorf("%s: %v", kind, FaultsOf(err))
			continue
		}
		if r.Kind() != kind {
			t.Errorf("%s came back as %s", kind, r.Kind())
		}
		var want, got any
		out, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(json.Unmarshal([]byte(fill(text)), &want), json.Unmarshal(out, &got)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s as JSON:\n%s", kind, diff)
		}
		body, err := Encode(protocol.Salt{7}, r)
		if err != nil {
			t.Fatal(err)
		}
		again, err := FromBody(kind, body)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r, again, cmp.Comparer(func(a, b protocol.CID) bool { return a == b })); diff != "" {
			t.Errorf("%s as a body:\n%s", kind, diff)
		}
		if second, err := Encode(protocol.Salt{7}, again); err != nil || string(second) != string(body) {
			t.Errorf("%s: encoding again gave other bytes, %v", kind, err)
		}
	}
}

// The full bodies name every field that the schema has, except the few that exclude
// one another, so that the tests above cannot miss a new one.
func TestFull_HasEveryField(t *testing.T) {
	elsewhere := map[string]bool{ // fields that another kind or another test carries
		"profile.org_type": true, "profile.members_band": true, "offer.skills": true, "offer.level": true,
		"offer.effort": true, "offer.effort.value": true, "offer.effort.unit": true, "offer.standing": true, "request.standing": true,
		"request.goods": true, "request.condition": true, "request.cpv": true, "request.quantity": true,
		"request.quantity.value": true, "request.quantity.unit": true,
		"offer.amount": true, "offer.amount.value": true, "offer.amount.currency": true, "offer.minimum_amount": true,
		"offer.minimum_amount.value": true, "offer.minimum_amount.currency": true,
		"request.amount": true, "request.amount.value": true, "request.amount.currency": true, "request.minimum_amount": true,
		"request.minimum_amount.value": true, "request.minimum_amount.currency": true,
		"offer.place.locode": true, "offer.place.lat": true, "offer.place.lon": true, "request.place.locode": true, "request.place.lat": true,
		"request.place.lon": true, "project.place.locode": true, "project.place.lat": true, "project.place.lon": true,
		"proposal.amends": true, "proposal.clauses[].amount": true, "proposal.clauses[].amount.value": true, "proposal.clauses[].amount.currency": true,
		"proposal.clauses[].due": true, "proposal.clauses[].reciprocal_of": true, "proposal.clauses[].skill": true,
		"proposal.clauses[].place.locode": true, "proposal.clauses[].place.lat": true, "proposal.clauses[].place.lon": true,
		"proposal.governing.costs.travel": true, "proposal.governing.costs.lodging": true, "proposal.governing.costs.insurance": true, "proposal.governing.costs.stipend": true,
		"fulfilment.amount": true, "fulfilment.amount.value": true, "fulfilment.amount.currency": true,
		"experience.place.locode": true, "experience.place.lat": true, "experience.place.lon": true,
	}
	for _, f := range Fields(protocol.KindNotice) { // TestEvent_Rules has an event's
		if strings.HasPrefix(f.Path, "sessions") || strings.HasPrefix(f.Path, "place") || f.Path == "starts" || f.Path == "ends" || f.Path == "utc_offset" {
			elsewhere["notice."+f.Path] = true
		}
	}
	for kind, text := range full {
		var m any
		if err := json.Unmarshal([]byte(text), &m); err != nil {
			t.Fatal(err)
		}
		for _, f := range Fields(kind) {
			at := m
			for _, step := range strings.Split(f.Path, ".") {
				inner, _ := at.(map[string]any)
				at = inner[strings.TrimSuffix(step, "[]")]
				if list, ok := at.([]any); ok && strings.HasSuffix(step, "[]") && len(list) > 0 {
					at = list[0]
				}
			}
			if name := kind.String() + "." + f.Path; (at == nil) != elsewhere[name] {
				t.Errorf("%s: in the full body %v, listed as elsewhere %v", name, at != nil, elsewhere[name])
			}
		}
	}
}

func TestParse_ReportsAllFaultsAtOnce(t *testing.T) {
	_, err := Parse(protocol.KindOffer, []byte(`{
		"type":"offer","lang":"EN","kind":"material","mode":"secondment","titel":{"en":"T"},"summary":"text",
		"themes":["care","care","carre"],"goods":"weapons","quantity":{"value":5,"unit":"piece"},"window":{"from":"2027-05-31","to":"2027-02-30"},
		"delivery":"on_site","reach":{"scope":"members"},"working_languages":[],"return":"gift","costs":{"travel":"me"},"standing":"yes",
		"sdgs":[1,18,1.5],"title":{"en":"a\u0007","ko":"\u1112\u1161\u11ab"},"lang2":null}`))
	if protocol.ReasonOf(err) != protocol.ReasonInvalid {
		t.Fatalf("reason %v", protocol.ReasonOf(err))
	}
	want := strings.Join([]string{
		"lang bad_format", "mode not_in_list", "title.en control_character", "title.ko not_nfc", "summary wrong_type",
		"themes[1] duplicate", "themes[2] not_in_list", "sdgs[1] out_of_range", "sdgs[2] wrong_type", "goods restricted", "condition required",
		"quantity.value wrong_type", "quantity.unit not_in_list", "window.to bad_format", "place required", "reach.list required",
		"working_languages required", "costs.travel not_in_list", "standing wrong_type", "valid_until required", "lang2 unknown_field", "titel unknown_field",
	}, "; ")
	if got := said(FaultsOf(err)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for _, f := range FaultsOf(err) {
		switch f.Field {
		case "titel":
			if f.Args["nearest"] != "title" {
				t.Errorf("nearest to titel: %q", f.Args["nearest"])
			}
		case "themes[2]":
			if f.Args["nearest"] != "care" || f.Args["list"] != "themes" || f.Value != "carre" {
				t.Errorf("themes[2]: %+v", f)
			}
		case "lang":
			if f.Args["nearest"] != "en" {
				t.Errorf("lang: %+v", f)
			}
		}
		if !slices.Contains(FaultCodes(), f.Code) {
			t.Errorf("%s is not in the closed set", f.Code)
		}
	}
}

func TestParse_RefusesWhatIsNotARecord(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40)
	for name, c := range map[string]struct{ in, want string }{
		"nothing":         {"", "bad_json"},
		"cut":             {`{"type":"offer"`, "bad_json"},
		"two values":      {`{} {}`, "bad_json"},
		"a list":          {`[]`, "wrong_type"},
		"null":            {`null`, "wrong_type"},
		"no UTF-8":        {"{\"type\":\"\xff\"}", "bad_format"},
		"deep":            {deep, "too_deep"},
		"large":           {`{"a":"` + strings.Repeat("x", MaxInputBytes) + `"}`, "too_large"},
		"no type":         {`{"lang":"en"}`, "type required"},
		"type not listed": {`{"type":"ofer"}`, "type not_in_list"},
	} {
		r, err := ParseAny([]byte(c.in), nil)
		if got := said(FaultsOf(err)); r != nil || got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
	_, err := ParseAny([]byte("{\n \"type\": offer}"), nil)
	if f := FaultsOf(err); len(f) != 1 || f[0].Args["line"] != "2" || f[0].Args["column"] != "10" {
		t.Errorf("position: %+v", f)
	}
	if _, err := Parse(protocol.KindInception, []byte(`{}`)); !FaultsOf(err).Has("type", FaultNotInList) {
		t.Errorf("a kind that is no record: %v", err)
	}
}

func TestParse_KeysSaidTwice(t *testing.T) {
	_, err := Parse(protocol.KindWithdraw, []byte(`{"type":"withdraw","lang":"ko","reason":{"ko":"하나","ko":"둘"}}`))
	if got := said(FaultsOf(err)); got != "reason.ko duplicate" {
		t.Errorf("got %q", got)
	}
}

func TestParse_BoundsTheFaults(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"type":"withdraw","lang":"ko"`)
	for i := range 3 * MaxFaults {
		b.WriteString(`,"x` + itoa(i) + `":1`)
	}
	_, err := Parse(protocol.KindWithdraw, []byte(b.String()+"}"))
	faults := FaultsOf(err)
	if len(faults) != MaxFaults+1 || faults[MaxFaults].Code != FaultMore {
		t.Errorf("got %d faults, the last %+v", len(faults), faults[len(faults)-1])
	}
}

func TestParse_BodyLimit(t *testing.T) {
	text := Text{}
	for _, tag := range []string{"en", "ko", "ja", "zh-Hant"} {
		text[tag] = strings.Repeat("한", 8000)
	}
	_, faults := change(t, protocol.KindProject, "body", text)
	if got := said(faults); got != "too_large" {
		t.Errorf("96,000 bytes: got %q", got)
	}
	// One character at a time around the limit: what Parse accepts, EncodeBody accepts.
	fits := 0
	for n := 5000; n < 5700; n += 7 {
		r, faults := change(t, protocol.KindProject, "body", Text{"en": "x", "ko": strings.Repeat("한", 8000), "ja": strings.Repeat("a", 8000), "fr": strings.Repeat("한", 8000), "es": strings.Repeat("a", n)})
		if len(faults) > 0 {
			continue
		}
		fits++
		if _, err := protocol.EncodeBody(protocol.Salt{}, r.Content()); err != nil {
			t.Fatalf("accepted, and %v", err)
		}
	}
	if fits == 0 {
		t.Error("nothing fitted: the loop misses the limit")
	}
}

func TestParseWith_ResolvesNames(t *testing.T) {
	raw := []byte(strings.Replace(fill(full[protocol.KindOffer]), one.String(), "kr-seoul-41", 1))
	known := func(name string) (protocol.RecordID, bool) { return one, name == "kr-seoul-41" }
	r, err := ParseWith(protocol.KindOffer, raw, known)
	if err != nil || !slices.Contains(r.Refs(), one) {
		t.Errorf("%v, %v", r, FaultsOf(err))
	}
	_, err = ParseWith(protocol.KindOffer, raw, func(string) (protocol.RecordID, bool) { return one, false })
	if got := said(FaultsOf(err)); got != "project unknown_record" {
		t.Errorf("unknown: %q", got)
	}
	_, err = Parse(protocol.KindOffer, raw)
	if got := said(FaultsOf(err)); got != "project bad_format" {
		t.Errorf("without resolver: %q", got)
	}
}

func TestHeadOf_NeverFails(t *testing.T) {
	for _, kind := range append(slices.Clone(allKinds), protocol.KindInception, 99) {
		for _, v := range []any{nil, uint64(1), "x", []any{uint64(1), "y"}, map[string]any{"en": uint64(1), "from": "2027-01-01"}} {
			content := map[string]any{}
			for _, name := range []string{"lang", "title", "names", "summary", "themes", "place", "window", "period", "machine", "project", "standing"} {
				content[name] = v
			}
			if h := HeadOf(kind, content); h.Kind != kind || len(h.Title) > 0 && h.Title["en"] == "1" {
				t.Errorf("%s: %+v", kind, h)
			}
		}
	}
	r, faults := change(t, protocol.KindRequest)
	if faults != nil {
		t.Fatal(faults)
	}
	got := r.Head()
	want := Head{
		Kind: protocol.KindRequest, Lang: "en", Machine: []string{"ko"}, Title: Text{"en": "T", "ko": "제목"}, Summary: Text{"en": "S"}, Status: "closed",
		Category: "personnel", Mode: "trainer", Themes: []string{"education"}, Country: "KR", Place: "Seoul", From: "2027-02-01", To: "2027-05-31",
		ValidUntil: "2027-04-30", Languages: []string{"ko", "zh-Hant"}, Project: one,
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b protocol.CID) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
}

func TestValidate_JudgesWhatCodeBuilt(t *testing.T) {
	r, _ := change(t, protocol.KindNotice)
	n := r.(*Notice)
	if faults := Validate(n); faults != nil {
		t.Fatalf("valid, and %v", faults)
	}
	n.ValidUntil, n.Title = "2026-11-30", Text{"ko": "제목"}
	if got := said(Validate(n)); got != "title missing_language; valid_until order; deadline order" {
		t.Errorf("got %q", got)
	}
	if _, err := Encode(protocol.Salt{}, n); len(FaultsOf(err)) != 3 {
		t.Errorf("encoded in spite of faults: %v", err)
	}
	n.Link = &protocol.CID{}
	if got := said(Validate(n)); got != "malformed" {
		t.Errorf("an undefined link: %q", got)
	}
}

var update = flag.Bool("update", false, "write SCHEMA.md")

func TestSchemaDocument_IsCurrent(t *testing.T) {
	want := SchemaDocument()
	if *update {
		if err := os.WriteFile("SCHEMA.md", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("SCHEMA.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(got), want); diff != "" {
		t.Errorf("SCHEMA.md is not what the code says; go test ./protocol/record -run SchemaDocument -update\n%s", diff)
	}
}
