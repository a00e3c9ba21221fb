package exchange

import (
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dure-net/dure/protocol/record"
)

func TestLife_FromProposalToFeedback(t *testing.T) {
	s := newScene(t)
	a, b := s.node(seoul), s.node(dakar)
	p := a.propose(terms(dakar, "100"))
	th := s.fold()
	s.wantPhase(th, Proposed)
	offers(th, Retract, Counter)(t, seoul)
	offers(th, Accept, Counter, Decline)(t, dakar)
	offers(th)(t, lyon)
	q := b.counter(p, terms(dakar, "90"))
	th = s.fold()
	wantVersion(t, th, p, Countered)
	offers(th, Accept, Counter, Decline)(t, seoul)
	if w := th.Waits(Actor{Handle: seoul}, today); len(w) != 1 || w[0].Code != WaitAnswer || w[0].Version != q.ID || w[0].Day != today.Plus(20) {
		t.Errorf("what waits for Seoul: %+v", w)
	}
	yes := a.accept(q)
	th = s.fold()
	s.wantPhase(th, Accepted)
	offers(th, Confirm, Counter, Retract)(t, dakar)
	offers(th, Counter, Decline, Retract)(t, seoul)
	if w := th.Waits(Actor{Handle: dakar}, today); len(w) != 1 || w[0].Code != WaitConfirm {
		t.Errorf("what waits for Dakar: %+v", w)
	}
	b.confirm(q, yes)
	th = s.fold()
	s.wantPhase(th, InForce)
	offers(th, Fulfil, Complete, Amend, Contest, CancelIt)(t, seoul)
	a.report(p.ID, 1, "90")
	b.report(p.ID, 1, "80")
	s.wantPhase(s.fold(), InProgress)
	change := terms(dakar, "80")
	r := a.amend(q, change)
	th = s.fold()
	s.wantPhase(th, InProgress)
	if th.Ruling != q.ID || th.Clauses[0].Promised != "90" {
		t.Error("an amendment that nobody accepted changes the terms")
	}
	a.confirm(r, b.accept(r))
	th = s.fold()
	if th.Ruling != r.ID || th.Amended != 1 || th.Clauses[0].State != ClauseMet || th.Phase != Completed || th.Pledges[0].Value != "80" {
		t.Fatalf("amended: %+v", th)
	}
	offers(th, Review)(t, seoul)
	a.review(p.ID, "met")
	th = s.fold()
	if f := th.Feedback[0]; f.State != FeedbackHidden || f.Body != nil {
		t.Errorf("shown before the other one gave it: %+v", f)
	}
	offers(th)(t, seoul)
	s.day = today.Plus(FeedbackDays)
	if f := s.fold().Feedback[0]; f.State != FeedbackHidden {
		t.Errorf("shown on the last day: %+v", f)
	}
	s.day = today.Plus(FeedbackDays + 1)
	if f := s.fold().Feedback[0]; f.State != FeedbackShown || f.Body == nil || f.Body.Outcome != "met" {
		t.Errorf("hidden after it: %+v", f)
	}
	b.review(p.ID, "partly")
	s.day = today
	th = s.fold()
	if len(th.Feedback) != 2 || th.Feedback[0].State != FeedbackShown {
		t.Errorf("both gave it: %+v", th.Feedback)
	}
	if i := slices.IndexFunc(th.Feedback, func(f Feedback) bool { return f.Member == dakar }); !th.Feedback[i].Late {
		t.Error("written after the other one could be read, and not marked")
	}
}

func TestLife_ALoanComesBack(t *testing.T) {
	s := newScene(t)
	a, b := s.node(seoul), s.node(dakar)
	p := terms(dakar, "10")
	p.Clauses[0].Action = "transfer_custody"
	back := clauseOf(2, dakar, seoul, "10")
	back.Action, back.ReciprocalOf = "return_custody", 1
	p.Clauses = append(p.Clauses, back)
	e, _, _ := s.agreed(a, b, p)
	left := func() string {
		return StockOf(listingOf("offer"), seoul, &record.Listing{Quantity: pieces("12")}, s.fold().Pledges).Remaining
	}
	for _, step := range []struct {
		do   func()
		want string
	}{
		{func() {}, "2"},
		{func() { a.report(e.ID, 1, "10"); b.report(e.ID, 1, "10") }, "2"},
		{func() { b.report(e.ID, 2, "7") }, "2"}, // Seoul has not seen them yet
		{func() { a.report(e.ID, 2, "6") }, "8"},
		{func() { a.report(e.ID, 2, "4"); b.report(e.ID, 2, "3") }, "12"},
	} {
		step.do()
		if got := left(); got != step.want {
			t.Errorf("%s left, want %s", got, step.want)
		}
	}
	s.wantPhase(s.fold(), Completed)
}

func TestLife_AnswersMustMeanTheseTerms(t *testing.T) {
	s := newScene(t)
	a, b, c := s.node(seoul), s.node(dakar), s.node(lyon)
	p := a.propose(terms(dakar, "10"))
	wrong := p
	wrong.Digest = "00" + p.Digest[2:]
	no := b.accept(wrong)
	s.wantPhase(s.fold(), Proposed)
	a.confirm(p, no)
	s.wantPhase(s.fold(), Proposed)
	stranger := c.accept(p)
	a.confirm(p, stranger)
	s.wantPhase(s.fold(), Proposed)
	own := a.accept(p) // agreeing with oneself
	a.confirm(p, own)
	s.wantPhase(s.fold(), Proposed)
	yes := b.accept(p)
	c.confirm(p, yes) // by who did not propose
	b.confirm(p, yes)
	s.wantPhase(s.fold(), Accepted)
	// Others can neither withdraw, decline, cancel nor counter it; nor can a party with other parties.
	c.retract(p.ID, p)
	b.retract(p.ID, p)
	c.decline(p)
	c.cancel(p.ID)
	c.counter(p, terms(lyon, "10"))
	b.counter(p, terms(lyon, "10"))
	th := s.fold()
	s.wantPhase(th, Accepted)
	if len(th.Versions) != 1 {
		t.Errorf("%d versions", len(th.Versions))
	}
	a.confirm(p, yes)
	s.wantPhase(s.fold(), InForce)
	c.report(p.ID, 1, "10")
	c.complete(p.ID)
	c.dispute(p.ID, 1)
	c.review(p.ID, "not")
	c.cancel(p.ID)
	s.wantPhase(s.fold(), InForce)
	// A proposal by who is no party of it is no thread.
	s = newScene(t)
	s.node(lyon).propose(terms(dakar, "10"))
	if got := s.folds(); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}

func TestLife_WhatDoesNotStandIsNothing(t *testing.T) {
	s := newScene(t)
	a, b := s.node(seoul), s.node(dakar)
	p, yes, conf := s.agreed(a, b, terms(dakar, "10"))
	for name, change := range map[string]func(*Entry){
		"cut off": func(e *Entry) { e.Standing = false }, "without body": func(e *Entry) { e.Body = nil },
	} {
		gone := yes
		change(&gone)
		if th := s.seen(p, gone, conf); th.Phase != Proposed {
			t.Errorf("acceptance %s: %s", name, th.Phase)
		}
	}
}

func TestLife_ThreeParties(t *testing.T) {
	s := newScene(t)
	a, b, c := s.node(seoul), s.node(dakar), s.node(lyon)
	p := terms(dakar, "10")
	p.Parties = []string{seoul, dakar, lyon}
	p.Clauses = append(p.Clauses, clauseOf(2, lyon, dakar, "4"))
	e := a.propose(p)
	yes := b.accept(e)
	s.wantPhase(s.fold(), Proposed)
	a.confirm(e, yes) // one is missing
	s.wantPhase(s.fold(), Proposed)
	yes2 := c.accept(e)
	s.wantPhase(s.fold(), Accepted)
	a.confirm(e, yes, yes2)
	th := s.fold()
	s.wantPhase(th, InForce)
	b.report(e.ID, 2, "3")
	c.report(e.ID, 2, "3")
	// Lyon is removed: what was fulfilled stays, its clause can be cancelled alone, and an amendment does not wait for it.
	s.removed = []string{lyon}
	th = s.fold()
	s.wantPhase(th, InProgress)
	if th.Clauses[0].Cancellable || !th.Clauses[1].Cancellable || th.Clauses[1].Counted != "3" || len(th.Removed) != 1 {
		t.Errorf("after removal: %+v", th.Clauses)
	}
	b.cancel(e.ID, 1, 2)
	th = s.fold()
	if th.Clauses[0].State != ClauseOpen || th.Clauses[1].State != ClauseCancelled || th.Clauses[1].Counted != "3" || th.Phase != InProgress {
		t.Errorf("clauses cancelled alone: %s %+v", th.Phase, th.Clauses)
	}
	q := *p
	q.Clauses = q.Clauses[:1]
	r := a.amend(e, &q)
	a.confirm(r, b.accept(r))
	th = s.fold()
	if th.Ruling != r.ID || th.Clauses[1].State != ClauseDropped || th.Clauses[1].Counted != "3" {
		t.Errorf("amended without the removed party: %+v", th)
	}
	// While it was a member its word was needed.
	s.removed = nil
	if th = s.fold(); th.Ruling != e.ID {
		t.Error("amended without a party")
	}
}

func TestLife_Cancelled(t *testing.T) {
	s := newScene(t)
	a, b := s.node(seoul), s.node(dakar)
	p, _, _ := s.agreed(a, b, terms(dakar, "10"))
	a.report(p.ID, 1, "4")
	b.report(p.ID, 1, "4")
	b.cancel(p.ID)
	th := s.fold()
	s.wantPhase(th, Cancelled)
	if th.Clauses[0].State != ClauseCancelled || th.Pledges[0].Value != "4" || th.Ended != today || th.Cancels[0].Reason != "funding" {
		t.Errorf("cancelled: %+v", th)
	}
	offers(th, Review)(t, seoul)
	// Nobody can undo it, and what was done all the same counts.
	a.report(p.ID, 1, "6")
	b.report(p.ID, 1, "6")
	s.wantPhase(s.fold(), Completed)
}

func TestLife_CompletedBySignatures(t *testing.T) {
	s := newScene(t)
	a, b := s.node(seoul), s.node(dakar)
	p, _, _ := s.agreed(a, b, terms(dakar, "10"))
	a.report(p.ID, 1, "9")
	b.report(p.ID, 1, "8")
	a.complete(p.ID)
	th := s.fold()
	s.wantPhase(th, InProgress)
	if w := th.Waits(Actor{Handle: dakar}, today); !slices.ContainsFunc(w, func(w Wait) bool { return w.Code == WaitComplete }) {
		t.Errorf("what waits for Dakar: %+v", w)
	}
	b.complete(p.ID)
	th = s.fold()
	s.wantPhase(th, Completed)
	if th.Clauses[0].State != ClauseClosed || th.Pledges[0].Value != "8" {
		t.Errorf("closed with what was counted: %+v", th)
	}
}

func TestLife_Disputed(t *testing.T) {
	s := newScene(t)
	a, b, m, c := s.node(seoul), s.node(dakar), s.node(bonn), s.node(lyon)
	p, _, _ := s.agreed(a, b, terms(dakar, "10"))
	d := b.dispute(p.ID, 1)
	th := s.fold()
	s.wantPhase(th, Disputed)
	if w := th.Waits(Actor{Handle: bonn, Mediator: true}, today); len(w) != 1 || w[0].Code != WaitMediate {
		t.Errorf("what waits for a mediator: %+v", w)
	}
	if r := th.Refuse(Mediate, Actor{Handle: seoul}); r.Why != NotNow || slices.Contains(r.Instead, Mediate) {
		t.Errorf("a party mediates: %+v", r)
	}
	c.mediate(p.ID, d)
	if th = s.fold(); len(th.Disputes[0].Mediations) != 0 {
		t.Error("anybody mediates")
	}
	m.mediate(p.ID, d)
	if th = s.fold(); th.Disputes[0].State != DisputeMediated || th.Phase != Disputed {
		t.Errorf("mediated: %+v", th.Disputes)
	}
	a.retract(p.ID, d)
	s.wantPhase(s.fold(), Disputed)
	b.retract(p.ID, d)
	th = s.fold()
	s.wantPhase(th, InForce)
	if th.Disputes[0].State != DisputeResolved {
		t.Errorf("settled: %+v", th.Disputes)
	}
}

func TestThread_RefusesWithWhoAndInstead(t *testing.T) {
	s := newScene(t)
	a := s.node(seoul)
	a.propose(terms(dakar, "10"))
	th := s.fold()
	for _, c := range []struct {
		deed Deed
		who  string
		want Refusal
	}{
		{Accept, seoul, Refusal{NotYou, []string{dakar}, []Deed{Counter, Retract}}},
		{Confirm, dakar, Refusal{NotNow, nil, []Deed{Accept, Counter, Decline}}},
		{Accept, lyon, Refusal{NoParty, []string{dakar}, nil}},
		{Fulfil, seoul, Refusal{NotNow, nil, []Deed{Counter, Retract}}},
	} {
		if diff := cmp.Diff(c.want, th.Refuse(c.deed, Actor{Handle: c.who})); diff != "" {
			t.Errorf("%s by %s: %s", c.deed, c.who, diff)
		}
	}
}

func TestDocument_IsCurrent(t *testing.T) {
	want := Document()
	if *update {
		if err := os.WriteFile("EXCHANGE.md", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("EXCHANGE.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(got), want); diff != "" {
		t.Errorf("EXCHANGE.md is not what the tables say; go test ./protocol/record/exchange -run Document -update\n%s", diff)
	}
}

func TestAmount_Decimals(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"0", "0"}, {"1", "1"}, {"0.5", "0.5"}, {"100.000001", "100.000001"}, {"999999999999999999", "999999999999999999"}, {"1.500", "1.5"}, {"", "0"}, {"x", "0"},
	} {
		if got := parse(c.in).String(); got != c.want {
			t.Errorf("%q is %s, want %s", c.in, got, c.want)
		}
	}
	if got := Difference("0.5", "1.75"); got != "-1.25" {
		t.Errorf("a difference of %s", got)
	}
}
