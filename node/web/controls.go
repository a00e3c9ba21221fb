package web

import (
	"slices"

	"github.com/dure-net/dure/node/phrase"
	"github.com/dure-net/dure/protocol/record"
)

// sections is the form with what was typed and what was wrong with it.
func (v *view) sections(f typed, faults map[string][]string) []section {
	c := controls{v, f, faults}
	lang := f.get("lang")
	second := f.get("also")
	return []section{
		{Label: v.T("web.form.what"), Controls: []control{
			c.choice("lang", true, c.languages(languagesOfTexts, lang)),
			c.choice("mode", true, c.codes(record.ModesOf("personnel"), f.get("mode"))),
			c.lined("title", true, maxTitle, lang),
			c.block("summary", true, 3, maxSummary, lang),
			c.themes(),
			c.skills(),
		}},
		{Label: v.T("web.form.how_much"), Controls: []control{
			c.number("amount", true, "unit", c.codes(record.PeopleUnits, or(f.get("unit"), "IE"))),
			c.span("from", "to"),
			c.day("valid_until", true),
			c.choice("delivery", true, c.some(record.Deliveries, []string{"on_site", "remote", "hybrid"}, f.get("delivery"))),
			c.checks("working_languages", true, c.languages(languagesOfTexts, f.all("working_languages")...)),
			c.choice("return", true, c.codes(record.Returns, f.get("return"))),
		}},
		{Label: v.T("web.form.more"), Optional: true, Open: c.anyFilled("body", "minimum", "duration", "place", "country", "travel", "lodging",
			"interpretation", "level", "requirements", "safeguards", "contact_role"), Controls: []control{
			c.block("body", false, 6, maxBody, lang),
			c.number("minimum", false, "", nil),
			c.number("duration", false, "duration_unit", c.durations()),
			c.lined("place", false, maxPlace, ""),
			c.choice("country", false, c.countries()),
			c.choice("travel", false, c.codes(record.CostBearers, f.get("travel"))),
			c.choice("lodging", false, c.codes(record.CostBearers, f.get("lodging"))),
			c.choice("interpretation", false, c.codes(record.Interpretations, f.get("interpretation"))),
			c.choice("level", false, c.codes(record.Levels, f.get("level"))),
			c.block("requirements", false, 3, maxRequirements, lang),
			c.checks("safeguards", false, []option{{"yes", v.T("web.form.safeguards.yes"), f.get("safeguards") != ""}}),
			c.lined("contact_role", false, maxRole, lang),
		}},
		{Label: v.T("web.form.also_section"), Optional: true, Open: c.anyFilled("also", "title_also", "summary_also"), Controls: []control{
			c.choice("also", false, c.languages(languagesOfTexts, second)),
			c.lined("title_also", false, maxTitle, second),
			c.block("summary_also", false, 3, maxSummary, second),
		}},
	}
}

// controls makes the form's fields from what was typed.
type controls struct {
	*view
	f      typed
	faults map[string][]string
}

func (c controls) anyFilled(names ...string) bool {
	for _, name := range names {
		if c.f.get(name) != "" || len(c.faults[name]) > 0 {
			return true
		}
	}
	return false
}

func (c controls) base(name, kind string, required bool) control {
	out := control{Name: name, Kind: kind, Required: required, Label: c.T("web.form." + name), Value: c.f.get(name), Faults: c.faults[name]}
	if key := "web.form." + name + ".hint"; c.book.Has(key) {
		out.Hint = c.T(key)
	}
	return out
}

func (c controls) lined(name string, required bool, most int, lang string) control {
	out := c.base(name, "line", required)
	out.Max, out.Lang = most, lang
	return out
}

func (c controls) block(name string, required bool, rows, most int, lang string) control {
	out := c.base(name, "lines", required)
	out.Rows, out.Max, out.Lang = rows, most, lang
	return out
}

func (c controls) day(name string, required bool) control { return c.base(name, "day", required) }

func (c controls) span(from, to string) control {
	out := c.base(from, "day", true)
	end := c.base(to, "day", true)
	out.Second = &end
	return out
}

func (c controls) number(name string, required bool, unit string, units []option) control {
	out := c.base(name, "number", required)
	if unit != "" {
		beside := c.base(unit, "choice", required)
		beside.Options = units
		out.Unit = &beside
	}
	return out
}

func (c controls) choice(name string, required bool, options []option) control {
	out := c.base(name, "choice", required)
	out.Options = options
	return out
}

func (c controls) checks(name string, required bool, options []option) control {
	out := c.base(name, "checks", required)
	out.Groups = []group{{Options: options}}
	return out
}

// codes are all codes of a list.
func (c controls) codes(list record.List, chosen ...string) []option {
	return c.some(list, record.Codes(list), chosen...)
}

func (c controls) some(list record.List, codes []string, chosen ...string) []option {
	var out []option
	for _, code := range codes {
		out = append(out, option{code, record.Label(list, code, c.Lang), slices.Contains(chosen, code)})
	}
	return out
}

func (c controls) languages(tags []string, chosen ...string) []option {
	var out []option
	for _, tag := range tags {
		out = append(out, option{tag, c.book.Language(c.Lang, tag), slices.Contains(chosen, tag)})
	}
	return out
}

func (c controls) durations() []option {
	chosen := or(c.f.get("duration_unit"), "D")
	var out []option
	for _, unit := range []string{"D", "W", "M", "Y"} {
		out = append(out, option{unit, c.T("web.form.duration." + unit), unit == chosen})
	}
	return out
}

func (c controls) countries() []option {
	var out []option
	for _, code := range record.Codes(record.Countries) {
		out = append(out, option{code, c.book.Country(c.Lang, code), code == c.f.get("country")})
	}
	slices.SortFunc(out, func(a, b option) int { return phrase.Compare(a.Label, b.Label) })
	return out
}

// themes are in groups, as the code list has them.
func (c controls) themes() control {
	out := c.base("themes", "checks", true)
	chosen := c.f.all("themes")
	for _, name := range record.Codes(record.ThemeGroups) {
		g := group{Label: record.Label(record.ThemeGroups, name, c.Lang)}
		for _, code := range record.Codes(record.Themes) {
			if record.Parent(record.Themes, code) == name {
				g.Options = append(g.Options, option{code, record.Label(record.Themes, code, c.Lang), slices.Contains(chosen, code)})
			}
		}
		out.Groups = append(out.Groups, g)
	}
	return out
}

// skills are the occupations that have a name of their own in the catalogues; the other
// unit groups of ISCO-08 are called like their major group and would all look alike.
func (c controls) skills() control {
	out := c.base("skills", "checks", false)
	chosen := c.f.all("skills")
	var g group
	for _, code := range record.Codes(record.Skills) {
		label := record.Label(record.Skills, code, c.Lang)
		if label != record.Label(record.Skills, code[:1], c.Lang) {
			g.Options = append(g.Options, option{code, label, slices.Contains(chosen, code)})
		}
	}
	out.Groups = []group{g}
	out.Folded, out.Open = true, len(chosen)+len(out.Faults) > 0
	return out
}
