package sheet

import (
	"slices"
	"strings"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// column is one column: a field of a record, and for texts the language.
type column struct {
	path string // "window.from"
	typ  string // as record.Field.Type
	list record.List
	lang string // of a text; "" otherwise
}

// name is the column's heading.
func (c column) name() string {
	if c.lang != "" {
		return c.path + "." + c.lang
	}
	return c.path
}

// Columns of every table: what the row is, and what it became.
const (
	columnNumber = "number" // given when it was published; such a row is passed over
	columnType   = "type"
	columnLang   = "lang"
)

// columnsOf lists the fields of a kind that fit a cell. Files and what only programs set
// are left out.
func columnsOf(kind protocol.Kind, langs []string) []column {
	var out []column
	for _, f := range record.Fields(kind) {
		switch {
		case f.Path == columnType, f.Path == columnLang, f.Path == "machine", f.Path == "visibility", f.Type == "object",
			strings.Contains(f.Path, "[]"), strings.HasPrefix(f.Type, "list of object"):
		case f.Type == "text" || f.Type == "text line":
			for _, lang := range langs {
				out = append(out, column{path: f.Path, typ: f.Type, lang: lang})
			}
		default:
			out = append(out, column{path: f.Path, typ: f.Type, list: listOf(f)})
		}
	}
	return out
}

// listOf is the code list of a field, as its limit names it.
func listOf(f record.Field) record.List {
	_, name, ok := strings.Cut(f.Limit, "list ")
	if !ok {
		return ""
	}
	name, _, _ = strings.Cut(name, ";")
	if list := record.List(strings.TrimSpace(name)); slices.Contains(record.Lists(), list) {
		return list
	}
	return ""
}

// find is the column of a heading; "title.ko" in any language tag.
func find(kind protocol.Kind, heading string) (column, bool) {
	for _, c := range columnsOf(kind, []string{""}) {
		if c.typ != "text" && c.typ != "text line" {
			if c.path == heading {
				return c, true
			}
			continue
		}
		if lang, ok := strings.CutPrefix(heading, c.path+"."); ok && lang != "" && !strings.Contains(lang, ".") {
			c.lang = lang
			return c, true
		}
	}
	return column{}, false
}
