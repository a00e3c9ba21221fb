package replication

import (
	"context"
	"time"

	"github.com/dure-net/dure/protocol"
)

// A node whose store is behind its high-water mark may have forgotten entries that
// others hold, or that nobody has seen. It never continues its old feed: it fetches
// what the members it can see have, and then opens a new feed under the same key. What
// was lost joins the old feed when it is found. A node whose feed was forked, or ended
// by the settlement of a fork, goes on in a new feed too, at once.

const (
	// recoverAgain is how often a recovering node looks whether it has seen enough.
	recoverAgain = time.Second
	// recoverAlone is how long it looks for others where the charter has further members
	// and it knows no node of theirs: it may have forgotten them, and its short numbers.
	recoverAlone = time.Minute
)

// recover opens a new feed once this node has finished an exchange with a majority of
// the nodes it is linked to. The only member waits for nobody.
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
	if !r.caughtUp() {
		r.mu.Unlock()
		return nil
	}
	inception, err := r.renewal()
	r.mu.Unlock()
	if err != nil {
		return err
	}
	if r.cfg.Renewed != nil {
		if err := r.cfg.Renewed(inception); err != nil {
			return err
		}
	}
	r.mu.Lock()
	r.cfg.Inception, r.renewed, r.ended, r.recovering = inception, true, false, time.Time{}
	r.condition, r.why = Joining, "state.joining"
	r.mu.Unlock()
	r.log.Warn("a new chain of entries is begun, because the old one cannot be gone on with")
	return r.Begin(ctx)
}

// leaveEnded gives up the own feed where a fork or its settlement has ended it and a
// new feed of this node would count. The caller holds mu.
func (r *Replica) leaveEnded() {
	if r.own == nil || r.own.limit.Open() || (r.condition != Ready && r.condition != Joining) {
		return
	}
	if !r.state.Limit(protocol.FeedID{}, r.own.root, r.own.node).Open() {
		return
	}
	r.log.Warn("this node's chain of entries was forked: the key may be in use on another machine", "feed", r.own.id.Short())
	r.own, r.ended = nil, true
	r.condition, r.why = Recovering, "state.recovering.behind"
}

// caughtUp reports whether this node has seen enough of the others to begin anew. The
// caller holds mu.
func (r *Replica) caughtUp() bool {
	if r.ended {
		return true // nothing was forgotten
	}
	others, linked, done := 0, 0, 0
	look := func(node protocol.PublicKey) {
		if node == r.self {
			return
		}
		others++
		if p := r.peers[node]; p != nil && p.linked {
			linked++
			if !p.last.IsZero() && !p.pulling {
				done++
			}
		}
	}
	for node := range r.nodes {
		look(node)
	}
	for node := range r.vouched {
		look(node)
	}
	if others == 0 {
		return len(r.state.Members()) < 2 || time.Since(r.recovering) > recoverAlone
	}
	return 2*done > linked
}

// renewal is the inception of a new feed under this node's key. The root key's addition
// of the node covers the key and not the feed, so it serves again. The caller holds mu.
func (r *Replica) renewal() (protocol.Entry, error) {
	old := r.cfg.Inception.Header().Init
	if old == nil {
		return protocol.Entry{}, protocol.Fail(protocol.ReasonNotFederated, "renew feed", nil)
	}
	init := *old
	init.Continues = nil
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
