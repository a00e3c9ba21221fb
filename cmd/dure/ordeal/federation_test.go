//go:build linux

package ordeal

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	dice "math/rand/v2"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/dure-net/dure/node/enrol"
	"github.com/dure-net/dure/node/home"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
)

// federation is some member cities on this machine, each with its own home and process.
type federation struct {
	t       testing.TB
	id      protocol.FederationID
	members []*member
	bundle  []byte // the feeds of the members without a home
}

// layout says how a federation is prepared.
type layout struct {
	dir     string // where the homes are; empty: a directory of the test
	members int
	// settle changes one member's settings, after all members' keys and addresses stand.
	settle func(f *federation, i int, c *home.Config)
	// absent is a further founder that has published and does not run here.
	absent []enrol.SeedRecord
	place  func(i int, m *member) // network namespace and addresses; nil: loopback
}

// found prepares a federation as dure demo does: every founder's home is ready to start.
// Members try each other's addresses first; nothing else is looked for.
func found(t testing.TB, l layout) *federation {
	t.Helper()
	if l.dir == "" {
		l.dir = t.TempDir()
	}
	f := &federation{t: t}
	for i := range l.members {
		m := &member{t: t, handle: fmt.Sprintf("kr-town%d", i), key: newKey(t), root: newKey(t)}
		m.home = filepath.Join(l.dir, m.handle)
		if l.place != nil {
			l.place(i, m)
		} else {
			m.ip, m.port, m.api = "127.0.0.1", freePort(t), fmt.Sprintf("127.0.0.1:%d", freePort(t))
		}
		f.members = append(f.members, m)
	}
	rules, err := charter.RuleSet("charter-2014")
	if err != nil {
		t.Fatal(err)
	}
	seed := enrol.Seed{Names: protocol.Text{"en": "Ordeal"}, Charter: protocol.Text{"en": "We work together in turn."}, Rules: rules}
	facts := func(handle string) protocol.MemberFacts {
		return protocol.MemberFacts{Handle: handle, Kind: protocol.KindCity, Country: "KR", Names: protocol.Text{"en": "Town " + handle}}
	}
	for i, m := range f.members {
		c := home.Default()
		c.Listen = []string{fmt.Sprintf("/ip4/%s/udp/%d/quic-v1", m.ip, m.port), fmt.Sprintf("/ip4/%s/tcp/%d", m.ip, m.port)}
		*c.MDNS = false
		c.API.Listen = m.api
		c.Log.Level, c.Log.Format = "info", "text"
		c.Storage.FloorBytes = 32 << 20
		for _, other := range f.members {
			if other != m {
				c.Peers = append(c.Peers, other.addresses()...)
			}
		}
		c.Peers = c.Peers[:min(len(c.Peers), 64)]
		if l.settle != nil {
			l.settle(f, i, &c)
		}
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		seed.Members = append(seed.Members, enrol.SeedMember{Facts: facts(m.handle), Root: m.root, Node: m.key, Home: m.home, Config: c})
	}
	if l.absent != nil {
		seed.Members = append(seed.Members, enrol.SeedMember{Facts: facts("kr-away"), Root: newKey(t), Node: newKey(t), Records: l.absent})
	}
	var bundle bytes.Buffer
	if f.id, err = seed.Write(t.Context(), &bundle); err != nil {
		t.Fatal(err)
	}
	f.bundle = bundle.Bytes()
	return f
}

// start starts every member and waits until each is ready.
func (f *federation) start() {
	f.t.Helper()
	for _, m := range f.members {
		m.spawn()
	}
	for _, m := range f.members {
		m.awaitReady(30 * time.Second)
	}
}

// settle waits until all members hold the same ledger and want nothing, and returns how
// long that took. at says how many entries there must be at least.
func (f *federation) settle(within time.Duration, entries uint64, members ...*member) time.Duration {
	f.t.Helper()
	within = bar(within, patience)
	if len(members) == 0 {
		members = f.members
	}
	began := time.Now()
	var last string
	for {
		same := true
		var text strings.Builder
		root := ""
		for _, m := range members {
			s, err := m.status()
			if err != nil {
				fmt.Fprintf(&text, "%s: %v\n", m.handle, err)
				same = false
				continue
			}
			fmt.Fprintf(&text, "%s: %s, %d entries in %d chains, %d wanted, root %.12s, catching up %+v, connections:", m.handle, s.Node.State,
				s.Ledger.Entries, s.Ledger.Feeds, s.Ledger.Wanted, s.Ledger.Root, s.Catchup)
			for _, other := range s.Members {
				for _, n := range other.Nodes {
					if !n.Self {
						fmt.Fprintf(&text, " %s(%v %s relayed=%v)", other.Handle, n.Connected, n.Transport, n.Relayed)
					}
				}
			}
			text.WriteByte('\n')
			if root == "" {
				root = s.Ledger.Root
			}
			same = same && s.Ledger.Root == root && s.Ledger.Wanted == 0 && s.Ledger.Entries >= entries
		}
		took := time.Since(began)
		if same && took <= within {
			return took
		}
		if last = text.String(); took > within {
			f.t.Fatalf("after %v the ledgers are not the same (wanted: %d entries):\n%s%s", took, entries, last, f.logs(members))
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (f *federation) logs(members []*member) string {
	var all strings.Builder
	for _, m := range members {
		fmt.Fprintf(&all, "--- %s\n%s", m.handle, m.lastWords())
	}
	return all.String()
}

func newKey(t testing.TB) protocol.PrivateKey {
	t.Helper()
	seed := make([]byte, 32)
	if _, err := io.ReadFull(rand.Reader, seed); err != nil {
		t.Fatal(err)
	}
	key, err := protocol.NewPrivateKey(seed)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// nodeID is a node key's name among libp2p programs.
func nodeID(t testing.TB, key protocol.PublicKey) peer.ID {
	t.Helper()
	public, err := crypto.UnmarshalEd25519PublicKey(key[:])
	if err != nil {
		t.Fatal(err)
	}
	id, err := peer.IDFromPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// freePort is a port that is free for UDP and TCP on loopback.
func freePort(t testing.TB) int {
	t.Helper()
	// Below the ports that the system gives out by itself: what is free now is then not
	// taken by another test's outgoing connection before the node binds it.
	for range 200 {
		port := 12_000 + dice.IntN(20_000)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		u, err := net.ListenPacket("udp", fmt.Sprintf("127.0.0.1:%d", port))
		_ = l.Close()
		if err == nil {
			_ = u.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}
