package index

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// world writes entries as members would. Signatures are not real: the index does not
// look at them.
type world struct {
	t      testing.TB
	fed    protocol.FederationID
	now    int64
	local  uint64
	feeds  []*scribe
	bodies map[protocol.BodyID][]byte
	errs   map[protocol.EntryID]error // what Body answers instead
	byID   map[protocol.FeedID]*scribe
	salt   byte
	broken error // what Entry answers instead
}

type scribe struct {
	w       *world
	member  string
	feed    protocol.FeedID
	entries []protocol.Entry
	items   []Item
}

func newWorld(t testing.TB) *world {
	return &world{t: t, fed: protocol.Sum([]byte("federation")), bodies: map[protocol.BodyID][]byte{},
		errs: map[protocol.EntryID]error{}, byID: map[protocol.FeedID]*scribe{}}
}

func (w *world) entry(h protocol.Header) protocol.Entry {
	h.Version, h.Act, h.Signature = protocol.Version, protocol.ActRef{ID: w.fed}, make([]byte, 64)
	raw, err := protocol.Encode(&h)
	if err != nil {
		w.t.Fatal(err)
	}
	e, err := protocol.DecodeEntry(raw)
	if err != nil {
		w.t.Fatal(err)
	}
	return e
}

// writer opens a feed of a member.
func (w *world) writer(member string) *scribe {
	var node protocol.PublicKey
	binary.BigEndian.PutUint32(node[:], uint32(len(w.feeds)+1))
	e := w.entry(protocol.Header{Init: &protocol.Inception{Federation: w.fed, Root: protocol.PublicKey{1}, Node: node, Added: protocol.Signature{1}}})
	f := &scribe{w: w, member: member, feed: e.ID()}
	f.keep(e)
	w.feeds = append(w.feeds, f)
	w.byID[f.feed] = f
	return f
}

func (f *scribe) keep(e protocol.Entry) protocol.Entry {
	f.w.local++
	f.entries = append(f.entries, e)
	f.items = append(f.items, Item{Entry: e, Seq: f.w.local, What: Appended})
	return e
}

// write appends an entry to the feed.
func (f *scribe) write(h protocol.Header) protocol.Entry {
	f.w.now++
	last := f.entries[len(f.entries)-1]
	h.Feed, h.Seq, h.Prev, h.Time = f.feed, uint64(len(f.entries)), last.ID(), f.w.now
	return f.keep(f.w.entry(h))
}

// body keeps a body for the next entry.
func (w *world) body(h protocol.Header, content any) protocol.Header {
	w.salt++
	raw, err := protocol.EncodeBody(protocol.Salt{w.salt}, content)
	if err != nil {
		w.t.Fatal(err)
	}
	h.Body, h.Size = protocol.Sum(raw), uint64(len(raw))
	w.bodies[h.Body] = raw
	return h
}

func (f *scribe) publish(kind protocol.Kind, number uint64) protocol.Entry {
	return f.write(protocol.Header{Kind: kind, Number: number})
}

func (f *scribe) revise(of, builds protocol.Entry) protocol.Entry {
	return f.write(protocol.Header{Kind: of.Kind(), Of: of.ID(), Refs: []protocol.CID{builds.ID()}})
}

func (f *scribe) withdraw(of protocol.Entry) protocol.Entry {
	return f.write(protocol.Header{Kind: protocol.KindWithdraw, Of: of.ID()})
}

func (f *scribe) erase(of protocol.Entry, versions ...protocol.Entry) protocol.Entry {
	h := protocol.Header{Kind: protocol.KindErasure, Of: of.ID()}
	for _, v := range versions {
		h.Refs = append(h.Refs, v.ID())
	}
	return f.write(h)
}

// items are all items so far, in the order in which they were written.
func (w *world) items() []Item {
	out := make([]Item, w.local)
	for _, f := range w.feeds {
		for _, it := range f.items {
			out[it.Seq-1] = it
		}
	}
	return out
}

// tested is an index whose errors end the test.
type tested struct {
	*Index
	w    *world
	told map[protocol.FeedID]bool // feeds of which it was said whose they are
}

// empty is an index of nothing yet.
func (w *world) empty() *tested {
	x, err := Open(Config{Dir: w.t.TempDir(), Source: w})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if err := x.Close(); err != nil {
			w.t.Error(err)
		}
	})
	return &tested{x, w, map[protocol.FeedID]bool{}}
}

func (w *world) index() *tested {
	x := w.empty()
	x.Add(w.items()...)
	return x
}

func (x *tested) check(err error) {
	x.w.t.Helper()
	if err != nil {
		x.w.t.Fatal(err)
	}
}

// Add takes entries in; a feed that nothing was said of is its writer's.
func (x *tested) Add(items ...Item) {
	x.w.t.Helper()
	for _, it := range items {
		if id := it.Entry.Feed(); !x.told[id] {
			x.Restand(id, x.w.byID[id].member, Unlimited)
		}
	}
	x.check(x.Index.Add(items...))
}

func (x *tested) Restand(feed protocol.FeedID, member string, count uint64) {
	x.w.t.Helper()
	x.told[feed] = true
	x.check(x.Index.Restand(Limit{feed, member, count}))
}

func (x *tested) SetErased(ids []protocol.EntryID) {
	x.w.t.Helper()
	x.check(x.Index.SetErased(ids))
}

// settle computes what is due.
func (x *tested) settle() {
	x.w.t.Helper()
	for left := 1; left > 0; {
		var err error
		left, err = x.Work(3)
		x.check(err)
	}
}

func (x *tested) History(id protocol.RecordID) []Step {
	x.w.t.Helper()
	steps, err := x.Index.History(id)
	x.check(err)
	return steps
}

func (x *tested) Record(id protocol.EntryID) (Row, bool) {
	x.w.t.Helper()
	r, ok, err := x.Index.Record(id)
	x.check(err)
	return r, ok
}

func (x *tested) Count(handle string) int {
	x.w.t.Helper()
	x.settle()
	n, err := x.Index.Count(handle)
	x.check(err)
	return n
}

func (x *tested) NextNumber(handle string) uint64 {
	x.w.t.Helper()
	n, err := x.Index.NextNumber(handle)
	x.check(err)
	return n
}

// Entry and Body make the world a Source.
func (w *world) Entry(feed protocol.FeedID, seq uint64) (protocol.Entry, error) {
	if w.broken != nil {
		return protocol.Entry{}, w.broken
	}
	f := w.byID[feed]
	if f == nil || seq >= uint64(len(f.entries)) {
		return protocol.Entry{}, protocol.Fail(protocol.ReasonNotFound, "read entry", nil)
	}
	return f.entries[seq], nil
}

func (w *world) Body(e protocol.Entry) ([]byte, error) {
	if err := w.errs[e.ID()]; err != nil {
		return nil, err
	}
	return w.bodies[e.Header().Body], nil
}

// notice is a valid notice.
func notice(title string) any {
	r, err := record.Parse(protocol.KindNotice, fmt.Appendf(nil, `{"type":"notice","lang":"ko","title":{"ko":%q},"body":{"ko":"본문"},"category":"news","valid_until":"2027-12-31"}`, title))
	if err != nil {
		panic(err)
	}
	return r.Content()
}

func mustRow(t *testing.T, x *tested, ref string) Row {
	t.Helper()
	r, err := x.Lookup(ref)
	if err != nil {
		t.Fatalf("%s: %v", ref, err)
	}
	return r
}

func wantReason(t *testing.T, err error, want protocol.Reason) *protocol.Error {
	t.Helper()
	e, ok := err.(*protocol.Error)
	if !ok || e.Reason != want {
		t.Fatalf("got %v, want reason %v", err, want)
	}
	return e
}
