//go:build darwin || freebsd

package api

import (
	"net"

	"golang.org/x/sys/unix"
)

const socketsHaveOwners = true

// peerUID is the user at the other end, as the kernel knows it.
func peerUID(c *net.UnixConn) (int, error) {
	uid := -1
	raw, err := c.SyscallConn()
	if err != nil {
		return uid, err
	}
	var ctlErr error
	err = raw.Control(func(fd uintptr) {
		var cred *unix.Xucred
		if cred, ctlErr = unix.GetsockoptXucred(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERCRED); ctlErr == nil {
			uid = int(cred.Uid)
		}
	})
	if err == nil {
		err = ctlErr
	}
	return uid, err
}
