package mesh

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	ma "github.com/multiformats/go-multiaddr"

	"github.com/dure-net/dure/protocol"
)

// Known is a node and the addresses it is known by, with or without /p2p/ parts.
type Known struct {
	Node  Peer
	Addrs []string
}

// roster keeps nodes connected. Each has a goroutine of its own, so that one that
// does not answer holds up nobody.
type roster struct {
	m *Mesh

	mu      sync.Mutex      // guards what follows
	base    context.Context // set while run runs
	members map[peer.ID]*member
	relays  []peer.AddrInfo // of the configuration: kept connected as well
	left    int             // nodes that found no room, when it was last told
	joined  sync.WaitGroup
}

type member struct {
	id    peer.ID
	addrs []ma.Multiaddr
	stop  context.CancelFunc // nil while not running
	bell  chan struct{}      // capacity 1: the connection was lost, or addresses changed
}

func newRoster(m *Mesh, relays []peer.AddrInfo) *roster {
	r := &roster{m: m, members: map[peer.ID]*member{}, relays: relays}
	r.set(nil)
	return r
}

func (r *roster) run(ctx context.Context) {
	r.mu.Lock()
	r.base = ctx
	for _, member := range r.members {
		r.begin(member)
	}
	r.mu.Unlock()

	<-ctx.Done()

	r.mu.Lock()
	r.base = nil
	r.mu.Unlock()
	r.joined.Wait()
}

// begin starts a member's goroutine; mu is held and base set.
func (r *roster) begin(e *member) {
	ctx, stop := context.WithCancel(r.base)
	e.stop = stop
	r.joined.Go(func() { defer stop(); r.keep(ctx, e) })
}

// set may be called often, and with the same nodes in another order.
func (r *roster) set(known []Known) {
	r.mu.Lock()
	defer r.mu.Unlock()
	wanted := r.chosen(known)
	for id, e := range r.members {
		if _, ok := wanted[id]; !ok {
			r.end(e)
		}
	}
	book := r.m.host.Peerstore()
	for id, addrs := range wanted {
		e, ok := r.members[id]
		if !ok {
			e = &member{id: id, bell: make(chan struct{}, 1)}
			r.members[id] = e
		}
		if ok && slices.EqualFunc(e.addrs, addrs, ma.Multiaddr.Equal) {
			continue
		}
		for _, old := range e.addrs {
			if !slices.ContainsFunc(addrs, old.Equal) {
				book.SetAddr(id, old, 0)
			}
		}
		e.addrs = addrs
		book.AddAddrs(id, addrs, peerstore.PermanentAddrTTL)
		if !ok && r.base != nil {
			r.begin(e)
			continue
		}
		ring(e.bell)
	}
}

// chosen are the nodes to keep, with sorted addresses: configured relays, who is
// kept already, and new ones while there is room; mu is held.
func (r *roster) chosen(known []Known) map[peer.ID][]ma.Multiaddr {
	wanted := map[peer.ID][]ma.Multiaddr{}
	for _, relay := range r.relays {
		wanted[relay.ID] = slices.Clone(relay.Addrs)
	}
	left := 0
	for _, kept := range []bool{true, false} {
		for _, k := range known {
			id := idOf(k.Node)
			if _, ok := r.members[id]; ok != kept || id == r.m.host.ID() {
				continue
			}
			if _, ok := wanted[id]; !ok && len(wanted) >= maxRoster {
				left++
				continue
			}
			wanted[id] = append(wanted[id], readable(id, k.Addrs)...)
		}
	}
	for id, addrs := range wanted {
		slices.SortFunc(addrs, func(a, b ma.Multiaddr) int { return a.Compare(b) })
		wanted[id] = slices.CompactFunc(addrs, ma.Multiaddr.Equal)
	}
	if left > r.left {
		r.m.log.Warn("more nodes than are kept connected; the rest is reached through others", keyCount, left, keyLimit, maxRoster)
	}
	r.left = left
	return wanted
}

// readable are the addresses that can be read and are not of another node.
func readable(id peer.ID, texts []string) []ma.Multiaddr {
	var addrs []ma.Multiaddr
	for _, text := range texts {
		addr, err := ma.NewMultiaddr(text)
		if err != nil {
			continue
		}
		rest, named := peer.SplitAddr(addr)
		if rest == nil || named != "" && named != id {
			continue
		}
		addrs = append(addrs, rest)
	}
	return addrs
}

func (r *roster) drop(id peer.ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e, ok := r.members[id]; ok && !r.m.door.trusted[id] {
		r.end(e)
	}
}

// end forgets a member; mu is held.
func (r *roster) end(e *member) {
	delete(r.members, e.id)
	for _, addr := range e.addrs {
		r.m.host.Peerstore().SetAddr(e.id, addr, 0)
	}
	if e.stop != nil {
		e.stop()
	}
}

// lost wakes the goroutine of a node whose last connection ended.
func (r *roster) lost(id peer.ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e, ok := r.members[id]; ok {
		ring(e.bell)
	}
}

func ring(bell chan struct{}) {
	select {
	case bell <- struct{}{}:
	default:
	}
}

// keep dials one node until it is connected, and again when it is lost.
func (r *roster) keep(ctx context.Context, e *member) {
	pause := time.NewTimer(r.opening(e.id))
	defer pause.Stop()
	failures := 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-pause.C:
		case <-e.bell:
			failures = 0
			// Both sides noticed; the pause keeps them from dialling in step.
			if !sleep(ctx, r.opening(e.id)) {
				return
			}
		}
		switch r.m.host.Network().Connectedness(e.id) {
		case network.Connected:
			failures = 0
			pause.Reset(jitter(roundTime))
			continue
		case network.Limited:
			r.dial(ctx, e.id, dialTimeout, true)
			pause.Reset(jitter(directPeriod))
			continue
		}
		limit := dialTimeout
		if failures%slowEvery == slowEvery-1 {
			limit = slowTimeout
		}
		if err := r.dial(ctx, e.id, limit, false); err != nil {
			failures++
			r.m.log.Debug("cannot reach a member's node", keyNode, short(e.id), keyError, err)
		}
		pause.Reset(jitter(redialPause))
	}
}

// opening is how long to wait before the first attempt: the lower key goes first.
func (r *roster) opening(id peer.ID) time.Duration {
	if r.m.host.ID() < id {
		return jitter(answerPause) / 2
	}
	return answerPause + jitter(answerPause)
}

// dial makes one attempt, past libp2p's back-off, directly and through connected
// members that relay.
func (r *roster) dial(ctx context.Context, id peer.ID, limit time.Duration, direct bool) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	r.m.pardon(id)
	if direct {
		ctx = network.WithForceDirectDial(ctx, "roster")
	} else {
		ctx = network.WithAllowLimitedConn(ctx, "roster")
		r.m.host.Peerstore().AddAddrs(id, r.m.relays.pathsTo(id), peerstore.TempAddrTTL)
	}
	return r.m.host.Connect(ctx, peer.AddrInfo{ID: id})
}

// Dial connects to a node whose addresses came by another way, such as an
// invitation, and returns the first that answers. Each address ends in /p2p/… and
// may name a different node; all are tried at once. It blocks until one is
// connected or ctx ends, at most 15 s without a deadline. The node need not be
// standing: it is kept for a minute, or until Admitted. Addresses that cannot be
// read are ReasonConfig with Args["address"]; no answer is ReasonUnreachable.
func (m *Mesh) Dial(ctx context.Context, addrs []string) (Peer, error) {
	infos, err := parsePeers("addrs", addrs)
	if err != nil {
		return Peer{}, err
	}
	infos = slices.DeleteFunc(infos, func(i peer.AddrInfo) bool { return i.ID == m.host.ID() })
	if len(infos) == 0 {
		return Peer{}, protocol.Fail(protocol.ReasonUnreachable, "dial", errors.New("no address of another node"))
	}
	if len(infos) > maxCalls {
		infos = infos[:maxCalls]
	}
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	if err := m.door.wait(ctx); err != nil {
		return Peer{}, protocol.Fail(protocol.ReasonUnreachable, "dial", err)
	}
	type answer struct {
		id  peer.ID
		err error
	}
	answers := make(chan answer, len(infos))
	for _, info := range infos {
		go func() { answers <- answer{info.ID, m.dialOne(ctx, info)} }()
	}
	var failed error
	var got Peer
	for range infos { // all goroutines have ended when this has
		a := <-answers
		if a.err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", short(a.id), a.err))
			continue
		}
		if got.IsZero() {
			got, _ = peerOf(a.id)
			cancel()
		}
	}
	if !got.IsZero() {
		return got, nil
	}
	if reason := protocol.ReasonOf(failed); reason == protocol.ReasonBusy {
		return Peer{}, protocol.Fail(reason, "dial", failed)
	}
	return Peer{}, protocol.Fail(protocol.ReasonUnreachable, "dial", failed)
}

func (m *Mesh) dialOne(ctx context.Context, info peer.AddrInfo) error {
	if !m.door.stands(info.ID) && !m.door.call(info.ID) {
		return protocol.Fail(protocol.ReasonBusy, "dial", nil)
	}
	m.pardon(info.ID)
	return m.host.Connect(network.WithAllowLimitedConn(ctx, "dial"), info)
}

// pardon clears libp2p's dial back-off, which would refuse to try for up to five minutes.
func (m *Mesh) pardon(id peer.ID) {
	if s, ok := m.host.Network().(*swarm.Swarm); ok {
		s.Backoff().Clear(id)
	}
}

// jitter is between half of d and d, so that nodes that start together drift apart.
func jitter(d time.Duration) time.Duration { return d/2 + rand.N(d/2) }

// sleep waits; false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
