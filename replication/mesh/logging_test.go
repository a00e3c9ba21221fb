package mesh

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
)

// A command that stopped before it had begun wrote a warning of libp2p's between its answers.
func TestLogging_ClosingIsNoWarning(t *testing.T) {
	var said bytes.Buffer
	log := quieter(slog.New(slog.NewTextHandler(&said, nil)))
	log.Error("swarm listener accept error", "addr", "/p2p-circuit", "err", errors.New("listener closed"))
	if said.Len() > 0 {
		t.Errorf("got %q", said.String())
	}
	log.Error("swarm listener accept error", "addr", "/ip4/0.0.0.0/tcp/1", "err", errors.New("too many open files"))
	if !strings.Contains(said.String(), "level=WARN") || !strings.Contains(said.String(), "too many open files") {
		t.Errorf("got %q", said.String())
	}
}
