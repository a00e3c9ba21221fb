//go:build !linux

package ledgertest

import "errors"

const memory = "/dev/shm"

func freeInMemory() (uint64, error) { return 0, errors.ErrUnsupported }
