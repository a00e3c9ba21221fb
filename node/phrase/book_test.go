package phrase

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nicksnyder/go-i18n/v2/i18n"

	"github.com/dure-net/dure/protocol"
)

func book(t *testing.T) *Book {
	t.Helper()
	b, err := New()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// catalogues reads the embedded files as they lie, by language and key.
func catalogues(t *testing.T) map[string]map[string]*i18n.Message {
	t.Helper()
	all := map[string]map[string]*i18n.Message{}
	names, err := fs.Glob(files, "catalogue/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		raw, err := files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		file, err := i18n.ParseMessageFileBytes(raw, path.Base(name), nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		lang := file.Tag.String()
		if all[lang] == nil {
			all[lang] = map[string]*i18n.Message{}
		}
		for _, m := range file.Messages {
			all[lang][m.ID] = m
		}
		if err := noKeyTwice(raw); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	return all
}

// noKeyTwice: encoding/json keeps the last of two equal keys and says nothing.
func noKeyTwice(raw []byte) error {
	d := json.NewDecoder(strings.NewReader(string(raw)))
	seen := map[string]bool{}
	depth := 0
	for expectKey := false; ; {
		token, err := d.Token()
		if err != nil {
			return nil
		}
		switch v := token.(type) {
		case json.Delim:
			if v == '{' {
				depth++
			} else {
				depth--
			}
			expectKey = depth == 1
		case string:
			if depth != 1 {
				continue
			}
			if expectKey && seen[v] {
				return fmt.Errorf("%q stands twice", v)
			}
			if expectKey {
				seen[v] = true
			}
			expectKey = !expectKey
		}
	}
}

func TestBook_EveryKeyInFourLanguagesWithTheSamePlaceholders(t *testing.T) {
	all := catalogues(t)
	keys := map[string]bool{}
	for _, messages := range all {
		for key := range messages {
			keys[key] = true
		}
	}
	if len(all) != len(languages) || len(keys) < 200 {
		t.Fatalf("%d languages, %d keys", len(all), len(keys))
	}
	for key := range keys {
		var want []string
		for i, lang := range languages {
			m := all[lang][key]
			if m == nil {
				t.Errorf("%q is not said in %s", key, lang)
				continue
			}
			got, err := placeholdersOf(m)
			if err != nil {
				t.Errorf("%q in %s: %v", key, lang, err)
			}
			if i == 0 {
				want = got
			} else if !slices.Equal(got, want) {
				t.Errorf("%q takes %v in %s and %v in %s", key, got, lang, want, languages[0])
			}
			if strings.TrimSpace(m.Other) == "" {
				t.Errorf("%q in %s is empty", key, lang)
			}
			if (m.One != "") != (all["en"][key] != nil && all["en"][key].One != "") && lang != "ko" {
				t.Errorf("%q in %s has other plural forms than in English", key, lang)
			}
		}
	}
}

// Words of developers that people must never read, each language's own spelling of them included.
var forbidden = []string{"peer", "cid", "gossip", "topic", "crdt", "feed", "pair à pair", "libp2p", "badger", "가십", "피드", "피어", "tópico"}

func TestBook_NoWordOfDevelopers(t *testing.T) {
	for lang, messages := range catalogues(t) {
		for key, m := range messages {
			for _, form := range []string{m.One, m.Many, m.Other} {
				for _, word := range strings.FieldsFunc(strings.ToLower(form), func(r rune) bool { return strings.ContainsRune(" .,;:!?()[]{}«»“”‘’'\"`\n\u00a0/", r) }) {
					if slices.Contains(forbidden, strings.TrimSuffix(word, "s")) || slices.Contains(forbidden, word) {
						t.Errorf("%q in %s says %q", key, lang, word)
					}
				}
			}
		}
	}
}

func TestBook_EveryTranslationIsOne(t *testing.T) {
	// The same text in two languages is a translation forgotten, except where words are alike.
	same := map[string]bool{}
	all := catalogues(t)
	for key, m := range all["en"] {
		if len(strings.Fields(m.Other)) < 4 {
			continue
		}
		for _, lang := range []string{"ko", "fr", "es"} {
			if other := all[lang][key]; other != nil && other.Other == m.Other {
				same[lang+" "+key] = true
			}
		}
	}
	for key := range same {
		t.Errorf("%s repeats the English sentence", key)
	}
}

func TestBook_SayPlurals(t *testing.T) {
	b := book(t)
	for _, c := range []struct {
		lang  string
		count int
		want  string
	}{
		{"en", 1, "1 day"}, {"en", 2, "2 days"}, {"en", 0, "0 days"}, {"ko", 1, "1일"}, {"ko", 5, "5일"},
		{"fr", 0, "0 jour"}, {"fr", 1, "1 jour"}, {"fr", 2, "2 jours"}, {"es", 1, "1 día"}, {"es", 12345, "12.345 días"},
	} {
		if got := b.Say(c.lang, "span.days", map[string]any{"count": c.count}); got != c.want {
			t.Errorf("%s %d: got %q, want %q", c.lang, c.count, got, c.want)
		}
	}
}

func TestBook_SayUnknown(t *testing.T) {
	b := book(t)
	if got := b.Say("ko", "no.such.key", nil); got != "no.such.key" {
		t.Errorf("got %q", got)
	}
	if got, want := b.Say("pt-BR", "term.type.offer", nil), b.Say("en", "term.type.offer", nil); got != want {
		t.Errorf("a language not spoken: got %q, want %q", got, want)
	}
}

func TestBook_Match(t *testing.T) {
	b := book(t)
	for wish, want := range map[string]string{
		"ko-KR,ko;q=0.9,en;q=0.8": "ko", "fr-CA": "fr", "es-MX, en": "es", "de": "en", "": "en", "ja, fr;q=0.5": "fr",
		"ko_KR.UTF-8": "ko", "fr_FR@euro": "fr", "C.UTF-8": "en", "C": "en", "POSIX": "en", "garbage;;;q=": "en",
	} {
		if got := b.Match(wish); got != want {
			t.Errorf("Match(%q) = %q, want %q", wish, got, want)
		}
	}
}

func TestBook_Local(t *testing.T) {
	b := book(t)
	at := time.Date(2026, 12, 5, 9, 30, 0, 0, time.UTC)
	for _, c := range []struct{ got, want string }{
		{b.Date("ko", at), "2026년 12월 5일"}, {b.Date("en", at), "5 December 2026"},
		{b.Date("fr", at), "5 décembre 2026"}, {b.Date("es", at), "5 de diciembre de 2026"},
		{b.Time("ko", at), "2026년 12월 5일 09:30"}, {b.Time("en", at), "5 December 2026, 09:30"},
		{b.Day("fr", "2026-01-31"), "31 janvier 2026"}, {b.Day("fr", "soon"), "soon"},
		{b.Number("en", 48213), "48,213"}, {b.Number("ko", 48213), "48,213"}, {b.Number("es", 48213), "48.213"}, {b.Number("fr", 48213), "48\u00a0213"},
		{b.Bytes("en", 312_400_000), "312 MB"}, {b.Bytes("fr", 1_540_000), "1,5 Mo"}, {b.Bytes("ko", 12), "12바이트"}, {b.Bytes("en", 0), "0 bytes"},
		{b.Ago("en", at.Add(-40*time.Second), at), "40 seconds ago"}, {b.Ago("ko", at.Add(-3*time.Hour), at), "3시간 전"},
		{b.Ago("fr", at.Add(-49*time.Hour), at), "il y a 2 jours"}, {b.Ago("es", at, at), "ahora mismo"}, {b.Ago("en", at.Add(time.Hour), at), "just now"},
		{b.Duration("en", -90*time.Minute), "90 minutes"}, {b.Duration("es", time.Second), "1 segundo"},
		{b.Country("ko", "KR"), "대한민국"}, {b.Country("fr", "SN"), "Sénégal"}, {b.Country("en", "??"), "??"},
		{b.Language("ko", "fr"), "프랑스어"}, {b.Language("es", "ko"), "coreano"}, {b.Language("en", "!"), "!"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestPick(t *testing.T) {
	text := protocol.Text{"ko": "가", "en": "a", "fr-CA": "à", "fr": ""}
	delete(text, "fr")
	for _, c := range []struct{ lang, tag string }{{"ko", "ko"}, {"fr", "fr-CA"}, {"es", "en"}} {
		if _, tag := Pick(c.lang, text); tag != c.tag {
			t.Errorf("Pick(%q) chose %q, want %q", c.lang, tag, c.tag)
		}
	}
	if _, tag := Pick("es", text, "ko"); tag != "ko" {
		t.Errorf("the preferred language was not taken: %q", tag)
	}
	if v, tag := Pick("es", protocol.Text{"zh": "字", "ja": "か"}); tag != "ja" || v != "か" {
		t.Errorf("got %q %q", v, tag)
	}
	if v, tag := Pick("es", nil); v != "" || tag != "" {
		t.Errorf("got %q %q", v, tag)
	}
}

func TestParticles(t *testing.T) {
	for in, want := range map[string]string{
		"서울을(를)": "서울을", "대구을(를)": "대구를", "‘부산’은(는) 도시": "‘부산’은 도시", "회원(으)로": "회원으로", "서울(으)로": "서울로",
		"도시(으)로": "도시로", "1이(가) 7이(가) 3과(와) 5과(와)": "1이 7이 3과 5와", "kr-seoul을(를)": "kr-seoul을(를)", "을(를)": "을(를)",
	} {
		if got := particles(in); got != want {
			t.Errorf("particles(%q) = %q, want %q", in, got, want)
		}
	}
}
