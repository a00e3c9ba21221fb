package match

import (
	"bytes"
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

	// Remaining is what agreements leave of the listing, a decimal in its unit; "" where none draws on it.
	Remaining string
	// Few says that the owner took part in fewer completed exchanges of the last 24 months than the median of members.
	Few bool
}

// country is where the side is: the listing's place, or else its owner's country.
func (s Side) country() string {
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
	for _, other := range others {
		if other.Member == self.Member || other.Listing.Kind() == self.Listing.Kind() || other.Listing.Exchange != self.Listing.Exchange {
			continue
		}
		p := paired(self, other, asOf)
		if p.hopeless() {
			continue
		}
		misses := p.misses()
		if len(misses) > 1 {
			continue
		}
		switch m := p.judge(other, misses); {
		case len(m.Misses) == 0 && m.Score >= leastPossible:
			matches = append(matches, m)
		case len(m.Misses) == 1 && m.Misses[0].Code != missClosed && m.Score >= leastPossible:
			near = append(near, m)
		}
	}
	slices.SortFunc(matches, compare)
	slices.SortFunc(near, compare)
	return matches, near[:min(len(near), nearMisses)]
}

// Judge says how well two listings fit. They are an offer and a request of one kind;
// which of them is self changes nothing but whom Match.Other names.
func Judge(self, other Side, asOf record.Day) Match {
	p := paired(self, other, asOf)
	return p.judge(other, p.misses())
}

func (p pair) judge(other Side, misses []Miss) Match {
	m := Match{Other: other, Misses: misses}
	m.Reasons = p.reasons()
	for _, r := range m.Reasons {
		m.Score += r.Points
	}
	if p.strangers() && m.Score > strangers {
		m.Score = strangers
	}
	m.Score = max(m.Score, 0)
	m.Band = band(m.Score)
	return m
}

func paired(self, other Side, asOf record.Day) pair {
	if self.Listing.Kind() == protocol.KindRequest {
		return pair{offer: other, request: self, asOf: asOf}
	}
	return pair{offer: self, request: other, asOf: asOf}
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

func compare(a, b Match) int {
	return cmp.Or(b.Score-a.Score, cmp.Compare(until(a.Other.Listing), until(b.Other.Listing)),
		bytes.Compare(a.Other.ID.Bytes(), b.Other.ID.Bytes()))
}

// until is the last day on which a listing holds; what stands without end comes last.
func until(l *record.Listing) record.Day {
	if l.Standing || l.ValidUntil == "" {
		return "9999-12-31"
	}
	return l.ValidUntil
}
