package ledger

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/dure-net/dure/protocol"
)

// exchange puts the migrated copy in the place of the store. Nothing but the two renames
// has to happen as one, and settleMigration undoes the first where the second is missing.
func exchange(cfg Config, o MigrateOptions) error {
	store, before := filepath.Join(cfg.Dir, storeName), filepath.Join(cfg.Dir, beforeName)
	work := filepath.Join(cfg.Dir, migratingName)
	err := os.Rename(store, before)
	if err == nil {
		err = syncDir(cfg.Dir) // never the second without the first
	}
	o.reached("moved")
	if err == nil {
		err = os.Rename(filepath.Join(work, storeName), store)
	}
	if err != nil {
		return errors.Join(protocol.Fail(protocol.ReasonHomeUnwritable, "migrate ledger", err), settleMigration(cfg))
	}
	o.reached("exchanged")
	if err := errors.Join(syncDir(work), syncDir(cfg.Dir)); err != nil {
		return err
	}
	if err := settleMigration(cfg); err != nil {
		cfg.Logger.Warn("what the migration used is not cleared away; the next start tries again", "err", err)
	}
	return nil
}

// settleMigration clears away what a migration used and did not remove. It is called with
// the ledger's lock, before the store is looked at.
func settleMigration(cfg Config) error {
	store, before := filepath.Join(cfg.Dir, storeName), filepath.Join(cfg.Dir, beforeName)
	work := filepath.Join(cfg.Dir, migratingName)
	err := error(nil)
	switch {
	case !lies(before):
	case !lies(store): // between the two renames: nothing has happened yet
		if err = os.Rename(before, store); err == nil {
			err = syncDir(cfg.Dir)
		}
	case lies(filepath.Join(work, storeName)):
		// Between the two renames an older program was started, which knows nothing of them, and
		// began a new store. What it wrote counts, and Salvage brings back the rest.
		m := &mender{home: cfg.Dir, dir: before, log: cfg.Logger, now: cfg.Now()}
		err = m.setAsideWhole()
	default: // the copy has its place
		err = os.RemoveAll(before)
	}
	if err == nil && lies(work) {
		err = os.RemoveAll(work)
	}
	if err != nil && protocol.ReasonOf(err) != protocol.ReasonHomeUnwritable {
		err = protocol.Fail(protocol.ReasonHomeUnwritable, "clear away a migration", err)
	}
	return err
}

func lies(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// sizeOfStore is what the copy of a store will take: holes in its files stay holes.
func sizeOfStore(dir string) (total uint64, err error) {
	files, err := os.ReadDir(dir)
	for _, f := range files {
		if info, ierr := f.Info(); ierr == nil && info.Mode().IsRegular() {
			total += min(allocated(info), uint64(info.Size()))
		}
	}
	return total, err
}

// copyStore copies the files of a store that nobody has open, and syncs them.
func copyStore(ctx context.Context, from, to string, progress func(done, total int64)) error {
	unwritable := func(err error) error {
		reason := protocol.ReasonHomeUnwritable
		if full(err) {
			reason = protocol.ReasonReadOnly
		}
		return protocol.Fail(reason, "copy store", err)
	}
	if err := os.MkdirAll(to, 0o700); err != nil {
		return unwritable(err)
	}
	files, err := os.ReadDir(from)
	if err != nil {
		return unwritable(err)
	}
	var done, total int64
	for _, f := range files {
		if info, err := f.Info(); err == nil {
			total += info.Size()
		}
	}
	for _, f := range files {
		if !f.Type().IsRegular() {
			continue
		}
		n, err := copySparse(ctx, filepath.Join(from, f.Name()), filepath.Join(to, f.Name()), func(n int64) { progress(done+n, total) })
		if ctx.Err() != nil {
			return protocol.Fail(protocol.ReasonCanceled, "copy store", ctx.Err())
		}
		if err != nil {
			return unwritable(err)
		}
		done += n
	}
	return syncDir(to)
}

// copySparse copies a file; blocks of zeros become holes.
func copySparse(ctx context.Context, from, to string, progress func(n int64)) (n int64, err error) {
	in, err := os.Open(from)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	block, zeros := make([]byte, 1<<16), make([]byte, 1<<16)
	for ctx.Err() == nil {
		got, rerr := io.ReadFull(in, block)
		if got > 0 && string(block[:got]) != string(zeros[:got]) {
			if _, err := out.WriteAt(block[:got], n); err != nil {
				return n, err
			}
		}
		n += int64(got)
		progress(n)
		if errors.Is(rerr, io.EOF) || errors.Is(rerr, io.ErrUnexpectedEOF) {
			return n, errors.Join(out.Truncate(n), out.Sync())
		}
		if rerr != nil {
			return n, rerr
		}
	}
	return n, ctx.Err()
}
