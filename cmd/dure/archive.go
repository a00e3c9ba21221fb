package main

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/dure-net/dure/node/archive"
	"github.com/dure-net/dure/protocol"
)

// archived is what --json prints of an archive that was written.
type archived struct {
	ID      string `json:"id"`
	File    string `json:"file"`
	Entries int    `json:"entries"`
	Files   int    `json:"files"`
}

func (a *app) archiveCommand() *cobra.Command {
	var output string
	c := a.command("archive ID", between(1, 1), archived{}, func(ctx context.Context, arguments []string) error {
		name := output
		if name == "" {
			name = fileOfRef(arguments[0]) + ".zip"
		}
		return a.with(ctx, func(s *session) error {
			contents, id, err := a.paper(a.lang).Archive(ctx, s, arguments[0])
			if err != nil {
				return err
			}
			if err := a.writeFile(name, func(w io.Writer) error { return archive.Write(w, contents) }); err != nil {
				return err
			}
			return a.report(name, archived{id, name, len(contents.Proofs), len(contents.Files)}, func() {
				if name != "-" {
					a.note("cli.archive.done", args{"file": name, "count": len(contents.Proofs), "files": a.say("cli.archive.files", args{"count": len(contents.Files)})})
				}
			})
		})
	})
	c.Example = "dure archive kr-seoul-41 -o agreement.zip\ndure verify agreement.zip"
	c.Flags().StringVarP(&output, "output", "o", "", a.say("flag.output", nil))
	_ = c.Flags().SetAnnotation("output", placeholder, []string{"FILE|-"})
	return c
}

// verifyArchive checks an archive, with no node.
func (a *app) verifyArchive(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return &complaint{reason: protocol.ReasonUsage, key: "cli.usage.cannot_read", args: args{"file": name}, err: err}
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return &complaint{reason: protocol.ReasonUsage, key: "cli.usage.cannot_read", args: args{"file": name}, err: err}
	}
	report, err := archive.Verify(f, info.Size())
	if err != nil {
		var e *protocol.Error
		inner := ""
		if errors.As(err, &e) {
			inner = e.ID
			if e.Args["beyond"] != "" {
				return &complaint{reason: e.Reason, key: "cli.archive.beyond", args: args{"file": name, "at": e.Args["beyond"]}, err: err}
			}
		}
		return &complaint{reason: protocol.ReasonOf(err), key: "cli.archive.broken", args: args{"file": name, "inner": inner}, err: err}
	}
	return a.answer(report, func() {
		a.line("cli.archive.holds", args{"count": len(report.Entries), "files": a.say("cli.archive.files", args{"count": len(report.Files)})})
		t := table{indent: 2}
		for _, e := range report.Entries {
			t.row(e.Time, a.word("type", e.Kind), e.Entry, e.Founder)
		}
		for _, k := range report.Files {
			t.row("", k.Name, k.ID, a.book.Bytes(a.lang, k.Bytes))
		}
		t.print(a.out)
		for _, id := range report.Missing {
			a.line("cli.archive.missing", args{"id": id})
		}
		a.line("cli.archive.federation", args{"federation": report.Federation})
	})
}
