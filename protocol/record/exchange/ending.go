package exchange

import (
	"slices"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// States of a dispute. They are an interface; append only.
const (
	DisputeOpen     = "open"
	DisputeMediated = "mediated"
	DisputeResolved = "resolved" // its writer took it back
	DisputeClosed   = "closed"   // the agreement ended
)

// FeedbackDays is after how many days feedback is shown even if the other side gave none, so that nobody can keep a word
// secret by silence, nor answer one in kind.
const FeedbackDays = 30

// States of a feedback. They are an interface; append only.
const (
	FeedbackHidden = "hidden"
	FeedbackShown  = "shown"
)

type dispute struct {
	a                  *agreement
	mediated, resolved bool
	ended              bool
}

var disputes = machine("Dispute",
	"What became of one party's dispute. Nothing follows from a mediation by itself.", DisputeOpen,
	transition[*dispute]{Row{[]string{DisputeOpen}, DisputeMediated, protocol.KindMediation, "a member of the steering committee, or the secretariat", "it was mediated"},
		func(d *dispute) bool { return d.mediated }},
	transition[*dispute]{Row{nil, DisputeClosed, 0, "", "the agreement is completed or cancelled"}, func(d *dispute) bool { return d.ended }},
	transition[*dispute]{Row{nil, DisputeResolved, protocol.KindRetraction, "its writer", "its writer took it back"}, func(d *dispute) bool { return d.resolved }},
)

// readDisputes takes disputes with what was said of them.
func (a *agreement) readDisputes() {
	for _, e := range a.t.answers {
		b, ok := e.Body.(*record.Dispute)
		if !ok {
			continue
		}
		d := Dispute{Word: Word{e.Member, e.ID, record.DayOf(e.Time)}, Clause: b.Clause, Text: b.Text}
		for _, m := range a.t.answers {
			if w, ok := m.Body.(*record.Mediation); ok && m.Mediator && *w.Dispute == e.ID {
				d.Mediations = append(d.Mediations, Mediation{Word{m.Member, m.ID, record.DayOf(m.Time)}, w.Closing, w.Text})
			}
		}
		a.out.Disputes = append(a.out.Disputes, d)
		a.disputed = a.disputed || a.t.retraction(e.ID, e.Member) == nil
	}
}

// closeDisputes runs the machine of every dispute, when the thread's phase is known.
func (a *agreement) closeDisputes() {
	for i := range a.out.Disputes {
		d := &a.out.Disputes[i]
		d.State = disputes.run(&dispute{
			a: a, mediated: len(d.Mediations) > 0, resolved: a.t.retraction(d.Entry, d.Member) != nil,
			ended: a.out.Phase == Completed || a.out.Phase == Cancelled,
		})
	}
}

type feedback struct {
	all  bool // every party that is a member gave one
	over bool // FeedbackDays have passed since the end
}

var feedbacks = machine("Feedback",
	"Whether the word of a party after the end is shown. One of each party counts: the first of its feed, and of several feeds the one with the smallest id. "+
		"This is a rule of screens: the entries themselves are read by every node.", FeedbackHidden,
	transition[*feedback]{Row{[]string{FeedbackHidden}, FeedbackShown, protocol.KindFeedback, "every party that is a member", "all of them gave one"},
		func(f *feedback) bool { return f.all }},
	transition[*feedback]{Row{[]string{FeedbackHidden}, FeedbackShown, 0, "", "30 days have passed since the end"}, func(f *feedback) bool { return f.over }},
)

// readFeedback takes one feedback of each party, once the agreement has ended.
func (a *agreement) readFeedback() {
	if a.out.Phase != Completed && a.out.Phase != Cancelled {
		return
	}
	a.out.Ended = a.ended()
	over := a.out.Ended.Plus(FeedbackDays)
	best := map[string]*Entry{}
	var last *Entry
	for _, e := range a.t.answers { // in order of writer, feed and seq
		if e.Kind != protocol.KindFeedback {
			continue
		}
		first := last == nil || last.Feed != e.Feed // of its feed
		last = e
		if at := best[e.Member]; first && (at == nil || compareIDs(e.ID, at.ID) < 0) {
			best[e.Member] = e
		}
	}
	f := &feedback{all: true, over: a.t.view.AsOf > over}
	for _, p := range a.t.present() {
		f.all = f.all && best[p] != nil
	}
	state := feedbacks.run(f)
	for _, p := range a.t.parties {
		e := best[p]
		if e == nil {
			continue
		}
		w := Feedback{Word: Word{p, e.ID, record.DayOf(e.Time)}, State: state, Late: record.DayOf(e.Time) > over}
		if state == FeedbackShown {
			w.Body, _ = e.Body.(*record.Feedback)
		}
		a.out.Feedback = append(a.out.Feedback, w)
	}
	slices.SortFunc(a.out.Feedback, func(x, y Feedback) int { return compareIDs(x.Entry, y.Entry) })
}
