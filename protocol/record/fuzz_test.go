package record

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/dure-net/dure/protocol"
)

var allKinds = slices.Concat([]protocol.Kind{protocol.KindWithdraw}, recordKinds, AgreementKinds(), remarkKinds)

func kindAt(n uint8) protocol.Kind { return allKinds[int(n)%len(allKinds)] }

// Whatever is accepted from JSON can be written, read back the same, and said again in
// JSON with the same meaning; whatever is not accepted says why.
func FuzzParse(f *testing.F) {
	for i, kind := range allKinds {
		f.Add(uint8(i), []byte(fill(full[kind])))
		f.Add(uint8(i), []byte(`{"type":"`+kind.String()+`","lang":"en","x":[[[{}]]],"title":{"en":null}}`))
	}
	for i, raw := range sampleBodies(f) {
		f.Add(uint8(i), raw)
	}
	f.Fuzz(func(t *testing.T, n uint8, raw []byte) {
		kind := kindAt(n)
		r, err := ParseWith(kind, raw, anyRef)
		if err != nil {
			faults := FaultsOf(err)
			if len(faults) == 0 || len(faults) > MaxFaults+1 || r != nil {
				t.Fatalf("refused with %d faults: %v", len(faults), err)
			}
			return
		}
		body, err := Encode(protocol.Salt{}, r)
		if err != nil {
			t.Fatalf("parsed, and cannot be written: %v", FaultsOf(err))
		}
		again, err := FromBody(kind, body)
		if err != nil || !reflect.DeepEqual(r, again) {
			t.Fatalf("came back as %+v, %v", again, FaultsOf(err))
		}
		said, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		third, err := Parse(kind, said)
		if err != nil || !reflect.DeepEqual(r, third) {
			t.Fatalf("%s\nwas read as %+v, %v", said, third, FaultsOf(err))
		}
		_ = r.Head()
	})
}

// A body that is accepted has one spelling: its content encodes to the same bytes, and
// so does the typed record, but for fields that this version does not know.
func FuzzMalleability_Body(f *testing.F) {
	for i, kind := range allKinds {
		r, err := Parse(kind, []byte(fill(full[kind])))
		if err != nil {
			f.Fatal(err)
		}
		body, err := Encode(protocol.Salt{1, 2, 3}, r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(i), body)
	}
	for _, raw := range sampleBodies(f) {
		r, err := ParseAny(raw, anyRef)
		if err != nil {
			f.Fatal(err)
		}
		body, err := Encode(protocol.Salt{}, r)
		if err != nil {
			f.Fatal(err)
		}
		for i, kind := range allKinds {
			if kind == r.Kind() {
				f.Add(uint8(i), body)
			}
		}
	}
	f.Fuzz(func(t *testing.T, n uint8, raw []byte) {
		kind := kindAt(n)
		r, err := FromBody(kind, raw)
		if err != nil {
			return
		}
		block, err := protocol.DecodeGeneric(raw)
		if err != nil {
			t.Fatalf("accepted, and not canonical: %v", err)
		}
		again, err := protocol.Encode(block)
		if err != nil || !bytes.Equal(again, raw) {
			t.Fatalf("content encodes to other bytes, %v", err)
		}
		content, err := protocol.BodyContent(raw)
		if err != nil {
			t.Fatal(err)
		}
		typed, err := generic(r)
		if err != nil {
			t.Fatal(err)
		}
		known := map[string]bool{}
		for _, field := range Fields(kind) {
			known[field.Path] = true
		}
		sameKnown(t, "", content, typed, known)
		if HeadOf(kind, content).Lang != r.Head().Lang {
			t.Fatal("two heads")
		}
	})
}

// sameKnown fails unless typed says all that content says under known names.
func sameKnown(t *testing.T, path string, content, typed any, known map[string]bool) {
	switch c := content.(type) {
	case map[string]any:
		m, ok := typed.(map[string]any)
		if !ok {
			t.Fatalf("%s: %v became %v", path, content, typed)
		}
		for name, v := range c {
			at := strings.TrimPrefix(path+"."+name, ".")
			inner, there := m[name]
			switch {
			case there:
				sameKnown(t, at, v, inner, known)
			case known[at]:
				t.Fatalf("%s was lost: %v", at, v)
			}
		}
		for name := range m {
			if _, there := c[name]; !there {
				t.Fatalf("%s.%s was added", path, name)
			}
		}
	case []any:
		list, ok := typed.([]any)
		if !ok || len(list) != len(c) {
			t.Fatalf("%s: %v became %v", path, content, typed)
		}
		for i := range c {
			sameKnown(t, path+"[]", c[i], list[i], known)
		}
	default:
		if !reflect.DeepEqual(content, typed) {
			t.Fatalf("%s: %v became %v", path, content, typed)
		}
	}
}
