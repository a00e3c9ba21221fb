package replication

import (
	"testing"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
)

// A program that does not know what an act switched on may judge blocks otherwise than
// the others: it goes on keeping, passing on and publishing, and answers no decision.
func TestScenario_UnknownFeatureWaitsForAnUpdate(t *testing.T) {
	scenario(t, 1, func(t *testing.T, w *world) {
		nodes := w.found(3)
		w.startAll()
		w.settle(30 * time.Second)
		id := nodes[0].tableAt(t, "of a later version", charter.Change{What: charter.ChangeFeature, Feature: "of-a-later-version"})
		w.settle(30 * time.Second)
		nodes[1].answer(t, id)
		w.settle(30 * time.Second)
		for _, n := range nodes {
			if !n.replica.State().Feature("of-a-later-version") {
				t.Fatal("the act is not on the line everywhere")
			}
		}
		next, err := charter.NewDecision(nodes[0].replica.State(), charter.Draft{By: charter.ByElectors, Title: protocol.Text{"en": "next"},
			Changes: []charter.Change{{What: charter.ChangeAppoint, Member: "city-2", Office: protocol.OfficeHostCity}}})
		if err != nil {
			t.Fatal(err)
		}
		tabled, err := nodes[0].replica.Acts().Table(t.Context(), next)
		if err != nil {
			t.Fatal(err)
		}
		place, _ := nodes[0].replica.State().Decision(tabled)
		if err := nodes[0].replica.Acts().Answer(t.Context(), place.Place, tabled); protocol.ReasonOf(err) != protocol.ReasonTooNew {
			t.Errorf("got %v, want too_new", err)
		}
		nodes[2].publish("goes on")
		w.settle(30 * time.Second)
		w.sameEverywhere()
	})
}
