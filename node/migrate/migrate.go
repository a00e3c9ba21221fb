// Package migrate brings the ledger of a stopped home to the version of this program,
// with a checked backup before.
package migrate

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/backup"
	"github.com/dure-net/dure/node/home"
	"github.com/dure-net/dure/node/restore"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/replication/ledger"
)

// Options say how the ledger of a home is migrated.
type Options struct {
	BackupDir string // where the backup is written; "": where the settings say, else the home itself
	DryRun    bool   // say what would be done, and do nothing
	Logger    *slog.Logger
	Progress  func(api.Progress) // Step is copy (in bytes), backup, step or check
}

// Report is what was done, or what there is to do.
type Report struct {
	From        uint32 `json:"from"` // version of the ledger on this disk
	To          uint32 `json:"to"`   // version of this program; the same where there is nothing to do
	Needed      bool   `json:"needed"`
	Done        bool   `json:"done"`
	StoreBytes  uint64 `json:"store_bytes"`  // size of the ledger
	BackupBytes uint64 `json:"backup_bytes"` // what the backup takes at most
	NeedsBytes  uint64 `json:"needs_bytes"`  // that must be free on the ledger's disk; the backup counts where it lies in the home
	FreeBytes   uint64 `json:"free_bytes"`
	BackupDir   string `json:"backup_dir"`        // where the backup is written before
	Backup      string `json:"backup,omitempty"`  // the file
	Encrypted   bool   `json:"encrypted"`         // the backup
	Entries     uint64 `json:"entries,omitempty"` // in the ledger, and in the backup
	Root        string `json:"root,omitempty"`    // of both
}

// Run brings the ledger of a stopped home to the version of this program; it needs no
// key. First it writes a dated backup, checked as it is written. ReasonReadOnly, with
// Args free, floor and path, where a disk has not enough room; otherwise as
// ledger.Migrate. After an error nothing is changed; the backup stays where it is whole.
func Run(ctx context.Context, h *home.Home, o Options) (out Report, err error) {
	settings, err := h.Settings(nil)
	if err != nil {
		return out, err
	}
	release, err := h.Lock()
	if err != nil {
		return out, err
	}
	defer release()
	if _, err := home.SettleLedger(h); err != nil {
		return out, err
	}
	_, federation, papers, err := h.Founding()
	if err != nil {
		return out, err
	}
	me, err := h.Member()
	if err != nil {
		return out, err
	}
	cfg := ledger.Config{Dir: h.LedgerDir(), Federation: federation, FloorBytes: settings.Config.Storage.FloorBytes, Logger: o.Logger}
	plan, err := ledger.PlanMigration(cfg)
	if err != nil {
		return out, err
	}
	dir, apart := backupPlace(h, settings.Config.Backup.Dir, o.BackupDir)
	out = Report{From: plan.From, To: plan.To, Needed: plan.Needed(), StoreBytes: plan.StoreBytes, BackupBytes: plan.BackupBytes, FreeBytes: plan.FreeBytes, BackupDir: dir}
	if !out.Needed {
		return out, nil
	}
	room := plan.BackupBytes
	if apart {
		room = 0
	}
	out.NeedsBytes = plan.NeedsBytes + room
	if err := roomFor(h.LedgerDir(), plan.FreeBytes, out.NeedsBytes); err != nil {
		return out, err
	}
	if apart {
		free, err := ledger.FreeOn(nearest(dir))
		if err == nil {
			err = roomFor(dir, free, plan.BackupBytes)
		}
		if err != nil {
			return out, err
		}
	}
	var seal backup.Seal
	if to := settings.Config.Backup.Recipients; len(to) > 0 {
		if seal, err = backup.Recipients(to...); err != nil {
			return out, err
		}
	}
	out.Encrypted = !seal.Plain()
	if o.DryRun {
		return out, nil
	}
	along, err := restore.Papers(h, papers)
	if err != nil {
		return out, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return out, &protocol.Error{Reason: protocol.ReasonHomeUnwritable, Op: "make directory of backups", ID: dir, Args: map[string]string{"path": dir}, Err: err}
	}
	now := time.Now()
	file, size := filepath.Join(dir, backup.Name(me.Handle, now, seal)), int64(0)
	_, copied, err := ledger.Migrate(ctx, cfg, ledger.MigrateOptions{
		Papers: along, RoomBytes: room, Progress: staged(o.Progress),
		Backup: func(write func(io.Writer) error) (err error) {
			size, err = backup.Write(ctx, file, seal, func(w io.Writer) error { return restore.Checked(ctx, w, write) })
			if err == nil {
				out.Backup = file
			}
			return err
		},
	})
	if err != nil {
		return out, err
	}
	out.Done, out.Entries, out.Root = true, copied.Entries, copied.Root.String()
	_ = h.SaveBackedUp(home.BackedUp{At: now.UTC(), File: file, Entries: copied.Entries, Bytes: uint64(size), Sealed: out.Encrypted}) // a convenience
	return out, nil
}

// backupPlace is where the backup goes, and whether that is outside of the home.
func backupPlace(h *home.Home, set, wish string) (dir string, apart bool) {
	dir = h.Dir()
	switch {
	case wish != "":
		if abs, err := filepath.Abs(wish); err == nil {
			dir = abs
		}
	case set != "" && !filepath.IsAbs(set):
		dir = filepath.Join(h.Dir(), set)
	case set != "":
		dir = set
	}
	below, err := filepath.Rel(h.Dir(), dir)
	return dir, err != nil || !filepath.IsLocal(below)
}

// nearest is the directory, or the one above it that is there.
func nearest(dir string) string {
	for {
		if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

func roomFor(path string, free, need uint64) error {
	if free >= need {
		return nil
	}
	return &protocol.Error{Reason: protocol.ReasonReadOnly, Op: "migrate", ID: path,
		Args: map[string]string{"free": fmt.Sprint(free), "floor": fmt.Sprint(need), "path": path}}
}

func staged(progress func(api.Progress)) func(stage string, done, total int64) {
	if progress == nil {
		return nil
	}
	return func(stage string, done, total int64) {
		unit := "entries"
		if stage == "copy" {
			unit = "bytes"
		}
		progress(api.Progress{Step: stage, Done: uint64(max(done, 0)), Total: uint64(max(total, 0)), Unit: unit})
	}
}
