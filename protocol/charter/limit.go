package charter

import (
	"math"

	"github.com/dure-net/dure/protocol"
)

// Unlimited is the Count of a feed that nothing ends.
const Unlimited = math.MaxUint64

// Limit says whose feed it is and how far it may stand. A reader that holds a chain of
// the feed applies it thus: when Head is undefined, min(held, Count) entries stand;
// when the entry at Count-1 is held and is Head, Count entries; otherwise min(held,
// Below), because the chain held may be a branch that was not chosen.
type Limit struct {
	Member string // the owner's handle; empty if the root key is no member's
	Status Status // the owner's; a suspended member's feeds go on and are marked
	Count  uint64
	Head   protocol.EntryID
	Below  uint64
	Fork   uint64          // 1 + the lowest seq proven forked and not settled; 0 = none, as in protocol.Standing
	Void   bool            // nothing stands and nothing of it is admitted
	Reason protocol.Reason // why the feed ends; ReasonNone while it goes on

	Contested bool // the line is halted and only one of its branches knows the member
}

// Open reports whether the feed's node may go on writing in it.
func (l Limit) Open() bool { return !l.Void && l.Count == Unlimited && l.Fork == 0 }

// Stands is how many of the first held entries stand, given the id of the entry at
// position Count-1 if it is held.
func (l Limit) Stands(held uint64, at protocol.EntryID) uint64 {
	switch {
	case l.Void:
		return 0
	case l.Head.IsZero():
		return min(held, l.Count)
	case held >= l.Count && at == l.Head:
		return l.Count
	}
	return min(held, l.Below)
}

// Limit judges a feed by what its inception says. Acts come before root statements,
// and the last act that lists a feed rules; among root statements the lowest cut; a
// proven fork ends a feed unless one of them has chosen a branch beyond it. The root
// key that added a node speaks for it, and so does every key that replaced it.
func (s State) Limit(feed protocol.FeedID, root, node protocol.PublicKey) Limit {
	m, contested, reason := s.v.owner(root)
	if m == nil {
		return Limit{Void: true, Reason: reason}
	}
	l := Limit{Member: m.facts.Handle, Status: m.status, Contested: contested, Count: Unlimited}
	if m.status == StatusRemoved {
		l.Reason = protocol.ReasonNotMember
	}
	fork, forked := s.v.forks.get(feed)

	closed := m.cuts[node]
	for _, r := range m.roots {
		if r.key == root {
			closed = max(closed, r.ended)
		}
	}
	if m.status == StatusRemoved {
		closed = max(closed, m.changed.Number)
	}
	if st, ok := m.stands[feed]; ok && st.act >= closed {
		return l.end(st.stand, fork, forked)
	}
	if closed > 0 {
		return l.void()
	}

	named, void := s.v.named(root, feed, node)
	switch {
	case void:
		return l.void()
	case len(named) > 0:
		return l.endAt(named, fork, forked)
	case forked:
		l.Count, l.Fork, l.Reason = fork, fork+1, protocol.ReasonFork
	}
	return l
}

func (l Limit) void() Limit {
	l.Void, l.Count = true, 0
	if l.Reason == protocol.ReasonNone {
		l.Reason = protocol.ReasonSetAside
	}
	return l
}

// end ends the feed where one chosen branch says.
func (l Limit) end(st protocol.Stand, fork uint64, forked bool) Limit {
	if st.Count == 0 {
		return l.void()
	}
	l.Count, l.Head, l.Below = st.Count, st.Head, st.Count-1
	if forked {
		l.Below = min(l.Below, fork)
	}
	if l.Reason == protocol.ReasonNone {
		l.Reason = protocol.ReasonSetAside
	}
	return l
}

// endAt ends the feed where a root key's statements say, lowest first. Two different
// ends beyond a proven fork may lie on different branches, and two heads for one count
// certainly do: then the feed is frozen below them until an act settles it.
func (l Limit) endAt(named []protocol.Stand, fork uint64, forked bool) Limit {
	beyond := 0
	for _, st := range named {
		if forked && st.Count > fork {
			beyond++
		}
	}
	lowest := named[0]
	twoHeads := len(named) > 1 && named[1].Count == lowest.Count
	if !twoHeads && (beyond < 2 || lowest.Count <= fork) {
		return l.end(lowest, fork, forked)
	}
	l.Count, l.Reason = lowest.Count-1, protocol.ReasonFork
	if forked {
		l.Count, l.Fork = min(l.Count, fork), fork+1
	}
	return l
}

// owner finds the member of a root key: on the line, or while the line is halted on
// one of the contradicting branches, because a halt throws nobody out. reason says
// why there is none.
func (v *view) owner(root protocol.PublicKey) (m *member, contested bool, reason protocol.Reason) {
	if handle, ok := v.line.roots[root]; ok {
		return v.line.members[handle], false, protocol.ReasonNone
	}
	for _, tip := range v.tips {
		if handle, ok := tip.roots[root]; ok {
			return tip.members[handle], true, protocol.ReasonNone
		}
	}
	for _, a := range v.tree.acts {
		if _, ok := a.line.roots[root]; ok {
			return nil, false, protocol.ReasonStale
		}
	}
	return nil, false, protocol.ReasonUnknownMember
}
