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
	Role   Role
	Builds protocol.EntryID // the version it builds on; undefined for the first entry
	Erased bool             // its body is erased
}

// History lists every entry about a record that counts, newest arrival first; nil where
// the record does not count. The slice is the caller's.
func (x *Index) History(id protocol.RecordID) (steps []Step, err error) {
	err = x.read("read history", func(c *conn) error {
		local, ok, err := c.firstByDigest(id.Digest())
		if err != nil || !ok {
			return err
		}
		t, ok, err := c.threadOf(local)
		if err != nil || !ok {
			return err
		}
		steps = t.history()
		return nil
	})
	return steps, err
}

func (t *thread) history() []Step {
	r, ok := t.resolve()
	if !ok {
		return nil
	}
	superseded := map[digest]bool{}
	for i := range t.changes {
		if c := &t.changes[i]; t.counts(c) && c.kind == t.kind {
			superseded[c.builds()] = true
		}
	}
	role := func(e *entry, first bool) Role {
		switch {
		case e.id == r.current.id:
			return RoleCurrent
		case first || superseded[e.id]:
			return RoleSuperseded
		}
		return RoleRival
	}
	steps := []Step{{Place: t.place(), Role: role(&t.entry, true), Erased: t.isErased(&t.entry)}}
	for i := range t.changes {
		c := &t.changes[i]
		s := Step{Place: c.place()}
		if len(c.refs) > 0 {
			s.Builds = cidOf(c.refs[0])
		}
		switch {
		case !t.counts(c) || c.kind.IsRecord() && c.kind != t.kind:
			s.Role = RoleSetAside
		case c.kind == protocol.KindErasure:
			s.Role = RoleErasure
		case c.kind == protocol.KindWithdraw:
			s.Role = RoleWithdrawal
		default:
			s.Role, s.Erased = role(c, false), t.isErased(c)
		}
		steps = append(steps, s)
	}
	slices.SortFunc(steps, func(a, b Step) int { return cmp.Compare(b.Seq, a.Seq) })
	return steps
}
