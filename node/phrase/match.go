package phrase

import (
	"strings"

	"github.com/dure-net/dure/protocol/record"
)

// MatchReason says one reason why two listings fit: code and facts are those of a
// match.Reason.
func (b *Book) MatchReason(lang, code string, facts map[string][]string) string {
	return b.factual(lang, "match."+code, code, facts)
}

// MatchMiss says why two listings do not fit: code and facts are those of a match.Miss.
func (b *Book) MatchMiss(lang, code string, facts map[string][]string) string {
	return b.factual(lang, "miss."+code, code, facts)
}

// factLists are the code lists of facts that hold codes, by name or, where the name
// means different things, by the reason's code and name.
var factLists = map[string]record.List{
	"skills": record.Skills, "goods": record.Goods, "themes": record.Themes, "groups": record.ThemeGroups, "goals": record.SDGs,
	"continent": record.Continents, "disputed": record.CostItems, "same": record.Returns,
	"return.offer": record.Returns, "return.request": record.Returns, "mode.offer": record.Modes, "mode.request": record.Modes,
	"mode_near.offer": record.Modes, "mode_near.request": record.Modes, "goods.offer": record.Goods, "goods.request": record.Goods,
	"delivery.offer": record.Deliveries, "delivery.request": record.Deliveries, "skill_near.offer": record.Skills, "skill_near.request": record.Skills,
	"unit": record.Units,
}

func (b *Book) factual(lang, key, code string, facts map[string][]string) string {
	args := map[string]string{}
	for name, values := range facts {
		words := make([]string, 0, len(values))
		for _, v := range values {
			if w := b.fact(lang, code, name, v); w != "" {
				words = append(words, w)
			}
		}
		if len(words) > 0 {
			args[name] = strings.Join(words, ", ")
		}
	}
	return b.fullest(lang, key, args)
}

func (b *Book) fact(lang, code, name, value string) string {
	list, ok := factLists[code+"."+name]
	if !ok {
		list, ok = factLists[name]
	}
	switch {
	case ok:
		if label := record.Label(list, value, lang); label != "" {
			return label
		}
	case name == "languages":
		return b.Language(lang, value)
	case name == "country", code == "place" && (name == "offer" || name == "request"):
		return b.Country(lang, value)
	}
	return value // numbers, units of money; fullest makes local dates of days
}
