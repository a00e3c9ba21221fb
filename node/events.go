package node

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/replication"
	"github.com/dure-net/dure/replication/ledger"
)

// events remembers how the latest entries came, which the ledger does not keep.
type events struct {
	mu   sync.Mutex // guards all below
	via  map[uint64]replication.Via
	ring [eventsKept]uint64
	at   int
	last time.Time
}

// eventsKept is how many arrivals are remembered; older events are told without "via".
const eventsKept = 4096

func newEvents() *events { return &events{via: map[uint64]replication.Via{}} }

func (e *events) note(a replication.Arrival) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range a.Page.Entries {
		delete(e.via, e.ring[e.at])
		local := a.First + uint64(i)
		e.ring[e.at], e.via[local] = local, a.Via
		e.at = (e.at + 1) % eventsKept
	}
	e.last = time.Now()
}

func (e *events) how(local uint64) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return string(e.via[local])
}

func (e *events) newest() time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.last
}

// watchPage is how many changes a watcher reads at once.
const watchPage = 256

// Watch implements api.Reader. Every watcher reads the ledger itself, at its own pace:
// a slow one holds nobody up and misses nothing.
func (n *Node) Watch(ctx context.Context, since uint64) iter.Seq2[api.Event, error] {
	return func(yield func(api.Event, error) bool) {
		if newest := n.ledger.Stats().Next - 1; since > newest {
			if !yield(api.Event{Seq: newest, Type: api.EventReset}, nil) {
				return
			}
			since = newest
		}
		for {
			changes, err := n.ledger.Follow(ctx, since+1, watchPage)
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				yield(api.Event{}, err)
				return
			}
			for _, c := range changes {
				since = c.Local
				if c.What == ledger.Appended {
					n.indexed(ctx, c.Local)
				}
				if !yield(n.event(c), nil) {
					return
				}
			}
		}
	}
}

func (n *Node) event(c ledger.Change) api.Event {
	h := c.Entry.Header()
	out := api.Event{Seq: c.Local, Type: api.EventEntry, ID: c.Entry.ID().String(), Via: n.events.how(c.Local),
		Time: time.UnixMilli(h.Time).UTC(), Member: n.replica.Feeds().MemberOf(c.Entry.Feed())}
	switch {
	case c.What == ledger.SetAside:
		out.Type = api.EventSetAside
	case c.What != ledger.Appended:
	case h.Kind.IsRecord() && h.Of.IsZero():
		out.Type = api.EventRecord
	case h.Kind.IsRecord():
		out.Type = api.EventRevision
	case h.Kind == protocol.KindErasure && h.Of.Defined():
		out.Type = api.EventErasure
	case h.Kind == protocol.KindWithdraw:
		out.Type = api.EventWithdrawal
	case h.Kind == protocol.KindCertificate:
		out.Type = api.EventAct
	case h.Kind == protocol.KindInception, h.Kind == protocol.KindStatement, h.Kind == protocol.KindApplication:
		out.Type = api.EventMember
	}
	if h.Kind.IsRecord() || h.Of.Defined() {
		id := h.Of
		if id.IsZero() {
			id = c.Entry.ID()
		}
		out.Record = id.String()
		if row, ok := n.rowOf(id); ok {
			out.Number, out.RecordType = row.Number, row.Kind.String()
		}
	}
	return out
}
