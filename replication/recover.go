package replication

import (
	"context"
	"io"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
	"github.com/dure-net/dure/replication/ledger"
)

// A node whose store is behind its high-water mark may have forgotten entries that
// others hold, or that nobody has seen. It never continues its old feed: it fetches
// what the members it can see have, and then opens a new feed under the same key. What
// was lost joins the old feed when it is found. A node whose feed was forked, or ended
// by the settlement of a fork, goes on in a new feed too, at once.

const (
	// recoverAgain is how often a recovering node looks whether it has seen enough.
	recoverAgain = time.Second
	// recoverAlone is how long it looks for others where there are further members and it
	// knows no node of theirs: it may have forgotten them, and its short numbers. It then
	// writes on, and answers no decision before it has caught up with somebody.
	recoverAlone = time.Minute
)

// The causes of recovering, as phrase keys. They are an interface: append only.
const (
	whyBehind   = "state.recovering.behind"   // the store is behind the high-water mark
	whyRestored = "state.recovering.restored" // it was made from a backup
	whyEmptied  = "state.recovering.emptied"  // it is empty, and this node has written before
	whyUnmarked = "state.recovering.unmarked" // the mark is missing or damaged
	whyCopied   = "state.recovering.copied"   // the files are a copy of those this node wrote
	whyForked   = "state.recovering.forked"   // the own feed was forked
)

// become changes the condition. The caller holds mu.
func (r *Replica) become(c Condition, why string) {
	if r.condition != c || r.why != why {
		r.sinceOf, r.since = c, r.cfg.Now()
	}
	r.condition, r.why = c, why
}

// recover opens a new feed once this node has caught up with a majority of the members
// it can see. The only member waits for nobody.
func (r *Replica) recover(ctx context.Context) error {
	r.mu.Lock()
	r.leaveEnded()
	if r.condition != Recovering {
		r.mu.Unlock()
		return nil
	}
	if r.recovering.IsZero() {
		r.recovering = time.Now()
	}
	alone := false
	if !r.ended { // where the feed was forked nothing was forgotten
		v := r.view()
		if !v.enough() {
			r.mu.Unlock()
			return nil
		}
		alone = v.seen == 0 && v.alone
	}
	inception, err := r.renewal()
	r.mu.Unlock()
	if err != nil {
		return err
	}
	if alone {
		// Answers wait until it has met somebody: it may have given some that it forgot.
		if err := r.ledger.Put(ctx, ledger.Batch{Meta: []ledger.Setting{{Key: metaAlone, Value: []byte{1}}}}); err != nil {
			return err
		}
	}
	if r.cfg.Renewed != nil {
		if err := r.cfg.Renewed(inception); err != nil {
			return err
		}
	}
	r.mu.Lock()
	r.cfg.Inception, r.renewed, r.ended, r.forgetful, r.recovering = inception, true, false, false, time.Time{}
	r.unheard = r.unheard || alone
	r.become(Joining, "state.joining")
	r.mu.Unlock()
	r.log.Warn("a new chain of entries is begun, because the old one cannot be gone on with")
	return r.Begin(ctx)
}

// metaReminded is the setting that says that others brought entries of the feed that this
// node was writing: there may be more of them that nobody has brought yet.
const metaReminded = "recovered.reminded"

// reminded gives up the own feed because an entry of it that this node does not hold came
// from outside, with its signature: a whole machine was put back to an earlier day, mark and
// all, or another one runs with its disk. What it returns is stored with that entry, so that
// a crash does not make the node forget again. The caller holds mu.
func (r *Replica) reminded(own *feed) []ledger.Setting {
	r.log.Warn("others hold entries of this node that it has forgotten; it goes on in a new chain of entries", "feed", own.id.Short(), "seq", own.count)
	r.own, r.forgetful = nil, true
	if r.condition != ReadOnly {
		r.become(Recovering, whyBehind)
	}
	r.nudge()
	return []ledger.Setting{{Key: metaReminded, Value: []byte{1}}}
}

// leaveEnded gives up the own feed where a fork or its settlement has ended it and a
// new feed of this node would count. The caller holds mu.
func (r *Replica) leaveEnded() {
	if r.own == nil || r.own.limit.Open() || (r.condition != Ready && r.condition != Joining) {
		return
	}
	r.leaveOwn()
}

// leaveForked gives up the own feed where it is the one whose fork was proven just now and
// a new feed of this node would count.
func (r *Replica) leaveForked(id protocol.FeedID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.own == nil || r.own.id != id || (r.condition != Ready && r.condition != Joining) {
		return false
	}
	return r.leaveOwn()
}

// leaveOwn gives up the own feed, which was forked, where a new one of this node would
// count. The caller holds mu.
func (r *Replica) leaveOwn() bool {
	if !r.state.Limit(protocol.FeedID{}, r.own.root, r.own.node).Open() {
		return false
	}
	r.log.Warn("this node's chain of entries was forked: the key may be in use on another machine", "feed", r.own.id.Short())
	r.own, r.ended = nil, true
	r.become(Recovering, whyForked)
	return true
}

// Recovery is how far a recovering node is with catching up.
type Recovery struct {
	Since    time.Time // by the claimed clock
	Others   int       // further members, by the charter as it is known here
	Seen     int       // members of whom a node is linked
	CaughtUp int       // of them, those this node has nothing more to fetch from
	Needed   int       // so many of them it waits for; 0: for the first one to be seen
	Fetching bool      // something that is known to be missing is on its way
}

// Recovery tells how far this node is; false where it does not recover.
func (of Custody) Recovery() (Recovery, bool) {
	r := of.replica
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.condition != Recovering {
		return Recovery{}, false
	}
	v := r.view()
	out := Recovery{Since: r.stateSince(), Others: v.others, Seen: v.seen, CaughtUp: v.done, Fetching: v.fetching}
	if v.seen > 0 {
		out.Needed = v.seen/2 + 1
	}
	return out, true
}

// Forgetful reports whether this node may have forgotten other members: it recovers, or
// began anew with nobody in sight.
func (of Custody) Forgetful() bool {
	r := of.replica
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.condition == Recovering || r.unheard
}

// Since is when the node's condition became what it is, by the claimed clock.
func (of Custody) Since() time.Time {
	r := of.replica
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stateSince()
}

// stateSince is since when the condition is what it is. The caller holds mu.
func (r *Replica) stateSince() time.Time {
	if r.since.IsZero() || r.sinceOf != r.condition {
		r.sinceOf, r.since = r.condition, r.cfg.Now()
	}
	return r.since
}

// view is what a recovering node sees of the others.
type view struct {
	others, seen, done int
	fetching           bool
	strangers          bool // nodes were named of whom nothing is known here
	alone              bool // of the others, no node is known that might answer, and it has looked long enough
}

// most reports whether this node has caught up with a majority of the members it sees.
func (v view) most() bool { return v.seen > 0 && 2*v.done > v.seen && !v.fetching }

// enough reports whether this node has seen enough of the others to begin anew. An
// emptied ledger may know no other member only because it has forgotten them all: a
// node that was named by the operator or by the address book tells that there are some.
func (v view) enough() bool {
	if v.seen > 0 {
		return v.most()
	}
	return v.others == 0 && !v.strangers || v.alone
}

// recoverFetch is how long a recovering node that has caught up with enough members
// waits for what another session still fetches: a session that does not come to its end
// is somebody's who can hold no claim for longer.
const recoverFetch = 2 * claimTime

// view looks at the members, and not at their nodes: a member with many of them has one
// voice. Of the other nodes of its own member a node asks the same. The caller holds mu.
func (r *Replica) view() view {
	type group struct{ linked, done bool }
	groups := map[string]*group{}
	var v view
	known := false
	look := func(node protocol.PublicKey) {
		if node == r.self {
			return
		}
		p := r.peers[node]
		if p == nil || !p.linked {
			return
		}
		name, ok := r.state.MemberOfNode(node)
		if !ok {
			name = "node " + node.String() // vouched for, its member not known yet
		}
		g := groups[name]
		if g == nil {
			g = &group{}
			groups[name] = g
		}
		g.linked = true
		if !p.caught.IsZero() && !p.caught.Before(r.recovering) {
			g.done = true
		}
	}
	for node := range r.nodes {
		known = known || node != r.self
		look(node)
	}
	for node := range r.vouched {
		v.strangers = v.strangers || node != r.self
		look(node)
	}
	for _, g := range groups {
		v.seen++
		if g.done {
			v.done++
		}
	}
	self, _ := r.state.MemberOfNode(r.self)
	for _, m := range r.state.Members() {
		if m.Status != charter.StatusRemoved && m.Facts.Handle != self && m.Facts.Root != r.root() {
			v.others++
		}
	}
	v.alone = !known && !(v.strangers && v.others > 0) && time.Since(r.recovering) > recoverAlone
	if 2*v.done <= v.seen {
		r.enoughAt = time.Time{}
	} else if r.enoughAt.IsZero() {
		r.enoughAt = time.Now()
	}
	v.fetching = r.claimed() && (r.enoughAt.IsZero() || time.Since(r.enoughAt) < recoverFetch)
	return v
}

// root is the root key of this node's member, as its papers say; zero without papers.
func (r *Replica) root() protocol.PublicKey {
	if r.cfg.Inception.IsZero() || r.cfg.Inception.Header().Init == nil {
		return protocol.PublicKey{}
	}
	return r.cfg.Inception.Header().Init.Root
}

// claimed reports whether a session fetches something. The caller holds mu.
func (r *Replica) claimed() bool {
	now := time.Now()
	for _, by := range r.claims {
		if r.keeps(by, now) {
			return true
		}
	}
	return false
}

// metaAlone is the setting that says that this node began anew and has met nobody since.
const metaAlone = "recovered.alone"

// metOthers notes that this node has caught up with somebody: if it had begun anew without,
// it may answer from now on.
func (r *Replica) metOthers(ctx context.Context) {
	r.mu.Lock()
	due := r.unheard && r.condition != Recovering
	if due {
		due = r.view().most()
	}
	r.mu.Unlock()
	if !due {
		return
	}
	if err := r.ledger.Put(ctx, ledger.Batch{Meta: []ledger.Setting{{Key: metaAlone}}}); err != nil {
		r.log.Warn("it was not noted that others were met; answers wait", "err", err)
		return
	}
	r.mu.Lock()
	r.unheard = false
	r.mu.Unlock()
}

// CaughtUp reports whether this node may write, lacks nothing it knows of, and has
// finished an exchange with every node that it is linked to, and with one at least.
func (of Custody) CaughtUp() bool {
	r := of.replica
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.informedByAll()
}

// informedByAll is CaughtUp for a caller that holds mu.
func (r *Replica) informedByAll() bool {
	if r.writable() != nil || !r.informed || r.ledger.Stats().Wanted > 0 {
		return false
	}
	for node, p := range r.peers {
		if node != r.self && p.linked && (p.caught.IsZero() || p.pulling && p.again) {
			return false
		}
	}
	return true
}

// renewal is the inception of a new feed under this node's key. The root key's addition
// of the node covers the key and not the feed, so it serves again. Its salt makes it a feed
// of its own even where another machine with this key, or this one before its store was
// lost, opened one with the same memory at the same claimed time. The caller holds mu.
func (r *Replica) renewal() (protocol.Entry, error) {
	old := r.cfg.Inception.Header().Init
	if old == nil {
		return protocol.Entry{}, protocol.Fail(protocol.ReasonNotFederated, "renew feed", nil)
	}
	init := *old
	init.Continues, init.Salt = nil, make([]byte, len(protocol.Salt{}))
	if _, err := io.ReadFull(r.cfg.Random, init.Salt); err != nil {
		return protocol.Entry{}, protocol.Fail(protocol.ReasonInternal, "read randomness", err)
	}
	h := protocol.Header{Kind: protocol.KindInception, Time: r.cfg.Now().UnixMilli(), Act: r.state.Act(), Init: &init}
	for _, f := range r.feeds {
		if f.node != r.self || f.durable == 0 {
			continue
		}
		last := f.head.Header()
		if init.Continues == nil || last.Time >= h.Time {
			init.Continues = &protocol.Continuation{Feed: f.id, Seq: f.durable - 1, Head: f.lastHead}
		}
		h.Time = max(h.Time, last.Time)
	}
	return protocol.Seal(r.cfg.Federation, h, r.cfg.Key)
}
