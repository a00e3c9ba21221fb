package home

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/dure-net/dure/protocol"
)

// write replaces a file so that a crash leaves the old content or the new: beside its
// place, synced, renamed, directory synced. The caller holds h.mu. The mode is exact
// from the first byte on, so that a secret is at no moment readable by others.
func (h *Home) write(name string, data []byte, mode fs.FileMode) error {
	path := h.path(name)
	if err := writeFile(path, data, mode); err != nil {
		return h.writeError("write "+name, path, err)
	}
	return nil
}

func writeFile(path string, data []byte, mode fs.FileMode) (err error) {
	beside := path + ".new"
	// A crash may have left one, perhaps with another mode.
	if err := os.Remove(beside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(beside)
		}
	}()
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	if err = os.Rename(beside, path); err != nil {
		return err
	}
	return syncDir(path)
}

// remove deletes a file durably; one that is not there is as good.
func (h *Home) remove(name string) error {
	path := h.path(name)
	err := os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = syncDir(path)
	}
	if err != nil {
		return h.writeError("remove "+name, path, err)
	}
	return nil
}

var errTooLarge = errors.New("larger than dure ever writes it")

// readBounded reads a regular file of at most max bytes.
func readBounded(path string, max int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	raw, err := io.ReadAll(io.LimitReader(f, max+1))
	if err != nil {
		return nil, err
	}
	if int64(len(raw)) > max {
		return nil, errTooLarge
	}
	return raw, nil
}

// writeError gives a failed write the reason a person can act on.
func (h *Home) writeError(op, path string, err error) error {
	reason := protocol.ReasonHomeUnwritable
	if isFull(err) {
		reason = protocol.ReasonReadOnly
	}
	return &protocol.Error{Reason: reason, Op: op, Args: map[string]string{"path": path}, Err: bare(err)}
}

// isFull reports whether an error says that the disk has no room.
func isFull(err error) bool { return errors.Is(err, syscall.ENOSPC) || isQuota(err) }

// readError gives a failed read of a file that is there its reason.
func (h *Home) readError(op, name string, err error) error {
	reason := protocol.ReasonDamaged
	if errors.Is(err, fs.ErrPermission) {
		reason = protocol.ReasonHomeUnwritable
	}
	return &protocol.Error{Reason: reason, Op: op, ID: name, Args: map[string]string{"path": h.path(name)}, Err: bare(err)}
}

// bare drops the path from an error of package os: it stands in Args already.
func bare(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return fmt.Errorf("%s: %w", p.Op, p.Err)
	}
	return err
}

// decodeJSON is strict: unknown names, a second value or bytes after the first are refused.
func decodeJSON(raw []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("bytes after the end")
	}
	return nil
}

// decodeLoose reads what it knows of one JSON value.
func decodeLoose(raw []byte, into any) error { return json.Unmarshal(raw, into) }

func encodeJSON(v any) ([]byte, error) {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return nil, protocol.Fail(protocol.ReasonInternal, "encode", err)
	}
	return append(raw, '\n'), nil
}
