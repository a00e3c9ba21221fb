package ledger

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	badgertable "github.com/dgraph-io/badger/v4/table"

	"github.com/dure-net/dure/protocol"
)

// Badger reads damaged files as if they were whole where it can (a log ends at its first
// wrong bit, and a merge drops what follows one in a table), and ends the process or
// refuses to open where it cannot. So every byte is checked before Badger is given it.
// What is damaged is first kept beside the store as it is, in a directory that is named
// for the day, and then put in order: a single wrong bit is turned back, what else can be
// read is written anew, and what cannot is left out. The runs and bodies that are lost to
// that are missing then, which the rest of this package notices, and catch-up fetches.
// Only a store that Badger refuses even then is set aside as a whole.

const (
	asidePrefix = "damaged-"
	takenName   = "taken" // in such a directory: all that was in it stands in the store again, or is not to be had

	// asideKept is how many such directories are kept once they are taken.
	asideKept = 2
)

// Mended is what was found wrong with the store's files when the ledger was opened.
type Mended struct {
	Files int    // that were damaged
	Lost  int    // parts of them that could not be read any more
	Whole bool   // the store could not be opened even so, and a new one was begun
	Aside string // the directory in which the damaged files are kept
}

// mender puts one store in order.
type mender struct {
	home  string // of the ledger
	dir   string // of the store
	z     sizes
	log   *slog.Logger
	now   time.Time
	wait  *patience
	mu    sync.Mutex // guards found: tables are checked on all cores
	found Mended
	tail  []record // what stands at the end of logs and belongs to no whole transaction
}

// mend checks the files of a store that is closed, and puts them in order.
func (m *mender) mend() (err error) {
	defer caught("mend store", &err)
	files, err := os.ReadDir(m.dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(files) == 0 {
		return nil
	}
	if errors.Is(err, syscall.ENOTDIR) {
		return m.setAsideWhole()
	}
	if err != nil {
		return protocol.Fail(protocol.ReasonHomeUnwritable, "mend store", err)
	}
	for _, f := range files {
		if !f.Type().IsRegular() { // nothing that Badger makes
			if err := m.moveAway(f.Name()); err != nil {
				return protocol.Fail(protocol.ReasonHomeUnwritable, "mend store", err)
			}
		}
	}
	err = errors.Join(m.tables(), m.logs(), m.small())
	switch {
	case full(err):
		return &protocol.Error{Reason: protocol.ReasonReadOnly, Op: "mend store", Err: err}
	case err != nil:
		return protocol.Fail(protocol.ReasonHomeUnwritable, "mend store", err)
	}
	return nil
}

// tables checks the manifest and every table that it names.
func (m *mender) tables() error {
	lying, err := tableFiles(m.dir)
	if err != nil {
		return err
	}
	levels, whole, err := readManifest(m.dir)
	damaged := err != nil || !whole
	if errors.Is(err, fs.ErrNotExist) && len(lying) == 0 {
		return nil // a store that was never opened, or has only a log
	}
	if damaged {
		// Every table counts, at the level where they may overlap: of two versions of a key the
		// newer one holds wherever it lies.
		levels = map[uint64]uint8{}
		for _, id := range lying {
			levels[id] = 0
		}
	}
	var (
		wg   sync.WaitGroup
		next = make(chan uint64)
		errs error
		gone []uint64
	)
	for range min(runtime.GOMAXPROCS(0), 4) {
		wg.Go(func() {
			for id := range next {
				there, err := m.table(id)
				m.mu.Lock()
				errs = errors.Join(errs, err)
				if !there {
					gone = append(gone, id)
				}
				m.mu.Unlock()
			}
		})
	}
	for id := range levels {
		next <- id
	}
	close(next)
	wg.Wait()
	if errs != nil {
		return errs
	}
	if !damaged && len(gone) == 0 {
		return nil
	}
	for _, id := range gone {
		delete(levels, id)
	}
	raw, err := appendManifest(levels)
	if err != nil {
		return err
	}
	return m.replace(manifestName, raw, "the list of tables is damaged")
}

// table checks one table and puts it in order; false if nothing is left of it.
func (m *mender) table(id uint64) (there bool, err error) {
	name := badgertable.IDToFilename(id)
	path := filepath.Join(m.dir, name)
	var wrong error
	func() {
		defer caught("read table", &wrong)
		wrong = soundTable(path)
	}()
	if wrong == nil {
		return true, nil
	}
	if errors.Is(wrong, fs.ErrNotExist) {
		m.tell(name, "a table is missing", 1)
		return false, nil
	}
	b, err := readAll(path)
	if err != nil {
		return false, err
	}
	lost := 0
	raw := buildTable(m.z, func(add func(key, value []byte)) { lost = rescueTable(b, m.wait, add) })
	if raw == nil {
		m.mu.Lock()
		m.found.Lost += lost
		m.mu.Unlock()
		return false, m.moveAway(name)
	}
	m.mu.Lock()
	m.found.Lost += lost
	m.mu.Unlock()
	return true, m.replace(name, raw, "a table is damaged: "+wrong.Error())
}

// logs checks the logs of the memtables.
func (m *mender) logs() error {
	paths, _ := filepath.Glob(filepath.Join(m.dir, "*"+logSuffix)) // the pattern is a good one
	for _, path := range paths {
		b, err := readAll(path)
		if err != nil {
			return err
		}
		x := examineLog(b, m.wait)
		switch {
		case x.whole != nil:
			if err := m.replace(filepath.Base(path), x.whole, "a log is damaged"); err != nil {
				return err
			}
		default: // the beginning of a transaction that has no end: Badger drops it
			m.tail = append(m.tail, x.stray...)
			continue
		}
		if len(x.stray) > 0 {
			m.mu.Lock()
			m.found.Lost++
			m.mu.Unlock()
		}
	}
	return nil
}

// small checks the files that hold nothing of ours, and which Badger makes again.
func (m *mender) small() error {
	if b, err := os.ReadFile(filepath.Join(m.dir, "KEYREGISTRY")); err == nil && (len(b) != 28 || string(b[16:]) != "Hello Badger") {
		if err := m.moveAway("KEYREGISTRY"); err != nil {
			return err
		}
	}
	values, _ := filepath.Glob(filepath.Join(m.dir, "*.vlog")) // the pattern is a good one
	for _, path := range values {
		head := make([]byte, 8)
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		_, err = io.ReadFull(f, head)
		_ = f.Close()
		if err == nil && !bytes.Equal(head, make([]byte, 8)) { // a key that there is not
			if err := m.moveAway(filepath.Base(path)); err != nil {
				return err
			}
		}
	}
	return nil
}

// aside is the directory for what is damaged, made when it is first needed.
func (m *mender) aside() (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.found.Aside != "" {
		return m.found.Aside, nil
	}
	dir := filepath.Join(m.home, asidePrefix+m.now.UTC().Format("20060102-150405"))
	for {
		err := os.Mkdir(dir, 0o700)
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrExist) {
			return "", err
		}
		dir += "+"
	}
	m.found.Aside = dir
	return dir, syncDir(m.home)
}

func (m *mender) tell(name, what string, lost int) {
	m.log.Error("the store is damaged: "+what, "file", name)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.found.Files++
	m.found.Lost += lost
}

// moveAway takes a file out of the store into the directory for what is damaged.
func (m *mender) moveAway(name string) error {
	dir, err := m.aside()
	if err != nil {
		return err
	}
	m.tell(name, "a file cannot be used", 0)
	if err := os.Rename(filepath.Join(m.dir, name), filepath.Join(dir, name)); err != nil {
		return err
	}
	if err := syncDir(dir); err != nil {
		return err
	}
	return syncDir(m.dir)
}

// replace keeps a file and puts these bytes in its place. At every moment there is the
// one or the other.
func (m *mender) replace(name string, b []byte, what string) error {
	path := filepath.Join(m.dir, name)
	if _, err := os.Stat(path); err == nil {
		dir, err := m.aside()
		if err != nil {
			return err
		}
		// A second name will do: the first one is another file's in a moment.
		if err := os.Link(path, filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrExist) {
			if err := copyFile(path, filepath.Join(dir, name)); err != nil {
				return err
			}
		}
		if err := syncDir(dir); err != nil {
			return err
		}
	}
	m.tell(name, what, 0)
	return replaceFile(path, b)
}

// setAsideWhole moves the store away and leaves the place empty.
func (m *mender) setAsideWhole() error {
	dir, err := m.aside()
	if err == nil {
		err = os.Rename(m.dir, filepath.Join(dir, "store"))
	}
	if err == nil {
		err = syncDir(m.home)
	}
	if err != nil {
		return protocol.Fail(protocol.ReasonHomeUnwritable, "set store aside", err)
	}
	m.found.Whole = true
	return nil
}

// readAll reads a file; what the disk cannot read any more is zeros.
func readAll(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return b, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	b = make([]byte, info.Size())
	const page = 4096
	for at := 0; at < len(b); at += page {
		part := b[at:min(at+page, len(b))]
		if _, err := f.ReadAt(part, int64(at)); err != nil {
			clear(part)
		}
	}
	return b, nil
}

func copyFile(from, to string) error {
	b, err := readAll(from)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if serr := f.Sync(); err == nil {
		err = serr
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// asides are the directories for what was damaged, oldest first.
func asides(home string) (dirs []string, err error) {
	files, err := os.ReadDir(home)
	if err != nil {
		return nil, err
	}
	for _, f := range files { // by name, and so by day
		if f.IsDir() && strings.HasPrefix(f.Name(), asidePrefix) {
			dirs = append(dirs, filepath.Join(home, f.Name()))
		}
	}
	return dirs, nil
}
