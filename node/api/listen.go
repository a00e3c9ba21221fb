package api

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/dure-net/dure/protocol"
)

// Listen opens the address of the interface. Beyond loopback it refuses, unless beyond
// says that a container or a reverse proxy keeps strangers out, or that TLS is spoken there
// (ReasonConfig). A port
// in use is ReasonPortInUse.
func Listen(address string, beyond bool) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, &protocol.Error{Reason: protocol.ReasonConfig, Op: "open interface", Field: "api.listen", Err: err}
	}
	ip := net.ParseIP(host)
	loopback := host == "localhost" || (ip != nil && ip.IsLoopback())
	if !loopback && !beyond {
		return nil, &protocol.Error{Reason: protocol.ReasonConfig, Op: "open interface", Field: "api.listen",
			Args: map[string]string{"address": address},
			Err:  errors.New("this address can be reached from other machines, and the interface has no TLS")}
	}
	l, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, &protocol.Error{Reason: protocol.ReasonPortInUse, Op: "open interface", ID: address,
			Args: map[string]string{"address": address}, Err: err}
	}
	if err != nil {
		return nil, &protocol.Error{Reason: protocol.ReasonConfig, Op: "open interface", Field: "api.listen",
			Args: map[string]string{"address": address}, Err: err}
	}
	return l, nil
}

// Serve answers on l until ctx ends, then lets answers under way finish for a short
// grace, ends streams at once, and closes l. It joins everything it started.
func Serve(ctx context.Context, l net.Listener, h http.Handler, log *slog.Logger) error {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	streams, endStreams := context.WithCancel(context.WithoutCancel(ctx))
	defer endStreams()
	srv := &http.Server{
		Handler: endWith(streams, h), ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes, ConnContext: mark,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	select {
	case err := <-served:
		return protocol.Fail(protocol.ReasonInternal, "serve interface", err)
	case <-ctx.Done():
	}
	endStreams()
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
	defer cancel()
	if srv.Shutdown(grace) != nil {
		_ = srv.Close() // what is still under way is broken off; its client retries
	}
	<-served
	return nil
}

// endWith ends requests to the stream when the server stops; others finish.
func endWith(stop context.Context, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != base+"/stream" {
			_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeDeadline(r)))
			h.ServeHTTP(w, r)
			return
		}
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(stop, cancel)()
		h.ServeHTTP(w, r.WithContext(ctx))
	})
}

// writeDeadline is how long an answer may take in all. Long tasks set their own
// deadline at each write; this is only when the first must come.
func writeDeadline(r *http.Request) time.Duration {
	switch r.URL.Path {
	case base + "/verify", pathImport, base + "/export", base + "/backup":
		return 24 * time.Hour
	}
	return writeTimeout
}
