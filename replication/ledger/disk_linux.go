package ledger

import (
	"os"

	"golang.org/x/sys/unix"
)

// syncData makes the bytes of a file durable; its size and blocks have not changed.
func syncData(f *os.File) error { return unix.Fdatasync(int(f.Fd())) }

// reserve gives a file real blocks.
func reserve(f *os.File, n int64) error { return unix.Fallocate(int(f.Fd()), 0, 0, n) }
