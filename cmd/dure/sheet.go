package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/sheet"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// templateCommand writes an empty table to fill in with a spreadsheet.
func (a *app) templateCommand() *cobra.Command {
	var also []string
	c := a.command("template TYPE", between(1, 1), nil, func(ctx context.Context, arguments []string) error {
		name, ok := a.recordType(arguments[0])
		if !ok {
			return misuse("usage.unknown_type", args{"value": arguments[0], "known": strings.Join(record.Types(), ", ")})
		}
		kind, _ := protocol.ParseKind(name)
		langs := []string{a.lang}
		for _, lang := range also {
			if !slices.Contains(langs, lang) {
				langs = append(langs, lang)
			}
		}
		comma := ','
		if a.lang == "fr" || a.lang == "es" { // their spreadsheets write decimals with a comma
			comma = ';'
		}
		raw, err := sheet.Template(kind, langs, comma, a.fieldLabel)
		if err != nil {
			return err
		}
		_, err = a.out.Write(raw)
		return err
	})
	c.Example = "dure template offers --also en > offers.csv"
	a.listFlag(c.Flags(), &also, "also", "LANG")
	return c
}

// fieldLabel is a field's path in words, as far as the catalogues have them.
func (a *app) fieldLabel(path string) string {
	var said []string
	for prefix := ""; path != ""; {
		step, rest, _ := strings.Cut(path, ".")
		prefix += step
		word := step
		for _, key := range []string{"field." + prefix, "field." + step, "web.field." + prefix, "web.field." + step} {
			if a.book.Has(key) {
				word = a.say(key, nil)
				break
			}
		}
		said = append(said, word)
		prefix, path = prefix+".", rest
	}
	return strings.Join(said, ": ")
}

// tableAnswer is what publishing a table prints with --json.
type tableAnswer struct {
	Items []tableRow `json:"items"`
	File  string     `json:"file,omitempty"` // the table with the numbers filled in
}

// tableRow is one row of a table that was published, or what is wrong with it.
type tableRow struct {
	Line   int          `json:"line"`
	Number string       `json:"number,omitempty"`
	ID     string       `json:"id,omitempty"`
	Known  bool         `json:"known,omitempty"` // it was published before
	Faults []tableFault `json:"faults,omitempty"`
}

type tableFault struct {
	Column string `json:"column"`
	Code   string `json:"code"`
	Text   string `json:"text"`
}

// publishTable publishes the rows of a table that have no number yet: all of them, or,
// where one has a fault, none. The table with the numbers is written beside it, also when
// publishing ends half-way, so that the rest can go on from there.
func (a *app) publishTable(ctx context.Context, name string, check, yes bool) error {
	raw, err := a.readInput(name)
	if err != nil {
		return err
	}
	t, err := sheet.Read(raw, a.lang)
	if err != nil {
		return err
	}
	out, faulty := a.judgeTable(t)
	if faulty > 0 {
		return a.refuseTable(out, faulty)
	}
	fresh := slices.DeleteFunc(slices.Clone(t.Rows), func(r sheet.Row) bool { return r.Number != "" })
	if check || len(fresh) == 0 {
		return a.answer(out, func() { a.line("cli.table.valid", args{"count": len(fresh), "known": len(t.Rows) - len(fresh)}) })
	}
	personal := false
	for _, row := range fresh {
		if a.sayPersonal(api.Draft{Raw: row.JSON}) {
			personal = true
			a.note("cli.table.line", args{"line": row.Line})
		}
	}
	if personal && !yes && a.interactive() && !a.agrees("cli.publish.ask") {
		a.note("cli.publish.not", nil)
		return nil
	}
	return a.with(ctx, func(s *session) error {
		file, err := newFilled(t, name)
		if err != nil {
			return err
		}
		out.File = file.file.Name()
		failed := a.publishRows(ctx, s, fresh, out.Items, file)
		if err := file.end(); failed == nil {
			failed = err
		}
		if failed != nil {
			a.note("cli.table.stopped", args{"done": len(file.numbers), "count": len(fresh), "file": out.File})
			return failed
		}
		return a.answer(out, func() {
			for _, row := range out.Items {
				if row.ID != "" {
					a.plain(row.Number, row.ID)
				}
			}
			a.note("cli.table.done", args{"count": len(file.numbers), "file": out.File})
			if !s.running {
				a.note("cli.publish.offline", nil)
			}
		})
	})
}

// publishRows publishes one row after the other and notes their numbers, until one fails.
func (a *app) publishRows(ctx context.Context, s *session, rows []sheet.Row, told []tableRow, file *filled) error {
	for _, row := range rows {
		receipt, err := s.Publish(ctx, api.Draft{Type: row.Kind.String(), Raw: row.JSON})
		if err != nil {
			return err
		}
		i := slices.IndexFunc(told, func(r tableRow) bool { return r.Line == row.Line })
		told[i].Number, told[i].ID = receipt.Number, receipt.ID
		if err := file.add(row.Line, receipt.Number); err != nil {
			return err
		}
	}
	return nil
}

// judgeTable judges every row, and counts those with faults.
func (a *app) judgeTable(t *sheet.Table) (out tableAnswer, faulty int) {
	somewhere := protocol.Sum(nil)
	for _, row := range t.Rows {
		r := tableRow{Line: row.Line, Number: row.Number, Known: row.Number != ""}
		faults := row.Faults
		if row.JSON != nil && !r.Known {
			_, err := record.ParseWith(row.Kind, row.JSON, func(string) (protocol.RecordID, bool) { return somewhere, true })
			faults = append(faults, record.FaultsOf(err)...)
		}
		if !r.Known && len(faults) > 0 {
			faulty++
			for _, f := range faults {
				r.Faults = append(r.Faults, tableFault{Column: f.Field, Code: string(f.Code), Text: a.book.Fault(a.lang, f)})
			}
		}
		out.Items = append(out.Items, r)
	}
	return out, faulty
}

// refuseTable tells every fault of every row at once.
func (a *app) refuseTable(out tableAnswer, faulty int) error {
	if a.json {
		if err := a.answer(out, func() {}); err != nil {
			return err
		}
	}
	for _, row := range out.Items {
		for _, f := range row.Faults {
			a.note("cli.table.fault", args{"line": row.Line, "column": f.Column, "text": f.Text})
		}
	}
	return &complaint{reason: protocol.ReasonInvalid, key: "cli.table.faulty", args: args{"count": faulty}}
}

// filled is the file that gets a table's numbers. It is written after every row, so that
// whoever is interrupted goes on from it and publishes nothing twice.
type filled struct {
	file    *os.File
	table   *sheet.Table
	numbers map[int]string
}

// newFilled makes the file beside the table. One that is there already was made by an
// earlier run, and is kept.
func newFilled(t *sheet.Table, name string) (*filled, error) {
	base := strings.TrimSuffix(name, filepath.Ext(name))
	for i := 1; ; i++ {
		path := base + ".published.csv"
		if i > 1 {
			path = fmt.Sprintf("%s.published-%d.csv", base, i)
		}
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err == nil {
			return &filled{file: f, table: t, numbers: map[int]string{}}, nil
		}
		if !os.IsExist(err) || i == 1000 {
			return nil, &complaint{reason: protocol.ReasonUsage, key: "cli.usage.cannot_write", args: args{"file": path}, err: err}
		}
	}
}

func (f *filled) add(line int, number string) error {
	f.numbers[line] = number
	raw, err := f.table.Filled(f.numbers)
	if err != nil {
		return err
	}
	if _, err = f.file.WriteAt(raw, 0); err == nil {
		err = f.file.Truncate(int64(len(raw)))
	}
	if err != nil {
		return &complaint{reason: protocol.ReasonUsage, key: "cli.usage.cannot_write", args: args{"file": f.file.Name()}, err: err}
	}
	return nil
}

// end syncs and closes the file, and removes it where nothing was published.
func (f *filled) end() error {
	err := f.file.Sync()
	if cerr := f.file.Close(); err == nil {
		err = cerr
	}
	if len(f.numbers) == 0 {
		return os.Remove(f.file.Name())
	}
	return err
}
