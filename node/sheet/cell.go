package sheet

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/dure-net/dure/node/phrase"
	"github.com/dure-net/dure/protocol/record"
)

// value makes of a cell what JSON says of the field.
func (c column) value(w *words, cell string) (any, *record.Fault) {
	inner, list := strings.CutPrefix(c.typ, "list of ")
	if !list {
		return c.single(w, inner, cell)
	}
	var out []any
	for _, one := range strings.FieldsFunc(cell, func(r rune) bool { return r == ';' || r == '\n' || r == '、' }) {
		if one = strings.TrimSpace(one); one == "" {
			continue
		}
		v, fault := c.single(w, inner, one)
		if fault != nil {
			return nil, fault
		}
		out = append(out, v)
	}
	return out, nil
}

func (c column) single(w *words, typ, cell string) (any, *record.Fault) {
	switch typ {
	case "boolean":
		if v, ok := yesNo[strings.ToLower(cell)]; ok {
			return v, nil
		}
		return nil, &record.Fault{Field: c.name(), Code: record.FaultWrongType, Value: clip(cell), Args: map[string]string{"want": "boolean"}}
	case "integer":
		number, _, _ := strings.Cut(cell, ".") // "4. Quality education", "4.0"
		n, err := strconv.ParseUint(strings.TrimSpace(number), 10, 32)
		if err != nil {
			return nil, &record.Fault{Field: c.name(), Code: record.FaultWrongType, Value: clip(cell), Args: map[string]string{"want": "integer"}}
		}
		return n, nil
	case "day":
		return day(cell), nil
	case "decimal":
		return decimal(cell), nil
	case "language":
		return w.tag(cell), nil
	case "code":
		if c.list != "" {
			code, ok := w.code(c.list, cell)
			if ok {
				return code, nil
			}
		}
	}
	return cell, nil // protocol/record says what is wrong with it
}

// yesNo are the words of spreadsheets for true and false.
var yesNo = map[string]bool{
	"true": true, "yes": true, "y": true, "1": true, "x": true, "예": true, "네": true, "참": true, "oui": true, "vrai": true, "sí": true, "si": true, "verdadero": true,
	"false": false, "no": false, "n": false, "0": false, "아니요": false, "아니오": false, "거짓": false, "non": false, "faux": false, "falso": false,
}

// dayForms are days as spreadsheets show them, year first: the others cannot be told
// from each other, and are left for record's own fault.
var dayForms = regexp.MustCompile(`^(\d{4})(?:[-/.]|년) ?(\d{1,2})(?:[-/.]|월) ?(\d{1,2})(?:\.|일)?$`)

func day(cell string) string {
	m := dayForms.FindStringSubmatch(cell)
	if m == nil {
		return cell
	}
	month, _ := strconv.Atoi(m[2])
	d, _ := strconv.Atoi(m[3])
	return fmt.Sprintf("%s-%02d-%02d", m[1], month, d)
}

var grouped = regexp.MustCompile(`^[0-9]{1,3}([ ,\x{a0}\x{202f}][0-9]{3})+(\.[0-9]+)?$`)

// decimal takes the separators of thousands out, and makes a point of a decimal comma.
func decimal(cell string) string {
	if grouped.MatchString(cell) {
		return strings.NewReplacer(",", "", " ", "", "\u00a0", "", "\u202f", "").Replace(cell)
	}
	if strings.Count(cell, ",") == 1 && !strings.Contains(cell, ".") {
		return strings.Replace(cell, ",", ".", 1)
	}
	return cell
}

// words are what cells may call codes and languages, folded, gathered as a table needs them.
type words struct {
	codes map[record.List]map[string]string
	tags  map[string]string
}

func newWords() *words { return &words{codes: map[record.List]map[string]string{}} }

// code finds the code that a cell names, by itself or by its label in one of the
// languages of the labels.
func (w *words) code(list record.List, cell string) (string, bool) {
	if record.Has(list, cell) {
		return cell, true
	}
	known := w.codes[list]
	if known == nil {
		known = map[string]string{}
		codes := record.Codes(list)
		for _, lang := range record.LabelLanguages() {
			label := labels(list, lang)
			for _, code := range slices.Backward(codes) { // of two that share a label, the first counts
				if said := label(code); said != "" {
					known[strings.ToLower(said)] = code
				}
			}
		}
		for _, code := range codes {
			known[strings.ToLower(code)] = code
		}
		w.codes[list] = known
	}
	code, ok := known[strings.ToLower(cell)]
	return code, ok
}

// labels is what codes of a list are called in a language; countries are called by what
// Unicode's tables call them.
func labels(list record.List, lang string) func(code string) string {
	if list != record.Countries {
		return func(code string) string { return record.Label(list, code, lang) }
	}
	return func(code string) string { return phrase.Country(lang, code) }
}

// spoken are the languages that members work in most, for cells that name rather than
// tag them.
var spoken = []string{"ko", "en", "fr", "es", "ja", "zh", "zh-Hant", "it", "pt", "de", "eu", "ca", "fil", "id", "ms", "th", "vi", "mn", "ar", "wo", "bm", "sw", "ru", "nl"}

func (w *words) tag(cell string) string {
	if w.tags == nil {
		w.tags = map[string]string{}
		for _, lang := range record.LabelLanguages() {
			for _, t := range spoken {
				w.tags[strings.ToLower(phrase.Language(lang, t))] = t
			}
		}
	}
	if t, ok := w.tags[strings.ToLower(cell)]; ok {
		return t
	}
	return cell
}

func clip(s string) string {
	if r := []rune(s); len(r) > 80 {
		return string(r[:80])
	}
	return s
}
