package ledger

import (
	"context"
	"encoding/binary"
	"errors"

	"github.com/dgraph-io/badger/v4"
	"github.com/dure-net/dure/protocol"
)

// What a change is. On disks: append only.
type What uint8

const (
	Appended    What = 1 // an entry came in, with or without its body; also again, after it was repaired
	BodyArrived What = 2 // a wanted body came
	BodyErased  What = 3 // a body was erased
	SetAside    What = 4 // an entry left its feed's chain: another branch of a fork was chosen
	forgotten   What = 5 // damage took what the numbers stood for; never told
)

// Change is something that happened to the ledger, by local number. Numbers begin at 1,
// rise by one, are never used twice, and mean nothing on any other node. A number may
// stand for nothing any more when damage took what it stood for.
type Change struct {
	Local uint64
	What  What
	Entry protocol.Entry
}

// change is a run of changes as the log keeps it.
type change struct {
	what  What
	feed  uint32
	first uint64
	count uint64
}

func (a change) joins(b change) bool {
	return a.what == b.what && a.feed == b.feed && a.first+a.count == b.first
}

// A log value is: entries held after it, then the changes, each as what, feed, first and
// count; all but what as varints.
func appendLog(b []byte, entries uint64, log []change) []byte {
	b = binary.AppendUvarint(b, entries)
	for _, ch := range log {
		b = append(b, byte(ch.what))
		b = binary.AppendUvarint(b, uint64(ch.feed))
		b = binary.AppendUvarint(b, ch.first)
		b = binary.AppendUvarint(b, ch.count)
	}
	return b
}

var errLog = errors.New("not the bytes of a log")

// readLog calls each with the changes, in order, until it says stop.
func readLog(b []byte, each func(change) error) (entries uint64, err error) {
	next := func() (n uint64) {
		n, width := binary.Uvarint(b)
		if width <= 0 {
			err, width = errLog, len(b)
		}
		b = b[width:]
		return n
	}
	entries = next()
	for err == nil && len(b) > 0 {
		ch := change{what: What(b[0])}
		b = b[1:]
		no := next()
		ch.first, ch.count = next(), next()
		if err != nil || no == 0 || no > maxFeeds || ch.first > maxSeq || ch.count == 0 || ch.count > maxSeq {
			return 0, errLog
		}
		ch.feed = uint32(no)
		if err := each(ch); err != nil {
			return entries, err
		}
	}
	return entries, err
}

// logCount is how many local numbers a log value takes.
func logCount(b []byte) (count, entries uint64, err error) {
	entries, err = readLog(b, func(ch change) error {
		count += ch.count
		return nil
	})
	return count, entries, err
}

// Changes lists what happened from a local number on, oldest first, at most limit; none
// when nothing newer is durable. What follows is asked for with the last Local plus 1.
// The slice is the caller's. An entry that cannot be read any more is left out; it is
// told again when it is repaired.
func (r *Reader) Changes(from uint64, limit int) ([]Change, error) {
	type item struct {
		local uint64
		what  What
		at    place
	}
	r.s.mu.RLock()
	end := r.s.next
	r.s.mu.RUnlock()
	from = max(from, 1)
	if from >= end || limit <= 0 {
		return nil, nil
	}
	var items []item
	first, _, err := r.db.lastUpTo(keyLog, logKey(from))
	if err != nil {
		return nil, damagedAs("read log", err)
	}
	if first == nil {
		first = logKey(from)
	}
	err = r.db.scan([]byte{keyLog}, first, func(key []byte, it *badger.Item) error {
		if len(key) != logKeyBytes {
			return errLog
		}
		local := binary.BigEndian.Uint64(key[1:])
		return it.Value(func(value []byte) error {
			_, err := readLog(value, func(ch change) error {
				for i := range ch.count {
					if local+i >= end || len(items) == limit {
						return errStop
					}
					if local+i >= from && ch.what != forgotten {
						items = append(items, item{local + i, ch.what, placeOf(ch.feed, ch.first+i)})
					}
				}
				local += ch.count
				return nil
			})
			return err
		})
	})
	if err != nil {
		return nil, damagedAs("read log", err)
	}
	changes := make([]Change, 0, len(items))
	var run [][]byte // headers of the next items, which lie in one run
	for i, it := range items {
		if len(run) == 0 {
			places := make([]place, 0, protocol.MaxPage)
			for _, next := range items[i:min(i+protocol.MaxPage, len(items))] {
				places = append(places, next.at)
			}
			run = r.headers(places)
		}
		var header []byte
		if len(run) > 0 {
			header, run = run[0], run[1:]
		} else if header, _, err = r.header(it.at); err != nil {
			continue // listed as damaged by header
		}
		e, err := protocol.DecodeEntry(header)
		if err != nil {
			return nil, damagedAs("read log", err)
		}
		changes = append(changes, Change{it.local, it.what, e})
	}
	return changes, nil
}

// Follow is Changes, but waits until there is at least one. A follower that is slow
// reads later: it holds nothing up and misses nothing. ReasonCanceled when the context
// ends, ReasonNotRunning when the ledger is closed.
func (r *Reader) Follow(ctx context.Context, from uint64, limit int) ([]Change, error) {
	for {
		r.s.mu.RLock()
		next, changed, closed := r.s.next, r.s.changed, r.s.closed
		r.s.mu.RUnlock()
		if closed {
			return nil, protocol.Fail(protocol.ReasonNotRunning, "follow ledger", errors.New("the ledger is closed"))
		}
		if max(from, 1) < next {
			if changes, err := r.Changes(from, limit); err != nil || len(changes) > 0 {
				return changes, err
			}
			from = next // numbers that stand for nothing any more
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, protocol.Fail(protocol.ReasonCanceled, "follow ledger", ctx.Err())
		}
	}
}
