package exchange

import (
	"cmp"
	"slices"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// DifferenceDays is how long two sides' reports may differ, or one side's wait for the other's, before it is flagged: a
// fortnight, as the federation's practice allows a shipment to be counted.
const DifferenceDays = 14

// States of a clause. They are an interface; append only.
const (
	ClauseOpen      = "open"
	ClauseReported  = "reported"  // by one side
	ClauseDiffering = "differing" // the sides report different quantities
	ClauseFlagged   = "flagged"   // and have for DifferenceDays
	ClausePartly    = "partly"    // both report the same, and it is not all
	ClauseMet       = "met"
	ClauseCancelled = "cancelled"
	ClauseDropped   = "dropped" // an amendment left it out
	ClauseClosed    = "closed"  // the agreement was completed; what was counted stays
)

// clause is one clause with the reports about it.
type clause struct {
	a       *agreement
	c       *record.Clause
	v       *version // the version that it stands in
	dropped bool     // the ruling version does not have it

	given, received amount
	bySide          [2]bool // the provider, the receiver reported
	reported        record.Day
	reports         []Report
	cancelled       bool // by itself
}

var clauses = machine("Clause",
	"How far one clause is fulfilled. What counts is the smaller of both sides' sums; corrections add to a sum or take from it.", ClauseOpen,
	transition[*clause]{Row{[]string{ClauseOpen}, ClauseReported, protocol.KindFulfilment, "its provider or its receiver", "one side has reported"},
		func(c *clause) bool { return c.bySide[0] != c.bySide[1] }},
	transition[*clause]{Row{[]string{ClauseOpen}, ClausePartly, protocol.KindFulfilment, "its provider and its receiver", "both report the same quantity"},
		func(c *clause) bool { return c.bySide[0] && c.bySide[1] && c.given.cmp(c.received) == 0 }},
	transition[*clause]{Row{[]string{ClauseOpen}, ClauseDiffering, protocol.KindFulfilment, "its provider and its receiver", "they report different quantities"},
		func(c *clause) bool { return c.bySide[0] && c.bySide[1] && c.given.cmp(c.received) != 0 }},
	transition[*clause]{Row{[]string{ClauseReported, ClauseDiffering}, ClauseFlagged, 0, "", "more than 14 days have passed since the last report"},
		func(c *clause) bool { return c.a.t.view.AsOf > c.reported.Plus(DifferenceDays) }},
	transition[*clause]{Row{nil, ClauseCancelled, protocol.KindCancellation, "any party", "the agreement is cancelled; or the clause alone, one of its sides being removed from the federation"},
		func(c *clause) bool { return c.cancelled || c.a.cancelled }},
	transition[*clause]{Row{nil, ClauseDropped, protocol.KindConfirmation, "the amendment's writer", "an amendment left it out"},
		func(c *clause) bool { return c.dropped }},
	transition[*clause]{Row{nil, ClauseClosed, protocol.KindCompletion, "every party that is a member", "all of them signed that nothing remains"},
		func(c *clause) bool { return c.a.signed && !c.dropped }},
	transition[*clause]{Row{nil, ClauseMet, protocol.KindFulfilment, "its provider and its receiver", "what counts is as much as promised, or more"},
		func(c *clause) bool { return !c.dropped && c.counted().cmp(c.promised()) >= 0 }},
)

func (c *clause) promised() amount {
	value, _ := c.c.Measure()
	return parse(value)
}

// counted is the smaller of both sides' sums. Where all parties signed completion and nobody reported anything, they say
// that it was done as promised.
func (c *clause) counted() amount {
	if c.a.signed && !c.dropped && !c.cancelled && !c.bySide[0] && !c.bySide[1] {
		return c.promised()
	}
	return least(c.given, c.received).floor()
}

// readClauses judges the clauses of the ruling version, and those that amendments left out when something was reported of them.
func (a *agreement) readClauses() {
	all := map[uint64]*clause{}
	var order []uint64
	for v := a.ruling; v != nil; v = a.t.byID[v.base] {
		for i := range v.p.Clauses {
			c := &v.p.Clauses[i]
			if all[c.No] == nil {
				all[c.No] = &clause{a: a, c: c, v: v, dropped: v != a.ruling}
				order = append(order, c.No)
			}
		}
		if !v.base.Defined() {
			break
		}
	}
	a.readReports(all)
	slices.Sort(order)
	one := false
	a.met = true
	for _, no := range order {
		c := all[no]
		if c.dropped && len(c.reports) == 0 {
			continue
		}
		gone := !c.dropped && (a.t.removed(c.c.Provider) || a.t.removed(c.c.Receiver))
		c.cancelled = gone && slices.ContainsFunc(a.out.Cancels, func(w Cancel) bool { return slices.Contains(w.Clauses, no) })
		promised, unit := c.c.Measure()
		s := Clause{
			No: no, Provider: c.c.Provider, Receiver: c.c.Receiver, Promised: promised, Unit: unit, Given: c.given.floor().String(),
			Received: c.received.floor().String(), Counted: c.counted().String(), Last: c.c.Last(), Reported: c.reported, Reports: c.reports,
		}
		s.State = clauses.run(c)
		s.Cancellable = gone && s.State != ClauseCancelled && s.State != ClauseMet
		a.out.Clauses = append(a.out.Clauses, s)
		a.reported = a.reported || len(c.reports) > 0
		switch {
		case c.dropped, c.cancelled:
		case s.State == ClauseMet:
			one = true
		default:
			a.met = false
		}
	}
	a.met = a.met && one
	if live := slices.ContainsFunc(a.out.Clauses, func(s Clause) bool { return s.State != ClauseCancelled && s.State != ClauseDropped }); !live {
		a.cancelled = true
	}
}

// readReports sums what each side reports.
func (a *agreement) readReports(all map[uint64]*clause) {
	own := map[protocol.EntryID]*Entry{}
	for _, e := range a.t.answers {
		if e.Kind == protocol.KindFulfilment {
			own[e.ID] = e
		}
	}
	for _, e := range a.t.answers {
		f, ok := e.Body.(*record.Fulfilment)
		if !ok {
			continue
		}
		c := all[f.Clause]
		if c == nil || e.Member != c.c.Provider && e.Member != c.c.Receiver {
			continue
		}
		value, unit := f.Measure()
		_, promisedUnit := c.c.Measure()
		r := Report{Entry: e.ID, Member: e.Member, Value: value, Unit: unit, Less: f.Less, On: f.On, Written: record.DayOf(e.Time), Note: f.Note, Counts: unit == promisedUnit}
		if f.Corrects != nil {
			r.Corrects = *f.Corrects
			of := own[r.Corrects]
			r.Counts = r.Counts && of != nil && of.Member == e.Member && of.Body.(*record.Fulfilment).Clause == f.Clause
		}
		c.reports = append(c.reports, r)
		if !r.Counts {
			continue
		}
		n := parse(value)
		if f.Less {
			n = amount{}.sub(n)
		}
		if e.Member == c.c.Provider {
			c.given, c.bySide[0] = c.given.add(n), true
		} else {
			c.received, c.bySide[1] = c.received.add(n), true
		}
		c.reported = max(c.reported, r.Written)
	}
	for _, c := range all {
		slices.SortFunc(c.reports, func(x, y Report) int { return cmp.Or(cmp.Compare(x.Written, y.Written), compareIDs(x.Entry, y.Entry)) })
	}
}
