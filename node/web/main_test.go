package web_test

import (
	"os"
	"testing"

	"github.com/dure-net/dure/replication/ledger/ledgertest"
)

func TestMain(m *testing.M) { os.Exit(ledgertest.Run(tests{m})) }

// tests are those of this package, and the end of the browser that they share.
type tests struct{ *testing.M }

func (t tests) Run() int {
	defer shared.stop()
	return t.M.Run()
}
