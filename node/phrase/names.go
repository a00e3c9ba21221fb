package phrase

import (
	"cmp"
	"embed"
	"encoding/json"
	"path"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"
)

// nameFiles hold what Unicode's CLDR calls countries, scripts and languages, in the
// languages of the catalogues. golang.org/x/text/language/display has them too, and with
// them those of a hundred other languages, which add 2.3 MB to a program; a test writes
// the files from there (go test ./node/phrase -run TestNames -update) and compares.
//
//go:embed names/*.json
var nameFiles embed.FS

// named are the names in one language.
type named struct {
	Languages map[string]string `json:"languages"` // by tag: "pt", "pt-BR", "zh-Hant"
	Regions   map[string]string `json:"regions"`
	Scripts   map[string]string `json:"scripts"`
}

var names = sync.OnceValue(func() map[string]named {
	all := map[string]named{}
	files, err := nameFiles.ReadDir("names")
	if err != nil {
		panic("dure: internal error: names of this build: " + err.Error())
	}
	for _, file := range files {
		raw, err := nameFiles.ReadFile("names/" + file.Name())
		var one named
		if err == nil {
			err = json.Unmarshal(raw, &one)
		}
		if err != nil {
			panic("dure: internal error: names of this build: " + err.Error())
		}
		all[strings.TrimSuffix(path.Base(file.Name()), ".json")] = one
	}
	return all
})

// namesIn are those of lang, or of the language it is a variety of; else the English ones.
func namesIn(lang string) named {
	base, _, _ := strings.Cut(lang, "-")
	if own, ok := names()[strings.ToLower(base)]; ok {
		return own
	}
	return names()["en"]
}

// Country is the name in lang of an ISO 3166-1 code; empty where there is none.
func Country(lang, code string) string {
	region, err := language.ParseRegion(code)
	if err != nil {
		return ""
	}
	return namesIn(lang).Regions[region.Canonicalize().String()]
}

// Language is the name in lang of a language tag; empty where there is none. What the
// name does not say follows in brackets: "Serbian (Latin, Bosnia & Herzegovina)".
func Language(lang, tag string) string {
	const form = language.All &^ language.SuppressScript
	t, err := form.Parse(tag)
	if err != nil {
		return ""
	}
	in := namesIn(lang)
	b, s, r := t.Raw()
	base, script, region := b.String(), s.String(), r.String()
	if s == (language.Script{}) {
		script = ""
	}
	if r == (language.Region{}) {
		region = ""
	}
	for _, try := range []struct{ tag, script, region string }{
		{join(base, script, region), "", ""},
		{join(base, "", region), script, ""},
		{join(base, script, ""), "", region},
		{base, script, region},
	} {
		name := in.Languages[try.tag]
		if name == "" {
			continue
		}
		rest := strings.Trim(in.Scripts[try.script]+", "+in.Regions[try.region], ", ")
		if rest == "" {
			return name
		}
		return name + " (" + rest + ")"
	}
	return ""
}

func join(base, script, region string) string {
	for _, part := range []string{script, region} {
		if part != "" {
			base += "-" + part
		}
	}
	return base
}

// Country is the name in lang of an ISO 3166-1 code; the code itself where there is no name.
func (b *Book) Country(lang, code string) string { return cmp.Or(Country(lang, code), code) }

// Language is the name in lang of a language tag; the tag itself where there is no name.
func (b *Book) Language(lang, tag string) string { return cmp.Or(Language(lang, tag), tag) }

// Compare orders names as readers of the catalogues' languages look them up: case and
// accents decide only between names that are else the same. Unicode's own order by language
// would add 1.3 MB to the program and, of these languages' country names, change none.
func Compare(a, b string) int {
	return cmp.Or(cmp.Compare(sortKey(a), sortKey(b)), cmp.Compare(a, b))
}

func sortKey(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFD.String(name))
}
