package ledger

import (
	"bytes"
	"context"
	"testing"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/protocoltest"
)

// bench is one ledger with one feed in runs of ten, whose files a test can damage exactly.
type bench struct {
	*testing.T
	dir  string
	fed  protocol.FederationID
	feed *protocoltest.Feed
	l    *Ledger
}

func newBench(t *testing.T) *bench {
	_, fed, members := protocoltest.Federation(1)
	b := &bench{T: t, dir: t.TempDir(), fed: fed, feed: protocoltest.NewFeed(fed, members[0].Root, members[0].Node).Fill(60, 40)}
	b.open()
	t.Cleanup(func() { _ = b.l.Close() })
	for _, p := range b.feed.Pages(0, 10) {
		b.put(p)
	}
	return b
}

func (b *bench) open() {
	b.Helper()
	l, err := Open(Config{Dir: b.dir, Federation: b.fed, ReserveBytes: 1})
	if err != nil {
		b.Fatal(err)
	}
	b.l = l
}

func (b *bench) reopen() Opened {
	b.Helper()
	if err := b.l.Close(); err != nil {
		b.Fatal(err)
	}
	b.open()
	return b.l.Opened()
}

func (b *bench) put(p protocol.Page) {
	b.Helper()
	if err := b.l.Put(context.Background(), Batch{Pages: []protocol.Page{p}}); err != nil {
		b.Fatal(err)
	}
}

// damage changes what lies under a key; a nil change deletes it.
func (b *bench) damage(key []byte, change func([]byte)) {
	b.Helper()
	var value []byte
	if change != nil {
		if err := b.l.db.get(key, func(v []byte) error { value = bytes.Clone(v); return nil }); err != nil {
			b.Fatal(err)
		}
		change(value)
	}
	j := &job{commit: &Commit{done: make(chan struct{})}, repair: func(c *committer) error { return c.store.commit([]write{{key, value}}) }}
	b.l.enqueue(j)
	if err := j.commit.Wait(context.Background()); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) whole() {
	b.Helper()
	rep, err := b.l.Verify(context.Background(), nil)
	if err != nil || !rep.Clean() || rep.Entries != 60 || rep.Bodies != 59 || rep.Wanted != 0 {
		b.Fatalf("verify: %+v, %v", rep, err)
	}
	for i, e := range b.feed.Entries {
		got, err := b.l.Block(e.ID())
		if err != nil || !bytes.Equal(got, e.Bytes()) {
			b.Fatalf("entry %d: %v", i, err)
		}
	}
}

func flipAt(at int) func([]byte) { return func(v []byte) { v[at%len(v)] ^= 4 } }

func TestOpen_CutsAtDamageAndJoinsTheRestAgain(t *testing.T) {
	for what, change := range map[string]func([]byte){"flipped": flipAt(900), "gone": nil, "its end": flipAt(20)} {
		t.Run(what, func(t *testing.T) {
			b := newBench(t)
			root := b.reopen().Root
			b.damage(placeKey(keyRun, placeOf(1, 20)), change)
			o := b.reopen()
			if len(o.Cut) != 1 || o.Cut[0].Feed != b.feed.ID() || o.Cut[0].From != 20 || !o.Changed || o.Clean {
				t.Fatalf("opened as %+v", o)
			}
			if h, _ := b.l.Head(b.feed.ID()); h.Count != 20 || o.Lost != 40 {
				t.Fatalf("%d entries, %d lost", h.Count, o.Lost)
			}
			if _, err := b.l.Entry(b.feed.ID(), 25); protocol.ReasonOf(err) != protocol.ReasonNotFound {
				t.Fatalf("an entry beyond the cut: %v", err)
			}
			// Catch-up brings a page that reaches into what was set aside.
			b.put(b.feed.Page(20, 14))
			o = b.reopen()
			if h, _ := b.l.Head(b.feed.ID()); h.Count != 60 || len(o.Cut) != 0 || o.Root != root {
				t.Fatalf("%d entries after the gap was filled, opened as %+v", h.Count, o)
			}
			b.whole()
			if o = b.reopen(); !o.Clean || o.Lost != 0 {
				t.Fatalf("opened as %+v", o)
			}
			b.whole()
		})
	}
}

func TestOpen_CountsALostTail(t *testing.T) {
	b := newBench(t)
	b.damage(placeKey(keyRun, placeOf(1, 50)), nil)
	if o := b.reopen(); o.Lost != 10 || !o.Changed || o.Clean {
		t.Fatalf("opened as %+v", o)
	}
	b.put(b.feed.Page(50, 10))
	b.reopen()
	b.whole()
}

func TestOpen_SurvivesALostInceptionAndNeverReusesItsNumber(t *testing.T) {
	b := newBench(t)
	b.damage(placeKey(keyRun, placeOf(1, 0)), nil)
	b.damage(feedKey(keyFeed, 1), nil)
	if o := b.reopen(); len(o.Cut) != 1 || o.Lost != 60 {
		t.Fatalf("opened as %+v", o)
	}
	if len(b.l.Feeds()) != 0 || b.l.Stats().Entries != 0 {
		t.Fatal("a feed without its inception shows")
	}
	_, _, members := protocoltest.Federation(2)
	other := protocoltest.NewFeed(b.fed, members[1].Root, members[1].Node).Fill(30, 40)
	b.put(other.Page(0, 30))
	b.put(b.feed.Page(0, 60))
	b.reopen()
	for _, f := range []*protocoltest.Feed{other, b.feed} {
		for _, e := range f.Entries {
			if got, err := b.l.Entry(f.ID(), e.Seq()); err != nil || got.ID() != e.ID() {
				t.Fatalf("entry %d: %v", e.Seq(), err)
			}
		}
	}
}

func TestLedger_RepairsARunInPlace(t *testing.T) {
	b := newBench(t)
	b.reopen()
	b.damage(placeKey(keyRun, placeOf(1, 30)), flipAt(700))
	damaged := 0
	for seq := range uint64(60) {
		if _, err := b.l.Entry(b.feed.ID(), seq); protocol.ReasonOf(err) == protocol.ReasonDamaged {
			damaged++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if got := b.l.Damaged(); damaged == 0 || len(got) != 1 || got[0] != (Range{Feed: b.feed.ID(), From: 30, Count: 10}) {
		t.Fatalf("%d damaged, listed %+v", damaged, got)
	}
	if p, err := b.l.Page(b.feed.ID(), 20, 64, 1<<20); err != nil || len(p.Entries) != 10 {
		t.Fatalf("a page up to the damage has %d entries, %v", len(p.Entries), err)
	}
	if _, err := b.l.Page(b.feed.ID(), 30, 64, 1<<20); protocol.ReasonOf(err) != protocol.ReasonDamaged {
		t.Fatalf("a page of the damage: %v", err)
	}
	next := b.l.Stats().Next
	b.put(b.feed.Page(35, 10)) // does not cover it
	if len(b.l.Damaged()) != 1 {
		t.Fatal("half a repair counts as one")
	}
	b.put(b.feed.Page(25, 20))
	if len(b.l.Damaged()) != 0 {
		t.Fatal("still listed")
	}
	b.whole()
	if changes, err := b.l.Changes(next, 99); err != nil || len(changes) != 10 || changes[0].Entry.Seq() != 30 {
		t.Fatalf("%d changes, %v", len(changes), err)
	}
	if o := b.reopen(); !o.Clean {
		t.Fatalf("opened as %+v", o)
	}
	b.whole()
}

func TestLedger_WantsADamagedBodyAgain(t *testing.T) {
	for what, change := range map[string]func([]byte){"flipped": flipAt(30), "gone": nil} {
		t.Run(what, func(t *testing.T) {
			b := newBench(t)
			b.reopen()
			e := b.feed.Entries[7]
			b.damage(placeKey(keyBody, placeOf(1, 7)), change)
			p, err := b.l.Page(b.feed.ID(), 0, 64, 1<<20)
			if err != nil || p.Bodies[7] != nil || p.Bodies[8] == nil {
				t.Fatalf("the page serves it, or leaves out others: %v", err)
			}
			if _, err := b.l.Body(e); protocol.ReasonOf(err) != protocol.ReasonWanted {
				t.Fatalf("body is %v", err)
			}
			b.reopen()
			if got := b.l.Wanted(9); len(got) != 1 || got[0].Entry != e.ID() || got[0].Body != e.Header().Body {
				t.Fatalf("wanted are %+v", got)
			}
			if err := b.l.Put(context.Background(), Batch{Bodies: []Body{{e.ID(), b.feed.Bodies[7]}}}); err != nil {
				t.Fatal(err)
			}
			b.whole()
		})
	}
}

// Groups as large as they come fit one Badger transaction.
func TestCommitter_FillsTransactionsToTheirBound(t *testing.T) {
	_, fed, members := protocoltest.Federation(2)
	l, err := Open(Config{Dir: t.TempDir(), Federation: fed, ReserveBytes: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	many := protocoltest.NewFeed(fed, members[0].Root, members[0].Node)
	for range 6000 {
		many.Append(protocol.KindOffer, uint64(1)) // tiny bodies: the bound on keys
	}
	large := protocoltest.NewFeed(fed, members[1].Root, members[1].Node)
	for i := range 60 {
		large.Append(protocol.KindOffer, bytes.Repeat([]byte{byte(i)}, 65_000)) // the bound on bytes
	}
	var commits []*Commit
	for _, p := range many.Pages(0, 64) {
		commits = append(commits, l.Submit(Batch{Pages: []protocol.Page{p}}))
	}
	for _, p := range large.Pages(0, 14) { // 910 kB
		commits = append(commits, l.Submit(Batch{Pages: []protocol.Page{p}}))
	}
	for i, c := range commits {
		if err := c.Wait(context.Background()); err != nil {
			t.Fatalf("batch %d: %v", i, err)
		}
	}
	if err := l.Put(context.Background(), Batch{Pages: []protocol.Page{large.Page(0, 20)}}); protocol.ReasonOf(err) != protocol.ReasonTooLarge {
		t.Fatalf("a batch beyond the bound: %v", err)
	}
	if rep, err := l.Verify(context.Background(), nil); err != nil || !rep.Clean() || rep.Entries != 6062 {
		t.Fatalf("verify: %+v, %v", rep, err)
	}
}
