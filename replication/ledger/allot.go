package ledger

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// allot gives a file of the store its blocks before Badger writes to it through a map
// (mapping_linux.go). It is called by the goroutine that is about to write, be it Badger's
// own, and holds nothing that readers wait for.
//
// A table gets all of it, and the manifest, which will name the table, a little beyond its
// end. Where the disk has no blocks a part of the reserve is given back, and taken in the
// same breath; where somebody else was faster, it waits a moment for room. An error
// removes the file, and Badger begins its table anew: that of a log is tried until it is
// written, a merge is given up and comes again.
//
// Logs and what else is mapped need blocks for their first bytes only: what follows is
// given to logs transaction by transaction (blocks.go), and nothing is written to the
// others.
func (s *store) allot(path string, size int64) error {
	var err error
	if filepath.Ext(path) != tableSuffix {
		err = s.grow(path, 0, min(size, logHead))
	} else if err = s.table(path, size); err != nil && s.opened.Load() {
		for until := time.Now().Add(roomPatience); err != nil && full(err) && time.Now().Before(until); err = s.table(path, size) {
			select {
			case <-s.closing:
				until = time.Time{}
			case <-time.After(roomEvery):
			}
		}
	}
	if err == nil || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	if full(err) {
		s.denied.Store(true)
	}
	_ = os.Remove(path)
	return err
}

const (
	logHead      = 64 << 10 // blocks for the head of a log: it takes some fifty bytes
	manifestRoom = 64 << 10 // for the next changes of the manifest: a table takes some twenty bytes of it
	roomEvery    = 20 * time.Millisecond
	roomPatience = 5 * time.Second
)

// table gives a table its blocks, and the manifest room for it.
func (s *store) table(path string, size int64) error {
	manifest := filepath.Join(s.dir, manifestName)
	info, err := os.Stat(manifest)
	if err != nil {
		return err
	}
	if err := s.grow(manifest, info.Size(), manifestRoom); err != nil {
		return err
	}
	return s.grow(path, 0, size)
}

// grow gives a part of a file blocks, with the reserve's where the disk has no other.
func (s *store) grow(path string, from, n int64) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	err = s.blocks(f, from, n)
	if spare := s.space.spare(); full(err) && spare > 0 {
		s.log.Warn("the disk is full while tables are written: a part of the reserve is given back", "bytes", n)
		s.space.give(min(uint64(n)+brim, spare))
		err = s.blocks(f, from, n)
	}
	if full(err) {
		return syscall.ENOSPC // as Badger's mapping may say it
	}
	return err
}
