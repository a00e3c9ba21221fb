package match

import (
	"cmp"
	"slices"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// Side is one listing with what its record says about its owner.
type Side struct {
	ID      protocol.RecordID
	Member  string // the owner's handle
	Country string // of the owner, ISO 3166-1 alpha-2; "" for an international body
	Listing *record.Listing
	Gist    *Gist // of the listing, where the caller keeps it; nil: worked out when it is judged

	// Remaining is what agreements leave of the listing, a decimal in its unit; "" where none draws on it.
	Remaining string
	// Few says that the owner took part in fewer completed exchanges of the last 24 months than the median of members.
	Few bool
}

// country is where the side is: the listing's place, or else its owner's country.
func (s *Side) country() string {
	if s.Listing.Place != nil {
		return s.Listing.Place.Country
	}
	return s.Country
}

// Band says in a word how good a match is. Append only.
type Band string

const (
	Strong   Band = "strong"   // 75 and more
	Good     Band = "good"     // 60 to 74
	Possible Band = "possible" // 40 to 59
	Weak     Band = "weak"     // below
)

// Least points of the bands; strangers is the most without a common language.
const (
	leastStrong   = 75
	leastGood     = 60
	leastPossible = 40
	leastTopic    = 12
	strangers     = 59
)

// Code names a reason for points, or why a pair was removed. Append only: the codes are
// an interface.
type Code string

// Facts are what a reason rests on, by name: codes of lists, days, numbers.
type Facts map[string][]string

// Reason is one reason for points.
type Reason struct {
	Code   Code
	Points int // below 0 for what speaks against it
	Of     int // the most there is to have
	Facts  Facts
}

// Miss is one filter that a pair did not pass.
type Miss struct {
	Code  Code
	Facts Facts
}

// Match is one listing of the other side.
type Match struct {
	Other   Side
	Score   int // 0 to 100
	Band    Band
	Reasons []Reason // in order of the package's table; none that gave nothing but those that people ask for
	Misses  []Miss   // empty for a match
}

// nearMisses bounds the pairs told that missed one filter alone.
const nearMisses = 20

// Find lists what fits self among others, best first, and the near misses: pairs that
// one filter alone removed. Equal scores are ordered by the earlier end of validity and
// then by record id. Listings of self's own member and of its own direction are passed
// over, weak matches are left out. The order of others does not matter. What is
// returned is the caller's.
func Find(self Side, others []Side, asOf record.Day) (matches, near []Match) {
	kind, gist := self.Listing.Kind(), self.gist()
	var fits, almost []finding
	for i := range others {
		other := &others[i]
		if other.Member == self.Member || other.Listing.Kind() == kind || other.Listing.Exchange != self.Listing.Exchange {
			continue
		}
		f := finding{other: other, gist: other.gist()}
		p := f.with(&self, gist, asOf)
		if f.missed = p.missed(2); f.missed.many() || f.missed == closed {
			continue
		}
		if f.score = p.score(); f.score < leastPossible {
			continue
		}
		if f.missed == 0 {
			fits = append(fits, f)
		} else {
			almost = append(almost, f)
		}
	}
	tell := func(all []finding, most int) (out []Match) {
		slices.SortFunc(all, compare)
		for _, f := range all[:min(len(all), most)] {
			p := f.with(&self, gist, asOf)
			out = append(out, p.tell(f))
		}
		return out
	}
	return tell(fits, len(fits)), tell(almost, nearMisses)
}

// Judge says how well two listings fit. They are an offer and a request of one kind;
// which of them is self changes nothing but whom Match.Other names.
func Judge(self, other Side, asOf record.Day) Match {
	f := finding{other: &other, gist: other.gist()}
	p := f.with(&self, self.gist(), asOf)
	f.missed, f.score = p.missed(len(filters)), p.score()
	return p.tell(f)
}

// finding is a listing of the other side with what was found out about it, before it is
// put into words.
type finding struct {
	other  *Side
	gist   *Gist
	missed missed
	score  int
}

// with is the pair of the listing and the one that something is sought for.
func (f *finding) with(self *Side, gist *Gist, asOf record.Day) pair {
	p := pair{offer: self, o: gist, request: f.other, r: f.gist, asOf: asOf}
	if gist.request {
		p.offer, p.o, p.request, p.r = f.other, f.gist, self, gist
	}
	p.way = way(p.offer.Listing.Delivery, p.request.Listing.Delivery)
	return p
}

func (p *pair) tell(f finding) Match {
	return Match{Other: *f.other, Score: f.score, Band: band(f.score), Reasons: p.reasons(), Misses: p.misses(f.missed)}
}

// gist is the one given, or is worked out.
func (s *Side) gist() *Gist {
	if s.Gist != nil {
		return s.Gist
	}
	return Grasp(s.Listing)
}

func band(score int) Band {
	switch {
	case score >= leastStrong:
		return Strong
	case score >= leastGood:
		return Good
	case score >= leastPossible:
		return Possible
	}
	return Weak
}

func compare(a, b finding) int {
	return cmp.Or(b.score-a.score, cmp.Compare(a.gist.until, b.gist.until), cmp.Compare(a.other.ID.KeyString(), b.other.ID.KeyString()))
}
