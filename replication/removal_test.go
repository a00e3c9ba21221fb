package replication

import (
	"bufio"
	"bytes"
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
	"github.com/dure-net/dure/replication/mesh"
)

// removal is the act that removes a member, with what stands of it at a node.
func removal(at *actor, handle string) charter.Change {
	return charter.Change{What: charter.ChangeRemove, Member: handle, Stands: at.replica.Feeds().Stands(handle, protocol.PublicKey{})}
}

// enact has the electors that can hear each other decide a change, tabled at one of them.
func (w *world) enact(at *actor, c charter.Change) {
	w.t.Helper()
	before := at.replica.State().Act().Number
	if _, err := at.propose(c); err != nil {
		w.t.Fatalf("seed %d: %s: %v", w.seed, c.What, err)
	}
	for began := time.Now(); at.replica.State().Act().Number == before; time.Sleep(time.Second) {
		if w.ballots(); time.Since(began) > allowed(time.Minute) {
			w.t.Fatalf("seed %d: %s is not decided:\n%s", w.seed, c.What, w.difference())
		}
	}
}

// gone checks that a removed member has no part in a node: nothing beyond what the act
// listed stands, none of its nodes takes part or is connected, whatever feeds it opens.
func (w *world) gone(removed *actor, listed []protocol.Stand, nodes ...*actor) {
	w.t.Helper()
	for _, a := range nodes {
		for _, line := range a.replica.frontier.all() {
			f := func() *feed { a.replica.mu.Lock(); defer a.replica.mu.Unlock(); return a.replica.feeds[line.Feed] }()
			if f == nil || f.root != removed.root.Public() || line.Count == 0 {
				continue
			}
			at := slices.IndexFunc(listed, func(s protocol.Stand) bool { return s.Feed == line.Feed })
			if at < 0 || line.Count != listed[at].Count || line.Head != listed[at].Head {
				w.t.Errorf("seed %d: at %s %d entries of the removed member stand in %s", w.seed, a.handle, line.Count, line.Feed.Short())
			}
		}
		for _, s := range listed {
			if line := a.replica.frontier.line(s.Feed); line.Count != s.Count {
				w.t.Errorf("seed %d: at %s %d of the %d entries that the act lists stand", w.seed, a.handle, line.Count, s.Count)
			}
		}
		if a.replica.Handler().Standing(removed.node.Public()) {
			w.t.Errorf("seed %d: the removed member's node takes part at %s", w.seed, a.handle)
		}
		for _, c := range a.mesh.Connections() {
			if c.Node == removed.node.Public() && c.Standing {
				w.t.Errorf("seed %d: %s is connected with the removed member's node as with a member's", w.seed, a.handle)
			}
		}
	}
}

// A removal holds wherever its act and the member's entries arrive first: on the side
// that decided it, on the side that heard the member go on, at the member itself, and at
// a node that was off all the while and hears the member before it hears the act.
func TestRemoval_VoidWhereverItArrivedFirst(t *testing.T) {
	scenario(t, 3, func(t *testing.T, w *world) {
		nodes := w.found(6)
		w.startAll()
		w.settle(30 * time.Second)
		removed, friend, sleeper := nodes[4], nodes[5], nodes[3]
		for range 3 {
			removed.publish("before")
		}
		w.settle(20 * time.Second)
		sleeper.halt()

		w.partition([]*actor{nodes[0], nodes[1], nodes[2]}, []*actor{removed, friend})
		change := removal(nodes[0], removed.handle)
		late := removed.publishes(70) // more than a page
		for began := time.Now(); !friend.ledger.Has(late[len(late)-1]); time.Sleep(time.Second) {
			if time.Since(began) > allowed(time.Minute) {
				t.Fatalf("seed %d: the friend does not hear the member", w.seed)
			}
		}
		w.enact(nodes[0], change)
		if friend.replica.State().Act().Number != 0 {
			t.Fatalf("seed %d: the partition parted nobody", w.seed)
		}
		// The one that slept hears the member and its friend first.
		w.partition([]*actor{nodes[0], nodes[1], nodes[2]}, []*actor{removed, friend, sleeper})
		sleeper.start()
		for began := time.Now(); !sleeper.ledger.Has(late[len(late)-1]); time.Sleep(time.Second) {
			if time.Since(began) > allowed(time.Minute) {
				t.Fatalf("seed %d: the sleeper does not hear the member", w.seed)
			}
		}
		w.heal()
		for began := time.Now(); sleeper.replica.State().Act().Number == 0 || friend.replica.State().Act().Number == 0; time.Sleep(time.Second) {
			if time.Since(began) > allowed(time.Minute) {
				t.Fatalf("seed %d: the act does not arrive:\n%s", w.seed, w.difference())
			}
		}
		w.settle(time.Minute)
		w.sameEverywhere()
		if n := len(w.agreeing()); n != 5 {
			t.Fatalf("seed %d: %d nodes must agree, want 5", w.seed, n)
		}
		w.gone(removed, change.Stands, w.agreeing()...)
		if !friend.ledger.Has(late[0]) {
			t.Errorf("seed %d: bytes were lost that nobody ordered to be erased", w.seed)
		}
		// Its own node knows that it is out, by the act or by what the others answer.
		for began := time.Now(); ; time.Sleep(time.Second) {
			if c, _ := removed.replica.Condition(); c == Ended {
				break
			} else if time.Since(began) > allowed(3*time.Minute) {
				t.Fatalf("seed %d: the removed member's node says that it is %s", w.seed, c)
			}
		}
	})
}

// publishes writes so many records and returns them.
func (a *actor) publishes(n int) []protocol.EntryID {
	var out []protocol.EntryID
	for range n {
		out = append(out, a.publish("one of many"))
	}
	return out
}

// A removed member comes back by none of the ways that lead in.
func TestRemoval_NeverComesBack(t *testing.T) {
	scenario(t, 2, func(t *testing.T, w *world) {
		nodes := w.found(6)
		w.startAll()
		w.settle(30 * time.Second)
		removed, restored := nodes[4], nodes[5]
		removed.publish("before")
		w.settle(20 * time.Second)
		before := restored.copied()
		change := removal(nodes[0], removed.handle)
		w.enact(nodes[0], change)
		w.settle(time.Minute)
		others := []*actor{nodes[0], nodes[1], nodes[2], nodes[3]}
		w.gone(removed, change.Stands, others...)
		_, _ = removed.tryPublish("after, where it has not heard of it")

		// By a restored peer: it believes for a moment that the member is one.
		restored.halt()
		restored.restore(before, true)
		restored.start()
		// By another node under the same root key, and by introducing itself for minutes.
		second := w.newcomer()
		second.root = removed.root
		second.sign(t)
		second.start()
		time.Sleep(2 * time.Minute)
		w.settle(2 * time.Minute)
		w.gone(removed, change.Stands, append(others, restored)...)
		w.gone(second, change.Stands, append(others, restored)...)

		// By a bundle of its own ledger.
		var bundle bytes.Buffer
		if _, err := removed.replica.Bundles().Export(context.Background(), &bundle, nil); err != nil {
			t.Fatal(err)
		}
		root := nodes[0].replica.Root()
		if _, err := nodes[0].replica.Bundles().Import(context.Background(), &bundle, nil); err != nil {
			t.Fatal(err)
		}
		if nodes[0].replica.Root() != root {
			t.Errorf("seed %d: a bundle of the removed member moved the ledger root", w.seed)
		}

		// By the join protocol: its inception is refused, and so is an application under the
		// same root key, whatever handle it gives itself and whoever invites.
		for _, again := range []*actor{removed, second} {
			_, err := nodes[1].replica.consider(context.Background(), again.node.Public(), protocol.JoinRequest{Federation: w.fed,
				Time: nodes[1].now().UnixMilli(), Inception: again.inception.Bytes()})
			if r := protocol.ReasonOf(err); r != protocol.ReasonNotMember {
				t.Errorf("seed %d: an inception of the removed member is answered with %s", w.seed, r)
			}
		}
		seed := keyOf(t, "seed of an invitation")
		public := protocol.Invited{Key: seed.Public(), Handle: "city-again", Expires: nodes[1].now().Add(24 * time.Hour).Unix()}
		if _, err := nodes[1].replica.Publish(context.Background(), Draft{Kind: protocol.KindInvitation, Content: &public}); err != nil {
			t.Fatal(err)
		}
		facts := *removed.facts()
		facts.Handle = "city-again"
		application, err := protocol.Application{Federation: w.fed, Member: facts}.Sign(removed.root, seed)
		if err != nil {
			t.Fatal(err)
		}
		_, err = nodes[1].replica.consider(context.Background(), removed.node.Public(), protocol.JoinRequest{Federation: w.fed,
			Time: nodes[1].now().UnixMilli(), Application: &application})
		if r := protocol.ReasonOf(err); r != protocol.ReasonNotMember {
			t.Errorf("seed %d: an application of the removed member is answered with %s", w.seed, r)
		}
		// What anybody else hands on for it is void too.
		w.settle(time.Minute)
		w.sameEverywhere()
		w.gone(removed, change.Stands, append(others, restored)...)
	})
}

// A suspension stops nothing, so a reinstated member has no hole; nor is it an elector
// meanwhile.
func TestRemoval_SuspensionStopsNoFeed(t *testing.T) {
	scenario(t, 2, func(t *testing.T, w *world) {
		nodes := w.found(5)
		w.startAll()
		w.settle(30 * time.Second)
		member := nodes[2] // of the committee
		w.enact(nodes[0], charter.Change{What: charter.ChangeSuspend, Member: member.handle})
		w.settle(time.Minute)
		if state := nodes[0].replica.State(); slices.Contains(state.Electors(charter.ByElectors), member.handle) {
			t.Errorf("seed %d: a suspended member decides", w.seed)
		}
		if c, why := member.replica.Condition(); c != Ready || why != "state.suspended" {
			t.Errorf("seed %d: the suspended member's node says %s, %s", w.seed, c, why)
		}
		during := member.publishes(5)
		w.settle(time.Minute)
		line := nodes[1].replica.frontier.line(member.inception.ID())
		for _, id := range during {
			if !nodes[1].ledger.Has(id) {
				t.Errorf("seed %d: an entry of a suspended member did not arrive", w.seed)
			}
		}
		if l := nodes[1].replica.State().Limit(member.inception.ID(), member.root.Public(), member.node.Public()); l.Status != charter.StatusSuspended || !l.Open() {
			t.Errorf("seed %d: the suspended member's feed: %+v", w.seed, l)
		}
		w.enact(nodes[0], charter.Change{What: charter.ChangeReinstate, Member: member.handle})
		member.publish("reinstated")
		w.settle(time.Minute)
		w.sameEverywhere()
		if got := nodes[1].replica.frontier.line(member.inception.ID()); got.Count <= line.Count {
			t.Errorf("seed %d: %d entries stand after the reinstatement, %d before", w.seed, got.Count, line.Count)
		}
	})
}

// A member that was off while it was removed is not let in any more, so no feed brings it
// the act. The nodes that turn it away hand it over: it knows at its first connection, also
// after a start with nobody in sight, gossips no more, and reads what it has.
func TestRemoval_IsToldToWhoWasOff(t *testing.T) {
	scenario(t, 2, func(t *testing.T, w *world) {
		nodes := w.found(5)
		w.startAll()
		w.settle(30 * time.Second)
		removed := nodes[4]
		kept := removed.publish("before")
		w.settle(20 * time.Second)
		removed.halt()
		change := removal(nodes[0], removed.handle)
		w.enact(nodes[0], change)
		act := nodes[0].replica.State().Act()
		ended := func() {
			t.Helper()
			for began := time.Now(); ; time.Sleep(time.Second) {
				c, why := removed.replica.Condition()
				if c == Ended && why == "state.ended.removed" {
					break
				}
				if time.Since(began) > allowed(3*time.Minute) {
					t.Fatalf("seed %d: the removed member's node says that it is %s, %s", w.seed, c, why)
				}
			}
			if m, ok := removed.replica.State().ByRoot(removed.root.Public()); !ok || m.Changed != act {
				t.Errorf("seed %d: it was removed by %v, it says by %v", w.seed, act, m.Changed)
			}
			if _, err := removed.tryPublish("after"); protocol.ReasonOf(err) != protocol.ReasonNotMember {
				t.Errorf("seed %d: it goes on writing: %v", w.seed, err)
			}
			if e, _, err := removed.ledger.Find(kept); err != nil {
				t.Errorf("seed %d: its records cannot be read: %v", w.seed, err)
			} else if _, err := removed.ledger.Body(e); err != nil {
				t.Errorf("seed %d: its records cannot be read: %v", w.seed, err)
			}
		}
		removed.start()
		ended()
		removed.halt()
		w.partition(nodes[:4], []*actor{removed})
		removed.start()
		ended()
		w.gone(removed, change.Stands, nodes[:4]...)
	})
}

// The act is for the removed member's nodes alone: who knows its root key and no more, or
// was never a member, is told nothing; and a member's word without the act ends nothing.
func TestRemoval_IsToldToNobodyElse(t *testing.T) {
	scenario(t, 1, func(t *testing.T, w *world) {
		nodes := w.found(4)
		w.startAll()
		w.settle(30 * time.Second)
		removed, other := nodes[3], nodes[1]
		change := removal(nodes[0], removed.handle)
		w.enact(nodes[0], change)
		w.settle(time.Minute)
		ask := func(from protocol.PublicKey, inception []byte) (protocol.JoinAnswer, protocol.Reason) {
			got, err := nodes[0].replica.consider(context.Background(), from, protocol.JoinRequest{Federation: w.fed, Inception: inception})
			return got, protocol.ReasonOf(err)
		}
		told, reason := ask(removed.node.Public(), removed.inception.Bytes())
		if told.Removal == nil || reason != protocol.ReasonNotMember || len(told.Peers)+len(told.Founding) > 0 || told.Member != nil {
			t.Fatalf("seed %d: the removed member's node is answered %+v, %s", w.seed, told, reason)
		}
		stranger := w.newcomer()
		stranger.sign(t)
		if got, _ := ask(stranger.node.Public(), stranger.inception.Bytes()); got.Removal != nil {
			t.Errorf("seed %d: a stranger is told of a removal", w.seed)
		}
		if got, reason := ask(stranger.node.Public(), removed.inception.Bytes()); got.Removal != nil || reason != protocol.ReasonMalformed {
			t.Errorf("seed %d: who shows another node's inception is told of a removal: %s", w.seed, reason)
		}

		// A sentence about another member, or one that nobody signed, ends nothing.
		other.replica.hearRemoval(context.Background(), nodes[0].node.Public(), *told.Removal)
		bent := *told.Removal
		bent.Certificate = slices.Clone(bent.Certificate)
		bent.Certificate[len(bent.Certificate)-1] ^= 1
		other.replica.hearRemoval(context.Background(), nodes[0].node.Public(), bent)
		other.replica.hearRemoval(context.Background(), nodes[0].node.Public(), protocol.Removal{Number: 9})
		if got := other.replica.Others().SaysRemoved(); got != 0 {
			t.Errorf("seed %d: a node that others take part with shows act %d as said to remove it", w.seed, got)
		}
		if c, why := other.replica.Condition(); c != Ready {
			t.Errorf("seed %d: a member's node was talked into being %s, %s", w.seed, c, why)
		}
	})
}

// An act that builds on one which the removed node has not heard of proves nothing to it:
// its number is shown as what the others say.
func TestRemoval_UnprovenIsAWord(t *testing.T) {
	scenario(t, 1, func(t *testing.T, w *world) {
		nodes := w.found(5)
		w.startAll()
		w.settle(30 * time.Second)
		removed := nodes[4]
		removed.halt()
		w.enact(nodes[0], charter.Change{What: charter.ChangeSuspend, Member: removed.handle})
		w.settle(time.Minute)
		w.enact(nodes[0], removal(nodes[0], removed.handle))
		act := nodes[0].replica.State().Act().Number
		removed.start()
		for began := time.Now(); ; time.Sleep(time.Second) {
			c, why := removed.replica.Condition()
			if said := removed.replica.Others().SaysRemoved(); c == Ended && why == "state.ended.refused" && said == act {
				break
			} else if time.Since(began) > allowed(3*time.Minute) {
				t.Fatalf("seed %d: the removed member's node says that it is %s, %s, by act %d of %d", w.seed, c, why, said, act)
			}
		}
		if removed.replica.State().Act().Number != 0 {
			t.Errorf("seed %d: it was handed more than the act that removes it", w.seed)
		}
	})
}

// doubter turns another node away a few times, as one did that was asked while that node's
// first entry was on its way to the disk, and lets it in from then on.
type doubter struct {
	mesh.Handler
	times atomic.Int32
}

func (d *doubter) ServeSync(ctx context.Context, from protocol.PublicKey, s mesh.Stream) {
	if d.times.Load() > 0 {
		_ = s.Reset()
		return
	}
	d.Handler.ServeSync(ctx, from, s)
}

func (d *doubter) ServeJoin(ctx context.Context, from protocol.PublicKey, s mesh.Stream) {
	if d.times.Add(-1) < 0 {
		d.Handler.ServeJoin(ctx, from, s)
		return
	}
	var req protocol.JoinRequest
	if err := protocol.ReadFrame(bufio.NewReader(s), protocol.MaxFrameBytes, &req); err == nil {
		_ = protocol.WriteFrame(s, &protocol.JoinAnswer{State: protocol.JoinRefused, Reason: protocol.ReasonNotMember.String(), Time: time.Now().UnixMilli()})
	}
}

// A node that knows one other alone, and was turned away by it once, called itself ended for
// good although that one had let it in long since.
func TestRemoval_AWordIsTakenBackByLettingIn(t *testing.T) {
	scenario(t, 2, func(t *testing.T, w *world) {
		nodes := w.found(2)
		d := new(doubter)
		d.times.Store(1)
		nodes[0].face = func(h mesh.Handler) mesh.Handler { d.Handler = h; return d }
		w.startAll()
		asked := nodes[1].replica
		last := func() time.Time {
			asked.mu.Lock()
			defer asked.mu.Unlock()
			return asked.peerFor(nodes[0].node.Public()).last
		}
		for began := time.Now(); d.times.Load() > 0 || last().IsZero(); time.Sleep(100 * time.Millisecond) {
			if time.Since(began) > allowed(time.Minute) {
				t.Fatalf("seed %d: it is not turned away and then let in: %d, %s", w.seed, d.times.Load(), last())
			}
		}
		if c, why := asked.Condition(); c != Ready {
			t.Errorf("seed %d: a node that was let in says that it is %s, %s", w.seed, c, why)
		}
		w.settle(30 * time.Second)
	})
}
