package charter

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"hash"
	"slices"
)

// Digest is a hash of the whole derived state, equal on all nodes whose standing entries
// are the same. It leaves out Uncarried, Missing and TooNew, which describe the holding
// and not what was decided, and feeds that are void: whoever has not heard of such a feed
// will not hear of it. It is computed at every call.
func (s State) Digest() [32]byte {
	h := sha256.New()
	part := func(name string, v any) {
		h.Write([]byte(name + "\x00"))
		// encoding/json writes struct fields in order and map keys sorted, so equal
		// states give equal bytes.
		if err := json.NewEncoder(h).Encode(v); err != nil {
			panic("dure: internal error: the state cannot be written: " + err.Error())
		}
	}
	l := s.v.line
	part("dure/charter/1", s.v.federation)
	part("act", s.Act())
	part("acts", s.Acts())
	part("overruled", s.Overruled())
	part("halt", s.Halted())
	part("names", l.names)
	part("charter", l.charter)
	part("rules", l.rules)
	part("members", s.Members())
	part("offices", l.offices)
	part("erasures", l.erasures)
	part("features", l.features)
	part("unflaggings", l.unflaggings)
	part("electors", [][]string{s.Electors(ByElectors), s.Electors(ByAssembly)})
	part("decisions", s.v.tabled)
	part("doubles", s.v.doubles)
	part("places", []Place{s.Place(ByElectors), s.Place(ByAssembly)})
	part("invitations", s.v.joining.invitations)
	part("applications", s.v.joining.applications)
	s.sumFeeds(h)
	return [32]byte(h.Sum(nil))
}

// sumFeeds adds how far every feed may stand. It is written in binary because there
// can be many feeds.
func (s State) sumFeeds(h hash.Hash) {
	number := func(n uint64) {
		var b [8]byte
		binary.BigEndian.PutUint64(b[:], n)
		h.Write(b[:])
	}
	for _, feed := range slices.SortedFunc(s.v.inceptions.keys(), compareCID) {
		in, _ := s.v.inceptions.get(feed)
		l := s.Limit(feed, in.root, in.node)
		if l.Void {
			continue
		}
		for _, d := range [][32]byte{feed.Digest(), in.root, in.node, l.Head.Digest(), sha256.Sum256([]byte(l.Member + "\x00" + string(l.Status)))} {
			h.Write(d[:])
		}
		number(l.Count)
		number(l.Below)
		number(l.Fork)
		number(uint64(l.Reason))
		if fork, forked := s.v.forks.get(feed); forked {
			number(fork + 1) // also where it is settled
		}
	}
}
