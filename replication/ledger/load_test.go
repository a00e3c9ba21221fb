package ledger

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/protocoltest"
)

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
