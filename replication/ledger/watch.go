package ledger

import (
	"log/slog"
	"os"
	"path/filepath"
	"time"
)

// watch looks at the disk while Badger writes tables: how many more it will write is its
// own choice, and what is accepted must leave room for them (space.need).
//
// Where tables cannot be given their blocks beforehand (mapping_linux.go says when they
// can) a table is a mapped file made of one hole, and whoever else fills the disk in these
// moments would have Badger die of SIGBUS. There the danger is met with the reserve, which
// is given back the moment the disk is full.
type watch struct {
	space space
	store *store
	log   *slog.Logger
	stop  chan struct{} // closed when nothing is written any more
	done  chan struct{} // closed when it has ended
}

const (
	// watchEvery is how often it looks while tables are written.
	watchEvery = 2 * time.Millisecond
	// weighEvery is how many looks lie between two of what is still to come.
	weighEvery = 25
	// brim is the free space at which a disk counts as full.
	brim = 512 << 10
)

func (w *watch) run() {
	defer close(w.done)
	for {
		select {
		case <-w.stop:
			return
		case <-w.store.turned:
		}
		w.over()
	}
}

// over watches until no table is written and no merge is due.
func (w *watch) over() {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	quiet := 0
	for look := 0; ; look++ {
		if free, err := w.space.free(); !w.store.asked && err == nil && free < w.space.need() {
			// As much as one table, and not all: who fills the disk once more takes what is there.
			// Whoever writes until he cannot has stopped by now.
			if free < brim && w.space.held() > 0 {
				w.log.Warn("the disk is full while tables are written: a part of the reserve is given back", "free", free)
				w.space.give(w.store.z.largest())
			}
			w.store.fillHoles()
		}
		if look%weighEvery == 0 {
			if w.weigh() {
				if quiet++; quiet == 2 {
					return
				}
			} else {
				quiet = 0
			}
		}
		select {
		case <-w.stop:
			return
		case <-tick.C:
		}
	}
}

// weigh renews what Badger may still allocate, and reports whether it is at rest.
func (w *watch) weigh() (rest bool) {
	w.store.mu.RLock()
	defer w.store.mu.RUnlock()
	if w.store.db == nil {
		return true
	}
	levels := w.store.db.Levels()
	w.space.coming.Store(w.store.z.coming(levels))
	for _, l := range levels {
		if l.Score >= 1 {
			return false
		}
	}
	return w.store.pending() == 0
}

// fillHoles gives tables that are being written their blocks, where the file system can:
// then nobody takes them while they are copied.
func (s *store) fillHoles() {
	tables, _ := filepath.Glob(filepath.Join(s.dir, "*"+tableSuffix)) // the pattern is a good one
	for _, path := range tables {
		info, err := os.Stat(path)
		if err != nil || allocated(info) >= uint64(info.Size()) {
			continue
		}
		if f, err := os.OpenFile(path, os.O_RDWR, 0); err == nil {
			_ = blocks(f, 0, info.Size()) // where there are none, the next look tries again
			_ = f.Close()
		}
	}
}

// pending is how many logs wait to become tables.
func (s *store) pending() int {
	logs, _ := filepath.Glob(filepath.Join(s.dir, "*"+logSuffix)) // the pattern is a good one
	n := -1
	for _, path := range logs {
		if info, err := os.Stat(path); err == nil && info.Size() > 0 {
			n++
		}
	}
	return max(n, 0)
}
