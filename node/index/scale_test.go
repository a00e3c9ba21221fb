//go:build unix

package index

import (
	"context"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

var scale = flag.Int("records", 0, "measure an index of so many records")

// TestScale measures an index of a real ledger; go test ./node/index -run TestScale -records 100000 -v -timeout 1h.
// Every kind of question is told beside the plainest one that SQLite can answer of the
// same file for the same purpose, in the same run, and processor time beside time: under
// load it is what says something. With DURE_BARS=1 what is too slow or too large is an error.
func TestScale(t *testing.T) {
	if *scale == 0 {
		t.Skip("-records says how many")
	}
	m := &measure{t: t, n: *scale, judges: os.Getenv("DURE_BARS") != ""}
	home := t.TempDir()
	s := stocked(t, filepath.Join(home, "ledger"), m.n)
	debug.FreeOSMemory()
	resetPeak()
	t.Logf("resident before the index: %d MB", status("VmRSS")>>10)

	dir := filepath.Join(home, "index")
	x, err := Open(Config{Dir: dir, Source: s})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	f := NewFollower(x, s, nil, "origin")
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	most := int64(0)
	wg.Go(func() {
		for ctx.Err() == nil {
			most = max(most, status("RssAnon"))
			time.Sleep(20 * time.Millisecond)
		}
	})
	begun, used := time.Now(), cpu()
	f.Unsettle()
	wg.Go(func() { _ = f.Run(ctx) })
	for !f.Await(ctx, s.Newest(), time.Minute) {
	}
	known := time.Since(begun)
	for p := f.Progress(); p.Building || p.Due > 0; p = f.Progress() {
		time.Sleep(time.Millisecond)
	}
	built, used := time.Since(begun), cpu()-used
	t.Logf("entries known in %v, whole in %v, %v of processor: %.0f records a second", known.Round(time.Millisecond), built.Round(time.Millisecond),
		used.Round(time.Millisecond), float64(m.n)/built.Seconds())
	m.bar("records a second, rebuilding", -float64(m.n)/built.Seconds(), -6000)

	m.inserts(s, f)
	begun = time.Now()
	for loose := true; loose; loose, _ = x.mustTidy() {
		time.Sleep(time.Millisecond)
	}
	t.Logf("tidy again after %v", time.Since(begun).Round(time.Millisecond))
	m.questions(x, s)
	time.Sleep(3 * walPause) // until the log is in the file

	cancel()
	wg.Wait()
	t.Logf("resident %d MB; at most %d MB of its own, %d MB with mapped files, the ledger's included", status("VmRSS")>>10, most>>10, status("VmHWM")>>10)
	m.bar("MB of its own", float64(most>>10), 300) // mapped pages are copies of what is on the disk
	m.disk(x, dir, filepath.Join(home, "ledger"))
}

// measure holds what was measured to what is asked.
type measure struct {
	t      *testing.T
	n      int
	judges bool
	floor  time.Duration // median of the last plain question
}

// bar says whether a figure is at most what it may be.
func (m *measure) bar(what string, got, most float64) {
	if got <= most {
		return
	}
	say := m.t.Logf
	if m.judges {
		say = m.t.Errorf
	}
	say("BAR: %s: %.4g, want %.4g", what, max(got, -got), max(most, -most))
}

// times does something often; p50 and p99 are bars in milliseconds, 0 for none.
func (m *measure) times(name string, times int, p50, p99 float64, do func(i int)) {
	m.t.Helper()
	took := make([]time.Duration, times)
	used := cpu()
	for i := range took {
		begun := time.Now()
		do(i)
		took[i] = time.Since(begun)
	}
	used = (cpu() - used) / time.Duration(times)
	slices.Sort(took)
	half, most := took[times/2], took[times*99/100]
	ratio := ""
	if m.floor > 0 {
		ratio = fmt.Sprintf("%6.1f × plain", float64(half)/float64(m.floor))
	}
	m.t.Logf("%-36s p50 %8v  p99 %8v  processor %8v %s", name, half.Round(time.Microsecond), most.Round(time.Microsecond), used.Round(time.Microsecond), ratio)
	if p50 > 0 {
		m.bar(name+", p50 in ms", half.Seconds()*1000, p50)
		m.bar(name+", p99 in ms", most.Seconds()*1000, p99)
	}
}

// plain asks SQLite alone, for the questions that follow.
func (m *measure) plain(x *Index, text string, args ...any) {
	took := make([]time.Duration, 50)
	for i := range took {
		begun := time.Now()
		err := x.read("ask plainly", func(c *conn) error {
			return c.each(text, args, func(scan func(...any) error) error {
				var a any
				return scan(&a)
			})
		})
		if err != nil {
			m.t.Fatal(err)
		}
		took[i] = time.Since(begun)
	}
	slices.Sort(took)
	m.floor = took[len(took)/2]
}

// inserts are records that come one by one: from when the ledger has one until it is found.
func (m *measure) inserts(s *stock, f *Follower) {
	m.floor = 0
	took := make([]time.Duration, min(1000, m.n/10))
	used := cpu()
	for i := range took {
		s.write(1)
		begun := time.Now()
		if !f.Await(m.t.Context(), s.Newest(), time.Minute) {
			m.t.Fatal("what was written is not found")
		}
		took[i] = time.Since(begun)
	}
	used = (cpu() - used) / time.Duration(len(took))
	slices.Sort(took)
	half, most := took[len(took)/2], took[len(took)*99/100]
	m.t.Logf("%-36s p50 %8v  p99 %8v  at most %v, processor %8v with the ledger's", "one more, from durable to found", half.Round(time.Microsecond),
		most.Round(time.Microsecond), took[len(took)-1].Round(time.Microsecond), used.Round(time.Microsecond))
	m.bar("one more, p99 in ms", most.Seconds()*1000, 15)
	m.bar("one more, at most in ms", took[len(took)-1].Seconds()*1000, 100)
}

func (m *measure) questions(x *Index, s *stock) {
	page := func(q Query) func(int) {
		return func(i int) {
			if q.Where != nil {
				q.Where = []Condition{{FacetCountry, s.countries[i%30 : i%30+1]}, {FacetTheme, s.themes[i%20 : i%20+1]}}[:len(q.Where)]
			}
			if _, err := x.Page(q); err != nil {
				m.t.Fatal(err)
			}
		}
	}
	facets := func(q Query) func(int) {
		return func(int) {
			if _, err := x.Facets(q); err != nil {
				m.t.Fatal(err)
			}
		}
	}
	m.plain(x, `SELECT local FROM tag WHERE term = (SELECT id FROM term WHERE facet = 1 ORDER BY n DESC LIMIT 1) ORDER BY local DESC LIMIT 51`)
	m.times("newest page", 500, 1, 5, page(Query{}))
	m.times("deep page", 500, 1, 5, page(Query{After: Mark{Seq: uint64(m.n / 20)}}))
	m.times("page of a country", 500, 1, 5, page(Query{Where: make([]Condition, 1)}))
	m.times("page of a country and a theme", 500, 1, 5, page(Query{Where: make([]Condition, 2)}))
	m.times("page of a type, a country and a theme", 500, 1, 5, page(Query{Types: []string{"project"}, Where: make([]Condition, 2)}))
	m.times("page of two types", 500, 1, 5, page(Query{Types: []string{"project", "offer"}}))

	common := m.common(x, "en")
	for _, word := range []struct{ name, text string }{{"Korean word", "협동조합"}, {"two Korean words", "협동조합 교류"}, {"one syllable", "협"},
		{"English word", "cooperative"}, {"English words", "cooperative exchange"}, {"English beginning", common}, {"French word, rare", s.vocabularies["fr"].words[3000]}} {
		q := Query{Text: word.text}
		sel, err := q.check()
		if err != nil {
			m.t.Fatal(err)
		}
		m.plain(x, `SELECT rowid FROM words WHERE words MATCH ? ORDER BY rowid DESC LIMIT 51`, sel.ask.Match)
		m.times(word.name, 100, 15, 80, page(q))
		q.Where = make([]Condition, 2)
		m.times(word.name+", country and theme", 100, 25, 80, page(q))
		q.Where = nil
		m.plain(x, `SELECT rowid FROM words WHERE words MATCH ? ORDER BY rank LIMIT 51`, sel.ask.Match)
		q.Sort = SortRelevance
		m.times(word.name+", ranked", 50, 15, 80, page(q))
		m.plain(x, `SELECT rowid FROM words WHERE words MATCH ?`, sel.ask.Match)
		m.times(word.name+", facets", 20, 0, 0, facets(Query{Text: word.text}))
	}
	m.plain(x, `SELECT local FROM spot WHERE lat1 >= 37.05 AND lat0 <= 37.95 AND lon1 >= 99.93 AND lon0 <= 101.07`)
	m.times("within 50 km, nearest", 50, 0, 0, page(Query{Near: &Near{37.5, 100.5, 50}, Sort: SortDistance}))
	m.times("within 50 km, newest", 50, 0, 0, page(Query{Near: &Near{37.5, 100.5, 50}}))
	m.plain(x, `SELECT value FROM term WHERE n > 0`)
	m.times("facets of all", 200, 5, 5, facets(Query{}))
	m.plain(x, `SELECT local FROM tag WHERE term = (SELECT id FROM term WHERE facet = 3 ORDER BY n DESC LIMIT 1)`)
	m.times("facets of a country", 20, 0, 0, facets(Query{Where: []Condition{{FacetCountry, s.countries[:1]}}}))
}

// common is the beginning of words that some 16 % of records have: the most that is promised.
func (m *measure) common(x *Index, lang string) (best string) {
	far := 1.0
	for _, a := range "bcdfglmnprstv" {
		for _, b := range "aeiou" {
			for _, c := range "bcdfglmnprstv" {
				text := string(a) + string(b) + string(c)
				var n int
				err := x.read("count words", func(c *conn) error {
					_, err := c.one(`SELECT count(*) FROM words WHERE words MATCH ?`, []any{`"` + text + `" *`}, &n)
					return err
				})
				if err != nil {
					m.t.Fatal(err)
				}
				share := float64(n) / float64(m.n)
				if d := max(share-0.16, 0.16-share); d < far {
					far, best = d, text
				}
			}
		}
	}
	m.t.Logf("%q begins words in %.0f %% of records", best, 100*(0.16+far))
	return best
}

func (m *measure) disk(x *Index, dir, ledger string) {
	err := x.read("weigh", func(c *conn) error {
		return c.each(`SELECT name, sum(pgsize), sum(unused) FROM dbstat GROUP BY name ORDER BY 2 DESC LIMIT 12`, nil, func(scan func(...any) error) error {
			var name string
			var size, unused int64
			err := scan(&name, &size, &unused)
			m.t.Logf("  %-24s %6d KB, %d KB unused", name, size>>10, unused>>10)
			return err
		})
	})
	if err != nil {
		m.t.Log(err)
	}
	is, of := weight(m.t, dir), weight(m.t, ledger)
	m.t.Logf("%d MB in the index, %d MB in the ledger", is>>20, of>>20)
	m.bar("MB on disk", float64(is>>20), float64(of>>20))
}

// weight is what a directory takes of the disk.
func weight(t testing.TB, dir string) (bytes int64) {
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		is, err := d.Info()
		if st, ok := is.Sys().(*syscall.Stat_t); err == nil && ok {
			bytes += min(st.Blocks*512, is.Size())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

// cpu is the processor time that this process has used.
func cpu() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// resetPeak begins to measure VmHWM anew, where the system can.
func resetPeak() { _ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }

// status is a line of what Linux says of this process, in KB; 0 elsewhere.
func status(name string) (kb int64) {
	raw, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	if found := regexp.MustCompile(name + `:\s+(\d+) kB`).FindSubmatch(raw); found != nil {
		kb, _ = strconv.ParseInt(string(found[1]), 10, 64)
	}
	return kb
}
