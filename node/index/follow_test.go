package index

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dure-net/dure/protocol"
)

// log is a ledger in memory, as a Follower sees it.
type log struct {
	w     *world
	folds Folds // nil: none

	mu     sync.Mutex
	items  []Item
	limits map[protocol.FeedID]Limit
	erased []protocol.EntryID
	grown  chan struct{}
}

func (w *world) log(items []Item) *log {
	l := &log{w: w, items: items, limits: map[protocol.FeedID]Limit{}, grown: make(chan struct{})}
	for _, f := range w.feeds {
		l.limits[f.feed] = Limit{f.feed, f.member, Unlimited}
	}
	return l
}

func (l *log) append(items ...Item) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.items = append(l.items, items...)
	close(l.grown)
	l.grown = make(chan struct{})
}

func (l *log) Follow(ctx context.Context, from uint64, limit int) ([]Item, uint64, error) {
	for {
		l.mu.Lock()
		at, _ := slices.BinarySearchFunc(l.items, from, func(it Item, from uint64) int { return int(it.Seq) - int(from) })
		items, newest, grown := slices.Clone(l.items[at:min(at+limit, len(l.items))]), l.newest(), l.grown
		l.mu.Unlock()
		if len(items) > 0 {
			return items, newest, nil
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return nil, 0, protocol.Fail(protocol.ReasonCanceled, "follow", ctx.Err())
		}
	}
}

func (l *log) newest() uint64 {
	if len(l.items) == 0 {
		return 0
	}
	return l.items[len(l.items)-1].Seq
}

func (l *log) Newest() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.newest()
}

func (l *log) set(limit Limit) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.limits[limit.Feed] = limit
}

func (l *log) Limits() (out []Limit) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, limit := range l.limits {
		out = append(out, limit)
	}
	return out
}

func (l *log) Limit(feed protocol.FeedID) Limit {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.limits[feed]
}

func (l *log) Erased() []protocol.EntryID {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.erased
}

// followed opens the index of a directory and follows a log until done.
func followed(t testing.TB, dir string, l *log, do func(*Index, *Follower)) {
	t.Helper()
	x, err := Open(Config{Dir: dir, Source: l.w, unsealed: true})
	if err != nil {
		t.Fatal(err)
	}
	f := NewFollower(x, l, l.folds, "origin")
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := f.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	do(x, f)
	cancel()
	wg.Wait()
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
}

// answers is all that an index says, for comparison.
func answers(t testing.TB, x *Index) string {
	t.Helper()
	var b strings.Builder
	q := Query{}
	for {
		p, err := x.Page(q)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range p.Rows {
			steps, err := x.History(r.Record)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "%+v %+v\n", r, steps)
		}
		if q.After = p.Next; p.Next == (Mark{}) {
			break
		}
	}
	f, err := x.Facets(Query{})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&b, "%+v\n", f)
	return b.String()
}

func whole(t testing.TB, l *log, f *Follower) {
	t.Helper()
	f.Unsettle()
	if !f.Await(t.Context(), l.Newest(), 90*time.Second) {
		t.Fatalf("the index does not come to %d: %+v", l.Newest(), f.Progress())
	}
	for begun := time.Now(); f.Progress().Due > 0 || f.Progress().Owed; time.Sleep(time.Millisecond) {
		if time.Since(begun) > 90*time.Second {
			t.Fatalf("%+v", f.Progress())
		}
	}
}

func scribbled(t testing.TB, seed uint64, n int) *world {
	w := newWorld(t)
	scribble(w, rand.New(rand.NewPCG(seed, 9)), n)
	return w
}

// fresh is what an index says that is built at once.
func fresh(t testing.TB, l *log) (said string) {
	followed(t, t.TempDir(), l, func(x *Index, f *Follower) {
		whole(t, l, f)
		said = answers(t, x)
	})
	return said
}

func TestFollower_GoesOnWhereItEnded(t *testing.T) {
	w := scribbled(t, 1, 400)
	items := w.items()
	l, dir := w.log(items[:150]), t.TempDir()
	followed(t, dir, l, func(x *Index, f *Follower) {
		whole(t, l, f)
		l.append(items[150:200]...)
		if !f.Await(t.Context(), items[199].Seq, 5*time.Second) {
			t.Fatal("what is appended does not come")
		}
		if r, ok, err := x.Record(items[199].Entry.ID()); err != nil || ok && r.Seq > items[199].Seq {
			t.Fatal(r, err)
		}
	})
	l.append(items[200:]...)
	l.erased = []protocol.EntryID{items[20].Entry.ID()} // while nobody followed
	cut := w.feeds[1]
	l.limits[cut.feed] = Limit{cut.feed, cut.member, 30}
	followed(t, dir, l, func(x *Index, f *Follower) {
		if p := f.Progress(); p.Applied != 0 && p.Applied < 200 {
			t.Errorf("it begins again at %d", p.Applied)
		}
		whole(t, l, f)
		if got, want := answers(t, x), fresh(t, l); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	})
}

func TestFollower_BuildsAnewWhatIsOfAnotherLedger(t *testing.T) {
	one, two := scribbled(t, 1, 300), scribbled(t, 2, 300)
	mixed := scribbled(t, 1, 300)
	cases := map[string]*log{
		"other entries":          two.log(two.items()),
		"fewer entries":          one.log(one.items()[:100]),
		"the same, longer":       one.log(one.items()),
		"other at the beginning": mixed.log(mixed.items()),
	}
	swapped := cases["other at the beginning"].items
	swapped[0].Entry, swapped[1].Entry = swapped[1].Entry, swapped[0].Entry
	for name, l := range cases {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			before := one.log(one.items()[:280])
			followed(t, dir, before, func(_ *Index, f *Follower) { whole(t, before, f) })
			followed(t, dir, l, func(x *Index, f *Follower) {
				whole(t, l, f)
				if got, want := answers(t, x), fresh(t, l); got != want {
					t.Errorf("got\n%s\nwant\n%s", got, want)
				}
			})
		})
	}
}

func TestFollower_BuildsAnewWhatIsSpoilt(t *testing.T) {
	w := scribbled(t, 3, 200)
	l := w.log(w.items())
	want := fresh(t, l)
	for name, spoil := range map[string]func(path string, raw []byte) []byte{
		"cut":        func(_ string, raw []byte) []byte { return raw[:len(raw)/3] },
		"no SQLite":  func(string, []byte) []byte { return []byte("what is this, then? certainly no index of anything") },
		"scrambled":  func(_ string, raw []byte) []byte { copy(raw[4096:], make([]byte, 3*4096)); return raw },
		"is missing": func(path string, _ []byte) []byte { _ = os.Remove(path); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			followed(t, dir, l, func(_ *Index, f *Follower) { whole(t, l, f) })
			file, err := path(dir)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if raw = spoil(file, raw); raw != nil {
				if err := os.WriteFile(file, raw, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			followed(t, dir, l, func(x *Index, f *Follower) {
				whole(t, l, f)
				if got := answers(t, x); got != want {
					t.Errorf("got\n%s\nwant\n%s", got, want)
				}
			})
		})
	}
}

// A branch of many entries leaves and comes back in time that grows with it, and no more.
func TestIndex_LongBranchComesBack(t *testing.T) {
	w := newWorld(t)
	seoul := w.writer("kr-seoul")
	const n = 8_000
	for i := range n {
		if i%3 == 2 {
			of := seoul.entries[len(seoul.entries)-1]
			if of.Header().Of.IsZero() {
				seoul.revise(of, of)
				continue
			}
		}
		seoul.publish(protocol.KindOffer, uint64(i+1))
	}
	x := w.index()
	took := func(from uint64) time.Duration {
		begun := time.Now()
		x.retract(seoul, from)
		x.Add(seoul.items[from:]...)
		return time.Since(begun)
	}
	short, long := took(n-n/8), took(1)
	for try := 0; try < 10 && long > 40*short; try++ { // the machine may do other work
		short, long = min(short, took(n-n/8)), min(long, took(1))
	}
	if long > 40*short { // eight times as much; a square of it would be 64 times
		t.Errorf("an eighth takes %v, all of it %v", short, long)
	}
	if x.Count("kr-seoul") != n-n/3 {
		t.Errorf("%d records", x.Count("kr-seoul"))
	}
}
