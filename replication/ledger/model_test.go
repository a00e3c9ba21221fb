package ledger_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/protocoltest"
	"github.com/dure-net/dure/replication/ledger"
)

// model is a ledger as a plain map would have it.
type model struct {
	feeds  []*protocoltest.Feed
	count  []int
	bodies map[protocol.EntryID][]byte
	erased map[protocol.EntryID]bool
	order  []protocol.EntryID // of arrival
}

func envInt(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return otherwise
}

// TestLedger_IsAPlainMap runs random operations against the model, over restarts.
// DURE_MODEL_SEEDS runs more seeds, DURE_MODEL_SEED one.
func TestLedger_IsAPlainMap(t *testing.T) {
	w := newWorld(4)
	feeds := make([]*protocoltest.Feed, 4)
	for i := range feeds {
		feeds[i] = w.feed(i)
		for n := 1; n < 220; n++ {
			switch n % 7 {
			case 0:
				feeds[i].Append(protocol.KindNode, nil)
			case 3:
				feeds[i].Append(protocol.KindAnswer, map[string]any{"n": uint64(n)})
			default:
				feeds[i].Append(protocol.KindOffer, map[string]any{"n": uint64(n), "of": fmt.Sprint("city ", i)})
			}
		}
	}
	first, seeds := uint64(envInt("DURE_MODEL_SEED", 1)), envInt("DURE_MODEL_SEEDS", 6)
	for seed := first; seed < first+uint64(seeds); seed++ {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			m := &model{feeds: feeds, count: make([]int, len(feeds)), bodies: map[protocol.EntryID][]byte{}, erased: map[protocol.EntryID]bool{}}
			m.play(t, w, rand.New(rand.NewPCG(seed, 7)))
		})
	}
}

func (m *model) play(t *testing.T, w *world, rng *rand.Rand) {
	dir := t.TempDir()
	l := w.open(t, dir)
	for step := range 160 {
		switch n := rng.IntN(100); {
		case n < 60:
			m.append(t, l, rng)
		case n < 78:
			m.fill(t, l, rng)
		case n < 82:
			m.erase(t, l, rng)
		case n < 86:
			closed(t, l)
			l = w.open(t, dir)
			if o := l.Opened(); !o.Clean || o.Lost != 0 || len(o.Cut) != 0 {
				t.Fatalf("step %d: opened as %+v", step, o)
			}
		default:
			m.check(t, l, rng)
		}
	}
	m.checkAll(t, l)
	closed(t, l)
	l = w.open(t, dir)
	m.checkAll(t, l)
	rep, err := l.Verify(context.Background(), nil)
	if err != nil || !rep.Clean() || rep.Entries != uint64(len(m.order)) || rep.Root != l.Opened().Root {
		t.Fatalf("verify: %+v, %v", rep, err)
	}
}

// append submits pages of some feeds at once, some of them with a part that is held.
func (m *model) append(t *testing.T, l *ledger.Ledger, rng *rand.Rand) {
	var commits []*ledger.Commit
	for range 1 + rng.IntN(4) {
		i := rng.IntN(len(m.feeds))
		f := m.feeds[i]
		from := max(0, m.count[i]-rng.IntN(3))
		size := 1 + rng.IntN(64)
		if rng.IntN(3) > 0 {
			size = 1 + rng.IntN(5)
		}
		p := f.Page(from, size)
		if len(p.Entries) == 0 {
			continue
		}
		bodies := append([][]byte(nil), p.Bodies...)
		for j := range bodies {
			if rng.IntN(5) == 0 {
				bodies[j] = nil
			}
		}
		p.Bodies = bodies
		commits = append(commits, l.Submit(one(p)))
		for j, e := range p.Entries {
			if seq := int(e.Seq()); seq >= m.count[i] {
				m.order = append(m.order, e.ID())
				m.count[i] = seq + 1
			}
			if bodies[j] != nil && !m.erased[e.ID()] {
				m.bodies[e.ID()] = bodies[j]
			}
		}
	}
	for _, c := range commits {
		if err := c.Wait(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
}

// pick is a random entry that is held.
func (m *model) pick(rng *rand.Rand) (f *protocoltest.Feed, seq int, ok bool) {
	i := rng.IntN(len(m.feeds))
	if m.count[i] == 0 {
		return nil, 0, false
	}
	return m.feeds[i], rng.IntN(m.count[i]), true
}

func (m *model) fill(t *testing.T, l *ledger.Ledger, rng *rand.Rand) {
	for _, want := range l.Wanted(1 + rng.IntN(9)) {
		e, _, err := l.Find(want.Entry)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range m.feeds {
			if f.ID() == e.Feed() {
				put(t, l, ledger.Batch{Bodies: []ledger.Body{{Entry: want.Entry, Data: f.Bodies[e.Seq()]}}})
				m.bodies[want.Entry] = f.Bodies[e.Seq()]
			}
		}
	}
}

func (m *model) erase(t *testing.T, l *ledger.Ledger, rng *rand.Rand) {
	f, seq, ok := m.pick(rng)
	if !ok {
		return
	}
	e := f.Entries[seq]
	err := l.Erase(context.Background(), e.ID())
	if !e.Kind().IsErasable() {
		if protocol.ReasonOf(err) != protocol.ReasonForbidden {
			t.Fatalf("erasing a %v: %v", e.Kind(), err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if f.Bodies[seq] != nil {
		m.erased[e.ID()] = true
		delete(m.bodies, e.ID())
	}
}

func (m *model) check(t *testing.T, l *ledger.Ledger, rng *rand.Rand) {
	t.Helper()
	f, seq, ok := m.pick(rng)
	if !ok {
		return
	}
	m.checkEntry(t, l, f, seq)
	p, err := l.Page(f.ID(), uint64(seq), 1+rng.IntN(64), rng.IntN(20_000))
	if err != nil || len(p.Entries) == 0 || len(p.Entries) > protocol.MaxPage {
		t.Fatalf("page of %d entries: %v", len(p.Entries), err)
	}
	for i, e := range p.Entries {
		if e.ID() != f.Entries[seq+i].ID() {
			t.Fatalf("page has another entry at %d", seq+i)
		}
		if b := p.Bodies[i]; b != nil && !bytes.Equal(b, m.bodies[e.ID()]) {
			t.Fatalf("page has another body at %d", seq+i)
		}
	}
}

func (m *model) checkEntry(t *testing.T, l *ledger.Ledger, f *protocoltest.Feed, seq int) {
	t.Helper()
	want := f.Entries[seq]
	e, err := l.Entry(f.ID(), uint64(seq))
	if err != nil || !bytes.Equal(e.Bytes(), want.Bytes()) || !l.Has(e.ID()) {
		t.Fatalf("entry %d: %v", seq, err)
	}
	body, err := l.Body(e)
	wanted := protocol.ReasonNone
	switch {
	case m.erased[e.ID()]:
		wanted = protocol.ReasonErased
	case f.Bodies[seq] != nil && m.bodies[e.ID()] == nil:
		wanted = protocol.ReasonWanted
	}
	if protocol.ReasonOf(err) != wanted || wanted == protocol.ReasonNone && !bytes.Equal(body, f.Bodies[seq]) {
		t.Fatalf("body %d: %v, want %v", seq, err, wanted)
	}
}

func (m *model) checkAll(t *testing.T, l *ledger.Ledger) {
	t.Helper()
	missing := 0
	for i, f := range m.feeds {
		h, _ := l.Head(f.ID())
		if int(h.Count) != m.count[i] {
			t.Fatalf("feed %d has %d entries, want %d", i, h.Count, m.count[i])
		}
		for seq := range m.count[i] {
			m.checkEntry(t, l, f, seq)
			if id := f.Entries[seq].ID(); f.Bodies[seq] != nil && m.bodies[id] == nil && !m.erased[id] {
				missing++
			}
		}
	}
	if s := l.Stats(); s.Wanted != missing || s.Erased != len(m.erased) || s.Entries != uint64(len(m.order)) {
		t.Fatalf("stats are %+v, want %d wanted, %d erased, %d entries", s, missing, len(m.erased), len(m.order))
	}
	var order []protocol.EntryID
	for from := uint64(0); ; {
		changes, err := l.Changes(from, 37)
		if err != nil {
			t.Fatal(err)
		}
		if len(changes) == 0 {
			break
		}
		for _, ch := range changes {
			if from = ch.Local + 1; ch.What == ledger.Appended {
				order = append(order, ch.Entry.ID())
			}
		}
	}
	if len(order) != len(m.order) {
		t.Fatalf("%d entries in the log, want %d", len(order), len(m.order))
	}
	for i := range order {
		if order[i] != m.order[i] {
			t.Fatalf("arrival %d differs", i)
		}
	}
}
