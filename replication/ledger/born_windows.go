package ledger

import (
	"os"
	"syscall"
)

// born is when a file was made.
func born(path string) (int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	if st, ok := info.Sys().(*syscall.Win32FileAttributeData); ok {
		return st.CreationTime.Nanoseconds(), nil
	}
	return 0, nil
}
