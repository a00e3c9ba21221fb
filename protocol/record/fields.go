package record

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"

	"github.com/dure-net/dure/protocol"
)

func itoa(n int) string { return strconv.Itoa(n) }

// text takes a Text: a map of language tags to texts of at most maxRunes each. Blocks
// may have line feeds, lines (titles, roles) not.
func (o *object) text(name string, w want, maxRunes int, lines bool) Text {
	typ := "text"
	if !lines {
		typ = "text line"
	}
	v, ok := o.take(name, w, typ, "1 to "+itoa(maxRunes)+" characters each")
	if !ok {
		return nil
	}
	path := o.at(name)
	m, ok := v.(map[string]any)
	if !ok {
		o.wrong(path, v, "text_map")
		return nil
	}
	if len(m) > protocol.MaxLanguages {
		o.fault(path, FaultTooMany, "", "count", itoa(len(m)), "max", itoa(protocol.MaxLanguages))
	}
	t := Text{}
	for i, tag := range slices.Sorted(maps.Keys(m)) {
		if i == protocol.MaxLanguages {
			break
		}
		at := join(path, tag)
		o.checkTag(at, tag)
		s, ok := m[tag].(string)
		if !ok {
			o.wrong(at, m[tag], "text")
			continue
		}
		o.checkString(at, s, maxRunes, lines)
		t[tag] = s
		o.spoken[tag] = true
	}
	if _, ok := m[o.lang]; !ok && o.lang != "" {
		o.fault(path, FaultMissingLanguage, "", "lang", o.lang)
	}
	return t
}

const (
	lines   = true
	oneLine = false
)

// checkTag judges a language tag and offers the canonical spelling where there is one.
func (b *binder) checkTag(path, tag string) bool {
	canonical, ok := CanonicalTag(tag)
	if ok && canonical == tag {
		return true
	}
	hint := ""
	if ok {
		hint = canonical
	}
	b.fault(path, FaultBadFormat, tag, "format", "language", "nearest", hint)
	return false
}

func (o *object) languages(name string, w want, lo, hi int) []string {
	return o.strings(name, w, "language", lo, hi, "", func(path, tag string) { o.checkTag(path, tag) })
}

// code takes a code of a list; "" when absent or not of the list.
func (o *object) code(name string, w want, list List) string {
	s, ok := o.str(name, w, "code", "list "+string(list))
	if !ok || !o.checkCode(o.at(name), s, list) {
		return ""
	}
	return s
}

// checkCode reports a code that is not of the list, with the nearest that is, and the
// whole list where it is short.
func (b *binder) checkCode(path, s string, list List) bool {
	if Has(list, s) {
		return true
	}
	all := Codes(list)
	allowed := ""
	if len(all) <= maxAllowedShown {
		allowed = joinCodes(all)
	}
	b.fault(path, FaultNotInList, s, "list", string(list), "nearest", nearest(s, all), "allowed", allowed)
	return false
}

// maxAllowedShown is how many codes a fault may spell out before it names the list only.
const maxAllowedShown = 12

func (o *object) codes(name string, w want, list List, lo, hi int) []string {
	return o.strings(name, w, "code", lo, hi, "list "+string(list), func(path, s string) { o.checkCode(path, s, list) })
}

// sdgs takes a list of UN goals by their numbers, 1 to 17.
func (o *object) sdgs(hi int) []uint64 {
	var out []uint64
	first := map[uint64]string{}
	for i, v := range o.items("sdgs", may, "integer", 0, hi, "list sdg") {
		path := index(o.at("sdgs"), i)
		n, ok := o.integer(path, v)
		switch {
		case !ok:
		case n < 1 || n > 17:
			o.fault(path, FaultOutOfRange, strconv.FormatUint(n, 10), "min", "1", "max", "17")
		case first[n] != "":
			o.fault(path, FaultDuplicate, strconv.FormatUint(n, 10), "first", first[n])
		default:
			first[n] = path
			out = append(out, n)
		}
	}
	return out
}

var integerForm = regexp.MustCompile(`^(0|[1-9][0-9]{0,17})$`)

// integer is a whole number from 0 on; 3.0 and 3e0 are not spellings of one.
func (b *binder) integer(path string, v any) (uint64, bool) {
	switch v := v.(type) {
	case uint64:
		return v, true
	case json.Number:
		if integerForm.MatchString(v.String()) {
			n, err := strconv.ParseUint(v.String(), 10, 64)
			return n, err == nil
		}
	}
	b.fault(path, FaultWrongType, plain(v), "want", "integer")
	return 0, false
}

// flag takes a boolean; absent is false, and in bodies false is absent.
func (o *object) flag(name string, w want) bool {
	v, ok := o.take(name, w, "boolean", "")
	if !ok {
		return false
	}
	yes, ok := v.(bool)
	switch {
	case !ok:
		o.wrong(o.at(name), v, "boolean")
	case !yes && o.body:
		o.fault(o.at(name), FaultEmpty, "")
	}
	return yes
}

// ref takes a reference to a record: in JSON the text of its CID, or whatever the
// caller's resolver knows, such as a short number; in bodies a link.
func (o *object) ref(name string, w want) *protocol.RecordID {
	v, ok := o.take(name, w, "record id", "")
	if !ok {
		return nil
	}
	id, ok := o.link(o.at(name), v, protocol.CodecDagCBOR, "record_id")
	if !ok {
		return nil
	}
	return &id
}

func (o *object) refs(name string, w want, hi int) []protocol.RecordID {
	var out []protocol.RecordID
	first := map[protocol.CID]string{}
	for i, v := range o.items(name, w, "record id", 0, hi, "") {
		path := index(o.at(name), i)
		id, ok := o.link(path, v, protocol.CodecDagCBOR, "record_id")
		if !ok {
			continue
		}
		if seen, twice := first[id]; twice {
			o.fault(path, FaultDuplicate, id.String(), "first", seen)
			continue
		}
		first[id] = path
		out = append(out, id)
	}
	return out
}

func (b *binder) link(path string, v any, codec uint64, format string) (protocol.CID, bool) {
	var id protocol.CID
	switch v := v.(type) {
	case protocol.CID:
		id = v
	case string:
		if b.body {
			b.fault(path, FaultWrongType, v, "want", "record_id")
			return id, false
		}
		var err error
		if id, err = protocol.ParseCID(v); err != nil {
			if codec == protocol.CodecDagCBOR && b.resolve != nil {
				if id, ok := b.resolve(v); ok {
					return id, true
				}
				b.fault(path, FaultUnknownRecord, v)
				return protocol.CID{}, false
			}
			b.fault(path, FaultBadFormat, v, "format", format)
			return id, false
		}
	default:
		b.fault(path, FaultWrongType, plain(v), "want", "record_id")
		return id, false
	}
	if id.Type() != codec {
		b.fault(path, FaultBadFormat, id.String(), "format", format)
		return id, false
	}
	return id, true
}
