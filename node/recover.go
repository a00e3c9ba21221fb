package node

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/dure-net/dure/node/home"
	"github.com/dure-net/dure/node/phrase"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/replication/mesh"
)

// RecoverOptions say how a member comes back on a new machine with nothing but its root key.
type RecoverOptions struct {
	Root protocol.PrivateKey // of the member; not kept

	// Added stands for Root where the root key has added this machine's node elsewhere: the
	// key of home.Prepare for the same directory. Such a node does not answer for its member
	// until it is designated.
	Added *protocol.Statement

	// Line is an invitation without a secret, as any member makes it for another that the
	// federation knows. Without one, Federation and Addresses say whom to ask: multiaddrs
	// that end in /p2p/… and the node's name.
	Line       string
	Federation protocol.FederationID
	Addresses  []string

	Settings map[string]string // of the home, see Options
	Timeout  time.Duration     // for reaching one node; 0: DialTime
	Phrases  *phrase.Book      // nil: loaded
	Version  string
	Logger   *slog.Logger
	Now      func() time.Time

	// Unseal opens the node key of a home that is there already and whose key is encrypted.
	Unseal func(*home.Home) error

	// Step is told what is being done: "asking", "catching_up". May be nil.
	Step func(code string)
}

const (
	caughtUpFor   = 2 * time.Second  // how long nothing may be missing before the ledger counts as caught up
	caughtUpStall = 60 * time.Second // how long nothing may arrive before catching up is given up for now
	caughtUpLook  = 100 * time.Millisecond
	toldTime      = 15 * time.Second // how long another node may take to have heard what was said last
)

// Recover makes a home in dir, with a node key of its own, for the member that the root
// key belongs to. Any member's node lets it in by the inception alone. It catches up,
// calls then with the node connected, waits until some other node has heard what then
// had it say, and stops. The home can be started after that.
//
// What was interrupted is taken up again by calling it again for the same directory.
// ReasonUnknownMember where the federation has no such member, ReasonNotMember where it
// has removed it, ReasonJoining where the node was let in and others did not answer long
// enough: then the home can be started all the same.
func Recover(ctx context.Context, dir string, o RecoverOptions, then func(context.Context, *Node) error) (Joined, error) {
	if o.Step == nil {
		o.Step = func(string) {}
	}
	h, err := home.Open(dir, home.Options{Now: o.Now})
	switch protocol.ReasonOf(err) {
	case protocol.ReasonNone:
		if err := o.check(h); err != nil {
			return Joined{}, &protocol.Error{Reason: protocol.ReasonHomeExists, Op: "recover", Args: map[string]string{"path": h.Dir()}}
		}
		if h.Sealed() && o.Unseal != nil {
			err = o.Unseal(h)
		}
	case protocol.ReasonNoHome:
		h, err = enter(ctx, dir, o)
	}
	if err != nil {
		return Joined{}, err
	}
	act, id, _, err := h.Founding()
	if err != nil {
		return Joined{}, err
	}
	out := Joined{Federation: id, Names: act.Names, Fingerprint: o.RootKey().Fingerprint()}
	n, err := Open(ctx, h, Options{Settings: o.Settings, Phrases: o.Phrases, Logger: o.Logger, Version: o.Version, Now: o.Now})
	if err != nil {
		return out, err
	}
	o.Step("catching_up")
	return out, n.visit(ctx, then)
}

// RootKey is the root key for which this machine comes.
func (o RecoverOptions) RootKey() protocol.PublicKey {
	if o.Added != nil {
		return o.Added.Root
	}
	return o.Root.Public()
}

// check reports whether a home that is there is that of the root key, and of the node that
// was added.
func (o RecoverOptions) check(h *home.Home) error {
	if o.Added == nil {
		return h.CheckRoot(o.Root)
	}
	m, err := h.Member()
	if err != nil {
		return err
	}
	e, ok, err := h.Inception()
	if err != nil {
		return err
	}
	if init := e.Header().Init; !ok || m.Root != o.Added.Root || init.Node != o.Added.Node {
		return &protocol.Error{Reason: protocol.ReasonNotOwner, Op: "recover", Field: "added", Args: map[string]string{"node": o.Added.Node.String()}}
	}
	return nil
}

// sign has the root key's word on this machine's node in the home.
func (o RecoverOptions) sign(h *home.Home, id protocol.FederationID) error {
	switch {
	case o.Added == nil:
		return papers(h, id, o.Root, clock(o.Now))
	case o.Added.Node != h.Node().Public():
		return &protocol.Error{Reason: protocol.ReasonNotOwner, Op: "recover", Field: "added",
			Args: map[string]string{"node": o.Added.Node.String(), "ours": h.Node().Public().String()}}
	case o.Added.Federation != id:
		return &protocol.Error{Reason: protocol.ReasonWrongFederation, Op: "recover", Args: map[string]string{"theirs": o.Added.Federation.String(), "ours": id.String()}}
	}
	return begins(h, *o.Added, clock(o.Now))
}

// enter makes the home of a member that the federation knows.
func enter(ctx context.Context, dir string, o RecoverOptions) (*home.Home, error) {
	doors, err := o.doors()
	if err != nil {
		return nil, err
	}
	h, err := home.Prepare(dir, home.Options{Now: o.Now})
	if err != nil {
		return nil, err
	}
	federation := doors[0].Federation
	if err := o.sign(h, federation); err != nil {
		return nil, err
	}
	o.Step("asking")
	inv, answer, err := o.askAll(ctx, h, doors)
	if err != nil {
		return nil, err
	}
	act, id, err := protocol.DecodeFoundingAct(answer.Founding)
	if err != nil {
		return nil, err
	}
	if id != federation {
		return nil, &protocol.Error{Reason: protocol.ReasonWrongFederation, Op: "recover", Args: map[string]string{"ours": federation.String(), "theirs": id.String()}}
	}
	if answer.Member == nil || answer.Member.Root != o.RootKey() {
		// An earlier root key of the member: it speaks for it no longer.
		return nil, protocol.Fail(protocol.ReasonUnknownMember, "recover", errors.New("the root key was replaced"))
	}
	if inv.Handle != "" && inv.Handle != answer.Member.Handle {
		// Whoever typed another member's words would take that one's live node its office.
		return nil, errors.Join(&protocol.Error{Reason: protocol.ReasonWrongWords, Op: "recover", Args: map[string]string{"line": inv.Handle, "member": answer.Member.Handle}}, h.Abandon())
	}
	inv.Name = act.Names
	if err := h.SavePending(home.Pending{Invitation: inv, Since: clock(o.Now)().Unix()}); err != nil {
		return nil, err
	}
	if err := h.SaveFounding(answer.Founding); err != nil {
		return nil, err
	}
	// Last: what makes it a home. Until then, all of this is done again.
	return home.Create(dir, *answer.Member, home.Options{Now: o.Now})
}

// doors are the nodes to ask, as invitations without a secret.
func (o RecoverOptions) doors() ([]protocol.Invitation, error) {
	if o.Line != "" {
		inv, err := protocol.ParseInvitation(o.Line)
		if err != nil {
			return nil, err
		}
		inv.Seed, inv.Expires = nil, 0 // a root key that is a member's needs none
		return []protocol.Invitation{inv}, nil
	}
	bad := func(address string, err error) error {
		return &protocol.Error{Reason: protocol.ReasonConfig, Op: "recover", Field: "address", Args: map[string]string{"address": address}, Err: err}
	}
	var out []protocol.Invitation
	for _, address := range o.Addresses {
		info, err := peer.AddrInfoFromString(address)
		if err != nil {
			return nil, bad(address, err)
		}
		node, ok := mesh.NodeOf(info.ID.String())
		if !ok || len(info.Addrs) == 0 {
			return nil, bad(address, errors.New("it does not name a node"))
		}
		known := false
		for i := range out {
			if out[i].Node == node {
				out[i].Addresses, known = append(out[i].Addresses, info.Addrs[0].String()), true
			}
		}
		if !known {
			out = append(out, protocol.Invitation{Federation: o.Federation, Name: protocol.Text{}, Node: node, Addresses: []string{info.Addrs[0].String()}})
		}
	}
	if len(out) == 0 {
		return nil, protocol.Fail(protocol.ReasonUsage, "recover", errors.New("nobody to ask"))
	}
	return out, nil
}

// askAll asks one after another until one lets this node in. What a node said is worth
// more than that another did not answer.
func (o RecoverOptions) askAll(ctx context.Context, h *home.Home, doors []protocol.Invitation) (protocol.Invitation, protocol.JoinAnswer, error) {
	nodes := make([]protocol.PublicKey, len(doors))
	for i, d := range doors {
		nodes[i] = d.Node
	}
	v, err := callOut(h, doors[0].Federation, JoinOptions{Timeout: o.Timeout, Logger: o.Logger, Now: o.Now}, nodes...)
	if err != nil {
		return protocol.Invitation{}, protocol.JoinAnswer{}, err
	}
	defer v.leave()
	var failed error
	for _, inv := range doors {
		answer, err := v.knock(ctx, h, inv, nil)
		if err == nil && answer.State == protocol.JoinWelcome {
			return inv, answer, nil
		}
		if protocol.ReasonOf(err) == protocol.ReasonPendingApproval || err == nil {
			err = protocol.Fail(protocol.ReasonUnknownMember, "recover", err)
		}
		if failed == nil || protocol.ReasonOf(failed) == protocol.ReasonInviterUnreachable {
			failed = err
		}
		if ctx.Err() != nil {
			break
		}
	}
	return protocol.Invitation{}, protocol.JoinAnswer{}, failed
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
	moved, since := time.Now(), time.Time{}
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
		if now.Sub(moved) > caughtUpStall {
			return protocol.Fail(protocol.ReasonJoining, "catch up", errors.New("nothing arrives"))
		}
	}
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
