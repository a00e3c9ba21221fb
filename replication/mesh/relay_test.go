package mesh

import (
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
