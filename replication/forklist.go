package replication

import (
	"bytes"
	"slices"
	"strings"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
)

// Fork is a proven fork as this node knows it.
type Fork struct {
	Feed       protocol.FeedID
	Member     string
	Root, Node protocol.PublicKey
	Seq        uint64 // the first entry that there are two of
	Stands     uint64 // so many entries of the feed stand here
	Settled    bool   // it was chosen which branch stands; this node may not hold it yet
	Choices    []charter.Ending
	Branches   []ForkBranch // as evidence names them, in order of their first entries: the same on every node
	Proofs     []protocol.EntryID
}

// ForkBranch is one of the histories that a node has signed.
type ForkBranch struct {
	First protocol.EntryID // the entry at the fork
	Count uint64           // entries from the feed's beginning to the end of the branch, as far as it is held; 0 = not held
	Head  protocol.EntryID // the last of them
	Chain bool             // it is what this node holds as the feed's chain
}

// Forks lists the proven forks of members' feeds, in order of member and feed. The slices
// are the caller's.
func (of Custody) Forks() []Fork {
	r := of.replica
	out := r.proven()
	for i := range out { // without the lock: the disk is read
		f := &out[i]
		for k := range f.Branches {
			b := &f.Branches[k]
			if h, ok := r.ledger.Tip(b.First); ok {
				b.Count, b.Head = h.Count, h.Head
				e, err := r.ledger.Entry(f.Feed, f.Seq)
				b.Chain = err == nil && e.ID() == b.First
			}
		}
	}
	return out
}

// proven lists the forks without what the ledger holds of their branches.
func (r *Replica) proven() []Fork {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []Fork
	for id, k := range r.forks {
		f := r.feeds[id]
		if f == nil || f.limit.Member == "" {
			continue
		}
		fork := Fork{Feed: id, Member: f.limit.Member, Root: f.root, Node: f.node, Seq: k.seq, Stands: r.frontier.line(id).Count,
			Settled: f.limit.Fork == 0, Choices: r.state.Endings(id, f.root, f.node), Proofs: slices.Clone(k.proofs)}
		firsts := slices.Clone(k.firsts)
		slices.SortFunc(firsts, func(a, b protocol.EntryID) int { return bytes.Compare(a.Bytes(), b.Bytes()) })
		for _, first := range firsts {
			fork.Branches = append(fork.Branches, ForkBranch{First: first})
		}
		out = append(out, fork)
	}
	slices.SortFunc(out, func(a, b Fork) int {
		if c := strings.Compare(a.Member, b.Member); c != 0 {
			return c
		}
		return strings.Compare(a.Feed.KeyString(), b.Feed.KeyString())
	})
	return out
}
