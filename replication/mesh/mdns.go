package mesh

import (
	"context"
	"sync"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	"github.com/libp2p/go-libp2p/p2p/discovery/mdns"
)

// startMDNS looks for members' nodes on the local network, if configured. A network
// without multicast is no reason to stop: the log says so. The returned function ends it.
func (m *Mesh) startMDNS(ctx context.Context) func() {
	if !m.cfg.MDNS {
		return func() {}
	}
	found := &lan{m: m, ctx: ctx, busy: map[peer.ID]bool{}}
	name := serviceName(m.cfg.Federation)
	service := mdns.NewMdnsService(m.host, name, found)
	if err := service.Start(); err != nil {
		m.log.Warn("cannot look for nodes on the local network", keyService, name, keyError, err)
		return func() {}
	}
	return func() {
		_ = service.Close() // it only stops listening
		found.dials.Wait()
	}
}

// lan dials standing nodes that mDNS finds, one attempt at a time each. Others,
// and other federations' under a colliding name, are left alone.
type lan struct {
	m     *Mesh
	ctx   context.Context
	dials sync.WaitGroup

	mu   sync.Mutex // guards what follows
	busy map[peer.ID]bool
}

func (l *lan) HandlePeerFound(info peer.AddrInfo) {
	if info.ID == l.m.host.ID() || !l.m.door.stands(info.ID) {
		return
	}
	l.m.host.Peerstore().AddAddrs(info.ID, info.Addrs, peerstore.RecentlyConnectedAddrTTL)
	if l.m.direct(info.ID) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.busy[info.ID] || len(l.busy) >= maxCalls || l.ctx.Err() != nil {
		return
	}
	l.busy[info.ID] = true
	l.dials.Go(func() {
		defer func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			delete(l.busy, info.ID)
		}()
		if err := l.m.roster.dial(l.ctx, info.ID, dialTimeout, true); err != nil {
			l.m.log.Debug("cannot reach a node of the local network", keyNode, short(info.ID), keyError, err)
		}
	})
}
