package ledger

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	_ "unsafe" // for go:linkname

	"golang.org/x/sys/unix"
)

// Badger makes a table as a file of one hole, maps it, and copies into the map; it offers
// no place to step in between. Whoever fills the disk in that moment ends the process by
// SIGBUS, however large floor and reserve are. The one step that is left is the call that
// maps the file: it goes through a variable of golang.org/x/sys/unix, which is exchanged
// here, once, for a function that first asks the store that owns the directory. The store
// gives the file real blocks, or says that there are none; then Badger is told that the
// file cannot be mapped, which it takes as an error and tries again.
//
// The variable is not exported. TestMapping_AsksFirst fails when it is not what stands
// here any more; checked says so to the program, which then has floor and reserve alone.

// systemMapper is the beginning of unix.mapper, whose type embeds what stands here.
//
//go:linkname systemMapper golang.org/x/sys/unix.mapper
var systemMapper *mmapper

// mmapper is laid out like the type of that name in golang.org/x/sys/unix.
type mmapper struct {
	sync.Mutex
	active map[*byte][]byte
	mmap   func(addr, length uintptr, prot, flags, fd int, offset int64) (uintptr, error)
	munmap func(addr uintptr, length uintptr) error
}

// mappings is who is asked before a file is mapped for writing, by directory. It is one for
// the process, as the variable is.
var mappings mapping

type mapping struct {
	once  sync.Once // guards the exchange
	asked atomic.Bool
	dirs  sync.Map // directory -> *owner
}

// owner is whose files lie in a directory.
type owner struct {
	allot func(path string, size int64) error
}

// before has allot called before a file of this directory is mapped for writing that has
// no blocks yet; an error of it is the error of the mapping. It reports whether that can
// be had on this system, and ends with the function that it returns.
func (m *mapping) before(dir string, allot func(path string, size int64) error) (end func(), ok bool) {
	m.once.Do(m.exchange)
	if whole, err := filepath.EvalSymlinks(dir); err == nil {
		dir = whole
	}
	if whole, err := filepath.Abs(dir); err == nil {
		dir = whole
	}
	o := &owner{allot}
	m.dirs.Store(dir, o)
	return func() { m.dirs.CompareAndDelete(dir, o) }, m.asked.Load() // another may have come after it
}

func (m *mapping) exchange() {
	if systemMapper == nil || systemMapper.mmap == nil || systemMapper.active == nil {
		return
	}
	system := systemMapper.mmap
	systemMapper.mmap = func(addr, length uintptr, prot, flags, fd int, offset int64) (uintptr, error) {
		if prot&unix.PROT_WRITE != 0 && flags&unix.MAP_SHARED != 0 {
			if err := m.ask(fd); err != nil {
				return 0, err
			}
		}
		return system(addr, length, prot, flags, fd, offset)
	}
	m.asked.Store(m.checked())
}

// ask asks the owner of a file that is all hole.
func (m *mapping) ask(fd int) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Blocks*512 > 4096 { // some file systems count a block for the file's own sake
		return nil
	}
	path, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
	if err != nil {
		return nil // nobody can be found then: floor and reserve must do
	}
	o, ok := m.dirs.Load(filepath.Dir(path))
	if !ok {
		return nil
	}
	return o.(*owner).allot(path, st.Size)
}

// checked maps a file of its own and reports whether it was asked about it, by its name.
func (m *mapping) checked() bool {
	dir, err := os.MkdirTemp("", "dure-map-")
	if err != nil {
		return false
	}
	defer os.RemoveAll(dir)
	if whole, err := filepath.EvalSymlinks(dir); err == nil {
		dir = whole
	}
	m.dirs.Store(dir, &owner{func(string, int64) error { return fs.ErrExist }})
	defer m.dirs.Delete(dir)
	f, err := os.Create(filepath.Join(dir, "file"))
	if err != nil {
		return false
	}
	defer f.Close()
	if err := f.Truncate(int64(os.Getpagesize())); err != nil {
		return false
	}
	b, err := unix.Mmap(int(f.Fd()), 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err == nil {
		_ = unix.Munmap(b)
	}
	return err == fs.ErrExist
}
