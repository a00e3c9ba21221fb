package index

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

var scale = flag.Int("records", 0, "measure an index of so many records")

// words of a language, the first ones common: Zipf's law.
type vocabulary struct {
	words []string
	zipf  *rand.Zipf
}

func vocabularyOf(lang string, rng *rand.Rand) vocabulary {
	v := vocabulary{zipf: rand.NewZipf(rng, 1.2, 8, 7999)}
	first := map[string][]string{"ko": {"협동조합", "교류", "사회적경제", "두레", "지역", "돌봄"}, "en": {"cooperative", "exchange", "community"},
		"fr": {"coopérative", "échange", "économie"}, "es": {"cooperativa", "intercambio", "economía"}}[lang]
	v.words = first
	for len(v.words) < 8000 {
		var b strings.Builder
		if lang == "ko" {
			for range 2 + rng.IntN(3) {
				b.WriteRune(0xac00 + rune(rng.IntN(600))*18)
			}
		} else {
			for range 2 + rng.IntN(3) {
				b.WriteString(string("bcdfglmnprstv"[rng.IntN(13)]) + string("aeiou"[rng.IntN(5)]) + []string{"", "n", "r", "é"}[rng.IntN(4)])
			}
		}
		v.words = append(v.words, b.String())
	}
	return v
}

func (v vocabulary) text(rng *rand.Rand, lang string, n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(v.words[v.zipf.Uint64()])
		if lang == "ko" {
			b.WriteString([]string{"", "은", "을", "에서", "의"}[rng.IntN(5)])
		}
	}
	return b.String()
}

// TestScale measures; go test ./node/index -run TestScale -records 100000 -v -timeout 1h.
// Times are told beside those of the plainest question that SQLite can answer of the same
// file, in the same run.
func TestScale(t *testing.T) {
	if *scale == 0 {
		t.Skip("-records says how many")
	}
	n := *scale
	rng := rand.New(rand.NewPCG(1, 2))
	w := newWorld(t)
	langs := []string{"ko", "ko", "en", "en", "en", "fr", "fr", "es", "es", "es"}
	vocabularies := map[string]vocabulary{}
	for _, lang := range langs[:] {
		if _, ok := vocabularies[lang]; !ok {
			vocabularies[lang] = vocabularyOf(lang, rng)
		}
	}
	countries, themes := record.Codes(record.Countries)[:30], record.Codes(record.Themes)
	var feeds []*scribe
	for i := range 60 {
		feeds = append(feeds, w.writer(fmt.Sprintf("member-%d", i)))
	}
	ledger := 0
	for i := range n {
		lang := langs[rng.IntN(len(langs))]
		v := vocabularies[lang]
		raw := fmt.Appendf(nil, `{"type":"project","lang":%[1]q,"title":{%[1]q:%[2]q},"summary":{%[1]q:%[3]q},"body":{%[1]q:%[4]q},"status":"active","themes":[%[5]q],
			"place":{"country":%[6]q,"label":"x","lat":"%.3[7]f","lon":"%.3[8]f"},"starts":"2026-01-01"}`,
			lang, v.text(rng, lang, 6), v.text(rng, lang, 16), v.text(rng, lang, 40), themes[rng.IntN(20)], countries[rng.IntN(len(countries))],
			37+rng.Float64()*float64(1+i%12), 100+float64(i%12)*5+rng.Float64())
		r, err := record.Parse(protocol.KindProject, raw)
		if err != nil {
			t.Fatal(err)
		}
		w.salt = byte(i)
		f := feeds[rng.IntN(len(feeds))]
		e := f.write(w.body(protocol.Header{Kind: protocol.KindProject, Number: uint64(i + 1)}, r.Content()))
		ledger += len(e.Bytes()) + int(e.Header().Size)
	}
	items := w.items()
	dir := t.TempDir()
	x, err := Open(Config{Dir: dir, Source: w})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	var limits []Limit
	for _, f := range feeds {
		limits = append(limits, Limit{f.feed, f.member, Unlimited})
	}
	if err := x.Restand(limits...); err != nil {
		t.Fatal(err)
	}
	live := min(n/10, 1000)
	begun := time.Now()
	for rest := items[:len(items)-live]; len(rest) > 0; {
		k := min(len(rest), followBatch)
		if _, err := x.take(true, nil, rest[:k]); err != nil {
			t.Fatal(err)
		}
		rest = rest[k:]
	}
	structure := time.Since(begun)
	for left := 1; left > 0; {
		if left, err = x.Work(dueAtOnce); err != nil {
			t.Fatal(err)
		}
	}
	built := time.Since(begun)
	t.Logf("%d entries known in %v, whole in %v: %.0f a second", len(items)-live, structure.Round(time.Millisecond), built.Round(time.Millisecond), float64(len(items)-live)/built.Seconds())

	quantiles := func(name string, times int, do func(i int)) {
		took := make([]time.Duration, times)
		for i := range took {
			begun := time.Now()
			do(i)
			took[i] = time.Since(begun)
		}
		slices.Sort(took)
		t.Logf("%-44s p50 %8v  p99 %8v", name, took[times/2].Round(time.Microsecond), took[times*99/100].Round(time.Microsecond))
	}
	quantiles("one live insert", live, func(i int) {
		if err := x.Add(items[len(items)-live+i]); err != nil {
			t.Fatal(err)
		}
	})
	page := func(q Query) func(int) {
		return func(i int) {
			if q.Where != nil {
				q.Where = []Condition{{FacetCountry, []string{countries[i%len(countries)]}}, {FacetTheme, []string{themes[i%20]}}}
			}
			if _, err := x.Page(q); err != nil {
				t.Fatal(err)
			}
		}
	}
	quantiles("floor: 51 lines of one walk, plain SQLite", 500, func(int) {
		err := x.read("", func(c *conn) error {
			return c.each(`SELECT local FROM tag WHERE term = 1 ORDER BY local DESC LIMIT 51`, nil, func(scan func(...any) error) error {
				var local int64
				return scan(&local)
			})
		})
		if err != nil {
			t.Fatal(err)
		}
	})
	quantiles("newest page", 500, page(Query{}))
	quantiles("page of type, country and theme", 500, page(Query{Types: []string{"project"}, Where: []Condition{{}}}))
	quantiles("deep page", 500, page(Query{After: Mark{Seq: uint64(n / 20)}}))
	for name, q := range map[string]Query{"Korean word": {Text: "협동조합"}, "two Korean words": {Text: "협동조합 교류"}, "English word": {Text: "cooperative"},
		"English words": {Text: "cooperative exchange"}, "one syllable": {Text: "협"}, "Korean word, ranked": {Text: "협동조합", Sort: SortRelevance},
		"rare word, ranked": {Text: vocabularies["fr"].words[3000], Sort: SortRelevance}, "Korean word of country and theme": {Text: "협동조합", Where: []Condition{{}}},
		"within 50 km, nearest": {Near: &Near{37.5, 100.5, 50}, Sort: SortDistance}} {
		quantiles(name, 100, page(q))
	}
	facets := func(q Query) func(int) {
		return func(int) {
			if _, err := x.Facets(q); err != nil {
				t.Fatal(err)
			}
		}
	}
	quantiles("facets of all", 200, facets(Query{}))
	quantiles("facets of a Korean word", 50, facets(Query{Text: "협동조합"}))
	err = x.read("", func(c *conn) error {
		return c.each(`SELECT name, sum(pgsize), sum(unused) FROM dbstat GROUP BY name ORDER BY 2 DESC LIMIT 14`, nil, func(scan func(...any) error) error {
			var name string
			var size, unused int64
			err := scan(&name, &size, &unused)
			t.Logf("  %-24s %6d KB, %d KB unused", name, size>>10, unused>>10)
			return err
		})
	})
	if err != nil {
		t.Log(err)
	}
	size := int64(0)
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	for _, f := range files {
		if info, err := os.Stat(f); err == nil {
			size += info.Size()
		}
	}
	t.Logf("%d MB in the index, %d MB of headers and bodies", size>>20, ledger>>20)
	var m runtime.MemStats
	before := resident()
	runtime.GC()
	runtime.ReadMemStats(&m)
	t.Logf("resident %d MB, of which Go %d MB (the test holds the ledger in it)", before>>20, m.HeapAlloc>>20)
}

func resident() (bytes int64) {
	raw, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var total, here int64
	_, _ = fmt.Sscan(string(raw), &total, &here)
	return here * int64(os.Getpagesize())
}
