package protocol

import (
	"encoding/hex"
	"fmt"
	"strings"
)

func erasureVectors(w *vectorWorld) *suite {
	s := &suite{file: "erasures", about: "What an erasure and an acknowledgement say. in.kind (9 or 11) and in.data, the canonical bytes of the body's data. A body that is refused says nothing; its entry stands all the same.",
		judge: func(in inputs) (map[string]any, error) {
			raw := in.bytes("data")
			if in.text("kind") == "11" {
				var said Erased
				if err := Decode(raw, &said); err != nil {
					return nil, err
				}
				if err := said.bounds(); err != nil {
					return nil, err
				}
				return map[string]any{"entries": len(said.Entries)}, nil
			}
			var said Erasure
			if err := Decode(raw, &said); err != nil {
				return nil, err
			}
			if err := said.bounds(); err != nil {
				return nil, err
			}
			return map[string]any{"languages": len(said.Reason)}, nil
		}}
	erasure := func(name, expect, reason string, data map[string]any) {
		s.add(name, expect, reason, map[string]any{"kind": "9", "data": hex.EncodeToString(loose(data))})
	}
	erased := func(name, expect, reason string, data map[string]any) {
		s.add(name, expect, reason, map[string]any{"kind": "11", "data": hex.EncodeToString(loose(data))})
	}
	text := map[string]any{"en": "it named a person", "ko": "사람 이름이 있었습니다"}
	erasure("no reason", "accept", "the header says what goes", map[string]any{})
	erasure("code and reason", "accept", "shown as it is", map[string]any{"code": "personal_data", "reason": text})
	erasure("unknown code", "accept", "of a newer node", map[string]any{"code": "oblivion"})
	erasure("unknown field of an erasure", "accept", "of a newer node", map[string]any{"zz": true})
	erasure("empty code", "non_canonical", "what is absent is left out", map[string]any{"code": ""})
	erasure("empty reason", "non_canonical", "what is absent is left out", map[string]any{"reason": map[string]any{}})
	erasure("empty text", "malformed", "a language without words", map[string]any{"reason": map[string]any{"en": ""}})
	erasure("long reason", "malformed", "501 characters", map[string]any{"reason": map[string]any{"ko": strings.Repeat("가", MaxReason+1)}})
	erasure("long code", "malformed", "41 bytes", map[string]any{"code": strings.Repeat("x", MaxHandle+1)})
	many := map[string]any{}
	for i := range MaxLanguages + 1 {
		many[fmt.Sprintf("a%c", 'a'+i)] = "x"
	}
	erasure("thirteen languages", "too_large", "at most 12", map[string]any{"reason": many})
	erasure("reason is no map", "malformed", "text by language", map[string]any{"reason": "text"})

	a, b := w.entries[1].ID(), w.entries[2].ID()
	if strings.Compare(a.KeyString(), b.KeyString()) > 0 {
		a, b = b, a
	}
	erased("one", "accept", "its bytes are gone", map[string]any{"entries": []any{a}})
	erased("two", "accept", "in order", map[string]any{"entries": []any{a, b}})
	erased("unknown field of an acknowledgement", "accept", "of a newer node", map[string]any{"entries": []any{a}, "zz": true})
	erased("out of order", "non_canonical", "one set has one spelling", map[string]any{"entries": []any{b, a}})
	erased("twice", "non_canonical", "one set has one spelling", map[string]any{"entries": []any{a, a}})
	erased("none", "too_large", "at least one", map[string]any{"entries": []any{}})
	erased("no list", "non_canonical", "an empty list is written", map[string]any{})
	erased("null", "malformed", "null is never written", map[string]any{"entries": nil})
	erased("a chunk", "malformed", "entries are blocks", map[string]any{"entries": []any{SumRaw(nil)}})
	all := make([]any, MaxErased+1)
	for i := range all {
		all[i] = Sum([]byte{byte(i), byte(i >> 8)})
	}
	erased("1,025 entries", "too_large", "at most 1,024", map[string]any{"entries": all})
	return s
}
