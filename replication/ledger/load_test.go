package ledger

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dgraph-io/badger/v4"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/protocoltest"
)

// On a full disk the ledger opens, of a store that was left by a crash and of none at all,
// and answers; when there is room it is written in the same process.
func TestOpen_OnAFullDisk(t *testing.T) {
	_, fed, members := protocoltest.Federation(1)
	feed := protocoltest.NewFeed(fed, members[0].Root, members[0].Node).Fill(150, 200)
	for name, held := range map[string]int{"nothing is there": 0, "a store is there": 100} {
		t.Run(name, func(t *testing.T) {
			var free atomic.Uint64
			free.Store(1 << 40)
			dir := filepath.Join(t.TempDir(), "ledger")
			cfg := Config{Dir: dir, Federation: fed, ReserveBytes: 1, Free: func() (uint64, error) { return free.Load(), nil }}
			open := func() *Ledger {
				t.Helper()
				l, err := Open(cfg)
				if err != nil {
					t.Fatal(err)
				}
				return l
			}
			if held > 0 {
				l := open()
				defer l.Close()
				for from := 0; from < held; from += 50 {
					if err := l.Put(context.Background(), Batch{Pages: []protocol.Page{feed.Page(from, 50)}, Own: true}); err != nil {
						t.Fatal(err)
					}
				}
				if err := l.Erase(context.Background(), feed.Entries[7].ID()); err != nil {
					t.Fatal(err)
				}
				cfg.Dir += "-copy" // as a crash would leave it
				if out, err := exec.Command("cp", "-r", "--sparse=always", dir, cfg.Dir).CombinedOutput(); err != nil {
					t.Fatalf("%v %s", err, out)
				}
			}
			free.Store(0)
			for range 2 { // it takes nothing of the disk, however often it starts
				before := storeBytes(t, cfg.Dir)
				l := open()
				for i := range held {
					e, err := l.Entry(feed.ID(), uint64(i))
					if err != nil || e.ID() != feed.Entries[i].ID() {
						t.Fatalf("entry %d: %v", i, err)
					}
					body, err := l.Body(e)
					if erased := i == 7; erased && protocol.ReasonOf(err) != protocol.ReasonErased || !erased && !bytes.Equal(body, feed.Bodies[i]) {
						t.Fatalf("body %d: %v", i, err)
					}
				}
				next := Batch{Pages: []protocol.Page{feed.Page(held, 20)}, Own: true}
				if err := l.Put(context.Background(), next); protocol.ReasonOf(err) != protocol.ReasonReadOnly {
					t.Fatalf("on a full disk: %v", err)
				}
				if _, low, _ := l.FreeBytes(); !low || l.Failed() != nil {
					t.Errorf("low %v, failed %v", low, l.Failed())
				}
				if err := l.Close(); err != nil {
					t.Fatal(err)
				}
				if after := storeBytes(t, cfg.Dir); after > before+64<<10 {
					t.Errorf("the store took %d bytes and takes %d", before, after)
				}
			}
			l := open()
			free.Store(1 << 40)
			if err := l.Put(context.Background(), Batch{Pages: []protocol.Page{feed.Page(held, 20)}, Own: true}); err != nil {
				t.Fatalf("with room again: %v", err)
			}
			if rep, err := l.Verify(context.Background(), nil); err != nil || !rep.Clean() || rep.Entries != uint64(held+20) {
				t.Fatalf("%+v, %v", rep, err)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			l = open()
			defer l.Close()
			if o := l.Opened(); !o.Clean || o.Status != MarkAhead || l.Stats().Entries != uint64(held+20) {
				t.Errorf("opened again: %+v", o)
			}
		})
	}
}

// storeBytes is what the store's files take on the disk.
func storeBytes(t *testing.T, dir string) (total uint64) {
	t.Helper()
	files, err := os.ReadDir(filepath.Join(dir, "store"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for _, f := range files {
		if info, err := f.Info(); err == nil {
			total += allocated(info)
		}
	}
	return total
}

// Badger tries for ever to write its last table, and the ledger's Close waited for it. It
// gives up; nothing is lost by that.
func TestClose_EndsWhereBadgerDoesNot(t *testing.T) {
	_, fed, members := protocoltest.Federation(1)
	feed := protocoltest.NewFeed(fed, members[0].Root, members[0].Node).Fill(10, 200)
	dir := filepath.Join(t.TempDir(), "ledger")
	l, err := Open(Config{Dir: dir, Federation: fed, ReserveBytes: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Put(context.Background(), Batch{Pages: []protocol.Page{feed.Page(0, 10)}, Own: true}); err != nil {
		t.Fatal(err)
	}
	store := filepath.Join(dir, "store")
	if err := os.Rename(store, store+"-gone"); err != nil {
		t.Fatal(err)
	}
	l.c.store.patience = 200 * time.Millisecond
	if err := l.Close(); err == nil {
		t.Error("a store that could not be closed was closed")
	}
	if err := os.Rename(store+"-gone", store); err != nil {
		t.Fatal(err)
	}
	l, err = Open(Config{Dir: dir, Federation: fed, ReserveBytes: 1})
	if err != nil || l.Stats().Entries != uint64(len(feed.Entries)) || l.Opened().Status != MarkAhead {
		t.Fatalf("%+v, %v", l, err)
	}
	defer l.Close()
}

// A write that failed leaves it unknown what is on the disk: nothing more is written, and
// Failed says so, until the ledger is opened again. Room on the disk does not end it.
func TestLedger_AFailedWriteIsTheLast(t *testing.T) {
	_, fed, members := protocoltest.Federation(1)
	feed := protocoltest.NewFeed(fed, members[0].Root, members[0].Node).Fill(10, 200)
	l, err := Open(Config{Dir: t.TempDir(), Federation: fed, ReserveBytes: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := l.c.store.db.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := l.Put(context.Background(), Batch{Pages: []protocol.Page{feed.Page(0, 5)}}); err == nil {
			t.Fatal("a closed store was written")
		}
	}
	if _, low, err := l.FreeBytes(); l.Failed() == nil || low || err != nil {
		t.Errorf("failed %v, low %v, %v", l.Failed(), low, err)
	}
}

// A store that Badger refuses although every byte of it is right is set aside, and what
// it holds comes back through the door, own entries too.
func TestLoad_SetsAsideWhatBadgerRefuses(t *testing.T) {
	_, fed, members := protocoltest.Federation(1)
	feed := protocoltest.NewFeed(fed, members[0].Root, members[0].Node).Fill(150, 200)
	home := t.TempDir()
	open := func() *Ledger {
		t.Helper()
		l, err := Open(Config{Dir: home, Federation: fed, ReserveBytes: 1})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	l := open()
	for _, p := range feed.Pages(0, 64) {
		if err := l.Put(context.Background(), Batch{Pages: []protocol.Page{p}, Own: true}); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	store := filepath.Join(home, "store")
	// One table twice, at a level where none may overlap another.
	b, err := os.ReadFile(filepath.Join(store, "000001.sst"))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := appendManifest(map[uint64]uint8{1: 3, 2: 3})
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"000002.sst": b, manifestName: raw} {
		if err := os.WriteFile(filepath.Join(store, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l = open()
	if o := l.Opened(); !o.Mended.Whole || o.Mended.Aside == "" || o.Status != MarkBehind || l.Stats().Entries != 0 {
		t.Fatalf("opened %+v with %d entries", o, l.Stats().Entries)
	}
	n, err := l.Salvage(context.Background(), func(p protocol.Page) error {
		return l.Put(context.Background(), Batch{Pages: []protocol.Page{p}})
	})
	if err != nil || n != len(feed.Entries) || l.Opened().Status != MarkAhead {
		t.Fatalf("%d entries of %d came back, the mark is %v: %v", n, len(feed.Entries), l.Opened().Status, err)
	}
	for i, e := range feed.Entries {
		got, err := l.Entry(feed.ID(), uint64(i))
		if err != nil || got.ID() != e.ID() {
			t.Fatalf("entry %d: %v", i, err)
		}
		if body, err := l.Body(got); err != nil || !bytes.Equal(body, feed.Bodies[i]) {
			t.Fatalf("body %d: %v", i, err)
		}
	}
	aside := l.Opened().Mended.Aside
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open()
	defer l.Close()
	if o := l.Opened(); o.Mended.Files != 0 || o.Mended.Whole || o.Status != MarkAhead || l.salvage != nil {
		t.Errorf("opened again: %+v", o)
	}
	if _, err := os.Stat(filepath.Join(aside, "store", "000001.sst")); err != nil {
		t.Errorf("what was set aside is gone: %v", err)
	}
	if err := l.Erase(context.Background(), feed.Entries[3].ID()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(aside); err == nil {
		t.Error("a body was erased, and a damaged file that may hold it is kept")
	}
}

// The gate before a merge's tables hangs on one line of Badger's log. This is the test
// that it is still there: without room a merge does not come to its end, with room it does.
func TestStore_MergesWaitForRoom(t *testing.T) {
	var free atomic.Uint64
	free.Store(1 << 40)
	small := sizesFor(1<<30, "")
	s, err := openStore(t.TempDir(), small, false, false, roomOf(Config{Free: func() (uint64, error) { return free.Load(), nil }}), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.shut()
	free.Store(0)
	noise := rand.New(rand.NewPCG(1, 1))
	value := make([]byte, 500<<10)
	for i := range 100 {
		for j := range value {
			value[j] = byte(noise.Uint32())
		}
		if err := s.commit([]write{{placeKey(keyBody, placeOf(1, uint64(i))), value}}); err != nil {
			t.Fatal(err)
		}
	}
	fresh := func() int { return s.db.Levels()[0].NumTables }
	for began := time.Now(); fresh() < small.fresh; time.Sleep(10 * time.Millisecond) { // they are written meanwhile
		if time.Since(began) > 90*time.Second {
			t.Fatalf("%d tables wait for a merge that has no room, want at least %d", fresh(), small.fresh)
		}
	}
	for began := time.Now(); time.Since(began) < 500*time.Millisecond; time.Sleep(10 * time.Millisecond) {
		if n := fresh(); n < small.fresh {
			t.Fatalf("%d tables are left: a merge that has no room came to its end", n)
		}
	}
	free.Store(1 << 40)
	for began := time.Now(); fresh() >= small.fresh; time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > 90*time.Second {
			t.Fatalf("with room there are still %d tables", fresh())
		}
	}
}

// A store that was left by a program with larger memtables is read: its log is.
func TestStore_LogOfALargerMemtable(t *testing.T) {
	dir, plenty := t.TempDir(), roomOf(Config{Free: func() (uint64, error) { return 1 << 40, nil }})
	now := sizesFor(0, dir)
	before := now
	before.memtable = formerMemtable
	s, err := openStore(dir, before, false, false, plenty, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	value := bytes.Repeat([]byte("a log that is longer than a memtable of today "), 8<<10)
	wrote := 0
	for ; wrote*len(value) < int(now.memtable)+4<<20; wrote++ {
		if err := s.commit([]write{{placeKey(keyBody, placeOf(1, uint64(wrote))), value}}); err != nil {
			t.Fatal(err)
		}
	}
	left := t.TempDir() // as a crash leaves it
	if err := os.CopyFS(left, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	s.shut()
	z := sizesFor(0, left)
	if z.memtable <= now.memtable {
		t.Fatalf("a memtable of %d bytes for a log of %d", z.memtable, fullestLog(left))
	}
	if s, err = openStore(left, z, false, false, plenty, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	defer s.shut()
	err = s.view("read", func(txn *badger.Txn) error {
		for i := range wrote {
			if err := good(txn, placeKey(keyBody, placeOf(1, uint64(i))), func(v []byte) error {
				if !bytes.Equal(v, value) {
					t.Errorf("value %d is another", i)
				}
				return nil
			}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
