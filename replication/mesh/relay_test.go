package mesh

import (
	relayservice "github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/relay"
	"strings"
	"testing"
	"time"
)

// Two members whose networks let nothing through between them, and one that relays.
func TestMesh_RelayConnectsWhereNothingElseDoes(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		w.net.Cut(1, 2)
		w.net.Cut(2, 1)
		asRelay := func(c *Config) { c.Relay = true }
		relay, a, b := w.member(0, asRelay), w.member(1), w.member(2)
		w.acquaint(relay, a, b)
		took := w.until(30*time.Second, "connected", allConnected(relay, a, b))
		t.Logf("connected after %v", took)
		for _, c := range a.Connections() {
			if c.Node == b.Self() && (c.Direct || !strings.Contains(c.Addr, "p2p-circuit")) {
				t.Errorf("got %+v, want a relayed connection", c)
			}
		}
		w.until(time.Second, "told of each other", func() bool { return a.meetings(b) > 0 && b.meetings(a) > 0 })
		s, err := a.OpenSync(t.Context(), b.Self())
		if err != nil {
			t.Fatal(err)
		}
		if !s.Limited() {
			t.Error("a relayed stream says it is not limited")
		}
		if err := echo(s, strings.Repeat("through the wall ", 20_000)); err != nil { // beyond libp2p's 128 KiB
			t.Error(err)
		}
		w.until(10*time.Second, "the relayed address told", func() bool {
			return strings.Contains(strings.Join(a.Addrs(), " "), idOf(relay.Self()).String()+"/p2p-circuit/p2p/"+idOf(a.Self()).String())
		})
		if err := a.Announce([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		w.until(3*time.Second, "gossip through the relay's node", func() bool { return b.hears("hello") })

		// The relay goes and comes back.
		relay.halt()
		time.Sleep(time.Minute)
		if a.connectedTo(b) {
			t.Error("connected without the relay")
		}
		if strings.Contains(strings.Join(a.Addrs(), " "), "p2p-circuit") {
			t.Error("an address through a relay that is gone is still told")
		}
		relay = w.member(0, asRelay)
		took = w.until(30*time.Second, "connected again", allConnected(relay, a, b))
		t.Logf("connected again after %v", took)
	})
}

func TestMesh_HolePunchReplacesRelay(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		w.net.Shield(1)
		w.net.Shield(2)
		relay, a, b := w.member(0, func(c *Config) { c.Relay = true }), w.member(1), w.member(2)
		w.acquaint(relay, a, b)
		took := w.until(time.Minute, "direct", func() bool { return a.direct(idOf(b.Self())) && b.direct(idOf(a.Self())) })
		t.Logf("direct after %v", took)
	})
}

func TestMesh_RelayServesStandingMembersOnly(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		relay := w.member(0, func(c *Config) { c.Relay = true })
		in := members{relay.door}
		w.until(time.Second, "open", relay.door.opened)
		member, outsider := idOf(relay.Self()), idOf(testKey(9).Public())
		if !in.AllowReserve(member, nil) || !in.AllowConnect(member, nil, member) {
			t.Error("members are refused")
		}
		if in.AllowReserve(outsider, nil) || in.AllowConnect(outsider, nil, member) || in.AllowConnect(member, nil, outsider) {
			t.Error("outsiders are served")
		}
	})
}

func TestMesh_ConfiguredRelayIsKept(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		relay := w.member(0, func(c *Config) { c.Relay = true })
		w.net.Shield(1)
		a := w.member(1, func(c *Config) { c.RelayVia = []string{w.net.Addr(0) + "/p2p/" + idOf(relay.Self()).String()} })
		w.until(20*time.Second, "a place on the relay", func() bool { return strings.Contains(strings.Join(a.Addrs(), " "), "p2p-circuit") })
		a.SetPeers(nil)
		w.net.Isolate(0)
		time.Sleep(time.Minute)
		w.net.Heal()
		w.until(30*time.Second, "connected again without being listed", allConnected(a, relay))
	})
}

// A relay that is nobody's node, with libp2p's own limits: every connection is cut
// after 128 KiB, and comes back.
func TestMesh_ForeignRelayCutsAndServes(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		w.net.Cut(1, 2)
		w.net.Cut(2, 1)
		h := w.stranger(9)
		service, err := relayservice.New(h)
		if err != nil {
			t.Fatal(err)
		}
		defer service.Close()
		via := func(c *Config) { c.RelayVia = []string{w.net.Addr(9) + "/p2p/" + h.ID().String()} }
		a, b := w.member(1, via), w.member(2, via)
		w.acquaint(a, b)
		took := w.until(30*time.Second, "connected", allConnected(a, b))
		t.Logf("connected after %v", took)

		const chunk = 32 << 10
		sent, cuts := 0, 0
		from := time.Now()
		for sent < 20 {
			if time.Since(from) > 2*time.Minute {
				t.Fatalf("%d chunks and %d cuts in two minutes", sent, cuts)
			}
			s, err := a.OpenSync(t.Context(), b.Self())
			if err == nil {
				err = echo(s, strings.Repeat("x", chunk))
			}
			if err != nil {
				cuts++
				time.Sleep(100 * time.Millisecond)
				continue
			}
			sent++
		}
		t.Logf("%d KiB with %d failures in %v", sent*chunk>>10, cuts, time.Since(from))
		if cuts == 0 {
			t.Error("the relay cut nothing: not what is to be tested")
		}
		if a.connectedTo(&node{Mesh: &Mesh{self: testKey(9).Public()}}) {
			t.Error("the relay stands")
		}
	})
}
