package charter

import (
	"bytes"
	"crypto/sha256"
	"slices"

	"github.com/dure-net/dure/protocol"
)

// said is what one root key has said, every statement on its own signature. Statements of
// keys that belong to no member are kept, because the act that admits their member may
// arrive later.
//
// A root key can sign without end. What one statement costs must not grow with what the
// key has said before: so nothing is copied but what changes, and of the ends that one key
// names for one feed the lowest are kept, which are all that decide.
type said struct {
	folds      int                              // of the folder, when it was begun: what a State holds is not changed
	governs    []protocol.Statement             // the designations with the highest number, one a node, best first; maxGoverns at most
	lists      layered[protocol.PublicKey, int] // distinct lists with which a node key was cut
	listed     layered[[sha256.Size]byte, bool] // those lists, by hash of node key and list
	cuts       layered[nodeFeed, cutAt]
	settles    layered[protocol.FeedID, []protocol.Stand] // ends
	added      layered[protocol.PublicKey, bool]
	objections layered[protocol.ActID, bool]
}

type nodeFeed struct {
	node protocol.PublicKey
	feed protocol.FeedID
}

// cutAt is what the cuts of a node key say of one of its feeds.
type cutAt struct {
	lists int // so many of them list it
	ends  []protocol.Stand
}

// maxEnds bounds the ends kept that one root key names for one feed. The two lowest decide
// what stands (Limit.endAt): a key that names more has contradicted itself already. The
// others are shown.
const maxEnds = 16

// withEnd is the lowest of ends and st, each once, and whether st is a new one of them.
func withEnd(ends []protocol.Stand, st protocol.Stand) ([]protocol.Stand, bool) {
	at, known := slices.BinarySearchFunc(ends, st, compareStands)
	if known || at == maxEnds {
		return ends, false
	}
	next := slices.Insert(slices.Clone(ends), at, st)
	return next[:min(len(next), maxEnds)], true
}

// saidFor is what a root key has said, to be added to.
func (f *Folder) saidFor(root protocol.PublicKey) *said {
	old, ok := f.roots.get(root)
	switch {
	case !ok:
		return &said{folds: f.folds}
	case old.folds == f.folds:
		return old // no State has it
	}
	return &said{folds: f.folds, governs: old.governs, lists: old.lists.after(), listed: old.listed.after(), cuts: old.cuts.after(),
		settles: old.settles.after(), added: old.added.after(), objections: old.objections.after()}
}

// hear takes a verified statement and reports whether it says anything new.
func (f *Folder) hear(s protocol.Statement) bool {
	to := f.saidFor(s.Root)
	if !to.hear(s) {
		return false
	}
	f.roots.set(s.Root, to)
	return true
}

func (s *said) hear(st protocol.Statement) bool {
	switch st.Purpose {
	case protocol.PurposeAdd:
		return once(&s.added, st.Node)
	case protocol.PurposeGovern:
		return s.designate(st)
	case protocol.PurposeCut:
		return s.cut(st.Node, st.Stands)
	case protocol.PurposeSettle:
		end := st.Stands[0] // Statement.Verify has checked that there is exactly one
		old, _ := s.settles.get(end.Feed)
		ends, fresh := withEnd(old, end)
		if fresh {
			s.settles.set(end.Feed, ends)
		}
		return fresh
	case protocol.PurposeObject:
		return once(&s.objections, st.Act)
	}
	return false
}

// maxGoverns bounds the designations of one number that are kept, those of the lowest keys.
const maxGoverns = 16

// designate keeps the designations with the highest number. There are several where two
// machines were brought back at one moment and each was made the governing one: if one of
// them has ended the other, the one that goes on governs, whoever's key is lower. A lower
// number never comes back: the member has taken that node's office away.
func (s *said) designate(st protocol.Statement) bool {
	if len(s.governs) > 0 && s.governs[0].Number != st.Number {
		if s.governs[0].Number > st.Number {
			return false
		}
		s.governs = []protocol.Statement{st}
		return true
	}
	next := slices.Clone(s.governs) // a State may have the old list
	at, known := slices.BinarySearchFunc(next, st, func(a, b protocol.Statement) int { return bytes.Compare(a.Node[:], b.Node[:]) })
	switch {
	case known && !outranks(st, next[at]), at == maxGoverns:
		return false
	case known:
		next[at] = st
	default:
		next = slices.Insert(next, at, st)
	}
	s.governs = next[:min(len(next), maxGoverns)]
	return true
}

// designation is the highest number of a designation; 0 if there is none.
func (s *said) designation() uint64 {
	if s == nil || len(s.governs) == 0 {
		return 0
	}
	return s.governs[0].Number
}

// once adds a key to a set and reports whether it is new there.
func once[K comparable](set *layered[K, bool], k K) bool {
	if known, _ := set.get(k); known {
		return false
	}
	set.set(k, true)
	return true
}

// cut takes a list of what stands of a node. A list that names a feed twice counts with both.
func (s *said) cut(node protocol.PublicKey, stands []protocol.Stand) bool {
	if !once(&s.listed, listKey(node, stands)) {
		return false
	}
	lists, _ := s.lists.get(node)
	s.lists.set(node, lists+1)
	named := map[protocol.FeedID]bool{}
	for _, st := range stands {
		key := nodeFeed{node, st.Feed}
		at, _ := s.cuts.get(key)
		if !named[st.Feed] {
			named[st.Feed] = true
			at.lists++
		}
		at.ends, _ = withEnd(at.ends, st)
		s.cuts.set(key, at)
	}
	return true
}

// outranks orders governing designations: the higher number rules; of two nodes under
// one number, which two machines make that are brought back at one moment, the one with
// the lower key that is not cut, so that all nodes agree and the member can go on; of two signatures
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

// listKey is a node key and a list of stands in one spelling, whatever its order.
func listKey(node protocol.PublicKey, stands []protocol.Stand) [sha256.Size]byte {
	sorted := slices.Clone(stands)
	slices.SortFunc(sorted, compareStands)
	raw, err := protocol.Encode(sorted)
	if err != nil {
		panic("dure: internal error: a verified list cannot be encoded: " + err.Error())
	}
	return sha256.Sum256(append(slices.Clone(node[:]), raw...))
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
// lowest first, maxEnds by cuts and by settlements at most. void is true when a cut of the
// node does not list the feed, or lists it with nothing standing.
func (s *said) named(feed protocol.FeedID, node protocol.PublicKey) (stands []protocol.Stand, void bool) {
	if s == nil {
		return nil, false
	}
	lists, _ := s.lists.get(node)
	at, _ := s.cuts.get(nodeFeed{node, feed})
	settled, _ := s.settles.get(feed)
	void = at.lists < lists || len(at.ends) > 0 && at.ends[0].Count == 0
	if len(at.ends) == 0 {
		return settled, void
	}
	stands = slices.Concat(at.ends, settled)
	slices.SortFunc(stands, compareStands)
	return slices.Compact(stands), void
}

// isCut reports whether the root key has cut a node key.
func (s *said) isCut(node protocol.PublicKey) bool {
	if s == nil {
		return false
	}
	lists, _ := s.lists.get(node)
	return lists > 0
}
