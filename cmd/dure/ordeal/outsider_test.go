//go:build linux

package ordeal

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	libp2pproto "github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/client"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"
	"github.com/multiformats/go-varint"

	"github.com/dure-net/dure/node/home"
	"github.com/dure-net/dure/protocol"
)

// What members speak with each other, and the one protocol that is open to outsiders.
var (
	gossip       = libp2pproto.ID(protocol.ProtocolGossip(protocol.Version))
	syncProtocol = libp2pproto.ID(protocol.ProtocolSync(protocol.Version))
	joinProtocol = libp2pproto.ID(protocol.ProtocolJoin(protocol.Version))
)

// refused are protocols that some libp2p program or other speaks, and what members speak.
var refused = []libp2pproto.ID{
	syncProtocol, gossip, "/meshsub/1.2.0", "/meshsub/1.1.0", "/meshsub/1.0.0", "/floodsub/1.0.0",
	"/libp2p/circuit/relay/0.2.0/hop", "/libp2p/circuit/relay/0.2.0/stop", "/libp2p/dcutr", "/libp2p/autonat/1.0.0",
	"/libp2p/autonat/2/dial-request", "/ipfs/kad/1.0.0", "/ipfs/bitswap/1.2.0", "/ipfs/lan/kad/1.0.0", "/libp2p/fetch/0.0.1",
	"/dure/health/1", libp2pproto.ID(protocol.ProtocolJoin(protocol.Version + 1)), libp2pproto.ID(protocol.ProtocolSync(protocol.Version + 1)),
}

// stranger is a program of somebody else's that speaks libp2p. It says that it knows
// gossip, and notes every stream that the node opens to it.
func stranger(t testing.TB, seed []byte) (host.Host, chan libp2pproto.ID) {
	t.Helper()
	key, err := libp2pKey(seed)
	if err != nil {
		t.Fatal(err)
	}
	h, err := libp2p.New(libp2p.Identity(key), libp2p.NoListenAddrs)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	opened := make(chan libp2pproto.ID, 64) // a full one drops what follows; one is too many already
	for _, id := range append([]libp2pproto.ID{joinProtocol}, refused...) {
		h.SetStreamHandler(id, func(s network.Stream) {
			_ = s.SetReadDeadline(time.Now().Add(5 * time.Second))
			if n, _ := io.Copy(io.Discard, s); n > 0 {
				select {
				case opened <- s.Protocol():
				default:
				}
			}
			_ = s.Reset()
		})
	}
	return h, opened
}

func freshSeed() []byte {
	seed := make([]byte, 32)
	_, _ = rand.Read(seed) // crypto/rand never fails
	return seed
}

// A key that is nobody's gets identify, ping and join, and learns nothing from them that
// an invitation would not tell.
func TestOutsider(t *testing.T) {
	f := found(t, layout{members: 2, settle: func(_ *federation, _ int, c *home.Config) { c.Relay = true }})
	f.start()
	m := f.members[0]
	receipt, err := m.publish(request(1))
	if err != nil {
		t.Fatal(err)
	}
	f.settle(20*time.Second, 3)
	secrets := []string{f.id.String(), string(f.id.Bytes()), m.handle, f.members[1].handle, receipt.Feed, "entries", "health",
		nodeID(t, f.members[1].key.Public()).String(), f.members[1].key.Public().String()}

	h, opened := stranger(t, freshSeed())
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	to, err := peer.AddrInfoFromString(m.addresses()[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Connect(ctx, *to); err != nil {
		t.Fatalf("an outsider may knock: %v", err)
	}
	knocked := time.Now()
	if result := <-ping.Ping(ctx, h, to.ID); result.Error != nil {
		t.Errorf("ping: %v", result.Error)
	}

	offered, err := h.Peerstore().GetProtocols(to.ID)
	if err != nil || !slices.Contains(offered, joinProtocol) {
		t.Errorf("identify tells %v, %v", offered, err)
	}
	agent, _ := h.Peerstore().Get(to.ID, "AgentVersion")
	told := []byte(strings.Join(libp2pproto.ConvertToStrings(offered), " "))
	if text, ok := agent.(string); ok {
		told = append(told, text...)
	}
	for _, id := range refused {
		s, err := h.NewStream(ctx, to.ID, id)
		if err != nil {
			continue
		}
		// Some libraries open before the other side has agreed: what matters is the answer.
		_ = s.SetDeadline(time.Now().Add(3 * time.Second))
		_, _ = s.Write(hello())
		answer, err := io.ReadAll(s)
		if len(answer) > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s answers %q, %v", id, answer, err)
		}
		told = append(told, answer...)
		_ = s.Reset()
	}
	if reservation, err := client.Reserve(ctx, h, *to); err == nil {
		t.Errorf("the relay gives an outsider a place: %+v", reservation)
	}

	for name, question := range map[string]any{
		"another federation's": &protocol.JoinRequest{Federation: protocol.Sum([]byte("another")), Time: time.Now().UnixMilli()},
		"an empty request":     &protocol.JoinRequest{Federation: f.id, Time: time.Now().UnixMilli()},
		"a made-up inception":  &protocol.JoinRequest{Federation: f.id, Time: time.Now().UnixMilli(), Inception: []byte{0xa0}},
		"an invitation that was never given": func() any {
			seed := freshSeed()
			root := newKey(t)
			invitation := protocol.Invitation{Federation: f.id, Seed: seed}
			a, err := protocol.Application{Federation: f.id, Member: protocol.MemberFacts{Handle: "xx-nobody", Kind: protocol.KindCity, Country: "KR",
				Names: protocol.Text{"en": "Nobody"}, Root: root.Public()}}.Sign(root, invitation.Key())
			if err != nil {
				t.Fatal(err)
			}
			return &protocol.JoinRequest{Federation: f.id, Time: time.Now().UnixMilli(), Application: &a}
		}(),
	} {
		s, err := h.NewStream(ctx, to.ID, joinProtocol)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		_ = s.SetDeadline(time.Now().Add(5 * time.Second))
		if err := protocol.WriteFrame(s, question); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		raw, err := io.ReadAll(s)
		if err != nil || len(raw) == 0 {
			t.Errorf("%s: no answer: %v", name, err)
		}
		var answer protocol.JoinAnswer
		if err := protocol.ReadFrame(bufio.NewReader(bytes.NewReader(raw)), protocol.MaxFrameBytes, &answer); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if answer.State != protocol.JoinRefused || len(answer.Founding) > 0 || len(answer.Peers) > 0 {
			t.Errorf("%s: %+v", name, answer)
		}
		if name != "another federation's" { // which is told whom it has reached
			told = append(told, raw...)
		}
		_ = s.Close()
	}

	for _, secret := range secrets {
		if bytes.Contains(told, []byte(secret)) {
			t.Errorf("an outsider was told %q", secret)
		}
	}
	select {
	case id := <-opened:
		t.Errorf("the node said something to an outsider by %s", id)
	default:
	}
	s, err := m.status()
	if err != nil {
		t.Fatal(err)
	}
	if s.Ledger.Feeds != 2 {
		t.Errorf("%d chains: an outsider wrote", s.Ledger.Feeds)
	}

	if os.Getenv("DURE_PATIENT") == "" {
		return
	}
	for h.Network().Connectedness(to.ID) == network.Connected {
		if stayed := time.Since(knocked); stayed > 75*time.Second {
			t.Fatalf("still connected after %v", stayed)
		}
		time.Sleep(200 * time.Millisecond)
	}
	t.Logf("shown out after %v", time.Since(knocked))
}

// Whatever a stranger sends by any protocol, and whatever a member's own key sends, the
// node stays up, serves, and takes nothing in.
func TestGarbage(t *testing.T) {
	f := found(t, layout{members: 2})
	f.start()
	f.settle(20*time.Second, 2)
	m, captured := f.members[0], f.members[1]
	captured.stop()
	before, err := m.status()
	if err != nil {
		t.Fatal(err)
	}
	to, err := peer.AddrInfoFromString(m.addresses()[0])
	if err != nil {
		t.Fatal(err)
	}
	open := []libp2pproto.ID{joinProtocol, ping.ID, "/ipfs/id/1.0.0", "/ipfs/id/push/1.0.0"}
	for name, who := range map[string]struct {
		seed      []byte
		protocols []libp2pproto.ID
	}{
		"a stranger":     {freshSeed(), slices.Concat(open, refused)},
		"a member's key": {captured.key.Seed(), slices.Concat(open, refused)},
	} {
		h, _ := stranger(t, who.seed)
		ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
		defer cancel()
		sent, taken := 0, 0
		for _, id := range who.protocols {
			for _, rubbish := range garbage(f.id) {
				if h.Network().Connectedness(to.ID) != network.Connected {
					if err := h.Connect(ctx, *to); err != nil {
						t.Fatalf("%s cannot connect any more: %v", name, err)
					}
				}
				sent++
				limit, stop := context.WithTimeout(ctx, 2*time.Second)
				s, err := h.NewStream(limit, to.ID, id)
				stop()
				if err != nil {
					continue
				}
				_ = s.SetDeadline(time.Now().Add(50 * time.Millisecond)) // a node that waits for more is right to wait
				if _, err := s.Write(rubbish); err == nil {
					taken++
				}
				_ = s.CloseWrite()
				_, _ = io.CopyN(io.Discard, s, 1<<20)
				_ = s.Reset()
			}
		}
		t.Logf("%s: %d streams of rubbish, %d written to", name, sent, taken)
		// The rubbish of a member's key went where it was meant to go.
		if member := name == "a member's key"; answersHello(ctx, h, to.ID) != member {
			t.Errorf("%s: catch-up answers: %v", name, !member)
		}
		_ = h.Close()
	}
	after, err := m.status()
	if err != nil {
		t.Fatalf("the node does not serve: %v\n%s", err, m.lastWords())
	}
	if after.Node.State != "ready" || after.Ledger.Root != before.Ledger.Root || after.Ledger.Feeds != before.Ledger.Feeds {
		t.Errorf("%+v became %+v", before.Ledger, after.Ledger)
	}
	select {
	case <-m.ended:
		t.Fatalf("the node ended:\n%s", m.lastWords())
	default:
	}
	if kib := residentKiB(t, m); kib > 300<<10 {
		t.Errorf("%d MiB resident after rubbish", kib>>10)
	}
	// And the captured member's true node is taken back.
	captured.spawn()
	captured.awaitReady(20 * time.Second)
	m.mustPublish(5, request)
	captured.mustPublish(5, request)
	took := f.settle(30*time.Second, 12)
	t.Logf("the same again %v after the last record", took)
}

// hello is the first frame of catch-up, with a root of zeros.
func hello() []byte {
	return frame([]byte{0xa1, 0x61, 'r', 0x58, 0x20}, make([]byte, 32))
}

func answersHello(ctx context.Context, h host.Host, to peer.ID) bool {
	s, err := h.NewStream(ctx, to, syncProtocol)
	if err != nil {
		return false
	}
	defer func() { _ = s.Reset() }()
	_ = s.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := s.Write(hello()); err != nil {
		return false
	}
	var offer protocol.Offer
	return protocol.ReadFrame(bufio.NewReader(s), protocol.MaxFrameBytes, &offer) == nil
}

// frame is a length and what it announces.
func frame(parts ...[]byte) []byte {
	all := slices.Concat(parts...)
	return append(varint.ToUvarint(uint64(len(all))), all...)
}

// garbage is what breaks careless readers: noise, promises of more than there is, deep
// nesting, giant counts, right forms with wrong content.
func garbage(federation protocol.FederationID) [][]byte {
	noise := make([]byte, 40<<10)
	_, _ = rand.Read(noise)
	nested := func(n int) []byte { return append(bytes.Repeat([]byte{0x81}, n), 0xf6) }
	text := func(s string) []byte { return append([]byte{0x60 | byte(len(s))}, s...) }
	return [][]byte{
		nil,
		noise,
		frame(noise),
		{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}, // 2⁶⁴−1 bytes follow
		{0x80, 0x80, 0x40}, // 1 MiB follows, and does not
		{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, // no number at all
		frame(nested(100)),
		frame(nested(100_000)),
		frame([]byte{0x9b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}),                        // an array of 2⁶³−1
		frame([]byte{0xbb, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}),                        // a map of 2⁶³−1
		frame([]byte{0x5b, 0x00, 0x00, 0x00, 0x7f, 0xff, 0xff, 0xff, 0xff}),                        // a byte string of 512 GiB
		frame([]byte{0xa1}, text("r"), []byte{0x41, 0x00}),                                         // Hello with a short root
		frame([]byte{0xa2}, text("r"), []byte{0x58, 0x20}, make([]byte, 32), text("r"), []byte{0}), // a key twice
		frame([]byte{0xbf}, text("r"), []byte{0x58, 0x20}, make([]byte, 32), []byte{0xff}),         // indefinite length
		append(hello(), // a good Hello, and then
			frame([]byte{0xa1}, text("f"), []byte{0x9a, 0x00, 0x0f, 0xff, 0xff})...), // a million questions
		append(hello(),
			frame([]byte{0xa1}, text("r"), []byte{0x81}, text(strings.Repeat("f", 20)))...), // a range that is none
		frame([]byte{0x0a}, []byte{0xff, 0xff, 0xff, 0xff, 0x0f}, noise[:100]), // protobuf: a field of 4 GiB
		frame(append([]byte{0x0a, 0x60, 0x08, 0x01, 0x12, 0x5c}, []byte("/dure/"+federation.String()+"/entries")...)),
		bytes.Repeat(frame([]byte{0xa0}), 4096),
	}
}
