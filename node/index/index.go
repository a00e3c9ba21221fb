// Package index is a disposable projection of the ledger for lists: which records
// there are, in which version, under which number. It is fed with every entry and
// rebuilt at each start; it never decides what counts, holds no content, and losing it
// loses nothing.
//
// It reads headers alone. Content is fetched from the Source when a record is shown.
package index

import (
	"hash/maphash"
	"math"
	"slices"
	"sync"

	"github.com/dure-net/dure/protocol"
)

// Source gives what the index does not hold. The ledger is one.
type Source interface {
	// Entry is entry seq of a feed.
	Entry(feed protocol.FeedID, seq uint64) (protocol.Entry, error)

	// Body is the body of an entry; nil and no error if it names none. ReasonWanted,
	// ReasonErased and ReasonDamaged say why there are no bytes. The index does not
	// change the slice.
	Body(e protocol.Entry) ([]byte, error)
}

// Config is what an Index is made from.
type Config struct {
	Source Source // what View reads from; the rest does without
}

// Unlimited is the count of a feed that stands as far as it goes.
const Unlimited = uint64(math.MaxUint64)

// addBatch bounds how many entries are taken in under one hold of the lock, so that
// readers wait some tens of microseconds while a whole ledger is read in.
const addBatch = 256

// Item is one admitted entry.
type Item struct {
	Entry  protocol.Entry
	Seq    uint64 // local number, as the ledger gave it
	Member string // handle of the owner of the entry's feed; "" while it is no member's

	// Standing says whether the entry counts: it lies below every cut, removal and
	// fork. Of two words on one feed the later rules: an entry that does not stand
	// ends its feed there, one that stands carries its feed on at least beyond it.
	Standing bool
}

// Index is the projection. Its methods are safe for concurrent use. Memory: about 130
// bytes for the first entry of a record, 110 for each further one, nothing for entries
// that are about no record.
//
// What it says of records does not depend on the order in which entries came, only the
// order of lists does.
type Index struct {
	source Source
	seed   maphash.Seed

	mu      sync.RWMutex // guards everything below
	feeds   []feed
	feedNo  map[digest]uint32
	members []member // 0 is nobody, and has no feeds listed
	memNo   map[string]uint32

	records  chunked[held]
	recordNo table // digest of the first entry to record
	changes  chunked[change]
	changeNo table // digest of the entry to change
	numberNo table // feed and number to record; several may share both

	order  []uint32              // known records by local number
	byKind [recordKinds][]uint32 // the same, by kind
	erased map[digest]struct{}   // entries whose bodies acts have erased
	epoch  uint32                // rises when what stands, or what is erased, changes
}

const recordKinds = int(protocol.KindNotice-protocol.KindProfile) + 1

type feed struct {
	id      digest
	aside   uint32 // 1 + the feed that takes what is retracted from this one; 0: nothing was
	of      uint32 // 1 + the feed that this one takes what is retracted from; 0: it is a feed itself
	member  uint32 // place in members
	count   uint64 // this many first entries stand
	end     uint64 // 1 + the highest seq of an entry held here
	number  uint64 // the highest short number given in it
	records []uint32
}

type member struct {
	handle string
	feeds  []uint32
}

// place is where an entry stands.
type place struct {
	id    digest
	local uint64
	seq   uint64
	feed  uint32
}

// held is a record as its first entry and its changes make it. Fields after the
// first two are computed by resolve, when the record is read.
type held struct {
	place
	number uint64
	change uint32 // the newest of its changes, 1 + place in changes; 0: none

	epoch      uint32 // of the index when it was resolved; stale while it differs
	current    uint32 // 1 + the change that is the current version; 0: the first entry
	withdrawal uint32 // 1 + the change that withdraws it; 0: none
	revisions  uint32
	rivals     uint32 // further versions that nothing supersedes

	kind  protocol.Kind
	flags flag
}

type flag uint8

const (
	flagKnown  flag = 1 << iota // its first entry is here; else only changes of it are
	flagStands                  // resolved: the first entry counts
	flagErased                  // resolved: the current version's body is erased
)

// change is an entry that revises, withdraws or erases.
type change struct {
	place
	parent digest // what it builds on or, for an erasure, whose body it erases; zero: the record as a whole
	record uint32
	next   uint32 // the record's next older change, 1 + place; 0: none
	kind   protocol.Kind
}

// New makes an empty index.
func New(c Config) *Index {
	return &Index{source: c.Source, seed: maphash.MakeSeed(), feedNo: map[digest]uint32{},
		members: []member{{}}, memNo: map[string]uint32{"": 0}, erased: map[digest]struct{}{}, epoch: 1}
}

// Add takes in admitted entries. An entry known already changes nothing but, as its
// member and standing are news, its feed. It does not block on I/O.
func (x *Index) Add(items ...Item) {
	for len(items) > 0 {
		n := min(len(items), addBatch)
		x.mu.Lock()
		for i := range items[:n] {
			x.add(&items[i])
		}
		x.mu.Unlock()
		items = items[n:]
	}
}

func (x *Index) add(it *Item) {
	h := it.Entry.Header()
	no := x.feed(it.Entry.Feed().Digest())
	x.own(no, it.Member)
	f := &x.feeds[no]
	if it.Standing && h.Seq >= f.count {
		x.stand(no, h.Seq+1)
	} else if !it.Standing && h.Seq < f.count {
		x.stand(no, h.Seq)
	}
	f.end = max(f.end, h.Seq+1)
	at := place{id: it.Entry.ID().Digest(), local: it.Seq, seq: h.Seq, feed: no}
	switch {
	case h.Kind.IsRecord() && !h.Of.Defined():
		x.addRecord(at, h.Kind, h.Number)
	case h.Of.Defined() && (h.Kind.IsRecord() || h.Kind == protocol.KindWithdraw || h.Kind == protocol.KindErasure):
		x.addChange(at, &h)
	}
}

// feed finds a feed's number or gives it one.
func (x *Index) feed(id digest) uint32 {
	no, ok := x.feedNo[id]
	if !ok {
		no = uint32(len(x.feeds))
		x.feedNo[id] = no
		x.feeds = append(x.feeds, feed{id: id, count: Unlimited})
	}
	return no
}

// own gives a feed to a member.
func (x *Index) own(no uint32, handle string) {
	f := &x.feeds[no]
	if x.members[f.member].handle == handle {
		return
	}
	to, ok := x.memNo[handle]
	if !ok {
		to = uint32(len(x.members))
		x.memNo[handle] = to
		x.members = append(x.members, member{handle: handle})
	}
	if f.member != 0 {
		from := &x.members[f.member]
		from.feeds = slices.DeleteFunc(from.feeds, func(other uint32) bool { return other == no })
	}
	if to != 0 {
		x.members[to].feeds = append(x.members[to].feeds, no)
	}
	f.member = to
	if f.end > 0 {
		x.epoch++
	}
}

// stand sets how many entries of a feed count.
func (x *Index) stand(no uint32, count uint64) {
	f := &x.feeds[no]
	if min(f.count, f.end) != min(count, f.end) {
		x.epoch++
	}
	f.count = count
}

func (x *Index) addRecord(at place, kind protocol.Kind, number uint64) {
	no := x.record(at.id)
	r := x.records.at(no)
	if r.flags&flagKnown != 0 {
		x.restoreRecord(no, at.feed)
		return
	}
	r.place, r.kind, r.number, r.flags, r.epoch = at, kind, number, flagKnown, 0
	x.order = x.insert(x.order, no)
	k := &x.byKind[kind-protocol.KindProfile]
	*k = x.insert(*k, no)
	f := &x.feeds[at.feed]
	f.records = x.insert(f.records, no)
	x.addNumber(no)
	if number > 0 && number <= maxGiven {
		f.number = max(f.number, number)
	}
}

// record finds a record or makes room for one whose changes came before it.
func (x *Index) record(id digest) uint32 {
	hash := x.hash(id)
	if no, ok := x.recordNo.find(hash, func(i uint32) bool { return x.records.at(i).id == id }); ok {
		return no
	}
	no := x.records.add(held{place: place{id: id}})
	x.recordNo.add(hash, no, func(i uint32) uint64 { return x.hash(x.records.at(i).id) })
	return no
}

func (x *Index) addChange(at place, h *protocol.Header) {
	hash := x.hash(at.id)
	if no, ok := x.changeNo.find(hash, func(i uint32) bool { return x.changes.at(i).id == at.id }); ok {
		x.restoreChange(no, at.feed)
		return
	}
	of := x.record(h.Of.Digest())
	refs := h.Refs
	if h.Kind != protocol.KindErasure {
		refs = refs[:min(len(refs), 1)]
	}
	for i := range max(len(refs), 1) {
		c := change{place: at, record: of, kind: h.Kind}
		if i < len(refs) {
			c.parent = refs[i].Digest()
		}
		r := x.records.at(of)
		c.next, r.epoch = r.change, 0
		no := x.changes.add(c)
		r.change = no + 1
		if i == 0 {
			x.changeNo.add(hash, no, func(i uint32) uint64 { return x.hash(x.changes.at(i).id) })
		}
	}
}

// Restand says whose a feed is ("" for nobody's) and how many of its first entries
// count (Unlimited for all). It can be taken back by another call. A feed without
// entries yet is remembered.
func (x *Index) Restand(id protocol.FeedID, handle string, count uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	no := x.feed(id.Digest())
	x.own(no, handle)
	x.stand(no, count)
}

// SetErased replaces the list of entries whose bodies acts have erased; one that is the
// first of a record stands for all of it. Erasures by owners are entries, and known from them.
func (x *Index) SetErased(entries []protocol.EntryID) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.erased = make(map[digest]struct{}, len(entries))
	for _, id := range entries {
		x.erased[id.Digest()] = struct{}{}
	}
	x.epoch++
}

// Count is how many records of a member count, withdrawn ones included; of all
// members for "".
func (x *Index) Count(handle string) int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if handle != "" {
		no, ok := x.memNo[handle]
		if !ok {
			return 0
		}
		return x.countOf(&x.members[no])
	}
	n := 0
	for i := range x.members[1:] {
		n += x.countOf(&x.members[i+1])
	}
	return n
}

func (x *Index) countOf(m *member) (n int) {
	for _, no := range m.feeds {
		f := &x.feeds[no]
		if f.end <= f.count {
			n += len(f.records)
			continue
		}
		for _, r := range f.records {
			if x.records.at(r).seq < f.count {
				n++
			}
		}
	}
	return n
}
