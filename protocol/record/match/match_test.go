package match

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/dure-net/dure/node/sample"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

const today record.Day = "2026-12-15" // sample.Anchor

// listings are the offers and requests of the sample, by their names in it.
func listings(t testing.TB) map[string]Side {
	t.Helper()
	countries := map[string]string{}
	for _, m := range sample.Members() {
		countries[m.Handle] = m.Country
	}
	ids := map[string]string{}
	out := map[string]Side{}
	for _, r := range sample.Records() {
		id := protocol.Sum([]byte(r.Ref))
		ids[r.Ref] = id.String()
		r, err := r.Resolve(ids)
		if err != nil {
			t.Fatal(err)
		}
		kind, ok := protocol.ParseKind(r.Type)
		if !ok {
			t.Fatalf("%s: no kind %q", r.Ref, r.Type)
		}
		parsed, err := record.Parse(kind, r.JSON)
		if err != nil {
			t.Fatalf("%s: %v", r.Ref, err)
		}
		if l, ok := parsed.(*record.Listing); ok {
			out[r.Ref] = Side{ID: id, Member: r.Member, Country: countries[r.Member], Listing: l}
		}
	}
	if len(out) != 26 {
		t.Fatalf("the sample has %d listings", len(out))
	}
	return out
}

func others(of map[string]Side) (out []Side) {
	for _, s := range of {
		out = append(out, s)
	}
	return out
}

func score(t *testing.T, sides map[string]Side, request, offer string) Match {
	t.Helper()
	return Judge(sides[request], sides[offer], today)
}

// The expected matches of the sample records, counted by hand with the weights.
func TestFind_SampleRecords(t *testing.T) {
	want := map[string]map[string]int{
		"R1": {"O1": 94}, "R2": {"O2": 66}, "R3": {"O5": 98}, "R4": {"O3": 83}, "R5": {"O13": 94, "O2": 53}, "R6": {"O4": 86},
		"R7": {"O9": 94}, "R8": {"O7": 89}, "R9": {"O12": 94}, "R10": {"O11": 59}, "R11": {"O6": 98}, "R12": {}, "R13": {},
	}
	sides := listings(t)
	names := map[protocol.RecordID]string{}
	for name, s := range sides {
		names[s.ID] = name
	}
	for request, offers := range want {
		got := map[string]int{}
		matches, _ := Find(sides[request], others(sides), today)
		for _, m := range matches {
			got[names[m.Other.ID]] = m.Score
		}
		if !reflect.DeepEqual(got, offers) {
			t.Errorf("%s: got %v, want %v", request, got, offers)
		}
	}
	if m := score(t, sides, "R3", "O4"); len(m.Misses) == 0 || m.Misses[0].Code != missGoods {
		t.Errorf("laptops for wheelchairs: %+v", m.Misses)
	}
}

// Whoever looks, from whichever side and in whatever order the listings came: the same
// pairs, points and reasons, in the same order.
func TestFind_SameListEverywhere(t *testing.T) {
	sides := listings(t)
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	for name, self := range sides {
		all := others(sides)
		slices.SortFunc(all, func(a, b Side) int { return strings.Compare(a.ID.String(), b.ID.String()) })
		matches, near := Find(self, all, today)
		for range 20 {
			r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			again, nearAgain := Find(self, all, today)
			if !reflect.DeepEqual(matches, again) || !reflect.DeepEqual(near, nearAgain) {
				t.Fatalf("%s, seed %d: another order gives another list", name, seed)
			}
		}
		for _, m := range append(matches, near...) {
			back := Judge(m.Other, self, today)
			if back.Score != m.Score || !reflect.DeepEqual(back.Reasons, m.Reasons) || !reflect.DeepEqual(back.Misses, m.Misses) {
				t.Errorf("%s: the other side sees it otherwise", name)
			}
		}
	}
}

// One field changes, and the change of the score is told beforehand.
func TestJudge_OneFieldChanges(t *testing.T) {
	money := func(value, currency string) *record.Money { return &record.Money{Value: value, Currency: currency} }
	for _, c := range []struct {
		name           string
		request, offer string
		change         func(o, r *record.Listing)
		by             int
		miss           Code
	}{
		{"one of two themes differs", "R1", "O1", func(o, _ *record.Listing) { o.Themes = []string{"public_procurement", "housing"} }, -10, ""},
		{"the other theme is of the same group", "R1", "O1", func(o, _ *record.Listing) { o.Themes = []string{"public_procurement", "impact_measurement"} }, -8, ""},
		{"a skill of the same minor group", "R1", "O1", func(o, _ *record.Listing) { o.Skills = []string{"2421"} }, -10, ""},
		{"a skill of the same sub-major group", "R1", "O1", func(o, _ *record.Listing) { o.Skills = []string{"2431"} }, -18, ""},
		{"another occupation", "R1", "O1", func(o, _ *record.Listing) { o.Skills = []string{"5120"} }, -30, ""},
		{"half of the days", "R9", "O12", func(_, r *record.Listing) { r.Window = &record.Window{From: "2027-12-01", To: "2028-01-09"} }, -8, missWindow},
		{"no common language", "R9", "O12", func(o, _ *record.Listing) { o.WorkingLanguages = []string{"ja"} }, -35, ""},
		{"interpretation is offered", "R9", "O12", func(o, _ *record.Listing) {
			o.WorkingLanguages, o.Interpretation = []string{"ja"}, "provider"
		}, -6, ""},
		{"goods are given without a common language", "R3", "O5", func(o, _ *record.Listing) { o.WorkingLanguages = []string{"ko"} }, -12, ""},
		{"half of what is wanted", "R3", "O5", func(o, _ *record.Listing) { o.Quantity = &record.Qty{Value: "40", Unit: "C62"} }, -5, ""},
		{"less than the minimum", "R3", "O5", func(o, _ *record.Listing) { o.Quantity = &record.Qty{Value: "10", Unit: "C62"} }, -9, missMinimum},
		{"amounts in two currencies", "R10", "O11", func(o, _ *record.Listing) { o.Amount, o.MinimumAmount = money("50000", "EUR"), nil }, -8, ""},
		{"something is expected for a gift wanted", "R3", "O5", func(o, _ *record.Listing) { o.Return = "reciprocal" }, -4, ""},
		{"one of two costs is in dispute", "R1", "O1", func(o, _ *record.Listing) { o.Costs = &record.Costs{Travel: "provider", Lodging: "receiver"} }, -2, ""},
		{"remote instead of a journey", "R1", "O1", func(o, _ *record.Listing) { o.Delivery = "remote" }, 4, ""},
		{"a near mode", "R1", "O1", func(o, _ *record.Listing) { o.Mode = "trainer" }, -10, ""},
		{"another mode", "R1", "O1", func(o, _ *record.Listing) { o.Mode = "volunteer" }, -10, missMode},
		{"no common goal", "R1", "O1", func(o, _ *record.Listing) { o.SDGs = []uint64{1} }, -3, ""},
		{"no longer valid", "R1", "O1", func(o, _ *record.Listing) { o.ValidUntil = "2026-12-14" }, 0, missExpired},
		{"still valid today", "R1", "O1", func(o, _ *record.Listing) { o.ValidUntil = "2026-12-15" }, 0, ""},
		{"paused", "R1", "O1", func(o, _ *record.Listing) { o.State = "paused" }, 0, missClosed},
		{"meant for another continent", "R1", "O1", func(o, _ *record.Listing) { o.Reach = &record.Reach{Scope: "continent", List: []string{"africa"}} }, 0, missReach},
		{"meant for this continent", "R1", "O1", func(o, _ *record.Listing) { o.Reach = &record.Reach{Scope: "continent", List: []string{"asia"}} }, 0, ""},
		{"only to be fetched", "R3", "O5", func(o, _ *record.Listing) { o.Delivery = "pickup" }, -2, missDelivery},
	} {
		t.Run(c.name, func(t *testing.T) {
			sides := listings(t)
			before := score(t, sides, c.request, c.offer)
			if len(before.Misses) > 0 {
				t.Fatalf("no match to begin with: %+v", before.Misses)
			}
			c.change(sides[c.offer].Listing, sides[c.request].Listing)
			after := score(t, sides, c.request, c.offer)
			if got := after.Score - before.Score; got != c.by {
				t.Errorf("from %d to %d, want a change of %d; reasons %+v", before.Score, after.Score, c.by, after.Reasons)
			}
			switch {
			case c.miss == "" && len(after.Misses) > 0:
				t.Errorf("removed: %+v", after.Misses)
			case c.miss != "" && (len(after.Misses) != 1 || after.Misses[0].Code != c.miss):
				t.Errorf("removed because of %+v, want %s", after.Misses, c.miss)
			}
		})
	}
}

func TestJudge_Spaces(t *testing.T) {
	sides := listings(t)
	venue := *sides["R13"].Listing
	venue.Type, venue.Mode = "offer", "venue"
	at := func(country, lat, lon string) Side {
		l := venue
		l.Place = &record.Place{Country: country, Label: "there", Lat: lat, Lon: lon}
		return Side{ID: protocol.Sum([]byte(country)), Member: "other", Country: country, Listing: &l}
	}
	wanted := sides["R13"]
	l := *wanted.Listing
	l.Place = &record.Place{Country: "FR", Label: "Strasbourg", Lat: "48.5734", Lon: "7.7521"}
	wanted.Listing = &l
	for _, c := range []struct {
		where string
		side  Side
		miss  bool
	}{
		{"Paris, the same country", at("FR", "48.8566", "2.3522"), false},
		{"Karlsruhe, 68 km across the border", at("DE", "49.0069", "8.4037"), false},
		{"Stuttgart, 109 km across the border", at("DE", "48.7758", "9.1829"), true},
		{"somewhere in Germany", at("DE", "", ""), true},
	} {
		m := Judge(wanted, c.side, today)
		if missed := slices.ContainsFunc(m.Misses, func(m Miss) bool { return m.Code == missPlace }); missed != c.miss {
			t.Errorf("%s: removed %v, want %v", c.where, missed, c.miss)
		}
	}
	// Both sides of the line where the day changes.
	if !within(&record.Place{Lat: "-16.5", Lon: "179.9"}, &record.Place{Lat: "-16.5", Lon: "-179.9"}, 100) {
		t.Error("22 km across the date line are taken for a journey round the world")
	}
}

// Near misses are told with the one filter that removed them.
func TestFind_TellsNearMisses(t *testing.T) {
	sides := listings(t)
	sides["O5"].Listing.ValidUntil = "2026-12-01"
	matches, near := Find(sides["R3"], others(sides), today)
	if len(matches) != 0 || len(near) != 1 || near[0].Misses[0].Code != missExpired || near[0].Score != 98 {
		t.Errorf("matches %v, near %+v", matches, near)
	}
}

// Listings of every shape never panic, and no pair is worth more than there is.
func FuzzJudge(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 2))
		pick := func(list record.List) string { c := record.Codes(list); return c[r.IntN(len(c))] }
		side := func(kind string) Side {
			l := &record.Listing{Exchange: pick(record.ExchangeKinds), Mode: pick(record.Modes), Delivery: pick(record.Deliveries), Return: pick(record.Returns),
				Themes: []string{pick(record.Themes), pick(record.Themes)}, WorkingLanguages: []string{"ko", "zh-Hant"}[:1+r.IntN(2)],
				Window: &record.Window{From: record.Day(fmt.Sprintf("2027-%02d-01", 1+r.IntN(12))), To: record.Day(fmt.Sprintf("2028-%02d-01", 1+r.IntN(12)))}}
			l.Type = kind
			if r.IntN(2) == 0 {
				l.Skills = []string{pick(record.Skills)}
			}
			if r.IntN(2) == 0 {
				l.Goods = pick(record.Goods)
			}
			if r.IntN(2) == 0 {
				l.Quantity = &record.Qty{Value: fmt.Sprint(1 + r.IntN(100)), Unit: pick(record.Units)}
			}
			if r.IntN(3) == 0 {
				l.Amount = &record.Money{Value: "5", Currency: pick(record.Currencies)}
			}
			if r.IntN(3) == 0 {
				l.Minimum = &record.Qty{Value: "999999999999.999999", Unit: pick(record.Units)}
			}
			if r.IntN(3) == 0 {
				l.Place = &record.Place{Country: pick(record.Countries)}
			}
			return Side{ID: protocol.Sum([]byte(kind)), Member: kind, Country: pick(record.Countries), Listing: l}
		}
		m := Judge(side("offer"), side("request"), today)
		sum := 0
		for _, reason := range m.Reasons {
			if reason.Points > reason.Of && reason.Of > 0 {
				t.Errorf("seed %d: %+v", seed, reason)
			}
			sum += reason.Points
		}
		if m.Score < 0 || m.Score > 100 || sum < m.Score && sum > 0 {
			t.Errorf("seed %d: %d of %d points", seed, m.Score, sum)
		}
	})
}

// What agreements have taken is not there to be matched, and who received little so far comes a little sooner.
func TestJudge_WhatAgreementsLeave(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(o, r *Side)
		by     int
		miss   Code
	}{
		{"all is left", func(o, _ *Side) { o.Remaining = "120" }, 0, ""},
		{"half of what is wanted is left", func(o, _ *Side) { o.Remaining = "40" }, -5, ""},
		{"less is wanted still", func(_, r *Side) { r.Remaining = "40" }, 0, ""},
		{"nothing is left", func(o, _ *Side) { o.Remaining = "0" }, -10, missTaken},
		{"nothing is wanted any more", func(_, r *Side) { r.Remaining = "0.0" }, -10, missTaken},
		{"who asks had few exchanges", func(_, r *Side) { r.Few = true }, 2, ""},
		{"who offers had few exchanges", func(o, _ *Side) { o.Few = true }, 0, ""},
	} {
		sides := listings(t)
		o, r := sides["O5"], sides["R3"]
		before := Judge(r, o, today)
		c.change(&o, &r)
		after := Judge(r, o, today)
		if got := after.Score - before.Score; got != c.by {
			t.Errorf("%s: from %d to %d, want a change of %d: %+v", c.name, before.Score, after.Score, c.by, after.Reasons)
		}
		if missed := slices.ContainsFunc(after.Misses, func(m Miss) bool { return m.Code == missTaken }); missed != (c.miss != "") {
			t.Errorf("%s: removed because of %+v", c.name, after.Misses)
		}
	}
}

// Find stops judging a pair as soon as two filters removed it. Whatever Judge says of every pair in full is what Find says:
// the same matches and near misses, and none passed over that would have been one.
func TestFind_SaysWhatJudgeSays(t *testing.T) {
	fits, almost := 0, 0
	for seed := range uint64(20) {
		sides := listings(t)
		r := rand.New(rand.NewPCG(seed, 3))
		for _, name := range slices.Sorted(maps.Keys(sides)) {
			s := sides[name]
			switch r.IntN(6) {
			case 0:
				s.Listing.State = "paused"
			case 1:
				s.Listing.ValidUntil = "2026-12-01"
			case 2:
				s.Listing.Themes = []string{record.Codes(record.Themes)[r.IntN(36)]}
			case 3:
				s.Remaining = "7.5"
			}
			if r.IntN(2) == 0 {
				s.Gist = Grasp(s.Listing)
			}
			sides[name] = s
		}
		for name, self := range sides {
			var want, wantNear []Match
			for _, s := range sides {
				if s.Member == self.Member || s.Listing.Kind() == self.Listing.Kind() || s.Listing.Exchange != self.Listing.Exchange {
					continue
				}
				switch m := Judge(self, s, today); {
				case m.Score < leastPossible:
				case len(m.Misses) == 0:
					want = append(want, m)
				case len(m.Misses) == 1 && m.Misses[0].Code != missClosed:
					wantNear = append(wantNear, m)
				}
			}
			got, near := Find(self, others(sides), today)
			fits, almost = fits+len(got), almost+len(near)
			for _, list := range [][]Match{want, wantNear, got, near} {
				slices.SortFunc(list, func(a, b Match) int { return strings.Compare(a.Other.ID.String(), b.Other.ID.String()) })
			}
			if !reflect.DeepEqual(got, want) || !reflect.DeepEqual(near, wantNear) {
				t.Errorf("seed %d, %s: got %+v and near %+v, want %+v and %+v", seed, name, got, near, want, wantNear)
			}
		}
	}
	if fits == 0 || almost == 0 {
		t.Errorf("%d matches and %d near misses: nothing was compared", fits, almost)
	}
}

// The points of a match are those of its reasons.
func TestFind_ScoreIsTheSumOfItsReasons(t *testing.T) {
	sides := listings(t)
	for name, self := range sides {
		for other, s := range sides {
			if s.Listing.Kind() == self.Listing.Kind() {
				continue
			}
			m, sum := Judge(self, s, today), 0
			for _, r := range m.Reasons {
				sum += r.Points
			}
			if capped := m.Score == strangers && sum > strangers; m.Score != max(sum, 0) && !capped {
				t.Errorf("%s and %s: %d points, and reasons for %d", name, other, m.Score, sum)
			}
		}
	}
}

// Amounts are exact up to the largest and the smallest that a listing may name.
func TestMicros(t *testing.T) {
	for _, c := range []struct{ in, out string }{
		{"80", "80"}, {"80.50", "80.5"}, {"0.000001", "0.000001"}, {"999999999999999999", "999999999999999999"}, {"999999999999.999999", "999999999999.999999"},
		{"", "0"}, {"-5", "0"}, {"1e3", "0"}, {"1.0000001", "0"}, {"1234567890123456789", "0"}, {"1.", "1"},
	} {
		if got := read(c.in).String(); got != c.out {
			t.Errorf("%q is read as %s, want %s", c.in, got, c.out)
		}
	}
	if big, less := read("999999999999999999"), read("999999999999.999999"); big.times(10).cmp(big.times(9)) <= 0 || less.times(10).cmp(big) >= 0 {
		t.Error("the largest amounts are compared wrongly")
	}
}

// BenchmarkFind_TenThousand judges one new request against 10,000 offers of the sample's kinds, with themes of their own:
// as a node does that keeps their gists, and as one does that sees all of them for the first time.
func BenchmarkFind_TenThousand(b *testing.B) {
	sides := listings(b)
	r := rand.New(rand.NewPCG(1, 2))
	themes := record.Codes(record.Themes)
	var offers []Side
	var names []string
	for name := range sides {
		if name[0] == 'O' {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for i := range 10_000 {
		s := sides[names[i%len(names)]]
		l := *s.Listing
		l.Themes = []string{themes[r.IntN(len(themes))], themes[r.IntN(len(themes))]}
		s.Listing, s.ID, s.Member = &l, protocol.Sum([]byte(fmt.Sprint(i))), fmt.Sprintf("xx-%d", i%60)
		offers = append(offers, s)
	}
	run := func(b *testing.B) {
		b.ReportAllocs()
		found := 0
		for b.Loop() {
			matches, _ := Find(sides["R1"], offers, today)
			found = len(matches)
		}
		b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms/listing")
		b.ReportMetric(float64(found), "matches")
	}
	b.Run("new", run)
	for i := range offers {
		offers[i].Gist = Grasp(offers[i].Listing)
	}
	b.Run("known", run)
}
