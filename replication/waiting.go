package replication

import (
	"container/list"
	"time"

	"github.com/dure-net/dure/protocol"
)

// waiting is the bounded room for validly formed entries that cannot be judged yet:
// their predecessor has not come, or their author is not a member here yet. It is a
// convenience: whatever it drops is fetched by catch-up. A node that sends more than its
// share pushes out what it sent itself, and in a full room the oldest entry of whoever
// sent most leaves: nobody crowds the others out. It is not safe for concurrent use;
// Replica.mu guards it.
type waiting struct {
	max     int
	order   *list.List // of *waiter, oldest first
	feeds   map[protocol.FeedID]map[uint64]*list.Element
	senders map[protocol.PublicKey]int // how many entries wait that each node sent
	drops   uint64
}

type waiter struct {
	entry protocol.Entry
	body  []byte
	from  protocol.PublicKey
	since time.Time
}

// Bounds of the waiting room: a burst of a few hundred entries overtaking one
// another, of which at most 64 of one feed and 128 from one node, and nothing older than
// a minute.
const (
	waitingEntries = 512
	waitingFeed    = 64
	waitingSender  = 128
	waitingAge     = time.Minute
)

func newWaiting() *waiting {
	return &waiting{max: waitingEntries, order: list.New(), feeds: map[protocol.FeedID]map[uint64]*list.Element{}, senders: map[protocol.PublicKey]int{}}
}

// put keeps an entry that a node sent. An entry already waiting at the same place stays.
func (w *waiting) put(from protocol.PublicKey, e protocol.Entry, body []byte, now time.Time) {
	seqs := w.feeds[e.Feed()]
	if _, ok := seqs[e.Seq()]; ok || len(seqs) >= waitingFeed {
		return
	}
	switch {
	case w.senders[from] >= waitingSender:
		w.drop(from)
	case w.order.Len() >= w.max:
		w.drop(w.loudest())
	}
	if seqs = w.feeds[e.Feed()]; seqs == nil {
		seqs = map[uint64]*list.Element{}
		w.feeds[e.Feed()] = seqs
	}
	seqs[e.Seq()] = w.order.PushBack(&waiter{e, body, from, now})
	w.senders[from]++
}

// loudest is the node of which most entries wait; of several the one of the oldest entry.
func (w *waiting) loudest() protocol.PublicKey {
	most := 0
	var who protocol.PublicKey
	for el := w.order.Front(); el != nil; el = el.Next() {
		if x := el.Value.(*waiter); w.senders[x.from] > most {
			who, most = x.from, w.senders[x.from]
		}
	}
	return who
}

// drop removes the oldest entry that a node sent.
func (w *waiting) drop(from protocol.PublicKey) {
	for el := w.order.Front(); el != nil; el = el.Next() {
		if el.Value.(*waiter).from == from {
			w.remove(el)
			w.drops++
			return
		}
	}
}

// take removes and returns the entry at (feed, seq), if it waits.
func (w *waiting) take(feed protocol.FeedID, seq uint64) (protocol.Entry, []byte, bool) {
	el, ok := w.feeds[feed][seq]
	if !ok {
		return protocol.Entry{}, nil, false
	}
	x := w.remove(el)
	return x.entry, x.body, true
}

// run removes and returns the entries that wait from seq on without a gap, at most a page.
func (w *waiting) run(feed protocol.FeedID, seq uint64) protocol.Page {
	var p protocol.Page
	for len(p.Entries) < protocol.MaxPage {
		e, body, ok := w.take(feed, seq+uint64(len(p.Entries)))
		if !ok {
			break
		}
		p.Entries, p.Bodies = append(p.Entries, e), append(p.Bodies, body)
	}
	return p
}

// inceptions lists the waiting first entries: feeds of members not known yet.
func (w *waiting) inceptions() []protocol.Entry {
	var out []protocol.Entry
	for el := w.order.Front(); el != nil; el = el.Next() {
		if x := el.Value.(*waiter); x.entry.Seq() == 0 {
			out = append(out, x.entry)
		}
	}
	return out
}

// expire drops what waited too long.
func (w *waiting) expire(now time.Time) {
	for el := w.order.Front(); el != nil && now.Sub(el.Value.(*waiter).since) > waitingAge; el = w.order.Front() {
		w.remove(el)
	}
}

func (w *waiting) len() int { return w.order.Len() }

func (w *waiting) remove(el *list.Element) *waiter {
	x := w.order.Remove(el).(*waiter)
	seqs := w.feeds[x.entry.Feed()]
	delete(seqs, x.entry.Seq())
	if len(seqs) == 0 {
		delete(w.feeds, x.entry.Feed())
	}
	if w.senders[x.from]--; w.senders[x.from] <= 0 {
		delete(w.senders, x.from)
	}
	return x
}
