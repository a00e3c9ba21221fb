package meshtest

import (
	"errors"
	"net"
	"os"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// sockets opens one socket for each host, in a bubble.
func sockets(t *testing.T, hosts int, f func(t *testing.T, n *Network, s []net.PacketConn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork(t, 7)
		var s []net.PacketConn
		for i := range hosts {
			c, err := n.open(i, net.UDPAddrFromAddrPort(n.addr(i)))
			if err != nil {
				t.Fatal(err)
			}
			s = append(s, c)
		}
		f(t, n, s)
	})
}

// carry sends packets from one socket to another and returns the travel times of
// those that arrive within a second.
func carry(t *testing.T, from, to net.PacketConn, count int) []time.Duration {
	t.Helper()
	var took []time.Duration
	for i := range count {
		at := time.Now()
		if _, err := from.WriteTo([]byte{byte(i)}, to.LocalAddr()); err != nil {
			t.Fatal(err)
		}
		if err := to.SetReadDeadline(at.Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 10)
		size, sender, err := to.ReadFrom(b)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if size != 1 || b[0] != byte(i) || sender.String() != from.LocalAddr().String() {
			t.Fatalf("got %v from %v", b[:size], sender)
		}
		took = append(took, time.Since(at))
	}
	return took
}

func TestNetwork_LossAndLatency(t *testing.T) {
	sockets(t, 3, func(t *testing.T, n *Network, s []net.PacketConn) {
		n.Latency(20*time.Millisecond, 80*time.Millisecond)
		there, back := carry(t, s[0], s[1], 50), carry(t, s[1], s[0], 50)
		if len(there) != 50 || len(back) != 50 {
			t.Fatalf("%d and %d of 50 arrived", len(there), len(back))
		}
		low, high := slices.Min(append(there, back...)), slices.Max(append(there, back...))
		if low < 20*time.Millisecond || high > 89*time.Millisecond || high-low > low/10+2*tick {
			t.Errorf("took %v to %v", low, high)
		}
		n.Loss(0.2)
		if got := len(carry(t, s[0], s[2], 1000)); got < 750 || got > 850 {
			t.Errorf("%d of 1000 arrived at 20 %% loss", got)
		}
		if sent, lost := n.Packets(); sent != 1100 || lost < 150 || lost > 250 {
			t.Errorf("counted %d sent, %d lost", sent, lost)
		}
	})
}

func TestNetwork_WhoReachesWhom(t *testing.T) {
	sockets(t, 4, func(t *testing.T, n *Network, s []net.PacketConn) {
		expect := func(what string, want ...[2]int) {
			t.Helper()
			for i := range s {
				for j := range s {
					if i == j {
						continue
					}
					if got := len(carry(t, s[i], s[j], 1)) == 1; got != slices.Contains(want, [2]int{i, j}) {
						t.Errorf("%s: %d to %d: got %v", what, i, j, got)
					}
				}
			}
		}
		var all [][2]int
		for i := range 4 {
			for j := range 4 {
				all = append(all, [2]int{i, j})
			}
		}
		without := func(gone ...[2]int) [][2]int {
			return slices.DeleteFunc(slices.Clone(all), func(p [2]int) bool { return slices.Contains(gone, p) })
		}
		expect("whole", all...)
		n.Partition([]int{0, 1})
		expect("halves", [2]int{0, 1}, [2]int{1, 0}, [2]int{2, 3}, [2]int{3, 2})
		n.Partition([]int{0}, []int{1, 2})
		expect("three parts", [2]int{1, 2}, [2]int{2, 1})
		n.Heal()
		n.Cut(0, 3)
		expect("one way", without([2]int{0, 3})...)
		n.Heal()
		n.Shield(2)
		expect("shielded", without([2]int{0, 2}, [2]int{1, 2})...) // it has sent to 3 by the time 3 sends
		expect("opened from inside", all...)
	})
}

func TestNetwork_OneSocketAnAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork(t, 7)
		n.Colocate(3, 4)
		if n.Addr(3) != "/ip4/1.1.0.3/udp/4710/quic-v1" || n.Addr(4) != "/ip4/1.1.0.3/udp/4711/quic-v1" {
			t.Errorf("got %s and %s", n.Addr(3), n.Addr(4))
		}
		at := net.UDPAddrFromAddrPort(n.addr(4))
		first, err := n.open(4, at)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := n.open(4, at); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("got %v", err)
		}
		first.Close()
		if _, _, err := first.ReadFrom(nil); !errors.Is(err, net.ErrClosed) {
			t.Errorf("reading a closed socket: %v", err)
		}
		again, err := n.open(4, at)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(carry(t, again, again, 3)); got != 3 {
			t.Errorf("%d of 3 arrived after reopening", got)
		}
	})
}

// A line carries what its rate allows, keeps a bounded queue, and delays what it carries.
func TestNetwork_Line(t *testing.T) {
	sockets(t, 2, func(t *testing.T, n *Network, s []net.PacketConn) {
		n.SetLine(1, Line{Rate: 256_000, Delay: 300 * time.Millisecond})
		began := time.Now()
		const packets, size = 100, 1252
		for range packets {
			if _, err := s[0].WriteTo(make([]byte, size), s[1].LocalAddr()); err != nil {
				t.Fatal(err)
			}
		}
		arrived, last := 0, time.Duration(0)
		for {
			_ = s[1].SetReadDeadline(began.Add(10 * time.Second))
			if _, _, err := s[1].ReadFrom(make([]byte, 2000)); err != nil {
				break
			}
			arrived++
			if last = time.Since(began); arrived == 1 && last < 344*time.Millisecond {
				t.Errorf("the first packet took %s", last)
			}
		}
		each := time.Duration(float64(size+headerBytes) * 8 / 256_000 * float64(time.Second))
		if want := int(500*time.Millisecond/each) + 1; arrived < want || arrived > want+1 {
			t.Errorf("%d packets fit a queue of half a second, want %d", arrived, want)
		}
		if want := 305*time.Millisecond + time.Duration(arrived)*each; last < want-each || last > want+each {
			t.Errorf("the last of %d arrived after %s, want %s", arrived, last, want)
		}
		if n.Fates()[Crowded] != uint64(packets-arrived) || n.Received(1) != uint64(arrived*(size+headerBytes)) {
			t.Errorf("counted %v and %d bytes", n.Fates(), n.Received(1))
		}
	})
}

// A host that is down neither sends nor receives, not even what is under way.
func TestNetwork_Down(t *testing.T) {
	sockets(t, 2, func(t *testing.T, n *Network, s []net.PacketConn) {
		if _, err := s[0].WriteTo([]byte{1}, s[1].LocalAddr()); err != nil {
			t.Fatal(err)
		}
		n.Down(1)
		_ = s[1].SetReadDeadline(time.Now().Add(time.Second))
		if _, _, err := s[1].ReadFrom(make([]byte, 10)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("what was under way: %v", err)
		}
		if len(carry(t, s[0], s[1], 3)) != 0 || len(carry(t, s[1], s[0], 3)) != 0 {
			t.Error("a host that is down talks")
		}
		n.Up(1)
		if len(carry(t, s[0], s[1], 3)) != 3 {
			t.Error("a host that is up again does not")
		}
		if got := n.Fates()[Dark]; got != 7 {
			t.Errorf("%d packets were lost in the dark, want 7", got)
		}
	})
}

// Packets arrive twice and overtake one another where they are told to.
func TestNetwork_DuplicatesAndOvertakes(t *testing.T) {
	sockets(t, 2, func(t *testing.T, n *Network, s []net.PacketConn) {
		n.Duplicate(0.5)
		n.Jitter(50 * time.Millisecond)
		for i := range 100 {
			_, _ = s[0].WriteTo([]byte{byte(i)}, s[1].LocalAddr())
			time.Sleep(time.Millisecond)
		}
		arrived := 0
		for _ = s[1].SetReadDeadline(time.Now().Add(time.Second)); ; arrived++ {
			if _, _, err := s[1].ReadFrom(make([]byte, 10)); err != nil {
				break
			}
		}
		fates := n.Fates()
		if arrived < 130 || arrived > 170 || uint64(arrived) != 100+fates[Doubled] || fates[Overtaken] < 20 {
			t.Errorf("%d arrived; %v", arrived, fates)
		}
	})
}
