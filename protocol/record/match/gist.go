package match

import (
	"math"
	"slices"
	"strings"
	"time"
	"unique"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// Gist is what judging needs of a listing, worked out once: days as numbers, amounts as
// whole millionths, codes that compare in one step. It depends on the listing alone and
// never changes; a caller that judges the same listing again keeps it beside the
// listing, under the id of the entry that says it.
type Gist struct {
	request        bool
	published      bool
	exchange, mode string
	until          record.Day
	from, to       int // days since 1970; from after to for a window that is none
	least          int // days that its minimum asks for
	stands         int // mode as an index of near, -1 for none

	themes, parents []code // parents are the themes' groups, beside them
	skills          []code
	tongues         []code // without script and region
	goals           uint64 // bit n for goal n
	bearers         [len(costItems)]string

	money       bool // amounts are in a currency
	unit        string
	total       micros
	minimum     micros
	minimumUnit string // "" for a minimum in money, which counts in whatever currency
}

// code is a word of a list, compared by its address.
type code = unique.Handle[string]

// costItems are the codes of record.CostItems, in its order; bearersOf follows it.
var costItems = [...]string{"travel", "lodging", "shipping", "insurance", "stipend"}

// parentOf are the themes' groups: looked up once.
var parentOf = func() map[string]code {
	out := map[string]code{}
	for _, t := range record.Codes(record.Themes) {
		if parent := record.Parent(record.Themes, t); parent != "" {
			out[t] = unique.Make(parent)
		}
	}
	return out
}()

// Grasp works out what judging needs of a listing. The gist keeps no text of it.
func Grasp(l *record.Listing) *Gist {
	g := &Gist{
		request: l.Kind() == protocol.KindRequest, published: l.State == "" || l.State == "published",
		exchange: l.Exchange, mode: l.Mode, until: until(l), from: math.MaxInt32, to: -1, least: minimumDays(l), stands: standsFor(l.Mode),
		themes: codes(l.Themes), skills: codes(l.Skills), bearers: bearersOf(l.Costs),
	}
	if l.Window != nil {
		g.from, g.to = dayNumber(l.Window.From, math.MaxInt32), dayNumber(l.Window.To, -1)
	}
	for _, t := range l.Themes {
		g.parents = append(g.parents, parentOf[t])
	}
	for _, tag := range l.WorkingLanguages {
		base, _, _ := strings.Cut(tag, "-")
		g.tongues = append(g.tongues, unique.Make(base))
	}
	for _, goal := range l.SDGs {
		g.goals |= 1 << (goal % 64)
	}
	if g.money = l.Amount != nil; g.money {
		g.unit, g.total = l.Amount.Currency, read(l.Amount.Value)
	} else {
		q, _ := l.Measure()
		g.unit, g.total = q.Unit, read(q.Value)
	}
	switch {
	case l.MinimumAmount != nil:
		g.minimum = read(l.MinimumAmount.Value)
	case l.Minimum != nil:
		g.minimum, g.minimumUnit = read(l.Minimum.Value), l.Minimum.Unit
	}
	return g
}

func codes(words []string) []code {
	var out []code
	for _, w := range words {
		out = append(out, unique.Make(w))
	}
	return out
}

func bearersOf(c *record.Costs) (out [len(costItems)]string) {
	if c != nil {
		out = [...]string{c.Travel, c.Lodging, c.Shipping, c.Insurance, c.Stipend}
	}
	return out
}

// dayNumber counts days since 1970; what is no day is none.
func dayNumber(d record.Day, none int) int {
	t, err := time.Parse(time.DateOnly, string(d))
	if err != nil {
		return none
	}
	return int(t.Unix() / (24 * 60 * 60))
}

// days of the window, both ends included; 0 for none.
func (g *Gist) days() int { return max(g.to-g.from+1, 0) }

// near are modes that stand for each other, at a price.
var near = [][]string{
	{"give", "lend"}, {"guarantee", "loan_fund"}, {"expert_mission", "trainer", "mentoring"},
	{"training_course", "remote_advice"}, {"study_visit", "job_shadowing"},
}

func standsFor(mode string) int {
	return slices.IndexFunc(near, func(group []string) bool { return slices.Contains(group, mode) })
}

// until is the last day on which a listing holds; what stands without end comes last.
func until(l *record.Listing) record.Day {
	if l.Standing || l.ValidUntil == "" {
		return "9999-12-31"
	}
	return l.ValidUntil
}

// unitEighths are the eighths of a day, which are hours of work, in a unit of time; they
// are never changed.
var unitEighths = map[string]uint64{"HUR": 1, "LH": 1, "DAY": 8, "WEE": 7 * 8, "MON": 30 * 8, "ANN": 365 * 8}

const maxLeastDays = 36_500 // no window is longer

// minimumDays is the least time that a listing asks for, in days; 0 where its minimum
// is no time. A month counts as 30 days, a week as 7, hours as the days they fill.
func minimumDays(l *record.Listing) int {
	if l.Minimum == nil {
		return 0
	}
	const day = 8 * scale
	n := read(l.Minimum.Value).times(unitEighths[l.Minimum.Unit])
	if n.hi > 0 || n.lo > maxLeastDays*day {
		return maxLeastDays
	}
	return int((n.lo + day - 1) / day)
}
