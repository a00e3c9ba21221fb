package charter

import (
	"slices"

	"github.com/dure-net/dure/protocol"
)

// Carry is a governance body that the state rests on and that no standing entry
// brings any more: a node that has it writes it again in its own feed, so that a cut
// or removal, or an act that never reached the author's node, cannot take it away
// from nodes that come later.
type Carry struct {
	Kind protocol.Kind
	Body protocol.BodyID
}

// Uncarried lists such bodies, in order of kind and id: decisions, certificates and
// closings of acts on the line and of a halt's branches, statements of members' root
// keys, fork evidence of members' feeds, decisions that can be answered, and electors'
// answers to them: an answer given in a branch that was not chosen is given all the same.
// It looks at every one of them, so it is not part of a State, of which there is one for
// every entry.
func (f *Folder) Uncarried() []Carry {
	s := f.State()
	v := s.v
	need := map[carried]bool{}
	var closing func(id protocol.BodyID)
	certificate := func(c *certified) {
		need[carried{protocol.KindCertificate, c.id}] = true
		need[carried{protocol.KindDecision, c.act()}] = true
		closing(c.cert.Closing)
	}
	closing = func(id protocol.BodyID) {
		r, ok := f.court.rounds[id]
		if !ok || need[carried{protocol.KindRound, id}] {
			return
		}
		need[carried{protocol.KindRound, id}] = true
		closing(r.Closing)
		for _, c := range r.Conflict {
			if got, j := f.court.certificate(c); j == valid {
				certificate(got)
			}
		}
	}
	chain := func(a *act) {
		certificate(a.certs[0])
		if on, j := f.court.certificate(a.decision.Cert); j == valid {
			certificate(on) // the next decision may name another certificate than the lowest
		}
	}
	for _, a := range v.path {
		chain(a)
	}
	for _, a := range v.rivals {
		chain(a)
	}
	for _, tip := range v.tips {
		for l := tip; l != nil && l.ref.ID != v.line.ref.ID; l = v.lineOf(l.prev) {
			if a := v.tree.acts[l.ref.ID]; a != nil {
				chain(a)
			}
		}
	}
	for id, root := range f.statements {
		if m, _, _ := v.owner(root); m != nil {
			need[carried{protocol.KindStatement, id}] = true
		}
	}
	for id, feed := range f.evidence {
		in, known := v.inceptions.get(feed)
		if m, _, _ := v.owner(in.root); known && m != nil {
			need[carried{protocol.KindForkEvidence, id}] = true
		}
	}
	for _, t := range v.tabled {
		if t.Condition == ConditionOpen {
			need[carried{protocol.KindDecision, t.ID}] = true
		}
	}
	for _, by := range []By{ByElectors, ByAssembly} {
		t := v.tallies[s.Place(by)]
		if t == nil {
			continue
		}
		for _, list := range t.answers {
			for _, a := range list {
				if from := f.answers[t.place][a]; from.body.Defined() && !from.inside {
					need[carried{protocol.KindAnswer, from.body}] = true
				}
			}
		}
	}
	var out []Carry
	for key := range need {
		if !f.brought(s, key) {
			out = append(out, Carry{key.kind, key.body})
		}
	}
	slices.SortFunc(out, func(a, b Carry) int {
		if a.Kind != b.Kind {
			return int(a.Kind) - int(b.Kind)
		}
		return compareCID(a.Body, b.Body)
	})
	return out
}

// brought reports whether an entry that stands brings a body.
func (f *Folder) brought(s State, key carried) bool {
	return slices.ContainsFunc(f.carriers[key], func(c carrier) bool { return s.stands(c) })
}

// stands reports whether an entry of a feed stands, as far as the fold can see: it
// does not hold the chain, so what lies beyond a proven fork does not count.
func (s State) stands(c carrier) bool {
	in, known := s.v.inceptions.get(c.feed)
	if !known {
		return false
	}
	if seq, forked := s.v.forks.get(c.feed); forked && c.seq >= seq {
		return false
	}
	l := s.Limit(c.feed, in.root, in.node)
	return !l.Void && c.seq < l.Count
}
