package replication

import (
	"testing"
	"time"

	"github.com/dure-net/dure/protocol"
)

// A machine that was put back to an earlier day, its mark and all, took the entries that
// others brought of its own feed for a longer head and wrote on behind them: at a place
// that it had signed before, which those others had not seen.
func TestScenario_MachinePutBackOpensNewFeed(t *testing.T) {
	scenario(t, 3, func(t *testing.T, w *world) {
		nodes := w.found(4)
		w.startAll()
		w.settle(30 * time.Second)
		victim, feed := nodes[1], nodes[1].inception.ID()
		earlier := victim.copied()
		for range 3 {
			victim.publish("that some have heard")
		}
		w.settle(10 * time.Second)
		w.partition([]*actor{victim, nodes[3]})
		victim.publish("that one has heard")
		w.settleAmong(10*time.Second, victim, nodes[3])
		victim.halt()
		victim.put(earlier, wholeMachine)
		delete(w.witness.copied, feed) // it is given time to be reminded: then nothing may be signed twice
		w.net.Heal()
		w.partition([]*actor{nodes[3]})
		victim.start()
		time.Sleep(5 * time.Second)
		victim.crash() // and does not forget that it forgot
		victim.start()
		for began := time.Now(); ; time.Sleep(time.Second) {
			_, err := victim.tryPublish("goes on")
			if err == nil {
				break
			}
			if protocol.ReasonOf(err) != protocol.ReasonRecovering && protocol.ReasonOf(err) != protocol.ReasonJoining || time.Since(began) > allowed(time.Minute) {
				t.Fatalf("seed %d: %v", w.seed, err)
			}
		}
		w.heal()
		w.settle(30 * time.Second)
		w.sameEverywhere()
		if victim.inception.ID() == feed {
			t.Errorf("seed %d: it wrote on in its feed", w.seed)
		}
	})
}

// Files that a backup program put back, their mark among them, are known as a copy.
func TestScenario_FilesPutBackOpenNewFeed(t *testing.T) {
	scenario(t, 3, func(t *testing.T, w *world) {
		nodes := w.found(4)
		w.startAll()
		w.settle(30 * time.Second)
		victim, feed := nodes[1], nodes[1].inception.ID()
		earlier := victim.copied()
		victim.publish("after the backup")
		w.settle(10 * time.Second)
		victim.halt()
		victim.put(earlier, allFiles)
		w.net.Isolate(victim.n)
		victim.start()
		if c, why := victim.replica.Condition(); c != Recovering || why != whyCopied {
			t.Fatalf("seed %d: a copied directory is %s %s", w.seed, c, why)
		}
		w.heal()
		w.settle(time.Minute)
		for began := time.Now(); ; time.Sleep(time.Second) {
			if c, _ := victim.replica.Condition(); c == Ready {
				break
			}
			if time.Since(began) > allowed(time.Minute) {
				t.Fatalf("seed %d: still recovering", w.seed)
			}
		}
		victim.publish("goes on")
		w.settle(30 * time.Second)
		victim.halt()
		victim.start()
		if c, _ := victim.replica.Condition(); c != Ready {
			t.Errorf("seed %d: after the next start it is %s", w.seed, c)
		}
		w.settle(30 * time.Second)
		w.sameEverywhere()
		if victim.inception.ID() == feed {
			t.Errorf("seed %d: it wrote on in its feed", w.seed)
		}
	})
}

// A feed was named by what its inception said alone: an emptied node whose clock was set back opened
// the very feed that a copy of it had opened, and signed again at its places.
func TestRenewal_IsAFeedOfItsOwn(t *testing.T) {
	l := newLone(t, 1, func(c *Config) { c.Now = func() time.Time { return time.UnixMilli(1) } })
	l.mu.Lock()
	defer l.mu.Unlock()
	one, err := l.renewal()
	if err != nil {
		t.Fatal(err)
	}
	other, err := l.renewal()
	if err != nil {
		t.Fatal(err)
	}
	if one.ID() == other.ID() {
		t.Fatal("two feeds opened with one memory at one claimed time are one")
	}
}

// A node that was removed while an exchange with it was under way was remembered for ever.
func TestPeers_WhoTakesNoPartIsForgotten(t *testing.T) {
	l := newLone(t, 2, nil)
	l.mu.Lock()
	defer l.mu.Unlock()
	stranger, vouched := keyOf(t, "stranger").Public(), keyOf(t, "vouched for").Public()
	l.vouched[vouched] = true
	l.peerFor(stranger).linked = true
	l.peerFor(vouched).linked = true
	if len(l.peers) != 1 || l.peers[vouched] == nil {
		t.Fatalf("%d nodes are remembered", len(l.peers))
	}
	delete(l.vouched, vouched)
	l.restate()
	if len(l.peers) != 0 {
		t.Fatalf("%d nodes are remembered that take no part", len(l.peers))
	}
}
