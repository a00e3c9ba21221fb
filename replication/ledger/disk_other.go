//go:build !linux

package ledger

import (
	"errors"
	"os"
)

// syncData makes the bytes of a file durable.
func syncData(f *os.File) error { return f.Sync() }

// reserve gives a file real blocks, and a size.
func reserve(f *os.File, n int64) error { return fill(f, n) }

// blocks gives a part of a file real blocks, also beyond its end: not on these systems,
// where the floor alone must do.
func blocks(*os.File, int64, int64) error { return errors.ErrUnsupported }
