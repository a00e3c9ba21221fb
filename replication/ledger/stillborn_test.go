package ledger_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/replication/ledger"
)

// Badger makes its logs before it gives them a size; a kill between the two once left a
// store that did not open any more ("while opening fid: … Create a new file").
func TestLedger_OpensBesideStillbornLogs(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a [home]")
	cfg := ledger.Config{Dir: dir, Federation: protocol.Sum([]byte("a federation")), FloorBytes: 1 << 20, ReserveBytes: 1 << 20}
	l, err := ledger.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"00001.mem", "00002.mem", "00003.mem", "00099.mem", "000001.vlog", "000002.vlog", "000003.vlog"} {
		if _, err := os.Stat(filepath.Join(dir, "store", name)); err == nil {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, "store", name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l, err = ledger.Open(cfg)
	if err != nil {
		t.Fatalf("the store does not open: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}
