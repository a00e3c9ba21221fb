package home

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
)

// hasModes is false: access to a user's own directories is by inherited lists there.
const hasModes = false

// syncDir does nothing: directories cannot be synced here, and NTFS journals renames.
func syncDir(string) error { return nil }

func isQuota(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}

func loose(fs.FileInfo) bool { return false }

// tryLock locks one byte far beyond the content, because a locked byte cannot be read
// by others, who want to read who holds the lock.
func tryLock(f *os.File, exclusive bool) (bool, error) {
	flags := uint32(windows.LOCKFILE_FAIL_IMMEDIATELY)
	if exclusive {
		flags |= windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, &windows.Overlapped{OffsetHigh: 1})
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, windows.ERROR_LOCK_VIOLATION), errors.Is(err, windows.ERROR_IO_PENDING):
		return false, nil
	}
	return false, err
}
