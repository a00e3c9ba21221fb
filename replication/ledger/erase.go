package ledger

import (
	"context"

	"github.com/dure-net/dure/protocol"
)

// Erase drops the bodies of entries for good and returns when their bytes are gone from
// the store's files; they are remembered, and neither wanted nor taken again. Headers
// stay. It takes the ledger for itself meanwhile (Badger rewrites the tables that hold
// the bodies), so erase many at once rather than one by one. A crash in between is
// finished at the next start. All or nothing: an entry that is not stored is
// ReasonNotFound, one whose kind may not be erased ReasonForbidden; what is erased
// already, or never had a body, is passed over.
func (l *Ledger) Erase(ctx context.Context, entries ...protocol.EntryID) error {
	if len(entries) == 0 {
		return nil
	}
	j := &job{erase: entries, commit: &Commit{done: make(chan struct{})}}
	l.enqueue(j)
	return j.commit.Wait(ctx)
}

const (
	erasePending = 0 // the body's bytes may still lie in a file
	eraseDone    = 1
)

// erase runs in gather, with nothing on its way to the disk.
func (c *committer) erase(entries []protocol.EntryID) error {
	r := &Reader{s: c.state, db: c.store, repair: func(func(*committer) error) {}}
	var places []place
	for _, id := range entries {
		header, p, err := r.locate(id)
		if err != nil {
			return err
		}
		if p.isBody() {
			return notFound("erase body", id)
		}
		g, err := glanceAt(header)
		if err != nil {
			return damagedAs("erase body", err)
		}
		if !g.kind.IsErasable() {
			return &protocol.Error{Reason: protocol.ReasonForbidden, Op: "erase body", ID: id.String()}
		}
		c.state.mu.RLock()
		_, done := c.state.erased[p]
		c.state.mu.RUnlock()
		if g.hasBody && !done {
			places = append(places, p)
		}
	}
	if len(places) == 0 {
		return nil
	}
	if err := c.tombstones(places); err != nil {
		c.fail(err)
		return err
	}
	if err := c.store.wipe(places); err != nil {
		c.fail(err)
		return err
	}
	return nil
}

// tombstones makes it known, durably, that the bodies are erased.
func (c *committer) tombstones(places []place) error {
	var writes []write
	var log []change
	next := c.next
	for _, p := range places {
		writes = append(writes, write{placeKey(keyErased, p), []byte{erasePending}}, write{placeKey(keyWanted, p), nil})
		log = append(log, change{what: BodyErased, feed: p.feed(), first: p.seq(), count: 1})
		next++
	}
	writes = append(writes, write{logKey(c.next), appendLog(nil, c.entries, log)})
	if err := c.store.commit(writes); err != nil {
		return err
	}
	c.next = next
	s := c.state
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range places {
		s.erased[p] = struct{}{}
		delete(s.wanted, p)
	}
	s.next = next
	s.wake()
	return nil
}

// wipe takes the bytes of bodies out of Badger's files: a deleted key would leave them
// there. Each body's key is a prefix of nothing else.
func (s *store) wipe(places []place) (err error) {
	defer caught("erase body", &err)
	prefixes := make([][]byte, 0, 2*len(places))
	done := make([]write, len(places))
	for i, p := range places {
		key := placeKey(keyBody, p)
		prefixes = append(prefixes, key, repairedKey(key))
		done[i] = write{placeKey(keyErased, p), []byte{eraseDone}}
	}
	if err := s.db.DropPrefix(prefixes...); err != nil {
		return protocol.Fail(protocol.ReasonInternal, "erase body", err)
	}
	return s.commit(done)
}
