package index

import (
	"math/rand/v2"
	"os"
	"testing"
)

// One wrong bit in the file of an index that was closed made records vanish from lists
// without a word, or gave them other numbers: SQLite reads such rows as if they were right.
func TestOpen_OneWrongBit(t *testing.T) {
	w := scribbled(t, 5, 200)
	l, dir := w.log(w.items()), t.TempDir()
	want := fresh(t, l)
	said := func() (got string) {
		followed(t, dir, l, func(x *Index, f *Follower) {
			whole(t, l, f)
			got = answers(t, x)
		})
		return got
	}
	if got := said(); got != want {
		t.Fatalf("got\n%s\nwant\n%s", got, want)
	}
	file, err := path(dir)
	if err != nil {
		t.Fatal(err)
	}
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 5))
	for n := range 30 {
		name := file
		if n%10 == 9 {
			name += sealEnd
		}
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		at := rng.IntN(len(raw))
		raw[at] ^= 1 << rng.IntN(8)
		if err := os.WriteFile(name, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		if got := said(); got != want {
			t.Fatalf("seed %d, flip %d, %s byte %d: got\n%s\nwant\n%s", seed, n, name, at, got, want)
		}
	}
}

// A sealed index is used and not built again; after a crash a small one is.
func TestOpen_TrustsTheSeal(t *testing.T) {
	w := scribbled(t, 6, 200)
	l, dir := w.log(w.items()), t.TempDir()
	applied := func() (n uint64) {
		x, err := Open(Config{Dir: dir, Source: w})
		if err != nil {
			t.Fatal(err)
		}
		if _, n, _, err = x.followed(); err != nil {
			t.Fatal(err)
		}
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
		return n
	}
	followed(t, dir, l, func(_ *Index, f *Follower) { whole(t, l, f) })
	for range 2 {
		if n := applied(); n != l.Newest() {
			t.Fatalf("of an index that was closed %d of %d are left", n, l.Newest())
		}
	}
	file, err := path(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(file + sealEnd); err != nil {
		t.Fatal(err)
	}
	if n := applied(); n != 0 {
		t.Errorf("of an index that nobody closed %d entries are taken on trust", n)
	}
}
