package ledger

import "golang.org/x/sys/unix"

// born is when a file was made.
func born(path string) (int64, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return 0, err
	}
	return st.Btim.Nano(), nil
}
