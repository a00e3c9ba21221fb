package mesh

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/replication/mesh/meshtest"
)

// current is what nodes of this version speak.
var (
	current     = speaking(protocol.Versions(protocol.Version))
	protoSync   = current.sync[0]
	protoJoin   = current.join[0]
	protoGossip = current.gossip[0]
)

// world is a federation of nodes on a simulated network, in virtual time.
type world struct {
	t    *testing.T
	net  *meshtest.Network
	fed  protocol.FederationID
	log  *slog.Logger
	mu   sync.Mutex // guards what follows
	keys []protocol.PrivateKey
	in   map[Peer]bool // who stands; each node may have another view in views
}

// node is one mesh with a handler that keeps what it is told.
type node struct {
	*Mesh
	w      *world
	i      int
	stop   context.CancelFunc
	ended  chan error
	mu     sync.Mutex // guards what follows
	heard  map[string]int
	health []string
	met    map[Peer]int
	view   map[Peer]bool // what this node thinks otherwise than the world
	judge  func(Peer, []byte) protocol.Verdict
	sync   func(context.Context, Stream)
	join   func(context.Context, Stream)
}

func inBubble(t *testing.T, f func(*testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{t: t, net: meshtest.NewNetwork(t, seed), fed: protocol.Sum([]byte("federation")), in: map[Peer]bool{}}
	w.log = slog.New(slog.DiscardHandler)
	if testing.Verbose() {
		w.log = slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelInfo}))
	}
	return w
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(b []byte) (int, error) { w.t.Log(string(b[:len(b)-1])); return len(b), nil }

func testKey(i int) protocol.PrivateKey {
	seed := sha256.Sum256(fmt.Append(nil, "node ", i))
	key, err := protocol.NewPrivateKey(seed[:])
	if err != nil {
		panic(err)
	}
	return key
}

func (w *world) config(i int) Config {
	return Config{Key: testKey(i), Federation: w.fed, Listen: []string{w.net.Addr(i)}, Sockets: w.net.Sockets(i), Logger: w.log.With("at", i)}
}

// member starts a standing node; outsider one that stands in nobody's eyes.
func (w *world) member(i int, tweak ...func(*Config)) *node {
	w.mu.Lock()
	w.in[testKey(i).Public()] = true
	w.mu.Unlock()
	return w.outsider(i, tweak...)
}

func (w *world) outsider(i int, tweak ...func(*Config)) *node {
	w.t.Helper()
	cfg := w.config(i)
	for _, f := range tweak {
		f(&cfg)
	}
	return start(w.t, w, i, cfg)
}

func start(t *testing.T, w *world, i int, cfg Config) *node {
	t.Helper()
	n := &node{w: w, i: i, ended: make(chan error, 1), met: map[Peer]int{}, heard: map[string]int{}, view: map[Peer]bool{}}
	m, err := New(cfg, n)
	if err != nil {
		t.Fatal(err)
	}
	n.Mesh = m
	ctx, stop := context.WithCancel(context.Background())
	n.stop = stop
	go func() { n.ended <- m.Run(ctx) }()
	t.Cleanup(func() { n.halt() })
	return n
}

func (n *node) halt() {
	n.stop()
	if n.ended != nil {
		if err := <-n.ended; err != nil {
			n.w.t.Errorf("node %d: Run: %v", n.i, err)
		}
		n.ended = nil
	}
}

// federation starts n members who all know each other.
func (w *world) federation(count int, tweak ...func(*Config)) []*node {
	w.t.Helper()
	var nodes []*node
	for i := range count {
		nodes = append(nodes, w.member(i, tweak...))
	}
	w.acquaint(nodes...)
	return nodes
}

func (w *world) acquaint(nodes ...*node) {
	for _, n := range nodes {
		n.know(nodes...)
	}
}

func (n *node) know(others ...*node) {
	var known []Known
	for _, o := range others {
		if o != n {
			known = append(known, Known{Node: o.Self(), Addrs: []string{n.w.net.Addr(o.i)}})
		}
	}
	n.SetPeers(known)
}

// until waits in virtual time for a condition. The clock is virtual, the order in which goroutines run is not, and with it
// whom a lost packet hits: unless DURE_BARS holds it to what is promised, it may take four times as long.
func (w *world) until(limit time.Duration, what string, cond func() bool) time.Duration {
	w.t.Helper()
	if os.Getenv("DURE_BARS") == "" {
		limit *= 4
	}
	from := time.Now()
	for !cond() {
		if time.Since(from) > limit {
			w.t.Fatalf("not within %v: %s", limit, what)
		}
		time.Sleep(50 * time.Millisecond)
		synctest.Wait()
	}
	return time.Since(from)
}

func (n *node) connectedTo(others ...*node) bool {
	for _, o := range others {
		if o != n && !slices.ContainsFunc(n.Connections(), func(c Connection) bool { return c.Node == o.Self() && c.Standing }) {
			return false
		}
	}
	return true
}

func allConnected(nodes ...*node) func() bool {
	return func() bool {
		for _, n := range nodes {
			if !n.connectedTo(nodes...) {
				return false
			}
		}
		return true
	}
}

// The handler.

func (n *node) Standing(p Peer) bool {
	n.mu.Lock()
	stands, own := n.view[p]
	n.mu.Unlock()
	if own {
		return stands
	}
	n.w.mu.Lock()
	defer n.w.mu.Unlock()
	return n.w.in[p]
}

func (n *node) thinks(p Peer, stands bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.view[p] = stands
}

func (n *node) Gossip(_ context.Context, from Peer, msg []byte) protocol.Verdict {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.judge != nil {
		if v := n.judge(from, msg); v != protocol.Accept {
			return v
		}
	}
	n.heard[string(msg)]++
	return protocol.Accept
}

func (n *node) Health(_ context.Context, _ Peer, msg []byte) protocol.Verdict {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.health = append(n.health, string(msg))
	return protocol.Accept
}

func (n *node) judges(f func(Peer, []byte) protocol.Verdict) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.judge = f
}

func (n *node) ServeFiles(_ context.Context, _ Peer, s Stream) { _ = s.Reset() }

func (n *node) ServeSync(ctx context.Context, _ Peer, s Stream) {
	if n.sync != nil {
		n.sync(ctx, s)
		return
	}
	_, _ = io.Copy(s, s)
}

func (n *node) ServeJoin(ctx context.Context, _ Peer, s Stream) {
	if n.join != nil {
		n.join(ctx, s)
		return
	}
	_, _ = io.Copy(s, s)
}

func (n *node) Connected(p Peer) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.met[p]++
}

func (n *node) hears(msg string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.heard[msg] > 0
}

func (n *node) meetings(o *node) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.met[o.Self()]
}

// echo asks over a stream and wants its own words back.
func echo(s Stream, words string) error {
	if _, err := s.Write([]byte(words)); err != nil {
		return err
	}
	if err := s.CloseWrite(); err != nil {
		return err
	}
	got, err := io.ReadAll(s)
	if err == nil && string(got) != words {
		err = fmt.Errorf("got %q, want %q", got, words)
	}
	return err
}
