package home

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/dure-net/dure/protocol"
)

// A restored ledger is written beside the one that it is to replace. Two renames put it
// in its place, and a crash can come between any two steps: the names say then how far it
// had come, and the next start finishes or undoes it.
const (
	restoringDir = "ledger-restoring" // being written
	restoredDir  = "ledger-restored"  // whole
)

// RestoringDir is where a ledger is restored to; what an earlier restore left there is
// removed. The caller holds the lock.
func RestoringDir(h *Home) (string, error) {
	for _, name := range []string{restoringDir, restoredDir} {
		if err := os.RemoveAll(h.path(name)); err != nil {
			return "", h.writeError("restore ledger", h.path(name), err)
		}
	}
	return h.path(restoringDir), nil
}

// ReplaceLedger puts the ledger that was restored, and is whole, in the place of the one
// that is there, which keeps the name aside; "" where there is none, or an empty
// directory. After a crash SettleLedger ends it. The caller holds the lock.
func ReplaceLedger(h *Home, aside string) error {
	place, made := h.LedgerDir(), h.path(restoredDir)
	if err := h.move(h.path(restoringDir), made); err != nil {
		return err
	}
	if aside != "" {
		if err := h.move(place, aside); err != nil {
			return err
		}
	} else if err := os.Remove(place); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return h.writeError("restore ledger", place, err)
	}
	return h.move(made, place)
}

// move renames a directory, durably.
func (h *Home) move(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return h.writeError("restore ledger", to, err)
	}
	if err := syncDir(to); err != nil {
		return h.writeError("restore ledger", filepath.Dir(to), err)
	}
	return nil
}

// LedgerSettled is how a restore ended that a crash had cut short.
type LedgerSettled string

const (
	NothingToSettle LedgerSettled = ""
	RestoreFinished LedgerSettled = "finished" // the old ledger had been moved away: the restored one is in its place
	RestoreUndone   LedgerSettled = "undone"   // the old ledger is in its place still
)

// SettleLedger finishes or undoes a restore that a crash cut short. Nothing is lost by
// either: a ledger that was moved away keeps its name, and one that was not whole, or not
// in its place yet, is the backup's. The caller holds the lock.
func SettleLedger(h *Home) (LedgerSettled, error) {
	place, made := h.LedgerDir(), h.path(restoredDir)
	if err := os.RemoveAll(h.path(restoringDir)); err != nil {
		return NothingToSettle, h.writeError("restore ledger", h.path(restoringDir), err)
	}
	if _, err := os.Lstat(made); errors.Is(err, fs.ErrNotExist) {
		return NothingToSettle, nil
	} else if err != nil {
		return NothingToSettle, h.readError("restore ledger", restoredDir, err)
	}
	names, err := os.ReadDir(place)
	switch {
	case err == nil && len(names) > 0:
		if err := os.RemoveAll(made); err != nil {
			return NothingToSettle, h.writeError("restore ledger", made, err)
		}
		return RestoreUndone, nil
	case err == nil:
		if err := os.Remove(place); err != nil {
			return NothingToSettle, h.writeError("restore ledger", place, err)
		}
	case !errors.Is(err, fs.ErrNotExist):
		return NothingToSettle, protocol.Fail(protocol.ReasonHomeUnwritable, "restore ledger", err)
	}
	return RestoreFinished, h.move(made, place)
}
