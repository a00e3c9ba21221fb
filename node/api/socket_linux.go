package api

import "golang.org/x/sys/unix"

// ownerOf is the user at the other end of a connected socket; -1 after an error.
func ownerOf(fd int) (int, error) {
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return -1, err
	}
	return int(cred.Uid), nil
}
