package mesh

import (
	"context"
	"fmt"
	"io"
	"testing"
	"time"
)

func TestMesh_GossipReachesEveryMember(t *testing.T) {
	for _, count := range []int{2, 5, 20} {
		t.Run(fmt.Sprint(count, " nodes"), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t, 1)
				nodes := w.federation(count)
				took := w.until(5*time.Second, "everyone connected", allConnected(nodes...))
				t.Logf("connected after %v", took)
				time.Sleep(time.Second)
				for i, n := range nodes {
					if err := n.Announce(fmt.Append(nil, "from ", i)); err != nil {
						t.Fatal(err)
					}
				}
				took = w.until(3*time.Second, "every message everywhere", func() bool {
					for _, n := range nodes {
						for i := range nodes {
							if i != n.i && !n.hears(fmt.Sprint("from ", i)) {
								return false
							}
						}
					}
					return true
				})
				t.Logf("heard after %v", took)
				for _, n := range nodes {
					if n.hears(fmt.Sprint("from ", n.i)) {
						t.Errorf("node %d judges its own message", n.i)
					}
					for _, o := range nodes {
						if o != n && n.meetings(o) == 0 {
							t.Errorf("node %d was not told of %d", n.i, o.i)
						}
					}
				}
				sent, _ := w.net.Packets()
				t.Logf("%d packets", sent)
			})
		})
	}
}

func TestMesh_StopsAtOnceWithStreamsOpen(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		nodes := w.federation(3)
		w.until(5*time.Second, "connected", allConnected(nodes...))
		ended := make(chan error, 1)
		nodes[0].sync = func(_ context.Context, s Stream) { // reads until the stream ends, whatever ctx says
			_, err := io.ReadAll(s)
			ended <- err
		}
		s, err := nodes[1].OpenSync(t.Context(), nodes[0].Self())
		if err != nil {
			t.Fatal(err)
		}
		defer s.Reset()
		if _, err := s.Write([]byte("half a page")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		from := time.Now()
		nodes[0].halt()
		if took := time.Since(from); took > 2*time.Second {
			t.Errorf("stopped after %v", took)
		}
		select {
		case err := <-ended:
			if err == nil {
				t.Error("a stream cut by the end reads as complete")
			}
		default:
			t.Error("a handler outlives Run")
		}
	})
}

func TestMesh_TellsConnections(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		w.net.Latency(40*time.Millisecond, 40*time.Millisecond)
		a, b := w.member(0), w.member(1)
		began := time.Now()
		a.know(b)
		w.until(5*time.Second, "connected", allConnected(a, b))
		time.Sleep(2 * sweepPeriod)
		conns := a.Connections()
		if len(conns) != 1 {
			t.Fatalf("%d connections", len(conns))
		}
		c := conns[0]
		if c.RTT < 80*time.Millisecond || c.RTT > 100*time.Millisecond {
			t.Errorf("round trip %v, want 80 ms", c.RTT)
		}
		if c.Since.Before(began) || c.Since.After(time.Now()) {
			t.Errorf("since %v", c.Since)
		}
		c.RTT, c.Since = 0, time.Time{}
		if want := (Connection{Node: b.Self(), Standing: true, Addr: w.net.Addr(1), Direct: true, Outbound: true, Transport: "quic-v1"}); c != want {
			t.Errorf("got %+v, want %+v", c, want)
		}
		if back := b.Connections()[0]; back.Outbound || back.Node != a.Self() {
			t.Errorf("the other side says %+v", back)
		}
	})
}

func TestMeter_IsPatientWithBusyLines(t *testing.T) {
	now := time.Unix(1000, 0)
	m := newMeter(func() time.Time { return now })
	id := idOf(testKey(1).Public())
	if m.quiet(id) != 0 || m.patience(id) != pingTimeout {
		t.Error("an unknown node is quiet")
	}
	m.arrive(id)
	now = now.Add(quietTime)
	m.LogSentMessageStream(bulkBytes+1, protoSync, id)
	if m.quiet(id) != quietTime || m.patience(id) != bulkTimeout {
		t.Errorf("quiet for %v, patience %v", m.quiet(id), m.patience(id))
	}
	m.LogRecvMessageStream(1, protoSync, id)
	if m.quiet(id) != 0 || m.patience(id) != pingTimeout {
		t.Errorf("after a word: quiet for %v, patience %v", m.quiet(id), m.patience(id))
	}
	m.leave(id)
	m.LogRecvMessageStream(1, protoSync, id)
	now = now.Add(quietTime)
	if m.quiet(id) != 0 {
		t.Error("who left is remembered")
	}
}
