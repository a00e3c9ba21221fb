package mesh

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/metrics"
	"github.com/libp2p/go-libp2p/core/peer"
	libp2pproto "github.com/libp2p/go-libp2p/core/protocol"
)

var _ metrics.Reporter = (*meter)(nil)

// Bytes is what went over streams of one protocol since the start, without the
// transport's own overhead.
type Bytes struct{ In, Out uint64 }

// meter counts bytes by protocol and remembers when each node was last heard. The
// protocols are those this node speaks, so the map is bounded; nodes are forgotten
// when their last connection ends.
type meter struct {
	now       func() time.Time
	protocols sync.Map // protocol.ID -> *flow
	peers     sync.Map // peer.ID -> *contact
}

// steady is a clock that nobody can set: when it was made, and what has passed since. All
// intervals here are measured by it. A computer's clock that is set back for years would
// else keep guests inside for years, and dead lines unnoticed.
func steady() func() time.Time {
	made := time.Now()
	return func() time.Time { return made.Add(time.Since(made)) }
}

// contact is what tells a dead line from a busy one.
type contact struct {
	heard atomic.Int64 // when bytes came last, in unix nanoseconds
	sent  atomic.Int64 // bytes sent since
}

type flow struct{ in, out atomic.Uint64 }

func newMeter(now func() time.Time) *meter { return &meter{now: now} }

func (m *meter) flow(proto libp2pproto.ID) *flow {
	if f, ok := m.protocols.Load(proto); ok {
		return f.(*flow)
	}
	f, _ := m.protocols.LoadOrStore(proto, new(flow))
	return f.(*flow)
}

func (m *meter) LogSentMessageStream(n int64, proto libp2pproto.ID, id peer.ID) {
	m.flow(proto).out.Add(uint64(n))
	if c, ok := m.peers.Load(id); ok {
		c.(*contact).sent.Add(n)
	}
}

func (m *meter) LogRecvMessageStream(n int64, proto libp2pproto.ID, id peer.ID) {
	if n <= 0 {
		return
	}
	m.flow(proto).in.Add(uint64(n))
	if c, ok := m.peers.Load(id); ok {
		c.(*contact).hear(m.now())
	}
}

func (c *contact) hear(now time.Time) {
	c.heard.Store(now.UnixNano())
	c.sent.Store(0)
}

// arrive begins to remember a node, or counts its new connection as being heard.
func (m *meter) arrive(id peer.ID) {
	c, _ := m.peers.LoadOrStore(id, new(contact))
	c.(*contact).hear(m.now())
}

func (m *meter) leave(id peer.ID) { m.peers.Delete(id) }

// quiet is for how long the node has not been heard; zero for unknown ones.
func (m *meter) quiet(id peer.ID) time.Duration {
	c, ok := m.peers.Load(id)
	if !ok {
		return 0
	}
	return time.Duration(m.now().UnixNano() - c.(*contact).heard.Load())
}

// patience is how long to wait for the node's answer to a ping, which may queue
// behind what was sent to it.
func (m *meter) patience(id peer.ID) time.Duration {
	if c, ok := m.peers.Load(id); ok && c.(*contact).sent.Load() > bulkBytes {
		return bulkTimeout
	}
	return pingTimeout
}

// The rest of metrics.Reporter: totals and rates that nobody here asks for.

func (m *meter) LogSentMessage(int64)                                     {}
func (m *meter) LogRecvMessage(int64)                                     {}
func (m *meter) GetBandwidthForPeer(peer.ID) metrics.Stats                { return metrics.Stats{} }
func (m *meter) GetBandwidthForProtocol(libp2pproto.ID) metrics.Stats     { return metrics.Stats{} }
func (m *meter) GetBandwidthTotals() metrics.Stats                        { return metrics.Stats{} }
func (m *meter) GetBandwidthByPeer() map[peer.ID]metrics.Stats            { return nil }
func (m *meter) GetBandwidthByProtocol() map[libp2pproto.ID]metrics.Stats { return nil }
func (m *meter) Reset()                                                   {}
func (m *meter) TrimIdle(time.Time)                                       {}

// Traffic is what went over streams since the start, by protocol; "" holds the
// bytes of negotiating. The map is the caller's.
func (m *Mesh) Traffic() map[string]Bytes {
	all := map[string]Bytes{}
	m.meter.protocols.Range(func(proto, f any) bool {
		all[string(proto.(libp2pproto.ID))] = Bytes{In: f.(*flow).in.Load(), Out: f.(*flow).out.Load()}
		return true
	})
	return all
}
