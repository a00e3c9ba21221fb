package phrase

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"slices"
	"testing"

	"golang.org/x/text/collate"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"github.com/dure-net/dure/protocol/record"
)

var update = flag.Bool("update", false, "write names/*.json from the tables of golang.org/x/text")

// Every catalogue has names of its own, and they are those of Unicode.
func TestNames_AreUnicodes(t *testing.T) {
	b, err := New()
	if err != nil {
		t.Fatal(err)
	}
	for lang := range b.speakers {
		tag, want := language.MustParse(lang), named{map[string]string{}, map[string]string{}, map[string]string{}}
		put := func(m map[string]string, key, name string) {
			if name != "" {
				m[key] = name
			}
		}
		for _, v := range display.Values.Tags() {
			base, _, _ := v.Raw()
			own, of := display.Languages(tag).Name(v), display.Languages(tag).Name(language.MustParse(base.String()))
			if own == of && v.String() != base.String() {
				own = "" // it has none: what is told is the language's
			}
			put(want.Languages, v.String(), own)
		}
		for _, v := range display.Values.Scripts() {
			put(want.Scripts, v.String(), display.Scripts(tag).Name(v))
		}
		for _, v := range display.Values.Regions() {
			put(want.Regions, v.String(), display.Regions(tag).Name(v))
		}
		var raw bytes.Buffer
		enc := json.NewEncoder(&raw)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "")
		if err := enc.Encode(want); err != nil {
			t.Fatal(err)
		}
		file := "names/" + lang + ".json"
		if *update {
			if err := os.WriteFile(file, raw.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, raw.Bytes()) {
			t.Errorf("%s is not what golang.org/x/text says: run with -update (%v)", file, err)
		}
	}
}

func TestNames_OfCountriesAndLanguages(t *testing.T) {
	for lang := range names() {
		tag := language.MustParse(lang)
		for _, code := range record.Codes(record.Countries) {
			if got, want := Country(lang, code), display.Regions(tag).Name(language.MustParseRegion(code)); got != want || got == "" {
				t.Errorf("%s in %s: got %q, want %q", code, lang, got, want)
			}
		}
		spoken := display.Values.Tags()
		for _, more := range []string{"en-KR", "sr-Latn", "sr-Latn-BA", "az-Cyrl-AZ", "pt-AO", "zh-Hant-HK", "zh-Hans-SG", "ko-KP", "es-KR", "mn-Mong", "fr-Latn-CH", "iw", "sh", "ko-u-co-unihan"} {
			spoken = append(spoken, language.MustParse(more))
		}
		for _, v := range spoken {
			if got, want := Language(lang, v.String()), display.Tags(tag).Name(v); want != "" && got != want {
				t.Errorf("%s in %s: got %q, want %q", v, lang, got, want)
			}
		}
	}
}

func TestNames_VarietiesAndUnknown(t *testing.T) {
	for _, c := range []struct{ lang, code, want string }{
		{"fr-CA", "KR", "Corée du Sud"}, {"KO", "KR", "대한민국"}, {"tlh", "KR", "South Korea"}, {"en", "nowhere", ""}, {"en", "", ""},
	} {
		if got := Country(c.lang, c.code); got != c.want {
			t.Errorf("%s in %s: got %q, want %q", c.code, c.lang, got, c.want)
		}
	}
	for _, c := range []struct{ lang, tag, want string }{
		{"en", "!", ""}, {"en", "", ""}, {"en", "und", "Unknown language"}, {"en", "qaa", ""},
		// Unicode has no Korean name for the pair; saying nothing made empty cells of a table Chinese.
		{"ko", "zh-Hant", "중국어 (한자 번체)"},
	} {
		if got := Language(c.lang, c.tag); got != c.want {
			t.Errorf("%q in %s: got %q, want %q", c.tag, c.lang, got, c.want)
		}
	}
}

// Country names stand in the order that Unicode's collation gives them in each language.
func TestCompare_OrdersCountriesAsUnicodeDoes(t *testing.T) {
	for lang := range names() {
		var all []string
		for _, code := range record.Codes(record.Countries) {
			all = append(all, Country(lang, code))
		}
		want := slices.Clone(all)
		slices.SortFunc(all, Compare)
		slices.SortFunc(want, collate.New(language.MustParse(lang)).CompareString)
		if !slices.Equal(all, want) {
			for i := range all {
				if all[i] != want[i] {
					t.Errorf("%s, at %d: got %q, want %q", lang, i, all[i], want[i])
					break
				}
			}
		}
	}
}

func TestCompare_AccentsAndCaseDecideLast(t *testing.T) {
	got := []string{"Zürich", "éa", "Eb", "ea", "각", "가나", "가", "Ea"}
	slices.SortFunc(got, Compare)
	if want := []string{"Ea", "ea", "éa", "Eb", "Zürich", "가", "가나", "각"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
