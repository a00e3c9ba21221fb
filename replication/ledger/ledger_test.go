package ledger_test

import (
	"bytes"
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/protocoltest"
	"github.com/dure-net/dure/replication/ledger"
)

// world is a federation with feeds to fill ledgers from.
type world struct {
	fed     protocol.FederationID
	act     []byte
	members []protocoltest.Member
}

func newWorld(members int) *world {
	w := &world{}
	w.act, w.fed, w.members = protocoltest.Federation(members)
	return w
}

func (w *world) feed(i int) *protocoltest.Feed {
	m := w.members[i]
	return protocoltest.NewFeed(w.fed, m.Root, m.Node)
}

// open opens a ledger that is closed when the test ends.
func (w *world) open(t testing.TB, dir string) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(ledger.Config{Dir: dir, Federation: w.fed, ReserveBytes: 1 << 20})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func closed(t testing.TB, l *ledger.Ledger) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
}

func put(t testing.TB, l *ledger.Ledger, b ledger.Batch) {
	t.Helper()
	if err := l.Put(context.Background(), b); err != nil {
		t.Fatalf("put: %v", err)
	}
}

func refused(t testing.TB, l *ledger.Ledger, b ledger.Batch, want protocol.Reason) {
	t.Helper()
	if got := protocol.ReasonOf(l.Put(context.Background(), b)); got != want {
		t.Fatalf("put is %v, want %v", got, want)
	}
}

func one(p protocol.Page) ledger.Batch { return ledger.Batch{Pages: []protocol.Page{p}} }

func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// sameFeed checks that a ledger serves all of a feed, by every way of reading.
func sameFeed(t testing.TB, l *ledger.Ledger, f *protocoltest.Feed) {
	t.Helper()
	head, ok := l.Head(f.ID())
	if !ok || head.Count != uint64(len(f.Entries)) || head.Head != f.Head().ID() {
		t.Fatalf("head is %d %v, want %d %v", head.Count, head.Head.Short(), len(f.Entries), f.Head().ID().Short())
	}
	for i, want := range f.Entries {
		e, err := l.Entry(f.ID(), uint64(i))
		if err != nil || !bytes.Equal(e.Bytes(), want.Bytes()) {
			t.Fatalf("entry %d: %v", i, err)
		}
		if got, isBody, err := l.Find(want.ID()); err != nil || isBody || got.ID() != want.ID() {
			t.Fatalf("find entry %d: %v", i, err)
		}
		if b, err := l.Block(want.ID()); err != nil || !bytes.Equal(b, want.Bytes()) {
			t.Fatalf("block of entry %d: %v", i, err)
		}
		body, err := l.Body(e)
		if err != nil || !bytes.Equal(body, f.Bodies[i]) {
			t.Fatalf("body %d: %v", i, err)
		}
		if f.Bodies[i] == nil {
			continue
		}
		id := want.Header().Body
		if b, err := l.Block(id); err != nil || !bytes.Equal(b, f.Bodies[i]) {
			t.Fatalf("block of body %d: %v", i, err)
		}
		if got, isBody, err := l.Find(id); err != nil || !isBody || got.ID() != want.ID() {
			t.Fatalf("find body %d: %v", i, err)
		}
	}
	for from := 0; from < len(f.Entries); {
		p, err := l.Page(f.ID(), uint64(from), 64, 1<<20)
		if err != nil || len(p.Entries) == 0 {
			t.Fatalf("page from %d: %d entries, %v", from, len(p.Entries), err)
		}
		for i, e := range p.Entries {
			if e.ID() != f.Entries[from+i].ID() || !bytes.Equal(p.Bodies[i], f.Bodies[from+i]) {
				t.Fatalf("page from %d: entry %d differs", from, i)
			}
		}
		from += len(p.Entries)
	}
}

func TestLedger_KeepsWhatItIsGiven(t *testing.T) {
	w := newWorld(3)
	dir := filepath.Join(t.TempDir(), "ledger")
	l := w.open(t, dir)
	paged, single, empty := w.feed(0).Fill(200, 300), w.feed(1).Fill(70, 100), w.feed(2)
	for _, p := range paged.Pages(0, 64) {
		put(t, l, one(p))
	}
	for i := range single.Entries {
		put(t, l, one(single.Page(i, 1)))
	}
	put(t, l, one(empty.Page(0, 1)))
	check := func() {
		t.Helper()
		for _, f := range []*protocoltest.Feed{paged, single, empty} {
			sameFeed(t, l, f)
		}
		if s := l.Stats(); s.Entries != 271 || s.Feeds != 3 || s.Wanted != 0 || s.Next != 272 {
			t.Fatalf("stats are %+v", s)
		}
	}
	check()
	closed(t, l)
	l = w.open(t, dir)
	if o := l.Opened(); !o.Clean || o.Changed || o.Lost != 0 || len(o.Cut) != 0 || o.Status != ledger.MarkAbsent {
		t.Fatalf("opened as %+v", o)
	}
	check()
	got, err := l.Changes(0, 1000)
	if err != nil || len(got) != 271 {
		t.Fatalf("%d changes, %v", len(got), err)
	}
	for i, ch := range got {
		if ch.Local != uint64(i+1) || ch.What != ledger.Appended {
			t.Fatalf("change %d is %+v", i, ch)
		}
	}
	if some, err := l.Changes(150, 10); err != nil || len(some) != 10 || some[0].Entry.ID() != got[149].Entry.ID() {
		t.Fatalf("changes from 150: %d, %v", len(some), err)
	}
}

func TestLedger_RefusesWhatDoesNotFit(t *testing.T) {
	w := newWorld(1)
	m := w.members[0]
	f := w.feed(0).Fill(10, 50)
	other := protocoltest.NewFeed(w.fed, m.Root, m.Node)
	other.Append(protocol.KindNotice, map[string]any{"n": uint64(7)})
	other.Append(protocol.KindNotice, map[string]any{"n": uint64(8)})
	l := w.open(t, t.TempDir())
	refused(t, l, one(f.Page(1, 2)), protocol.ReasonGap)
	put(t, l, one(f.Page(0, 4)))
	refused(t, l, one(f.Page(5, 2)), protocol.ReasonGap)
	refused(t, l, one(other.Page(1, 2)), protocol.ReasonFork)
	put(t, l, one(f.Page(0, 4))) // held already
	put(t, l, one(f.Page(2, 4))) // half of it
	wrong := f.Page(6, 1)
	wrong.Bodies = [][]byte{[]byte("not the body")}
	refused(t, l, one(wrong), protocol.ReasonBadHash)
	refused(t, l, ledger.Batch{Pages: []protocol.Page{f.Page(6, 1), f.Page(8, 1)}}, protocol.ReasonGap)
	refused(t, l, ledger.Batch{Pages: []protocol.Page{f.Page(6, 2), f.Page(7, 2)}}, protocol.ReasonConflict)
	refused(t, l, one(protocol.Page{}), protocol.ReasonMalformed)
	refused(t, l, ledger.Batch{Bodies: []ledger.Body{{Entry: f.Entries[9].ID(), Data: f.Bodies[9]}}}, protocol.ReasonNotFound)
	if h, _ := l.Head(f.ID()); h.Count != 6 {
		t.Fatalf("count is %d after refusals, want 6", h.Count)
	}
	put(t, l, ledger.Batch{Pages: []protocol.Page{f.Page(6, 2), f.Page(8, 2)}})
	sameFeed(t, l, f)
}
