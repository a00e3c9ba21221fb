package record

import (
	"slices"
	"strings"

	"github.com/dure-net/dure/protocol"
)

// row is one field, as the binder itself took it.
type row struct {
	path, typ string
	want      want
	limit     string
}

// Field describes one field of a record type, for forms and documents. It is made by
// the code that validates, so it cannot say anything else.
type Field struct {
	Path     string // "goals[].target.unit"
	Type     string // text, text line, line, code, day, decimal, object, "list of …", …
	Required bool   // whatever the other fields say
	Rule     string // when else it is required or not allowed, in English; often empty
	Limit    string // lengths, sizes, the code list; in English
}

// Fields describes a record type, outer fields before inner ones. nil for a kind that
// is no record. The slice is the caller's.
func Fields(kind protocol.Kind) []Field {
	schema := binderOf(kind)
	if schema == nil {
		return nil
	}
	var rows []row
	b := &binder{rows: &rows, spoken: map[string]bool{}}
	schema(&object{binder: b})
	var out []Field
	for _, r := range rows {
		out = append(out, Field{Path: r.path, Type: r.typ, Required: r.want.must && r.want.because == "", Rule: r.want.doc, Limit: r.limit})
	}
	return out
}

// SchemaDocument is SCHEMA.md: every type, field and code list, written from the code.
func SchemaDocument() string {
	var d strings.Builder
	d.WriteString(schemaIntro)
	for _, kind := range slices.Concat(recordKinds, []protocol.Kind{protocol.KindWithdraw}, AgreementKinds(), remarkKinds) {
		d.WriteString("\n## " + kind.String() + "\n\n| field | type | needed | limits | rule |\n| --- | --- | --- | --- | --- |\n")
		for _, f := range Fields(kind) {
			needed := ""
			if f.Required {
				needed = "required"
			}
			d.WriteString("| `" + f.Path + "` | " + f.Type + " | " + needed + " | " + f.Limit + " | " + f.Rule + " |\n")
		}
	}
	d.WriteString("\n## Code lists\n")
	for _, list := range Lists() {
		d.WriteString("\n**" + string(list) + "**: " + strings.Join(Codes(list), ", ") + "\n")
	}
	return d.String()
}

const schemaIntro = `# Records

Written from the code by ` + "`SchemaDocument`" + `; a test compares. A field inside an object or a list is needed only where
that object is there.

- *text* is a map from BCP-47 language tags in canonical form to texts in Unicode normal form C; at most 12 languages, and
  always the one named by ` + "`lang`" + `. Lengths count Unicode code points. No control characters but the line feed, and in a
  *text line* not that either.
- *decimal* is text, never a number: digits, at most one point, no sign, no exponent. There are no floating-point numbers.
- *day* is YYYY-MM-DD, 1800 to 2299. Windows include both ends.
- *record id* is a CID in base32; in the ledger's body it is a link.
- Lists have no duplicates. An empty list in JSON is the same as none; in a body only absence is canonical.
- A record has at most 65,536 bytes as canonical DAG-CBOR. JSON input has at most 262,144.
- Unknown fields are faults in JSON that people write, and tolerated in bodies that newer nodes wrote.
`
