// Package token cuts text into the words that search compares: the same for what is
// stored and for what is asked. It knows no database, keeps nothing and never fails.
//
// Scripts that do not put spaces where words end (Hangul, Han, kana, Thai and its
// neighbours) are cut into overlapping pairs of characters, with the last character of a
// run on its own: 협동조합 is 협동 동조 조합 합. A string of two or more characters is in a text
// exactly when its pairs stand there one after another, and one character is there when a
// token begins with it. Everything else is cut at what is neither letter nor digit, case
// folded, with accents taken off: Économie and economie are one word.
package token

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxWord bounds a word, in characters: what is longer is cut. No word of a language is.
const maxWord = 48

// unspaced are scripts whose words do not end at spaces, and Korean, where a word carries
// its particles.
var unspaced = []*unicode.RangeTable{unicode.Hangul, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar}

// accented are scripts whose marks say how a letter sounds, and are left out by who types
// in a hurry. Marks of other scripts are letters to their readers.
var accented = []*unicode.RangeTable{unicode.Latin, unicode.Greek, unicode.Cyrillic}

// spelt are letters that have no decomposition, as others write them.
var spelt = map[rune]string{'ß': "ss", 'æ': "ae", 'œ': "oe", 'ø': "o", 'đ': "d", 'ð': "d", 'þ': "th", 'ł': "l", 'ħ': "h", 'ı': "i", 'ŋ': "n", 'ς': "σ"}

type class uint8

const (
	other class = iota
	word        // letters and digits that make words
	pairs       // characters of which two make a token
)

func classOf(r rune) class {
	switch {
	case r < utf8.RuneSelf:
		if 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' {
			return word
		}
		return other
	case r == 'ー' || r == '々' || 0xac00 <= r && r <= 0xd7a3:
		return pairs
	case !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r):
		return other
	case r >= rune(len(latin)) && unicode.In(r, unspaced...):
		return pairs
	}
	return word
}

// run is a part of a text in which all characters are of one class: a word as it is
// compared, or characters to be paired.
type run struct {
	class class
	text  string
}

// each calls do with the runs of a text, in order.
func each(text string, do func(run)) {
	text = norm.NFKC.String(text)
	start, in := 0, other
	end := func(at int) {
		switch in {
		case word:
			for w := fold(text[start:at]); w != ""; {
				n := cut(w)
				do(run{word, w[:n]})
				w = w[n:]
			}
		case pairs:
			do(run{pairs, text[start:at]})
		}
	}
	for i, r := range text {
		c := classOf(r)
		if in != other && c == word && unicode.IsMark(r) {
			continue // belongs to what stands before it
		}
		if c != in {
			end(i)
			start, in = i, c
		}
	}
	end(len(text))
}

// cut is how many bytes of a word make one token.
func cut(w string) int {
	n := 0
	for i := range w {
		if n == maxWord {
			return i
		}
		n++
	}
	return len(w)
}

// latin is what foldAny makes of each letter of the alphabet that most members write.
var latin = func() (t [0x250]string) {
	for r := range t {
		t[r] = foldAny(string(rune(r)))
	}
	return t
}()

// fold writes a word without case and accents.
func fold(w string) string {
	plain := true
	for _, r := range w {
		if r >= rune(len(latin)) {
			return foldAny(w)
		}
		plain = plain && r < utf8.RuneSelf && (r < 'A' || r > 'Z')
	}
	if plain {
		return w
	}
	b := make([]byte, 0, 2*len(w))
	for _, r := range w {
		b = append(b, latin[r]...)
	}
	return string(b)
}

// foldAny is fold for words of any alphabet.
func foldAny(w string) string {
	var b strings.Builder
	strip := false // the marks that follow are accents
	for _, r := range norm.NFD.String(w) {
		if unicode.IsMark(r) {
			if !strip {
				b.WriteRune(r)
			}
			continue
		}
		r = unicode.ToLower(r)
		strip = r < utf8.RuneSelf || unicode.In(r, accented...)
		if s, ok := spelt[r]; ok {
			b.WriteString(s)
		} else {
			b.WriteRune(r)
		}
	}
	return norm.NFC.String(b.String())
}

// Append writes the tokens of a text, each with a space before it. A token has no space
// and no character of ASCII but small letters and digits.
func Append(dst []byte, text string) []byte {
	each(text, func(r run) {
		if r.class == word {
			dst = append(append(dst, ' '), r.text...)
			return
		}
		last := 0
		for i := range r.text {
			if i > last {
				_, n := utf8.DecodeRuneInString(r.text[i:])
				dst = append(append(dst, ' '), r.text[last:i+n]...)
				last = i
			}
		}
		dst = append(append(dst, ' '), r.text[last:]...)
	})
	return dst
}
