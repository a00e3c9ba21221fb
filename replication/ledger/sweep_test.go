package ledger

import (
	"bytes"
	"context"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/erasure"
)

// sayer is what a test says about bodies.
type sayer struct {
	mu    sync.Mutex // guards words
	words map[protocol.EntryID]erasure.Word
}

func (s *sayer) say(w erasure.Word, ids ...protocol.EntryID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.words == nil {
		s.words = map[protocol.EntryID]erasure.Word{}
	}
	for _, id := range ids {
		s.words[id] = w
	}
}

func (s *sayer) judge(t erasure.Target) erasure.Word {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.words[cidOf(t.Entry)]
}

func everywhere(protocol.FeedID) bool { return true }

func (b *bench) sweep() Swept {
	b.Helper()
	out, err := b.l.Sweep(context.Background(), everywhere, nil)
	if err != nil {
		b.Fatal(err)
	}
	return out
}

// files names the store's files that hold a needle.
func (b *bench) files(needle []byte) (names []string) {
	b.Helper()
	_ = filepath.WalkDir(b.dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			if raw, err := os.ReadFile(path); err == nil && bytes.Contains(raw, needle) {
				names = append(names, d.Name())
			}
		}
		return nil
	})
	return names
}

// needle is a part of a body that no header holds: its salt.
func (b *bench) needle(i int) []byte {
	at := bytes.Index(b.feed.Bodies[i], []byte("salt"))
	return b.feed.Bodies[i][at+5:][:16]
}

func (b *bench) absent(i int, where string) {
	b.Helper()
	e := b.feed.Entries[i]
	if _, err := b.l.Body(e); protocol.ReasonOf(err) != protocol.ReasonErased {
		b.Fatalf("%s: body %d is %v", where, i, err)
	}
	if _, err := b.l.Block(e.Header().Body); protocol.ReasonOf(err) != protocol.ReasonErased {
		b.Fatalf("%s: block %d is %v", where, i, err)
	}
	p, err := b.l.Raw(b.feed.ID(), 0, 64, 1<<20)
	if err != nil || len(p.Bodies) > i && p.Bodies[i] != nil {
		b.Fatalf("%s: page serves body %d: %v", where, i, err)
	}
	if !b.l.IsErased(e.ID()) {
		b.Fatalf("%s: %d does not count as erased", where, i)
	}
}

// What is said to be erased is absent at once, goes with the next sweep, and is not
// taken again, by any way in and after any restart.
func TestSweep_AbsentAtOnceAndGoneAfter(t *testing.T) {
	b := newBench(t)
	var s sayer
	b.l.Judge(s.judge)
	if out := b.sweep(); len(out.Gone) != 0 || out.Dropped != 0 {
		t.Fatalf("nothing was said, and swept %+v", out)
	}
	s.say(erasure.Gone, b.feed.Entries[7].ID(), b.feed.Entries[8].ID(), b.feed.Entries[55].ID())
	for _, i := range []int{7, 8, 55} {
		b.absent(i, "before the sweep")
		if len(b.files(b.needle(i))) == 0 {
			t.Fatal("the search would not find the bytes while they are there")
		}
	}
	if rep, err := b.l.Verify(context.Background(), nil); err != nil || !rep.Clean() {
		t.Fatalf("bytes that wait to be dropped are damage: %+v %v", rep, err)
	}
	if out := b.sweep(); len(out.Gone) != 3 || out.Dropped != 3 {
		t.Fatalf("swept %+v", out)
	}
	check := func(where string) {
		t.Helper()
		for _, i := range []int{7, 8, 55} {
			b.absent(i, where)
			if names := b.files(b.needle(i)); len(names) > 0 {
				t.Fatalf("%s: erased bytes of %d lie in %v", where, i, names)
			}
		}
		if _, err := b.l.Body(b.feed.Entries[9]); err != nil {
			t.Fatalf("%s: another body went too: %v", where, err)
		}
		if st := b.l.Stats(); st.Erased != 3 || st.Wanted != 0 || len(b.l.Wanted(9)) != 0 {
			t.Fatalf("%s: %+v", where, st)
		}
	}
	check("after the sweep")
	if err := b.l.Put(context.Background(), Batch{Bodies: []Body{{b.feed.Entries[7].ID(), b.feed.Bodies[7]}}}); err != nil {
		t.Fatal(err)
	}
	b.put(b.feed.Page(0, 60))
	check("offered again")
	b.reopen()
	check("after a restart, with nobody to say so")
	b.l.Judge(s.judge)
	if out := b.sweep(); len(out.Gone) != 3 || out.Dropped != 0 {
		t.Fatalf("swept again %+v", out)
	}
	rep, err := b.l.Verify(context.Background(), nil)
	if err != nil || !rep.Clean() || rep.Erased != 3 || rep.Bodies != 56 {
		t.Fatalf("verify: %+v, %v", rep, err)
	}
}

// An erasure that is heard before its entry: the header comes in, the body does not.
func TestSweep_ErasureBeforeEntry(t *testing.T) {
	b := newBench(t)
	var s sayer
	b.l.Judge(s.judge)
	e, body := b.feed.Append(protocol.KindRequest, map[string]any{"who": "somebody"})
	wanted, _ := b.feed.Append(protocol.KindRequest, map[string]any{"who": "somebody else"})
	s.say(erasure.Gone, e.ID(), wanted.ID())
	p := b.feed.Page(60, 2)
	p.Bodies = [][]byte{body, nil}
	b.put(p)
	for _, i := range []int{60, 61} {
		b.absent(i, "on arrival")
	}
	if names := b.files(b.needle(60)); len(names) > 0 || b.l.Stats().Wanted != 0 {
		t.Fatalf("it was stored in %v, %+v", names, b.l.Stats())
	}
	if out := b.sweep(); len(out.Gone) != 2 || out.Dropped != 0 {
		t.Fatalf("swept %+v", out)
	}
	b.reopen()
	b.absent(60, "after a restart")
}

// Bodies behind damage, second copies, and bodies that lie where an older program put
// those of kinds it did not know: all of them go.
func TestSweep_FindsEveryCopy(t *testing.T) {
	b := newBench(t)
	store := func(key, value []byte) {
		t.Helper()
		if err := b.l.alone(context.Background(), func(c *committer) error { return c.store.commit([]write{{key, value}}) }); err != nil {
			t.Fatal(err)
		}
	}
	at := func(i int) place { return placeOf(1, uint64(i)) }
	// 5: repaired after damage. 6: under the other prefix. 25: behind a run that damage took.
	b.damage(placeKey(keyBody, at(5)), func(v []byte) { v[10] ^= 1 })
	if _, err := b.l.Body(b.feed.Entries[5]); protocol.ReasonOf(err) != protocol.ReasonDamaged {
		t.Fatalf("damage: %v", err)
	}
	b.put(b.feed.Page(0, 10))
	if err := b.l.db.get(repairedKey(placeKey(keyBody, at(5))), func([]byte) error { return nil }); err != nil {
		t.Fatalf("there is no second copy: %v", err)
	}
	store(placeKey(keyGoverned, at(6)), b.feed.Bodies[6])
	b.damage(placeKey(keyBody, at(6)), nil)
	if body, err := b.l.Body(b.feed.Entries[6]); err != nil || !bytes.Equal(body, b.feed.Bodies[6]) {
		t.Fatalf("a body under the other prefix is not found: %v", err)
	}
	b.damage(placeKey(keyRun, at(10)), nil)
	if o := b.reopen(); len(o.Cut) != 1 || o.Cut[0].From != 10 {
		t.Fatalf("opened: %+v", o)
	}
	var s sayer
	b.l.Judge(s.judge)
	gone := []int{5, 6, 25}
	for _, i := range gone {
		if len(b.files(b.needle(i))) == 0 {
			t.Fatalf("%d cannot be searched for", i)
		}
		s.say(erasure.Gone, b.feed.Entries[i].ID())
	}
	if out := b.sweep(); len(out.Gone) != 3 || out.Dropped != 3 {
		t.Fatalf("swept %+v", out)
	}
	for _, i := range gone {
		if names := b.files(b.needle(i)); len(names) > 0 {
			t.Fatalf("%d lies in %v", i, names)
		}
	}
	b.reopen()
	b.l.Judge(s.judge)
	b.put(b.feed.Page(10, 50))
	for _, i := range gone {
		b.absent(i, "when the gap is filled")
		if names := b.files(b.needle(i)); len(names) > 0 {
			t.Fatalf("filling the gap brought %d back into %v", i, names)
		}
	}
}

// Bytes of a body whose header was lost, and whose erasure came meanwhile.
func TestSweep_BytesBeforeTheirHeader(t *testing.T) {
	b := newBench(t)
	b.damage(placeKey(keyRun, placeOf(1, 50)), nil)
	b.reopen()
	var s sayer
	b.l.Judge(s.judge)
	s.say(erasure.Gone, b.feed.Entries[52].ID())
	b.put(b.feed.Page(50, 10))
	b.absent(52, "when it came back")
	if len(b.files(b.needle(52))) == 0 {
		t.Fatal("the search would not find the bytes while they are there")
	}
	b.sweep()
	if names := b.files(b.needle(52)); len(names) > 0 {
		t.Fatalf("it lies in %v", names)
	}
}

// An erasure that does not count any more: the body is wanted, apart, and taken again.
func TestSweep_Lifts(t *testing.T) {
	b := newBench(t)
	var s sayer
	b.l.Judge(s.judge)
	e := b.feed.Entries[7]
	s.say(erasure.Gone, e.ID())
	b.sweep()
	s.say(erasure.Nothing, e.ID())
	if out := b.sweep(); out.Lifted != 0 {
		t.Fatalf("nobody decided, and swept %+v", out)
	}
	b.absent(7, "while nobody has decided")
	s.say(erasure.Lapsed, e.ID())
	if out := b.sweep(); out.Lifted != 1 {
		t.Fatalf("swept %+v", out)
	}
	for range 2 {
		if _, err := b.l.Body(e); protocol.ReasonOf(err) != protocol.ReasonWanted {
			t.Fatalf("body is %v", err)
		}
		if st := b.l.Stats(); st.Wanted != 0 || st.Lifted != 1 || st.Erased != 0 || len(b.l.Wanted(9)) != 1 {
			t.Fatalf("%+v", st)
		}
		b.reopen()
		b.l.Judge(s.judge)
	}
	if err := b.l.Put(context.Background(), Batch{Bodies: []Body{{e.ID(), b.feed.Bodies[7]}}}); err != nil {
		t.Fatal(err)
	}
	if st := b.l.Stats(); st.Lifted != 0 {
		t.Fatalf("%+v", st)
	}
	b.whole()
	s.say(erasure.Gone, e.ID())
	b.sweep()
	b.absent(7, "erased again")
	if names := b.files(b.needle(7)); len(names) > 0 {
		t.Fatalf("it lies in %v", names)
	}
}

// The ledger lists entries that erase from memory, also after a restart and behind damage.
func TestErasures_AreListed(t *testing.T) {
	b := newBench(t)
	want := map[protocol.EntryID]bool{}
	for range 3 {
		e, _ := b.feed.Add(protocol.Header{Kind: protocol.KindErasure, Of: b.feed.Entries[1].ID()}, nil)
		want[e.ID()] = true
		b.feed.Fill(len(b.feed.Entries)+9, 40)
	}
	for _, p := range b.feed.Pages(60, 10) {
		b.put(p)
	}
	for _, where := range []string{"live", "restarted", "rejoined"} {
		got := map[protocol.EntryID]bool{}
		for _, e := range b.l.Erasures() {
			got[e.ID()] = true
		}
		if !maps.Equal(got, want) {
			t.Fatalf("%s: %d listed, want %d", where, len(got), len(want))
		}
		if where == "restarted" {
			b.damage(placeKey(keyRun, placeOf(1, 10)), nil)
			b.reopen()
			if len(b.l.Erasures()) != 0 {
				t.Fatal("erasures behind damage are listed")
			}
			b.put(b.feed.Page(10, 10))
		}
		b.reopen()
	}
}

// What a backup says was erased stays erased where it is restored, whatever its kind.
func TestSweep_BackupsNeverCarryWhatIsSaidToBeGone(t *testing.T) {
	b := newBench(t)
	var s sayer
	b.l.Judge(s.judge)
	s.say(erasure.Gone, b.feed.Entries[7].ID())
	var before, after bytes.Buffer
	if _, err := b.l.Backup(context.Background(), &before, nil); err != nil {
		t.Fatal(err)
	}
	b.sweep()
	if _, err := b.l.Backup(context.Background(), &after, nil); err != nil {
		t.Fatal(err)
	}
	for i, backup := range []*bytes.Buffer{&before, &after} {
		if bytes.Contains(backup.Bytes(), b.needle(7)) || !bytes.Contains(backup.Bytes(), b.needle(8)) {
			t.Fatalf("backup %d holds the wrong bodies", i)
		}
		dir := filepath.Join(t.TempDir(), "restored")
		if _, err := Restore(context.Background(), Config{Dir: dir, Federation: b.fed, ReserveBytes: 1}, backup, nil); err != nil {
			t.Fatal(err)
		}
		l, err := Open(Config{Dir: dir, Federation: b.fed, ReserveBytes: 1})
		if err != nil {
			t.Fatal(err)
		}
		if !l.IsErased(b.feed.Entries[7].ID()) || slices.ContainsFunc(l.Wanted(9), func(w Wanted) bool { return w.Entry == b.feed.Entries[7].ID() }) {
			t.Errorf("backup %d: it is not erased where it was restored", i)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// Bytes that lie where an erased body lay, because files were put back under a stopped
// node, are found by verification and go.
func TestSweep_VerificationDropsWhatCameBack(t *testing.T) {
	b := newBench(t)
	if err := b.l.Erase(context.Background(), b.feed.Entries[7].ID()); err != nil {
		t.Fatal(err)
	}
	if err := b.l.alone(context.Background(), func(c *committer) error {
		return c.store.commit([]write{{placeKey(keyBody, placeOf(1, 7)), b.feed.Bodies[7]}})
	}); err != nil {
		t.Fatal(err)
	}
	b.absent(7, "although it lies there")
	rep, err := b.l.Verify(context.Background(), nil)
	if err != nil || rep.Damaged != 1 || rep.Problems[0].Reason != protocol.ReasonErased {
		t.Fatalf("verify: %+v, %v", rep, err)
	}
	if err := b.l.alone(context.Background(), func(*committer) error { return nil }); err != nil { // what verification asked for is done
		t.Fatal(err)
	}
	if names := b.files(b.needle(7)); len(names) > 0 {
		t.Fatalf("it lies in %v", names)
	}
	if rep, err := b.l.Verify(context.Background(), nil); err != nil || !rep.Clean() {
		t.Fatalf("verify: %+v, %v", rep, err)
	}
}
