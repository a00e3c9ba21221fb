package main

import (
	"context"
	"net"
	"strings"

	"github.com/dure-net/dure/node"
	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/home"
	"github.com/dure-net/dure/protocol"
)

// session is what most commands work with: the running node of a home, asked over its local address, or the home
// itself, opened without network. Both answer alike; what is published without network is announced at the next start.
type session struct {
	api.Backend
	home    *home.Home
	running bool
	mended  bool // damaged files were found and put in order when this session was opened
	close   func() error
}

// openHome opens the home of this call, without locking it.
func (a *app) openHome() (*home.Home, error) {
	dir, err := home.Dir(a.homeFlag)
	if err != nil {
		return nil, err
	}
	return home.Open(dir, home.Options{})
}

// session opens the home of this call. The caller closes it.
func (a *app) session(ctx context.Context) (*session, error) {
	h, err := a.openHome()
	if err != nil {
		return nil, err
	}
	s, err := a.client(h)
	if protocol.ReasonOf(err) != protocol.ReasonNotRunning {
		return s, err
	}
	if err := a.unseal(h); err != nil {
		return nil, err
	}
	n, err := node.Open(ctx, h, node.Options{Phrases: a.book, Version: version().Version})
	if err != nil {
		return nil, err
	}
	s = &session{Backend: n, home: h, close: n.Close}
	// What was put in order just now is told now: the next start finds nothing wrong.
	if status, err := n.Status(ctx); err == nil && status.Storage.Mended != nil {
		s.mended = true
		a.warnMended(*status.Storage.Mended)
	}
	return s, nil
}

// client asks the running node of h; ReasonNotRunning where none runs.
func (a *app) client(h *home.Home) (*session, error) {
	run, ok, err := h.Running()
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, h.NotRunning()
	}
	c, err := dial(h, run)
	if err != nil {
		return nil, err
	}
	return &session{Backend: c, home: h, running: true, close: func() error { c.Close(); return nil }}, nil
}

// dial is a client of the node that runs a home: over the owner's socket where there is
// one, else by its address and the token. The caller closes it.
func dial(h *home.Home, run home.Run) (*api.Client, error) {
	if conn, err := net.DialTimeout("unix", h.SocketPath(), askTime); err == nil {
		_ = conn.Close()
		return api.NewSocketClient(h.SocketPath()), nil
	}
	token, err := h.Token()
	if err != nil {
		return nil, err
	}
	c := api.NewClient(run.API, token.Reveal())
	if cert, _ := h.CertificatePaths(); strings.HasPrefix(run.API, "https:") {
		err = c.Trust(cert)
	}
	return c, err
}

// ended reports whether this node knows that what it writes counts nowhere.
func (s *session) ended(ctx context.Context) bool {
	status, err := s.Status(ctx)
	return err == nil && status.Node.State == api.StateEnded
}

// with runs do on a session and closes it. An error of closing counts where do had none: an offline store that does not
// close cleanly is worth a word.
func (a *app) with(ctx context.Context, do func(*session) error) error {
	s, err := a.session(ctx)
	if err != nil {
		return err
	}
	err = do(s)
	if !s.running && protocol.ReasonOf(err) == protocol.ReasonRecovering {
		err = &complaint{reason: protocol.ReasonRecovering, key: "cli.restoring.stopped", err: err} // waiting ends nothing
	}
	if closed := s.close(); err == nil {
		err = closed
	}
	return err
}
