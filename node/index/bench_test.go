package index

import (
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/dure-net/dure/protocol"
)

// ledger is what a federation of 60 feeds holds after some years: n entries, of which
// share percent are about records, a third of them revisions.
func benchItems(b testing.TB, n, share int) []Item {
	w := newWorld(b)
	rng := rand.New(rand.NewPCG(5, 5))
	var firsts [60][]protocol.Entry
	for i := range firsts {
		w.writer("member-" + string(rune('a'+i/2%26)) + string(rune('a'+i/52)))
	}
	for int(w.local) < n {
		i := rng.IntN(len(firsts))
		f := w.feeds[i]
		switch {
		case rng.IntN(100) >= share:
			f.write(protocol.Header{Kind: protocol.KindNode})
		case len(firsts[i]) > 0 && rng.IntN(3) == 0:
			of := firsts[i][rng.IntN(len(firsts[i]))]
			f.revise(of, of)
		default:
			firsts[i] = append(firsts[i], f.publish(protocol.KindProfile+protocol.Kind(rng.IntN(recordKinds)), w.local))
		}
	}
	return w.items()
}

func BenchmarkAdd100k(b *testing.B) {
	items := benchItems(b, 100_000, 90)
	b.ReportAllocs()
	for b.Loop() {
		x := New(Config{})
		x.Add(items...)
	}
	b.ReportMetric(float64(len(items))*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
}

func BenchmarkPage(b *testing.B) {
	x := New(Config{})
	x.Add(benchItems(b, 100_000, 90)...)
	for name, q := range map[string]Query{"newest": {}, "type": {Types: []string{"offer"}}, "member": {Member: "member-aa"},
		"member and type": {Member: "member-aa", Types: []string{"offer"}}, "deep": {Before: 1000}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if p, err := x.Page(q); err != nil || len(p.Rows) != DefaultLimit {
					b.Fatal(len(p.Rows), err)
				}
			}
		})
	}
}

func BenchmarkLookup(b *testing.B) {
	x := New(Config{})
	x.Add(benchItems(b, 100_000, 90)...)
	p, err := x.Page(Query{Before: 50_000, Limit: 1})
	if err != nil {
		b.Fatal(err)
	}
	id := p.Rows[0].Record.String()
	for name, ref := range map[string]string{"number": p.Rows[0].Number, "id": id, "prefix": id[:20]} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := x.Lookup(ref); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// The bounds that the node's start and its memory are planned with. Time is told as a
// ratio to hashing the same headers, which the same busy machine does beside it.
func TestIndex_SpeedAndMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("measures")
	}
	const n = 30_000
	best := func(do func()) time.Duration {
		took := time.Hour
		for range 5 {
			began := time.Now()
			do()
			took = min(took, time.Since(began))
		}
		return took
	}
	measure := func(share int) (perEntry float64, took, hashing time.Duration) {
		items := benchItems(t, n, share)
		took = best(func() { New(Config{}).Add(items...) })
		hashing = best(func() {
			for _, it := range items {
				if !it.Entry.ID().Matches(it.Entry.Bytes()) {
					t.Fatal("not its id")
				}
			}
		})
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		x := New(Config{})
		x.Add(items...)
		runtime.GC()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(items)
		runtime.KeepAlive(x)
		return float64(after.HeapAlloc-before.HeapAlloc) / n, took, hashing
	}
	records, took, hashing := measure(100)
	others, _, _ := measure(0)
	t.Logf("%d entries in %v, hashed in %v; %.0f bytes for an entry about a record, %.1f for others", n, took, hashing, records, others)
	if records > 150 || others > 40 {
		t.Errorf("%.0f bytes for an entry about a record, want at most 150; %.1f for others, want at most 40", records, others)
	}
	if took > 20*hashing {
		t.Errorf("taking in takes %v, hashing %v", took, hashing)
	}
}
