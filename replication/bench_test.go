package replication

import (
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/dgraph-io/badger/v4"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/replication/ledger"
	"github.com/dure-net/dure/replication/mesh"
)

var benchEntries = flag.Int("entries", 100_000, "entries of BenchmarkCatchUp")

// place is a node of a benchmark: a real ledger on disk, a real host on loopback.
type spot struct {
	ledger  *ledger.Ledger
	replica *Replica
	mesh    *mesh.Mesh
	stop    func()
}

func newSpot(b testing.TB, w *world, a *actor, dir string) *spot {
	b.Helper()
	l, err := ledger.Open(ledger.Config{Dir: dir, Federation: w.fed})
	if err != nil {
		b.Fatal(err)
	}
	r, err := New(Config{Ledger: l, Founding: w.founding, Papers: w.papers, Federation: w.fed, Key: a.node, Inception: a.inception})
	if err != nil {
		b.Fatal(err)
	}
	return &spot{ledger: l, replica: r}
}

func (s *spot) run(b testing.TB, w *world, a *actor) {
	b.Helper()
	m, err := mesh.New(mesh.Config{Key: a.node, Federation: w.fed, Listen: []string{"/ip4/127.0.0.1/tcp/0"}}, s.replica.Handler())
	if err != nil {
		b.Fatal(err)
	}
	s.mesh = m
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = m.Run(ctx) })
	wg.Go(func() { _ = s.replica.Run(ctx, m) })
	s.stop = func() { cancel(); wg.Wait() }
}

// feeds fills a ledger with n entries of about 600 bytes, header and body together,
// from the feeds of all founders, as a member publishes them.
func (w *world) fill(b testing.TB, s *spot, n int) { w.fillSome(b, s.replica, n) }

func (w *world) fillSome(b testing.TB, r *Replica, n int) {
	b.Helper()
	dice := rand.New(rand.NewPCG(7, 7))
	per := n / len(w.nodes)
	for _, a := range w.nodes {
		page := protocol.Page{Entries: []protocol.Entry{a.inception}, Bodies: [][]byte{nil}}
		prev := a.inception
		for i := range per - 1 {
			text := make([]byte, 300)
			for j := range text {
				text[j] = "abcdefghijklmnop qrstuv"[dice.IntN(23)]
			}
			var salt protocol.Salt
			binary.BigEndian.PutUint64(salt[:], dice.Uint64())
			body, err := protocol.EncodeBody(salt, map[string]any{"text": string(text[:230]), "n": i})
			if err != nil {
				b.Fatal(err)
			}
			e, err := protocol.Seal(w.fed, protocol.Header{Feed: a.inception.ID(), Seq: prev.Seq() + 1, Prev: prev.ID(), Act: protocol.ActRef{ID: w.fed}, Kind: protocol.KindOffer,
				Number: uint64(i + 1), Time: prev.Header().Time + 1, Body: protocol.Sum(body), Size: uint64(len(body))}, a.node)
			if err != nil {
				b.Fatal(err)
			}
			page.Entries, page.Bodies = append(page.Entries, e), append(page.Bodies, body)
			prev = e
			if len(page.Entries) == protocol.MaxPage || i == per-2 {
				if _, err := r.Admit(context.Background(), page, ViaImport); err != nil {
					b.Fatal(err)
				}
				page = protocol.Page{}
			}
		}
	}
}

func benchWorld(b *testing.B, founders int) *world { return benchWorldOf(b, founders) }

func benchWorldOf(b testing.TB, founders int) *world {
	w := &world{t: nil, seed: 1}
	w.founding = protocol.FoundingAct{Version: protocol.Version, Names: protocol.Text{"en": "A federation"}, Charter: protocol.Text{"en": "We work together."},
		Rules: protocol.Rules{Name: "test", Electors: "steering", Threshold: protocol.Ratio{Num: 1, Den: 2}, Assembly: protocol.Ratio{Num: 2, Den: 3}}}
	for i := range founders {
		handle := fmt.Sprintf("city-%d", i)
		a := &actor{w: w, n: i, handle: handle, root: keyOf(b, handle+" root"), node: keyOf(b, handle+" node")}
		w.nodes = append(w.nodes, a)
		w.founding.Founders = append(w.founding.Founders, protocol.MemberFacts{Handle: handle, Kind: protocol.KindCity, Category: protocol.CategoryFull,
			Country: "KR", Names: protocol.Text{"en": handle}, Root: a.root.Public()})
	}
	w.founding.Offices = []protocol.Term{{Office: protocol.OfficeSteering, Member: "city-0"}}
	var err error
	if w.papers, w.fed, err = protocol.EncodeFoundingAct(w.founding); err != nil {
		b.Fatal(err)
	}
	for _, a := range w.nodes {
		a.sign(b)
	}
	return w
}

// BenchmarkCatchUp fetches a whole ledger into a fresh node over loopback TCP: found,
// sent, checked, durable. It reports the rate against what Badger alone writes of the
// same keys and values, synced, on the same disk in the same run, and against this
// machine's single-core signature verification.
func BenchmarkCatchUp(b *testing.B) {
	w := benchWorld(b, 61)
	newcomer := w.nodes[60]
	w.nodes = w.nodes[:60]
	dir := b.TempDir()
	full := newSpot(b, w, w.nodes[0], filepath.Join(dir, "full"))
	defer full.ledger.Close()
	w.fill(b, full, *benchEntries)
	full.run(b, w, w.nodes[0])
	defer full.stop()
	total, _ := full.replica.Total()

	verify := verifyRate()
	for n := 0; b.Loop(); n++ {
		fresh := newSpot(b, w, newcomer, filepath.Join(dir, fmt.Sprint("fresh", n)))
		fresh.replica.Others().Vouch(w.nodes[0].node.Public())
		fresh.run(b, w, newcomer)
		debug.FreeOSMemory()
		peak := watchMemory()
		fresh.mesh.SetPeers([]mesh.Known{{Node: w.nodes[0].node.Public(), Addrs: full.mesh.Addrs()}})
		// Nodes that learn of each other at the same moment wait for up to 0.3 s, each its own
		// time, so that only one of them dials. The clock starts when they are connected.
		for !fresh.linked(w.nodes[0].node.Public()) {
			time.Sleep(time.Millisecond)
		}
		began, used := time.Now(), cpuTime()
		for fresh.replica.Root() != full.replica.Root() || fresh.ledger.Stats().Wanted > 0 {
			if time.Since(began) > 5*time.Minute {
				b.Fatal("not the same after five minutes")
			}
			time.Sleep(time.Millisecond)
		}
		took := time.Since(began)
		used = cpuTime() - used
		rate := float64(total) / took.Seconds()
		b.ReportMetric(peak(), "MB-peak-of-both")
		b.ReportMetric(float64(used.Nanoseconds())/1e3/float64(total), "µs-cpu/entry-of-both")

		w.checkCopy(b, full, fresh)
		fresh.stop()
		if err := fresh.ledger.Close(); err != nil {
			b.Fatal(err)
		}
		alone := badgerRate(b, filepath.Join(dir, fmt.Sprint("fresh", n), "store"), filepath.Join(dir, fmt.Sprint("alone", n)), int(total))
		b.ReportMetric(rate, "entries/s")
		b.ReportMetric(rate/alone, "of-badger")
		b.ReportMetric(rate/verify, "of-verify")
		b.ReportMetric(alone, "badger-entries/s")
		b.ReportMetric(verify, "verify/s")
		_ = os.RemoveAll(filepath.Join(dir, fmt.Sprint("fresh", n)))
		_ = os.RemoveAll(filepath.Join(dir, fmt.Sprint("alone", n)))
	}
}

// linked reports whether a connection to the node stands.
func (s *spot) linked(node protocol.PublicKey) bool {
	s.replica.mu.Lock()
	defer s.replica.mu.Unlock()
	p := s.replica.peers[node]
	return p != nil && p.linked
}

// watchMemory samples what the process holds of the system's memory, mapped files apart,
// until the function it returns is called, which tells the most in MiB.
func watchMemory() func() float64 {
	stop, most := make(chan struct{}), make(chan uint64)
	go func() {
		sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
		high := uint64(0)
		for {
			metrics.Read(sample)
			high = max(high, sample[0].Value.Uint64()-sample[1].Value.Uint64())
			select {
			case <-stop:
				most <- high
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	return func() float64 { close(stop); return float64(<-most) / (1 << 20) }
}

// checkCopy fetches 1,000 random entries by CID from the fresh node and verifies the
// whole copy.
func (w *world) checkCopy(b *testing.B, full, fresh *spot) {
	b.Helper()
	lines := full.replica.frontier.all()
	dice := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		l := lines[dice.IntN(len(lines))]
		e, err := full.ledger.Entry(l.Feed, dice.Uint64N(l.Count))
		if err != nil {
			b.Fatal(err)
		}
		for _, id := range []protocol.CID{e.ID(), e.Header().Body} {
			if id.IsZero() {
				continue
			}
			raw, err := fresh.ledger.Block(id)
			if err != nil || !id.Matches(raw) {
				b.Fatalf("%s: %v", id, err)
			}
		}
	}
	report, err := fresh.ledger.Verify(context.Background(), nil)
	if err != nil || !report.Clean() {
		b.Fatalf("verify: %+v, %v", report, err)
	}
}

// badgerRate writes the keys and values of a finished store into an empty one with the
// same settings, synced, by Badger's own means for bulk writing, and does nothing else: no
// hash, no signature, no network. It returns entries per second.
func badgerRate(b *testing.B, from, to string, entries int) float64 {
	b.Helper()
	type pair struct{ key, value []byte }
	var pairs []pair
	logs, _ := filepath.Glob(filepath.Join(from, "*.mem"))
	for _, path := range logs {
		// The ledger makes the next log before Badger wants it; Badger by itself does not like that.
		if info, err := os.Stat(path); err == nil && info.Size() == 0 {
			_ = os.Remove(path)
		}
	}
	src, err := badger.OpenManaged(ledger.StoreOptions(from).WithLogger(nil))
	if err != nil {
		b.Fatal(err)
	}
	err = func() error {
		txn := src.NewTransactionAt(math.MaxUint64, false)
		defer txn.Discard()
		it := txn.NewIterator(badger.DefaultIteratorOptions)
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			v, err := it.Item().ValueCopy(nil)
			if err != nil {
				return err
			}
			pairs = append(pairs, pair{it.Item().KeyCopy(nil), v})
		}
		return nil
	}()
	if err != nil {
		b.Fatal(err)
	}
	_ = src.Close()
	dst, err := badger.Open(ledger.StoreOptions(to).WithLogger(nil))
	if err != nil {
		b.Fatal(err)
	}
	runtime.GC()
	began := time.Now()
	batch := dst.NewWriteBatch()
	for _, p := range pairs {
		if err := batch.Set(p.key, p.value); err != nil {
			b.Fatal(err)
		}
	}
	if err := batch.Flush(); err != nil {
		b.Fatal(err)
	}
	took := time.Since(began)
	if err := dst.Close(); err != nil {
		b.Fatal(err)
	}
	return float64(entries) / took.Seconds()
}

func verifyRate() float64 {
	public, private, _ := ed25519.GenerateKey(nil)
	msg := make([]byte, 330)
	sig := ed25519.Sign(private, msg)
	const n = 4000
	began := time.Now()
	for range n {
		ed25519.Verify(public, msg, sig)
	}
	return n / time.Since(began).Seconds()
}

// BenchmarkFrontier reports the bytes that two nodes exchange to find what differs.
func BenchmarkFrontier(b *testing.B) {
	for _, feeds := range []int{60, 100_000} {
		b.Run(fmt.Sprintf("feeds=%d", feeds), func(b *testing.B) {
			ours, theirs := newFrontier(protocol.FederationID{}, 1<<30), newFrontier(protocol.FederationID{}, 1<<30)
			lines := make([]protocol.Standing, feeds)
			for i := range lines {
				id := protocol.Sum(binary.BigEndian.AppendUint64(nil, uint64(i)))
				lines[i] = protocol.Standing{Feed: id, Count: uint64(i + 1), Head: id}
			}
			ours.set(lines...)
			theirs.set(lines...)
			met := theirs.offer(protocol.Hello{Root: ours.ledgerRoot()}).Next
			var equal, known, stranger, trips int
			for i := 0; b.Loop(); i++ {
				equal = frames(b, protocol.Hello{Root: ours.ledgerRoot(), Since: met}) + frames(b, theirs.offer(protocol.Hello{Root: ours.ledgerRoot(), Since: met}))
				l := lines[i%feeds]
				l.Count += uint64(i + 1)
				theirs.set(l)
				h := protocol.Hello{Root: ours.ledgerRoot(), Since: met}
				o := theirs.offer(h)
				known = frames(b, h) + frames(b, o)
				if len(o.Lines) != 1 {
					b.Fatalf("%d lines for one changed feed", len(o.Lines))
				}
				h.Since = 0
				o = theirs.offer(h)
				stranger, trips = frames(b, h)+frames(b, o), 1
				for len(o.Lines) == 0 {
					ask := protocol.Ask{Ranges: ours.differing(o.Ranges)}
					o = theirs.split(ask.Ranges)
					stranger += frames(b, ask) + frames(b, o)
					trips++
				}
				ours.set(l)
				lines[i%feeds] = l
				met = theirs.offer(protocol.Hello{Root: ours.ledgerRoot()}).Next
			}
			b.ReportMetric(float64(equal), "B-equal")
			b.ReportMetric(float64(known), "B-one-changed")
			b.ReportMetric(float64(stranger), "B-stranger")
			b.ReportMetric(float64(trips), "trips-stranger")
			if equal > 64 || known > 300 || stranger > 4096 {
				b.Errorf("%d, %d and %d bytes; the bounds are 64, 300 and 4096", equal, known, stranger)
			}
		})
	}
}

func frames(b *testing.B, v any) int {
	var n counter
	if err := protocol.WriteFrame(&n, &v); err != nil {
		b.Fatal(err)
	}
	return int(n)
}

type counter int

func (c *counter) Write(p []byte) (int, error) { *c += counter(len(p)); return len(p), nil }

// BenchmarkPublish publishes durable entries, by one writer and by 64 at once, and
// reports the time of one against an append and fsync of 4 KiB on the same disk.
func BenchmarkPublish(b *testing.B) {
	w := benchWorld(b, 1)
	dir := b.TempDir()
	s := newSpot(b, w, w.nodes[0], filepath.Join(dir, "one"))
	defer s.ledger.Close()
	if err := s.replica.Begin(context.Background()); err != nil {
		b.Fatal(err)
	}
	body := map[string]any{"text": string(make([]byte, 0)), "n": 1}
	one := func() error {
		_, err := s.replica.Publish(context.Background(), Draft{Kind: protocol.KindOffer, Number: 1, Content: body})
		return err
	}
	var single, fsync float64
	for b.Loop() {
		// In turns: how long a sync takes changes from second to second.
		var ones, manies, ratios []float64
		for range 5 {
			alone := manyRate(b, one, 1, 500*time.Millisecond)
			many := manyRate(b, one, 64, 500*time.Millisecond)
			ones, manies, ratios = append(ones, alone), append(manies, many), append(ratios, many/alone)
		}
		single = median(func() error { return one() }, 300)
		fsync = fsyncMedian(b, filepath.Join(dir, "append"))
		for _, of := range [][]float64{ones, manies, ratios} {
			slices.Sort(of)
		}
		b.ReportMetric(ones[2], "entries/s-1")
		b.ReportMetric(manies[2], "entries/s-64")
		b.ReportMetric(ratios[2], "64-of-one")
	}
	b.ReportMetric(single*1e6, "µs-median")
	b.ReportMetric(fsync*1e6, "µs-fsync")
	b.ReportMetric(single/fsync, "of-fsync")
}

func median(f func() error, n int) float64 {
	times := make([]time.Duration, 0, n)
	for range n {
		began := time.Now()
		if f() != nil {
			return 0
		}
		times = append(times, time.Since(began))
	}
	slices.Sort(times)
	return times[n/2].Seconds()
}

func fsyncMedian(b *testing.B, path string) float64 {
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, 4096)
	return median(func() error {
		if _, err := f.Write(block); err != nil {
			return err
		}
		return f.Sync()
	}, 300)
}

func manyRate(b *testing.B, f func() error, writers int, during time.Duration) float64 {
	var wg sync.WaitGroup
	var mu sync.Mutex
	n := 0
	began := time.Now()
	for range writers {
		wg.Go(func() {
			for time.Since(began) < during {
				if err := f(); err != nil {
					b.Error(err)
					return
				}
				mu.Lock()
				n++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return float64(n) / time.Since(began).Seconds()
}
