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

// stores is a ledger that was closed, whose entries lie in tables, and the same one as a
// crash would leave it, with all of it in Badger's log. The last feed is this node's own.
func stores(t *testing.T, w *world, feeds []*protocoltest.Feed) (closedDir, crashedDir string) {
	t.Helper()
	base := t.TempDir()
	closedDir, crashedDir = filepath.Join(base, "closed"), filepath.Join(base, "crashed")
	l := w.open(t, closedDir)
	fillWith(t, l, feeds)
	copyDir(t, closedDir, crashedDir)
	closed(t, l)
	return closedDir, crashedDir
}

// admitAll is a door that lets everything in.
func admitAll(t *testing.T, l *ledger.Ledger) func(protocol.Page) error {
	return func(p protocol.Page) error {
		return l.Put(context.Background(), one(p))
	}
}

// Whatever is missing or wrong among the store's files, the ledger opens; what lies in the
// other files stands, or comes back by salvage, with nobody else's help.
func TestOpen_BrokenStore(t *testing.T) {
	w := newWorld(3)
	feeds := []*protocoltest.Feed{w.feed(0).Fill(200, 300), w.feed(1).Fill(80, 200), w.feed(2).Fill(64, 60)}
	closedDir, crashedDir := stores(t, w, feeds)
	each := func(dir, pattern string, do func(path string) error) error {
		paths, err := filepath.Glob(filepath.Join(dir, "store", pattern))
		for _, path := range paths {
			if err := do(path); err != nil {
				return err
			}
		}
		return err
	}
	write := func(b []byte) func(string) error {
		return func(path string) error { return os.WriteFile(path, b, 0o600) }
	}
	for name, c := range map[string]struct {
		from  string
		harm  func(dir string) error
		empty bool // nothing of it can be had back here
		whole bool
	}{
		"no manifest":         {from: closedDir, harm: func(d string) error { return each(d, "MANIFEST", os.Remove) }},
		"an empty manifest":   {from: closedDir, harm: func(d string) error { return each(d, "MANIFEST", write(nil)) }},
		"a manifest of zeros": {from: closedDir, harm: func(d string) error { return each(d, "MANIFEST", write(make([]byte, 100))) }},
		"a cut manifest":      {from: closedDir, harm: func(d string) error { return each(d, "MANIFEST", func(p string) error { return os.Truncate(p, 20) }) }},
		"no manifest, a log":  {from: crashedDir, harm: func(d string) error { return each(d, "MANIFEST", os.Remove) }},
		"no other files": {from: closedDir, harm: func(d string) error {
			return joinAll(each(d, "*.vlog", os.Remove), each(d, "KEYREGISTRY", os.Remove), each(d, "DISCARD", os.Remove))
		}},
		"an empty registry":     {from: crashedDir, harm: func(d string) error { return each(d, "KEYREGISTRY", write(nil)) }},
		"an empty discard file": {from: crashedDir, harm: func(d string) error { return each(d, "DISCARD", write(nil)) }},
		"a short discard file":  {from: crashedDir, harm: func(d string) error { return each(d, "DISCARD", write([]byte{1, 2, 3})) }},
		"a value log of noise":  {from: crashedDir, harm: func(d string) error { return each(d, "*.vlog", write([]byte("no value log at all"))) }},
		"no tables":             {from: closedDir, harm: func(d string) error { return each(d, "*.sst", os.Remove) }, empty: true},
		"tables of zeros":       {from: closedDir, harm: func(d string) error { return each(d, "*.sst", write(make([]byte, 5000))) }, empty: true},
		"tables of nothing":     {from: closedDir, harm: func(d string) error { return each(d, "*.sst", write(nil)) }, empty: true},
		"logs of noise":         {from: crashedDir, harm: func(d string) error { return each(d, "*.mem", write(bytes.Repeat([]byte("noise"), 2000))) }, empty: true},
		"a table of noise more": {from: closedDir, harm: func(d string) error {
			return os.WriteFile(filepath.Join(d, "store", "000999.sst"), []byte("noise"), 0o600)
		}},
		"nothing but a manifest": {from: closedDir, harm: func(d string) error {
			return joinAll(each(d, "*.sst", os.Remove), each(d, "*.vlog", os.Remove), each(d, "KEYREGISTRY", os.Remove))
		}, empty: true},
		"no version": {from: crashedDir, harm: func(d string) error {
			return each(d, "*.mem", func(p string) error {
				b, err := os.ReadFile(p)
				if err != nil {
					return err
				}
				at := bytes.Index(b, []byte("m\x00schema"))
				if at < 0 {
					return nil
				}
				copy(b[at-8:], bytes.Repeat([]byte{0xff}, 60))
				return os.WriteFile(p, b, 0o600)
			})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "ledger")
			copyDir(t, c.from, dir)
			if err := c.harm(dir); err != nil {
				t.Fatal(err)
			}
			for try := range 2 { // and what was mended stays mended
				l, err := ledger.Open(ledger.Config{Dir: dir, Federation: w.fed, ReserveBytes: 1})
				if err != nil {
					t.Fatal(err)
				}
				if _, err := l.Salvage(context.Background(), admitAll(t, l)); err != nil {
					t.Fatal(err)
				}
				if o := l.Opened(); try == 0 && o.Mended.Whole != c.whole || try == 1 && o.Mended.Files > 0 {
					t.Errorf("try %d: mended %+v", try, o.Mended)
				}
				missing := readAll(t, l, feeds, name)
				if c.empty {
					if o := l.Opened(); try == 0 && o.Status != ledger.MarkBehind {
						t.Errorf("everything is gone and the mark is %v", o.Status)
					}
					for _, f := range feeds {
						for _, p := range f.Pages(0, 64) {
							put(t, l, one(p))
						}
					}
					missing = readAll(t, l, feeds, name)
				} else if o := l.Opened(); o.Status != ledger.MarkAhead {
					t.Errorf("everything is here and the mark is %v", o.Status)
				}
				if missing > 0 {
					t.Errorf("try %d: %d are missing: %+v", try, missing, l.Opened())
				}
				closed(t, l)
			}
		})
	}
}

func joinAll(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// One wrong bit anywhere in the ledger's directory, with nobody to ask: nothing is lost,
// nothing is wrong, and nothing is missing in silence. DURE_FLIPS runs more of them.
func TestOpen_OneWrongBit(t *testing.T) {
	flips := envInt("DURE_FLIPS", 24)
	if testing.Short() {
		flips = 8
	}
	w := newWorld(3)
	feeds := []*protocoltest.Feed{w.feed(0).Fill(200, 300), w.feed(1).Fill(80, 2000), w.feed(2).Fill(64, 60)}
	closedDir, crashedDir := stores(t, w, feeds)
	seed := uint64(envInt("DURE_ROT_SEED", int(rand.Uint32())))
	rng := rand.New(rand.NewPCG(seed, 2))
	t.Logf("seed %d", seed)
	outcomes := map[string]int{}
	base := t.TempDir()
	for n := range flips {
		from := []string{closedDir, crashedDir}[n%2]
		dir := filepath.Join(base, fmt.Sprint(n))
		copyDir(t, from, dir)
		what := flipAnywhere(t, rng, dir)
		l, err := ledger.Open(ledger.Config{Dir: dir, Federation: w.fed, ReserveBytes: 1})
		if err != nil {
			t.Fatalf("seed %d, flip %d, %s: %v", seed, n, what, err)
		}
		if _, err := l.Salvage(context.Background(), admitAll(t, l)); err != nil {
			t.Fatal(err)
		}
		missing := readAll(t, l, feeds, what)
		rep, err := l.Verify(context.Background(), nil)
		if err != nil {
			t.Fatal(err)
		}
		o := l.Opened()
		if missing > 0 || !rep.Clean() || o.Status == ledger.MarkBehind {
			t.Fatalf("seed %d, flip %d, %s: %d missing, %+v, opened %+v", seed, n, what, missing, rep, o)
		}
		name := filepath.Ext(strings.Fields(what)[0])
		if name == "" {
			name = strings.Fields(what)[0]
		}
		if o.Mended.Files > 0 {
			name += " mended"
		}
		outcomes[name]++
		closed(t, l)
		_ = os.RemoveAll(dir)
	}
	t.Logf("%d flips: %v", flips, outcomes)
}

// flipAnywhere flips a bit of what is really written in one of all files, larger ones
// more often.
func flipAnywhere(t testing.TB, rng *rand.Rand, dir string) string {
	t.Helper()
	type written struct {
		path string
		b    []byte
	}
	var files []written
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if b := bytes.TrimRight(b, "\x00"); len(b) > 0 {
			files = append(files, written{path, b})
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	f := files[rng.IntN(len(files))]
	for range 2 {
		if other := files[rng.IntN(len(files))]; len(other.b) > len(f.b) {
			f = other
		}
	}
	at := rng.IntN(len(f.b))
	file, err := os.OpenFile(f.path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteAt([]byte{f.b[at] ^ 1<<rng.IntN(8)}, int64(at)); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s byte %d of %d", filepath.Base(f.path), at, len(f.b))
}
