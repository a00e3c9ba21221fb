package node

import (
	"context"
	"slices"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/index"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// Entries implements api.Filer.
func (n *Node) Entries(ctx context.Context, ref string) ([]string, error) {
	row, err := n.index.Lookup(ref)
	if err != nil {
		return nil, err
	}
	var places []index.Place
	if row.Kind == protocol.KindProposal {
		if places, err = n.thread(ctx, ref); err != nil {
			return nil, err
		}
	} else {
		steps, err := n.index.History(row.Record)
		if err != nil {
			return nil, err
		}
		for _, s := range steps {
			places = append(places, s.Place)
		}
	}
	if len(places) > api.MaxEntries {
		return nil, &protocol.Error{Reason: protocol.ReasonTooLarge, Op: "list entries", ID: ref}
	}
	slices.SortFunc(places, func(a, b index.Place) int { return int(a.Seq) - int(b.Seq) })
	out := make([]string, len(places))
	for i, p := range places {
		out[i] = p.Entry.String()
	}
	return out, nil
}

// thread lists everything said in an agreement: its proposals, and what names one of them.
func (n *Node) thread(ctx context.Context, ref string) ([]index.Place, error) {
	a, err := n.Agreement(ctx, ref, "")
	if err != nil {
		return nil, err
	}
	found := map[protocol.EntryID]index.Place{}
	for _, v := range a.Versions {
		row, err := n.index.Lookup(v.ID)
		if err != nil {
			return nil, err
		}
		found[row.Record] = row.Current
		said, err := n.index.About(row.Record, record.AgreementKinds()...)
		if err != nil {
			return nil, err
		}
		for _, p := range said {
			found[p.Entry] = p
		}
		if len(found) > api.MaxEntries {
			return nil, &protocol.Error{Reason: protocol.ReasonTooLarge, Op: "list entries", ID: ref}
		}
	}
	out := make([]index.Place, 0, len(found))
	for _, p := range found {
		out = append(out, p)
	}
	return out, nil
}
