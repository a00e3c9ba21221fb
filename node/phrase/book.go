// Package phrase owns every sentence that dure says to people, in Korean, English, French and Spanish, and the local
// forms of dates, numbers and names.
// It never decides anything: it turns keys, reasons and values into words, and holds no state after New.
//
// The sentences lie in catalogue/<owner>.<language>.json, flat maps in the format of go-i18n, so that translators'
// tools can open them. A key must stand in all four languages with the same placeholders; tests hold that.
package phrase

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path"
	"reflect"
	"regexp"
	"sort"
	"strings"
	"text/template/parse"
	"time"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

//go:embed catalogue/*.json
var files embed.FS

// languages are the languages of the catalogues; the first is the fallback of the matcher.
var languages = [...]string{"en", "ko", "fr", "es"}

// Languages lists the languages dure speaks, English first. The slice is the caller's.
func Languages() []string { return append([]string(nil), languages[:]...) }

// Book holds the catalogues. It is safe for concurrent use and does not change after New.
type Book struct {
	speakers     map[string]*speaker
	matcher      language.Matcher
	placeholders map[string][]string // by key, of the English sentence
	variants     map[string][]string // by key: itself and the keys that are it, a dot and one word more; sorted
}

// speaker is one language of the book.
type speaker struct {
	tag       language.Tag
	localizer *i18n.Localizer
	printer   *message.Printer
}

// New reads the embedded catalogues. An error means that a catalogue of this build is broken.
func New() (*Book, error) {
	bundle := i18n.NewBundle(language.English)
	b := &Book{speakers: map[string]*speaker{}, placeholders: map[string][]string{}, variants: map[string][]string{}}
	names, err := fs.Glob(files, "catalogue/*.json")
	if err != nil {
		return nil, fmt.Errorf("list catalogues: %w", err)
	}
	seen := map[string]string{}
	for _, name := range names {
		raw, err := files.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read catalogue: %w", err)
		}
		file, err := bundle.ParseMessageFileBytes(raw, path.Base(name))
		if err != nil {
			return nil, fmt.Errorf("read catalogue %s: %w", name, err)
		}
		for _, m := range file.Messages {
			id := file.Tag.String() + " " + m.ID
			if other, twice := seen[id]; twice {
				return nil, fmt.Errorf("catalogues %s and %s both say %q", other, name, m.ID)
			}
			seen[id] = name
			if file.Tag == language.English {
				if b.placeholders[m.ID], err = placeholdersOf(m); err != nil {
					return nil, fmt.Errorf("catalogue %s: %q: %w", name, m.ID, err)
				}
			}
		}
	}
	for _, key := range b.Keys() {
		b.variants[key] = append(b.variants[key], key)
		if i := strings.LastIndexByte(key, '.'); i > 0 && b.Has(key[:i]) {
			b.variants[key[:i]] = append(b.variants[key[:i]], key)
		}
	}
	tags := make([]language.Tag, len(languages))
	for i, lang := range languages {
		tags[i] = language.MustParse(lang)
		b.speakers[lang] = &speaker{tag: tags[i], localizer: i18n.NewLocalizer(bundle, lang), printer: message.NewPrinter(tags[i])}
	}
	b.matcher = language.NewMatcher(tags)
	return b, nil
}

// Has reports whether the catalogues have a sentence of that key.
func (b *Book) Has(key string) bool {
	_, ok := b.placeholders[key]
	return ok
}

// Keys lists all keys, sorted. The slice is the caller's.
func (b *Book) Keys() []string {
	keys := make([]string, 0, len(b.placeholders))
	for key := range b.placeholders {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}

// Placeholders lists the names that the sentence of key takes, sorted. The slice is the caller's.
func (b *Book) Placeholders(key string) []string {
	return append([]string(nil), b.placeholders[key]...)
}

// Say is the sentence of key in lang, with args filled in. "count", an integer, also chooses the plural form. Integers,
// times and durations among args are written the way lang writes them; everything else as fmt does. A key that no
// catalogue has comes back as it is, so that a missing sentence shows and breaks nothing. A language dure does not
// speak is treated as English.
func (b *Book) Say(lang, key string, args map[string]any) string {
	s := b.speaker(lang)
	config := &i18n.LocalizeConfig{MessageID: key}
	if count, ok := args["count"]; ok {
		config.PluralCount = pluralCount(count)
	}
	if len(args) > 0 {
		data := make(map[string]any, len(args))
		for name, value := range args {
			data[name] = b.local(s, value)
		}
		config.TemplateData = data
	}
	text, err := s.localizer.Localize(config)
	if err != nil && text == "" {
		return key
	}
	if s.tag == language.Korean {
		text = particles(text)
	}
	return text
}

// pluralCount is a count in a type that the plural rules take: they know no unsigned ones.
func pluralCount(count any) any {
	if v := reflect.ValueOf(count); v.CanUint() {
		return int(min(v.Uint(), math.MaxInt32))
	}
	return count
}

func (b *Book) local(s *speaker, value any) any {
	switch v := value.(type) {
	case int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64:
		return s.number(v)
	case time.Time:
		return b.Time(s.tag.String(), v)
	case time.Duration:
		return b.Duration(s.tag.String(), v)
	}
	return value
}

func (b *Book) speaker(lang string) *speaker {
	if s, ok := b.speakers[lang]; ok {
		return s
	}
	return b.speakers[b.Match(lang)]
}

// Match chooses among Languages for a wish: an Accept-Language header, a language tag, or a POSIX locale such as
// "ko_KR.UTF-8". English where nothing fits.
func (b *Book) Match(wish string) string {
	if locale := posixLocale.FindStringSubmatch(wish); locale != nil {
		wish = strings.ReplaceAll(locale[1], "_", "-")
	}
	tags, _, err := language.ParseAcceptLanguage(wish)
	if err != nil || len(tags) == 0 {
		return languages[0]
	}
	_, i, confidence := b.matcher.Match(tags...)
	if confidence == language.No {
		return languages[0]
	}
	return languages[i]
}

// posixLocale is language, territory, and an encoding or modifier that says nothing here.
var posixLocale = regexp.MustCompile(`^([a-zA-Z]+(?:_[a-zA-Z]+)?)(?:\.[\w-]+)?(?:@\w+)?$`)

// Speaks reports whether lang is exactly one of Languages.
func Speaks(lang string) bool {
	for _, l := range languages {
		if l == lang {
			return true
		}
	}
	return false
}

var fieldName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// placeholdersOf lists the names a message takes, over all its plural forms. Only plain {{.name}} is allowed in a
// catalogue: a sentence that computes cannot be checked against its translations.
func placeholdersOf(m *i18n.Message) ([]string, error) {
	found := map[string]bool{}
	for _, form := range []string{m.Zero, m.One, m.Two, m.Few, m.Many, m.Other} {
		trees, err := parse.Parse("", form, "{{", "}}")
		if err != nil {
			return nil, err
		}
		for _, tree := range trees {
			for _, node := range tree.Root.Nodes {
				if node.Type() == parse.NodeText {
					continue
				}
				name := strings.TrimSuffix(strings.TrimPrefix(node.String(), "{{."), "}}")
				if !fieldName.MatchString(name) {
					return nil, errors.New("only {{.name}} may stand in a sentence, found " + node.String())
				}
				found[name] = true
			}
		}
	}
	names := make([]string, 0, len(found))
	for name := range found {
		names = append(names, name)
	}
	sort.Strings(names)
	return names, nil
}
