package record

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/dure-net/dure/protocol"
)

// A record type says its schema once, as a function that takes its fields from an
// object one by one (bindProject and so on). The same function reads JSON from
// people, reads bodies from the ledger, knows which names are unknown, and, given no
// object at all, describes itself (schema.go). So the four cannot differ.

// binder carries what one reading collects.
type binder struct {
	body    bool // reading a ledger body: links are CIDs, unknown fields stay, empties are faults
	newer   bool // unknown fields stay, as in bodies: the JSON was made of one
	lang    string
	resolve func(string) (protocol.CID, bool)
	faults  Faults
	count   int             // faults found, listed or not
	spoken  map[string]bool // languages of all texts read
	rows    *[]row          // not nil: describe, do not read
}

func (b *binder) fault(path string, code FaultCode, value string, pairs ...string) {
	b.count++
	switch {
	case len(b.faults) < MaxFaults:
		f := Fault{Field: path, Code: code, Value: clip(value)}
		if a := args(pairs...); len(a) > 0 {
			f.Args = a
		}
		b.faults = append(b.faults, f)
	case len(b.faults) == MaxFaults:
		b.faults = append(b.faults, Fault{Code: FaultMore, Args: args("max", strconv.Itoa(MaxFaults))})
	}
}

func (b *binder) checkLength(path, s string, maxRunes int) {
	if n := utf8.RuneCountInString(s); n > maxRunes {
		b.fault(path, FaultTooLong, s, "length", strconv.Itoa(n), "max", strconv.Itoa(maxRunes))
	}
}

// want says whether a field must, may or must not be there, and because of which field.
type want struct {
	must, never bool
	because, is string // the field that decides, and what it says
	doc         string // the rule in words, for the schema document
}

var (
	must = want{must: true}
	may  = want{}
)

// needed makes a field required when cond holds.
func needed(cond bool, because, is, doc string) want {
	return want{must: cond, because: because, is: is, doc: doc}
}

// barred makes a field not allowed when cond holds, and leaves w otherwise.
func barred(cond bool, because, is, doc string, w want) want {
	if cond {
		return want{never: true, because: because, is: is, doc: doc}
	}
	if doc != "" {
		if w.doc != "" {
			doc += "; " + w.doc
		}
		w.doc = doc
	}
	return w
}

// object is one map being read.
type object struct {
	*binder
	path  string
	m     map[string]any
	known []string
}

func (o *object) at(name string) string { return join(o.path, name) }

// take notes that the field is known and returns its value if it is there and may be.
func (o *object) take(name string, w want, typ, limit string) (any, bool) {
	o.known = append(o.known, name)
	if o.rows != nil {
		*o.rows = append(*o.rows, row{o.at(name), typ, w, limit})
		return nil, false
	}
	v, there := o.m[name]
	switch {
	case there && w.never:
		o.fault(o.at(name), FaultNotAllowed, plain(v), "because", w.because, "is", w.is)
		return nil, false
	case !there && w.must:
		o.fault(o.at(name), FaultRequired, "", "because", w.because, "is", w.is)
	}
	return v, there
}

// has reports whether the field is there, whatever it holds.
func (o *object) has(name string) bool { _, ok := o.m[name]; return ok }

func (o *object) wrong(path string, v any, wantType string) {
	o.fault(path, FaultWrongType, plain(v), "want", wantType)
}

// plain is a value as one short text, for Fault.Value.
func plain(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case uint64:
		return strconv.FormatUint(v, 10)
	case int64:
		return strconv.FormatInt(v, 10)
	case bool:
		return strconv.FormatBool(v)
	case protocol.CID:
		return v.String()
	}
	return ""
}

// done ends an object: names that nobody took are faults in JSON from people, with the
// nearest name that would have been taken; in ledger bodies they belong to newer nodes.
func (o *object) done() {
	if o.rows != nil || o.body || o.newer {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(o.m)) {
		if o.count > MaxFaults {
			return // finding the nearest name for thousands of unknown ones would be work for nothing
		}
		if !slices.Contains(o.known, name) {
			o.fault(o.at(name), FaultUnknownField, plain(o.m[name]), "nearest", nearest(name, o.known))
		}
	}
}

// within binds the map v, found at path.
func within[T any](b *binder, path string, v any, bind func(*object) T) (T, bool) {
	m, ok := v.(map[string]any)
	if !ok && b.rows == nil {
		var zero T
		b.fault(path, FaultWrongType, plain(v), "want", "object")
		return zero, false
	}
	o := &object{binder: b, path: path, m: m}
	t := bind(o)
	o.done()
	return t, true
}

// sub takes a field that is an object; nil when absent or of another type.
func sub[T any](o *object, name string, w want, bind func(*object) T) *T {
	v, ok := o.take(name, w, "object", "")
	if !ok && o.rows == nil {
		return nil
	}
	t, ok := within(o.binder, o.at(name), v, bind)
	if !ok {
		return nil
	}
	return &t
}

// items takes a field that is a list of at least lo (when there at all) and at most hi.
func (o *object) items(name string, w want, typ string, lo, hi int, limit string) []any {
	size := "at most " + strconv.Itoa(hi)
	if lo > 0 {
		size = strconv.Itoa(lo) + " to " + strconv.Itoa(hi)
	}
	if limit != "" {
		size += "; " + limit
	}
	v, ok := o.take(name, w, "list of "+typ, size)
	if !ok {
		return nil
	}
	list, ok := v.([]any)
	if !ok {
		o.wrong(o.at(name), v, "list")
		return nil
	}
	switch n := len(list); {
	case n == 0 && o.body:
		o.fault(o.at(name), FaultEmpty, "")
	case n == 0 && w.must:
		o.fault(o.at(name), FaultRequired, "", "because", w.because, "is", w.is)
	case n > 0 && n < lo:
		o.fault(o.at(name), FaultTooFew, "", "count", strconv.Itoa(n), "min", strconv.Itoa(lo))
	case n > hi:
		o.fault(o.at(name), FaultTooMany, "", "count", strconv.Itoa(n), "max", strconv.Itoa(hi))
		list = list[:hi] // the rest is not judged one by one, which bounds the work
	}
	return list
}

// each takes a list of objects.
func each[T any](o *object, name string, w want, hi int, bind func(*object) T) []T {
	list := o.items(name, w, "object", 0, hi, "")
	if o.rows != nil {
		within(o.binder, o.at(name)+"[]", nil, bind)
		return nil
	}
	var out []T
	for i, v := range list {
		for j := range i {
			if reflect.DeepEqual(list[j], v) {
				o.fault(index(o.at(name), i), FaultDuplicate, "", "first", index(o.at(name), j))
				break
			}
		}
		if t, ok := within(o.binder, index(o.at(name), i), v, bind); ok {
			out = append(out, t)
		}
	}
	return out
}

// strings takes a list of texts without duplicates; check judges each and may be nil.
func (o *object) strings(name string, w want, typ string, lo, hi int, limit string, check func(path, s string)) []string {
	var out []string
	first := map[string]string{}
	for i, v := range o.items(name, w, typ, lo, hi, limit) {
		path := index(o.at(name), i)
		s, ok := v.(string)
		if !ok {
			o.wrong(path, v, "text")
			continue
		}
		if seen, twice := first[s]; twice {
			o.fault(path, FaultDuplicate, s, "first", seen)
			continue
		}
		first[s] = path
		if check != nil {
			check(path, s)
		}
		out = append(out, s)
	}
	return out
}
