package ledger

import (
	"encoding/binary"
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/dgraph-io/badger/v4"
	"github.com/dure-net/dure/protocol"
)

// rebuild reads all headers of the store into the state: heads, counts, and the index.
// Local numbers up to atLeast were given before, whatever the store says.
func rebuild(db *store, s *state, federation protocol.FederationID, atLeast uint64, progress func(done, total int64)) (Opened, error) {
	var o Opened
	last, err := lastFeed(db)
	if err != nil {
		return o, err
	}
	s.feeds = make([]*feed, last)
	for i := range s.feeds {
		s.feeds[i] = &feed{no: uint32(i + 1)}
	}
	if err := readFeeds(db, s); err != nil {
		return o, err
	}
	repaired, err := readRepaired(db)
	if err != nil {
		return o, err
	}
	cut := readRuns(db, s, walker{federation.Digest(), repaired}, progress)
	if o.Cut, err = setAside(db, s, cut); err != nil {
		return o, err
	}
	for _, f := range s.feeds {
		f.next, f.nextHead = f.count, f.head
		s.bytes += f.bytes
		switch {
		case f.parent != nil:
			f.node, f.root = f.parent.node, f.parent.root
			s.addBranch(f)
		case f.id.Defined():
			s.byID[f.id] = f
		}
	}
	if err := readChosen(db, s); err != nil {
		return o, err
	}
	for _, f := range s.chains() {
		s.entries += f.count
		if f.count > 0 {
			s.visible++
		}
	}
	if err := readErased(db, s); err != nil {
		return o, err
	}
	if err := readWantedKeys(db, s); err != nil {
		return o, err
	}
	if err := readForks(db, s); err != nil {
		return o, err
	}
	total, err := readLastLog(db, s)
	if err != nil {
		return o, err
	}
	if total > s.entries {
		o.Lost = total - s.entries
	}
	if db.mended || len(o.Cut) > 0 || o.Lost > 0 || s.next < atLeast {
		o.Changed = s.next < atLeast
		if err := relog(db, s, atLeast); err != nil {
			return o, err
		}
	}
	o.Root = protocol.LedgerRoot(federation, s.standings())
	return o, nil
}

// lastFeed is the highest feed number in use under any prefix: a number is never given
// twice, even where damage took the feed's own key.
func lastFeed(db *store) (last uint32, err error) {
	for _, prefix := range [...]byte{keyFeed, keyRun, keyBody, keyGoverned, keyAside} {
		key, _, err := db.last(prefix)
		if err != nil {
			return 0, damagedAs("open ledger", err)
		}
		if len(key) >= feedKeyBytes {
			last = max(last, binary.BigEndian.Uint32(key[1:]))
		}
	}
	if last > maxFeeds {
		return 0, damagedAs("open ledger", errors.New("a feed number beyond all bounds"))
	}
	return last, nil
}

func readFeeds(db *store, s *state) error {
	prefix := []byte{keyFeed}
	err := db.scan(prefix, prefix, func(key []byte, item *badger.Item) error {
		if len(key) != feedKeyBytes {
			return nil
		}
		f := s.feedNo(binary.BigEndian.Uint32(key[1:]))
		return item.Value(func(value []byte) error {
			switch {
			case f == nil:
			case len(value) == len(digest{}):
				f.id = cidOf(digest(value))
			case !s.readBranch(f, value):
				*f = feed{no: f.no}
			}
			return nil
		})
	})
	if err != nil {
		return damagedAs("open ledger", err)
	}
	return nil
}

// feedsAtOnce is how many feeds a worker reads with one iterator.
const feedsAtOnce = 32

// readRuns reads the runs of all feeds on all cores; feeds do not depend on one another.
// It returns the feeds that damage made shorter.
func readRuns(db *store, s *state, w walker, progress func(done, total int64)) (cut []*reading) {
	var (
		mu   sync.Mutex // guards cut, done and s.index
		next atomic.Int64
		done int64
		wg   sync.WaitGroup
	)
	total := int64(len(s.feeds))
	step := min(feedsAtOnce, max(1, total/int64(4*runtime.GOMAXPROCS(0))))
	for range min(runtime.GOMAXPROCS(0), 8) {
		wg.Go(func() {
			for {
				from := next.Add(step) - step
				if from >= total {
					return
				}
				part := s.feeds[from:min(from+step, total)]
				readings := w.read(db, part)
				mu.Lock()
				for _, r := range readings {
					for _, sl := range r.slots {
						s.index.add(sl.hash, sl.at)
					}
					s.orders = append(s.orders, r.orders...)
					r.slots, r.orders = nil, nil
					if len(r.aside) > 0 {
						cut = append(cut, r)
					}
				}
				done += int64(len(part))
				progress(done, total)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return cut
}

func readErased(db *store, s *state) error {
	var unfinished []place
	prefix := []byte{keyErased}
	err := db.scan(prefix, prefix, func(key []byte, item *badger.Item) error {
		p, ok := readPlaceKey(key)
		if !ok {
			return nil
		}
		s.erased[p] = eraseDone
		return item.Value(func(value []byte) error {
			if len(value) != 1 || value[0] != byte(eraseDone) {
				unfinished = append(unfinished, p)
			}
			return nil
		})
	})
	if err != nil {
		return damagedAs("open ledger", err)
	}
	for some := range slices.Chunk(unfinished, erasedAtOnce) {
		if err := db.wipe(some); err != nil {
			return err
		}
	}
	return nil
}

// readWantedKeys reads what is wanted, and forgets it where damage took the header.
func readWantedKeys(db *store, s *state) error {
	var stale []write
	prefix := []byte{keyWanted}
	err := db.scan(prefix, prefix, func(key []byte, item *badger.Item) error {
		p, ok := readPlaceKey(key)
		if !ok {
			return nil
		}
		return item.Value(func(value []byte) error {
			w, ok := readWanted(value)
			_, held := s.holds(p)
			if !ok || !held || !s.index.has(w.entry.short(), p) {
				stale = append(stale, write{placeKey(keyWanted, p), nil})
				return nil
			}
			s.wanted[p] = w
			if w.lifted {
				s.lifted++
			}
			return nil
		})
	})
	if err != nil {
		return damagedAs("open ledger", err)
	}
	return db.commit(stale)
}

func readForks(db *store, s *state) error {
	prefix := []byte{keyEvidence}
	err := db.scan(prefix, prefix, func(key []byte, _ *badger.Item) error {
		if at, ok := readEvidenceKey(key); ok {
			s.forks[at] = struct{}{}
		}
		return nil
	})
	if err != nil {
		return damagedAs("open ledger", err)
	}
	return nil
}

// readLastLog finds the next local number, and how many entries the last transaction counted.
func readLastLog(db *store, s *state) (entries uint64, err error) {
	key, value, err := db.last(keyLog)
	if err != nil {
		return 0, damagedAs("open ledger", err)
	}
	if key == nil {
		return 0, nil
	}
	count, entries, err := logCount(value)
	if err != nil || len(key) != logKeyBytes {
		return 0, damagedAs("open ledger", errLog)
	}
	s.next = binary.BigEndian.Uint64(key[1:]) + count
	return entries, nil
}
