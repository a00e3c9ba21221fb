package index

import (
	"cmp"
	"slices"

	"github.com/dure-net/dure/protocol"
)

// Role is what an entry is in the history of its record. Append only.
type Role string

const (
	RoleCurrent    Role = "current"
	RoleSuperseded Role = "superseded" // another version builds on it
	RoleRival      Role = "rival"      // nothing builds on it, and another won
	RoleWithdrawal Role = "withdrawal"
	RoleErasure    Role = "erasure"
	RoleSetAside   Role = "set_aside" // does not count: not the owner's, beyond a cut, or of another kind
)

// Step is one entry of a record's history.
type Step struct {
	Place
	Kind   protocol.Kind
	Role   Role
	Builds protocol.EntryID // the version it builds on; undefined for the first entry
	Erased bool             // its body is erased
}

// History lists every entry about a record that counts, newest arrival first; nil where
// the record does not count. The slice is the caller's.
func (x *Index) History(id protocol.RecordID) []Step {
	x.mu.RLock()
	defer x.mu.RUnlock()
	d := id.Digest()
	no, ok := x.recordNo.find(x.hash(d), func(i uint32) bool { return x.records.at(i).id == d })
	if !ok || x.records.at(no).flags&flagKnown == 0 {
		return nil
	}
	r := *x.records.at(no) // a copy: the list is read under the lock for reading
	if x.resolve(&r); r.flags&flagStands == 0 {
		return nil
	}
	superseded, seen, erasures := map[digest]bool{}, map[digest]bool{}, false
	for i := r.change; i != 0; i = x.changes.at(i - 1).next {
		c := x.changes.at(i - 1)
		if x.counts(&r, c) {
			superseded[c.parent] = superseded[c.parent] || c.kind == r.kind
			erasures = erasures || c.kind == protocol.KindErasure
		}
	}
	current := x.version(&r).id
	role := func(id digest, first bool) Role {
		switch {
		case id == current:
			return RoleCurrent
		case first || superseded[id]:
			return RoleSuperseded
		}
		return RoleRival
	}
	steps := []Step{{Place: x.placeOf(&r.place), Kind: r.kind, Role: role(r.id, true), Erased: x.isErased(&r, r.id, erasures)}}
	for i := r.change; i != 0; i = x.changes.at(i - 1).next {
		c := x.changes.at(i - 1)
		if seen[c.id] {
			continue // an erasure of several bodies
		}
		seen[c.id] = true
		s := Step{Place: x.placeOf(&c.place), Kind: c.kind}
		if c.parent != (digest{}) {
			s.Builds = cidOf(c.parent)
		}
		switch {
		case !x.counts(&r, c) || c.kind.IsRecord() && c.kind != r.kind:
			s.Role = RoleSetAside
		case c.kind == protocol.KindErasure:
			s.Role = RoleErasure
		case c.kind == protocol.KindWithdraw:
			s.Role = RoleWithdrawal
		default:
			s.Role, s.Erased = role(c.id, false), x.isErased(&r, c.id, erasures)
		}
		steps = append(steps, s)
	}
	slices.SortFunc(steps, func(a, b Step) int { return cmp.Compare(b.Seq, a.Seq) })
	return steps
}
