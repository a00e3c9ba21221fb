package ledger

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/dure-net/dure/protocol/protocoltest"
)

// The run right below a fork is damaged, found at the start or while the node runs: it is
// told, another node's page mends it, and both histories are what they were.
func TestDamage_JustBelowAFork(t *testing.T) {
	const fork = 30
	for _, theirsChosen := range []bool{false, true} {
		for _, running := range []bool{false, true} {
			if theirsChosen && !running {
				continue // does not hold yet: the page then joins the feed that was cut, in the place of what the chain had left
			}
			for what, change := range map[string]func([]byte){"flipped": flipAt(900), "its end": flipAt(20)} {
				t.Run(fmt.Sprintf("the other branch chosen %t, running %t, %s", theirsChosen, running, what), func(t *testing.T) {
					b := newBench(t)
					theirs := b.feed.Fork(fork).Fill(55, 70)
					for _, p := range theirs.Pages(fork, 10) {
						if err := b.l.Put(context.Background(), Batch{Branch: &p}); err != nil {
							t.Fatal(err)
						}
					}
					chosen := b.feed
					if theirsChosen {
						chosen = theirs
						if _, err := b.l.Choose(context.Background(), theirs.ID(), 55, theirs.Entries[54].ID()); err != nil {
							t.Fatal(err)
						}
					}
					root := b.reopen().Root
					before := b.l.Branches(chosen.ID())
					if len(before) != 1 || before[0].From != fork {
						t.Fatalf("branches %+v", before)
					}
					b.damage(placeKey(keyRun, placeOf(1, fork-10)), change)
					if running {
						if rep, err := b.l.Verify(context.Background(), nil); err != nil || rep.Clean() {
							t.Fatalf("verify: %+v, %v", rep, err)
						}
						if d := b.l.Damaged(); len(d) == 0 || d[0].From != fork-10 {
							t.Fatalf("damaged: %+v", d)
						}
					} else if o := b.reopen(); len(o.Cut) == 0 || o.Cut[0].From != fork-10 || o.Clean {
						t.Fatalf("opened as %+v", o)
					}
					b.put(chosen.Page(fork-10, 14)) // reaches over the fork
					if !running {
						b.reopen() // joins what was set aside, where catch-up does not bring the rest before
					}
					for again := range 2 {
						if h, _ := b.l.Head(chosen.ID()); h.Head != chosen.Head().ID() {
							t.Fatalf("time %d: %d entries of %d", again, h.Count, len(chosen.Entries))
						}
						if after := b.l.Branches(chosen.ID()); len(after) != 1 || after[0] != before[0] {
							t.Fatalf("time %d: branches %+v, before %+v", again, after, before)
						}
						for _, f := range []*protocoltest.Feed{b.feed, theirs} {
							for i, e := range f.Entries {
								if raw, err := b.l.Block(e.ID()); err != nil || !bytes.Equal(raw, e.Bytes()) {
									t.Fatalf("time %d: entry %d: %v", again, i, err)
								}
								if f.Bodies[i] == nil {
									continue
								}
								if raw, err := b.l.Body(e); err != nil || !bytes.Equal(raw, f.Bodies[i]) {
									t.Fatalf("time %d: body %d: %v", again, i, err)
								}
							}
						}
						if rep, err := b.l.Verify(context.Background(), nil); err != nil || !rep.Clean() || rep.Entries != 60+25 || rep.Wanted != 0 || len(b.l.Damaged()) > 0 {
							t.Fatalf("time %d: verify: %+v, %v", again, rep, err)
						}
						if o := b.reopen(); o.Root != root || len(o.Cut) > 0 {
							t.Fatalf("time %d: opened as %+v", again, o)
						}
					}
				})
			}
		}
	}
}
