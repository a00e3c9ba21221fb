package replication

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
	"github.com/dure-net/dure/replication/ledger"
)

// Draft is what is to be written into this node's feed.
type Draft struct {
	Kind    protocol.Kind
	Number  uint64
	Of      protocol.RecordID
	Refs    []protocol.CID
	Content any // of the body; nil = no body
}

// Published is an entry that this node wrote.
type Published struct {
	Entry protocol.Entry
	Body  []byte
	Local uint64 // local sequence
}

// Publish writes an entry into this node's feed and announces it. It returns when the
// entry is durable: after that neither a crash nor a loss of power can take it back.
// While the node is recovering or out of space it refuses; nothing is lost by that.
// It does not begin when ctx has ended, and what is begun is finished.
func (r *Replica) Publish(ctx context.Context, d Draft) (Published, error) {
	var body []byte
	if d.Content != nil {
		// A governance body is never erased, so its hash need not be hidden; without a
		// salt, nodes that gather the same certificate write one block.
		var salt protocol.Salt
		if d.Kind.IsErasable() {
			if _, err := io.ReadFull(r.cfg.Random, salt[:]); err != nil {
				return Published{}, protocol.Fail(protocol.ReasonInternal, "read randomness", err)
			}
		}
		var err error
		if body, err = protocol.EncodeBody(salt, d.Content); err != nil {
			return Published{}, err
		}
	}
	return r.publish(ctx, d, body)
}

func (r *Replica) publish(ctx context.Context, d Draft, body []byte) (Published, error) {
	if err := ctx.Err(); err != nil {
		return Published{}, protocol.Fail(protocol.ReasonCanceled, "publish", err)
	}
	left, err := r.room(ctx, "publish")
	if err != nil {
		return Published{}, err
	}
	e, in, err := r.write(d, body)
	if err != nil {
		left()
		return Published{}, err
	}
	in.left = left
	if err := in.wait(); err != nil {
		return Published{}, err
	}
	r.announce(e, body)
	return Published{Entry: e, Body: body, Local: in.local}, nil
}

// submitOwn hands an entry of the own feed to the ledger. The caller holds mu.
func (r *Replica) submitOwn(f *feed, e protocol.Entry, body []byte) *admitted {
	page := protocol.Page{Entries: []protocol.Entry{e}, Bodies: [][]byte{body}}
	in := &admitted{r: r, feed: f, page: page, via: ViaLocal}
	if e.Seq() == 0 && r.renewed {
		in.meta = []ledger.Setting{{Key: metaReminded}} // with the new feed it is done
	}
	in.submit(true)
	return in
}

// writable says why this node may not write now, if it may not. The caller holds mu.
func (r *Replica) writable() error {
	switch r.condition {
	case ReadOnly:
		return &protocol.Error{Reason: protocol.ReasonReadOnly, Op: "publish"}
	case Recovering:
		return &protocol.Error{Reason: protocol.ReasonRecovering, Op: "publish"}
	}
	if r.own == nil {
		return &protocol.Error{Reason: protocol.ReasonJoining, Op: "publish"}
	}
	if !r.own.limit.Open() && r.state.Limit(protocol.FeedID{}, r.own.root, r.own.node).Open() {
		// The feed was forked, or settled, and a new one is about to be begun: whatever is
		// written here now would not count.
		return &protocol.Error{Reason: protocol.ReasonRecovering, Op: "publish"}
	}
	if l := r.own.limit; l.Void || r.own.count >= l.Count {
		if l.Member != "" && l.Status != charter.StatusRemoved {
			return &protocol.Error{Reason: protocol.ReasonSetAside, Op: "publish", Args: map[string]string{"why": "node_ended"}}
		}
		return &protocol.Error{Reason: protocol.ReasonNotMember, Op: "publish"}
	}
	return nil
}

// Begin opens this node's feed with its inception, if the federation's charter knows
// the root key and the feed is not open yet. It is called at the start and whenever
// the charter changes, and does nothing where there is nothing to do.
func (r *Replica) Begin(ctx context.Context) error {
	r.mu.Lock()
	if r.own != nil || r.condition == Recovering || r.condition == ReadOnly || r.cfg.Inception.IsZero() {
		r.mu.Unlock()
		return nil
	}
	init := r.cfg.Inception.Header().Init
	if init == nil || init.Node != r.self {
		r.mu.Unlock()
		return protocol.Fail(protocol.ReasonConfig, "begin", errors.New("the inception is not this node's"))
	}
	limit := r.state.Limit(r.cfg.Inception.ID(), init.Root, init.Node)
	if limit.Void {
		r.mu.Unlock()
		return nil
	}
	if r.cfg.Beginning != nil {
		if err := r.cfg.Beginning(); err != nil {
			r.mu.Unlock()
			return err
		}
	}
	f := r.feeds[r.cfg.Inception.ID()]
	if f != nil && f.count > 1 {
		// It has written in this feed, and neither the mark nor the operator's files know.
		r.become(Recovering, whyUnmarked)
		r.nudge()
		r.mu.Unlock()
		return nil
	}
	var in *admitted
	if f == nil {
		f = &feed{id: r.cfg.Inception.ID(), root: init.Root, node: init.Node, limit: limit, heard: make(chan struct{})}
		r.feeds[f.id] = f
		in = r.submitOwn(f, r.cfg.Inception, nil)
	}
	r.own = f
	r.mu.Unlock()
	if in != nil {
		if err := in.wait(); err != nil {
			return err
		}
		r.announce(r.cfg.Inception, nil)
	}
	r.mu.Lock()
	if r.condition == Joining {
		r.become(Ready, "")
	}
	r.mu.Unlock()
	return r.designate(ctx)
}

// designate publishes the statement that makes this node the governing one, where its
// member has none yet. It is not tied to the opening of the feed: that may have been
// cut short, or the inception may have come back here from another node.
func (r *Replica) designate(ctx context.Context) error {
	r.mu.Lock()
	due := r.undesignated() && !r.designating
	if due && r.cfg.Invited {
		due = r.informedByAll() && !r.ran.IsZero() && time.Since(r.ran) > designateAfter
	}
	r.designating = r.designating || due
	r.mu.Unlock()
	if !due {
		return nil
	}
	defer func() {
		r.mu.Lock()
		r.designating = false
		r.mu.Unlock()
	}()
	body, err := protocol.EncodeBody(protocol.Salt{}, r.cfg.Governing)
	if err != nil {
		return err
	}
	if _, err := r.ledger.Block(protocol.Sum(body)); err != nil {
		if _, err := r.publish(ctx, Draft{Kind: protocol.KindStatement}, body); err != nil {
			return err
		}
	} // else it was said before, and overruled since
	r.mu.Lock()
	defer r.mu.Unlock()
	r.designated = true
	return nil
}

// awaitsDesignation reports whether the designation is to be looked at again soon.
func (r *Replica) awaitsDesignation() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.undesignated()
}

// designateAfter is how long a node that came in by an invitation looks for a designation
// of another node of its member, before it takes it that there is none.
const designateAfter = 10 * time.Second

// undesignated reports whether this node's statement that it governs is still to be
// said, because its member has no governing node. The caller holds mu.
func (r *Replica) undesignated() bool {
	if r.cfg.Governing == nil || r.designated || r.writable() != nil {
		return false
	}
	_, governed := r.state.Designation(r.own.limit.Member)
	return !governed
}

// Announcements are for entries as people write them. A burst goes by catch-up, which
// verifies one signature a page where gossip verifies every one at every node: beyond
// announceBurst at once and announceRate a second, the health message that follows a
// change of the frontier has the others fetch the rest.
const (
	announceRate  = 100
	announceBurst = 64
)

// announce gossips an entry that is durable here. A failure costs latency only.
func (r *Replica) announce(e protocol.Entry, body []byte) {
	n := r.net.Load()
	if n == nil || r.cfg.NoGossip {
		return
	}
	if !r.cfg.NoCatchUp && !r.announcing.Allow() {
		r.hint()
		return
	}
	msg, err := protocol.EncodeMessage(e, body)
	if err == nil {
		err = n.Announce(msg)
	}
	if err != nil {
		r.log.Debug("an entry was not announced; catch-up will carry it", "entry", e.ID().Short(), "err", err)
	}
}

// settleCondition decides at the start what this node may do, from the ledger's
// high-water mark. The caller holds mu.
func (r *Replica) settleCondition() error {
	opened := r.ledger.Opened()
	_, low, err := r.ledger.FreeBytes()
	if err != nil {
		return err
	}
	switch {
	case r.ledger.Failed() != nil: // room does not end this, a restart does
		r.become(ReadOnly, "state.read_only.failed")
	case low:
		r.become(ReadOnly, "state.read_only.disk")
	case r.forgetful:
		r.become(Recovering, whyBehind)
		r.own = nil
	case r.own != nil && r.renewed:
		r.become(Ready, "") // the mark that was found at the start is of an older feed
	case opened.Status == ledger.MarkBehind, opened.Copied, opened.Status == ledger.MarkAbsent && (!opened.Restored.IsZero() || r.cfg.Begun):
		// The store forgot entries that this node signed: it never continues that feed.
		r.become(Recovering, forgot(opened, r.ledger.Stats().Entries))
		r.own = nil
	case r.own != nil:
		r.become(Ready, "")
	default:
		r.become(Joining, "state.joining")
	}
	return nil
}

// lookEvery is how often a node that writes nothing looks whether it could.
const lookEvery = 10 * time.Second

// roomGone begins the read-only condition when the disk is too full for writing, also
// where nobody has tried.
func (r *Replica) roomGone() {
	if _, low, err := r.ledger.FreeBytes(); err != nil || !low {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.condition == Ready || r.condition == Joining {
		r.become(ReadOnly, "state.read_only.disk")
		r.log.Warn("the disk is too full: nothing new is accepted until there is room")
	}
}

// forgot says why a store may lack entries that this node signed.
func forgot(o ledger.Opened, entries uint64) string {
	switch {
	case o.Status == ledger.MarkBehind:
		return whyBehind
	case o.Copied:
		return whyCopied
	case !o.Restored.IsZero():
		return whyRestored
	case entries == 0:
		return whyEmptied
	}
	return whyUnmarked
}

// roomAgain ends the read-only condition once there is room on the disk again.
func (r *Replica) roomAgain() {
	if _, low, err := r.ledger.FreeBytes(); err != nil || low {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.condition == ReadOnly {
		if err := r.settleCondition(); err != nil {
			r.log.Warn("free space cannot be measured", "err", err)
		}
	}
}
