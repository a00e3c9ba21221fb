package match

import (
	"math/big"
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

func (p pair) reasons() []Reason {
	out := p.topic()
	out = append(out, p.time(), p.language(), p.quantity(), p.returns(), p.costs(), p.place())
	if goals := common(p.offer.Listing.SDGs, p.request.Listing.SDGs); len(goals) > 0 {
		out = append(out, Reason{CodeGoals, 3, 3, Facts{"goals": texts(goals)}})
	}
	if p.request.Few {
		out = append(out, Reason{CodeFew, 2, 2, nil})
	}
	if o, r := p.offer.Listing.Mode, p.request.Listing.Mode; o != r {
		out = append(out, Reason{CodeMode, -10, 0, Facts{"offer": {o}, "request": {r}}})
	}
	return out
}

// topic is the goods or skills, where both name some, and the themes.
func (p pair) topic() []Reason {
	o, r := p.offer.Listing, p.request.Listing
	themes := func(of int) Reason {
		shared := common(o.Themes, r.Themes)
		related, groups := akin(o.Themes, r.Themes, shared)
		halves := 2*len(shared) + related
		all := len(o.Themes) + len(r.Themes) - len(shared)
		points := 0
		if all > 0 {
			points = of * halves / (2 * all)
		}
		return Reason{CodeThemes, points, of, Facts{"themes": shared, "groups": groups}}
	}
	switch {
	case o.Goods != "" && r.Goods != "":
		goods := Reason{CodeGoods, 0, 30, nil}
		if o.Goods == r.Goods {
			goods.Points, goods.Facts = 30, Facts{"goods": {o.Goods}}
		}
		return []Reason{goods, themes(15)}
	case len(o.Skills) > 0 && len(r.Skills) > 0:
		return []Reason{skills(o.Skills, r.Skills), themes(15)}
	}
	return []Reason{themes(45)}
}

// akin counts the pairs of different themes that belong to one group, and names the groups.
func akin(a, b, shared []string) (n int, groups []string) {
	group := func(themes []string) map[string]int {
		left := map[string]int{}
		for _, t := range themes {
			if parent := record.Parent(record.Themes, t); parent != "" && !slices.Contains(shared, t) {
				left[parent]++
			}
		}
		return left
	}
	other := group(b)
	for parent, count := range group(a) {
		if pairs := min(count, other[parent]); pairs > 0 {
			n, groups = n+pairs, append(groups, parent)
		}
	}
	slices.Sort(groups)
	return n, groups
}

// skills compares ISCO-08 unit groups: four digits are the same occupation, three of
// them the minor group, two the sub-major group.
func skills(offered, wanted []string) Reason {
	if same := common(offered, wanted); len(same) > 0 {
		return Reason{CodeSkill, 30, 30, Facts{"skills": same}}
	}
	best := Reason{CodeSkills, 0, 30, nil}
	for _, o := range offered {
		for _, w := range wanted {
			for _, level := range []struct{ digits, points int }{{3, 20}, {2, 12}} {
				if level.points > best.Points && len(o) >= level.digits && strings.HasPrefix(w, o[:level.digits]) {
					best.Points, best.Facts = level.points, Facts{"offer": {o}, "request": {w}}
				}
			}
		}
	}
	return best
}

func (p pair) time() Reason {
	o, r := p.offer.Listing.Window, p.request.Listing.Window
	shared, shorter := p.commonDays(), min(days(o.From, o.To), days(r.From, r.To))
	if shared == 0 || shorter == 0 {
		return Reason{CodeTime, 0, 15, nil}
	}
	return Reason{CodeTime, shared * 15 / shorter, 15, Facts{"days": {strconv.Itoa(shared)},
		"from": {string(max(o.From, r.From))}, "to": {string(min(o.To, r.To))}}}
}

// tongues are the working languages that both have: the same language, whatever the
// script or region.
func (p pair) tongues() []string {
	base := func(tags []string) []string {
		out := make([]string, len(tags))
		for i, t := range tags {
			out[i], _, _ = strings.Cut(t, "-")
		}
		return out
	}
	return common(base(p.offer.Listing.WorkingLanguages), base(p.request.Listing.WorkingLanguages))
}

// interpreted reports whether one side brings interpretation along.
func (p pair) interpreted() bool {
	return p.offer.Listing.Interpretation == "provider" || p.request.Listing.Interpretation == "receiver"
}

// strangers have no language and nobody to translate, and exchange more than goods.
func (p pair) strangers() bool {
	return len(p.tongues()) == 0 && !p.interpreted() && p.offer.Listing.Mode != "give"
}

func (p pair) language() Reason {
	switch shared := p.tongues(); {
	case len(shared) > 0:
		return Reason{CodeLanguage, 12, 12, Facts{"languages": shared}}
	case p.interpreted():
		return Reason{CodeInterpre, 6, 12, nil}
	}
	return Reason{CodeNoTongue, 0, 12, nil}
}

// read is a decimal as a number, zero where it is none. Most are whole, and read at a
// tenth of the cost.
func read(s string) *big.Rat {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return new(big.Rat).SetInt64(n)
	}
	if n, ok := new(big.Rat).SetString(s); ok {
		return n
	}
	return new(big.Rat)
}

// amounts is how much can be had and how much is wanted, in one unit; not ok where the
// two are in units that say nothing of each other.
func (p pair) amounts() (had, wanted *big.Rat, ok bool) {
	o, r := p.offer.Listing, p.request.Listing
	left := func(s Side, value string) string {
		if s.Remaining != "" {
			return s.Remaining
		}
		return value
	}
	switch {
	case o.Amount != nil && r.Amount != nil:
		if o.Amount.Currency != r.Amount.Currency {
			return nil, nil, false
		}
		had, wanted = read(left(p.offer, o.Amount.Value)), read(left(p.request, r.Amount.Value))
	default:
		a, ok1 := o.Measure()
		b, ok2 := r.Measure()
		if !ok1 || !ok2 || a.Unit != b.Unit {
			return nil, nil, false
		}
		had, wanted = read(left(p.offer, a.Value)), read(left(p.request, b.Value))
	}
	if wanted.Sign() <= 0 {
		return nil, nil, false
	}
	if had.Cmp(wanted) > 0 {
		had = wanted
	}
	return had, wanted, true
}

// least is the larger of both minimums, in the unit of amounts.
func (p pair) least() *big.Rat {
	least := new(big.Rat)
	for _, l := range []*record.Listing{p.offer.Listing, p.request.Listing} {
		value := ""
		switch {
		case l.MinimumAmount != nil:
			value = l.MinimumAmount.Value
		case l.Minimum != nil && l.Minimum.Unit == p.unit():
			value = l.Minimum.Value
		}
		if n := read(value); n.Cmp(least) > 0 {
			least = n
		}
	}
	return least
}

// unit is the unit, or currency, of amounts.
func (p pair) unit() string {
	if m := p.offer.Listing.Amount; m != nil {
		return m.Currency
	}
	q, _ := p.offer.Listing.Measure()
	return q.Unit
}

func (p pair) quantity() Reason {
	had, wanted, ok := p.amounts()
	if !ok {
		return Reason{CodeUnits, 0, 10, nil}
	}
	share := new(big.Rat).Mul(new(big.Rat).Quo(had, wanted), big.NewRat(10, 1))
	points := new(big.Int).Quo(share.Num(), share.Denom())
	return Reason{CodeQuantity, int(points.Int64()), 10, Facts{"had": {decimal(had)}, "wanted": {decimal(wanted)}, "unit": {p.unit()}}}
}

// returns: a gift suits everybody.
func (p pair) returns() Reason {
	o, r := p.offer.Listing.Return, p.request.Listing.Return
	switch {
	case o == r:
		return Reason{CodeReturn, 4, 4, Facts{"same": {o}}}
	case o == "gift":
		return Reason{CodeReturn, 4, 4, Facts{"offer": {o}, "request": {r}}}
	}
	return Reason{CodeReturn, 0, 4, Facts{"offer": {o}, "request": {r}}}
}

// costs: a cost is in dispute where both name one bearer and not the same. What one of
// them leaves open, or does not expect, is not.
func (p pair) costs() Reason {
	o, r := bearers(p.offer.Listing.Costs), bearers(p.request.Listing.Costs)
	items, disputed := 0, []string{}
	for _, item := range record.Codes(record.CostItems) {
		a, b := o[item], r[item]
		if a == "" && b == "" {
			continue
		}
		items++
		open := func(bearer string) bool { return bearer == "" || bearer == "negotiable" || bearer == "none" }
		if a != b && !open(a) && !open(b) {
			disputed = append(disputed, item)
		}
	}
	points := 4
	if items > 0 {
		points = 4 * (items - len(disputed)) / items
	}
	return Reason{CodeCosts, points, 4, Facts{"disputed": disputed}}
}

func bearers(c *record.Costs) map[string]string {
	if c == nil {
		return nil
	}
	return map[string]string{"travel": c.Travel, "lodging": c.Lodging, "shipping": c.Shipping, "insurance": c.Insurance, "stipend": c.Stipend}
}

func (p pair) place() Reason {
	a, b := p.offer.country(), p.request.country()
	continent := record.Continent(a)
	switch way := p.way(); {
	case way == "remote":
		return Reason{CodeRemote, 5, 5, nil}
	case way == "ship":
		return Reason{CodeShipped, 5, 5, nil}
	case a != "" && a == b:
		return Reason{CodeCountry, 5, 5, Facts{"country": {a}}}
	case continent != "" && continent == record.Continent(b):
		return Reason{CodeContinent, 3, 5, Facts{"continent": {continent}}}
	}
	return Reason{CodeFar, 1, 5, nil}
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

// decimal writes a number without trailing zeros.
func decimal(n *big.Rat) string {
	s := n.FloatString(6)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}
