package remark

import (
	"slices"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// notice judges a notice itself, and says who has acknowledged it.
func (f *fold) notice() {
	n, ok := f.about.Body.(*record.Notice)
	if f.about.Kind != protocol.KindNotice || !ok {
		return
	}
	out := &Notice{Wanted: n.AckWanted, Addressed: []string{}, Acknowledged: []Words{}, Missing: []string{}}
	holds := true
	if offices := n.Offices(); offices != nil {
		for _, o := range offices {
			out.Offices = append(out.Offices, string(o))
		}
		holds = f.charter.holdsAny(f.about.Act, offices, f.about.Owner)
	}
	plain := *n
	plain.Urgent = false
	out.Unofficial = !holds && plain.NeedsOffice()
	if n.Urgent {
		switch {
		case !holds:
			out.NotUrgent = "no_office"
		case !urgent(f.about):
			out.NotUrgent = "too_many"
		default:
			out.Urgent = true
		}
	}
	seen := map[string]bool{}
	for _, s := range f.kinds[protocol.KindAcknowledgement] {
		a, ok := s.Body.(*record.Acknowledgement)
		switch {
		case !ok:
			f.aside(s, WhyAbsent)
		case len(a.Received) > 0 || a.Closes:
			if n.Category != "call" {
				f.aside(s, WhyNoFit)
			} else if s.Member != f.about.Owner {
				f.aside(s, WhyNotOwner)
			}
		case s.Member == f.about.Owner:
			f.aside(s, WhyOwn)
		case seen[s.Member]:
			f.aside(s, WhyReplaced)
		default:
			seen[s.Member] = true
			out.Acknowledged = append(out.Acknowledged, words(s, record.Base{}, nil))
		}
	}
	for _, m := range f.charter.Members {
		if m.Handle != f.about.Owner && addressed(n, m) {
			out.Addressed = append(out.Addressed, m.Handle)
			if !seen[m.Handle] {
				out.Missing = append(out.Missing, m.Handle)
			}
		}
	}
	slices.Sort(out.Addressed)
	slices.Sort(out.Missing)
	f.view.Notice = out
}

func addressed(n *record.Notice, m Member) bool {
	switch n.Audience {
	case "full":
		return m.Full
	case "college":
		return m.College != "" && slices.Contains(n.AudienceList, m.College)
	case "continent":
		return slices.Contains(n.AudienceList, record.Continent(m.Country))
	case "members":
		return slices.Contains(n.AudienceList, m.Handle)
	}
	return true
}

// call shows the answers to a call, one of each member, and which came in time.
func (f *fold) call() {
	n, ok := f.about.Body.(*record.Notice)
	if f.about.Kind != protocol.KindNotice || !ok || n.Category != "call" {
		return
	}
	out := &Call{LastDay: n.LastDay(), Passed: f.view.AsOf > n.LastDay(), Answers: []Answer{}}
	received, closed := f.receipts()
	if closed > 0 {
		t := at(closed)
		out.Closed = &t
	}
	groups := map[string][]Said{}
	for _, s := range f.notOwn(f.standing(protocol.KindSubmission)) {
		groups[s.Member] = append(groups[s.Member], s)
	}
	for _, list := range groups {
		state := "sent"
		in := slices.DeleteFunc(slices.Clone(list), func(s Said) bool { return !received[s.Entry] })
		switch {
		case closed > 0 && len(in) > 0: // what came in time is not undone by what came late
			state = "received"
		case closed > 0:
			in, state = list, "late"
		default:
			in = list
		}
		best := latest(in)
		if closed == 0 && received[best.Entry] {
			state = "received"
		}
		for _, s := range list {
			switch {
			case s.Entry == best.Entry:
				f.answer(out, s, state)
			case closed > 0 && state == "received" && !received[s.Entry]:
				f.answer(out, s, "late")
			default:
				f.aside(s, WhyReplaced)
			}
		}
	}
	slices.SortFunc(out.Answers, func(a, b Answer) int {
		if c := a.Time.Compare(b.Time); c != 0 {
			return c
		}
		return compareText(a.ID, b.ID)
	})
	f.view.Call = out
}

func compareText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (f *fold) answer(out *Call, s Said, state string) {
	b, ok := s.Body.(*record.Submission)
	if !ok {
		f.aside(s, WhyAbsent)
		return
	}
	one := Answer{Words: words(s, b.Base, b.Text), State: state, Attachments: b.Attachments}
	for _, id := range b.Records {
		one.Records = append(one.Records, id.String())
	}
	out.Answers = append(out.Answers, one)
}

// receipts gathers what the owner says that it received in time, and when it closed the
// call, by its own claim; 0 while it has not. An acknowledgement follows the closing one
// when it comes after it in one feed, or names it.
func (f *fold) receipts() (received map[protocol.EntryID]bool, closed int64) {
	var own []Said
	first, closing := map[protocol.FeedID]uint64{}, map[protocol.EntryID]bool{}
	for _, s := range f.kinds[protocol.KindAcknowledgement] {
		a, ok := s.Body.(*record.Acknowledgement)
		if !ok || s.Member != f.about.Owner {
			continue
		}
		own = append(own, s)
		if a.Closes {
			closing[s.Entry] = true
			if seq, ok := first[s.Feed]; !ok || s.Seq < seq {
				first[s.Feed] = s.Seq
			}
			if closed == 0 || s.Time < closed {
				closed = max(s.Time, 1)
			}
		}
	}
	received = map[protocol.EntryID]bool{}
	for _, s := range own {
		seq, any := first[s.Feed]
		if any && s.Seq > seq || slices.ContainsFunc(s.Refs, func(id protocol.CID) bool { return closing[id] }) {
			continue
		}
		for _, id := range s.Body.(*record.Acknowledgement).Received {
			received[id] = true
		}
	}
	return received, closed
}

// flags shows every flag of the secretariat and what lifted it.
func (f *fold) flags() {
	secretariat := []protocol.Office{protocol.OfficeSecretariat}
	lifts, flagged := map[protocol.EntryID]Said{}, map[protocol.EntryID]bool{}
	var flags []Said
	for _, s := range f.kinds[protocol.KindFlag] {
		if b, ok := s.Body.(*record.Flag); ok && b.Step == "flag" {
			flagged[s.Entry] = true
		}
	}
	for _, s := range f.kinds[protocol.KindFlag] {
		b, ok := s.Body.(*record.Flag)
		switch {
		case !ok:
			f.aside(s, WhyAbsent)
		case !f.charter.holdsAny(s.Act, secretariat, s.Member):
			f.aside(s, WhyNoOffice)
		case b.Step == "flag":
			flags = append(flags, s)
		default:
			f.lift(lifts, flagged, s)
		}
	}
	for _, s := range flags {
		b := s.Body.(*record.Flag)
		one := Flag{Words: words(s, b.Base, b.Text), Reason: b.Reason}
		if lift, ok := lifts[s.Entry]; ok {
			said := lift.Body.(*record.Flag)
			one.Lifted = &Lift{Words: words(lift, said.Base, said.Text)}
		} else if act, ok := f.liftedBy(s.Act.Number); ok {
			one.Lifted = &Lift{Words: Words{Time: time.Time{}}, Act: act}
		}
		f.view.Count.Flagged = f.view.Count.Flagged || one.Lifted == nil
		f.view.Flags = append(f.view.Flags, one)
	}
}

// lift notes which flags an entry lifts; of several that lift one, the first in order is shown.
func (f *fold) lift(lifts map[protocol.EntryID]Said, flagged map[protocol.EntryID]bool, s Said) {
	lifted := false
	for _, id := range s.Refs {
		if _, ok := lifts[id]; !ok && flagged[id] {
			lifts[id] = s
		}
		lifted = lifted || flagged[id]
	}
	if !lifted {
		f.aside(s, WhyNothing)
	}
}

// liftedBy is the first act that lifts a flag written when act number known was the last.
func (f *fold) liftedBy(known uint64) (act uint64, ok bool) {
	for _, n := range f.charter.Lifts {
		if n > known && (!ok || n < act) {
			act, ok = n, true
		}
	}
	return act, ok
}
