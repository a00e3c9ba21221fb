// Package mesh owns how bytes reach other nodes: connections, gating, gossip
// topics, streams, relays, scores and limits. It never looks at what the bytes
// say, and knows nothing of ledgers: its Handler decides.
//
// Two rules hold everywhere. A node that is not of a standing member is a guest: a
// few, briefly, for identify, ping and the join protocol, and nothing else (gate.go,
// usher.go). And gossip is a hint: whatever is dropped here at a bound is repaired
// by catch-up, so a bound never blocks.
package mesh

import (
	"context"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/dure-net/dure/protocol"
)

// Peer names a node. A node's key is its libp2p identity.
type Peer = protocol.PublicKey

// Handler decides what bytes mean. All methods are called concurrently and must
// return promptly, except the Serve methods, which live as long as their stream:
// it is reset when Run ends. Nothing is called before Run; nothing but Standing may
// still be asked in the instant after it returned.
type Handler interface {
	// Standing reports whether the node may take part: it belongs to a standing
	// member, or is this node. It is asked for every connection, stream and message,
	// so it must be cheap.
	Standing(node Peer) bool

	// Gossip judges a message of the entry topic, Health one of the health topic.
	// This is the one place of verification: what is not accepted is not relayed.
	// The message may be kept, and must not be modified: it is about to be passed on.
	Gossip(ctx context.Context, from Peer, message []byte) protocol.Verdict
	Health(ctx context.Context, from Peer, message []byte) protocol.Verdict

	// ServeSync answers a catch-up stream of a standing member, ServeFiles one that asks for
	// files of records, ServeJoin a join stream, which may come from anyone. The mesh closes
	// the stream on return.
	ServeSync(ctx context.Context, from Peer, s Stream)
	ServeFiles(ctx context.Context, from Peer, s Stream)
	ServeJoin(ctx context.Context, from Peer, s Stream)

	// Connected tells of a new usable connection to a standing member's node, also
	// after a partition healed and when a connected guest became standing. Several
	// quick ones may be told as one.
	Connected(node Peer)
}

// Stream is one conversation with another node. Reads and writes fail after 30 s
// of silence unless SetDeadline said otherwise. Methods may be used by one reader
// and one writer concurrently.
type Stream interface {
	io.Reader
	io.Writer
	CloseWrite() error             // no more from here; the other side reads io.EOF
	Close() error                  // ends both directions, flushing what was written
	Reset() error                  // ends both directions at once, as a failure
	SetDeadline(t time.Time) error // replaces the silence rule; the zero time brings it back
	Peer() Peer                    // the proven key of the other side
	Limited() bool                 // runs over a relay, which may cut it at any time
	Addr() string                  // the other side's address, for logs
	Version() uint64               // of the protocol, as both sides agreed
}

// Config says how a node takes part. The zero value of a field means its default.
type Config struct {
	Key        protocol.PrivateKey   // this node's key; required
	Federation protocol.FederationID // names the topics and the LAN service; required

	Listen   []string // addresses to listen on; default UDP and TCP DefaultPort on all interfaces
	Announce []string // further addresses at which others reach this node
	MDNS     bool     // look for members' nodes on the local network
	Relay    bool     // carry connections between standing members who cannot reach each other
	RelayVia []string // relays to be reachable through, besides connected members that offer it

	Versions []uint64 // protocol versions to speak, newest first; default those of this code

	NoUDP    bool // TCP only
	NoGossip bool // streams only: announcements go nowhere

	Logger     *slog.Logger          // default: discard
	Registerer prometheus.Registerer // default: no metrics

	// Sockets replaces this machine's UDP sockets: the seam at which tests put a
	// simulated network (package meshtest).
	Sockets Sockets
}

// Sockets opens UDP sockets, which the Mesh closes, and says from which address packets
// to another one leave.
type Sockets interface {
	ListenUDP(at *net.UDPAddr) (net.PacketConn, error)
	PreferredSourceIPForDestination(to *net.UDPAddr) (net.IP, error)
}

// Mesh is this node's place in the network. All methods are safe concurrently.
type Mesh struct {
	cfg     Config
	self    Peer
	handler Handler
	log     *slog.Logger
	now     func() time.Time // steady
	speaks  spoken

	host    host.Host
	door    *door
	roster  *roster
	relays  *relays
	meter   *meter
	counts  *counts
	serving *serving
	arrived *arrivals
	gossip  atomic.Pointer[gossip] // set while Run runs with gossip on
	scores  atomic.Pointer[map[peer.ID]float64]

	collector *collector // nil without metrics

	closing sync.Once
	ended   error // what closing the host returned; read after closing
}

// New builds the node's host and binds its ports; nothing is accepted or dialled
// before Run. A port another program holds is ReasonPortInUse with Args["address"];
// an address that makes no sense is ReasonConfig with Field "listen", "announce" or
// "relay_via". A Mesh that will not be run must be closed.
func New(cfg Config, h Handler) (*Mesh, error) {
	if cfg.Key.IsZero() {
		return nil, &protocol.Error{Reason: protocol.ReasonConfig, Op: "open mesh", Field: "key"}
	}
	if !cfg.Federation.Defined() {
		return nil, &protocol.Error{Reason: protocol.ReasonConfig, Op: "open mesh", Field: "federation"}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Versions == nil {
		cfg.Versions = protocol.Versions(protocol.Version)
	}
	m := &Mesh{cfg: cfg, self: cfg.Key.Public(), handler: h, log: cfg.Logger, now: steady(), speaks: speaking(cfg.Versions)}
	m.counts = newCounts()
	m.meter = newMeter(m.now)
	m.door = newDoor(idOf(m.self), h.Standing, m.now, m.counts)
	m.serving = newServing()

	relayVia, err := parsePeers("relay_via", cfg.RelayVia)
	if err != nil {
		return nil, err
	}
	for _, relay := range relayVia {
		m.door.trust(relay.ID)
	}
	if m.host, err = m.buildHost(); err != nil {
		return nil, err
	}
	m.arrived = newArrivals(m)
	m.roster = newRoster(m, relayVia)
	m.relays.host = m.host
	m.serveStreams()
	if err := m.register(cfg.Registerer); err != nil {
		return nil, errorsJoin(err, m.Close())
	}
	return m, nil
}

// Run takes part until ctx ends, then shuts everything it started and returns nil.
// It returns an error only if it could not start. It may be called once.
func (m *Mesh) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer m.Close()

	if !m.serving.start(ctx) {
		return protocol.Fail(protocol.ReasonInternal, "run mesh", errRunTwice)
	}
	if !m.cfg.NoGossip {
		g, err := newGossip(ctx, m)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		m.gossip.Store(g)
		defer func() { m.gossip.Store(nil); g.end() }()
	}
	stopRelay, err := m.startRelayService()
	if err != nil {
		return err
	}
	defer stopRelay()
	defer m.startMDNS(ctx)()
	defer m.follow()()
	var group sync.WaitGroup
	for _, part := range []func(context.Context){m.arrived.run, m.roster.run, m.relays.run, m.sweep} {
		group.Go(func() { part(ctx) })
	}
	m.door.open()
	m.log.Info("open to other nodes", keyAddr, m.Addrs())

	<-ctx.Done()
	m.door.shut()
	group.Wait()
	return nil
}

// Close releases ports and connections. Run does it by itself; Close is for a Mesh
// that was never run. It blocks until streams have ended.
func (m *Mesh) Close() error {
	m.closing.Do(func() {
		m.door.shut()
		m.unregister()
		m.ended = m.host.Close()
		m.serving.stop()
	})
	return m.ended
}

// Self is this node's own key.
func (m *Mesh) Self() Peer { return m.self }

// Announce puts a message on the entry topic. It is a hint: nil means it was handed
// on, not that anyone has it. Beyond MaxMessageBytes it fails with ReasonTooLarge,
// outside Run with ReasonCanceled. With gossip switched off it does nothing.
func (m *Mesh) Announce(message []byte) error { return m.publish(topicEntries, message) }

// AnnounceHealth is Announce on the health topic.
func (m *Mesh) AnnounceHealth(message []byte) error { return m.publish(topicHealth, message) }

// SetPeers replaces the nodes to keep connected: each is dialled until it is
// connected and again when it is lost, all independently of each other. Addresses
// that cannot be read are left out. Beyond 512 nodes those that are kept already stay,
// then the first new ones. It is cheap when nothing changed.
func (m *Mesh) SetPeers(known []Known) { m.roster.set(known) }

// Admitted says that the node became standing. If it is connected as a guest it
// stays, gossip reaches it from now on, and Connected is called.
func (m *Mesh) Admitted(node Peer) { m.admitted(idOf(node)) }

// Expelled says that the node is no longer standing: its connections are closed
// now, and none is accepted while Standing says so.
func (m *Mesh) Expelled(node Peer) { m.expelled(idOf(node)) }

func (m *Mesh) admitted(id peer.ID) {
	wasGuest := m.door.admit(id)
	if len(m.host.Network().ConnsToPeer(id)) == 0 {
		return
	}
	if g := m.gossip.Load(); g != nil {
		g.greet(id)
	}
	m.arrived.add(id)
	if wasGuest {
		m.log.Info("a guest became a member's node", keyNode, short(id))
	}
}

func (m *Mesh) expelled(id peer.ID) {
	m.roster.drop(id)
	if g := m.gossip.Load(); g != nil {
		g.forget(id)
	}
	if len(m.host.Network().ConnsToPeer(id)) > 0 {
		m.log.Info("closed the connection of a node that is no longer a member's", keyNode, short(id))
	}
	m.showOut(id)
}

// showOut ends an outsider's visit.
func (m *Mesh) showOut(id peer.ID) {
	m.door.forget(id)
	_ = m.host.Network().ClosePeer(id) // its connections are closed; how they took it does not matter
}
