package exchange

import (
	"slices"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// Wait is something in a thread that waits for a member. The codes are an interface; append only.
type Wait struct {
	Code    string           `json:"code"`
	Version protocol.EntryID `json:"version,omitzero"`
	Clause  uint64           `json:"clause,omitempty"`
	From    []string         `json:"from,omitempty"` // members that wait for it
	Day     record.Day       `json:"day,omitempty"`  // by when, or since when
	Late    bool             `json:"late,omitempty"` // the day is over
}

// Codes of Wait.
const (
	WaitAnswer     = "answer"     // a proposal of another party
	WaitConfirm    = "confirm"    // own proposal, accepted by all
	WaitReport     = "report"     // a clause that is due, or that the other side reported
	WaitDifference = "difference" // the sides report differently
	WaitComplete   = "complete"   // others signed that nothing remains
	WaitFeedback   = "feedback"
	WaitDispute    = "dispute" // of another party
	WaitAsk        = "ask"     // another party asks to cancel
	WaitMediate    = "mediate" // for mediators
)

// RemindDays is how many days before a clause's last day its sides are reminded of it.
const RemindDays = 7

// Waits lists what waits for a member on a day, the most urgent of a thread first.
func (t *Thread) Waits(who Actor, asOf record.Day) []Wait {
	var out []Wait
	me := who.Handle
	others := func(list []string) []string {
		return slices.DeleteFunc(slices.Clone(list), func(p string) bool { return p == me })
	}
	running := slices.Contains(running, t.Phase)
	if who.Mediator && !t.party(me) && t.Phase == Disputed {
		for _, d := range t.Disputes {
			if d.State == DisputeOpen {
				out = append(out, Wait{Code: WaitMediate, From: []string{d.Member}, Clause: d.Clause, Day: d.On})
			}
		}
	}
	if !t.party(me) {
		return out
	}
	for _, v := range t.Versions {
		switch {
		case v.State == Accepted && v.Writer == me:
			out = append(out, Wait{Code: WaitConfirm, Version: v.ID, From: others(t.Parties), Day: v.Answer, Late: asOf > v.Answer})
		case v.State == Proposed && v.Writer != me && slices.Contains(v.Waiting, me):
			out = append(out, Wait{Code: WaitAnswer, Version: v.ID, From: []string{v.Writer}, Day: v.Answer})
		}
	}
	if running {
		if asks := others(t.Asks); len(asks) > 0 && !slices.Contains(t.Asks, me) {
			out = append(out, Wait{Code: WaitAsk, From: asks})
		}
		for _, d := range t.Disputes {
			if d.Member != me && d.State != DisputeResolved {
				out = append(out, Wait{Code: WaitDispute, From: []string{d.Member}, Clause: d.Clause, Day: d.On})
			}
		}
		for _, s := range t.Clauses {
			if w, ok := s.wait(me, asOf); ok {
				out = append(out, w)
			}
		}
		if done := others(t.Done); len(done) > 0 && !slices.Contains(t.Done, me) {
			out = append(out, Wait{Code: WaitComplete, From: done})
		}
	}
	if until := t.Ended.Plus(FeedbackDays); until != "" && asOf <= until && !slices.ContainsFunc(t.Feedback, func(f Feedback) bool { return f.Member == me }) {
		out = append(out, Wait{Code: WaitFeedback, Day: until})
	}
	return out
}

// wait is what a clause asks of one of its sides.
func (s *Clause) wait(me string, asOf record.Day) (Wait, bool) {
	other := s.Receiver
	if me == s.Receiver {
		other = s.Provider
	} else if me != s.Provider {
		return Wait{}, false
	}
	w := Wait{Clause: s.No, From: []string{other}, Day: s.Last, Late: asOf > s.Last}
	mine := slices.ContainsFunc(s.Reports, func(r Report) bool { return r.Member == me })
	switch s.State {
	case ClauseOpen:
		w.Code = WaitReport
		return w, asOf >= s.Last.Plus(-RemindDays)
	case ClauseReported, ClauseFlagged, ClauseDiffering:
		if !mine {
			w.Code, w.Day, w.Late = WaitReport, s.Reported, s.State == ClauseFlagged
			return w, true
		}
		if s.Given == s.Received || !slices.ContainsFunc(s.Reports, func(r Report) bool { return r.Member == other }) {
			return w, false
		}
		w.Code, w.Day, w.Late = WaitDifference, s.Reported, s.State == ClauseFlagged
		return w, true
	}
	return w, false
}
