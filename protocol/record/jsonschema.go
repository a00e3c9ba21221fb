package record

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/dure-net/dure/protocol"
)

// JSONSchema is what a JSON Schema (2020-12) can say of records as they are posted: fields,
// types, lengths, code lists. It is made of Fields, so the code that validates made it. It
// refuses nothing that is valid; what only the validator knows (rules between fields, dates
// that exist, texts in normal form) it leaves open. nil for a kind that is no record.
func JSONSchema(kind protocol.Kind) json.RawMessage {
	fields := Fields(kind)
	if fields == nil {
		return nil
	}
	root := &shape{typ: "object"}
	for _, f := range fields {
		root.at(strings.Split(f.Path, ".")).take(f)
	}
	schema := root.schema()
	schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	schema["$id"] = "urn:dure:schema:" + kind.String()
	schema["title"] = kind.String()
	properties := schema["properties"].(map[string]any)
	properties["type"] = map[string]any{"const": kind.String()}
	raw, err := json.MarshalIndent(schema, "", " ")
	if err != nil {
		panic("dure: internal error: " + err.Error())
	}
	return append(raw, '\n')
}

// shape is one field with those inside it.
type shape struct {
	typ, limit, rule string
	required         bool
	order            []string
	inner            map[string]*shape
}

// at finds the shape of a path, and makes what is missing on the way.
func (s *shape) at(path []string) *shape {
	if len(path) == 0 {
		return s
	}
	name := strings.TrimSuffix(path[0], "[]")
	if s.inner[name] == nil {
		if s.inner == nil {
			s.inner = map[string]*shape{}
		}
		s.inner[name] = &shape{}
		s.order = append(s.order, name)
	}
	return s.inner[name].at(path[1:])
}

func (s *shape) take(f Field) {
	s.typ, s.limit, s.rule, s.required = f.Type, f.Limit, f.Rule, f.Required
}

var (
	eachForm  = regexp.MustCompile(`^(\d+) to (\d+) characters`)
	rangeForm = regexp.MustCompile(`^(\d+) to (\d+)(;|$)`)
	mostForm  = regexp.MustCompile(`^at most (\d+)(;|$)`)
	listForm  = regexp.MustCompile(`(?:^|; )list ([a-z_]+)`)
)

// forms are the patterns of types that are texts of one form.
var forms = map[string]string{
	"day": `^[0-9]{4}-[0-9]{2}-[0-9]{2}$`, "decimal": `^(0|[1-9][0-9]*)(\.[0-9]+)?$`, "degrees": `^-?(0|[1-9][0-9]{0,2})(\.[0-9]{1,5})?$`,
	"language": `^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$`, "cpv": `^[0-9]{8}$`, "locode": `^[A-Z]{2}[A-Z2-9]{3}$`, "time": `^[0-9]{2}:[0-9]{2}$`,
}

func (s *shape) schema() map[string]any {
	out := map[string]any{}
	element, isList := strings.CutPrefix(s.typ, "list of ")
	switch {
	case isList:
		out = map[string]any{"type": "array", "uniqueItems": true}
		if m := rangeForm.FindStringSubmatch(s.limit); m != nil {
			out["maxItems"] = number(m[2])
			if s.required {
				out["minItems"] = number(m[1])
			}
		} else if m := mostForm.FindStringSubmatch(s.limit); m != nil {
			out["maxItems"] = number(m[1])
		}
		item := &shape{typ: element, order: s.order, inner: s.inner}
		if m := listForm.FindString(s.limit); m != "" {
			item.limit = m
		}
		out["items"] = item.schema()
	case s.typ == "object":
		out = s.object()
	case s.typ == "text" || s.typ == "text line":
		text := map[string]any{"type": "string", "minLength": 1}
		if m := eachForm.FindStringSubmatch(s.limit); m != nil {
			text["maxLength"] = number(m[2])
		}
		out = map[string]any{"type": "object", "minProperties": 1, "maxProperties": protocol.MaxLanguages,
			"propertyNames": map[string]any{"pattern": forms["language"]}, "additionalProperties": text}
	case s.typ == "boolean":
		out["type"] = "boolean"
	case s.typ == "integer":
		out["type"] = "integer"
		if m := rangeForm.FindStringSubmatch(s.limit); m != nil {
			out["minimum"], out["maximum"] = number(m[1]), number(m[2])
		}
		if codes := s.codes(); codes != nil {
			list := make([]any, len(codes))
			for i, c := range codes {
				list[i] = number(c)
			}
			out["enum"] = list
		}
	default: // a text of one form, or one of a list
		out["type"] = "string"
		if m := eachForm.FindStringSubmatch(s.limit); m != nil {
			out["minLength"], out["maxLength"] = number(m[1]), number(m[2])
		}
		if form, ok := forms[s.typ]; ok {
			out["pattern"] = form
		}
		if codes := s.codes(); codes != nil {
			out["enum"] = codes
		}
	}
	if s.rule != "" {
		out["description"] = s.rule
	}
	return out
}

func (s *shape) object() map[string]any {
	properties, required := map[string]any{}, []string{}
	for _, name := range s.order {
		inner := s.inner[name]
		properties[name] = inner.schema()
		if inner.required {
			required = append(required, name)
		}
	}
	out := map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		slices.Sort(required)
		out["required"] = required
	}
	return out
}

// codes are those of the list that the limit names; nil where it names none.
func (s *shape) codes() []string {
	m := listForm.FindStringSubmatch(s.limit)
	if m == nil {
		return nil
	}
	codes := Codes(List(m[1]))
	if len(codes) == 0 {
		return nil
	}
	return codes
}

func number(text string) int {
	n, _ := strconv.Atoi(text)
	return n
}
