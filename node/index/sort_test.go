package index

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// sited is a project or a notice with a place or a last day.
type sited struct {
	id       protocol.RecordID
	local    uint64
	lat, lon float64
	placed   bool
	closes   string
	theme    string
}

// atlas is an index of projects all over the world and of notices that end.
func atlas(t *testing.T, n int) (*tested, []sited) {
	w := newWorld(t)
	seoul := w.writer("kr-seoul")
	rng := rand.New(rand.NewPCG(2, 8))
	themes := []string{"care", "housing", "health"}
	var all []sited
	for i := range n {
		s := sited{theme: themes[rng.IntN(3)]}
		kind, raw := protocol.KindProject, ""
		if i%4 == 0 {
			kind, s.theme, s.closes = protocol.KindNotice, "", fmt.Sprintf("2027-%02d-%02d", 1+rng.IntN(12), 1+rng.IntN(28))
			raw = fmt.Sprintf(`{"type":"notice","lang":"ko","title":{"ko":"공지"},"body":{"ko":"본문"},"category":"news","valid_until":%q}`, s.closes)
		} else {
			s.placed = true
			s.lat, s.lon = math.Round((rng.Float64()*178-89)*1000)/1000, math.Round((rng.Float64()*360-180)*1000)/1000
			if i%3 == 0 { // together, across the 180th meridian
				s.lat, s.lon = math.Round((rng.Float64()*4-18)*1000)/1000, []float64{179.5, -179.25, 178, -178.125}[rng.IntN(4)]
			}
			raw = fmt.Sprintf(`{"type":"project","lang":"ko","title":{"ko":"사업"},"summary":{"ko":"요약"},"status":"active","themes":[%q],"place":{"country":"FJ","label":"x","lat":"%g","lon":"%g"},"starts":"2026-01-01"}`,
				s.theme, s.lat, s.lon)
		}
		r, err := record.Parse(kind, []byte(raw))
		if err != nil {
			t.Fatal(raw, err)
		}
		w.salt = byte(i)
		e := seoul.write(w.body(protocol.Header{Kind: kind, Number: uint64(i + 1)}, r.Content()))
		s.id, s.local = e.ID(), w.local
		all = append(all, s)
	}
	return w.index(), all
}

// listed follows the pages of a query.
func (x *tested) listed(q Query, limit int) (ids []protocol.RecordID) {
	x.w.t.Helper()
	q.Limit = limit
	for range 1000 {
		p, err := x.Page(q)
		x.check(err)
		for _, r := range p.Rows {
			ids = append(ids, r.Record)
		}
		if q.After = p.Next; p.Next == (Mark{}) {
			return ids
		}
	}
	x.w.t.Fatal("the pages do not end")
	return nil
}

// A cursor that somebody made up pointed before the first record of a circle, and the node
// panicked: the hash of a cursor is no secret.
func TestPage_MarkBeforeTheFirst(t *testing.T) {
	x, _ := atlas(t, 20)
	near := &Near{Lat: -16, Lon: 179.5, Km: 20_000}
	for _, q := range []Query{{Near: near, Sort: SortDistance}, {Near: near, Sort: SortRelevance, Text: "사업"}, {Sort: SortRelevance, Text: "사업"}, {Sort: SortClosing}, {}} {
		for _, key := range []int64{-1, math.MinInt64} {
			q.After = Mark{Seq: 5, Key: key}
			if _, err := x.Page(q); protocol.ReasonOf(err) != protocol.ReasonUsage {
				t.Errorf("sort %q, key %d: got %v", q.Sort, key, err)
			}
			if _, err := x.Search(Search{Query: q, From: SearchMark{Records: true, Record: q.After}}); protocol.ReasonOf(err) != protocol.ReasonUsage {
				t.Errorf("search, sort %q, key %d: got %v", q.Sort, key, err)
			}
		}
		q.After = Mark{Seq: 5, Key: math.MaxInt64}
		if p, err := x.Page(q); err != nil || q.Sort != "" && len(p.Rows) > 0 {
			t.Errorf("sort %q, beyond the last: got %d records, %v", q.Sort, len(p.Rows), err)
		}
	}
}

// Every order, filter and page size gives what sorting all records gives.
func TestPage_OrdersAndPlaces(t *testing.T) {
	x, all := atlas(t, 250)
	rng := rand.New(rand.NewPCG(1, 1))
	for range 40 {
		q := Query{}
		near := Near{Lat: rng.Float64()*180 - 90, Lon: rng.Float64()*360 - 180, Km: []float64{50, 700, 3000, 12_000, 20_000}[rng.IntN(5)]}
		if rng.IntN(3) == 0 {
			near.Lat, near.Lon = -16, []float64{179.9, -179.9, 180, -180}[rng.IntN(4)]
		}
		if rng.IntN(2) == 0 {
			q.Near = &near
			q.Sort = []Sort{SortNewest, SortDistance}[rng.IntN(2)]
		} else {
			q.Sort = []Sort{SortNewest, SortClosing}[rng.IntN(2)]
		}
		if rng.IntN(3) == 0 {
			q.Where = []Condition{{FacetTheme, []string{"care", "health"}[:1+rng.IntN(2)]}}
		}
		if rng.IntN(3) == 0 {
			q.Text = []string{"사업", "공지", "요약"}[rng.IntN(3)]
		}
		if rng.IntN(3) == 0 {
			q.Open = record.Day(fmt.Sprintf("2027-%02d-15", 1+rng.IntN(12)))
		}
		want := slices.DeleteFunc(slices.Clone(all), func(s sited) bool {
			return q.Near != nil && (!s.placed || math.Abs(near.km(s.lat, s.lon)) > near.Km) ||
				q.Sort == SortClosing && s.closes == "" ||
				q.Where != nil && !slices.Contains(q.Where[0].Values, s.theme) ||
				q.Text == "공지" && s.placed || (q.Text == "사업" || q.Text == "요약") && !s.placed ||
				q.Open != "" && s.closes != "" && s.closes < string(q.Open)
		})
		slices.SortFunc(want, func(a, b sited) int {
			switch q.Sort {
			case SortClosing:
				return cmp.Or(strings.Compare(a.closes, b.closes), cmp.Compare(a.local, b.local))
			case SortDistance:
				return cmp.Or(cmp.Compare(math.Round(near.km(a.lat, a.lon)*10), math.Round(near.km(b.lat, b.lon)*10)), cmp.Compare(a.local, b.local))
			}
			return cmp.Compare(b.local, a.local)
		})
		got := x.listed(q, []int{3, 50, 1000}[rng.IntN(3)])
		if len(got) != len(want) {
			t.Fatalf("%+v near %+v: %d records, want %d", q, q.Near, len(got), len(want))
		}
		if q.Sort == SortDistance { // equal within the index's half a metre: compare distances
			at := map[protocol.RecordID]sited{}
			for _, s := range all {
				at[s.id] = s
			}
			last := 0.0
			for _, id := range got {
				km := near.km(at[id].lat, at[id].lon)
				if km < last-0.01 {
					t.Fatalf("%+v: %f km after %f", q, km, last)
				}
				last = km
			}
			continue
		}
		for i := range want {
			if got[i] != want[i].id {
				t.Fatalf("%+v near %+v: another record at %d", q, q.Near, i)
			}
		}
	}
	for _, q := range []Query{{Sort: SortRelevance}, {Sort: SortDistance}, {Sort: "best"}, {Text: "!"}, {Near: &Near{91, 0, 1}}, {Near: &Near{0, 0, 0}},
		{Near: &Near{math.NaN(), 0, 1}}, {Near: &Near{0, 0, math.Inf(1)}}, {Open: "soon"}, {Where: []Condition{{Facet(99), []string{"x"}}}},
		{Where: []Condition{{FacetTheme, make([]string, maxValues+1)}}}, {Limit: -1}, {Limit: MaxLimit + 1}} {
		_, err := x.Page(q)
		wantReason(t, err, protocol.ReasonUsage)
	}
}

// What was erased leaves no word in the files, whatever SQLite keeps.
func TestIndex_ErasedWordsLeaveTheDisk(t *testing.T) {
	w := newWorld(t)
	seoul := w.writer("kr-seoul")
	const secret = "hushhushword"
	var secrets []protocol.Entry
	for i := range 300 {
		title := fmt.Sprintf("notice number%d of many", i)
		if i%50 == 7 {
			title += " " + secret
		}
		w.salt = byte(i)
		e := seoul.write(w.body(protocol.Header{Kind: protocol.KindNotice, Number: uint64(i + 1)}, notice(title)))
		if i%50 == 7 {
			secrets = append(secrets, e)
		}
	}
	x := w.index()
	traces := func() (n int) {
		files, err := os.ReadDir(filepath.Dir(x.path))
		x.check(err)
		for _, f := range files {
			raw, err := os.ReadFile(filepath.Join(filepath.Dir(x.path), f.Name()))
			x.check(err)
			n += strings.Count(string(raw), secret)
		}
		return n
	}
	if len(x.found(Query{Text: secret})) != len(secrets) || traces() == 0 {
		t.Fatal("the word is not there to begin with")
	}
	for _, e := range secrets {
		w.errs[e.ID()] = protocol.Fail(protocol.ReasonErased, "read body", nil)
		seoul.erase(e)
		x.Add(seoul.items[len(seoul.items)-1])
	}
	if got := len(x.found(Query{Text: secret})); got != 0 {
		t.Errorf("%d records are found by a word that was erased", got)
	}
	for more, rounds := true, 0; more; rounds++ {
		var err error
		more, err = x.shed()
		x.check(err)
		if rounds > 1000 {
			t.Fatal("it does not end")
		}
	}
	if n := traces(); n > 0 {
		t.Errorf("the word is in the files %d times", n)
	}
	if len(x.found(Query{Text: "notice"})) != 300-len(secrets) {
		t.Error("others are gone too")
	}
}
