package ledger

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/pb"
	"google.golang.org/protobuf/proto"
)

// longManifest adds tables that came and went to a store's manifest.
func longManifest(t *testing.T, dir string) {
	t.Helper()
	var set pb.ManifestChangeSet
	for id := range uint64(2 * manifestGone) {
		id += 1 << 20
		set.Changes = append(set.Changes, &pb.ManifestChange{Id: id, Op: pb.ManifestChange_CREATE, Compression: 1}, &pb.ManifestChange{Id: id, Op: pb.ManifestChange_DELETE})
	}
	raw, err := proto.Marshal(&set)
	if err != nil {
		t.Fatal(err)
	}
	b := binary.BigEndian.AppendUint32(nil, uint32(len(raw)))
	b = append(binary.BigEndian.AppendUint32(b, crc32.Checksum(raw, castagnoli)), raw...)
	f, err := os.OpenFile(filepath.Join(dir, manifestName), os.O_WRONLY|os.O_APPEND, 0)
	if err == nil {
		_, err = f.Write(b)
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// worn has Badger believe that so many tables came and went since it was opened: of those
// before that it knows nothing.
func worn(db *badger.DB, tables int) {
	m := reflect.ValueOf(db).Elem().FieldByName("manifest").Elem()
	mu := (*sync.Mutex)(unsafe.Pointer(m.FieldByName("appendLock").UnsafeAddr()))
	mu.Lock()
	defer mu.Unlock()
	for _, name := range []string{"Creations", "Deletions"} {
		*(*int)(unsafe.Pointer(m.FieldByName("manifest").FieldByName(name).UnsafeAddr())) += tables
	}
}

// Badger writes a long manifest anew while it runs, and closes the old one first: on a disk
// that was full in that moment no table was taken in any more, and soon writing stood still.
// The manifest is written anew at the start, and where that fails it is left as it is.
func TestStore_ManifestIsWrittenAnewAtTheStartAlone(t *testing.T) {
	dir, plenty := t.TempDir(), roomOf(Config{Free: func() (uint64, error) { return 1 << 40, nil }})
	open := func() *store {
		t.Helper()
		s, err := openStore(dir, sizesFor(1<<30, ""), false, false, plenty, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	noise := rand.New(rand.NewPCG(1, 1))
	value := make([]byte, 500<<10)
	for i := range value {
		value[i] = byte(noise.Uint32())
	}
	wrote := 0
	put := func(s *store) error {
		wrote++
		return s.commit([]write{{placeKey(keyBody, placeOf(1, uint64(wrote-1))), value}})
	}
	size := func() int64 {
		t.Helper()
		info, err := os.Stat(filepath.Join(dir, manifestName))
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	s := open()
	if err := errors.Join(put(s), s.shut()); err != nil {
		t.Fatal(err)
	}
	longManifest(t, dir)
	long := size()
	// What cannot be made stands for a disk without room: both programs' new manifest.
	var stones []string
	for _, name := range []string{"MANIFEST-REWRITE", manifestName + ".new"} {
		stones = append(stones, filepath.Join(dir, name))
		if err := os.Mkdir(stones[len(stones)-1], 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(stones[len(stones)-1], "stone"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s = open()
	worn(s.db, 1<<20)
	tables := func() (n int) {
		for _, l := range s.db.Levels() {
			n += l.NumTables
		}
		return n
	}
	before := tables()
	written := make(chan error, 1)
	go func() { // a store that takes no table in stands still here
		for began := time.Now(); tables() < before+2 && time.Since(began) < 90*time.Second; { // the first might come of the last start's log
			if wrote < 200 {
				if err := put(s); err != nil {
					written <- err
					return
				}
			} else {
				time.Sleep(10 * time.Millisecond)
			}
		}
		written <- nil
	}()
	select {
	case err := <-written:
		if err != nil || tables() < before+2 {
			t.Fatalf("%d tables of %d were taken in: %v", tables()-before, 2, err)
		}
	case <-time.After(2 * time.Minute):
		t.Fatal("no table is taken in any more, and writing stands still")
	}
	if now := size(); now < long {
		t.Errorf("the manifest had %d bytes and has %d: it was written anew while the store is open", long, now)
	}
	if err := s.shut(); err != nil {
		t.Fatal(err)
	}
	for _, stone := range stones {
		if err := os.RemoveAll(stone); err != nil {
			t.Fatal(err)
		}
	}
	s = open()
	defer s.shut()
	if now := size(); now > 4<<10 {
		t.Errorf("with room again the manifest has %d bytes", now)
	}
	if err := s.view("read", func(txn *badger.Txn) error {
		for i := range wrote {
			if err := get(txn, placeKey(keyBody, placeOf(1, uint64(i))), func(v []byte) error {
				if !slices.Equal(v, value) {
					t.Errorf("value %d is another", i)
				}
				return nil
			}); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}
