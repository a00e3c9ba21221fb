package match

import (
	"slices"
	"strconv"
	"strings"

	"github.com/dure-net/dure/protocol/record"
)

// Reasons for points.
const (
	CodeSkill     Code = "skill"      // the same skill
	CodeSkills    Code = "skill_near" // skills of one group
	CodeGoods     Code = "goods"      // goods of one category
	CodeThemes    Code = "themes"
	CodeTime      Code = "time"
	CodeLanguage  Code = "language"
	CodeInterpre  Code = "interpretation" // no common language, but interpretation is offered
	CodeNoTongue  Code = "no_language"    // neither
	CodeQuantity  Code = "quantity"
	CodeUnits     Code = "units" // amounts that cannot be compared
	CodeReturn    Code = "return"
	CodeCosts     Code = "costs"
	CodeRemote    Code = "place_remote"
	CodeShipped   Code = "place_shipped"
	CodeCountry   Code = "place_country"
	CodeContinent Code = "place_continent"
	CodeFar       Code = "place_far"
	CodeGoals     Code = "goals"
	CodeMode      Code = "mode_near"
	CodeFew       Code = "solidarity" // the one who asks took part in few exchanges so far
)

// score is the sum of the reasons' points, within its bounds.
func (p *pair) score() int {
	what, themes := p.topicPoints()
	n := what + themes + p.timePoints() + p.languagePoints() + p.quantityPoints() + p.returnPoints() + p.costPoints()
	place, _ := p.place()
	n += place
	if p.o.goals&p.r.goals != 0 {
		n += goalPoints
	}
	if p.request.Few {
		n += fewPoints
	}
	if p.o.mode != p.r.mode {
		n += modePoints
	}
	if p.strangers() && n > strangers {
		n = strangers
	}
	return max(n, 0)
}

const (
	goalPoints = 3
	fewPoints  = 2
	modePoints = -10
)

// reasons tells for people what score has counted.
func (p *pair) reasons() []Reason {
	out := append(make([]Reason, 0, 12), p.topic()...)
	out = append(out, p.time(), p.language(), p.quantity(), p.returns(), p.costs(), p.where())
	if goals := common(p.offer.Listing.SDGs, p.request.Listing.SDGs); len(goals) > 0 {
		out = append(out, Reason{CodeGoals, goalPoints, goalPoints, Facts{"goals": texts(goals)}})
	}
	if p.request.Few {
		out = append(out, Reason{CodeFew, fewPoints, fewPoints, nil})
	}
	if p.o.mode != p.r.mode {
		out = append(out, Reason{CodeMode, modePoints, 0, Facts{"offer": {p.o.mode}, "request": {p.r.mode}}})
	}
	return out
}

// topicPoints are those of the goods or skills, where both name some, and of the themes.
func (p *pair) topicPoints() (what, themes int) {
	switch {
	case p.bothGoods():
		if p.offer.Listing.Goods == p.request.Listing.Goods {
			what = 30
		}
		return what, p.themePoints(15)
	case p.bothSkills():
		points, _, _ := p.skillPoints()
		return points, p.themePoints(15)
	}
	return 0, p.themePoints(45)
}

func (p *pair) bothGoods() bool  { return p.offer.Listing.Goods != "" && p.request.Listing.Goods != "" }
func (p *pair) bothSkills() bool { return len(p.o.skills) > 0 && len(p.r.skills) > 0 }

func (p *pair) topic() []Reason {
	what, points := p.topicPoints()
	shared := common(p.offer.Listing.Themes, p.request.Listing.Themes)
	themes := Reason{CodeThemes, points, 15, Facts{"themes": shared, "groups": p.kinGroups()}}
	switch {
	case p.bothGoods():
		goods := Reason{CodeGoods, what, 30, nil}
		if what > 0 {
			goods.Facts = Facts{"goods": {p.offer.Listing.Goods}}
		}
		return []Reason{goods, themes}
	case p.bothSkills():
		skill := Reason{CodeSkills, what, 30, nil}
		switch points, o, r := p.skillPoints(); {
		case points == 30:
			skill.Code, skill.Facts = CodeSkill, Facts{"skills": common(p.offer.Listing.Skills, p.request.Listing.Skills)}
		case points > 0:
			skill.Facts = Facts{"offer": {o}, "request": {r}}
		}
		return []Reason{skill, themes}
	}
	themes.Of = 45
	return []Reason{themes}
}

// themePoints count a common theme as one and two of one group as a half, of all there are.
func (p *pair) themePoints(of int) int {
	shared := sharedCodes(p.o.themes, p.r.themes)
	all := len(p.o.themes) + len(p.r.themes) - shared
	if all == 0 {
		return 0
	}
	halves := 2 * shared
	p.kin(func(_ string, pairs int) { halves += pairs })
	return of * halves / (2 * all)
}

// kin tells of each group how many pairs of different themes belong to it.
func (p *pair) kin(tell func(group string, pairs int)) {
	for i, group := range p.o.parents {
		if group == (code{}) || slices.Contains(p.o.parents[:i], group) {
			continue
		}
		if pairs := min(lone(group, p.o, p.r), lone(group, p.r, p.o)); pairs > 0 {
			tell(group.Value(), pairs)
		}
	}
}

// lone counts the themes of a group that the other one does not name.
func lone(group code, of, other *Gist) (n int) {
	for i, parent := range of.parents {
		if parent == group && !slices.Contains(other.themes, of.themes[i]) {
			n++
		}
	}
	return n
}

func (p *pair) kinGroups() (groups []string) {
	p.kin(func(group string, _ int) { groups = append(groups, group) })
	slices.Sort(groups)
	return groups
}

// sharedCodes counts what stands in both, once.
func sharedCodes(a, b []code) (n int) {
	for i, c := range a {
		if slices.Contains(b, c) && !slices.Contains(a[:i], c) {
			n++
		}
	}
	return n
}

// skillPoints compares ISCO-08 unit groups: four digits are the same occupation, three of
// them the minor group, two the sub-major group. It names the first pair that is best.
func (p *pair) skillPoints() (points int, offered, wanted string) {
	if sharedCodes(p.o.skills, p.r.skills) > 0 {
		return 30, "", ""
	}
	for _, o := range p.offer.Listing.Skills {
		for _, w := range p.request.Listing.Skills {
			for _, level := range [...]struct{ digits, points int }{{3, 20}, {2, 12}} {
				if level.points > points && len(o) >= level.digits && strings.HasPrefix(w, o[:level.digits]) {
					points, offered, wanted = level.points, o, w
				}
			}
		}
	}
	return points, offered, wanted
}

func (p *pair) timePoints() int {
	shared, shorter := p.commonDays(), min(p.o.days(), p.r.days())
	if shared == 0 || shorter == 0 {
		return 0
	}
	return shared * 15 / shorter
}

func (p *pair) time() Reason {
	shared := p.commonDays()
	if shared == 0 {
		return Reason{CodeTime, 0, 15, nil}
	}
	o, r := p.offer.Listing.Window, p.request.Listing.Window
	return Reason{CodeTime, p.timePoints(), 15, Facts{"days": {strconv.Itoa(shared)}, "from": {string(max(o.From, r.From))}, "to": {string(min(o.To, r.To))}}}
}

// interpreted reports whether one side brings interpretation along.
func (p *pair) interpreted() bool {
	return p.offer.Listing.Interpretation == "provider" || p.request.Listing.Interpretation == "receiver"
}

// strangers have no language and nobody to translate, and exchange more than goods.
func (p *pair) strangers() bool { return p.languagePoints() == 0 && p.o.mode != "give" }

func (p *pair) languagePoints() int {
	switch {
	case sharedCodes(p.o.tongues, p.r.tongues) > 0:
		return 12
	case p.interpreted():
		return 6
	}
	return 0
}

// language names the working languages that both have: the same language, whatever the
// script or region.
func (p *pair) language() Reason {
	switch points := p.languagePoints(); points {
	case 12:
		shared := []string{}
		for _, t := range common(p.o.tongues, p.r.tongues) {
			shared = append(shared, t.Value())
		}
		return Reason{CodeLanguage, points, 12, Facts{"languages": shared}}
	case 6:
		return Reason{CodeInterpre, points, 12, nil}
	}
	return Reason{CodeNoTongue, 0, 12, nil}
}

// amounts is how much can be had and how much is wanted, in one unit; not ok where the
// two are in units that say nothing of each other.
func (p *pair) amounts() (had, wanted micros, ok bool) {
	if p.o.money != p.r.money || p.o.unit != p.r.unit {
		return micros{}, micros{}, false
	}
	had, wanted = p.offer.left(p.o.total), p.request.left(p.r.total)
	if wanted.zero() {
		return micros{}, micros{}, false
	}
	if had.cmp(wanted) > 0 {
		had = wanted
	}
	return had, wanted, true
}

// left is what agreements leave of a listing.
func (s *Side) left(total micros) micros {
	if s.Remaining != "" {
		return read(s.Remaining)
	}
	return total
}

// least is the larger of both minimums, in the unit of amounts.
func (p *pair) least() (least micros) {
	for _, g := range [...]*Gist{p.o, p.r} {
		if (g.minimumUnit == "" || g.minimumUnit == p.o.unit) && g.minimum.cmp(least) > 0 {
			least = g.minimum
		}
	}
	return least
}

// quantityPoints are the tenths of what is wanted that can be had.
func (p *pair) quantityPoints() (points int) {
	had, wanted, ok := p.amounts()
	if !ok {
		return 0
	}
	for had = had.times(10); points < 10 && had.cmp(wanted.times(uint64(points)+1)) >= 0; {
		points++
	}
	return points
}

func (p *pair) quantity() Reason {
	had, wanted, ok := p.amounts()
	if !ok {
		return Reason{CodeUnits, 0, 10, nil}
	}
	return Reason{CodeQuantity, p.quantityPoints(), 10, Facts{"had": {had.String()}, "wanted": {wanted.String()}, "unit": {p.o.unit}}}
}

// returnPoints: a gift suits everybody.
func (p *pair) returnPoints() int {
	if o := p.offer.Listing.Return; o == "gift" || o == p.request.Listing.Return {
		return 4
	}
	return 0
}

func (p *pair) returns() Reason {
	o, r := p.offer.Listing.Return, p.request.Listing.Return
	if o == r {
		return Reason{CodeReturn, p.returnPoints(), 4, Facts{"same": {o}}}
	}
	return Reason{CodeReturn, p.returnPoints(), 4, Facts{"offer": {o}, "request": {r}}}
}

// disputed reports whether both name a bearer of a cost and not the same one. What one
// of them leaves open, or does not expect, is not in dispute.
func disputed(a, b string) bool {
	open := func(bearer string) bool { return bearer == "" || bearer == "negotiable" || bearer == "none" }
	return a != b && !open(a) && !open(b)
}

func (p *pair) costPoints() int {
	items, agreed := 0, 0
	for i, a := range p.o.bearers {
		if b := p.r.bearers[i]; a != "" || b != "" {
			items++
			if !disputed(a, b) {
				agreed++
			}
		}
	}
	if items == 0 {
		return 4
	}
	return 4 * agreed / items
}

func (p *pair) costs() Reason {
	list := []string{}
	for i, a := range p.o.bearers {
		if disputed(a, p.r.bearers[i]) {
			list = append(list, costItems[i])
		}
	}
	return Reason{CodeCosts, p.costPoints(), 4, Facts{"disputed": list}}
}

// place gives the points for how far apart the two are, and why.
func (p *pair) place() (points int, why Code) {
	switch p.way {
	case "remote":
		return 5, CodeRemote
	case "ship":
		return 5, CodeShipped
	}
	a, b := p.offer.country(), p.request.country()
	if a != "" && a == b {
		return 5, CodeCountry
	}
	if c := record.Continent(a); c != "" && c == record.Continent(b) {
		return 3, CodeContinent
	}
	return 1, CodeFar
}

func (p *pair) where() Reason {
	points, why := p.place()
	out := Reason{why, points, 5, nil}
	switch a := p.offer.country(); why {
	case CodeCountry:
		out.Facts = Facts{"country": {a}}
	case CodeContinent:
		out.Facts = Facts{"continent": {record.Continent(a)}}
	}
	return out
}

// common lists what stands in both, in the order of the first, once.
func common[T comparable](a, b []T) []T {
	out := []T{}
	for _, v := range a {
		if slices.Contains(b, v) && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

func texts(goals []uint64) []string {
	out := make([]string, len(goals))
	for i, g := range goals {
		out[i] = strconv.FormatUint(g, 10)
	}
	return out
}
