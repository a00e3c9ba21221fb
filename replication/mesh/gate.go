package mesh

import (
	"context"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/connmgr"
	"github.com/libp2p/go-libp2p/core/control"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

var _ connmgr.ConnectionGater = (*door)(nil)

// door decides which connections exist. Standing nodes pass. Whoever else has
// proven a key may come in as a guest while there is room, and must leave after
// guestLife. What guests may do inside is the usher's business.
type door struct {
	self     peer.ID
	standing func(Peer) bool
	now      func() time.Time
	counts   *counts

	first   sync.Once
	opening chan struct{} // closed by the first open

	isOpen atomic.Bool

	// mu guards what follows. It is never held while standing is called.
	mu      sync.Mutex
	guests  map[peer.ID]guest     // outsiders inside or about to be
	calls   map[peer.ID]time.Time // outsiders this node calls itself, and until when
	trusted map[peer.ID]bool      // relays named in the configuration; set before open
}

type guest struct {
	from   netip.Prefix
	leaves time.Time
	conns  int
}

func newDoor(self peer.ID, standing func(Peer) bool, now func() time.Time, counts *counts) *door {
	return &door{self: self, standing: standing, now: now, counts: counts, opening: make(chan struct{}),
		guests: map[peer.ID]guest{}, calls: map[peer.ID]time.Time{}, trusted: map[peer.ID]bool{}}
}

func (d *door) open() { d.isOpen.Store(true); d.first.Do(func() { close(d.opening) }) }
func (d *door) shut() { d.isOpen.Store(false) }

// wait blocks until the door was opened for the first time, so that who starts Run
// in a goroutine may dial at once.
func (d *door) wait(ctx context.Context) error {
	select {
	case <-d.opening:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (d *door) opened() bool { return d.isOpen.Load() }

// stands reports whether the id is of a standing node. A closed door knows nobody.
func (d *door) stands(id peer.ID) bool {
	if !d.opened() {
		return false
	}
	p, ok := peerOf(id)
	return ok && (id == d.self || d.standing(p))
}

func (d *door) trust(id peer.ID) { d.trusted[id] = true }

// call lets this node dial an outsider and keep it for guestLife. It is false when
// too many are being called.
func (d *door) call(id peer.ID) bool {
	now := d.now()
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, until := range d.calls {
		if !until.After(now) {
			delete(d.calls, id)
		}
	}
	if _, known := d.calls[id]; !known && len(d.calls) >= maxCalls {
		return false
	}
	d.calls[id] = now.Add(guestLife)
	return true
}

// invited reports whether this node wants to talk to the outsider.
func (d *door) invited(id peer.ID) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.trusted[id] || d.calls[id].After(d.now())
}

// admit ends the guest status; it reports whether there was one.
func (d *door) admit(id peer.ID) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, guest := d.guests[id]
	_, called := d.calls[id]
	delete(d.guests, id)
	delete(d.calls, id)
	return guest || called
}

// forget drops what is known of an id whose connections are gone or must go.
func (d *door) forget(id peer.ID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.guests, id)
	delete(d.calls, id)
}

// left takes note that a connection ended; the last one frees a guest's place. A call
// outlives its connection: this node may dial again.
func (d *door) left(id peer.ID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	g, ok := d.guests[id]
	if !ok {
		return
	}
	if g.conns--; g.conns <= 0 {
		delete(d.guests, id)
		return
	}
	d.guests[id] = g
}

// overstays reports whether a connected outsider must go. One that was never let in
// as a guest was a member's node until now.
func (d *door) overstays(id peer.ID) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	if d.trusted[id] || d.calls[id].After(now) {
		return false
	}
	g, ok := d.guests[id]
	return !ok || !g.leaves.After(now)
}

// listed reports whether an id that stands is still listed as an outsider.
func (d *door) listed(id peer.ID) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, guest := d.guests[id]
	_, called := d.calls[id]
	return guest || called
}

// seat takes a guest's place for id; false when there is none left.
func (d *door) seat(id peer.ID, from netip.Prefix) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	if g, ok := d.guests[id]; ok && g.leaves.After(now) {
		return true
	}
	neighbours := 0
	for other, g := range d.guests {
		if !g.leaves.After(now) {
			delete(d.guests, other) // the sweep closes what is left of its connections
			continue
		}
		if g.from == from {
			neighbours++
		}
	}
	if len(d.guests) >= maxGuests || neighbours >= guestsPerAddress && !from.Addr().IsLoopback() {
		return false
	}
	d.guests[id] = guest{from: from, leaves: now.Add(guestLife)}
	return true
}

// InterceptPeerDial allows dialling standing nodes and those this node calls.
func (d *door) InterceptPeerDial(id peer.ID) bool { return d.stands(id) || d.opened() && d.invited(id) }

// InterceptAddrDial has nothing to add: which addresses are tried is libp2p's choice.
func (d *door) InterceptAddrDial(peer.ID, ma.Multiaddr) bool { return true }

// InterceptAccept refuses everything while the door is shut. Who is calling is not
// known yet; rates and counts by address are the resource manager's.
func (d *door) InterceptAccept(network.ConnMultiaddrs) bool { return d.opened() }

// InterceptSecured is the first place with a proven key.
func (d *door) InterceptSecured(dir network.Direction, id peer.ID, addrs network.ConnMultiaddrs) bool {
	if d.stands(id) {
		return true
	}
	if _, ok := peerOf(id); !ok || !d.opened() {
		d.counts.refused("key")
		return false
	}
	if d.invited(id) {
		return true
	}
	if dir == network.DirInbound && d.seat(id, origin(addrs.RemoteMultiaddr())) {
		return true
	}
	d.counts.refused("guest")
	return false
}

// InterceptUpgraded bounds the connections of one guest.
func (d *door) InterceptUpgraded(c network.Conn) (bool, control.DisconnectReason) {
	if d.stands(c.RemotePeer()) {
		return true, 0
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if g, ok := d.guests[c.RemotePeer()]; ok {
		if g.conns >= connsPerGuest {
			return false, 0
		}
		g.conns++
		d.guests[c.RemotePeer()] = g
	}
	return d.opened(), 0
}
