package exchange

import (
	"testing"

	"github.com/dure-net/dure/protocol/record"
)

// The concurrent cases of the federation's domain study, section 7, by their numbers. In each the two sides of a cut
// see less than all at first; when they meet, whatever came first where, they see one state.

func TestConcurrent1_WithdrawnWhileAccepted(t *testing.T) {
	s := newScene(t)
	a, b := s.node(seoul), s.node(dakar)
	p := a.propose(terms(dakar, "10"))
	withdrawal := a.retract(p.ID, p)
	acceptance := b.accept(p)
	s.wantPhase(s.seen(p, withdrawal), Withdrawn) // Seoul's side of the cut
	s.wantPhase(s.seen(p, acceptance), Accepted)  // Dakar's
	th := s.fold()
	s.wantPhase(th, Withdrawn)
	wantVersion(t, th, p, Withdrawn)
	offers(th)(t, seoul)
	offers(th)(t, dakar)
}

func TestConcurrent1_ConfirmedThenWithdrawn(t *testing.T) {
	s := newScene(t)
	a, b := s.node(seoul), s.node(dakar)
	p, acceptance, _ := s.agreed(a, b, terms(dakar, "10"))
	withdrawal := a.retract(p.ID, p)
	s.wantPhase(s.seen(p, withdrawal, acceptance), Withdrawn) // where the confirmation has not arrived
	th := s.fold()
	s.wantPhase(th, InForce)
	if len(th.Asks) != 1 || th.Asks[0] != seoul {
		t.Errorf("asking to cancel: %v", th.Asks)
	}
}

// Withdrawn first and confirmed after, in one feed: the confirmation is nothing.
func TestConcurrent1_WithdrawnThenConfirmed(t *testing.T) {
	s := newScene(t)
	a, b := s.node(seoul), s.node(dakar)
	p := a.propose(terms(dakar, "10"))
	acceptance := b.accept(p)
	a.retract(p.ID, p)
	a.confirm(p, acceptance)
	s.wantPhase(s.fold(), Withdrawn)
}

// On two nodes of one member that do not know of each other neither word is first: the confirmation has the last word.
func TestConcurrent1_WithdrawnAndConfirmedOnTwoNodes(t *testing.T) {
	s := newScene(t)
	a, a2, b := s.node(seoul), s.node(seoul, 2), s.node(dakar)
	p := a.propose(terms(dakar, "10"))
	acceptance := b.accept(p)
	withdrawal := a2.retract(p.ID, p)
	confirmation := a.confirm(p, acceptance)
	s.wantPhase(s.seen(p, acceptance, withdrawal), Withdrawn)
	s.wantPhase(s.seen(p, acceptance, confirmation), InForce)
	s.wantPhase(s.fold(), InForce)
}

func TestConcurrent2_TakenBackWhileConfirmed(t *testing.T) {
	s := newScene(t)
	a, b := s.node(seoul), s.node(dakar)
	p := a.propose(terms(dakar, "10"))
	acceptance := b.accept(p)
	back := b.retract(p.ID, acceptance)
	confirmation := a.confirm(p, acceptance)
	s.wantPhase(s.seen(p, acceptance, back), Proposed)
	s.wantPhase(s.seen(p, acceptance, confirmation), InForce)
	th := s.fold()
	s.wantPhase(th, InForce)
	if len(th.Asks) != 1 || th.Asks[0] != dakar {
		t.Errorf("asking to cancel: %v", th.Asks)
	}
	if w := th.Waits(Actor{Handle: seoul}, today); len(w) == 0 || w[0].Code != WaitAsk || w[0].From[0] != dakar {
		t.Errorf("what waits for Seoul: %+v", w)
	}
	// Without the acceptance the confirmation says nothing, wherever it is.
	s.wantPhase(s.seen(p, back, confirmation), Proposed)
}

func TestConcurrent3_TwoAcceptForTheLastTen(t *testing.T) {
	s := newScene(t)
	a, a2, b, c := s.node(seoul), s.node(seoul, 2), s.node(dakar), s.node(lyon)
	one, two := a.propose(terms(dakar, "10")), a.propose(terms(lyon, "10"))
	acceptOne, acceptTwo := b.accept(one), c.accept(two)
	confirmOne := a.confirm(one, acceptOne)
	offer := &record.Listing{Quantity: pieces("10")}
	stock := func(threads []Thread) Stock {
		var all []Pledge
		for _, th := range threads {
			all = append(all, th.Pledges...)
		}
		return StockOf(listingOf("offer"), seoul, offer, all)
	}
	// One confirmation commits all of it, and nobody but Seoul can add another.
	if got := stock(s.folds()); got.State != StockFull || got.Remaining != "0" || got.Over != "" {
		t.Errorf("after one confirmation: %+v", got)
	}
	// Seoul's two nodes, cut off from each other, confirm both.
	confirmTwo := a2.confirm(two, acceptTwo)
	if got := stock(Fold([]Entry{one, two, acceptOne, acceptTwo, confirmTwo}, s.view())); got.State != StockFull || got.Pledges[0].Signed != confirmTwo.ID {
		t.Errorf("on the second node: %+v", got)
	}
	threads := s.folds()
	for _, th := range threads {
		s.wantPhase(th, InForce)
	}
	got := stock(threads)
	if got.State != StockOver || got.Over != "10" || got.Committed != "20" || got.Remaining != "0" || len(got.Pledges) != 2 {
		t.Fatalf("after the cut: %+v", got)
	}
	if got.Pledges[0].Exceeds || !got.Pledges[1].Exceeds || got.Pledges[0].Signed == got.Pledges[1].Signed || got.Pledges[0].Owner != seoul || got.Pledges[1].Owner != seoul {
		t.Errorf("both of Seoul's signatures, in its own order: %+v", got.Pledges)
	}
	if got.Pledges[0].Signed != confirmOne.ID && got.Pledges[1].Signed != confirmOne.ID {
		t.Errorf("the first confirmation is dropped: %+v", got.Pledges)
	}
}

// The other member confirms, and Seoul's acceptances are what commits it.
func TestConcurrent3_TwoAcceptancesOfTheOwner(t *testing.T) {
	s := newScene(t)
	a, b, c := s.node(seoul), s.node(dakar), s.node(lyon)
	one, two := b.propose(terms(dakar, "6")), c.propose(terms(lyon, "6"))
	first, second := a.accept(one), a.accept(two)
	if th := s.seen(one, first); th.Reserved(listingOf("offer"), seoul, "C62") != "6" {
		got := th.Reserved(listingOf("offer"), seoul, "C62")
		t.Errorf("reserved %s", got)
	}
	b.confirm(one, first)
	c.confirm(two, second)
	var all []Pledge
	for _, th := range s.folds() {
		all = append(all, th.Pledges...)
	}
	got := StockOf(listingOf("offer"), seoul, &record.Listing{Quantity: pieces("10")}, all)
	if got.Over != "2" || got.Pledges[0].Signed != first.ID || got.Pledges[1].Signed != second.ID {
		t.Errorf("over-committed by two acceptances: %+v", got)
	}
}

// A clause about another member's listing takes nothing from it: who is no party has signed nothing.
func TestConcurrent3_NobodyCommitsForOthers(t *testing.T) {
	s := newScene(t)
	b, c := s.node(dakar), s.node(lyon)
	p := terms(lyon, "10")
	p.Parties, p.Clauses[0].Provider = []string{dakar, lyon}, dakar
	s.agreed(b, c, p)
	got := StockOf(listingOf("offer"), seoul, &record.Listing{Quantity: pieces("10")}, s.fold().Pledges)
	if got.State != StockFree || len(got.Pledges) != 0 {
		t.Errorf("committed by others: %+v", got)
	}
}

// Case 4, two nodes of one member at once, here in a thread: both counter, both stand, one acceptance settles it.
func TestConcurrent4_OneMemberOnTwoNodes(t *testing.T) {
	s := newScene(t)
	a, b, b2 := s.node(seoul), s.node(dakar), s.node(dakar, 2)
	p := a.propose(terms(dakar, "10"))
	one, two := b.counter(p, terms(dakar, "8")), b2.counter(p, terms(dakar, "9"))
	s.wantPhase(s.seen(p, one), Proposed)
	th := s.fold()
	s.wantPhase(th, Proposed)
	wantVersion(t, th, p, Countered)
	wantVersion(t, th, one, Proposed)
	wantVersion(t, th, two, Proposed)
	acceptance := a.accept(two)
	b.confirm(two, acceptance)
	th = s.fold()
	s.wantPhase(th, InForce)
	wantVersion(t, th, one, Overtaken)
	if th.Ruling != two.ID {
		t.Error("other terms hold than those agreed")
	}
}

// Yes on one node and no on the other: the no is heard, unless the proposal's writer had confirmed.
func TestConcurrent4_YesAndNoOnTwoNodes(t *testing.T) {
	s := newScene(t)
	a, b, b2 := s.node(seoul), s.node(dakar), s.node(dakar, 2)
	p := a.propose(terms(dakar, "10"))
	yes := b.accept(p)
	no := b2.decline(p)
	s.wantPhase(s.seen(p, yes), Accepted)
	s.wantPhase(s.seen(p, no), Declined)
	s.wantPhase(s.fold(), Declined)
	a.confirm(p, yes)
	s.wantPhase(s.fold(), InForce)
	// On one node the later word is the word.
	s = newScene(t)
	a, b = s.node(seoul), s.node(dakar)
	p = a.propose(terms(dakar, "10"))
	b.decline(p)
	b.accept(p)
	s.wantPhase(s.fold(), Accepted)
}

// Case 5: the owner closes its listing while another one proposes. The proposal is valid, and can be agreed: closing a
// listing is no entry of the thread.
func TestConcurrent5_ProposedAfterClosing(t *testing.T) {
	s := newScene(t)
	a, b := s.node(seoul), s.node(dakar)
	p := b.propose(terms(dakar, "4"))
	acceptance := a.accept(p)
	b.confirm(p, acceptance)
	s.wantPhase(s.fold(), InForce)
	closed := &record.Listing{Quantity: pieces("10"), State: "closed", ClosedAs: "withdrawn"}
	if got := StockOf(listingOf("offer"), seoul, closed, s.fold().Pledges); got.Committed != "4" || got.Remaining != "6" {
		t.Errorf("of a closed listing: %+v", got)
	}
}

func TestConcurrent6_CountersCross(t *testing.T) {
	s := newScene(t)
	a, b := s.node(seoul), s.node(dakar)
	p := a.propose(terms(dakar, "10"))
	own, other := a.counter(p, terms(dakar, "8")), b.counter(p, terms(dakar, "12"))
	s.wantPhase(s.seen(p, own), Proposed)
	s.wantPhase(s.seen(p, other), Proposed)
	th := s.fold()
	wantVersion(t, th, p, Countered)
	wantVersion(t, th, own, Proposed)
	wantVersion(t, th, other, Proposed)
	b.confirm(other, a.accept(other))
	th = s.fold()
	s.wantPhase(th, InForce)
	wantVersion(t, th, own, Overtaken)
}

// Both are accepted and confirmed in the two halves: each member signed both, and one prevails everywhere.
func TestConcurrent6_BothCountersConfirmed(t *testing.T) {
	s := newScene(t)
	a, a2, b, b2 := s.node(seoul), s.node(seoul, 2), s.node(dakar), s.node(dakar, 2)
	p := a.propose(terms(dakar, "10"))
	other := b.counter(p, terms(dakar, "12"))
	yes := b2.accept(p)
	first := a.confirm(p, yes)
	s.wantPhase(s.seen(p, yes, first), InForce)
	yes2 := a2.accept(other)
	second := b.confirm(other, yes2)
	s.wantPhase(s.seen(p, other, yes2, second), InForce)
	th := s.fold()
	s.wantPhase(th, InForce)
	if th.Ruling != other.ID {
		t.Error("the counter-proposal knew what it replaced, and does not prevail")
	}
	wantVersion(t, th, p, Outranked)
	wantVersion(t, th, other, Confirmed)
	if len(th.Pledges) != 1 || th.Pledges[0].Value != "12" {
		t.Errorf("committed: %+v", th.Pledges)
	}
}

func TestConcurrent7_ReportsDiffer(t *testing.T) {
	s := newScene(t)
	a, b := s.node(seoul), s.node(dakar)
	p, yes, conf := s.agreed(a, b, terms(dakar, "100"))
	sent := a.report(p.ID, 1, "100")
	arrived := b.report(p.ID, 1, "92")
	state := func(th Thread, want, counted string) {
		t.Helper()
		if c := th.Clauses[0]; c.State != want || c.Counted != counted {
			t.Errorf("clause: %+v, want %s, %s", c, want, counted)
		}
	}
	state(s.seen(p, yes, conf, sent), ClauseReported, "0")
	state(s.seen(p, yes, conf, arrived), ClauseReported, "0")
	state(s.fold(), ClauseDiffering, "92")
	s.wantPhase(s.fold(), InProgress)
	s.day = today.Plus(DifferenceDays)
	state(s.fold(), ClauseDiffering, "92")
	s.day = today.Plus(DifferenceDays + 1)
	state(s.fold(), ClauseFlagged, "92")
	s.wantPhase(s.fold(), InProgress) // no error, and nothing ends
	s.day = today
	b.report(p.ID, 1, "8")
	state(s.fold(), ClauseMet, "100")
	s.wantPhase(s.fold(), Completed)
}

func TestConcurrent8_CorrectionCrossesReport(t *testing.T) {
	s := newScene(t)
	a, a2, b := s.node(seoul), s.node(seoul, 2), s.node(dakar)
	p, _, _ := s.agreed(a, b, terms(dakar, "100"))
	sent := a.report(p.ID, 1, "100")
	a.correct(p.ID, sent, "8", true)
	a2.correct(p.ID, sent, "3", false)
	b.report(p.ID, 1, "95")
	c := s.fold().Clauses[0]
	if c.Given != "95" || c.Received != "95" || c.State != ClausePartly || len(c.Reports) != 4 {
		t.Errorf("sums: %+v", c)
	}
	// A correction of another's report, or of nothing known, is shown and not counted.
	b.correct(p.ID, sent, "50", true)
	c = s.fold().Clauses[0]
	not := 0
	for _, r := range c.Reports {
		if !r.Counts {
			not++
		}
	}
	if c.Given != "95" || c.Received != "95" || not != 1 || len(c.Reports) != 5 {
		t.Errorf("another's report is corrected: %+v", c)
	}
}

func TestConcurrent16_ClockWrongByADay(t *testing.T) {
	for _, off := range []int{-1, 0, 1} {
		s := newScene(t)
		a, b := s.node(seoul), s.node(dakar)
		p := a.propose(terms(dakar, "10"))
		s.day = today.Plus(20 + off) // the last day to answer, a day early or late by a wrong clock
		yes := b.accept(p)
		s.day = today.Plus(20)
		a.confirm(p, yes)
		s.day = today.Plus(200)
		s.wantPhase(s.fold(), InForce) // the proposer confirmed: that decides
	}
	s := newScene(t)
	a := s.node(seoul)
	p := a.propose(terms(dakar, "10"))
	s.day = today.Plus(20)
	s.wantPhase(s.fold(), Proposed)
	s.day = today.Plus(21)
	s.wantPhase(s.fold(), Lapsed)
	b := s.node(dakar)
	s.day = today.Plus(300) // a clock that is wrong by most of a year orders nothing
	yes := b.accept(p)
	s.wantPhase(s.fold(), Accepted)
	s.day = today.Plus(-300)
	a.confirm(p, yes)
	s.day = today
	s.wantPhase(s.fold(), InForce)
}
