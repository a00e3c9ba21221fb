package record

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/pb33f/jsonschema/v6"

	"github.com/dure-net/dure/protocol"
)

// schemaOf compiles a schema with an implementation that is not ours.
func schemaOf(t *testing.T, kind protocol.Kind) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(JSONSchema(kind))))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("mem:schema", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("mem:schema")
	if err != nil {
		t.Fatalf("%s: %v", kind, err)
	}
	return s
}

// The sample records are valid by their schemas, as they are by the validator; what lacks a
// required field, or has one that nobody knows, is neither.
func TestJSONSchema_SaysWhatTheValidatorSays(t *testing.T) {
	raw, err := os.ReadFile("../../node/sample/records.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Records []map[string]any }
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, r := range file.Records {
		kind, ok := protocol.ParseKind(r["type"].(string))
		if !ok {
			t.Fatal(r["type"])
		}
		for _, name := range []string{"illustrative", "ref", "member"} { // of the sample file, not of the record
			delete(r, name)
		}
		s := schemaOf(t, kind)
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		valid := func(change func(m map[string]any)) error {
			v, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
			if err != nil {
				t.Fatal(err)
			}
			change(v.(map[string]any))
			return s.Validate(v)
		}
		if err := valid(func(map[string]any) {}); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		seen[kind.String()]++
		for _, f := range Fields(kind) {
			if f.Required && !strings.ContainsAny(f.Path, ".[") && f.Path != "type" {
				if valid(func(m map[string]any) { delete(m, f.Path) }) == nil {
					t.Errorf("a %s without %s is valid", kind, f.Path)
				}
			}
		}
		if valid(func(m map[string]any) { m["colour"] = "red" }) == nil || valid(func(m map[string]any) { m["type"] = "ballot" }) == nil {
			t.Errorf("a %s with anything is valid", kind)
		}
	}
	for _, typ := range []string{"project", "experience", "offer", "request"} {
		if seen[typ] == 0 {
			t.Errorf("no sample of %s", typ)
		}
	}
	for _, typ := range Types() {
		kind, _ := protocol.ParseKind(typ)
		schemaOf(t, kind)
	}
	if JSONSchema(protocol.KindInception) != nil {
		t.Error("an inception is no record")
	}
}
