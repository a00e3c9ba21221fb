package index

import (
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// document is a notice with its words.
type document struct {
	lang, title, body string
}

func (d document) content(t testing.TB) any {
	r, err := record.Parse(protocol.KindNotice, fmt.Appendf(nil, `{"type":"notice","lang":%q,"title":{%q:%q},"body":{%q:%q},"category":"news","valid_until":"2027-12-31"}`,
		d.lang, d.lang, d.title, d.lang, d.body))
	if err != nil {
		t.Fatalf("%+v: %v", d, err)
	}
	return r.Content()
}

var texts = regexp.MustCompile(`"(ko|en|fr|es|eu|fil|it|ja|pt|sw|wo|tl|id)": "([^"\\]{12,118})"`)

// han are lines of Chinese, which the sample has none of.
var han = []string{"社會經濟合作社推動社區發展", "城市之間的團結與互助合作", "支持青年創業和社會企業的計畫", "合作社銀行為小型企業提供貸款", "社区共同体与可持续发展目标", "首尔的社会经济合作网络"}

// sentences are the texts of the sample, in all its languages.
func sentences(t testing.TB) (out []document) {
	raw, err := os.ReadFile("../sample/records.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range texts.FindAllStringSubmatch(string(raw), -1) {
		out = append(out, document{lang: m[1], title: m[2]})
	}
	for _, line := range han {
		out = append(out, document{lang: "zh", title: line})
	}
	if len(out) < 120 {
		t.Fatalf("only %d texts", len(out))
	}
	return out
}

// library is an index of n notices made of sentences, and what is in them by record.
func library(t testing.TB, n int) (*tested, map[protocol.RecordID]document) {
	w := newWorld(t)
	seoul := w.writer("kr-seoul")
	rng := rand.New(rand.NewPCG(7, 11))
	all := sentences(t)
	docs := map[protocol.RecordID]document{}
	for i := range n {
		d := all[rng.IntN(len(all))]
		if i < len(all) {
			d = all[i]
		}
		var body []string
		for range 1 + rng.IntN(3) {
			body = append(body, all[rng.IntN(len(all))].title)
		}
		d.body = strings.Join(body, "\n")
		if rng.IntN(4) == 0 {
			d.title, d.body = norm.NFC.String(d.title), norm.NFC.String(d.body)
		}
		w.salt = byte(i)
		e := seoul.write(w.body(protocol.Header{Kind: protocol.KindNotice, Number: uint64(i + 1)}, d.content(t)))
		docs[e.ID()] = d
	}
	return w.index(), docs
}

func (x *tested) found(q Query) map[protocol.RecordID]bool {
	x.w.t.Helper()
	out := map[protocol.RecordID]bool{}
	q.Limit = MaxLimit
	for {
		p, err := x.Page(q)
		x.check(err)
		for _, r := range p.Rows {
			if out[r.Record] {
				x.w.t.Fatal("a record is told twice")
			}
			out[r.Record] = true
		}
		if q.After = p.Next; p.Next == (Mark{}) {
			return out
		}
	}
}

func isCJK(r rune) bool {
	return r == 'ー' || unicode.In(r, unicode.Hangul, unicode.Han, unicode.Hiragana, unicode.Katakana)
}

// The truth is a scan of all texts: whatever string of two or more Korean, Japanese or
// Chinese characters is cut from them finds the records that contain it, and no others.
func TestSearch_FindsExactlyWhatContainsTheString(t *testing.T) {
	x, docs := library(t, 600)
	rng := rand.New(rand.NewPCG(3, 5))
	var all []string
	for _, d := range docs {
		all = append(all, d.title, d.body)
	}
	slices.Sort(all)
	asked := map[string]int{}
	for tries := 0; len(asked) < 1000 && tries < 100_000; tries++ {
		text := []rune(all[rng.IntN(len(all))])
		from := rng.IntN(len(text))
		to := from
		for want := from + 2 + rng.IntN(7); to < len(text) && to < want && isCJK(text[to]); {
			to++
		}
		q := string(text[from:to])
		if to-from < 2 || asked[q] > 0 {
			continue
		}
		want := map[protocol.RecordID]bool{}
		for id, d := range docs {
			if strings.Contains(norm.NFKC.String(d.title), q) || strings.Contains(norm.NFKC.String(d.body), q) {
				want[id] = true
			}
		}
		for _, typed := range []string{q, norm.NFD.String(q)} {
			got := x.found(Query{Text: typed})
			for id := range want {
				if !got[id] {
					t.Fatalf("%q does not find %+v", typed, docs[id])
				}
			}
			if len(got) != len(want) {
				t.Fatalf("%q finds %d, %d contain it", typed, len(got), len(want))
			}
		}
		asked[q] = len(want)
	}
	scripts := map[string]int{}
	for q := range asked {
		for name, table := range map[string]*unicode.RangeTable{"Hangul": unicode.Hangul, "Han": unicode.Han, "kana": unicode.Hiragana} {
			if strings.ContainsFunc(q, func(r rune) bool { return unicode.Is(table, r) }) {
				scripts[name]++
			}
		}
	}
	if scripts["Hangul"] < 200 || scripts["Han"] < 30 || scripts["kana"] < 20 {
		t.Errorf("asked %v of %d", scripts, len(asked))
	}
	t.Logf("%d strings: %v", len(asked), scripts)
}

// Words of alphabets are found whatever their accents and case, from their beginnings on;
// every text of the sample by its first long word, in every language.
func TestSearch_FindsWordsOfEveryLanguage(t *testing.T) {
	x, docs := library(t, 300)
	langs := map[string]bool{}
	plain := func(s string) string {
		var b strings.Builder
		for _, r := range norm.NFD.String(strings.ToLower(s)) {
			if !unicode.Is(unicode.Mn, r) {
				b.WriteRune(r)
			}
		}
		return b.String()
	}
	for id, d := range docs {
		for _, word := range strings.FieldsFunc(d.title, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) }) {
			if len([]rune(word)) < 5 || isCJK([]rune(word)[0]) {
				continue
			}
			langs[d.lang] = true
			for _, typed := range []string{word, strings.ToUpper(word), plain(word), norm.NFD.String(word), word[:len(word)-len(string([]rune(word)[len([]rune(word))-1]))]} {
				if !x.found(Query{Text: typed})[id] {
					t.Errorf("%q (%s) does not find %q", typed, d.lang, d.title)
				}
			}
			break
		}
	}
	for _, lang := range []string{"en", "fr", "es"} {
		if !langs[lang] {
			t.Errorf("nothing was asked in %s", lang)
		}
	}
	t.Logf("languages %v", langs)
	for typed, want := range map[string]string{"협": "협", "운영하다": "운영", "협동조합에서는": "협동조합"} {
		got := x.found(Query{Text: typed})
		n := 0
		for _, d := range docs {
			if strings.Contains(d.title+"\n"+d.body, want) {
				n++
			}
		}
		if n == 0 || len(got) != n {
			t.Errorf("%q finds %d, %d have %q", typed, len(got), n, want)
		}
	}
}

// An index that was built at once gives the answers of one that grew entry by entry, to
// every question of the tests.
func TestSearch_RebuiltAnswersAlike(t *testing.T) {
	grown, docs := library(t, 150)
	items := grown.w.items()
	x := grown.w.empty()
	for _, it := range items[:50] {
		x.Add(it)
	}
	x.Add(items[50:80]...)
	_, err := x.take(true, nil, items[80:]) // as when many wait
	x.check(err)
	x.settle()
	var questions []Query
	for _, d := range docs {
		questions = append(questions, Query{Text: string([]rune(d.title)[:4])}, Query{Where: []Condition{{FacetLang, []string{d.lang}}}, Sort: SortClosing})
	}
	for _, q := range append(questions, Query{}, Query{Types: []string{"notice"}, Open: "2027-01-01"}, Query{Open: "2028-01-01"}) {
		if q.Text != "" && strings.TrimSpace(q.Text) == "" {
			continue
		}
		a, aerr := grown.Page(q)
		b, berr := x.Page(q)
		if fmt.Sprint(aerr) != fmt.Sprint(berr) || !slices.Equal(a.Rows, b.Rows) {
			t.Fatalf("%+v: %d rows %v, %d rows %v", q, len(a.Rows), aerr, len(b.Rows), berr)
		}
		q.Sort = ""
		fa, aerr := grown.Facets(q)
		fb, berr := x.Facets(q)
		if fmt.Sprint(fa, aerr) != fmt.Sprint(fb, berr) {
			t.Fatalf("%+v: facets %v, %v", q, fa, fb)
		}
	}
}
