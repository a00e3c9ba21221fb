package index

import (
	"bytes"

	"github.com/dure-net/dure/protocol"
)

// What a record is now follows from its first entry and from those changes of it that
// stand in feeds of the same owner:
//
//   - A version is the first entry, or a revision of the record's own kind. Each
//     revision supersedes the one it names first in Refs.
//   - The current version is, of those that nothing supersedes, the one with the larger
//     (seq, CID): the same on every node whatever came first. The others are rivals,
//     written at once on nodes cut off from each other; they stay in the history.
//   - A withdrawal is final: a revision that crosses it does not undo it.
//
// A record is resolved when it is read, not when an entry comes, so that a thousand
// revisions of one record cost one resolution.

// fresh reports whether what is computed of a record holds.
func (x *Index) fresh(r *held) bool { return r.epoch == x.epoch }

// stands reports whether an entry counts, and whose feed it is in; 0 is nobody.
func (x *Index) stands(p *place) (owner uint32, ok bool) {
	f := &x.feeds[p.feed]
	return f.member, f.member != 0 && p.seq < f.count
}

// counts reports whether a change of r says something: it stands, and it is the owner's.
func (x *Index) counts(r *held, c *change) bool {
	owner, ok := x.stands(&c.place)
	return ok && owner == x.feeds[r.feed].member
}

// resolve computes what a known record is. The caller holds the lock for writing.
func (x *Index) resolve(r *held) {
	r.epoch, r.current, r.withdrawal, r.revisions, r.rivals = x.epoch, 0, 0, 0, 0
	r.flags &= flagKnown
	if _, ok := x.stands(&r.place); !ok {
		return
	}
	r.flags |= flagStands
	if r.change == 0 {
		if _, ok := x.erased[r.id]; ok {
			r.flags |= flagErased
		}
		return
	}
	superseded := map[digest]struct{}{}
	erasures := false
	for no := r.change; no != 0; {
		c := x.changes.at(no - 1)
		if x.counts(r, c) {
			switch {
			case c.kind == r.kind:
				r.revisions++
				superseded[c.parent] = struct{}{}
			case c.kind == protocol.KindErasure:
				erasures = true
			case c.kind == protocol.KindWithdraw:
				if r.withdrawal == 0 || later(&c.place, &x.changes.at(r.withdrawal-1).place) {
					r.withdrawal = no
				}
			} // a revision of another kind says nothing of this record
		}
		no = c.next
	}
	if r.revisions > 0 {
		heads := uint32(0)
		for no := r.change; no != 0; {
			c := x.changes.at(no - 1)
			if c.kind == r.kind && x.counts(r, c) {
				if _, gone := superseded[c.id]; !gone {
					heads++
					if r.current == 0 || later(&c.place, &x.changes.at(r.current-1).place) {
						r.current = no
					}
				}
			}
			no = c.next
		}
		r.rivals = heads - 1
	}
	if x.isErased(r, x.version(r).id, erasures) {
		r.flags |= flagErased
	}
}

// isErased reports whether the body of one version of r is erased, by an act or, where
// there are erasures among its changes, by the owner.
func (x *Index) isErased(r *held, version digest, erasures bool) bool {
	if _, ok := x.erased[version]; ok {
		return true
	}
	if _, ok := x.erased[r.id]; ok { // an act that names the first entry means all of the record
		return true
	}
	if erasures {
		for no := r.change; no != 0; {
			c := x.changes.at(no - 1)
			if c.kind == protocol.KindErasure && (c.parent == version || c.parent == digest{}) && x.counts(r, c) {
				return true
			}
			no = c.next
		}
	}
	return false
}

// version is where the current version of a resolved record stands.
func (x *Index) version(r *held) *place {
	if r.current == 0 {
		return &r.place
	}
	return &x.changes.at(r.current - 1).place
}

// later orders versions the same on every node: by place in the feed, then by CID.
func later(a, b *place) bool {
	if a.seq != b.seq {
		return a.seq > b.seq
	}
	return bytes.Compare(a.id[:], b.id[:]) > 0
}
