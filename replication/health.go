package replication

import (
	"context"
	"time"

	"github.com/dure-net/dure/protocol"
)

// Health messages tell members a node's frontier and condition. They are hints: a
// root that differs starts an exchange, nothing else is believed.
const (
	healthTime  = 10 * time.Second       // at least so often
	healthAfter = 150 * time.Millisecond // after a change that gossip did not carry, so that others fetch it
	healthAge   = 5 * time.Minute        // so long a node's last message stands against older ones: a clock that was set back is believed again
)

// tellHealth sends this node's health at intervals, and soon after changes that gossip
// did not carry: what gossip carried, the others have heard too.
func (r *Replica) tellHealth(ctx context.Context, n Network) error {
	timer := time.NewTimer(healthAfter)
	defer timer.Stop()
	pending := true
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-r.hinted:
			if !pending {
				pending = true
				timer.Reset(healthAfter)
			}
		case <-timer.C:
			pending = false
			r.sayHealth(n)
			timer.Reset(healthTime)
		}
	}
}

// hint asks for a health message soon.
func (r *Replica) hint() {
	select {
	case r.hinted <- struct{}{}:
	default:
	}
}

func (r *Replica) sayHealth(n Network) {
	entries, _ := r.frontier.total()
	r.mu.Lock()
	h := protocol.Health{
		Federation: r.cfg.Federation, Time: r.cfg.Now().UnixMilli(), Root: r.frontier.ledgerRoot(), Entries: entries,
		Wanted: uint64(r.ledger.Stats().Wanted), Act: r.state.Act().Number, State: string(r.condition), Version: r.cfg.Version,
	}
	standing := r.own != nil || r.condition == Recovering && r.stood()
	r.mu.Unlock()
	if !standing {
		return
	}
	if addrs := n.Addrs(); len(addrs) <= protocol.MaxAddresses {
		h.Addresses = addrs
	} else {
		h.Addresses = addrs[:protocol.MaxAddresses]
	}
	signed, err := h.Sign(r.cfg.Key)
	if err != nil {
		r.log.Error("health could not be signed", "err", err)
		return
	}
	raw, err := protocol.Encode(&signed)
	if err == nil {
		err = n.AnnounceHealth(raw)
	}
	if err != nil {
		r.log.Debug("health was not told", "err", err)
	}
}

// stood reports whether others may know this node by a feed that it does not go on with.
// The caller holds mu.
func (r *Replica) stood() bool {
	for _, f := range r.feeds {
		if f.node == r.self && !f.limit.Void {
			return true
		}
	}
	return false
}

// Health judges one message of the health topic.
func (of handler) Health(_ context.Context, from protocol.PublicKey, message []byte) protocol.Verdict {
	r := of.replica
	h, err := protocol.DecodeHealth(r.cfg.Federation, message)
	if err != nil {
		r.counts.refuse(protocol.ReasonOf(err))
		return r.judged(from, protocol.ReasonOf(err).Verdict())
	}
	now := r.cfg.Now()
	r.mu.Lock()
	if !r.nodes[h.Node] || h.Node == r.self {
		r.mu.Unlock()
		return protocol.Ignore
	}
	p := r.peerFor(h.Node)
	if member, ok := r.state.MemberOfNode(h.Node); ok {
		r.quotas.meet(member, time.Now())
	}
	if p.health != nil && h.Time <= p.health.Time && now.Sub(p.heard).Abs() < healthAge {
		r.mu.Unlock()
		return protocol.Ignore
	}
	if !p.told.AllowN(time.Now(), 1) {
		r.mu.Unlock()
		return protocol.Ignore
	}
	p.health, p.heard = &h, now
	if len(h.Addresses) > 0 {
		r.addresses[h.Node] = h.Addresses
	}
	linked := p.linked
	r.mu.Unlock()
	own := r.ownStanding()
	if linked && h.Root != r.frontier.ledgerRoot() {
		r.wakeFor(h.Node)
	} else if h.Root == r.frontier.ledgerRoot() {
		r.noteEqual(h.Node, own)
	}
	return protocol.Accept
}

// noteEqual remembers that a node holds what is held here; own is what stood of this
// node's feed before that was seen.
func (r *Replica) noteEqual(node protocol.PublicKey, own holding) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.peerFor(node)
	none := uint64(0)
	p.behind, p.last, p.holds = &none, r.cfg.Now(), own
}

// noteBehind counts the standing entries that a node lacked by its own lines; whole are
// the ranges of its frontier in which a feed that it did not list is one it lacks.
func (r *Replica) noteBehind(node protocol.PublicKey, lines []protocol.Line, whole []string) {
	var behind uint64
	listed := make(map[[32]byte]bool, len(lines))
	for _, l := range lines {
		listed[l.Feed] = true
		if ours := r.frontier.line(protocol.FeedCID(l.Feed)); ours.Count > l.Count {
			behind += ours.Count - l.Count
		}
	}
	for _, prefix := range whole {
		behind += r.frontier.beside(prefix, listed)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.peerFor(node).behind = &behind
}

// Node is what this node knows of another one.
type Node struct {
	Key       protocol.PublicKey
	Linked    bool
	Behind    *uint64   // entries it lacked at the last exchange; nil = unknown
	Seen      time.Time // last exchange or health message; zero = never
	Health    *protocol.Health
	Heard     time.Time // when Health came
	Addresses []string
	Speaks    uint64 // newest protocol version of a node that speaks none of this node's; 0 = it does, or is not known
}

// Nodes lists the node keys of standing members except this one, in no order. The
// slice is the caller's, what it points to is shared.
func (of Others) Nodes() []Node {
	r := of.replica
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []Node
	for key := range r.nodes {
		if key == r.self {
			continue
		}
		n := Node{Key: key, Addresses: r.addresses[key]}
		if p := r.peers[key]; p != nil {
			n.Linked, n.Behind, n.Health, n.Heard, n.Seen, n.Speaks = p.linked, p.behind, p.health, p.heard, p.last, p.speaks
			if p.heard.After(n.Seen) {
				n.Seen = p.heard
			}
		}
		out = append(out, n)
	}
	return out
}

// learnAddresses takes over what a node record says.
func (r *Replica) learnAddresses(node protocol.PublicKey, body []byte) {
	rec, err := protocol.OpenBody[protocol.NodeRecord](body)
	if err != nil || len(rec.Addresses) > protocol.MaxAddresses {
		return
	}
	r.mu.Lock()
	r.addresses[node] = rec.Addresses
	r.mu.Unlock()
}

// Remember takes over the addresses of a node record that the ledger holds: of each
// feed's the last one, at the start. What health messages said since is newer and stays.
func (of Others) Remember(e protocol.Entry) {
	r := of.replica
	r.mu.Lock()
	f := r.feeds[e.Feed()]
	known := f == nil || !r.nodes[f.node] || len(r.addresses[f.node]) > 0
	r.mu.Unlock()
	if known || e.Kind() != protocol.KindNode {
		return
	}
	if body, err := r.ledger.Body(e); err == nil {
		r.learnAddresses(f.node, body)
	}
}
