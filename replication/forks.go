package replication

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
)

// A fork is two entries of one feed with one predecessor. Whoever sees both proves it,
// with an entry that any node checks for itself. What a node holds of both branches, and
// how it comes to the chosen one, is in branches.go.

// fork is what is known of a proven fork: the lowest seq, and the first entries of the
// branches that evidence names there.
type fork struct {
	seq    uint64
	firsts []protocol.EntryID
	proofs []protocol.EntryID // entries that bring evidence of it
}

// maxProvers bounds the entries listed that prove one fork: one is enough.
const maxProvers = 16

// maxFirsts bounds the branches of one fork that are asked for. A node that signs more
// histories than that has them kept by those that saw them.
const maxFirsts = 4

// maxProofs bounds the proofs that wait until this node can write. What is left out is
// proven again when the branches are seen again.
const maxProofs = 64

// learnFork takes in fork evidence that is durable here. The caller holds mu.
func (r *Replica) learnFork(by protocol.EntryID, body []byte) {
	ev, proven, err := charter.DecodeEvidence(r.cfg.Federation, body)
	if err != nil {
		return // it says nothing
	}
	f := r.forks[proven.Feed]
	if f == nil || proven.Seq < f.seq {
		f = &fork{seq: proven.Seq}
		r.forks[proven.Feed] = f
	}
	if proven.Seq > f.seq {
		return
	}
	if len(f.proofs) < maxProvers && !slices.Contains(f.proofs, by) {
		f.proofs = append(f.proofs, by)
	}
	for _, raw := range [][]byte{ev.Left[0], ev.Right[0]} {
		if id := protocol.Sum(raw); !slices.Contains(f.firsts, id) && len(f.firsts) < maxFirsts {
			f.firsts = append(f.firsts, id)
		}
	}
}

// A node whose key is in two hands can be made to fork its feed at one place after the
// other, each lower than the one before, and every node would prove each of them in its
// own feed. So a node proves a few forks of one feed at once, and further ones with a pause
// between: the lowest is found again by the next exchange whose heads differ.
const (
	proofsAtOnce = 8
	proofsPause  = time.Minute
)

// proving is when this node proved forks of one feed.
type proving struct {
	made int
	last time.Time
}

// mayProve reports whether another fork of a feed may be proven now, and counts it. The
// caller holds mu.
func (r *Replica) mayProve(id protocol.FeedID, now time.Time) bool {
	p := r.proved[id]
	if p.made >= proofsAtOnce && now.Sub(p.last) < proofsPause {
		return false
	}
	r.proved[id] = proving{p.made + 1, now}
	return true
}

// forkAt is 1 + the lowest seq at which the feed is known to be forked; 0 = none. The
// caller holds mu.
func (r *Replica) forkAt(id protocol.FeedID) uint64 {
	at := r.forkTold[id]
	if f := r.forks[id]; f != nil && (at == 0 || f.seq+1 < at) {
		at = f.seq + 1
	}
	return at
}

// forked is told of entries that stand, elsewhere, where other entries of the same
// feed stand here. If both branches are signed it publishes the evidence, once. The
// entries below the fork go on standing. ReasonGap: the branches part before the run;
// ReasonBadSignature: the run ends before an entry that vouches for it.
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
		if last := theirs[len(theirs)-1]; last.Seq() < durable {
			return nil // the same as here
		}
		// The run begins after our head and names another predecessor.
		return protocol.Fail(protocol.ReasonGap, "prove fork", errors.New("the branches part earlier"))
	}
	seq := theirs[at].Seq()
	if seq == 0 {
		return protocol.Fail(protocol.ReasonMalformed, "prove fork", errors.New("another feed"))
	}
	r.mu.Lock()
	known := r.forkAt(id)
	r.mu.Unlock()
	if known != 0 && known <= seq+1 {
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
	if earlier != 0 && earlier <= seq+1 || !r.mayProve(id, time.Now()) {
		r.mu.Unlock()
		return nil
	}
	r.forkTold[id] = seq + 1
	r.mu.Unlock()
	r.log.Warn("a node signed two histories", "feed", id.Short(), "seq", seq)
	return r.prove(ctx, id, ev)
}

// prove publishes evidence. Where this node cannot write now, it does so later. Evidence
// against its own feed would lie beyond the fork there, where it counts for nobody: the
// feed is left first, and the next one brings it.
func (r *Replica) prove(ctx context.Context, id protocol.FeedID, ev protocol.ForkEvidence) error {
	if r.leaveForked(id) {
		r.mu.Lock()
		r.proofs[id] = ev
		r.mu.Unlock()
		r.nudge()
		return nil
	}
	_, err := r.Publish(ctx, Draft{Kind: protocol.KindForkEvidence, Content: &ev})
	if err == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, held := r.proofs[id]; held || len(r.proofs) < maxProofs {
		r.proofs[id] = ev
	} else {
		delete(r.forkTold, id)
	}
	return err
}

// tellProofs publishes the evidence that waited until this node could write.
func (r *Replica) tellProofs(ctx context.Context) error {
	r.mu.Lock()
	due := map[protocol.FeedID]protocol.ForkEvidence{}
	if len(r.proofs) > 0 && r.writable() == nil {
		for id, ev := range r.proofs {
			delete(r.proofs, id)
			if f := r.forks[id]; f == nil || f.seq+1 > r.forkTold[id] {
				due[id] = ev
			}
		}
	}
	r.mu.Unlock()
	var errs []error
	for id, ev := range due {
		errs = append(errs, r.prove(ctx, id, ev))
	}
	return errors.Join(errs...)
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
// place where it parts from ours. Each step reads a page more than it goes back, because
// what vouches for the first entry of their branch may be the last one of a page.
func (s *session) compare(ctx context.Context, id protocol.FeedID) error {
	r := s.r
	r.mu.Lock()
	from := uint64(0)
	if f := r.feeds[id]; f != nil {
		from = f.durable
	}
	r.mu.Unlock()
	for from > 0 {
		from -= min(from, protocol.MaxPage)
		pages, err := s.pages(id, protocol.RunAsk{Feed: id.Digest(), From: from, Max: 2 * protocol.MaxPage})
		if err != nil {
			return err
		}
		var run []protocol.Entry
		for _, page := range pages {
			run = append(run, page.Entries...)
		}
		for i := range run { // forked relies on one run without holes
			if run[i].Seq() != from+uint64(i) || i > 0 && run[i].Follows(run[i-1]) != nil {
				return protocol.Fail(protocol.ReasonBrokenChain, "compare", nil)
			}
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
