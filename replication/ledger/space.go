package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/dure-net/dure/protocol"
)

const reserveName = "reserve"

// space watches the free bytes of the disk. Badger writes through memory maps of files
// with holes: where the disk has no block for a hole, the process dies of SIGBUS. So
// nothing is accepted below the floor; the logs have their blocks before they are
// written (blocks.go), and so have the tables, which come at times of Badger's own
// choosing (allot.go); a store on a disk without room is opened for reading alone
// (store.go); and a reserve of real blocks is given back for a table that finds none.
type space struct {
	dir     string
	floor   uint64
	reserve uint64
	free    func() (uint64, error)

	coming  *atomic.Uint64 // what Badger may still allocate by itself; renewed by the watch
	reduced *atomic.Bool   // the reserve was given back and is to be made again
}

// roomOf is the disk of a ledger before anything is held on it or known of it.
func roomOf(cfg Config) space {
	return space{dir: cfg.Dir, floor: cfg.FloorBytes, reserve: cfg.ReserveBytes, free: cfg.Free, coming: new(atomic.Uint64), reduced: new(atomic.Bool)}
}

// enough says whether there is room to write; ReasonReadOnly if there is not.
func (s space) enough() error {
	free, err := s.free()
	if err != nil {
		return protocol.Fail(protocol.ReasonInternal, "measure free space", err)
	}
	if need := s.need(); free < need {
		return &protocol.Error{Reason: protocol.ReasonReadOnly, Op: "write ledger",
			Args: map[string]string{"free": fmt.Sprint(free), "floor": fmt.Sprint(need)},
			Err:  fmt.Errorf("%d bytes free, %d are needed", free, need)}
	}
	if s.reduced.Load() {
		return s.take()
	}
	return nil
}

// need is the free space below which nothing is accepted.
func (s space) need() uint64 { return max(s.floor, s.coming.Load()) }

func (s space) path() string { return filepath.Join(s.dir, reserveName) }

// held is how many bytes the reserve has.
func (s space) held() uint64 {
	info, err := os.Stat(s.path())
	if err != nil {
		return 0
	}
	return uint64(info.Size())
}

// spare is what of the reserve can be given to a table: the rest is for the small files of
// the next start.
func (s space) spare() uint64 { return s.held() - min(s.held(), smallFiles) }

// give gives bytes of the reserve back to the disk, all of it at most. What cannot be
// given back is left: there is nothing to be done about it.
func (s space) give(bytes uint64) {
	if held := s.held(); held > 0 {
		_ = os.Truncate(s.path(), int64(held-min(held, bytes)))
		s.reduced.Store(true)
	}
}

// take makes the reserve whole where there is room for it beyond the floor.
func (s space) take() error {
	free, err := s.free()
	if err != nil {
		return protocol.Fail(protocol.ReasonInternal, "measure free space", err)
	}
	held := s.held()
	if held >= s.reserve {
		s.reduced.Store(false)
		return nil
	}
	if free < s.need()+s.reserve-held {
		s.reduced.Store(true)
		return nil
	}
	f, err := os.OpenFile(s.path(), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return protocol.Fail(protocol.ReasonHomeUnwritable, "make reserve", err)
	}
	err = reserve(f, int64(s.reserve))
	if errors.Is(err, errors.ErrUnsupported) {
		err = fill(f, int64(s.reserve))
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if full(err) {
		s.reduced.Store(true)
		return nil
	}
	if err != nil {
		return protocol.Fail(protocol.ReasonHomeUnwritable, "make reserve", err)
	}
	s.reduced.Store(false)
	return nil
}

// smallFiles is what the small files take that a node writes when it starts.
const smallFiles = 1 << 20

// settle is called before Badger is opened: it makes the reserve where there is room,
// and gives a little of it back where there is none at all, so that a node can write its
// small files.
func (s space) settle() error {
	free, err := s.free()
	if err != nil {
		return protocol.Fail(protocol.ReasonInternal, "measure free space", err)
	}
	if free < smallFiles {
		s.give(smallFiles)
		return nil
	}
	err = s.take()
	if errors.Is(err, fs.ErrPermission) || free >= s.floor {
		return err
	}
	return nil // there is no room, and a reserve is not worth a node that does not start
}

// fill gives a file real blocks by writing them, where the file system has no other way.
func fill(f *os.File, n int64) error {
	block := make([]byte, 1<<20)
	for at := int64(0); at < n; at += int64(len(block)) {
		if _, err := f.WriteAt(block[:min(int64(len(block)), n-at)], at); err != nil {
			return err
		}
	}
	return f.Sync()
}
