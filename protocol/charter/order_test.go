package charter

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/protocoltest"
)

// history plays random honest and dishonest moves.
type history struct {
	*world
	r    *rand.Rand
	next int
}

func (h *history) someone() string { return h.handles()[h.r.IntN(len(h.handles()))] }

func (h *history) handles() []string {
	var out []string
	for handle := range h.actors {
		out = append(out, handle)
	}
	slices.Sort(out)
	return out
}

func (h *history) changes() []Change {
	handle := h.someone()
	feed := h.actors[handle].feed
	stand := ends(feed, 1+h.r.Uint64N(uint64(len(feed.Entries))))
	switch h.r.IntN(9) {
	case 0, 1, 2:
		h.next++
		return []Change{admit(fmt.Sprintf("city-%d", h.next))}
	case 3:
		return []Change{{What: ChangeSuspend, Member: handle}}
	case 4:
		return []Change{{What: ChangeRemove, Member: handle, Stands: []protocol.Stand{stand}}}
	case 5:
		return []Change{{What: ChangeSettle, Member: handle, Stands: []protocol.Stand{stand}}}
	case 6:
		return []Change{{What: ChangeCut, Member: handle, Node: h.actors[handle].node.Public(), Stands: []protocol.Stand{stand}}}
	case 7:
		return []Change{{What: ChangeRebind, Member: handle, Root: protocoltest.Key(fmt.Sprint("rebound", len(h.blocks))).Public(), Until: "2027-02-01"}}
	}
	return []Change{{What: ChangeFeature, Feature: fmt.Sprintf("feature-%d", len(h.blocks))}}
}

func (h *history) by() By {
	if h.r.IntN(3) == 0 {
		return ByAssembly
	}
	return ByElectors
}

// answerable are the members whose designated node the test holds.
func (h *history) answerable(p Place) []string {
	var out []string
	for _, handle := range h.state().Electors(p.By) {
		if _, ok := h.actors[handle]; ok {
			out = append(out, handle)
		}
	}
	return out
}

func (h *history) move() {
	s := h.state()
	switch h.r.IntN(14) {
	case 0, 1: // an honest act
		d, err := NewDecision(s, Draft{By: h.by(), Title: title(fmt.Sprint("d", len(h.blocks))), Changes: h.changes()})
		if err != nil {
			return
		}
		id := h.put(d)
		for _, handle := range h.answerable(h.place(d.By)) {
			got, _ := h.state().Decision(id)
			if got.Enough() {
				break
			}
			if a, err := SignAnswer(h.state(), got.Place, id, h.actors[handle].node, h.day); err == nil {
				h.say(h.actors[handle], protocol.KindAnswer, a)
			}
		}
		if c, ok := Certify(h.state(), id); ok {
			h.carryBy(h.someone(), protocol.KindCertificate, c)
		}
	case 2, 3: // a decision and some forged answers, possibly contradicting
		by := h.by()
		p := s.Place(by)
		after := s.Act().ID
		if acts := s.Acts(); by == ByAssembly && h.r.IntN(2) == 0 {
			after = acts[h.r.IntN(len(acts))].ID
		}
		d, err := NewDecision(s, Draft{By: by, After: after, Title: title(fmt.Sprint("d", len(h.blocks))), Changes: h.changes()})
		if err != nil {
			return
		}
		p.Number, p.Prev = d.Number, d.Prev
		id := h.put(d)
		voters := h.answerable(p)
		h.r.Shuffle(len(voters), func(i, j int) { voters[i], voters[j] = voters[j], voters[i] })
		for _, handle := range voters[:h.r.IntN(len(voters)+1)] {
			h.carryBy(h.someone(), protocol.KindAnswer, h.forge(handle, p, id))
		}
		if len(voters) > 0 && h.r.IntN(2) == 0 {
			h.carryBy(h.someone(), protocol.KindCertificate, h.forged(id, p, voters[:1+h.r.IntN(len(voters))]...))
		}
	case 4: // none of these, and closings
		p := s.Place(h.by())
		for _, handle := range h.answerable(p) {
			if a, err := SignAnswer(h.state(), p, protocol.BodyID{}, h.actors[handle].node, h.day); err == nil {
				h.say(h.actors[handle], protocol.KindAnswer, a)
			}
		}
		if r, ok := CloseRound(h.state(), p); ok {
			h.carryBy(h.someone(), protocol.KindRound, r)
		}
	case 5: // the assembly settles a halt
		halt := s.Halted()
		if halt == nil {
			return
		}
		after := halt.Prev
		if h.r.IntN(2) == 0 {
			after = halt.Branches[h.r.IntN(len(halt.Branches))].Tip.ID
		}
		d, err := NewDecision(s, Draft{By: ByAssembly, After: after, Title: title(fmt.Sprint("choice", len(h.blocks)))})
		if err != nil {
			return
		}
		id := h.put(d)
		got, _ := h.state().Decision(id)
		for _, handle := range got.Electors {
			if a, ok := h.actors[handle]; ok {
				h.carryBy(h.someone(), protocol.KindAnswer, h.forgeAs(a.root, a.node, a.number, got.Place, id))
			}
		}
		if c, ok := Certify(h.state(), id); ok {
			h.carryBy(h.someone(), protocol.KindCertificate, c)
		}
	case 6:
		a := h.actors[h.someone()]
		if h.r.IntN(2) == 0 {
			h.govern(a, protocoltest.Key(fmt.Sprint("node", len(h.blocks))))
			return
		}
		a.number = max(a.number, 1) - 1 // the same number for another node
		h.govern(a, protocoltest.Key(fmt.Sprint("node", len(h.blocks))))
	case 7:
		a := h.actors[h.someone()]
		h.root(a, protocol.Statement{Purpose: protocol.PurposeCut, Node: a.feed.Key().Public(), Stands: []protocol.Stand{ends(a.feed, 1+h.r.Uint64N(uint64(len(a.feed.Entries))))}})
	case 8:
		a := h.actors[h.someone()]
		if n := uint64(len(a.feed.Entries)); n > 2 {
			h.fork(a, 1+h.r.Uint64N(n-1))
			b := *a
			b.feed = h.actors["city-b"].feed
			h.root(&b, protocol.Statement{Purpose: protocol.PurposeSettle, Stands: []protocol.Stand{ends(a.feed, n-1)}})
		}
	case 9:
		for _, m := range s.Members() {
			if _, joined := h.actors[m.Facts.Handle]; !joined && m.Facts.Root == protocoltest.Key("root/"+m.Facts.Handle).Public() {
				h.join(m.Facts.Handle)
				return
			}
		}
	case 10:
		seed := fmt.Sprint("seed", len(h.blocks))
		h.invite(h.someone(), seed, "city-new")
		for range 2 {
			h.apply(h.someone(), seed, "city-new", fmt.Sprint("root", h.r.IntN(1000)))
		}
	case 12, 13: // two certificates for one place, or the assembly against the committee
		by, after := h.by(), s.Act().ID
		if acts := s.Acts(); by == ByAssembly {
			after = acts[max(0, len(acts)-1-h.r.IntN(3))].ID
		}
		for range 1 + h.r.IntN(2) {
			d, err := NewDecision(s, Draft{By: by, After: after, Title: title(fmt.Sprint("d", len(h.blocks))), Changes: h.changes()})
			if err != nil {
				continue
			}
			id := h.put(d)
			p := s.v.round(d.Number, d.Prev, by)
			c := h.forged(id, p, h.answerable(p)...)
			c.Closing = s.v.closing(p)
			if len(c.Approvals) > 0 {
				h.carryBy(h.someone(), protocol.KindCertificate, c)
			}
		}
	case 11:
		for _, m := range s.Members() {
			if m.Rebind != nil {
				h.root(h.actors[h.someone()], protocol.Statement{Purpose: protocol.PurposeObject, Act: m.Rebind.Act.ID})
			}
		}
	}
}

// The same blocks in any order, with bodies that come late and blocks that come
// twice, give the same state; and a Folder asked in between gives the same as one
// asked at the end.
func TestFold_OrderDoesNotMatter(t *testing.T) {
	histories := 24
	if testing.Short() {
		histories = 8
	}
	var total, acts, halts, overruled, rounds, forks int
	for seed := range histories {
		r := rand.New(rand.NewPCG(uint64(seed), 42))
		h := &history{world: newWorld(t, 3+r.IntN(3), nil), r: r}
		for range 45 {
			h.move()
		}
		whole := NewFolder(h.act, h.fed)
		for _, b := range h.blocks {
			whole.Add(b)
		}
		want, uncarried := whole.State(), whole.Uncarried()
		digest := want.Digest()
		if got := h.state().Digest(); got != digest {
			t.Fatalf("history %d: a folder that was asked at every step differs", seed)
		}
		acts += int(want.Act().Number)
		overruled += len(want.Overruled())
		rounds += len(want.v.closings)
		forks += len(want.Forks())
		if want.Halted() != nil {
			halts++
		}
		blocks, orders := slices.Clone(h.blocks), 5
		if seed < 2 {
			orders = 100
		}
		total += orders
		for order := range orders {
			r.Shuffle(len(blocks), func(i, j int) { blocks[i], blocks[j] = blocks[j], blocks[i] })
			f := NewFolder(h.act, h.fed)
			var late []Block
			for i, b := range blocks {
				switch r.IntN(4) {
				case 0: // the body comes later
					f.Add(Block{Entry: b.Entry})
					late = append(late, b)
				case 1: // twice
					f.Add(b)
					f.Add(b)
				default:
					f.Add(b)
				}
				if i%17 == 0 {
					f.State()
				}
			}
			for _, b := range late {
				f.Add(b)
			}
			if got := f.State(); got.Digest() != digest {
				t.Fatalf("history %d, order %d: act %v and %v, halted %v and %v", seed, order, got.Act(), want.Act(), got.Halted() != nil, want.Halted() != nil)
			}
			if got, want := f.Uncarried(), uncarried; !slices.Equal(got, want) {
				t.Fatalf("history %d, order %d: uncarried %v, want %v", seed, order, got, want)
			}
		}
	}
	t.Logf("%d histories in %d orders: %d acts, %d overruled, %d halted at the end, %d closed rounds, %d forks", histories, total, acts, overruled, halts, rounds, forks)
	if acts == 0 || overruled == 0 || halts == 0 || rounds == 0 || forks == 0 {
		t.Fatal("the histories leave out what they are there to test")
	}
}

// Every prefix of a history gives a state that more blocks do not change under a reader.
func TestState_IsImmutable(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	h := &history{world: newWorld(t, 4, nil), r: r}
	type kept struct {
		state  State
		digest [32]byte
		blocks int
	}
	var all []kept
	for range 40 {
		h.move()
		s := h.state()
		all = append(all, kept{s, s.Digest(), len(h.blocks)})
	}
	for i, k := range all {
		if k.state.Digest() != k.digest {
			t.Fatalf("state %d has changed", i)
		}
		if i%5 == 0 && Fold(h.act, h.fed, h.blocks[:k.blocks]).Digest() != k.digest {
			t.Fatalf("state %d is not the fold of its blocks", i)
		}
	}
}

func TestFolder_BadBodiesSayNothing(t *testing.T) {
	w := newWorld(t, 2, nil)
	a := w.actors["city-a"]
	before := w.state().Digest()
	for kind := protocol.KindStatement; kind <= protocol.KindErasure; kind++ {
		raw := body(t, map[string]any{"something": "else"})
		e, _ := a.feed.Add(protocol.Header{Kind: kind}, raw)
		w.add(e, raw)
		e, _ = a.feed.Add(protocol.Header{Kind: kind}, raw)
		w.add(e, []byte("not what the header names"))
	}
	w.carry(protocol.KindNotice, map[string]any{"text": "a record"})
	// A decision that could be an act, under a header that names another body.
	good := body(t, Decision{Number: 1, Prev: w.fed, By: ByElectors, Title: title("smuggled")})
	e, _ := a.feed.Add(protocol.Header{Kind: protocol.KindDecision}, body(t, map[string]any{"something": "else again"}))
	w.add(e, good)
	s := w.state()
	if s.Digest() != before {
		t.Fatal("bad bodies changed the state")
	}
}

// Two certificates of one decision say the same; the lower id leads, whichever came first.
func TestFold_TheLowerCertificateLeads(t *testing.T) {
	w := newWorld(t, 3, nil)
	id := w.table(Draft{By: ByElectors})
	p := w.place(ByElectors)
	var ids []protocol.BodyID
	for _, pair := range [][]string{{"city-a", "city-b"}, {"city-b", "city-c"}, {"city-a", "city-c"}} {
		ids = append(ids, w.carry(protocol.KindCertificate, w.forged(id, p, pair...)))
	}
	slices.SortFunc(ids, compareCID)
	for range 20 { // maps are walked in another order each time
		s := Fold(w.act, w.fed, w.blocks)
		if got := s.Acts()[1]; !slices.Equal(got.Certificates, ids) || got.Certificate != ids[0] || len(got.Approved) != 3 {
			t.Fatalf("certificates %v, want %v", got.Certificates, ids)
		}
	}
}

func BenchmarkFold_200Acts(b *testing.B) {
	t := &testing.T{}
	w := newWorld(t, 5, nil)
	for i := range 200 {
		w.enact(Change{What: ChangeFeature, Feature: fmt.Sprintf("feature-%d", i)})
	}
	for b.Loop() {
		if Fold(w.act, w.fed, w.blocks).Act().Number != 200 {
			b.Fatal("acts are missing")
		}
	}
}

func BenchmarkState_AfterOneAnswer(b *testing.B) {
	t := &testing.T{}
	w := newWorld(t, 5, nil)
	for i := range 200 {
		w.enact(Change{What: ChangeFeature, Feature: fmt.Sprintf("feature-%d", i)})
	}
	w.state()
	for b.Loop() {
		w.folder.state = nil
		w.state()
	}
}
