package replication

import "github.com/dure-net/dure/protocol"

// holding is how much of this node's own feed another node is known to hold: by its own
// frontier in an exchange, or by a root that was the same as here.
type holding struct {
	feed  protocol.FeedID
	count uint64
}

// ownStanding is how far this node's own feed stands now. Equal roots prove as much of it
// as stood before the other root was seen: it is read first.
func (r *Replica) ownStanding() holding {
	r.mu.Lock()
	own := r.own
	r.mu.Unlock()
	if own == nil {
		return holding{}
	}
	return holding{own.id, r.frontier.line(own.id).Count}
}

// noteHolding takes from a node's own lines how far it holds this node's feed. A feed that
// it does not list is as it was at the exchange before, unless whole ranges were listed
// in which it would stand; noteBehind knows those.
func (r *Replica) noteHolding(node protocol.PublicKey, own holding, lines []protocol.Line) {
	for _, l := range lines {
		if protocol.FeedCID(l.Feed) == own.feed {
			r.mu.Lock()
			r.peerFor(node).holds = holding{own.feed, min(l.Count, own.count)}
			r.mu.Unlock()
			return
		}
	}
}

// Holding lists the nodes that are known to hold this node's own feed up to and with an
// entry, in no order. It never blocks on the network. The slice is the caller's.
func (of Others) Holding(feed protocol.FeedID, seq uint64) []protocol.PublicKey {
	r := of.replica
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []protocol.PublicKey
	for key, p := range r.peers {
		if p.holds.feed == feed && p.holds.count > seq && r.nodes[key] {
			out = append(out, key)
		}
	}
	return out
}

// Ask has an exchange with every linked node begin soon: each tells there how far it is.
// It never blocks; a full queue is served by the timer.
func (of Others) Ask() {
	r := of.replica
	r.mu.Lock()
	var linked []protocol.PublicKey
	for key, p := range r.peers {
		if p.linked {
			linked = append(linked, key)
		}
	}
	r.mu.Unlock()
	for _, key := range linked {
		r.wakeFor(key)
	}
}
