package replication

import (
	"context"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
	"github.com/dure-net/dure/replication/ledger"
)

// metaRemoval is the setting with the act that removed this node's member, as another node
// handed it over: no feed brings it, and after a start nobody may be there to tell it again.
const metaRemoval = "charter.removal"

// removalOf is the act that removed the member of a root key; nil if none did, or if the
// member is not this line's. Its bodies are left out where they are not here.
func (r *Replica) removalOf(root protocol.PublicKey) *protocol.Removal {
	state := r.State()
	m, ok := state.ByRoot(root)
	if !ok || m.Status != charter.StatusRemoved || m.Changed.Number == 0 {
		return nil
	}
	out := &protocol.Removal{Number: m.Changed.Number}
	for _, a := range state.Acts() {
		if a.ID != m.Changed.ID {
			continue
		}
		decision, err := r.ledger.Block(a.ID)
		if err != nil {
			return out
		}
		certificate, err := r.ledger.Block(a.Certificate)
		if err != nil {
			return out
		}
		out.Decision, out.Certificate = decision, certificate
	}
	return out
}

// hearRemoval takes the act with which another node turned this one away. Where it holds
// by what is here, it counts as if a feed had brought it, for good; otherwise its number is
// that node's word, shown and not acted upon.
func (r *Replica) hearRemoval(ctx context.Context, node protocol.PublicKey, told protocol.Removal) {
	if state := r.State(); isRemoved(state, r.root()) {
		return
	}
	holds := false
	r.learn(func() bool {
		holds = r.folder.Tell(told.Decision, told.Certificate)
		if !holds && r.turnedAway[node] {
			r.removedBy = told.Number
		}
		return holds
	})
	if !holds || !isRemoved(r.State(), r.root()) {
		return
	}
	r.log.Warn("this node's member was removed from the federation", "act", told.Number, "told_by", node.Short())
	raw, err := protocol.Encode(&told)
	if err == nil {
		err = r.ledger.Put(ctx, ledger.Batch{Meta: []ledger.Setting{{Key: metaRemoval, Value: raw}}})
	}
	if err != nil {
		r.log.Warn("the act that removed this node's member was not kept; it will be told again", "err", err)
	}
}

// loadRemoval takes in again what hearRemoval kept. The caller is alone.
func (r *Replica) loadRemoval() error {
	raw, err := r.ledger.Meta(metaRemoval)
	if err != nil || raw == nil {
		return err
	}
	var told protocol.Removal
	if err := protocol.Decode(raw, &told); err != nil || !r.folder.Tell(told.Decision, told.Certificate) {
		r.log.Warn("the act that removed this node's member cannot be read; it will be told again", "err", err)
	}
	return nil
}

func isRemoved(state charter.State, root protocol.PublicKey) bool {
	m, ok := state.ByRoot(root)
	return ok && m.Status == charter.StatusRemoved
}

// SaysRemoved is the number of the act by which other nodes say that this node's member was
// removed, without a proof that holds here; 0 if none says so, or others take part with it.
func (of Others) SaysRemoved() uint64 {
	r := of.replica
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.turnedAway) == 0 || r.received() {
		return 0
	}
	return r.removedBy
}
