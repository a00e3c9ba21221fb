package index

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/dure-net/dure/protocol"
)

func TestIndex_RevisionsOfOneNode(t *testing.T) {
	w := newWorld(t)
	seoul := w.writer("kr-seoul")
	first := seoul.publish(protocol.KindOffer, 1)
	second := seoul.revise(first, first)
	third := seoul.revise(first, second)
	x := w.index()
	r := mustRow(t, x, "kr-seoul-1")
	if r.Record != first.ID() || r.Current.Entry != third.ID() || r.Revisions != 2 || r.Rivals != 0 || r.Withdrawn || r.Erased {
		t.Errorf("got %+v", r)
	}
	if r.Member != "kr-seoul" || r.Number != "kr-seoul-1" || r.Kind != protocol.KindOffer || r.Seq != 2 ||
		r.Current.Seq != 4 || r.Current.Feed != seoul.feed || r.Current.FeedSeq != 3 {
		t.Errorf("got %+v", r)
	}
	for _, e := range []protocol.Entry{first, second, third} {
		if got, ok := x.Record(e.ID()); !ok || got != r {
			t.Errorf("by version %d: %+v", e.Seq(), got)
		}
		if got := mustRow(t, x, e.ID().String()); got != r {
			t.Errorf("by version %d: %+v", e.Seq(), got)
		}
	}
}

// Domain case 4: one member edits one listing on two nodes that are cut off from each
// other. The larger (sequence, id) wins everywhere; the other stays in the history.
func TestIndex_RevisionsOnTwoNodesAtOnce(t *testing.T) {
	w := newWorld(t)
	one, two := w.writer("kr-seoul"), w.writer("kr-seoul")
	first := one.publish(protocol.KindOffer, 1)
	a := one.revise(first, first)
	two.publish(protocol.KindNotice, 2)
	b := two.revise(first, first)
	if a.Seq() != b.Seq() {
		t.Fatal("the case needs equal sequences")
	}
	winner, loser := a, b
	if slices.Compare(b.ID().Bytes(), a.ID().Bytes()) > 0 {
		winner, loser = b, a
	}
	x := w.index()
	r := mustRow(t, x, "kr-seoul-1")
	if r.Current.Entry != winner.ID() || r.Rivals != 1 || r.Revisions != 2 {
		t.Errorf("got %+v", r)
	}
	roles := map[protocol.EntryID]Role{}
	for _, s := range x.History(first.ID()) {
		roles[s.Entry] = s.Role
	}
	if roles[winner.ID()] != RoleCurrent || roles[loser.ID()] != RoleRival || roles[first.ID()] != RoleSuperseded || len(roles) != 3 {
		t.Errorf("roles %v", roles)
	}
	// Longer chains win over higher ids, and a version that builds on the loser ends it.
	c := two.revise(first, b)
	x.Add(two.items[len(two.items)-1])
	if r := mustRow(t, x, "kr-seoul-1"); r.Current.Entry != c.ID() || r.Rivals != 1 {
		t.Errorf("got %+v", r)
	}
	d := one.revise(first, c)
	x.Add(one.items[len(one.items)-1])
	if r := mustRow(t, x, "kr-seoul-1"); d.Seq() != c.Seq() || r.Current.Entry != pick(a, d).ID() {
		t.Errorf("got %+v", r)
	}
}

// pick is the later of two versions.
func pick(a, b protocol.Entry) protocol.Entry {
	if a.Seq() > b.Seq() || a.Seq() == b.Seq() && slices.Compare(a.ID().Bytes(), b.ID().Bytes()) > 0 {
		return a
	}
	return b
}

func TestIndex_OthersCannotChangeARecord(t *testing.T) {
	w := newWorld(t)
	seoul, paris, nobody := w.writer("kr-seoul"), w.writer("fr-paris"), w.writer("")
	first := seoul.publish(protocol.KindOffer, 1)
	paris.revise(first, first)
	paris.withdraw(first)
	paris.erase(first)
	nobody.revise(first, first)
	nobody.publish(protocol.KindOffer, 1)
	seoul.write(protocol.Header{Kind: protocol.KindRequest, Of: first.ID(), Refs: []protocol.CID{first.ID()}})
	x := w.index()
	r := mustRow(t, x, "kr-seoul-1")
	if r.Current.Entry != first.ID() || r.Revisions != 0 || r.Withdrawn || r.Erased {
		t.Errorf("got %+v", r)
	}
	for _, s := range x.History(first.ID())[:5] {
		if s.Role != RoleSetAside {
			t.Errorf("%s of somebody else is %s", s.Kind, s.Role)
		}
	}
	if p, _ := x.Page(Query{}); len(p.Rows) != 1 || x.Count("") != 1 || x.Count("fr-paris") != 0 || x.Count("nowhere") != 0 {
		t.Errorf("%d rows", len(p.Rows))
	}
	wantReason(t, lookupError(x, "-1"), protocol.ReasonNotFound)
}

func lookupError(x *tested, ref string) error { _, err := x.Lookup(ref); return err }

func TestIndex_WithdrawalIsFinal(t *testing.T) {
	w := newWorld(t)
	one, two := w.writer("kr-seoul"), w.writer("kr-seoul")
	first := one.publish(protocol.KindOffer, 1)
	wd := one.withdraw(first)
	crossed := two.revise(first, first)
	x := w.index()
	r := mustRow(t, x, "kr-seoul-1")
	if !r.Withdrawn || r.Withdrawal.Entry != wd.ID() || r.Current.Entry != crossed.ID() {
		t.Errorf("got %+v", r)
	}
	later := two.withdraw(first)
	x.Add(two.items[len(two.items)-1])
	if r := mustRow(t, x, "kr-seoul-1"); r.Withdrawal.Entry != pick(wd, later).ID() {
		t.Errorf("got %+v", r)
	}
}

func TestIndex_Erasure(t *testing.T) {
	w := newWorld(t)
	seoul := w.writer("kr-seoul")
	first := seoul.publish(protocol.KindOffer, 1)
	second := seoul.revise(first, first)
	whole := seoul.publish(protocol.KindOffer, 2)
	seoul.erase(first, first)
	seoul.erase(whole)
	byAct := seoul.publish(protocol.KindOffer, 3)
	x := w.index()
	if r := mustRow(t, x, "kr-seoul-1"); r.Erased {
		t.Error("the body of an old version was erased, not the current one")
	}
	for _, s := range x.History(first.ID()) {
		if want := s.Entry == first.ID(); s.Erased != want {
			t.Errorf("%+v", s)
		}
	}
	if r := mustRow(t, x, "kr-seoul-2"); !r.Erased {
		t.Error("not erased")
	}
	seoul.erase(first, first, second)
	x.Add(seoul.items[len(seoul.items)-1])
	if r := mustRow(t, x, "kr-seoul-1"); !r.Erased {
		t.Error("not erased")
	}
	x.SetErased([]protocol.EntryID{byAct.ID()})
	if r := mustRow(t, x, "kr-seoul-3"); !r.Erased {
		t.Error("not erased by the act")
	}
	x.SetErased(nil)
	if r := mustRow(t, x, "kr-seoul-3"); r.Erased {
		t.Error("the act is gone, its erasure is not")
	}
}

func TestIndex_RestandCanBeTakenBack(t *testing.T) {
	w := newWorld(t)
	one, two := w.writer("kr-seoul"), w.writer("kr-seoul")
	first := one.publish(protocol.KindOffer, 1)
	second := two.revise(first, first)
	wd := two.withdraw(first)
	x := w.index()
	before := mustRow(t, x, "kr-seoul-1")
	if before.Current.Entry != second.ID() || !before.Withdrawn {
		t.Fatalf("got %+v", before)
	}
	x.Restand(two.feed, "kr-seoul", wd.Seq())
	if r := mustRow(t, x, "kr-seoul-1"); r.Withdrawn || r.Current.Entry != second.ID() {
		t.Errorf("without the withdrawal: %+v", r)
	}
	x.Restand(two.feed, "kr-seoul", 0)
	if r := mustRow(t, x, "kr-seoul-1"); r.Current.Entry != first.ID() || r.Revisions != 0 {
		t.Errorf("without the second node: %+v", r)
	}
	x.Restand(one.feed, "", Unlimited)
	wantReason(t, lookupError(x, first.ID().String()), protocol.ReasonSetAside)
	x.Restand(one.feed, "kr-seoul", first.Seq())
	wantReason(t, lookupError(x, "kr-seoul-1"), protocol.ReasonSetAside)
	if p, err := x.Page(Query{}); err != nil || len(p.Rows) != 0 || p.Next != (Mark{}) || x.Count("kr-seoul") != 0 || x.History(first.ID()) != nil {
		t.Errorf("a record that does not count is listed: %v", err)
	}
	if _, ok := x.Record(first.ID()); ok {
		t.Error("a record that does not count is found")
	}
	if n := x.NextNumber("kr-seoul"); n != 2 {
		t.Errorf("the number of a record set aside is given again: %d", n)
	}
	x.Restand(one.feed, "kr-seoul", Unlimited)
	x.Restand(two.feed, "kr-seoul", Unlimited)
	if r := mustRow(t, x, "kr-seoul-1"); r != before {
		t.Errorf("got %+v, want %+v", r, before)
	}
}

func TestIndex_FeedToldOfBeforeItsEntries(t *testing.T) {
	w := newWorld(t)
	seoul := w.writer("kr-seoul")
	for n := range uint64(4) {
		seoul.publish(protocol.KindOffer, n+1)
	}
	y := w.empty()
	y.Restand(seoul.feed, "kr-seoul", 2)
	for _, it := range w.items()[:2] {
		y.Add(it)
	}
	if got := y.Count(""); got != 1 {
		t.Errorf("%d records count, want 1", got)
	}
}

func TestIndex_Numbers(t *testing.T) {
	w := newWorld(t)
	one, two, other := w.writer("kr-seoul"), w.writer("kr-seoul"), w.writer("kr")
	a := one.publish(protocol.KindOffer, 41)
	b := two.publish(protocol.KindOffer, 41)
	c := other.publish(protocol.KindOffer, 41)
	d := one.publish(protocol.KindOffer, 42)
	one.publish(protocol.KindOffer, 0)
	huge := one.publish(protocol.KindOffer, protocol.MaxNumber)
	x := w.index()
	if r := mustRow(t, x, b.ID().String()); r.Number != "" || r.Given != "kr-seoul-41" {
		t.Errorf("the later of two with one number is %+v", r)
	}
	for ref, entry := range map[string]protocol.Entry{"kr-seoul-41": a, "kr-41": c, "kr-seoul-42": d, " KR-Seoul-42\n": d, "kr-seoul-9007199254740991": huge} {
		if r := mustRow(t, x, ref); r.Record != entry.ID() {
			t.Errorf("%s is %+v", ref, r)
		}
	}
	for _, ref := range []string{"", "-", "41", "kr-seoul-", "kr-seoul-0", "kr-seoul-041", "kr-seoul-+41", "kr-seoul-43", "seoul-41", "kr-seoul-18446744073709551616", strings.Repeat("ü", 200)} {
		e := wantReason(t, lookupError(x, ref), protocol.ReasonNotFound)
		if len(e.ID) > 90 {
			t.Errorf("the error repeats %d bytes", len(e.ID))
		}
	}
	for handle, want := range map[string]uint64{"kr-seoul": 43, "kr": 42, "fr-paris": 1} {
		if got := x.NextNumber(handle); got != want {
			t.Errorf("next of %s is %d, want %d", handle, got, want)
		}
	}
	// When the one that has it is cut, the other has it.
	x.Restand(one.feed, "kr-seoul", 1)
	if r := mustRow(t, x, "kr-seoul-41"); r.Record != b.ID() || r.Number != "kr-seoul-41" || r.Given != "" {
		t.Errorf("got %+v", r)
	}
	x.Restand(one.feed, "kr-seoul", Unlimited)
	// Of one writer's two the earlier has it.
	one.publish(protocol.KindRequest, 42)
	x.Add(one.items[len(one.items)-1])
	if r := mustRow(t, x, "kr-seoul-42"); r.Record != d.ID() {
		t.Errorf("got %+v", r)
	}
}

func TestIndex_Prefixes(t *testing.T) {
	w := newWorld(t)
	seoul := w.writer("kr-seoul")
	var all []protocol.Entry
	for n := range uint64(100) {
		all = append(all, seoul.publish(protocol.KindNotice, n+1))
	}
	x := w.index()
	for _, e := range all {
		id := e.ID().String()
		for n := MinPrefix; n <= len(id); n++ {
			matches := 0
			for _, other := range all {
				if strings.HasPrefix(other.ID().String(), id[:n]) {
					matches++
				}
			}
			refs := []string{id[:n], strings.ToUpper(id[:n])}
			if n >= len(cidHead)+MinPrefix && !strings.HasPrefix(id[len(cidHead):], cidHead) {
				refs = append(refs, id[len(cidHead):n])
			}
			for _, ref := range refs {
				r, err := x.Lookup(ref)
				if matches > 1 {
					wantReason(t, err, protocol.ReasonAmbiguous)
				} else if err != nil || r.Record != e.ID() {
					t.Fatalf("%q: %v", ref, err)
				}
			}
		}
		for _, ref := range []string{id[:MinPrefix-1], id + "a", id[:20] + "1", id[:20] + "é", "c" + id[1:], id[:len(id)-1] + "7"} {
			if ref == id {
				continue
			}
			if err := lookupError(x, ref); protocol.ReasonOf(err) != protocol.ReasonNotFound {
				t.Fatalf("%q: %v", ref, err)
			}
		}
	}
	raw := protocol.SumRaw([]byte("chunk")).String()
	wantReason(t, lookupError(x, raw), protocol.ReasonNotFound)
	e := wantReason(t, lookupError(x, all[0].ID().String()[:8]), protocol.ReasonAmbiguous)
	if n := len(strings.Fields(e.Args["candidates"])); n != maxNamed {
		t.Errorf("%d candidates are listed, want %d", n, maxNamed)
	}
}

func TestIndex_AddTwiceChangesNothing(t *testing.T) {
	w := newWorld(t)
	seoul := w.writer("kr-seoul")
	first := seoul.publish(protocol.KindOffer, 1)
	seoul.revise(first, first)
	seoul.withdraw(first)
	seoul.erase(first, first)
	x := w.index()
	before, history := mustRow(t, x, "kr-seoul-1"), x.History(first.ID())
	again := w.items()
	for i := range again {
		again[i].Seq += 100
	}
	x.Add(again...)
	if r := mustRow(t, x, "kr-seoul-1"); r != before || !slices.Equal(history, x.History(first.ID())) {
		t.Errorf("got %+v, want %+v", r, before)
	}
	if p, _ := x.Page(Query{}); len(p.Rows) != 1 {
		t.Errorf("%d rows", len(p.Rows))
	}
}

// A record of a thousand revisions that come one by one is resolved when it is read,
// so that a writer cannot slow others down by revising.
func TestIndex_ManyRevisionsOfOneRecord(t *testing.T) {
	w := newWorld(t)
	seoul := w.writer("kr-seoul")
	first := seoul.publish(protocol.KindOffer, 1)
	last := first
	for range 3_000 {
		last = seoul.revise(first, last)
	}
	x := w.empty()
	items := w.items()
	slices.Reverse(items)
	for _, it := range items {
		x.Add(it)
	}
	if r := mustRow(t, x, "kr-seoul-1"); r.Current.Entry != last.ID() || r.Revisions != 3_000 || r.Rivals != 0 {
		t.Errorf("got %+v", r)
	}
}

func TestIndex_ReadersAndWritersAtOnce(t *testing.T) {
	w := newWorld(t)
	readAndWrite(t, w, w.empty())
}

// A start on a full disk failed, because SQLite's files had no room.
func TestOpen_InMemoryWhereTheDiskTakesNothing(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, fileName), 0o700); err != nil { // as bad as a full disk
		t.Fatal(err)
	}
	w := newWorld(t)
	x, err := Open(Config{Dir: dir, Source: w})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	if x.memory == "" {
		t.Fatal("there is a file")
	}
	readAndWrite(t, w, &tested{x, w, map[protocol.FeedID]bool{}})
	if err := x.renew(); err != nil {
		t.Fatal(err)
	}
	if n, err := x.NextNumber("kr-seoul"); err != nil || n != 1 {
		t.Errorf("renewed, it gives number %d, %v", n, err)
	}
	// What it says of itself is what one on a disk says, and another one is another.
	y, err := Open(Config{Dir: dir, Source: w})
	if err != nil {
		t.Fatal(err)
	}
	defer y.Close()
	if n, err := y.NextNumber("kr-seoul"); err != nil || n != 1 {
		t.Errorf("another index gives number %d, %v", n, err)
	}
}

func readAndWrite(t *testing.T, w *world, x *tested) {
	t.Helper()
	a, b := w.writer("kr-seoul"), w.writer("kr-seoul")
	var firsts []protocol.Entry
	for n := range uint64(200) {
		e := a.publish(protocol.KindOffer, n+1)
		firsts = append(firsts, e)
		b.revise(e, e)
	}
	items := w.items()
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range items {
			x.Add(items[i])
			if i%50 == 0 {
				x.Restand(b.feed, "kr-seoul", uint64(i))
			}
		}
		x.Restand(b.feed, "kr-seoul", Unlimited)
	})
	for range 3 {
		wg.Go(func() {
			for i := range 200 {
				p, err := x.Page(Query{Member: "kr-seoul", Limit: 20})
				if err != nil {
					t.Error(err)
				}
				for _, r := range p.Rows {
					if r.Revisions > 1 || r.Member != "kr-seoul" {
						t.Errorf("got %+v", r)
					}
				}
				x.History(firsts[i].ID())
				x.Record(firsts[i].ID())
				x.Count("")
				x.NextNumber("kr-seoul")
			}
		})
	}
	wg.Wait()
	if r := mustRow(t, x, "kr-seoul-200"); r.Revisions != 1 || x.Count("") != 200 {
		t.Errorf("got %+v", r)
	}
}

func FuzzLookup(f *testing.F) {
	w := newWorld(f)
	seoul := w.writer("kr-seoul")
	first := seoul.publish(protocol.KindOffer, 41)
	x := w.index()
	id := first.ID().String()
	for _, ref := range []string{"kr-seoul-41", id, id[:8], id[7:20], "bafyreia", "-", ""} {
		f.Add(ref)
	}
	f.Fuzz(func(t *testing.T, ref string) {
		r, err := x.Lookup(ref)
		if err != nil {
			if protocol.ReasonOf(err) != protocol.ReasonNotFound || len(err.Error()) > 300 {
				t.Fatal(err)
			}
			return
		}
		name := strings.ToLower(strings.TrimSpace(ref))
		if r.Record != first.ID() || (name != "kr-seoul-41" && !strings.HasPrefix(id, name) && !strings.HasPrefix(id[len(cidHead):], name)) {
			t.Fatalf("%q names the record", ref)
		}
	})
}
