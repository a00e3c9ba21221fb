// Package replication decides what enters this node's copy of the ledger: it admits,
// keeps waiting, refuses and fetches, and is the one door into the ledger. Every
// entry, whether typed here, gossiped, caught up or imported, goes through Admit. It
// never touches a disk or a socket itself: replication/ledger keeps the bytes and
// replication/mesh carries them.
//
// DESIGN.md beside this file tells the life of an entry.
package replication

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
	"github.com/dure-net/dure/replication/depot"
	"github.com/dure-net/dure/replication/ledger"
	"github.com/dure-net/dure/replication/mesh"
)

// Via says how an entry reached this node.
type Via string

const (
	ViaLocal   Via = "local"
	ViaGossip  Via = "gossip"
	ViaCatchUp Via = "catchup"
	ViaImport  Via = "import"
	ViaJoin    Via = "join"
)

// Network is what Replica needs of the mesh.
type Network interface {
	Announce(message []byte) error
	AnnounceHealth(message []byte) error
	OpenSync(ctx context.Context, node mesh.Peer) (mesh.Stream, error)
	OpenFiles(ctx context.Context, node mesh.Peer) (mesh.Stream, error)
	OpenJoin(ctx context.Context, node mesh.Peer) (mesh.Stream, error)
	Admitted(node mesh.Peer)
	Expelled(node mesh.Peer)
	Addrs() []string
}

var (
	_ Network = (*mesh.Mesh)(nil)
)

// Config is what a Replica is made of. Ledger, Founding, Federation and Key are needed.
type Config struct {
	Ledger     *ledger.Ledger
	Founding   protocol.FoundingAct
	Papers     []byte // the founding act's bytes
	Federation protocol.FederationID
	Key        protocol.PrivateKey // this node's

	// Inception is this node's root-signed first entry, Governing the root-signed
	// designation of this node, if it is the governing one.
	Inception protocol.Entry
	Governing *protocol.Statement

	// Invited says that this node came in by an invitation: another node of its member may
	// govern already, so it is not designated before it has caught up with somebody.
	Invited bool

	// Begun says that this node has written entries before: a ledger that knows nothing of
	// them was emptied. Beginning is called before the first one is signed, and makes it so.
	Begun     bool
	Beginning func() error

	// Depot holds files of records; nil: none are kept, served or fetched. Names tells
	// whether an entry stands, its body is held and not erased, and names a file that a node
	// may have; it may read the ledger, and is called with nothing locked. Unnamed is called when bodies were
	// erased, before that is acknowledged: it returns when every file that only they named
	// is gone from the disk.
	Depot   *depot.Depot
	Names   func(from protocol.PublicKey, entry protocol.EntryID, file protocol.CID) bool
	Unnamed func(ctx context.Context) error

	Version   string // of the program, told to members in health messages
	NoCatchUp bool   // tests and demonstrations: gossip alone
	NoGossip  bool   // tests and demonstrations: catch-up alone

	Arrived func(Arrival)       // told of every run that became durable here; must not block
	Changed func(charter.State) // told when the charter's state changed; must not block
	// Turned is told when another branch of a forked feed has become its chain. It may block.
	Turned func(Turned)
	// Renewed is told of the inception of a new feed, before anything of it is written:
	// a node that recovered keeps it as its own from then on.
	Renewed func(protocol.Entry) error
	// Trusted is told of an application under an invitation by which this node decides
	// alone, after the application is on the ledger.
	Trusted func(ctx context.Context, a protocol.Application) error

	Now    func() time.Time // default time.Now
	Random io.Reader        // default crypto/rand.Reader
	Logger *slog.Logger     // default: discards
}

// Condition is what a node can do at the moment.
type Condition string

const (
	Ready      Condition = "ready"
	Joining    Condition = "joining"
	Recovering Condition = "recovering"
	ReadOnly   Condition = "read_only"
	Ended      Condition = "ended" // what this node writes counts nowhere: it was cut, or its member removed
)

// Replica is one node's part in the replication. Its methods are safe for concurrent
// use. It works without a network too: what is published waits for Run.
type Replica struct {
	cfg      Config
	log      *slog.Logger
	ledger   *ledger.Ledger
	frontier *frontier
	self     protocol.PublicKey
	erasures *Erasures
	fetches  *fetches

	mu          sync.Mutex // guards all below
	feeds       map[protocol.FeedID]*feed
	nodes       map[protocol.PublicKey]bool // node keys of standing members
	vouched     map[protocol.PublicKey]bool // named by an invitation or the operator, no feed heard yet
	own         *feed
	folder      *charter.Folder
	state       charter.State
	waiting     *waiting
	quotas      *quotas
	places      *places
	condition   Condition
	why         string    // phrase key of the condition
	renewed     bool      // own was opened because an older feed could not be gone on with
	forgetful   bool      // others brought entries of the own feed that were not here
	ended       bool      // recovering because the own feed was forked, not because anything was forgotten
	since       time.Time // since when sinceOf is the condition, by the claimed clock
	sinceOf     Condition
	recovering  time.Time                   // since when, by this process's own time; zero = not
	enoughAt    time.Time                   // since when enough members were caught up with, likewise
	unheard     bool                        // began anew with nobody in sight and has caught up with nobody since
	informed    bool                        // in an exchange another node had nothing that was missing here
	designating bool                        // the governing statement is being published
	designated  bool                        // it has been
	ran         time.Time                   // when Run began, by this process's own time
	turnedAway  map[protocol.PublicKey]bool // nodes that answered this one that it is no member's any more
	removedBy   uint64                      // the act by which one of them says that its member was removed
	peers       map[protocol.PublicKey]*peer
	claims      map[protocol.FeedID]*session              // who fetches it
	forkTold    map[protocol.FeedID]uint64                // 1 + the lowest seq of a feed whose fork this node has proven
	proved      map[protocol.FeedID]proving               // how often and when
	forks       map[protocol.FeedID]*fork                 // as evidence on the ledger proves them
	proofs      map[protocol.FeedID]protocol.ForkEvidence // to be published when this node can write
	addresses   map[protocol.PublicKey][]string           // from node records

	branching turnstile // held, before mu, while branches are taken in and chosen: also while the disk writes
	desk      desk

	answering sync.Mutex // held while an answer is signed and published
	applying  sync.Mutex // held while an application is judged and published

	net        atomic.Pointer[network]
	wake       chan protocol.PublicKey // nodes to catch up with; bounded, a full queue is served by the timer
	tended     chan struct{}           // something changed that governance may act on
	hinted     chan struct{}           // a change that gossip did not carry is to be told
	counts     counters
	announcing *rate.Limiter
	pulling    progress
	intake     *semaphore.Weighted // room for pages on their way to the disk
	single     *semaphore.Weighted // likewise for entries that come one by one
	ahead      *semaphore.Weighted // room for pages read ahead for other nodes
}

type network struct{ Network }

// New rebuilds the decision state from the ledger and starts nothing.
func New(cfg Config) (*Replica, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Random == nil {
		cfg.Random = rand.Reader
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	var base [8]byte
	if _, err := io.ReadFull(cfg.Random, base[:]); err != nil {
		return nil, protocol.Fail(protocol.ReasonInternal, "read randomness", err)
	}
	r := &Replica{
		cfg: cfg, log: cfg.Logger, ledger: cfg.Ledger, self: cfg.Key.Public(),
		// 31 bits keep a change number short on the wire.
		frontier:   newFrontier(cfg.Federation, uint64(binary.BigEndian.Uint32(base[:])>>1)),
		feeds:      map[protocol.FeedID]*feed{},
		nodes:      map[protocol.PublicKey]bool{},
		vouched:    map[protocol.PublicKey]bool{},
		waiting:    newWaiting(),
		quotas:     newQuotas(),
		places:     newPlaces(),
		condition:  Joining,
		announcing: rate.NewLimiter(announceRate, announceBurst),
		intake:     semaphore.NewWeighted(intakeBytes),
		single:     semaphore.NewWeighted(singleRuns),
		ahead:      semaphore.NewWeighted(aheadStreams),
		turnedAway: map[protocol.PublicKey]bool{},
		peers:      map[protocol.PublicKey]*peer{},
		claims:     map[protocol.FeedID]*session{},
		forkTold:   map[protocol.FeedID]uint64{},
		proved:     map[protocol.FeedID]proving{},
		forks:      map[protocol.FeedID]*fork{},
		proofs:     map[protocol.FeedID]protocol.ForkEvidence{},
		addresses:  map[protocol.PublicKey][]string{},
		wake:       make(chan protocol.PublicKey, 256),
		tended:     make(chan struct{}, 1),
		hinted:     make(chan struct{}, 1),
	}
	r.branching = make(turnstile, 1)
	r.erasures = newErasures(r)
	r.fetches = newFetches()
	if err := r.load(); err != nil {
		return nil, err
	}
	turned := r.cfg.Turned
	r.cfg.Turned = nil // nobody has read the ledger yet
	err := r.takeTurns()
	if r.cfg.Turned = turned; err != nil {
		return nil, err
	}
	return r, nil
}

// Run carries entries to and from other nodes until ctx ends, and joins everything
// it started. It returns nil when ctx ended.
func (r *Replica) Run(ctx context.Context, n Network) error {
	r.net.Store(&network{n})
	r.mu.Lock()
	r.ran = time.Now()
	r.mu.Unlock()
	defer r.net.Store(nil)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return r.catchUp(ctx, n) })
	g.Go(func() error { return r.tellHealth(ctx, n) })
	g.Go(func() error { return r.tend(ctx) })
	g.Go(func() error { return r.erasures.run(ctx) })
	g.Go(func() error { return r.fetches.run(ctx) })
	if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// Root is the ledger root and Total what stands behind it.
func (r *Replica) Root() protocol.Root { return r.frontier.ledgerRoot() }

// Total is the number of standing entries and of feeds with at least one.
func (r *Replica) Total() (entries uint64, feeds int) { return r.frontier.total() }

// State is the charter's state. It is shared; do not change it.
func (r *Replica) State() charter.State {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state
}

// Condition is what the node can do now, and the phrase key of the reason.
func (r *Replica) Condition() (Condition, string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.condition == Ready {
		return r.unfit()
	}
	return r.condition, r.why
}

// unfit is Ready, or why what this node writes does not count although nothing else
// keeps it from writing. The caller holds mu.
func (r *Replica) unfit() (Condition, string) {
	if r.own == nil {
		return r.condition, r.why
	}
	l := r.own.limit
	switch {
	case l.Fork != 0: // goes on in a new feed by itself
	case l.Status == charter.StatusRemoved:
		return Ended, "state.ended.removed"
	case l.Void || r.own.count >= l.Count:
		return Ended, "state.ended.cut"
	case len(r.turnedAway) > 0 && !r.received():
		return Ended, "state.ended.refused"
	case l.Status == charter.StatusSuspended:
		return Ready, "state.suspended"
	}
	return r.condition, r.why
}

// received reports whether any node takes part with this one. The caller holds mu.
func (r *Replica) received() bool {
	for node, p := range r.peers {
		if p.linked && p.fails == 0 && !p.last.IsZero() && !r.turnedAway[node] {
			return true
		}
	}
	return false
}

// Counts are the numbers behind the metrics.
func (r *Replica) Counts() Counts {
	c := r.counts.snapshot()
	r.mu.Lock()
	defer r.mu.Unlock()
	c.Waiting = uint64(r.waiting.len())
	return c
}

// Counts counts since the start.
type Counts struct {
	Admitted map[Via]uint64
	Refused  map[protocol.Reason]uint64
	Waiting  uint64
	Again    uint64 // entries that catch-up brought although they were here: another session was quicker, or a page was cut
	Taken    uint64 // feeds that one session took over from another, which lay still
}

// Progress is how far catch-up is with what it knew to be missing when it began.
func (r *Replica) Progress() CatchUp { return r.pulling.now() }

// CatchUp is a stretch of catching up: from nothing missing to nothing missing.
type CatchUp struct {
	Running        bool
	Fetched, Known uint64 // entries
}

type progress struct {
	mu       sync.Mutex // guards all below
	sessions int
	CatchUp
}

func (p *progress) begin(known uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sessions == 0 {
		p.CatchUp = CatchUp{Running: true}
	}
	p.sessions++
	p.Known += known
}

func (p *progress) fetched(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Fetched += uint64(n)
}

func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sessions--; p.sessions == 0 {
		p.Running = false
	}
}

func (p *progress) now() CatchUp {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.CatchUp
}

type counters struct {
	mu       sync.Mutex // guards both maps
	admitted map[Via]uint64
	refused  map[protocol.Reason]uint64
	again    atomic.Uint64

	takenOver atomic.Uint64
}

func (c *counters) cameAgain(entries int) { c.again.Add(uint64(entries)) }

func (c *counters) admit(via Via, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.admitted == nil {
		c.admitted = map[Via]uint64{}
	}
	c.admitted[via] += uint64(n)
}

func (c *counters) refuse(r protocol.Reason) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refused == nil {
		c.refused = map[protocol.Reason]uint64{}
	}
	c.refused[r]++
}

func (c *counters) snapshot() Counts {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := Counts{Admitted: map[Via]uint64{}, Refused: map[protocol.Reason]uint64{}, Again: c.again.Load(), Taken: c.takenOver.Load()}
	for k, v := range c.admitted {
		out.Admitted[k] = v
	}
	for k, v := range c.refused {
		out.Refused[k] = v
	}
	return out
}
