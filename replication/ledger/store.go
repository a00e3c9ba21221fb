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

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/dure-net/dure/protocol"
)

// Badger keeps one memtable and its log in memory at all times, so memtables are half
// their default: a node shall be content with 150 MB. More and larger tables are let
// stand before they are merged, so that bulk writing of some hundred thousand entries
// costs no more than with Badger's defaults (measured: these, 124,000 entries a CPU
// second; 16 MiB memtables with the default levels, 63,000; the defaults, 119,000).
const (
	memtableBytes  = 32 << 20
	tableBytes     = 8 << 20
	baseLevelBytes = 64 << 20
	freshTables    = 8  // in level 0, before they are merged
	stallTables    = 24 // in level 0, before writing waits
)

// store is Badger, with its panics turned into errors. Timestamps are ours ("managed"
// mode), because a reader with Badger's own would wait for every commit under way.
type store struct {
	db *badger.DB
	ts uint64 // of the last commit; the committer's own
}

func openStore(dir string, log *slog.Logger) (s *store, err error) {
	defer caught("open store", &err)
	o := badger.DefaultOptions(dir).
		WithSyncWrites(true).
		WithDetectConflicts(false). // one writer
		WithMemTableSize(memtableBytes).
		WithNumMemtables(3).
		WithBaseTableSize(tableBytes).
		WithBaseLevelSize(baseLevelBytes).
		WithNumLevelZeroTables(freshTables).
		WithNumLevelZeroTablesStall(stallTables).
		WithNumCompactors(2).
		WithNumGoroutines(2).
		WithBlockCacheSize(8 << 20). // needed by compression
		WithValueThreshold(1 << 20). // no value of ours goes to the value log
		WithValueLogFileSize(1 << 26).
		WithCompression(options.Snappy).
		WithMetricsEnabled(false).
		WithLogger(badgerLog{log})
	if err := dropStillborn(dir); err != nil {
		return nil, protocol.Fail(protocol.ReasonHomeUnwritable, "open store", err)
	}
	db, err := badger.OpenManaged(o)
	if err != nil {
		return nil, &protocol.Error{Reason: protocol.ReasonDamaged, Op: "open store", ID: dir, Err: err,
			Hint: "restore a backup, or move the directory away and let the node catch up into a new one"}
	}
	s = &store{db: db, ts: db.MaxVersion()}
	db.SetDiscardTs(s.ts)
	return s, nil
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

// commit writes all in one synced transaction.
func (s *store) commit(writes []write) (err error) {
	if len(writes) == 0 {
		return nil
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

func (s *store) begin() *badger.Txn { return s.db.NewTransactionAt(math.MaxUint64, true) }

func put(txn *badger.Txn, w write) error {
	if w.value == nil {
		return txn.Delete(w.key)
	}
	return txn.SetEntry(&badger.Entry{Key: w.key, Value: w.value})
}

// send commits the transaction and returns when it is on the disk.
func (s *store) send(txn *badger.Txn) (err error) {
	defer caught("write store", &err)
	s.ts++
	if err := txn.CommitAt(s.ts, nil); err != nil {
		return protocol.Fail(protocol.ReasonInternal, "write store", err)
	}
	s.db.SetDiscardTs(s.ts)
	return nil
}

func (s *store) close() (err error) {
	defer caught("close store", &err)
	if err := s.db.Close(); err != nil {
		return protocol.Fail(protocol.ReasonInternal, "close store", err)
	}
	return nil
}

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
type badgerLog struct{ log *slog.Logger }

func (b badgerLog) line(level slog.Level, format string, args []any) {
	if b.log.Enabled(context.Background(), level) {
		b.log.Log(context.Background(), level, strings.TrimSpace(fmt.Sprintf(format, args...)), "part", "badger")
	}
}

func (b badgerLog) Errorf(format string, args ...any)   { b.line(slog.LevelError, format, args) }
func (b badgerLog) Warningf(format string, args ...any) { b.line(slog.LevelWarn, format, args) }
func (b badgerLog) Infof(format string, args ...any)    { b.line(slog.LevelDebug, format, args) }
func (b badgerLog) Debugf(format string, args ...any)   { b.line(slog.LevelDebug-4, format, args) }
