package mesh

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

type peerID = peer.ID

func TestPeer_IsTheLibp2pIdentity(t *testing.T) {
	key, err := hostKey(testKey(1))
	if err != nil {
		t.Fatal(err)
	}
	want, err := peer.IDFromPublicKey(key.GetPublic())
	if err != nil {
		t.Fatal(err)
	}
	if got := idOf(testKey(1).Public()); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, ok := peerOf(want); !ok || got != testKey(1).Public() {
		t.Errorf("got %v, %v", got, ok)
	}
	if got, ok := NodeOf(ID(testKey(1).Public())); !ok || got != testKey(1).Public() || ID(got) != want.String() {
		t.Errorf("text form: got %v, %v", got, ok)
	}
	if _, ok := NodeOf("nobody"); ok {
		t.Error("nonsense names a node")
	}
	for _, kind := range []int{crypto.Secp256k1, crypto.ECDSA, crypto.RSA} {
		_, public, err := crypto.GenerateKeyPairWithReader(kind, 2048, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		id, err := peer.IDFromPublicKey(public)
		if err != nil {
			t.Fatal(err)
		}
		if p, ok := peerOf(id); ok {
			t.Errorf("a key of kind %d is the node %v", kind, p)
		}
	}
	for _, id := range []peer.ID{"", want[:37], want + "x", "x" + want[1:]} {
		if _, ok := peerOf(id); ok {
			t.Errorf("%q is a node", id)
		}
	}
}

func TestAdvertised_BestFirst(t *testing.T) {
	parse := func(texts ...string) []ma.Multiaddr {
		addrs, err := parseAddrs("", texts)
		if err != nil {
			t.Fatal(err)
		}
		return addrs
	}
	text := func(addrs []ma.Multiaddr) string {
		var s []string
		for _, a := range addrs {
			s = append(s, a.String())
		}
		return strings.Join(s, " ")
	}
	relayed := parse("/ip4/9.9.9.9/tcp/1/p2p/12D3KooWBVZCcnfGMQuKKXvKohTaWhbimpVCjpbrTnJ6bgXtPra6/p2p-circuit")
	got := advertised(parse("/ip4/127.0.0.1/tcp/1", "/ip4/10.0.0.1/tcp/1", "/ip6/fe80::1/tcp/1", "/ip4/8.8.8.8/tcp/1", "/ip4/8.8.8.8/tcp/1", "/dns4/node.seoul.go.kr/tcp/1"), relayed)
	want := text(slices.Concat(parse("/ip4/8.8.8.8/tcp/1", "/dns4/node.seoul.go.kr/tcp/1"), relayed, parse("/ip4/10.0.0.1/tcp/1")))
	if text(got) != want {
		t.Errorf("got  %s\nwant %s", text(got), want)
	}
	if got := text(advertised(parse("/ip4/127.0.0.1/tcp/1"), nil)); got != "/ip4/127.0.0.1/tcp/1" {
		t.Errorf("alone on a machine: %q", got)
	}
	var many []string
	for i := range 40 {
		many = append(many, fmt.Sprintf("/ip4/8.8.8.8/tcp/%d", i+1))
	}
	if got := advertised(parse(many...), nil); len(got) != maxListenAddrs || text(got[:1]) != many[0] {
		t.Errorf("%d addresses, first %s", len(got), text(got[:1]))
	}
}

func TestOrigin_IsAddressOrBlock(t *testing.T) {
	for addr, want := range map[string]string{
		"/ip4/1.2.3.4/udp/1/quic-v1":   "1.2.3.4/32",
		"/ip6/2001:db8:1:2:3::4/tcp/1": "2001:db8:1:2::/64",
		"/ip6/::ffff:1.2.3.4/tcp/1":    "1.2.3.4/32",
		"/ip4/9.9.9.9/tcp/1/p2p/12D3KooWBVZCcnfGMQuKKXvKohTaWhbimpVCjpbrTnJ6bgXtPra6/p2p-circuit": "invalid Prefix",
		"/dns4/example.org/tcp/1": "invalid Prefix",
	} {
		if got := origin(ma.StringCast(addr)).String(); got != want {
			t.Errorf("%s: got %s, want %s", addr, got, want)
		}
	}
}

func TestLogging_LibrariesAreQuieter(t *testing.T) {
	var out bytes.Buffer
	log := quieter(slog.New(slog.NewTextHandler(&out, nil)))
	log.Debug("d")
	log.Info("i")
	log.Warn("w")
	if out.Len() > 0 {
		t.Errorf("a library speaks to the secretariat: %s", out.String())
	}
	log.With("a", 1).WithGroup("g").Error("e", "b", 2)
	if got := out.String(); !strings.Contains(got, "level=WARN msg=e library=libp2p a=1 g.b=2") {
		t.Errorf("got %q", got)
	}
}
