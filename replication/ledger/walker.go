package ledger

import (
	"github.com/dgraph-io/badger/v4"
	"github.com/dure-net/dure/protocol"
)

// walker reads the runs of feeds at the start. It is shared by all workers.
type walker struct {
	federation digest
	repaired   map[place][]byte // second copies of runs, by place; nearly always none
}

// reading is what a walker found in one feed.
type reading struct {
	feed   *feed
	chain  chain
	slots  []slot
	orders []place  // entries that erase
	aside  []uint64 // first seqs of runs beyond the damage
	lost   uint64   // headers in them, as far as they can be counted
}

func newReading(f *feed) *reading {
	return &reading{feed: f, chain: f.beginning()}
}

// beginning is the chain before the first of the runs kept under the feed's number.
func (f *feed) beginning() chain {
	c := chain{feed: f.id.Digest()}
	if f.parent != nil {
		c.head, c.next = f.prev.Digest(), f.base
	}
	return c
}

// readRepaired reads the second copies of runs.
func readRepaired(db *store) (map[place][]byte, error) {
	repaired := map[place][]byte{}
	prefix := []byte{keyRepaired, keyRun}
	err := db.scan(prefix, prefix, func(key []byte, item *badger.Item) error {
		p, ok := readPlaceKey(key[1:])
		if !ok {
			return nil
		}
		value, err := item.ValueCopy(nil)
		repaired[p] = value
		return err
	})
	if err != nil {
		return nil, damagedAs("open ledger", err)
	}
	return repaired, nil
}

// read reads feeds with consecutive numbers.
func (w walker) read(db *store, feeds []*feed) []*reading {
	all := make([]*reading, len(feeds))
	for i, f := range feeds {
		all[i] = newReading(f)
	}
	first := feeds[0].no
	err := db.scan([]byte{keyRun}, feedKey(keyRun, first), func(key []byte, item *badger.Item) error {
		p, ok := readPlaceKey(key)
		if !ok {
			return nil
		}
		if p.feed() >= first+uint32(len(all)) {
			return errStop
		}
		return item.Value(func(value []byte) error {
			w.run(all[p.feed()-first], p.seq(), value)
			return nil
		})
	})
	if err != nil { // a table that Badger cannot walk through: ask for each run by its name
		for _, f := range feeds {
			f.runs, f.count, f.head, f.bytes = nil, f.base, f.prev, 0
		}
		for i, f := range feeds {
			all[i] = newReading(f)
			w.follow(db, all[i])
		}
		return all
	}
	for _, r := range all {
		w.mend(r)
	}
	return all
}

// follow reads a feed run by run, as far as they can be read: each one's key follows from
// the one before. Runs beyond stay where they are, and are passed over once others have
// come in their place.
func (w walker) follow(db *store, r *reading) {
	for {
		key := placeKey(keyRun, placeOf(r.feed.no, r.chain.next))
		err := db.good(key, func(value []byte) error {
			if !w.take(r, value) {
				return errRun
			}
			return nil
		})
		if err != nil {
			return
		}
	}
}

// run takes the next run that was found, or its repaired copy, or sets it aside because
// it does not follow.
func (w walker) run(r *reading, first uint64, value []byte) {
	if first > r.chain.next {
		w.mend(r)
	}
	if len(r.aside) == 0 {
		switch {
		case first < r.chain.next: // a repaired copy stands in its place
			return
		case first == r.chain.next && (w.take(r, value) || w.take(r, w.repaired[placeOf(r.feed.no, first)])):
			return
		}
	}
	r.aside = append(r.aside, first)
	if count, _, err := openRun(value); err == nil {
		r.lost += uint64(count)
	}
}

// mend goes on with repaired copies where the runs themselves were not found.
func (w walker) mend(r *reading) {
	for len(r.aside) == 0 {
		value, ok := w.repaired[placeOf(r.feed.no, r.chain.next)]
		if !ok || !w.take(r, value) {
			return
		}
	}
}

// take appends a run to its feed if it follows, whole.
func (w walker) take(r *reading, value []byte) bool {
	f, fresh, ordered, first := r.feed, len(r.slots), len(r.orders), r.chain.next
	c, ours, bytes := r.chain, true, uint64(0)
	var node, root protocol.PublicKey
	err := c.walk(value, func(l link) {
		bytes += uint64(len(l.header))
		if l.seq < f.from {
			return // its parent's
		}
		at := placeOf(f.no, l.seq)
		r.slots = append(r.slots, slot{l.id.short(), at})
		if l.kind == protocol.KindErasure {
			r.orders = append(r.orders, at)
		}
		if l.hasBody {
			r.slots = append(r.slots, slot{l.body.short(), at.body()})
			bytes += l.size
		}
		if l.seq == 0 {
			node, root, ours = l.node, l.root, l.fed == w.federation
		}
	})
	if err != nil || !ours {
		r.slots, r.orders = r.slots[:fresh], r.orders[:ordered]
		return false
	}
	if first == 0 {
		f.id, f.node, f.root = cidOf(c.feed), node, root
	}
	r.chain = c
	f.runs = append(f.runs, first)
	f.count, f.head = c.next, cidOf(c.head)
	f.bytes += bytes
	return true
}
