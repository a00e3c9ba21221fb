package charter

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/dure-net/dure/protocol"
)

// Draft is what a writer says of a decision; NewDecision adds what the state says.
type Draft struct {
	By      By
	After   protocol.ActID // the act it follows; undefined: the last one. The assembly may name an earlier act, or one on a branch of a halted line
	Title   protocol.Text
	Reason  protocol.Text
	Changes []Change
}

// NewDecision makes a decision that could become an act: it follows the line and
// breaks no rule. ReasonInvalid names the rule in Args["why"] and the change in Field;
// ReasonStale: it cannot follow that act; ReasonConflict: the line is halted and only
// the assembly can decide. The caller writes Body(decision) as a KindDecision entry.
func NewDecision(s State, draft Draft) (Decision, error) {
	after := draft.After
	if after.IsZero() {
		after = s.v.line.ref.ID
	}
	base := s.v.lineOf(after)
	switch {
	case base == nil:
		return Decision{}, protocol.Fail(protocol.ReasonNotFound, "make decision", nil)
	case draft.By == ByElectors && base != s.v.line, draft.By == ByAssembly && s.v.settled(base):
		return Decision{}, protocol.Fail(protocol.ReasonStale, "make decision", nil)
	case draft.By == ByElectors && len(s.v.rivals) > 0:
		return Decision{}, protocol.Fail(protocol.ReasonConflict, "make decision", nil)
	}
	d := Decision{Number: base.ref.Number + 1, Prev: after, By: draft.By, Title: draft.Title, Reason: draft.Reason, Changes: draft.Changes}
	if a, ok := s.v.tree.acts[after]; ok {
		d.Cert = a.certs[0].id
	}
	if err := d.check(); err != nil {
		return Decision{}, err
	}
	_, id, err := Body(d)
	if err != nil {
		return Decision{}, err
	}
	if _, fault := base.apply(d, id); !fault.OK() {
		return Decision{}, fault.err("make decision")
	}
	return d, nil
}

// err is the fault as an error.
func (f Fault) err(op string) error {
	e := &protocol.Error{Reason: protocol.ReasonInvalid, Op: op, Args: map[string]string{"why": string(f.Why)}}
	if f.Change >= 0 {
		e.Field = fmt.Sprintf("changes[%d]", f.Change)
	}
	for k, v := range f.Args {
		e.Args[k] = v
	}
	return e
}

// SignAnswer answers a place with one decision, or with none of these when choice is
// undefined. It refuses what an honest elector does not sign:
//
//   - ReasonNotElector: the node governs no elector; ReasonNotGoverning: it is not the
//     governing node, or another has been designated since
//   - ReasonKnown: the member has given this answer; ReasonConflict: it has given
//     another one, or the line is halted, or (Args["why"] "objected") the living old
//     root key objects to its replacement
//   - ReasonStale: the place or the decision is past; ReasonInvalid: the decision
//     breaks a rule, or (Args["why"] "waiting_time") the day is not one on which it
//     can be approved; ReasonWanted, ReasonNotFound: it is not complete or not known
//
// The state must include everything the node itself has written.
func SignAnswer(s State, p Place, choice protocol.BodyID, node protocol.PrivateKey, day string) (Answer, error) {
	fail := func(r protocol.Reason, args ...string) (Answer, error) {
		e := &protocol.Error{Reason: r, Op: "sign answer", Args: map[string]string{}}
		for i := 0; i+1 < len(args); i += 2 {
			e.Args[args[i]] = args[i+1]
		}
		return Answer{}, e
	}
	if !isDay(day) {
		return Answer{}, malformed("day", "want a day as YYYY-MM-DD")
	}
	t, ok := s.v.tallies[p]
	switch {
	case !ok || p != s.v.round(p.Number, p.Prev, p.By):
		return fail(protocol.ReasonStale)
	case p.By == ByElectors && len(s.v.rivals) > 0:
		return fail(protocol.ReasonConflict, "why", string(ConditionHalted))
	}
	handle, said, reason := s.v.answering(t, node.Public())
	if reason != protocol.ReasonNone {
		return fail(reason)
	}
	given, answered := t.choice(handle)
	switch {
	case answered && (given != choice || t.double(handle)):
		return fail(protocol.ReasonConflict, "why", "answered")
	case answered && choice.IsZero():
		return fail(protocol.ReasonKnown)
	}
	if choice.Defined() {
		d, ok := s.Decision(choice)
		if !ok {
			return fail(protocol.ReasonNotFound)
		}
		switch d.Condition {
		case ConditionOpen:
		case ConditionInvalid:
			return Answer{}, d.Fault.err("sign answer")
		case ConditionWaiting:
			return fail(protocol.ReasonWanted)
		case ConditionHalted:
			return fail(protocol.ReasonConflict, "why", string(ConditionHalted))
		default:
			return fail(protocol.ReasonStale)
		}
		after, until := t.base.dayLimits(d.Decision)
		_, counts := t.approval(handle, choice, after, until)
		switch {
		case d.Place != p:
			return fail(protocol.ReasonStale)
		case counts:
			return fail(protocol.ReasonKnown) // the same answer, of a day that did not count, may be given again
		case d.Objected:
			return fail(protocol.ReasonConflict, "why", string(WhyObjected))
		case day <= after || (until != "" && day > until):
			return fail(protocol.ReasonInvalid, "why", string(WhyWaitingTime), "after", after, "until", until)
		case said.Number < d.floors[said.Root]:
			return fail(protocol.ReasonNotGoverning)
		}
	}
	return Answer{Number: p.Number, Round: p.Round, Prev: p.Prev, By: p.By, Decision: choice, Approval: Approval{
		Root: said.Root, Node: said.Node, Designation: said.Number, Designated: said.Signature, Day: day,
	}}.sign(s.v.federation, node)
}

// answering finds the elector for which a node key governs.
func (v *view) answering(t *tally, node protocol.PublicKey) (handle string, said protocol.Statement, reason protocol.Reason) {
	floors := v.floorsOf(t.place.Prev)
	reason = protocol.ReasonNotElector
	for _, h := range t.voters {
		st, ok := v.governing(t.base.members[h])
		if ok && st.Node == node && st.Number >= floors[st.Root] {
			return h, st, protocol.ReasonNone
		}
		for _, n := range v.nodes(t.base.members[h].facts.Root) {
			if n.Key == node {
				reason = protocol.ReasonNotGoverning
			}
		}
	}
	return "", protocol.Statement{}, reason
}

// Certify gathers the approvals of an open decision into a certificate, when there
// are enough. Anybody may; nodes that know the same answers make the same bytes.
func Certify(s State, decision protocol.ActID) (Certificate, bool) {
	d, ok := s.Decision(decision)
	if !ok || !d.Enough() || (d.Objected && d.Place.By == ByElectors) {
		return Certificate{}, false
	}
	t := s.v.tallies[d.Place]
	after, until := t.base.dayLimits(d.Decision)
	c := Certificate{Decision: decision, Round: d.Place.Round, Closing: s.v.closing(d.Place)}
	for _, handle := range d.Approved {
		if a, ok := t.approval(handle, decision, after, until); ok {
			c.Approvals = append(c.Approvals, a.Approval)
		}
	}
	slices.SortFunc(c.Approvals, func(a, b Approval) int { return bytes.Compare(a.Root[:], b.Root[:]) })
	if len(c.Approvals) > protocol.MaxElectors {
		c.Approvals = c.Approvals[:protocol.MaxElectors]
	}
	return c, len(c.Approvals) >= d.Need
}

// closing is the Round that opened a place's round; undefined for round 0.
func (v *view) closing(p Place) protocol.BodyID {
	if p.Round == 0 {
		return protocol.BodyID{}
	}
	p.Round--
	return v.closings[p]
}

// CloseRound closes the open round of a place when no decision can win it any more,
// or, for the assembly, when two of its certificates contradict each other.
func CloseRound(s State, p Place) (Round, bool) {
	t, ok := s.v.tallies[p]
	if !ok || p != s.v.round(p.Number, p.Prev, p.By) {
		return Round{}, false
	}
	r := Round{Number: p.Number, Round: p.Round, Prev: p.Prev, By: p.By, Closing: s.v.closing(p)}
	if a, ok := s.v.tree.acts[p.Prev]; ok {
		r.Cert = a.certs[0].id
	}
	if r.Conflict = s.v.conflict(p); len(r.Conflict) > 0 {
		return r, true
	}
	if !t.canClose() || (p.By == ByElectors && len(s.v.rivals) > 0) {
		return Round{}, false
	}
	for _, handle := range t.voters {
		choice, answered := t.choice(handle)
		if !answered {
			continue
		}
		i := slices.IndexFunc(t.answers[handle], func(a Answer) bool { return a.Decision == choice })
		r.Answers = append(r.Answers, Choice{choice, t.answers[handle][i].Approval})
	}
	slices.SortFunc(r.Answers, func(a, b Choice) int { return bytes.Compare(a.Root[:], b.Root[:]) })
	return r, len(r.Answers) <= protocol.MaxElectors
}

// conflict names two contradicting certificates of the assembly at a place.
func (v *view) conflict(p Place) []protocol.BodyID {
	if p.By != ByAssembly || len(v.rivals) < 2 || v.rivals[0].decision.By != ByAssembly || p.Prev != v.line.ref.ID {
		return nil
	}
	var out []protocol.BodyID
	for _, a := range v.rivals {
		i := slices.IndexFunc(a.certs, func(c *certified) bool { return c.cert.Round == p.Round })
		if i >= 0 && len(out) < 2 {
			out = append(out, a.certs[i].id)
		}
	}
	if len(out) < 2 {
		return nil
	}
	slices.SortFunc(out, compareCID)
	return out
}
