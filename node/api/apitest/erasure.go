package apitest

import (
	"context"
	"maps"
	"slices"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
)

// Erase implements api.Publisher.
func (b *Backend) Erase(_ context.Context, ref string, why api.Why) (api.Receipt, error) {
	if err := b.see("Erase", ref); err != nil {
		return api.Receipt{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	i, err := b.own(ref)
	if err != nil {
		return api.Receipt{}, err
	}
	r := &b.records[i]
	if r.State == api.RecordErased {
		return api.Receipt{}, &protocol.Error{Reason: protocol.ReasonErased, Op: "erase", ID: r.ID}
	}
	delete(b.blocks, r.Body)
	b.erased[r.Body] = true
	r.State, r.Content, r.Reason, r.Lang = api.RecordErased, nil, nil, ""
	r.Erased = &api.ErasedBy{Member: r.Member, Time: b.Now, Why: why, Entry: b.block(map[string]any{"erases": r.ID})}
	return b.commit(r, api.EventErasure, b.Now, "local"), nil
}

// Erasure implements api.Reader: this node and every second other one have said so.
func (b *Backend) Erasure(_ context.Context, ref string) (api.Erasure, error) {
	if err := b.see("Erasure", ref); err != nil {
		return api.Erasure{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	i, err := b.find(ref)
	if err != nil {
		return api.Erasure{}, err
	}
	r := b.records[i]
	out := api.Erasure{Record: r.ID, Number: r.Number, Nodes: []api.ErasureNode{}, Sealed: len(r.For) > 0}
	if r.State != api.RecordErased {
		return out, nil
	}
	out.Erased, out.By, out.Bodies = true, r.Erased, r.Revisions+1
	for i, handle := range slices.Sorted(maps.Keys(names)) {
		n := api.ErasureNode{Node: "ed" + handle, Member: handle, Names: names[handle], Self: handle == "kr-seoul", Gone: handle == "kr-seoul" || i%2 == 0}
		if n.Gone {
			n.Time = b.Now
			out.Gone++
		}
		out.Nodes = append(out.Nodes, n)
	}
	return out, nil
}
