package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/dure-net/dure/node/phrase"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// described is one line about a record.
type described struct{ label, value string }

// lists says which code list a field's codes are of.
var lists = map[string]record.List{
	"themes": record.Themes, "sdgs": record.SDGs, "skills": record.Skills, "level": record.Levels, "goods": record.Goods,
	"condition": record.Conditions, "delivery": record.Deliveries, "return": record.Returns, "interpretation": record.Interpretations,
	"visibility": record.Visibilities, "state": record.ListingStates, "closed_as": record.Closings, "status": record.ProjectStatuses,
	"licence": record.Licences, "category": record.NoticeCategories, "audience": record.Audiences, "mode": record.Modes,
	"org_type": record.OrgTypes, "stakeholder": record.Stakeholders, "sectors": record.Sectors, "transfer_conditions": record.TransferConditions,
}

// describe says the fields of a record in the order of its schema, in words. Fields that a newer version wrote follow
// under their own names.
func (a *app) describe(kind protocol.Kind, content map[string]any, original string) []described {
	said := map[string]bool{"type": true, "lang": true, "title": true, "summary": true, "machine": true, "attachments": true} // files are listed apart
	var out []described
	add := func(name string) {
		value, there := content[name]
		if !there || said[name] {
			return
		}
		said[name] = true
		if text := a.value(kind, name, value, original); text != "" {
			out = append(out, described{a.label(name), text})
		}
	}
	for _, f := range record.Fields(kind) {
		if !strings.ContainsAny(f.Path, ".[") {
			add(f.Path)
		}
	}
	var others []string
	for name := range content {
		others = append(others, name)
	}
	slices.Sort(others)
	for _, name := range others {
		add(name)
	}
	return out
}

func (a *app) label(name string) string {
	if key := "field." + name; a.book.Has(key) {
		return a.say(key, nil)
	}
	return name
}

// value writes one field for people.
func (a *app) value(kind protocol.Kind, name string, value any, original string) string {
	list, coded := lists[name]
	if name == "kind" {
		list, coded = record.ExchangeKinds, true
		if kind == protocol.KindProfile {
			list = record.MemberKinds
		}
	}
	switch v := value.(type) {
	case string:
		switch {
		case coded:
			return a.code(list, v)
		case name == "country":
			return a.book.Country(a.lang, v)
		}
		return a.book.Day(a.lang, v)
	case bool:
		if !v {
			return ""
		}
		return a.say("cli.show.yes", nil)
	case []any:
		var parts []string
		for _, one := range v {
			switch s, isText := one.(string); {
			case name == "working_languages" && isText:
				parts = append(parts, a.book.Language(a.lang, s))
			default:
				parts = append(parts, a.value(kind, name, one, original))
			}
		}
		return strings.Join(parts, ", ")
	case map[string]any:
		return a.object(kind, name, v, original)
	case float64, uint64, int64, json.Number:
		if coded {
			return a.code(list, fmt.Sprint(v))
		}
		return fmt.Sprint(v)
	case fmt.Stringer:
		return v.String()
	}
	return fmt.Sprint(value)
}

func (a *app) code(list record.List, id string) string {
	if label := record.Label(list, id, a.lang); label != "" {
		return label
	}
	return id
}

// object writes the small shapes that records are made of: texts, quantities, money, spans of days, places, costs.
func (a *app) object(kind protocol.Kind, name string, v map[string]any, original string) string {
	text := func(field string) string { s, _ := v[field].(string); return s }
	switch {
	case text("value") != "" && text("unit") != "":
		return text("value") + " " + a.code(record.Units, text("unit"))
	case text("value") != "" && text("currency") != "":
		return text("value") + " " + text("currency")
	case text("from") != "" || text("to") != "":
		return a.book.Day(a.lang, text("from")) + " – " + a.book.Day(a.lang, text("to"))
	case name == "place":
		place := []string{}
		for _, s := range []string{text("label"), a.book.Country(a.lang, text("country"))} {
			if s != "" {
				place = append(place, s)
			}
		}
		return strings.Join(place, ", ")
	case name == "costs":
		var parts []string
		for _, item := range record.Codes(record.CostItems) {
			if bearer := text(item); bearer != "" {
				parts = append(parts, a.code(record.CostItems, item)+": "+a.code(record.CostBearers, bearer))
			}
		}
		return strings.Join(parts, "; ")
	}
	if t, ok := texts(v); ok {
		value, _ := phrase.Pick(a.lang, t, original)
		return value
	}
	var parts []string
	for _, field := range sortedNames(v) {
		if s := a.value(kind, field, v[field], original); s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, "; ")
}

// texts reports whether a map is a text by language: short lower-case tags, all values texts.
func texts(v map[string]any) (protocol.Text, bool) {
	out := protocol.Text{}
	for tag, one := range v {
		s, ok := one.(string)
		base, _, _ := strings.Cut(tag, "-")
		if canonical, known := record.CanonicalTag(tag); !ok || !known || canonical != tag || len(base) > 3 {
			return nil, false
		}
		out[tag] = s
	}
	return out, len(out) > 0
}

func sortedNames(v map[string]any) []string {
	names := make([]string, 0, len(v))
	for name := range v {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
