package replication

import (
	"maps"
	"slices"
	"strings"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
)

// feed is what deciding about the next entry of a feed needs.
type feed struct {
	id         protocol.FeedID
	root, node protocol.PublicKey

	// As handed to the ledger, which keeps the order; commits may be under way.
	head  protocol.Entry
	count uint64

	// As durable. lastHead is the entry at durable-1.
	durable  uint64
	lastHead protocol.EntryID

	limit charter.Limit

	turning bool   // another branch is being made the chain: nothing is handed to the ledger
	turns   uint64 // how often that has happened

	// heard is closed, and nil from then on, when the charter has taken the inception in, or
	// the disk has refused it. Until then nobody can say whether its node takes part.
	heard chan struct{}
}

// hear notes that the charter knows of the feed by now, or never will. The caller holds mu.
func (f *feed) hear() {
	if f.heard != nil {
		close(f.heard)
		f.heard = nil
	}
}

// load rebuilds feeds, charter state and frontier from the ledger.
func (r *Replica) load() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.folder = charter.NewFolder(r.cfg.Founding, r.cfg.Federation)
	whys := map[protocol.EntryID][]byte{}
	err := r.ledger.Governance(func(e protocol.Entry, body []byte) {
		r.folder.Add(charter.Block{Entry: e, Body: body})
		switch e.Kind() {
		case protocol.KindErasure:
			whys[e.ID()] = body
		case protocol.KindErased:
			r.erasures.account(e, body)
		case protocol.KindForkEvidence:
			if body != nil {
				r.learnFork(e.ID(), body)
			}
		}
	})
	if err != nil {
		return err
	}
	r.erasures.load(whys)
	for _, h := range r.ledger.Feeds() {
		head, err := r.ledger.Entry(h.Feed, h.Count-1)
		if err != nil {
			return err
		}
		f := &feed{id: h.Feed, root: h.Root, node: h.Node, head: head, count: h.Count, durable: h.Count, lastHead: h.Head}
		r.feeds[h.Feed] = f
		if h.Node == r.self && r.ledger.Opened().Mark.Feed == h.Feed {
			r.own = f
		}
	}
	if err := r.loadRemoval(); err != nil {
		return err
	}
	r.restate()
	alone, err := r.ledger.Meta(metaAlone)
	if err != nil {
		return err
	}
	r.unheard = alone != nil
	reminded, err := r.ledger.Meta(metaReminded)
	if err != nil {
		return err
	}
	r.forgetful = reminded != nil
	return r.settleCondition()
}

// restate takes the folder's state over: limits, node keys and standing lines. The
// caller holds mu. It returns the node keys that came and went.
func (r *Replica) restate() (came, went []protocol.PublicKey) {
	r.state = r.folder.State()
	nodes := map[protocol.PublicKey]bool{}
	lines := make([]protocol.Standing, 0, len(r.feeds))
	for _, f := range r.feeds {
		f.limit = r.state.Limit(f.id, f.root, f.node)
		if !nodes[f.node] {
			if _, ok := r.state.MemberOfNode(f.node); ok {
				nodes[f.node] = true
			}
		}
		lines = append(lines, r.standing(f))
	}
	nodes[r.self] = true
	for n := range nodes {
		if !r.nodes[n] {
			came = append(came, n)
		}
	}
	for n := range r.nodes {
		if !nodes[n] {
			went = append(went, n)
		}
	}
	r.nodes = nodes
	for _, n := range went {
		delete(r.addresses, n)
	}
	for _, f := range r.feeds {
		if f.heard == nil { // else the charter does not know it yet, and its node would take no part meanwhile
			delete(r.vouched, f.node)
		}
	}
	maps.DeleteFunc(r.peers, func(n protocol.PublicKey, _ *peer) bool { return !r.nodes[n] && !r.vouched[n] })
	r.frontier.set(lines...)
	r.erasures.act(r.state)
	r.erasures.restate(slices.Collect(maps.Values(r.feeds))...)
	return came, went
}

// standing is the feed's line: its durable entries, up to the limit that charter,
// cuts and forks set. The caller holds mu.
func (r *Replica) standing(f *feed) protocol.Standing {
	var at protocol.EntryID
	if l := f.limit; l.Head.Defined() && l.Count > 0 && l.Count <= f.durable {
		if e, err := r.ledger.Entry(f.id, l.Count-1); err == nil {
			at = e.ID()
		}
	}
	s := protocol.Standing{Feed: f.id, Count: f.limit.Stands(f.durable, at), Forked: f.limit.Fork}
	switch s.Count {
	case 0:
	case f.durable:
		s.Head = f.lastHead
	default:
		e, err := r.ledger.Entry(f.id, s.Count-1)
		if err != nil {
			// Damaged: nothing of it is claimed until it is repaired.
			r.log.Error("a standing entry cannot be read", "feed", f.id.Short(), "seq", s.Count-1, "err", err)
			return protocol.Standing{Feed: f.id, Forked: f.limit.Fork}
		}
		s.Head = e.ID()
	}
	return s
}

// govern hands a durable entry to the charter and, if the state changed, applies it:
// limits, roster, and what waited for it.
func (r *Replica) govern(blocks []charter.Block) {
	if len(blocks) == 0 {
		return
	}
	r.learn(func() (changed bool) {
		for _, b := range blocks {
			if r.folder.Add(b) {
				changed = true
			}
			if f := r.feeds[b.Entry.Feed()]; b.Entry.Seq() == 0 && f != nil {
				f.hear()
				changed = changed || r.vouched[f.node]
			}
			if b.Entry.Kind() == protocol.KindForkEvidence && b.Body != nil {
				r.learnFork(b.Entry.ID(), b.Body)
			}
		}
		return changed
	})
}

// learn has the charter take something in, with mu held, and applies the new state if it
// reports one.
func (r *Replica) learn(take func() (changed bool)) {
	r.mu.Lock()
	if !take() {
		r.mu.Unlock()
		return
	}
	came, went := r.restate()
	state := r.state
	var ready []admission
	for _, e := range r.waiting.inceptions() {
		init := e.Header().Init
		if !state.Limit(e.ID(), init.Root, init.Node).Void {
			if e, body, ok := r.waiting.take(e.ID(), 0); ok {
				ready = append(ready, admission{page: protocol.Page{Entries: []protocol.Entry{e}, Bodies: [][]byte{body}}, via: ViaGossip})
			}
		}
	}
	r.mu.Unlock()

	if n := r.net.Load(); n != nil {
		// Asked again, because another change may have overtaken this one.
		for _, key := range came {
			if r.takesPart(key) {
				n.Admitted(key)
			}
		}
		for _, key := range went {
			if !r.takesPart(key) {
				n.Expelled(key)
			}
		}
	}
	if r.cfg.Changed != nil {
		r.cfg.Changed(state)
	}
	r.nudge()
	for _, a := range ready {
		if _, err := r.admit(a); err == nil {
			r.log.Debug("admitted a waiting node", "feed", a.page.Feed().Short())
		}
	}
}

// Standing implements mesh.Handler.
func (of handler) Standing(node protocol.PublicKey) bool { return of.replica.takesPart(node) }

// takesPart reports whether the node key is this node's, or that of a feed of a standing
// member, or one that was vouched for and not heard of yet.
func (r *Replica) takesPart(node protocol.PublicKey) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.nodes[node] || r.vouched[node]
}

// Vouch lets nodes take part that an invitation, a welcome or the operator named, until
// a feed of theirs is here: from then on the charter decides. A node that knows nobody
// yet could not learn anything otherwise.
func (of Others) Vouch(nodes ...protocol.PublicKey) {
	r := of.replica
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range nodes {
		known := false
		for _, f := range r.feeds {
			known = known || f.node == n && f.heard == nil
		}
		if !known && len(r.vouched) < protocol.MaxFounders {
			r.vouched[n] = true
		}
	}
}

// Stands lists how far feeds stand here now, those of one member, or of one node key
// of it where node is not zero: what a removal or a cut lists.
func (of Feeds) Stands(member string, node protocol.PublicKey) []protocol.Stand {
	r := of.replica
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []protocol.Stand
	for _, f := range r.feeds {
		if f.limit.Member != member || (!node.IsZero() && f.node != node) {
			continue
		}
		if s := r.standing(f); s.Count > 0 {
			out = append(out, protocol.Stand{Feed: s.Feed, Count: s.Count, Head: s.Head})
		}
	}
	slices.SortFunc(out, func(a, b protocol.Stand) int { return strings.Compare(a.Feed.KeyString(), b.Feed.KeyString()) })
	return out
}

// Chain is a feed of a member and how far it stands here.
type Chain struct {
	Stand      protocol.Stand // Count 0: nothing of it stands here
	Root, Node protocol.PublicKey
	Open       bool // nothing ends it
}

// Chains lists the feeds of a member, of one node key where node is not zero, in order
// of feed. The slice is the caller's.
func (of Feeds) Chains(member string, node protocol.PublicKey) []Chain {
	r := of.replica
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []Chain
	for _, f := range r.feeds {
		if f.limit.Member != member || (!node.IsZero() && f.node != node) {
			continue
		}
		s := r.standing(f)
		out = append(out, Chain{Stand: protocol.Stand{Feed: f.id, Count: s.Count, Head: s.Head}, Root: f.root, Node: f.node, Open: f.limit.Open()})
	}
	slices.SortFunc(out, func(a, b Chain) int { return strings.Compare(a.Stand.Feed.KeyString(), b.Stand.Feed.KeyString()) })
	return out
}

// AddressesOf is where a node can be reached, by its last record or health message.
func (of Others) AddressesOf(node protocol.PublicKey) []string {
	r := of.replica
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.addresses[node])
}

// MemberOf is the handle of the member whose feed it is; empty if there is none.
func (of Feeds) MemberOf(feed protocol.FeedID) string {
	r := of.replica
	r.mu.Lock()
	defer r.mu.Unlock()
	if f := r.feeds[feed]; f != nil {
		return f.limit.Member
	}
	return ""
}

// Standings is whose a feed is and how many of its first entries may stand.
func (of Feeds) Standings(feed protocol.FeedID) (member string, count uint64) {
	r := of.replica
	r.mu.Lock()
	defer r.mu.Unlock()
	f := r.feeds[feed]
	if f == nil {
		return "", 0
	}
	return f.limit.Member, r.counting(f)
}

// Frontier is how far every feed stands, by name, and the ledger root that this makes. The
// slice is the caller's.
func (of Feeds) Frontier() ([]protocol.Standing, protocol.Root) {
	lines := of.replica.frontier.all()
	return lines, protocol.LedgerRoot(of.replica.cfg.Federation, lines)
}

// FeedLimit is how many of a feed's first entries may stand, held or to come.
type FeedLimit struct {
	Feed   protocol.FeedID
	Member string
	Count  uint64
}

// Limits lists them for all feeds, in no order. The slice is the caller's.
func (of Feeds) Limits() []FeedLimit {
	r := of.replica
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]FeedLimit, 0, len(r.feeds))
	for _, f := range r.feeds {
		out = append(out, FeedLimit{f.id, f.limit.Member, r.counting(f)})
	}
	return out
}

// counting is how many entries may count: without an end set, all that will come. The
// caller holds mu.
func (r *Replica) counting(f *feed) uint64 {
	if !f.limit.Void && f.limit.Count == charter.Unlimited {
		return charter.Unlimited
	}
	return r.standing(f).Count
}
