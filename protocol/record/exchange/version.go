package exchange

import (
	"cmp"
	"slices"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// version is one proposal with the answers to it.
type version struct {
	t     *thread
	e     *Entry
	p     *record.Proposal
	base  protocol.EntryID // the version that it would amend; zero: it would be the agreement itself
	depth int              // proposals before it in its line of counter-proposals

	others      []string // parties whose acceptance it needs
	acceptances []*Entry // with the right digest, taken back or not
	words       []*Entry // last words per feed of the others: acceptances not taken back, declines
	confirmed   *Entry
	withdrawn   *Entry
	countered   bool
	ruling      protocol.EntryID // of the thread
	held        bool             // it is, or was before amendments, the agreement
}

var versions = machine("Proposal",
	"What became of one proposal, counter-proposal or amendment.", string(Proposed),
	transition[*version]{Row{[]string{"proposed"}, "accepted", protocol.KindAcceptance, "every other party", "each has accepted these terms, has not taken it back and has not declined since"},
		(*version).accepted},
	transition[*version]{Row{[]string{"proposed"}, "lapsed", 0, "", "the day to answer by is over"}, (*version).lapsed},
	transition[*version]{Row{[]string{"proposed", "accepted", "lapsed"}, "countered", protocol.KindProposal, "any party", "another proposal, not withdrawn, replaces it"},
		func(v *version) bool { return v.countered }},
	transition[*version]{Row{[]string{"proposed", "accepted", "lapsed", "countered"}, "declined", protocol.KindDecline, "any other party", "a party's last word on one of its nodes is no"},
		(*version).declined},
	transition[*version]{Row{[]string{"proposed", "accepted", "lapsed", "countered", "declined"}, "withdrawn", protocol.KindRetraction, "its writer", "its writer took it back"},
		func(v *version) bool { return v.withdrawn != nil }},
	transition[*version]{Row{[]string{"proposed", "accepted", "lapsed", "countered", "declined", "withdrawn"}, "overtaken", 0, "", "the thread has an agreement, and this is no amendment of it"},
		func(v *version) bool { return v.ruling.Defined() && v.base != v.ruling }},
	transition[*version]{Row{nil, "confirmed", protocol.KindConfirmation, "its writer", "its writer names an acceptance of every other party, even one taken back meanwhile, and had not withdrawn it before in the same feed"},
		func(v *version) bool { return v.confirmed != nil }},
	transition[*version]{Row{[]string{"confirmed"}, "outranked", 0, "", "a rival of it was confirmed too, and prevails: the later one of a line of counter-proposals; else the one with the smaller id"},
		func(v *version) bool { return !v.held }},
)

func (t *thread) readVersions() {
	t.byID = make(map[protocol.EntryID]*version, len(t.proposals))
	for _, e := range t.proposals {
		v := &version{t: t, e: e, p: e.Body.(*record.Proposal)}
		t.versions, t.byID[e.ID] = append(t.versions, v), v
	}
	// A line of counter-proposals leads to its first proposal. What names a proposal that is not of the thread stands alone.
	for _, v := range t.versions {
		at := v
		for at.p.Replaces != nil && t.byID[*at.p.Replaces] != nil {
			at = t.byID[*at.p.Replaces]
			v.depth++
		}
		if at.p.Amends != nil {
			v.base = *at.p.Amends
		}
		if v.p.Replaces != nil {
			if of := t.byID[*v.p.Replaces]; of != nil && t.retraction(v.e.ID, v.e.Member) == nil {
				of.countered = true
			}
		}
	}
	if len(t.versions) > 1 {
		slices.SortFunc(t.versions, func(a, b *version) int { return cmp.Or(cmp.Compare(a.depth, b.depth), compareIDs(a.e.ID, b.e.ID)) })
	}
	for _, v := range t.versions {
		v.withdrawn = t.retraction(v.e.ID, v.e.Member)
		v.others = v.needed()
	}
	for _, e := range t.answers {
		switch b := e.Body.(type) {
		case *record.Acceptance:
			if v := t.byID[*b.Proposal]; v != nil && v.e.Member != e.Member && b.Digest == v.e.Digest {
				v.acceptances = append(v.acceptances, e)
				if t.retraction(e.ID, e.Member) == nil {
					v.say(e)
				}
			}
		case *record.Decline:
			if v := t.byID[*b.Proposal]; v != nil && v.e.Member != e.Member {
				v.say(e)
			}
		}
	}
	for _, e := range t.answers {
		if b, ok := e.Body.(*record.Confirmation); ok {
			if v := t.byID[*b.Proposal]; v != nil && v.e.Member == e.Member && v.confirmedBy(e, b) && (v.confirmed == nil || compareIDs(e.ID, v.confirmed.ID) < 0) {
				v.confirmed = e
			}
		}
	}
}

// needed are the parties whose acceptance the version needs: all others, but for an amendment none that was removed.
func (v *version) needed() []string {
	var out []string
	for _, p := range v.t.parties {
		if p != v.e.Member && !(v.base.Defined() && v.t.removed(p)) {
			out = append(out, p)
		}
	}
	return out
}

// say keeps the last word of each feed; answers come in order of writer, feed and seq.
func (v *version) say(e *Entry) {
	if n := len(v.words); n > 0 && v.words[n-1].Feed == e.Feed {
		v.words[n-1] = e
		return
	}
	v.words = append(v.words, e)
}

func (v *version) accepted() bool {
	for _, p := range v.others {
		if !slices.ContainsFunc(v.words, func(e *Entry) bool { return e.Member == p && e.Kind == protocol.KindAcceptance }) {
			return false
		}
	}
	return len(v.others) > 0 && !v.declined()
}

func (v *version) declined() bool {
	return slices.ContainsFunc(v.words, func(e *Entry) bool { return e.Kind == protocol.KindDecline })
}

func (v *version) lapsed() bool { return v.t.view.AsOf > v.answerBy() }

// answerBy is the last day to answer: what the proposal says, within MaxRespondDays of its claimed time.
func (v *version) answerBy() record.Day {
	return min(v.p.RespondBy, record.DayOf(v.e.Time).Plus(record.MaxRespondDays))
}

// confirmedBy reports whether a confirmation by the version's writer counts.
func (v *version) confirmedBy(e *Entry, c *record.Confirmation) bool {
	if c.Digest != v.e.Digest || len(v.others) == 0 {
		return false
	}
	for _, r := range v.t.taken[v.e.ID] {
		if r.Member == e.Member && r.Feed == e.Feed && r.Seq < e.Seq {
			return false // withdrawn before, by the same hand
		}
	}
	for _, p := range v.others {
		if !slices.ContainsFunc(v.acceptances, func(a *Entry) bool { return a.Member == p && slices.Contains(c.Acceptances, a.ID) }) {
			return false
		}
	}
	return true
}

// rule finds the version that holds, and marks those it came by; nil while none is confirmed.
func (t *thread) rule() (ruling *version) {
	for base := (protocol.EntryID{}); ; base = ruling.e.ID {
		var best *version
		for _, v := range t.versions {
			if v.confirmed == nil || v.base != base {
				continue
			}
			if best == nil || v.depth > best.depth || v.depth == best.depth && compareIDs(v.e.ID, best.e.ID) < 0 {
				best = v
			}
		}
		if best == nil {
			return ruling
		}
		best.held, ruling = true, best
	}
}

// settleVersions runs the machine of every version.
func (t *thread) settleVersions(out *Thread, ruling *version) {
	if ruling != nil {
		out.Ruling = ruling.e.ID
	}
	out.Versions = make([]Version, 0, len(t.versions))
	for _, v := range t.versions {
		v.ruling = out.Ruling
		s := Version{
			ID: v.e.ID, Number: v.e.Number, Writer: v.e.Member, Digest: v.e.Digest, On: record.DayOf(v.e.Time), Answer: v.answerBy(), Proposal: v.p,
			State: Phase(versions.run(v)),
		}
		if v.p.Replaces != nil {
			s.Replaces = *v.p.Replaces
		}
		s.Amends = v.base
		if v.confirmed != nil {
			s.Confirming = &v.confirmed.ID
		}
		for _, e := range v.words {
			w := Word{e.Member, e.ID, record.DayOf(e.Time)}
			if e.Kind == protocol.KindDecline {
				s.Declined = append(s.Declined, w)
			} else {
				s.Accepted = append(s.Accepted, w)
			}
		}
		for _, p := range v.others {
			if !slices.ContainsFunc(v.words, func(e *Entry) bool { return e.Member == p }) {
				s.Waiting = append(s.Waiting, p)
			}
		}
		out.Versions = append(out.Versions, s)
	}
}
