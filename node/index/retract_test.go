package index

import (
	"fmt"
	"slices"
	"testing"

	"github.com/dure-net/dure/protocol"
)

// retract tells that another branch was chosen from a seq on.
func (x *tested) retract(f *scribe, from uint64) {
	items := slices.Clone(f.items[from:])
	for i := range items {
		items[i].What = SetAside
	}
	x.Add(items...)
}

// Of two branches the chosen one is what lists show, whichever came first, as often as
// the choice is made anew.
func TestIndex_RetractsABranch(t *testing.T) {
	w := newWorld(t)
	seoul, other := w.writer("kr-seoul"), w.writer("kr-seoul")
	first := seoul.publish(protocol.KindOffer, 1)
	revised := seoul.revise(first, first)
	lost := seoul.publish(protocol.KindOffer, 2)
	about := other.revise(lost, lost) // in another feed, of a record that leaves
	parted := revised.Seq()
	x := w.index()

	show := func() string {
		text := ""
		for _, ref := range []string{"kr-seoul-1", "kr-seoul-2"} {
			if r, err := x.Lookup(ref); err == nil {
				text += fmt.Sprintf("%s at %s with %d revisions; ", ref, r.Current.Entry.Short(), r.Revisions)
			}
		}
		return text + fmt.Sprint(x.Count("kr-seoul"))
	}
	both := fmt.Sprintf("kr-seoul-1 at %s with 1 revisions; kr-seoul-2 at %s with 1 revisions; 2", revised.ID().Short(), about.ID().Short())
	if got := show(); got != both {
		t.Fatalf("at first: %s, want %s", got, both)
	}
	for round := range 3 {
		x.retract(seoul, parted)
		if got, want := show(), fmt.Sprintf("kr-seoul-1 at %s with 0 revisions; 1", first.ID().Short()); got != want {
			t.Fatalf("round %d: retracted: %s, want %s", round, got, want)
		}
		x.retract(seoul, parted) // again changes nothing
		x.Restand(seoul.feed, "kr-seoul", Unlimited)
		x.Add(w.items()...)
		if got := show(); got != both {
			t.Fatalf("round %d: back: %s, want %s", round, got, both)
		}
	}
	if p, err := x.Page(Query{}); err != nil || len(p.Rows) != 2 {
		t.Errorf("records that came back are listed %d times, %v", len(p.Rows), err)
	}
}
