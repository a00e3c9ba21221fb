package exchange

import (
	"slices"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// agreement is what is known of a thread once its versions and clauses are judged.
type agreement struct {
	t      *thread
	out    *Thread
	ruling *version

	cancelled bool // as a whole, by a party
	signed    bool // completion, by every party that is a member
	met       bool // every clause that was not cancelled, and one at least
	reported  bool // something, by anybody
	disputed  bool // a dispute of a party that it has not taken back
}

func stateIs(p Phase) func(*agreement) bool {
	return func(a *agreement) bool {
		return slices.ContainsFunc(a.out.Versions, func(v Version) bool { return v.State == p })
	}
}

var forming = []string{"proposed", "declined", "withdrawn", "lapsed", "accepted"}

var agreements = machine("Agreement",
	"Where a thread stands as a whole.", string(Proposed),
	transition[*agreement]{Row{[]string{"proposed"}, "withdrawn", 0, "", "a version of it is withdrawn"}, stateIs(Withdrawn)},
	transition[*agreement]{Row{[]string{"proposed", "withdrawn"}, "declined", 0, "", "a version of it is declined"}, stateIs(Declined)},
	transition[*agreement]{Row{[]string{"proposed", "withdrawn", "declined"}, "lapsed", 0, "", "a version of it has lapsed"}, stateIs(Lapsed)},
	transition[*agreement]{Row{[]string{"withdrawn", "declined", "lapsed"}, "proposed", 0, "", "a version of it is open"}, stateIs(Proposed)},
	transition[*agreement]{Row{[]string{"proposed", "withdrawn", "declined", "lapsed"}, "accepted", 0, "", "a version of it is accepted by all"}, stateIs(Accepted)},
	transition[*agreement]{Row{forming, "in_force", protocol.KindConfirmation, "the proposal's writer", "a version of it is confirmed"},
		func(a *agreement) bool { return a.ruling != nil }},
	transition[*agreement]{Row{[]string{"in_force"}, "in_progress", protocol.KindFulfilment, "a clause's provider or receiver", "something was reported"},
		func(a *agreement) bool { return a.reported }},
	transition[*agreement]{Row{[]string{"in_force", "in_progress"}, "disputed", protocol.KindDispute, "any party", "a party's dispute, not taken back, is open"},
		func(a *agreement) bool { return a.disputed }},
	transition[*agreement]{Row{[]string{"in_force", "in_progress", "disputed"}, "cancelled", protocol.KindCancellation, "any party", "a party cancelled the whole, or every clause is cancelled"},
		func(a *agreement) bool { return a.cancelled }},
	transition[*agreement]{Row{[]string{"in_force", "in_progress", "cancelled"}, "completed", protocol.KindFulfilment, "a clause's provider or receiver", "every clause is met but those cancelled one by one"},
		func(a *agreement) bool { return a.met }},
	transition[*agreement]{Row{[]string{"in_force", "in_progress", "disputed", "cancelled"}, "completed", protocol.KindCompletion, "every party that is a member", "all of them signed that nothing remains"},
		func(a *agreement) bool { return a.signed }},
)

// settleAgreement judges everything that follows once a version is confirmed, and the thread as a whole.
func (t *thread) settleAgreement(out *Thread, ruling *version) {
	a := &agreement{t: t, out: out, ruling: ruling}
	if ruling != nil {
		for _, p := range t.parties {
			if t.removed(p) {
				out.Removed = append(out.Removed, p)
			}
		}
		a.readEnds()
		a.readDisputes()
		a.readClauses()
		a.history()
	}
	out.Phase = Phase(agreements.run(a))
	if ruling == nil {
		return
	}
	a.closeDisputes()
	a.readFeedback()
	a.pledge()
}

// history tells since when the agreement holds, how often it was amended, and who asks to leave it.
func (a *agreement) history() {
	for _, v := range a.t.versions {
		if !v.held {
			continue
		}
		if day := record.DayOf(v.confirmed.Time); !v.base.Defined() {
			a.out.InForce = day
		} else {
			a.out.Amended++
		}
		if v != a.ruling {
			continue
		}
		for _, e := range v.acceptances {
			if a.t.retraction(e.ID, e.Member) != nil && slices.Contains(v.confirmed.Body.(*record.Confirmation).Acceptances, e.ID) && !slices.Contains(a.out.Asks, e.Member) {
				a.out.Asks = append(a.out.Asks, e.Member)
			}
		}
		if w := v.withdrawn; w != nil && !slices.Contains(a.out.Asks, w.Member) {
			a.out.Asks = append(a.out.Asks, w.Member)
		}
	}
	slices.Sort(a.out.Asks)
}

// readEnds takes cancellations and completions.
func (a *agreement) readEnds() {
	for _, e := range a.t.answers {
		on := record.DayOf(e.Time)
		switch b := e.Body.(type) {
		case *record.Cancellation:
			if len(b.Clauses) == 0 {
				a.cancelled = true
			}
			a.out.Cancels = append(a.out.Cancels, Cancel{Word{e.Member, e.ID, on}, b.Reason, slices.Clone(b.Clauses), b.Text, b.Done})
		case *record.Completion:
			if !slices.Contains(a.out.Done, e.Member) {
				a.out.Done = append(a.out.Done, e.Member)
			}
		}
	}
	present := a.t.present()
	a.signed = len(present) > 0
	for _, p := range present {
		a.signed = a.signed && slices.Contains(a.out.Done, p)
	}
}

// ended is the day on which the thread came to its end, as its entries claim it: the last of those that brought it about.
func (a *agreement) ended() record.Day {
	var day record.Day
	for _, e := range a.t.answers {
		on := record.DayOf(e.Time)
		switch b := e.Body.(type) {
		case *record.Cancellation:
			if a.out.Phase == Cancelled && (day == "" || on < day) && (len(b.Clauses) == 0 || !a.wholly()) {
				day = on // the first one ended it
			}
		case *record.Completion:
			if a.out.Phase == Completed && a.signed && on > day {
				day = on
			}
		case *record.Fulfilment:
			if a.out.Phase == Completed && !a.signed && on > day {
				day = on
			}
		}
	}
	return day
}

// wholly reports whether a party cancelled the agreement as a whole.
func (a *agreement) wholly() bool {
	return slices.ContainsFunc(a.out.Cancels, func(c Cancel) bool { return len(c.Clauses) == 0 })
}
