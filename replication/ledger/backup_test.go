package ledger_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	carv2 "github.com/ipld/go-car/v2"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/protocoltest"
	"github.com/dure-net/dure/replication/ledger"
)

// backedUp is a ledger with everything in it that a backup must carry, and its backup.
func backedUp(t testing.TB) (w *world, feeds []*protocoltest.Feed, erased protocol.Entry, missing protocol.Entry, backup []byte) {
	t.Helper()
	w = newWorld(3)
	feeds = []*protocoltest.Feed{w.feed(0).Fill(150, 200), w.feed(1).Fill(20, 200), w.feed(2)}
	for i := range 9 { // bodies that no batch holds together
		feeds[2].Append(protocol.KindExperience, map[string]any{"n": uint64(i), "text": string(bytes.Repeat([]byte{'a' + byte(i)}, 60_000))})
	}
	l := w.open(t, t.TempDir())
	for _, p := range feeds[0].Pages(0, 64) {
		put(t, l, one(p))
	}
	for i := range feeds[1].Entries {
		p := feeds[1].Page(i, 1)
		if i == 7 {
			missing, p.Bodies = p.Entries[0], [][]byte{nil}
		}
		put(t, l, one(p))
	}
	for i := range feeds[2].Entries {
		put(t, l, one(feeds[2].Page(i, 1)))
	}
	put(t, l, ledger.Batch{
		Evidence: []ledger.Evidence{{Feed: feeds[0].ID(), Seq: 9, Data: []byte("evidence")}},
		Meta:     []ledger.Setting{{Key: "founding", Value: w.act}, {Key: "empty", Value: []byte{}}},
	})
	erased = feeds[0].Entries[30]
	if err := l.Erase(context.Background(), erased.ID()); err != nil {
		t.Fatalf("erase: %v", err)
	}
	var out bytes.Buffer
	copied, err := l.Backup(context.Background(), &out, nil)
	if err != nil || copied.Entries != 180 || copied.Feeds != 3 || copied.Bodies != 175 || copied.Bytes != uint64(out.Len()) {
		t.Fatalf("backup: %+v, %v, %d bytes", copied, err, out.Len())
	}
	closed(t, l)
	return w, feeds, erased, missing, out.Bytes()
}

func TestBackup_RestoresEverything(t *testing.T) {
	w, feeds, erased, missing, backup := backedUp(t)
	checked, err := ledger.CheckBackup(context.Background(), bytes.NewReader(backup), w.fed)
	if err != nil {
		t.Fatalf("check: %v", err)
	}
	dir := filepath.Join(t.TempDir(), "restored")
	copied, err := ledger.Restore(context.Background(), ledger.Config{Dir: dir, ReserveBytes: 1 << 20}, bytes.NewReader(backup), nil)
	if err != nil || copied != checked {
		t.Fatalf("restore: %+v, %v; the check said %+v", copied, err, checked)
	}
	l := w.open(t, dir)
	if o := l.Opened(); o.Restored.IsZero() || o.Status != ledger.MarkAbsent || o.Root != checked.Root {
		t.Fatalf("opened as %+v", o)
	}
	sameFeed(t, l, feeds[2])
	if _, err := l.Body(erased); protocol.ReasonOf(err) != protocol.ReasonErased {
		t.Fatalf("erased body is %v", err)
	}
	if got := l.Wanted(10); len(got) != 1 || got[0].Entry != missing.ID() {
		t.Fatalf("wanted are %+v", got)
	}
	if act, err := l.Meta("founding"); err != nil || !bytes.Equal(act, w.act) {
		t.Fatalf("founding act: %v", err)
	}
	if v, err := l.Meta("empty"); err != nil || v == nil {
		t.Fatalf("empty setting: %v %v", v, err)
	}
	if ev, err := l.Evidence(); err != nil || len(ev) != 1 || string(ev[0].Data) != "evidence" || ev[0].Seq != 9 {
		t.Fatalf("evidence: %+v %v", ev, err)
	}
	if rep, err := l.Verify(context.Background(), nil); err != nil || !rep.Clean() || rep.Entries != 180 || rep.Root != checked.Root {
		t.Fatalf("verify: %+v %v", rep, err)
	}
	_, err = ledger.Restore(context.Background(), ledger.Config{Dir: dir}, bytes.NewReader(backup), nil)
	if protocol.ReasonOf(err) != protocol.ReasonHomeExists {
		t.Fatalf("restore over a ledger: %v", err)
	}
}

func TestBackup_IsACarFileForOtherTools(t *testing.T) {
	w, feeds, _, _, backup := backedUp(t)
	r, err := carv2.NewBlockReader(bytes.NewReader(backup)) // checks every hash itself
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Roots) != 1 || r.Roots[0] != w.fed.Cid {
		t.Fatalf("roots are %v", r.Roots)
	}
	seen := map[string]bool{}
	for {
		b, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		seen[b.Cid().String()] = true
	}
	for _, f := range feeds {
		for _, e := range f.Entries {
			if !seen[e.ID().String()] {
				t.Fatalf("entry %d of %v is not in it", e.Seq(), f.ID().Short())
			}
		}
	}
}

func TestBackup_NoticesEveryTruncationAndFlip(t *testing.T) {
	w, _, _, _, backup := backedUp(t)
	check := func(b []byte) error {
		_, err := ledger.CheckBackup(context.Background(), bytes.NewReader(b), w.fed)
		return err
	}
	step := len(backup) / 97
	for n := 0; n < len(backup); n += step {
		if check(backup[:n]) == nil {
			t.Fatalf("a backup cut to %d of %d bytes passes", n, len(backup))
		}
		flipped := bytes.Clone(backup)
		flipped[n] ^= 0x10
		if check(flipped) == nil {
			t.Fatalf("a backup with a flipped bit in byte %d passes", n)
		}
	}
	if check(append(bytes.Clone(backup), 0)) == nil {
		t.Fatal("a backup with a byte more passes")
	}
	_, other, _ := protocoltest.Federation(7)
	if _, err := ledger.CheckBackup(context.Background(), bytes.NewReader(backup), other); protocol.ReasonOf(err) != protocol.ReasonWrongFederation {
		t.Fatalf("another federation's backup: %v", err)
	}
	dir := filepath.Join(t.TempDir(), "none")
	if _, err := ledger.Restore(context.Background(), ledger.Config{Dir: dir}, bytes.NewReader(backup[:len(backup)/2]), nil); err == nil {
		t.Fatal("half a backup was restored")
	}
	if _, err := ledger.Open(ledger.Config{Dir: dir}); protocol.ReasonOf(err) != protocol.ReasonNoHome {
		t.Fatalf("after a failed restore there is a ledger: %v", err)
	}
}

// FuzzCheckBackup feeds the backup reader anything; seeds are a real one and parts of it.
func FuzzCheckBackup(f *testing.F) {
	w := newWorld(1)
	l, err := ledger.Open(ledger.Config{Dir: f.TempDir(), Federation: w.fed, ReserveBytes: 1})
	if err != nil {
		f.Fatal(err)
	}
	put(f, l, one(w.feed(0).Fill(3, 20).Page(0, 3)))
	var out bytes.Buffer
	if _, err := l.Backup(context.Background(), &out, nil); err != nil {
		f.Fatal(err)
	}
	closed(f, l)
	whole := out.Bytes()
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := ledger.CheckBackup(context.Background(), bytes.NewReader(b), w.fed); err == nil && !bytes.Equal(b, whole) {
			// Only its own writer makes backups that pass: the end note hashes all before it.
			if _, err := ledger.CheckBackup(context.Background(), bytes.NewReader(b[:len(b)-1]), w.fed); err == nil {
				t.Fatal("passes with and without its last byte")
			}
		}
	})
}

// With papers a backup is enough to make a home of; its root block is the founding act.
func TestBackup_TakesPapersAlong(t *testing.T) {
	w := newWorld(1)
	l := w.open(t, t.TempDir())
	put(t, l, one(w.feed(0).Fill(30, 50).Page(0, 30)))
	var out bytes.Buffer
	papers := []ledger.Paper{{Name: "member.json", Data: []byte(`{"version":1}`)}, {Name: ledger.PaperFounding, Data: w.act}, {Name: "empty", Data: []byte{}}}
	if _, err := l.Backup(context.Background(), &out, nil, papers...); err != nil {
		t.Fatal(err)
	}
	b, err := ledger.OpenBackup(bytes.NewReader(out.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Founding, w.act) || b.Federation != w.fed || len(b.Papers) != 2 || string(b.Paper("member.json")) != `{"version":1}` || b.Paper("none") != nil {
		t.Fatalf("%+v", b)
	}
	dir := filepath.Join(t.TempDir(), "restored")
	// What an interrupted restore left is no ledger, and in nobody's way.
	if err := os.MkdirAll(filepath.Join(dir+".restoring", "store"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Restore(context.Background(), ledger.Config{Dir: dir, ReserveBytes: 1}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir + ".restoring"); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("the place where it was made: %v", err)
	}
	if got := w.open(t, dir).Stats().Entries; got != 30 {
		t.Fatalf("%d entries", got)
	}
	for _, cut := range []int{1, 10, 100, out.Len() / 2, out.Len() - 1} {
		if b, err := ledger.OpenBackup(bytes.NewReader(out.Bytes()[:cut])); err == nil {
			if _, err = b.Check(context.Background(), nil); protocol.ReasonOf(err) != protocol.ReasonDamaged {
				t.Fatalf("cut to %d bytes: %v", cut, err)
			}
		}
	}
	if _, err := l.Backup(context.Background(), io.Discard, nil, ledger.Paper{Name: ledger.PaperFounding, Data: []byte("another one")}); protocol.ReasonOf(err) != protocol.ReasonWrongFederation {
		t.Fatalf("another federation's founding act was taken along: %v", err)
	}
}
