package replication

import (
	"context"

	"github.com/dure-net/dure/protocol"
)

// Salvage lets in again what can still be read of store files that were damaged and set
// aside: entries that perhaps nobody else has. It is called once the ledger's changes can
// be told, and before anything is written or the network is met: an own entry that comes
// back must not find another one in its place. A node that finds its last acknowledged
// entry again goes on in its old feed.
func (of Custody) Salvage(ctx context.Context) error {
	r := of.replica
	before := r.ledger.Opened().Status
	_, err := r.ledger.Salvage(ctx, func(page protocol.Page) error {
		_, err := r.Admit(ctx, page, ViaImport)
		return err
	})
	if protocol.ReasonOf(err) == protocol.ReasonReadOnly {
		r.log.Warn("there is no room for what can be read of damaged files; the next start tries again", "err", err)
		err = nil
	}
	if err != nil || r.ledger.Opened().Status == before {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.own = r.feeds[r.ledger.Opened().Mark.Feed]
	return r.settleCondition()
}
