package ledger

import (
	"context"
	"encoding/binary"
	"slices"

	"github.com/dgraph-io/badger/v4"
	"github.com/dure-net/dure/protocol"
)

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
