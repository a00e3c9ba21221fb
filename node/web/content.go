package web

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// field is one labelled field of a record.
type field struct {
	Label  string
	Values []value
	Inner  [][]field // objects, each with own labels
}

// value is one thing that a field says.
type value struct {
	Text    string
	Lang    string // of the text, where it differs from the page's
	Machine string // YYYY-MM-DD, for a <time> element
	Until   *value // the second end of a span
	URL     string
	Lines   bool   // may have several lines
	Others  []text // the same in other languages
}

// lists are the code lists of fields that hold codes, by path; a leading "type." counts
// for that type only.
var lists = map[string]record.List{
	"profile.kind": record.MemberKinds, "kind": record.ExchangeKinds, "mode": record.Modes, "themes": record.Themes, "sdgs": record.SDGs,
	"skills": record.Skills, "level": record.Levels, "goods": record.Goods, "condition": record.Conditions, "delivery": record.Deliveries,
	"interpretation": record.Interpretations, "return": record.Returns, "reach.scope": record.Scopes, "visibility": record.Visibilities,
	"costs.travel": record.CostBearers, "costs.lodging": record.CostBearers, "costs.shipping": record.CostBearers,
	"costs.insurance": record.CostBearers, "costs.stipend": record.CostBearers, "state": record.ListingStates,
	"experience.state": record.ExperienceStates, "closed_as": record.Closings, "status": record.ProjectStatuses,
	"transfer_conditions": record.TransferConditions, "licence": record.Licences, "category": record.NoticeCategories,
	"audience": record.Audiences, "stakeholder": record.Stakeholders, "org_type": record.OrgTypes, "sectors": record.Sectors,
	"sector_scheme": record.SectorSchemes, "population_band": record.PopulationBands, "members_band": record.MembersBands,
	"type": record.RecordTypes, "attachments[].media_type": record.MediaTypes,
}

// hidden fields are said elsewhere on the page or say nothing to a reader.
var hidden = map[string]bool{"type": true, "title": true, "names": true, "attachments": true}

// fields labels a record's content in the order of its schema. Fields of newer versions
// follow under their own names, as they stand.
func (v *view) fields(kind protocol.Kind, content map[string]any, original string) []field {
	t := teller{view: v, kind: kind, original: original, types: map[string]string{}}
	var order []string
	for _, f := range record.Fields(kind) {
		t.types[f.Path] = f.Type
		order = append(order, f.Path)
	}
	return t.object("", content, order)
}

// teller puts one record's content into words.
type teller struct {
	*view
	kind     protocol.Kind
	original string // language of the record
	types    map[string]string
}

func (t *teller) object(prefix string, content map[string]any, order []string) []field {
	var names []string
	for _, path := range order {
		if name, ok := strings.CutPrefix(path, prefix); ok && !strings.ContainsAny(name, ".[") && content[name] != nil {
			names = append(names, name)
		}
	}
	var rest []string
	for name := range content {
		if !slices.Contains(names, name) {
			rest = append(rest, name)
		}
	}
	sort.Strings(rest)
	var out []field
	for _, name := range append(names, rest...) {
		if prefix == "" && hidden[name] {
			continue
		}
		path := prefix + name
		if _, counted := content["value"].(string); counted && name == "unit" {
			continue // said with the value
		}
		f := field{Label: t.label(path)}
		if key := "web.field." + t.kind.String() + "." + path; t.book.Has(key) {
			f.Label = t.T(key)
		}
		if unit, ok := content["unit"].(string); ok && name == "value" {
			if n, ok := content["value"].(string); ok {
				f.Values = append(f.Values, t.quantity(n, unit))
			}
		} else {
			t.tell(&f, path, content[name], order)
		}
		if len(f.Values)+len(f.Inner) > 0 {
			out = append(out, f)
		}
	}
	return out
}

// label is the catalogue's word for a field, its own name where there is none.
func (v *view) label(path string) string {
	name := strings.ReplaceAll(path, "[]", "")
	for {
		if key := "web.field." + name; v.book.Has(key) {
			return v.T(key)
		}
		_, inner, ok := strings.Cut(name, ".")
		if !ok {
			return name
		}
		name = inner
	}
}

func (t *teller) tell(f *field, path string, val any, order []string) {
	switch val := val.(type) {
	case []any:
		for _, one := range val {
			if m, ok := one.(map[string]any); ok {
				if inner := t.object(path+"[].", m, order); len(inner) > 0 {
					f.Inner = append(f.Inner, inner)
				}
				continue
			}
			f.Values = append(f.Values, t.scalar(path, one))
		}
	case map[string]any:
		if whole, ok := t.whole(path, val); ok {
			f.Values = append(f.Values, whole)
		} else if inner := t.object(path+".", val, order); len(inner) > 0 {
			f.Inner = append(f.Inner, inner)
		}
	default:
		f.Values = append(f.Values, t.scalar(path, val))
	}
}

// whole says objects that are one thing to a reader: texts, quantities, amounts of
// money, spans of days and places.
func (t *teller) whole(path string, m map[string]any) (value, bool) {
	str := func(name string) string { s, _ := m[name].(string); return s }
	switch typ := t.types[path]; {
	case typ == "text" || typ == "text line":
		words := map[string]string{}
		for tag := range m {
			words[tag] = str(tag)
		}
		best := t.text(words, t.original)
		return value{Text: best.Text, Lang: best.Lang, Lines: typ == "text", Others: t.others(words, best.Lang)}, true
	case str("value") != "" && str("unit") != "":
		return t.quantity(str("value"), str("unit")), true
	case str("value") != "" && str("currency") != "":
		return value{Text: t.decimal(str("value")) + " " + str("currency")}, true
	case str("from") != "" && str("to") != "":
		until := t.day(str("to"))
		span := t.day(str("from"))
		span.Until = &until
		return span, true
	case str("country") != "" && str("label") != "":
		return value{Text: t.T("web.place", "place", str("label"), "country", t.book.Country(t.Lang, str("country")))}, true
	}
	return value{}, false
}

func (t *teller) quantity(n, unit string) value {
	return value{Text: t.T("web.quantity", "value", t.decimal(n), "unit", or(record.Label(record.Units, unit, t.Lang), unit))}
}

func (t *teller) scalar(path string, val any) value {
	switch val := val.(type) {
	case protocol.CID:
		return value{Text: val.String(), URL: "/records/" + val.String()}
	case bool:
		if val {
			return value{Text: t.T("web.yes")}
		}
		return value{Text: t.T("web.no")}
	case string:
		return t.words(path, val)
	}
	code := fmt.Sprint(val) // JSON gives numbers as float64, the ledger as uint64; both print alike
	if list := t.list(path); list != "" {
		if label := record.Label(list, code, t.Lang); label != "" {
			return value{Text: code + ". " + label}
		}
	}
	return value{Text: code}
}

func (t *teller) words(path, s string) value {
	if list := t.list(path); list != "" {
		return value{Text: or(record.Label(list, s, t.Lang), s)}
	}
	switch typ := strings.TrimPrefix(t.types[path], "list of "); {
	case typ == "decimal":
		return value{Text: t.decimal(s)}
	case typ == "language":
		return value{Text: t.book.Language(t.Lang, s)}
	case typ == "day":
		return t.day(s)
	case typ == "duration":
		return value{Text: t.duration(s)}
	case typ == "handle" && len(t.namesOf(s)) > 0:
		return value{Text: t.memberNamed(s), Lang: t.text(t.namesOf(s)).Lang, URL: "/members/" + url.PathEscape(s)}
	case typ == "record id":
		return value{Text: s, URL: "/records/" + s}
	case typ == "web_address" && (strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "http://")):
		return value{Text: s, URL: s}
	case strings.HasSuffix(path, "country"):
		return value{Text: t.book.Country(t.Lang, s)}
	}
	return value{Text: s}
}

func (t *teller) list(path string) record.List {
	if list, ok := lists[t.kind.String()+"."+path]; ok {
		return list
	}
	if list, ok := lists[strings.TrimPrefix(path, "governing.")]; ok { // an agreement says costs in the words of listings
		return list
	}
	if i := strings.LastIndex(path, "[]."); i >= 0 { // a session has themes as a notice has
		return lists[path[i+len("[]."):]]
	}
	return ""
}

func (v *view) day(s string) value {
	if _, err := time.Parse(time.DateOnly, s); err != nil {
		return value{Text: s}
	}
	return value{Text: v.book.Day(v.Lang, s), Machine: s}
}

var durationParts = regexp.MustCompile(`^P(?:(\d+)([YMWD])|T(\d+)(H))$`)

// duration says an ISO 8601 duration of one part; anything else stays as it is.
func (v *view) duration(s string) string {
	m := durationParts.FindStringSubmatch(s)
	if m == nil {
		return s
	}
	n, err := strconv.Atoi(m[1] + m[3])
	if err != nil {
		return s
	}
	return v.T("web.duration."+strings.ToLower(m[2]+m[4]), "count", n)
}

// decimal writes whole numbers as the reader's language does; fractions stay as they
// are written in the record.
func (v *view) decimal(s string) string {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return v.book.Number(v.Lang, n)
	}
	return s
}

// others are the texts in languages other than the one shown, by tag.
func (v *view) others(words map[string]string, shown string) []text {
	var out []text
	for tag, s := range words {
		if tag != shown && s != "" {
			out = append(out, text{s, tag, v.book.Language(v.Lang, tag)})
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Lang < out[j].Lang })
	return out
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
