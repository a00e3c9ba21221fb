package index

import "bytes"

import "github.com/dure-net/dure/protocol"

// What a record is now follows from its first entry and from those changes of it that
// stand in feeds of the same owner:
//
//   - A version is the first entry, or a revision of the record's own kind. Each
//     revision supersedes the one it names first in Refs.
//   - The current version is, of those that nothing supersedes, the one with the larger
//     (seq, CID): the same on every node whatever came first. The others are rivals,
//     written at once on nodes cut off from each other; they stay in the history.
//   - A withdrawal is final: a revision that crosses it does not undo it.

// resolved is what a record that counts is.
type resolved struct {
	current    *entry
	withdrawal *entry // nil: none
	revisions  int
	rivals     int // further versions that nothing supersedes
	erased     bool
}

// counts reports whether a change says something: it stands, and it is the owner's.
func (t *thread) counts(c *entry) bool { return c.stands() && c.member == t.member }

// builds is the version that a revision builds on.
func (e *entry) builds() (d digest) {
	if len(e.refs) > 0 {
		d = e.refs[0]
	}
	return d
}

// resolve computes what the record is; false where it does not count.
func (t *thread) resolve() (r resolved, ok bool) {
	if !t.stands() {
		return r, false
	}
	r.current = &t.entry
	superseded := map[digest]struct{}{}
	for i := range t.changes {
		c := &t.changes[i]
		switch {
		case !t.counts(c):
		case c.kind == t.kind:
			r.revisions++
			superseded[c.builds()] = struct{}{}
		case c.kind == protocol.KindWithdraw && (r.withdrawal == nil || later(c, r.withdrawal)):
			r.withdrawal = c
		} // a revision of another kind says nothing of this record
	}
	heads := 0
	for i := range t.changes {
		c := &t.changes[i]
		if c.kind != t.kind || !t.counts(c) {
			continue
		}
		if _, gone := superseded[c.id]; !gone {
			if heads++; heads == 1 || later(c, r.current) {
				r.current = c
			}
		}
	}
	r.rivals = max(heads-1, 0)
	r.erased = t.isErased(r.current)
	return r, true
}

// isErased reports whether the body of one version is erased, by an act or by the owner.
// An act that names the first entry means all of the record.
func (t *thread) isErased(version *entry) bool {
	if version.erased || t.erased {
		return true
	}
	for i := range t.changes {
		c := &t.changes[i]
		if c.kind != protocol.KindErasure || !t.counts(c) {
			continue
		}
		if len(c.refs) == 0 {
			return true
		}
		for _, d := range c.refs {
			if d == version.id {
				return true
			}
		}
	}
	return false
}

// later orders versions the same on every node: by place in the feed, then by CID.
func later(a, b *entry) bool {
	if a.seq != b.seq {
		return a.seq > b.seq
	}
	return bytes.Compare(a.id[:], b.id[:]) > 0
}
