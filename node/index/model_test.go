package index

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/dure-net/dure/protocol"
)

// model is the index written as its definition reads, without any cleverness.
type model struct {
	items  []Item
	member map[protocol.FeedID]string
	count  map[protocol.FeedID]uint64
	erased map[protocol.EntryID]bool
}

func (m *model) stands(e protocol.Entry) bool {
	return m.member[e.Feed()] != "" && e.Seq() < m.count[e.Feed()]
}

func (m *model) records() (out []Item) {
	for _, it := range m.items {
		if h := it.Entry.Header(); h.Kind.IsRecord() && !h.Of.Defined() && m.stands(it.Entry) {
			out = append(out, it)
		}
	}
	slices.SortFunc(out, func(a, b Item) int { return int(b.Seq) - int(a.Seq) })
	return out
}

// about lists what the owner says of a record and what counts.
func (m *model) about(first protocol.Entry, kind protocol.Kind) (out []Item) {
	for _, it := range m.items {
		h := it.Entry.Header()
		if h.Of == first.ID() && h.Kind == kind && m.stands(it.Entry) && m.member[it.Entry.Feed()] == m.member[first.Feed()] {
			out = append(out, it)
		}
	}
	return out
}

func (m *model) row(it Item) Row {
	first := it.Entry
	last := func(among []Item) Item {
		return slices.MaxFunc(among, func(a, b Item) int {
			if a.Entry.Seq() != b.Entry.Seq() {
				return int(a.Entry.Seq()) - int(b.Entry.Seq())
			}
			return bytes.Compare(a.Entry.ID().Bytes(), b.Entry.ID().Bytes())
		})
	}
	at := func(it Item) Place {
		return Place{Entry: it.Entry.ID(), Feed: it.Entry.Feed(), FeedSeq: it.Entry.Seq(), Seq: it.Seq,
			Kind: it.Entry.Kind(), Member: m.member[it.Entry.Feed()]}
	}
	r := Row{Record: first.ID(), Kind: first.Kind(), Member: m.member[first.Feed()], Seq: it.Seq, Current: at(it)}
	if n := first.Header().Number; n != 0 {
		if r.Number = fmt.Sprintf("%s-%d", r.Member, n); m.holder(r.Member, n) != first.ID() {
			r.Number, r.Given = "", r.Number
		}
	}
	revisions := m.about(first, first.Kind())
	var heads []Item
	for _, v := range revisions {
		if !slices.ContainsFunc(revisions, func(o Item) bool { refs := o.Entry.Header().Refs; return len(refs) > 0 && refs[0] == v.Entry.ID() }) {
			heads = append(heads, v)
		}
	}
	if r.Revisions = len(revisions); r.Revisions > 0 {
		r.Current, r.Rivals = at(last(heads)), len(heads)-1
	}
	if wd := m.about(first, protocol.KindWithdraw); len(wd) > 0 {
		r.Withdrawn, r.Withdrawal = true, at(last(wd))
	}
	r.Erased = m.erased[r.Current.Entry] || m.erased[first.ID()]
	for _, e := range m.about(first, protocol.KindErasure) {
		refs := e.Entry.Header().Refs
		r.Erased = r.Erased || len(refs) == 0 || slices.Contains(refs, r.Current.Entry)
	}
	return r
}

// holder is the record that has a number.
func (m *model) holder(handle string, number uint64) (id protocol.EntryID) {
	var all []protocol.Entry
	for _, it := range m.items {
		if h := it.Entry.Header(); h.Number == number && !h.Of.Defined() && m.member[it.Entry.Feed()] == handle && m.stands(it.Entry) {
			all = append(all, it.Entry)
		}
	}
	if len(all) == 0 {
		return id
	}
	return slices.MinFunc(all, func(a, b protocol.Entry) int {
		return cmp.Or(cmp.Compare(a.Header().Time, b.Header().Time), cmp.Compare(a.Seq(), b.Seq()), bytes.Compare(a.ID().Bytes(), b.ID().Bytes()))
	}).ID()
}

func (m *model) lookup(ref string) (r Row, reason protocol.Reason) {
	var rows []Row
	aside := false
	handle, number, _ := cutLast(ref)
	for _, it := range m.items {
		e := it.Entry
		h := e.Header()
		if !h.Kind.IsRecord() || h.Of.Defined() {
			continue
		}
		named := e.ID().String() == ref || (h.Number != 0 && fmt.Sprint(h.Number) == number && m.member[e.Feed()] == handle && handle != "")
		for _, c := range m.items {
			named = named || c.Entry.Header().Of == e.ID() && isChange(c.Entry.Kind()) && c.Entry.ID().String() == ref
		}
		switch {
		case named && m.stands(e):
			rows = append(rows, m.row(it))
		case named:
			aside = true
		}
	}
	rows = slices.DeleteFunc(rows, func(r Row) bool { return r.Given != "" && r.Given == ref })
	switch {
	case len(rows) == 1:
		return rows[0], protocol.ReasonNone
	case len(rows) > 1:
		return Row{}, protocol.ReasonAmbiguous
	case aside:
		return Row{}, protocol.ReasonSetAside
	}
	return Row{}, protocol.ReasonNotFound
}

func cutLast(ref string) (string, string, bool) {
	i := strings.LastIndexByte(ref, '-')
	if i < 0 {
		return "", "", false
	}
	return ref[:i], ref[i+1:], true
}

// scribble writes a random history: two members with two nodes each, and a stranger,
// who revise, withdraw and erase their own and others' records, building on anything.
func scribble(w *world, rng *rand.Rand, n int) {
	var all, firsts []protocol.Entry
	for _, handle := range []string{"kr-seoul", "kr-seoul", "kr", "kr", ""} {
		w.writer(handle)
	}
	any := func(among []protocol.Entry) protocol.Entry { return among[rng.IntN(len(among))] }
	for range n {
		f := w.feeds[rng.IntN(len(w.feeds))]
		kinds := []protocol.Kind{protocol.KindOffer, protocol.KindNotice}
		if len(firsts) == 0 || rng.IntN(4) == 0 {
			e := f.publish(kinds[rng.IntN(2)], uint64(rng.IntN(4)))
			firsts, all = append(firsts, e), append(all, e)
			continue
		}
		of := any(firsts)
		if rng.IntN(8) == 0 {
			of = any(all) // names a version, not a record: says nothing
		}
		h := protocol.Header{Kind: of.Kind(), Of: of.ID()}
		switch rng.IntN(10) {
		case 0:
			h.Kind = protocol.KindWithdraw
		case 1:
			h.Kind = protocol.KindErasure
			for range rng.IntN(3) {
				h.Refs = append(h.Refs, any(all).ID())
			}
		case 2:
			h.Kind = kinds[rng.IntN(2)]
		case 3:
			h = protocol.Header{Kind: protocol.KindNode}
		default:
			switch rng.IntN(6) {
			case 0:
			case 1:
				h.Refs = []protocol.CID{protocol.Sum([]byte("unknown"))}
			case 2:
				h.Refs = []protocol.CID{of.ID(), any(all).ID()}
			default:
				mine := slices.DeleteFunc(slices.Clone(all), func(e protocol.Entry) bool { return e.ID() != of.ID() && e.Header().Of != of.ID() })
				h.Refs = []protocol.CID{any(mine).ID()}
			}
		}
		all = append(all, f.write(h))
	}
}

func TestIndex_AgreesWithModel(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 3))
		w := newWorld(t)
		scribble(w, rng, 60)
		m := &model{member: map[protocol.FeedID]string{}, count: map[protocol.FeedID]uint64{}, erased: map[protocol.EntryID]bool{}}
		for _, f := range w.feeds {
			m.member[f.feed], m.count[f.feed] = f.member, Unlimited
		}
		x := w.empty()
		items := w.items()
		for len(items) > 0 || rng.IntN(4) > 0 {
			switch rng.IntN(4) {
			case 0, 1:
				n := min(len(items), 1+rng.IntN(12))
				batch := slices.Clone(items[:n])
				x.Add(batch...)
				m.items, items = append(m.items, batch...), items[n:]
			case 2:
				f := w.feeds[rng.IntN(len(w.feeds))]
				handle, count := f.member, Unlimited
				if rng.IntN(4) == 0 {
					handle = []string{"kr-seoul", "kr", "", "fr-paris"}[rng.IntN(4)]
				}
				if rng.IntN(2) == 0 {
					count = uint64(rng.IntN(len(f.entries) + 2))
				}
				x.Restand(f.feed, handle, count)
				m.member[f.feed], m.count[f.feed] = handle, count
			case 3:
				clear(m.erased)
				var list []protocol.EntryID
				for range rng.IntN(4) {
					if len(m.items) > 0 {
						id := m.items[rng.IntN(len(m.items))].Entry.ID()
						list, m.erased[id] = append(list, id), true
					}
				}
				x.SetErased(list)
			}
			compare(t, seed, x, m)
		}
	}
}

func compare(t *testing.T, seed uint64, x *tested, m *model) {
	t.Helper()
	var want []Row
	for _, it := range m.records() {
		want = append(want, m.row(it))
	}
	for _, r := range pages(t, x, Query{Limit: 7}) { // what is due is computed by who reads
		if !slices.Contains(want, r) {
			t.Fatalf("seed %d: before all is computed: got\n%+v\nwant one of\n%s", seed, r, list(want))
		}
	}
	x.settle()
	if got := pages(t, x, Query{Limit: 7}); !slices.Equal(got, want) {
		t.Fatalf("seed %d: got\n%s\nwant\n%s", seed, list(got), list(want))
	}
	for _, handle := range []string{"kr-seoul", "kr", "fr-paris"} {
		var mine []Row
		next := uint64(1)
		for _, r := range want {
			if r.Member == handle {
				mine = append(mine, r)
			}
		}
		for _, it := range m.items {
			if h := it.Entry.Header(); m.member[it.Entry.Feed()] == handle && h.Kind.IsRecord() && !h.Of.Defined() {
				next = max(next, h.Number+1)
			}
		}
		if got := pages(t, x, Query{Member: handle}); !slices.Equal(got, mine) || x.Count(handle) != len(mine) {
			t.Fatalf("seed %d: %s has\n%s\nwant\n%s", seed, handle, list(got), list(mine))
		}
		if got := x.NextNumber(handle); got != next {
			t.Fatalf("seed %d: next number of %s is %d, want %d", seed, handle, got, next)
		}
		for n := range 5 {
			ref := fmt.Sprintf("%s-%d", handle, n)
			want, reason := m.lookup(ref)
			got, err := x.Lookup(ref)
			if protocol.ReasonOf(err) != reason || got != want {
				t.Fatalf("seed %d: %s is %+v, %v; want %+v, %v", seed, ref, got, err, want, reason)
			}
		}
	}
	for _, it := range m.items {
		id := it.Entry.ID()
		want, reason := m.lookup(id.String())
		got, err := x.Lookup(id.String())
		if protocol.ReasonOf(err) != reason || got != want {
			t.Fatalf("seed %d: entry %d of %s: got %+v, %v; want %+v, %v", seed, it.Entry.Seq(), m.member[it.Entry.Feed()], got, err, want, reason)
		}
		if r, ok := x.Record(id); ok != (reason == protocol.ReasonNone) || r != want {
			t.Fatalf("seed %d: Record and Lookup differ", seed)
		}
	}
	for _, r := range want {
		checkHistory(t, seed, x, m, r)
	}
}

func checkHistory(t *testing.T, seed uint64, x *tested, m *model, r Row) {
	t.Helper()
	roles := map[Role]int{}
	last := Unlimited
	for _, s := range x.History(r.Record) {
		roles[s.Role]++
		if s.Seq >= last {
			t.Fatalf("seed %d: the history is out of order", seed)
		}
		last = s.Seq
		if s.Role == RoleCurrent && (s.Place != r.Current || s.Erased != r.Erased) {
			t.Fatalf("seed %d: the history has another current version", seed)
		}
	}
	about := 1
	for _, it := range m.items {
		if it.Entry.Header().Of == r.Record && isChange(it.Entry.Kind()) {
			about++
		}
	}
	total := 0
	for _, n := range roles {
		total += n
	}
	if total != about || roles[RoleCurrent] != 1 || roles[RoleRival] != r.Rivals ||
		roles[RoleCurrent]+roles[RoleRival]+roles[RoleSuperseded] != 1+r.Revisions || (roles[RoleWithdrawal] > 0) != r.Withdrawn {
		t.Fatalf("seed %d: roles %v of %+v, %d entries", seed, roles, r, about)
	}
}

func list(rows []Row) string {
	var b strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&b, "%+v\n", r)
	}
	return b.String()
}

// The same entries, whichever feed's come first and with revisions before what they
// revise, make the same records; only local numbers differ.
func TestIndex_OrderOfArrivalDoesNotMatter(t *testing.T) {
	for seed := range uint64(10) {
		rng := rand.New(rand.NewPCG(seed, 4))
		w := newWorld(t)
		scribble(w, rng, 80)
		cut := w.feeds[rng.IntN(4)]
		count := uint64(rng.IntN(len(cut.entries)))
		var want []Row
		for order := range 6 {
			var items []Item
			rest := make([]int, len(w.feeds))
			for len(items) < int(w.local) {
				i := rng.IntN(len(w.feeds))
				f := w.feeds[i]
				for n := rng.IntN(20); n > 0 && rest[i] < len(f.items); n-- {
					it := f.items[rest[i]]
					it.Seq = uint64(len(items) + 1)
					items = append(items, it)
					rest[i]++
				}
			}
			x := w.empty()
			at := rng.IntN(len(items))
			x.Add(items[:at]...)
			if order%2 == 0 {
				x.Restand(cut.feed, cut.member, count)
				x.Add(items[at:]...)
			} else {
				x.Add(items[at:]...)
				x.Restand(cut.feed, cut.member, count)
			}
			x.settle()
			got := pages(t, x, Query{})
			for i := range got {
				got[i].Seq, got[i].Current.Seq, got[i].Withdrawal.Seq = 0, 0, 0
				if number := got[i].Number; number != "" {
					r, err := x.Lookup(number)
					if err != nil || r.Record != got[i].Record {
						t.Fatalf("seed %d: %s is %+v, %v", seed, number, r, err)
					}
				}
			}
			slices.SortFunc(got, func(a, b Row) int { return bytes.Compare(a.Record.Bytes(), b.Record.Bytes()) })
			if order == 0 {
				want = got
			} else if !slices.Equal(got, want) {
				t.Fatalf("seed %d, order %d: got\n%s\nwant\n%s", seed, order, list(got), list(want))
			}
		}
	}
}
