//go:build linux

package ledger

import (
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// The way into Badger's mapping hangs on a variable of another module. This is the test
// that it is still there: what is refused is not mapped, and what is nobody's is.
func TestMapping_AsksFirst(t *testing.T) {
	end, ok := mappings.before(t.TempDir(), func(string, int64) error { return nil })
	end()
	if !ok {
		t.Fatal("files are mapped for writing without a question: golang.org/x/sys/unix.mapper has changed, or there is no /proc")
	}
}

// The disk fills between the floor's check and the table that Badger makes of a log.
// Badger wrote into a hole then, which ended the process.
func TestStore_NoTableIsWrittenIntoAHole(t *testing.T) {
	small := sizesFor(1<<30, "")
	dir := t.TempDir()
	room := roomOf(Config{Dir: dir, Free: func() (uint64, error) { return 1 << 40, nil }, ReserveBytes: 4 << 20})
	if err := room.take(); err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(dir, storeName)
	s, err := openStore(dir, small, false, false, room, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.shut()
	var is, asked atomic.Int64
	is.Store(1)
	s.blocks = func(f *os.File, from, n int64) error {
		if filepath.Ext(f.Name()) == tableSuffix {
			asked.Add(1)
			if is.Load() == 1 {
				return syscall.ENOSPC
			}
		}
		return blocks(f, from, n)
	}
	noise := rand.New(rand.NewPCG(2, 1))
	value := make([]byte, 500<<10)
	for i := range 24 { // more than one memtable, less than two
		for j := range value {
			value[j] = byte(noise.Uint32())
		}
		if err := s.commit([]write{{placeKey(keyBody, placeOf(1, uint64(i))), value}}); err != nil {
			t.Fatal(err)
		}
	}
	for began := time.Now(); asked.Load() < 4; time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > 90*time.Second {
			t.Fatal("no table was asked for")
		}
	}
	if held := room.held(); held != smallFiles {
		t.Errorf("the reserve holds %d bytes, want what a start needs, %d", held, smallFiles)
	}
	tables, _ := filepath.Glob(filepath.Join(dir, "*"+tableSuffix))
	for _, path := range tables {
		if info, err := os.Stat(path); err == nil && allocated(info) > 0 {
			t.Errorf("%s was written", path)
		}
	}
	for i := range 24 {
		if err := s.get(placeKey(keyBody, placeOf(1, uint64(i))), func([]byte) error { return nil }); err != nil {
			t.Errorf("body %d cannot be read meanwhile: %v", i, err)
		}
	}
	is.Store(0)
	for began := time.Now(); s.db.Levels()[0].NumTables == 0; time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > 90*time.Second {
			t.Fatal("with room no table is written")
		}
	}
	tables, _ = filepath.Glob(filepath.Join(dir, "*"+tableSuffix))
	for _, path := range tables {
		if info, err := os.Stat(path); err != nil || allocated(info) < uint64(info.Size()) {
			t.Errorf("%s has holes, or is gone: %v", path, err)
		}
	}
}

// A disk that fills while Badger opens its files is not a damaged store.
func TestOpen_DiskFillsWhileOpening(t *testing.T) {
	room := roomOf(Config{Dir: t.TempDir(), Free: func() (uint64, error) { return 1 << 40, nil }})
	s := &store{dir: filepath.Join(room.dir, storeName), z: sizesFor(1<<30, ""), log: slog.New(slog.DiscardHandler), space: room,
		logs: logs{dir: filepath.Join(room.dir, storeName)}, patience: closePatience, closing: make(chan struct{}), turned: make(chan struct{}, 1),
		blocks: func(*os.File, int64, int64) error { return syscall.ENOSPC }}
	if err := os.Mkdir(s.dir, fs.ModePerm); err != nil {
		t.Fatal(err)
	}
	err := s.open()
	if err == nil || !full(err) || damageAlone(err) {
		t.Fatalf("opened a store without room: %v", err)
	}
}
