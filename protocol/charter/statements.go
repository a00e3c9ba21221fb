package charter

import (
	"bytes"
	"maps"
	"slices"

	"github.com/dure-net/dure/protocol"
)

// said is what one root key has said, every statement on its own signature; immutable
// once a State holds it. Statements of keys that belong to no member are kept, because
// the act that admits their member may arrive later.
type said struct {
	governs    protocol.Statement                                 // the designation that rules
	cuts       map[protocol.PublicKey]map[string][]protocol.Stand // by node key, each distinct list once
	settles    map[protocol.FeedID]map[protocol.Stand]bool
	added      map[protocol.PublicKey]bool
	objections map[protocol.ActID]bool
}

// hear takes a verified statement and reports whether it says anything new.
func (f *Folder) hear(s protocol.Statement) bool {
	old, ok := f.roots.get(s.Root)
	if !ok {
		old = &said{}
	}
	next := *old
	switch s.Purpose {
	case protocol.PurposeAdd:
		if old.added[s.Node] {
			return false
		}
		next.added = with(old.added, s.Node, true)
	case protocol.PurposeGovern:
		if !outranks(s, old.governs) {
			return false
		}
		next.governs = s
	case protocol.PurposeCut:
		key := listKey(s.Stands)
		if _, known := old.cuts[s.Node][key]; known {
			return false
		}
		next.cuts = with(old.cuts, s.Node, with(old.cuts[s.Node], key, s.Stands))
	case protocol.PurposeSettle:
		st := s.Stands[0] // Statement.Verify has checked that there is exactly one
		if old.settles[st.Feed][st] {
			return false
		}
		next.settles = with(old.settles, st.Feed, with(old.settles[st.Feed], st, true))
	case protocol.PurposeObject:
		if old.objections[s.Act] {
			return false
		}
		next.objections = with(old.objections, s.Act, true)
	default:
		return false
	}
	f.roots.set(s.Root, &next)
	return true
}

// outranks orders governing designations: the higher number rules; of two nodes under
// one number, which only a root key that contradicts itself can make, the one with
// the lower key, so that all nodes agree and the member can go on; of two signatures
// of one designation the lower, for a single spelling.
func outranks(a, b protocol.Statement) bool {
	if a.Number != b.Number {
		return a.Number > b.Number
	}
	if c := bytes.Compare(a.Node[:], b.Node[:]); c != 0 {
		return c < 0
	}
	return bytes.Compare(a.Signature[:], b.Signature[:]) < 0
}

// listKey is a list of stands in one spelling, whatever its order.
func listKey(stands []protocol.Stand) string {
	sorted := slices.Clone(stands)
	slices.SortFunc(sorted, compareStands)
	raw, err := protocol.Encode(sorted)
	if err != nil {
		panic("dure: internal error: a verified list cannot be encoded: " + err.Error())
	}
	return string(raw)
}

func compareStands(a, b protocol.Stand) int {
	if c := compareCID(a.Feed, b.Feed); c != 0 {
		return c
	}
	if a.Count != b.Count {
		if a.Count < b.Count {
			return -1
		}
		return 1
	}
	return compareCID(a.Head, b.Head)
}

// with is a copy of m in which k is v.
func with[K comparable, V any](m map[K]V, k K, v V) map[K]V {
	next := maps.Clone(m)
	if next == nil {
		next = map[K]V{}
	}
	next[k] = v
	return next
}

// speakers are what the root key, and the keys that have replaced it, have said: a
// member that was given a new key can end the nodes of the one it lost.
func (v *view) speakers(root protocol.PublicKey) []*said {
	out := []*said{v.saidBy(root)}
	m, _, _ := v.owner(root)
	if m == nil {
		return out
	}
	at := slices.IndexFunc(m.roots, func(r rootTerm) bool { return r.key == root })
	for _, r := range m.roots[at+1:] {
		out = append(out, v.saidBy(r.key))
	}
	return out
}

// named is said.named over all who speak for a node that root has added.
func (v *view) named(root protocol.PublicKey, feed protocol.FeedID, node protocol.PublicKey) (stands []protocol.Stand, void bool) {
	for _, s := range v.speakers(root) {
		list, none := s.named(feed, node)
		stands, void = append(stands, list...), void || none
	}
	slices.SortFunc(stands, compareStands)
	return slices.Compact(stands), void
}

// named lists where the root key has said that a feed of a node ends, each once and
// lowest first. void is true when a cut of the node does not list the feed, or lists
// it with nothing standing. A list that names a feed twice counts with both.
func (s *said) named(feed protocol.FeedID, node protocol.PublicKey) (stands []protocol.Stand, void bool) {
	if s == nil {
		return nil, false
	}
	for _, list := range s.cuts[node] {
		listed := false
		for _, st := range list {
			if st.Feed == feed {
				listed = true
				void = void || st.Count == 0
				stands = append(stands, st)
			}
		}
		void = void || !listed
	}
	for st := range s.settles[feed] {
		void = void || st.Count == 0
		stands = append(stands, st)
	}
	slices.SortFunc(stands, compareStands)
	return slices.Compact(stands), void
}
