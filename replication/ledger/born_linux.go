package ledger

import "golang.org/x/sys/unix"

// born is when a file was made; 0 on file systems that do not keep it.
func born(path string) (int64, error) {
	var st unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, path, 0, unix.STATX_BTIME, &st); err != nil {
		return 0, err
	}
	if st.Mask&unix.STATX_BTIME == 0 {
		return 0, nil
	}
	return st.Btime.Sec*1e9 + int64(st.Btime.Nsec), nil
}
