package ledger

import (
	"os"

	"golang.org/x/sys/unix"
)

// syncData makes the bytes of a file durable; its size and blocks have not changed.
func syncData(f *os.File) error { return unix.Fdatasync(int(f.Fd())) }

// reserve gives a file real blocks, and a size.
func reserve(f *os.File, n int64) error { return fallocate(f, 0, 0, n) }

// blocks gives a part of a file real blocks and leaves its size as it is: they may lie
// beyond its end.
func blocks(f *os.File, from, n int64) error {
	return fallocate(f, unix.FALLOC_FL_KEEP_SIZE, from, n)
}

func fallocate(f *os.File, mode uint32, from, n int64) error {
	for {
		if err := unix.Fallocate(int(f.Fd()), mode, from, n); err != unix.EINTR {
			return err
		}
	}
}
