package replication

import (
	"os"
	"testing"

	"github.com/dure-net/dure/replication/ledger/ledgertest"
)

func TestMain(m *testing.M) { os.Exit(ledgertest.Run(m)) }
