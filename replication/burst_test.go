package replication

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/replication/mesh"
)

// ring starts n nodes in one process that know and serve each other, with real disks and
// real TCP on loopback. They end with the benchmark.
func ring(b *testing.B, n int) []*spot {
	b.Helper()
	w := benchWorld(b, n)
	dir := b.TempDir()
	var spots []*spot
	for i, a := range w.nodes {
		s := newSpot(b, w, a, filepath.Join(dir, fmt.Sprint(i)))
		b.Cleanup(func() { _ = s.ledger.Close() })
		if err := s.replica.Begin(context.Background()); err != nil {
			b.Fatal(err)
		}
		for _, other := range w.nodes {
			s.replica.Others().Vouch(other.node.Public())
		}
		s.run(b, w, a)
		b.Cleanup(s.stop)
		spots = append(spots, s)
	}
	for i, s := range spots {
		var known []mesh.Known
		for j, other := range spots {
			if i != j {
				known = append(known, mesh.Known{Node: w.nodes[j].node.Public(), Addrs: other.mesh.Addrs()})
			}
		}
		s.mesh.SetPeers(known)
	}
	return spots
}

// BenchmarkBurst writes 5,000 entries at once on one of ten nodes, with real disks and
// real TCP on loopback, and reports how long until all ten hold them all. Gossip alone
// loses most of such a burst; what is measured is that nothing is lost.
func BenchmarkBurst(b *testing.B) {
	const burst = 5000
	spots := ring(b, 10)
	same := func() bool {
		for _, s := range spots {
			if s.replica.Root() != spots[0].replica.Root() || s.ledger.Stats().Wanted > 0 {
				return false
			}
		}
		return true
	}
	wait := func(want uint64) {
		for began := time.Now(); ; time.Sleep(5 * time.Millisecond) {
			if n, _ := spots[0].replica.Total(); n >= want && same() {
				return
			}
			if time.Since(began) > time.Minute {
				b.Fatal("not the same everywhere after a minute")
			}
		}
	}
	wait(uint64(len(spots))) // every node has begun
	for b.Loop() {
		before, _ := spots[0].replica.Total()
		began := time.Now()
		var writers sync.WaitGroup
		for n := range 64 {
			writers.Go(func() {
				for i := n; i < burst; i += 64 {
					if _, err := spots[0].replica.Publish(context.Background(), Draft{Kind: protocol.KindOffer, Number: uint64(i), Content: map[string]any{"n": i}}); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		writers.Wait()
		written := time.Since(began)
		wait(before + burst)
		b.ReportMetric(written.Seconds(), "s-written")
		b.ReportMetric(time.Since(began).Seconds(), "s-everywhere")
		gossiped := uint64(0)
		for _, s := range spots[1:] {
			gossiped += s.replica.Counts().Admitted[ViaGossip]
		}
		b.ReportMetric(100*float64(gossiped)/float64(9*burst), "%-by-gossip")
	}
}
