package replication

import (
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/replication/ledger"
	"github.com/dure-net/dure/replication/mesh"
	"github.com/dure-net/dure/replication/mesh/meshtest"
)

var (
	seeds   = flag.Int("seeds", 0, "how many seeds a scenario runs; 0: a few")
	seedArg = flag.Uint64("seed", 0, "run a scenario with this seed; with -seeds, that many from it on")
)

// scenario tells a story once for every seed, each in a bubble of virtual time, as many
// at once as -parallel allows where -seeds asks for many. A failure names the seed:
// go test ./replication -run NAME -seed N tells the same story again.
func scenario(t *testing.T, few int, story func(t *testing.T, w *world)) {
	first, n := uint64(1), few
	if *seeds > 0 {
		n = *seeds
	}
	if *seedArg > 0 {
		first, n = *seedArg, max(*seeds, 1)
	}
	for seed := first; seed < first+uint64(n); seed++ {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			if *seeds > 1 {
				t.Parallel()
			}
			dir, err := os.MkdirTemp(scratch(), "dure-world")
			if err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(dir)
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, seed, dir)
				defer w.end()
				story(t, w)
			})
		})
	}
}

// scratch is where the stores of simulated nodes lie: memory, where there is some.
func scratch() string {
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		return "/dev/shm"
	}
	return ""
}

// world is a federation of simulated nodes: real ledgers, real replicas, real libp2p
// over a simulated network.
type world struct {
	t     *testing.T
	seed  uint64
	dice  *rand.Rand
	net   *meshtest.Network
	dir   string
	nodes []*actor

	founding protocol.FoundingAct
	papers   []byte
	fed      protocol.FederationID

	witness *witness
	made    int64 // counts the mark files that were made

	began   time.Time
	writing sync.Mutex // guards diary
	diary   []string   // what the story did and when: a failure prints it
}

// note writes down what the story does.
func (w *world) note(format string, args ...any) {
	w.writing.Lock()
	defer w.writing.Unlock()
	w.diary = append(w.diary, fmt.Sprintf("%9s  %s", time.Since(w.began).Round(time.Millisecond), fmt.Sprintf(format, args...)))
}

// actor is one member's node.
type actor struct {
	w          *world
	n          int // its place on the network
	handle     string
	root, node protocol.PrivateKey
	inception  protocol.Entry
	begun      bool // it has written entries before
	governing  protocol.Statement
	dir        string
	options    func(*Config)
	disk       disk
	skew       atomic.Int64                    // nanoseconds its clock is ahead of the world's
	hostile    *hostility                      // nil: it is honest
	face       func(mesh.Handler) mesh.Handler // nil: other nodes reach the replica itself
	files      *shelf                          // nil: it keeps no files

	ledger  *ledger.Ledger
	replica *Replica
	mesh    *mesh.Mesh
	stop    context.CancelFunc
	done    chan error
	life    atomic.Int64 // counts starts and ends; odd while it lives: what an ended life still does never happened

	mu     sync.Mutex         // guards acked and writer
	acked  []protocol.EntryID // acknowledged to the story
	writer *Replica           // the replica, for goroutines that write while it dies and comes back
}

func newWorld(t *testing.T, seed uint64, dir string) *world {
	return &world{t: t, seed: seed, dice: rand.New(rand.NewPCG(seed, 1)), net: meshtest.NewNetwork(t, seed), dir: dir, witness: newWitness(), began: time.Now()}
}

// now is what the node's clock shows. It has no monotonic part, as after a set clock.
func (a *actor) now() time.Time { return time.Now().Round(0).Add(time.Duration(a.skew.Load())) }

func keyOf(t testing.TB, what string) protocol.PrivateKey {
	seed := sha256.Sum256([]byte("dure test " + what))
	k, err := protocol.NewPrivateKey(seed[:])
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// found makes a federation of n founders with one node each, the first three of them
// the committee, and starts no node.
func (w *world) found(n int) []*actor {
	w.t.Helper()
	for i := range n {
		handle := fmt.Sprintf("city-%d", i)
		a := &actor{w: w, n: i, handle: handle, root: keyOf(w.t, handle+" root"), node: keyOf(w.t, handle+" node"), dir: filepath.Join(w.dir, handle)}
		w.nodes = append(w.nodes, a)
		w.founding.Founders = append(w.founding.Founders, protocol.MemberFacts{Handle: handle, Kind: protocol.KindCity, Category: protocol.CategoryFull,
			Country: "KR", Names: protocol.Text{"en": "City " + fmt.Sprint(i)}, Root: a.root.Public()})
		if i < 3 {
			w.founding.Offices = append(w.founding.Offices, protocol.Term{Office: protocol.OfficeSteering, Member: handle})
		}
	}
	w.founding.Version = protocol.Version
	w.founding.Names = protocol.Text{"en": "A federation", "ko": "연합"}
	w.founding.Charter = protocol.Text{"en": "We work together in turn."}
	w.founding.Rules = protocol.Rules{Name: "test", Electors: "steering", Threshold: protocol.Ratio{Num: 1, Den: 2}, Assembly: protocol.Ratio{Num: 2, Den: 3}, Rebind: 30}
	var err error
	if w.papers, w.fed, err = protocol.EncodeFoundingAct(w.founding); err != nil {
		w.t.Fatal(err)
	}
	for _, a := range w.nodes {
		a.sign(w.t)
	}
	return w.nodes
}

// sign makes the papers that only the root key can.
func (a *actor) sign(t testing.TB) {
	fed := a.w.fed
	add, err := protocol.Addition(fed, protocol.PublicKey{}, a.node.Public(), protocol.Signature{}).Sign(a.root)
	if err != nil {
		t.Fatal(err)
	}
	a.inception, err = protocol.Seal(fed, protocol.Header{Kind: protocol.KindInception, Time: time.Now().UnixMilli(), Act: protocol.ActRef{ID: fed},
		Init: &protocol.Inception{Federation: fed, Root: a.root.Public(), Node: a.node.Public(), Added: add.Signature}}, a.node)
	if err != nil {
		t.Fatal(err)
	}
	a.governing, err = protocol.Statement{Federation: fed, Purpose: protocol.PurposeGovern, Node: a.node.Public(), Number: 1}.Sign(a.root)
	if err != nil {
		t.Fatal(err)
	}
}

// start opens the node's ledger and runs it.
func (a *actor) start() {
	a.w.t.Helper()
	if err := a.tryStart(); err != nil {
		fmt.Fprintf(os.Stderr, "seed %d: %s does not start: %v\n", a.w.seed, a.handle, err) // a bubble that panics for it tells nothing
		a.w.t.Fatalf("seed %d: %s does not start: %v", a.w.seed, a.handle, err)
	}
}

func (a *actor) tryStart() (err error) {
	log := slog.New(slog.DiscardHandler)
	if os.Getenv("DURE_TEST_LOG") != "" {
		log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})).With("at", a.handle)
	}
	a.ledger, err = ledger.Open(ledger.Config{Dir: a.dir, Federation: a.w.fed, FloorBytes: diskFloor, ReserveBytes: 1, Free: a.disk.free, Born: a.disk.made, Now: a.now, Logger: log})
	if err != nil {
		return err
	}
	cfg := Config{Ledger: a.ledger, Founding: a.w.founding, Papers: a.w.papers, Federation: a.w.fed, Key: a.node, Inception: a.inception,
		Governing: &a.governing, Begun: a.begun, Version: "test", Now: a.now, Logger: log}
	if a.files != nil {
		a.files.config(&cfg)
	}
	if a.options != nil {
		a.options(&cfg)
	}
	a.observe(&cfg)
	if a.replica, err = New(cfg); err != nil {
		return errors.Join(err, a.ledger.Close())
	}
	a.mu.Lock()
	a.writer = a.replica
	a.mu.Unlock()
	var handler mesh.Handler = a.replica.Handler()
	if a.hostile != nil {
		handler = a.hostile.behind(a)
	}
	if a.face != nil {
		handler = a.face(handler)
	}
	a.mesh, err = mesh.New(mesh.Config{Key: a.node, Federation: a.w.fed, Listen: []string{a.w.net.Addr(a.n)}, NoGossip: cfg.NoGossip,
		Sockets: a.w.net.Sockets(a.n), Logger: log}, handler)
	if err != nil {
		return errors.Join(err, a.ledger.Close())
	}
	var known []mesh.Known
	for _, b := range a.w.nodes {
		if b.node.Public() != a.node.Public() {
			known = append(known, mesh.Known{Node: b.node.Public(), Addrs: []string{a.w.net.Addr(b.n)}})
			if b.n < len(a.w.founding.Founders) {
				a.replica.Others().Vouch(b.node.Public())
			}
		}
	}
	a.mesh.SetPeers(known)
	ctx, cancel := context.WithCancel(context.Background())
	if err := a.replica.Begin(ctx); err != nil {
		cancel()
		return errors.Join(err, a.mesh.Close(), a.ledger.Close())
	}
	c, _ := a.replica.Condition()
	a.w.note("%s starts, %s, in the chain %s", a.handle, c, a.inception.ID().Short())
	a.stop, a.done = cancel, make(chan error, 1)
	if a.hostile != nil {
		a.hostile.begin(ctx, a)
	}
	go func() {
		meshDone := make(chan error, 1)
		go func() { meshDone <- a.mesh.Run(ctx) }()
		err := a.replica.Run(ctx, a.mesh)
		if a.hostile != nil {
			a.hostile.join()
		}
		a.done <- errors.Join(err, <-meshDone)
	}()
	return nil
}

// halt stops the node in order.
func (a *actor) halt() {
	if a.stop == nil {
		return
	}
	a.stop()
	if err := <-a.done; err != nil && !errors.Is(err, context.Canceled) {
		a.w.t.Errorf("seed %d: %s ended with %v", a.w.seed, a.handle, err)
	}
	a.stop = nil
	a.w.note("%s is stopped", a.handle)
	a.fullDisk(false) // on a full disk the ledger leaves Badger's goroutines behind, which a bubble does not allow
	if err := a.ledger.Close(); err != nil {
		a.w.t.Errorf("seed %d: %s: closing the ledger: %v", a.w.seed, a.handle, err)
	}
	a.life.Add(1)
}

func (w *world) startAll() {
	w.t.Helper()
	for _, a := range w.nodes {
		a.start()
	}
}

func (w *world) end() {
	var wg sync.WaitGroup
	for _, a := range w.nodes {
		wg.Go(a.halt)
	}
	wg.Wait()
	w.net.Close()
	if w.t.Failed() {
		w.t.Logf("the seed was %d\n%s", w.seed, strings.Join(w.diary, "\n"))
	}
}

// publish writes one record at the node and remembers that it was acknowledged.
func (a *actor) publish(text string) protocol.EntryID {
	a.w.t.Helper()
	id, err := a.tryPublish(text)
	if err != nil {
		a.w.t.Fatalf("seed %d: %s could not publish: %v", a.w.seed, a.handle, err)
	}
	return id
}

// tryPublish is publish where a refusal is part of the story.
func (a *actor) tryPublish(text string) (protocol.EntryID, error) {
	a.mu.Lock()
	r, life := a.writer, a.life.Load()
	a.mu.Unlock()
	if r == nil || life%2 == 0 {
		return protocol.EntryID{}, protocol.Fail(protocol.ReasonNotRunning, "publish", nil)
	}
	p, err := r.Publish(context.Background(), Draft{Kind: protocol.KindOffer, Number: 1, Content: map[string]any{"text": text, "by": a.handle}})
	if err == nil && a.life.Load() != life {
		err = protocol.Fail(protocol.ReasonNotRunning, "publish", nil) // it died: nobody was told
	}
	if err != nil {
		return protocol.EntryID{}, err
	}
	if a.hostile == nil {
		a.mu.Lock()
		a.acked = append(a.acked, p.Entry.ID())
		a.mu.Unlock()
	}
	a.w.note("%s publishes %s, %d of %s", a.handle, p.Entry.ID().Short(), p.Entry.Seq(), p.Entry.Feed().Short())
	return p.Entry.ID(), nil
}

// publishMany writes n records, a few of them at once. Refusals are part of the story.
func (a *actor) publishMany(n int, text string) {
	var writers sync.WaitGroup
	for i := range min(n, 8) {
		writers.Go(func() {
			for j := i; j < n; j += 8 {
				_, _ = a.tryPublish(fmt.Sprint(text, " ", j))
			}
		})
	}
	writers.Wait()
}

// running lists the nodes that run.
func (w *world) running() []*actor {
	return slices.DeleteFunc(slices.Clone(w.nodes), func(a *actor) bool { return a.stop == nil })
}

// allowed is how long a story may take in virtual time what is promised within some time: the clock is virtual, the order
// in which goroutines run is not, and with it whom a lost packet hits. DURE_BARS holds stories to what is promised.
func allowed(within time.Duration) time.Duration {
	if os.Getenv("DURE_BARS") != "" {
		return within
	}
	return 4 * within
}

// settle waits until all running nodes hold the same and want nothing, and returns
// how long that took in virtual time. Beyond what is allowed it fails with the difference.
func (w *world) settle(within time.Duration) time.Duration {
	w.t.Helper()
	within = allowed(within)
	began := time.Now()
	for !w.same() {
		if time.Since(began) > within {
			w.t.Fatalf("seed %d: not the same everywhere after %s:\n%s", w.seed, within, w.difference())
		}
		time.Sleep(50 * time.Millisecond)
	}
	w.check()
	return time.Since(began)
}

// settleAmong is settle for some nodes alone, as within one part of a partition.
func (w *world) settleAmong(within time.Duration, nodes ...*actor) {
	w.t.Helper()
	within = allowed(within)
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		same := true
		for _, a := range nodes {
			same = same && a.replica.Root() == nodes[0].replica.Root() && a.wants() == 0
		}
		if same {
			return
		}
		if time.Since(began) > within {
			w.t.Fatalf("seed %d: not the same among %d nodes after %s:\n%s", w.seed, len(nodes), within, w.difference())
		}
	}
}

// same compares the nodes that must agree: honest, running, of members that stand.
func (w *world) same() bool {
	nodes := w.agreeing()
	for _, a := range nodes {
		if a.replica.Root() != nodes[0].replica.Root() || a.wants() > 0 || a.replica.State().Digest() != nodes[0].replica.State().Digest() {
			return false
		}
	}
	return true
}

// difference says, per node, how its ledger differs from the first node's.
func (w *world) difference() string {
	text := ""
	nodes := w.agreeing()
	for _, a := range nodes {
		entries, feeds := a.replica.Total()
		condition, why := a.replica.Condition()
		text += fmt.Sprintf("%s: root %s, %d entries in %d feeds, %d wanted, %s %s, act %d\n", a.handle, a.replica.Root().String()[:8], entries, feeds,
			a.wants(), condition, why, a.replica.State().Act().Number)
		for _, want := range a.ledger.Wanted(10) {
			e, _, err := a.ledger.Find(want.Entry)
			text += fmt.Sprintf("  wanted: %+v, %v", want, err)
			if err == nil {
				text += fmt.Sprintf(", entry %d of chain %s, %s;", e.Seq(), e.Feed().Short(), e.Kind())
				for _, b := range w.running() {
					_, reason := b.body(e.ID())
					text += fmt.Sprintf(" %s: %s", b.handle, reason)
				}
			}
			text += "\n"
		}
		theirs := map[protocol.FeedID]protocol.Standing{}
		for _, l := range nodes[0].replica.frontier.all() {
			theirs[l.Feed] = l
		}
		for _, l := range a.replica.frontier.all() {
			if b := theirs[l.Feed]; b != l {
				text += fmt.Sprintf("  feed %s: %d here, %d at %s\n", l.Feed.Short(), l.Count, b.Count, nodes[0].handle)
			}
			delete(theirs, l.Feed)
		}
		for id, l := range theirs {
			text += fmt.Sprintf("  feed %s: none here, %d at %s\n", id.Short(), l.Count, nodes[0].handle)
		}
	}
	return text
}
