package replication

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
	"github.com/dure-net/dure/replication/mesh"
)

// witness remembers, across all crashes and restores, what nodes signed and what was
// certified: the promises that no fault may break.
type witness struct {
	mu      sync.Mutex // guards all below
	signed  map[place]protocol.EntryID
	writers map[protocol.FeedID]protocol.PublicKey
	twice   map[place][2]protocol.EntryID
	acts    []protocol.ActID // by number - 1
	unmade  []string

	copied    map[protocol.FeedID]bool  // feeds of which two running copies had the key
	destroyed map[protocol.EntryID]bool // the story destroyed the only copy
	faults    map[string]int            // what struck, and how often it was felt
}

type place struct {
	feed protocol.FeedID
	seq  uint64
}

func newWitness() *witness {
	return &witness{signed: map[place]protocol.EntryID{}, writers: map[protocol.FeedID]protocol.PublicKey{}, twice: map[place][2]protocol.EntryID{},
		copied: map[protocol.FeedID]bool{}, destroyed: map[protocol.EntryID]bool{}, faults: map[string]int{}}
}

// observe has the witness told of all that this life of the node takes in and decides.
func (a *actor) observe(cfg *Config) {
	life := a.life.Add(1)
	alive := func() bool { return a.life.Load() == life }
	arrived, changed, renewed, beginning := cfg.Arrived, cfg.Changed, cfg.Renewed, cfg.Beginning
	cfg.Arrived = func(v Arrival) {
		if alive() {
			a.w.witness.see(v)
		}
		if arrived != nil {
			arrived(v)
		}
		a.disk.work()
	}
	known := 0
	var last sync.Mutex // guards known
	cfg.Changed = func(s charter.State) {
		if alive() {
			last.Lock()
			known = a.w.witness.decided(a, s, known)
			last.Unlock()
		}
		if changed != nil {
			changed(s)
		}
	}
	cfg.Renewed = func(e protocol.Entry) error {
		if alive() {
			a.inception = e
		}
		if alive() {
			a.w.note("%s goes on in the chain %s", a.handle, e.ID().Short())
		}
		if renewed != nil {
			return renewed(e)
		}
		return nil
	}
	cfg.Beginning = func() error {
		if alive() {
			a.begun = true
		}
		if beginning != nil {
			return beginning()
		}
		return nil
	}
}

// see notes the entries that a node made durable.
func (x *witness) see(v Arrival) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, e := range v.Page.Entries {
		if init := e.Header().Init; init != nil {
			x.writers[e.ID()] = init.Node
		}
		at := place{e.Feed(), e.Seq()}
		if old, ok := x.signed[at]; ok && old != e.ID() {
			x.twice[at] = [2]protocol.EntryID{old, e.ID()}
		}
		x.signed[at] = e.ID()
	}
}

// decided notes the acts that a node knows. It knew so many before; the new number is
// returned.
func (x *witness) decided(a *actor, s charter.State, before int) int {
	acts := s.Acts()
	acts = slices.DeleteFunc(acts, func(act charter.Act) bool { return act.Number == 0 })
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(acts) < before {
		x.unmade = append(x.unmade, fmt.Sprintf("%s knew %d acts and then %d", a.handle, before, len(acts)))
	}
	for i, act := range acts {
		switch {
		case i == len(x.acts):
			x.acts = append(x.acts, act.ID)
		case x.acts[i] != act.ID:
			x.unmade = append(x.unmade, fmt.Sprintf("act %d is %s at %s and was %s", i+1, act.ID.Short(), a.handle, x.acts[i].Short()))
		}
	}
	return max(before, len(acts))
}

// felt counts that a fault had an effect.
func (w *world) felt(fault string, n int) {
	if n <= 0 {
		return
	}
	w.witness.mu.Lock()
	defer w.witness.mu.Unlock()
	w.witness.faults[fault] += n
}

// agreeing lists the nodes that must hold the same: running, honest, and of members
// that stand by the longest line of acts that any honest node knows.
func (w *world) agreeing() []*actor {
	nodes := slices.DeleteFunc(w.running(), func(a *actor) bool { return a.hostile != nil })
	var state charter.State
	for i, a := range nodes {
		if s := a.replica.State(); i == 0 || s.Act().Number > state.Act().Number {
			state = s
		}
	}
	return slices.DeleteFunc(nodes, func(a *actor) bool { return !isMember(state, a.root.Public()) })
}

// wants counts the bodies that the node wants, those of hostile nodes' entries apart:
// nobody may ever have had them.
func (a *actor) wants() int {
	n := a.ledger.Stats().Wanted
	if n == 0 || !slices.ContainsFunc(a.w.nodes, func(b *actor) bool { return b.hostile != nil }) {
		return n
	}
	n = 0
	for _, want := range a.ledger.Wanted(10_000) {
		if want.Lifted {
			continue
		}
		if e, _, err := a.ledger.Find(want.Entry); err != nil || a.w.writer(e.Feed()) == nil {
			n++
		}
	}
	return n
}

// writer is the hostile node whose feed it is; nil if an honest one writes it.
func (w *world) writer(feed protocol.FeedID) *actor {
	w.witness.mu.Lock()
	key := w.witness.writers[feed]
	w.witness.mu.Unlock()
	for _, a := range w.nodes {
		if a.hostile != nil && a.node.Public() == key {
			return a
		}
	}
	return nil
}

// check holds what must hold at every moment against what the witness saw, settled or not.
func (w *world) check() {
	w.t.Helper()
	x := w.witness
	x.mu.Lock()
	twice, unmade := x.twice, slices.Clone(x.unmade)
	x.mu.Unlock()
	for at, ids := range twice {
		if w.writer(at.feed) == nil && !x.copied[at.feed] {
			w.t.Errorf("seed %d: two entries were signed at one place, %s %d: %s and %s", w.seed, at.feed.Short(), at.seq, ids[0].Short(), ids[1].Short())
		}
	}
	for _, text := range unmade {
		w.t.Errorf("seed %d: an act was unmade: %s", w.seed, text)
	}
	honest := map[protocol.PublicKey]string{}
	for _, a := range w.agreeing() {
		honest[a.node.Public()] = a.handle
	}
	for _, a := range w.agreeing() {
		// A score may be some seconds old, of a time when the one did not know the other.
		low := func() string {
			for key, score := range a.mesh.Scores() {
				if handle, ok := honest[key]; ok && score < mesh.Graylist {
					return fmt.Sprintf("%s at a score of %.0f", handle, score)
				}
			}
			return ""
		}
		for tries := 0; low() != ""; time.Sleep(time.Second) {
			if tries++; tries > 10 {
				w.t.Errorf("seed %d: %s has %s", w.seed, a.handle, low())
				break
			}
		}
		a.bounded()
	}
}

// bounded checks that the node's queues are within their bounds.
func (a *actor) bounded() {
	a.w.t.Helper()
	r := a.replica
	r.mu.Lock()
	defer r.mu.Unlock()
	longest := 0
	for _, seqs := range r.waiting.feeds {
		longest = max(longest, len(seqs))
	}
	for _, q := range []struct {
		what    string
		is, max int
	}{
		{"entries waiting", r.waiting.len(), waitingEntries},
		{"entries of one feed waiting", longest, waitingFeed},
		{"nodes to wake", len(r.wake), cap(r.wake)},
		{"exchanges", len(r.places.taken), longPlaces + quickPlaces},
		{"exchanges waiting for a place", len(r.places.queue), len(r.peers)},
		{"feeds held back", len(r.quotas.opened), maxHeldFeeds},
		{"nodes remembered", len(r.peers), len(r.nodes) + len(r.vouched)},
		{"nodes vouched for", len(r.vouched), protocol.MaxFounders},
		{"forks told", len(r.forkTold), len(r.feeds)},
	} {
		if q.is > q.max {
			a.w.t.Errorf("seed %d: %s: %d %s, at most %d", a.w.seed, a.handle, q.is, q.what, q.max)
		}
	}
}

// sameEverywhere checks all that must hold once the world has settled: equal roots and
// states, nothing wanted, every acknowledged entry on every node, every byte as it was
// hashed, and what holds at every moment.
func (w *world) sameEverywhere() {
	w.t.Helper()
	if !w.same() {
		w.t.Fatalf("seed %d: not the same everywhere:\n%s", w.seed, w.difference())
	}
	nodes := w.agreeing()
	for _, by := range w.nodes {
		by.mu.Lock()
		acked := slices.Clone(by.acked)
		by.mu.Unlock()
		for _, id := range acked {
			for _, a := range nodes {
				if !a.ledger.Has(id) && !w.explained(a, id) {
					w.t.Errorf("seed %d: %s lacks %s, which %s had acknowledged", w.seed, a.handle, id, by.handle)
				}
			}
		}
	}
	w.erasedEverywhere()
	for _, a := range nodes {
		report, err := a.ledger.Verify(context.Background(), nil)
		if err != nil || !report.Clean() {
			w.t.Errorf("seed %d: %s verifies with %v: %+v", w.seed, a.handle, err, report.Problems)
		}
	}
	w.check()
}

// explained says whether a node may lack an acknowledged entry: the story destroyed the
// only copy, or the entry lies beyond what stands of its feed and somebody still holds it.
func (w *world) explained(a *actor, id protocol.EntryID) bool {
	if w.witness.destroyed[id] {
		return true
	}
	for _, b := range w.running() {
		e, isBody, err := b.ledger.Find(id)
		if err != nil || isBody {
			continue
		}
		a.replica.mu.Lock()
		f := a.replica.feeds[e.Feed()]
		ended := f == nil || !f.limit.Open()
		a.replica.mu.Unlock()
		if ended && a.replica.frontier.line(e.Feed()).Count <= e.Seq() {
			return true
		}
		// A machine that was put back, and whose member was removed meanwhile, signs a place again, and
		// nobody takes from it any more what would show that.
		other, err := a.ledger.Entry(e.Feed(), e.Seq())
		return ended && w.witness.copied[e.Feed()] && err == nil && other.ID() != id
	}
	return false
}
