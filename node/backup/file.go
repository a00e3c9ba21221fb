// Package backup owns the files that backups lie in: how one is written so that it is
// whole or not there, how it is encrypted, what dated backups are called and which of
// them are kept. It does not know what is inside.
package backup

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/dure-net/dure/protocol"
)

// part ends the name of a file that is being written. What a killed process left under
// such a name is no backup; Prune removes it after a day.
const part = ".part"

// Write writes a new file: beside its place, encrypted on the way where recipients are
// given, synced, read back and compared, and only then under its name. A file of that
// name is never overwritten: ReasonConflict. After an error there is none. It returns
// the number of bytes of the file.
func Write(ctx context.Context, name string, seal Seal, write func(io.Writer) error) (n int64, err error) {
	if _, err := os.Lstat(name); err == nil {
		return 0, exists(name)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return 0, unwritable(name, err)
	}
	var random [6]byte
	_, _ = rand.Read(random[:]) // never fails
	beside := filepath.Join(filepath.Dir(name), "."+filepath.Base(name)+"."+hex.EncodeToString(random[:])+part)
	f, err := os.OpenFile(beside, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, unwritable(name, err)
	}
	defer func() {
		if f != nil {
			_ = f.Close()
		}
		if err != nil {
			_ = os.Remove(beside)
		}
	}()
	out := &summed{w: f, sum: sha256.New()}
	if err := seal.Through(out, write); err != nil {
		if out.err != nil { // the disk's fault and not the writer's
			err = unwritable(name, out.err)
		}
		return 0, err
	}
	if err := f.Sync(); err != nil {
		return 0, unwritable(name, err)
	}
	if err := out.compare(ctx, f); err != nil {
		return 0, err
	}
	err = f.Close()
	f = nil
	if err != nil {
		return 0, unwritable(name, err)
	}
	return out.n, place(beside, name)
}

// place gives a file its name, unless there is one of that name.
func place(beside, name string) error {
	switch err := os.Link(beside, name); {
	case err == nil:
		if err := os.Remove(beside); err != nil {
			return unwritable(name, err)
		}
	case errors.Is(err, fs.ErrExist):
		return exists(name)
	default: // a file system without hard links, such as a memory stick's
		if _, err := os.Lstat(name); err == nil {
			return exists(name)
		}
		if err := os.Rename(beside, name); err != nil {
			return unwritable(name, err)
		}
	}
	// What the directory says is on the disk too, where the system has a call for that.
	if d, err := os.Open(filepath.Dir(name)); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
	return nil
}

func exists(name string) error {
	return &protocol.Error{Reason: protocol.ReasonConflict, Op: "write backup", ID: name, Err: fs.ErrExist}
}

func unwritable(name string, err error) error {
	return &protocol.Error{Reason: protocol.ReasonHomeUnwritable, Op: "write backup", ID: name, Args: map[string]string{"path": name}, Err: err}
}

// summed hashes what is written.
type summed struct {
	w   io.Writer
	sum hash.Hash
	n   int64
	err error
}

func (s *summed) Write(b []byte) (int, error) {
	n, err := s.w.Write(b)
	s.sum.Write(b[:n])
	s.n += int64(n)
	if err != nil {
		s.err = err
	}
	return n, err
}

// compare reads the file again and compares it with what was written.
func (s *summed) compare(ctx context.Context, f io.ReadSeeker) error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return protocol.Fail(protocol.ReasonHomeUnwritable, "read backup again", err)
	}
	again := sha256.New()
	buf := make([]byte, 1<<20)
	n, err := io.CopyBuffer(again, &bounded{ctx, f}, buf)
	switch {
	case ctx.Err() != nil:
		return protocol.Fail(protocol.ReasonCanceled, "read backup again", ctx.Err())
	case err != nil:
		return protocol.Fail(protocol.ReasonHomeUnwritable, "read backup again", err)
	case n != s.n || [32]byte(again.Sum(nil)) != [32]byte(s.sum.Sum(nil)):
		return protocol.Fail(protocol.ReasonDamaged, "read backup again", errors.New("it is not what was written"))
	}
	return nil
}

// bounded ends reading when a context ends.
type bounded struct {
	ctx context.Context // for the length of one call
	r   io.Reader
}

func (b *bounded) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	return b.r.Read(p)
}
