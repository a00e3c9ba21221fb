package web

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// control is one field of the form for a personnel request, as the page shows it.
type control struct {
	Name     string // of the form field, and of its anchor
	Label    string
	Hint     string
	Kind     string // line, lines, day, number, choice, checks
	Required bool
	Rows     int
	Max      int
	Options  []option
	Groups   []group // checks in groups
	Value    string
	Lang     string // of what is typed, where it is known
	Faults   []string
	Folded   bool // checks that are folded away until one is chosen or missing
	Open     bool
	Unit     *control // a choice beside a number
	Second   *control // the end of a span of days
}

type option struct {
	Value, Label string
	Chosen       bool
}

type group struct {
	Label   string
	Options []option
}

// section is a group of controls; Optional ones are folded away until one is filled in.
type section struct {
	Label    string
	Optional bool
	Open     bool
	Controls []control
}

// languagesOfTexts are the languages offered for writing, the reader's own first.
// A record may be in any language; the form offers those of members so far.
var languagesOfTexts = []string{"ko", "en", "fr", "es", "pt", "it", "de", "ca", "eu", "ar", "ja", "zh", "wo", "fil"}

const (
	maxTitle, maxSummary, maxBody, maxRequirements, maxRole, maxPlace = 120, 280, 4000, 500, 120, 80 // limits of record.Listing, for the browser; the schema judges
)

// faultField leads a fault's path to the form field that can mend it. The first prefix
// that fits counts; what fits none is told above the form.
var faultField = []struct{ path, field string }{
	{"lang", "lang"}, {"mode", "mode"}, {"title", "title"}, {"summary", "summary"}, {"body", "body"}, {"themes", "themes"},
	{"skills", "skills"}, {"quantity.unit", "unit"}, {"effort.unit", "unit"}, {"quantity", "amount"}, {"effort", "amount"},
	{"minimum", "minimum"}, {"window.from", "from"}, {"window.to", "to"}, {"window", "from"}, {"duration", "duration"},
	{"delivery", "delivery"}, {"place.country", "country"}, {"place", "place"}, {"working_languages", "working_languages"},
	{"interpretation", "interpretation"}, {"return", "return"}, {"costs.travel", "travel"}, {"costs.lodging", "lodging"},
	{"requirements", "requirements"}, {"safeguards", "safeguards"}, {"valid_until", "valid_until"}, {"contact_role", "contact_role"},
	{"sdgs", "sdgs"}, {"level", "level"},
}

// typed is what somebody typed, cleaned: NFC, no blanks at either end.
type typed struct{ url.Values }

func (f typed) get(name string) string { return record.Clean(f.Get(name)) }

func (f typed) all(name string) []string {
	var out []string
	for _, s := range f.Values[name] {
		if s = record.Clean(s); s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// draft is the JSON of the request that was typed. Empty fields are left out, so that
// the schema itself says which of them are needed.
func (f typed) draft() json.RawMessage {
	m := map[string]any{"type": "request", "kind": "personnel"}
	lang := f.get("lang")
	put := func(name, value string) {
		if value != "" {
			m[name] = value
		}
	}
	put("lang", lang)
	words := func(name string) {
		t := map[string]string{}
		if s := f.get(name); s != "" && lang != "" {
			t[lang] = s
		}
		if also := f.get("also"); also != "" && also != lang {
			if s := f.get(name + "_also"); s != "" {
				t[also] = s
			}
		}
		if len(t) > 0 {
			m[name] = t
		}
	}
	for _, name := range []string{"title", "summary", "body", "requirements", "contact_role"} {
		words(name)
	}
	for _, name := range []string{"mode", "delivery", "return", "interpretation", "valid_until", "level"} {
		put(name, f.get(name))
	}
	for _, name := range []string{"themes", "skills", "working_languages"} {
		if all := f.all(name); len(all) > 0 {
			m[name] = all
		}
	}
	if n, unit := f.get("amount"), f.get("unit"); n != "" {
		name := "effort"
		if unit == "IE" || unit == "" {
			name = "quantity"
		}
		m[name] = map[string]string{"value": n, "unit": unit}
		if least := f.get("minimum"); least != "" {
			m["minimum"] = map[string]string{"value": least, "unit": unit}
		}
	}
	if from, to := f.get("from"), f.get("to"); from != "" || to != "" {
		m["window"] = without(map[string]string{"from": from, "to": to})
	}
	if n, unit := f.get("duration"), f.get("duration_unit"); n != "" {
		m["duration"] = "P" + n + unit
	}
	if label, country := f.get("place"), f.get("country"); label != "" || country != "" {
		m["place"] = without(map[string]string{"label": label, "country": country})
	}
	if costs := without(map[string]string{"travel": f.get("travel"), "lodging": f.get("lodging")}); len(costs) > 0 {
		m["costs"] = costs
	}
	if f.get("safeguards") != "" {
		m["safeguards"] = true
	}
	raw, err := json.Marshal(m)
	if err != nil {
		panic("dure: internal error: " + err.Error())
	}
	return raw
}

func without(m map[string]string) map[string]string {
	for name, value := range m {
		if value == "" {
			delete(m, name)
		}
	}
	return m
}

// judge gives the faults of the draft by form field; those of no field under "".
func (v *view) judge(f typed) map[string][]string {
	_, err := record.Parse(protocol.KindRequest, f.draft())
	if err == nil {
		return nil
	}
	return v.faults(err)
}

// faults puts the faults of a record into words, with the form's own names for fields.
func (v *view) faults(err error) map[string][]string {
	out := map[string][]string{}
	for _, fault := range record.FaultsOf(err) {
		if by := fault.Args["because"]; by == "kind" || by == "standing" { // settled by this form, so it explains nothing
			fault.Args = nil
		}
		if fault.Field == "window" {
			out["to"] = append(out["to"], v.book.Fault(v.Lang, fault))
		}
		args := map[string]string{}
		for name, val := range fault.Args {
			switch name {
			case "because", "with", "after", "before", "first":
				val = v.label(strings.TrimSuffix(strings.TrimSuffix(val, ".from"), ".to"))
			case "list":
				val = v.label(fault.Field)
			case "is":
				val = or(record.Label(lists[fault.Args["because"]], val, v.Lang), val)
			}
			args[name] = val
		}
		fault.Args = args
		field := ""
		for _, known := range faultField {
			if fault.Field == known.path || strings.HasPrefix(fault.Field, known.path+".") || strings.HasPrefix(fault.Field, known.path+"[") {
				field = known.field
				break
			}
		}
		sentence := v.book.Fault(v.Lang, fault)
		if field == "" && fault.Field != "" {
			sentence = v.label(fault.Field) + v.T("web.colon") + " " + sentence
		}
		if !slices.Contains(out[field], sentence) {
			out[field] = append(out[field], sentence)
		}
	}
	return out
}
