package index

import (
	"slices"

	"github.com/dure-net/dure/protocol"
)

// Retract takes out of a feed what it holds from a seq on, because another branch of a
// fork was chosen: none of it counts, wherever the feed stands. What is added again, as
// when the choice is made anew, is back. The cost grows with all that the index holds.
func (x *Index) Retract(id protocol.FeedID, from uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	no := x.feed(id.Digest())
	if x.feeds[no].end <= from {
		return
	}
	to := x.asideOf(no)
	f, aside := &x.feeds[no], &x.feeds[to]
	aside.end = max(aside.end, f.end)
	f.end = from
	f.records = slices.DeleteFunc(f.records, func(r uint32) bool {
		p := &x.records.at(r).place
		if p.seq < from {
			return false
		}
		p.feed = to
		aside.records = x.insert(aside.records, r)
		return true
	})
	for i := range x.changes.n {
		if p := &x.changes.at(i).place; p.feed == no && p.seq >= from {
			p.feed = to
		}
	}
	x.epoch++
}

// asideOf is the feed of nobody that takes what is retracted from a feed.
func (x *Index) asideOf(no uint32) uint32 {
	if x.feeds[no].aside == 0 {
		x.feeds = append(x.feeds, feed{id: x.feeds[no].id, of: no + 1})
		x.feeds[no].aside = uint32(len(x.feeds))
	}
	return x.feeds[no].aside - 1
}

// retracted reports whether a place is set aside from the feed of another one.
func (x *Index) retracted(p *place, feed uint32) bool {
	return p.feed != feed && x.feeds[p.feed].of == feed+1
}

// restoreRecord puts a record back into the feed that it was retracted from.
func (x *Index) restoreRecord(no uint32, feed uint32) {
	r := x.records.at(no)
	if !x.retracted(&r.place, feed) {
		return
	}
	aside := &x.feeds[r.feed]
	aside.records = slices.DeleteFunc(aside.records, func(other uint32) bool { return other == no })
	r.feed = feed
	x.feeds[feed].records = x.insert(x.feeds[feed].records, no)
	x.addNumber(no)
	x.epoch++
}

// restoreChange is restoreRecord for a change, which may stand in several places of the list.
func (x *Index) restoreChange(no uint32, feed uint32) {
	first := x.changes.at(no)
	if !x.retracted(&first.place, feed) {
		return
	}
	for id := first.id; no < x.changes.n && x.changes.at(no).id == id; no++ {
		x.changes.at(no).feed = feed
	}
	x.epoch++
}

// addNumber makes a record known under its number and its feed.
func (x *Index) addNumber(no uint32) {
	r := x.records.at(no)
	if r.number == 0 {
		return
	}
	x.numberNo.add(x.hashNumber(r.feed, r.number), no, func(other uint32) uint64 {
		o := x.records.at(other)
		return x.hashNumber(o.feed, o.number)
	})
}
