package ledger_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/protocoltest"
	"github.com/dure-net/dure/replication/ledger"
)

// copyDir copies a ledger that may be open: where Badger removes a log meanwhile, because
// its table is written, the copy is made again.
func copyDir(t testing.TB, from, to string) {
	t.Helper()
	for try := 1; ; try++ {
		out, err := exec.Command("cp", "-r", "--sparse=always", from, to).CombinedOutput()
		if err == nil {
			return
		}
		if try == 5 {
			t.Fatalf("copy: %v %s", err, out)
		}
		if err := os.RemoveAll(to); err != nil {
			t.Fatal(err)
		}
	}
}

// A kill between an entry and its mark leaves the mark behind the store. The entry is told
// to others from the next start on: a store that forgets it then has forgotten something.
func TestMark_IsRaisedToWhatTheStoreHolds(t *testing.T) {
	w := newWorld(1)
	dir := filepath.Join(t.TempDir(), "ledger")
	l := w.open(t, dir)
	f := w.feed(0).Fill(10, 50)
	for i := range 5 {
		put(t, l, ledger.Batch{Pages: []protocol.Page{f.Page(i, 1)}, Own: true})
	}
	closed(t, l)
	before, err := os.ReadFile(filepath.Join(dir, "mark"))
	if err != nil {
		t.Fatal(err)
	}
	l = w.open(t, dir)
	for i := 5; i < 8; i++ {
		put(t, l, ledger.Batch{Pages: []protocol.Page{f.Page(i, 1)}, Own: true})
	}
	closed(t, l)
	if err := os.WriteFile(filepath.Join(dir, "mark"), before, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time it is found as it was left
		l = w.open(t, dir)
		if o := l.Opened(); o.Status != ledger.MarkAhead || o.Mark.Seq != 7 || o.Mark.Entry != f.Entries[7].ID() || o.Mark.Feed != f.ID() || o.Lost != 0 || o.Changed {
			t.Fatalf("opened as %+v", o)
		}
		closed(t, l)
	}
}

func TestMark_TellsAStoreThatForgot(t *testing.T) {
	w := newWorld(1)
	m := w.members[0]
	base := t.TempDir()
	dir := filepath.Join(base, "ledger")
	l := w.open(t, dir)
	f := w.feed(0).Fill(10, 50)
	for i := range 5 {
		put(t, l, ledger.Batch{Pages: []protocol.Page{f.Page(i, 1)}, Own: true})
	}
	closed(t, l)
	copyDir(t, filepath.Join(dir, "store"), filepath.Join(base, "old"))
	l = w.open(t, dir)
	if o := l.Opened(); o.Status != ledger.MarkAhead || o.Mark.Seq != 4 || o.Mark.Entry != f.Entries[4].ID() || o.Mark.Feed != f.ID() {
		t.Fatalf("opened as %+v", o)
	}
	for i := 5; i < 9; i++ {
		put(t, l, ledger.Batch{Pages: []protocol.Page{f.Page(i, 1)}, Own: true})
	}
	closed(t, l)

	// Somebody puts yesterday's files back.
	if err := os.RemoveAll(filepath.Join(dir, "store")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(base, "old"), filepath.Join(dir, "store")); err != nil {
		t.Fatal(err)
	}
	l = w.open(t, dir)
	if o := l.Opened(); o.Status != ledger.MarkBehind || o.Mark.Seq != 8 || !o.Changed || o.Clean {
		t.Fatalf("opened as %+v", o)
	}
	// No seq that was acknowledged is signed again, not even the same entry.
	refused(t, l, ledger.Batch{Pages: []protocol.Page{f.Page(5, 1)}, Own: true}, protocol.ReasonRecovering)
	again := protocoltest.NewFeed(w.fed, m.Root, m.Node).Fill(5, 50)
	again.Append(protocol.KindNotice, map[string]any{"another": true})
	refused(t, l, ledger.Batch{Pages: []protocol.Page{again.Page(5, 1)}, Own: true}, protocol.ReasonRecovering)
	// What comes back from others is taken; then the node goes on in a new feed.
	put(t, l, one(f.Page(5, 4)))
	next := protocoltest.Begin(w.fed, m.Root, m.Node, protocoltest.Start+9e6,
		&protocol.Continuation{Feed: f.ID(), Seq: 4, Head: f.Entries[4].ID()})
	put(t, l, ledger.Batch{Pages: []protocol.Page{next.Page(0, 1)}, Own: true})
	closed(t, l)
	l = w.open(t, dir)
	if o := l.Opened(); o.Status != ledger.MarkAhead || o.Mark.Feed != next.ID() || o.Mark.Seq != 0 || !o.Clean {
		t.Fatalf("opened as %+v", o)
	}
}

func TestMark_SurvivesATornSlot(t *testing.T) {
	w := newWorld(1)
	dir := t.TempDir()
	l := w.open(t, dir)
	f := w.feed(0).Fill(10, 50)
	for i := range 4 {
		put(t, l, ledger.Batch{Pages: []protocol.Page{f.Page(i, 1)}, Own: true})
	}
	closed(t, l)
	path := filepath.Join(dir, "mark")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what   string
		damage func([]byte)
		seq    uint64
		status ledger.MarkStatus
	}{
		{"the newer slot torn", func(b []byte) { b[60] ^= 1 }, 3, ledger.MarkAhead}, // generation 4 is in slot 0; 3 is raised
		{"the older slot torn", func(b []byte) { b[4096+60] ^= 1 }, 3, ledger.MarkAhead},
		{"both torn", func(b []byte) { b[60] ^= 1; b[4096+60] ^= 1 }, 0, ledger.MarkAbsent},
		{"nothing left", func(b []byte) { clear(b) }, 0, ledger.MarkAbsent},
	} {
		b := bytes.Clone(whole)
		c.damage(b)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		l := w.open(t, dir)
		if o := l.Opened(); o.Status != c.status || o.Mark.Seq != c.seq {
			t.Fatalf("%s: %v, seq %d", c.what, o.Status, o.Mark.Seq)
		}
		closed(t, l)
	}
}

func TestLedger_StopsWritingBeforeTheDiskIsFull(t *testing.T) {
	w := newWorld(1)
	dir := t.TempDir()
	var free atomic.Uint64
	free.Store(1 << 30)
	cfg := ledger.Config{Dir: dir, Federation: w.fed, FloorBytes: 1 << 20, ReserveBytes: 2 << 20,
		Free: func() (uint64, error) { return free.Load(), nil }}
	l, err := ledger.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	f := w.feed(0).Fill(10, 50)
	put(t, l, one(f.Page(0, 2)))
	reserve := func() int64 {
		info, err := os.Stat(filepath.Join(dir, "reserve"))
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	if reserve() != 2<<20 {
		t.Fatalf("the reserve has %d bytes", reserve())
	}
	free.Store(1<<20 - 1)
	refused(t, l, one(f.Page(2, 2)), protocol.ReasonReadOnly)
	if err := l.Erase(context.Background(), f.Entries[1].ID()); protocol.ReasonOf(err) != protocol.ReasonReadOnly {
		t.Fatalf("erase: %v", err)
	}
	if _, low, err := l.FreeBytes(); !low || err != nil {
		t.Fatalf("low is %v, %v", low, err)
	}
	if _, err := l.Block(f.Entries[1].Header().Body); err != nil {
		t.Fatalf("reading: %v", err)
	}
	closed(t, l)
	if l, err = ledger.Open(cfg); err != nil { // it opens on the reserve, and still refuses
		t.Fatal(err)
	}
	if reserve() != 1<<20 {
		t.Fatalf("the reserve has %d bytes, want all but what the small files of a start take", reserve())
	}
	refused(t, l, one(f.Page(2, 2)), protocol.ReasonReadOnly)
	free.Store(1 << 30) // no restart needed
	put(t, l, one(f.Page(2, 8)))
	sameFeed(t, l, f)
	closed(t, l)
	if l, err = ledger.Open(cfg); err != nil {
		t.Fatal(err)
	}
	if reserve() != 2<<20 {
		t.Fatal("the reserve was not taken again")
	}
	closed(t, l)
}

func TestOpen_RefusesWithItsOwnReason(t *testing.T) {
	w := newWorld(1)
	dir := t.TempDir()
	open := func(dir string, fed protocol.FederationID) error {
		l, err := ledger.Open(ledger.Config{Dir: dir, Federation: fed, ReserveBytes: 1})
		if err == nil {
			_ = l.Close()
		}
		return err
	}
	l := w.open(t, dir)
	if err := open(dir, w.fed); protocol.ReasonOf(err) != protocol.ReasonHomeLocked {
		t.Errorf("a second opener: %v", err)
	}
	closed(t, l)
	_, other, _ := protocoltest.Federation(2)
	if err := open(dir, other); protocol.ReasonOf(err) != protocol.ReasonWrongFederation {
		t.Errorf("another federation: %v", err)
	}
	if err := open(dir, protocol.FederationID{}); err != nil {
		t.Errorf("as it is: %v", err)
	}
	if err := open(t.TempDir(), protocol.FederationID{}); protocol.ReasonOf(err) != protocol.ReasonNoHome {
		t.Errorf("nothing there: %v", err)
	}
	if err := open("", w.fed); protocol.ReasonOf(err) != protocol.ReasonConfig {
		t.Errorf("no directory: %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := open(file, w.fed); protocol.ReasonOf(err) != protocol.ReasonHomeUnwritable {
		t.Errorf("a file in its place: %v", err)
	}
}

func TestLedger_AfterClose(t *testing.T) {
	w := newWorld(1)
	l := w.open(t, t.TempDir())
	f := w.feed(0).Fill(200, 50)
	var commits []*ledger.Commit
	for i := range 100 {
		commits = append(commits, l.Submit(one(f.Page(i, 1))))
	}
	followed := make(chan error, 1)
	go func() {
		_, err := l.Follow(context.Background(), 1000, 10)
		followed <- err
	}()
	closed(t, l)
	for i, c := range commits { // what was submitted goes in
		if err := c.Wait(soon(t)); err != nil {
			t.Fatalf("commit %d: %v", i, err)
		}
	}
	if err := <-followed; protocol.ReasonOf(err) != protocol.ReasonNotRunning {
		t.Fatalf("follow: %v", err)
	}
	refused(t, l, one(f.Page(100, 1)), protocol.ReasonNotRunning)
	closed(t, l)
}

func TestLedger_FollowersSeeEveryChangeOnce(t *testing.T) {
	w := newWorld(2)
	l := w.open(t, t.TempDir())
	feeds := []*protocoltest.Feed{w.feed(0).Fill(300, 50), w.feed(1).Fill(300, 50)}
	ctx := soon(t)
	type result struct {
		seen []protocol.EntryID
		err  error
	}
	results := make(chan result, 3)
	for n := range 3 {
		go func() {
			var r result
			for from := uint64(1); len(r.seen) < 600 && r.err == nil; {
				var changes []ledger.Change
				changes, r.err = l.Follow(ctx, from, 1+n*50)
				for _, ch := range changes {
					if ch.Local != from {
						t.Errorf("follower %d: number %d after %d", n, ch.Local, from-1)
					}
					from++
					r.seen = append(r.seen, ch.Entry.ID())
				}
				if n == 2 {
					time.Sleep(time.Millisecond) // a slow reader
				}
			}
			results <- r
		}()
	}
	var told []uint64 // written by the committer, read when all is in
	for i := range 300 {
		for _, f := range feeds {
			l.Submit(ledger.Batch{Pages: []protocol.Page{f.Page(i, 1)}, OnCommit: func(first uint64) { told = append(told, first) }})
		}
	}
	var first []protocol.EntryID
	for range 3 {
		r := <-results
		if r.err != nil {
			t.Fatal(r.err)
		}
		if first == nil {
			first = r.seen
		}
		for i := range first {
			if r.seen[i] != first[i] {
				t.Fatalf("followers disagree at %d", i)
			}
		}
	}
	closed(t, l)
	if len(told) != 600 {
		t.Fatalf("%d calls of OnCommit", len(told))
	}
	for i, n := range told {
		if n != uint64(i+1) {
			t.Fatalf("call %d was told %d", i, n)
		}
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	l = w.open(t, t.TempDir())
	if _, err := l.Follow(ended, 1, 1); protocol.ReasonOf(err) != protocol.ReasonCanceled {
		t.Fatalf("follow: %v", err)
	}
}

// A directory that was copied, its mark and all, was taken for the one that was written:
// the node would have signed the places again that it filled after the copy was made.
func TestMark_KnowsACopyOfItself(t *testing.T) {
	w := newWorld(1)
	base := t.TempDir()
	dir, copied := filepath.Join(base, "ledger"), filepath.Join(base, "copy")
	made := map[string]int64{dir: 1000, copied: 2000}
	open := func(dir string) *ledger.Ledger {
		t.Helper()
		l, err := ledger.Open(ledger.Config{Dir: dir, Federation: w.fed, Born: func(path string) (int64, error) { return made[filepath.Dir(path)], nil }})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	expect := func(l *ledger.Ledger, want bool) {
		t.Helper()
		if o := l.Opened(); o.Copied != want || o.Status != ledger.MarkAhead {
			t.Fatalf("opened as %+v, want copied %t", o, want)
		}
	}
	l := open(dir)
	f := w.feed(0).Fill(10, 50)
	put(t, l, ledger.Batch{Pages: []protocol.Page{f.Page(0, 3)}, Own: true})
	closed(t, l)
	copyDir(t, dir, copied)
	l = open(dir)
	expect(l, false)
	closed(t, l)
	for range 2 { // until something is signed, every start says so
		l = open(copied)
		expect(l, true)
		closed(t, l)
	}
	l = open(copied)
	put(t, l, ledger.Batch{Pages: []protocol.Page{f.Page(3, 1)}, Own: true})
	closed(t, l)
	l = open(copied)
	expect(l, false)
	closed(t, l)

	// A file system that does not tell when files are made tells nothing.
	made[copied] = 0
	l = open(copied)
	expect(l, false)
	closed(t, l)

	// A mark of an earlier version has no note of it, and gets one.
	if err := os.Truncate(filepath.Join(dir, "mark"), 4096+144); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		l = open(dir)
		expect(l, false)
		closed(t, l)
	}
	made[dir] = 3000
	l = open(dir)
	expect(l, true)
	closed(t, l)
}

// The system's own answer: a copied file was made later than the one it was copied from.
func TestMark_SystemKnowsCopies(t *testing.T) {
	w := newWorld(1)
	base := t.TempDir()
	dir, copied := filepath.Join(base, "ledger"), filepath.Join(base, "copy")
	l := w.open(t, dir)
	put(t, l, ledger.Batch{Pages: []protocol.Page{w.feed(0).Fill(3, 50).Page(0, 3)}, Own: true})
	closed(t, l)
	l = w.open(t, dir)
	if l.Opened().Copied {
		t.Error("the directory itself passes for a copy")
	}
	closed(t, l)
	moved := filepath.Join(base, "moved")
	if err := os.Rename(dir, moved); err != nil {
		t.Fatal(err)
	}
	l = w.open(t, moved)
	if l.Opened().Copied {
		t.Error("a directory that was renamed passes for a copy")
	}
	closed(t, l)
	copyDir(t, moved, copied)
	l = w.open(t, copied)
	if !l.Opened().Copied {
		t.Skip("this file system does not tell when a file was made")
	}
	closed(t, l)
}
