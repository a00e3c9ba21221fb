package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/dure-net/dure/protocol"
)

const reserveName = "reserve"

// space watches the free bytes of the disk.
type space struct {
	dir     string
	floor   uint64
	reserve uint64
	free    func() (uint64, error)
}

// enough says whether there is room to write; ReasonReadOnly if there is not.
func (s space) enough() error {
	free, err := s.free()
	if err != nil {
		return protocol.Fail(protocol.ReasonInternal, "measure free space", err)
	}
	if free < s.floor {
		return &protocol.Error{Reason: protocol.ReasonReadOnly, Op: "write ledger",
			Args: map[string]string{"free": fmt.Sprint(free), "floor": fmt.Sprint(s.floor)},
			Err:  fmt.Errorf("%d bytes free, %d are needed", free, s.floor)}
	}
	return nil
}

// settle gives the reserve back when the disk is below the floor, so that Badger can
// open, and takes it again when there is room. Called before Badger is opened.
func (s space) settle() error {
	path := filepath.Join(s.dir, reserveName)
	free, err := s.free()
	if err != nil {
		return protocol.Fail(protocol.ReasonInternal, "measure free space", err)
	}
	info, err := os.Stat(path)
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return protocol.Fail(protocol.ReasonHomeUnwritable, "look at reserve", err)
	case free < s.floor && err == nil && info.Size() > 0:
		if err := os.Truncate(path, 0); err != nil {
			return protocol.Fail(protocol.ReasonHomeUnwritable, "give reserve back", err)
		}
		return nil
	case free < s.floor+s.reserve || err == nil && uint64(info.Size()) >= s.reserve:
		return nil
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return protocol.Fail(protocol.ReasonHomeUnwritable, "make reserve", err)
	}
	err = reserve(f, int64(s.reserve))
	if errors.Is(err, errors.ErrUnsupported) {
		err = nil // a file system without preallocation: the floor alone must do
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return protocol.Fail(protocol.ReasonHomeUnwritable, "make reserve", err)
	}
	return nil
}
