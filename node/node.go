// Package node is one member's running node: it puts together the home, the ledger,
// the replication, the mesh, the index and the local interface, and owns their
// lifetimes. It never decides about entries itself and shows nothing to a person.
package node

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/dure-net/dure/node/access"
	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/exchange"
	"github.com/dure-net/dure/node/home"
	"github.com/dure-net/dure/node/index"
	"github.com/dure-net/dure/node/phrase"
	"github.com/dure-net/dure/node/private"
	"github.com/dure-net/dure/node/searches"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/replication"
	"github.com/dure-net/dure/replication/ledger"
	"github.com/dure-net/dure/replication/mesh"
)

// Options are what the command line adds to a home's settings. The zero value is a
// node as its settings say.
type Options struct {
	Settings map[string]string // settings by name, as flags bring them; see home.Home.Settings
	Phrases  *phrase.Book      // nil: loaded
	Logger   *slog.Logger      // nil: discards
	Version  string

	NoGossip  bool // catch-up alone carries entries
	NoCatchUp bool // gossip alone does

	Progress func(done, total int64) // while the ledger is read at the start; may be nil

	Now    func() time.Time // nil: time.Now
	Random io.Reader        // nil: crypto/rand
}

// Node is one member's node, opened. It answers as api.Backend without network too:
// what is published then is announced when it runs. Its methods are safe for
// concurrent use.
type Node struct {
	opts    Options
	log     *slog.Logger
	home    *home.Home
	access  *access.Store // tokens and users of the local interface
	saved   *searches.Store
	looks   looks
	conf    home.Config
	phrases *phrase.Book
	release func()

	papers     []byte
	founding   protocol.FoundingAct
	federation protocol.FederationID
	facts      protocol.MemberFacts
	started    time.Time
	twins      twins
	unheard    unheard

	ledger   *ledger.Ledger
	replica  *replication.Replica
	index    *index.Index
	letters  *private.Room
	registry *prometheus.Registry

	follower      *index.Follower
	following     sync.WaitGroup // what keeps the index up
	stopFollowing func()

	revising sync.Mutex     // held while a revision is written
	desk     *exchange.Desk // of agreements
	shelf    *shelf

	number   sync.Mutex // guards numbered
	numbered uint64     // the last short number given
	events   *events

	changes atomic.Uint64 // see epoch

	backupFailed atomic.Pointer[error] // of the last try of a daily backup; nil: it went well

	mesh    atomic.Pointer[mesh.Mesh]
	address atomic.Pointer[string] // of the local interface, while it listens
	closing sync.Once
}

var _ api.Backend = (*Node)(nil)

// Open opens a home and holds its lock until Close. ReasonHomeLocked where another
// process runs it, ReasonNotFederated where it belongs to no federation yet.
func Open(ctx context.Context, h *home.Home, o Options) (_ *Node, err error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	settings, err := h.Settings(o.Settings)
	if err != nil {
		return nil, err
	}
	n := &Node{opts: o, log: o.Logger, home: h, conf: settings.Config, phrases: o.Phrases, started: o.Now(), registry: prometheus.NewRegistry()}
	if n.phrases == nil {
		if n.phrases, err = phrase.New(); err != nil {
			return nil, err
		}
	}
	if h.Sealed() {
		return nil, home.ErrSealed
	}
	if n.release, err = h.Lock(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = n.Close()
		}
	}()
	if n.access, err = access.Load(h, o.Now); err != nil {
		return nil, err
	}
	if err = n.loadSearches(); err != nil {
		return nil, err
	}
	if n.founding, n.federation, n.papers, err = h.Founding(); err != nil {
		return nil, err
	}
	if n.facts, err = h.Member(); err != nil {
		return nil, err
	}
	settled, err := home.SettleLedger(h)
	if err != nil {
		return nil, err
	}
	if settled != home.NothingToSettle {
		n.log.Warn("a restore was cut short; it was finished or undone before the start", "restore", string(settled))
	}
	n.ledger, err = ledger.Open(ledger.Config{Dir: h.LedgerDir(), Federation: n.federation, FloorBytes: n.conf.Storage.FloorBytes,
		Now: o.Now, Logger: o.Logger, Progress: o.Progress})
	if err != nil {
		return nil, err
	}
	if n.index, err = index.Open(index.Config{Dir: h.IndexDir(), Source: n.ledger, Logger: o.Logger}); err != nil {
		return nil, err
	}
	n.letters = n.newLetters()
	n.desk = n.exchanges()
	n.twins.handle, n.twins.started = n.facts.Handle, n.started
	n.events = newEvents()
	if n.shelf, err = newShelf(n, o.Logger); err != nil {
		return nil, err
	}
	if n.replica, err = n.replicate(); err != nil {
		return nil, err
	}
	if m, ok := n.replica.State().ByRoot(n.facts.Root); ok && m.Facts.Root != n.facts.Root {
		// An act has given the member a new root key: from now on its words are asked for.
		if err = h.SaveMember(m.Facts); err != nil {
			return nil, err
		}
		n.facts = m.Facts
	}
	n.follow(ctx)
	if err = n.replica.Custody().Salvage(ctx); err != nil {
		return nil, err
	}
	return n, n.replica.Begin(ctx)
}

// replicate makes the replica from the home's papers.
func (n *Node) replicate() (*replication.Replica, error) {
	cfg := replication.Config{
		Ledger: n.ledger, Founding: n.founding, Papers: n.papers, Federation: n.federation, Key: n.home.Node(),
		Version: n.opts.Version, NoCatchUp: n.opts.NoCatchUp, NoGossip: n.opts.NoGossip,
		Arrived: n.arrived, Turned: n.turned, Changed: n.changed, Trusted: n.admitTrusted,
		Now: n.opts.Now, Random: n.opts.Random, Logger: n.log,
	}
	cfg.Depot, cfg.Names, cfg.Unnamed = n.shelf.depot, n.shelf.names, n.shelf.tidy
	cfg.Renewed, cfg.Beginning = n.home.SaveInception, n.home.SetBegun
	var err error
	if cfg.Begun, err = n.home.Begun(); err != nil {
		return nil, err
	}
	if _, cfg.Invited, err = n.home.Pending(); err != nil {
		return nil, err
	}
	inception, ok, err := n.home.Inception()
	if err != nil {
		return nil, err
	}
	if ok {
		cfg.Inception = inception
	}
	governing, ok, err := n.home.Governing()
	if err != nil {
		return nil, err
	}
	if ok {
		cfg.Governing = &governing
	}
	return replication.New(cfg)
}

// Home is the directory that the node runs on.
func (n *Node) Home() *home.Home { return n.home }

// Close ends what Open began. It is for a node that is not running; Run closes by
// itself. A second call does nothing.
func (n *Node) Close() error {
	var err error
	n.closing.Do(func() {
		if n.stopFollowing != nil {
			n.stopFollowing()
			n.following.Wait()
		}
		if n.index != nil {
			err = n.index.Close()
		}
		if n.ledger != nil {
			err = errors.Join(err, n.ledger.Close())
		}
		if n.release != nil {
			n.release()
		}
	})
	return err
}

// Run connects the node to the others and serves its local interface until ctx ends,
// then closes it. It returns nil when ctx ended.
func (n *Node) Run(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, n.Close()) }()
	m, err := mesh.New(mesh.Config{
		Key: n.home.Node(), Federation: n.federation,
		Listen: n.conf.Listen, Announce: n.conf.Announce, MDNS: *n.conf.MDNS, Relay: n.conf.Relay, RelayVia: n.conf.RelayVia,
		NoGossip: n.opts.NoGossip, Logger: n.log, Registerer: n.registry,
	}, n.replica.Handler())
	if err != nil {
		return err
	}
	listener, socket, err := n.listen()
	if err != nil {
		return errors.Join(err, m.Close())
	}
	handler, err := n.handler(listener.Addr().String())
	if err != nil {
		return errors.Join(err, listener.Close(), m.Close())
	}
	scheme := "http://"
	if n.conf.API.TLS {
		scheme = "https://"
	}
	base := scheme + callable(listener.Addr().String())
	n.mesh.Store(m)
	n.address.Store(&base)
	told := runTold{run: home.Run{API: base, Started: n.started}}
	if err := told.try(n.home); err != nil && protocol.ReasonOf(err) != protocol.ReasonReadOnly {
		return errors.Join(err, listener.Close(), m.Close())
	}
	defer func() { err = errors.Join(err, told.stop()) }()
	if err := n.measure(m); err != nil {
		return errors.Join(err, listener.Close(), m.Close())
	}

	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return m.Run(gctx) })
	g.Go(func() error { return n.replica.Run(gctx, m) })
	g.Go(func() error { return n.seekOthers(gctx, m) })
	g.Go(func() error { return n.tellAddresses(gctx, m) })
	g.Go(func() error { return n.tendLetters(gctx) })
	g.Go(func() error { return n.scrubSlowly(gctx) })
	g.Go(func() error { return n.backUpDaily(gctx) })
	g.Go(func() error { return n.shelf.run(gctx) })
	g.Go(func() error { return n.shelf.checkSlowly(gctx) })
	g.Go(func() error { return api.Serve(gctx, listener, handler, n.log) })
	if socket != nil {
		g.Go(func() error { return api.Serve(gctx, socket, handler, n.log) })
	}
	g.Go(func() error { return giveBack(gctx) })
	g.Go(func() error { return told.until(gctx, n.home, n.log) })
	n.log.Info("the node runs", "member", n.facts.Handle, "api", base, "addresses", m.Addrs())
	if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	n.log.Info("the node stops", "member", n.facts.Handle)
	return nil
}

// runTold says in the home where this node's interface is. A full disk keeps no node
// from starting, so it is said later where there is no room for it.
type runTold struct {
	run     home.Run
	stopped func() error // nil until it is said
}

func (r *runTold) try(h *home.Home) (err error) {
	r.stopped, err = h.SaveRun(r.run)
	return err
}

// until tries until it is said.
func (r *runTold) until(ctx context.Context, h *home.Home, log *slog.Logger) error {
	for r.stopped == nil {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
		if err := r.try(h); err != nil {
			log.Debug("commands do not find this node while its disk is full", "err", err)
		}
	}
	return nil
}

func (r *runTold) stop() error {
	if r.stopped == nil {
		return nil
	}
	return r.stopped()
}

// CaptureLibraryLogs routes what the networking libraries write into log, lowered. A
// program calls it once, before it opens a node.
func CaptureLibraryLogs(log *slog.Logger) { mesh.CaptureLibraryLogs(log) }

// giveBack returns to the system what opening the ledger and the first catch-up took and
// no longer need: the collector on its own keeps about twice what lives, and after an
// import three times that for minutes.
func giveBack(ctx context.Context) error {
	for _, pause := range []time.Duration{8 * time.Second, time.Minute} {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
			debug.FreeOSMemory()
		}
	}
	return nil
}

// callable is a listening address as programs on this machine call it: a node in a
// container listens on all its addresses, of which loopback is one.
func callable(address string) string {
	host, port, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return address
}
