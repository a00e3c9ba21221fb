package replication

import (
	"flag"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/replication/mesh/meshtest"
)

var slowEntries = flag.Int("slow-entries", 2000, "entries that the member at the end of a slow line fetches")

// payload is what a node holds, in bytes of headers and bodies.
func (a *actor) payload() (bytes uint64) {
	for _, h := range a.ledger.Feeds() {
		for seq := uint64(0); seq < h.Count; {
			page, err := a.ledger.Page(h.Feed, seq, protocol.MaxPage, 1<<30)
			if err != nil || len(page.Entries) == 0 {
				a.w.t.Fatalf("%s cannot read %s %d: %v", a.handle, h.Feed.Short(), seq, err)
			}
			for i, e := range page.Entries {
				bytes += uint64(len(e.Bytes()) + len(page.Bodies[i]))
			}
			seq += uint64(len(page.Entries))
		}
	}
	return bytes
}

// visible publishes at one node and says how long it takes until all of the others show it.
func (w *world) visible(by *actor, others []*actor) time.Duration {
	began := time.Now()
	id := by.publish("is it there?")
	for slices.ContainsFunc(others, func(a *actor) bool { return !a.ledger.Has(id) }) {
		if time.Since(began) > time.Minute {
			w.t.Fatalf("seed %d: not everywhere after a minute", w.seed)
		}
		time.Sleep(time.Millisecond)
	}
	return time.Since(began)
}

// A member on a line of 256 kbit/s, with 600 ms there and back, 5 % loss in each direction,
// and a cut every minute: ten thousand entries arrive at 60 % of the line's rate or more, a
// cut costs no more than the pages under way, and the other eight do not notice.
func TestScenario_SlowLine(t *testing.T) {
	const rate, cutEvery, cutFor = 256_000, time.Minute, 3 * time.Second
	scenario(t, 1, func(t *testing.T, w *world) {
		nodes := w.found(9)
		w.net.Latency(5*time.Millisecond, 40*time.Millisecond)
		w.startAll()
		w.settle(time.Minute)
		slow, eight := nodes[8], nodes[:8]
		slow.halt()
		var writers sync.WaitGroup
		for _, a := range eight {
			writers.Go(func() { a.publishMany(*slowEntries/8, "while one member has no line: "+fmt.Sprintf("%0100d", a.n)) })
		}
		writers.Wait()
		w.settle(2 * time.Minute)
		probe := func(n int) (all []time.Duration) {
			for i := range n {
				all = append(all, w.visible(eight[i%8], eight))
				time.Sleep(time.Second)
			}
			slices.Sort(all)
			return all
		}
		quiet := probe(30)

		slow.slowLink(meshtest.Line{Rate: rate, Delay: 300 * time.Millisecond, Loss: 0.05}) // in each direction
		start := eight[0].payload()
		slow.start()
		before, wire, began := slow.payload(), w.net.Received(8), time.Now()
		cuts, done := 0, make(chan struct{})
		var cutter sync.WaitGroup
		cutter.Go(func() {
			for {
				select {
				case <-done:
					return
				case <-time.After(cutEvery):
				}
				cuts++
				w.net.Down(8)
				time.Sleep(cutFor)
				w.net.Up(8)
			}
		})
		busy := probe(30)
		limit := time.Duration(float64(start-before)*8/rate/0.3*float64(time.Second)) + time.Minute
		for slow.payload() < start {
			if time.Since(began) > limit {
				break
			}
			time.Sleep(500 * time.Millisecond)
		}
		took := time.Since(began)
		close(done)
		cutter.Wait()
		got, wire := slow.payload()-before, w.net.Received(8)-wire
		share := float64(got) * 8 / took.Seconds() / rate
		fetched := slow.mesh.Traffic()[protocol.ProtocolSync(protocol.Version)].In
		t.Logf("seed %d: %d entries, %d bytes in %s: %.0f %% of the line; %d bytes on the wire, %d of them of catch-up, %d cuts, %d entries came twice, %d feeds taken over", w.seed, *slowEntries, got, took.Round(time.Second), share*100, wire, fetched, cuts, slow.replica.Counts().Again, slow.replica.Counts().Taken)
		t.Logf("visible to the eight: %s (median) and %s (longest) before, %s and %s meanwhile", quiet[15], quiet[29], busy[15], busy[29])
		want := 0.6
		if *slowEntries < 10_000 {
			want = 0.3 // getting to know eight nodes takes a larger part, and so does the one cut
		}
		if share < want {
			t.Errorf("seed %d: it came at %.0f %% of the line's rate, want %.0f %%", w.seed, share*100, want*100)
		}
		// A session that a cut ends loses the page that it is reading, which nobody has seen
		// whole. One that lies still loses its feeds to another, and goes on perhaps before it
		// is told: the last page of the one that is behind comes again, and a part of the one
		// that is ahead. What the eight say meanwhile comes by gossip too.
		counts := slow.replica.Counts()
		if most := 2*counts.Taken*protocol.MaxPage + uint64(len(busy)); counts.Again > most {
			t.Errorf("seed %d: %d entries came twice, %d feeds were taken over in %d cuts, want at most %d", w.seed, counts.Again, counts.Taken, cuts, most)
		}
		page := uint64(protocol.MaxPage) * (got / uint64(*slowEntries))
		if most := got + got/5 + uint64(cuts+1)*claimShares*page; fetched > most {
			t.Errorf("seed %d: catch-up took %d bytes for %d in %d cuts, want at most %d", w.seed, fetched, got, cuts, most)
		}
		if busy[15] > 2*quiet[15] || busy[28] > 2*quiet[28] {
			t.Errorf("seed %d: the others notice: %v, before %v", w.seed, busy, quiet)
		}
		w.heal()
		w.settle(time.Minute)
		w.sameEverywhere()
	})
}
