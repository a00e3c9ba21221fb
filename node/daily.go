package node

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/backup"
	"github.com/dure-net/dure/node/home"
	"github.com/dure-net/dure/node/restore"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/replication"
)

const (
	// backupEvery is how old the last backup may be when the next one is made.
	backupEvery = 24 * time.Hour
	// backupLook is how often it is looked at, and so how soon a failed one is tried again.
	backupLook = 10 * time.Minute
	// backupFirst is how long a node that has started leaves its machine to other work first.
	backupFirst = 5 * time.Second
)

// backUpDaily makes dated backups into the directory of the settings and keeps the last
// ones. A backup that fails is told and tried again; it never ends the node.
func (n *Node) backUpDaily(ctx context.Context) error {
	if n.conf.Backup.Dir == "" {
		return nil
	}
	for wait := backupFirst; ; wait = backupLook {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
		due, err := n.backupDue()
		if err == nil && due {
			err = n.BackUpDated(ctx)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			n.log.Error("the daily backup was not made; it is tried again", "dir", n.BackupDir(), "err", err)
		}
		n.noteBackup(err)
	}
}

// BackupDir is where daily backups lie; "" where none are made. A relative path of the
// settings is below the home.
func (n *Node) BackupDir() string {
	dir := n.conf.Backup.Dir
	if dir == "" || filepath.IsAbs(dir) {
		return dir
	}
	return filepath.Join(n.home.Dir(), dir)
}

// backupDue reports whether it is time. While the node recovers its ledger is not worth
// one of the places: it would push out a backup that holds what was forgotten.
func (n *Node) backupDue() (bool, error) {
	if c, _ := n.replica.Condition(); c == replication.Recovering {
		return false, nil
	}
	all, err := backup.List(n.BackupDir(), n.facts.Handle)
	if err != nil || len(all) == 0 {
		return err == nil, err
	}
	age := n.opts.Now().Sub(all[len(all)-1].Time)
	return age >= backupEvery || age < -backupEvery, nil // a clock that was far ahead stops nothing
}

// BackUpDated makes one dated backup now, checks it, and deletes the oldest ones beyond
// those that the settings keep.
func (n *Node) BackUpDated(ctx context.Context) error {
	dir := n.BackupDir()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return &protocol.Error{Reason: protocol.ReasonHomeUnwritable, Op: "make directory of backups", ID: dir, Args: map[string]string{"path": dir}, Err: err}
	}
	var seal backup.Seal
	if len(n.conf.Backup.Recipients) > 0 {
		var err error
		if seal, err = backup.Recipients(n.conf.Backup.Recipients...); err != nil {
			return err
		}
	}
	now := n.opts.Now()
	name := backup.Name(n.facts.Handle, now, seal)
	var report api.BackupReport
	size, err := backup.Write(ctx, filepath.Join(dir, name), seal, func(w io.Writer) error {
		return restore.Checked(ctx, w, func(w io.Writer) (err error) {
			report, err = n.Backup(ctx, w, nil)
			return err
		})
	})
	if err != nil {
		return err
	}
	n.log.Info("a backup was made", "file", name, "entries", report.Entries, "bytes", size)
	if report.Damaged > 0 {
		n.log.Warn("a part of the ledger is damaged and not in the backup", "chains", report.Damaged)
	}
	if err := n.home.SaveBackedUp(home.BackedUp{At: now.UTC(), File: filepath.Join(dir, name), Entries: report.Entries, Bytes: uint64(size), Sealed: !seal.Plain()}); err != nil {
		n.log.Warn("the time of the backup was not noted", "err", err)
	}
	deleted, err := backup.Prune(dir, n.facts.Handle, name, int(n.conf.Backup.Keep), now)
	if len(deleted) > 0 {
		n.log.Info("old backups were deleted", "files", deleted)
	}
	return err
}

// noteBackup remembers whether the last try went wrong.
func (n *Node) noteBackup(err error) {
	if err == nil {
		n.backupFailed.Store(nil)
		return
	}
	n.backupFailed.Store(&err)
}

// backups tells of the last backup.
func (n *Node) backups() api.Backups {
	out := api.Backups{Dir: n.BackupDir()}
	if out.Dir != "" {
		out.Keep = n.conf.Backup.Keep
	}
	if b, ok := n.home.BackedUp(); ok {
		at := b.At.UTC()
		out.Last, out.File, out.Entries, out.Bytes, out.Encrypted = &at, b.File, b.Entries, b.Bytes, b.Sealed
	}
	if failed := n.backupFailed.Load(); failed != nil {
		out.Failed = protocol.ReasonOf(*failed).String()
	}
	return out
}
