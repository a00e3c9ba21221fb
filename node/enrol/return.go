package enrol

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/dure-net/dure/node/home"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/replication/mesh"
)

// Return says how a member comes back on a new machine with nothing but its root key.
type Return struct {
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

	// Unseal opens the node key of a home that is there already and whose key is encrypted.
	Unseal func(*home.Home) error

	Timeout time.Duration // for reaching one node; 0: DialTime
	Asking  func()        // called before the first node is asked; nil: nobody wants to know
	Logger  *slog.Logger
	Now     func() time.Time
}

// Home opens the home of an earlier attempt in dir, or makes one for the member that the
// root key belongs to: any member's node lets it in by the inception alone.
// ReasonHomeExists where the home is not the root key's, ReasonUnknownMember where the
// federation has no such member, ReasonNotMember where it has removed it.
func (o Return) Home(ctx context.Context, dir string) (*home.Home, Joined, error) {
	h, err := home.Open(dir, home.Options{Now: o.Now})
	switch protocol.ReasonOf(err) {
	case protocol.ReasonNone:
		if err := o.check(h); err != nil {
			return nil, Joined{}, &protocol.Error{Reason: protocol.ReasonHomeExists, Op: "recover", Args: map[string]string{"path": h.Dir()}}
		}
		if h.Sealed() && o.Unseal != nil {
			err = o.Unseal(h)
		}
	case protocol.ReasonNoHome:
		h, err = o.enter(ctx, dir)
	}
	if err != nil {
		return nil, Joined{}, err
	}
	act, id, _, err := h.Founding()
	if err != nil {
		return nil, Joined{}, err
	}
	return h, Joined{Federation: id, Names: act.Names, Fingerprint: o.RootKey().Fingerprint()}, nil
}

// RootKey is the root key for which this machine comes.
func (o Return) RootKey() protocol.PublicKey {
	if o.Added != nil {
		return o.Added.Root
	}
	return o.Root.Public()
}

// check reports whether a home that is there is that of the root key, and of the node that
// was added.
func (o Return) check(h *home.Home) error {
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
func (o Return) sign(h *home.Home, id protocol.FederationID) error {
	switch {
	case o.Added == nil:
		return Papers(h, id, o.Root, clock(o.Now))
	case o.Added.Node != h.Node().Public():
		return &protocol.Error{Reason: protocol.ReasonNotOwner, Op: "recover", Field: "added",
			Args: map[string]string{"node": o.Added.Node.String(), "ours": h.Node().Public().String()}}
	case o.Added.Federation != id:
		return &protocol.Error{Reason: protocol.ReasonWrongFederation, Op: "recover", Args: map[string]string{"theirs": o.Added.Federation.String(), "ours": id.String()}}
	}
	return begins(h, *o.Added, clock(o.Now))
}

// enter makes the home of a member that the federation knows.
func (o Return) enter(ctx context.Context, dir string) (*home.Home, error) {
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
	if o.Asking != nil {
		o.Asking()
	}
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
func (o Return) doors() ([]protocol.Invitation, error) {
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
func (o Return) askAll(ctx context.Context, h *home.Home, doors []protocol.Invitation) (protocol.Invitation, protocol.JoinAnswer, error) {
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
