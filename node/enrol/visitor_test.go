package enrol

import (
	"bufio"
	"context"
	"crypto/sha256"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dure-net/dure/node/home"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/replication/mesh"
)

// hasty breaks off so many requests to join before it answers one.
type hasty struct {
	guest
	breaks, asked atomic.Int32
}

func (h *hasty) ServeJoin(_ context.Context, _ mesh.Peer, s mesh.Stream) {
	if h.asked.Add(1) <= h.breaks.Load() {
		_ = s.Reset()
		return
	}
	var req protocol.JoinRequest
	if err := protocol.ReadFrame(bufio.NewReader(s), protocol.MaxFrameBytes, &req); err == nil {
		_ = protocol.WriteFrame(s, &protocol.JoinAnswer{State: protocol.JoinWelcome, Time: time.Now().UnixMilli()})
	}
}

// A node that broke off a request to join, as one under load did, is asked again, and the
// request that it answers counts. One that always does is given up after askTimes, as a node
// that does not answer.
func TestJoin_AsksAgainWhereTheNodeBreaksOff(t *testing.T) {
	seed := sha256.Sum256([]byte("a node that breaks off"))
	key, err := protocol.NewPrivateKey(seed[:])
	if err != nil {
		t.Fatal(err)
	}
	federation := protocol.Sum([]byte("a federation"))
	h, err := home.Create(filepath.Join(t.TempDir(), "joining"), protocol.MemberFacts{Handle: "es-bilbao", Kind: protocol.KindCity, Country: "ES",
		Names: protocol.Text{"es": "Bilbao"}, Root: key.Public()}, home.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		breaks int32
		want   protocol.Reason
	}{
		"three times": {3, protocol.ReasonNone},
		"always":      {1 << 20, protocol.ReasonUnreachable},
	} {
		t.Run(name, func(t *testing.T) {
			there := &hasty{guest: guest{}}
			there.breaks.Store(c.breaks)
			m, err := mesh.New(mesh.Config{Key: key, Federation: federation, Listen: []string{"/ip4/127.0.0.1/udp/0/quic-v1"}, NoGossip: true}, there)
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(context.Background())
			ended := make(chan error, 1)
			go func() { ended <- m.Run(ctx) }()
			defer func() { stop(); <-ended }()

			v, err := callOut(h, federation, JoinOptions{Timeout: time.Minute}, key.Public())
			if err != nil {
				t.Fatal(err)
			}
			defer v.leave()
			within, cancel := context.WithTimeout(context.Background(), 90*time.Second)
			defer cancel()
			for { // its door opens in a moment
				if _, err = v.mesh.Dial(within, mesh.WithNode(m.Addrs(), key.Public())); err == nil || within.Err() != nil {
					break
				}
			}
			if err != nil {
				t.Fatal(err)
			}
			answer, err := v.insist(within, key.Public(), protocol.JoinRequest{Federation: federation})
			if got := protocol.ReasonOf(err); got != c.want || got == protocol.ReasonNone && answer.State != protocol.JoinWelcome {
				t.Errorf("%d, %v", answer.State, err)
			}
			if asked := there.asked.Load(); asked > askTimes || asked != c.breaks+1 && asked < 2 {
				t.Errorf("it was asked %d times", asked)
			}
		})
	}
}
