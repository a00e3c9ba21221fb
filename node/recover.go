package node

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dure-net/dure/node/enrol"
	"github.com/dure-net/dure/node/phrase"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
	"github.com/dure-net/dure/replication"
	"github.com/dure-net/dure/replication/mesh"
)

// RecoverOptions say how a member comes back on a new machine with nothing but its root key.
type RecoverOptions struct {
	enrol.Return // its Logger and Now are the node's too

	Settings map[string]string // of the home, see Options
	Phrases  *phrase.Book      // nil: loaded
	Version  string

	// Step is told what is being done: "asking", "catching_up". May be nil.
	Step func(code string)
}

const (
	caughtUpFor   = 2 * time.Second  // how long nothing may be missing before the ledger counts as caught up
	caughtUpStall = 60 * time.Second // how long nothing may arrive before catching up is given up for now
	caughtUpLook  = 100 * time.Millisecond
	caughtUpEnded = 10 * time.Second // how long the others may say that this node has ended before they are believed
	toldTime      = 15 * time.Second // how long another node may take to have heard what was said last
)

// Recover makes a home in dir, with a node key of its own, for the member that the root
// key belongs to. Any member's node lets it in by the inception alone. It catches up,
// calls then with the node connected, waits until some other node has heard what then
// had it say, and stops. The home can be started after that.
//
// What was interrupted is taken up again by calling it again for the same directory.
// ReasonUnknownMember where the federation has no such member, ReasonNotMember where it
// has removed it, ReasonSetAside where another node of it has ended this one meanwhile,
// ReasonJoining where the node was let in and others did not answer long enough: then the
// home can be started all the same.
func Recover(ctx context.Context, dir string, o RecoverOptions, then func(context.Context, *Node) error) (enrol.Joined, error) {
	if o.Step == nil {
		o.Step = func(string) {}
	}
	o.Asking = func() { o.Step("asking") }
	h, out, err := o.Home(ctx, dir)
	if err != nil {
		return out, err
	}
	n, err := Open(ctx, h, Options{Settings: o.Settings, Phrases: o.Phrases, Logger: o.Logger, Version: o.Version, Now: o.Now})
	if err != nil {
		return out, err
	}
	o.Step("catching_up")
	return out, n.visit(ctx, then)
}

// visit connects the node to the others without serving its local interface, catches
// up, calls do and waits until another node has heard what it said. It closes the node.
func (n *Node) visit(ctx context.Context, do func(context.Context, *Node) error) (err error) {
	defer func() { err = errors.Join(err, n.Close()) }()
	m, err := mesh.New(mesh.Config{Key: n.home.Node(), Federation: n.federation, Listen: []string{"/ip4/0.0.0.0/udp/0/quic-v1", "/ip4/0.0.0.0/tcp/0"},
		MDNS: *n.conf.MDNS, RelayVia: n.conf.RelayVia, Logger: n.log}, n.replica.Handler())
	if err != nil {
		return err
	}
	running, end := context.WithCancel(ctx)
	g, gctx := errgroup.WithContext(running)
	g.Go(func() error { return m.Run(gctx) })
	g.Go(func() error { return n.replica.Run(gctx, m) })
	g.Go(func() error { return n.seekOthers(gctx, m) })
	err = n.catchUp(gctx)
	if err == nil {
		err = n.refreshFacts()
	}
	if err == nil {
		err = do(gctx, n)
	}
	if err == nil {
		n.awaitHeard(gctx)
	}
	end()
	if failed := g.Wait(); err == nil && failed != nil && !errors.Is(failed, context.Canceled) {
		err = failed
	}
	return err
}

// catchUp waits until nothing has been missing for a while.
func (n *Node) catchUp(ctx context.Context) error {
	tick := time.NewTicker(caughtUpLook)
	defer tick.Stop()
	moved, since, ended := time.Now(), time.Time{}, time.Time{}
	var last uint64
	for {
		select {
		case <-ctx.Done():
			return protocol.Fail(protocol.ReasonCanceled, "catch up", ctx.Err())
		case <-tick.C:
		}
		now, held := time.Now(), n.ledger.Stats().Next
		if held != last {
			last, moved = held, now
		}
		switch {
		case !n.replica.Custody().CaughtUp():
			since = time.Time{}
		case since.IsZero():
			since = now
		case now.Sub(since) > caughtUpFor:
			return nil
		}
		switch condition, _ := n.replica.Condition(); {
		case condition != replication.Ended:
			ended = time.Time{}
		case ended.IsZero():
			ended = now
		case now.Sub(ended) > caughtUpEnded:
			return n.whyEnded()
		}
		if now.Sub(moved) > caughtUpStall {
			return protocol.Fail(protocol.ReasonJoining, "catch up", errors.New("nothing arrives"))
		}
	}
}

// whyEnded says why nobody takes part with this node any more.
func (n *Node) whyEnded() error {
	if m, ok := n.replica.State().ByRoot(n.facts.Root); ok && m.Status == charter.StatusRemoved || n.replica.Others().SaysRemoved() > 0 {
		return protocol.Fail(protocol.ReasonNotMember, "catch up", nil)
	}
	return &protocol.Error{Reason: protocol.ReasonSetAside, Op: "catch up", Args: map[string]string{"why": "node_ended"}}
}

// refreshFacts takes over what the ledger says of this home's member.
func (n *Node) refreshFacts() error {
	m, ok := n.replica.State().ByRoot(n.facts.Root)
	if !ok {
		return protocol.Fail(protocol.ReasonUnknownMember, "recover", nil)
	}
	n.facts = m.Facts
	return n.home.SaveMember(m.Facts)
}

// awaitHeard waits until some other node holds what is held here. It is a courtesy: at
// the next start the others hear of it all the same.
func (n *Node) awaitHeard(ctx context.Context) {
	tick := time.NewTicker(caughtUpLook)
	defer tick.Stop()
	said := n.opts.Now()
	for began := time.Now(); time.Since(began) < toldTime; {
		for _, other := range n.replica.Others().Nodes() {
			if other.Linked && other.Behind != nil && *other.Behind == 0 && other.Seen.After(said) {
				return
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
