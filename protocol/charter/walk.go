package charter

import (
	"slices"
	"strings"

	"github.com/dure-net/dure/protocol"
)

// act is a decision with the certificates that make it an act; several certificates
// of one decision say the same.
type act struct {
	id       protocol.ActID
	decision Decision
	line     *line
	certs    []*certified // in order of their ids
	round    uint64       // the highest round in which it is certified
}

// tree is all certified acts, on the line or not.
type tree struct {
	root     *line
	acts     map[protocol.ActID]*act
	children map[protocol.ActID][]*act // by the act before, in order of ids
}

// grow judges every certificate and orders the acts.
func (c *court) grow() *tree {
	t := &tree{root: c.root, acts: map[protocol.ActID]*act{}, children: map[protocol.ActID][]*act{}}
	for id := range c.certs {
		got, j := c.certificate(id)
		if j != valid {
			continue
		}
		a := t.acts[got.act()]
		if a == nil {
			a = &act{id: got.act(), decision: got.decision, line: got.line}
			t.acts[a.id] = a
			t.children[a.decision.Prev] = append(t.children[a.decision.Prev], a)
		}
		a.certs = append(a.certs, got)
		a.round = max(a.round, got.cert.Round)
	}
	for _, a := range t.acts {
		slices.SortFunc(a.certs, func(x, y *certified) int { return compareCID(x.id, y.id) })
	}
	for _, siblings := range t.children {
		slices.SortFunc(siblings, func(x, y *act) int { return compareCID(x.id, y.id) })
	}
	return t
}

// next chooses among the acts that follow one state. An act of the electors that the
// assembly has built on comes first, then an act of the assembly, of these the highest
// round, then an act of the electors. It returns the act, or those that contradict
// each other, or nothing.
func (t *tree) next(l *line) (*act, []*act) {
	var assembly, electors []*act
	for _, a := range t.children[l.ref.ID] {
		switch {
		case a.decision.By == ByElectors:
			electors = append(electors, a)
		case len(assembly) > 0 && a.round < assembly[0].round:
		case len(assembly) > 0 && a.round > assembly[0].round:
			assembly = []*act{a}
		default:
			assembly = append(assembly, a)
		}
	}
	rivals := electors
	if len(electors)+len(assembly) > 1 {
		var accepted []*act
		for _, a := range electors {
			if t.accepted(l, a) {
				accepted = append(accepted, a)
			}
		}
		switch {
		case len(accepted) > 0:
			rivals = accepted
		case len(assembly) > 0:
			rivals = assembly
		}
	} else if len(assembly) > 0 {
		rivals = assembly
	}
	switch len(rivals) {
	case 0:
		return nil, nil
	case 1:
		return rivals[0], nil
	}
	return nil, rivals
}

// accepted reports whether an act of the assembly is certified anywhere on top of a,
// among whose approvers are enough full members of the state before a: by building on
// a, the assembly of that state has accepted it, and cannot overrule it any more.
func (t *tree) accepted(before *line, a *act) bool {
	for _, child := range t.children[a.id] {
		if child.decision.By == ByAssembly {
			for _, c := range child.certs {
				if before.carriedBy(c) {
					return true
				}
			}
		}
		if t.accepted(before, child) {
			return true
		}
	}
	return false
}

// carriedBy reports whether a certificate's approvers make up the assembly of l. A
// member counts by any root key it has, because it may have been rebound since.
func (l *line) carriedBy(c *certified) bool {
	full, n := l.full(), 0
	for _, handle := range full {
		if m, ok := c.base.members[handle]; ok && m.roots[0].key == l.members[handle].roots[0].key && slices.Contains(c.approvers, handle) {
			n++
		}
	}
	return n >= l.need(ByAssembly)
}

// walk is the line from a state on: the acts in order, and what contradicts at its end.
func (t *tree) walk(from *line) (path []*act, rivals []*act) {
	for {
		a, rivals := t.next(from)
		if a == nil {
			return path, rivals
		}
		path = append(path, a)
		from = a.line
	}
}

// tips are the ends of contradicting branches, in order of the branches: what each
// side says of members while the line is halted.
func (t *tree) tips(rivals []*act) []*line {
	var out []*line
	for _, a := range rivals {
		end := a.line
		path, more := t.walk(end)
		if len(path) > 0 {
			end = path[len(path)-1].line
		}
		out = append(out, end)
		out = append(out, t.tips(more)...)
	}
	return out
}

func compareCID(a, b protocol.CID) int { return strings.Compare(a.KeyString(), b.KeyString()) }
