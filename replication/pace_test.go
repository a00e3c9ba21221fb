package replication

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/dure-net/dure/protocol"
)

// BenchmarkPace publishes at an even pace on one of ten nodes in one process and reports
// how long until all nine others hold each record durably. All ten share one disk here,
// which a federation's nodes do not: TMPDIR on a memory file system shows the rest.
func BenchmarkPace(b *testing.B) {
	spots := ring(b, 10)
	time.Sleep(5 * time.Second)
	for b.Loop() {
		var all []time.Duration
		for i := range 300 {
			t0 := time.Now()
			p, err := spots[0].replica.Publish(context.Background(), Draft{Kind: protocol.KindOffer, Number: uint64(i + 1), Content: map[string]any{"n": i}})
			if err != nil {
				b.Fatal(err)
			}
			left := spots[1:]
			for len(left) > 0 {
				left = slices.DeleteFunc(slices.Clone(left), func(s *spot) bool { return s.ledger.Has(p.Entry.ID()) })
				time.Sleep(300 * time.Microsecond)
			}
			all = append(all, time.Since(t0))
			time.Sleep(max(0, 50*time.Millisecond-time.Since(t0)))
		}
		slices.Sort(all)
		b.ReportMetric(float64(all[150].Microseconds())/1000, "ms-p50")
		b.ReportMetric(float64(all[297].Microseconds())/1000, "ms-p99")
		b.ReportMetric(float64(all[299].Microseconds())/1000, "ms-max")
	}
}
