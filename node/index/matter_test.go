package index

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// folds are members and decisions that a test sets, and agreements that are what their
// first proposal's title says.
type folds struct {
	w *world

	mu      sync.Mutex // guards all below
	charter []Matter
	parts   map[protocol.EntryID]protocol.EntryID // proposals and their threads
	gone    map[protocol.EntryID]bool             // threads that do not stand
	said    map[protocol.EntryID]string           // what is said in a thread since
	day     record.Day
}

func (f *folds) Charter() []Matter {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.charter)
}

func (f *folds) Today() record.Day {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.day
}

func (f *folds) Agreement(id protocol.EntryID) (Matter, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	root, ok := f.parts[id]
	if !ok || f.gone[root] {
		return Matter{}, false
	}
	return Matter{Kind: MatterAgreement, Name: root.String(), By: root, Titles: []string{"돌봄 협약 " + f.said[root]}, Members: []string{"kr-seoul", "fr-paris"},
		State: "proposed", Langs: []string{"ko"}}, true
}

func (f *folds) set(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
}

func member(handle, country string, names ...string) Matter {
	return Matter{Kind: MatterMember, Name: handle, Titles: names, Words: []string{handle}, Members: []string{handle}, Country: country, State: "member", Category: []string{"city"}}
}

// matterWorld has two members, an act by an entry, an agreement of two proposals, and
// notices that say the same words.
func matterWorld(t testing.TB) (*world, *folds, map[string]protocol.Entry) {
	w := newWorld(t)
	seoul, paris := w.writer("kr-seoul"), w.writer("fr-paris")
	made := map[string]protocol.Entry{}
	made["notice"] = seoul.write(w.body(protocol.Header{Kind: protocol.KindNotice, Number: 1}, notice("서울의 주거 정책")))
	made["decision"] = seoul.write(protocol.Header{Kind: protocol.KindDecision})
	made["proposal"] = seoul.publish(protocol.KindProposal, 2)
	made["counter"] = paris.write(protocol.Header{Kind: protocol.KindProposal, Refs: []protocol.CID{made["proposal"].ID()}})
	made["later"] = paris.write(w.body(protocol.Header{Kind: protocol.KindNotice, Number: 3}, notice("서울 주거 교류")))
	f := &folds{w: w, day: "2026-11-23", gone: map[protocol.EntryID]bool{}, said: map[protocol.EntryID]string{},
		parts: map[protocol.EntryID]protocol.EntryID{made["proposal"].ID(): made["proposal"].ID(), made["counter"].ID(): made["proposal"].ID()}}
	f.charter = []Matter{
		member("kr-seoul", "KR", "서울특별시", "Seoul"), member("fr-paris", "FR", "파리", "Paris"),
		{Kind: MatterAct, Name: "act-1", By: made["decision"].ID(), Time: time.UnixMilli(5000), Titles: []string{"서울 가입 결정"}, Members: []string{"kr-seoul"}, State: "act", Category: []string{"admit"}, Langs: []string{"ko"}},
	}
	return w, f, made
}

// names lists hits as text.
func names(p SearchPage) string {
	var out []string
	for _, h := range p.Hits {
		if h.Kind > 0 {
			out = append(out, h.Kind.String()+" "+h.Name)
		} else {
			out = append(out, h.Row.Kind.String()+" "+h.Row.Number)
		}
	}
	return strings.Join(out, ", ")
}

var published = []string{"profile", "project", "experience", "offer", "request", "notice", "collection"}

func everything(text string) Search {
	return Search{Query: Query{Text: text, Types: published}, Kinds: MatterKinds()}
}

// said is all that an index answers about matters, for comparison.
func matterAnswers(t testing.TB, x *Index) string {
	t.Helper()
	var b strings.Builder
	for _, text := range []string{"", "서울", "seoul", "협약", "paris", "주거", "kr-seoul"} {
		q := everything(text)
		for _, limit := range []int{1, 3, 50} {
			q.Limit, q.From = limit, SearchMark{}
			for {
				p, err := x.Search(q)
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(&b, "%q by %d: %s\n", text, limit, names(p))
				if q.From = p.Next; p.Next == (SearchMark{}) {
					break
				}
			}
		}
		f, err := x.SearchFacets(q)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%+v\n", f)
		fresh, err := x.Fresh(q, Seen{}, nil, 1000, 10)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%+v\n", fresh)
	}
	return b.String()
}

func TestSearch_FindsMembersActsAndAgreements(t *testing.T) {
	w, f, made := matterWorld(t)
	l := w.log(w.items())
	l.folds = f
	thread := made["proposal"].ID().String()
	followed(t, t.TempDir(), l, func(x *Index, fl *Follower) {
		whole(t, l, fl)
		check := func(q Search, want string) {
			t.Helper()
			p, err := x.Search(q)
			if err != nil || names(p) != want {
				t.Errorf("got %q, want %q, %v", names(p), want, err)
			}
		}
		check(everything("서울"), "act act-1, member kr-seoul, notice fr-paris-3, notice kr-seoul-1")
		check(everything("seoul"), "member kr-seoul")
		check(everything("협약"), "agreement "+thread)
		check(everything(""), "act act-1, member fr-paris, member kr-seoul, agreement "+thread+", notice fr-paris-3, notice kr-seoul-1")
		check(Search{Query: Query{Types: published, Text: "서울"}, Kinds: []MatterKind{MatterAct}, NoRecords: true}, "act act-1")
		check(Search{Query: Query{Types: published, Text: "서울", Member: "fr-paris"}, Kinds: MatterKinds()}, "notice fr-paris-3")
		check(Search{Query: Query{Types: published, Where: []Condition{{FacetState, []string{"proposed"}}}}, Kinds: MatterKinds()}, "agreement "+thread)
		check(Search{Query: Query{Types: published, Where: []Condition{{FacetMode, []string{"remote"}}}}, Kinds: MatterKinds()}, "")
		ranked := everything("서울")
		ranked.Sort = SortRelevance
		if p, err := x.Search(ranked); err != nil || len(p.Hits) != 4 || p.Hits[0].Kind == 0 || p.Hits[1].Kind == 0 {
			t.Errorf("ranked: %q, %v", names(p), err)
		}
		counted, err := x.SearchFacets(Search{Query: Query{Types: published, Text: "서울"}, Kinds: []MatterKind{MatterMember}, NoRecords: true})
		if err != nil || counted.Total != 1 || fmt.Sprint(counted.Values[FacetType]) != "[{notice 2} {act 1} {member 1}]" || fmt.Sprint(counted.Values[FacetCountry]) != "[{KR 1}]" {
			t.Errorf("got %+v, %v", counted, err)
		}
	})
}

// A page of any size tells each hit once, also where matters end and records begin.
func TestSearch_Pages(t *testing.T) {
	w, f, _ := matterWorld(t)
	for i := range 9 {
		m := member(fmt.Sprintf("kr-gu%d", i), "KR", "서울 자치구")
		m.Time = time.UnixMilli(int64(i / 3)) // several at one time
		f.charter = append(f.charter, m)
	}
	l := w.log(w.items())
	l.folds = f
	followed(t, t.TempDir(), l, func(x *Index, fl *Follower) {
		whole(t, l, fl)
		for _, order := range []Sort{SortNewest, SortRelevance} {
			all := everything("서울")
			all.Sort = order
			want, err := x.Search(all)
			if err != nil || len(want.Hits) != 13 || want.Next != (SearchMark{}) {
				t.Fatal(names(want), err)
			}
			for limit := 1; limit < 15; limit++ {
				q := everything("서울")
				q.Sort, q.Limit = order, limit
				var got SearchPage
				for {
					p, err := x.Search(q)
					if err != nil || len(p.Hits) == 0 || len(p.Hits) > limit {
						t.Fatalf("by %d: a page of %d, %v", limit, len(p.Hits), err)
					}
					got.Hits = append(got.Hits, p.Hits...)
					if q.From = p.Next; p.Next == (SearchMark{}) {
						break
					}
				}
				if names(got) != names(want) {
					t.Errorf("%s by %d: got %s, want %s", order, limit, names(got), names(want))
				}
			}
		}
	})
}

// What does not stand any more is not found any more, and a rebuild says the same.
func TestSearch_RetractsMatters(t *testing.T) {
	w, f, made := matterWorld(t)
	l, dir := w.log(w.items()), t.TempDir()
	l.folds = f
	root := made["proposal"].ID()
	followed(t, dir, l, func(x *Index, fl *Follower) {
		whole(t, l, fl)
		same := func(what string) {
			t.Helper()
			whole(t, l, fl)
			got := matterAnswers(t, x)
			followed(t, t.TempDir(), l, func(x *Index, fl *Follower) {
				whole(t, l, fl)
				if want := matterAnswers(t, x); got != want {
					t.Errorf("%s: live\n%s\nrebuilt\n%s", what, got, want)
				}
			})
		}
		count := func(text string, want int) {
			t.Helper()
			whole(t, l, fl)
			if p, err := x.Search(everything(text)); err != nil || len(p.Hits) != want {
				t.Errorf("%s: %s, want %d, %v", text, names(p), want, err)
			}
		}
		same("at first")

		// Something is said in the thread.
		f.set(func() { f.said[root] = "확정" })
		w.feeds[1].write(protocol.Header{Kind: protocol.KindAcceptance, Of: root, Refs: []protocol.CID{made["counter"].ID()}})
		l.append(w.items()[w.local-1])
		count("확정", 1)
		same("accepted")

		// A cut takes a version away, and the thread with it; then it comes back.
		f.set(func() { f.gone[root] = true })
		paris := w.feeds[1]
		l.set(Limit{paris.feed, paris.member, 1})
		count("협약", 0)
		same("cut")
		f.set(func() { delete(f.gone, root) })
		l.set(Limit{paris.feed, paris.member, Unlimited})
		count("협약", 1)
		same("back")

		// An act removes a member.
		f.set(func() {
			f.charter = slices.Clone(f.charter[:2])
			f.charter[1].State, f.charter[0].Titles = "removed", []string{"새 이름"}
		})
		count("새 이름", 1)
		count("서울특별시", 0)
		count("가입", 0)
		same("removed")

		// Another day.
		f.set(func() { f.day, f.said[root] = "2026-11-24", "기한" })
		count("기한", 1)
		same("another day")
	})
	followed(t, dir, l, func(x *Index, fl *Follower) { // and after a restart
		whole(t, l, fl)
		if p, err := x.Search(everything("기한")); err != nil || len(p.Hits) != 1 {
			t.Error(names(p), err)
		}
	})
}

// A member is where its profile says.
func TestSearch_MembersNear(t *testing.T) {
	w, f, _ := matterWorld(t)
	profile := func(of *scribe, lat, lon string) protocol.Entry {
		r, err := record.Parse(protocol.KindProfile, fmt.Appendf(nil, `{"type":"profile","lang":"ko","names":{"ko":"시"},"kind":"city","stakeholder":"local_government","country":"KR","working_languages":["ko"],"contact":{"role":{"ko":"국제협력과"},"email":"a@b.org"},"place":{"label":"x","country":"KR","lat":%q,"lon":%q}}`, lat, lon))
		if err != nil {
			t.Fatal(err)
		}
		return of.write(w.body(protocol.Header{Kind: protocol.KindProfile, Number: 10}, r.Content()))
	}
	profile(w.feeds[0], "37.5665", "126.9780")
	profile(w.feeds[1], "48.8566", "2.3522")
	l := w.log(w.items())
	l.folds = f
	followed(t, t.TempDir(), l, func(x *Index, fl *Follower) {
		whole(t, l, fl)
		q := Search{Query: Query{Types: published, Near: &Near{37.5, 127, 50}}, Kinds: MatterKinds(), NoRecords: true}
		if p, err := x.Search(q); err != nil || names(p) != "member kr-seoul" {
			t.Error(names(p), err)
		}
		q.Near.Km, q.Sort, q.Limit = 15_000, SortDistance, 1
		p, err := x.Search(q)
		if err != nil || names(p) != "member kr-seoul" || p.Next == (SearchMark{}) {
			t.Error(names(p), err)
		}
		q.From = p.Next
		if p, err = x.Search(q); err != nil || names(p) != "member fr-paris" || p.Next != (SearchMark{}) {
			t.Error(names(p), err)
		}
		whole(t, l, fl)
		w.feeds[0].erase(w.feeds[0].entries[len(w.feeds[0].entries)-1])
		l.append(w.items()[w.local-1])
		whole(t, l, fl)
		q.From = SearchMark{}
		if p, err := x.Search(q); err != nil || names(p) != "member fr-paris" {
			t.Error("after its profile was erased:", names(p), err)
		}
	})
}
