package charter

import "github.com/dure-net/dure/protocol"

// Ending is where somebody has said that a forked feed ends.
type Ending struct {
	Stand protocol.Stand
	Act   uint64 // number of the act that says so; 0 where a root key does
}

// Endings lists where a feed ends by the word of those who may settle its fork: an act's
// alone where there is one, because the last act that lists a feed rules; else those of
// its root key, lowest first, cuts among them. Those that name more than one branch settle
// nothing: Limit says what comes of them.
func (s State) Endings(feed protocol.FeedID, root, node protocol.PublicKey) []Ending {
	m, _, _ := s.v.owner(root)
	if m == nil {
		return nil
	}
	if st, ok := m.stands[feed]; ok {
		return []Ending{{st.stand, st.act}}
	}
	stands, _ := s.v.named(root, feed, node)
	out := make([]Ending, len(stands))
	for i, st := range stands {
		out[i] = Ending{Stand: st}
	}
	return out
}
