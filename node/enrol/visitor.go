package enrol

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/dure-net/dure/node/home"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/replication"
	"github.com/dure-net/dure/replication/mesh"
)

// visitor is a node that is not let in anywhere yet, while it asks to be.
type visitor struct {
	mesh    *mesh.Mesh
	timeout time.Duration
	now     func() time.Time
	end     func()
	running chan error
}

// callOut opens the network for asking the given nodes. The caller calls leave.
func callOut(h *home.Home, federation protocol.FederationID, o JoinOptions, nodes ...protocol.PublicKey) (*visitor, error) {
	g := guest{}
	for _, n := range nodes {
		g[n] = true
	}
	v := &visitor{timeout: o.Timeout, now: clock(o.Now), running: make(chan error, 1)}
	if v.timeout == 0 {
		v.timeout = DialTime
	}
	var err error
	v.mesh, err = mesh.New(mesh.Config{Key: h.Node(), Federation: federation, Listen: []string{"/ip4/127.0.0.1/udp/0/quic-v1"},
		NoGossip: true, Logger: o.Logger}, g)
	if err != nil {
		return nil, err
	}
	stop, end := context.WithCancel(context.Background())
	v.end = end
	go func() { v.running <- v.mesh.Run(stop) }()
	return v, nil
}

func (v *visitor) leave() {
	v.end()
	<-v.running
}

// knock calls the node of an invitation and asks once: with an application whether it
// is admitted, and as soon as the root key is a member's, to take the inception in.
func (v *visitor) knock(ctx context.Context, h *home.Home, inv protocol.Invitation, application *protocol.Application) (protocol.JoinAnswer, error) {
	ctx, cancel := context.WithTimeout(ctx, v.timeout)
	defer cancel()
	inception, ok, err := h.Inception()
	if err != nil || !ok {
		return protocol.JoinAnswer{}, errors.Join(err, protocol.Fail(protocol.ReasonNotFederated, "join", nil))
	}
	unreachable := func(err error) error {
		return &protocol.Error{Reason: protocol.ReasonInviterUnreachable, Op: "join", Err: err,
			Args: map[string]string{"addresses": strings.Join(inv.Addresses, ", ")}}
	}
	if _, err := v.mesh.Dial(ctx, mesh.WithNode(inv.Addresses, inv.Node)); err != nil {
		return protocol.JoinAnswer{}, unreachable(err)
	}
	ask := func(req protocol.JoinRequest) (protocol.JoinAnswer, error) {
		s, err := v.mesh.OpenJoin(ctx, inv.Node)
		if err != nil {
			return protocol.JoinAnswer{}, unreachable(err)
		}
		req.Federation = inv.Federation
		return replication.Present(ctx, s, v.now, req)
	}
	if application != nil {
		answer, err := ask(protocol.JoinRequest{Application: application})
		if err != nil || answer.State != protocol.JoinAdmitted {
			return answer, err
		}
	}
	return ask(protocol.JoinRequest{Inception: inception.Bytes()})
}

// guest is the mesh handler of a node that is not let in anywhere yet: it knows those
// whom it asks and serves nobody.
type guest map[protocol.PublicKey]bool

func (g guest) Standing(node mesh.Peer) bool { return g[node] }
func (guest) Gossip(context.Context, mesh.Peer, []byte) protocol.Verdict {
	return protocol.Ignore
}
func (guest) Health(context.Context, mesh.Peer, []byte) protocol.Verdict {
	return protocol.Ignore
}
func (guest) ServeSync(_ context.Context, _ mesh.Peer, s mesh.Stream)  { _ = s.Reset() }
func (guest) ServeFiles(_ context.Context, _ mesh.Peer, s mesh.Stream) { _ = s.Reset() }
func (guest) ServeJoin(_ context.Context, _ mesh.Peer, s mesh.Stream)  { _ = s.Reset() }
func (guest) Connected(mesh.Peer)                                      {}
