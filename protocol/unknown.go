package protocol

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
)

var mapType = reflect.TypeFor[map[string]any]()

// contains reports whether every key of part stands in whole with the same value,
// maps compared key by key, so that whole may know more than part.
func contains(whole, part any) bool {
	switch p := part.(type) {
	case map[string]any:
		w, ok := whole.(map[string]any)
		if !ok {
			return false
		}
		for k, v := range p {
			if x, ok := w[k]; !ok || !contains(x, v) {
				return false
			}
		}
		return true
	case []any:
		w, ok := whole.([]any)
		if !ok || len(w) != len(p) {
			return false
		}
		for i := range p {
			if !contains(w[i], p[i]) {
				return false
			}
		}
		return true
	case []byte:
		w, ok := whole.([]byte)
		return ok && bytes.Equal(w, p)
	}
	return whole == part
}

// knownKeysOnly refuses a map that spells a known field which into left out when it
// was encoded again: an explicit zero where the canonical form is absence.
func knownKeysOnly(m map[string]any, into any) error {
	again, err := encoder.Marshal(into)
	if err != nil {
		return Fail(ReasonMalformed, "decode", err)
	}
	var kept map[string]any
	if err := decoder.Unmarshal(again, &kept); err != nil {
		return Fail(ReasonMalformed, "decode", err)
	}
	return known(reflect.TypeOf(into), m, kept)
}

func known(t reflect.Type, m, kept map[string]any) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("cbor"), ",")
		switch {
		case name == "-":
			continue
		case name == "" && f.Anonymous: // its fields stand in this map
			if err := known(f.Type, m, kept); err != nil {
				return err
			}
			continue
		case name == "":
			name = f.Name
		}
		in, ok := m[name]
		if !ok {
			continue
		}
		out, ok := kept[name]
		if !ok {
			return Fail(ReasonNonCanonical, "decode", errors.New("field "+name+" is written where it should be absent"))
		}
		if err := knownValue(f.Type, in, out); err != nil {
			return err
		}
	}
	return nil
}

func knownValue(t reflect.Type, in, out any) error {
	switch in := in.(type) {
	case map[string]any:
		out, ok := out.(map[string]any)
		if !ok {
			return nil
		}
		if t.Kind() == reflect.Map {
			for k := range in {
				if err := knownValue(t.Elem(), in[k], out[k]); err != nil {
					return err
				}
			}
			return nil
		}
		return known(t, in, out)
	case []any:
		out, ok := out.([]any)
		if !ok || len(in) != len(out) || (t.Kind() != reflect.Slice && t.Kind() != reflect.Array) {
			return nil
		}
		for i := range in {
			if err := knownValue(t.Elem(), in[i], out[i]); err != nil {
				return err
			}
		}
	}
	return nil
}
