package replication

import (
	"testing"
	"time"
)

func TestScenario_FoundersFindEachOther(t *testing.T) {
	scenario(t, 2, func(t *testing.T, w *world) {
		nodes := w.found(5)
		w.startAll()
		t.Logf("found one another after %s", w.settle(20*time.Second))
		for _, a := range nodes {
			a.publish("an offer of " + a.handle)
		}
		t.Logf("the same after %s", w.settle(10*time.Second))
		w.sameEverywhere()
	})
}

// An idle network heals: nothing is written after the partition.
func TestScenario_PartitionHeals(t *testing.T) {
	scenario(t, 3, func(t *testing.T, w *world) {
		nodes := w.found(20)
		w.startAll()
		w.settle(60 * time.Second)
		w.net.Loss(0.02)
		var left, right []int
		for i := range nodes {
			if i%2 == 0 {
				left = append(left, i)
			} else {
				right = append(right, i)
			}
		}
		w.net.Partition(left, right)
		for range 20 {
			time.Sleep(3 * time.Second)
			nodes[w.dice.IntN(len(nodes))].publish("on one side")
		}
		if w.same() {
			t.Fatalf("seed %d: the partition parted nobody", w.seed)
		}
		w.net.Heal()
		t.Logf("seed %d: healed after %s", w.seed, w.settle(10*time.Second))
		w.sameEverywhere()
	})
}
