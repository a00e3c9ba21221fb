package ledger

import (
	"os"
	"path/filepath"

	"github.com/dure-net/dure/protocol"
)

// lockDir makes sure that one process at a time has the ledger open. The lock ends with
// the file that is returned, or with the process. A second one gets ReasonHomeLocked.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, protocol.Fail(protocol.ReasonHomeUnwritable, "lock ledger", err)
	}
	ok, err := tryLock(f)
	if ok {
		return f, nil
	}
	_ = f.Close()
	if err != nil {
		return nil, protocol.Fail(protocol.ReasonHomeUnwritable, "lock ledger", err)
	}
	return nil, &protocol.Error{Reason: protocol.ReasonHomeLocked, Op: "lock ledger", ID: dir}
}
