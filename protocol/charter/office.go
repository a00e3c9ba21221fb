package charter

import (
	"slices"

	"github.com/dure-net/dure/protocol"
)

// Unflagging is an act's word that a record is not to be folded away: flags of it that the
// secretariat wrote before it knew the act stand no more. Whether the entry is a record's,
// and whether it was flagged, is for its holder to see.
type Unflagging struct {
	Entry protocol.EntryID
	Why   protocol.Text
	Act   protocol.ActRef
}

// Unflaggings lists what acts have ordered not to be folded away, oldest first.
func (s State) Unflaggings() []Unflagging { return slices.Clone(s.v.line.unflaggings) }

// Held reports whether a member held an office, and was not suspended, when an act was the
// last one. It is how an entry of an office is judged, by the act that its header names:
// whoever loses the office later was right to write it. An act that does not stand, or is
// not known here yet, gives nobody anything.
func (s State) Held(at protocol.ActRef, office protocol.Office, handle string) bool {
	l := s.v.tree.root
	switch n := uint64(len(s.v.path)); {
	case at.Number > n:
		return false
	case at.Number > 0:
		l = s.v.path[at.Number-1].line
	}
	if l.ref != at {
		return false
	}
	m, ok := l.members[handle]
	return ok && m.status == StatusMember && l.holds(office, handle)
}
