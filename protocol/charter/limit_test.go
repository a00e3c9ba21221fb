package charter

import (
	"testing"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/protocoltest"
)

func (w *world) limit(a *actor) Limit {
	return w.state().Limit(a.feed.ID(), a.root.Public(), a.node.Public())
}

// ends lists a feed up to its first count entries.
func ends(f *protocoltest.Feed, count uint64) protocol.Stand {
	if count == 0 {
		return protocol.Stand{Feed: f.ID()}
	}
	return protocol.Stand{Feed: f.ID(), Count: count, Head: f.Entries[count-1].ID()}
}

// second opens another feed of the member.
func (w *world) second(a *actor, node protocol.PrivateKey) *protocoltest.Feed {
	f := protocoltest.Begin(w.fed, a.root, node, protocoltest.Start+5000, nil)
	w.add(f.Inception(), nil)
	return f
}

func TestLimit_OfMembersAndStrangers(t *testing.T) {
	w := newWorld(t, 3, nil)
	a := w.actors["city-a"]
	if l := w.limit(a); !l.Open() || l.Member != "city-a" || l.Count != Unlimited || l.Reason != protocol.ReasonNone {
		t.Fatalf("member: %+v", l)
	}
	stranger := protocoltest.Key("stranger")
	if l := w.state().Limit(a.feed.ID(), stranger.Public(), stranger.Public()); !l.Void || l.Reason != protocol.ReasonUnknownMember {
		t.Fatalf("stranger: %+v", l)
	}
	w.enact(Change{What: ChangeSuspend, Member: "city-b"})
	if l := w.limit(w.actors["city-b"]); !l.Open() || l.Status != StatusSuspended {
		t.Fatalf("suspended: %+v", l)
	}
}

func TestLimit_RemovalVoidsWhatItDoesNotList(t *testing.T) {
	w := newWorld(t, 3, nil)
	c := w.actors["city-c"]
	listed := c.feed
	listed.Fill(6, 40)
	unlisted := w.second(c, protocoltest.Key("node/other"))
	w.enact(Change{What: ChangeRemove, Member: "city-c", Stands: []protocol.Stand{ends(listed, 4)}})
	l := w.limit(c)
	if l.Void || l.Count != 4 || l.Head != listed.Entries[3].ID() || l.Status != StatusRemoved || l.Open() || l.Reason != protocol.ReasonNotMember {
		t.Fatalf("listed: %+v", l)
	}
	for _, got := range []struct {
		held uint64
		at   protocol.EntryID
		want uint64
	}{{6, listed.Entries[3].ID(), 4}, {4, listed.Entries[3].ID(), 4}, {2, protocol.EntryID{}, 2}, {6, protocol.Sum([]byte("another branch")), 3}} {
		if n := l.Stands(got.held, got.at); n != got.want {
			t.Errorf("of %d held %d stand, want %d", got.held, n, got.want)
		}
	}
	if l := w.state().Limit(unlisted.ID(), c.root.Public(), unlisted.Key().Public()); !l.Void || l.Reason != protocol.ReasonNotMember {
		t.Fatalf("unlisted: %+v", l)
	}
	if _, ok := w.state().MemberOfNode(c.node.Public()); ok {
		t.Fatal("a removed member's node takes part")
	}
	// An act's last word: more of the listed feed stands after all.
	w.enact(Change{What: ChangeSettle, Member: "city-c", Stands: []protocol.Stand{ends(listed, 5)}})
	if l := w.limit(c); l.Count != 5 {
		t.Fatalf("settled: %+v", l)
	}
}

func TestLimit_ARemovalListsOnlyItsOwnMember(t *testing.T) {
	w := newWorld(t, 4, nil)
	w.enact(Change{What: ChangeRemove, Member: "city-d", Stands: []protocol.Stand{{Feed: w.actors["city-a"].feed.ID()}}})
	if l := w.limit(w.actors["city-a"]); !l.Open() {
		t.Fatalf("another member's feed: %+v", l)
	}
}

func TestLimit_RootCuts(t *testing.T) {
	w := newWorld(t, 3, nil)
	a := w.actors["city-a"]
	a.feed.Fill(9, 40)
	cut := func(stands ...protocol.Stand) {
		w.root(w.actors["city-a"], protocol.Statement{Purpose: protocol.PurposeCut, Node: protocoltest.Key("node/city-a").Public(), Stands: stands})
	}
	cut(ends(a.feed, 7))
	if l := w.limit(a); l.Count != 7 || l.Reason != protocol.ReasonSetAside {
		t.Fatalf("cut: %+v", l)
	}
	other := w.second(a, a.node)
	if l := w.state().Limit(other.ID(), a.root.Public(), a.node.Public()); !l.Void {
		t.Fatalf("another feed of the cut key: %+v", l)
	}
	cut(ends(a.feed, 4))
	if l := w.limit(a); l.Count != 4 {
		t.Fatalf("the lower cut: %+v", l)
	}
	cut(ends(a.feed, 6))
	if l := w.limit(a); l.Count != 4 {
		t.Fatalf("a higher cut after it: %+v", l)
	}
	// Another head for the same count is another branch: frozen below it.
	cut(protocol.Stand{Feed: a.feed.ID(), Count: 4, Head: protocol.Sum([]byte("another"))})
	if l := w.limit(a); l.Count != 3 || !l.Head.IsZero() || l.Reason != protocol.ReasonFork {
		t.Fatalf("two branches: %+v", l)
	}
	w.enact(Change{What: ChangeSettle, Member: "city-a", Stands: []protocol.Stand{ends(a.feed, 6)}})
	if l := w.limit(a); l.Count != 6 || l.Head != a.feed.Entries[5].ID() {
		t.Fatalf("settled by an act: %+v", l)
	}
	// The new node of the same member is not touched.
	fresh := w.second(a, protocoltest.Key("fresh"))
	if l := w.state().Limit(fresh.ID(), a.root.Public(), protocoltest.Key("fresh").Public()); !l.Open() {
		t.Fatalf("another node: %+v", l)
	}
	cut()
	if l := w.limit(a); l.Count != 6 {
		t.Fatalf("an act's word against the root key's: %+v", l)
	}
}

func TestLimit_ActCuts(t *testing.T) {
	w := newWorld(t, 3, nil)
	a := w.actors["city-a"]
	w.enact(Change{What: ChangeCut, Member: "city-a", Node: a.node.Public(), Stands: []protocol.Stand{ends(a.feed, 2)}})
	if l := w.limit(a); l.Count != 2 || l.Open() {
		t.Fatalf("cut by an act: %+v", l)
	}
	if m, _ := w.state().Member("city-a"); !m.Governing.IsZero() || !m.Nodes[0].Cut {
		t.Fatalf("member: %+v", m)
	}
	if l := w.state().Limit(a.feed.ID(), w.actors["city-b"].root.Public(), a.node.Public()); l.Count != Unlimited {
		t.Fatalf("the same node key under another root: %+v", l)
	}
}

func TestLimit_TheLastActRules(t *testing.T) {
	w := newWorld(t, 3, nil)
	a := w.actors["city-a"]
	a.feed.Fill(6, 40)
	w.enact(Change{What: ChangeSettle, Member: "city-a", Stands: []protocol.Stand{ends(a.feed, 4)}})
	if l := w.limit(a); l.Count != 4 {
		t.Fatalf("settled: %+v", l)
	}
	w.enact(Change{What: ChangeCut, Member: "city-a", Node: a.node.Public()})
	if l := w.limit(a); !l.Void || l.Reason != protocol.ReasonSetAside {
		t.Fatalf("cut without listing it: %+v", l)
	}
	w.enact(Change{What: ChangeSettle, Member: "city-a", Stands: []protocol.Stand{ends(a.feed, 3)}})
	if l := w.limit(a); l.Count != 3 {
		t.Fatalf("settled again: %+v", l)
	}
}

// fork makes evidence of a fork of the actor's feed at seq and returns the other branch.
func (w *world) fork(a *actor, seq uint64) *protocoltest.Feed {
	w.t.Helper()
	other := *a.feed
	other.Entries = append([]protocol.Entry(nil), a.feed.Entries[:seq]...)
	other.Bodies = append([][]byte(nil), a.feed.Bodies[:seq]...)
	other.Append(protocol.KindNotice, map[string]any{"text": "another story"})
	other.Append(protocol.KindNotice, map[string]any{"text": "goes on"})
	ev := protocol.NewForkEvidence(a.feed.Inception(), a.feed.Entries[seq:seq+1], other.Entries[seq:seq+1])
	w.carryBy("city-b", protocol.KindForkEvidence, ev)
	return &other
}

func (w *world) carryBy(handle string, kind protocol.Kind, content any) protocol.BodyID {
	w.t.Helper()
	return w.say(w.actors[handle], kind, content)
}

func TestLimit_Forks(t *testing.T) {
	w := newWorld(t, 3, nil)
	a := w.actors["city-a"]
	a.feed.Fill(8, 40)
	w.fork(a, 6)
	if l := w.limit(a); l.Count != 6 || l.Fork != 7 || l.Reason != protocol.ReasonFork || l.Void || l.Open() {
		t.Fatalf("forked: %+v", l)
	}
	other := w.fork(a, 4)
	if l := w.limit(a); l.Count != 4 || l.Fork != 5 {
		t.Fatalf("the lowest fork rules: %+v", l)
	}
	settle := func(s protocol.Stand) {
		b := *a
		b.feed = w.actors["city-b"].feed // anybody carries it; the forked feed is closed
		w.root(&b, protocol.Statement{Purpose: protocol.PurposeSettle, Stands: []protocol.Stand{s}})
	}
	settle(ends(a.feed, 7))
	l := w.limit(a)
	if l.Count != 7 || l.Head != a.feed.Entries[6].ID() || l.Fork != 0 || l.Below != 4 {
		t.Fatalf("settled: %+v", l)
	}
	if got := l.Stands(6, other.Entries[5].ID()); got != 4 {
		t.Fatalf("%d of the branch that was not chosen stand", got)
	}
	settle(ends(other, 6))
	if l := w.limit(a); l.Count != 4 || l.Fork != 5 || l.Reason != protocol.ReasonFork {
		t.Fatalf("two branches chosen: %+v", l)
	}
	w.enact(Change{What: ChangeSettle, Member: "city-a", Stands: []protocol.Stand{ends(other, 6)}})
	if l := w.limit(a); l.Count != 6 || l.Head != other.Entries[5].ID() || l.Fork != 0 {
		t.Fatalf("settled by an act: %+v", l)
	}
	if got := w.state().Forks(); got[a.feed.ID()] != 4 {
		t.Fatalf("forks: %v", got)
	}
}

func TestGovern_EqualNumbersChooseTheLowerKey(t *testing.T) {
	one, two := protocoltest.Key("one"), protocoltest.Key("two")
	var got [2]protocol.PublicKey
	for i, order := range [][2]protocol.PrivateKey{{one, two}, {two, one}} {
		w := newWorld(t, 1, nil)
		for _, key := range order {
			w.actors["city-a"].number = 1
			w.govern(w.actors["city-a"], key)
		}
		st, ok := w.state().Designation("city-a")
		if !ok {
			t.Fatal("nobody governs")
		}
		got[i] = st.Node
	}
	if got[0] != got[1] {
		t.Fatal("the order of arrival decides who governs")
	}
}

// Two machines are brought back at one moment, each made the governing one under one number,
// and the later ended the earlier: the later governs on every node, also where the key that
// is ended is the lower one and whatever came first. Nobody governed.
func TestGovern_OfTwoAtOneMomentTheOneNotCut(t *testing.T) {
	keys := []protocol.PrivateKey{protocoltest.Key("one"), protocoltest.Key("two")}
	for ended := range keys {
		goes := keys[1-ended]
		var digest [32]byte
		for i, order := range [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
			w := newWorld(t, 1, nil)
			a := w.actors["city-a"]
			first := len(w.blocks)
			for _, key := range keys {
				a.number = 1
				w.govern(a, key)
			}
			w.root(a, protocol.Statement{Purpose: protocol.PurposeCut, Node: keys[ended].Public()})
			f := NewFolder(w.act, w.fed)
			for _, b := range w.blocks[:first] {
				f.Add(b)
			}
			for _, at := range order {
				f.Add(w.blocks[first+at])
				f.State() // what a State holds may not change under it
			}
			st, ok := f.State().Designation("city-a")
			if !ok || st.Node != goes.Public() {
				t.Errorf("ended %d, order %v: %v governs (%v), want the one that goes on", ended, order, st.Node.Short(), ok)
			}
			if got := f.State().Digest(); i == 0 {
				digest = got
			} else if got != digest {
				t.Errorf("ended %d, order %v: another state", ended, order)
			}
		}
	}
}

// Ending the governing node gives the office to no node that had it before.
func TestGovern_ACutNodesPredecessorDoesNotComeBack(t *testing.T) {
	w := newWorld(t, 1, nil)
	a := w.actors["city-a"]
	a.number = 1
	w.govern(a, protocoltest.Key("one"))
	w.govern(a, protocoltest.Key("two"))
	w.root(a, protocol.Statement{Purpose: protocol.PurposeCut, Node: protocoltest.Key("two").Public()})
	if st, ok := w.state().Designation("city-a"); ok {
		t.Fatalf("%v governs again", st.Node.Short())
	}
}

func TestMemberOfNode_AnAdditionAloneClaimsNothing(t *testing.T) {
	w := newWorld(t, 2, nil)
	victim := w.actors["city-b"].node.Public()
	w.root(w.actors["city-a"], protocol.Statement{Purpose: protocol.PurposeAdd, Node: victim})
	if got, _ := w.state().MemberOfNode(victim); got != "city-b" {
		t.Fatalf("the node is %q's", got)
	}
	if m, _ := w.state().Member("city-a"); len(m.Nodes) != 2 {
		t.Fatalf("the addition is not shown: %+v", m.Nodes)
	}
}

// A removal whose own certificate stands only in the feed it ends.
func TestUncarried_OfTheLastAct(t *testing.T) {
	w := newWorld(t, 3, nil)
	b := w.actors["city-b"]
	id := w.table(Draft{By: ByElectors, Changes: []Change{{What: ChangeRemove, Member: "city-b", Stands: []protocol.Stand{ends(b.feed, 2)}}}})
	w.approve(id, "city-a", "city-c")
	c, _ := Certify(w.state(), id)
	want := []Carry{{protocol.KindCertificate, w.say(b, protocol.KindCertificate, c)}}
	w.wantAct(1)
	if got := w.folder.Uncarried(); len(got) != 1 || got[0] != want[0] {
		t.Fatalf("uncarried %v, want %v", got, want)
	}
}

func TestUncarried_AsksForWhatACutTakesAway(t *testing.T) {
	w := newWorld(t, 3, nil)
	b := w.actors["city-b"]
	id := w.table(Draft{By: ByElectors, Changes: []Change{admit("city-x")}})
	w.approve(id, "city-a", "city-c")
	c, _ := Certify(w.state(), id)
	cert := w.say(b, protocol.KindCertificate, c)
	if got := w.folder.Uncarried(); len(got) != 0 {
		t.Fatalf("uncarried: %v", got)
	}
	w.enact(Change{What: ChangeRemove, Member: "city-b", Stands: []protocol.Stand{ends(b.feed, 1)}})
	found := false
	for _, u := range w.folder.Uncarried() {
		found = found || u == Carry{protocol.KindCertificate, cert}
	}
	if !found {
		t.Fatalf("the certificate in the removed feed is not asked for: %v", w.folder.Uncarried())
	}
	for _, u := range w.folder.Uncarried() {
		for _, block := range w.blocks {
			if h := block.Entry.Header(); h.Body == u.Body && h.Kind == u.Kind {
				e, _ := w.actors["city-a"].feed.Add(protocol.Header{Kind: u.Kind}, block.Body)
				w.add(e, block.Body)
				break
			}
		}
	}
	if got := w.folder.Uncarried(); len(got) != 0 {
		t.Fatalf("still uncarried: %v", got)
	}
	w.wantAct(2)
}
