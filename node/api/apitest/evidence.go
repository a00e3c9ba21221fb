package apitest

import (
	"context"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
)

// Forks implements api.Reader: a node of sn-dakar has signed two histories.
func (b *Backend) Forks(context.Context) ([]api.Fork, error) {
	if err := b.see("Forks", nil); err != nil {
		return nil, err
	}
	cid := func(of string) string { return protocol.Sum([]byte(of)).String() }
	at := b.Now.Add(-26 * time.Hour)
	return []api.Fork{{ID: cid("forked feed"), Member: "sn-dakar", Node: "edsn-dakar", Seq: 12, State: api.ForkOpen, Stands: 12, Proofs: []string{cid("proof")},
		Branches: []api.ForkBranch{
			{Name: "a", Held: true, Entries: 3, Count: 15, First: cid("first a"), Head: cid("head a"), From: at, Until: at.Add(2 * time.Hour),
				Records: []api.ForkRecord{{ID: cid("first a"), Number: "sn-dakar-9", Type: "offer", Title: "Atelier de compostage", Time: at}}},
			{Name: "b", Held: true, Entries: 1, Count: 13, First: cid("first b"), Head: cid("first b"), From: at.Add(time.Hour), Until: at.Add(time.Hour)},
		}}}, nil
}

// Fork implements api.Reader.
func (b *Backend) Fork(ctx context.Context, id string) (api.Fork, error) {
	all, err := b.Forks(ctx)
	if err != nil {
		return api.Fork{}, err
	}
	if id != all[0].ID && id != all[0].Member {
		return api.Fork{}, &protocol.Error{Reason: protocol.ReasonNotFound, Op: "find evidence", ID: id}
	}
	return all[0], nil
}
