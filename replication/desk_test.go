package replication

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/dure-net/dure/protocol"
)

// Many write at once, and what one of them writes cannot be sealed: it alone is told, and
// the others' entries are one chain without a gap.
func TestPublish_ManyAtOnceAreOneChain(t *testing.T) {
	const writers, each = 32, 8
	l := newLone(t, 1, nil)
	var (
		wg      sync.WaitGroup
		mu      sync.Mutex
		written = map[uint64]Published{}
	)
	if err := l.Begin(context.Background()); err != nil {
		t.Fatal(err)
	}
	before, ok := l.store.Head(l.w.nodes[0].inception.ID())
	if !ok {
		t.Fatal("the feed is not open")
	}
	for i := range writers {
		wg.Go(func() {
			for n := range each {
				d := Draft{Kind: protocol.KindOffer, Number: uint64(1 + i*each + n), Content: map[string]any{"n": n}}
				if i == 0 {
					d.Refs = make([]protocol.CID, protocol.MaxReferences+1)
					for j := range d.Refs {
						d.Refs[j] = l.w.fed
					}
				}
				p, err := l.Publish(context.Background(), d)
				if i == 0 {
					if protocol.ReasonOf(err) != protocol.ReasonTooLarge {
						t.Errorf("too many references: %v", err)
					}
					continue
				}
				if err != nil {
					t.Error(err)
					continue
				}
				mu.Lock()
				if _, twice := written[p.Entry.Seq()]; twice {
					t.Errorf("two entries at %d", p.Entry.Seq())
				}
				written[p.Entry.Seq()] = p
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	prev, err := l.store.Entry(before.Feed, before.Count-1)
	if err != nil {
		t.Fatal(err)
	}
	for seq := before.Count; seq < before.Count+(writers-1)*each; seq++ {
		p, ok := written[seq]
		if !ok {
			t.Fatalf("nobody wrote entry %d", seq)
		}
		if err := p.Entry.Follows(prev); err != nil {
			t.Fatal(err)
		}
		held, err := l.store.Entry(before.Feed, seq)
		if err != nil || held.ID() != p.Entry.ID() || p.Local == 0 {
			t.Fatalf("entry %d: held %s, %v; local %d", seq, held.ID().Short(), err, p.Local)
		}
		prev = p.Entry
	}
	if after, _ := l.store.Head(before.Feed); after.Count != before.Count+(writers-1)*each {
		t.Errorf("%d entries, want %d", after.Count, before.Count+(writers-1)*each)
	}
}

// The disk stands still while more write than the ledger queues. Handing an entry in
// waited for room with the lock held, and the whole node with it.
func TestPublish_SlowDiskHoldsNobodyElse(t *testing.T) {
	l := newLone(t, 1, nil)
	if err := l.Begin(context.Background()); err != nil {
		t.Fatal(err)
	}
	hold := make(chan struct{})
	l.hold.Store(&hold)
	const writers = 3 * singleRuns
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			if _, err := l.Publish(context.Background(), Draft{Kind: protocol.KindOffer, Number: uint64(1 + i), Content: map[string]any{"n": i}}); err != nil {
				t.Error(err)
			}
		})
	}
	for began := time.Now(); l.single.TryAcquire(1); time.Sleep(time.Millisecond) {
		l.single.Release(1)
		if time.Since(began) > allowed(90*time.Second) {
			t.Fatal("nobody waits for the disk")
		}
	}
	time.Sleep(50 * time.Millisecond) // for whoever would wait with the lock held
	answered := make(chan struct{})
	go func() {
		l.State()
		l.Condition()
		l.Custody().Forks()
		close(answered)
	}()
	select {
	case <-answered:
	case <-time.After(90 * time.Second):
		t.Error("the node does not answer while its disk is slow")
	}
	l.hold.Store(nil)
	close(hold)
	wg.Wait()
}
