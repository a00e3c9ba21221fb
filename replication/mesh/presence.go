package mesh

import (
	"context"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"
)

// Connection is one connection to another node, as status pages show it.
type Connection struct {
	Node      Peer
	Standing  bool // false: a guest
	Addr      string
	Direct    bool   // false: over a relay
	Outbound  bool   // this node dialled
	Transport string // "quic-v1", "tcp", "p2p-circuit"
	Since     time.Time
	RTT       time.Duration // zero while unknown
}

// Connections lists the connections that exist now, in no order; guests are listed
// too. The slice is the caller's.
func (m *Mesh) Connections() []Connection {
	conns := m.host.Network().Conns()
	list := make([]Connection, 0, len(conns))
	for _, c := range conns {
		p, ok := peerOf(c.RemotePeer())
		if !ok {
			continue
		}
		stat := c.Stat()
		list = append(list, Connection{
			Node: p, Standing: m.door.stands(c.RemotePeer()), Addr: c.RemoteMultiaddr().String(),
			Direct: !isRelayed(c.RemoteMultiaddr()), Outbound: stat.Direction == network.DirOutbound,
			Transport: c.ConnState().Transport, Since: stat.Opened, RTT: m.host.Peerstore().LatencyEWMA(c.RemotePeer()),
		})
	}
	return list
}

// direct reports whether a connection without a relay exists.
func (m *Mesh) direct(id peer.ID) bool {
	for _, c := range m.host.Network().ConnsToPeer(id) {
		if !c.IsClosed() && !isRelayed(c.RemoteMultiaddr()) {
			return true
		}
	}
	return false
}

// follow takes note of connections as they come and go, until the returned function
// is called. libp2p calls the two functions from its own goroutines and waits for
// them when it closes; they never block.
func (m *Mesh) follow() func() {
	bundle := &network.NotifyBundle{
		ConnectedF: func(n network.Network, c network.Conn) {
			id := c.RemotePeer()
			m.meter.arrive(id)
			m.relays.wake()
			if !m.door.stands(id) {
				return
			}
			if len(n.ConnsToPeer(id)) == 1 {
				m.log.Info("connected to a member's node", keyNode, short(id), keyAddr, c.RemoteMultiaddr().String())
			}
			m.arrived.add(id)
		},
		DisconnectedF: func(n network.Network, c network.Conn) {
			id := c.RemotePeer()
			m.door.left(id)
			if len(n.ConnsToPeer(id)) > 0 {
				return
			}
			m.meter.leave(id)
			m.roster.lost(id)
			m.relays.lost(id)
			if m.door.stands(id) {
				m.log.Info("lost a member's node", keyNode, short(id))
			}
		},
	}
	m.host.Network().Notify(bundle)
	return func() { m.host.Network().StopNotify(bundle) }
}

// sweep holds connections against the membership, and pings who has gone quiet or
// whose distance is not known.
func (m *Mesh) sweep(ctx context.Context) {
	pings := newPings(m)
	defer pings.wait()
	tick := time.NewTicker(sweepPeriod)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, id := range m.host.Network().Peers() {
			switch {
			case !m.door.stands(id):
				switch known := m.door.listed(id); {
				case !m.door.overstays(id):
				case known:
					m.showOut(id)
				default:
					m.expelled(id)
				}
			case m.door.listed(id):
				m.admitted(id)
			case m.meter.quiet(id) >= quietTime, m.host.Peerstore().LatencyEWMA(id) == 0:
				pings.send(ctx, id)
			}
		}
	}
}

// pings asks quiet nodes whether they are there: one question at a time each.
type pings struct {
	m    *Mesh
	wg   sync.WaitGroup
	mu   sync.Mutex // guards what follows
	open map[peer.ID]bool
}

func newPings(m *Mesh) *pings { return &pings{m: m, open: map[peer.ID]bool{}} }

func (p *pings) wait() { p.wg.Wait() }

func (p *pings) send(ctx context.Context, id peer.ID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open[id] {
		return
	}
	p.open[id] = true
	p.wg.Go(func() {
		defer func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			delete(p.open, id)
		}()
		p.ask(ctx, id)
	})
}

func (p *pings) ask(ctx context.Context, id peer.ID) {
	limit, cancel := context.WithTimeout(network.WithAllowLimitedConn(ctx, "ping"), p.m.meter.patience(id))
	defer cancel()
	answer := ping.Ping(limit, p.m.host, id)
	result, answered := <-answer // closed without a result when the limit is over
	cancel()
	for range answer { // until the pinger has ended
	}
	if answered && result.Error == nil || ctx.Err() != nil || p.m.meter.quiet(id) < quietTime {
		return
	}
	p.m.log.Debug("no answer; closing", keyNode, short(id), keyError, result.Error)
	_ = p.m.host.Network().ClosePeer(id) // whatever it says, the node will be dialled again
}

// arrivals tells the handler of new connections, one node at a time. It holds each
// waiting node once, so it is bounded by the nodes there are.
type arrivals struct {
	m *Mesh

	mu      sync.Mutex // guards what follows
	waiting map[peer.ID]bool
	order   []peer.ID
	bell    chan struct{} // capacity 1; never closed
}

func newArrivals(m *Mesh) *arrivals {
	return &arrivals{m: m, waiting: map[peer.ID]bool{}, bell: make(chan struct{}, 1)}
}

func (a *arrivals) add(id peer.ID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.waiting[id] {
		return
	}
	a.waiting[id] = true
	a.order = append(a.order, id)
	select {
	case a.bell <- struct{}{}:
	default:
	}
}

func (a *arrivals) take() (peer.ID, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.order) == 0 {
		return "", false
	}
	id := a.order[0]
	a.order = a.order[1:]
	delete(a.waiting, id)
	return id, true
}

func (a *arrivals) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.bell:
		}
		for {
			id, ok := a.take()
			if !ok {
				break
			}
			p, ok := peerOf(id)
			if !ok || !a.m.door.stands(id) {
				continue
			}
			_, done, ok := a.m.serving.enter()
			if !ok {
				return
			}
			a.m.handler.Connected(p)
			done()
		}
	}
}
