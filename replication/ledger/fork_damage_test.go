package ledger

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/protocoltest"
)

// The run right below a fork is damaged, found at the start or while the node runs: it is
// told, another node's page mends it, and both histories are what they were.
func TestDamage_JustBelowAFork(t *testing.T) {
	const fork = 30
	for _, theirsChosen := range []bool{false, true} {
		for _, running := range []bool{false, true} {
			for what, change := range map[string]func([]byte){"flipped": flipAt(900), "its end": flipAt(20)} {
				t.Run(fmt.Sprintf("the other branch chosen %t, running %t, %s", theirsChosen, running, what), func(t *testing.T) {
					b := newBench(t)
					theirs := b.feed.Fork(fork).Fill(55, 70)
					b.aside(theirs, fork)
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

// aside has a branch set aside that a page from some entry on begins.
func (b *bench) aside(f *protocoltest.Feed, from int) {
	b.Helper()
	for _, p := range f.Pages(from, 10) {
		if err := b.l.Put(context.Background(), Batch{Branch: &p}); err != nil {
			b.Fatal(err)
		}
	}
}

// The run right below a fork was lost, and whatever history the page that fills the gap
// goes on with, nothing of the others is lost: of one that is held, whose page begins at
// the fork or before it, that was chosen or not, in one page or in two; and of one that
// nobody had seen.
func TestDamage_FilledWithAnotherHistory(t *testing.T) {
	const fork = 30
	for what, tc := range map[string]struct {
		base, cut int
		chosen    bool
		unheard   bool
	}{
		"of the branch that was chosen":           {base: fork, chosen: true},
		"of a branch that was not chosen":         {base: fork},
		"whose pages begin below the fork":        {base: fork - 5, chosen: true},
		"in two pages that part at the fork":      {base: fork, cut: fork, chosen: true},
		"in two pages that part below the fork":   {base: fork - 5, cut: fork - 2, chosen: true},
		"of a history that was not known of":      {base: fork, unheard: true},
		"not known of, in pages parted at a fork": {base: fork, cut: fork, unheard: true},
	} {
		t.Run(what, func(t *testing.T) {
			b := newBench(t)
			theirs := b.feed.Fork(fork).Fill(55, 70)
			b.aside(theirs, tc.base)
			if tc.chosen {
				if _, err := b.l.Choose(context.Background(), theirs.ID(), 55, theirs.Entries[54].ID()); err != nil {
					t.Fatal(err)
				}
			}
			b.damage(placeKey(keyRun, placeOf(1, fork-10)), flipAt(900))
			if o := b.reopen(); len(o.Cut) == 0 {
				t.Fatalf("opened as %+v", o)
			}
			filled, all := theirs, []*protocoltest.Feed{b.feed, theirs}
			if tc.unheard {
				filled = theirs.Fork(fork).Fill(50, 90)
				all = append(all, filled)
			}
			pages := []protocol.Page{filled.Page(fork-10, 14)}
			if tc.cut > 0 {
				pages = []protocol.Page{filled.Page(fork-10, tc.cut-fork+10), filled.Page(tc.cut, 8)}
			}
			for _, p := range pages {
				b.put(p)
			}
			last := pages[len(pages)-1].Entries
			for again := range 2 {
				h, _ := b.l.Head(filled.ID())
				if at, err := b.l.Entry(filled.ID(), last[len(last)-1].Seq()); err != nil || at.ID() != last[len(last)-1].ID() {
					t.Fatalf("time %d: the chain is not the history of the page: %v", again, err)
				}
				if !tc.unheard && h.Count != 55 {
					t.Fatalf("time %d: %d entries of what was held", again, h.Count)
				}
				changes, err := b.l.Changes(1, 1000)
				if err != nil {
					t.Fatal(err)
				}
				told := map[protocol.EntryID]bool{}
				for _, ch := range changes {
					told[ch.Entry.ID()] = true
				}
				for seq := range h.Count {
					if e, err := b.l.Entry(filled.ID(), seq); err != nil || !told[e.ID()] {
						t.Fatalf("time %d: entry %d is told %t, %v", again, seq, told[e.ID()], err)
					}
				}
				b.reopen()
			}
			for n, f := range all {
				end := len(f.Entries)
				if f == filled && tc.unheard {
					end = int(last[len(last)-1].Seq()) + 1
				}
				for i, e := range f.Entries[:end] {
					if raw, err := b.l.Block(e.ID()); err != nil || !bytes.Equal(raw, e.Bytes()) {
						t.Fatalf("history %d, entry %d: %v", n, i, err)
					}
					if body := f.Bodies[i]; body != nil {
						if raw, err := b.l.Body(e); err != nil || !bytes.Equal(raw, body) {
							t.Fatalf("history %d, body %d: %v", n, i, err)
						}
					}
				}
			}
			if rep, err := b.l.Verify(context.Background(), nil); err != nil || !rep.Clean() || rep.Wanted != 0 {
				t.Fatalf("verify: %+v, %v", rep, err)
			}
		})
	}
}
