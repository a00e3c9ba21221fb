package mesh

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	pb "github.com/libp2p/go-libp2p-pubsub/pb"

	"github.com/dure-net/dure/protocol"
)

func TestMesh_MessageBounds(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		nodes := w.federation(2)
		w.until(5*time.Second, "connected", allConnected(nodes...))
		time.Sleep(2 * time.Second)
		largest := bytes.Repeat([]byte{7}, MaxMessageBytes)
		if err := nodes[0].Announce(largest); err != nil {
			t.Error(err)
		}
		w.until(2*time.Second, "the largest message arrives", func() bool { return nodes[1].hears(string(largest)) })
		if err := nodes[0].Announce(append(largest, 7)); protocol.ReasonOf(err) != protocol.ReasonTooLarge {
			t.Errorf("too large: %v", err)
		}
		if err := nodes[0].Announce(largest); err != nil {
			t.Errorf("announcing twice: %v", err)
		}
		if err := nodes[0].AnnounceHealth([]byte("well")); err != nil {
			t.Error(err)
		}
		w.until(2*time.Second, "health arrives as health", func() bool {
			nodes[1].mu.Lock()
			defer nodes[1].mu.Unlock()
			return len(nodes[1].health) == 1 && nodes[1].health[0] == "well"
		})
		nodes[0].halt()
		if err := nodes[0].Announce([]byte("late")); protocol.ReasonOf(err) != protocol.ReasonCanceled {
			t.Errorf("after the end: %v", err)
		}
	})
}

func TestMesh_IgnoredGoesNoFurther(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		a, b, c := w.member(0), w.member(1), w.member(2)
		a.know(b)
		b.know(a, c)
		c.know(b)
		w.until(5*time.Second, "a line of three", func() bool { return a.connectedTo(b) && c.connectedTo(b) })
		b.judges(func(_ Peer, msg []byte) protocol.Verdict {
			switch string(msg) {
			case "ignored":
				return protocol.Ignore
			case "rejected":
				return protocol.Reject
			}
			return protocol.Accept
		})
		time.Sleep(2 * time.Second)
		for _, msg := range []string{"ignored", "rejected", "accepted"} {
			if err := a.Announce([]byte(msg)); err != nil {
				t.Fatal(err)
			}
		}
		w.until(2*time.Second, "accepted", func() bool { return c.hears("accepted") })
		time.Sleep(10 * time.Second)
		if c.hears("ignored") || c.hears("rejected") {
			t.Error("what was not accepted was passed on")
		}
	})
}

func TestMesh_LiarIsNoLongerHeardHonestAre(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		nodes := w.federation(6)
		w.until(5*time.Second, "connected", allConnected(nodes...))
		time.Sleep(2 * time.Second)
		liar := nodes[5]
		for _, n := range nodes[:5] {
			n.judges(func(_ Peer, msg []byte) protocol.Verdict {
				if bytes.HasPrefix(msg, []byte("lie")) {
					return protocol.Reject
				}
				return protocol.Ignore // as for entries already held, or of a member not known yet
			})
		}
		for i := range 200 {
			_ = liar.Announce(fmt.Append(nil, "lie ", i))
			for _, n := range nodes[:5] {
				if err := n.Announce(fmt.Append(nil, n.i, " says ", i)); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(100 * time.Millisecond)
		}
		for _, n := range nodes {
			n.judges(nil)
		}
		_ = liar.Announce([]byte("the truth for once"))
		if err := nodes[0].Announce([]byte("honest")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		for _, n := range nodes[1:5] {
			if n.hears("the truth for once") {
				t.Errorf("node %d still hears the liar", n.i)
			}
			if !n.hears("honest") {
				t.Errorf("node %d no longer hears an honest node", n.i)
			}
		}
	})
}

// A burst is more than gossip carries. What is lost is lost without harm: nobody is
// graylisted for it, and later messages arrive.
func TestMesh_BurstHarmsNobody(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		w.net.Loss(0.01)
		nodes := w.federation(5)
		w.until(5*time.Second, "connected", allConnected(nodes...))
		time.Sleep(2 * time.Second)
		const burst = 5000
		body := bytes.Repeat([]byte{'x'}, 600)
		for i := range burst {
			if err := nodes[0].Announce(fmt.Append(nil, "burst ", i, string(body))); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(10 * time.Second)
		got := 0
		for _, n := range nodes[1:] {
			n.mu.Lock()
			got += len(n.heard)
			n.mu.Unlock()
		}
		t.Logf("%d of %d delivered", got, (len(nodes)-1)*burst)
		if got < (len(nodes)-1)*burst/4 {
			t.Error("less than libp2p's defaults carried")
		}
		for _, n := range nodes {
			if err := n.Announce(fmt.Append(nil, "after, from ", n.i)); err != nil {
				t.Fatal(err)
			}
		}
		w.until(5*time.Second, "later messages arrive", func() bool {
			for _, n := range nodes {
				for _, o := range nodes {
					if n != o && !n.hears(fmt.Sprint("after, from ", o.i)) {
						return false
					}
				}
			}
			return true
		})
	})
}

func TestMessageID_CoversTopicAndEveryByte(t *testing.T) {
	id := func(topic, data string) string { return messageID(&pb.Message{Topic: &topic, Data: []byte(data)}) }
	base := id("a", "bc")
	for _, other := range []string{id("a", "bd"), id("b", "bc"), id("ab", "c"), id("a", "b"), id("a", "bcd")} {
		if other == base {
			t.Error("two messages share an id")
		}
	}
	if id("a", "bc") != base {
		t.Error("the id is not a function of the message")
	}
}

func TestNew_RefusesWhatCannotWork(t *testing.T) {
	w := &world{t: t, fed: protocol.Sum([]byte("federation"))}
	base := Config{Key: testKey(0), Federation: w.fed, Listen: []string{"/ip4/127.0.0.1/udp/0/quic-v1"}}
	for name, c := range map[string]struct {
		change func(*Config)
		field  string
	}{
		"no key":            {func(c *Config) { c.Key = protocol.PrivateKey{} }, "key"},
		"no federation":     {func(c *Config) { c.Federation = protocol.FederationID{} }, "federation"},
		"no multiaddr":      {func(c *Config) { c.Listen = []string{"127.0.0.1:80"} }, "listen[0]"},
		"nothing to bind":   {func(c *Config) { c.Listen = []string{"/ip4/203.0.113.7/tcp/4710"} }, "listen"},
		"odd announcement":  {func(c *Config) { c.Announce = []string{"/ip4/1.2.3.4/tcp/1", "x"} }, "announce[1]"},
		"other's address":   {func(c *Config) { c.Announce = []string{"/ip4/1.2.3.4/tcp/1/p2p/" + idOf(testKey(7).Public()).String()} }, "announce[0]"},
		"relay without key": {func(c *Config) { c.RelayVia = []string{"/ip4/1.2.3.4/tcp/1"} }, "relay_via[0]"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := base
			c.change(&cfg)
			m, err := New(cfg, &node{w: w})
			if err == nil {
				m.Close()
			}
			var e *protocol.Error
			if !errors.As(err, &e) || e.Reason != protocol.ReasonConfig || e.Field != c.field {
				t.Errorf("got %v, want field %q", err, c.field)
			}
		})
	}
}
