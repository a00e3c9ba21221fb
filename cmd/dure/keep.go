package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
)

func (a *app) verifyCommand() *cobra.Command {
	var save string
	c := a.command("verify [ID|FILE]", between(0, 1), api.VerifyReport{}, func(ctx context.Context, arguments []string) error {
		if len(arguments) == 1 {
			return a.verifyEntry(ctx, arguments[0], save)
		}
		return a.with(ctx, func(s *session) error {
			step, done := a.progress("cli.progress.verify")
			report, err := s.Verify(ctx, step)
			done()
			if err != nil {
				return err
			}
			if err := a.answer(report, func() { a.sayVerified(report, s.running) }); err != nil {
				return err
			}
			if !report.OK || s.mended {
				return problems{}
			}
			return nil
		})
	})
	c.Example = "dure verify\ndure verify kr-seoul-41 --save proof.json\ndure verify proof.json"
	c.Flags().StringVar(&save, "save", "", a.say("flag.verify.save", nil))
	_ = c.Flags().SetAnnotation("save", placeholder, []string{"FILE"})
	return c
}

func (a *app) sayVerified(r api.VerifyReport, running bool) {
	if r.OK {
		a.line("cli.verify.ok", args{"count": r.Entries, "bodies": a.contents(r.Bodies), "bytes": a.book.Bytes(a.lang, r.Bytes)})
	}
	if r.OK && r.Files > 0 {
		a.line("cli.verify.files", args{"count": r.Files, "bytes": a.book.Bytes(a.lang, r.FileBytes)})
	}
	if r.Wanted > 0 {
		a.line("cli.status.wanted", args{"count": r.Wanted})
	}
	a.sayDamage(r.Damage, r.Damaged, r.Repaired, running)
	a.line("cli.verify.root", args{"root": r.Root})
}

// contents is a number of contents in words, for a sentence that counts something else too.
func (a *app) contents(n uint64) string { return a.say("cli.contents", args{"count": n}) }

// sayDamage lists what was found damaged, and says what became of it.
func (a *app) sayDamage(list []api.Damage, damaged, repaired uint64, running bool) {
	if damaged == 0 {
		return
	}
	a.line("cli.verify.damaged", args{"count": damaged})
	t := table{indent: 2}
	for _, d := range list {
		sentence, _ := a.book.Reason(a.lang, protocol.ParseReason(d.Code), nil)
		state := a.say("cli.damage.waiting", nil)
		if d.Repaired {
			state = a.say("cli.damage.repaired", nil)
		}
		t.row(d.ID, d.Member, sentence, state)
	}
	t.print(a.out)
	switch {
	case repaired == damaged:
		a.line("cli.damage.all_repaired", args{"count": damaged})
		return
	case repaired > 0:
		a.line("cli.damage.some_repaired", args{"count": repaired, "left": damaged - repaired})
	}
	if running {
		a.note("cli.verify.next", nil)
	} else {
		a.note("cli.damage.offline", nil)
	}
}

func (a *app) scrubCommand() *cobra.Command {
	var again bool
	c := a.command("scrub", between(0, 0), api.ScrubReport{}, func(ctx context.Context, _ []string) error {
		return a.with(ctx, func(s *session) error {
			show, done := a.progress("cli.progress.scrub")
			var last api.Progress
			report, err := s.Scrub(ctx, again, func(p api.Progress) {
				if last = p; p.Step == "scrub" {
					show(p)
				}
			})
			done()
			if reasonOf(err) == protocol.ReasonCanceled && last.Total > 0 {
				a.note("cli.scrub.stopped", args{"done": a.amount(last.Unit, last.Done), "total": a.amount(last.Unit, last.Total)})
			}
			if err != nil {
				return err
			}
			if err := a.answer(report, func() {
				if report.OK {
					a.line("cli.scrub.ok", args{"count": report.Entries, "bodies": a.contents(report.Bodies), "bytes": a.book.Bytes(a.lang, report.Bytes),
						"begun": report.Begun.Local()})
				}
				a.sayDamage(report.Damage, report.Damaged, report.Repaired, s.running)
			}); err != nil {
				return err
			}
			if !report.OK {
				return problems{}
			}
			return nil
		})
	})
	a.switchFlag(c.Flags(), &again, "again")
	return c
}

func (a *app) exportCommand() *cobra.Command {
	var q api.ExportQuery
	c := a.command("export FILE|-", between(1, 1), api.ExportReport{}, func(ctx context.Context, arguments []string) error {
		if len(q.Types) == 1 {
			q.Types = strings.Split(q.Types[0], ",")
		}
		if q.Format == "car" && (q.AsOf != "" || len(q.Types) > 0 || q.Member != "") {
			return misuse("usage.bundle_is_whole", nil)
		}
		if q.Format != "car" {
			q.Lang = a.langFlag
		}
		return a.with(ctx, func(s *session) error {
			step, done := a.progress("cli.progress.export")
			var report api.ExportReport
			err := a.writeFile(arguments[0], func(w io.Writer) (err error) {
				if q.Format == "car" {
					report, err = s.Export(ctx, w, step)
				} else {
					report, err = s.ExportRecords(ctx, w, q, step)
				}
				return err
			})
			done()
			if err != nil {
				return err
			}
			return a.report(arguments[0], report, func() {
				if q.Format == "car" {
					a.note("cli.export.done", args{"count": report.Entries, "bytes": a.book.Bytes(a.lang, report.Bytes), "file": arguments[0]})
					return
				}
				a.note("cli.export.records", args{"count": report.Records, "file": arguments[0], "day": a.book.Day(a.lang, report.AsOf)})
				if report.LeftOut > 0 {
					a.note("cli.export.left_out", args{"count": report.LeftOut})
				}
			})
		})
	})
	c.Example = "dure export /media/usb/dure.car\ndure export records.csv --format csv --type offer,request\ndure export map.geojson --format geojson"
	f := c.Flags()
	f.StringVar(&q.Format, "format", "car", a.say("flag.export.format", nil))
	_ = f.SetAnnotation("format", placeholder, []string{"car|ndjson|csv|jsonld|geojson"})
	f.StringVar(&q.AsOf, "as-of", "", a.say("flag.export.as_of", nil))
	_ = f.SetAnnotation("as-of", placeholder, []string{"DAY"})
	f.StringArrayVar(&q.Types, "type", nil, a.say("flag.export.type", nil))
	_ = f.SetAnnotation("type", placeholder, []string{"offer,request"})
	f.StringVar(&q.Member, "member", "", a.say("flag.export.member", nil))
	_ = f.SetAnnotation("member", placeholder, []string{"HANDLE"})
	return c
}

// report prints a report after a file was written. Where the file is standard output, the report must not follow it
// there.
func (a *app) report(file string, v any, text func()) error {
	if file == "-" {
		if a.json {
			a.out = a.err
		}
	}
	return a.answer(v, text)
}

// writeFile writes through a file beside the named one and renames it when it is whole, so that a file of that name is
// never a part. "-" is standard output.
func (a *app) writeFile(name string, write func(io.Writer) error) (err error) {
	if name == "-" {
		return write(a.out)
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return &complaint{reason: protocol.ReasonHomeUnwritable, key: "cli.usage.cannot_write", args: args{"file": name}, err: err}
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	err = write(f)
	if synced := f.Sync(); err == nil {
		err = synced
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

func (a *app) importCommand() *cobra.Command {
	return a.command("import FILE.car|-", between(1, 1), api.ImportReport{}, func(ctx context.Context, arguments []string) error {
		r, err := a.openFile(arguments[0])
		if err != nil {
			return err
		}
		defer r.Close()
		return a.with(ctx, func(s *session) error {
			step, done := a.progress("cli.progress.import")
			report, err := s.Import(ctx, r, step)
			done()
			if err != nil {
				return badBundle(arguments[0], err)
			}
			if err := a.answer(report, func() { a.sayImported(report) }); err != nil {
				return err
			}
			if len(report.Refused) > 0 {
				return problems{}
			}
			return nil
		})
	})
}

// badBundle says that it is the file that is damaged, and not what is on this disk.
func badBundle(name string, err error) error {
	switch reason := protocol.ReasonOf(err); reason {
	case protocol.ReasonMalformed, protocol.ReasonNonCanonical, protocol.ReasonTooLarge, protocol.ReasonBadHash:
		return &complaint{reason: reason, key: "cli.import.broken", args: args{"file": name}, err: err}
	}
	return err
}

func (a *app) openFile(name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(a.in), nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, &complaint{reason: protocol.ReasonUsage, key: "cli.usage.cannot_read", args: args{"file": name}, err: err}
	}
	return f, nil
}

func (a *app) sayImported(r api.ImportReport) {
	a.line("cli.import.done", args{"read": a.say("cli.entries", args{"count": r.Read}), "count": r.New, "bodies": a.contents(r.Bodies)})
	if len(r.Refused) == 0 {
		return
	}
	a.line("cli.import.refused", nil)
	t := table{indent: 2}
	for _, code := range sortedKeys(r.Refused) {
		sentence, _ := a.book.Reason(a.lang, protocol.ParseReason(code), nil)
		t.row(a.book.Number(a.lang, int64(r.Refused[code])), sentence)
	}
	t.print(a.out)
}
