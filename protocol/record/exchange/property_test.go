package exchange

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// actor is one node of a member in a random history: it knows what has reached it, and acts on that.
type actor struct {
	*hand
	known []Entry
}

// history plays random members over random cuts: each acts on what it has received, and now and then against all rules.
func history(t testing.TB, seed uint64) *scene {
	r := rand.New(rand.NewPCG(seed, 41))
	s := newScene(t)
	members := []string{seoul, dakar, lyon, bonn}[:2+r.IntN(3)]
	var actors []*actor
	for _, m := range members {
		for no := range 1 + r.IntN(2) {
			actors = append(actors, &actor{hand: s.node(m, int(seed), no)})
		}
	}
	parties := slices.Clone(members[:min(len(members), 2+r.IntN(2))])
	side := make([]int, len(actors)) // of the cut
	some := func(known []Entry, kind protocol.Kind) (Entry, bool) {
		var of []Entry
		for _, e := range known {
			if e.Kind == kind {
				of = append(of, e)
			}
		}
		if len(of) == 0 {
			return Entry{}, false
		}
		return of[r.IntN(len(of))], true
	}
	proposal := func() *record.Proposal {
		p := terms(parties[1], fmt.Sprint(1+r.IntN(12)))
		p.Parties = slices.Clone(parties)
		r.Shuffle(len(p.Parties), func(i, j int) { p.Parties[i], p.Parties[j] = p.Parties[j], p.Parties[i] })
		if r.IntN(2) == 0 {
			p.Clauses[0].Action = "transfer_custody"
			back := clauseOf(2, parties[1], seoul, p.Clauses[0].Quantity.Value)
			back.Action, back.ReciprocalOf = "return_custody", 1
			p.Clauses = append(p.Clauses, back)
		}
		if len(parties) > 2 {
			p.Clauses = append(p.Clauses, clauseOf(3, parties[2], parties[0], "2.5"))
		}
		return p
	}
	for range 20 + r.IntN(60) {
		if r.IntN(9) == 0 {
			for i := range side {
				side[i] = r.IntN(1 + r.IntN(3))
			}
		}
		if r.IntN(8) == 0 {
			s.day = s.day.Plus(r.IntN(9) - 1)
		}
		at := r.IntN(len(actors))
		a := actors[at]
		p, known := some(a.known, protocol.KindProposal)
		before := len(s.all)
		if !known {
			if len(s.all) < 6 || r.IntN(4) == 0 {
				a.propose(proposal())
			}
		} else {
			root := threadOf(p)
			switch r.IntN(15) {
			case 0:
				if r.IntN(3) == 0 {
					a.counter(p, proposal())
				}
			case 1:
				if r.IntN(2) == 0 {
					a.amend(p, proposal())
				}
			case 2, 3:
				a.accept(p)
			case 4, 5, 6:
				var all []Entry
				for range 20 { // an own proposal, if any
					if p.Member != a.member {
						p, _ = some(a.known, protocol.KindProposal)
					}
				}
				for _, q := range parties {
					for _, e := range a.known {
						if b, ok := e.Body.(*record.Acceptance); ok && *b.Proposal == p.ID && e.Member == q && q != a.member {
							all = append(all, e)
							break
						}
					}
				}
				if len(all) > 0 {
					a.confirm(p, all...)
				}
			case 7:
				if r.IntN(3) == 0 {
					a.decline(p)
				}
			case 8:
				if e := a.known[r.IntN(len(a.known))]; r.IntN(2) == 0 {
					a.retract(root, e)
				}
			case 9, 10:
				a.report(root, uint64(1+r.IntN(3)), fmt.Sprintf("%d.5", r.IntN(8)))
			case 11:
				if e, ok := some(a.known, protocol.KindFulfilment); ok {
					a.correct(root, e, "1.25", r.IntN(2) == 0)
				}
			case 12:
				if r.IntN(4) == 0 {
					a.cancel(root)
				} else {
					a.complete(root)
				}
			case 13:
				if d, ok := some(a.known, protocol.KindDispute); ok && r.IntN(2) == 0 {
					a.mediate(root, d)
				} else if r.IntN(3) == 0 {
					a.dispute(root, uint64(1+r.IntN(3)))
				}
			case 14:
				a.review(root, "met")
			}
		}
		for _, e := range s.all[before:] { // reaches those on the same side, mostly
			for i, other := range actors {
				if i == at || side[i] == side[at] && r.IntN(5) > 0 {
					other.known = append(other.known, e)
				}
			}
		}
	}
	if len(members) > 2 && r.IntN(4) == 0 {
		s.removed = []string{members[2]}
	}
	return s
}

// Whoever acts, wherever the cuts run and in whatever order entries come: three nodes that hold the same entries have the
// same state, byte for byte, also when they folded parts of it before.
func TestFold_SameEverywhere(t *testing.T) {
	phases, over, threads := map[Phase]int{}, 0, 0
	for seed := range uint64(*histories) {
		s := history(t, seed)
		r := rand.New(rand.NewPCG(seed, 43))
		var want []byte
		var state []Thread
		for node := range 3 {
			mine := slices.Clone(s.all)
			r.Shuffle(len(mine), func(i, j int) { mine[i], mine[j] = mine[j], mine[i] })
			Fold(mine[:r.IntN(len(mine)+1)], s.view()) // what it saw on the way leaves no trace
			state = Fold(mine, s.view())
			got := encoded(t, state)
			if node == 0 {
				want = got
			} else if !bytes.Equal(got, want) {
				t.Fatalf("history %d: node %d has another state\n%x\n%x", seed, node, got, want)
			}
		}
		var pledges []Pledge
		for _, th := range state {
			threads++
			phases[th.Phase]++
			pledges = append(pledges, th.Pledges...)
			holdsTogether(t, seed, &th)
		}
		stock := StockOf(listingOf("offer"), seoul, &record.Listing{Quantity: pieces("10")}, pledges)
		if stock.Over != "" {
			over++
			ownSignatures(t, seed, s, stock)
		} else if Compare(stock.Committed, "10") > 0 {
			t.Fatalf("history %d: %s of 10 committed, and not said", seed, stock.Committed)
		}
	}
	t.Logf("%d histories, %d threads, %v, over-committed %d times", *histories, threads, phases, over)
	if *histories >= 300 {
		for _, p := range []Phase{Proposed, Accepted, Declined, Withdrawn, InForce, InProgress, Disputed, Completed, Cancelled} {
			if phases[p] == 0 {
				t.Errorf("no history came to %s: the test plays less than it says", p)
			}
		}
		if over == 0 {
			t.Error("no history over-committed: the test plays less than it says")
		}
	}
}

// ownSignatures: what goes beyond the listing rests on several entries of its owner, all of them shown, or on one clause
// that by itself is more than there is and that the owner signed.
func ownSignatures(t *testing.T, seed uint64, s *scene, stock Stock) {
	t.Helper()
	signed := map[protocol.EntryID]bool{}
	for _, p := range stock.Pledges {
		i := slices.IndexFunc(s.all, func(e Entry) bool { return e.ID == p.Signed })
		if i < 0 || s.all[i].Member != seoul {
			t.Fatalf("history %d: a pledge that its owner did not sign: %+v", seed, p)
		}
		signed[p.Signed] = true
	}
	if last := stock.Pledges[len(stock.Pledges)-1]; !last.Exceeds || len(signed) < 2 && Compare(stock.Pledges[0].Value, stock.Total) <= 0 {
		t.Fatalf("history %d: over-committed by %s without a second signature: %+v", seed, stock.Over, stock.Pledges)
	}
}

// holdsTogether checks what must be true of any state.
func holdsTogether(t *testing.T, seed uint64, th *Thread) {
	t.Helper()
	confirmed := 0
	for _, v := range th.Versions {
		if v.ID == th.Ruling {
			confirmed++
			if v.State != Confirmed {
				t.Fatalf("history %d: the terms that hold are %s", seed, v.State)
			}
		}
	}
	if forming := th.Ruling.IsZero(); forming != (confirmed == 0) || forming != (th.InForce == "") || forming && len(th.Clauses)+len(th.Pledges) > 0 {
		t.Fatalf("history %d: half an agreement: %+v", seed, th)
	}
	for _, c := range th.Clauses {
		if Compare(c.Counted, c.Given) > 0 && Compare(c.Counted, c.Promised) != 0 || Compare(c.Counted, c.Received) > 0 && Compare(c.Counted, c.Promised) != 0 {
			t.Fatalf("history %d: more counts than both report: %+v", seed, c)
		}
	}
	for _, f := range th.Feedback {
		if (f.Body != nil) != (f.State == FeedbackShown) {
			t.Fatalf("history %d: %s feedback with body %v", seed, f.State, f.Body)
		}
	}
	for _, p := range th.Parties { // whoever may do something, may do it here
		for _, c := range th.Choices(Actor{Handle: p}) {
			if !c.Version.IsZero() && th.Version(c.Version) == nil {
				t.Fatalf("history %d: a choice about nothing: %+v", seed, c)
			}
		}
	}
}

// Bodies of every kind about each other, in any combination: nothing panics, and orders agree.
func FuzzFold(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) { history(t, seed).folds() })
}
