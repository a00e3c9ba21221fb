package mesh

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/client"
	circuit "github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/proto"
	relayservice "github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/relay"
	ma "github.com/multiformats/go-multiaddr"

	"github.com/dure-net/dure/protocol"
)

// startRelayService offers this node as a relay if it is configured to be one. The
// returned function ends it.
func (m *Mesh) startRelayService() (func(), error) {
	if !m.cfg.Relay {
		return func() {}, nil
	}
	service, err := relayservice.New(m.host,
		relayservice.WithACL(members{m.door}),
		relayservice.WithResources(relayservice.Resources{
			Limit:                 &relayservice.RelayLimit{Duration: relayDuration, Data: relayBytes},
			ReservationTTL:        relayReservations,
			MaxReservations:       maxRoster,
			MaxReservationsPerIP:  maxRoster,
			MaxReservationsPerASN: maxRoster,
			MaxCircuits:           relayCircuits,
			BufferSize:            relayBufferBytes,
		}),
		// Members on one private network may relay for each other too.
		relayservice.WithReservationAddressFilter(func(ma.Multiaddr) bool { return true }))
	if err != nil {
		return nil, protocol.Fail(protocol.ReasonInternal, "start relay", err)
	}
	return func() { _ = service.Close() }, nil // it only removes its handler
}

// members is the relay's access rule: both ends are standing.
type members struct{ door *door }

func (r members) AllowReserve(id peer.ID, _ ma.Multiaddr) bool { return r.door.stands(id) }

func (r members) AllowConnect(from peer.ID, _ ma.Multiaddr, to peer.ID) bool {
	return r.door.stands(from) && r.door.stands(to)
}

// relays keeps places reserved on up to maxRelays connected relays: those of the
// configuration first, then members that offer it. Every node does so, whether
// others can dial it or not: finding that out takes longer than a reservation, and
// firewalls change. A place ends with the connection to the relay.
type relays struct {
	m    *Mesh
	host host.Host // set once the host exists
	bell chan struct{}

	mu     sync.Mutex // guards what follows
	places map[peer.ID]place
	failed map[peer.ID]time.Time // until when not to ask again
}

type place struct {
	renew time.Time      // when two thirds of its time are over
	addrs []ma.Multiaddr // this node's, through the relay
}

func newRelays(m *Mesh) *relays {
	return &relays{m: m, bell: make(chan struct{}, 1), places: map[peer.ID]place{}, failed: map[peer.ID]time.Time{}}
}

func (r *relays) wake() { ring(r.bell) }

// lost forgets the place on a relay whose last connection ended.
func (r *relays) lost(id peer.ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.places, id)
	delete(r.failed, id)
}

// addrs are this node's addresses through its relays.
func (r *relays) addrs() []ma.Multiaddr {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []ma.Multiaddr
	for _, id := range slices.Sorted(maps.Keys(r.places)) {
		all = append(all, r.places[id].addrs...)
	}
	return all
}

// pathsTo are ways to a node through connected relays, whether it has told of them
// or not: it keeps places on the same ones.
func (r *relays) pathsTo(to peer.ID) []ma.Multiaddr {
	var paths []ma.Multiaddr
	for _, id := range r.candidates() {
		if id == to {
			continue
		}
		if path, err := ma.NewMultiaddr("/p2p/" + id.String() + "/p2p-circuit"); err == nil && len(paths) < maxRelays {
			paths = append(paths, path)
		}
	}
	return paths
}

// candidates are the directly connected nodes that relay, configured ones first.
func (r *relays) candidates() []peer.ID {
	var named, others []peer.ID
	for _, id := range r.host.Network().Peers() {
		if !r.m.direct(id) {
			continue
		}
		if hop, err := r.host.Peerstore().SupportsProtocols(id, circuit.ProtoIDv2Hop); err != nil || len(hop) == 0 {
			continue
		}
		switch {
		case r.m.door.trusted[id]:
			named = append(named, id)
		case r.m.door.stands(id):
			others = append(others, id)
		}
	}
	slices.Sort(named)
	slices.Sort(others)
	return append(named, others...)
}

func (r *relays) run(ctx context.Context) {
	tick := time.NewTicker(reservePeriod)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-r.bell:
			// A new connection has not said what it offers yet.
			if !sleep(ctx, time.Second) {
				return
			}
		}
		r.reserve(ctx)
	}
}

func (r *relays) reserve(ctx context.Context) {
	for _, id := range r.candidates() {
		if ctx.Err() != nil || !r.wanted(id) {
			continue
		}
		limit, cancel := context.WithTimeout(ctx, reserveTimeout)
		got, err := client.Reserve(limit, r.host, peer.AddrInfo{ID: id})
		cancel()
		r.mu.Lock()
		if err != nil {
			r.failed[id] = r.m.now().Add(reserveRetry)
			r.m.log.Debug("no place on a relay", keyVia, short(id), keyError, err)
		} else {
			if _, had := r.places[id]; !had {
				r.m.log.Info("reachable through a relay", keyVia, short(id))
			}
			now := r.m.now()
			r.places[id] = place{renew: now.Add(got.Expiration.Sub(time.Now()) * 2 / 3), addrs: r.through(id)}
		}
		r.mu.Unlock()
	}
}

// wanted reports whether a place is to be asked for: again when it is time, or anew
// while there are too few.
func (r *relays) wanted(id peer.ID) bool {
	now := r.m.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failed[id].After(now) {
		return false
	}
	if place, ok := r.places[id]; ok {
		return !place.renew.After(now)
	}
	return len(r.places) < maxRelays
}

// through are this node's addresses by way of a connected relay.
func (r *relays) through(id peer.ID) []ma.Multiaddr {
	var all []ma.Multiaddr
	suffix, err := ma.NewMultiaddr("/p2p/" + id.String() + "/p2p-circuit")
	if err != nil {
		return nil
	}
	for _, c := range r.host.Network().ConnsToPeer(id) {
		// What the relay listens on is not always the port it dials from.
		if !isRelayed(c.RemoteMultiaddr()) && c.Stat().Direction == network.DirOutbound {
			all = append(all, c.RemoteMultiaddr().Encapsulate(suffix))
		}
	}
	for _, addr := range r.host.Peerstore().Addrs(id) {
		if !isRelayed(addr) && len(all) < 2 {
			all = append(all, addr.Encapsulate(suffix))
		}
	}
	return all[:min(len(all), 2)]
}
