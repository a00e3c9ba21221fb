package record

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/dure-net/dure/protocol"
)

// Translation gives texts of another record in one more language. It belongs to one
// version of it. The record stays as its owner wrote it: readers see the translation
// beside it, with who made it.
type Translation struct {
	Type      string            `cbor:"type" json:"type"`
	Lang      string            `cbor:"lang" json:"lang"` // the language translated into
	Version   *protocol.EntryID `cbor:"version" json:"version"`
	ByMachine bool              `cbor:"by_machine,omitempty" json:"by_machine,omitempty"`
	Texts     map[string]string `cbor:"texts" json:"texts"` // by the path of the text: "title", "goals[0].text"
}

// maxTranslated bounds the texts of one translation; the longest record has fewer.
const maxTranslated = 200

// maxTranslation bounds one text: the longest of any record.
const maxTranslation = 8000

var pathForm = regexp.MustCompile(`^[a-z_]{1,40}(\[[0-9]{1,3}\])?(\.[a-z_]{1,40}(\[[0-9]{1,3}\])?){0,4}$`)

func (t *Translation) Kind() protocol.Kind  { return protocol.KindTranslation }
func (t *Translation) Content() any         { return t }
func (t *Translation) Head() Head           { return headOf(t) }
func (t *Translation) Refs() []protocol.CID { return links(t.Version) }

func bindTranslation(o *object) Record {
	b := o.base(protocol.KindTranslation)
	t := &Translation{Type: b.Type, Lang: b.Lang}
	t.Version = o.ref("version", needs("the entry of the version that was translated"))
	t.ByMachine = o.flag("by_machine", may)
	t.Texts = o.paths("texts", needs("path of a text in that version to its translation"))
	return t
}

// paths takes a map from paths of a record to texts in the object's language.
func (o *object) paths(name string, w want) map[string]string {
	v, ok := o.take(name, w, "translations", "1 to "+itoa(maxTranslated)+" texts")
	if !ok {
		return nil
	}
	at := o.at(name)
	m, ok := v.(map[string]any)
	switch {
	case !ok:
		o.wrong(at, v, "object")
		return nil
	case len(m) == 0:
		o.fault(at, FaultRequired, "")
		return nil
	case len(m) > maxTranslated:
		o.fault(at, FaultTooMany, "", "count", itoa(len(m)), "max", itoa(maxTranslated))
		return nil
	}
	out := map[string]string{}
	for _, path := range slices.Sorted(maps.Keys(m)) {
		if !pathForm.MatchString(path) {
			o.fault(join(at, path), FaultUnknownField, "")
			continue
		}
		s, ok := m[path].(string)
		if !ok {
			o.wrong(join(at, path), m[path], "text")
			continue
		}
		o.checkString(join(at, path), s, maxTranslation, lines)
		out[path] = s
	}
	return out
}

// Passage is one text of a record and where it stands.
type Passage struct {
	Path string // "title", "goals[0].text"
	Text Text
}

// Passages lists what a record says in words, in the order of its schema; nil for content
// that is none of the kind. Content is as protocol.BodyContent or JSON gives it.
func Passages(kind protocol.Kind, content map[string]any) []Passage {
	var out []Passage
	for _, f := range Fields(kind) {
		if f.Type == "text" || f.Type == "text line" {
			out = passages(out, "", f.Path, content)
		}
	}
	return out
}

func passages(out []Passage, at, rest string, v any) []Passage {
	m, _ := v.(map[string]any)
	step, inner, deeper := strings.Cut(rest, ".")
	name, isList := strings.CutSuffix(step, "[]")
	switch {
	case isList:
		list, _ := m[name].([]any)
		for i, one := range list {
			out = passages(out, index(join(at, name), i), inner, one)
		}
	case deeper:
		out = passages(out, join(at, name), inner, m[name])
	default:
		if t := text(m, name); len(t) > 0 {
			out = append(out, Passage{join(at, name), t})
		}
	}
	return out
}

// CheckTranslation judges a valid translation against the version that it translates:
// every path is a text there that the language lacks, and with the translation the record
// would be valid.
func CheckTranslation(version Record, t *Translation) Faults {
	content, err := generic(version)
	if err != nil {
		return Faults{{Code: FaultMalformed}}
	}
	known := map[string]Text{}
	var names []string
	for _, p := range Passages(version.Kind(), content) {
		known[p.Path] = p.Text
		names = append(names, p.Path)
	}
	b := &binder{body: true}
	for _, path := range slices.Sorted(maps.Keys(t.Texts)) {
		at := join("texts", path)
		switch said, ok := known[path]; {
		case !ok:
			b.fault(at, FaultUnknownField, "", "nearest", nearest(path, names))
		case said[t.Lang] != "":
			b.fault(at, FaultDuplicate, t.Texts[path], "first", join(path, t.Lang))
		}
	}
	if len(b.faults) > 0 {
		return b.faults
	}
	Translate(version.Kind(), content, t)
	_, faults := bind(version.Kind(), content, &binder{body: true})
	for i, f := range faults {
		path, _ := strings.CutSuffix(f.Field, "."+t.Lang)
		faults[i].Field = join("texts", path)
	}
	return faults
}

// Translate adds the texts of a translation to the content of a record, in place, where
// there is a text at the path that lacks the language. It returns the paths added, sorted.
func Translate(kind protocol.Kind, content map[string]any, t *Translation) []string {
	var added []string
	for _, p := range Passages(kind, content) {
		said, ok := t.Texts[p.Path]
		if !ok || p.Text[t.Lang] != "" {
			continue
		}
		if m := textAt(content, p.Path); m != nil {
			m[t.Lang] = said
			added = append(added, p.Path)
		}
	}
	slices.Sort(added)
	return added
}

// textAt is the map at a path that Passages gave.
func textAt(content map[string]any, path string) map[string]any {
	at := any(content)
	for step := range strings.SplitSeq(path, ".") {
		name, place, listed := strings.Cut(strings.TrimSuffix(step, "]"), "[")
		m, _ := at.(map[string]any)
		at = m[name]
		if listed {
			list, _ := at.([]any)
			n, err := strconv.Atoi(place)
			if err != nil || n >= len(list) {
				return nil
			}
			at = list[n]
		}
	}
	m, _ := at.(map[string]any)
	return m
}

// PassagesOf is Passages of a record in hand; nil for one that cannot be encoded.
func PassagesOf(r Record) []Passage {
	content, err := generic(r)
	if err != nil {
		return nil
	}
	return Passages(r.Kind(), content)
}
