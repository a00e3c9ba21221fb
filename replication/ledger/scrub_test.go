package ledger_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/protocoltest"
	"github.com/dure-net/dure/replication/ledger"
)

// pass runs a scrub to its end and returns what it came to.
func pass(t testing.TB, l *ledger.Ledger) ledger.Pass {
	t.Helper()
	for range 10_000 {
		_, _, ended, err := l.Scrub().Next(soon(t))
		if err != nil {
			t.Fatalf("scrub: %v", err)
		}
		if ended {
			_, last := l.Scrub().Passes()
			return last
		}
	}
	t.Fatal("the scrub does not end")
	return ledger.Pass{}
}

func TestScrub_GoesOnWhereItWasAfterARestart(t *testing.T) {
	w := newWorld(3)
	feeds := []*protocoltest.Feed{w.feed(0).Fill(150, 200), w.feed(1).Fill(20, 200), w.feed(2).Fill(3, 200)}
	dir := t.TempDir()
	l := w.open(t, dir)
	fillWith(t, l, feeds)
	want, err := l.Verify(context.Background(), nil)
	if err != nil || !want.Clean() {
		t.Fatal(want, err)
	}
	// Every step is done by a process of its own: none is done twice and none left out.
	for steps := 1; ; steps++ {
		_, found, ended, err := l.Scrub().Next(soon(t))
		if err != nil || len(found) > 0 {
			t.Fatal(found, err)
		}
		if err := l.Scrub().Save(); err != nil {
			t.Fatal(err)
		}
		closed(t, l)
		l = w.open(t, dir)
		if ended {
			if steps < 5 {
				t.Fatalf("a pass in %d steps is no walk bit by bit", steps)
			}
			break
		}
		if now, _ := l.Scrub().Passes(); now.Begun.IsZero() {
			t.Fatal("the pass under way was forgotten")
		}
	}
	now, last := l.Scrub().Passes()
	if !now.Begun.IsZero() || last.Entries != want.Entries || last.Bodies != want.Bodies || last.Bytes != want.Bytes || last.Damaged != 0 || last.Ended.IsZero() {
		t.Fatalf("the pass came to %+v, the verification to %+v", last, want)
	}
	// What is added meanwhile is part of the next pass, and a damaged place file costs only the place.
	feeds[2].Append(protocol.KindExperience, map[string]any{"n": uint64(1)})
	put(t, l, one(feeds[2].Page(len(feeds[2].Entries)-1, 1)))
	if again := pass(t, l); again.Entries != want.Entries+1 {
		t.Fatalf("%d entries and not %d", again.Entries, want.Entries+1)
	}
	if err := l.Scrub().Save(); err != nil {
		t.Fatal(err)
	}
	closed(t, l)
	if err := os.WriteFile(filepath.Join(dir, "scrub"), []byte(`{"version":1,"seq":-`), 0o600); err != nil {
		t.Fatal(err)
	}
	l = w.open(t, dir)
	if now, last := l.Scrub().Passes(); !now.Begun.IsZero() || !last.Begun.IsZero() {
		t.Fatal("something was read out of a damaged file")
	}
	if again := pass(t, l); again.Entries != want.Entries+1 {
		t.Fatal(again)
	}
}

// A pass finds what a verification finds, and what is brought again is mended.
func TestScrub_FindsWhatVerifyFinds(t *testing.T) {
	w := newWorld(3)
	feeds := []*protocoltest.Feed{w.feed(0).Fill(200, 300), w.feed(1).Fill(80, 200), w.feed(2).Fill(64, 60)}
	origin := filepath.Join(t.TempDir(), "origin")
	l := w.open(t, origin)
	fillWith(t, l, feeds)
	closed(t, l)
	seed := uint64(envInt("DURE_ROT_SEED", 7))
	rng := rand.New(rand.NewPCG(seed, 1))
	damaged := 0
	for trial := range 12 {
		dir := filepath.Join(t.TempDir(), fmt.Sprint(trial))
		copyDir(t, origin, dir)
		what := scratch(t, rng, filepath.Join(dir, "store"), 400)
		twin := dir + "-twin"
		copyDir(t, dir, twin)
		l, err := ledger.Open(ledger.Config{Dir: dir, Federation: w.fed, ReserveBytes: 1})
		if err != nil {
			continue // another test's
		}
		got := pass(t, l)
		other, err := ledger.Open(ledger.Config{Dir: twin, Federation: w.fed, ReserveBytes: 1})
		if err != nil {
			t.Fatal(err)
		}
		want, err := other.Verify(context.Background(), nil)
		if err != nil {
			t.Fatal(err)
		}
		closed(t, other)
		if got.Damaged != want.Damaged || got.Entries != want.Entries || got.Bodies != want.Bodies {
			t.Fatalf("seed %d, trial %d, %s: the scrub found %+v, the verification %+v", seed, trial, what, got, want)
		}
		if got.Damaged > 0 {
			damaged++
			for _, p := range got.Problems {
				if p.Feed.Defined() && l.Mended(p) {
					t.Fatalf("seed %d, trial %d, %s: %+v is told to be mended", seed, trial, what, p)
				}
			}
			for _, f := range feeds {
				for _, p := range f.Pages(0, 64) {
					put(t, l, one(p))
				}
			}
			for _, r := range l.Damaged() {
				for _, f := range feeds {
					if f.ID() == r.Feed {
						put(t, l, one(f.Page(int(r.From), int(r.Count))))
					}
				}
			}
			for _, p := range got.Problems {
				if p.Feed.Defined() && !l.Mended(p) {
					t.Fatalf("seed %d, trial %d, %s: %+v came again and is not mended", seed, trial, what, p)
				}
			}
		}
		closed(t, l)
	}
	if damaged == 0 {
		t.Fatalf("seed %d: no flip did any damage that can be seen", seed)
	}
}

func TestScrub_KeepsItsPace(t *testing.T) {
	w := newWorld(1)
	now := time.Date(2026, 10, 5, 8, 0, 0, 0, time.UTC)
	l, err := ledger.Open(ledger.Config{Dir: t.TempDir(), Federation: w.fed, ReserveBytes: 1, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer closed(t, l)
	f := w.feed(0).Fill(64*7, 20)
	for _, p := range f.Pages(0, 64) {
		put(t, l, one(p))
	}
	week := 7 * 24 * time.Hour
	s := l.Scrub()
	for range 100 {
		_, _, ended, err := s.Next(soon(t))
		if err != nil {
			t.Fatal(err)
		}
		if ended {
			break
		}
		due := s.Due(week, time.Second)
		if due.Before(now.Add(19*time.Second)) || due.After(now.Add(week/6)) {
			t.Fatalf("at %v the next step is due %v", now, due)
		}
		now = due
	}
	_, last := s.Passes()
	if took := last.Ended.Sub(last.Begun); took < week*9/10 || took > week*11/10 {
		t.Fatalf("the pass took %v", took)
	}
	if due := s.Due(week, 0); due.Before(last.Begun.Add(week)) {
		t.Fatalf("the next pass begins %v", due)
	}
	// A clock that goes back years makes nothing wait for years.
	now = now.AddDate(-20, 0, 0)
	if due := s.Due(week, 0); due.After(now.Add(week)) {
		t.Fatalf("at %v the next pass begins %v", now, due)
	}
	if _, _, _, err := s.Next(soon(t)); err != nil {
		t.Fatal(err)
	}
	now = now.AddDate(-1, 0, 0)
	if due := s.Due(week, 0); due.After(now.Add(week)) {
		t.Fatalf("at %v the next step is due %v", now, due)
	}
	// Too late already: as fast as its share of the machine allows.
	now = now.AddDate(3, 0, 0)
	if due := s.Due(week, time.Second); !due.Equal(now.Add(19 * time.Second)) {
		t.Fatalf("at %v the next step is due %v", now, due)
	}
}
