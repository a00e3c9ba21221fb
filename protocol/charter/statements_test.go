package charter

import (
	"encoding/binary"
	"runtime"
	"slices"
	"testing"

	"github.com/dure-net/dure/protocol"
)

// One root key signs 20,000 statements, and a State is taken after each, as a node does.
// Each took a copy of all before, and each Limit sorted them. What is measured is bytes
// allocated, which no other work on the machine changes.
func TestStatements_CostDoesNotGrow(t *testing.T) {
	for name, say := range map[string]func(w *world, i int) protocol.Statement{
		"additions": func(w *world, i int) protocol.Statement {
			return protocol.Statement{Purpose: protocol.PurposeAdd, Node: nodeNo(i)}
		},
		"objections": func(w *world, i int) protocol.Statement {
			return protocol.Statement{Purpose: protocol.PurposeObject, Act: protocol.Sum(binary.BigEndian.AppendUint64(nil, uint64(i)))}
		},
		"ends of one feed": func(w *world, i int) protocol.Statement {
			return protocol.Statement{Purpose: protocol.PurposeSettle, Stands: []protocol.Stand{someEnd(w, 40000-i)}}
		},
		"ends of many feeds": func(w *world, i int) protocol.Statement {
			st := someEnd(w, i)
			st.Feed = protocol.Sum(binary.BigEndian.AppendUint64(nil, uint64(i)))
			return protocol.Statement{Purpose: protocol.PurposeSettle, Stands: []protocol.Stand{st}}
		},
		"cuts of one node": func(w *world, i int) protocol.Statement {
			return protocol.Statement{Purpose: protocol.PurposeCut, Node: w.actors["city-a"].node.Public(), Stands: []protocol.Stand{someEnd(w, 40000-i)}}
		},
		"cuts of many nodes": func(w *world, i int) protocol.Statement {
			return protocol.Statement{Purpose: protocol.PurposeCut, Node: nodeNo(i), Stands: []protocol.Stand{someEnd(w, i)}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 3, nil)
			a := w.actors["city-a"]
			const window, all = 2000, 20000
			var early, late uint64
			for from := 0; from < all; from += window {
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				for i := range window {
					s := say(w, from+i)
					s.Root = a.root.Public()
					if !w.folder.hear(s) {
						t.Fatalf("statement %d says nothing new", from+i)
					}
					w.folder.state = nil
					w.state().Limit(a.feed.ID(), a.root.Public(), a.node.Public())
				}
				runtime.ReadMemStats(&after)
				switch used := (after.TotalAlloc - before.TotalAlloc) / window; from {
				case window: // the first ones fill empty maps
					early = used
				case all - window:
					late = used
				}
			}
			t.Logf("%d bytes a statement at the beginning, %d at the end", early, late)
			if late > 3*early {
				t.Errorf("a statement takes %d bytes at the beginning and %d after %d others", early, late, all-window)
			}
		})
	}
}

func nodeNo(i int) (k protocol.PublicKey) {
	binary.BigEndian.PutUint64(k[:], uint64(i)+1)
	return k
}

// someEnd is an end of city-a's feed; a later one has a lower count where i falls.
func someEnd(w *world, i int) protocol.Stand {
	head := protocol.Sum(binary.BigEndian.AppendUint64([]byte("head"), uint64(i)))
	return protocol.Stand{Feed: w.actors["city-a"].feed.ID(), Count: uint64(i) + 2, Head: head}
}

// Of the ends that a root key names for one feed the lowest are kept, whatever the order,
// and what stands is what all of them together would say.
func TestStatements_LowestEndsDecide(t *testing.T) {
	w := newWorld(t, 3, nil)
	a := w.actors["city-a"]
	var want []protocol.Stand
	for order := range 3 {
		f := NewFolder(w.act, w.fed)
		for _, b := range w.blocks {
			f.Add(b)
		}
		f.forks.set(a.feed.ID(), 1)
		for k := range 200 {
			i := []int{k, 199 - k, k * 7 % 200}[order]
			f.hear(protocol.Statement{Root: a.root.Public(), Purpose: protocol.PurposeSettle, Stands: []protocol.Stand{someEnd(w, i)}})
			if k%13 == 0 {
				f.state = nil
				f.State()
			}
		}
		f.state = nil
		l := f.State().Limit(a.feed.ID(), a.root.Public(), a.node.Public())
		if l.Fork != 2 || l.Count != 1 { // many branches were named: frozen below the fork
			t.Errorf("order %d: %+v", order, l)
		}
		s, _ := f.roots.get(a.root.Public())
		got, _ := s.named(a.feed.ID(), a.node.Public())
		if want == nil {
			want = got
		}
		if len(got) != maxEnds || got[0] != someEnd(w, 0) || !slices.Equal(got, want) {
			t.Errorf("order %d: %d ends are kept, the lowest %v", order, len(got), got[0])
		}
	}
}
