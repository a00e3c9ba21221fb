package mesh

import (
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"syscall"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"

	"github.com/dure-net/dure/protocol"
)

// defaultListen is every interface, QUIC first.
func defaultListen() []string {
	return []string{
		fmt.Sprintf("/ip4/0.0.0.0/udp/%d/quic-v1", DefaultPort),
		fmt.Sprintf("/ip6/::/udp/%d/quic-v1", DefaultPort),
		fmt.Sprintf("/ip4/0.0.0.0/tcp/%d", DefaultPort),
		fmt.Sprintf("/ip6/::/tcp/%d", DefaultPort),
	}
}

// buildHost makes the libp2p host and binds its ports, with the door shut.
//
// Left out on purpose: the public DHT, TLS beside Noise (one handshake is enough to
// keep right), UPnP (a node does not open a town's firewall by itself), AutoNAT
// (its dial-back service would serve outsiders, and nothing here depends on knowing:
// every node reserves places on its members' relays, reachable or not), libp2p's
// connection manager (the door and the usher bound connections; members are never
// trimmed), and its black-hole detectors, which after a long outage would skip
// most dials to the very nodes that are coming back.
func (m *Mesh) buildHost() (host.Host, error) {
	key, err := hostKey(m.cfg.Key)
	if err != nil {
		return nil, protocol.Fail(protocol.ReasonInternal, "open mesh", err)
	}
	announce, err := m.announced()
	if err != nil {
		return nil, err
	}
	texts := m.cfg.Listen
	if len(texts) == 0 {
		texts = defaultListen()
	}
	listen, err := parseAddrs("listen", texts)
	if err != nil {
		return nil, err
	}
	guard, err := newUsher(m.door, m.speaks.join)
	if err != nil {
		return nil, protocol.Fail(protocol.ReasonInternal, "open mesh", err)
	}
	m.relays = newRelays(m)
	h, err := m.assemble(key, guard, func(own []ma.Multiaddr) []ma.Multiaddr {
		return advertised(slices.Concat(announce, own), m.relays.addrs())
	})
	if err != nil {
		return nil, protocol.Fail(protocol.ReasonInternal, "open mesh", err)
	}
	if err := m.bind(h, listen); err != nil {
		return nil, errorsJoin(err, h.Close())
	}
	return h, nil
}

// announced are the configured addresses, without the /p2p/ part that an
// administrator may have copied along. Another node's is a mistake.
func (m *Mesh) announced() ([]ma.Multiaddr, error) {
	addrs, err := parseAddrs("announce", m.cfg.Announce)
	if err != nil {
		return nil, err
	}
	for i, addr := range addrs {
		rest, id := peer.SplitAddr(addr)
		if rest == nil || id != "" && id != idOf(m.self) {
			return nil, &protocol.Error{Reason: protocol.ReasonConfig, Op: "read address", Field: fmt.Sprintf("announce[%d]", i),
				Args: map[string]string{"address": addr.String()}, Err: errors.New("not an address of this node")}
		}
		addrs[i] = rest
	}
	return addrs, nil
}

// bind listens on each address. A port in use is an error even when others are
// free: half a node would be reachable for some members and not for others. Another
// failure, such as no IPv6 on this machine, counts only if nothing is left.
func (m *Mesh) bind(h host.Host, listen []ma.Multiaddr) error {
	swarm, ok := h.Network().(interface{ AddListenAddr(ma.Multiaddr) error })
	if !ok {
		panic("dure: internal error: the libp2p network cannot listen on one address")
	}
	var failed error
	bound := 0
	for _, addr := range listen {
		if _, err := addr.ValueForProtocol(ma.P_UDP); err == nil && m.cfg.NoUDP {
			continue
		}
		err := probe(addr)
		if err == nil {
			err = swarm.AddListenAddr(addr)
		}
		switch {
		case err == nil:
			bound++
		case inUse(err):
			return &protocol.Error{Reason: protocol.ReasonPortInUse, Op: "listen", Args: map[string]string{"address": plain(addr)}, Err: err}
		default:
			m.log.Debug("cannot listen", keyAddr, addr.String(), keyError, err)
			failed = errors.Join(failed, fmt.Errorf("%s: %w", addr, err))
		}
	}
	if bound == 0 {
		return &protocol.Error{Reason: protocol.ReasonConfig, Op: "listen", Field: "listen", Err: failed}
	}
	return nil
}

// probe finds out whether another program holds a TCP port. The TCP transport
// shares its port between sockets (SO_REUSEPORT, for hole punching), so that a
// second dure of the same user would bind without an error and take half the calls.
func probe(addr ma.Multiaddr) error {
	if _, err := addr.ValueForProtocol(ma.P_TCP); err != nil {
		return nil
	}
	network, host, err := manet.DialArgs(addr)
	if err != nil {
		return nil // a name, or nothing that can be bound: listening will say so
	}
	l, err := net.Listen(network, host)
	if err != nil {
		if inUse(err) {
			return err
		}
		return nil
	}
	return l.Close()
}

func inUse(err error) bool {
	const windowsInUse = 10048 // WSAEADDRINUSE
	var code syscall.Errno
	if !errors.As(err, &code) {
		return false
	}
	return code == syscall.EADDRINUSE || runtime.GOOS == "windows" && code == windowsInUse
}

// plain is an address as an administrator knows it: "0.0.0.0:4710 (udp)".
func plain(addr ma.Multiaddr) string {
	if network, host, err := manet.DialArgs(addr); err == nil {
		return fmt.Sprintf("%s (%s)", host, network[:3])
	}
	return addr.String()
}

// advertised sorts what this node tells of itself: addresses anyone can use, then
// relayed ones, then those of its own network; at most maxListenAddrs. Loopback is
// told only when there is nothing else, as on a machine that runs a whole demo.
func advertised(direct, relayed []ma.Multiaddr) []ma.Multiaddr {
	var public, private, loop []ma.Multiaddr
	for _, addr := range direct {
		switch {
		case manet.IsIPLoopback(addr):
			loop = append(loop, addr)
		case manet.IsIP6LinkLocal(addr), manet.IsIPUnspecified(addr), isRelayed(addr):
		case manet.IsPublicAddr(addr):
			public = append(public, addr)
		default:
			private = append(private, addr)
		}
	}
	if len(public)+len(private) == 0 {
		private = loop
	}
	var all []ma.Multiaddr
	for _, addr := range slices.Concat(public, relayed, private) {
		if len(all) < maxListenAddrs && !slices.ContainsFunc(all, addr.Equal) {
			all = append(all, addr)
		}
	}
	return all
}

// Addrs are the addresses at which others may reach this node, best first, each with
// its /p2p/ part; at most 16. The slice is the caller's.
func (m *Mesh) Addrs() []string {
	infos, err := peer.AddrInfoToP2pAddrs(&peer.AddrInfo{ID: m.host.ID(), Addrs: m.host.Addrs()})
	if err != nil {
		return nil // only for an id that is none
	}
	texts := make([]string, len(infos))
	for i, addr := range infos {
		texts[i] = addr.String()
	}
	return texts
}

// errorsJoin is errors.Join that keeps a single error as it is.
func errorsJoin(err, also error) error {
	if also == nil {
		return err
	}
	return errors.Join(err, also)
}
