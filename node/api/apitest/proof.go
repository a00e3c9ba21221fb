package apitest

import (
	"context"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/proof"
	"github.com/dure-net/dure/protocol/protocoltest"
)

// Proof implements api.Reader with the first entry of a chain of its own, and for a listing
// for chosen members with a sealed one: the signatures of this backend's records are none.
func (b *Backend) Proof(ctx context.Context, ref string) (proof.Proof, error) {
	r, err := b.Record(ctx, ref)
	if err != nil {
		return proof.Proof{}, err
	}
	key, err := protocol.NewPrivateKey(make([]byte, 32))
	if err != nil {
		return proof.Proof{}, err
	}
	fed := protocol.Sum([]byte("founding act"))
	feed := protocoltest.NewFeed(fed, key, key)
	first := feed.Entries[0]
	if r.For != nil {
		first, _ = feed.Append(protocol.KindSealed, map[string]any{"sealed": "for chosen members"})
	}
	return proof.Proof{Version: proof.Version, Federation: fed, Entry: first.ID(), Header: first.Bytes(), Member: "kr-seoul"}, nil
}
