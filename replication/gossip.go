package replication

import (
	"context"
	"time"

	"github.com/dure-net/dure/protocol"
)

// Gossip judges one message of the entries topic, inside the pubsub validator: what
// is not accepted here is never passed on. The order is the cheap before the dear:
// size, canonical form, already known, known member, signature, chain position. It
// answers Accept only when the entry is durable on this disk.
//
// Gossip is a hint: what it cannot place is fetched from the sender by catch-up.
func (r *Replica) Gossip(ctx context.Context, from protocol.PublicKey, message []byte) protocol.Verdict {
	if r.cfg.NoGossip {
		return protocol.Ignore
	}
	e, body, err := protocol.DecodeMessage(message)
	if err != nil {
		r.counts.refuse(protocol.ReasonOf(err))
		r.log.Warn("refused a message", "node", from.Short(), "err", err)
		return protocol.ReasonOf(err).Verdict()
	}
	err = r.hear(e, body)
	if reason := protocol.ReasonOf(err); (reason == protocol.ReasonGap || reason == protocol.ReasonUnknownMember) && !r.wait(e, body) {
		err = r.hear(e, body) // what it would have waited for has come meanwhile
	}
	switch reason := protocol.ReasonOf(err); reason {
	case protocol.ReasonNone:
		return protocol.Accept
	case protocol.ReasonKnown:
		return protocol.Ignore
	case protocol.ReasonGap, protocol.ReasonUnknownMember:
		r.wakeFor(from)
		return protocol.Ignore
	case protocol.ReasonFork:
		r.forked(ctx, e.Feed(), []protocol.Entry{e})
		r.wakeFor(from)
		return protocol.Ignore
	default:
		if reason.Verdict() == protocol.Reject {
			r.log.Warn("refused an entry", "node", from.Short(), "entry", e.ID().Short(), "err", err)
		}
		return reason.Verdict()
	}
}

func (r *Replica) hear(e protocol.Entry, body []byte) error {
	r.mu.Lock()
	f := r.feeds[e.Feed()]
	var key protocol.PublicKey
	known := false
	if f != nil {
		key = f.node
		known = e.Seq() < f.count && f.head.Seq() == e.Seq() && f.head.ID() == e.ID()
	}
	r.mu.Unlock()
	switch {
	case known:
		return protocol.Fail(protocol.ReasonKnown, "hear", nil)
	case f != nil:
		if err := e.Verify(r.cfg.Federation, key); err != nil {
			return err
		}
	case e.Seq() == 0:
		if err := e.VerifyInception(r.cfg.Federation); err != nil {
			return err
		}
	default:
		// A feed never heard of, from its middle: nothing can be verified.
		return protocol.Fail(protocol.ReasonUnknownMember, "hear", nil)
	}
	in, err := r.enter(admission{page: protocol.Page{Entries: []protocol.Entry{e}, Bodies: [][]byte{body}}, via: ViaGossip})
	if in == nil {
		return err
	}
	return in.wait()
}

// wait keeps a verified entry that came early. It is false where nothing stands in the
// entry's way any more: whoever let its predecessor or its author in looked for it
// before it could wait. Entries of feeds never heard of are not verified and do not
// wait, except first ones.
func (r *Replica) wait(e protocol.Entry, body []byte) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch f := r.feeds[e.Feed()]; {
	case f != nil && e.Seq() <= f.count:
		return false
	case f == nil && e.Seq() != 0:
		return true
	case f == nil:
		if init := e.Header().Init; !r.state.Limit(e.ID(), init.Root, init.Node).Void {
			return false
		}
	}
	r.waiting.put(e, body, time.Now())
	return true
}

// wakeFor asks for an exchange with a node soon. When the queue is full the timer
// serves it.
func (r *Replica) wakeFor(node protocol.PublicKey) {
	select {
	case r.wake <- node:
	default:
	}
}
