package mesh

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/dure-net/dure/protocol"
)

func versions(list ...uint64) func(*Config) { return func(c *Config) { c.Versions = list } }

// A node talks to nodes of the version before and of the version after its own, in the
// newest that both speak, whoever dials; gossip reaches all of them.
func TestMesh_NeighbouringVersionsTalk(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		const old, middle, recent = 0, 1, 2 // of versions 4, 5 and 6
		nodes := []*node{w.member(old, versions(protocol.Versions(4)...)), w.member(middle, versions(protocol.Versions(5)...)),
			w.member(recent, versions(protocol.Versions(6)...))}
		w.acquaint(nodes...)
		w.until(5*time.Second, "connected", allConnected(nodes...))
		for _, n := range nodes {
			n.sync = func(_ context.Context, s Stream) { _, _ = s.Write([]byte{byte(s.Version())}) }
		}
		for _, c := range []struct {
			from, to int
			want     uint64 // 0 = none
		}{{old, middle, 4}, {middle, old, 4}, {middle, recent, 5}, {recent, middle, 5}, {old, recent, 0}, {recent, old, 0}} {
			s, err := nodes[c.from].OpenSync(t.Context(), nodes[c.to].Self())
			if c.want == 0 {
				// libp2p may find out only when the stream is used.
				if err == nil {
					_, err = io.ReadAll(s)
				}
				if protocol.ReasonOf(err) != protocol.ReasonWrongVersion {
					t.Errorf("%d to %d: got %v, want wrong_version", c.from, c.to, err)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			told, err := io.ReadAll(s)
			if err != nil || len(told) != 1 || uint64(told[0]) != c.want || s.Version() != c.want {
				t.Errorf("%d to %d: version %d there, %d here, want %d: %v", c.from, c.to, told, s.Version(), c.want, err)
			}
			_ = s.Close()
		}
		time.Sleep(time.Second)
		if err := nodes[old].Announce([]byte("by the oldest")); err != nil {
			t.Fatal(err)
		}
		w.until(3*time.Second, "gossip passes through the version between", func() bool { return nodes[recent].hears("by the oldest") })
	})
}

// A node two versions away is told apart from one that does not answer, and which of
// the two is the older one is told too.
func TestMesh_StrangeVersionIsNamed(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		a, b := w.member(0, versions(1)), w.member(1, versions(4, 3))
		w.acquaint(a, b)
		w.until(5*time.Second, "connected", allConnected(a, b))
		time.Sleep(time.Second)
		for _, c := range []struct {
			from, to     *node
			theirs, ours string
		}{{a, b, "4", "1"}, {b, a, "1", "4"}} {
			from := time.Now()
			_, err := c.from.OpenSync(t.Context(), c.to.Self())
			e, ok := err.(*protocol.Error)
			if !ok || e.Reason != protocol.ReasonWrongVersion || e.Args["theirs"] != c.theirs || e.Args["ours"] != c.ours {
				t.Errorf("got %v, want wrong_version of %s by %s", err, c.theirs, c.ours)
			}
			if took := time.Since(from); took > 2*time.Second {
				t.Errorf("told after %v", took)
			}
		}
	})
}
