package mesh

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/dure-net/dure/protocol"
)

// onSocket starts a standing node on a real socket.
func onSocket(t *testing.T, w *world, i int, listen string, tweak ...func(*Config)) *node {
	t.Helper()
	w.mu.Lock()
	w.in[testKey(i).Public()] = true
	w.mu.Unlock()
	cfg := Config{Key: testKey(i), Federation: w.fed, Listen: []string{listen}}
	for _, f := range tweak {
		f(&cfg)
	}
	return start(t, w, i, cfg)
}

func realWorld(t *testing.T) *world {
	return &world{t: t, fed: protocol.Sum([]byte("federation")), in: map[Peer]bool{}, log: slog.New(slog.DiscardHandler)}
}

// eventually waits on a real clock, at most as long as is promised where DURE_BARS asks for that; else a machine that does
// other work besides has the time it needs.
func eventually(t *testing.T, limit time.Duration, what string, cond func() bool) {
	t.Helper()
	if os.Getenv("DURE_BARS") == "" {
		limit = 2 * time.Minute
	}
	for end := time.Now().Add(limit); !cond(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", limit, what)
		}
	}
}

func TestMesh_OverRealSockets(t *testing.T) {
	for transport, listen := range map[string]string{"quic-v1": "/ip4/127.0.0.1/udp/0/quic-v1", "tcp": "/ip4/127.0.0.1/tcp/0"} {
		t.Run(transport, func(t *testing.T) {
			w := realWorld(t)
			var nodes []*node
			for i := range 9 { // one more than libp2p lets in from one address
				nodes = append(nodes, onSocket(t, w, i, listen, func(c *Config) { c.NoUDP = transport == "tcp" }))
			}
			for _, n := range nodes {
				var known []Known
				for _, o := range nodes {
					known = append(known, Known{Node: o.Self(), Addrs: o.Addrs()})
				}
				n.SetPeers(known)
			}
			eventually(t, 15*time.Second, "all connected", allConnected(nodes...))
			for _, c := range nodes[0].Connections() {
				if c.Transport != transport || !c.Direct || !c.Standing {
					t.Errorf("got %+v", c)
				}
			}
			s, err := nodes[0].OpenSync(t.Context(), nodes[8].Self())
			if err != nil {
				t.Fatal(err)
			}
			if err := echo(s, strings.Repeat("page ", 1<<16)); err != nil {
				t.Error(err)
			}
			if got := nodes[0].Traffic()[string(protoSync)]; got.Out < 5<<16 || got.In < 5<<16 {
				t.Errorf("counted %+v", got)
			}
			if err := nodes[3].Announce([]byte("news")); err != nil {
				t.Fatal(err)
			}
			eventually(t, 5*time.Second, "everyone hears", func() bool {
				for _, n := range nodes {
					if n.i != 3 && !n.hears("news") {
						return false
					}
				}
				return true
			})
		})
	}
}

// A network that swallows all UDP: TCP takes over at once.
func TestMesh_FallsBackToTCP(t *testing.T) {
	w := realWorld(t)
	hole, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer hole.Close()
	a := onSocket(t, w, 0, "/ip4/127.0.0.1/udp/0/quic-v1")
	b := onSocket(t, w, 1, "/ip4/127.0.0.1/tcp/0")
	swallowed := fmt.Sprintf("/ip4/127.0.0.1/udp/%d/quic-v1", hole.LocalAddr().(*net.UDPAddr).Port)
	a.SetPeers([]Known{{Node: b.Self(), Addrs: append([]string{swallowed}, b.Addrs()...)}})
	eventually(t, 4*time.Second, "connected", allConnected(a, b))
	if got := a.Connections()[0].Transport; got != "tcp" {
		t.Errorf("connected over %s", got)
	}
}

func TestNew_PortInUse(t *testing.T) {
	for network, pattern := range map[string]string{"udp": "/ip4/127.0.0.1/udp/%d/quic-v1", "tcp": "/ip4/127.0.0.1/tcp/%d"} {
		t.Run(network, func(t *testing.T) {
			w := realWorld(t)
			var port int
			if network == "udp" {
				c, err := net.ListenPacket("udp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				port = c.LocalAddr().(*net.UDPAddr).Port
			} else {
				first, err := New(Config{Key: testKey(0), Federation: w.fed, Listen: []string{"/ip4/127.0.0.1/tcp/0"}}, &node{w: w})
				if err != nil {
					t.Fatal(err)
				}
				defer first.Close() // another dure, whose socket allows sharing its port
				if _, err := fmt.Sscanf(bound(first)[0], "/ip4/127.0.0.1/tcp/%d", &port); err != nil {
					t.Fatal(err)
				}
			}
			// The other address is free: half a node is refused all the same.
			m, err := New(Config{Key: testKey(1), Federation: w.fed,
				Listen: []string{"/ip4/127.0.0.1/udp/0/quic-v1", "/ip4/127.0.0.1/tcp/0", fmt.Sprintf(pattern, port)}}, &node{w: w})
			if err == nil {
				m.Close()
			}
			var e *protocol.Error
			if !errors.As(err, &e) || e.Reason != protocol.ReasonPortInUse || e.Args["address"] != fmt.Sprintf("127.0.0.1:%d (%s)", port, network) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// bound are the sockets a mesh listens on.
func bound(m *Mesh) []string {
	var addrs []string
	for _, a := range m.host.Network().ListenAddresses() {
		if !isRelayed(a) {
			addrs = append(addrs, a.String())
		}
	}
	return addrs
}

func TestMesh_ClosedWithoutRunFreesPort(t *testing.T) {
	w := realWorld(t)
	cfg := Config{Key: testKey(0), Federation: w.fed, Listen: []string{"/ip4/127.0.0.1/udp/0/quic-v1", "/ip4/127.0.0.1/tcp/0"}}
	m, err := New(cfg, &node{w: w})
	if err != nil {
		t.Fatal(err)
	}
	cfg.Listen = bound(m)
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	if err := m.Run(context.Background()); err == nil {
		t.Error("a closed mesh runs")
	}
	again, err := New(cfg, &node{w: w})
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}

func TestMesh_Metrics(t *testing.T) {
	w := realWorld(t)
	registry := prometheus.NewPedanticRegistry()
	a := onSocket(t, w, 0, "/ip4/127.0.0.1/udp/0/quic-v1", func(c *Config) { c.Registerer = registry })
	b := onSocket(t, w, 1, "/ip4/127.0.0.1/udp/0/quic-v1")
	if _, err := a.Dial(t.Context(), b.Addrs()); err != nil {
		t.Fatal(err)
	}
	eventually(t, 5*time.Second, "connected", allConnected(a, b))
	s, err := a.OpenSync(t.Context(), b.Self())
	if err != nil {
		t.Fatal(err)
	}
	if err := echo(s, "0123456789"); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			got[name] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	for name, want := range map[string]float64{"dure_mesh_nodes direct": 1, "dure_mesh_nodes guest": 0, "dure_mesh_nodes relayed": 0} {
		if n, ok := got[name]; !ok || n != want {
			t.Errorf("%s is %v, %v; want %v", name, n, ok, want)
		}
	}
	for _, direction := range []string{"in", "out"} {
		if n := got["dure_mesh_bytes_total "+direction+" "+string(protoSync)]; n < 10 {
			t.Errorf("%v sync bytes %s", n, direction)
		}
	}
	a.halt()
	if families, err := registry.Gather(); err != nil || len(families) > 0 {
		t.Errorf("metrics outlive the mesh: %v, %v", families, err)
	}
}

// Whether multicast works here is not this test's business: finding must start, stop,
// and leave outsiders alone.
func TestMesh_LocalNetwork(t *testing.T) {
	w := realWorld(t)
	a := onSocket(t, w, 0, "/ip4/127.0.0.1/udp/0/quic-v1", func(c *Config) { c.MDNS = true })
	b := onSocket(t, w, 1, "/ip4/127.0.0.1/udp/0/quic-v1")
	stranger := start(t, w, 2, Config{Key: testKey(2), Federation: w.fed, Listen: []string{"/ip4/127.0.0.1/udp/0/quic-v1"}})
	eventually(t, 5*time.Second, "open", a.door.opened)

	ctx, cancel := context.WithCancel(t.Context())
	found := &lan{m: a.Mesh, ctx: ctx, busy: map[peerID]bool{}}
	for _, n := range []*node{b, stranger, a} {
		infos, err := parsePeers("addrs", n.Addrs())
		if err != nil {
			t.Fatal(err)
		}
		found.HandlePeerFound(infos[0])
	}
	eventually(t, 5*time.Second, "the member's node connected", allConnected(a, b))
	cancel()
	found.dials.Wait()
	if len(a.host.Network().ConnsToPeer(idOf(stranger.Self()))) > 0 {
		t.Error("a stranger was dialled")
	}
	other := protocol.Sum([]byte("another federation"))
	if name := serviceName(w.fed); name == serviceName(other) || len(name) != len("_")+15+len("._udp") || strings.Contains(w.fed.String(), name[6:16]) {
		t.Errorf("service name %q", name)
	}
}
