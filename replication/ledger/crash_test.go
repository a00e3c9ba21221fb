package ledger_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/protocoltest"
	"github.com/dure-net/dure/replication/ledger"
	"github.com/dure-net/dure/replication/ledger/ledgertest"
)

const childEnv = "DURE_TEST_LEDGER_CHILD"

// TestMain runs the child of the crash test instead of the tests where it is asked to.
func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		work := publishForEver
		if at, ok := strings.CutSuffix(dir, branchChild); ok {
			work, dir = chooseForEver, at
		}
		if err := work(dir); err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
	}
	os.Exit(ledgertest.Run(m))
}

// said is what every entry of the child says; entries are the same in every life of it.
var said = map[string]any{"text": strings.Repeat("가", 60)}

// publishForEver continues this node's feed with several writers, brings pages of another
// feed, erases now and then, and prints what was acknowledged. It ends by SIGKILL.
func publishForEver(dir string) error {
	w := newWorld(2)
	l, err := ledger.Open(ledger.Config{Dir: dir, Federation: w.fed, ReserveBytes: 1 << 20})
	if err != nil {
		return err
	}
	if o := l.Opened(); o.Status == ledger.MarkBehind || o.Lost > 0 || len(o.Cut) > 0 {
		return fmt.Errorf("opened as %+v", o)
	}
	m := w.members[0]
	f := protocoltest.NewFeed(w.fed, m.Root, m.Node)
	if h, ok := l.Head(f.ID()); ok {
		for len(f.Entries) < int(h.Count) {
			f.Append(protocol.KindOffer, said)
		}
	} else if err := l.Put(context.Background(), ledger.Batch{Pages: []protocol.Page{f.Page(0, 1)}, Own: true}); err != nil {
		return err
	}
	other := w.feed(1).Fill(3000, 100)
	at := 0
	if h, ok := l.Head(other.ID()); ok {
		at = int(h.Count)
	}
	fmt.Println("ready", len(f.Entries)-1)
	var mu sync.Mutex // guards f and the order of submissions
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for {
				mu.Lock()
				e, _ := f.Append(protocol.KindOffer, said)
				c := l.Submit(ledger.Batch{Pages: []protocol.Page{f.Page(int(e.Seq()), 1)}, Own: true})
				if at < len(other.Entries) && e.Seq()%3 == 0 {
					p := other.Page(at, 20)
					at += len(p.Entries)
					l.Submit(one(p))
				}
				mu.Unlock()
				if err := c.Wait(context.Background()); err != nil {
					fmt.Println("error", err)
					return
				}
				fmt.Println("ack", e.Seq())
				if e.Seq()%151 == 0 {
					if err := l.Erase(context.Background(), e.ID()); err != nil {
						fmt.Println("error", err)
						return
					}
					fmt.Println("erased", e.Seq())
				}
			}
		})
	}
	wg.Wait()
	return nil
}

// TestLedger_LosesNothingToSIGKILL kills a child in the middle of everything, opens what
// it left, and looks for what it had acknowledged. DURE_KILL_ROUNDS runs more rounds.
func TestLedger_LosesNothingToSIGKILL(t *testing.T) {
	rounds := envInt("DURE_KILL_ROUNDS", 6)
	if testing.Short() {
		rounds = 2
	}
	w := newWorld(2)
	m := w.members[0]
	f := protocoltest.NewFeed(w.fed, m.Root, m.Node)
	dir := filepath.Join(t.TempDir(), "ledger")
	acked, erased := -1, map[uint64]bool{}
	for round := range rounds {
		for _, line := range runChild(t, dir, time.Duration(20+rand.IntN(350))*time.Millisecond) {
			var word string
			var n uint64
			if _, err := fmt.Sscan(line, &word, &n); err != nil || word == "error" {
				t.Fatalf("round %d: the child says %q", round, line)
			}
			if acked = max(acked, int(n)); word == "erased" {
				erased[n] = true
			}
		}
		l := w.open(t, dir)
		o := l.Opened()
		h, _ := l.Head(f.ID())
		// What a life of it begins with counts as acknowledged: it is told to whoever asks, and
		// was not marked where the life before had ended between an entry and its mark.
		if acked >= 0 && (o.Status != ledger.MarkAhead || int(o.Mark.Seq) < acked || int(h.Count) <= acked) {
			t.Fatalf("round %d: %d was acknowledged; mark %d (%v), %d entries", round, acked, o.Mark.Seq, o.Status, h.Count)
		}
		if o.Lost != 0 || o.Changed || len(o.Cut) != 0 {
			t.Fatalf("round %d: opened as %+v", round, o)
		}
		rep, err := l.Verify(context.Background(), nil)
		if err != nil || !rep.Clean() || rep.Wanted != 0 {
			t.Fatalf("round %d: verify: %+v, %v", round, rep, err)
		}
		for seq := range erased {
			e, err := l.Entry(f.ID(), seq)
			if err != nil || !l.IsErased(e.ID()) {
				t.Fatalf("round %d: entry %d is not erased any more: %v", round, seq, err)
			}
		}
		closed(t, l)
	}
	t.Logf("%d rounds, %d acknowledged, %d erased", rounds, acked+1, len(erased))
}

// runChild runs the child until it is ready and for some time more, kills it, and
// returns the lines it wrote.
func runChild(t *testing.T, dir string, after time.Duration) (lines []string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), childEnv+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	in := bufio.NewScanner(out)
	for in.Scan() {
		once.Do(func() { time.AfterFunc(after, func() { _ = cmd.Process.Kill() }) })
		lines = append(lines, in.Text())
	}
	_ = cmd.Wait() // killed
	if len(lines) == 0 {
		t.Fatal("the child said nothing")
	}
	return lines
}
