package index

import (
	"slices"
	"strings"
	"testing"

	"github.com/dure-net/dure/protocol"
)

// Two nodes of one member that had not heard of each other gave one number twice, and the
// number named neither. Now one of the two has it, the same whatever came first.
func TestIndex_NumberGivenByTwoNodes(t *testing.T) {
	w := newWorld(t)
	one, two := w.writer("kr-seoul"), w.writer("kr-seoul")
	first := two.publish(protocol.KindOffer, 41) // claims the earlier time
	second := one.publish(protocol.KindOffer, 41)
	w.now--
	same := two.write(protocol.Header{Kind: protocol.KindRequest, Number: 41}) // and one at the same time, later in its feed
	proposal := one.publish(protocol.KindProposal, 41)                         // what is no record bears numbers too
	if second.Header().Time != same.Header().Time || second.Seq() >= same.Seq() {
		t.Fatal("the entries are not as the test wants them")
	}
	items := w.items()
	for order := range 2 {
		if order == 1 {
			slices.Reverse(items)
		}
		x := w.empty()
		x.Add(items...)
		holds := func(want protocol.Entry) {
			t.Helper()
			if r := mustRow(t, x, "kr-seoul-41"); r.Record != want.ID() || r.Number != "kr-seoul-41" || r.Given != "" {
				t.Errorf("order %d: kr-seoul-41 is %+v, want %v", order, r, want.ID())
			}
		}
		holds(first)
		for _, e := range []protocol.Entry{second, same, proposal} {
			short := strings.TrimPrefix(e.ID().String(), cidHead)[:MinPrefix+4]
			if r := mustRow(t, x, short); r.Record != e.ID() || r.Number != "" || r.Given != "kr-seoul-41" {
				t.Errorf("order %d: %s is %+v", order, short, r)
			}
		}
		for _, r := range pages(t, x, Query{}) {
			if has := r.Number == "kr-seoul-41"; has != (r.Record == first.ID()) || has == (r.Given == "kr-seoul-41") {
				t.Errorf("order %d: the list has %+v", order, r)
			}
		}
		x.Restand(two.feed, "kr-seoul", 1)
		holds(second)
		x.Restand(two.feed, "kr-seoul", Unlimited)
		x.SetErased([]protocol.EntryID{first.ID()})
		holds(first) // a number that was cited names nothing else afterwards
	}
}
