package node

import (
	"context"
	"slices"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/index"
	"github.com/dure-net/dure/protocol"
)

// Versions implements api.Reader.
func (n *Node) Versions(_ context.Context, ref string) (api.RecordVersions, error) {
	row, err := n.lookup(ref)
	if err != nil {
		return api.RecordVersions{}, err
	}
	if row.Kind.IsAgreement() { // its thread tells what came of it
		return api.RecordVersions{}, &protocol.Error{Reason: protocol.ReasonNotFound, Op: "list versions", ID: ref, Args: map[string]string{"ref": ref}}
	}
	steps, err := n.index.History(row.Record)
	if err != nil {
		return api.RecordVersions{}, err
	}
	out := api.RecordVersions{Record: row.Record.String(), Number: row.Number, Items: []api.RecordVersion{}}
	for i, step := range steps[:min(len(steps), api.MaxVersions)] {
		one, err := n.pastVersion(row, step)
		if err != nil {
			return api.RecordVersions{}, err
		}
		one.Version = len(steps) - i
		out.Items = append(out.Items, one)
	}
	out.More = len(steps) > api.MaxVersions
	slices.Reverse(out.Items)
	return out, nil
}

// pastVersion is one step as people read it. What of it is not here, or erased, is left out.
func (n *Node) pastVersion(row index.Row, step index.Step) (api.RecordVersion, error) {
	out := api.RecordVersion{Entry: step.Entry.String(), Role: string(step.Role), Type: step.Kind.String(), Member: step.Member, Seq: step.Seq, State: string(index.StateWanted)}
	if m, ok := n.replica.State().Member(step.Member); ok {
		out.Names = m.Facts.Names
	}
	if step.Builds.Defined() && step.Kind == row.Kind {
		out.Builds = step.Builds.String()
	}
	if first, err := n.ledger.Entry(step.Feed, 0); err == nil && first.Header().Init != nil {
		out.Node, out.Self = first.Header().Init.Node.String(), first.Header().Init.Node == n.home.Node().Public()
	}
	if e, err := n.ledger.Entry(step.Feed, step.FeedSeq); err == nil {
		out.Time = time.UnixMilli(e.Header().Time).UTC()
	}
	if step.Kind != row.Kind || step.Role == index.RoleSetAside {
		out.State = ""
		return out, nil
	}
	row.Current, row.Withdrawn, row.Erased = step.Place, false, step.Erased
	v, err := n.index.View(row)
	if err != nil {
		return api.RecordVersion{}, err
	}
	out.State, out.Lang, out.Title, out.Content = string(v.State), v.Lang, v.Head.Title, v.Content
	return out, nil
}
