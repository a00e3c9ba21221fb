package ledger

import "github.com/dure-net/dure/protocol"

// Branches lists what of a feed was set aside, in the order in which it was first seen.
// The slice is the caller's.
func (r *Reader) Branches(id protocol.FeedID) []Branch {
	r.s.mu.RLock()
	defer r.s.mu.RUnlock()
	tip := r.s.byID[id]
	if tip == nil {
		return nil
	}
	var out []Branch
	for _, f := range r.s.forked[id] {
		b := Branch{Feed: id, From: f.from, Base: f.base, First: f.first, Count: f.count, Head: f.head}
		if to, on, ok := f.leaves(tip); ok {
			if to == f.count {
				continue // it is all on the chain
			}
			b.From, b.Base, b.First = to, on.base, on.rival
		}
		if b.Count > b.From {
			out = append(out, b)
		}
	}
	return out
}

// Tip is the end of the chain, or of the branch set aside, that an entry lies on; false
// where the entry is not held.
func (r *Reader) Tip(entry protocol.EntryID) (FeedHead, bool) {
	d := digest(entry.Digest())
	for _, p := range r.candidates(d, func(p place) bool { return !p.isBody() }) {
		r.s.mu.RLock()
		defer r.s.mu.RUnlock()
		f := r.s.feedNo(p.feed())
		if tip := r.s.byID[f.id]; tip != nil && tip.at(p.seq()) == f {
			f = tip
		}
		return f.report(), true
	}
	return FeedHead{}, false
}

// RawBranch is Raw of the chain or branch that an entry lies on, and of what it parts
// from. ReasonNotFound where the entry is not held.
func (r *Reader) RawBranch(entry protocol.EntryID, from uint64, maxEntries, maxBodyBytes int) (Raw, error) {
	return r.rawOf(entry, from, maxEntries, maxBodyBytes, true)
}

// rawAside is RawBranch, but does not follow the chain where that goes another way than
// the entry's own feed number.
func (r *Reader) rawAside(entry protocol.EntryID, from uint64, maxEntries, maxBodyBytes int) (Raw, error) {
	return r.rawOf(entry, from, maxEntries, maxBodyBytes, false)
}

func (r *Reader) rawOf(entry protocol.EntryID, from uint64, maxEntries, maxBodyBytes int, chain bool) (Raw, error) {
	_, p, err := r.locate(entry)
	if err != nil {
		return Raw{}, err
	}
	if p.isBody() {
		return Raw{}, notFound("read branch", entry)
	}
	r.s.mu.RLock()
	f := r.s.feedNo(p.feed())
	if tip := r.s.byID[f.id]; chain && tip.at(p.seq()) == f {
		f = tip
	}
	r.s.mu.RUnlock()
	return r.raw(f.id, f, from, maxEntries, maxBodyBytes)
}

// BranchEntry is the entry at seq on the way to another entry, which is named by its id
// and may lie in a branch set aside.
func (r *Reader) BranchEntry(tip protocol.EntryID, seq uint64) (protocol.Entry, error) {
	_, p, err := r.locate(tip)
	if err != nil {
		return protocol.Entry{}, err
	}
	r.s.mu.RLock()
	f := r.s.feedNo(p.feed())
	ok := !p.isBody() && seq <= p.seq()
	r.s.mu.RUnlock()
	if !ok {
		return protocol.Entry{}, notFound("read branch", tip)
	}
	header, _, err := r.header(placeOf(f.at(seq).no, seq))
	if err != nil {
		return protocol.Entry{}, err
	}
	return decode(header)
}

// placeIn is where an entry lies on the way to the end of a feed or branch by its number,
// or of the feed's chain where that is 0.
func (r *Reader) placeIn(id protocol.FeedID, no uint32, seq uint64) (place, error) {
	r.s.mu.RLock()
	defer r.s.mu.RUnlock()
	f := r.s.byID[id]
	if no != 0 {
		f = r.s.feedNo(no)
	}
	if f == nil || f.id != id || seq >= f.count {
		return 0, notFound("read entry", id)
	}
	return placeOf(f.at(seq).no, seq), nil
}
