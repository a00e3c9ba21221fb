package ledger

import (
	"context"
	"errors"
	"path/filepath"
	"slices"

	"github.com/dgraph-io/badger/v4"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/erasure"
)

// judge tells what is said about a body. It is asked under state.mu and must neither
// block nor ask the ledger.
type judge func(erasure.Target) erasure.Word

// Judge sets who tells which bodies count as erased. From then on such a body is absent
// for every reader, is not stored when it comes, and goes for good with the next Sweep.
// It is set before the ledger is read from, and may give other answers as time goes by;
// it is called under a lock and must neither block nor ask the ledger.
func (l *Ledger) Judge(says func(erasure.Target) erasure.Word) {
	l.c.state.mu.Lock()
	defer l.c.state.mu.Unlock()
	l.c.state.says = says
}

// saysOf asks about one place. The caller holds mu.
func (s *state) saysOf(f *feed, p place, entry, of digest, kind protocol.Kind) erasure.Word {
	if s.says == nil || f == nil || !kind.IsErasable() {
		return erasure.Nothing
	}
	return s.says(erasure.Target{Feed: f.id.Digest(), Seq: p.seq(), Entry: entry, Of: of, Kind: kind})
}

// unwant forgets that a body is wanted. The caller holds mu.
func (s *state) unwant(p place) {
	if s.wanted[p].lifted {
		s.lifted--
	}
	delete(s.wanted, p)
}

// Erasures lists the entries of the chains that erase, in no order. One that cannot be
// read is left out.
func (r *Reader) Erasures() []protocol.Entry {
	r.s.mu.RLock()
	places := slices.DeleteFunc(slices.Clone(r.s.orders), func(p place) bool { return !r.s.onChain(p) })
	r.s.mu.RUnlock()
	var out []protocol.Entry
	for _, p := range places {
		if header, _, err := r.header(p); err == nil {
			if e, err := decode(header); err == nil {
				out = append(out, e)
			}
		}
	}
	return out
}

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

// eraseAgain is Erase for what a backup says was erased: by a program that may have known
// more kinds than this one.
func (l *Ledger) eraseAgain(ctx context.Context, entries []protocol.EntryID) error {
	for some := range slices.Chunk(entries, 1024) {
		j := &job{erase: some, force: true, commit: &Commit{done: make(chan struct{})}}
		l.enqueue(j)
		if err := j.commit.Wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

// erasedAs is how far the erasure of a body is.
type erasedAs byte

const (
	erasePending erasedAs = 0 // the body's bytes may still lie in a file
	eraseDone    erasedAs = 1
)

// erasedAtOnce bounds the bodies that are dropped together: Badger compares every key of
// the tables concerned with every prefix dropped.
const erasedAtOnce = 128

// erase runs in gather, with nothing on its way to the disk.
func (c *committer) erase(entries []protocol.EntryID, force bool) error {
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
		if !g.kind.IsErasable() && !force {
			return &protocol.Error{Reason: protocol.ReasonForbidden, Op: "erase body", ID: id.String()}
		}
		if g.hasBody {
			places = append(places, p)
		}
	}
	return c.drop(places)
}

// drop erases what lies at these places, as far as that is not done yet. It runs in
// gather, with nothing on its way to the disk.
func (c *committer) drop(places []place) error {
	s := c.state
	s.mu.RLock()
	places = slices.DeleteFunc(slices.Clone(places), func(p place) bool { return s.erased[p] == eraseDone })
	s.mu.RUnlock()
	for some := range slices.Chunk(places, erasedAtOnce) {
		lying, err := c.tombstones(some)
		if err == nil && len(lying) > 0 {
			err = c.store.wipe(lying)
		}
		if err != nil {
			c.fail(err)
			return err
		}
		s.mu.Lock()
		for _, p := range some {
			s.erased[p] = eraseDone
		}
		s.mu.Unlock()
	}
	return nil
}

// tombstone is what becomes of a body at its entry's arrival, when it is erased already:
// bytes of it may lie here from before its header was lost.
func (c *committer) tombstone(p place) erasedAs {
	if c.store.lies(p) {
		return erasePending
	}
	return eraseDone
}

// tombstones makes it known, durably, that the bodies are erased, and returns those of
// which bytes may lie in a file.
func (c *committer) tombstones(places []place) (lying []place, err error) {
	s := c.state
	var writes []write
	var log []change
	next := c.next
	for _, p := range places {
		s.mu.RLock()
		w, wanted := s.wanted[p]
		_, known := s.erased[p]
		s.mu.RUnlock()
		as := erasePending
		if wanted && !w.again && !c.store.lies(p) {
			as = eraseDone // it never came
		} else {
			lying = append(lying, p)
		}
		writes = append(writes, write{placeKey(keyErased, p), []byte{byte(as)}}, write{placeKey(keyWanted, p), nil})
		if !known {
			log = append(log, change{what: BodyErased, feed: p.feed(), first: p.seq(), count: 1})
			next++
		}
	}
	if len(log) > 0 {
		writes = append(writes, write{logKey(c.next), appendLog(nil, c.entries, log)})
	}
	if err := c.store.commit(writes); err != nil {
		return nil, err
	}
	c.next = next
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range places {
		if _, known := s.erased[p]; !known {
			s.erased[p] = erasePending
		}
		s.unwant(p)
	}
	s.next = next
	s.wake()
	return lying, nil
}

// bodyKeys are all keys under which bytes of a body may lie.
func bodyKeys(p place) [4][]byte {
	b, g := placeKey(keyBody, p), placeKey(keyGoverned, p)
	return [4][]byte{b, repairedKey(b), g, repairedKey(g)}
}

// lies reports whether a body, or what is left of one, lies at a place.
func (s *store) lies(p place) bool {
	for _, key := range bodyKeys(p) {
		if err := s.get(key, func([]byte) error { return nil }); !errors.Is(err, badger.ErrKeyNotFound) {
			return true
		}
	}
	return false
}

// dropped reports whether a body was erased and its bytes should be gone.
func (r *Reader) dropped(p place) bool {
	r.s.mu.RLock()
	defer r.s.mu.RUnlock()
	return r.s.erased[p] == eraseDone
}

// dropAgain drops what lies where an erased body lay, as after files were put back; also
// at the next start, if this is not come to.
func (r *Reader) dropAgain(p place) {
	r.repair(func(c *committer) error {
		r.s.mu.Lock()
		r.s.erased[p] = erasePending
		r.s.mu.Unlock()
		if err := c.store.commit([]write{{placeKey(keyErased, p), []byte{byte(erasePending)}}}); err != nil {
			return err
		}
		return c.drop([]place{p})
	})
}

// wipe takes the bytes of bodies out of Badger's files: a deleted key would leave them
// there. Each body's key is a prefix of nothing else.
func (s *store) wipe(places []place) (err error) {
	defer caught("erase body", &err)
	if s.frozen {
		s.unwiped = append(s.unwiped, places...)
		return nil
	}
	if err := s.ready(); err != nil {
		return err
	}
	s.tell()
	prefixes := make([][]byte, 0, 2*len(places))
	done := make([]write, len(places))
	for i, p := range places {
		keys := bodyKeys(p)
		prefixes = append(prefixes, keys[:2]...)
		for _, key := range keys[2:] { // only where an older program put it
			if err := s.get(key, func([]byte) error { return nil }); !errors.Is(err, badger.ErrKeyNotFound) {
				prefixes = append(prefixes, key)
			}
		}
		done[i] = write{placeKey(keyErased, p), []byte{byte(eraseDone)}}
	}
	if err := s.db.DropPrefix(prefixes...); err != nil {
		return protocol.Fail(protocol.ReasonInternal, "erase body", err)
	}
	if err := s.logs.begin(); err != nil { // it has turned to another log
		return protocol.Fail(protocol.ReasonInternal, "erase body", err)
	}
	// Damaged files that were kept may hold the bytes too. What could be read of them stands
	// in the store.
	if err := dropTaken(filepath.Dir(s.dir), 0); err != nil {
		return err
	}
	return s.commit(done)
}
