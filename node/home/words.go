package home

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io"
	"strconv"
	"strings"
	"sync"

	"github.com/tyler-smith/go-bip39/wordlists"
	"golang.org/x/text/unicode/norm"

	"github.com/dure-net/dure/protocol"
)

// A root key is written down as the 24 words of BIP-39 for its 32-byte seed: 256 bits
// and 8 bits of their SHA-256, in groups of 11. The seed is the entropy itself, not
// BIP-39's stretched seed: the words are a spelling of the key and take no passphrase.
// The lists come from go-bip39; its encoder keeps the chosen list in a package
// variable, so two languages at once would race, and the groups are made here.

// WordCount is the number of words that make a root key.
const WordCount = 24

// Fields of ReasonWrongWords errors: what is wrong with the words.
const (
	WordsCount    = "count"    // not 24; Args count
	WordsUnknown  = "word"     // a word of no list; Args position, from 1
	WordsChecksum = "checksum" // 24 known words that do not belong together: one is another, or two changed places
	WordsOther    = "other"    // words of another key; Args is empty
)

type wordlist struct {
	lang  string
	words []string          // normal form C, as people see it
	index map[string]uint16 // folded word to place
}

// lists are made on first use: 8,192 map entries that most commands never need.
var lists = sync.OnceValue(func() []wordlist {
	all := []wordlist{
		{lang: "en", words: wordlists.English}, {lang: "ko", words: wordlists.Korean},
		{lang: "fr", words: wordlists.French}, {lang: "es", words: wordlists.Spanish},
	}
	for i := range all {
		l := &all[i]
		shown := make([]string, len(l.words))
		l.index = make(map[string]uint16, len(l.words))
		for place, w := range l.words {
			shown[place] = norm.NFC.String(w)
			l.index[fold(w)] = uint16(place)
		}
		l.words = shown
	}
	return all
})

// fold makes one word of its spellings: compatibility forms, case, and Latin accents,
// which BIP-39 says are equal to their plain letters in its French and Spanish lists.
func fold(word string) string {
	return strings.Map(func(r rune) rune {
		if r >= 0x300 && r <= 0x36f {
			return -1
		}
		return r
	}, strings.ToLower(norm.NFKD.String(word)))
}

// NewWords makes a root key and its words in a language (ko, en, fr, es; any other:
// English). The words are the key: they are shown once and kept nowhere.
func NewWords(lang string) ([]string, protocol.PrivateKey, error) { return newWords(lang, rand.Reader) }

func newWords(lang string, random io.Reader) ([]string, protocol.PrivateKey, error) {
	seed := make([]byte, 32)
	if _, err := io.ReadFull(random, seed); err != nil {
		return nil, protocol.PrivateKey{}, protocol.Fail(protocol.ReasonInternal, "make root key", err)
	}
	root, err := protocol.NewPrivateKey(seed)
	if err != nil {
		return nil, protocol.PrivateKey{}, err
	}
	return WordsOf(root, lang), root, nil
}

// WordsOf are the words of a root key, in normal form C. The slice is the caller's.
func WordsOf(root protocol.PrivateKey, lang string) []string {
	list := lists()[0]
	for _, l := range lists() {
		if l.lang == lang {
			list = l
		}
	}
	seed := root.Seed()
	sum := sha256.Sum256(seed)
	bits := append(seed, sum[0])
	words := make([]string, WordCount)
	for i := range words {
		words[i] = list.words[eleven(bits, i)]
	}
	return words
}

// eleven is the i-th group of 11 bits.
func eleven(bits []byte, i int) (n uint16) {
	for b := i * 11; b < i*11+11; b++ {
		n = n<<1 | uint16(bits[b/8]>>(7-b%8)&1)
	}
	return n
}

// RootFromWords is the inverse of NewWords. It takes the words of any of the four
// lists, in any case and normal form, with or without accents, parted by any space,
// comma or line break; numbers before words ("1. abandon") are skipped. Otherwise
// ReasonWrongWords with one of the Words… fields. No word ever stands in the error.
func RootFromWords(text string) (protocol.PrivateKey, error) {
	words := strings.FieldsFunc(text, func(r rune) bool {
		return r <= ' ' || r == ',' || r == '.' || r == ')' || r >= '0' && r <= '9' || r == 0xa0 || r == 0x3000 || r == 0x2028 || r == 0xfeff
	})
	wrong := func(field, arg, value string) (protocol.PrivateKey, error) {
		e := &protocol.Error{Reason: protocol.ReasonWrongWords, Op: "read root words", Field: field, Args: map[string]string{}}
		if arg != "" {
			e.Args[arg] = value
		}
		return protocol.PrivateKey{}, e
	}
	if len(words) != WordCount {
		return wrong(WordsCount, "count", strconv.Itoa(len(words)))
	}
	for i, w := range words {
		words[i] = fold(w)
	}
	best := -1 // the unknown word that came latest, over the lists: the list most likely meant
	for _, l := range lists() {
		seed, unknown, err := l.seed(words)
		switch {
		case err == nil:
			return protocol.NewPrivateKey(seed)
		case unknown < 0:
			best = WordCount
		default:
			best = max(best, unknown)
		}
	}
	if best == WordCount {
		return wrong(WordsChecksum, "", "")
	}
	return wrong(WordsUnknown, "position", strconv.Itoa(best+1))
}

// seed puts the groups together; unknown is the place of the first word that is not in
// the list, or -1.
func (l wordlist) seed(words []string) (seed []byte, unknown int, err error) {
	bits := make([]byte, 33)
	for i, w := range words {
		n, ok := l.index[w]
		if !ok {
			return nil, i, errors.New("unknown word")
		}
		for b := range 11 {
			at := i*11 + b
			bits[at/8] |= byte(n>>(10-b)&1) << (7 - at%8)
		}
	}
	if sum := sha256.Sum256(bits[:32]); sum[0] != bits[32] {
		return nil, -1, errors.New("checksum")
	}
	return bits[:32], -1, nil
}

// CheckRoot reports ReasonWrongWords, field WordsOther, when root is not the member's key.
func (h *Home) CheckRoot(root protocol.PrivateKey) error {
	m, err := h.Member()
	if err != nil {
		return err
	}
	if root.IsZero() || root.Public() != m.Root {
		return &protocol.Error{Reason: protocol.ReasonWrongWords, Op: "check root key", Field: WordsOther}
	}
	return nil
}
