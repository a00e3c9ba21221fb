package mesh

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/dure-net/dure/protocol"
)

func TestStream_SilenceEndsReads(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		nodes := w.federation(2)
		w.until(5*time.Second, "connected", allConnected(nodes...))
		served := make(chan error, 1)
		nodes[1].sync = func(_ context.Context, s Stream) {
			_, err := io.ReadAll(s)
			served <- err
		}
		s, err := nodes[0].OpenSync(t.Context(), nodes[1].Self())
		if err != nil {
			t.Fatal(err)
		}
		defer s.Reset()
		if _, err := s.Write([]byte("one word, then silence")); err != nil {
			t.Fatal(err)
		}
		from := time.Now()
		if err := <-served; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("got %v, want a deadline", err)
		}
		if took := time.Since(from); took < streamSilence-rearm || took > streamSilence+rearm {
			t.Errorf("ended after %v, want %v", took, streamSilence)
		}
	})
}

func TestStream_OwnDeadlineReplacesSilence(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		nodes := w.federation(2)
		w.until(5*time.Second, "connected", allConnected(nodes...))
		served := make(chan time.Duration, 2)
		nodes[1].sync = func(_ context.Context, s Stream) {
			from := time.Now()
			_ = s.SetDeadline(from.Add(3 * streamSilence))
			_, _ = io.ReadFull(s, make([]byte, 100))
			served <- time.Since(from)
		}
		s, err := nodes[0].OpenSync(t.Context(), nodes[1].Self())
		if err != nil {
			t.Fatal(err)
		}
		defer s.Reset()
		if _, err := s.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if took := <-served; took < 3*streamSilence-time.Second {
			t.Errorf("ended after %v", took)
		}
	})
}

func TestMesh_StreamsPerNodeAreBounded(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		nodes := w.federation(3)
		w.until(5*time.Second, "connected", allConnected(nodes...))
		var open atomic.Int32
		release := make(chan struct{})
		nodes[1].sync = func(ctx context.Context, s Stream) {
			open.Add(1)
			select {
			case <-release:
			case <-ctx.Done():
			}
			_, _ = s.Write([]byte("done"))
		}
		flood := func(n *node, count int) {
			for range count {
				s, err := n.OpenSync(t.Context(), nodes[1].Self())
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { s.Reset() })
				_, _ = s.Write([]byte("x"))
			}
			time.Sleep(time.Second)
		}
		flood(nodes[0], syncStreamsPerPeer+3)
		if got := int(open.Load()); got != syncStreamsPerPeer {
			t.Errorf("%d streams of one node are served, want %d", got, syncStreamsPerPeer)
		}
		flood(nodes[2], 1)
		if got := int(open.Load()); got != syncStreamsPerPeer+1 {
			t.Errorf("another node's stream is not served: %d", got)
		}
		close(release)
		time.Sleep(time.Second)
		flood(nodes[0], 1)
		if got := int(open.Load()); got != syncStreamsPerPeer+2 {
			t.Errorf("places are not freed: %d served", got)
		}
	})
}

func TestMesh_JoinStreamHasBudget(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		n := w.member(0)
		got := make(chan error, 1)
		n.join = func(_ context.Context, s Stream) {
			read, err := io.Copy(io.Discard, s)
			if read != joinBudget {
				t.Errorf("read %d bytes, want %d", read, joinBudget)
			}
			got <- err
		}
		h := w.stranger(9)
		if err := h.Connect(t.Context(), n.info()); err != nil {
			t.Fatal(err)
		}
		s, err := h.NewStream(t.Context(), n.info().ID, protoJoin)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Reset()
		go func() { _, _ = s.Write(make([]byte, 2*joinBudget)) }()
		if err := <-got; protocol.ReasonOf(err) != protocol.ReasonTooLarge {
			t.Errorf("got %v", err)
		}
	})
}

// Who joins asks twice. The second stream was reset where the first one, answered, had not
// left its seat yet.
func TestMesh_JoiningAsksAgainBeforeItsStreamHasEnded(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		n := w.member(0)
		n.join = func(ctx context.Context, s Stream) {
			_, _ = s.Write([]byte("yes"))
			select { // the answer is out, and this goroutine gets no turn
			case <-time.After(time.Second):
			case <-ctx.Done():
			}
		}
		h := w.stranger(9)
		if err := h.Connect(t.Context(), n.info()); err != nil {
			t.Fatal(err)
		}
		for i := range 2 {
			s, err := h.NewStream(t.Context(), n.info().ID, protoJoin)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Reset()
			_, _ = s.Write([]byte("x"))
			if _, err := io.ReadFull(s, make([]byte, 3)); err != nil {
				t.Fatalf("request %d: %v", i, err)
			}
		}
	})
}

func TestMesh_DialTellsWhyNot(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		a, b := w.member(0), w.outsider(1)
		name := func(n *node) string { return w.net.Addr(n.i) + "/p2p/" + idOf(n.Self()).String() }
		nobody := w.net.Addr(7) + "/p2p/" + idOf(testKey(7).Public()).String()

		from := time.Now()
		if _, err := a.Dial(t.Context(), []string{nobody}); protocol.ReasonOf(err) != protocol.ReasonUnreachable {
			t.Errorf("nobody there: %v", err)
		}
		if took := time.Since(from); took > openTimeout+time.Second {
			t.Errorf("gave up after %v", took)
		}
		if _, err := a.Dial(t.Context(), []string{"/ip4/1.2.3.4"}); protocol.ReasonOf(err) != protocol.ReasonConfig {
			t.Errorf("no key: %v", err)
		}
		if _, err := a.Dial(t.Context(), []string{name(a)}); protocol.ReasonOf(err) != protocol.ReasonUnreachable {
			t.Errorf("itself: %v", err)
		}
		if got, err := a.Dial(t.Context(), []string{nobody, name(b)}); err != nil || got != b.Self() {
			t.Errorf("one of two: %v, %v", got, err)
		}
		// A wrong key at a right address is not that node.
		if _, err := a.Dial(t.Context(), []string{w.net.Addr(1) + "/p2p/" + idOf(testKey(8).Public()).String()}); protocol.ReasonOf(err) != protocol.ReasonUnreachable {
			t.Errorf("wrong key: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		from = time.Now()
		if _, err := a.OpenSync(ctx, testKey(7).Public()); protocol.ReasonOf(err) != protocol.ReasonUnreachable {
			t.Errorf("sync with nobody: %v", err)
		}
		if took := time.Since(from); took > 2*time.Second {
			t.Errorf("gave up after %v", took)
		}
	})
}

// Eight outsiders that said nothing held all seats for joining, the members' own further
// nodes among them.
func TestSeats_NobodyTakesAllFromOnePlace(t *testing.T) {
	s := newSeats(joinStreamsPerPeer, joinStreams, joinStreamsPerAddress)
	id := func(n int) peer.ID { return idOf(testKey(n).Public()) }
	here, there := netip.MustParsePrefix("203.0.113.7/32"), netip.MustParsePrefix("198.51.100.1/32")
	took := 0
	for i := range 20 {
		if s.take(id(i), here) {
			took++
		}
	}
	if took != joinStreamsPerAddress {
		t.Errorf("%d seats for one address, want %d", took, joinStreamsPerAddress)
	}
	if !s.take(id(30), there) || !s.take(id(30), there) || s.take(id(30), there) {
		t.Error("another address finds no seat, or one node three")
	}
	s.leave(id(0), here)
	if !s.take(id(31), here) {
		t.Error("a seat that was left is not given again")
	}
	loop := netip.MustParsePrefix("127.0.0.1/32")
	for i := range 10 {
		if !s.take(id(40+i), loop) {
			t.Error("this machine's own nodes are counted as one place")
		}
	}
}

// Who asks too often from one address waits; others do not.
func TestSeats_RateOfAnAddress(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newSeats(joinStreamsPerPeer, joinStreams, joinStreamsPerAddress)
		here, there := netip.MustParsePrefix("203.0.113.7/32"), netip.MustParsePrefix("198.51.100.1/32")
		began := time.Now()
		for range joinBurst + 10 {
			if err := s.wait(t.Context(), here); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took < 4*time.Second || took > 6*time.Second {
			t.Errorf("ten requests beyond a burst waited %s", took)
		}
		began = time.Now()
		if err := s.wait(t.Context(), there); err != nil || time.Since(began) > 0 {
			t.Errorf("another address waited %s, %v", time.Since(began), err)
		}
		for i := range 3 * maxAddresses {
			_ = s.wait(t.Context(), netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 32))
		}
		if len(s.rates) > maxAddresses {
			t.Errorf("%d addresses are remembered", len(s.rates))
		}
	})
}

// Two machines under one key, as where a disk was copied: both are asked.
func TestMesh_EveryMachineUnderOneKeyIsAsked(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		n := w.member(0)
		twins := []*node{w.member(1), start(t, w, 2, func() Config {
			cfg := w.config(2)
			cfg.Key = testKey(1)
			return cfg
		}())}
		asked := make([]atomic.Int32, len(twins))
		for i, twin := range twins {
			twin.know(n) // they dial; n knows the key alone
			twin.sync = func(_ context.Context, s Stream) {
				asked[i].Add(1)
				_, _ = s.Write([]byte{byte(i)})
			}
		}
		w.until(10*time.Second, "two connections", func() bool { return len(n.host.Network().ConnsToPeer(idOf(twins[0].Self()))) == 2 })
		ask := func() error {
			s, err := n.OpenSync(t.Context(), twins[0].Self())
			if err != nil {
				return err
			}
			defer s.Close()
			if s.Version() != protocol.Version {
				t.Errorf("speaks version %d", s.Version())
			}
			_, err = io.ReadAll(s)
			return err
		}
		// libp2p prefers the connection with most streams: hold one open over the first.
		held, err := n.host.Network().ConnsToPeer(idOf(twins[0].Self()))[0].NewStream(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer held.Reset()
		for range 60 {
			if err := ask(); err != nil {
				t.Fatal(err)
			}
		}
		for i := range twins {
			if got := asked[i].Load(); got < 10 {
				t.Errorf("machine %d was asked %d times of 60", i, got)
			}
		}
		// A machine that is gone without a word costs moments, until its connection is given up.
		w.net.Isolate(2)
		before, began := asked[0].Load(), time.Now()
		for asked[0].Load() < before+10 {
			if err := ask(); err != nil {
				time.Sleep(time.Second)
			}
			if took := time.Since(began); took > time.Minute {
				t.Fatalf("the other machine was asked %d times in %v", asked[0].Load()-before, took)
			}
		}
	})
}
