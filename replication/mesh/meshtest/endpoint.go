package meshtest

import (
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// inboxPackets is a socket's receive buffer. Beyond it packets are lost, as in a kernel.
const inboxPackets = 4096

// endpoint is one UDP socket of the network. It has one reader at a time.
type endpoint struct {
	network *Network
	host    int
	at      netip.AddrPort

	mu       sync.Mutex // guards what follows
	inbox    []datagram
	closed   bool
	deadline time.Time

	bell chan struct{} // capacity 1: a packet came, the deadline changed, or it closed
}

type datagram struct {
	from netip.AddrPort
	data []byte
}

var _ net.PacketConn = (*endpoint)(nil)

func (e *endpoint) ring() {
	select {
	case e.bell <- struct{}{}:
	default:
	}
}

func (e *endpoint) deliver(from netip.AddrPort, data []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed || len(e.inbox) >= inboxPackets {
		return
	}
	e.inbox = append(e.inbox, datagram{from, data})
	e.ring()
}

func (e *endpoint) isClosed() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.closed
}

func (e *endpoint) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		e.mu.Lock()
		if e.closed {
			e.mu.Unlock()
			return 0, nil, net.ErrClosed
		}
		if len(e.inbox) > 0 {
			d := e.inbox[0]
			e.inbox[0] = datagram{}
			if e.inbox = e.inbox[1:]; len(e.inbox) == 0 {
				e.inbox = nil
			}
			e.mu.Unlock()
			return copy(b, d.data), net.UDPAddrFromAddrPort(d.from), nil
		}
		deadline := e.deadline
		e.mu.Unlock()

		var expired <-chan time.Time
		if !deadline.IsZero() {
			wait := time.Until(deadline)
			if wait <= 0 {
				return 0, nil, os.ErrDeadlineExceeded
			}
			expired = time.After(wait)
		}
		select {
		case <-e.bell:
		case <-expired:
			return 0, nil, os.ErrDeadlineExceeded
		}
	}
}

func (e *endpoint) WriteTo(b []byte, to net.Addr) (int, error) {
	if e.isClosed() {
		return 0, net.ErrClosed
	}
	a, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, &net.AddrError{Err: "not a UDP address", Addr: to.String()}
	}
	ap := a.AddrPort()
	e.network.send(e, netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()), b)
	return len(b), nil
}

func (e *endpoint) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed, e.inbox = true, nil
	e.ring()
	return nil
}

func (e *endpoint) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(e.at) }

func (e *endpoint) SetReadDeadline(t time.Time) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.deadline = t
	e.ring()
	return nil
}

func (e *endpoint) SetDeadline(t time.Time) error    { return e.SetReadDeadline(t) }
func (e *endpoint) SetWriteDeadline(time.Time) error { return nil } // writing never blocks

// SetReadBuffer and SetWriteBuffer keep quic-go from complaining about small buffers.
func (e *endpoint) SetReadBuffer(int) error  { return nil }
func (e *endpoint) SetWriteBuffer(int) error { return nil }
