//go:build !linux

package ledger

import "os"

// syncData makes the bytes of a file durable.
func syncData(f *os.File) error { return f.Sync() }

// reserve gives a file real blocks, by writing them.
func reserve(f *os.File, n int64) error {
	block := make([]byte, 1<<20)
	for at := int64(0); at < n; at += int64(len(block)) {
		if _, err := f.WriteAt(block[:min(int64(len(block)), n-at)], at); err != nil {
			return err
		}
	}
	return nil
}
