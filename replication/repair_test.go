package replication

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/dure-net/dure/protocol"
)

// A bit that flips under a stopped node is never served as truth: what it damaged is
// fetched again from another node, with nothing written anywhere.
func TestRepair_FlippedBits(t *testing.T) {
	// In real time: a table so damaged that Badger does not open leaves goroutines of its
	// own behind, which a bubble of virtual time does not allow.
	for seed := range uint64(3) {
		w := newWorld(t, seed, t.TempDir())
		t.Cleanup(w.end)
		nodes := w.found(3)
		w.startAll()
		w.settle(30 * time.Second)
		for i := range 120 {
			nodes[i%3].publish("a record that will be damaged on one disk")
		}
		w.settle(20 * time.Second)
		victim := nodes[1]
		victim.halt()
		files, err := filepath.Glob(filepath.Join(victim.dir, "store", "*"))
		if err != nil {
			t.Fatal(err)
		}
		flipped := 0
		for _, path := range files {
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if ext := filepath.Ext(path); ext != ".mem" && ext != ".sst" {
				continue
			}
			end := len(bytes.TrimRight(raw, "\x00"))
			if end < 200 {
				continue
			}
			raw[100+w.dice.IntN(end-100)] ^= 1 << w.dice.IntN(8)
			if err := os.WriteFile(path, raw, 0o600); err != nil {
				t.Fatal(err)
			}
			flipped++
		}
		if flipped == 0 {
			t.Fatal("there was nothing to damage")
		}
		if err := victim.tryStart(); err != nil {
			if protocol.ReasonOf(err) != protocol.ReasonDamaged {
				t.Fatal(err)
			}
			t.Logf("seed %d: the store says that it is damaged", w.seed)
			continue
		}
		w.settle(time.Minute)
		for began := time.Now(); ; time.Sleep(200 * time.Millisecond) { // what Verify finds is fetched again
			report, err := victim.ledger.Verify(t.Context(), nil)
			if err == nil && report.Clean() {
				break
			}
			if time.Since(began) > allowed(time.Minute) {
				t.Fatalf("seed %d: %+v, %v", w.seed, report, err)
			}
		}
		w.settle(time.Minute)
		w.sameEverywhere()
	}
}
