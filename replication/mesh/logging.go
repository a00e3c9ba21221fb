package mesh

import (
	"context"
	"log/slog"

	"github.com/libp2p/go-libp2p/core/transport"
	"github.com/libp2p/go-libp2p/gologshim"
)

// CaptureLibraryLogs sends what libp2p logs to l, one level lower than libp2p
// thinks of it: its warnings are about other people's nodes. It sets a variable of
// libp2p that is read once, so a program calls it once, before New.
func CaptureLibraryLogs(l *slog.Logger) {
	gologshim.SetDefaultHandler(quieter(l).Handler())
}

// quieter is l with every level lowered by one; what libraries say at INFO becomes DEBUG.
func quieter(l *slog.Logger) *slog.Logger {
	return slog.New(&lowered{l.Handler()}).With(keyLibrary, "libp2p")
}

// lowered is a slog handler that lowers levels.
type lowered struct{ to slog.Handler }

func lower(l slog.Level) slog.Level {
	switch {
	case l >= slog.LevelError:
		return slog.LevelWarn
	case l >= slog.LevelWarn:
		return slog.LevelDebug
	}
	return l - 4 // INFO is DEBUG; DEBUG is below every level
}

func (h *lowered) Enabled(ctx context.Context, l slog.Level) bool { return h.to.Enabled(ctx, lower(l)) }

func (h *lowered) Handle(ctx context.Context, r slog.Record) error {
	r.Level = lower(r.Level)
	if orderly(r) {
		r.Level = slog.LevelDebug
		if !h.to.Enabled(ctx, r.Level) {
			return nil
		}
	}
	return h.to.Handle(ctx, r)
}

// orderly is what the swarm calls an error when a host closes soon after it began: the
// upgrader's listener may answer with an error of its own that only reads like the expected one.
func orderly(r slog.Record) bool {
	if r.Message != "swarm listener accept error" {
		return false
	}
	closed := false
	r.Attrs(func(a slog.Attr) bool {
		err, ok := a.Value.Any().(error)
		closed = ok && err.Error() == transport.ErrListenerClosed.Error()
		return !closed
	})
	return closed
}

func (h *lowered) WithAttrs(attrs []slog.Attr) slog.Handler { return &lowered{h.to.WithAttrs(attrs)} }
func (h *lowered) WithGroup(name string) slog.Handler       { return &lowered{h.to.WithGroup(name)} }
