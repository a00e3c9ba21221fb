package replication

import (
	"testing"
	"time"

	"github.com/dure-net/dure/protocol"
)

// restoresAStory is how often a node is put back in one run of the story below: with -seeds
// 100 it is a thousand times.
const restoresAStory = 10

// Whatever is put back, from whatever day, with whomever in reach: no place of any feed is
// signed twice, what others had heard is there again, and the node writes on.
func TestScenario_Restores(t *testing.T) {
	scenario(t, 2, func(t *testing.T, w *world) {
		nodes := w.found(4)
		w.startAll()
		w.settle(30 * time.Second)
		s := &story{world: w, saved: map[*actor][]*saved{}, decided: map[string]bool{}}
		wrote := map[string]int{}
		for range restoresAStory {
			s.live(time.Duration(1+w.dice.IntN(3)) * time.Second)
			victim := nodes[w.dice.IntN(len(nodes))]
			if w.dice.IntN(2) == 0 {
				s.saved[victim] = append(s.saved[victim], victim.copied())
			} else {
				s.saved[victim] = append(s.saved[victim], victim.backup())
			}
			// It writes on, heard by some or nobody, before its disk dies.
			w.reach(victim)
			for range w.dice.IntN(5) {
				_, _ = victim.tryPublish("after the backup")
				time.Sleep(time.Duration(w.dice.IntN(300)) * time.Millisecond)
			}
			victim.halt()
			how := "emptied"
			if w.dice.IntN(8) == 0 {
				victim.emptied()
			} else {
				choice := s.saved[victim]
				b := choice[w.dice.IntN(len(choice))]
				ways := []putBack{storeAlone, allFiles}
				way := ways[w.dice.IntN(len(ways))]
				if victim.put(b, way); b.car != nil {
					how = "backup"
				} else {
					how = []string{"store alone", "all files"}[way]
				}
			}
			w.net.Heal()
			w.reach(victim)
			victim.start()
			for range 4 {
				if _, err := victim.tryPublish("at once"); err == nil {
					wrote[how+""]++
				} else if r := protocol.ReasonOf(err); r != protocol.ReasonRecovering && r != protocol.ReasonJoining {
					t.Fatalf("seed %d: %s: %v", w.seed, how, err)
				}
				time.Sleep(time.Duration(w.dice.IntN(1500)) * time.Millisecond)
			}
			if w.dice.IntN(4) == 0 {
				victim.crash()
				victim.start()
				_, _ = victim.tryPublish("after it crashed too")
			}
			w.net.Heal()
			if w.dice.IntN(3) == 0 {
				s.rest()
			}
		}
		s.rest()
		for _, a := range nodes {
			a.publish("goes on")
		}
		w.settle(time.Minute)
		w.sameEverywhere()
		t.Logf("seed %d: wrote at once: %v", w.seed, wrote)
	})
}

// reach leaves a random part of the others in a node's reach: all, some, one or none.
func (w *world) reach(victim *actor) {
	part := []*actor{victim}
	for _, a := range w.nodes {
		if a != victim && w.dice.IntN(3) > 0 {
			part = append(part, a)
		}
	}
	if w.dice.IntN(4) == 0 {
		part = part[:1]
	}
	w.partition(part)
}
