package ledger

import (
	"context"
	"crypto/sha256"

	"github.com/dgraph-io/badger/v4"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/erasure"
)

// Swept is what a sweep found and did.
type Swept struct {
	Gone    []protocol.EntryID // entries whose bodies count as erased and lie in no file any more
	Dropped int                // of them, by this sweep
	Lifted  int                // erased before, and wanted again
}

// found is an entry that the judge has a word about.
type found struct {
	at    place
	entry digest
	g     glance
}

// Sweep drops the bodies that count as erased (Judge) in the feeds that in accepts, and
// wants those again that were erased and do not count as erased any more. It looks at
// everything that was submitted before it was called, also at what damage has set aside.
// It takes the ledger for itself for one portion of bodies after another; reading and
// writing go on in between. What it has not come to is done by the next one: after an
// error, or a crash, it is simply called again. Progress is in bodies and may be nil.
func (l *Ledger) Sweep(ctx context.Context, in func(protocol.FeedID) bool, progress func(done, total int)) (Swept, error) {
	var out Swept
	if err := l.alone(ctx, func(*committer) error { return nil }); err != nil { // what came before is durable now
		return out, err
	}
	gone, lapsed := l.look(ctx, in)
	if err := ctx.Err(); err != nil {
		return out, protocol.Fail(protocol.ReasonCanceled, "erase bodies", err)
	}
	var due []place
	l.s.mu.RLock()
	for _, f := range gone {
		if l.s.erased[f.at] != eraseDone {
			due = append(due, f.at)
		}
	}
	l.s.mu.RUnlock()
	for done := 0; done < len(due); {
		some := due[done:min(len(due), done+erasedAtOnce)]
		if err := l.alone(ctx, func(c *committer) error { return c.drop(some) }); err != nil {
			return out, err
		}
		if done += len(some); progress != nil {
			progress(done, len(due))
		}
	}
	for some := 0; some < len(lapsed); some += erasedAtOnce {
		part := lapsed[some:min(len(lapsed), some+erasedAtOnce)]
		if err := l.alone(ctx, func(c *committer) error { return c.lift(part) }); err != nil {
			return out, err
		}
	}
	for _, f := range gone {
		out.Gone = append(out.Gone, cidOf(f.entry))
	}
	out.Dropped, out.Lifted = len(due), len(lapsed)
	return out, nil
}

// alone runs a change of the ledger's own when everything submitted before is durable.
func (l *Ledger) alone(ctx context.Context, change func(*committer) error) error {
	j := &job{repair: change, commit: &Commit{done: make(chan struct{})}}
	l.enqueue(j)
	return j.commit.Wait(ctx)
}

// look reads the headers of feeds, and of the runs set aside, for bodies that count as
// erased, and for erased ones that do not.
func (l *Ledger) look(ctx context.Context, in func(protocol.FeedID) bool) (gone, lapsed []found) {
	l.s.mu.RLock()
	judged := l.s.says != nil
	type span struct {
		feed *feed
		runs []uint64
	}
	var spans []span
	for _, f := range l.s.feeds {
		if f.id.Defined() && in(f.id) {
			spans = append(spans, span{f, f.runs[:len(f.runs):len(f.runs)]})
		}
	}
	l.s.mu.RUnlock()
	if !judged {
		return nil, nil
	}
	each := func(f *feed, value []byte, known func(digest, place) error) error {
		var hit, lost []found
		_, err := runHeaders(value, func(_ int, header []byte) error {
			g, err := glanceAt(header)
			if err != nil || g.seq < f.from { // its parent's
				return err
			}
			x := found{placeOf(f.no, g.seq), sha256.Sum256(header), g}
			if err := known(x.entry, x.at); err != nil || !g.hasBody {
				return err
			}
			l.s.mu.RLock()
			word := l.s.saysOf(f, x.at, x.entry, g.of, g.kind)
			_, erased := l.s.erased[x.at]
			l.s.mu.RUnlock()
			switch {
			case word == erasure.Gone:
				hit = append(hit, x)
			case word == erasure.Lapsed && erased:
				lost = append(lost, x)
			}
			return nil
		})
		if err == nil {
			gone, lapsed = append(gone, hit...), append(lapsed, lost...)
		}
		return err
	}
	for _, s := range spans {
		if ctx.Err() != nil {
			return nil, nil
		}
		for _, first := range s.runs {
			// A run that cannot be read is damaged; when it is repaired there is another sweep.
			_ = l.db.good(placeKey(keyRun, placeOf(s.feed.no, first)), func(value []byte) error {
				return each(s.feed, value, l.known)
			})
		}
		prefix := feedKey(keyAside, s.feed.no)
		_ = l.db.scan(prefix, prefix, func(_ []byte, item *badger.Item) error {
			return item.Value(func(value []byte) error {
				_ = each(s.feed, value, func(digest, place) error { return nil })
				return nil
			})
		})
	}
	return gone, lapsed
}

// lift wants bodies again whose erasure does not count any more. It runs in gather, with
// nothing on its way to the disk.
func (c *committer) lift(list []found) error {
	s := c.state
	var writes []write
	again := map[place]wanted{}
	s.mu.RLock()
	for _, f := range list {
		if _, erased := s.erased[f.at]; erased {
			w := wanted{body: f.g.body, entry: f.entry, size: f.g.size, kind: f.g.kind, lifted: true}
			again[f.at] = w
			writes = append(writes, write{placeKey(keyErased, f.at), nil}, write{placeKey(keyWanted, f.at), appendWanted(nil, w)})
		}
	}
	s.mu.RUnlock()
	if err := c.store.commit(writes); err != nil {
		c.fail(err)
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for p, w := range again {
		delete(s.erased, p)
		s.wanted[p] = w
		s.lifted++
	}
	return nil
}
