package ledger

import (
	"errors"

	"github.com/dgraph-io/badger/v4"
	"github.com/dure-net/dure/protocol"
)

// Governance calls each with every inception, and with every other governance entry
// whose body is held, in no order that means anything. What cannot be read is left
// out: it is wanted or damaged, and told again when it has come. It reads the bodies
// that lie under their own prefix, so that its cost does not grow with the records.
func (r *Reader) Governance(each func(e protocol.Entry, body []byte)) error {
	for _, f := range r.Feeds() {
		if e, err := r.Entry(f.Feed, 0); err == nil {
			each(e, nil)
		}
	}
	var places []place
	err := r.db.scan([]byte{keyGoverned}, []byte{keyGoverned}, func(key []byte, _ *badger.Item) error {
		p, ok := readPlaceKey(key)
		if !ok {
			return errors.New("not the key of a body")
		}
		places = append(places, p)
		return nil
	})
	if err != nil {
		return damagedAs("read governance", err)
	}
	for _, p := range places {
		header, _, err := r.header(p)
		if err != nil {
			continue
		}
		body, err := r.body(p, header)
		if err != nil {
			continue
		}
		e, err := decode(header)
		if err != nil {
			return err
		}
		each(e, body)
	}
	return nil
}

// Walk calls each with every entry of the chains in the order of its arrival, with its
// local number, until each returns an error, which Walk returns. It reads every stored
// run once; what was set aside and chosen again is told twice. An
// entry that cannot be read is left out; it is told by Changes when it is repaired.
func (r *Reader) Walk(each func(local uint64, e protocol.Entry) error) error {
	type span struct {
		local uint64
		change
	}
	var spans []span
	err := r.db.scan([]byte{keyLog}, []byte{keyLog}, func(key []byte, it *badger.Item) error {
		if len(key) != logKeyBytes {
			return errLog
		}
		local := readLogKey(key)
		return it.Value(func(value []byte) error {
			_, err := readLog(value, func(ch change) error {
				if ch.what == Appended {
					spans = append(spans, span{local, ch})
				}
				local += ch.count
				return nil
			})
			return err
		})
	})
	if err != nil {
		return damagedAs("read log", err)
	}
	for _, s := range spans {
		for i := uint64(0); i < s.count; {
			n, err := r.walkRun(s.feed, s.first+i, s.count-i, s.local+i, each)
			if err != nil {
				return err
			}
			i += n
		}
	}
	return nil
}

// walkRun tells the entries of one stored run from seq on, at most max, and returns
// how many places it covered.
func (r *Reader) walkRun(no uint32, seq, max, local uint64, each func(uint64, protocol.Entry) error) (uint64, error) {
	p := placeOf(no, seq)
	r.s.mu.RLock()
	f, ok := r.s.holds(p)
	var first, count, n uint64
	if ok {
		first, count = f.runOf(seq)
		n = min(max, first+count-seq)
		for ok = r.s.onChain(p); ok && n > 1 && !r.s.onChain(placeOf(no, seq+n-1)); {
			n-- // the chain has left this branch within the run
		}
	}
	r.s.mu.RUnlock()
	if !ok {
		return max, nil // what the log stood for was lost to damage, or is set aside
	}
	var entries []protocol.Entry
	err := r.db.good(placeKey(keyRun, placeOf(no, first)), func(value []byte) error {
		entries = entries[:0]
		for i := range n {
			h, err := headerAt(value, seq-first+i)
			if err != nil {
				return err
			}
			e, err := protocol.DecodeEntry(append([]byte(nil), h...))
			if err != nil {
				return err
			}
			if err := r.known(e.ID().Digest(), placeOf(no, seq+i)); err != nil {
				return err
			}
			entries = append(entries, e)
		}
		return nil
	})
	if err != nil {
		r.runDamaged(placeOf(no, first), count)
		return n, nil
	}
	for i, e := range entries {
		if err := each(local+uint64(i), e); err != nil {
			return n, err
		}
	}
	return n, nil
}
