package main

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strconv"

	"github.com/dgraph-io/badger/v4"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/dure-net/dure/replication/ledger"
)

// schema HOME VERSION makes the ledger of a stopped home one of another version. One of version 1 is really such a
// ledger as long as no chain of entries in it has branches.
func schema(ts *testscript.TestScript, neg bool, a []string) {
	if neg || len(a) != 2 {
		ts.Fatalf("usage: schema HOME VERSION")
	}
	version, err := strconv.ParseUint(a[1], 10, 32)
	ts.Check(err)
	store := filepath.Join(ts.MkAbs(a[0]), "ledger", "store")
	logs, err := filepath.Glob(filepath.Join(store, "*.mem"))
	ts.Check(err)
	for _, log := range logs { // Badger does not open beside one that holds nothing
		if info, err := os.Stat(log); err == nil && info.Size() == 0 {
			ts.Check(os.Remove(log))
		}
	}
	db, err := badger.OpenManaged(ledger.StoreOptions(store))
	ts.Check(err)
	txn := db.NewTransactionAt(math.MaxUint64, true)
	ts.Check(txn.Set([]byte("m\x00schema"), binary.BigEndian.AppendUint32(nil, uint32(version))))
	ts.Check(txn.CommitAt(db.MaxVersion()+1, nil))
	ts.Check(db.Close())
}
