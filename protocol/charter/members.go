package charter

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/dure-net/dure/protocol"
)

// Member is one member as the acts and its own root key say.
type Member struct {
	Facts     protocol.MemberFacts // Facts.Root is the current root key
	Status    Status
	Since     protocol.ActRef // the act that admitted it
	Changed   protocol.ActRef // the act that set its status
	Founder   bool
	Joined    bool // a feed of it has been seen
	Contested bool // the line is halted and only one branch knows it

	Nodes       []Node             // in order of key
	Governing   protocol.PublicKey // the node that answers for it; zero if none is designated, or it is cut
	Designation uint64             // number of the last designation known
	Offices     []Holding
	Rebind      *Rebinding // an announced replacement of the root key
	Objected    bool       // the root key has objected to it
}

// Node is a node of a member: a key, added by a root key of the member, that has begun
// at least one feed, or has only been added so far.
type Node struct {
	Key       protocol.PublicKey
	Root      protocol.PublicKey // that added it
	Feeds     []protocol.FeedID  // in order of id
	Governing bool
	Cut       bool // ended by the root key or an act
}

// Members lists all members ever admitted, in order of admission; during a halt,
// contested ones after them.
func (s State) Members() []Member {
	var out []Member
	for _, handle := range s.v.line.order {
		out = append(out, s.v.member(s.v.line, handle, false))
	}
	seen := map[protocol.PublicKey]bool{}
	for _, tip := range s.v.tips {
		for _, handle := range tip.order {
			first := tip.members[handle].roots[0].key
			if _, known := s.v.line.roots[first]; !known && !seen[first] {
				seen[first] = true
				out = append(out, s.v.member(tip, handle, true))
			}
		}
	}
	return out
}

// Member finds a member by its handle, ByRoot by a root key it has or had. Absent: false.
func (s State) Member(handle string) (Member, bool) {
	if _, ok := s.v.line.members[handle]; ok {
		return s.v.member(s.v.line, handle, false), true
	}
	for _, tip := range s.v.tips {
		if _, ok := tip.members[handle]; ok {
			return s.v.member(tip, handle, true), true
		}
	}
	return Member{}, false
}

func (s State) ByRoot(root protocol.PublicKey) (Member, bool) {
	if handle, ok := s.v.line.roots[root]; ok {
		return s.Member(handle)
	}
	for _, tip := range s.v.tips {
		if handle, ok := tip.roots[root]; ok {
			return s.v.member(tip, handle, true), true
		}
	}
	return Member{}, false
}

// MemberOfNode is the handle of the member whose node has the key and may take part:
// a feed of the key stands or can stand, and its member is not removed. A key that has
// only been added, without a feed, is nobody's yet, because a root key alone could
// claim another member's node.
func (s State) MemberOfNode(node protocol.PublicKey) (handle string, ok bool) {
	feeds, _ := s.v.byNode.get(node)
	for _, feed := range feeds {
		in, _ := s.v.inceptions.get(feed)
		l := s.Limit(feed, in.root, in.node)
		if l.Member == "" || l.Status == StatusRemoved || s.v.isCut(in.root, in.node) || s.v.rootEnded(in.root) {
			continue
		}
		if !ok || l.Member < handle { // one key under two members: both agreed, the lower handle shows
			handle, ok = l.Member, true
		}
	}
	return handle, ok
}

// rootEnded reports whether an act has ended the feeds under a root key.
func (v *view) rootEnded(root protocol.PublicKey) bool {
	m, _, _ := v.owner(root)
	return m != nil && slices.ContainsFunc(m.roots, func(r rootTerm) bool { return r.key == root && r.ended > 0 })
}

// Offices lists who holds what, in order of appointment. Over says whether the term's
// last day has passed on asOf (YYYY-MM-DD): it is shown, the office ends by an act.
func (s State) Offices(asOf string) []Office {
	out := make([]Office, 0, len(s.v.line.offices))
	for _, h := range s.v.line.offices {
		out = append(out, Office{Holding: h, Over: h.To != "" && asOf > h.To, Ahead: h.From != "" && asOf < h.From})
	}
	return out
}

// Office is an office held, and how its term looks on a day.
type Office struct {
	Holding
	Over  bool // the term's last day has passed
	Ahead bool // the term's first day has not come
}

// Designation is the governing designation that rules for a member, as its current
// root key signed it; false if there is none or its node has been cut. Of several with the
// highest number, that of the lowest node key that has not been cut.
func (s State) Designation(handle string) (protocol.Statement, bool) {
	m, ok := s.v.line.members[handle]
	if !ok {
		return protocol.Statement{}, false
	}
	return s.v.governing(m)
}

func (v *view) governing(m *member) (protocol.Statement, bool) {
	said := v.saidBy(m.facts.Root)
	if said == nil {
		return protocol.Statement{}, false
	}
	for _, st := range said.governs {
		if st.Number > 0 && !v.isCut(m.facts.Root, st.Node) {
			return st, true
		}
	}
	return protocol.Statement{}, false
}

// nodes lists the known nodes of a root key, in order of node key: those it added, those
// of feeds that are not void, and those that it or an act has cut. A void feed is not
// known everywhere, so it makes no node known.
func (v *view) nodes(root protocol.PublicKey) []Node {
	found := map[protocol.PublicKey]*Node{}
	at := func(node protocol.PublicKey) *Node {
		n := found[node]
		if n == nil {
			n = &Node{Key: node, Root: root, Cut: v.isCut(root, node) || v.rootEnded(root)}
			found[node] = n
		}
		return n
	}
	feeds, _ := v.byRoot.get(root)
	for _, feed := range feeds {
		in, _ := v.inceptions.get(feed)
		if (State{v}).Limit(feed, in.root, in.node).Void {
			continue
		}
		n := at(in.node)
		n.Feeds = append(n.Feeds, feed)
	}
	if s := v.saidBy(root); s != nil {
		for node := range s.added.keys() {
			at(node)
		}
		for node := range s.lists.keys() {
			at(node)
		}
	}
	out := make([]Node, 0, len(found))
	for _, n := range found {
		slices.SortFunc(n.Feeds, compareCID)
		out = append(out, *n)
	}
	slices.SortFunc(out, func(a, b Node) int { return bytes.Compare(a.Key[:], b.Key[:]) })
	return out
}

func (v *view) member(l *line, handle string, contested bool) Member {
	m := l.members[handle]
	out := Member{Facts: m.facts, Status: m.status, Since: m.since, Changed: m.changed, Founder: m.since.Number == 0,
		Contested: contested, Rebind: m.rebind, Objected: v.objected(m)}
	if s, ok := v.governing(m); ok {
		out.Governing = s.Node
	}
	out.Designation = v.saidBy(m.facts.Root).designation()
	for _, r := range m.roots {
		for _, n := range v.nodes(r.key) {
			n.Governing = n.Key == out.Governing && !n.Cut // it may have been added by an earlier root key
			out.Nodes = append(out.Nodes, n)
			out.Joined = out.Joined || len(n.Feeds) > 0 || n.Cut
		}
	}
	for node := range m.cuts { // nothing of it may stand, and the act names it all the same
		if !slices.ContainsFunc(out.Nodes, func(n Node) bool { return n.Key == node }) {
			out.Nodes, out.Joined = append(out.Nodes, Node{Key: node, Root: m.facts.Root, Cut: true}), true
		}
	}
	slices.SortFunc(out.Nodes, func(a, b Node) int {
		return cmp.Or(bytes.Compare(a.Key[:], b.Key[:]), bytes.Compare(a.Root[:], b.Root[:]))
	})
	if out.Status == StatusMember && out.Founder && !out.Joined {
		out.Status = StatusInvited
	}
	for _, h := range l.offices {
		if h.Member == handle {
			out.Offices = append(out.Offices, h)
		}
	}
	return out
}
