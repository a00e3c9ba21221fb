package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dure-net/dure/node"
	"github.com/dure-net/dure/node/access"
	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/home"
	"github.com/dure-net/dure/protocol"
)

// started is what `dure start --json` prints once the node runs.
type started struct {
	Home    string    `json:"home"`
	API     string    `json:"api"`
	PID     int       `json:"pid"`
	Started time.Time `json:"started"`
}

func (a *app) startCommand() *cobra.Command {
	var listen []string
	var apiAddress string
	var noGossip, noCatchUp bool
	c := a.command("start", between(0, 0), started{}, func(ctx context.Context, _ []string) error {
		settings := map[string]string{}
		if len(listen) > 0 {
			text, err := listenAddresses(listen)
			if err != nil {
				return err
			}
			settings["listen"] = text
		}
		if apiAddress != "" {
			settings["api.listen"] = apiAddress
		}
		if noGossip && noCatchUp {
			return misuse("usage.nothing_carries", nil)
		}
		return a.start(ctx, node.Options{Settings: settings, NoGossip: noGossip, NoCatchUp: noCatchUp})
	})
	c.Example = "dure start --api 127.0.0.1:7711 --listen 0.0.0.0:4711"
	f := c.Flags()
	a.listFlag(f, &listen, "listen", "ADDRESS")
	a.textFlag(f, &apiAddress, "api", "HOST:PORT", "")
	a.switchFlag(f, &noGossip, "no-gossip")
	a.switchFlag(f, &noCatchUp, "no-catch-up")
	return c
}

// listenAddresses turns HOST:PORT into the two addresses that nodes use there, UDP first; addresses written as
// multiaddrs stay as they are.
func listenAddresses(values []string) (string, error) {
	var out []string
	for _, v := range values {
		if strings.HasPrefix(v, "/") {
			out = append(out, v)
			continue
		}
		host, port, err := net.SplitHostPort(v)
		ip := net.ParseIP(host)
		if host == "" {
			ip = net.IPv4zero
		}
		if err != nil || ip == nil {
			return "", misuse("usage.bad_address", args{"value": v})
		}
		family := "ip6"
		if ip.To4() != nil {
			family = "ip4"
		}
		out = append(out, fmt.Sprintf("/%s/%s/udp/%s/quic-v1", family, ip, port), fmt.Sprintf("/%s/%s/tcp/%s", family, ip, port))
	}
	return strings.Join(out, ","), nil
}

func (a *app) start(ctx context.Context, o node.Options) error {
	h, err := a.openHome()
	if err != nil {
		return err
	}
	settings, err := h.Settings(o.Settings)
	if err != nil {
		return err
	}
	if err := a.unseal(h); err != nil {
		return err
	}
	o.Phrases, o.Version = a.book, version().Version
	o.Logger = a.logger(settings.Config)
	node.CaptureLibraryLogs(o.Logger)
	progress, done := a.progress("cli.progress.open")
	o.Progress = func(n, total int64) {
		progress(api.Progress{Done: uint64(max(n, 0)), Total: uint64(max(total, 0)), Unit: "entries"})
	}
	n, err := node.Open(ctx, h, o)
	done()
	if err != nil {
		return err
	}
	told := make(chan struct{})
	telling, stop := context.WithCancel(ctx)
	go func() {
		defer close(told)
		a.tellRunning(telling, h)
	}()
	err = n.Run(ctx)
	stop()
	<-told
	if err == nil {
		a.note("cli.start.stopped", nil)
	}
	return err
}

// tellRunning waits until the node listens and says where.
func (a *app) tellRunning(ctx context.Context, h *home.Home) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		run, ok, err := h.Running()
		if err != nil || !ok {
			continue
		}
		if a.json {
			_ = a.printJSON(started{Home: h.Dir(), API: run.API, PID: run.PID, Started: run.Started})
			return
		}
		m, err := h.Member()
		if err != nil {
			return
		}
		a.line("cli.start.running", args{"name": a.name(m.Names, m.Handle), "api": run.API})
		// The link lets a browser in; it belongs on a screen and not into a log.
		if token, err := h.Token(); err == nil && terminal(a.out) {
			a.line("cli.open.link", args{"link": api.SignInLink(run.API, token.Reveal(), a.now())})
		}
		a.note("cli.start.end", nil)
		return
	}
}

// logger writes the node's log to standard error: sentences on a terminal, JSON where a machine collects it.
func (a *app) logger(c home.Config) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Log.Level)); err != nil {
		level = slog.LevelInfo
	}
	if a.quiet {
		level = max(level, slog.LevelWarn)
	}
	options := &slog.HandlerOptions{Level: level}
	if c.Log.Format == "text" || c.Log.Format == "auto" && terminal(a.err) {
		return slog.New(slog.NewTextHandler(a.err, options))
	}
	return slog.New(slog.NewJSONHandler(a.err, options))
}

// opened is what `dure open --json` prints.
type opened struct {
	Link string `json:"link"` // signs a browser in, once, within an hour
	API  string `json:"api"`
}

func (a *app) openCommand() *cobra.Command {
	var user string
	c := a.command("open", between(0, 0), opened{}, func(ctx context.Context, _ []string) error {
		h, run, err := a.running()
		if err != nil {
			return err
		}
		token, err := h.Token()
		if err != nil {
			return err
		}
		out := opened{Link: api.SignInLink(run.API, token.Reveal(), a.now()), API: run.API}
		if user != "" {
			u, err := a.user(ctx, user)
			if err != nil {
				return err
			}
			out.Link = api.SignInLinkFor(run.API, token.Reveal(), u, a.now())
		}
		return a.answer(out, func() {
			a.note("cli.open.how", nil)
			a.plain(out.Link)
		})
	})
	c.Flags().StringVar(&user, "user", "", a.say("flag.open.user", nil))
	_ = c.Flags().SetAnnotation("user", placeholder, []string{"NAME"})
	return c
}

// user is a user of the running node.
func (a *app) user(ctx context.Context, name string) (u access.User, err error) {
	err = a.with(ctx, func(s *session) error {
		all, err := s.Users(ctx)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(all, func(u access.User) bool { return u.Name == name })
		if i < 0 {
			return &protocol.Error{Reason: protocol.ReasonNotFound, Op: "open", Args: map[string]string{"user": name}}
		}
		u = all[i]
		return nil
	})
	return u, err
}

// running is the home of this call and the process that runs it; ReasonNotRunning where none does.
func (a *app) running() (*home.Home, home.Run, error) {
	h, err := a.openHome()
	if err != nil {
		return nil, home.Run{}, err
	}
	run, ok, err := h.Running()
	if err == nil && !ok {
		err = h.NotRunning()
	}
	return h, run, err
}

// interactive reports whether a person sits before this call.
func (a *app) interactive() bool { return terminal(a.in) && terminal(os.Stderr) && !a.json }
