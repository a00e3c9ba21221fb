package mesh

import (
	"fmt"
	"testing"
	"time"
)

func TestMesh_PartitionHeals(t *testing.T) {
	for _, apart := range []time.Duration{5 * time.Second, 20 * time.Second, 60 * time.Second, 4 * time.Minute} {
		t.Run(fmt.Sprint(apart), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t, uint64(apart))
				w.net.Latency(5*time.Millisecond, 60*time.Millisecond)
				w.net.Loss(0.02)
				nodes := w.federation(8)
				w.until(10*time.Second, "connected", allConnected(nodes...))
				w.net.Partition([]int{0, 1, 2, 3})
				time.Sleep(apart)
				before := map[*node]int{}
				for _, n := range nodes[4:] {
					before[n] = nodes[0].meetings(n)
				}
				w.net.Heal()
				took := w.until(8*time.Second, "connected again", func() bool {
					for _, n := range nodes {
						for _, o := range nodes {
							if n != o && !n.usable(o) {
								return false
							}
						}
					}
					return true
				})
				t.Logf("healed after %v", took)
				if apart < quietTime+pingTimeout {
					return // connections outlast short partitions
				}
				for _, n := range nodes[4:] {
					if apart > 2*(quietTime+pingTimeout) && nodes[0].meetings(n) == before[n] {
						t.Errorf("node 0 was not told that %d is back", n.i)
					}
				}
			})
		})
	}
}

// usable reports whether the two nodes hear each other now, not merely believe to.
func (n *node) usable(o *node) bool {
	if !n.connectedTo(o) {
		return false
	}
	return n.meter.quiet(idOf(o.Self())) < quietTime+pingTimeout
}

func TestMesh_OneWayCutHeals(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		nodes := w.federation(3)
		w.until(5*time.Second, "connected", allConnected(nodes...))
		w.net.Cut(0, 1)
		time.Sleep(40 * time.Second)
		if nodes[0].connectedTo(nodes[1]) || nodes[1].connectedTo(nodes[0]) {
			t.Error("a connection that works one way only was kept")
		}
		// Gossip goes around through the third.
		if err := nodes[0].Announce([]byte("around")); err != nil {
			t.Fatal(err)
		}
		w.until(3*time.Second, "heard through the third", func() bool { return nodes[1].hears("around") })
		w.net.Heal()
		took := w.until(8*time.Second, "connected again", allConnected(nodes...))
		t.Logf("healed after %v", took)
	})
}

func TestMesh_DeadPeersHoldUpNobody(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		a, b := w.member(0), w.member(1)
		var known []Known
		for i := 100; i < 160; i++ {
			known = append(known, Known{Node: testKey(i).Public(), Addrs: []string{w.net.Addr(i)}})
			w.in[testKey(i).Public()] = true
		}
		known = append(known, Known{Node: b.Self(), Addrs: []string{w.net.Addr(1)}})
		a.SetPeers(known)
		w.until(2*time.Second, "the living one connected", allConnected(a, b))

		// One that comes up later is found soon.
		time.Sleep(3 * time.Minute)
		late := w.member(150)
		took := w.until(8*time.Second, "the late one connected", allConnected(a, late))
		t.Logf("found after %v", took)

		// And one that leaves the list is dialled no more.
		a.SetPeers(nil)
		time.Sleep(10 * time.Second)
		before, _ := w.net.Packets()
		time.Sleep(9 * time.Second)
		after, _ := w.net.Packets()
		if after-before > 100 {
			t.Errorf("%d packets without a list", after-before)
		}
	})
}

func TestMesh_RestartIsNoticed(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		nodes := w.federation(3)
		w.until(5*time.Second, "connected", allConnected(nodes...))
		nodes[2].halt()
		w.until(time.Second, "its leaving noticed", func() bool { return !nodes[0].connectedTo(nodes[2]) })
		time.Sleep(30 * time.Second)
		again := w.member(2)
		again.know(nodes[:2]...)
		took := w.until(5*time.Second, "connected again", allConnected(nodes[0], nodes[1], again))
		t.Logf("back after %v", took)
		w.until(2*time.Second, "told", func() bool { return nodes[0].meetings(again) >= 2 })
	})
}

// Nine and more members behind one address, as in a municipality.
func TestMesh_ManyMembersBehindOneAddress(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		w.net.Colocate(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13)
		nodes := w.federation(16)
		w.until(5*time.Second, "connected", allConnected(nodes...))
		w.net.Partition([]int{14, 15})
		time.Sleep(time.Minute)
		w.net.Heal()
		w.until(8*time.Second, "connected again", allConnected(nodes...))
	})
}

func TestRoster_SetOftenChangesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 1)
		a := w.member(0)
		list := func(from, count int) []Known {
			var known []Known
			for i := range count {
				known = append(known, Known{Node: testKey(from + i).Public(), Addrs: []string{w.net.Addr(1), w.net.Addr(2), "nonsense"}})
			}
			return known
		}
		a.SetPeers(list(1000, maxRoster))
		first := a.roster.members[idOf(testKey(1000).Public())]
		time.Sleep(100 * time.Millisecond)

		// More nodes, the old ones last and with their addresses in another order.
		more := append(list(5000, 10), list(1000, maxRoster)...)
		for _, k := range more {
			k.Addrs[0], k.Addrs[1] = k.Addrs[1], k.Addrs[0]
		}
		a.SetPeers(more)
		if n := len(a.roster.members); n != maxRoster {
			t.Errorf("%d kept, want %d", n, maxRoster)
		}
		if a.roster.members[first.id] != first || len(first.addrs) != 2 {
			t.Error("who was kept did not stay")
		}
		if len(first.bell) > 0 {
			t.Error("the same addresses in another order count as a change")
		}
		a.SetPeers(list(5000, 10))
		if n := len(a.roster.members); n != 10 {
			t.Errorf("%d kept, want 10", n)
		}
		if left := a.host.Peerstore().Addrs(first.id); len(left) > 0 {
			t.Errorf("addresses of a node no longer listed: %v", left)
		}
	})
}
