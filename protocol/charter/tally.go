package charter

import (
	"slices"
	"strings"

	"github.com/dure-net/dure/protocol"
)

// tally is what the electors have answered at one place.
type tally struct {
	place   Place
	base    *line
	voters  []string // handles, sorted
	need    int
	answers map[string][]Answer // by handle, verified, in order of signature
}

// Double is a member that has answered one place twice, differently. It is shown; no
// rule punishes it.
type Double struct {
	Member  string
	Place   Place
	Choices []protocol.BodyID // undefined: none of these
}

// tally counts the answers at a place whose base line and designation floors are
// known. Answers of a node that its root key or an act has cut are left out: a
// certificate that uses them would hold, but honest nodes do not make it.
func (f *Folder) tally(v *view, p Place, base *line, floors map[protocol.PublicKey]uint64) *tally {
	if t, ok := v.tallies[p]; ok {
		return t
	}
	t := &tally{place: p, base: base, voters: base.electors(p.By), need: base.need(p.By), answers: map[string][]Answer{}}
	v.tallies[p] = t
	voters := base.voters(p.By)
	for a := range f.answers[p] {
		handle, elector := voters[a.Root]
		if !elector || a.Designation < floors[a.Root] || v.isCut(a.Root, a.Node) || !f.court.signed(a) {
			continue
		}
		t.answers[handle] = append(t.answers[handle], a)
	}
	for _, list := range t.answers {
		slices.SortFunc(list, func(a, b Answer) int { return strings.Compare(string(a.Signature[:]), string(b.Signature[:])) })
	}
	return t
}

// isCut reports whether the root key that added it, a later one, or an act has cut the node key.
func (v *view) isCut(root, node protocol.PublicKey) bool {
	for _, s := range v.speakers(root) {
		if s.isCut(node) {
			return true
		}
	}
	if m, _, _ := v.owner(root); m != nil && m.cuts[node] > 0 {
		return true
	}
	return false
}

// choice is what a member's answers count as when a certificate or a closing is made:
// of several the decision with the lowest id, so that nodes that know the same answers
// make the same certificate, and a double answer does not jam the line.
func (t *tally) choice(handle string) (choice protocol.BodyID, answered bool) {
	for _, a := range t.answers[handle] {
		answered = true
		if a.Decision.Defined() && (choice.IsZero() || compareCID(a.Decision, choice) < 0) {
			choice = a.Decision
		}
	}
	return choice, answered
}

// double reports whether the member has given different answers.
func (t *tally) double(handle string) bool {
	list := t.answers[handle]
	return slices.ContainsFunc(list, func(a Answer) bool { return a.Decision != list[0].Decision })
}

// approval is the answer by which a member approves a decision, within day limits.
func (t *tally) approval(handle string, decision protocol.BodyID, after, until string) (Answer, bool) {
	if choice, ok := t.choice(handle); !ok || choice != decision {
		return Answer{}, false
	}
	for _, a := range t.answers[handle] {
		if a.Decision == decision && a.Day > after && (until == "" || a.Day <= until) {
			return a, true
		}
	}
	return Answer{}, false
}

// canClose reports whether no decision can win any more.
func (t *tally) canClose() bool {
	count, most, answered := map[protocol.BodyID]int{}, 0, 0
	for _, handle := range t.voters {
		choice, ok := t.choice(handle)
		if !ok {
			continue
		}
		answered++
		if choice.Defined() {
			count[choice]++
			most = max(most, count[choice])
		}
	}
	return most+len(t.voters)-answered < t.need
}

// doubleAnswers lists contradicting answers at every place whose electors are known,
// in order of place and member.
func (f *Folder) doubleAnswers(v *view) []Double {
	var out []Double
	for p, set := range f.answers {
		base := v.lineOf(p.Prev)
		if base == nil || base.ref.Number+1 != p.Number {
			continue
		}
		voters := base.voters(p.By)
		choices := map[string][]protocol.BodyID{}
		for a, from := range set {
			// What only a feed that does not stand says is not known everywhere.
			if !from.inside && !f.brought(State{v}, carried{protocol.KindAnswer, from.body}) {
				continue
			}
			if handle, ok := voters[a.Root]; ok && !slices.Contains(choices[handle], a.Decision) && f.court.signed(a) {
				choices[handle] = append(choices[handle], a.Decision)
			}
		}
		for handle, list := range choices {
			if len(list) > 1 {
				slices.SortFunc(list, compareCID)
				out = append(out, Double{handle, p, list})
			}
		}
	}
	slices.SortFunc(out, func(a, b Double) int {
		if c := comparePlaces(a.Place, b.Place); c != 0 {
			return c
		}
		return strings.Compare(a.Member, b.Member)
	})
	return out
}

// lineOf is the line after an act, on the line or not; nil for an act not certified.
func (v *view) lineOf(id protocol.ActID) *line {
	if id == v.federation {
		return v.tree.root
	}
	if a, ok := v.tree.acts[id]; ok {
		return a.line
	}
	return nil
}

// floorsOf are the designation floors along an act's leading certificate.
func (v *view) floorsOf(id protocol.ActID) map[protocol.PublicKey]uint64 {
	if a, ok := v.tree.acts[id]; ok {
		return a.certs[0].floors
	}
	return nil
}

// round is the round that is open at a place: the one after the last that is closed.
func (v *view) round(number uint64, prev protocol.ActID, by By) Place {
	p := Place{number, 0, prev, by}
	for {
		if _, closed := v.closings[p]; !closed {
			return p
		}
		p.Round++
	}
}

func comparePlaces(a, b Place) int {
	switch {
	case a.Number != b.Number:
		if a.Number < b.Number {
			return -1
		}
		return 1
	case a.Prev != b.Prev:
		return compareCID(a.Prev, b.Prev)
	case a.By != b.By:
		return strings.Compare(string(a.By), string(b.By))
	case a.Round < b.Round:
		return -1
	case a.Round > b.Round:
		return 1
	}
	return 0
}

// Doubles lists members that have answered one place differently.
func (s State) Doubles() []Double { return slices.Clone(s.v.doubles) }
