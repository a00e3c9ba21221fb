package mesh

import (
	"fmt"
	"testing"
	"time"
)

func TestMesh_GossipReachesEveryMember(t *testing.T) {
	for _, count := range []int{2, 5, 20} {
		t.Run(fmt.Sprint(count, " nodes"), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t, 1)
				nodes := w.federation(count)
				took := w.until(5*time.Second, "everyone connected", allConnected(nodes...))
				t.Logf("connected after %v", took)
				time.Sleep(time.Second)
				for i, n := range nodes {
					if err := n.Announce(fmt.Append(nil, "from ", i)); err != nil {
						t.Fatal(err)
					}
				}
				took = w.until(3*time.Second, "every message everywhere", func() bool {
					for _, n := range nodes {
						for i := range nodes {
							if i != n.i && !n.hears(fmt.Sprint("from ", i)) {
								return false
							}
						}
					}
					return true
				})
				t.Logf("heard after %v", took)
				for _, n := range nodes {
					if n.hears(fmt.Sprint("from ", n.i)) {
						t.Errorf("node %d judges its own message", n.i)
					}
					for _, o := range nodes {
						if o != n && n.meetings(o) == 0 {
							t.Errorf("node %d was not told of %d", n.i, o.i)
						}
					}
				}
				sent, _ := w.net.Packets()
				t.Logf("%d packets", sent)
			})
		})
	}
}
