package replication

import (
	"cmp"
	"slices"
	"time"

	"github.com/dure-net/dure/protocol"
)

// Flood is a member that writes more than this node takes in at once. What is beyond is
// taken in later.
type Flood struct {
	Member  string
	Node    protocol.PublicKey // which of its nodes; zero = not known
	Since   time.Time          // by the node's clock
	Taken   uint64             // entries taken in since
	Waiting uint64             // entries known of and not taken in yet, at the last look
	Ignored uint64             // messages not listened to since; the entries come otherwise
}

// Floods lists the members beyond their allowance now, by handle. The slice is the
// caller's.
func (of Others) Floods() []Flood {
	r := of.replica
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	var out []Flood
	for member, q := range r.quotas.members {
		if f := q.flood; q.flooding(now) {
			out = append(out, Flood{Member: member, Node: f.node, Since: f.claimed, Taken: f.taken, Waiting: f.waiting, Ignored: f.ignored})
		}
	}
	slices.SortFunc(out, func(a, b Flood) int { return cmp.Compare(a.Member, b.Member) })
	return out
}

// Offender is a node that passed on what it cannot have checked.
type Offender struct {
	Node   protocol.PublicKey
	Member string // whose; empty = not known any more
	Since  time.Time
	Count  uint64 // messages
}

// Offenders lists the nodes that did so in the last ten minutes, the worst first. The
// slice is the caller's.
func (of Others) Offenders() []Offender {
	r := of.replica
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	var out []Offender
	for node, p := range r.peers {
		if p.refused.count > 0 && now.Sub(p.refused.last) <= offenceEnds {
			member, _ := r.state.MemberOfNode(node)
			out = append(out, Offender{Node: node, Member: member, Since: p.refused.claimed, Count: p.refused.count})
		}
	}
	slices.SortFunc(out, func(a, b Offender) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Node.String(), b.Node.String()))
	})
	return out
}
