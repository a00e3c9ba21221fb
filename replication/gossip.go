package replication

import (
	"context"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
)

// Gossip judges one message of the entries topic, inside the pubsub validator: what
// is not accepted here is never passed on. The order is the cheap before the dear:
// size, canonical form, already known, known member, its allowance, signature, chain
// position. It answers Accept only when the entry is durable on this disk.
//
// Gossip is a hint: what it cannot place is fetched from the sender by catch-up.
func (of handler) Gossip(ctx context.Context, from protocol.PublicKey, message []byte) protocol.Verdict {
	r := of.replica
	if r.cfg.NoGossip {
		return protocol.Ignore
	}
	e, body, err := protocol.DecodeMessage(message)
	if err != nil {
		r.counts.refuse(protocol.ReasonOf(err))
		r.log.Warn("refused a message", "node", from.Short(), "err", err)
		return r.judged(from, protocol.ReasonOf(err).Verdict())
	}
	err = r.hear(ctx, from, e, body)
	if reason := protocol.ReasonOf(err); (reason == protocol.ReasonGap || reason == protocol.ReasonUnknownMember) && !r.wait(from, e, body) {
		err = r.hear(ctx, from, e, body) // what it would have waited for has come meanwhile
	}
	switch reason := protocol.ReasonOf(err); reason {
	case protocol.ReasonNone:
		if body != nil && r.erasures.gone(e) {
			return protocol.Ignore // its header came in; its body is not passed on
		}
		return protocol.Accept
	case protocol.ReasonKnown:
		return protocol.Ignore
	case protocol.ReasonGap, protocol.ReasonUnknownMember:
		r.wakeFor(from)
		return protocol.Ignore
	case protocol.ReasonFork:
		if err := r.forked(ctx, e.Feed(), []protocol.Entry{e}); err != nil {
			r.log.Debug("a fork is not proven yet", "feed", e.Feed().Short(), "err", err)
		}
		r.wakeFor(from)
		return protocol.Ignore
	default:
		if reason.Verdict() == protocol.Reject {
			r.log.Warn("refused an entry", "node", from.Short(), "entry", e.ID().Short(), "err", err)
		}
		return r.judged(from, reason.Verdict())
	}
}

// judged counts what a node passed on that proves that it did not check, and hands the
// verdict back.
func (r *Replica) judged(from protocol.PublicKey, v protocol.Verdict) protocol.Verdict {
	if v == protocol.Reject {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.peerFor(from).offend(time.Now(), r.cfg.Now())
	}
	return v
}

func (r *Replica) hear(ctx context.Context, from protocol.PublicKey, e protocol.Entry, body []byte) error {
	r.mu.Lock()
	f := r.feeds[e.Feed()]
	var (
		key    protocol.PublicKey
		member string
		head   protocol.Entry
	)
	known := false
	if f != nil {
		key, member, head = f.node, f.limit.Member, f.head
		known = e.Seq() < f.count
	}
	r.mu.Unlock()
	if known {
		// What was passed on before is told by its hash: its signature costs more.
		if held, err := r.held(e.Feed(), e.Seq(), head); err != nil || held == e.ID() {
			return protocol.Fail(protocol.ReasonKnown, "hear", nil)
		}
	}
	r.mu.Lock()
	heard := false
	if f != nil {
		heard = r.hears(f)
	} else {
		heard = r.peerFor(from).strange.AllowN(time.Now(), 1)
	}
	r.mu.Unlock()
	switch {
	case !heard:
		return protocol.Fail(protocol.ReasonBusy, "hear", nil)
	case f != nil:
		if err := e.Verify(r.cfg.Federation, key); err != nil {
			return err
		}
		r.heard(member) // also of another entry at a known place: a forked feed has any number of them
	case e.Seq() == 0:
		if err := e.VerifyInception(r.cfg.Federation); err != nil {
			return err
		}
	default:
		// A feed never heard of, from its middle: nothing can be verified.
		return protocol.Fail(protocol.ReasonUnknownMember, "hear", nil)
	}
	if err := r.falseProof(e, body); err != nil {
		return err
	}
	in, err := r.enterSingle(ctx, admission{page: protocol.Page{Entries: []protocol.Entry{e}, Bodies: [][]byte{body}}, via: ViaGossip})
	if in == nil {
		return err
	}
	return in.wait()
}

// falseProof refuses an entry with fork evidence that proves nothing. It would stand and say
// nothing. But whoever forwards it has not checked what any node can check, or has made it
// up.
func (r *Replica) falseProof(e protocol.Entry, body []byte) error {
	if e.Kind() != protocol.KindForkEvidence {
		return nil
	}
	if _, _, err := charter.DecodeEvidence(r.cfg.Federation, body); err != nil && protocol.ReasonOf(err) != protocol.ReasonTooNew {
		return protocol.Fail(protocol.ReasonMalformed, "judge fork evidence", err)
	}
	return nil
}

// present announces what a node that comes in brought, as far as every node would take it
// from gossip: an entry that another one vouches for, or a proof that proves nothing, stands
// in its feed and would be held against whoever announces it. Catch-up carries those.
func (r *Replica) present(page protocol.Page, key protocol.PublicKey) {
	for i, e := range page.Entries {
		if i > 0 && e.Verify(r.cfg.Federation, key) != nil || r.falseProof(e, page.Bodies[i]) != nil {
			return // what follows would wait for it
		}
		r.announce(e, page.Bodies[i])
	}
}

// wait keeps a verified entry that came early. It is false where nothing stands in the
// entry's way any more: whoever let its predecessor or its author in looked for it
// before it could wait. Entries of feeds never heard of are not verified and do not
// wait, except first ones.
func (r *Replica) wait(from protocol.PublicKey, e protocol.Entry, body []byte) bool {
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
	r.waiting.put(from, e, body, time.Now())
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
