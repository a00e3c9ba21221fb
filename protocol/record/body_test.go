package record

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dure-net/dure/protocol"
)

func TestFromBody_ToleratesNewerFields(t *testing.T) {
	r, err := Parse(protocol.KindOffer, []byte(fill(full[protocol.KindOffer])))
	if err != nil {
		t.Fatal(err)
	}
	content, err := generic(r)
	if err != nil {
		t.Fatal(err)
	}
	content["carbon"] = map[string]any{"value": uint64(7)}
	content["window"].(map[string]any)["zone"] = "Asia/Seoul"
	body, err := protocol.EncodeBody(protocol.Salt{}, content)
	if err != nil {
		t.Fatal(err)
	}
	again, err := FromBody(protocol.KindOffer, body)
	if err != nil {
		t.Fatalf("%v", FaultsOf(err))
	}
	if diff := cmp.Diff(r, again, cmp.Comparer(func(a, b protocol.CID) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
}

func TestFromBody_OneSpelling(t *testing.T) {
	for name, c := range map[string]struct {
		field string
		value any
		want  string
	}{
		"empty list":     {"sdgs", []any{}, "sdgs empty"},
		"false":          {"divisible", false, "divisible empty"},
		"empty object":   {"costs", map[string]any{}, "costs empty"},
		"ref as text":    {"project", one.String(), "project wrong_type"},
		"other type":     {"type", "request", "type not_in_list"},
		"number as text": {"sdgs", []any{"4"}, "sdgs[0] wrong_type"},
	} {
		r, err := Parse(protocol.KindOffer, []byte(fill(full[protocol.KindOffer])))
		if err != nil {
			t.Fatal(err)
		}
		content, err := generic(r)
		if err != nil {
			t.Fatal(err)
		}
		content[c.field] = c.value
		body, err := protocol.EncodeBody(protocol.Salt{}, content)
		if err != nil {
			t.Fatal(err)
		}
		_, err = FromBody(protocol.KindOffer, body)
		if got := said(FaultsOf(err)); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
	if _, err := FromBody(protocol.KindOffer, []byte{0xa0}); protocol.ReasonOf(err) != protocol.ReasonMalformed {
		t.Errorf("no body: %v", err)
	}
}

// Every known field holding every odd value: what is accepted all the same keeps its
// one spelling, and nothing panics.
func TestFromBody_OddValues(t *testing.T) {
	odd := []any{"", "x", uint64(0), uint64(7), int64(-1), true, false, []byte{1}, []any{}, []any{""}, []any{uint64(3)}, []any{[]any{}},
		map[string]any{}, map[string]any{"en": ""}, map[string]any{"en": "x", "x": "y"}, []any{map[string]any{}}, one, file, []any{one, one}}
	accepted := 0
	for kind, text := range full {
		r, err := Parse(kind, []byte(fill(text)))
		if err != nil {
			t.Fatal(err)
		}
		known := map[string]bool{}
		for _, f := range Fields(kind) {
			known[f.Path] = true
		}
		for _, f := range Fields(kind) {
			for _, value := range odd {
				content, err := generic(r)
				if err != nil {
					t.Fatal(err)
				}
				put(content, strings.Split(f.Path, "."), value)
				body, err := protocol.EncodeBody(protocol.Salt{}, content)
				if err != nil {
					t.Fatal(err)
				}
				HeadOf(kind, content)
				got, err := FromBody(kind, body)
				if err != nil {
					continue
				}
				accepted++
				typed, err := generic(got)
				if err != nil {
					t.Fatal(err)
				}
				sameKnown(t, "", content, typed, known)
			}
		}
	}
	if accepted < 50 {
		t.Errorf("only %d odd bodies were accepted: the test has lost its point", accepted)
	}
}

// put sets the value at a path, in the first item of lists.
func put(at map[string]any, steps []string, value any) {
	name := strings.TrimSuffix(steps[0], "[]")
	if len(steps) == 1 {
		at[name] = value
		return
	}
	switch inner := at[name].(type) {
	case map[string]any:
		put(inner, steps[1:], value)
	case []any:
		put(inner[0].(map[string]any), steps[1:], value)
	}
}
