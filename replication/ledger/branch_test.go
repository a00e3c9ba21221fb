package ledger_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/protocoltest"
	"github.com/dure-net/dure/replication/ledger"
)

func aside(p protocol.Page) ledger.Batch { return ledger.Batch{Branch: &p} }

func choose(t testing.TB, l *ledger.Ledger, f *protocoltest.Feed, seq int, want bool) {
	t.Helper()
	got, err := l.Choose(context.Background(), f.ID(), uint64(seq)+1, f.Entries[seq].ID())
	if err != nil || got.Changed != want {
		t.Fatalf("choosing: %+v, %v; want %t", got, err, want)
	}
}

func verified(t testing.TB, l *ledger.Ledger) ledger.Report {
	t.Helper()
	rep, err := l.Verify(context.Background(), nil)
	if err != nil || !rep.Clean() {
		t.Fatalf("verify: %+v, %v", rep, err)
	}
	return rep
}

// The branch that was stored first gives way to the chosen one, and back, over restarts;
// what does not count is still there.
func TestChoose_ReplacesTheChain(t *testing.T) {
	w := newWorld(2)
	dir := t.TempDir()
	l := w.open(t, dir)
	ours := w.feed(0).Fill(150, 100)
	theirs := ours.Fork(70).Fill(230, 90)
	for _, p := range ours.Pages(0, 64) {
		put(t, l, one(p))
	}
	before := l.Stats()
	for _, p := range theirs.Pages(70, 50) {
		put(t, l, aside(p))
	}
	if s := l.Stats(); s.Entries != before.Entries || s.Next != before.Next || s.Wanted != 0 {
		t.Fatalf("a branch set aside counts: %+v, before %+v", s, before)
	}
	sameFeed(t, l, ours)
	choose(t, l, ours, 149, false)
	choose(t, l, theirs, 69, false) // what both share
	for round := range 3 {
		chosen, lost := theirs, ours
		if round%2 == 1 {
			chosen, lost = ours, theirs
		}
		choose(t, l, chosen, len(chosen.Entries)-1, true)
		for range 2 {
			sameFeed(t, l, chosen)
			for i, e := range lost.Entries {
				if got, err := l.Block(e.ID()); err != nil || !bytes.Equal(got, e.Bytes()) {
					t.Fatalf("round %d: the losing entry %d: %v", round, i, err)
				}
				if body, err := l.Body(e); err != nil || !bytes.Equal(body, lost.Bodies[i]) {
					t.Fatalf("round %d: the losing body %d: %v", round, i, err)
				}
			}
			b := l.Branches(ours.ID())
			if len(b) != 1 || b[0].From != 70 || b[0].First != lost.Entries[70].ID() || b[0].Head != lost.Head().ID() || b[0].Count != uint64(len(lost.Entries)) {
				t.Fatalf("round %d: branches %+v", round, b)
			}
			if s := l.Stats(); s.Entries != uint64(len(chosen.Entries)) || s.Feeds != 1 {
				t.Fatalf("round %d: %+v", round, s)
			}
			if rep := verified(t, l); rep.Entries != uint64(len(ours.Entries)+len(theirs.Entries)-70) || rep.Feeds != 1 {
				t.Fatalf("round %d: %+v", round, rep)
			}
			closed(t, l)
			l = w.open(t, dir)
			if o := l.Opened(); !o.Clean || o.Lost != 0 || len(o.Cut) != 0 {
				t.Fatalf("round %d: opened as %+v", round, o)
			}
		}
	}
	// The chosen branch goes on as any feed does.
	theirs.Fill(300, 50)
	put(t, l, one(theirs.Page(228, 60)))
	sameFeed(t, l, &protocoltest.Feed{Federation: theirs.Federation, Entries: theirs.Entries[:288], Bodies: theirs.Bodies[:288]})
}

func TestBranch_RefusesWhatDoesNotFit(t *testing.T) {
	w := newWorld(2)
	l := w.open(t, t.TempDir())
	f := w.feed(0).Fill(10, 50)
	refused(t, l, aside(f.Page(1, 3)), protocol.ReasonGap) // nothing of the feed
	put(t, l, one(f.Page(0, 10)))
	refused(t, l, aside(w.feed(1).Fill(3, 10).Page(1, 2)), protocol.ReasonGap)
	refused(t, l, aside(f.Fill(12, 50).Page(9, 3)), protocol.ReasonConflict) // it is the chain
	other := f.Fork(4).Fill(9, 20)
	refused(t, l, aside(other.Page(6, 2)), protocol.ReasonGap)
	refused(t, l, aside(w.feed(1).Fill(3, 10).Page(0, 2)), protocol.ReasonMalformed)
	if _, err := l.Choose(context.Background(), f.ID(), 7, other.Entries[6].ID()); protocol.ReasonOf(err) != protocol.ReasonNotFound {
		t.Fatalf("choosing what is not held: %v", err)
	}
	put(t, l, aside(other.Page(4, 2)))
	put(t, l, aside(other.Page(4, 5)))
	if b := l.Branches(f.ID()); len(b) != 1 || b[0].Count != 9 {
		t.Fatalf("branches %+v", b)
	}
	for n := range 40 {
		again := f.Fork(5)
		again.Append(protocol.KindOffer, map[string]any{"n": uint64(n)})
		if err := l.Put(context.Background(), aside(again.Page(5, 1))); err != nil {
			if protocol.ReasonOf(err) != protocol.ReasonBusy || n < 10 {
				t.Fatalf("history %d: %v", n, err)
			}
			return
		}
	}
	t.Error("a node made others keep forty histories")
}

// Entries that are not validly signed themselves may lie around the fork: pages end in
// signed ones all the same, whichever branch is the chain.
func TestBranch_PagesEndInSignatures(t *testing.T) {
	w := newWorld(1)
	dir := t.TempDir()
	l := w.open(t, dir)
	ours := w.feed(0).Fill(20, 40)
	for range 5 {
		ours.AppendUnsigned(protocol.KindOffer, map[string]any{"text": "vouched for later"})
	}
	theirs := ours.Fork(23)
	ours.Fill(80, 40)
	theirs.AppendUnsigned(protocol.KindOffer, map[string]any{"text": "vouched for later"})
	theirs.Fill(60, 30)
	for _, p := range ours.Pages(0, 60) {
		put(t, l, one(p))
	}
	for _, p := range theirs.Pages(20, 30) { // from the last signed entry before the fork on
		put(t, l, aside(p))
	}
	node := w.members[0].Node.Public()
	for _, chosen := range []*protocoltest.Feed{ours, theirs, ours} {
		if chosen == theirs || len(l.Branches(ours.ID())) == 0 || l.Branches(ours.ID())[0].First == ours.Entries[23].ID() {
			choose(t, l, chosen, 50, true)
		}
		sameFeed(t, l, chosen)
		for _, max := range []int{1, 7, 64} {
			var prev *protocol.Entry
			for from := 0; from < len(chosen.Entries); {
				p, err := l.Page(ours.ID(), uint64(from), max, 1<<20)
				if err != nil {
					t.Fatal(err)
				}
				n, err := protocol.Endorse(w.fed, node, prev, p.Entries)
				if err != nil || n != len(p.Entries) {
					t.Fatalf("a page of %d from %d on stands to %d: %v", len(p.Entries), from, n, err)
				}
				for i := range p.Entries {
					if p.Bodies[i] == nil && chosen.Bodies[from+i] != nil {
						t.Fatalf("body %d is not carried", from+i)
					}
				}
				from += n
				prev = &p.Entries[n-1]
			}
		}
		verified(t, l)
		closed(t, l)
		l = w.open(t, dir)
	}
}

// A mark on the losing branch is no forgotten entry.
func TestChoose_MarkOnTheLosingBranch(t *testing.T) {
	w := newWorld(1)
	dir := t.TempDir()
	l := w.open(t, dir)
	ours := w.feed(0).Fill(10, 20)
	put(t, l, ledger.Batch{Pages: []protocol.Page{ours.Page(0, 10)}, Own: true})
	theirs := ours.Fork(4).Fill(6, 20)
	put(t, l, aside(theirs.Page(4, 2)))
	choose(t, l, theirs, 5, true)
	closed(t, l)
	l = w.open(t, dir)
	if o := l.Opened(); o.Status != ledger.MarkAhead || !o.Clean {
		t.Fatalf("opened as %+v", o)
	}
}

// Bodies of a branch set aside can be missing, come later, and be erased like others.
func TestBranch_BodiesComeAndGo(t *testing.T) {
	w := newWorld(1)
	dir := t.TempDir()
	l := w.open(t, dir)
	ours := w.feed(0).Fill(5, 20)
	put(t, l, one(ours.Page(0, 5)))
	theirs := ours.Fork(3)
	secret := incompressible(900)
	theirs.Append(protocol.KindOffer, map[string]any{"text": secret})
	theirs.Fill(6, 20)
	p := theirs.Page(3, 3)
	p.Bodies = [][]byte{nil, p.Bodies[1], nil}
	put(t, l, aside(p))
	if got := l.Wanted(10); len(got) != 2 || got[0].Entry != theirs.Entries[3].ID() || l.Stats().Wanted != 0 {
		t.Fatalf("wanted %+v, counted %d", got, l.Stats().Wanted)
	}
	put(t, l, ledger.Batch{Bodies: []ledger.Body{{Entry: theirs.Entries[3].ID(), Data: theirs.Bodies[3]}}})
	if len(filesWith(t, dir, []byte(secret))) == 0 {
		t.Fatal("the search finds nothing")
	}
	if err := l.Erase(context.Background(), theirs.Entries[3].ID()); err != nil {
		t.Fatal(err)
	}
	choose(t, l, theirs, 5, true)
	if s := l.Stats(); s.Wanted != 1 || s.Erased != 1 {
		t.Fatalf("%+v", s)
	}
	if _, err := l.Body(theirs.Entries[3]); protocol.ReasonOf(err) != protocol.ReasonErased {
		t.Fatalf("the erased body: %v", err)
	}
	put(t, l, one(theirs.Page(0, 6)))
	verified(t, l)
	if l.Stats().Wanted != 0 {
		t.Error("a page of the chain did not fill what was missing")
	}
	closed(t, l)
	if files := filesWith(t, dir, []byte(secret)); len(files) > 0 {
		t.Errorf("erased bytes lie in %v", files)
	}
}

// history is one of a feed's branches in the model.
type history struct {
	feed  *protocoltest.Feed
	parts int // where it leaves the history it was made from
	of    *history
	count int // held
}

func (h *history) holds(seq int) bool { return seq < h.count }

// TestChoose_IsAPlainMap plays random forks, arrivals, choices, erasures, restarts,
// copies of a running store and restores against a model. DURE_MODEL_SEEDS, DURE_MODEL_SEED.
func TestChoose_IsAPlainMap(t *testing.T) {
	w := newWorld(1)
	first, seeds := uint64(envInt("DURE_MODEL_SEED", 1)), envInt("DURE_MODEL_SEEDS", 3)
	for seed := first; seed < first+uint64(seeds); seed++ {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 11))
			m := &tree{w: w, t: t, rng: rng, dir: filepath.Join(t.TempDir(), "0"), erased: map[protocol.EntryID]bool{}}
			root := &history{feed: w.feed(0).Fill(30+rng.IntN(120), 30)}
			m.all = []*history{root}
			m.chain = root
			m.l = w.open(t, m.dir)
			m.arrive(root)
			for range 60 {
				m.step()
			}
			m.check()
		})
	}
}

type tree struct {
	w      *world
	t      *testing.T
	rng    *rand.Rand
	dir    string
	copies int
	l      *ledger.Ledger
	all    []*history
	chain  *history
	erased map[protocol.EntryID]bool
}

// arrive brings some more of a history.
func (m *tree) arrive(h *history) {
	n := 1 + m.rng.IntN(64)
	if h.of == nil && h.count == 0 || h == m.chain {
		p := h.feed.Page(max(0, h.count-m.rng.IntN(3)), n)
		if len(p.Entries) == 0 {
			return
		}
		put(m.t, m.l, one(p))
		h.count = max(h.count, int(p.Entries[len(p.Entries)-1].Seq())+1)
		return
	}
	if h.count == 0 {
		if !h.of.holds(h.parts) { // the fork is not seen yet
			return
		}
		h.count = h.parts
	}
	p := h.feed.Page(h.count, n)
	if len(p.Entries) == 0 {
		return
	}
	if err := m.l.Put(context.Background(), aside(p)); err != nil {
		if protocol.ReasonOf(err) != protocol.ReasonBusy {
			m.t.Fatal(err)
		}
		if h.count == h.parts {
			h.count = 0
		}
		return
	}
	h.count += len(p.Entries)
}

func (m *tree) step() {
	h := m.all[m.rng.IntN(len(m.all))]
	switch n := m.rng.IntN(100); {
	case n < 12 && h.count > 2 && len(m.all) < 8:
		low := max(1, h.parts+1)
		if low >= h.count {
			return
		}
		at := low + m.rng.IntN(h.count-low)
		f := h.feed.Fork(at)
		f.Append(protocol.KindAnswer, map[string]any{"n": uint64(len(m.all))})
		m.all = append(m.all, &history{feed: f.Fill(at+2+m.rng.IntN(120), 30), parts: at, of: h})
	case n < 55:
		m.arrive(h)
	case n < 70:
		m.choose(h)
	case n < 76:
		if h.count < 2 {
			return
		}
		e := h.feed.Entries[1+m.rng.IntN(h.count-1)]
		if !e.Kind().IsErasable() {
			return
		}
		if err := m.l.Erase(context.Background(), e.ID()); err != nil {
			m.t.Fatal(err)
		}
		m.erased[e.ID()] = true
	case n < 82:
		closed(m.t, m.l)
		m.reopen()
	case n < 88: // the power fails: what a copy of the files holds is what is left
		m.copies++
		to := filepath.Join(filepath.Dir(m.dir), fmt.Sprint(m.copies))
		copyDir(m.t, m.dir, to)
		closed(m.t, m.l)
		m.dir = to
		m.reopen()
	case n < 92:
		m.restore()
	default:
		m.check()
	}
}

func (m *tree) reopen() {
	m.l = m.w.open(m.t, m.dir)
	if o := m.l.Opened(); o.Lost != 0 || len(o.Cut) != 0 || o.Changed {
		m.t.Fatalf("opened as %+v", o)
	}
	m.check()
}

// choose makes a history the chain. As the ledger does, the chain then goes on as far as
// the entries were stored under one branch.
func (m *tree) choose(h *history) {
	if h.count == 0 || h == m.chain {
		return
	}
	got, err := m.l.Choose(context.Background(), h.feed.ID(), uint64(h.count), h.feed.Entries[h.count-1].ID())
	if err != nil {
		m.t.Fatal(err)
	}
	if got.Changed {
		m.chain = h
	}
}

func (m *tree) restore() {
	var copied bytes.Buffer
	wrote, err := m.l.Backup(context.Background(), &copied, nil)
	if err != nil || wrote.Damaged != 0 {
		m.t.Fatalf("backup: %+v, %v", wrote, err)
	}
	raw := copied.Bytes()
	if got, err := ledger.CheckBackup(context.Background(), bytes.NewReader(raw), m.w.fed); err != nil || got.Aside != wrote.Aside || got.Root != wrote.Root {
		m.t.Fatalf("checking the backup: %+v, %v", got, err)
	}
	m.copies++
	to := filepath.Join(filepath.Dir(m.dir), fmt.Sprint(m.copies))
	if _, err := ledger.Restore(context.Background(), ledger.Config{Dir: to, ReserveBytes: 1 << 20}, bytes.NewReader(raw), nil); err != nil {
		m.t.Fatal(err)
	}
	closed(m.t, m.l)
	m.dir = to
	m.reopen()
}

func (m *tree) check() {
	t := m.t
	t.Helper()
	h, _ := m.l.Head(m.chain.feed.ID())
	if int(h.Count) != m.chain.count || h.Head != m.chain.feed.Entries[m.chain.count-1].ID() {
		t.Fatalf("the chain has %d entries, want %d", h.Count, m.chain.count)
	}
	if s := m.l.Stats(); s.Entries != h.Count || s.Feeds != 1 || s.Erased != len(m.erased) || s.Wanted != 0 {
		t.Fatalf("stats %+v", s)
	}
	for seq := range m.chain.count {
		if e, err := m.l.Entry(h.Feed, uint64(seq)); err != nil || e.ID() != m.chain.feed.Entries[seq].ID() {
			t.Fatalf("entry %d of the chain: %v", seq, err)
		}
	}
	held := map[protocol.EntryID]bool{}
	for i, b := range m.all {
		for seq := range b.count {
			e := b.feed.Entries[seq]
			held[e.ID()] = true
			raw, err := m.l.Block(e.ID())
			if err != nil || !bytes.Equal(raw, e.Bytes()) {
				t.Fatalf("history %d, entry %d: %v", i, seq, err)
			}
			body, err := m.l.Body(e)
			switch {
			case m.erased[e.ID()]:
				if protocol.ReasonOf(err) != protocol.ReasonErased {
					t.Fatalf("history %d, erased body %d: %v", i, seq, err)
				}
			case err != nil || !bytes.Equal(body, b.feed.Bodies[seq]):
				t.Fatalf("history %d, body %d: %v", i, seq, err)
			}
		}
		if b.count > 0 { // a page is read on the way to it
			raw, err := m.l.RawBranch(b.feed.Entries[b.count-1].ID(), 0, 64, 1<<20)
			if err != nil || len(raw.Headers) == 0 || !bytes.Equal(raw.Headers[0], b.feed.Entries[0].Bytes()) {
				t.Fatalf("history %d, its first page: %v", i, err)
			}
		}
	}
	if rep := verified(t, m.l); rep.Entries != uint64(len(held)) {
		t.Fatalf("verified %d entries, %d are held", rep.Entries, len(held))
	}
	// Whoever follows the changes, or walks, knows the chain and nothing else.
	counts := map[protocol.EntryID]bool{}
	for from := uint64(0); ; {
		changes, err := m.l.Changes(from, 100)
		if err != nil {
			t.Fatal(err)
		}
		if len(changes) == 0 {
			break
		}
		for _, ch := range changes {
			from = ch.Local + 1
			switch ch.What {
			case ledger.Appended:
				counts[ch.Entry.ID()] = true
			case ledger.SetAside:
				if !counts[ch.Entry.ID()] {
					t.Fatalf("entry %d left without having come", ch.Entry.Seq())
				}
				delete(counts, ch.Entry.ID())
			}
		}
	}
	walked := map[protocol.EntryID]bool{}
	if err := m.l.Walk(func(_ uint64, e protocol.Entry) error { walked[e.ID()] = true; return nil }); err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]map[protocol.EntryID]bool{"changes": counts, "walk": walked} {
		if len(got) != m.chain.count {
			t.Fatalf("%s tells %d entries, the chain has %d", name, len(got), m.chain.count)
		}
		for _, e := range m.chain.feed.Entries[:m.chain.count] {
			if !got[e.ID()] {
				t.Fatalf("%s does not tell entry %d", name, e.Seq())
			}
		}
	}
}

// A child process stores branches and chooses between them until it is killed: either
// branch is the chain then, whole, and nothing is lost of the other. DURE_KILL_ROUNDS.
func TestChoose_SurvivesSIGKILL(t *testing.T) {
	rounds := envInt("DURE_KILL_ROUNDS", 3)
	if testing.Short() {
		rounds = 2
	}
	w := newWorld(1)
	dir := filepath.Join(t.TempDir(), "ledger")
	switches := 0
	for round := range rounds {
		lines := runChild(t, dir+branchChild, time.Duration(20+rand.IntN(250))*time.Millisecond)
		if i := slices.IndexFunc(lines, func(s string) bool { return len(s) > 5 && s[:5] == "error" }); i >= 0 {
			t.Fatalf("round %d: %s", round, lines[i])
		}
		l := w.open(t, dir)
		if o := l.Opened(); o.Lost != 0 || o.Changed || len(o.Cut) != 0 {
			t.Fatalf("round %d: opened as %+v", round, o)
		}
		rep := verified(t, l)
		ours, theirs := branchHistories(w)
		h, _ := l.Head(ours.ID())
		if last := lines[len(lines)-1]; last != "ready" && h.Count < 40 {
			t.Fatalf("round %d: %d entries after %q", round, h.Count, last)
		}
		for _, f := range []*protocoltest.Feed{ours, theirs} {
			for _, e := range f.Entries[:min(int(h.Count), 40)] {
				if l.Has(e.ID()) {
					if _, err := l.Block(e.ID()); err != nil {
						t.Fatalf("round %d: %v", round, err)
					}
				}
			}
		}
		switches += len(lines)
		t.Logf("round %d: %d entries, %d branches, chain of %d", round, rep.Entries, rep.Branches, h.Count)
		closed(t, l)
	}
	if switches < rounds*2 {
		t.Error("the child did nothing")
	}
}

const branchChild = "#branches"

func branchHistories(w *world) (ours, theirs *protocoltest.Feed) {
	ours = w.feed(0).Fill(200, 60)
	return ours, ours.Fork(40).Fill(260, 50)
}

// chooseForEver is the child.
func chooseForEver(dir string) error {
	w := newWorld(1)
	l, err := ledger.Open(ledger.Config{Dir: dir, Federation: w.fed, ReserveBytes: 1 << 20})
	if err != nil {
		return err
	}
	if o := l.Opened(); o.Lost > 0 || len(o.Cut) > 0 {
		return fmt.Errorf("opened as %+v", o)
	}
	fmt.Println("ready")
	ours, theirs := branchHistories(w)
	ctx := context.Background()
	if !l.Has(ours.Entries[59].ID()) {
		if err := l.Put(ctx, one(ours.Page(0, 60))); err != nil {
			return err
		}
	}
	at := map[*protocoltest.Feed]int{}
	for _, f := range []*protocoltest.Feed{ours, theirs} {
		for at[f] = 40; at[f] < len(f.Entries) && l.Has(f.Entries[at[f]].ID()); at[f]++ {
		}
	}
	chain := ours
	if l.Has(theirs.Entries[40].ID()) {
		if e, err := l.Entry(ours.ID(), 40); err == nil && e.ID() == theirs.Entries[40].ID() {
			chain = theirs
		}
	}
	for turn := 0; ; turn++ {
		for _, f := range []*protocoltest.Feed{ours, theirs} {
			if p := f.Page(at[f], 3); len(p.Entries) > 0 {
				b := aside(p)
				if f == chain {
					b = one(p)
				}
				if err := l.Put(ctx, b); err != nil {
					return err
				}
				at[f] += len(p.Entries)
			}
		}
		to := theirs
		if chain == theirs {
			to = ours
		}
		got, err := l.Choose(ctx, to.ID(), uint64(at[to]), to.Entries[at[to]-1].ID())
		if err != nil || !got.Changed {
			return errors.Join(err, fmt.Errorf("turn %d: %+v", turn, got))
		}
		chain = to
		fmt.Println("chose", turn)
		if len(l.Branches(ours.ID())) != 1 {
			return fmt.Errorf("turn %d: %+v", turn, l.Branches(ours.ID()))
		}
		if _, err := os.Stat(dir); err != nil {
			return err
		}
	}
}
