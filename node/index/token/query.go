package token

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of a question. What is beyond is left out: nobody types it, and each term costs.
const (
	MaxTerms = 12
	MaxRunes = 200
)

// Query is a question as SQLite's full text search takes it.
type Query struct {
	// Match finds texts that have every word asked for. It is empty where the question has
	// no word at all.
	Match string

	// Relaxed finds more: Korean words in other forms. It is for when Match finds nothing;
	// empty where it would find the same.
	Relaxed string
}

// Ask reads what somebody typed. Words stand for texts that have them all; what stands
// in quotation marks is found as it stands. A word of an alphabet finds words that begin
// with it, and its singular.
func Ask(text string) Query {
	if runes := []rune(text); len(runes) > MaxRunes {
		text = string(runes[:MaxRunes])
	}
	var strict, relaxed []string
	add := func(s, r string) {
		if s != "" && len(strict) < MaxTerms {
			strict, relaxed = append(strict, s), append(relaxed, r)
		}
	}
	for i, part := range strings.FieldsFunc(text, isQuote) {
		if quoted(text, i) {
			p := phrase(part)
			add(p, p)
			continue
		}
		each(part, func(r run) {
			if r.class == word {
				p := prefix(r.text)
				add(p, p)
				return
			}
			p := pairsOf(r.text)
			if stem, ok := stripEnding(r.text); ok {
				add(p, "("+p+" OR "+pairsOf(stem)+")")
			} else {
				add(p, p)
			}
		})
	}
	q := Query{Match: strings.Join(strict, " AND "), Relaxed: strings.Join(relaxed, " AND ")}
	if q.Relaxed == q.Match {
		q.Relaxed = ""
	}
	return q
}

func isQuote(r rune) bool { return strings.ContainsRune(`"“”„«»「」『』`, r) }

// quoted reports whether the i-th part between quotation marks stands in them. An unpaired
// mark quotes nothing.
func quoted(text string, i int) bool {
	n, inside, part, filled := 0, false, -1, false
	for _, r := range text {
		if isQuote(r) {
			n++
			inside, filled = !inside, false
			continue
		}
		if !filled {
			part, filled = part+1, true
		}
		if part == i {
			return inside && closes(text, n)
		}
	}
	return false
}

// closes reports whether the n-th quotation mark is followed by another.
func closes(text string, n int) bool {
	for _, r := range text {
		if isQuote(r) {
			n--
		}
	}
	return n < 0
}

// phrase is tokens that stand one after another.
func phrase(text string) string {
	tokens := strings.Fields(string(Append(nil, text)))
	if len(tokens) == 0 {
		return ""
	}
	end := ""
	if r, n := utf8.DecodeLastRuneInString(tokens[len(tokens)-1]); n == len(tokens[len(tokens)-1]) && classOf(r) == pairs {
		// The last character may go on in a text: it begins a token there.
		if last := len(tokens) - 1; last > 0 && strings.HasSuffix(tokens[last-1], tokens[last]) {
			tokens = tokens[:last]
		} else {
			end = " *"
		}
	}
	return `"` + strings.Join(tokens, " ") + `"` + end
}

func pairsOf(text string) string { return phrase(text) }

// prefix finds words that begin as this one does, or as its singular does.
func prefix(w string) string {
	n := utf8.RuneCountInString(w)
	if n < 3 || unicode.IsNumber(rune(w[0])) {
		return `"` + w + `"`
	}
	switch {
	case n >= 6 && strings.HasSuffix(w, "es"):
		w = w[:len(w)-2]
	case n >= 4 && strings.HasSuffix(w, "s") && !strings.HasSuffix(w, "ss"):
		w = w[:len(w)-1]
	}
	return `"` + w + `" *`
}

// endings are particles and endings of Korean words, the longest first. They are taken
// off only where two syllables or more remain.
var endings = []string{
	"으로부터", "에게서는", "했습니다", "하였습니다", "되었습니다", "에서부터", "이라고는",
	"합니다", "됩니다", "입니다", "습니다", "하였다", "되었다", "으로서", "으로써", "에게서", "이라는", "이라고", "에서는", "에서도", "까지는", "부터는", "하려고", "하면서", "하세요", "되는", "하는",
	"에서", "에게", "으로", "까지", "부터", "처럼", "보다", "마다", "조차", "밖에", "이나", "이며", "하고", "하다", "하며", "하여", "해서", "했다", "한다", "하기", "하면", "되다", "된다", "되고", "되어", "됐다", "라는", "라고", "이다", "들이", "들을", "들의", "들은", "들과", "로서", "로써",
	"은", "는", "이", "가", "을", "를", "의", "에", "도", "와", "과", "로", "만", "들", "한", "할", "해", "된", "될",
}

// stripEnding takes one ending off a word of Hangul.
func stripEnding(w string) (string, bool) {
	for _, r := range w {
		if r < 0xac00 || r > 0xd7a3 {
			return "", false
		}
	}
	for _, e := range endings {
		if stem, ok := strings.CutSuffix(w, e); ok && utf8.RuneCountInString(stem) >= 2 {
			return stem, true
		}
	}
	return "", false
}
