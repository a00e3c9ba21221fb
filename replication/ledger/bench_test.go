package ledger_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/protocoltest"
	"github.com/dure-net/dure/replication/ledger"
)

// bulk is what a fresh node fetches: feeds of entries of about 600 bytes in pages,
// in the order in which catch-up would bring them.
func bulk(feeds, entries, page int) (*world, []protocol.Page) {
	w := newWorld(feeds)
	all := make([][]protocol.Page, feeds)
	var wg sync.WaitGroup
	for i := range feeds {
		wg.Go(func() { all[i] = w.feed(i).Fill(entries/feeds, 250).Pages(0, page) })
	}
	wg.Wait()
	var pages []protocol.Page
	for n := 0; len(all) > 0; n++ {
		all = slices.DeleteFunc(all, func(p []protocol.Page) bool { return n >= len(p) })
		for _, p := range all {
			pages = append(pages, p[n])
		}
	}
	return w, pages
}

func entriesOf(pages []protocol.Page) (n, bytes int) {
	for _, p := range pages {
		n += len(p.Entries)
		for i, e := range p.Entries {
			bytes += len(e.Bytes()) + len(p.Bodies[i])
		}
	}
	return n, bytes
}

// appendAll submits pages with several batches on their way, as catch-up does.
func appendAll(t testing.TB, l *ledger.Ledger, pages []protocol.Page) {
	t.Helper()
	commits := make([]*ledger.Commit, 0, len(pages))
	for _, p := range pages {
		commits = append(commits, l.Submit(ledger.Batch{Pages: []protocol.Page{p}}))
	}
	for _, c := range commits {
		if err := c.Wait(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
}

// rawBadger writes the same keys and values with the same sync setting.
func rawBadger(t testing.TB, dir string, pages []protocol.Page) {
	t.Helper()
	db, err := badger.Open(badger.DefaultOptions(dir).WithSyncWrites(true).WithDetectConflicts(false).
		WithMetricsEnabled(false).WithLogger(nil))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	wb := db.NewWriteBatch()
	defer wb.Cancel()
	set := func(prefix byte, feed uint32, seq uint64, value []byte) {
		key := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32([]byte{prefix}, feed), seq)
		if err := wb.Set(key, value); err != nil {
			t.Fatal(err)
		}
	}
	numbers := map[protocol.FeedID]uint32{}
	for _, p := range pages {
		no, ok := numbers[p.Feed()]
		if !ok {
			no = uint32(len(numbers) + 1)
			numbers[p.Feed()] = no
		}
		run := make([]byte, 34, 64*320)
		for i, e := range p.Entries {
			run = append(append(run, 0, 0), e.Bytes()...)
			if p.Bodies[i] != nil {
				set('b', no, e.Seq(), p.Bodies[i])
			}
		}
		set('h', no, p.Entries[0].Seq(), run)
	}
	if err := wb.Flush(); err != nil {
		t.Fatal(err)
	}
}

// BenchmarkAppend is bulk catch-up into a fresh ledger against Badger alone, in turns.
func BenchmarkAppend(b *testing.B) {
	w, pages := bulk(60, benchEntries(100_000), 64)
	n, bytes := entriesOf(pages)
	var ours, raw []float64
	for b.Loop() {
		dir := b.TempDir()
		began := time.Now()
		rawBadger(b, filepath.Join(dir, "raw"), pages)
		raw = append(raw, float64(n)/time.Since(began).Seconds())
		began = time.Now()
		l := w.open(b, filepath.Join(dir, "ours"))
		appendAll(b, l, pages)
		ours = append(ours, float64(n)/time.Since(began).Seconds())
		closed(b, l)
		_ = os.RemoveAll(dir)
	}
	b.ReportMetric(median(ours), "entries/s")
	b.ReportMetric(median(raw), "badger-entries/s")
	b.ReportMetric(median(ours)/median(raw), "ratio")
	b.ReportMetric(float64(bytes)/float64(n), "B/entry")
}

func median(v []float64) float64 {
	v = slices.Clone(v)
	slices.Sort(v)
	return v[len(v)/2]
}

func benchEntries(n int) int {
	if s := os.Getenv("DURE_BENCH_ENTRIES"); s != "" {
		_, _ = fmt.Sscan(s, &n)
	}
	return n
}

// BenchmarkOpen is a start: all headers read, hashed and indexed.
func BenchmarkOpen(b *testing.B) {
	for _, page := range []int{64, 1} {
		b.Run(fmt.Sprintf("runs of %d", page), func(b *testing.B) {
			w, pages := bulk(60, benchEntries(100_000), 64)
			dir := b.TempDir()
			l := w.open(b, dir)
			if page == 1 {
				apart(b, l, pages)
			} else {
				appendAll(b, l, pages)
			}
			closed(b, l)
			for b.Loop() {
				l := w.open(b, dir)
				b.StopTimer()
				closed(b, l)
				b.StartTimer()
			}
		})
	}
}

// apart stores every entry as a run of its own: one entry of every feed in a group at most.
func apart(b *testing.B, l *ledger.Ledger, pages []protocol.Page) {
	feeds := map[protocol.FeedID][]protocol.Page{}
	var order []protocol.FeedID
	for _, p := range pages {
		if _, ok := feeds[p.Feed()]; !ok {
			order = append(order, p.Feed())
		}
		for i := range p.Entries {
			feeds[p.Feed()] = append(feeds[p.Feed()], protocol.Page{Entries: p.Entries[i : i+1], Bodies: p.Bodies[i : i+1]})
		}
	}
	for n := 0; ; n++ {
		var some []protocol.Page
		for _, id := range order {
			if n < len(feeds[id]) {
				some = append(some, feeds[id][n])
			}
		}
		if len(some) == 0 {
			return
		}
		put(b, l, ledger.Batch{Pages: some})
	}
}

// BenchmarkPublish is one durable entry against one 4 KiB append and fsync, and 64
// writers against one.
func BenchmarkPublish(b *testing.B) {
	w := newWorld(1)
	m := w.members[0]
	const writers = 64
	perRound := 20
	var single, disk, alone, together []float64
	for b.Loop() {
		dir := b.TempDir()
		l := w.open(b, dir)
		f := protocoltest.NewFeed(w.fed, m.Root, m.Node).Fill(1+perRound*2, 300)
		put(b, l, ledger.Batch{Pages: []protocol.Page{f.Page(0, 1)}, Own: true})
		file, err := os.Create(filepath.Join(dir, "probe"))
		if err != nil {
			b.Fatal(err)
		}
		block := make([]byte, 4096)
		began := time.Now()
		for i := 1; i <= perRound; i++ {
			at := time.Now()
			put(b, l, ledger.Batch{Pages: []protocol.Page{f.Page(i, 1)}, Own: true})
			single = append(single, time.Since(at).Seconds())
			at = time.Now()
			if _, err := file.Write(block); err != nil {
				b.Fatal(err)
			}
			if err := file.Sync(); err != nil {
				b.Fatal(err)
			}
			disk = append(disk, time.Since(at).Seconds())
		}
		_ = file.Close()
		began = time.Now()
		for i := perRound + 1; i <= 2*perRound; i++ {
			put(b, l, ledger.Batch{Pages: []protocol.Page{f.Page(i, 1)}, Own: true})
		}
		alone = append(alone, float64(perRound)/time.Since(began).Seconds())
		together = append(together, concurrent(b, w, l, writers, perRound))
		closed(b, l)
		_ = os.RemoveAll(dir)
	}
	b.ReportMetric(median(single)*1e6, "publish-µs")
	b.ReportMetric(median(disk)*1e6, "fsync-µs")
	b.ReportMetric(median(single)/median(disk), "publish/fsync")
	b.ReportMetric(median(alone), "one/s")
	b.ReportMetric(median(together), "sixtyfour/s")
	b.ReportMetric(median(together)/median(alone), "sixtyfour/one")
}

// concurrent lets writers publish at once: the layer above gives out the places in the
// feed in order, and each waits for its own commit.
func concurrent(b *testing.B, w *world, l *ledger.Ledger, writers, each int) float64 {
	m := w.members[0]
	f := protocoltest.Begin(w.fed, m.Root, m.Node, protocoltest.Start+1, nil).Fill(1+writers*each, 300)
	put(b, l, ledger.Batch{Pages: []protocol.Page{f.Page(0, 1)}, Own: true})
	var order sync.Mutex // guards next, as the layer above does when it seals an entry
	next := 1
	began := time.Now()
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range each {
				order.Lock()
				c := l.Submit(ledger.Batch{Pages: []protocol.Page{f.Page(next, 1)}, Own: true})
				next++
				order.Unlock()
				if err := c.Wait(context.Background()); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return float64(writers*each) / time.Since(began).Seconds()
}
