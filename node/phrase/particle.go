package phrase

import (
	"strings"
	"unicode/utf8"
)

// pairs are the Korean particles whose form depends on whether the syllable before them ends in a consonant. In
// the catalogues they stand as people write them in forms: first the spelling after a consonant.
var pairs = []struct{ written, closed, open string }{
	{"은(는)", "은", "는"},
	{"이(가)", "이", "가"},
	{"을(를)", "을", "를"},
	{"과(와)", "과", "와"},
	{"(으)로", "으로", "로"},
}

// particles settles the particles of text by the sound before each. After a letter that is neither Hangul nor a
// digit the sound is not known, and the written double form stays.
func particles(text string) string {
	for _, p := range pairs {
		if !strings.Contains(text, p.written) {
			continue
		}
		var b strings.Builder
		rest := text
		for {
			before, after, found := strings.Cut(rest, p.written)
			b.WriteString(before)
			if !found {
				break
			}
			switch end := ending(before); {
			case end == unknown:
				b.WriteString(p.written)
			case end == open, end == rieul && p.closed == "으로":
				b.WriteString(p.open)
			default:
				b.WriteString(p.closed)
			}
			rest = after
		}
		text = b.String()
	}
	return text
}

type sound int

const (
	unknown sound = iota
	open          // a vowel
	closed        // a consonant
	rieul         // ㄹ, after which "로" stands without "으"
)

// ending is how text sounds at its end, quotation marks and closing brackets aside.
func ending(text string) sound {
	text = strings.TrimRight(text, "\"'”’»)]」』 ")
	r, _ := utf8.DecodeLastRuneInString(text)
	switch {
	case r >= '가' && r <= '힣':
		switch (r - '가') % 28 { // 28 codas, the first of them none, the ninth ㄹ (Unicode 3.12)
		case 0:
			return open
		case 8:
			return rieul
		}
		return closed
	case r >= '0' && r <= '9':
		switch r { // 일 칠 팔 end in ㄹ; 영 삼 육 in another consonant; 이 사 오 구 in none
		case '1', '7', '8':
			return rieul
		case '0', '3', '6':
			return closed
		}
		return open
	}
	return unknown
}
