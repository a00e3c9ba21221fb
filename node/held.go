package node

import (
	"context"
	"slices"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
)

// heldLook is how often other nodes are asked while somebody waits for them to hold an
// entry; an exchange between equal ledgers is a few dozen bytes each way.
const heldLook = 150 * time.Millisecond

// AwaitHeld implements api.Publisher.
func (n *Node) AwaitHeld(ctx context.Context, r api.Receipt, nodes int) (api.Held, error) {
	feed, err := protocol.ParseCID(r.Feed)
	if err != nil {
		return api.Held{}, err
	}
	tick := time.NewTicker(heldLook)
	defer tick.Stop()
	for {
		by := n.replica.Others().Holding(feed, r.FeedSeq)
		if len(by) >= nodes || ctx.Err() != nil {
			return n.held(by, nodes), nil
		}
		n.replica.Others().Ask()
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

func (n *Node) held(by []protocol.PublicKey, wanted int) api.Held {
	out := api.Held{Wanted: wanted, Nodes: len(by), By: []string{}}
	s := n.replica.State()
	for _, node := range by {
		if m, ok := s.MemberOfNode(node); ok && !slices.Contains(out.By, m) {
			out.By = append(out.By, m)
		}
	}
	slices.Sort(out.By)
	return out
}
