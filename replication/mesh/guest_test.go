package mesh

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	libp2pproto "github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/client"
	circuit "github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/proto"
	"github.com/libp2p/go-libp2p/p2p/protocol/holepunch"
	"github.com/libp2p/go-libp2p/p2p/protocol/identify"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"
)

// stranger is a plain libp2p host with a key of its own: whatever it may try.
func (w *world) stranger(i int) host.Host { return w.impostor(i, i) }

// impostor is a stranger at one place with the key of another number.
func (w *world) impostor(i, keyOf int) host.Host {
	w.t.Helper()
	key, err := hostKey(testKey(keyOf))
	if err != nil {
		w.t.Fatal(err)
	}
	h, err := libp2p.New(append(w.net.HostOptions(i), libp2p.Identity(key), libp2p.ListenAddrStrings(w.net.Addr(i)),
		libp2p.ResourceManager(&network.NullResourceManager{}), libp2p.DisableMetrics())...)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { h.Close() })
	return h
}

func (n *node) info() peer.AddrInfo {
	infos, err := parsePeers("addrs", []string{n.w.net.Addr(n.i) + "/p2p/" + idOf(n.Self()).String()})
	if err != nil {
		n.w.t.Fatal(err)
	}
	return infos[0]
}

func TestMesh_StrangerGetsIdentifyPingAndJoinOnly(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		nodes := w.federation(3, func(c *Config) { c.Relay = true })
		w.until(5*time.Second, "connected", allConnected(nodes...))
		target := nodes[0]
		target.sync = func(context.Context, Stream) { t.Error("a stranger reached the sync handler") }

		h := w.stranger(9)
		var said spy
		for _, proto := range []libp2pproto.ID{protoGossip, pubsub.GossipSubID_v13, pubsub.GossipSubID_v11, pubsub.FloodSubID} {
			h.SetStreamHandler(proto, said.hear)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		if err := h.Connect(ctx, target.info()); err != nil {
			t.Fatal(err)
		}
		if result := <-ping.Ping(ctx, h, target.info().ID); result.Error != nil {
			t.Errorf("ping: %v", result.Error)
		}
		s, err := h.NewStream(ctx, target.info().ID, protoJoin)
		if err != nil {
			t.Fatalf("join: %v", err)
		}
		if err := echo(newStream(s, target.Self(), time.Now, -1), "may I come in?"); err != nil {
			t.Errorf("join: %v", err)
		}

		// What identify told: protocols without a federation, no version.
		protos, err := h.Peerstore().GetProtocols(target.info().ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, proto := range protos {
			if strings.Contains(string(proto), w.fed.String()) {
				t.Errorf("identify names the federation: %s", proto)
			}
		}
		if agent, _ := h.Peerstore().Get(target.info().ID, "AgentVersion"); agent != "dure" {
			t.Errorf("identify tells agent %q", agent)
		}

		for _, proto := range []libp2pproto.ID{protoSync, protoGossip, circuit.ProtoIDv2Hop, circuit.ProtoIDv2Stop, holepunch.Protocol} {
			if got := tryProtocol(ctx, h, target.info().ID, proto); len(got) > 0 {
				t.Errorf("%s answered a stranger: %q", proto, got)
			}
		}
		if _, err := client.Reserve(ctx, h, target.info()); err == nil {
			t.Error("a stranger has a place on the relay")
		}

		// Gossip: whatever a stranger's own pubsub does, it hears nothing and is not heard.
		ps, err := pubsub.NewGossipSub(ctx, h, pubsub.WithGossipSubProtocols([]libp2pproto.ID{protoGossip}, pubsub.GossipSubDefaultFeatures),
			pubsub.WithMessageSignaturePolicy(pubsub.StrictNoSign), pubsub.WithNoAuthor(), pubsub.WithMessageIdFn(messageID))
		if err != nil {
			t.Fatal(err)
		}
		topic, err := ps.Join(topicEntries.of(w.fed))
		if err != nil {
			t.Fatal(err)
		}
		sub, err := topic.Subscribe()
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		if peers := ps.ListPeers(topicEntries.of(w.fed)); len(peers) > 0 {
			t.Errorf("a stranger sees %d subscribers", len(peers))
		}
		if err := topic.Publish(ctx, []byte("false news")); err != nil {
			t.Fatal(err)
		}
		for _, n := range nodes {
			if err := n.Announce(fmt.Append(nil, "news of ", n.i)); err != nil {
				t.Fatal(err)
			}
		}
		short, stop := context.WithTimeout(ctx, 3*time.Second)
		defer stop()
		for {
			msg, err := sub.Next(short)
			if err != nil {
				break
			}
			if msg.ReceivedFrom != h.ID() {
				t.Errorf("a stranger was sent %q", msg.Data)
			}
		}
		if target.counts.refusal["protocol"] == 0 {
			t.Error("refusals are not counted")
		}
		if target.hears("false news") {
			t.Error("a stranger's message was judged")
		}
		if !nodes[1].hears("news of 0") {
			t.Error("members do not hear each other")
		}
		if got := said.all(); bytes.Contains(got, []byte(w.fed.String())) || len(got) > 0 {
			t.Errorf("a stranger was told %q", got)
		}
		if target.meetings(&node{Mesh: &Mesh{self: testKey(9).Public()}}) > 0 {
			t.Error("Connected was called for a stranger")
		}
	})
}

// tryProtocol opens a stream whatever identify said, writes a little and returns what comes back.
func tryProtocol(ctx context.Context, h host.Host, to peer.ID, proto libp2pproto.ID) []byte {
	_ = h.Peerstore().AddProtocols(to, proto)
	s, err := h.NewStream(ctx, to, proto)
	if err != nil {
		return nil
	}
	defer s.Reset()
	_ = s.SetDeadline(time.Now().Add(2 * time.Second))
	_, _ = s.Write([]byte{1, 2, 3, 4})
	_ = s.CloseWrite()
	got, _ := io.ReadAll(s)
	return got
}

// spy keeps what it is sent.
type spy struct {
	mu  sync.Mutex
	buf []byte
}

func (s *spy) hear(st network.Stream) {
	b, _ := io.ReadAll(io.LimitReader(st, 1<<16))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buf = append(s.buf, b...)
}

func (s *spy) all() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.buf)
}

func TestMesh_GuestMustLeave(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		n := w.member(0)
		time.Sleep(time.Millisecond)
		h := w.stranger(9)
		if err := h.Connect(t.Context(), n.info()); err != nil {
			t.Fatal(err)
		}
		connected := func() bool { return h.Network().Connectedness(n.info().ID) == network.Connected }
		time.Sleep(guestLife - 2*time.Second)
		if !connected() {
			t.Fatal("shown out too early")
		}
		stayed := guestLife - 2*time.Second + w.until(2*sweepPeriod, "shown out", func() bool { return !connected() })
		t.Logf("stayed %v", stayed)
		if err := h.Connect(t.Context(), n.info()); err != nil {
			t.Errorf("coming back: %v", err)
		}
	})
}

func TestMesh_GuestsAreFew(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		w.net.Latency(time.Millisecond, time.Millisecond)
		n, m := w.member(0), w.member(1)
		w.acquaint(n, m)
		w.until(5*time.Second, "members connected", allConnected(n, m))

		// One address: the ninth is refused.
		var town []int
		for i := range guestsPerAddress + 2 {
			town = append(town, 100+i)
		}
		w.net.Colocate(town...)
		if in := w.visit(n, town); in != guestsPerAddress {
			t.Errorf("%d guests from one address, want %d", in, guestsPerAddress)
		}
		// Many addresses: the whole bound.
		var crowd []int
		for i := range maxGuests {
			crowd = append(crowd, 200+i)
		}
		if in := w.visit(n, crowd); in != maxGuests-guestsPerAddress {
			t.Errorf("%d guests more, want %d", in, maxGuests-guestsPerAddress)
		}
		// Members come in all the same.
		late := w.member(2)
		w.acquaint(n, late)
		w.until(5*time.Second, "a member comes in", allConnected(n, late))
		if got := n.counts.refusal["guest"]; got == 0 {
			t.Error("refusals are not counted")
		}
	})
}

// visit connects strangers and counts those that are still inside a second later.
func (w *world) visit(n *node, hosts []int) int {
	var all []host.Host
	for _, i := range hosts {
		h := w.stranger(i)
		_ = h.Connect(w.t.Context(), n.info())
		all = append(all, h)
	}
	time.Sleep(time.Second)
	in := 0
	for _, h := range all {
		if h.Network().Connectedness(n.info().ID) == network.Connected {
			in++
		}
	}
	return in
}

func TestMesh_GuestHasFewConnections(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		n := w.member(0)
		time.Sleep(time.Millisecond)
		for i := range connsPerGuest + 2 {
			_ = w.impostor(50+i, 50).Connect(t.Context(), n.info())
		}
		time.Sleep(time.Second)
		if got := len(n.host.Network().ConnsToPeer(idOf(testKey(50).Public()))); got != connsPerGuest {
			t.Errorf("%d connections, want %d", got, connsPerGuest)
		}
	})
}

func TestMesh_GuestIsAdmitted(t *testing.T) {
	for _, told := range []bool{true, false} {
		t.Run(fmt.Sprint("told ", told), func(t *testing.T) { inBubble(t, func(t *testing.T) { guestIsAdmitted(t, told) }) })
	}
}

func guestIsAdmitted(t *testing.T, told bool) {
	w := newWorld(t, 1)
	inviter, other := w.member(0), w.member(1)
	w.acquaint(inviter, other)
	w.until(5*time.Second, "members connected", allConnected(inviter, other))

	// The joiner believes in the members from the start, as an invitation tells it
	// to; they do not know it yet.
	joiner := w.outsider(5)
	joiner.thinks(joiner.Self(), true)
	got, err := joiner.Dial(t.Context(), []string{w.net.Addr(0) + "/p2p/" + idOf(inviter.Self()).String()})
	if err != nil || got != inviter.Self() {
		t.Fatalf("Dial = %v, %v", got, err)
	}
	s, err := joiner.OpenJoin(t.Context(), inviter.Self())
	if err != nil {
		t.Fatal(err)
	}
	if err := echo(s, "application"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(20 * time.Second) // long enough for the joiner's pubsub to have given up
	if inviter.meetings(joiner) > 0 {
		t.Fatal("Connected before it was admitted")
	}
	if s, err := joiner.OpenSync(t.Context(), inviter.Self()); err == nil {
		if err := echo(s, "hello"); err == nil {
			t.Fatal("sync was served before it was admitted")
		}
	}

	w.mu.Lock()
	w.in[joiner.Self()] = true
	w.mu.Unlock()
	if told {
		inviter.Admitted(joiner.Self())
		joiner.Admitted(joiner.Self())
	} else {
		time.Sleep(sweepPeriod)
	}
	w.until(time.Second, "told of each other", func() bool { return inviter.meetings(joiner) > 0 })
	if s, err := joiner.OpenSync(t.Context(), inviter.Self()); err != nil {
		t.Error(err)
	} else if err := echo(s, "hello"); err != nil {
		t.Error(err)
	}
	time.Sleep(2 * time.Second)
	for _, n := range []*node{inviter, joiner} {
		if err := n.Announce(fmt.Append(nil, "from ", n.i)); err != nil {
			t.Fatal(err)
		}
	}
	w.until(2*time.Second, "gossip in both directions and beyond", func() bool {
		return inviter.hears("from 5") && joiner.hears("from 0") && other.hears("from 5")
	})
	time.Sleep(2 * guestLife)
	if !inviter.connectedTo(joiner) {
		t.Error("the admitted guest was shown out")
	}
}

func TestMesh_ExpelledLosesConnectionAndGossip(t *testing.T) {
	for _, told := range []bool{true, false} {
		t.Run(fmt.Sprint("told ", told), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t, 1)
				nodes := w.federation(4)
				w.until(5*time.Second, "connected", allConnected(nodes...))
				time.Sleep(2 * time.Second)
				out := nodes[3]
				w.mu.Lock()
				w.in[out.Self()] = false
				w.mu.Unlock()
				if told {
					for _, n := range nodes[:3] {
						n.Expelled(out.Self())
					}
				}
				gone := func() bool {
					for _, n := range nodes[:3] {
						if len(n.host.Network().ConnsToPeer(idOf(out.Self()))) > 0 {
							return false
						}
					}
					return true
				}
				if told {
					w.until(100*time.Millisecond, "connections closed", gone)
				} else {
					w.until(2*sweepPeriod, "connections closed", gone)
				}
				if err := nodes[0].Announce([]byte("inside")); err != nil {
					t.Fatal(err)
				}
				_ = out.Announce([]byte("outside"))
				time.Sleep(10 * time.Second)
				if out.hears("inside") || nodes[0].hears("outside") {
					t.Error("gossip crossed the wall")
				}
				if !nodes[1].hears("inside") {
					t.Error("members do not hear each other")
				}
			})
		})
	}
}

func TestUsher_LetsGuestsThroughTwoDoors(t *testing.T) {
	standing := testKey(1).Public()
	d := newDoor(idOf(testKey(0).Public()), func(p Peer) bool { return p == standing }, time.Now, newCounts())
	d.trust(idOf(testKey(3).Public()))
	u := &usher{door: d, join: current.join}
	member, guest, relay := idOf(standing), idOf(testKey(2).Public()), idOf(testKey(3).Public())
	everyone := []libp2pproto.ID{identify.ID, identify.IDPush, ping.ID, protoJoin}
	circuits := []libp2pproto.ID{circuit.ProtoIDv2Hop, circuit.ProtoIDv2Stop}
	others := []libp2pproto.ID{protoSync, protoGossip, holepunch.Protocol, "/anything/1", ""}
	if u.allows(member, protoSync) {
		t.Error("a shut door knows somebody")
	}
	d.open()
	for _, c := range []struct {
		id     peer.ID
		protos []libp2pproto.ID
		want   bool
	}{
		{member, everyone, true}, {member, circuits, true}, {member, others, true},
		{guest, everyone, true}, {guest, circuits, false}, {guest, others, false},
		{relay, everyone, true}, {relay, circuits, true}, {relay, others, false},
	} {
		for _, proto := range c.protos {
			if got := u.allows(c.id, proto); got != c.want {
				t.Errorf("%s, %q: got %v, want %v", short(c.id), proto, got, c.want)
			}
		}
	}
	black := outsiders{d}
	if black.Contains(member) || !black.Contains(guest) || !black.Contains(relay) || black.Contains("") {
		t.Error("the blacklist does not hold exactly those who do not stand")
	}
}
