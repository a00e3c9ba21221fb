//go:build !linux && !darwin && !freebsd

package api

import (
	"errors"
	"net"
)

// Elsewhere a socket's mode does not keep other users out, or nobody tells who is at the
// other end: programs use the address and the token.
const socketsHaveOwners = false

func peerUID(*net.UnixConn) (int, error) { return -1, errors.ErrUnsupported }
