package record

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"
)

// Text is what is said in one or more languages: BCP-47 tag in canonical form to text
// in normal form C. A valid record's texts all have an entry in the record's own language.
type Text map[string]string

// Languages lists the tags, sorted. The slice is the caller's.
func (t Text) Languages() []string {
	return slices.Sorted(maps.Keys(t))
}

// In chooses what to show a reader: the first of the preferred tags that is there, else
// the first of which the base language is there (fr for fr-CA, and the reverse), else
// the original, else the first tag in order. tag says in which language the text is;
// both are empty for an empty Text.
func (t Text) In(original string, prefer ...string) (text, tag string) {
	for _, p := range prefer {
		if s, ok := t[p]; ok {
			return s, p
		}
	}
	for _, p := range prefer {
		base, _, _ := strings.Cut(p, "-")
		for _, tag := range t.Languages() {
			if b, _, _ := strings.Cut(tag, "-"); b == base {
				return t[tag], tag
			}
		}
	}
	if s, ok := t[original]; ok {
		return s, original
	}
	if tags := t.Languages(); len(tags) > 0 {
		return t[tags[0]], tags[0]
	}
	return "", ""
}

// Clean prepares what a person typed or pasted for a record: normal form C, LF line
// ends, no blanks at either end. Forms and importers call it; Parse never repairs.
func Clean(s string) string {
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	return norm.NFC.String(strings.TrimSpace(s))
}

// CanonicalTag is the canonical BCP-47 form of a language tag (EN-us becomes en-US,
// iw becomes he), and ok when the tag is a language that may stand in a record:
// registered subtags, no extensions, no private use, not "und" or "mul".
func CanonicalTag(tag string) (canonical string, ok bool) {
	if tag == "" || len(tag) > maxTagLength {
		return "", false
	}
	for _, part := range strings.Split(tag, "-") {
		if len(part) == 1 { // introduces an extension or private use
			return "", false
		}
	}
	parsed, err := language.BCP47.Parse(tag)
	if err != nil {
		return "", false
	}
	canonical = parsed.String()
	switch base, _, _ := strings.Cut(canonical, "-"); base {
	case "und", "mul", "mis", "zxx", "root":
		return canonical, false
	}
	return canonical, true
}

// badRune finds the first character that is not text: controls except the line feed
// (and that too in single lines), line and paragraph separators, byte order marks, and
// the embeddings and overrides that make text read otherwise than it is stored.
func badRune(s string, lines bool) (r rune, found bool) {
	for _, r := range s {
		switch {
		case r == '\n' && lines:
		case unicode.Is(unicode.Cc, r), r == 0xFEFF, r == 0x2028, r == 0x2029, r >= 0x202A && r <= 0x202E:
			return r, true
		}
	}
	return 0, false
}

// checkString reports the faults of one text: blank, too long, control characters,
// not in normal form C.
func (b *binder) checkString(path, s string, maxRunes int, lines bool) bool {
	before := b.count
	if strings.TrimSpace(s) == "" {
		b.fault(path, FaultRequired, "")
	}
	b.checkLength(path, s, maxRunes)
	if r, bad := badRune(s, lines); bad {
		b.fault(path, FaultControlCharacter, s, "character", fmt.Sprintf("U+%04X", r))
	}
	if !norm.NFC.IsNormalString(s) {
		b.fault(path, FaultNotNFC, s)
	}
	return b.count == before
}
