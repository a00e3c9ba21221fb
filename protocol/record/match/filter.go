package match

import (
	"math/big"
	"math/bits"
	"slices"
	"strconv"
	"strings"

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
	offer, request *Side
	o, r           *Gist // theirs
	asOf           record.Day
	way            string // how the two would come together
}

// filter is one reason to remove a pair.
type filter struct {
	code   Code
	missed func(*pair) bool
	facts  func(*pair) Facts // nil for none
}

// filters are those of the package's table, in its order.
var filters = [...]filter{
	{missClosed, func(p *pair) bool { return !p.o.published || !p.r.published }, nil},
	{missExpired, func(p *pair) bool { return p.until() < p.asOf }, func(p *pair) Facts { return Facts{"day": {string(p.until())}} }},
	{missTaken, func(p *pair) bool { return p.offer.taken() || p.request.taken() }, nil},
	{missMode, func(p *pair) bool { return !p.modesFit() }, func(p *pair) Facts { return p.both(func(l *record.Listing) string { return l.Mode }) }},
	{missGoods, func(p *pair) bool { return p.offer.Listing.Goods != p.request.Listing.Goods },
		func(p *pair) Facts { return p.both(func(l *record.Listing) string { return l.Goods }) }},
	{missDelivery, func(p *pair) bool { return p.way == "" }, func(p *pair) Facts { return p.both(func(l *record.Listing) string { return l.Delivery }) }},
	{missPlace, func(p *pair) bool { return p.o.exchange == "space" && !p.closeBy() },
		func(p *pair) Facts { return Facts{"offer": {p.offer.country()}, "request": {p.request.country()}} }},
	{missWindow, func(p *pair) bool { return p.commonDays() < p.neededDays() },
		func(p *pair) Facts {
			return Facts{"days": {strconv.Itoa(p.commonDays())}, "needed": {strconv.Itoa(p.neededDays())}}
		}},
	{missMinimum, func(p *pair) bool { had, _, ok := p.amounts(); return ok && had.cmp(p.least()) < 0 },
		func(p *pair) Facts {
			had, wanted, _ := p.amounts()
			return Facts{"had": {had.String()}, "wanted": {wanted.String()}, "least": {p.least().String()}, "unit": {p.o.unit}}
		}},
	{missReach, func(p *pair) bool {
		return !reaches(p.offer.Listing, p.request) || !reaches(p.request.Listing, p.offer)
	}, nil},
	{missTopic, func(p *pair) bool { what, themes := p.topicPoints(); return what+themes < leastTopic }, nil},
}

// missed is a set of filters: bit n for the nth of them.
type missed uint16

const closed missed = 1 // being closed keeps a pair even from being a near miss

func (m missed) many() bool { return m&(m-1) != 0 }

// missed lists the filters that the pair does not pass. It stops at the most that the
// caller wants to know of.
func (p *pair) missed(most int) (out missed) {
	for i := range filters {
		if filters[i].missed(p) {
			if out |= 1 << i; bits.OnesCount16(uint16(out)) >= most {
				break
			}
		}
	}
	return out
}

// misses tells a set of filters for people, in the order of the table.
func (p *pair) misses(set missed) []Miss {
	var out []Miss
	for i, f := range filters {
		if set&(1<<i) == 0 {
			continue
		}
		m := Miss{Code: f.code}
		if f.facts != nil {
			m.Facts = f.facts(p)
		}
		out = append(out, m)
	}
	return out
}

func (p *pair) both(of func(*record.Listing) string) Facts {
	return Facts{"offer": {of(p.offer.Listing)}, "request": {of(p.request.Listing)}}
}

func (p *pair) until() record.Day { return min(p.o.until, p.r.until) }

// taken reports whether agreements leave nothing of the listing.
func (s *Side) taken() bool { return s.Remaining != "" && strings.Trim(s.Remaining, "0.") == "" }

func (p *pair) modesFit() bool {
	return p.o.mode == p.r.mode || p.o.stands >= 0 && p.o.stands == p.r.stands
}

// way is how two deliveries come together: remote, ship, pickup or on_site; "" if not.
// Who offers to ship also hands over; who offers to hand over does not ship.
func way(o, r string) string {
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
func (p *pair) closeBy() bool {
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
func (p *pair) commonDays() int {
	return max(min(p.o.to, p.r.to)-max(p.o.from, p.r.from)+1, 0)
}

// neededDays is the larger minimum, and a day at least.
func (p *pair) neededDays() int { return max(p.o.least, p.r.least, 1) }

// reaches reports whether a listing is meant for a member.
func reaches(l *record.Listing, to *Side) bool {
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
