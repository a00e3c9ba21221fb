package sheet

import (
	"bytes"
	"encoding/csv"

	"github.com/dure-net/dure/protocol"
)

// mark is the byte order mark by which Excel knows UTF-8.
const mark = "\ufeff"

// Template is an empty table for records of a kind, with columns for texts in langs (the
// first is the language that rows are written in). label puts a field's path into words.
// comma separates cells: ';' where a spreadsheet writes decimals with a comma.
func Template(kind protocol.Kind, langs []string, comma rune, label func(path string) string) ([]byte, error) {
	head := []string{columnNumber, columnType, columnLang}
	words := []string{"# " + label(columnNumber), label(columnType), label(columnLang)}
	first := []string{"", kind.String(), langs[0]}
	for _, c := range columnsOf(kind, langs) {
		head, first = append(head, c.name()), append(first, "")
		said := label(c.path)
		if c.lang != "" {
			said += " (" + c.lang + ")"
		}
		words = append(words, said)
	}
	return write([][]string{head, words, first}, comma)
}

func write(rows [][]string, comma rune) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(mark)
	w := csv.NewWriter(&b)
	w.Comma, w.UseCRLF = comma, true
	if err := w.WriteAll(rows); err != nil {
		return nil, protocol.Fail(protocol.ReasonInternal, "write table", err)
	}
	return b.Bytes(), nil
}
