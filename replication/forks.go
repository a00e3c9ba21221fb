package replication

import (
	"context"
	"errors"

	"github.com/dure-net/dure/protocol"
)

// forked is told of entries that stand, elsewhere, where other entries of the same
// feed stand here. If both branches are signed it publishes the evidence, once: a
// proof that any node checks for itself. The entries below the fork go on standing.
func (r *Replica) forked(ctx context.Context, id protocol.FeedID, theirs []protocol.Entry) error {
	r.mu.Lock()
	f := r.feeds[id]
	if f == nil || len(theirs) == 0 {
		r.mu.Unlock()
		return nil
	}
	node, durable := f.node, f.durable
	r.mu.Unlock()
	at := -1
	for i, e := range theirs {
		if e.Seq() >= durable {
			break
		}
		ours, err := r.ledger.Entry(id, e.Seq())
		if err != nil {
			return err
		}
		if ours.ID() != e.ID() {
			at = i
			break
		}
	}
	if at < 0 {
		// The run begins after our head and names another predecessor.
		return protocol.Fail(protocol.ReasonGap, "prove fork", errors.New("the branches part earlier"))
	}
	seq := theirs[at].Seq()
	if seq == 0 {
		return protocol.Fail(protocol.ReasonMalformed, "prove fork", errors.New("another feed"))
	}
	if r.forkKnown(id, seq) {
		return nil
	}
	before, err := r.ledger.Entry(id, seq-1)
	if err != nil {
		return err
	}
	if theirs[at].Header().Prev != before.ID() {
		return protocol.Fail(protocol.ReasonGap, "prove fork", errors.New("the branches part earlier"))
	}
	var ours []protocol.Entry
	for s := seq; s < durable && len(ours) < protocol.MaxPage; s++ {
		e, err := r.ledger.Entry(id, s)
		if err != nil {
			return err
		}
		ours = append(ours, e)
	}
	left, right := r.signedRun(node, ours), r.signedRun(node, theirs[at:])
	if len(left) == 0 || len(right) == 0 {
		return protocol.Fail(protocol.ReasonBadSignature, "prove fork", nil)
	}
	inception, err := r.ledger.Entry(id, 0)
	if err != nil {
		return err
	}
	ev := protocol.NewForkEvidence(inception, left, right)
	if _, err := ev.Verify(r.cfg.Federation); err != nil {
		return err
	}
	r.mu.Lock()
	earlier := r.forkTold[id]
	if earlier != 0 && earlier <= seq+1 {
		r.mu.Unlock()
		return nil
	}
	r.forkTold[id] = seq + 1
	r.mu.Unlock()
	r.log.Warn("a node signed two histories", "feed", id.Short(), "seq", seq)
	if _, err := r.Publish(ctx, Draft{Kind: protocol.KindForkEvidence, Content: &ev}); err != nil {
		r.mu.Lock()
		r.forkTold[id] = earlier
		r.mu.Unlock()
		return err
	}
	return nil
}

// forkKnown reports whether a fork of the feed at seq, or below, needs no further proof.
func (r *Replica) forkKnown(id protocol.FeedID, seq uint64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if told := r.forkTold[id]; told != 0 && told <= seq+1 {
		return true
	}
	f := r.feeds[id]
	return f != nil && f.limit.Fork != 0 && f.limit.Fork <= seq+1
}

// signedRun is the run up to its first entry that carries a valid own signature: the
// shortest proof, which always fits a body.
func (r *Replica) signedRun(node protocol.PublicKey, run []protocol.Entry) []protocol.Entry {
	for n := range min(len(run), protocol.MaxPage) {
		if run[n].Verify(r.cfg.Federation, node) == nil {
			return run[:n+1]
		}
	}
	return nil
}

// compare walks back through the other node's copy of a feed, page by page, to the
// place where it parts from ours.
func (s *session) compare(ctx context.Context, id protocol.FeedID) error {
	r := s.r
	from := r.frontier.line(id).Count
	for from > 0 {
		from -= min(from, protocol.MaxPage)
		pages, err := s.pages(id, protocol.RunAsk{Feed: id.Digest(), From: from, Max: protocol.MaxPage})
		if err != nil {
			return err
		}
		var run []protocol.Entry
		for _, page := range pages {
			run = append(run, page.Entries...)
		}
		if len(run) == 0 {
			continue
		}
		err = r.forked(ctx, id, run)
		if protocol.ReasonOf(err) != protocol.ReasonGap {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}
