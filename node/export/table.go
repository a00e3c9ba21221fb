package export

import (
	"bufio"
	"encoding/csv"
	"strconv"
	"strings"
	"time"
)

// table is CSV as Excel opens it: UTF-8 with a byte order mark, or Korean turns to
// rubbish; lines end in CRLF.
type table struct {
	out *csv.Writer
	buf *bufio.Writer
	h   Head
}

// columns are the columns, by the names of the record's fields.
var columns = []string{"number", "type", "member", "member_name", "standing", "lang", "title", "summary", "kind", "mode", "themes",
	"quantity", "unit", "from", "to", "valid_until", "country", "place", "lat", "lon", "working_languages", "return", "time", "revisions", "id", "entry"}

func newTable(out *bufio.Writer, h Head) (Writer, error) {
	_, _ = out.WriteString("\ufeff")
	t := &table{out: csv.NewWriter(out), buf: out, h: h}
	t.out.UseCRLF = true
	return t, t.out.Write(columns)
}

func (t *table) Add(r Record) (bool, error) {
	c := r.Content
	title, summary := c["title"], c["summary"]
	if r.Type == "profile" {
		title, summary = c["names"], c["mission"]
	}
	heading, lang := text(title, t.h.Lang, r.Lang)
	line, _ := text(summary, t.h.Lang, r.Lang)
	names := map[string]any{}
	for tag, name := range r.Names {
		names[tag] = name
	}
	name, _ := text(names, t.h.Lang, "en")
	from, to := str(in(c["window"], "from")), str(in(c["window"], "to"))
	if from == "" {
		from, to = str(c["starts"]), str(c["ends"])
	}
	if from == "" {
		from, to = str(in(c["period"], "from")), str(in(c["period"], "to"))
	}
	place := c["place"]
	cells := []string{r.Number, r.Type, r.Member, name, r.Standing, lang, heading, line, str(c["kind"]), str(c["mode"]), joined(c["themes"]),
		str(in(c["quantity"], "value")), str(in(c["quantity"], "unit")), from, to, str(c["valid_until"]), str(in(place, "country")), str(in(place, "label")),
		str(in(place, "lat")), str(in(place, "lon")), joined(c["working_languages"]), str(c["return"]), r.Time.Format(time.RFC3339), strconv.Itoa(r.Revisions), r.ID, r.Entry}
	for i := range cells {
		cells[i] = harmless(cells[i])
	}
	return true, t.out.Write(cells)
}

func (t *table) Close() error {
	t.out.Flush()
	if err := t.out.Error(); err != nil {
		return err
	}
	return t.buf.Flush()
}

// harmless keeps a spreadsheet from taking what another member wrote for a formula and
// running it. Negative numbers stay numbers.
func harmless(cell string) string {
	if cell == "" || !strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return cell
	}
	if _, err := strconv.ParseFloat(cell, 64); err == nil && cell[0] == '-' {
		return cell
	}
	return "'" + cell
}

func joined(v any) string {
	all, _ := v.([]any)
	var parts []string
	for _, one := range all {
		parts = append(parts, str(one))
	}
	return strings.Join(parts, "; ")
}
