//go:build linux

package ordeal

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/dure-net/dure/node/api"
)

// press keeps several publishers busy at one member and notes what was acknowledged.
type press struct {
	m *member

	mu    sync.Mutex // guards what follows
	acked []api.Receipt
	next  int
}

const publishers = 4

// run publishes until the node no longer answers or stop is called. What stop has seen
// return is all that was acknowledged.
func (p *press) run() (stop func()) {
	var wg sync.WaitGroup
	quit := make(chan struct{})
	for range publishers {
		wg.Go(func() {
			for {
				select {
				case <-quit:
					return
				default:
				}
				p.mu.Lock()
				p.next++
				n := p.next
				p.mu.Unlock()
				r, err := p.m.publish(request(n))
				if err != nil {
					if refused, ok := err.(refusal); ok {
						p.m.t.Errorf("refused while publishing: %v", refused)
					}
					return // the node is gone
				}
				p.mu.Lock()
				p.acked = append(p.acked, r)
				p.mu.Unlock()
			}
		})
	}
	return func() {
		close(quit)
		wg.Wait()
	}
}

func (p *press) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.acked)
}

// check reads every acknowledged record at a member, and holds the promises made with
// them: the number stays the record's own.
func (p *press) check(at *member, round int) {
	at.t.Helper()
	at.within(patience, func() error { // an acknowledged record is durable, and in lists a moment later
		s, err := at.status()
		if err == nil && s.Index.Applied < s.Index.Newest {
			err = fmt.Errorf("its lists are at %d of %d", s.Index.Applied, s.Index.Newest)
		}
		return err
	})
	all, err := at.records()
	if err != nil {
		at.t.Fatalf("round %d: %v\n%s", round, err, at.lastWords())
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	lost := 0
	for _, r := range p.acked {
		got, ok := all[r.Record]
		if !ok || got.State != api.RecordPublished || got.Number != r.Number || got.FeedSeq != r.FeedSeq {
			if lost++; lost <= 3 {
				at.t.Errorf("round %d, %s: acknowledged %+v, holds %+v", round, at.handle, r, got)
			}
		}
	}
	if lost > 0 {
		at.t.Fatalf("round %d, %s: %d of %d acknowledged records lost\n%s", round, at.handle, lost, len(p.acked), at.lastWords())
	}
	owners := map[string]string{}
	for id, r := range all {
		if other, taken := owners[r.Number]; taken {
			at.t.Errorf("round %d: %s is the number of %s and of %s", round, r.Number, id, other)
		}
		owners[r.Number] = id
	}
}

// checkNewest reads what was acknowledged from the given one on, one by one.
func (p *press) checkNewest(at *member, round, from int) {
	at.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.acked[from:] {
		if got, err := at.record(r.Record); err != nil || got.State != api.RecordPublished || got.Number != r.Number || got.FeedSeq != r.FeedSeq {
			at.t.Fatalf("round %d, %s: acknowledged %+v, holds %+v, %v\n%s", round, at.handle, r, got, err, at.lastWords())
		}
	}
}

// fullEvery is how often a long run reads all records of all rounds; in between it reads
// those of the last round.
const fullEvery = 20

// killing kills one member again and again while it publishes.
func killing(t *testing.T, f *federation, victim *member, kills int) *press {
	p := &press{m: victim}
	var slowest time.Duration
	before := 0
	for round := range kills {
		// From the first acknowledged write to well into a stretch of them; now and then
		// while the node is still starting.
		wait := time.Duration(rand.Int64N(int64(600 * time.Millisecond)))
		stop := p.run()
		time.Sleep(wait)
		victim.kill()
		stop()
		victim.spawn()
		if round%5 == 4 {
			time.Sleep(time.Duration(rand.Int64N(int64(300 * time.Millisecond))))
			victim.kill()
			victim.spawn()
		}
		slowest = max(slowest, victim.awaitReady(30*time.Second))
		if round%fullEvery == fullEvery-1 || round == kills-1 {
			p.check(victim, round)
		} else {
			p.checkNewest(victim, round, before)
		}
		before = p.count()
		if report := victim.verify(); report.Wanted > 0 {
			t.Errorf("round %d: %d bodies of its own are wanted", round, report.Wanted)
		}
		if round%fullEvery == fullEvery-1 {
			t.Logf("%d kills, %d records acknowledged", round+1, p.count())
		}
		s, err := victim.status()
		if err != nil {
			t.Fatal(err)
		}
		if s.Ledger.Feeds != uint64(len(f.members)) {
			t.Fatalf("round %d: %d chains of entries for %d nodes: a killed node began anew although it lost nothing\n%s",
				round, s.Ledger.Feeds, len(f.members), victim.lastWords())
		}
	}
	t.Logf("%d kills, %d records acknowledged, 0 lost, verify clean each time; slowest start %v", kills, p.count(), slowest)
	return p
}

// A node alone in its federation: nobody else has what it acknowledged.
func TestKill_LoneNode(t *testing.T) {
	f := found(t, layout{members: 1})
	f.start()
	killing(t, f, f.members[0], times(t, "DURE_KILLS", 4))
}

// A kill between making a log and giving it its length, or between emptying and removing
// it, leaves a file of no length. It is nothing that was lost, and no reason not to start.
func TestKill_LeavesLogsOfNoLength(t *testing.T) {
	f := found(t, layout{members: 1})
	m := f.members[0]
	for _, name := range []string{"00099.mem", "000099.vlog"} {
		f.start()
		m.mustPublish(3, request)
		m.kill()
		if err := os.WriteFile(filepath.Join(m.home, "ledger", "store", name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f.start()
	if all, err := m.records(); err != nil || len(all) != 6 {
		t.Errorf("%d records, %v", len(all), err)
	}
	m.verify()
}

// A node among others, which keep publishing too and must end with the same ledger.
func TestKill_InFederation(t *testing.T) {
	f := found(t, layout{members: 3})
	f.start()
	f.settle(20*time.Second, 3)
	other := &press{m: f.members[1]}
	quit := make(chan struct{})
	var background sync.WaitGroup
	background.Go(func() { other.trickle(quit) })
	p := killing(t, f, f.members[0], times(t, "DURE_KILLS", 4))
	close(quit)
	background.Wait()
	took := f.settle(20*time.Second, uint64(p.count()+other.count()))
	t.Logf("the three ledgers are the same %v after the last record", took)
	for _, m := range f.members {
		p.check(m, -1)
		other.check(m, -1)
		m.verify()
	}
}

// trickle publishes now and then, until quit is closed.
func (p *press) trickle(quit chan struct{}) {
	for n := 0; ; n++ {
		select {
		case <-quit:
			return
		case <-time.After(20 * time.Millisecond):
		}
		r, err := p.m.publish(request(n))
		if err != nil {
			p.m.t.Errorf("%s, which nobody kills, does not publish: %v", p.m.handle, err)
			return
		}
		p.mu.Lock()
		p.acked = append(p.acked, r)
		p.mu.Unlock()
	}
}

// One of five is killed; the others go on; it comes back and has all of it, with nobody
// writing anything more.
func TestKill_CatchesUpWithoutFurtherWrites(t *testing.T) {
	const records = 500
	f := found(t, layout{members: 5})
	f.start()
	f.settle(20*time.Second, 5)
	victim := f.members[2]
	victim.kill()
	var wg sync.WaitGroup
	others := append(append([]*member{}, f.members[:2]...), f.members[3:]...)
	for _, m := range others {
		wg.Go(func() {
			for n := range records / len(others) {
				if _, err := m.publish(request(n)); err != nil {
					t.Errorf("%s does not publish: %v", m.handle, err)
					return
				}
			}
		})
	}
	wg.Wait()
	f.settle(20*time.Second, records, others...)
	victim.spawn()
	ready := victim.awaitReady(30 * time.Second)
	f.settle(30*time.Second, records)
	took := time.Since(victim.spawned)
	t.Logf("%d records behind: ready %v and the same %v after the start of the process", records, ready, took)
	if limit := bar(5*time.Second, patience); took > limit {
		t.Errorf("the same after %v, the bound is %v", took, limit)
	}
}
