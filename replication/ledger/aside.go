package ledger

import (
	"slices"

	"github.com/dgraph-io/badger/v4"
	"github.com/dure-net/dure/protocol"
)

// setAside moves the runs that do not follow any more out of the way (key q), so that
// catch-up can fill the gap, and joins those set aside earlier whose gap is filled.
func setAside(db *store, s *state, found []*reading) (cut []Range, err error) {
	for _, r := range found {
		cut = append(cut, Range{Feed: r.feed.id, From: r.feed.count, Count: r.lost})
		for _, first := range r.aside {
			at := placeOf(r.feed.no, first)
			var value []byte
			err := db.get(placeKey(keyRun, at), func(b []byte) error {
				value = append([]byte{}, b...)
				return nil
			})
			writes := []write{{placeKey(keyRun, at), nil}}
			if err == nil {
				writes = append(writes, write{placeKey(keyAside, at), value})
			}
			if err := db.commit(writes); err != nil {
				return nil, err
			}
		}
	}
	return cut, rejoin(db, s)
}

// rejoin appends runs that were set aside to the heads that they follow again.
func rejoin(db *store, s *state) error {
	var all []place
	prefix := []byte{keyAside}
	err := db.scan(prefix, prefix, func(key []byte, _ *badger.Item) error {
		if p, ok := readPlaceKey(key); ok {
			all = append(all, p)
		}
		return nil
	})
	if err != nil {
		return damagedAs("open ledger", err)
	}
	for _, p := range all {
		f := s.feedNo(p.feed())
		if f == nil || p.seq() > f.count {
			continue
		}
		var value []byte
		if err := db.get(placeKey(keyAside, p), func(b []byte) error {
			value = slices.Clone(b)
			return nil
		}); err != nil {
			continue
		}
		writes := []write{{placeKey(keyAside, p), nil}}
		if more, ok := join(s, f, value); ok {
			writes = append(writes, more...)
		} else if p.seq() == f.count {
			continue // what was in front of it is back, but this run itself is damaged
		}
		if err := db.commit(writes); err != nil {
			return err
		}
	}
	return nil
}

// join takes the part of a run that is beyond the feed's head, if it follows. Its bodies
// lie where they lay; those that do not are wanted again by whoever reads them.
func join(s *state, f *feed, value []byte) ([]write, bool) {
	first := f.count
	c := chain{feed: f.id.Digest(), head: f.head.Digest(), next: f.count}
	run := newRun(len(value))
	var slots []slot
	var orders []place
	bytes, n := uint64(0), 0
	_, err := runHeaders(value, func(_ int, header []byte) error {
		if g, err := glanceAt(header); err != nil || g.seq < first {
			return err
		}
		l, err := c.step(header)
		if err != nil {
			return err
		}
		run = appendHeader(run, header)
		n++
		if l.seq < f.from {
			return nil // its parent's
		}
		at := placeOf(f.no, l.seq)
		slots = append(slots, slot{l.id.short(), at})
		bytes += uint64(len(header))
		if l.kind == protocol.KindErasure {
			orders = append(orders, at)
		}
		if l.hasBody {
			slots = append(slots, slot{l.body.short(), at.body()})
			bytes += l.size
		}
		return nil
	})
	if err != nil || n == 0 || c.head != digest(value[2:runHeadBytes]) {
		return nil, false
	}
	finishRun(run, n, c.head)
	for _, sl := range slots {
		s.index.add(sl.hash, sl.at)
	}
	s.orders = append(s.orders, orders...)
	f.runs = append(f.runs, first)
	f.count, f.head = c.next, cidOf(c.head)
	f.bytes += bytes
	return []write{{placeKey(keyRun, placeOf(f.no, first)), run}}, true
}
