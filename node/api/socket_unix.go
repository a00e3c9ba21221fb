//go:build linux || darwin || freebsd

package api

import (
	"errors"
	"net"
)

const socketsHaveOwners = true

// peerUID is the user at the other end, as the kernel knows it.
func peerUID(c *net.UnixConn) (int, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return -1, err
	}
	uid, asked := -1, error(nil)
	err = raw.Control(func(fd uintptr) { uid, asked = ownerOf(int(fd)) })
	return uid, errors.Join(err, asked)
}
