//go:build linux

package ordeal

import (
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/home"
)

// The networks of municipalities. Every member is a machine of its own.

const nodePort = 4710

// onMachines places members on machines of the outside: 10.77.0.1, .2, …
func (l *lab) onMachines(i int, m *member) {
	m.ip, m.port, m.api = fmt.Sprintf("10.77.0.%d", i+1), nodePort, "127.0.0.1:7710"
	name := fmt.Sprintf("m%d", i)
	l.machine(name, m.ip)
	m.space = l.name(name)
}

func (l *lab) space(i int) string { return fmt.Sprintf("m%d", i) }

// A firewall that drops every datagram: TCP carries all of it.
func TestNetwork_AllUDPDropped(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	f := found(t, layout{members: 3, place: l.onMachines})
	for i := range f.members {
		for _, hook := range []string{"input", "output"} {
			l.wall(l.space(i), hook, "accept", "meta l4proto tcp accept", "meta l4proto udp drop")
		}
	}
	f.start()
	for _, m := range f.members {
		m.mustPublish(20, request)
	}
	took := f.settle(30*time.Second, 60)
	t.Logf("the same over TCP %v after the last record", took)
	for _, m := range f.members[1:] {
		if link := awaitLink(t, 20*time.Second, f.members[0], m); link.Relayed || link.Transport != "tcp" {
			t.Errorf("%s: %+v", m.handle, link)
		}
	}
}

// Two members behind routers that let nobody in and take another port for every
// conversation, and one public member that relays.
func TestNetwork_TwoWithoutInbound(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	f := found(t, layout{members: 3, place: func(i int, m *member) {
		if i == 0 {
			l.onMachines(i, m)
			return
		}
		router, inside := fmt.Sprintf("r%d", i), fmt.Sprintf("192.168.%d.254", i)
		m.ip, m.port, m.api = fmt.Sprintf("192.168.%d.1", i), nodePort, "127.0.0.1:7710"
		l.router(router, fmt.Sprintf("10.77.0.%d", 200+i), inside, "fully-random")
		l.behind(router, inside, l.space(i), m.ip)
		m.space = l.name(l.space(i))
	}, settle: func(_ *federation, i int, c *home.Config) { c.Relay = i == 0 }})
	f.start()
	for _, m := range f.members {
		m.mustPublish(100, request)
	}
	took := f.settle(30*time.Second, 300)
	t.Logf("the same %v after the last record", took)
	if link := awaitLink(t, 40*time.Second, f.members[1], f.members[2]); !link.Relayed {
		t.Errorf("%+v: there is no direct way between the two", link)
	}
}

// Two members that reach nothing but a public relay, which is nobody's member, cuts each
// relayed connection at 128 KiB, and so must be asked again and again. There is no other
// way between the two.
func TestNetwork_NothingButAStockRelay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		record func(int) []byte
		count  int
		within time.Duration
	}{
		{"short records", request, 700, 90 * time.Second},
		{"long records", notice, 13, 90 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			const relayIP = "10.77.0.100"
			l.machine("relay", relayIP)
			key := newKey(t)
			via := []string{
				fmt.Sprintf("/ip4/%s/tcp/%d/p2p/%s", relayIP, nodePort, nodeID(t, key.Public())),
				fmt.Sprintf("/ip4/%s/udp/%d/quic-v1/p2p/%s", relayIP, nodePort, nodeID(t, key.Public())),
			}
			f := found(t, layout{members: 2, place: l.onMachines, settle: func(_ *federation, _ int, c *home.Config) { c.RelayVia = via }})
			for i := range f.members {
				l.wall(l.space(i), "input", "drop", "iifname lo accept", "ip saddr "+relayIP+" accept")
				l.wall(l.space(i), "output", "drop", "oifname lo accept", "ip daddr "+relayIP+" accept")
			}
			l.play("relay", fmt.Sprintf("%s %s /ip4/%s/tcp/%d /ip4/%s/udp/%d/quic-v1", stockRelay,
				hex.EncodeToString(key.Seed()), relayIP, nodePort, relayIP, nodePort))
			// Both write before they have met, so that all of it is for catch-up.
			for _, m := range f.members {
				m.spawn()
			}
			for _, m := range f.members {
				m.awaitReady(30 * time.Second)
			}
			f.members[0].mustPublish(c.count, c.record)
			f.members[1].mustPublish(10, request)
			took := f.settle(c.within, uint64(c.count+10))
			s, err := f.members[1].status()
			if err != nil {
				t.Fatal(err)
			}
			link, err := f.members[1].link(f.members[0])
			if err == nil && link.Connected && !link.Relayed {
				t.Errorf("%+v: there is no way but the relay", link)
			}
			if s.Ledger.Bytes < 3*128<<10 {
				t.Errorf("%d bytes prove little about a limit of 128 KiB", s.Ledger.Bytes)
			}
			t.Logf("%d KiB in relayed connections of 128 KiB: the same %v after the last record", s.Ledger.Bytes>>10, took)
		})
	}
}

// play runs this test binary in a role, inside a namespace, until the test is over.
func (l *lab) play(space, role string) {
	l.t.Helper()
	self, err := os.Executable()
	if err != nil {
		l.t.Fatal(err)
	}
	cmd := exec.Command("ip", "netns", "exec", l.name(space), self)
	cmd.Env = append(plainEnvironment(), roleVariable+"="+role)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
}

// Nine members of one town hall share one address; one member is outside.
func TestNetwork_NineBehindOneAddress(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	const town = "town"
	l.router(town, "10.77.0.200", "192.168.7.254", "")
	f := found(t, layout{members: 10, place: func(i int, m *member) {
		if i == 0 {
			l.onMachines(i, m)
			return
		}
		m.ip, m.port, m.api = fmt.Sprintf("192.168.7.%d", i), nodePort, "127.0.0.1:7710"
		l.behind(town, "192.168.7.254", l.space(i), m.ip)
		m.space = l.name(l.space(i))
		// Every office has its own wall: the nine do not reach each other either.
		l.wall(l.space(i), "input", "accept", "ip saddr 192.168.7.254 accept", "ip saddr 192.168.7.0/24 drop")
	}, settle: func(f *federation, i int, c *home.Config) {
		c.Peers = nil
		if i > 0 {
			c.Peers = f.members[0].addresses()
			return
		}
		for _, m := range f.members[1:] {
			c.Peers = append(c.Peers, m.addresses()[1]) // vouches for the node; the address leads nowhere
		}
	}})
	f.start()
	for _, m := range f.members {
		m.mustPublish(5, request)
	}
	took := f.settle(40*time.Second, 50)
	outer := f.members[0]
	for _, m := range f.members[1:] {
		if link := awaitLink(t, 20*time.Second, outer, m); link.Relayed {
			t.Errorf("%s: %+v", m.handle, link)
		}
	}
	t.Logf("the same at all ten %v after the last record", took)
}

// A line that loses every fifth packet in one direction.
func TestNetwork_OneWayLoss(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	f := found(t, layout{members: 3, place: l.onMachines})
	l.wall(l.space(1), "input", "accept", "iifname lo accept", "numgen random mod 100 < 20 drop")
	f.start()
	for _, m := range f.members {
		m.mustPublish(100, request)
	}
	took := f.settle(60*time.Second, 300)
	t.Logf("the same %v after the last record", took)
}

// awaitLink waits until two members are connected, whichever way.
func awaitLink(t *testing.T, within time.Duration, a, b *member) api.NodeStatus {
	t.Helper()
	within = bar(within, patience)
	began := time.Now()
	for {
		link, err := a.link(b)
		if err == nil && link.Connected {
			t.Logf("%s and %s are connected after another %v, relayed: %v, %s", a.handle, b.handle, time.Since(began), link.Relayed, link.Transport)
			return link
		}
		if time.Since(began) > within {
			t.Fatalf("%s and %s are not connected after %v: %+v, %v\n%s\n%s", a.handle, b.handle, within, link, err, a.lastWords(), b.lastWords())
		}
		time.Sleep(50 * time.Millisecond)
	}
}
