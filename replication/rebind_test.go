package replication

import (
	"context"
	"testing"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
)

// later sets the clocks of all nodes ahead: days pass that nobody wants to simulate.
func (w *world) later(days int) {
	for _, a := range w.nodes {
		a.setClock(time.Duration(a.skew.Load()) + time.Duration(days)*24*time.Hour)
	}
}

// announce has the electors announce a new root key of a member, and returns the last
// day on which the old one can object.
func (w *world) announce(at *actor, handle string, root protocol.PublicKey) string {
	w.t.Helper()
	until := at.now().AddDate(0, 0, int(at.replica.State().Rules().Rebind)+1).Format(time.DateOnly)
	w.enact(at, charter.Change{What: charter.ChangeRebind, Member: handle, Root: root, Until: until})
	w.settle(time.Minute)
	return until
}

// A member of the committee has lost its words. After the waiting time the electors
// confirm new ones; a machine with nothing but them comes in and answers for the member,
// while the old machine writes on and answers no more.
func TestRebind_AfterTheWaitingTimeTheNewRootComesIn(t *testing.T) {
	scenario(t, 2, func(t *testing.T, w *world) {
		nodes := w.found(5)
		w.startAll()
		w.settle(30 * time.Second)
		member := nodes[2]
		member.publish("before")
		fresh := w.newcomer() // has new words, and a machine with nothing on it
		fresh.start()
		w.announce(nodes[0], member.handle, fresh.root.Public())
		confirm := charter.Change{What: charter.ChangeConfirmRebind, Member: member.handle, Root: fresh.root.Public()}
		id, err := nodes[0].propose(confirm)
		if err != nil {
			t.Fatal(err)
		}
		w.settle(time.Minute)
		for range 5 { // nobody's node approves within the waiting time
			w.ballots()
			time.Sleep(time.Second)
		}
		if d, _ := nodes[0].replica.State().Decision(id); d.Condition != charter.ConditionOpen || len(d.Approved) > 0 {
			t.Fatalf("seed %d: within the waiting time the confirmation is %s with %v", w.seed, d.Condition, d.Approved)
		}
		if nodes[0].replica.Handler().Standing(fresh.node.Public()) {
			t.Fatalf("seed %d: the new root's node takes part before it is confirmed", w.seed)
		}
		w.later(40)
		for began := time.Now(); nodes[0].replica.State().Act().Number < 2; time.Sleep(time.Second) {
			if w.ballots(); time.Since(began) > allowed(time.Minute) {
				t.Fatalf("seed %d: not confirmed:\n%s", w.seed, w.difference())
			}
		}
		for began := time.Now(); ; time.Sleep(time.Second) {
			s, ok := nodes[0].replica.State().Designation(member.handle)
			if ok && s.Node == fresh.node.Public() {
				break
			} else if time.Since(began) > allowed(2*time.Minute) {
				t.Fatalf("seed %d: the new root's node does not answer for the member:\n%s", w.seed, w.difference())
			}
		}
		member.publish("on the old machine, after")
		fresh.publish("on the new machine")
		if err := member.replica.Acts().Answer(context.Background(), nodes[0].replica.State().Place(charter.ByElectors), protocol.ActID{}); protocol.ReasonOf(err) != protocol.ReasonNotGoverning && protocol.ReasonOf(err) != protocol.ReasonNotElector {
			t.Errorf("seed %d: the old root's node answers for the member: %v", w.seed, err)
		}
		next, err := nodes[0].propose(charter.Change{What: charter.ChangeAppoint, Member: nodes[1].handle, Office: protocol.OfficeHostCity})
		if err != nil {
			t.Fatal(err)
		}
		settled := func() bool { _, ok := fresh.replica.State().Decision(next); return ok }
		for began := time.Now(); !settled(); time.Sleep(time.Second) {
			if time.Since(began) > allowed(time.Minute) {
				t.Fatalf("seed %d: the decision does not reach the new node", w.seed)
			}
		}
		d, _ := fresh.replica.State().Decision(next)
		if err := fresh.replica.Acts().Answer(context.Background(), d.Place, next); err != nil {
			t.Errorf("seed %d: the new root's node cannot answer: %v", w.seed, err)
		}
		w.settle(time.Minute)
		w.sameEverywhere()
	})
}

// The words were not lost: their holder objects, and no honest node confirms. The
// assembly can decide it all the same, and says that the old key's nodes end.
func TestRebind_TheLivingRootObjectsAndTheAssemblyDecides(t *testing.T) {
	scenario(t, 2, func(t *testing.T, w *world) {
		nodes := w.found(5)
		w.startAll()
		w.settle(30 * time.Second)
		member := nodes[3]
		member.publish("before")
		fresh := w.newcomer()
		fresh.start()
		w.announce(nodes[0], member.handle, fresh.root.Public())
		m, _ := nodes[0].replica.State().Member(member.handle)
		objection, err := protocol.Statement{Federation: w.fed, Purpose: protocol.PurposeObject, Act: m.Rebind.Act.ID}.Sign(member.root)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := member.replica.Publish(context.Background(), Draft{Kind: protocol.KindStatement, Content: &objection}); err != nil {
			t.Fatal(err)
		}
		w.settle(time.Minute)
		w.later(40)
		id, err := nodes[0].propose(charter.Change{What: charter.ChangeConfirmRebind, Member: member.handle, Root: fresh.root.Public()})
		if err != nil {
			t.Fatal(err)
		}
		for range 10 {
			w.ballots()
			time.Sleep(time.Second)
		}
		if d, _ := nodes[0].replica.State().Decision(id); d.Condition != charter.ConditionOpen || !d.Objected || len(d.Approved) > 0 {
			t.Fatalf("seed %d: against an objection the confirmation is %s with %v", w.seed, d.Condition, d.Approved)
		}
		w.settle(time.Minute)
		listed := nodes[0].replica.Feeds().Stands(member.handle, protocol.PublicKey{})
		member.publish("what the act does not list")
		d, err := charter.NewDecision(nodes[0].replica.State(), charter.Draft{By: charter.ByAssembly, Title: protocol.Text{"en": "by the assembly"},
			Changes: []charter.Change{{What: charter.ChangeRebind, Member: member.handle, Root: fresh.root.Public(), Close: true, Stands: listed}}})
		if err != nil {
			t.Fatal(err)
		}
		act, err := nodes[0].replica.Acts().Table(context.Background(), d)
		if err != nil {
			t.Fatal(err)
		}
		for began := time.Now(); nodes[0].replica.State().Act().Number < 2; time.Sleep(time.Second) {
			for _, a := range nodes {
				if t, ok := a.replica.State().Decision(act); ok && a != member {
					_ = a.replica.Acts().Answer(context.Background(), t.Place, act) // again and again: known, or stale in the end
				}
			}
			if time.Since(began) > allowed(time.Minute) {
				t.Fatalf("seed %d: the assembly cannot decide:\n%s", w.seed, w.difference())
			}
		}
		for began := time.Now(); !nodes[1].replica.Handler().Standing(fresh.node.Public()); time.Sleep(time.Second) {
			if time.Since(began) > allowed(2*time.Minute) {
				t.Fatalf("seed %d: the new root's node does not come in", w.seed)
			}
		}
		for began := time.Now(); ; time.Sleep(time.Second) { // it hears of the act a moment later
			if c, _ := fresh.replica.Condition(); c == Ready {
				break
			} else if time.Since(began) > allowed(time.Minute) {
				t.Fatalf("seed %d: the new root's node is %s", w.seed, c)
			}
		}
		fresh.publish("on the new machine")
		time.Sleep(10 * time.Second)
		for _, a := range nodes[:3] {
			if a.replica.Handler().Standing(member.node.Public()) {
				t.Errorf("seed %d: the stolen key's node takes part at %s", w.seed, a.handle)
			}
			for _, s := range listed {
				if line := a.replica.frontier.line(s.Feed); line.Count != s.Count || line.Head != s.Head {
					t.Errorf("seed %d: at %s %d entries of the stolen key stand, the act lists %d", w.seed, a.handle, line.Count, s.Count)
				}
			}
		}
		if c, _ := member.replica.Condition(); c != Ended {
			for began := time.Now(); c != Ended; c, _ = member.replica.Condition() {
				if time.Sleep(time.Second); time.Since(began) > allowed(2*time.Minute) {
					t.Fatalf("seed %d: the stolen key's node says that it is %s", w.seed, c)
				}
			}
		}
	})
}
