package replication

import (
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"github.com/dure-net/dure/replication/mesh/meshtest"
)

// times publishes at random nodes at an even pace and returns, sorted, how long it took
// until each record could be read on all of these nodes.
func (w *world) times(nodes []*actor, n int, pace time.Duration) []time.Duration {
	var (
		mu      sync.Mutex
		all     []time.Duration
		waiting sync.WaitGroup
	)
	for range n {
		by := nodes[w.dice.IntN(len(nodes))]
		began := time.Now()
		waiting.Go(func() {
			id := by.publish("in between")
			for left := nodes; len(left) > 0; time.Sleep(time.Millisecond) {
				left = slices.DeleteFunc(slices.Clone(left), func(a *actor) bool { return a.ledger.Has(id) })
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, time.Since(began))
		})
		time.Sleep(pace)
	}
	waiting.Wait()
	slices.Sort(all)
	return all
}

// One member writes as fast as a program can, far beyond its allowance, and announces
// every entry to everybody. What the others write is seen as soon as before, the queues
// stay within their bounds, all know who it is, and in the end all have everything.
func TestScenario_Flood(t *testing.T) {
	const (
		pace = 250 * time.Millisecond
		n    = 100
		fast = 10 * time.Millisecond // between two entries of each of three writers
	)
	scenario(t, 1, func(t *testing.T, w *world) {
		nodes := w.found(7)
		flooder, others := nodes[6], nodes[:6]
		w.startAll()
		w.settle(30 * time.Second)
		for _, a := range nodes {
			a.slowDisk(2 * time.Millisecond)
			a.slowLink(meshtest.Line{Rate: 20_000_000, Delay: 20 * time.Millisecond})
		}
		time.Sleep(3 * time.Second)
		quiet := w.times(others, n, pace)
		for _, a := range others {
			a.replica.spend(flooder.handle, 200) // the last of a burst, so that this test sees what is beyond
		}
		flooder.replica.announcing = rate.NewLimiter(rate.Inf, 0)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		stop := make(chan struct{})
		var writers sync.WaitGroup
		for range 3 {
			writers.Go(func() {
				for ; ; time.Sleep(fast) {
					select {
					case <-stop:
						return
					default:
						flooder.publish("a flood, a flood, a flood, a flood, a flood, a flood, a flood, a flood")
					}
				}
			})
		}
		flooded := w.times(others, n, pace)
		for _, a := range others {
			a.bounded()
			floods := a.replica.Others().Floods()
			if len(floods) != 1 || floods[0].Member != flooder.handle || floods[0].Node != flooder.node.Public() || floods[0].Taken == 0 {
				t.Errorf("seed %d: %s names %+v", w.seed, a.handle, floods)
			}
		}
		close(stop)
		writers.Wait()
		written := len(flooder.acked)
		runtime.GC()
		runtime.ReadMemStats(&after)
		lag := uint64(0)
		for _, a := range others {
			lag = max(lag, flooder.replica.frontier.line(flooder.inception.ID()).Count-a.replica.frontier.line(flooder.inception.ID()).Count)
		}
		at := func(of []time.Duration, share float64) time.Duration { return of[int(share*float64(len(of)-1))] }
		t.Logf("visible everywhere: quiet p50 %s p99 %s; under a flood of %d entries p50 %s p99 %s; heap %+.1f MB in %d nodes; %d entries held back",
			at(quiet, .5), at(quiet, .99), written, at(flooded, .5), at(flooded, .99), (float64(after.HeapAlloc)-float64(before.HeapAlloc))/1e6, len(nodes), lag)
		if bound := allowed(2 * at(quiet, .99)); at(flooded, .99) > bound { // the order of goroutines moves it by a turn of the disk or two
			t.Errorf("seed %d: under a flood p99 is %s, quiet %s, the bound is %s", w.seed, at(flooded, .99), at(quiet, .99), bound)
		}
		if lag == 0 {
			t.Errorf("seed %d: nothing was held back", w.seed)
		}
		w.settle(3 * time.Minute)
		w.sameEverywhere()
	})
}
