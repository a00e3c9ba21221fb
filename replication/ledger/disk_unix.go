//go:build unix

package ledger

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// dirSyncs says whether a directory can be synced on this system.
const dirSyncs = true

// freeBytes is what an ordinary user can still write on the disk of this directory.
func freeBytes(dir string) (uint64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return uint64(st.Bavail) * uint64(st.Bsize), nil
}

// totalBytes is the size of the disk of this directory.
func totalBytes(dir string) (uint64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return uint64(st.Blocks) * uint64(st.Bsize), nil
}

// full reports whether an error says that the disk, or this user's part of it, is full.
func full(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }

// allocated is what a file takes on the disk: Badger maps files larger than what is in
// them. Blocks are of 512 bytes whatever the file system's own size (stat(2)).
func allocated(info os.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Blocks) * 512
	}
	return uint64(info.Size())
}

// tryLock takes the lock that ends with the file or the process; false if another has it.
func tryLock(f *os.File) (bool, error) {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}
