package index

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/dure-net/dure/protocol"
)

func pages(t *testing.T, x *tested, q Query) (all []Row) {
	t.Helper()
	for range 10_000 {
		p, err := x.Page(q)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Rows) > max(q.Limit, DefaultLimit) || (p.Next != (Mark{}) && len(p.Rows) == 0) {
			t.Fatalf("a page of %d rows, next %v", len(p.Rows), p.Next)
		}
		all = append(all, p.Rows...)
		if p.Next == (Mark{}) {
			return all
		}
		q.After = p.Next
	}
	t.Fatal("the pages do not end")
	return nil
}

func TestPage_FiltersAndLimits(t *testing.T) {
	w := newWorld(t)
	rng := rand.New(rand.NewPCG(7, 7))
	writers := []*scribe{w.writer("kr-seoul"), w.writer("kr-seoul"), w.writer("fr-paris"), w.writer("")}
	for range 500 {
		f := writers[rng.IntN(len(writers))]
		f.publish(protocol.KindProfile+protocol.Kind(rng.IntN(6)), 0)
	}
	x := w.index()
	x.Restand(writers[2].feed, "fr-paris", 60)
	types := [][]string{nil, {"offer"}, {"offer", "request"}, {"notice", "profile", "notice"}, {"experience", "project", "offer", "request", "notice", "profile"}}
	for _, names := range types {
		for _, handle := range []string{"", "kr-seoul", "fr-paris", "it-bologna"} {
			for _, limit := range []int{0, 1, 7, 1000} {
				var want []protocol.RecordID
				for _, it := range slices.Backward(w.items()) {
					e := it.Entry
					if !e.Kind().IsRecord() || w.byID[it.Entry.Feed()].member == "" || (handle != "" && w.byID[it.Entry.Feed()].member != handle) ||
						(names != nil && !slices.Contains(names, e.Kind().String())) || (w.byID[it.Entry.Feed()].member == "fr-paris" && e.Seq() >= 60) {
						continue
					}
					want = append(want, e.ID())
				}
				var got []protocol.RecordID
				for _, r := range pages(t, x, Query{Types: names, Member: handle, Limit: limit}) {
					got = append(got, r.Record)
				}
				if !slices.Equal(got, want) {
					t.Errorf("types %v of %q by %d: %d records, want %d", names, handle, limit, len(got), len(want))
				}
			}
		}
	}
	if x.Count("fr-paris") != len(pages(t, x, Query{Member: "fr-paris"})) || x.Count("") != len(pages(t, x, Query{})) {
		t.Error("counts and lists differ")
	}
}

func TestPage_LastPageHasNoNext(t *testing.T) {
	w := newWorld(t)
	seoul := w.writer("kr-seoul")
	for range 6 {
		seoul.publish(protocol.KindOffer, 0)
	}
	x := w.index()
	p, err := x.Page(Query{Limit: 6})
	if err != nil || len(p.Rows) != 6 || p.Next != (Mark{}) {
		t.Errorf("%d rows, next %v, %v", len(p.Rows), p.Next, err)
	}
	p, _ = x.Page(Query{Limit: 5})
	if len(p.Rows) != 5 || p.Next.Seq != p.Rows[4].Seq {
		t.Errorf("%d rows, next %v", len(p.Rows), p.Next)
	}
	p, _ = x.Page(Query{Limit: 5, After: p.Next})
	if len(p.Rows) != 1 || p.Next != (Mark{}) {
		t.Errorf("%d rows, next %v", len(p.Rows), p.Next)
	}
	if p, err := newWorld(t).empty().Page(Query{}); err != nil || len(p.Rows) != 0 || p.Next != (Mark{}) {
		t.Errorf("an empty index lists %v, %v", p, err)
	}
}

func TestPage_WrongQueries(t *testing.T) {
	x := newWorld(t).empty()
	for _, q := range []Query{{Types: []string{"offers"}}, {Types: []string{"offer", ""}}, {Types: []string{"decision"}}, {Types: []string{"withdraw"}}} {
		_, err := x.Page(q)
		if e := wantReason(t, err, protocol.ReasonUsage); e.Field != "type" {
			t.Errorf("field %q", e.Field)
		}
	}
	for _, limit := range []int{-1, MaxLimit + 1} {
		_, err := x.Page(Query{Limit: limit})
		if e := wantReason(t, err, protocol.ReasonUsage); e.Field != "limit" {
			t.Errorf("field %q", e.Field)
		}
	}
}

// Whoever pages sees each record that was there at the beginning once, while records
// come in, are revised and withdrawn.
func TestPage_StableWhileEntriesArrive(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 1))
		w := newWorld(t)
		writers := []*scribe{w.writer("kr-seoul"), w.writer("fr-paris"), w.writer("kr-seoul")}
		var known []protocol.Entry
		for range 100 {
			known = append(known, writers[rng.IntN(3)].publish(protocol.KindProfile+protocol.Kind(rng.IntN(6)), 0))
		}
		x := w.index()
		q := Query{Limit: 1 + rng.IntN(9)}
		if rng.IntN(2) == 0 {
			q.Member = "kr-seoul"
		}
		if rng.IntN(2) == 0 {
			q.Types = []string{"offer", "notice"}
		}
		want := pages(t, x, q)
		var got []Row
		for {
			p, err := x.Page(q)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, p.Rows...)
			if p.Next == (Mark{}) {
				break
			}
			q.After = p.Next
			for range rng.IntN(5) {
				f := writers[rng.IntN(3)]
				switch rng.IntN(3) {
				case 0:
					f.publish(protocol.KindOffer, 0)
				case 1:
					e := known[rng.IntN(len(known))]
					f.revise(e, e)
				case 2:
					f.withdraw(known[rng.IntN(len(known))])
				}
				x.Add(f.items[len(f.items)-1])
			}
		}
		if len(got) != len(want) {
			t.Fatalf("seed %d: %d records, want %d", seed, len(got), len(want))
		}
		for i := range got {
			if got[i].Record != want[i].Record || got[i].Seq != want[i].Seq {
				t.Fatalf("seed %d: record %d is another", seed, i)
			}
		}
	}
}
