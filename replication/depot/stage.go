package depot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/dure-net/dure/protocol"
)

// Staged is a file that was read and lies on the disk, but counts for nothing until it is
// kept. It is for one goroutine. One of Keep and Discard ends it.
type Staged struct {
	d        *Depot
	f        *os.File
	id       protocol.CID
	raw      []byte
	manifest protocol.Manifest
}

// Stage reads a file to its end, chunk by chunk, and finds out its id. More than
// protocol.MaxAttachmentBytes is ReasonTooLarge, and no more is read; no bytes are
// ReasonMalformed; a disk without room is ReasonReadOnly.
func (d *Depot) Stage(ctx context.Context, r io.Reader) (_ *Staged, err error) {
	if err := d.room(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(d.cfg.Dir, dirMode); err != nil {
		return nil, unwritable(err)
	}
	s := &Staged{d: d}
	if s.f, err = os.CreateTemp(d.cfg.Dir, uploadPrefix+"*"); err != nil {
		return nil, unwritable(err)
	}
	defer func() {
		if err != nil {
			s.Discard()
		}
	}()
	s.manifest, err = chunked(r, func(chunk []byte) error {
		if ctx.Err() != nil {
			return protocol.Fail(protocol.ReasonCanceled, "keep file", ctx.Err())
		}
		if err := d.room(); err != nil {
			return err
		}
		if _, err := s.f.Write(chunk); err != nil {
			return unwritable(err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.raw, s.id, err = s.manifest.Encode()
	return s, err
}

// chunked reads a file to its end and gives each chunk to take, which may be nil and must
// not keep it.
func chunked(r io.Reader, take func([]byte) error) (m protocol.Manifest, err error) {
	chunk := make([]byte, protocol.ChunkBytes)
	for {
		n, err := fill(r, chunk)
		if n > 0 {
			if m.Bytes += uint64(n); m.Bytes > protocol.MaxAttachmentBytes {
				return m, &protocol.Error{Reason: protocol.ReasonTooLarge, Op: "keep file",
					Args: map[string]string{"max": fmt.Sprint(protocol.MaxAttachmentBytes)}}
			}
			m.Chunks = append(m.Chunks, protocol.SumRaw(chunk[:n]))
			if take != nil {
				if err := take(chunk[:n]); err != nil {
					return m, err
				}
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			if m.Bytes == 0 {
				return m, &protocol.Error{Reason: protocol.ReasonMalformed, Op: "keep file", Field: "bytes", Err: errors.New("the file is empty")}
			}
			return m, nil
		case err != nil:
			return m, err
		}
	}
}

// fill reads until the chunk is full or r has ended, which is io.EOF. A connection that was
// cut says io.ErrUnexpectedEOF, as io.ReadFull does at an end: a part of a file must not
// be taken for the file.
func fill(r io.Reader, chunk []byte) (n int, err error) {
	for n < len(chunk) && err == nil {
		var m int
		m, err = r.Read(chunk[n:])
		n += m
	}
	if n == len(chunk) {
		err = nil
	}
	return n, err
}

// ID is the id that the file has.
func (s *Staged) ID() protocol.CID { return s.id }

// Bytes is the file's length.
func (s *Staged) Bytes() uint64 { return s.manifest.Bytes }

// ReadAt implements io.ReaderAt.
func (s *Staged) ReadAt(p []byte, at int64) (int, error) { return s.f.ReadAt(p, at) }

// Keep puts the file in its place, durably, and marks it as fresh where a person of this
// node brought it. One that is here already is put again: what was damaged is whole then.
func (s *Staged) Keep(fresh bool) error {
	d := s.d
	name := s.f.Name()
	err := s.f.Sync()
	if cerr := s.f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		_ = os.Remove(name)
		return unwritable(err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if fresh {
		err = os.WriteFile(d.name(s.id, suffixNew), nil, fileMode)
	}
	if err == nil {
		err = d.writeManifest(s.id, s.raw)
	}
	if err == nil {
		err = os.Rename(name, d.name(s.id, ""))
	}
	if err == nil {
		err = remove(d.name(s.id, suffixPart))
	}
	if err == nil {
		err = syncDir(d.cfg.Dir)
	}
	if err != nil {
		_ = os.Remove(name)
		return unwritable(err)
	}
	e := d.files[s.id]
	if e == nil {
		e = &entry{}
		d.files[s.id] = e
	}
	e.bytes, e.whole, e.here, e.used = s.manifest.Bytes+uint64(len(s.raw)), true, nil, d.cfg.Now()
	e.fresh = e.fresh || fresh
	return nil
}

// Discard forgets the file.
func (s *Staged) Discard() {
	_ = s.f.Close()
	_ = os.Remove(s.f.Name()) // or at the next start
}
