package exchange

import (
	"slices"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// Deed is something that a member can do in a thread. The values are an interface; append only.
type Deed string

// The deeds.
const (
	Counter  Deed = "counter"
	Accept   Deed = "accept"
	Confirm  Deed = "confirm"
	Decline  Deed = "decline"
	Retract  Deed = "retract"
	Amend    Deed = "amend"
	Fulfil   Deed = "fulfil"
	CancelIt Deed = "cancel"
	Contest  Deed = "dispute"
	Settle   Deed = "settle" // takes back an own dispute
	Mediate  Deed = "mediate"
	Complete Deed = "complete"
	Review   Deed = "feedback"
)

// role says who is heard.
type role int

const (
	anyParty   role = iota
	writer          // of the proposal
	answerer        // another party that has not answered with the same word
	acceptor        // another party that has accepted
	side            // the provider or the receiver of a clause
	unsigned        // a party that has not signed completion
	ungiven         // a party that gave no feedback
	contestant      // a party with a dispute of its own
	mediator        // of the steering committee, or the secretariat
)

func (r role) words() string {
	return [...]string{"any party", "its writer", "another party that has not answered so", "another party that has accepted", "the provider or the receiver of a clause",
		"a party that has not signed", "a party that has given none", "the party whose dispute it is", "a member of the steering committee, or the secretariat"}[r]
}

type deed struct {
	Deed
	Kind     protocol.Kind
	by       role
	versions []string // states of the proposal that it is about; none: it is about the agreement
	phases   []Phase
	When     string
}

var (
	running = []Phase{InForce, InProgress, Disputed}
	answers = []string{"proposed", "accepted"}
)

func phases(all []Phase) []string {
	out := make([]string, len(all))
	for i, p := range all {
		out[i] = string(p)
	}
	return out
}

// deeds is who would be heard with what, and where. What the fold makes of an entry is in the machines; nobody should write
// what they pass over.
var deeds = []deed{
	{Confirm, protocol.KindConfirmation, writer, []string{"accepted"}, nil, "more would be promised of a listing than is left"},
	{Accept, protocol.KindAcceptance, answerer, answers, nil, "more would be promised of a listing than is left"},
	{Counter, protocol.KindProposal, anyParty, append([]string{"lapsed", "declined"}, answers...), nil, ""},
	{Decline, protocol.KindDecline, answerer, answers, nil, ""},
	{Retract, protocol.KindRetraction, writer, append([]string{"lapsed"}, answers...), nil, ""},
	{Retract, protocol.KindRetraction, acceptor, answers, nil, ""},
	{Fulfil, protocol.KindFulfilment, side, nil, running, "the clause is cancelled"},
	{Complete, protocol.KindCompletion, unsigned, nil, running, ""},
	{Amend, protocol.KindProposal, anyParty, nil, running, ""},
	{Contest, protocol.KindDispute, anyParty, nil, running, ""},
	{Settle, protocol.KindRetraction, contestant, nil, running, ""},
	{Mediate, protocol.KindMediation, mediator, nil, []Phase{Disputed}, ""},
	{CancelIt, protocol.KindCancellation, anyParty, nil, running, ""},
	{Review, protocol.KindFeedback, ungiven, nil, []Phase{Completed, Cancelled}, ""},
}

// Actor is a member as a thread knows it.
type Actor struct {
	Handle   string
	Mediator bool
}

// Choice is a deed that a member would be heard with now.
type Choice struct {
	Deed    Deed             `json:"deed"`
	Version protocol.EntryID `json:"version,omitzero"` // the proposal, where it is about one
	Target  protocol.EntryID `json:"target,omitzero"`  // the acceptance or dispute that it takes back or mediates
	Clauses []uint64         `json:"clauses,omitempty"`
}

// Choices lists what a member would be heard with now, in the order of the table; nil for who has no part in it.
func (t *Thread) Choices(who Actor) []Choice {
	var out []Choice
	for i := range deeds {
		d := &deeds[i]
		if len(d.versions) > 0 {
			for j := range t.Versions {
				v := &t.Versions[j]
				if c, ok := t.onVersion(d, v, who); ok {
					out = append(out, c)
				}
			}
			continue
		}
		out = append(out, t.onAgreement(d, who)...)
	}
	return out
}

func (t *Thread) party(member string) bool { return slices.Contains(t.Parties, member) }

func (t *Thread) onVersion(d *deed, v *Version, who Actor) (Choice, bool) {
	c := Choice{Deed: d.Deed, Version: v.ID}
	if !t.party(who.Handle) || !slices.Contains(d.versions, string(v.State)) {
		return c, false
	}
	same := func(words []Word) *Word {
		if i := slices.IndexFunc(words, func(w Word) bool { return w.Member == who.Handle }); i >= 0 {
			return &words[i]
		}
		return nil
	}
	switch d.by {
	case writer:
		return c, v.Writer == who.Handle
	case answerer:
		words := v.Accepted
		if d.Deed == Decline {
			words = v.Declined
		}
		return c, v.Writer != who.Handle && same(words) == nil
	case acceptor:
		w := same(v.Accepted)
		if w == nil {
			return c, false
		}
		c.Target = w.Entry
	}
	return c, true
}

func (t *Thread) onAgreement(d *deed, who Actor) []Choice {
	c := Choice{Deed: d.Deed}
	if !slices.Contains(d.phases, t.Phase) {
		return nil
	}
	if d.by == mediator {
		var out []Choice
		for _, w := range t.Disputes {
			if who.Mediator && !t.party(who.Handle) && (w.State == DisputeOpen || w.State == DisputeMediated) {
				out = append(out, Choice{Deed: d.Deed, Target: w.Entry})
			}
		}
		return out
	}
	if !t.party(who.Handle) {
		return nil
	}
	switch d.by {
	case side:
		for _, s := range t.Clauses {
			if (s.Provider == who.Handle || s.Receiver == who.Handle) && s.State != ClauseCancelled && s.State != ClauseDropped {
				c.Clauses = append(c.Clauses, s.No)
			}
		}
		if len(c.Clauses) == 0 {
			return nil
		}
	case unsigned:
		if slices.Contains(t.Done, who.Handle) {
			return nil
		}
	case ungiven:
		if slices.ContainsFunc(t.Feedback, func(f Feedback) bool { return f.Member == who.Handle }) {
			return nil
		}
	case contestant:
		var out []Choice
		for _, w := range t.Disputes {
			if w.Member == who.Handle && w.State != DisputeResolved {
				out = append(out, Choice{Deed: d.Deed, Target: w.Entry})
			}
		}
		return out
	}
	return []Choice{c}
}

// Refusal is why a member would not be heard with a deed, who would, and what it may do instead.
type Refusal struct {
	Why     string   // no_party, not_you, not_now
	Who     []string // members that would be heard now
	Instead []Deed   // what the member may do
}

// Values of Refusal.Why.
const (
	NoParty = "no_party" // the member has no part in the thread
	NotYou  = "not_you"  // it is the turn of others
	NotNow  = "not_now"  // of nobody, as the thread stands
)

// Refuse says why a member would not be heard with a deed, of which Choices tells no case.
func (t *Thread) Refuse(d Deed, who Actor) Refusal {
	r := Refusal{Why: NotNow}
	for _, p := range t.Parties {
		if slices.ContainsFunc(t.Choices(Actor{Handle: p}), func(c Choice) bool { return c.Deed == d }) {
			r.Who = append(r.Who, p)
		}
	}
	if len(r.Who) > 0 {
		r.Why = NotYou
	}
	if !t.party(who.Handle) && (d != Mediate || !who.Mediator) {
		r.Why = NoParty
	}
	for _, c := range t.Choices(who) {
		if !slices.Contains(r.Instead, c.Deed) {
			r.Instead = append(r.Instead, c.Deed)
		}
	}
	return r
}

// Version is a version by its id; nil where the thread has none of it. It points into the thread.
func (t *Thread) Version(id protocol.EntryID) *Version {
	for i := range t.Versions {
		if t.Versions[i].ID == id {
			return &t.Versions[i]
		}
	}
	return nil
}

// Draws is how much a proposal would take from a listing, in the listing's unit; "0" where nothing.
func Draws(p *record.Proposal, listing protocol.RecordID, owner, unit string) string {
	var sum amount
	for i := range p.Clauses {
		c := &p.Clauses[i]
		value, u := c.Measure()
		for _, m := range c.Meets {
			of, by := p.Offer, c.Provider
			if m == "request" {
				of, by = p.Request, c.Receiver
			}
			if of != nil && *of == listing && by == owner && u == unit {
				sum = sum.add(parse(value))
			}
		}
	}
	return sum.String()
}

// Reserved is how much of a listing the owner's word may yet be taken for by another member's confirmation: what it has
// accepted in versions that are still open.
func (t *Thread) Reserved(listing protocol.RecordID, owner, unit string) string {
	var sum amount
	for i := range t.Versions {
		v := &t.Versions[i]
		open := v.State == Proposed || v.State == Accepted || v.State == Countered || v.State == Declined
		if open && slices.ContainsFunc(v.Accepted, func(w Word) bool { return w.Member == owner }) {
			if n := parse(Draws(v.Proposal, listing, owner, unit)); n.cmp(sum) > 0 {
				sum = n // of one thread at most one version comes to hold
			}
		}
	}
	return sum.String()
}

// Sum adds decimals as record.Qty writes them.
func Sum(values ...string) string {
	var sum amount
	for _, v := range values {
		sum = sum.add(parse(v))
	}
	return sum.String()
}
