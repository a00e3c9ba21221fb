package mesh

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"net"
	"slices"

	"github.com/libp2p/go-libp2p/core/connmgr"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/sec"
	basichost "github.com/libp2p/go-libp2p/p2p/host/basic"
	"github.com/libp2p/go-libp2p/p2p/host/eventbus"
	"github.com/libp2p/go-libp2p/p2p/host/observedaddrs"
	"github.com/libp2p/go-libp2p/p2p/host/peerstore/pstoremem"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	"github.com/libp2p/go-libp2p/p2p/net/upgrader"
	"github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/client"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	libp2pquic "github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/quicreuse"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	"github.com/quic-go/quic-go"
)

// assembled is a libp2p host made of the parts that a node uses. libp2p.New would link
// WebRTC, WebTransport, WebSocket and an injection framework into the program, which
// no node speaks or needs; a test in cmd/dure keeps them out.
type assembled struct {
	*basichost.BasicHost
	parts []func() error // what must end before the host does, last made first
}

// Close ends the parts in the order in which they lean on each other, then the host, and
// with it the peerstore and the resource manager.
func (a *assembled) Close() error {
	for _, end := range a.parts {
		_ = end() // each logs what goes wrong inside it; nothing is left to do about it
	}
	a.parts = nil
	if a.BasicHost == nil {
		return nil
	}
	return a.BasicHost.Close()
}

func (a *assembled) ends(part func() error) { a.parts = slices.Insert(a.parts, 0, part) }

// assemble makes the host, without a listener, as libp2p.New puts it together without
// metrics. AutoNAT's client is left out with its service. The guard is the host's from
// here on, also on failure.
func (m *Mesh) assemble(key crypto.PrivKey, guard network.ResourceManager, addrs basichost.AddrsFactory) (_ *assembled, err error) {
	self := idOf(m.self)
	book, err := pstoremem.NewPeerstore()
	if err != nil {
		return nil, errorsJoin(err, guard.Close())
	}
	a := new(assembled)
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close(), book.Close(), guard.Close())
		}
	}()
	if err := errors.Join(book.AddPrivKey(self, key), book.AddPubKey(self, key.GetPublic())); err != nil {
		return nil, err
	}
	var udp *quicreuse.ConnManager
	if !m.cfg.NoUDP {
		if udp, err = m.udp(key, guard); err != nil {
			return nil, err
		}
		a.ends(udp.Close)
	}
	bus := eventbus.NewBus()
	sw, err := swarm.NewSwarm(self, book, bus,
		swarm.WithConnectionGater(m.door),
		swarm.WithResourceManager(guard),
		swarm.WithMetrics(m.meter),
		// After a long outage they would skip most dials to the very nodes that are coming back.
		swarm.WithUDPBlackHoleSuccessCounter(nil),
		swarm.WithIPv6BlackHoleSuccessCounter(nil))
	if err != nil {
		return nil, err
	}
	a.ends(sw.Close)
	var observed basichost.ObservedAddrsManager
	if m.cfg.Sockets == nil { // its ticker knows no virtual time, which simulated networks run in
		seen, err := observedaddrs.NewManager(bus, sw)
		if err != nil {
			return nil, err
		}
		seen.Start(sw)
		a.ends(seen.Close)
		observed = seen
	}
	a.BasicHost, err = basichost.NewHost(sw, &basichost.HostOpts{
		EventBus:             bus,
		ConnManager:          connmgr.NullConnMgr{}, // the door and the usher bound connections
		AddrsFactory:         addrs,
		EnablePing:           true,
		EnableHolePunching:   true,
		ObservedAddrsManager: observed,
		// What identify tells a guest: no version, no product line.
		UserAgent:       "dure",
		ProtocolVersion: "dure/1",
	})
	if err != nil {
		return nil, err
	}
	if err := m.addTransports(a, sw, key, guard, udp); err != nil {
		return nil, err
	}
	a.Start()
	return a, nil
}

// addTransports gives the swarm QUIC, TCP with Noise, and relayed connections.
func (m *Mesh) addTransports(h *assembled, sw *swarm.Swarm, key crypto.PrivKey, guard network.ResourceManager, udp *quicreuse.ConnManager) error {
	muxers := []upgrader.StreamMuxer{{ID: yamux.ID, Muxer: yamux.DefaultTransport}}
	secure, err := noise.New(noise.ID, key, muxers)
	if err != nil {
		return err
	}
	upgrade, err := upgrader.New([]sec.SecureTransport{secure}, muxers, nil, guard, m.door)
	if err != nil {
		return err
	}
	if udp != nil {
		over, err := libp2pquic.NewTransport(key, udp, nil, m.door, guard)
		if err != nil {
			return err
		}
		if err := sw.AddTransport(over); err != nil {
			return err
		}
	}
	over, err := tcp.NewTCPTransport(upgrade, guard, nil)
	if err != nil {
		return err
	}
	if err := sw.AddTransport(over); err != nil {
		return err
	}
	return client.AddTransport(h, upgrade)
}

// udp shares this node's UDP ports between listening and dialling, which hole punching needs.
func (m *Mesh) udp(key crypto.PrivKey, guard network.ResourceManager) (*quicreuse.ConnManager, error) {
	raw, err := key.Raw()
	if err != nil {
		return nil, err
	}
	// Both keys outlast a restart, so that the other side's dead connections and
	// address tokens are known again. The texts are libp2p's.
	var reset quic.StatelessResetKey
	var token quic.TokenGeneratorKey
	for info, into := range map[string][]byte{"libp2p quic stateless reset key": reset[:], "libp2p quic token generator key": token[:]} {
		derived, err := hkdf.Key(sha256.New, raw, nil, info, len(into))
		if err != nil {
			return nil, err
		}
		copy(into, derived)
	}
	options := []quicreuse.Option{
		// A call is counted before its handshake costs anything.
		quicreuse.ConnContext(func(ctx context.Context, from *quic.ClientInfo) (context.Context, error) {
			addr, err := quicreuse.ToQuicMultiaddr(from.RemoteAddr, quic.Version1)
			if err != nil {
				addr = nil // the resource manager says what becomes of it
			}
			scope, err := guard.OpenConnection(network.DirInbound, false, addr)
			if err != nil {
				return ctx, err
			}
			ctx = network.WithConnManagementScope(ctx, scope)
			context.AfterFunc(ctx, scope.Done)
			return ctx, nil
		}),
		quicreuse.VerifySourceAddress(guard.VerifySourceAddress),
	}
	if own := m.cfg.Sockets; own != nil {
		options = append(options,
			quicreuse.OverrideSourceIPSelector(func() (quicreuse.SourceIPSelector, error) { return own, nil }),
			quicreuse.OverrideListenUDP(func(_ string, at *net.UDPAddr) (net.PacketConn, error) { return own.ListenUDP(at) }))
	}
	return quicreuse.NewConnManager(reset, token, options...)
}
