package charter

import (
	"maps"
	"testing"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/protocoltest"
)

var newRoot = protocoltest.Key("root/new")

// announce brings the first of the two acts of a rebinding of city-c.
func announce(w *world) protocol.ActID {
	return w.enact(Change{What: ChangeRebind, Member: "city-c", Root: newRoot.Public(), Until: "2027-01-31"})
}

func confirmation(w *world) protocol.ActID {
	return w.table(Draft{By: ByElectors, Changes: []Change{{What: ChangeConfirmRebind, Member: "city-c", Root: newRoot.Public()}}})
}

func TestRebind_WaitsByTheElectorsDays(t *testing.T) {
	w := newWorld(t, 3, nil)
	tooShort := w.table(Draft{By: ByElectors, Changes: []Change{{What: ChangeRebind, Member: "city-c", Root: newRoot.Public(), Until: "2027-01-13"}}})
	_, err := SignAnswer(w.state(), w.place(ByElectors), tooShort, w.actors["city-a"].node, today)
	reason(t, err, protocol.ReasonInvalid)
	w.wantInvalidCertificate(w.forged(tooShort, w.place(ByElectors), "city-a", "city-b"))

	w = newWorld(t, 3, nil)
	announce(w)
	if m, _ := w.state().Member("city-c"); m.Rebind == nil || m.Rebind.Root != newRoot.Public() {
		t.Fatalf("announced: %+v", m.Rebind)
	}
	facts := city("city-x")
	facts.Root = newRoot.Public()
	_, err = NewDecision(w.state(), Draft{By: ByElectors, Title: title("x"), Changes: []Change{{What: ChangeAdmit, Facts: &facts}}})
	reason(t, err, protocol.ReasonInvalid) // the announced key is spoken for
	id := confirmation(w)
	for _, day := range []string{"2027-01-31", today} {
		w.day = day
		_, err := SignAnswer(w.state(), w.place(ByElectors), id, w.actors["city-a"].node, day)
		reason(t, err, protocol.ReasonInvalid)
		w.wantInvalidCertificate(w.forged(id, w.place(ByElectors), "city-a", "city-b"))
	}
	w.day = "2027-02-01"
	w.carry(protocol.KindCertificate, w.forged(id, w.place(ByElectors), "city-a", "city-b"))
	w.wantAct(2)

	c := w.actors["city-c"]
	m, ok := w.state().ByRoot(c.root.Public())
	if !ok || m.Facts.Root != newRoot.Public() || m.Rebind != nil {
		t.Fatalf("rebound: %+v", m)
	}
	if l := w.limit(c); !l.Open() || l.Member != "city-c" {
		t.Fatalf("the old root's feed after a loss: %+v", l)
	}
	// The old root decides nothing any more, the new one does once it designates.
	next := w.table(Draft{By: ByElectors})
	_, err = SignAnswer(w.state(), w.place(ByElectors), next, c.node, w.day)
	if r := protocol.ReasonOf(err); r != protocol.ReasonNotElector && r != protocol.ReasonNotGoverning {
		t.Fatalf("the old root's node answers: %v", err)
	}
	w.wantInvalidCertificate(w.forged(next, w.place(ByElectors), "city-a", "city-c"))
	c.root, c.number = newRoot, 0
	w.govern(c, c.node)
	w.approve(next, "city-c") // city-a's approval came with the certificate
	w.certify(next)
	w.wantAct(3)
}

func TestRebind_TheLivingRootObjects(t *testing.T) {
	w := newWorld(t, 3, nil)
	act := announce(w)
	id := confirmation(w)
	w.day = "2027-02-01"
	w.approve(id, "city-a")
	// Somebody else's objection is no objection.
	w.root(w.actors["city-b"], protocol.Statement{Purpose: protocol.PurposeObject, Act: act})
	if m, _ := w.state().Member("city-c"); m.Objected {
		t.Fatal("another member's objection counts")
	}
	w.root(w.actors["city-c"], protocol.Statement{Purpose: protocol.PurposeObject, Act: act})
	d, _ := w.state().Decision(id)
	if m, _ := w.state().Member("city-c"); !m.Objected || !d.Objected {
		t.Fatal("the objection is not seen")
	}
	_, err := SignAnswer(w.state(), d.Place, id, w.actors["city-b"].node, w.day)
	reason(t, err, protocol.ReasonConflict)
	w.carry(protocol.KindAnswer, w.forge("city-b", d.Place, id))
	if _, ok := Certify(w.state(), id); ok {
		t.Fatal("certified against an objection")
	}
	// The assembly can do it all the same, and at once.
	w.enactBy(Draft{By: ByAssembly, Changes: []Change{{What: ChangeRebind, Member: "city-c", Root: newRoot.Public()}}})
	if m, _ := w.state().Member("city-c"); m.Facts.Root != newRoot.Public() {
		t.Fatal("the assembly cannot rebind")
	}
}

func TestRebind_ClosesAStolenRoot(t *testing.T) {
	w := newWorld(t, 3, nil)
	c := w.actors["city-c"]
	c.feed.Fill(5, 40)
	other := w.second(c, protocoltest.Key("thief's node"))
	w.enactBy(Draft{By: ByAssembly, Changes: []Change{{What: ChangeRebind, Member: "city-c", Root: newRoot.Public(), Close: true,
		Stands: []protocol.Stand{ends(c.feed, 3)}}}})
	if l := w.limit(c); l.Count != 3 || l.Open() {
		t.Fatalf("listed: %+v", l)
	}
	if l := w.state().Limit(other.ID(), c.root.Public(), other.Key().Public()); !l.Void {
		t.Fatalf("unlisted: %+v", l)
	}
	if _, ok := w.state().MemberOfNode(c.node.Public()); ok {
		t.Fatal("a node of the stolen root takes part")
	}
	fresh := protocoltest.NewFeed(w.fed, newRoot, protocoltest.Key("fresh"))
	w.add(fresh.Inception(), nil)
	if l := w.state().Limit(fresh.ID(), newRoot.Public(), fresh.Key().Public()); !l.Open() || l.Member != "city-c" {
		t.Fatalf("the new root's feed: %+v", l)
	}
	if _, err := NewDecision(w.state(), Draft{By: ByElectors, Title: title("x"), Changes: []Change{{What: ChangeRebind, Member: "city-a", Root: c.root.Public(), Until: "2027-03-01"}}}); err == nil {
		t.Fatal("an old root key can be used again")
	}
}

// A member that was given a new root key can end the machine that it lost with the old
// one; the old key says nothing about the new one's nodes.
func TestRebind_TheNewRootCutsTheOldOnesNodes(t *testing.T) {
	w := newWorld(t, 3, nil)
	c := w.actors["city-c"]
	old, oldRoot := c.feed, c.root
	old.Fill(5, 40)
	w.enactBy(Draft{By: ByAssembly, Changes: []Change{{What: ChangeRebind, Member: "city-c", Root: newRoot.Public()}}})
	if l := w.limit(c); !l.Open() {
		t.Fatalf("the old root's feed after a loss: %+v", l)
	}
	fresh := protocoltest.NewFeed(w.fed, newRoot, protocoltest.Key("fresh"))
	w.add(fresh.Inception(), nil)
	c.feed, c.root = fresh, newRoot
	w.root(c, protocol.Statement{Purpose: protocol.PurposeCut, Node: old.Key().Public(), Stands: []protocol.Stand{ends(old, 4)}})
	if l := w.state().Limit(old.ID(), oldRoot.Public(), old.Key().Public()); l.Open() || l.Count != 4 {
		t.Fatalf("cut by the new root: %+v", l)
	}
	if _, ok := w.state().MemberOfNode(old.Key().Public()); ok {
		t.Fatal("the node takes part although the new root has cut it")
	}
	c.root = oldRoot
	w.root(c, protocol.Statement{Purpose: protocol.PurposeCut, Node: fresh.Key().Public()})
	if l := w.state().Limit(fresh.ID(), newRoot.Public(), fresh.Key().Public()); !l.Open() {
		t.Fatalf("the old root has cut the new one's node: %+v", l)
	}
}

// The electors announced the same key a second time: the waiting time began anew, and an
// objection to the first act was forgotten.
func TestRebind_IsAnnouncedOnce(t *testing.T) {
	w := newWorld(t, 3, nil)
	act := announce(w)
	c := w.actors["city-c"]
	w.root(c, protocol.Statement{Purpose: protocol.PurposeObject, Act: act})
	again := Change{What: ChangeRebind, Member: "city-c", Root: newRoot.Public(), Until: "2027-03-31"}
	_, err := NewDecision(w.state(), Draft{By: ByElectors, Title: title("again"), Changes: []Change{again}})
	reason(t, err, protocol.ReasonInvalid)
	// Nor does it count where somebody tables it by hand.
	next := w.state().v.line.copy()
	next.members = maps.Clone(next.members)
	if why := next.rebind(again, ByElectors); why != WhyAnnounced {
		t.Errorf("applied: %q", why)
	}
	if m, _ := w.state().Member("city-c"); m.Rebind == nil || m.Rebind.Act.ID != act || !m.Objected {
		t.Fatalf("after the second try: %+v, objected %t", m.Rebind, m.Objected)
	}
	// The assembly needs no announcement.
	if _, err := NewDecision(w.state(), Draft{By: ByAssembly, Title: title("at once"), Changes: []Change{{What: ChangeRebind, Member: "city-c", Root: newRoot.Public()}}}); err != nil {
		t.Fatal(err)
	}
	// Another key takes the first one's place.
	other := protocoltest.Key("root/other")
	if _, err := NewDecision(w.state(), Draft{By: ByElectors, Title: title("another"), Changes: []Change{{What: ChangeRebind, Member: "city-c", Root: other.Public(), Until: "2027-03-31"}}}); err != nil {
		t.Fatal(err)
	}
}
