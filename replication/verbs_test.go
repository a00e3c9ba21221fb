package replication

import (
	"testing"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
	"github.com/dure-net/dure/replication/mesh/meshtest"
)

// What the world's verbs do is shown here, each alone, because a verb that does nothing
// would make every random scenario pass.

// A crash with writes under way loses nothing that was acknowledged, and the node goes
// on in its feed.
func TestScenario_Crash(t *testing.T) {
	scenario(t, 3, func(t *testing.T, w *world) {
		nodes := w.found(5)
		w.startAll()
		w.settle(30 * time.Second)
		victim := nodes[1]
		victim.slowDisk(20 * time.Millisecond)
		go victim.publishMany(100, "while it dies")
		time.Sleep(200 * time.Millisecond)
		victim.crash()
		acked := len(victim.acked)
		if acked == 0 || acked == 100 {
			t.Errorf("seed %d: %d of 100 were acknowledged, want some", w.seed, acked)
		}
		victim.slowDisk(0)
		feed := victim.inception.ID()
		victim.start()
		victim.publish("goes on")
		w.settle(30 * time.Second)
		w.sameEverywhere()
		if victim.inception.ID() != feed {
			t.Errorf("seed %d: a crash cost it its feed", w.seed)
		}
	})
}

func TestScenario_PowerCutEverywhere(t *testing.T) {
	scenario(t, 2, func(t *testing.T, w *world) {
		nodes := w.found(5)
		w.startAll()
		w.settle(30 * time.Second)
		for _, a := range nodes {
			a.slowDisk(10 * time.Millisecond)
			go a.publishMany(50, "in the dark")
		}
		time.Sleep(150 * time.Millisecond)
		w.powerCut(nodes...)
		for _, a := range nodes {
			a.slowDisk(0)
			a.start()
		}
		w.settle(time.Minute)
		w.sameEverywhere()
	})
}

// An act admits a member, suspends one and removes one, while they write.
func TestScenario_MembersComeAndGo(t *testing.T) {
	scenario(t, 2, func(t *testing.T, w *world) {
		nodes := w.found(5)
		w.startAll()
		w.settle(30 * time.Second)
		late := w.newcomer()
		late.start()
		decide := func(c charter.Change) {
			t.Helper()
			before := nodes[0].replica.State().Act().Number
			if _, err := nodes[0].propose(c); err != nil {
				t.Fatalf("seed %d: %v", w.seed, err)
			}
			for began := time.Now(); nodes[0].replica.State().Act().Number == before; time.Sleep(time.Second) {
				if w.ballots(); time.Since(began) > allowed(time.Minute) {
					t.Fatalf("seed %d: %s is not decided:\n%s", w.seed, c.What, w.difference())
				}
			}
		}
		decide(admit(*late.facts()))
		w.settle(time.Minute)
		late.publish("the newcomer's first")
		decide(charter.Change{What: charter.ChangeSuspend, Member: "city-3"})
		nodes[3].publish("of a suspended member")
		w.settle(time.Minute)
		decide(charter.Change{What: charter.ChangeRemove, Member: "city-4", Stands: nodes[0].replica.Feeds().Stands("city-4", protocol.PublicKey{})})
		time.Sleep(20 * time.Second)
		w.settle(time.Minute)
		w.sameEverywhere()
		if n := len(w.agreeing()); n != 5 {
			t.Errorf("seed %d: %d nodes must agree, want 5", w.seed, n)
		}
	})
}

// Every behaviour of a hostile member is shown, and harms nobody.
func TestScenario_EveryHostileBehaviour(t *testing.T) {
	scenario(t, 1, func(t *testing.T, w *world) {
		nodes := w.found(5)
		villain := nodes[4]
		villain.turnHostile()
		for _, a := range nodes[:2] { // these ask for everything, the villain too
			a.options = func(c *Config) { c.NoGossip = true }
		}
		w.startAll()
		w.settle(30 * time.Second)
		for _, b := range behaviours() {
			villain.hostile.behave(b)
			for i := range 4 {
				nodes[i].publish("under attack: " + string(b))
				_, _ = villain.tryPublish("bait")
				time.Sleep(time.Second)
			}
		}
		villain.hostile.behave()
		w.settle(2 * time.Minute)
		w.sameEverywhere()
		if score := nodes[2].mesh.Scores()[villain.node.Public()]; score >= 0 {
			t.Errorf("a node that saw all of it judges the liar with %.0f", score)
		}
		shown := villain.hostile.shown()
		for _, b := range behaviours() {
			if shown[b] == 0 {
				t.Errorf("it never did: %s", b)
			}
		}
	})
}

// A line of 256 kbit/s carries no more than that.
func TestScenario_SlowLink(t *testing.T) {
	scenario(t, 1, func(t *testing.T, w *world) {
		nodes := w.found(3)
		w.startAll()
		w.settle(30 * time.Second)
		nodes[2].slowLink(meshtest.Line{Rate: 256_000, Delay: 150 * time.Millisecond})
		before, began := w.net.Received(2), time.Now()
		nodes[0].publishMany(400, "for the one at the end of the line")
		w.settle(2 * time.Minute)
		rate := float64(w.net.Received(2)-before) * 8 / time.Since(began).Seconds()
		t.Logf("%.0f bit/s for %s", rate, time.Since(began))
		if rate > 257_000 {
			t.Errorf("a line of 256 kbit/s carried %.0f bit/s", rate)
		}
		w.sameEverywhere()
	})
}

func TestScenario_ClocksWrong(t *testing.T) {
	const year = 365 * 24 * time.Hour
	scenario(t, 2, func(t *testing.T, w *world) {
		nodes := w.found(5)
		nodes[1].setClock(7 * year)
		nodes[2].setClock(-9 * year)
		w.startAll()
		w.settle(time.Minute)
		for i := range 10 {
			nodes[i%5].publish("at some time")
			time.Sleep(time.Second)
			nodes[3].setClock(time.Duration(i-5) * year)
		}
		w.settle(time.Minute)
		w.sameEverywhere()
	})
}
