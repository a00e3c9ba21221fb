package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/dure-net/dure/protocol"
)

const logSuffix = ".mem"

// logs gives Badger's logs their blocks before Badger writes to them. A log is a mapped
// file of 64 MiB made of one hole; the blocks of what a transaction may write there are
// allocated first, and those of the next log's beginning too, because Badger changes
// logs in the middle of a write: the next one is made beforehand, with blocks and of no
// length, which Badger takes for a new one.
type logs struct {
	dir string

	mu      sync.Mutex // guards all below: gather allocates while commit writes
	now     int        // number of the log that is written
	f       *os.File   // it
	end     int64      // at most so far is it written
	have    int64      // so far it has blocks
	made    bool       // the next log is made
	without bool       // the file system cannot do it: the floor alone must do
}

// logChunk is how much is allocated at a time: more than the largest transaction.
const logChunk = 4 << 20

func logPath(dir string, no int) string {
	return filepath.Join(dir, fmt.Sprintf("%05d%s", no, logSuffix))
}

// newestLog is the number of the log that Badger writes.
func newestLog(dir string) (newest int, err error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	for _, f := range files {
		if info, err := f.Info(); err != nil || info.Size() == 0 {
			continue // made beforehand
		}
		if name, ok := strings.CutSuffix(f.Name(), logSuffix); ok {
			if no, err := strconv.Atoi(name); err == nil {
				newest = max(newest, no)
			}
		}
	}
	return newest, nil
}

// begin takes over the log that Badger has made when it was opened.
func (l *logs) begin() (err error) {
	l.close()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.now, err = newestLog(l.dir); err != nil {
		return err
	}
	return l.open(l.now)
}

func (l *logs) open(no int) (err error) {
	if l.f, err = os.OpenFile(logPath(l.dir, no), os.O_RDWR, 0); err != nil {
		return err
	}
	l.now, l.end, l.have, l.made = no, 0, 0, false
	return nil
}

// ready makes sure that so many more bytes can be written; it fails, with nothing changed
// that matters, where the disk has no blocks for them.
func (l *logs) ready(bytes int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.without {
		return nil
	}
	err := l.allocate(l.end + int64(bytes))
	if err == nil {
		err = l.next()
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errors.ErrUnsupported):
		l.without = true
		return nil
	case full(err):
		return &protocol.Error{Reason: protocol.ReasonReadOnly, Op: "write ledger", Err: err}
	}
	return protocol.Fail(protocol.ReasonInternal, "write ledger", err)
}

func (l *logs) allocate(end int64) error {
	for l.have < end+logChunk/2 {
		if err := blocks(l.f, l.have, logChunk); err != nil {
			return err
		}
		l.have += logChunk
	}
	return nil
}

// next makes the log that follows, as long as Badger has not made it.
func (l *logs) next() error {
	if l.made {
		return nil
	}
	f, err := os.OpenFile(logPath(l.dir, l.now+1), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		l.made = true
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if err := blocks(f, 0, 2*logChunk); err != nil {
		_ = os.Remove(f.Name())
		return err
	}
	l.made = true
	return nil
}

// wrote is called after a transaction; it reports whether Badger has gone on to the next
// log, and so writes a table.
func (l *logs) wrote(bytes int) (turned bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.end += int64(bytes)
	info, err := os.Stat(logPath(l.dir, l.now+1))
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	_ = l.f.Close()
	if err := l.open(l.now + 1); err != nil {
		return true, err
	}
	l.end = int64(bytes)
	if !l.without {
		l.have = 2 * logChunk
	}
	return true, nil
}

func (l *logs) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f != nil {
		_ = l.f.Close()
		l.f = nil
	}
}
