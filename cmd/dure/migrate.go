package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/migrate"
	"github.com/dure-net/dure/protocol"
)

// migrateAnswer is what `dure migrate --json` prints.
type migrateAnswer struct {
	migrate.Report
	DryRun bool `json:"dry_run"`
}

func (a *app) migrateCommand() *cobra.Command {
	var dryRun bool
	var backupDir string
	c := a.command("migrate", between(0, 0), migrateAnswer{}, func(ctx context.Context, _ []string) error {
		h, err := a.openHome()
		if err != nil {
			return err
		}
		show, done := a.progressOf(map[string]string{"copy": "cli.progress.migrate.copy", "backup": "cli.progress.backup",
			"step": "cli.progress.migrate.step", "check": "cli.progress.migrate.check"})
		m, err := migrate.Run(ctx, h, migrate.Options{BackupDir: backupDir, DryRun: dryRun, Progress: show})
		done()
		if err != nil {
			return a.notMigrated(m, err)
		}
		return a.answer(migrateAnswer{Report: m, DryRun: dryRun}, func() { a.sayMigration(m) })
	})
	c.Example = "dure migrate --dry-run\ndure migrate --backup-dir /media/usb"
	a.switchFlag(c.Flags(), &dryRun, "dry-run")
	a.textFlag(c.Flags(), &backupDir, "backup-dir", "DIRECTORY", "")
	return c
}

// progressOf is progress for a task of several parts, each with its own words.
func (a *app) progressOf(keys map[string]string) (step func(api.Progress), done func()) {
	part, inner, end := "", func(api.Progress) {}, func() {}
	return func(p api.Progress) {
		if p.Step != part {
			end()
			part = p.Step
			inner, end = a.progress(keys[part])
		}
		inner(p)
	}, func() { end() }
}

func (a *app) sayMigration(m migrate.Report) {
	if !m.Needed {
		a.line("cli.migrate.none", args{"version": fmt.Sprint(m.To)})
		return
	}
	if m.Done {
		a.line("cli.migrate.done", args{"from": fmt.Sprint(m.From), "to": fmt.Sprint(m.To), "count": m.Entries})
		a.line("cli.migrate.kept", args{"file": m.Backup})
		a.note("cli.migrate.no_way_back", nil)
		return
	}
	a.line("cli.migrate.plan", args{"from": fmt.Sprint(m.From), "to": fmt.Sprint(m.To)})
	for from := m.From; from < m.To; from++ {
		a.plain(fmt.Sprintf("  %d → %d: %s", from, from+1, a.say("cli.migrate.step."+strconv.FormatUint(uint64(from), 10), nil)))
	}
	a.line("cli.migrate.before", args{"path": m.BackupDir})
	a.line("cli.migrate.room", args{"needs": a.book.Bytes(a.lang, m.NeedsBytes), "free": a.book.Bytes(a.lang, m.FreeBytes)})
	a.note("cli.migrate.dry", nil)
}

// notMigrated says why nothing was changed, where the reason alone would say something else.
func (a *app) notMigrated(m migrate.Report, err error) error {
	if m.Backup != "" {
		a.note("cli.migrate.kept", args{"file": m.Backup})
	}
	var e *protocol.Error
	switch reason := protocol.ReasonOf(err); {
	case reason == protocol.ReasonDamaged:
		return &complaint{reason: reason, key: "cli.migrate.damaged", err: err}
	case reason == protocol.ReasonReadOnly && errors.As(err, &e) && e.Args["path"] != "":
		return &complaint{reason: reason, key: "cli.migrate.no_room", err: err, args: args{"path": e.Args["path"],
			"needs": a.amountOf(e.Args["floor"]), "free": a.amountOf(e.Args["free"])}}
	case reason == protocol.ReasonReadOnly:
		return &complaint{reason: reason, key: "cli.migrate.full", err: err}
	}
	return err
}

func (a *app) amountOf(bytes string) string {
	n, err := strconv.ParseUint(bytes, 10, 64)
	if err != nil {
		return bytes
	}
	return a.book.Bytes(a.lang, n)
}
