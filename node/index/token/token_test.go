package token

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

func TestAppend(t *testing.T) {
	for text, want := range map[string]string{
		"":                  "",
		" -- … ":            "",
		"협동조합":              " 협동 동조 조합 합",
		"협":                 " 협",
		"Économie d'Été":    " economie d ete",
		"STRASSE Straße":    " strasse strasse",
		"Œuvre ærø Łódź":    " oeuvre aero lodz",
		"IT협동조합 2024년":      " it 협동 동조 조합 합 2024 년",
		"東京の会":              " 東京 京の の会 会",
		"ｶﾞｽ":               " ガス ス",
		"カーブ":               " カー ーブ ブ",
		"Ａｂｃ１":              " abc1",
		"Ελλάς Ё":           " ελλασ е",
		"हिन्दी":            " हिन्दी",
		"gizarte-ekonomia":  " gizarte ekonomia",
		"mga kooperatiba ñ": " mga kooperatiba n",
	} {
		if got := string(Append(nil, text)); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
		if got := string(Append(nil, norm.NFD.String(text))); got != want {
			t.Errorf("%q decomposed: got %q, want %q", text, got, want)
		}
	}
}

func TestAsk(t *testing.T) {
	for text, want := range map[string]Query{
		"":               {},
		"?!":             {},
		`"`:              {},
		"협동조합":           {Match: `"협동 동조 조합"`},
		"협":              {Match: `"협" *`},
		"협동조합에서":         {Match: `"협동 동조 조합 합에 에서"`, Relaxed: `("협동 동조 조합 합에 에서" OR "협동 동조 조합")`},
		"교류는":            {Match: `"교류 류는"`, Relaxed: `("교류 류는" OR "교류")`},
		"나는":             {Match: `"나는"`},
		"Coopératives":   {Match: `"cooperativ" *`},
		"class":          {Match: `"class" *`},
		"de 2024":        {Match: `"de" AND "2024"`},
		`“social econo"`: {Match: `"social econo"`},
		`a "b`:           {Match: `"a" AND "b"`},
		`"조합 교류" x`:      {Match: `"조합 합 교류" AND "x"`},
		"東京":             {Match: `"東京"`},
		"IT협동":           {Match: `"it" AND "협동"`},
		"지원하다 교육":        {Match: `"지원 원하 하다" AND "교육"`, Relaxed: `("지원 원하 하다" OR "지원") AND "교육"`},
	} {
		if got := Ask(text); got != want {
			t.Errorf("%q: got %+v, want %+v", text, got, want)
		}
	}
}

func FuzzToken(f *testing.F) {
	for _, s := range []string{"", "협동조합에서", "Économie d'Été", "東京の会", "a\"b", "\xff", "한 e\u0301\u0301", "ก็ ꙮ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		tokens := string(Append(nil, text))
		if tokens != "" && tokens[0] != ' ' || strings.Contains(tokens, "  ") {
			t.Fatalf("%q: %q", text, tokens)
		}
		for _, w := range strings.Fields(tokens) {
			if utf8.RuneCountInString(w) > 4*maxWord {
				t.Fatalf("a token of %d characters", utf8.RuneCountInString(w))
			}
		}
		for i := range len(tokens) {
			if c := tokens[i]; c < utf8.RuneSelf && c != ' ' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
				t.Fatalf("%q: %q holds %q", text, tokens, c)
			}
		}
		q := Ask(text)
		if strings.Count(q.Match, `"`)%2 != 0 || strings.Count(q.Relaxed, `"`)%2 != 0 {
			t.Fatalf("%q: %+v", text, q)
		}
		if (q.Match == "") != (string(Append(nil, clipped(text))) == "") {
			t.Fatalf("%q: %+v, tokens %q", text, q, tokens)
		}
	})
}

func clipped(s string) string {
	if r := []rune(s); len(r) > MaxRunes {
		return string(r[:MaxRunes])
	}
	return s
}

// Letters of the Latin alphabet are folded by a table, to what all others are folded to.
func TestFold_TableAgrees(t *testing.T) {
	for a := rune('0'); a < rune(len(latin)); a++ {
		for b := rune('0'); b < rune(len(latin)); b++ {
			if !unicode.IsLetter(a) || !unicode.IsLetter(b) {
				continue
			}
			if w := norm.NFKC.String(string([]rune{a, b})); fold(w) != foldAny(w) {
				t.Fatalf("%q: %q, %q", w, fold(w), foldAny(w))
			}
		}
	}
}
