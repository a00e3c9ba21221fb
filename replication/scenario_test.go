package replication

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/dure-net/dure/protocol"
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
	scenario(t, 1, func(t *testing.T, w *world) {
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

// Each way of carrying carries alone: gossip what is written while all are connected,
// catch-up everything.
func TestScenario_GossipAlone(t *testing.T) {
	scenario(t, 2, func(t *testing.T, w *world) {
		for _, a := range w.found(5) {
			a.options = func(c *Config) { c.NoCatchUp = true }
		}
		w.startAll()
		w.settle(30 * time.Second)
		for range 6 {
			for _, a := range w.nodes {
				a.publish("by gossip alone")
			}
			time.Sleep(200 * time.Millisecond)
		}
		w.settle(10 * time.Second)
		w.sameEverywhere()
		for _, a := range w.nodes {
			if n := a.replica.Counts().Admitted[ViaCatchUp]; n != 0 {
				t.Errorf("%s caught up %d entries although it was switched off", a.handle, n)
			}
		}
	})
}

func TestScenario_CatchUpAlone(t *testing.T) {
	scenario(t, 2, func(t *testing.T, w *world) {
		for _, a := range w.found(5) {
			a.options = func(c *Config) { c.NoGossip = true }
		}
		w.startAll()
		w.settle(30 * time.Second)
		for _, a := range w.nodes {
			for range 80 { // more than a page
				a.publish("by catch-up alone")
			}
		}
		t.Logf("the same after %s", w.settle(10*time.Second))
		w.sameEverywhere()
		for _, a := range w.nodes {
			if n := a.replica.Counts().Admitted[ViaGossip]; n != 0 {
				t.Errorf("%s heard %d entries by gossip although it was switched off", a.handle, n)
			}
		}
	})
}

// A node that was away catches up with nothing further written anywhere.
func TestScenario_AwayAndBack(t *testing.T) {
	scenario(t, 2, func(t *testing.T, w *world) {
		nodes := w.found(5)
		w.startAll()
		w.settle(30 * time.Second)
		nodes[2].halt()
		for i := range 500 {
			nodes[[]int{0, 1, 3, 4}[i%4]].publish("while one is away")
		}
		w.settle(30 * time.Second)
		nodes[2].start()
		t.Logf("the same after %s", w.settle(5*time.Second))
		w.sameEverywhere()
	})
}

// A node whose store was put back to an older copy never signs a place twice: it
// catches up, opens a new feed and goes on; what was forgotten is there again.
func TestScenario_RestoredStoreOpensNewFeed(t *testing.T) {
	scenario(t, 3, func(t *testing.T, w *world) {
		nodes := w.found(4)
		w.startAll()
		w.settle(30 * time.Second)
		victim := nodes[1]
		victim.publish("before the copy")
		w.settle(10 * time.Second)
		victim.halt()
		copied := filepath.Join(w.dir, "old copy")
		copyStore(t, victim.dir, copied)
		victim.start()
		w.settle(30 * time.Second)
		for range 5 {
			victim.publish("after the copy")
		}
		w.settle(10 * time.Second)
		victim.halt()
		mark, err := os.ReadFile(filepath.Join(victim.dir, "mark"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(victim.dir); err != nil {
			t.Fatal(err)
		}
		copyStore(t, copied, victim.dir)
		if err := os.WriteFile(filepath.Join(victim.dir, "mark"), mark, 0o600); err != nil {
			t.Fatal(err)
		}
		old := victim.inception.ID()
		victim.start()
		if c, _ := victim.replica.Condition(); c != Recovering {
			t.Fatalf("seed %d: a store behind its mark is %s", w.seed, c)
		}
		if _, err := victim.replica.Publish(t.Context(), Draft{Kind: protocol.KindOffer, Content: map[string]any{"n": 1}}); protocol.ReasonOf(err) != protocol.ReasonRecovering {
			t.Fatalf("seed %d: a recovering node published: %v", w.seed, err)
		}
		for began := time.Now(); ; time.Sleep(100 * time.Millisecond) {
			if c, _ := victim.replica.Condition(); c == Ready {
				break
			}
			if time.Since(began) > allowed(time.Minute) {
				t.Fatalf("seed %d: still recovering after a minute", w.seed)
			}
		}
		victim.publish("in the new feed")
		w.settle(20 * time.Second)
		w.sameEverywhere()
		if victim.inception.ID() == old {
			t.Errorf("seed %d: it went on in the feed it had forgotten a part of", w.seed)
		}
		if line := nodes[0].replica.frontier.line(old); line.Forked != 0 || line.Count < 7 {
			t.Errorf("seed %d: the old feed stands with %d entries, fork %d", w.seed, line.Count, line.Forked)
		}
	})
}

func copyStore(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// A newcomer whose clock is weeks off was refused for it by everybody, without end, though
// the electors had let it in: its ledger stayed empty. A clock decides no admission.
func TestScenario_NewcomerWithAWrongClock(t *testing.T) {
	scenario(t, 2, func(t *testing.T, w *world) {
		nodes := w.found(4)
		w.startAll()
		w.settle(30 * time.Second)
		late := w.newcomer()
		late.setClock(time.Duration(w.dice.IntN(2)*2-1) * 500 * time.Hour)
		late.start()
		if _, err := nodes[0].propose(admit(*late.facts())); err != nil {
			t.Fatal(err)
		}
		for began := time.Now(); len(w.agreeing()) < 5; time.Sleep(time.Second) {
			if time.Since(began) > allowed(time.Minute) {
				t.Fatalf("seed %d: the newcomer was not admitted", w.seed)
			}
			w.ballots()
		}
		w.settle(time.Minute)
		late.publish("here at last")
		w.settle(30 * time.Second)
		w.sameEverywhere()
	})
}
