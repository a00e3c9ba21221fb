//go:build unix

package index

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
	"github.com/dure-net/dure/replication/ledger"
)

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

// stock writes a real ledger as sixty members would have it: records in four languages,
// taken in page by page as a node catches up.
type stock struct {
	*ledger.Ledger
	t            testing.TB
	w            *world
	rng          *rand.Rand
	vocabularies map[string]vocabulary
	countries    []string
	themes       []string
	feeds        []*shelf
	written      int
}

type shelf struct {
	feed   protocol.FeedID
	member string
	last   protocol.EntryID
	next   uint64
	page   protocol.Page // not handed in yet
}

var tongues = []string{"ko", "ko", "en", "en", "en", "fr", "fr", "es", "es", "es"}

func newStock(t testing.TB, dir string) *stock {
	w := newWorld(t)
	l, err := ledger.Open(ledger.Config{Dir: dir, Federation: w.fed, ReserveBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	s := &stock{Ledger: l, t: t, w: w, rng: rand.New(rand.NewPCG(1, 2)), vocabularies: map[string]vocabulary{},
		countries: record.Codes(record.Countries)[:30], themes: record.Codes(record.Themes)[:20]}
	for _, lang := range tongues {
		if _, ok := s.vocabularies[lang]; !ok {
			s.vocabularies[lang] = vocabularyOf(lang, s.rng)
		}
	}
	for i := range 60 {
		var node protocol.PublicKey
		binary.BigEndian.PutUint32(node[:], uint32(i+1))
		e := w.entry(protocol.Header{Init: &protocol.Inception{Federation: w.fed, Root: protocol.PublicKey{1}, Node: node, Added: protocol.Signature{1}}})
		f := &shelf{feed: e.ID(), member: fmt.Sprintf("member-%d", i), last: e.ID(), next: 1}
		f.page = protocol.Page{Entries: []protocol.Entry{e}, Bodies: [][]byte{nil}}
		s.feeds = append(s.feeds, f)
	}
	return s
}

// stocked is a ledger of n records, written by another process: what this one takes of
// memory is what reading it takes.
func stocked(t testing.TB, dir string, n int) *stock {
	const filling = "DURE_TEST_INDEX_LEDGER"
	if dir := os.Getenv(filling); dir != "" {
		s := newStock(t, dir)
		s.fill(n)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		os.Exit(0)
	}
	c := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-records", fmt.Sprint(n))
	c.Env = append(os.Environ(), filling+"="+dir)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s := newStock(t, dir)
	for _, f := range s.feeds {
		head, _ := s.Head(f.feed)
		f.last, f.next, f.page = head.Head, head.Count, protocol.Page{}
	}
	s.written, s.rng = n, rand.New(rand.NewPCG(3, 4))
	return s
}

// write makes one more record, and hands the page in when it is full.
func (s *stock) write(full int) *shelf {
	i, rng := s.written, s.rng
	lang := tongues[rng.IntN(len(tongues))]
	v := s.vocabularies[lang]
	raw := fmt.Appendf(nil, `{"type":"project","lang":%[1]q,"title":{%[1]q:%[2]q},"summary":{%[1]q:%[3]q},"body":{%[1]q:%[4]q},"status":"active","themes":[%[5]q],
		"place":{"country":%[6]q,"label":"x","lat":"%.3[7]f","lon":"%.3[8]f"},"starts":"2026-01-01"}`,
		lang, v.text(rng, lang, 6), v.text(rng, lang, 16), v.text(rng, lang, 40), s.themes[rng.IntN(len(s.themes))], s.countries[rng.IntN(len(s.countries))],
		37+rng.Float64()*float64(1+i%12), 100+float64(i%12)*5+rng.Float64())
	r, err := record.Parse(protocol.KindProject, raw)
	if err != nil {
		s.t.Fatal(err)
	}
	body, err := protocol.EncodeBody(protocol.Salt{byte(i)}, r.Content())
	if err != nil {
		s.t.Fatal(err)
	}
	f := s.feeds[rng.IntN(len(s.feeds))]
	s.written++
	e := s.w.entry(protocol.Header{Feed: f.feed, Seq: f.next, Prev: f.last, Time: int64(s.written), Kind: protocol.KindProject,
		Number: uint64(s.written), Body: protocol.Sum(body), Size: uint64(len(body))})
	f.last, f.next = e.ID(), f.next+1
	f.page.Entries, f.page.Bodies = append(f.page.Entries, e), append(f.page.Bodies, body)
	if len(f.page.Entries) >= full {
		s.hand(f)
	}
	return f
}

func (s *stock) hand(f *shelf) {
	if len(f.page.Entries) == 0 {
		return
	}
	if err := s.Put(context.Background(), ledger.Batch{Pages: []protocol.Page{f.page}}); err != nil {
		s.t.Fatal(err)
	}
	f.page = protocol.Page{}
}

// fill writes n records.
func (s *stock) fill(n int) {
	for range n {
		s.write(64)
	}
	for _, f := range s.feeds {
		s.hand(f)
	}
}

// Follow, Newest, Limits, Limit and Erased make the stock a Log.
func (s *stock) Follow(ctx context.Context, from uint64, limit int) ([]Item, uint64, error) {
	changes, err := s.Ledger.Follow(ctx, from, limit)
	if err != nil {
		return nil, 0, err
	}
	items := make([]Item, len(changes))
	for i, c := range changes {
		items[i] = Item{Entry: c.Entry, Seq: c.Local, What: What(c.What)}
	}
	return items, s.Newest(), nil
}

func (s *stock) Newest() uint64 { return s.Stats().Next - 1 }

func (s *stock) Limits() (out []Limit) {
	for _, f := range s.feeds {
		out = append(out, Limit{f.feed, f.member, Unlimited})
	}
	return out
}

func (s *stock) Limit(feed protocol.FeedID) Limit {
	for _, f := range s.feeds {
		if f.feed == feed {
			return Limit{f.feed, f.member, Unlimited}
		}
	}
	return Limit{Feed: feed}
}

func (s *stock) Erased() []protocol.EntryID { return nil }
