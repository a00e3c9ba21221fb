package ledger

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/dgraph-io/badger/v4"
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
	if e.Seq() == b.feed.next {
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
		if of := f.parent.at(f.base - 1); f.base-1 >= of.count || !s.index.has(prev.short(), placeOf(of.no, f.base-1)) {
			return false
		}
	}
	return true
}

// readChosen finds the chain of every feed that was settled. A chain whose beginning was
// damaged ends there, as any feed's would: what is missing is fetched again.
func readChosen(db *store, s *state) error {
	prefix := []byte{keyChosen}
	err := db.scan(prefix, prefix, func(key []byte, item *badger.Item) error {
		if len(key) != feedKeyBytes {
			return nil
		}
		root := s.feedNo(binary.BigEndian.Uint32(key[1:]))
		return item.Value(func(value []byte) error {
			if root == nil || root.parent != nil || len(value) != 4 {
				return nil
			}
			tip := s.feedNo(binary.BigEndian.Uint32(value))
			for ; tip != nil && tip.parent != nil && !s.grafted(tip); tip = tip.parent {
			}
			if tip != nil && tip.id == root.id {
				s.byID[root.id] = tip
			}
			return nil
		})
	})
	if err != nil {
		return damagedAs("open ledger", err)
	}
	return nil
}

// Choose makes the branch of a feed that holds head as its entry count-1 the chain, and
// sets aside what was the chain beyond the place where the two part. Changes tells what
// left (SetAside) and what came (Appended). The chain does not change where head is on it
// already. ReasonNotFound where head is not held there. One transaction; durable when it
// returns, and done or not done after a crash.
func (l *Ledger) Choose(ctx context.Context, feed protocol.FeedID, count uint64, head protocol.EntryID) (Chosen, error) {
	var out Chosen
	j := &job{commit: &Commit{done: make(chan struct{})}}
	j.repair = func(c *committer) (err error) {
		out, err = c.choose(feed, count, head)
		return err
	}
	l.enqueue(j)
	if err := j.commit.Wait(ctx); err != nil {
		return Chosen{}, err
	}
	return out, nil
}

// Chosen is what came of a choice.
type Chosen struct {
	Changed bool
	From    uint64 // where the chain goes another way now
	Local   uint64 // local number of the first change
}

// choose runs in gather, with nothing on its way to the disk.
func (c *committer) choose(id protocol.FeedID, count uint64, head protocol.EntryID) (Chosen, error) {
	s := c.state
	tip := s.byID[id]
	if tip == nil || count == 0 || !head.Defined() {
		return Chosen{}, notFound("choose branch", head)
	}
	var to *feed
	r := &Reader{s: s, db: c.store, repair: func(func(*committer) error) {}}
	for _, f := range s.relatives(tip) {
		if count-1 < f.from || count > f.count || !s.grafted(f) {
			continue
		}
		if _, own, err := r.header(placeOf(f.no, count-1)); err == nil && own == digest(head.Digest()) {
			to = f
		}
	}
	switch {
	case to == nil:
		return Chosen{}, notFound("choose branch", head)
	case tip.at(count-1) == to:
		return Chosen{}, nil
	}
	parted := min(parting(tip, to), parting(to, tip))
	log := segments(nil, SetAside, tip, parted)
	log = segments(log, Appended, to, parted)
	next := c.next
	for _, ch := range log {
		next += ch.count
	}
	entries := c.entries - tip.count + to.count
	root := to
	for root.parent != nil {
		root = root.parent
	}
	err := c.store.commit([]write{
		{feedKey(keyChosen, root.no), binary.BigEndian.AppendUint32(nil, to.no)},
		{logKey(c.next), appendLog(nil, entries, log)},
	})
	if err != nil {
		c.fail(err)
		return Chosen{}, err
	}
	out := Chosen{Changed: true, From: parted, Local: c.next}
	c.next, c.entries = next, entries
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byID[id] = to
	s.entries, s.next = entries, next
	s.wake()
	return out, nil
}

// parting is the first seq at which the way to tip is not the way to other any more, as
// far as tip's own branches tell.
func parting(tip, other *feed) uint64 {
	at := uint64(maxSeq)
	for f := tip; f.parent != nil; f = f.parent {
		if _, _, shared := f.leaves(other); !shared {
			at = min(at, f.from)
		}
	}
	return at
}

// segments adds what of the way to tip lies from a seq on, in order.
func segments(log []change, what What, tip *feed, from uint64) []change {
	n := len(log)
	end := tip.count
	for f := tip; f != nil && end > from; f = f.parent {
		first := max(f.from, from)
		if end > first {
			log = slices.Insert(log, n, change{what: what, feed: f.no, first: first, count: end - first})
		}
		end = min(end, f.from)
	}
	return log
}

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
