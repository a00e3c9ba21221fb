package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/dure-net/dure/protocol"
)

// A node that signed two histories leaves a feed with branches. The one that was stored
// first is the chain; the others are set aside, each under a feed number of its own with
// the feed that it parts from as its parent, until Choose makes one of them the chain.
// Nothing moves then, and nothing is deleted: what is not chosen is set aside in its turn.

// maxBranches bounds what a node can make others keep by signing ever further histories
// of one feed. Beyond: ReasonBusy, and the branch is not kept.
const maxBranches = 16

// Branch is a part of a feed that was set aside: it is held and does not count.
type Branch struct {
	Feed  protocol.FeedID
	From  uint64           // the seq at which it parts from the chain, or from a branch nearer to it
	Base  uint64           // where a page of it may begin: at From, or up to 63 entries earlier
	First protocol.EntryID // the entry at From, which names the branch
	Count uint64           // entries from the feed's beginning to the branch's end
	Head  protocol.EntryID // the last of them
}

// at is the feed that holds the entry at seq: itself, or what it parts from.
func (f *feed) at(seq uint64) *feed {
	for f.parent != nil && seq < f.from {
		f = f.parent
	}
	return f
}

// storing is the feed under whose number the run that holds seq is read on the way to f,
// and where that ends.
func (f *feed) storing(seq uint64) (of *feed, end uint64) {
	for end = f.count; f.parent != nil && seq < f.base; f = f.parent {
		end = min(end, f.base)
	}
	return f, min(end, f.count)
}

// leaves is where a chain that ends in tip leaves f: count for its end, and the branch
// that goes on, if any. ok is false where no part of f is on it.
func (f *feed) leaves(tip *feed) (count uint64, on *feed, ok bool) {
	for t := tip; t != nil; t = t.parent {
		if t == f {
			if on != nil {
				return on.from, on, true
			}
			return f.count, nil, true
		}
		on = t
	}
	return 0, nil, false
}

// chains lists the ends of all feeds' chains, in the order in which the feeds were first
// seen. The caller holds mu.
func (s *state) chains() []*feed {
	if len(s.forked) == 0 {
		return s.feeds
	}
	out := make([]*feed, 0, len(s.feeds))
	for _, f := range s.feeds {
		if f.parent != nil {
			continue
		}
		if tip := s.byID[f.id]; tip != nil {
			f = tip
		}
		out = append(out, f)
	}
	return out
}

// onChain reports whether a place is on its feed's chain. The caller holds mu.
func (s *state) onChain(p place) bool {
	f := s.feedNo(p.feed())
	if f == nil || len(s.forked) == 0 || s.forked[f.id] == nil {
		return true
	}
	return s.byID[f.id].at(p.seq()) == f
}

// branched is a branch's page that was found to fit.
type branched struct {
	page  *protocol.Page
	feed  *feed // that it continues, or parts from
	skip  int   // entries held already
	parts bool  // a new branch begins
	rival protocol.EntryID
}

// fitBranch finds where a page of a branch belongs.
func (c *committer) fitBranch(page *protocol.Page, settled bool) (branched, error) {
	b := branched{page: page}
	s := c.state
	first := &page.Entries[0]
	id := first.Feed()
	fail := func(r protocol.Reason, e *protocol.Entry, err error) (branched, error) {
		return b, &protocol.Error{Reason: r, Op: "submit branch", ID: e.ID().String(), Err: err}
	}
	tip := s.byID[id]
	if tip == nil {
		return fail(protocol.ReasonGap, first, errors.New("nothing of the feed is held"))
	}
	all := s.forked[id]
	if all == nil {
		all = []*feed{tip}
	}
	has := func(f *feed, id protocol.EntryID, seq uint64) bool {
		d := digest(id.Digest())
		return seq >= f.from && seq < f.next && s.index.has(d.short(), placeOf(f.no, seq))
	}
	prev := first.Header().Prev
	if i := slices.IndexFunc(all, func(f *feed) bool { return has(f, prev, first.Seq()-1) }); i < 0 {
		return fail(protocol.ReasonGap, first, fmt.Errorf("entry %d before it is not held", first.Seq()-1))
	} else {
		b.feed = all[i]
	}
	for ; b.skip < len(page.Entries); b.skip++ {
		e := &page.Entries[b.skip]
		if has(b.feed, e.ID(), e.Seq()) {
			continue
		}
		i := slices.IndexFunc(all, func(f *feed) bool { return f.parent == b.feed && f.from == e.Seq() && has(f, e.ID(), e.Seq()) })
		if i < 0 {
			break
		}
		b.feed = all[i]
	}
	if b.skip == len(page.Entries) {
		return b, nil
	}
	e := &page.Entries[b.skip]
	lost := slices.IndexFunc(all, func(f *feed) bool {
		return f.parent == b.feed && f.from == e.Seq() && f.from >= b.feed.next && f.rival != e.ID()
	})
	if lost < 0 && e.Seq() == b.feed.next {
		if b.feed == tip {
			return fail(protocol.ReasonConflict, e, errors.New("it continues the chain"))
		}
		return b, nil
	}
	if most := maxBranches; len(all) > most && !settled || len(all) > 2*most {
		return fail(protocol.ReasonBusy, e, errors.New("too many branches of one feed"))
	}
	if len(s.feeds) >= maxFeeds {
		return fail(protocol.ReasonTooLarge, e, errors.New("too many feeds"))
	}
	b.parts = true
	if lost >= 0 { // damage has taken what stood there, and another history is not put in its place
		b.rival = all[lost].rival
		return b, nil
	}
	r := &Reader{s: s, db: c.store, repair: func(func(*committer) error) {}}
	header, _, err := r.header(placeOf(b.feed.no, e.Seq()))
	if err != nil {
		return fail(protocol.ReasonOf(err), e, err) // it is repaired first, or on its way to the disk
	}
	b.rival = protocol.Sum(header)
	return b, nil
}

// putBranch stores what of a branch's page is new. The caller holds state.mu.
func (c *committer) putBranch(g *group, b branched) {
	s, f := c.state, b.feed
	entries := b.page.Entries
	for i := range b.skip {
		if body := bodyOf(b.page, i); body != nil {
			for _, of := range s.relatives(f) {
				at := placeOf(of.no, entries[i].Seq())
				if w, ok := s.wanted[at]; ok && w.entry == digest(entries[i].ID().Digest()) {
					c.putBody(g, at, body)
				}
			}
		}
	}
	if b.skip > 0 && len(s.damaged) > 0 {
		c.putRepairs(g, f, entries[:b.skip])
	}
	if b.skip == len(entries) {
		return
	}
	from := b.skip
	if b.parts {
		f = c.beginBranch(g, b)
		from = 0
	}
	bytes := 0
	for i := from; i < len(entries); i++ {
		bytes += len(entries[i].Bytes()) + 2
	}
	r := g.runFor(f, entries[from].Seq(), len(entries)-from, bytes)
	for i := from; i < len(entries); i++ {
		c.putEntry(g, f, r, &entries[i], bodyOf(b.page, i))
	}
	last := &entries[len(entries)-1]
	r.last = last.ID()
	f.next, f.nextHead = last.Seq()+1, last.ID()
}

// relatives are a feed and its branches, or the feed alone.
func (s *state) relatives(f *feed) []*feed {
	if all := s.forked[f.id]; all != nil {
		return all
	}
	return []*feed{f}
}

func (c *committer) beginBranch(g *group, b branched) *feed {
	s := c.state
	base, first := &b.page.Entries[0], &b.page.Entries[b.skip]
	f := &feed{no: uint32(len(s.feeds) + 1), id: b.feed.id, node: b.feed.node, root: b.feed.root, parent: b.feed,
		from: first.Seq(), base: base.Seq(), prev: base.Header().Prev, first: first.ID(), rival: b.rival}
	f.count, f.head = f.base, f.prev
	s.feeds = append(s.feeds, f)
	s.addBranch(f)
	g.put(feedKey(keyFeed, f.no), appendBranch(nil, f))
	return f
}

// addBranch lists a branch with its relatives. The caller holds mu.
func (s *state) addBranch(f *feed) {
	if s.forked[f.id] == nil {
		root := f.parent
		for root.parent != nil {
			root = root.parent
		}
		s.forked[f.id] = []*feed{root}
	}
	s.forked[f.id] = append(s.forked[f.id], f)
}

const branchBytes = 32 + 4 + 8 + 8 + 3*32

// appendBranch is what lies under the feed key of a branch.
func appendBranch(b []byte, f *feed) []byte {
	id, prev, first, rival := f.id.Digest(), f.prev.Digest(), f.first.Digest(), f.rival.Digest()
	b = append(b, id[:]...)
	b = binary.BigEndian.AppendUint32(b, f.parent.no)
	b = binary.BigEndian.AppendUint64(b, f.from)
	b = binary.BigEndian.AppendUint64(b, f.base)
	b = append(b, prev[:]...)
	b = append(b, first[:]...)
	return append(b, rival[:]...)
}

// readBranch is the inverse; false where the bytes are no branch's. Parents come before
// their branches.
func (s *state) readBranch(f *feed, b []byte) bool {
	if len(b) != branchBytes {
		return false
	}
	no, from, base := binary.BigEndian.Uint32(b[32:]), binary.BigEndian.Uint64(b[36:]), binary.BigEndian.Uint64(b[44:])
	parent := s.feedNo(no)
	if parent == nil || no >= f.no || base == 0 || base > from || from > maxSeq || from-base >= protocol.MaxPage || from < parent.from {
		return false
	}
	f.id, f.parent, f.from, f.base = cidOf(digest(b[:32])), parent, from, base
	f.prev, f.first, f.rival = cidOf(digest(b[52:84])), cidOf(digest(b[84:116])), cidOf(digest(b[116:148]))
	f.count, f.head = base, f.prev
	return f.id == parent.id
}

// grafted reports whether all that a branch parts from is held and is what it follows.
func (s *state) grafted(f *feed) bool {
	for ; f.parent != nil; f = f.parent {
		prev := digest(f.prev.Digest())
		of := f.parent.at(f.base - 1)
		if f.from > f.parent.at(f.from-1).count || f.base-1 >= of.count || !s.index.has(prev.short(), placeOf(of.no, f.base-1)) {
			return false
		}
	}
	return true
}
