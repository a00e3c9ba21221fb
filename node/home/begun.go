package home

import (
	"errors"
	"io/fs"
	"os"
)

// begunFile says that this home's node has written entries of its own. It lies beside
// the ledger's directory and not in it: a ledger that was emptied or replaced is
// noticed by it, before the node signs anything twice.
const begunFile = "begun"

// Begun reports whether this home's node has ever begun to write entries.
func (h *Home) Begun() (bool, error) {
	_, err := os.Lstat(h.path(begunFile))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, h.readError("read home", begunFile, err)
	}
	return true, nil
}

// SetBegun writes that down, durably. It is called before the first entry is signed.
func (h *Home) SetBegun() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.write(begunFile, []byte("This node has begun to write entries. Do not delete this file.\n"), plainMode)
}
