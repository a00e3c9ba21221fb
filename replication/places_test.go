package replication

import (
	"context"
	"fmt"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/replication/mesh"
)

// pipe is a stream between two replicas of one process, without any room of its own: a
// write lasts until it is read.
type pipe struct {
	net.Conn
	peer mesh.Peer
}

func (p pipe) CloseWrite() error { return p.Close() }
func (p pipe) Reset() error      { return p.Close() }
func (p pipe) Peer() mesh.Peer   { return p.peer }
func (p pipe) Limited() bool     { return false }
func (p pipe) Addr() string      { return "/memory/1" }
func (p pipe) Version() uint64   { return protocol.Version }

// wires is a network whose nodes answer catch-up as the test says.
type wires struct {
	nobody
	answer map[mesh.Peer]func(mesh.Stream)
}

func (w wires) OpenFiles(ctx context.Context, node mesh.Peer) (mesh.Stream, error) {
	return w.OpenSync(ctx, node)
}

func (w wires) OpenSync(_ context.Context, node mesh.Peer) (mesh.Stream, error) {
	answer := w.answer[node]
	if answer == nil {
		return w.nobody.OpenSync(context.Background(), node)
	}
	here, there := net.Pipe()
	go answer(pipe{there, mesh.Peer{}})
	return pipe{here, node}, nil
}

// Thirty-two nodes that answer nothing, or a little at a time, held all places there were
// for catching up: nothing was fetched from anybody else.
func TestCatchUp_HeldPlacesAreGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const hostile = 100
		from, to := newLone(t, 2, nil), newLone(t, 2, nil)
		defer from.store.Close()
		defer to.store.Close()
		honest := keyOf(t, "honest").Public()
		ctx, cancel := context.WithCancel(context.Background())
		w := wires{answer: map[mesh.Peer]func(mesh.Stream){
			honest: func(s mesh.Stream) { from.Handler().ServeSync(ctx, keyOf(t, "asker").Public(), s); s.Close() },
		}}
		if err := from.Begin(ctx); err != nil {
			t.Fatal(err)
		}
		for i := range hostile {
			w.answer[keyOf(t, fmt.Sprint("hostile ", i)).Public()] = func(s mesh.Stream) {
				defer s.Close()
				one := make([]byte, 1)
				if i%2 == 0 {
					_, _ = s.Read(one) // and never again
					<-ctx.Done()
					return
				}
				for {
					if _, err := s.Read(one); err != nil { // byte by byte
						return
					}
					time.Sleep(time.Second)
				}
			}
		}
		done := make(chan error)
		go func() { done <- to.Run(ctx, w) }()
		for i := range hostile {
			to.Handler().Connected(keyOf(t, fmt.Sprint("hostile ", i)).Public())
		}
		time.Sleep(time.Minute) // they have taken all they can get
		for range 5 {
			if err := from.offer(); err != nil {
				t.Fatal(err)
			}
			to.Handler().Connected(honest)
			began := time.Now()
			for to.Root() != from.Root() {
				time.Sleep(10 * time.Millisecond)
				if time.Since(began) > allowed(time.Minute) {
					t.Fatal("nothing was fetched within a minute")
				}
			}
			took := time.Since(began)
			t.Logf("fetched after %s", took)
			if took > 10*time.Second {
				t.Errorf("it took %s", took)
			}
			to.mu.Lock()
			if n := len(to.places.taken); n > longPlaces+quickPlaces {
				t.Errorf("%d exchanges at once", n)
			}
			to.mu.Unlock()
		}
		cancel()
		<-done
		time.Sleep(2 * time.Second) // the other sides notice
	})
}

// A node that does not read what it asked for has the answers to it wait, and nobody
// else's.
func TestServe_SlowReaderCostsOthersNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLone(t, 2, nil)
		defer l.store.Close()
		l.w.fillSome(t, l.Replica, 2000)
		ctx, cancel := context.WithCancel(context.Background())
		var all []protocol.RunAsk
		for _, h := range l.store.Feeds() {
			all = append(all, protocol.RunAsk{Feed: h.Feed.Digest()})
		}
		ask := func(node mesh.Peer, then func(s mesh.Stream)) (ended chan struct{}) {
			here, there := net.Pipe()
			ended = make(chan struct{})
			go func() {
				defer close(ended)
				l.Handler().ServeSync(ctx, node, pipe{there, node})
				there.Close()
			}()
			s := pipe{here, node}
			if err := protocol.WriteFrame(s, &protocol.Hello{}); err != nil {
				t.Fatal(err)
			}
			var offer protocol.Offer
			if err := protocol.ReadFrame(byteReader{s}, protocol.MaxFrameBytes, &offer); err != nil {
				t.Fatal(err)
			}
			if err := protocol.WriteFrame(s, &protocol.Ask{Runs: all}); err != nil {
				t.Fatal(err)
			}
			go func() { then(s); here.Close() }()
			return ended
		}
		began := time.Now()
		var stalled []chan struct{}
		for i := range 200 {
			node := keyOf(t, fmt.Sprint("slow ", i/4)).Public()
			stalled = append(stalled, ask(node, func(mesh.Stream) { <-ctx.Done() }))
		}
		read := 0
		<-ask(keyOf(t, "quick").Public(), func(s mesh.Stream) {
			for {
				var sent protocol.Sent
				if err := protocol.ReadFrame(byteReader{s}, protocol.MaxFrameBytes, &sent); err != nil || sent.End {
					return
				}
				read += len(sent.Headers)
			}
		})
		if took := time.Since(began); read != 2000 || took > time.Second {
			t.Errorf("%d entries read after %s", read, took)
		}
		for _, ended := range stalled { // each node's two streams one after another
			<-ended
		}
		if took := time.Since(began); took > 3*frameTime {
			t.Errorf("streams that nobody reads ended after %s", took)
		}
		cancel()
	})
}

// byteReader reads a frame and nothing beyond it.
type byteReader struct{ mesh.Stream }

func (b byteReader) ReadByte() (byte, error) {
	var one [1]byte
	_, err := b.Read(one[:])
	return one[0], err
}
