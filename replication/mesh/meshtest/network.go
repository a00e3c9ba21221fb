// Package meshtest owns a simulated network for tests: real libp2p hosts exchange
// real QUIC packets over it, in virtual time when the test runs in a
// testing/synctest bubble, with seeded loss, latency, cuts, narrow lines and firewalls. It is
// never part of a program.
//
// The fate of each packet is drawn from the seed. The order in which goroutines
// send is not, so a seed repeats a run's conditions, not its every packet.
package meshtest

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/p2p/transport/quicreuse"
	"github.com/quic-go/quic-go"
	"go.uber.org/fx"
)

// tick is the grain of delivery: packets due in the same tick wake their readers
// once. It is small against any latency worth simulating.
const tick = 500 * time.Microsecond

// Network carries packets between hosts, which are numbered from 0. All methods are
// safe concurrently and take effect on packets sent afterwards; packets under way
// still arrive.
type Network struct {
	mu        sync.Mutex // guards what follows
	dice      *rand.Rand
	ends      map[netip.AddrPort]*endpoint
	waiting   packets
	sent      uint64
	lost      uint64
	loss      float64
	near, far time.Duration
	seed      uint64
	side      map[int]int     // partition: host -> group; nil when whole
	cuts      map[[2]int]bool // one-way: from, to
	shields   map[int]map[int]bool
	addrs     map[int]netip.AddrPort // hosts that do not have their default address
	lines     map[int]*access
	down      map[int]bool
	double    float64
	jitter    time.Duration
	fates     map[Fate]uint64
	received  map[int]uint64 // bytes, by host
	last      map[[2]int]time.Time

	bell chan struct{} // capacity 1: an earlier packet was sent, or the network closes
	done chan struct{} // closed by Close
	over chan struct{} // closed when run has ended
	once sync.Once
}

// NewNetwork starts a network without loss and with 5 ms latency each way. It is closed when
// the test ends; hosts must be closed before, as cleanups registered later are.
func NewNetwork(t testing.TB, seed uint64) *Network {
	t.Helper()
	n := &Network{
		dice: rand.New(rand.NewPCG(seed, 0)), seed: seed,
		near: 5 * time.Millisecond, far: 5 * time.Millisecond,
		ends: map[netip.AddrPort]*endpoint{}, cuts: map[[2]int]bool{}, shields: map[int]map[int]bool{}, addrs: map[int]netip.AddrPort{},
		lines: map[int]*access{}, down: map[int]bool{}, fates: map[Fate]uint64{}, received: map[int]uint64{}, last: map[[2]int]time.Time{},
		bell: make(chan struct{}, 1), done: make(chan struct{}), over: make(chan struct{}),
	}
	go n.run()
	t.Cleanup(n.Close)
	return n
}

// Close stops delivery and waits until it has stopped.
func (n *Network) Close() {
	n.once.Do(func() { close(n.done) })
	<-n.over
}

// Loss makes every packet get lost with probability p, from now on.
func (n *Network) Loss(p float64) { n.change(func() { n.loss = p }) }

// Latency gives each pair of hosts a delay of its own between near and far, the same
// in both directions, with a tenth of jitter.
func (n *Network) Latency(near, far time.Duration) {
	n.change(func() { n.near, n.far = near, max(near, far) })
}

// Partition lets hosts talk only within their group. Hosts in no group form one of
// their own. It replaces an earlier partition.
func (n *Network) Partition(groups ...[]int) {
	n.change(func() {
		n.side = map[int]int{}
		for i, group := range groups {
			for _, host := range group {
				n.side[host] = i + 1
			}
		}
	})
}

// Cut loses everything from one host to another, in that direction only.
func (n *Network) Cut(from, to int) { n.change(func() { n.cuts[[2]int{from, to}] = true }) }

// Isolate cuts one host from all others, in both directions, until Heal.
func (n *Network) Isolate(host int) { n.Partition([]int{host}) }

// Heal ends partitions and cuts. Loss, latency and shields stay.
func (n *Network) Heal() {
	n.change(func() { n.side = nil; clear(n.cuts) })
}

// Shield puts a host behind a firewall: packets reach it only from hosts it has
// sent to itself.
func (n *Network) Shield(host int) {
	n.change(func() { n.shields[host] = map[int]bool{} })
}

// Colocate gives hosts one IP address and a port each. It must be called before
// their Sockets are used.
func (n *Network) Colocate(hosts ...int) {
	n.change(func() {
		for i, host := range hosts {
			n.addrs[host] = netip.AddrPortFrom(home(hosts[0]).Addr(), home(host).Port()+uint16(i))
		}
	})
}

// Packets tells how many packets were sent, and how many of them were lost.
func (n *Network) Packets() (sent, lost uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.sent, n.lost
}

func (n *Network) change(f func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f()
}

// home is a host's default address: public, so that nothing treats it as a LAN's.
func home(host int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{1, 1, byte(host >> 8), byte(host)}), 4710)
}

func (n *Network) addr(host int) netip.AddrPort {
	if a, ok := n.addrs[host]; ok {
		return a
	}
	return home(host)
}

// Addr is the multiaddr host listens on, without a /p2p/ part.
func (n *Network) Addr(host int) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	a := n.addr(host)
	return fmt.Sprintf("/ip4/%s/udp/%d/quic-v1", a.Addr(), a.Port())
}

// Sockets put a node on the network as the given number: mesh.Config.Sockets. It listens
// on Addr, which the caller configures. Only QUIC is simulated. A host may be closed and
// another opened under the same number.
func (n *Network) Sockets(host int) *Sockets {
	n.mu.Lock()
	defer n.mu.Unlock()
	return &Sockets{network: n, host: host, ip: net.IP(n.addr(host).Addr().AsSlice())}
}

// Sockets are one host's.
type Sockets struct {
	network *Network
	host    int
	ip      net.IP
}

func (s *Sockets) ListenUDP(at *net.UDPAddr) (net.PacketConn, error) {
	return s.network.open(s.host, at)
}
func (s *Sockets) Source() net.IP { return s.ip }

// PreferredSourceIPForDestination is Source, as libp2p asks for it.
func (s *Sockets) PreferredSourceIPForDestination(*net.UDPAddr) (net.IP, error) { return s.ip, nil }

// HostOptions are Sockets for a plain libp2p host: somebody else's program.
func (n *Network) HostOptions(host int) []libp2p.Option {
	sockets := n.Sockets(host)
	return []libp2p.Option{
		// Its ticker is not aware of bubbles: it stalls synctest.
		libp2p.DisableIdentifyAddressDiscovery(),
		libp2p.QUICReuse(func(l fx.Lifecycle, reset quic.StatelessResetKey, token quic.TokenGeneratorKey, opts ...quicreuse.Option) (*quicreuse.ConnManager, error) {
			manager, err := quicreuse.NewConnManager(reset, token, opts...)
			if err == nil {
				l.Append(fx.StopHook(manager.Close))
			}
			return manager, err
		},
			quicreuse.OverrideSourceIPSelector(func() (quicreuse.SourceIPSelector, error) { return sockets, nil }),
			quicreuse.OverrideListenUDP(func(_ string, at *net.UDPAddr) (net.PacketConn, error) { return sockets.ListenUDP(at) })),
	}
}

func (n *Network) open(host int, a *net.UDPAddr) (net.PacketConn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	ap := a.AddrPort()
	at := netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	if old := n.ends[at]; old != nil && !old.isClosed() {
		return nil, &net.OpError{Op: "listen", Net: "udp", Addr: a, Err: syscall.EADDRINUSE}
	}
	e := &endpoint{network: n, host: host, at: at, bell: make(chan struct{}, 1)}
	n.ends[at] = e
	return e, nil
}

// packet is on its way.
type packet struct {
	due   time.Time
	order uint64
	from  *endpoint
	to    *endpoint
	data  []byte
}

type packets []packet

func (p packets) Len() int      { return len(p) }
func (p packets) Swap(i, j int) { p[i], p[j] = p[j], p[i] }
func (p packets) Less(i, j int) bool {
	if !p[i].due.Equal(p[j].due) {
		return p[i].due.Before(p[j].due)
	}
	return p[i].order < p[j].order
}
func (p *packets) Push(x any) { *p = append(*p, x.(packet)) }
func (p *packets) Pop() any {
	old := *p
	last := old[len(old)-1]
	old[len(old)-1] = packet{}
	*p = old[:len(old)-1]
	return last
}

// send decides a packet's fate.
func (n *Network) send(from *endpoint, to netip.AddrPort, data []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sent++
	target := n.ends[to]
	if target == nil {
		n.fates[Nowhere]++
		n.lost++
		return
	}
	if n.dropped(from.host, target.host) {
		n.lost++
		return
	}
	at, ok := time.Now(), true
	if a := n.lines[from.host]; a != nil {
		at, ok = n.turn(a, &a.up, at, len(data))
	}
	at = at.Add(n.delay(from.host, target.host))
	if a := n.lines[target.host]; ok && a != nil {
		at, ok = n.turn(a, &a.down, at, len(data))
	}
	if !ok {
		n.lost++
		return
	}
	pair := [2]int{from.host, target.host}
	if at.Before(n.last[pair]) {
		n.fates[Overtaken]++
	} else {
		n.last[pair] = at
	}
	data = append([]byte(nil), data...)
	n.carry(packet{due: at, order: n.sent, from: from, to: target, data: data})
	if n.double > 0 && n.dice.Float64() < n.double {
		n.fates[Doubled]++
		n.carry(packet{due: at.Add(n.delay(from.host, target.host)), order: n.sent, from: from, to: target, data: data})
	}
}

// carry puts a packet on its way; mu is held.
func (n *Network) carry(p packet) {
	p.due = p.due.Truncate(tick).Add(tick)
	heap.Push(&n.waiting, p)
	if n.waiting[0].order == p.order {
		select {
		case n.bell <- struct{}{}:
		default:
		}
	}
}

// dropped reports whether a packet is lost; mu is held.
func (n *Network) dropped(from, to int) bool {
	if shield, ok := n.shields[from]; ok {
		shield[to] = true
	}
	shield, shielded := n.shields[to]
	fate := Fate("")
	switch {
	case n.down[from] || n.down[to]:
		fate = Dark
	case n.side != nil && n.side[from] != n.side[to]:
		fate = Parted
	case n.cuts[[2]int{from, to}]:
		fate = CutOff
	case shielded && !shield[from]:
		fate = Shielded
	case n.loss > 0 && n.dice.Float64() < n.loss:
		fate = LostByChance
	default:
		return false
	}
	n.fates[fate]++
	return true
}

// delay is the pair's own latency with a little jitter; mu is held.
func (n *Network) delay(from, to int) time.Duration {
	if n.far == 0 {
		return 0
	}
	spread := n.far - n.near
	base := n.near
	if spread > 0 {
		pair := rand.NewPCG(n.seed, uint64(min(from, to))<<32|uint64(max(from, to)))
		base += time.Duration(pair.Uint64() % uint64(spread+1))
	}
	return base + time.Duration(n.dice.Int64N(int64(base)/10+1)) + time.Duration(n.dice.Int64N(int64(n.jitter)+1))
}

// run delivers packets when they are due.
func (n *Network) run() {
	defer close(n.over)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case <-n.done:
			return
		case <-n.bell:
		case <-timer.C:
		}
		now := time.Now()
		var due []packet
		n.mu.Lock()
		for len(n.waiting) > 0 && !n.waiting[0].due.After(now) {
			p := heap.Pop(&n.waiting).(packet)
			if n.down[p.to.host] {
				n.fates[Dark]++
				n.lost++
				continue
			}
			n.received[p.to.host] += uint64(len(p.data) + headerBytes)
			due = append(due, p)
		}
		next := time.Hour
		if len(n.waiting) > 0 {
			next = n.waiting[0].due.Sub(now)
		}
		n.mu.Unlock()
		for _, p := range due {
			p.to.deliver(p.from.at, p.data)
		}
		timer.Reset(next)
	}
}
