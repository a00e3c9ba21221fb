package ledger_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/protocoltest"
	"github.com/dure-net/dure/replication/ledger"
)

// TestLedger_NeverAnswersWrongAfterBitRot damages a file of a stopped store, as disks do,
// by one bit or by many bytes, and then reads everything: each answer is the right bytes or says that they
// are not there; what is missing is told; and bringing it all again heals it.
// DURE_ROT_TRIALS runs more trials, DURE_ROT_SEED other ones.
func TestLedger_NeverAnswersWrongAfterBitRot(t *testing.T) {
	trials := envInt("DURE_ROT_TRIALS", 16)
	if testing.Short() {
		trials = 6
	}
	w := newWorld(3)
	feeds := []*protocoltest.Feed{w.feed(0).Fill(200, 300), w.feed(1).Fill(80, 200), w.feed(2).Fill(64, 60)}
	feeds[2].Append(protocol.KindAnswer, map[string]any{"yes": true})
	base := t.TempDir()
	origin := filepath.Join(base, "origin")
	l := w.open(t, origin)
	fillWith(t, l, feeds)
	crashed := filepath.Join(base, "crashed") // its bytes are in Badger's log, not in tables
	copyDir(t, origin, crashed)
	closed(t, l)
	rng := rand.New(rand.NewPCG(uint64(envInt("DURE_ROT_SEED", 1)), 1))
	outcomes := map[string]int{}
	for trial := range trials {
		from := origin
		if trial%2 == 1 {
			from = crashed
		}
		dir := filepath.Join(base, fmt.Sprint("trial", trial))
		copyDir(t, from, dir)
		what := ""
		if trial%4 < 2 {
			what = flip(t, rng, filepath.Join(dir, "store"))
		} else {
			what = scratch(t, rng, filepath.Join(dir, "store"), 1+rng.IntN(6000))
		}
		outcome := lookAround(t, w, dir, feeds, fmt.Sprintf("trial %d, %s", trial, what))
		outcomes[strings.SplitN(what, " ", 2)[0]+" "+outcome]++
		_ = os.RemoveAll(dir)
	}
	t.Logf("outcomes: %v", outcomes)
}

func fillWith(t testing.TB, l *ledger.Ledger, feeds []*protocoltest.Feed) {
	t.Helper()
	for i, f := range feeds {
		for _, p := range f.Pages(0, []int{64, 1, 16}[i%3]) {
			put(t, l, ledger.Batch{Pages: []protocol.Page{p}, Own: f == feeds[len(feeds)-1]}) // the mark covers all
		}
	}
}

// flip flips one bit of what is really written in one of the store's files.
func flip(t testing.TB, rng *rand.Rand, store string) string {
	t.Helper()
	return harm(t, rng, store, func(b []byte) { b[0] ^= 1 << rng.IntN(8) })
}

// scratch puts noise in the place of so many bytes.
func scratch(t testing.TB, rng *rand.Rand, store string, bytes int) string {
	t.Helper()
	return fmt.Sprint(bytes, " bytes of ", harm(t, rng, store, func(b []byte) {
		for i := range b[:min(bytes, len(b))] {
			b[i] = byte(rng.Uint32())
		}
	}))
}

// harm changes what is really written in one of the store's files, from some byte on.
func harm(t testing.TB, rng *rand.Rand, store string, change func([]byte)) string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(store, func(path string, d fs.DirEntry, err error) error {
		ext := filepath.Ext(path)
		if err == nil && !d.IsDir() && (ext == ".sst" || ext == ".mem" || ext == ".vlog" || d.Name() == "MANIFEST" || d.Name() == "KEYREGISTRY") {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	path := files[rng.IntN(len(files))]
	for range 3 { // tables and logs more often than the rest
		if ext := filepath.Ext(path); ext != ".sst" && ext != ".mem" {
			path = files[rng.IntN(len(files))]
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	end := len(bytes.TrimRight(b, "\x00"))
	if end == 0 {
		return "nothing"
	}
	at := rng.IntN(end)
	change(b[at:end])
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(b[at:end], int64(at)); err != nil {
		t.Fatal(err)
	}
	name := filepath.Ext(path)
	if name == "" {
		name = filepath.Base(path)
	}
	return fmt.Sprintf("%s byte %d of %d", name, at, end)
}

// lookAround reads everything and heals it.
func lookAround(t *testing.T, w *world, dir string, feeds []*protocoltest.Feed, what string) string {
	t.Helper()
	l, err := ledger.Open(ledger.Config{Dir: dir, Federation: w.fed, ReserveBytes: 1})
	if err != nil {
		t.Fatalf("%s: open: %v", what, err)
	}
	defer l.Close()
	missing := readAll(t, l, feeds, what)
	rep, err := l.Verify(context.Background(), nil)
	if err != nil {
		t.Fatalf("%s: verify: %v", what, err)
	}
	o := l.Opened()
	told := o.Mended.Lost > 0 || o.Changed || o.Lost > 0 || len(o.Cut) > 0 || !rep.Clean() || rep.Wanted > 0
	if missing > 0 && !told {
		t.Fatalf("%s: %d missing and nobody told", what, missing)
	}
	// Catch-up brings what the frontier lacks, and what is wanted or listed.
	for range 2 {
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
		_, _ = l.Verify(context.Background(), nil)
	}
	if left := readAll(t, l, feeds, what+", healed"); left > 0 {
		t.Fatalf("%s: %d are still missing: %+v", what, left, l.Stats())
	}
	switch {
	case missing > 0:
		return "healed"
	case told:
		return "told"
	}
	return "harmless"
}

// readAll reads every block in every way and counts what is not there.
func readAll(t *testing.T, l *ledger.Ledger, feeds []*protocoltest.Feed, what string) (missing int) {
	t.Helper()
	check := func(id protocol.CID, want []byte) {
		b, err := l.Block(id)
		switch r := protocol.ReasonOf(err); {
		case err == nil && !bytes.Equal(b, want):
			t.Fatalf("%s: wrong bytes for %v", what, id)
		case err != nil && r != protocol.ReasonDamaged && r != protocol.ReasonWanted && r != protocol.ReasonNotFound:
			t.Fatalf("%s: %v", what, err)
		case err != nil:
			missing++
		}
	}
	for _, f := range feeds {
		for i, e := range f.Entries {
			check(e.ID(), e.Bytes())
			if f.Bodies[i] != nil {
				check(e.Header().Body, f.Bodies[i])
			}
			if got, err := l.Entry(f.ID(), uint64(i)); err == nil && got.ID() != e.ID() {
				t.Fatalf("%s: wrong entry %d", what, i)
			}
			if i%16 != 0 {
				continue
			}
			p, err := l.Page(f.ID(), uint64(i), 64, 1<<20)
			if err != nil {
				continue
			}
			for j, got := range p.Entries {
				if got.ID() != f.Entries[i+j].ID() || p.Bodies[j] != nil && !bytes.Equal(p.Bodies[j], f.Bodies[i+j]) {
					t.Fatalf("%s: a page from %d is wrong at %d", what, i, j)
				}
			}
		}
	}
	return missing
}
