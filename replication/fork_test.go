package replication

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
)

// twoHistories has the last node and its twin write under one key, each on its side of a
// partition. It returns both, with the partition still standing.
func (w *world) twoHistories(left, right int) (a, b *actor, feed protocol.FeedID) {
	nodes := w.nodes
	a = nodes[len(nodes)-1]
	half := len(nodes) / 2
	feed = a.inception.ID()
	b = a.clone()
	w.partition(append([]*actor{a}, nodes[:half]...), append([]*actor{b}, nodes[half:len(nodes)-1]...))
	b.start()
	for i := range max(left, right) {
		if i < left {
			a.publish(fmt.Sprint("here ", i))
		}
		if i < right {
			b.publish(fmt.Sprint("there ", i))
		}
	}
	// Until everybody has the branch of its side: the old connections to the twin's name
	// must be given up first.
	for began := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		_, there := headOf(w.t, nodes[half], feed)
		_, last := headOf(w.t, nodes[len(nodes)-2], feed)
		_, here := headOf(w.t, nodes[0], feed)
		_, headA := headOf(w.t, a, feed)
		_, headB := headOf(w.t, b, feed)
		if there == headB && last == headB && here == headA {
			return a, b, feed
		}
		if time.Since(began) > allowed(5*time.Minute) {
			w.t.Fatalf("seed %d: the sides do not have their branches", w.seed)
		}
	}
}

// provenWithin waits until every running node has evidence of the fork.
func (w *world) provenWithin(feed protocol.FeedID, within time.Duration) time.Duration {
	within = allowed(within)
	w.t.Helper()
	began := time.Now()
	for ; ; time.Sleep(20 * time.Millisecond) {
		lacking := ""
		for _, a := range w.agreeing() {
			if _, ok := a.replica.State().Forks()[feed]; !ok {
				lacking += " " + a.handle
			}
		}
		if lacking == "" {
			return time.Since(began)
		}
		if time.Since(began) > within {
			w.t.Fatalf("seed %d: no evidence at%s after %s", w.seed, lacking, within)
		}
	}
}

// settles is the root key's choice of the branch that an actor holds as the chain.
func (a *actor) settles(feed protocol.FeedID, at *actor, count uint64) protocol.Statement {
	a.w.t.Helper()
	e, err := at.ledger.Entry(feed, count-1)
	if err != nil {
		a.w.t.Fatal(err)
	}
	st, err := protocol.Statement{Federation: a.w.fed, Purpose: protocol.PurposeSettle,
		Stands: []protocol.Stand{{Feed: feed, Count: count, Head: e.ID()}}}.Sign(a.root)
	if err != nil {
		a.w.t.Fatal(err)
	}
	return st
}

func (a *actor) says(st protocol.Statement) {
	a.w.t.Helper()
	if _, err := a.replica.Publish(context.Background(), Draft{Kind: protocol.KindStatement, Content: &st}); err != nil {
		a.w.t.Fatalf("seed %d: %v", a.w.seed, err)
	}
}

// chosen checks that a feed stands with the same entries everywhere, up to the chosen one.
func (w *world) chosen(feed protocol.FeedID, count uint64, head protocol.EntryID) {
	w.t.Helper()
	for _, a := range w.agreeing() {
		line := a.replica.frontier.line(feed)
		if line.Count != count || line.Head != head || line.Forked != 0 {
			w.t.Errorf("seed %d: at %s the feed stands with %d entries, fork %d; want %d", w.seed, a.handle, line.Count, line.Forked, count)
		}
		rep, err := a.ledger.Verify(context.Background(), nil)
		if err != nil || !rep.Clean() {
			w.t.Errorf("seed %d: %s: verify: %+v, %v", w.seed, a.handle, rep, err)
		}
	}
}

func headOf(t testing.TB, a *actor, feed protocol.FeedID) (uint64, protocol.EntryID) {
	t.Helper()
	h, ok := a.ledger.Head(feed)
	if !ok {
		t.Fatal("nothing of the feed is held")
	}
	return h.Count, h.Head
}

// One key on two machines: everybody has the proof within three rounds of catching up,
// both nodes go on by themselves, both branches are kept by everybody, neither counts,
// and the root key's choice makes all the same, whichever branch they had first.
func TestFork_TwoMachinesOneKey(t *testing.T) {
	scenario(t, 3, func(t *testing.T, w *world) {
		w.found(6)
		w.startAll()
		w.settle(30 * time.Second)
		w.nodes[5].publish("before the copy")
		w.settle(10 * time.Second)
		a, b, feed := w.twoHistories(3+w.dice.IntN(100), 3+w.dice.IntN(100))
		seq := uint64(3) // inception, designation, one record
		countA, headA := headOf(t, a, feed)
		countB, headB := headOf(t, b, feed)
		w.heal()
		for began := time.Now(); !w.linked(0, 4); time.Sleep(20 * time.Millisecond) {
			if time.Since(began) > allowed(time.Minute) {
				t.Fatal("the sides do not meet")
			}
		}
		took := w.provenWithin(feed, 3*roundTime*5/4)
		t.Logf("seed %d: proven everywhere after %s", w.seed, took)
		w.settle(time.Minute)
		for _, x := range w.agreeing() {
			if line := x.replica.frontier.line(feed); line.Count != seq || line.Forked != seq+1 {
				t.Errorf("seed %d: at %s %d entries stand, fork %d", w.seed, x.handle, line.Count, line.Forked)
			}
		}
		for _, x := range []*actor{a, b} {
			if c, why := x.replica.Condition(); c != Ready || x.inception.ID() == feed {
				t.Errorf("seed %d: a forked node is %s %s, new feed %t", w.seed, c, why, x.inception.ID() != feed)
			}
			x.publish("goes on")
		}
		w.settle(time.Minute)
		time.Sleep(2 * branchAgain)
		w.sameEverywhere() // every acknowledged entry of both branches, everywhere
		count, head, at := countA, headA, a
		if w.dice.IntN(2) == 0 {
			count, head, at = countB, headB, b
		}
		w.nodes[w.dice.IntN(5)].says(a.settles(feed, at, count))
		w.settle(time.Minute)
		w.chosen(feed, count, head)
		w.sameEverywhere()

		// A restart, a newcomer with nothing, and a bundle come to the same.
		w.nodes[1].halt()
		w.nodes[1].start()
		w.nodes[2].halt()
		w.remove(w.nodes[2].dir)
		w.nodes[2].begun = true
		w.nodes[2].start()
		w.settle(time.Minute)
		w.chosen(feed, count, head)
	})
}

// linked reports whether the nodes with these numbers have a connection.
func (w *world) linked(i, j int) bool {
	r := w.nodes[i].replica
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.peers[w.nodes[j].node.Public()]
	return p != nil && p.linked
}

// The choice can be known before the evidence, the evidence before the branches: each
// order ends the same. Here the choice is made on one side before the sides meet.
func TestFork_ChosenBeforeItIsProven(t *testing.T) {
	scenario(t, 2, func(t *testing.T, w *world) {
		w.found(5)
		w.startAll()
		w.settle(30 * time.Second)
		a, b, feed := w.twoHistories(10, 90)
		count, head := headOf(t, a, feed)
		w.nodes[0].says(a.settles(feed, a, count))
		time.Sleep(5 * time.Second)
		w.heal()
		w.settle(2 * time.Minute)
		w.chosen(feed, count, head)
		b.publish("goes on all the same")
		w.settle(time.Minute)
	})
}

// Two root statements that name different branches leave the feed frozen, until an act
// settles it. The nodes that hold more of the losing branch come along too.
func TestFork_ContradictionIsSettledByAct(t *testing.T) {
	scenario(t, 2, func(t *testing.T, w *world) {
		w.found(5)
		w.startAll()
		w.settle(30 * time.Second)
		a, b, feed := w.twoHistories(7, 20)
		countB, headB := headOf(t, b, feed)
		countA, _ := headOf(t, a, feed)
		w.heal()
		w.provenWithin(feed, time.Minute)
		w.settle(time.Minute)
		w.nodes[0].says(a.settles(feed, a, countA))
		w.nodes[1].says(a.settles(feed, b, countB))
		w.settle(time.Minute)
		for _, x := range w.agreeing() {
			if line := x.replica.frontier.line(feed); line.Count != 2 || line.Forked != 3 {
				t.Errorf("seed %d: at %s %d stand, fork %d: a contradiction settles nothing", w.seed, x.handle, line.Count, line.Forked)
			}
		}
		change := charter.Change{What: charter.ChangeSettle, Member: a.handle, Stands: []protocol.Stand{{Feed: feed, Count: countB, Head: headB}}}
		if _, err := w.nodes[0].propose(change); err != nil {
			t.Fatal(err)
		}
		for began := time.Now(); w.nodes[0].replica.State().Act().Number == 0; time.Sleep(time.Second) {
			if w.ballots(); time.Since(began) > allowed(time.Minute) {
				t.Fatalf("seed %d: nothing is decided", w.seed)
			}
		}
		w.settle(2 * time.Minute)
		w.chosen(feed, countB, headB)
	})
}

// craft writes further entries of a feed as its own node would, or somebody with its key;
// those listed carry a signature that is not valid.
func (a *actor) craft(prev protocol.Entry, n int, text string, unsigned ...int) protocol.Page {
	var p protocol.Page
	for i := range n {
		salt := protocol.Salt{byte(i), byte(len(text))}
		body, err := protocol.EncodeBody(salt, map[string]any{"text": fmt.Sprint(text, i)})
		if err != nil {
			a.w.t.Fatal(err)
		}
		h := prev.Header()
		feed := prev.Feed()
		h = protocol.Header{Kind: protocol.KindOffer, Feed: feed, Seq: h.Seq + 1, Prev: prev.ID(), Act: h.Act, Time: h.Time, Body: protocol.Sum(body), Size: uint64(len(body))}
		key := a.node
		for _, u := range unsigned {
			if u == i {
				key = keyOf(a.w.t, "nobody's")
			}
		}
		e, err := protocol.Seal(a.w.fed, h, key)
		if err != nil {
			a.w.t.Fatal(err)
		}
		p.Entries, p.Bodies = append(p.Entries, e), append(p.Bodies, body)
		prev = e
	}
	return p
}

// The first entry of one branch carries no valid signature and is vouched for by a later
// one; in the second case only by the sixty-third after it. Gossip can carry none of that.
func TestFork_EndorsedBranch(t *testing.T) {
	for name, n := range map[string]int{"by the next": 2, "by the last of a page": 64} {
		t.Run(name, func(t *testing.T) {
			scenario(t, 1, func(t *testing.T, w *world) {
				nodes := w.found(5)
				w.startAll()
				w.settle(30 * time.Second)
				villain := nodes[4]
				for range 60 { // the branches part in the middle of a page
					villain.publish("before")
				}
				w.settle(30 * time.Second)
				feed := villain.inception.ID()
				count, head := headOf(t, villain, feed)
				prev, _, err := villain.ledger.Find(head)
				if err != nil {
					t.Fatal(err)
				}
				villain.halt()
				w.witness.copied[feed] = true // the villain's key is used elsewhere
				w.partition([]*actor{nodes[0], nodes[1]}, []*actor{nodes[2], nodes[3]})
				var unsigned []int
				for i := range n - 1 {
					unsigned = append(unsigned, i)
				}
				endorsed := villain.craft(prev, n, "a", unsigned...)
				for node, page := range map[*actor]protocol.Page{nodes[0]: endorsed, nodes[2]: villain.craft(prev, 3, "bb")} {
					if _, err := node.replica.Admit(context.Background(), page, ViaImport); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(15 * time.Second)
				w.heal()
				for began := time.Now(); !w.linked(0, 2) && time.Since(began) < time.Minute; time.Sleep(20 * time.Millisecond) {
				}
				t.Logf("proven after %s", w.provenWithin(feed, 3*roundTime*5/4))
				w.settle(time.Minute)
				time.Sleep(2 * branchAgain)
				last := endorsed.Entries[n-1]
				st, err := protocol.Statement{Federation: w.fed, Purpose: protocol.PurposeSettle,
					Stands: []protocol.Stand{{Feed: feed, Count: count + uint64(n), Head: last.ID()}}}.Sign(villain.root)
				if err != nil {
					t.Fatal(err)
				}
				nodes[3].says(st)
				w.settle(time.Minute)
				w.chosen(feed, count+uint64(n), last.ID())
			})
		})
	}
}

// A node that was away while all of it happened, and one that is restored from a backup
// with more of the losing branch, come to the same; so does one that knows it from a bundle.
func TestFork_LateNodesAndBundles(t *testing.T) {
	scenario(t, 2, func(t *testing.T, w *world) {
		w.found(6)
		w.startAll()
		w.settle(30 * time.Second)
		a, b, feed := w.twoHistories(20, 120)
		// nodes[3] and nodes[4] hold the branch that will lose; one of them goes away.
		saved := w.nodes[3].backup()
		w.nodes[4].halt()
		count, head := headOf(t, a, feed)
		w.heal()
		w.provenWithin(feed, time.Minute)
		w.nodes[0].says(a.settles(feed, a, count))
		w.settle(2 * time.Minute)
		w.chosen(feed, count, head)

		var bundle bytes.Buffer
		if _, err := w.nodes[0].replica.Bundles().Export(context.Background(), &bundle, nil); err != nil {
			t.Fatal(err)
		}
		want := w.nodes[0].replica.frontier.line(feed)
		b.halt()
		late := w.nodes[4]
		w.partition([]*actor{late})
		late.start()
		if got := late.replica.frontier.line(feed); got.Count < 100 {
			t.Fatalf("seed %d: it held %d entries of the losing branch", w.seed, got.Count)
		}
		if _, err := late.replica.Bundles().Import(context.Background(), bytes.NewReader(bundle.Bytes()), nil); err != nil {
			t.Fatal(err)
		}
		for began := time.Now(); late.replica.frontier.line(feed) != want; time.Sleep(time.Second) {
			if time.Since(began) > allowed(20*time.Second) {
				t.Fatalf("seed %d: after the bundle it stands with %+v\n%s", w.seed, late.replica.frontier.line(feed), w.difference())
			}
		}
		w.heal()
		w.nodes[3].halt()
		w.nodes[3].restore(saved, false)
		w.nodes[3].start()
		w.settle(2 * time.Minute)
		w.chosen(feed, count, head)
	})
}

// Whoever forwards a made-up proof has not checked it. Where it comes by catch-up, as an
// entry of its author's feed, it stands and says nothing.
func TestGossip_ForgedEvidence(t *testing.T) {
	l := newLone(t, 3, nil)
	if err := l.Begin(context.Background()); err != nil {
		t.Fatal(err)
	}
	author, other := l.w.nodes[1], l.w.nodes[2]
	for _, x := range []*actor{author, other} {
		if _, err := l.Admit(context.Background(), protocol.Page{Entries: []protocol.Entry{x.inception}, Bodies: [][]byte{nil}}, ViaImport); err != nil {
			t.Fatal(err)
		}
	}
	victim := l.w.nodes[0] // whose histories are made up
	init := victim.inception
	one, two := victim.craft(init, 3, "a"), victim.craft(init, 3, "bb")
	strangers := benchWorldOf(t, 4) // of another federation
	for _, x := range strangers.nodes {
		x.w.t = t
		x.sign(t)
	}
	elsewhere := strangers.nodes[0]
	far := strangers.nodes[0].craft(elsewhere.inception, 1, "a")
	away := strangers.nodes[0].craft(elsewhere.inception, 1, "bb")
	byOther := func(prev protocol.Entry, n int, text string) protocol.Page {
		return (&actor{w: l.w, node: other.node}).craft(prev, n, text)
	}
	ev := protocol.NewForkEvidence
	many := protocol.ForkEvidence{Inception: init.Bytes()}
	for range protocol.MaxPage + 1 {
		many.Left, many.Right = append(many.Left, one.Entries[0].Bytes()), append(many.Right, two.Entries[0].Bytes())
	}
	swapped := ev(init, one.Entries[:1], two.Entries[:1])
	swapped.Left, swapped.Right = swapped.Right, swapped.Left
	rows := []struct {
		name    string
		content any
		want    protocol.Verdict
	}{
		{"the same entry twice", ev(init, one.Entries[:1], one.Entries[:1]), protocol.Reject},
		{"a branch by another author", ev(init, one.Entries[:1], byOther(init, 1, "x").Entries), protocol.Reject},
		{"a branch that nobody signed", ev(init, one.Entries[:1], victim.craft(init, 1, "u", 0).Entries), protocol.Reject},
		{"a branch that ends in nobody's signature", ev(init, one.Entries[:1], victim.craft(init, 2, "u", 1).Entries), protocol.Reject},
		{"another federation", ev(elsewhere.inception, far.Entries, away.Entries), protocol.Reject},
		{"branches from different predecessors", ev(init, one.Entries[1:2], two.Entries[1:2]), protocol.Reject},
		{"branches at different places", ev(init, one.Entries[:1], two.Entries[1:2]), protocol.Reject},
		{"a branch with a hole", ev(init, one.Entries[:1], []protocol.Entry{two.Entries[0], two.Entries[2]}), protocol.Reject},
		{"another feed's inception", ev(other.inception, one.Entries[:1], two.Entries[:1]), protocol.Reject},
		{"no inception", ev(one.Entries[0], one.Entries[1:2], two.Entries[1:2]), protocol.Reject},
		{"more than a page", many, protocol.Reject},
		{"no branches", protocol.ForkEvidence{Inception: init.Bytes()}, protocol.Reject},
		{"branches in the wrong order", swapped, protocol.Reject},
		{"nothing at all", map[string]any{}, protocol.Reject},
		{"a proof with a field that this node does not know", map[string]any{"init": init.Bytes(), "left": swapped.Right, "right": swapped.Left, "more": uint64(1)}, protocol.Accept},
		{"a proof", ev(init, one.Entries[:1], two.Entries[:1]), protocol.Accept},
	}
	prev := author.inception
	for _, row := range rows {
		body, err := protocol.EncodeBody(protocol.Salt{}, row.content)
		if err != nil {
			t.Fatal(err)
		}
		h := prev.Header()
		e, err := protocol.Seal(l.w.fed, protocol.Header{Kind: protocol.KindForkEvidence, Feed: prev.Feed(), Seq: h.Seq + 1, Prev: prev.ID(), Act: h.Act,
			Time: h.Time, Body: protocol.Sum(body), Size: uint64(len(body))}, author.node)
		if err != nil {
			t.Fatal(err)
		}
		message, err := protocol.EncodeMessage(e, body)
		if err != nil {
			t.Fatal(err)
		}
		if got := l.Handler().Gossip(context.Background(), other.node.Public(), message); got != row.want {
			t.Errorf("%s: %v, want %v", row.name, got, row.want)
		}
		if row.want == protocol.Reject {
			if _, err := l.Admit(context.Background(), protocol.Page{Entries: []protocol.Entry{e}, Bodies: [][]byte{body}}, ViaCatchUp); err != nil {
				t.Errorf("%s: its entry does not stand: %v", row.name, err)
			}
		}
		prev = e
		if forks := l.State().Forks(); (len(forks) > 0) != (row.name == "a proof") {
			t.Errorf("%s: %d forks are believed", row.name, len(forks))
		}
	}
}

// announced keeps what a node announces.
type announced struct {
	nobody
	mu       sync.Mutex // guards messages
	messages [][]byte
}

func (a *announced) Announce(message []byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.messages = append(a.messages, message)
	return nil
}

// A hostile node that joined had the honest one that let it in announce its forged proofs,
// and entries with a signature of nobody's: three of them, and the others no longer listened
// to the honest node.
func TestJoin_AnnouncesNothingThatOthersHoldAgainstIt(t *testing.T) {
	for name, forge := range map[string]func(l *lone, by *actor, victim protocol.Entry) protocol.Page{
		"a proof that proves nothing": func(l *lone, by *actor, victim protocol.Entry) protocol.Page {
			one := l.w.nodes[0].craft(victim, 1, "a")
			body, err := protocol.EncodeBody(protocol.Salt{}, protocol.NewForkEvidence(victim, one.Entries, one.Entries))
			if err != nil {
				t.Fatal(err)
			}
			h := by.inception.Header()
			e, err := protocol.Seal(l.w.fed, protocol.Header{Kind: protocol.KindForkEvidence, Feed: by.inception.ID(), Seq: 1, Prev: by.inception.ID(), Act: h.Act,
				Time: h.Time, Body: protocol.Sum(body), Size: uint64(len(body))}, by.node)
			if err != nil {
				t.Fatal(err)
			}
			return protocol.Page{Entries: []protocol.Entry{e}, Bodies: [][]byte{body}}
		},
		"a signature of nobody's": func(l *lone, by *actor, _ protocol.Entry) protocol.Page {
			return by.craft(by.inception, 2, "x", 0) // the second vouches for the first
		},
		"": func(l *lone, by *actor, _ protocol.Entry) protocol.Page { return by.craft(by.inception, 2, "x") },
	} {
		l := newLone(t, 3, nil)
		if err := l.Begin(context.Background()); err != nil {
			t.Fatal(err)
		}
		others := &announced{}
		l.net.Store(&network{others})
		by := l.w.nodes[1]
		page := forge(l, by, l.a.inception)
		req := protocol.JoinRequest{Federation: l.w.fed, Inception: by.inception.Bytes()}
		for i, e := range page.Entries {
			message, err := protocol.EncodeMessage(e, page.Bodies[i])
			if err != nil {
				t.Fatal(err)
			}
			req.Follow = append(req.Follow, message)
		}
		if _, err := l.welcome(context.Background(), by.node.Public(), req); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if line := l.frontier.line(by.inception.ID()); line.Count != uint64(1+len(page.Entries)) {
			t.Errorf("%s: %d entries stand", name, line.Count)
		}
		want := 1
		if name == "" {
			want = 3
		}
		listener := newLone(t, 3, nil) // a further member's node
		if err := listener.Begin(context.Background()); err != nil {
			t.Fatal(err)
		}
		for _, m := range others.messages {
			if got := listener.Handler().Gossip(context.Background(), l.a.node.Public(), m); got != protocol.Accept {
				t.Errorf("%s: the others answer %v", name, got)
			}
		}
		if len(others.messages) != want {
			t.Errorf("%s: %d entries announced, want %d", name, len(others.messages), want)
		}
	}
}

// A body beyond its bound is refused before anything of it is read.
func TestGossip_OversizeEvidence(t *testing.T) {
	l := newLone(t, 2, nil)
	if err := l.Begin(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := l.Handler().Gossip(context.Background(), l.w.nodes[1].node.Public(), make([]byte, protocol.MaxMessageBytes+1)); got != protocol.Reject {
		t.Errorf("oversize: %v", got)
	}
}

// A settlement that was learnt just before a crash is followed up at the next start.
func TestFork_ChoiceOutlivesACrash(t *testing.T) {
	l := newLone(t, 3, nil)
	if err := l.Begin(context.Background()); err != nil {
		t.Fatal(err)
	}
	x := l.w.nodes[1]
	ours, theirs := x.craft(x.inception, 5, "a"), x.craft(x.inception, 9, "bb")
	if _, err := l.Admit(context.Background(), protocol.Page{Entries: []protocol.Entry{x.inception}, Bodies: [][]byte{nil}}, ViaImport); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Admit(context.Background(), ours, ViaImport); err != nil {
		t.Fatal(err)
	}
	if err := l.forked(context.Background(), x.inception.ID(), theirs.Entries); err != nil {
		t.Fatal(err)
	}
	if _, _, err := l.takeBranch(theirs, ViaCatchUp); err != nil {
		t.Fatal(err)
	}
	st, err := protocol.Statement{Federation: l.w.fed, Purpose: protocol.PurposeSettle,
		Stands: []protocol.Stand{{Feed: x.inception.ID(), Count: 10, Head: theirs.Entries[8].ID()}}}.Sign(x.root)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Publish(context.Background(), Draft{Kind: protocol.KindStatement, Content: &st}); err != nil {
		t.Fatal(err)
	}
	if line := l.frontier.line(x.inception.ID()); line.Count != 1 || line.Forked != 0 {
		t.Fatalf("before the branch is in its place %d stand, fork %d", line.Count, line.Forked)
	}
	if err := l.store.Close(); err != nil {
		t.Fatal(err)
	}
	l.open(t, nil)
	if line := l.frontier.line(x.inception.ID()); line.Count != 10 || line.Head != theirs.Entries[8].ID() {
		t.Fatalf("after the start %d stand", line.Count)
	}
	if b := l.store.Branches(x.inception.ID()); len(b) != 1 || b[0].Count != 6 {
		t.Fatalf("set aside: %+v", b)
	}
}

// A node that signs ever further histories fills the room for them, and cannot keep the
// chosen one out by that. Another history than the one asked for is not taken.
func TestFork_ManyHistories(t *testing.T) {
	l := newLone(t, 3, nil)
	if err := l.Begin(context.Background()); err != nil {
		t.Fatal(err)
	}
	x := l.w.nodes[1]
	feed := x.inception.ID()
	ours := x.craft(x.inception, 5, "a")
	if _, err := l.Admit(context.Background(), protocol.Page{Entries: []protocol.Entry{x.inception}, Bodies: [][]byte{nil}}, ViaImport); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Admit(context.Background(), ours, ViaImport); err != nil {
		t.Fatal(err)
	}
	first := x.craft(x.inception, 2, "bb")
	if _, _, err := l.takeBranch(first, ViaCatchUp); protocol.ReasonOf(err) != protocol.ReasonSetAside {
		t.Fatalf("a history of a feed that is not proven to be forked: %v", err)
	}
	if err := l.forked(context.Background(), feed, first.Entries); err != nil {
		t.Fatal(err)
	}
	full := 0
	for i := range 40 {
		switch _, _, err := l.takeBranch(x.craft(x.inception, 1, fmt.Sprintf("%050d", i)+string(make([]byte, i))), ViaCatchUp); protocol.ReasonOf(err) {
		case protocol.ReasonNone:
		case protocol.ReasonBusy:
			full++
		default:
			t.Fatal(err)
		}
	}
	if full == 0 || full == 40 {
		t.Fatalf("%d of 40 histories were not kept", full)
	}
	chosen := x.craft(x.inception, 7, "the one that counts")
	st, err := protocol.Statement{Federation: l.w.fed, Purpose: protocol.PurposeSettle,
		Stands: []protocol.Stand{{Feed: feed, Count: 8, Head: chosen.Entries[6].ID()}}}.Sign(x.root)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Publish(context.Background(), Draft{Kind: protocol.KindStatement, Content: &st}); err != nil {
		t.Fatal(err)
	}
	l.Others().Vouch(l.w.nodes[2].node.Public())
	asks := l.branchesDue(l.w.nodes[2].node.Public())
	blind := 0
	for _, ask := range asks {
		if ask.feed != feed || !ask.settled {
			t.Errorf("asked: %+v", ask)
		}
		if ask.blind {
			blind++
			continue
		}
		if ask.after.Defined() && ask.admits(protocol.Page{Entries: chosen.Entries[ask.from-1:]}) {
			t.Errorf("a page of another history is taken for the branch of %s", ask.entry.Short())
		}
	}
	if len(asks) != 3 || blind != 1 {
		t.Errorf("%d questions, %d by the chosen entry", len(asks), blind)
	}
	if again := l.branchesDue(l.w.nodes[2].node.Public()); len(again) != 0 {
		t.Errorf("asked again at once: %+v", again)
	}
	if _, _, err := l.takeBranch(chosen, ViaCatchUp); err != nil {
		t.Fatalf("the chosen history: %v", err)
	}
	if line := l.frontier.line(feed); line.Count != 8 || line.Head != chosen.Entries[6].ID() {
		t.Errorf("%d entries stand", line.Count)
	}
	rep, err := l.store.Verify(context.Background(), nil)
	if err != nil || !rep.Clean() {
		t.Errorf("verify: %+v, %v", rep, err)
	}
}

// Three machines run with one key, each in a new chain of entries of its own. The others
// know one name and have a connection to each: what any of them writes reaches everybody.
func TestFork_EveryCopyOfAMachineIsHeard(t *testing.T) {
	scenario(t, 2, func(t *testing.T, w *world) {
		w.found(5)
		w.startAll()
		w.settle(30 * time.Second)
		copies := []*actor{w.nodes[4], w.nodes[4].clone(), w.nodes[4].clone()}
		copies[1].start()
		copies[2].start()
		for range 6 { // none of them waits for the others
			for _, a := range copies {
				_, _ = a.tryPublish("from one of three")
				time.Sleep(time.Duration(w.dice.IntN(3000)) * time.Millisecond)
			}
		}
		w.settle(time.Minute)
		for i, a := range copies {
			if c, why := a.replica.Condition(); c != Ready {
				t.Errorf("seed %d: copy %d is %s %s", w.seed, i, c, why)
			}
			a.publish("all is well")
		}
		w.settle(time.Minute)
		w.sameEverywhere()
	})
}
