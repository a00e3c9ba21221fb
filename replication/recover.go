package replication

import (
	"context"
	"time"

	"github.com/dure-net/dure/protocol"
)

// A node whose store is behind its high-water mark may have forgotten entries that
// others hold, or that nobody has seen. It never continues its old feed: it fetches
// what the members it can see have, and then opens a new feed under the same key. What
// was lost joins the old feed when it is found.

// recoverAgain is how often a recovering node looks whether it has seen enough.
const recoverAgain = time.Second

// recover opens a new feed once this node has finished an exchange with a majority of
// the nodes it is linked to. With no other member it waits for nobody.
func (r *Replica) recover(ctx context.Context) error {
	r.mu.Lock()
	if r.condition != Recovering {
		r.mu.Unlock()
		return nil
	}
	others, linked, done := 0, 0, 0
	for node := range r.nodes {
		if node == r.self {
			continue
		}
		others++
		if p := r.peers[node]; p != nil && p.linked {
			linked++
			if !p.last.IsZero() && !p.pulling {
				done++
			}
		}
	}
	if others > 0 && (linked == 0 || 2*done <= linked) {
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
	r.cfg.Inception = inception
	r.condition, r.why = Joining, "state.joining"
	r.mu.Unlock()
	r.log.Warn("a new chain of entries is begun, because the old one was partly forgotten here")
	return r.Begin(ctx)
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
