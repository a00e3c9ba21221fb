//go:build darwin || freebsd

package api

import "golang.org/x/sys/unix"

// ownerOf is the user at the other end of a connected socket; -1 after an error.
func ownerOf(fd int) (int, error) {
	cred, err := unix.GetsockoptXucred(fd, unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
	if err != nil {
		return -1, err
	}
	return int(cred.Uid), nil
}
