package api

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"os"

	"github.com/dure-net/dure/protocol"
)

// ListenSocket opens a socket in the file system on which the owner of the process is
// served without a token: its mode is 0600, and where the system tells who is at the other
// end, anybody else but root is turned away. What a killed process left there is replaced;
// the caller holds the lock of the home. Where a socket cannot be (its path is longer than
// the system takes, or the system has none that only its owner can open) it is nil without
// an error, and callers use the address and the token.
func ListenSocket(path string, log *slog.Logger) (net.Listener, error) {
	if !socketsHaveOwners || len(path) > maxSocketPath {
		return nil, nil
	}
	if info, err := os.Lstat(path); err == nil && info.Mode().Type() == fs.ModeSocket {
		if err := os.Remove(path); err != nil {
			return nil, socketError(path, err)
		}
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, socketError(path, err)
	}
	// Between the two lines the home's own mode (0700) and the owner check keep others out.
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, socketError(path, errors.Join(err, l.Close()))
	}
	return &ownerListener{Listener: l, log: log}, nil
}

func socketError(path string, err error) error {
	return &protocol.Error{Reason: protocol.ReasonHomeUnwritable, Op: "open socket", Args: map[string]string{"path": path}, Err: err}
}

// ownerListener accepts connections of the owner alone.
type ownerListener struct {
	net.Listener
	log *slog.Logger
}

// ownerConn is a connection of the owner.
type ownerConn struct{ net.Conn }

func (l *ownerListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		unix, ok := conn.(*net.UnixConn)
		if !ok {
			_ = conn.Close()
			continue
		}
		uid, err := peerUID(unix)
		if err != nil || uid != os.Getuid() && uid != 0 {
			if l.log != nil {
				l.log.Warn("somebody else asked at the owner's socket", "uid", uid, "error", err)
			}
			_ = conn.Close()
			continue
		}
		return ownerConn{conn}, nil
	}
}

// mark puts into a connection's context that it is the owner's. It is http.Server.ConnContext.
func mark(ctx context.Context, c net.Conn) context.Context {
	if _, ok := c.(ownerConn); ok {
		return context.WithValue(ctx, ownerKey{}, true)
	}
	return ctx
}
