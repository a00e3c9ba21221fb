package match

import (
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dure-net/dure/protocol/record"
)

// Why a pair was removed.
const (
	missClosed   Code = "closed"
	missExpired  Code = "expired"
	missMode     Code = "mode"
	missGoods    Code = "goods"
	missDelivery Code = "delivery"
	missPlace    Code = "place"
	missWindow   Code = "window"
	missMinimum  Code = "minimum"
	missReach    Code = "reach"
	missTopic    Code = "topic"
	missTaken    Code = "committed"
)

// pair is one offer and one request, judged on a day.
type pair struct {
	offer, request Side
	asOf           record.Day
}

// misses lists every filter that the pair does not pass, in the order of the table.
func (p pair) misses() []Miss {
	var out []Miss
	miss := func(c Code, facts Facts) { out = append(out, Miss{c, facts}) }
	o, r := p.offer.Listing, p.request.Listing
	if !published(o) || !published(r) {
		miss(missClosed, nil)
	}
	if day := min(until(o), until(r)); day < p.asOf {
		miss(missExpired, Facts{"day": {string(day)}})
	}
	if p.offer.taken() || p.request.taken() {
		miss(missTaken, nil)
	}
	if o.Mode != r.Mode && !nearModes(o.Mode, r.Mode) {
		miss(missMode, Facts{"offer": {o.Mode}, "request": {r.Mode}})
	}
	if o.Goods != r.Goods {
		miss(missGoods, Facts{"offer": {o.Goods}, "request": {r.Goods}})
	}
	if p.way() == "" {
		miss(missDelivery, Facts{"offer": {o.Delivery}, "request": {r.Delivery}})
	}
	if o.Exchange == "space" && !p.closeBy() {
		miss(missPlace, Facts{"offer": {p.offer.country()}, "request": {p.request.country()}})
	}
	if days, needed := p.commonDays(), max(minimumDays(o), minimumDays(r), 1); days < needed {
		miss(missWindow, Facts{"days": {strconv.Itoa(days)}, "needed": {strconv.Itoa(needed)}})
	}
	if had, wanted, ok := p.amounts(); ok {
		if least := p.least(); had.Cmp(least) < 0 {
			miss(missMinimum, Facts{"had": {decimal(had)}, "wanted": {decimal(wanted)}, "least": {decimal(least)}, "unit": {p.unit()}})
		}
	}
	if !reaches(o, p.request) || !reaches(r, p.offer) {
		miss(missReach, nil)
	}
	points := 0
	for _, t := range p.topic() {
		points += t.Points
	}
	if points < leastTopic {
		miss(missTopic, nil)
	}
	return out
}

// hopeless reports whether the pair fails what keeps it from being even a near miss: two
// filters, or being closed. It finds most such pairs at a fraction of the cost of misses,
// which a node that judges ten thousand listings needs.
func (p *pair) hopeless() bool {
	o, r := p.offer.Listing, p.request.Listing
	if !published(o) || !published(r) {
		return true
	}
	n := 0
	for _, missed := range [...]bool{
		min(until(o), until(r)) < p.asOf, p.offer.taken() || p.request.taken(), o.Mode != r.Mode && !nearModes(o.Mode, r.Mode), o.Goods != r.Goods,
		p.way() == "", max(o.Window.From, r.Window.From) > min(o.Window.To, r.Window.To), o.Goods == "" && p.alien(),
	} {
		if missed {
			n++
		}
	}
	return n > 1
}

// alien reports whether a pair without goods can have no topic in common: no theme, no
// group of themes, and no skill of one sub-major group.
func (p *pair) alien() bool {
	o, r := p.offer.Listing, p.request.Listing
	for _, a := range o.Themes {
		for _, b := range r.Themes {
			if a == b || groups[a] != "" && groups[a] == groups[b] {
				return false
			}
		}
	}
	for _, a := range o.Skills {
		for _, b := range r.Skills {
			if len(a) > 1 && strings.HasPrefix(b, a[:2]) {
				return false
			}
		}
	}
	return true
}

// groups are the themes' groups: looked up once.
var groups = func() map[string]string {
	out := map[string]string{}
	for _, t := range record.Codes(record.Themes) {
		out[t] = record.Parent(record.Themes, t)
	}
	return out
}()

// taken reports whether agreements leave nothing of the listing.
func (s Side) taken() bool { return s.Remaining != "" && strings.Trim(s.Remaining, "0.") == "" }

func published(l *record.Listing) bool { return l.State == "" || l.State == "published" }

// near are modes that stand for each other, at a price.
var near = [][]string{
	{"give", "lend"}, {"guarantee", "loan_fund"}, {"expert_mission", "trainer", "mentoring"},
	{"training_course", "remote_advice"}, {"study_visit", "job_shadowing"},
}

func nearModes(a, b string) bool {
	return slices.ContainsFunc(near, func(group []string) bool { return slices.Contains(group, a) && slices.Contains(group, b) })
}

// way is how the two would come together: remote, ship, pickup or on_site; "" if not.
// Who offers to ship also hands over; who offers to hand over does not ship.
func (p pair) way() string {
	o, r := p.offer.Listing.Delivery, p.request.Listing.Delivery
	both := func(a, b string) bool { return (o == a || o == b) && (r == a || r == b) }
	switch {
	case both("remote", "hybrid") && (o == "remote" || r == "remote"):
		return "remote"
	case both("on_site", "hybrid"):
		return "on_site"
	case o == "ship" && (r == "ship" || r == "pickup"):
		return "ship"
	case o == "pickup" && r == "pickup":
		return "pickup"
	}
	return ""
}

// closeBy reports whether a space is in the country where one is wanted, or within
// 100 km of it where both say where they are.
func (p pair) closeBy() bool {
	if c := p.offer.country(); c != "" && c == p.request.country() {
		return true
	}
	a, b := p.offer.Listing.Place, p.request.Listing.Place
	return a != nil && b != nil && within(a, b, 100)
}

// within compares the distance of two places with a number of kilometres, in rational
// numbers, so that every machine comes to the same answer: a degree of latitude has
// 111.2 km, one of longitude the cosine of that, by Bhaskara's approximation (7th
// century, at most 0.2 % off): cos x° ≈ (32400 - 4x²) / (32400 + x²).
func within(a, b *record.Place, km int64) bool {
	latA, ok1 := new(big.Rat).SetString(a.Lat)
	latB, ok2 := new(big.Rat).SetString(b.Lat)
	lonA, ok3 := new(big.Rat).SetString(a.Lon)
	lonB, ok4 := new(big.Rat).SetString(b.Lon)
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return false
	}
	square := func(x *big.Rat) *big.Rat { return new(big.Rat).Mul(x, x) }
	mid := new(big.Rat).Mul(new(big.Rat).Add(latA, latB), big.NewRat(1, 2))
	const full = 32_400
	down := new(big.Rat).Sub(big.NewRat(full, 1), new(big.Rat).Mul(big.NewRat(4, 1), square(mid)))
	cosine := down.Quo(down, new(big.Rat).Add(big.NewRat(full, 1), square(mid)))
	dLon := new(big.Rat).Abs(new(big.Rat).Sub(lonA, lonB))
	if dLon.Cmp(big.NewRat(180, 1)) > 0 {
		dLon.Sub(big.NewRat(360, 1), dLon)
	}
	x := square(new(big.Rat).Mul(dLon, cosine))
	y := square(new(big.Rat).Sub(latA, latB))
	limit := big.NewRat(km*10, 1112)
	return x.Add(x, y).Cmp(square(limit)) <= 0
}

// commonDays counts the days in both windows.
func (p pair) commonDays() int {
	a, b := p.offer.Listing.Window, p.request.Listing.Window
	return days(max(a.From, b.From), min(a.To, b.To))
}

// days counts from a day to another, both included; 0 if there is none.
func days(from, to record.Day) int {
	f, err1 := time.Parse(time.DateOnly, string(from))
	t, err2 := time.Parse(time.DateOnly, string(to))
	if err1 != nil || err2 != nil || t.Before(f) {
		return 0
	}
	return int(t.Sub(f)/(24*time.Hour)) + 1
}

// unitDays are the days of a unit of time; they are never changed.
var unitDays = map[string]*big.Rat{"HUR": big.NewRat(1, 8), "LH": big.NewRat(1, 8), "DAY": big.NewRat(1, 1), "WEE": big.NewRat(7, 1),
	"MON": big.NewRat(30, 1), "ANN": big.NewRat(365, 1)}

// minimumDays is the least time that a listing asks for, in days; 0 where its minimum
// is no time. A month counts as 30 days, a week as 7, hours as the days they fill.
func minimumDays(l *record.Listing) int {
	if l.Minimum == nil {
		return 0
	}
	perDay := unitDays[l.Minimum.Unit]
	n, ok := new(big.Rat).SetString(l.Minimum.Value)
	if perDay == nil || !ok {
		return 0
	}
	n.Mul(n, perDay)
	whole := new(big.Int).Quo(new(big.Int).Add(n.Num(), new(big.Int).Sub(n.Denom(), big.NewInt(1))), n.Denom())
	if !whole.IsInt64() || whole.Int64() > 36_500 {
		return 36_500 // no window is longer
	}
	return int(whole.Int64())
}

// reaches reports whether a listing is meant for a member.
func reaches(l *record.Listing, to Side) bool {
	var who string
	switch l.Scope() {
	case "network":
		return true
	case "continent":
		who = record.Continent(to.Country)
	case "countries":
		who = to.Country
	case "members":
		who = to.Member
	}
	return who != "" && slices.Contains(l.Reach.List, who)
}
