package ledger

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/protocoltest"
)

// next is a version that no program writes: its bodies lie under other keys, of which the
// reader knows as the places of repaired ones.
const next = schemaVersion + 1

// rewriting moves every body, a few in a transaction. middle is called in the middle.
func rewriting(middle func() error) map[uint32]step {
	return map[uint32]step{schemaVersion: {rewrites: true, run: func(ctx context.Context, s *store, progress func(done, total int64)) error {
		var writes []write
		for _, prefix := range []byte{keyBody, keyGoverned} {
			err := s.scan([]byte{prefix}, []byte{prefix}, func(key []byte, item *badger.Item) error {
				value, err := item.ValueCopy(nil)
				writes = append(writes, write{repairedKey(bytes.Clone(key)), value}, write{bytes.Clone(key), nil})
				return err
			})
			if err != nil {
				return err
			}
		}
		for at := 0; at < len(writes); at += 10 {
			if at >= len(writes)/2 && at < len(writes)/2+10 {
				if err := middle(); err != nil {
					return err
				}
			}
			if err := s.commit(writes[at:min(at+10, len(writes))]); err != nil {
				return err
			}
			progress(int64(at), int64(len(writes)))
		}
		return nil
	}}}
}

func nothing() error { return nil }

// old makes a ledger of a version, and returns what it holds.
func old(t *testing.T, version uint32) (Config, *protocoltest.Feed) {
	t.Helper()
	_, fed, members := protocoltest.Federation(1)
	f := protocoltest.NewFeed(fed, members[0].Root, members[0].Node).Fill(200, 300)
	cfg := Config{Dir: t.TempDir(), Federation: fed, ReserveBytes: 1}
	l, err := open(cfg, version)
	if err != nil {
		t.Fatal(err)
	}
	for at := 0; at < len(f.Entries); at += 64 {
		p := f.Page(at, min(64, len(f.Entries)-at))
		if err := l.Put(context.Background(), Batch{Pages: []protocol.Page{p}, Own: true, Meta: []Setting{{Key: "k", Value: []byte("v")}}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return cfg, f
}

// whole opens the ledger as one of a version, and finds in it all that was put there.
func whole(t *testing.T, cfg Config, version uint32, f *protocoltest.Feed) {
	t.Helper()
	l, err := open(cfg, version)
	if err != nil {
		t.Fatalf("open as version %d: %v", version, err)
	}
	defer l.Close()
	if o := l.Opened(); o.Status != MarkAhead || o.Lost > 0 || o.Changed || len(o.Cut) > 0 || !o.Clean {
		t.Fatalf("opened as %+v", o)
	}
	page := f.Page(0, len(f.Entries))
	for i, e := range f.Entries {
		if got, err := l.Body(e); page.Bodies[i] != nil && (err != nil || !bytes.Equal(got, page.Bodies[i])) {
			t.Fatalf("body %d: %v", i, err)
		}
	}
	if rep, err := l.Verify(context.Background(), nil); err != nil || !rep.Clean() || rep.Entries != uint64(len(f.Entries)) {
		t.Fatalf("%+v %v", rep, err)
	}
	for _, name := range []string{migratingName, beforeName} {
		if lies(filepath.Join(cfg.Dir, name)) {
			t.Fatalf("%s is left", name)
		}
	}
	n := 0
	if err := l.c.store.scan([]byte{keyBody}, []byte{keyBody}, func([]byte, *badger.Item) error { n++; return nil }); err != nil || n > 0 != (version <= schemaVersion) {
		t.Fatalf("version %d has %d bodies at their old places, %v", version, n, err)
	}
}

// files are the store's bytes: a migration that does not come to its end writes none.
func files(t *testing.T, cfg Config) map[string]string {
	t.Helper()
	out := map[string]string{}
	dir := filepath.Join(cfg.Dir, storeName)
	names, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		b, err := os.ReadFile(filepath.Join(dir, n.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(n.Name(), logSuffix) { // a store that is read alone gives back what its logs do not use
			end := wholeTransactions(b, min(logHeadBytes, len(b)), nil)
			if end <= logHeadBytes {
				continue
			}
			b = b[:end]
		}
		out[n.Name()] = string(b)
	}
	return out
}

func same(t *testing.T, before, after map[string]string) {
	t.Helper()
	if len(before) != len(after) {
		t.Fatalf("%d files became %d", len(before), len(after))
	}
	for name, b := range before {
		if after[name] != b {
			t.Fatalf("%s was changed", name)
		}
	}
}

func TestOpen_RefusesAnotherVersion(t *testing.T) {
	cfg, f := old(t, 1)
	if _, err := Open(cfg); protocol.ReasonOf(err) != protocol.ReasonTooOld {
		t.Fatalf("an older store: %v", err)
	}
	whole(t, cfg, 1, f)
	cfg, f = old(t, schemaVersion)
	if _, _, err := migrate(context.Background(), cfg, next, rewriting(nothing), MigrateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(cfg); protocol.ReasonOf(err) != protocol.ReasonTooNew {
		t.Fatalf("a newer store: %v", err)
	}
	before := files(t, cfg)
	if _, _, err := Migrate(context.Background(), cfg, MigrateOptions{}); protocol.ReasonOf(err) != protocol.ReasonTooNew {
		t.Fatalf("back: %v", err)
	}
	if _, err := PlanMigration(cfg); protocol.ReasonOf(err) != protocol.ReasonTooNew {
		t.Fatalf("a plan of it: %v", err)
	}
	same(t, before, files(t, cfg))
	whole(t, cfg, next, f)
}

func TestMigrate_FromTheFirstVersion(t *testing.T) {
	cfg, f := old(t, 1)
	before := files(t, cfg)
	plan, err := PlanMigration(cfg)
	if err != nil || !plan.Needed() || plan.From != 1 || plan.To != schemaVersion || plan.StoreBytes == 0 || plan.NeedsBytes <= plan.StoreBytes {
		t.Fatalf("%+v %v", plan, err)
	}
	same(t, before, files(t, cfg))
	var kept bytes.Buffer
	stages := map[string]bool{}
	_, copied, err := Migrate(context.Background(), cfg, MigrateOptions{
		Backup:   func(write func(io.Writer) error) error { return write(&kept) },
		Progress: func(stage string, _, _ int64) { stages[stage] = true },
	})
	if err != nil || copied.Entries != uint64(len(f.Entries)) || !stages["copy"] || !stages["backup"] || !stages["check"] {
		t.Fatalf("%+v %v %v", copied, stages, err)
	}
	if c, err := CheckBackup(context.Background(), &kept, cfg.Federation); err != nil || c.Root != copied.Root {
		t.Fatal(c, err)
	}
	if copied.Bytes > plan.BackupBytes || plan.BackupBytes > 3*copied.Bytes {
		t.Fatalf("a backup of %d bytes was measured as one of %d", copied.Bytes, plan.BackupBytes)
	}
	whole(t, cfg, schemaVersion, f)
	before = files(t, cfg)
	if plan, _, err := Migrate(context.Background(), cfg, MigrateOptions{Backup: func(func(io.Writer) error) error {
		t.Error("a backup where there is nothing to do")
		return nil
	}}); err != nil || plan.Needed() {
		t.Fatal(plan, err)
	}
	same(t, before, files(t, cfg))
}

func TestMigrate_RewritesKeysAndLosesNothing(t *testing.T) {
	cfg, f := old(t, schemaVersion)
	if _, _, err := migrate(context.Background(), cfg, next, rewriting(nothing), MigrateOptions{}); err != nil {
		t.Fatal(err)
	}
	whole(t, cfg, next, f)
}

func TestMigrate_FailsAndChangesNothing(t *testing.T) {
	cfg, f := old(t, schemaVersion)
	l, err := open(cfg, schemaVersion)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := PlanMigration(cfg); protocol.ReasonOf(err) != protocol.ReasonHomeLocked {
		t.Fatalf("a ledger in use: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	before := files(t, cfg)
	broken := errors.New("broken")
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	losing := rewriting(nothing)
	losing[schemaVersion] = step{run: func(ctx context.Context, s *store, _ func(done, total int64)) error {
		return s.commit([]write{{metaKey("k"), nil}})
	}}
	for what, c := range map[string]struct {
		ctx   context.Context
		steps map[uint32]step
		o     MigrateOptions
		free  uint64
		want  protocol.Reason
	}{
		"no room":              {free: 1 << 20, want: protocol.ReasonReadOnly},
		"no room for a backup": {o: MigrateOptions{RoomBytes: 1 << 50}, want: protocol.ReasonReadOnly},
		"the disk gets full":   {steps: rewriting(func() error { return syscall.ENOSPC }), want: protocol.ReasonReadOnly},
		"a step fails":         {steps: rewriting(func() error { return broken }), want: protocol.ReasonInternal},
		"a step loses a value": {steps: losing, want: protocol.ReasonInternal},
		"no such step":         {steps: map[uint32]step{}, want: protocol.ReasonInternal},
		"the backup fails": {o: MigrateOptions{Backup: func(write func(io.Writer) error) error {
			return errors.Join(protocol.Fail(protocol.ReasonHomeUnwritable, "write backup", broken), write(io.Discard))
		}}, want: protocol.ReasonHomeUnwritable},
		"interrupted": {ctx: canceled, want: protocol.ReasonCanceled},
	} {
		cfg, steps, ctx := cfg, c.steps, c.ctx
		if steps == nil {
			steps = rewriting(nothing)
		}
		if ctx == nil {
			ctx = context.Background()
		}
		if c.free > 0 {
			cfg.Free = func() (uint64, error) { return c.free, nil }
		}
		if _, _, err := migrate(ctx, cfg, next, steps, c.o); protocol.ReasonOf(err) != c.want {
			t.Errorf("%s: %v", what, err)
		}
		same(t, before, files(t, cfg))
	}
	whole(t, cfg, schemaVersion, f)
}

// Nobody could say afterwards whether the migration or the damage lost what is missing.
func TestMigrate_LeavesADamagedLedgerAlone(t *testing.T) {
	cfg, _ := old(t, schemaVersion)
	c := cfg.mustDefaults(t)
	s, err := openStore(filepath.Join(cfg.Dir, storeName), sizesFor(0, ""), false, false, roomOf(c), c.Logger)
	if err != nil {
		t.Fatal(err)
	}
	key, _, err := s.last(keyRun)
	if err == nil {
		err = s.commit([]write{{key, []byte("not a run")}})
	}
	if err = errors.Join(err, s.shut()); err != nil {
		t.Fatal(err)
	}
	before := files(t, cfg)
	if _, _, err := migrate(context.Background(), cfg, next, rewriting(nothing), MigrateOptions{}); protocol.ReasonOf(err) != protocol.ReasonDamaged {
		t.Fatal(err)
	}
	same(t, before, files(t, cfg))
	if lies(filepath.Join(cfg.Dir, migratingName)) {
		t.Fatal("the copy is left")
	}
}

const migrateChild = "DURE_TEST_MIGRATE_CHILD"

// TestMigrate_Child is no test: the one below runs it in a process of its own.
func TestMigrate_Child(t *testing.T) {
	point, dir, ok := strings.Cut(os.Getenv(migrateChild), ":")
	if !ok {
		t.Skip("runs in a process that another test kills")
	}
	die := func() {
		if p, err := os.FindProcess(os.Getpid()); err == nil {
			_ = p.Kill()
		}
		select {}
	}
	_, fed, _ := protocoltest.Federation(1)
	_, _, err := migrate(context.Background(), Config{Dir: dir, Federation: fed, ReserveBytes: 1}, next, rewriting(func() error {
		if point == "middle" {
			die()
		}
		return nil
	}), MigrateOptions{at: func(at string) {
		if at == point {
			die()
		}
	}})
	t.Fatalf("nobody killed it: %v", err)
}

func kill(t *testing.T, dir, point string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestMigrate_Child$")
	cmd.Env = append(os.Environ(), migrateChild+"="+point+":"+dir)
	out, err := cmd.CombinedOutput()
	if err == nil || strings.Contains(string(out), "nobody killed it") {
		t.Fatalf("%s: %v\n%s", point, err, out)
	}
}

func TestMigrate_KilledAnywhereStartsOver(t *testing.T) {
	for point, done := range map[string]bool{"copied": false, "backed up": false, "middle": false, "step": false, "checked": false, "moved": false, "exchanged": true} {
		t.Run(point, func(t *testing.T) {
			cfg, f := old(t, schemaVersion)
			kill(t, cfg.Dir, point)
			if done {
				whole(t, cfg, next, f)
				return
			}
			if point != "moved" { // what the older program knows to open is there
				if !lies(filepath.Join(cfg.Dir, storeName)) {
					t.Fatal("the store is gone")
				}
			}
			kill(t, cfg.Dir, point) // and again
			whole(t, cfg, schemaVersion, f)
			kill(t, cfg.Dir, point)
			if _, _, err := migrate(context.Background(), cfg, next, rewriting(nothing), MigrateOptions{}); err != nil {
				t.Fatal(err)
			}
			whole(t, cfg, next, f)
		})
	}
}

// A program that knows nothing of migrations finds no store between the two renames, and
// begins a new one.
func TestMigrate_AnOlderProgramInBetweenLosesNothing(t *testing.T) {
	cfg, f := old(t, schemaVersion)
	kill(t, cfg.Dir, "moved")
	c := cfg.mustDefaults(t)
	s, err := openStore(filepath.Join(cfg.Dir, storeName), sizesFor(0, ""), false, false, roomOf(c), c.Logger)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.identify(cfg.Federation, schemaVersion); err != nil {
		t.Fatal(err)
	}
	if err := s.shut(); err != nil {
		t.Fatal(err)
	}
	l, err := open(cfg, schemaVersion)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if l.salvage == nil || len(l.salvage.headers) != len(f.Entries) || l.Opened().Status != MarkBehind {
		t.Fatalf("salvage %+v, opened %+v", l.salvage, l.Opened())
	}
}
