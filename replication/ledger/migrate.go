package ledger

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/dgraph-io/badger/v4"

	"github.com/dure-net/dure/protocol"
)

// A migration works on a copy of the store. The copy is backed up, the steps are run on
// it, it is opened by this program and backed up again into nothing but a hash: only when
// both backups are the same bytes does it take the store's place, by two renames. Until
// then the store is not written to, so whatever ends a migration (a crash, a full disk, a
// backup that cannot be made, a step that fails) leaves the ledger as it was, for the
// older program too, and the next one starts over.

const (
	storeName     = "store"
	migratingName = "migrating"    // a ledger's directory of its own, with the copy
	beforeName    = "store-before" // the store, from the moment the copy takes its place until it is removed
)

// Migration is what lies between the version of a store and the one this program has.
type Migration struct {
	From, To   uint32 // the same where there is nothing to do
	StoreBytes uint64 // of the store's files: what the copy takes

	// What a backup takes at most, which is more: the store is compressed. 0: nothing to do.
	BackupBytes uint64

	NeedsBytes uint64 // that must be free on the ledger's disk, the floor included and the backup apart; 0: nothing to do
	FreeBytes  uint64
}

// Needed reports whether there is something to do.
func (m Migration) Needed() bool { return m.From < m.To }

// MigrateOptions is what a migration needs from the layer above.
type MigrateOptions struct {
	Papers []Paper // that the backup takes along

	// Backup keeps what write writes, and returns nil only when it is whole and safe. nil
	// makes no backup.
	Backup func(write func(io.Writer) error) error

	// RoomBytes is what Backup takes of the ledger's disk.
	RoomBytes uint64

	// Progress is told what is being done ("copy" in bytes, "backup", "step" and "check" in
	// entries) and how far it is. It may be nil.
	Progress func(stage string, done, total int64)

	at func(point string) // for tests that end the process there
}

func (o MigrateOptions) stage(name string) func(done, total int64) {
	return func(done, total int64) {
		if o.Progress != nil {
			o.Progress(name, done, total)
		}
	}
}

func (o MigrateOptions) reached(point string) {
	if o.at != nil {
		o.at(point)
	}
}

// FreeOn is what can still be written on the disk of a directory.
func FreeOn(dir string) (uint64, error) { return freeBytes(dir) }

// PlanMigration looks at the ledger of a directory that nobody has open. It changes
// nothing but what every opening does: damaged files are put in order, and what a killed
// migration left is cleared away. Where there is no ledger there is nothing to do.
// ReasonTooNew where a newer program wrote it.
func PlanMigration(cfg Config) (Migration, error) {
	if !lies(cfg.Dir) {
		return Migration{From: schemaVersion, To: schemaVersion}, nil
	}
	cfg, done, err := forMigration(cfg)
	if err != nil {
		return Migration{}, err
	}
	defer done()
	return planned(cfg, schemaVersion, steps())
}

// Migrate brings the ledger of a directory that nobody has open to the version of this
// program, and says what it did and what the backup holds. Where there is nothing to do
// it does nothing. ReasonReadOnly where the disk has no room for it, ReasonDamaged where
// a part of the ledger cannot be read; else as PlanMigration. After an error, a crash or
// a power cut the ledger is as it was before, or is migrated, as a whole.
func Migrate(ctx context.Context, cfg Config, o MigrateOptions) (Migration, Copied, error) {
	return migrate(ctx, cfg, schemaVersion, steps(), o)
}

func migrate(ctx context.Context, cfg Config, version uint32, steps map[uint32]step, o MigrateOptions) (plan Migration, copied Copied, err error) {
	cfg, done, err := forMigration(cfg)
	if err != nil {
		return plan, copied, err
	}
	defer done()
	if plan, err = planned(cfg, version, steps); err != nil || !plan.Needed() {
		return plan, copied, err
	}
	if need := plan.NeedsBytes + o.RoomBytes; plan.FreeBytes < need {
		return plan, copied, &protocol.Error{Reason: protocol.ReasonReadOnly, Op: "migrate ledger",
			Args: map[string]string{"free": fmt.Sprint(plan.FreeBytes), "floor": fmt.Sprint(need)}}
	}
	work := cfg
	work.Dir, work.Progress, work.ReserveBytes = filepath.Join(cfg.Dir, migratingName), nil, 1
	at := cfg.Now()
	work.Now = func() time.Time { return at } // both backups say the same
	defer func() {
		if err != nil {
			_ = os.RemoveAll(work.Dir) // the next opening tries again
		}
	}()
	from, to := filepath.Join(cfg.Dir, storeName), filepath.Join(work.Dir, storeName)
	if err := copyStore(ctx, from, to, o.stage("copy")); err != nil {
		return plan, copied, err
	}
	o.reached("copied")
	keep := o.Backup
	if keep == nil {
		keep = func(write func(io.Writer) error) error { return write(io.Discard) }
	}
	copied, before, err := readOut(ctx, work, plan.From, o.Papers, o.stage("backup"), keep)
	if err != nil {
		return plan, copied, err
	}
	o.reached("backed up")
	if err := climb(ctx, work, to, plan, steps, o); err != nil {
		return plan, copied, err
	}
	_, after, err := readOut(ctx, work, plan.To, o.Papers, o.stage("check"), func(write func(io.Writer) error) error { return write(io.Discard) })
	if err != nil {
		return plan, copied, err
	}
	if after != before {
		return plan, copied, protocol.Fail(protocol.ReasonInternal, "migrate ledger", errors.New("the migrated ledger is not the one that was backed up"))
	}
	o.reached("checked")
	if err := exchange(cfg, o); err != nil {
		return plan, copied, err
	}
	return plan, copied, nil
}

// forMigration locks the ledger and clears away what a killed migration left.
func forMigration(cfg Config) (Config, func(), error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return cfg, nil, err
	}
	lock, err := lockDir(cfg.Dir)
	if err != nil {
		return cfg, nil, err
	}
	if err := settleMigration(cfg); err != nil {
		_ = lock.Close()
		return cfg, nil, err
	}
	return cfg, func() { _ = lock.Close() }, nil
}

// planned reads which version the store has, and measures.
func planned(cfg Config, version uint32, steps map[uint32]step) (plan Migration, err error) {
	dir := filepath.Join(cfg.Dir, storeName)
	total, err := totalBytes(cfg.Dir)
	if err != nil {
		total = 0 // as in Open
	}
	z := sizesFor(total, dir)
	plan.To = version
	if plan.From, plan.BackupBytes, err = lookInto(cfg, dir, z, version); err != nil {
		return plan, err
	}
	if plan.From == 0 {
		plan.From = version // there is none
	}
	if plan.From > version {
		return plan, fits(plan.From, version)
	}
	if plan.StoreBytes, err = sizeOfStore(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return plan, protocol.Fail(protocol.ReasonHomeUnwritable, "migrate ledger", err)
	}
	if plan.FreeBytes, err = cfg.Free(); err != nil {
		return plan, protocol.Fail(protocol.ReasonInternal, "measure free space", err)
	}
	if !plan.Needed() {
		return plan, nil
	}
	floor := cfg.FloorBytes
	if floor == 0 {
		floor = FloorFor(total)
	}
	plan.NeedsBytes = floor + plan.StoreBytes
	for have := plan.From; have < version; have++ {
		st, ok := steps[have]
		if !ok {
			return plan, protocol.Fail(protocol.ReasonInternal, "migrate ledger", fmt.Errorf("no way from version %d", have))
		}
		if st.rewrites {
			plan.NeedsBytes += plan.StoreBytes
		}
	}
	return plan, nil
}

// lookInto opens a store for reading alone, and reads its version, 0 where there is no
// store. Where that is an older one than wanted it also measures a backup of it.
func lookInto(cfg Config, dir string, z sizes, wanted uint32) (version uint32, backup uint64, err error) {
	files, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(files) == 0 {
		return 0, 0, nil
	}
	m := &mender{home: cfg.Dir, dir: dir, z: z, log: cfg.Logger, now: cfg.Now(), wait: newPatience()}
	if err := m.mend(); err != nil { // Badger ends the process over some damage
		return 0, 0, err
	}
	s, err := openStore(dir, z, true, m.found.Files > 0, roomOf(cfg), cfg.Logger)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, s.shut()) }()
	federation, version, err := s.identity()
	switch {
	case err != nil:
		return 0, 0, err
	case version == 0:
		return 0, 0, damagedAs("migrate ledger", errors.New("a store without a version"))
	case cfg.Federation.Defined() && federation != cfg.Federation:
		return 0, 0, wrongFederation(federation, cfg.Federation)
	case version < wanted:
		backup, err = measure(s)
	}
	return version, backup, err
}

// sectionBytes is what a backup adds to each header, body and note: a length and a CID.
const sectionBytes = 48

// measure sums up what a backup of the store takes at most.
func measure(s *store) (total uint64, err error) {
	err = s.scan(nil, nil, func(key []byte, item *badger.Item) error {
		sections := uint64(2) // itself, and perhaps a note that announces it
		if key[0] == keyRun {
			sections = protocol.MaxPage + 1
		}
		total += uint64(len(key)) + uint64(item.ValueSize()) + sections*sectionBytes
		return nil
	})
	return total, err
}

// readOut opens the copy as a ledger of this version, has keep keep a backup of it, and
// returns the hash of that backup.
func readOut(ctx context.Context, work Config, version uint32, papers []Paper, progress func(done, total int64), keep func(func(io.Writer) error) error) (copied Copied, sum digest, err error) {
	l, err := open(work, version)
	if err != nil {
		return copied, sum, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	if o := l.opened; o.Lost > 0 || len(o.Cut) > 0 || o.Mended.Files > 0 || o.Mended.Whole {
		return copied, sum, damagedAs("migrate ledger", errors.New("a part of the ledger is missing"))
	}
	hash := sha256.New()
	err = keep(func(w io.Writer) error {
		hash.Reset()
		copied, err = l.Backup(ctx, io.MultiWriter(w, hash), progress, papers...)
		return err
	})
	if err == nil && copied.Damaged > 0 {
		err = damagedAs("migrate ledger", errors.New("a part of the ledger cannot be read"))
	}
	return copied, digest(hash.Sum(nil)), err
}

// climb runs the steps on the copy.
func climb(ctx context.Context, work Config, dir string, plan Migration, steps map[uint32]step, o MigrateOptions) error {
	total, err := totalBytes(work.Dir)
	if err != nil {
		total = 0
	}
	s, err := openStore(dir, sizesFor(total, dir), false, false, roomOf(work), work.Logger)
	if err != nil {
		return err
	}
	for have := plan.From; err == nil && have < plan.To; have++ {
		if err = steps[have].run(ctx, s, o.stage("step")); err == nil {
			o.reached("step")
			err = s.commit([]write{versioned(have + 1)})
		}
	}
	if full(err) && protocol.ReasonOf(err) != protocol.ReasonReadOnly {
		err = protocol.Fail(protocol.ReasonReadOnly, "migrate ledger", err)
	}
	return errors.Join(err, s.shut())
}
