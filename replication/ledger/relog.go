package ledger

import (
	"cmp"
	"slices"

	"github.com/dgraph-io/badger/v4"
)

// relog puts the log in order after damage: whoever follows it, or walks it, is told of
// every entry that stands, and every number has its place. Where a part of the log was
// lost, the entries that no other part tells take its numbers, and those that are left
// over stand for nothing. Numbers go on from atLeast, up to which they were given once.
func relog(db *store, s *state, atLeast uint64) error {
	type stretch struct{ from, to uint64 }
	told := map[uint32][]stretch{}
	var holes []stretch
	expect := uint64(1)
	err := db.scan([]byte{keyLog}, []byte{keyLog}, func(key []byte, it *badger.Item) error {
		if len(key) != logKeyBytes {
			return errLog
		}
		if from := readLogKey(key); from > expect {
			holes = append(holes, stretch{expect, from})
		}
		expect = readLogKey(key)
		return it.Value(func(value []byte) error {
			_, err := readLog(value, func(ch change) error {
				if ch.what == Appended {
					told[ch.feed] = append(told[ch.feed], stretch{ch.first, ch.first + ch.count})
				}
				expect += ch.count
				return nil
			})
			return err
		})
	})
	if err != nil {
		return damagedAs("open ledger", err)
	}
	if atLeast > expect {
		holes = append(holes, stretch{expect, atLeast})
		expect = atLeast
	}
	var untold []change
	for _, f := range s.feeds {
		next := f.from
		add := func(to uint64) {
			for ; next < to; next++ {
				if !s.onChain(placeOf(f.no, next)) {
					continue // set aside: told when it is chosen
				}
				ch := change{what: Appended, feed: f.no, first: next, count: 1}
				if n := len(untold); n > 0 && untold[n-1].joins(ch) {
					untold[n-1].count++
				} else {
					untold = append(untold, ch)
				}
			}
		}
		parts := told[f.no]
		slices.SortFunc(parts, func(a, b stretch) int { return cmp.Compare(a.from, b.from) })
		for _, p := range parts {
			add(min(p.from, f.count))
			next = max(next, p.to)
		}
		add(f.count)
	}
	var writes []write
	for _, h := range holes {
		var log []change
		for room := h.to - h.from; room > 0; {
			ch := change{what: forgotten, feed: 1, count: room}
			if len(untold) > 0 {
				ch = untold[0]
				if ch.count > room {
					ch.count = room
				}
				untold[0].first, untold[0].count = untold[0].first+ch.count, untold[0].count-ch.count
				if untold[0].count == 0 {
					untold = untold[1:]
				}
			}
			log, room = append(log, ch), room-ch.count
		}
		writes = append(writes, write{logKey(h.from), appendLog(nil, s.entries, log)})
	}
	if len(untold) > 0 {
		writes = append(writes, write{logKey(expect), appendLog(nil, s.entries, untold)})
		for _, ch := range untold {
			expect += ch.count
		}
	}
	s.next = expect
	for some := range slices.Chunk(writes, 1000) {
		if err := db.commit(some); err != nil {
			return err
		}
	}
	return nil
}
