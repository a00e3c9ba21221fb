package mesh

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	libp2pproto "github.com/libp2p/go-libp2p/core/protocol"
	msmux "github.com/multiformats/go-multistream"
	"golang.org/x/time/rate"

	"github.com/dure-net/dure/protocol"
)

// rearm is how stale an armed silence deadline may be: setting one costs a lock and
// a timer, and a page of catch-up reads many times.
const rearm = time.Second

// stream is a libp2p stream with the silence rule and, for join streams, a budget.
type stream struct {
	network.Stream
	peer   Peer
	now    func() time.Time
	budget int64 // bytes that may still be read; negative: no bound. Used by the reader only.

	own               atomic.Bool // the user set a deadline
	readArm, writeArm atomic.Int64
}

func newStream(s network.Stream, p Peer, now func() time.Time, budget int64) *stream {
	return &stream{Stream: s, peer: p, now: now, budget: budget}
}

var _ Stream = (*stream)(nil)

func (s *stream) Peer() Peer    { return s.peer }
func (s *stream) Limited() bool { return s.Conn().Stat().Limited }
func (s *stream) Addr() string  { return s.Conn().RemoteMultiaddr().String() }

func (s *stream) Version() uint64 {
	_, number, _ := strings.Cut(strings.TrimPrefix(string(s.Protocol()), "/dure/"), "/")
	v, _ := strconv.ParseUint(number, 10, 32) // 0 is no version, and never negotiated
	return v
}

func (s *stream) Read(b []byte) (int, error) {
	if s.budget == 0 {
		return 0, protocol.Fail(protocol.ReasonTooLarge, "read join stream", errBudget)
	}
	if s.budget > 0 && int64(len(b)) > s.budget {
		b = b[:s.budget]
	}
	s.arm(&s.readArm, s.Stream.SetReadDeadline)
	n, err := s.Stream.Read(b)
	if s.budget > 0 {
		s.budget -= int64(n)
	}
	return n, err
}

func (s *stream) Write(b []byte) (int, error) {
	s.arm(&s.writeArm, s.Stream.SetWriteDeadline)
	return s.Stream.Write(b)
}

func (s *stream) arm(armed *atomic.Int64, set func(time.Time) error) {
	if s.own.Load() {
		return
	}
	now := s.now()
	if now.UnixNano()-armed.Load() < int64(rearm) {
		return
	}
	armed.Store(now.UnixNano())
	// The error is that the stream has ended, which the read or write will tell.
	_ = set(time.Now().Add(streamSilence))
}

func (s *stream) SetDeadline(t time.Time) error {
	s.own.Store(!t.IsZero())
	s.readArm.Store(0)
	s.writeArm.Store(0)
	return s.Stream.SetDeadline(t)
}

// serveStreams registers the handlers of the stream protocols.
func (m *Mesh) serveStreams() {
	sync := newSeats(syncStreamsPerPeer, maxRoster*syncStreamsPerPeer, 0)
	for _, id := range m.speaks.sync {
		m.host.SetStreamHandler(id, func(s network.Stream) { m.serve(s, sync, sync, -1, m.handler.ServeSync) })
	}
	files := newSeats(fileStreamsPerPeer, maxRoster*fileStreamsPerPeer, 0)
	for _, id := range m.speaks.files {
		m.host.SetStreamHandler(id, func(s network.Stream) { m.serve(s, files, files, -1, m.handler.ServeFiles) })
	}
	join := newSeats(joinStreamsPerPeer, maxRoster, 0)
	guests := newSeats(joinStreamsPerPeer, joinStreams, joinStreamsPerAddress)
	for _, id := range m.speaks.join {
		m.host.SetStreamHandler(id, func(s network.Stream) { m.serve(s, join, guests, joinBudget, m.handler.ServeJoin) })
	}
}

func (m *Mesh) serve(s network.Stream, members, guests *seats, budget int64, handle func(context.Context, Peer, Stream)) {
	id := s.Conn().RemotePeer()
	p, ok := peerOf(id)
	if !ok || !slices.Contains(m.speaks.join, s.Protocol()) && !m.door.stands(id) {
		_ = s.Reset()
		return
	}
	seats, from := members, netip.Prefix{}
	if !m.door.stands(id) {
		seats, from = guests, origin(s.Conn().RemoteMultiaddr())
	}
	if !seats.take(id, from) {
		m.counts.refused("stream")
		_ = s.Reset()
		return
	}
	defer seats.leave(id, from)
	ctx, done, ok := m.serving.enter()
	if !ok {
		_ = s.Reset()
		return
	}
	defer done()
	if err := seats.wait(ctx, from); err != nil {
		_ = s.Reset()
		return
	}
	defer s.Close()
	handle(ctx, p, newStream(s, p, m.now, budget))
}

// OpenSync opens a catch-up stream, dialling the node if needed, over one of its
// connections by chance: see anyConn. It blocks until the stream is open or ctx ends, at most 15 s without a deadline. A node that cannot be
// reached is ReasonUnreachable, one that speaks no version of this node's is
// ReasonWrongVersion with Args["theirs"], the newest it speaks ("0" if it speaks none),
// and Args["ours"]. The stream is the caller's to close.
func (m *Mesh) OpenSync(ctx context.Context, node Peer) (Stream, error) {
	return m.openStream(ctx, node, m.speaks.sync, m.newSync)
}

// OpenFiles is OpenSync for the protocol that carries files of records.
func (m *Mesh) OpenFiles(ctx context.Context, node Peer) (Stream, error) {
	return m.openStream(ctx, node, m.speaks.files, m.host.NewStream)
}

// OpenJoin is OpenSync for the join protocol, whose other side may be a stranger:
// an outsider is kept connected for a minute from the last Dial or OpenJoin. Beyond
// 16 outsiders at a time it fails with ReasonBusy.
func (m *Mesh) OpenJoin(ctx context.Context, node Peer) (Stream, error) {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	if err := m.door.wait(ctx); err != nil {
		return nil, m.unreachable("open stream", node, err)
	}
	id := idOf(node)
	if !m.door.stands(id) && !m.door.call(id) {
		return nil, protocol.Fail(protocol.ReasonBusy, "open join stream", nil)
	}
	m.pardon(id)
	return m.openStream(ctx, node, m.speaks.join, m.host.NewStream)
}

func (m *Mesh) openStream(ctx context.Context, node Peer, protos []libp2pproto.ID,
	open func(context.Context, peer.ID, ...libp2pproto.ID) (network.Stream, error)) (Stream, error) {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	if err := m.door.wait(ctx); err != nil {
		return nil, m.unreachable("open stream", node, err)
	}
	ctx = network.WithAllowLimitedConn(ctx, string(protos[0]))
	s, err := open(ctx, idOf(node), protos...)
	if err != nil {
		var other msmux.ErrNotSupported[libp2pproto.ID]
		if errors.As(err, &other) {
			return nil, m.wrongVersion(node, err)
		}
		return nil, m.unreachable("open stream", node, err)
	}
	return newStream(s, node, m.now, -1), nil
}

// newSync is host.NewStream over any of several connections, and over libp2p's choice
// where that one does not answer.
func (m *Mesh) newSync(ctx context.Context, id peer.ID, protos ...libp2pproto.ID) (network.Stream, error) {
	if c := m.anyConn(id); c != nil {
		s, err := m.newOver(ctx, c, protos)
		if err == nil || ctx.Err() != nil {
			return s, err
		}
		m.log.Debug("one of several connections does not answer", keyNode, short(id), keyAddr, c.RemoteMultiaddr().String(), keyError, err)
	}
	return m.host.NewStream(ctx, id, protos...)
}

// anyConn chooses one of several connections to a node that are as good as each other; nil
// where there is nothing to choose. libp2p takes the one that has most streams, for ever.
// But where a machine was copied, each connection may end at another one, under one key:
// what is written at the one that is never asked would stay there.
func (m *Mesh) anyConn(id peer.ID) network.Conn {
	var direct, relayed []network.Conn
	for _, c := range m.host.Network().ConnsToPeer(id) {
		switch {
		case c.IsClosed():
		case isRelayed(c.RemoteMultiaddr()):
			relayed = append(relayed, c)
		default:
			direct = append(direct, c)
		}
	}
	conns := direct
	if len(conns) == 0 {
		conns = relayed
	}
	if len(conns) < 2 {
		return nil
	}
	return conns[rand.IntN(len(conns))]
}

// newOver opens a stream over one connection.
func (m *Mesh) newOver(ctx context.Context, c network.Conn, protos []libp2pproto.ID) (network.Stream, error) {
	ctx, cancel := context.WithTimeout(ctx, chosenTimeout)
	defer cancel()
	s, err := c.NewStream(ctx)
	if err != nil {
		return nil, err
	}
	// Negotiating knows no context: the end of this one ends it.
	stop := context.AfterFunc(ctx, func() { _ = s.Reset() })
	proto, err := msmux.SelectOneOf(protos, s)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = s.SetProtocol(proto)
	}
	if err != nil {
		_ = s.Reset()
		return nil, err
	}
	return s, nil
}

func (m *Mesh) wrongVersion(node Peer, err error) error {
	told, _ := m.host.Peerstore().GetProtocols(idOf(node)) // none is known then
	return &protocol.Error{Reason: protocol.ReasonWrongVersion, Op: "open stream", ID: node.String(), Err: err, Args: map[string]string{
		"node": node.Short(), "theirs": strconv.FormatUint(otherVersion(told), 10), "ours": strconv.FormatUint(m.cfg.Versions[0], 10)}}
}

func (m *Mesh) unreachable(op string, node Peer, err error) error {
	return &protocol.Error{Reason: protocol.ReasonUnreachable, Op: op, ID: node.String(), Args: map[string]string{"node": node.Short()}, Err: err}
}

// seats counts streams by node, by address and in all. Beyond any bound take is false.
type seats struct {
	perPeer, all, perAddress int // perAddress 0: addresses do not matter

	mu        sync.Mutex // guards what follows
	taken     map[peer.ID]int
	addresses map[netip.Prefix]int
	rates     map[netip.Prefix]*rate.Limiter
	total     int
}

func newSeats(perPeer, all, perAddress int) *seats {
	return &seats{perPeer: perPeer, all: all, perAddress: perAddress, taken: map[peer.ID]int{}, addresses: map[netip.Prefix]int{},
		rates: map[netip.Prefix]*rate.Limiter{}}
}

// counts reports whether the address matters: outsiders', but not those of this machine.
func (s *seats) counts(from netip.Prefix) bool {
	return s.perAddress > 0 && !(from.IsValid() && from.Addr().IsLoopback())
}

func (s *seats) take(id peer.ID, from netip.Prefix) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[id] >= s.perPeer || s.total >= s.all || s.counts(from) && s.addresses[from] >= s.perAddress {
		return false
	}
	s.taken[id]++
	s.addresses[from]++
	s.total++
	return true
}

func (s *seats) leave(id peer.ID, from netip.Prefix) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total--
	if s.taken[id]--; s.taken[id] <= 0 {
		delete(s.taken, id)
	}
	if s.addresses[from]--; s.addresses[from] <= 0 {
		delete(s.addresses, from)
	}
}

// wait returns when an address may ask again. Whoever waits keeps a seat of its own
// address, and none of another's.
func (s *seats) wait(ctx context.Context, from netip.Prefix) error {
	if !s.counts(from) {
		return nil
	}
	s.mu.Lock()
	limit := s.rates[from]
	if limit == nil {
		if len(s.rates) >= maxAddresses {
			clear(s.rates)
		}
		limit = rate.NewLimiter(joinRate, joinBurst)
		s.rates[from] = limit
	}
	s.mu.Unlock()
	return limit.Wait(ctx)
}

// serving lets handlers run only while Run does, and lets Run wait for them.
type serving struct {
	mu     sync.Mutex // guards what follows
	ctx    context.Context
	ended  bool
	inside sync.WaitGroup
}

func newServing() *serving { return &serving{} }

func (s *serving) start(ctx context.Context) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx != nil || s.ended {
		return false
	}
	s.ctx = ctx
	return true
}

// enter returns the context a handler works under; false outside Run.
func (s *serving) enter() (context.Context, func(), bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx == nil || s.ended || s.ctx.Err() != nil {
		return nil, nil, false
	}
	s.inside.Add(1)
	return s.ctx, s.inside.Done, true
}

// stop ends entering and waits for who is inside.
func (s *serving) stop() {
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	s.inside.Wait()
}
