package replication

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
)

// Who forks its feed at one place after the other, each lower than the one before, has a
// node prove some of them at once, and not all in a burst of its own entries. The lowest
// is proven in its turn.
func TestFork_DescendingForksAreProvenInTurn(t *testing.T) {
	l := newLone(t, 3, nil)
	if err := l.Begin(context.Background()); err != nil {
		t.Fatal(err)
	}
	x := l.w.nodes[1]
	feed := x.inception.ID()
	entries := x.chain(t, 60)
	page := protocol.Page{Entries: entries, Bodies: make([][]byte, len(entries))}
	if _, err := l.Admit(context.Background(), page, ViaImport); err != nil {
		t.Fatal(err)
	}
	other := func(seq int) protocol.Entry {
		h := entries[seq].Header()
		h.Time++
		e, err := protocol.Seal(l.w.fed, h, x.node)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	before, _ := headOf(t, l.actor(), l.own.id)
	for seq := 59; seq > 1; seq-- {
		l.Handler().Gossip(context.Background(), l.w.nodes[2].node.Public(), message(t, other(seq), nil))
	}
	after, _ := headOf(t, l.actor(), l.own.id)
	if made := after - before; made == 0 || made > proofsAtOnce {
		t.Errorf("58 forks of one feed made a node write %d proofs, want 1 to %d", made, proofsAtOnce)
	}
	l.mu.Lock()
	l.proved[feed] = proving{proofsAtOnce, time.Now().Add(-proofsPause)}
	l.mu.Unlock()
	if err := l.forked(context.Background(), feed, []protocol.Entry{other(1)}); err != nil {
		t.Fatal(err)
	}
	if at := l.State().Forks()[feed]; at != 1 {
		t.Errorf("after the pause the fork is known at %d, want the lowest place", at)
	}
}

// actor is the node as the helpers of scenarios take it.
func (l *lone) actor() *actor {
	l.a.ledger, l.a.replica = l.store, l.Replica
	return l.a
}

// A run of no length, of a feed that was held back, is not asked for without a bound when
// the allowance is used up.
func TestQuota_RunOfNoLengthIsBounded(t *testing.T) {
	l := newLone(t, 2, nil)
	b := l.w.nodes[1]
	if err := l.Begin(context.Background()); err != nil {
		t.Fatal(err)
	}
	l.spend(b.handle, 0)
	strange := b.reopened(t, 1)
	_ = l.Handler().Gossip(context.Background(), b.node.Public(), message(t, strange, nil)) // held back, and remembered
	lines := []protocol.Line{{Feed: strange.ID().Digest()}}
	runs, _ := l.missing(lines)
	if len(runs) != 1 {
		t.Fatalf("%d runs", len(runs))
	}
	out, _ := l.meter(lines, runs, portionFirst)
	for _, run := range out {
		if run.Max == 0 {
			t.Error("everything is asked for, beyond the allowance")
		}
	}
}

// What a node signs of further histories is taken of its member's allowance, and waits
// where nothing of that is left; a chosen history does not.
func TestQuota_CountsBranches(t *testing.T) {
	l := newLone(t, 3, nil)
	if err := l.Begin(context.Background()); err != nil {
		t.Fatal(err)
	}
	x := l.w.nodes[1]
	feed, asked := x.inception.ID(), l.w.nodes[2].node.Public()
	if _, err := l.Admit(context.Background(), protocol.Page{Entries: []protocol.Entry{x.inception}, Bodies: [][]byte{nil}}, ViaImport); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Admit(context.Background(), x.craft(x.inception, 5, "a"), ViaImport); err != nil {
		t.Fatal(err)
	}
	branch := x.craft(x.inception, 40, "bb")
	if err := l.forked(context.Background(), feed, branch.Entries[:1]); err != nil {
		t.Fatal(err)
	}
	l.spend(x.handle, 100)
	if _, _, err := l.takeBranch(branch, ViaCatchUp); err != nil {
		t.Fatal(err)
	}
	l.mu.Lock()
	left := l.quotas.of(x.handle, time.Now()).entries.left
	l.mu.Unlock()
	if left > 65 {
		t.Errorf("a branch of 40 entries left %.0f of an allowance of 100", left)
	}
	l.spend(x.handle, -1000)
	if asks := l.branchesDue(asked); len(asks) != 0 {
		t.Errorf("%d branches are asked for beyond the allowance", len(asks))
	}
	st, err := protocol.Statement{Federation: l.w.fed, Purpose: protocol.PurposeSettle,
		Stands: []protocol.Stand{{Feed: feed, Count: 8, Head: x.craft(x.inception, 7, "chosen").Entries[6].ID()}}}.Sign(x.root)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Publish(context.Background(), Draft{Kind: protocol.KindStatement, Content: &st}); err != nil {
		t.Fatal(err)
	}
	if asks := l.branchesDue(asked); len(asks) == 0 {
		t.Error("the chosen branch waits for an allowance")
	}
}

// The words of an ended feed on erasures are not read again for every page of it.
func TestErasure_EndedFeedCostsNoReading(t *testing.T) {
	l := newLone(t, 2, nil)
	if err := l.Begin(context.Background()); err != nil {
		t.Fatal(err)
	}
	other := l.w.nodes[1]
	c := newFeed(t, l.w, other, other.node)
	for i := range 60 {
		c.add(t, protocol.KindErasure, protocol.Header{Of: protocol.Sum([]byte(fmt.Sprint(i)))}, nil)
	}
	if _, err := l.Admit(context.Background(), c.page(), ViaImport); err != nil {
		t.Fatal(err)
	}
	feed := c.entries[0].ID()
	st, err := protocol.Statement{Federation: l.w.fed, Purpose: protocol.PurposeCut, Node: other.node.Public(),
		Stands: []protocol.Stand{{Feed: feed, Count: 50, Head: c.entries[49].ID()}}}.Sign(other.root)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Publish(context.Background(), Draft{Kind: protocol.KindStatement, Content: &st}); err != nil {
		t.Fatal(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.feeds[feed]
	if f.limit.Open() {
		t.Fatal("the feed is not ended")
	}
	if cost := testing.AllocsPerRun(10, func() { l.erasures.restate(f) }); cost > 100 {
		t.Errorf("%.0f allocations for an ended feed with 60 erasures", cost)
	}
}

// A feed that was looked at before its node was cut, and is let in after, has the limit
// that holds then: no change of the charter would tell it later.
func TestAdmit_LimitOfANewFeedIsNotOutOfDate(t *testing.T) {
	l := newLone(t, 2, nil)
	if err := l.Begin(context.Background()); err != nil {
		t.Fatal(err)
	}
	other := l.w.nodes[1]
	entries := other.chain(t, 3)
	l.mu.Lock()
	f, _, _, err := l.feedFor(protocol.Page{Entries: entries, Bodies: make([][]byte, 4)}, ViaCatchUp)
	l.mu.Unlock()
	if err != nil || !f.limit.Open() {
		t.Fatal(err)
	}
	cut, err := protocol.Statement{Federation: l.w.fed, Purpose: protocol.PurposeCut, Node: other.node.Public(),
		Stands: []protocol.Stand{{Feed: f.id, Count: 2, Head: entries[1].ID()}}}.Sign(other.root)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Publish(context.Background(), Draft{Kind: protocol.KindStatement, Content: &cut}); err != nil {
		t.Fatal(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.list(f); err != nil {
		t.Fatal(err)
	}
	if l.feeds[f.id].limit.Count != 2 {
		t.Errorf("the feed may have %d entries, want 2", l.feeds[f.id].limit.Count)
	}
}

// The index was told of all feeds with every page of a feed that was cut: what a page
// changes is told by the page, except where it brings the entry that ends the feed.
func TestAdmit_PagesOfACutFeedAreNoNews(t *testing.T) {
	changes := 0
	l := newLone(t, 2, func(c *Config) { c.Changed = func(charter.State) { changes++ } })
	if err := l.Begin(context.Background()); err != nil {
		t.Fatal(err)
	}
	other := l.w.nodes[1]
	entries := other.chain(t, 400)
	const count = 321
	cut, err := protocol.Statement{Federation: l.w.fed, Purpose: protocol.PurposeCut, Node: other.node.Public(),
		Stands: []protocol.Stand{{Feed: entries[0].ID(), Count: count, Head: entries[count-1].ID()}}}.Sign(other.root)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Publish(context.Background(), Draft{Kind: protocol.KindStatement, Content: &cut}); err != nil {
		t.Fatal(err)
	}
	pages := func(from, to int) {
		for ; from < to; from += protocol.MaxPage {
			page := protocol.Page{Entries: entries[from : from+protocol.MaxPage], Bodies: make([][]byte, protocol.MaxPage)}
			if _, err := l.Admit(context.Background(), page, ViaImport); err != nil {
				t.Fatal(err)
			}
		}
	}
	pages(0, 64) // its inception is news to the charter
	before := changes
	pages(64, 320)
	if changes != before {
		t.Errorf("four pages were told as %d changes", changes-before)
	}
	pages(320, 384)
	if _, standing := l.Feeds().Standings(entries[0].ID()); changes == before || standing != count {
		t.Errorf("%d changes were told when the end came; %d entries stand, want %d", changes-before, standing, count)
	}
}

// Another entry at a known place of a feed that is forked was verified each time it came,
// and nobody's allowance had less by it.
func TestQuota_EntriesOfForksAreCounted(t *testing.T) {
	l := newLone(t, 2, nil)
	b := l.w.nodes[1]
	from := keyOf(t, "a forwarder").Public()
	entries := b.chain(t, 3)
	if _, err := l.Admit(context.Background(), protocol.Page{Entries: entries, Bodies: make([][]byte, 4)}, ViaImport); err != nil {
		t.Fatal(err)
	}
	for n := range 40 {
		h := entries[2].Header()
		h.Time += int64(n) + 1
		e, err := protocol.Seal(l.w.fed, h, b.node)
		if err != nil {
			t.Fatal(err)
		}
		if v := l.Handler().Gossip(context.Background(), from, message(t, e, nil)); v != protocol.Ignore {
			t.Fatalf("another entry at a known place: %s", v)
		}
	}
	if used := float64(heardBurst) - l.quotas.members[b.handle].heard.left; used < 30 {
		t.Errorf("40 messages took %.1f of the author's allowance", used)
	}
}
