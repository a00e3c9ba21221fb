package exchange

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// Pledge is what one clause of an agreement takes from an offer, or gives to a request. It rests on an entry of each
// party: Signed is the listing's owner's.
type Pledge struct {
	Listing protocol.RecordID `cbor:"listing" json:"listing"`
	Thread  protocol.RecordID `cbor:"thread" json:"thread"`
	Clause  uint64            `cbor:"clause" json:"clause"`
	Owner   string            `cbor:"owner" json:"owner"` // the side of the clause whose listing it must be
	Value   string            `cbor:"value" json:"value"` // what counts now: less what came back
	Unit    string            `cbor:"unit" json:"unit"`
	Signed  protocol.EntryID  `cbor:"signed" json:"signed"` // the owner's acceptance or confirmation
	Feed    protocol.FeedID   `cbor:"feed" json:"-"`
	Seq     uint64            `cbor:"seq" json:"-"`
	Exceeds bool              `cbor:"exceeds,omitempty" json:"exceeds,omitempty"` // there was not enough left for it
}

// pledge tells what the agreement takes from listings: what is promised while it runs, what was counted once it ended,
// less what has come back.
func (a *agreement) pledge() {
	ended := a.out.Phase == Completed || a.out.Phase == Cancelled
	back := map[uint64]amount{}
	for _, s := range a.out.Clauses {
		if c, _ := a.clause(s.No); c.Action == "return_custody" {
			back[c.ReciprocalOf] = back[c.ReciprocalOf].add(parse(s.Counted))
		}
	}
	for _, s := range a.out.Clauses {
		c, v := a.clause(s.No)
		value := parse(s.Promised)
		if ended || s.State == ClauseCancelled || s.State == ClauseDropped {
			value = parse(s.Counted)
		}
		for _, side := range c.Meets {
			listing, owner := v.p.Offer, c.Provider
			n := value
			if side == "request" {
				listing, owner = v.p.Request, c.Receiver
			} else {
				n = n.sub(back[s.No]).floor()
			}
			if listing == nil || n.sign() == 0 {
				continue
			}
			signed := a.ruling.signature(owner)
			a.out.Pledges = append(a.out.Pledges, Pledge{
				Listing: *listing, Thread: a.out.ID, Clause: s.No, Owner: owner, Value: n.String(), Unit: s.Unit, Signed: signed.ID, Feed: signed.Feed, Seq: signed.Seq,
			})
		}
	}
}

// clause finds a clause by its number, in the ruling version or the newest one before it that has it.
func (a *agreement) clause(no uint64) (*record.Clause, *version) {
	for v := a.ruling; v != nil; v = a.t.byID[v.base] {
		if c := v.p.Clause(no); c != nil {
			return c, v
		}
		if !v.base.Defined() {
			break
		}
	}
	panic("dure: internal error: a clause that no version has")
}

// signature is the entry by which a party agreed to a confirmed version: its writer's confirmation, or the acceptance
// that the confirmation names; for a party removed since, the confirmation.
func (v *version) signature(member string) *Entry {
	if member != v.e.Member {
		for _, e := range v.acceptances {
			if e.Member == member && slices.Contains(v.confirmed.Body.(*record.Confirmation).Acceptances, e.ID) {
				return e
			}
		}
	}
	return v.confirmed
}

// States of what a listing has left. They are an interface; append only.
const (
	StockFree  = "uncommitted"
	StockPart  = "partly_committed"
	StockFull  = "fully_committed"
	StockOver  = "over_committed"
	maxPledges = 1000 // told one by one; the sums are of all
)

// Stock is what is left of a listing. It is computed, never stored.
type Stock struct {
	State     string   `cbor:"state" json:"state"`
	Total     string   `cbor:"total" json:"total"`
	Committed string   `cbor:"committed" json:"committed"`
	Remaining string   `cbor:"remaining" json:"remaining"`
	Over      string   `cbor:"over,omitempty" json:"over,omitempty"` // committed beyond the total
	Unit      string   `cbor:"unit" json:"unit"`
	Pledges   []Pledge `cbor:"pledges,omitempty" json:"pledges,omitempty"` // in the order in which the owner signed
	Unlike    []Pledge `cbor:"unlike,omitempty" json:"unlike,omitempty"`   // in another unit, and so not counted
}

type stock struct{ total, committed amount }

var stocks = machine("Commitment of a listing",
	"What is left of an offer, or still missing of a request. A pledge counts only with its owner's signature under the agreement, so more than there is can be "+
		"promised only by the owner's own second signature, and then it is shown, never dropped.", StockFree,
	transition[*stock]{Row{[]string{StockFree}, StockPart, 0, "", "some of it is promised"}, func(s *stock) bool { return s.committed.sign() > 0 }},
	transition[*stock]{Row{[]string{StockPart}, StockFull, 0, "", "all of it is promised"}, func(s *stock) bool { return s.committed.cmp(s.total) >= 0 }},
	transition[*stock]{Row{[]string{StockFull}, StockOver, 0, "", "more than all of it is promised"}, func(s *stock) bool { return s.committed.cmp(s.total) > 0 }},
)

// Total is how much a listing is about: its quantity, effort or amount.
func Total(l *record.Listing) (value, unit string) {
	if l.Amount != nil {
		return l.Amount.Value, l.Amount.Currency
	}
	q, _ := l.Measure()
	return q.Value, q.Unit
}

// StockOf sums what agreements take from a listing. Pledges of other listings, and those that are not signed by the
// owner's side, are passed over. The slices are the caller's.
func StockOf(id protocol.RecordID, owner string, l *record.Listing, pledges []Pledge) Stock {
	total, unit := Total(l)
	facts := stock{total: parse(total)}
	out := Stock{Total: facts.total.String(), Unit: unit}
	for _, p := range pledges {
		switch {
		case p.Listing != id || p.Owner != owner:
		case p.Unit != unit:
			out.Unlike = append(out.Unlike, p)
		default:
			out.Pledges = append(out.Pledges, p)
		}
	}
	for _, list := range [][]Pledge{out.Pledges, out.Unlike} {
		slices.SortFunc(list, func(a, b Pledge) int {
			return cmp.Or(bytes.Compare(a.Feed.Bytes(), b.Feed.Bytes()), cmp.Compare(a.Seq, b.Seq), compareIDs(a.Thread, b.Thread), cmp.Compare(a.Clause, b.Clause))
		})
	}
	for i := range out.Pledges {
		facts.committed = facts.committed.add(parse(out.Pledges[i].Value))
		out.Pledges[i].Exceeds = facts.committed.cmp(facts.total) > 0
	}
	out.Committed, out.Remaining = facts.committed.String(), facts.total.sub(facts.committed).floor().String()
	if over := facts.committed.sub(facts.total); over.sign() > 0 {
		out.Over = over.String()
	}
	out.State = stocks.run(&facts)
	out.Pledges, out.Unlike = out.Pledges[:min(len(out.Pledges), maxPledges)], out.Unlike[:min(len(out.Unlike), maxPledges)]
	return out
}
