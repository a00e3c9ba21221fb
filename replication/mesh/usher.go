package mesh

import (
	"fmt"
	"math"
	"net/netip"
	"slices"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	libp2pproto "github.com/libp2p/go-libp2p/core/protocol"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	circuit "github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/proto"
	"github.com/libp2p/go-libp2p/p2p/protocol/identify"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"
	"github.com/libp2p/go-libp2p/x/rate"
)

// usher is the resource manager: it bounds connections, streams and memory, and it
// is the one place that every stream of every protocol passes once its protocol is
// known and before its handler runs. So the rule "guests get identify, ping and
// join" stands here once instead of in every handler, libp2p's own included.
type usher struct {
	network.ResourceManager
	door *door
	join []libp2pproto.ID // the join protocol, in each version spoken
}

func newUsher(d *door, join []libp2pproto.ID) (*usher, error) {
	manager, err := rcmgr.NewResourceManager(rcmgr.NewFixedLimiter(resourceLimits()),
		rcmgr.WithMetricsDisabled(),
		rcmgr.WithLimitPerSubnet(
			[]rcmgr.ConnLimitPerSubnet{{PrefixLength: 32, ConnCount: maxConnsPerAddress}},
			[]rcmgr.ConnLimitPerSubnet{{PrefixLength: 56, ConnCount: maxConnsPerAddress}}),
		rcmgr.WithConnRateLimiters(&rate.Limiter{
			NetworkPrefixLimits: []rate.PrefixLimit{ // no limit for this machine itself
				{Prefix: netip.MustParsePrefix("127.0.0.0/8")},
				{Prefix: netip.MustParsePrefix("::1/128")},
			},
			SubnetRateLimiter: rate.SubnetLimiter{
				IPv4SubnetLimits: []rate.SubnetLimit{{PrefixLength: 32, Limit: rate.Limit{RPS: connectRate, Burst: connectBurst}}},
				IPv6SubnetLimits: []rate.SubnetLimit{{PrefixLength: 56, Limit: rate.Limit{RPS: connectRate, Burst: connectBurst}}},
				GracePeriod:      guestLife,
			},
		}))
	if err != nil {
		return nil, fmt.Errorf("build resource manager: %w", err)
	}
	return &usher{ResourceManager: manager, door: d, join: join}, nil
}

// resourceLimits are this package's bounds in the resource manager's terms. Scopes
// of single services and protocols are left open: gate.go, stream.go and the whole
// bound them, and libp2p's defaults for them are too small for a full mesh after a
// partition, where everybody identifies everybody at once.
func resourceLimits() rcmgr.ConcreteLimitConfig {
	whole := rcmgr.ResourceLimits{
		Conns: maxConns, ConnsInbound: maxConns, ConnsOutbound: maxConns, FD: maxConns,
		Streams: maxStreams, StreamsInbound: maxStreams, StreamsOutbound: maxStreams, Memory: maxMemory,
	}
	one := rcmgr.ResourceLimits{
		Conns: maxConnsPerPeer, ConnsInbound: maxConnsPerPeer, ConnsOutbound: maxConnsPerPeer, FD: maxConnsPerPeer,
		Streams: maxStreamsPerPeer, StreamsInbound: maxStreamsPerPeer, StreamsOutbound: maxStreamsPerPeer, Memory: maxMemoryPerPeer,
	}
	single := rcmgr.ResourceLimits{
		Conns: 1, ConnsInbound: 1, ConnsOutbound: 1, FD: 1,
		Streams: rcmgr.Unlimited, StreamsInbound: rcmgr.Unlimited, StreamsOutbound: rcmgr.Unlimited, Memory: maxMemoryPerPeer,
	}
	open := rcmgr.ResourceLimits{
		Conns: rcmgr.Unlimited, ConnsInbound: rcmgr.Unlimited, ConnsOutbound: rcmgr.Unlimited, FD: rcmgr.Unlimited,
		Streams: rcmgr.Unlimited, StreamsInbound: rcmgr.Unlimited, StreamsOutbound: rcmgr.Unlimited, Memory: math.MaxInt64,
	}
	return rcmgr.PartialLimitConfig{
		System: whole, Transient: whole, AllowlistedSystem: whole, AllowlistedTransient: whole,
		ServiceDefault: open, ServicePeerDefault: open, ProtocolDefault: open, ProtocolPeerDefault: one,
		PeerDefault: one, Conn: single, Stream: open,
	}.Build(rcmgr.InfiniteLimits)
}

// OpenStream opens a scope that refuses protocols which are not for the other side.
func (u *usher) OpenStream(id peer.ID, dir network.Direction) (network.StreamManagementScope, error) {
	scope, err := u.ResourceManager.OpenStream(id, dir)
	if err != nil {
		return nil, err
	}
	return &usheredStream{StreamManagementScope: scope, usher: u, id: id}, nil
}

type usheredStream struct {
	network.StreamManagementScope
	usher *usher
	id    peer.ID
}

// SetProtocol is called by libp2p after negotiation, for both directions; an error
// resets the stream before a handler sees it.
func (s *usheredStream) SetProtocol(proto libp2pproto.ID) error {
	if !s.usher.allows(s.id, proto) {
		s.usher.door.counts.refused("protocol")
		return fmt.Errorf("protocol %q is not for guests", proto)
	}
	return s.StreamManagementScope.SetProtocol(proto)
}

func (u *usher) allows(id peer.ID, proto libp2pproto.ID) bool {
	switch proto {
	case identify.ID, identify.IDPush, ping.ID:
		return true
	case circuit.ProtoIDv2Hop, circuit.ProtoIDv2Stop:
		return u.door.trusted[id] || u.door.stands(id)
	}
	return slices.Contains(u.join, proto) || u.door.stands(id)
}
