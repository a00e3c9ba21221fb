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

// knock calls the node of an invitation and asks it: with an application whether it
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
	for n := 1; ; n++ {
		_, err := v.mesh.Dial(ctx, mesh.WithNode(inv.Addresses, inv.Node))
		if err == nil {
			break
		}
		if n == dialTimes || !pause(ctx, n) {
			return protocol.JoinAnswer{}, unreachable(err)
		}
	}
	ask := func(req protocol.JoinRequest) (protocol.JoinAnswer, error) {
		req.Federation = inv.Federation
		answer, err := v.insist(ctx, inv.Node, req)
		if protocol.ReasonOf(err) == protocol.ReasonUnreachable {
			err = unreachable(err)
		}
		return answer, err
	}
	if application != nil {
		answer, err := ask(protocol.JoinRequest{Application: application})
		if err != nil || answer.State != protocol.JoinAdmitted {
			return answer, err
		}
	}
	return ask(protocol.JoinRequest{Inception: inception.Bytes()})
}

const (
	// askTimes is how often a node is asked that broke off or was busy: one that opens its
	// door in this moment, or answers many at a time, does. dialTimes is how often it is
	// called where nobody answers: more seldom, because mostly nobody is there.
	askTimes  = 8
	dialTimes = 3
	askPause  = 150 * time.Millisecond // before the second time; before the third twice that
)

// pause waits before the next time, after n of them; false when ctx ended first.
func pause(ctx context.Context, n int) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(time.Duration(n) * askPause):
		return true
	}
}

// insist asks a node until it answers, askTimes at most. Asking again changes nothing: an
// application or an inception that it has already is answered as the first time.
func (v *visitor) insist(ctx context.Context, node mesh.Peer, req protocol.JoinRequest) (protocol.JoinAnswer, error) {
	for n := 1; ; n++ {
		answer, err := v.ask(ctx, node, req)
		switch protocol.ReasonOf(err) {
		case protocol.ReasonUnreachable, protocol.ReasonBusy:
		default:
			return answer, err
		}
		if n == askTimes || !pause(ctx, n) {
			return answer, err
		}
	}
}

func (v *visitor) ask(ctx context.Context, node mesh.Peer, req protocol.JoinRequest) (protocol.JoinAnswer, error) {
	s, err := v.mesh.OpenJoin(ctx, node)
	if err != nil {
		return protocol.JoinAnswer{}, err
	}
	return replication.Present(ctx, s, v.now, req)
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
