package node

import (
	"context"
	"errors"
	"sort"
	"strconv"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
	"github.com/dure-net/dure/replication"
)

// Chains implements api.Governor.
func (n *Node) Chains(_ context.Context, q api.ChainQuery) ([]api.Chain, error) {
	if _, ok := n.replica.State().Member(q.Member); !ok {
		return nil, &protocol.Error{Reason: protocol.ReasonNotFound, Op: "list chains", ID: q.Member, Args: map[string]string{"id": q.Member}}
	}
	var node protocol.PublicKey
	if q.Node != "" {
		var err error
		if node, err = protocol.ParsePublicKey(q.Node); err != nil {
			return nil, &protocol.Error{Reason: protocol.ReasonUsage, Op: "list chains", Field: "node", Err: err}
		}
	}
	var until time.Time
	if q.Until != "" {
		day, err := time.Parse(time.DateOnly, q.Until)
		if err != nil {
			return nil, &protocol.Error{Reason: protocol.ReasonUsage, Op: "list chains", Field: "until", Err: err}
		}
		until = day.AddDate(0, 0, 1)
	}
	var out []api.Chain
	for _, c := range n.replica.Feeds().Chains(q.Member, node) {
		shown, err := n.chain(c, until)
		if err != nil {
			return nil, err
		}
		out = append(out, shown)
	}
	return out, nil
}

// chain shows a chain as far as it was written before a time, or all of it that stands.
func (n *Node) chain(c replication.Chain, until time.Time) (api.Chain, error) {
	count, head := c.Stand.Count, c.Stand.Head
	if count > 0 && !until.IsZero() {
		// Claimed times do not fall within a chain.
		var failed error
		count = uint64(sort.Search(int(count), func(i int) bool {
			e, err := n.ledger.Entry(c.Stand.Feed, uint64(i))
			if err != nil {
				failed = errors.Join(failed, err)
				return false
			}
			return e.Header().Time >= until.UnixMilli()
		}))
		if failed != nil {
			return api.Chain{}, failed
		}
	}
	out := api.Chain{Feed: c.Stand.Feed.String(), Node: c.Node.String(), Root: c.Root.String(), Entries: count, Open: c.Open}
	if count == 0 {
		return out, nil
	}
	first, err := n.ledger.Entry(c.Stand.Feed, 0)
	if err != nil {
		return api.Chain{}, err
	}
	out.Begun = time.UnixMilli(first.Header().Time).UTC()
	last, err := n.ledger.Entry(c.Stand.Feed, count-1)
	if err != nil {
		return api.Chain{}, err
	}
	if count == c.Stand.Count && last.ID() != head {
		return api.Chain{}, &protocol.Error{Reason: protocol.ReasonConflict, Op: "list chains", ID: c.Stand.Feed.String()}
	}
	out.Head, out.Last = last.ID().String(), time.UnixMilli(last.Header().Time).UTC()
	return out, nil
}

// Say implements api.Governor.
func (n *Node) Say(ctx context.Context, in api.Statement) (api.Said, error) {
	var s protocol.Statement
	if err := protocol.Decode(in.Bytes, &s); err != nil {
		return api.Said{}, err
	}
	if s.Federation != n.federation {
		return api.Said{}, &protocol.Error{Reason: protocol.ReasonWrongFederation, Op: "say", Args: map[string]string{
			"theirs": s.Federation.String(), "ours": n.federation.String()}}
	}
	if err := s.Verify(); err != nil {
		return api.Said{}, err
	}
	state := n.replica.State()
	m, ok := state.ByRoot(s.Root)
	if !ok || m.Status == charter.StatusRemoved {
		return api.Said{}, &protocol.Error{Reason: protocol.ReasonNotMember, Op: "say"}
	}
	out := api.Said{What: string(s.Purpose), Member: m.Facts.Handle, Number: s.Number}
	if !s.Node.IsZero() {
		out.Node = s.Node.String()
	}
	body, err := protocol.EncodeBody(protocol.Salt{}, &s)
	if err != nil {
		return api.Said{}, err
	}
	_, unsaid := n.ledger.Block(protocol.Sum(body))
	if unsaid != nil || s.Purpose == protocol.PurposeAdd { // which is no use any more once the node has begun, or ended
		if err := n.sayable(m, s); err != nil {
			return api.Said{}, err
		}
	}
	if unsaid == nil {
		return out, nil // said before
	}
	// Kept before it is published: a node that lost its ledger designates itself by it.
	if s.Purpose == protocol.PurposeGovern && s.Node == n.home.Node().Public() {
		if err := n.home.SaveGoverning(s); err != nil {
			return api.Said{}, err
		}
	}
	p, err := n.replica.Publish(ctx, replication.Draft{Kind: protocol.KindStatement, Content: &s})
	if err != nil {
		return api.Said{}, err
	}
	out.Entry = p.Entry.ID().String()
	return out, nil
}

// sayable refuses what would be on the ledger for ever and do nothing, or not what was
// meant.
func (n *Node) sayable(m charter.Member, s protocol.Statement) error {
	conflict := func(why string, args map[string]string) error {
		args["why"] = why
		return &protocol.Error{Reason: protocol.ReasonConflict, Op: "say", Field: "statement", Args: args}
	}
	switch s.Purpose {
	case protocol.PurposeGovern:
		if s.Root != m.Facts.Root {
			return conflict("former_root", map[string]string{"member": m.Facts.Handle})
		}
		if s.Number <= m.Designation {
			return conflict("designation", map[string]string{"number": strconv.FormatUint(m.Designation, 10)})
		}
		for _, node := range m.Nodes {
			if node.Key == s.Node && !node.Cut && len(node.Feeds) > 0 {
				return nil
			}
		}
		return conflict("no_such_node", map[string]string{"node": s.Node.Short()})
	case protocol.PurposeAdd:
		for _, node := range m.Nodes {
			if node.Key == s.Node && node.Cut {
				return conflict("node_over", map[string]string{"node": s.Node.Short()})
			}
			if node.Key == s.Node && len(node.Feeds) > 0 {
				return conflict("node_here", map[string]string{"node": s.Node.Short()})
			}
		}
	case protocol.PurposeCut:
		if s.Node == n.home.Node().Public() {
			// The entry that says so would lie beyond the cut: this node could not hand it on.
			return conflict("own_node", map[string]string{"node": s.Node.Short()})
		}
	case protocol.PurposeSettle:
		if why := n.settleable(m, s.Stands[0]); why != "" {
			return conflict(why, map[string]string{"member": m.Facts.Handle})
		}
	case protocol.PurposeObject:
		if m.Rebind == nil || m.Rebind.Act.ID != s.Act {
			return conflict("nothing_announced", map[string]string{"member": m.Facts.Handle})
		}
	}
	return nil
}
