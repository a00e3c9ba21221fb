package replication

import (
	"context"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
	"github.com/dure-net/dure/replication/ledger"
	"github.com/dure-net/dure/replication/mesh"
)

// lone is a node of a federation that meets nobody, on a disk that the test fills.
type lone struct {
	*Replica
	w     *world
	a     *actor
	dir   string
	free  atomic.Uint64
	hold  atomic.Pointer[chan struct{}] // while set, writing waits for it
	store *ledger.Ledger
}

func newLone(t *testing.T, founders int, change func(*Config)) *lone {
	t.Helper()
	w := benchWorldOf(t, founders)
	w.t = t
	for _, a := range w.nodes {
		a.sign(t)
	}
	l := &lone{w: w, a: w.nodes[0], dir: filepath.Join(t.TempDir(), "ledger")}
	l.free.Store(1 << 40)
	l.open(t, change)
	t.Cleanup(func() { _ = l.store.Close() })
	return l
}

func (l *lone) open(t *testing.T, change func(*Config)) {
	t.Helper()
	var err error
	l.store, err = ledger.Open(ledger.Config{Dir: l.dir, Federation: l.w.fed, FloorBytes: 1 << 20, ReserveBytes: 1, Free: func() (uint64, error) {
		if hold := l.hold.Load(); hold != nil {
			<-*hold
		}
		return l.free.Load(), nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Ledger: l.store, Founding: l.w.founding, Papers: l.w.papers, Federation: l.w.fed, Key: l.a.node, Inception: l.a.inception, Governing: &l.a.governing}
	if change != nil {
		change(&cfg)
	}
	if l.Replica, err = New(cfg); err != nil {
		t.Fatal(err)
	}
}

func (l *lone) offer() error {
	_, err := l.Publish(context.Background(), Draft{Kind: protocol.KindOffer, Content: map[string]any{"text": "an offer"}})
	return err
}

// run lets the node run, with nobody to talk to, until the end of the test.
func (l *lone) run(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx, nobody{}) }()
	t.Cleanup(func() {
		cancel()
		<-done
	})
}

// counted checks that what lies on the disk counts.
func (l *lone) counted(t *testing.T) {
	t.Helper()
	for _, h := range l.store.Feeds() {
		if line := l.frontier.line(h.Feed); line.Count != h.Count {
			t.Errorf("%d entries of a feed are on the disk and %d stand", h.Count, line.Count)
		}
	}
}

type nobody struct{}

func (nobody) Announce([]byte) error       { return nil }
func (nobody) AnnounceHealth([]byte) error { return nil }
func (nobody) OpenFiles(context.Context, mesh.Peer) (mesh.Stream, error) {
	return nil, protocol.Fail(protocol.ReasonUnreachable, "open stream", nil)
}

func (nobody) OpenSync(context.Context, mesh.Peer) (mesh.Stream, error) {
	return nil, protocol.Fail(protocol.ReasonUnreachable, "open", nil)
}
func (nobody) OpenJoin(context.Context, mesh.Peer) (mesh.Stream, error) {
	return nil, protocol.Fail(protocol.ReasonUnreachable, "open", nil)
}
func (nobody) Admitted(mesh.Peer) {}
func (nobody) Expelled(mesh.Peer) {}
func (nobody) Addrs() []string    { return nil }

// The frontier's line was set after the lock was left: of two entries that became
// durable together the earlier one's line could come last, and the later entry was
// neither counted nor served until another one came.
func TestPublish_ManyAtOnceAllCount(t *testing.T) {
	l := newLone(t, 1, nil)
	if err := l.Begin(context.Background()); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		var writers sync.WaitGroup
		for range 32 {
			writers.Go(func() {
				if err := l.offer(); err != nil {
					t.Error(err)
				}
			})
		}
		writers.Wait()
		l.counted(t)
	}
}

// A caller that went away while its entry was being written left an entry that was on
// the disk and did not count: a decision unknown, an answer that could be given again.
func TestPublish_CallerGoesAway(t *testing.T) {
	l := newLone(t, 2, nil)
	if err := l.Begin(context.Background()); err != nil {
		t.Fatal(err)
	}
	d, err := charter.NewDecision(l.State(), charter.Draft{By: charter.ByElectors, Title: protocol.Text{"en": "a host city"},
		Changes: []charter.Change{{What: charter.ChangeAppoint, Member: "city-1", Office: protocol.OfficeHostCity}}})
	if err != nil {
		t.Fatal(err)
	}
	hold := make(chan struct{})
	l.hold.Store(&hold)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		_, err := l.Acts().Table(ctx, d)
		done <- err
	}()
	time.Sleep(20 * time.Millisecond) // it is handed to the ledger
	cancel()
	time.Sleep(20 * time.Millisecond)
	l.hold.Store(nil)
	close(hold)
	err = <-done
	if err := l.offer(); err != nil { // and so the disk is done with the decision too
		t.Fatal(err)
	}
	l.counted(t)
	if got := len(l.State().Open()); got != 1 {
		t.Errorf("%d decisions are open after one was tabled, which answered %v", got, err)
	}
}

// The end of a read-only time was looked for only when the charter changed, which it
// cannot while nothing can be written; and a first entry that met a full disk left a
// feed open that had no beginning.
func TestReplica_ReadOnlyEndsByItself(t *testing.T) {
	for name, begun := range map[string]bool{"before the first entry": false, "later": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLone(t, 1, nil)
				if begun {
					if err := l.Begin(context.Background()); err != nil {
						t.Fatal(err)
					}
				}
				if begun {
					l.run(t)
					time.Sleep(time.Minute)
					l.free.Store(0)
					if err := l.offer(); protocol.ReasonOf(err) != protocol.ReasonReadOnly {
						t.Fatalf("on a full disk: %v", err)
					}
				} else {
					l.free.Store(0)
					if err := l.Begin(context.Background()); protocol.ReasonOf(err) != protocol.ReasonReadOnly {
						t.Fatalf("on a full disk: %v", err)
					}
					l.run(t)
				}
				time.Sleep(time.Minute)
				if c, _ := l.Condition(); c != ReadOnly {
					t.Fatalf("on a full disk the node is %s", c)
				}
				l.free.Store(1 << 40)
				time.Sleep(3 * certifyAfter)
				if c, _ := l.Condition(); c != Ready {
					t.Fatalf("with room again the node is %s", c)
				}
				if err := l.offer(); err != nil {
					t.Error(err)
				}
				l.counted(t)
			})
		})
	}
}

// A node that had recovered in a new feed recovered again, in yet another one, after
// its disk had been full.
func TestReplica_RecoversOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLone(t, 1, func(c *Config) { c.Begun = true })
		l.run(t)
		time.Sleep(time.Minute)
		if err := l.offer(); err != nil {
			t.Fatal(err)
		}
		l.free.Store(0)
		if err := l.offer(); protocol.ReasonOf(err) != protocol.ReasonReadOnly {
			t.Fatalf("on a full disk: %v", err)
		}
		l.free.Store(1 << 40)
		time.Sleep(time.Minute)
		if err := l.offer(); err != nil {
			t.Fatal(err)
		}
		if n := len(l.store.Feeds()); n != 1 {
			t.Errorf("it opened %d feeds", n)
		}
	})
}

// A node whose ledger was emptied knows no node of the other members any more, and took
// itself for the only one: it began anew before it could know what it had written.
func TestReplica_EmptiedLedgerLooksForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLone(t, 3, func(c *Config) { c.Begun = true })
		l.run(t)
		time.Sleep(recoverAlone / 2)
		if c, _ := l.Condition(); c != Recovering {
			t.Errorf("before it could meet anybody it is %s", c)
		}
		time.Sleep(recoverAlone)
		if c, _ := l.Condition(); c != Ready {
			t.Errorf("with nobody there it is %s", c)
		}
	})
}

// A node that was stopped between its first entry and the statement that designates it
// never published that: its member could not answer any decision.
func TestReplica_DesignatesLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLone(t, 1, func(c *Config) { c.Governing = nil })
		if err := l.Begin(context.Background()); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := l.store.Close(); err != nil {
				t.Fatal(err)
			}
			l.open(t, nil)
		}
		l.run(t)
		time.Sleep(10 * time.Second)
		if _, ok := l.State().Designation("city-0"); !ok {
			t.Error("it is not its member's governing node")
		}
		if _, n := l.Feeds().Standings(l.a.inception.ID()); n != charter.Unlimited || l.frontier.line(l.a.inception.ID()).Count != 2 {
			t.Errorf("%d entries stand, want the inception and one statement", l.frontier.line(l.a.inception.ID()).Count)
		}
	})
}

// A further node of a member designated itself before it could know that another one
// governs, and of two designations with one number the lower key rules.
func TestReplica_InvitedAsksFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLone(t, 1, func(c *Config) { c.Invited = true })
		l.run(t)
		time.Sleep(10 * time.Second)
		if err := l.offer(); err != nil {
			t.Fatal(err)
		}
		if _, ok := l.State().Designation("city-0"); ok {
			t.Error("it governs, and has asked nobody")
		}
		l.mu.Lock()
		l.informed = true
		l.mu.Unlock()
		l.nudge()
		time.Sleep(certifyAfter + time.Second)
		if _, ok := l.State().Designation("city-0"); !ok {
			t.Error("it does not govern, although nobody else does")
		}
	})
}

// The addresses in the ledger were forgotten at every start, and this node's own told anew.
func TestReplica_RemembersAddresses(t *testing.T) {
	l := newLone(t, 1, nil)
	if err := l.Begin(context.Background()); err != nil {
		t.Fatal(err)
	}
	p, err := l.Publish(context.Background(), Draft{Kind: protocol.KindNode, Content: &protocol.NodeRecord{Addresses: []string{"/ip4/192.0.2.1/tcp/7"}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.store.Close(); err != nil {
		t.Fatal(err)
	}
	l.open(t, nil)
	l.Others().Remember(p.Entry)
	if got := l.Others().AddressesOf(l.a.node.Public()); len(got) != 1 {
		t.Errorf("after a restart it is known at %v", got)
	}
}

// A fork of its feed made a node's every entry "not a member's": it goes on in a new feed.
func TestReplica_LeavesItsForkedFeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var kept []protocol.Entry
		l := newLone(t, 2, func(c *Config) { c.Renewed = func(e protocol.Entry) error { kept = append(kept, e); return nil } })
		if err := l.Begin(context.Background()); err != nil {
			t.Fatal(err)
		}
		if err := l.offer(); err != nil {
			t.Fatal(err)
		}
		l.run(t)
		time.Sleep(10 * time.Second)
		id := l.a.inception.ID()
		ours, err := l.store.Entry(id, 1)
		if err != nil {
			t.Fatal(err)
		}
		h := protocol.Header{Feed: id, Seq: 1, Prev: id, Act: protocol.ActRef{ID: l.w.fed}, Kind: protocol.KindNotice, Time: ours.Header().Time}
		theirs, err := protocol.Seal(l.w.fed, h, l.a.node)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.forked(context.Background(), id, []protocol.Entry{theirs}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		if err := l.offer(); err != nil {
			t.Fatalf("after the fork: %v", err)
		}
		if len(kept) != 1 || l.own.id == id {
			t.Errorf("%d new feeds were begun", len(kept))
		}
		if line := l.frontier.line(id); line.Count != 1 || line.Forked != 2 {
			t.Errorf("of the forked feed %d stand, fork %d", line.Count, line.Forked)
		}
		// It had proven its own fork beyond it, in the feed that was forked: nobody heard of
		// it there, and what others held of the feed and what it held never became the same.
		proofs := l.forks[id].proofs
		if len(proofs) != 1 {
			t.Fatalf("%d proofs", len(proofs))
		}
		if e, _, err := l.store.Find(proofs[0]); err != nil || e.Feed() != l.own.id {
			t.Errorf("the proof lies in %s, the feed that goes on is %s: %v", e.Feed().Short(), l.own.id.Short(), err)
		}
	})
}

// An entry whose predecessor came between its judgement and its seat waited for nobody.
func TestReplica_WaitsForNothingThatIsHere(t *testing.T) {
	l := newLone(t, 2, nil)
	b := l.w.nodes[1]
	if l.wait(b.node.Public(), b.inception, nil) {
		t.Error("the inception of a founder waits")
	}
	if _, err := l.Admit(context.Background(), protocol.Page{Entries: []protocol.Entry{b.inception}, Bodies: [][]byte{nil}}, ViaImport); err != nil {
		t.Fatal(err)
	}
	for seq, want := range map[uint64]bool{1: false, 2: true} {
		e, err := protocol.Seal(l.w.fed, protocol.Header{Feed: b.inception.ID(), Seq: seq, Prev: b.inception.ID(), Act: protocol.ActRef{ID: l.w.fed},
			Kind: protocol.KindNotice, Time: time.Now().UnixMilli()}, b.node)
		if err != nil {
			t.Fatal(err)
		}
		if got := l.wait(l.w.nodes[1].node.Public(), e, nil); got != want {
			t.Errorf("entry %d waits: %t", seq, got)
		}
	}
}

// A member's node whose first entry was on its way to the disk took no part for that moment:
// what it asked was cut off, and when it presented itself it was told that it is no member's.
func TestReplica_InceptionOnItsWayKeepsItsNode(t *testing.T) {
	l := newLone(t, 3, nil)
	if err := l.Begin(context.Background()); err != nil {
		t.Fatal(err)
	}
	b := l.w.nodes[1]
	node, request := b.node.Public(), protocol.JoinRequest{Federation: l.w.fed, Inception: b.inception.Bytes()}
	l.Others().Vouch(node)
	hold := make(chan struct{})
	l.hold.Store(&hold)
	brought := make(chan error, 1)
	go func() {
		_, err := l.Admit(context.Background(), protocol.Page{Entries: []protocol.Entry{b.inception}, Bodies: [][]byte{nil}}, ViaGossip)
		brought <- err
	}()
	listed := func() bool { l.mu.Lock(); defer l.mu.Unlock(); return l.feeds[b.inception.ID()] != nil }
	for began := time.Now(); !listed(); time.Sleep(time.Millisecond) {
		if time.Since(began) > 90*time.Second {
			t.Fatal("the entry is not on its way")
		}
	}
	l.learn(func() bool { return true }) // the charter hears of something else meanwhile
	if !l.Handler().Standing(node) {
		t.Error("the node takes no part any more")
	}
	type answer struct {
		protocol.JoinAnswer
		err error
	}
	answered := make(chan answer, 1)
	go func() {
		a, err := l.consider(context.Background(), node, request)
		answered <- answer{a, err}
	}()
	select {
	case a := <-answered:
		t.Errorf("it is answered before anybody can know: %d, %v", a.State, a.err)
		answered <- a
	case <-time.After(300 * time.Millisecond):
	}
	close(hold)
	if a := <-answered; a.err != nil || a.State != protocol.JoinWelcome {
		t.Errorf("it is answered %d, %v", a.State, a.err)
	}
	if err := <-brought; err != nil {
		t.Error(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.nodes[node] || l.vouched[node] {
		t.Errorf("the charter knows the node: %t, and it is vouched for still: %t", l.nodes[node], l.vouched[node])
	}
}
