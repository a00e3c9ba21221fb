package index

import (
	"encoding/hex"
	"errors"
	"hash/crc64"
	"io"
	"os"
)

// SQLite takes what a disk gives back on trust: one wrong bit in a row makes a record
// vanish from lists, or gives it another's number, and no check of SQLite's finds that.
// So the file is sealed when it is closed, and opened only where the seal fits. After a
// crash there is no seal: a file that is soon built anew is, a larger one is used.

const sealEnd = ".seal"

var errSpoilt = errors.New("its bytes are not those that were written")

// unseal removes a file that is not as it was closed, and then the seal. A seal that
// stays by mistake fits nothing that was written since.
func (x *Index) unseal() error {
	if is, err := os.Stat(x.path); err != nil || !is.Mode().IsRegular() {
		return nil // whatever is wrong with it, opening it tells
	}
	seal, err := os.ReadFile(x.path + sealEnd)
	sealed := !errors.Is(err, os.ErrNotExist)
	now, size, err := sum(x.path)
	switch {
	case err != nil:
		x.log.Warn("the index cannot be read and is built anew", "err", err)
		return x.remove()
	case sealed && string(seal) != now:
		x.log.Warn("the index cannot be used and is built anew", "err", errSpoilt)
		return x.remove()
	case !sealed && size <= soonAnew && !x.unsealed:
		return x.remove()
	}
	_ = os.Remove(x.path + sealEnd)
	return nil
}

// seal says what a file that was closed is. Without room for that there is no seal.
func (x *Index) seal() {
	if _, err := os.Stat(x.path + "-wal"); err == nil {
		return // something of it is not in the file
	}
	now, _, err := sum(x.path)
	if err == nil {
		err = os.WriteFile(x.path+sealEnd, []byte(now), 0o600)
	}
	if err != nil {
		x.log.Debug("the index was closed without a seal", "err", err)
	}
}

// sum is a checksum of a file's bytes, and how many they are. It guards against disks, not against people.
func sum(path string) (text string, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	h := crc64.New(crc64.MakeTable(crc64.ECMA))
	if size, err = io.CopyBuffer(h, f, make([]byte, 1<<20)); err != nil {
		return "", 0, err
	}
	return hex.EncodeToString(h.Sum(nil)), size, nil
}
