package ledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/dure-net/dure/protocol"
)

// store is Badger, with its panics turned into errors. Timestamps are ours ("managed"
// mode), because a reader with Badger's own would wait for every commit under way.
//
// On a disk without room it is frozen: Badger is opened for reading alone, and so
// allocates nothing. What the start wants to write is kept until thaw opens it for
// writing, in the same process.
type store struct {
	dir string
	z   sizes
	log *slog.Logger

	mu sync.RWMutex // held for reading while db is read, for writing while it is exchanged
	db *badger.DB   // nil when neither way of opening succeeded

	// The committer's own, or of whoever opens the ledger.
	ts       uint64 // of the last commit
	logs     logs
	mended   bool // its files were damaged, and put in order before it was opened
	frozen   bool
	deferred []write
	unwiped  []place       // erased bodies whose bytes are still to go
	patience time.Duration // of shut, with Badger
	space    space         // of the disk
	blocks   func(f *os.File, from, n int64) error
	asked    bool          // every table has its blocks before it is written
	unasked  func()        // ends that
	opened   atomic.Bool   // Badger is open, and its tables can wait for room
	denied   atomic.Bool   // a file got no blocks: the disk is full
	closing  chan struct{} // closed when Badger is to come to an end
	turned   chan struct{} // told, without waiting, that a table is being written
}

// StoreOptions are the settings of the store of a directory on a disk with room, for
// whoever holds the ledger against Badger alone.
func StoreOptions(dir string) badger.Options {
	return (&store{dir: dir, z: sizesFor(0, dir)}).options().WithLogger(nil)
}

func (s *store) options() badger.Options {
	return badger.DefaultOptions(s.dir).
		WithSyncWrites(true).
		WithDetectConflicts(false). // one writer
		WithMemTableSize(s.z.memtable).
		WithNumMemtables(2). // that wait to be written; the one that is filled and the one that is written come on top
		WithBaseTableSize(s.z.table).
		WithBaseLevelSize(s.z.base).
		WithNumLevelZeroTables(s.z.fresh).
		WithNumLevelZeroTablesStall(s.z.stall).
		WithNumCompactors(compactors).
		WithNumGoroutines(2).
		WithBlockCacheSize(8 << 20). // needed by compression
		WithValueThreshold(1 << 20). // no value of ours goes to the value log
		WithValueLogFileSize(1 << 26).
		WithCompression(options.Snappy).
		WithMetricsEnabled(false).
		WithBypassLockGuard(true). // the ledger has its own, which a store that could not be closed does not hold
		WithLogger(badgerLog{s.log, s.hold})
}

// openStore opens or makes a store; frozen, for reading alone; mended, after damage. A store that Badger does
// not open is ReasonDamaged.
func openStore(dir string, z sizes, frozen, mended bool, room space, log *slog.Logger) (*store, error) {
	s := &store{dir: dir, z: z, log: log, frozen: frozen, mended: mended, logs: logs{dir: dir}, patience: closePatience, space: room, blocks: blocks, closing: make(chan struct{}), turned: make(chan struct{}, 1)}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, protocol.Fail(protocol.ReasonHomeUnwritable, "open store", err)
	}
	if err := s.open(); err != nil {
		return nil, err
	}
	return s, nil
}

// open opens Badger the way frozen says. The caller holds mu, or is the only one yet.
func (s *store) open() (err error) {
	defer caught("open store", &err)
	if err := dropStillborn(s.dir); err != nil {
		return protocol.Fail(protocol.ReasonHomeUnwritable, "open store", err)
	}
	o := s.options()
	if s.frozen {
		begun, err := settleLogs(s.dir)
		if err != nil {
			return protocol.Fail(protocol.ReasonHomeUnwritable, "open store", err)
		}
		if begun {
			o = o.WithReadOnly(true)
		} else { // nothing is here yet, and there is no room to make it
			o = o.WithDir("").WithValueDir("").WithInMemory(true).WithSyncWrites(false)
		}
	}
	if !s.frozen {
		s.shorten()
	}
	s.denied.Store(false)
	s.unasked, s.asked = mappings.before(s.dir, s.allot)
	defer func() {
		if s.db == nil {
			s.unasked()
		}
	}()
	db, err := badger.OpenManaged(o)
	if err != nil && s.denied.Load() { // Badger does not hand on which error it was
		return &protocol.Error{Reason: protocol.ReasonReadOnly, Op: "open store", ID: s.dir, Err: errors.Join(err, syscall.ENOSPC)}
	}
	if err != nil {
		return &protocol.Error{Reason: protocol.ReasonDamaged, Op: "open store", ID: s.dir, Err: err,
			Hint: "restore a backup, or move the directory away and let the node catch up into a new one"}
	}
	s.db, s.ts = db, db.MaxVersion()
	s.opened.Store(true)
	if s.frozen {
		return nil
	}
	if !appendOnly(db) {
		s.log.Warn("the list of tables may be written anew while the node runs; on a full disk that needs a restart")
	}
	db.SetDiscardTs(s.ts)
	if err := s.logs.begin(); err != nil {
		return protocol.Fail(protocol.ReasonHomeUnwritable, "open store", err)
	}
	return nil
}

// thaw opens a frozen store for writing, and writes what waited for it.
func (s *store) thaw() error {
	s.mu.Lock()
	err := s.exchange()
	s.mu.Unlock()
	if err != nil {
		return err
	}
	deferred, unwiped := s.deferred, s.unwiped
	if err := s.commit(deferred); err != nil {
		return err
	}
	s.deferred = nil
	if len(unwiped) > 0 {
		if err := s.wipe(unwiped); err != nil {
			return err
		}
		s.unwiped = nil
	}
	s.log.Info("there is room on the disk again: the ledger is open for writing")
	return nil
}

// exchange closes the store that is read and opens the one that is written. If that
// cannot be opened, reading goes on.
func (s *store) exchange() error {
	if s.db != nil {
		if err := s.shut(); err != nil {
			s.log.Warn("the store that was read alone could not be closed in order", "err", err)
		}
		s.db = nil
	}
	s.frozen = false
	err := s.open()
	if err == nil {
		return nil
	}
	s.frozen = true
	if again := s.open(); again != nil {
		s.log.Error("the store cannot be read any more without a restart", "err", again)
	}
	return err
}

// dropStillborn removes logs of no length, of memtables and of values: a process that was
// killed between making such a file and giving it its size leaves one, it holds nothing,
// and Badger (4.9.6) refuses to open beside it.
func dropStillborn(dir string) error {
	files, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, f := range files {
		if ext := filepath.Ext(f.Name()); ext != ".mem" && ext != ".vlog" {
			continue
		}
		path := filepath.Join(dir, f.Name())
		if info, err := os.Stat(path); err == nil && info.Size() == 0 {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	return nil
}

// view runs fn on the newest committed bytes. Badger can panic on damaged tables.
func (s *store) view(op string, fn func(*badger.Txn) error) (err error) {
	defer caught(op, &err)
	s.mu.RLock() // calls of view do not nest: an exchange waiting between them would end both
	defer s.mu.RUnlock()
	if s.db == nil {
		return damagedAs(op, errors.New("the store is not open"))
	}
	txn := s.db.NewTransactionAt(math.MaxUint64, false)
	defer txn.Discard()
	return fn(txn)
}

// get calls fn with the value under a key, valid only during the call. A missing key is
// badger.ErrKeyNotFound.
func (s *store) get(key []byte, fn func([]byte) error) error {
	return s.view("read", func(txn *badger.Txn) error { return get(txn, key, fn) })
}

func get(txn *badger.Txn, key []byte, fn func([]byte) error) (err error) {
	defer caught("read", &err) // here already, so that a repaired copy can still be looked for
	item, err := txn.Get(key)
	if err != nil {
		return err
	}
	return item.Value(fn)
}

// good calls check with the value under a key and, where check does not like it or
// there is none, with its repaired copy. The error is the first one.
func (s *store) good(key []byte, check func([]byte) error) error {
	return s.view("read", func(txn *badger.Txn) error { return good(txn, key, check) })
}

func good(txn *badger.Txn, key []byte, check func([]byte) error) error {
	err := get(txn, key, check)
	if err != nil && get(txn, repairedKey(key), check) == nil {
		return nil
	}
	return err
}

// scan calls fn for every key from first on that has the prefix, in order; key and item
// are valid only during the call.
func (s *store) scan(prefix, first []byte, fn func(key []byte, item *badger.Item) error) error {
	return s.view("scan", func(txn *badger.Txn) error { return scan(txn, prefix, first, fn) })
}

func scan(txn *badger.Txn, prefix, first []byte, fn func(key []byte, item *badger.Item) error) error {
	it := txn.NewIterator(badger.IteratorOptions{Prefix: prefix})
	defer it.Close()
	for it.Seek(first); it.Valid(); it.Next() {
		item := it.Item()
		if err := fn(item.Key(), item); err != nil {
			if errors.Is(err, errStop) {
				return nil
			}
			return err
		}
	}
	return nil
}

// last is the greatest key with this prefix of one byte; nil if there is none.
func (s *store) last(prefix byte) (key, value []byte, err error) {
	return s.lastUpTo(prefix, []byte{prefix + 1})
}

// lastUpTo is the greatest key with this prefix that is not beyond bound.
func (s *store) lastUpTo(prefix byte, bound []byte) (key, value []byte, err error) {
	err = s.view("seek", func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{Reverse: true})
		defer it.Close()
		for it.Seek(bound); it.Valid(); it.Next() {
			k := it.Item().Key()
			if k[0] > prefix { // the bound itself, if there is such a key
				continue
			}
			if k[0] == prefix {
				key = it.Item().KeyCopy(nil)
				value, err = it.Item().ValueCopy(nil)
				return err
			}
			return nil
		}
		return nil
	})
	return key, value, err
}

var errStop = errors.New("enough")

// write is one key of a transaction; a nil value deletes it.
type write struct{ key, value []byte }

// batch is a transaction, and what it takes in Badger's log at most.
type batch struct {
	*badger.Txn
	bytes int
}

// logRecord is what a key takes in Badger's log beside its own bytes and its value's, at
// most: a header of 22, a timestamp of 8, a checksum of 4.
const logRecord = 34

// commit writes all in one synced transaction.
func (s *store) commit(writes []write) (err error) {
	if len(writes) == 0 {
		return nil
	}
	if s.frozen {
		s.deferred = append(s.deferred, writes...)
		return nil
	}
	if err := s.ready(); err != nil {
		return err
	}
	txn := s.begin()
	defer txn.Discard()
	for _, w := range writes {
		if err := put(txn, w); err != nil {
			return protocol.Fail(protocol.ReasonInternal, "write store", err)
		}
	}
	return s.send(txn)
}

func (s *store) begin() *batch {
	return &batch{Txn: s.db.NewTransactionAt(math.MaxUint64, true), bytes: 2 * logRecord}
}

func put(txn *batch, w write) error {
	txn.bytes += logRecord + len(w.key) + len(w.value)
	if w.value == nil {
		return txn.Delete(w.key)
	}
	return txn.SetEntry(&badger.Entry{Key: w.key, Value: w.value})
}

// ready makes sure that the next two transactions find their blocks: the one under way and
// the one that is built meanwhile. ReasonReadOnly says that the disk has none.
func (s *store) ready() error {
	return s.logs.ready(2 * max(s.z.group, MaxBatchBytes) * 5 / 4)
}

// send commits the transaction and returns when it is on the disk. Its blocks must be
// ready.
func (s *store) send(txn *batch) (err error) {
	defer caught("write store", &err)
	s.ts++
	if err := txn.CommitAt(s.ts, nil); err != nil {
		return protocol.Fail(protocol.ReasonInternal, "write store", err)
	}
	s.db.SetDiscardTs(s.ts)
	turned, err := s.logs.wrote(txn.bytes)
	if turned {
		s.tell()
	}
	if err != nil {
		// What was written is written. The next transaction finds out what is wrong.
		s.log.Warn("the store's logs cannot be looked at", "err", err)
	}
	return nil
}

// tell has the watch look at the disk, because Badger is writing a table.
func (s *store) tell() {
	select {
	case s.turned <- struct{}{}:
	default:
	}
}

// shut closes Badger, or gives up: where it cannot write its last table it tries for
// ever, and nothing is lost by that, because all of it is in its log.
func (s *store) shut() error {
	s.logs.close()
	if s.db == nil {
		return nil
	}
	if !s.frozen { // nothing is merged while it is, and it may be opened again
		close(s.closing)
	}
	done := make(chan error, 1)
	go func() {
		var err error
		defer func() { done <- err }()
		defer caught("close store", &err)
		if err = s.db.Close(); err != nil {
			err = protocol.Fail(protocol.ReasonInternal, "close store", err)
		}
		s.opened.Store(false)
		s.unasked() // while it is not at its end, it may write
	}()
	late := time.NewTimer(s.patience)
	defer late.Stop()
	select {
	case err := <-done:
		return err
	case <-late.C:
		return protocol.Fail(protocol.ReasonInternal, "close store", errors.New("badger does not come to an end; nothing that was written is lost"))
	}
}

// compactors is how many merges Badger runs at a time.
const compactors = 2

// closePatience is how long Badger has to write its last table and to finish merging.
const closePatience = 20 * time.Second

func caught(op string, err *error) {
	if p := recover(); p != nil {
		if text, ok := p.(string); ok && strings.HasPrefix(text, "dure: internal error:") {
			panic(p)
		}
		*err = protocol.Fail(protocol.ReasonDamaged, op, fmt.Errorf("badger panics: %v", p))
	}
}

// badgerLog routes Badger's log into ours. What Badger calls information is of interest
// to developers alone.
type badgerLog struct {
	log  *slog.Logger
	hold func() // called before a merge writes a table
}

func (b badgerLog) line(level slog.Level, format string, args []any) {
	if b.log.Enabled(context.Background(), level) {
		b.log.Log(context.Background(), level, strings.TrimSpace(fmt.Sprintf(format, args...)), "part", "badger")
	}
}

func (b badgerLog) Errorf(format string, args ...any)   { b.line(slog.LevelError, format, args) }
func (b badgerLog) Warningf(format string, args ...any) { b.line(slog.LevelWarn, format, args) }
func (b badgerLog) Infof(format string, args ...any)    { b.line(slog.LevelDebug, format, args) }
func (b badgerLog) Debugf(format string, args ...any) {
	b.line(slog.LevelDebug-4, format, args)
	// The one word that Badger says before it writes a table of a merge is this one, from the
	// goroutine that writes it. Its own compactors have the numbers from 0 on; a merge that
	// somebody waits for has others.
	if id, ok := firstOf(args).(int); ok && id >= 0 && id < compactors && strings.Contains(format, "LOG Compact. Added") {
		b.hold()
	}
}

func firstOf(args []any) any {
	if len(args) == 0 {
		return nil
	}
	return args[0]
}

// hold keeps a merge waiting while the disk has no room for its table. A merge holds
// nothing that others wait for, and reading goes on.
func (s *store) hold() {
	for {
		free, err := s.space.free()
		if err != nil || free >= 2*s.z.largest() {
			return
		}
		select {
		case <-s.closing:
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}
