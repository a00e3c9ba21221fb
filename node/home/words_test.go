package home

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/tyler-smith/go-bip39"
	"github.com/tyler-smith/go-bip39/wordlists"
	"golang.org/x/text/unicode/norm"

	"github.com/dure-net/dure/protocol"
)

// The 24-word vectors of the BIP-39 specification (trezor/python-mnemonic, vectors.json).
var bip39Vectors = map[string]string{
	"0000000000000000000000000000000000000000000000000000000000000000": "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon art",
	"7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f": "legal winner thank year wave sausage worth useful legal winner thank year wave sausage worth useful legal winner thank year wave sausage worth title",
	"8080808080808080808080808080808080808080808080808080808080808080": "letter advice cage absurd amount doctor acoustic avoid letter advice cage absurd amount doctor acoustic avoid letter advice cage absurd amount doctor acoustic bless",
	"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff": "zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo vote",
	"68a79eaca2324873eacc50cb9c6eca8cc68ea5d936f98787c60c7ebc74e6ce7c": "hamster diagram private dutch cause delay private meat slide toddler razor book happy fancy gospel tennis maple dilemma loan word shrug inflict delay length",
	"9f6a2878b2520799a44ef18bc7df394e7061a224d2c33cd015b157d746869863": "panda eyebrow bullet gorilla call smoke muffin taste mesh discover soft ostrich alcohol speed nation flash devote level hobby quick inner drive ghost inside",
	"066dca1a2bb7e8a1db2832148ce9933eea0f3ac9548d793112d9a95c9407efad": "all hour make first leader extend hole alien behind guard gospel lava path output census museum junior mass reopen famous sing advance salt reform",
	"f585c11aec520db57dd353c69554b21a89b20fb0650966fa0a9d6f74fd989d8f": "void come effort suffer camp survey warrior heavy shoot primary clutch crush open amazing screen patrol group space point ten exist slush involve unfold",
}

func TestWords_SpecificationVectors(t *testing.T) {
	for seed, words := range bip39Vectors {
		raw, _ := hex.DecodeString(seed)
		root, err := protocol.NewPrivateKey(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(WordsOf(root, "en"), " "); got != words {
			t.Errorf("%s: got %s", seed, got)
		}
		back, err := RootFromWords(words)
		if err != nil || !bytes.Equal(back.Seed(), raw) {
			t.Errorf("%s does not come back: %v", seed, err)
		}
	}
}

func TestWords_AgreeWithLibrary(t *testing.T) {
	defer bip39.SetWordList(wordlists.English)
	rng := rand.New(rand.NewPCG(1, 2))
	for lang, list := range map[string][]string{"en": wordlists.English, "ko": wordlists.Korean, "fr": wordlists.French, "es": wordlists.Spanish} {
		bip39.SetWordList(list)
		for range 50 {
			seed := make([]byte, 32)
			for i := range seed {
				seed[i] = byte(rng.Uint32())
			}
			root, _ := protocol.NewPrivateKey(seed)
			want, err := bip39.NewMnemonic(seed)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(WordsOf(root, lang), " "); norm.NFKD.String(got) != norm.NFKD.String(want) {
				t.Fatalf("%s: got %s, want %s", lang, got, want)
			}
			back, err := RootFromWords(want)
			if err != nil || back.Public() != root.Public() {
				t.Fatalf("%s: %q does not come back: %v", lang, want, err)
			}
		}
	}
}

func TestWords_AnySpelling(t *testing.T) {
	noAccents := func(s string) string {
		return strings.Map(func(r rune) rune {
			if r >= 0x300 && r <= 0x36f {
				return -1
			}
			return r
		}, norm.NFD.String(s))
	}
	spellings := map[string]func([]string) string{
		"as shown":   func(w []string) string { return strings.Join(w, " ") },
		"composed":   func(w []string) string { return norm.NFC.String(strings.Join(w, " ")) },
		"decomposed": func(w []string) string { return norm.NFD.String(strings.Join(w, " ")) },
		"capitals":   func(w []string) string { return strings.ToUpper(strings.Join(w, " ")) },
		"lines":      func(w []string) string { return "\r\n" + strings.Join(w, "\r\n") + "\r\n" },
		"commas":     func(w []string) string { return strings.Join(w, ", ") },
		"wide space": func(w []string) string { return strings.Join(w, "\u3000") },
		"no accents": func(w []string) string { return noAccents(strings.Join(w, " ")) },
		"numbered": func(w []string) string {
			var b strings.Builder
			for i, one := range w {
				fmt.Fprintf(&b, "%d. %s\n", i+1, one)
			}
			return b.String()
		},
	}
	for _, lang := range []string{"en", "ko", "fr", "es"} {
		words, root, err := NewWords(lang)
		if err != nil || len(words) != WordCount {
			t.Fatalf("%d words, %v", len(words), err)
		}
		for what, spell := range spellings {
			back, err := RootFromWords(spell(words))
			if err != nil || back.Public() != root.Public() {
				t.Errorf("%s %s: %v", lang, what, err)
			}
		}
		for _, w := range words {
			if !norm.NFC.IsNormalString(w) {
				t.Errorf("%s: %q is not shown in normal form C", lang, w)
			}
		}
	}
	if words, _, _ := NewWords("de"); !slices.Contains(wordlists.English, words[0]) {
		t.Error("an unknown language is not English")
	}
}

func TestWords_Wrong(t *testing.T) {
	for _, lang := range []string{"en", "ko", "fr", "es"} {
		words, _, err := newWords(lang, bytes.NewReader(bytes.Repeat([]byte{0x5a, 0x13}, 16)))
		if err != nil {
			t.Fatal(err)
		}
		for at := range words {
			bad := slices.Clone(words)
			bad[at] = "xyzzy"
			_, err := RootFromWords(strings.Join(bad, " "))
			e := wantReason(t, err, protocol.ReasonWrongWords)
			if e.Field != WordsUnknown || e.Args["position"] != strconv.Itoa(at+1) {
				t.Errorf("%s: field %q, args %v, want position %d", lang, e.Field, e.Args, at+1)
			}
			if strings.Contains(fmt.Sprintf("%v %+v", err, e), "xyzzy") {
				t.Error("the error quotes a word")
			}
		}
		swapped := slices.Clone(words)
		swapped[0], swapped[1] = swapped[1], swapped[0]
		if swapped[0] != swapped[1] {
			_, err = RootFromWords(strings.Join(swapped, " "))
			if e := wantReason(t, err, protocol.ReasonWrongWords); e.Field != WordsChecksum {
				t.Errorf("field %q", e.Field)
			}
		}
		for n := range WordCount {
			_, err = RootFromWords(strings.Join(words[:n], " "))
			if e := wantReason(t, err, protocol.ReasonWrongWords); e.Field != WordsCount || e.Args["count"] != strconv.Itoa(n) {
				t.Errorf("field %q, args %v", e.Field, e.Args)
			}
		}
	}
}

func TestWords_TwoLanguagesAtOnce(t *testing.T) {
	var wg sync.WaitGroup
	for _, lang := range []string{"en", "ko", "fr", "es"} {
		wg.Go(func() {
			for range 20 {
				words, root, err := NewWords(lang)
				if err != nil {
					t.Error(err)
					return
				}
				if back, err := RootFromWords(strings.Join(words, " ")); err != nil || back.Public() != root.Public() {
					t.Errorf("%s: %v", lang, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestHome_CheckRoot(t *testing.T) {
	h := newHome(t)
	if err := h.CheckRoot(testKey(t, 1)); err != nil {
		t.Error(err)
	}
	for _, k := range []protocol.PrivateKey{testKey(t, 2), {}} {
		if e := wantReason(t, h.CheckRoot(k), protocol.ReasonWrongWords); e.Field != WordsOther {
			t.Errorf("field %q", e.Field)
		}
	}
}

func FuzzRootFromWords(f *testing.F) {
	for _, words := range bip39Vectors {
		f.Add(words)
	}
	f.Add("가격 가끔")
	f.Fuzz(func(t *testing.T, text string) {
		root, err := RootFromWords(text)
		if err != nil {
			if protocol.ReasonOf(err) != protocol.ReasonWrongWords {
				t.Fatal(err)
			}
			return
		}
		for _, lang := range []string{"en", "ko", "fr", "es"} {
			if back, err := RootFromWords(strings.Join(WordsOf(root, lang), " ")); err != nil || back.Public() != root.Public() {
				t.Fatal("accepted words make a key whose words do not come back")
			}
		}
	})
}
