package sheet

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/unicode/norm"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// Bounds of a table. Beyond: ReasonTooLarge, and nothing of it is read.
const (
	MaxBytes = 4 << 20
	MaxRows  = 1_000
)

// Row is one record of a table.
type Row struct {
	Line   int    // in the file, from 1
	Number string // of the record, where it was published before
	Kind   protocol.Kind
	JSON   []byte // the record as record.Parse takes it; nil with Faults
	Faults record.Faults
}

// Table is a file that was read.
type Table struct {
	Rows  []Row
	cells [][]string
	at    []int // the cells of each row
	comma rune
}

// Read reads a table. Faults of cells stand in their rows, faults of the file are the
// error: ReasonMalformed with Args["table"] for what is no table, with Args["column"] for a
// column that is no field, or is missing. lang says which older
// encoding to expect.
func Read(raw []byte, lang string) (*Table, error) {
	if len(raw) > MaxBytes {
		return nil, &protocol.Error{Reason: protocol.ReasonTooLarge, Op: "read table", Args: map[string]string{"size": strconv.Itoa(len(raw)), "max": strconv.Itoa(MaxBytes)}}
	}
	text, err := decode(raw, lang)
	if err != nil {
		return nil, malformed(err)
	}
	t := &Table{comma: separator(text)}
	r := csv.NewReader(strings.NewReader(text))
	r.Comma, r.FieldsPerRecord, r.LazyQuotes = t.comma, -1, true
	var head []string
	known := newWords()
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, malformed(err)
		}
		line, _ := r.FieldPos(0)
		t.cells = append(t.cells, cells)
		switch {
		case empty(cells) || strings.HasPrefix(strings.TrimSpace(cells[0]), "#"):
		case head == nil:
			head = cells
			for i := range head {
				head[i] = strings.TrimSpace(head[i])
			}
		case len(t.Rows) == MaxRows:
			return nil, &protocol.Error{Reason: protocol.ReasonTooLarge, Op: "read table", Args: map[string]string{"rows": strconv.Itoa(MaxRows)}}
		default:
			row, err := readRow(known, head, cells)
			if err != nil {
				return nil, err
			}
			row.Line = line
			t.Rows, t.at = append(t.Rows, row), append(t.at, len(t.cells)-1)
		}
	}
	if head == nil {
		return nil, malformed(errors.New("it has no row of headings"))
	}
	return t, nil
}

func malformed(err error) error {
	return &protocol.Error{Reason: protocol.ReasonMalformed, Op: "read table", Args: map[string]string{"table": "CSV"}, Err: err}
}

// decode makes UTF-8 in normal form C of what spreadsheets save.
func decode(raw []byte, lang string) (string, error) {
	var from encoding.Encoding
	switch {
	case bytes.HasPrefix(raw, []byte{0xff, 0xfe}), bytes.HasPrefix(raw, []byte{0xfe, 0xff}):
		from = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	case utf8.Valid(raw):
	case lang == "ko":
		from = korean.EUCKR // with the extensions of code page 949
	default:
		from = charmap.Windows1252
	}
	if from != nil {
		var err error
		if raw, err = from.NewDecoder().Bytes(raw); err != nil {
			return "", err
		}
	}
	text := strings.TrimPrefix(string(raw), mark)
	if strings.ContainsRune(text, utf8.RuneError) || strings.ContainsRune(text, 0) {
		return "", errors.New("it is no text")
	}
	return norm.NFC.String(text), nil
}

// separator is the one of comma, semicolon and tab that the first line has most of.
func separator(text string) rune {
	if rest, ok := strings.CutPrefix(text, "sep="); ok && rest != "" { // a line that Excel understands
		return rune(rest[0])
	}
	line, _, _ := strings.Cut(text, "\n")
	best, most := ',', 0
	for _, c := range []rune{',', ';', '\t'} {
		if n := strings.Count(line, string(c)); n > most {
			best, most = c, n
		}
	}
	return best
}

func empty(cells []string) bool {
	for _, c := range cells {
		if strings.TrimSpace(c) != "" {
			return false
		}
	}
	return true
}

// readRow makes the JSON of a record. Its kind is that of the column "type".
func readRow(w *words, head, cells []string) (Row, error) {
	var row Row
	cell := func(i int) string {
		if i < len(cells) {
			return strings.TrimSpace(cells[i])
		}
		return ""
	}
	known := false
	for i, name := range head {
		if name == columnType {
			code, ok := w.code(record.RecordTypes, cell(i))
			if row.Kind, known = protocol.ParseKind(code); !ok || !known || !row.Kind.IsRecord() || row.Kind.IsAgreement() {
				row.Faults = append(row.Faults, record.Fault{Field: columnType, Code: record.FaultNotInList, Value: cell(i), Args: map[string]string{"list": string(record.RecordTypes)}})
				return row, nil
			}
		}
	}
	if !known {
		return row, &protocol.Error{Reason: protocol.ReasonMalformed, Op: "read table", Args: map[string]string{"column": columnType}}
	}
	content := map[string]any{columnType: row.Kind.String()}
	for i, name := range head {
		value := cell(i)
		switch {
		case name == "" || name == columnType:
			continue
		case name == columnNumber:
			row.Number = value
			continue
		case name == columnLang:
			content[columnLang] = value
			continue
		}
		c, ok := find(row.Kind, name)
		if !ok && value != "" {
			return row, &protocol.Error{Reason: protocol.ReasonMalformed, Op: "read table", Args: map[string]string{"column": name}}
		}
		if value == "" {
			continue
		}
		said, fault := c.value(w, value)
		if fault != nil {
			row.Faults = append(row.Faults, *fault)
			continue
		}
		path := strings.Split(c.path, ".")
		if c.lang != "" {
			path = append(path, c.lang)
		}
		put(content, path, said)
	}
	if len(row.Faults) > 0 {
		return row, nil
	}
	raw, err := json.Marshal(content)
	if err != nil {
		return row, protocol.Fail(protocol.ReasonInternal, "read table", err)
	}
	row.JSON = raw
	return row, nil
}

func put(into map[string]any, path []string, v any) {
	for _, step := range path[:len(path)-1] {
		inner, ok := into[step].(map[string]any)
		if !ok {
			inner = map[string]any{}
			into[step] = inner
		}
		into = inner
	}
	into[path[len(path)-1]] = v
}

// Filled is the table with the numbers of what was published, by line, so that reading it
// again publishes the rest alone.
func (t *Table) Filled(numbers map[int]string) ([]byte, error) {
	rows := make([][]string, len(t.cells))
	for i, cells := range t.cells {
		rows[i] = append([]string(nil), cells...)
	}
	column := -1
	for _, cells := range rows {
		if !empty(cells) && !strings.HasPrefix(strings.TrimSpace(cells[0]), "#") {
			for i, name := range cells {
				if strings.TrimSpace(name) == columnNumber {
					column = i
				}
			}
			break
		}
	}
	if column < 0 {
		return nil, &protocol.Error{Reason: protocol.ReasonMalformed, Op: "fill table", Args: map[string]string{"column": columnNumber}, Err: fmt.Errorf("no column %q", columnNumber)}
	}
	for i, row := range t.Rows {
		if number, ok := numbers[row.Line]; ok {
			cells := rows[t.at[i]]
			for len(cells) <= column {
				cells = append(cells, "")
			}
			cells[column] = number
			rows[t.at[i]] = cells
		}
	}
	return write(rows, t.comma)
}
