package depot

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/dure-net/dure/protocol"
)

func notHere(op string, id protocol.CID) error {
	return &protocol.Error{Reason: protocol.ReasonNotFound, Op: op, ID: id.String()}
}

// Manifest is a file's manifest and its bytes. It is ReasonNotFound where it is not here,
// and ReasonDamaged where it is not what it was and cannot be made again.
func (d *Depot) Manifest(id protocol.CID) (protocol.Manifest, []byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.manifest(id)
}

// manifest is Manifest. The caller holds mu.
func (d *Depot) manifest(id protocol.CID) (protocol.Manifest, []byte, error) {
	e := d.files[id]
	if e == nil {
		return protocol.Manifest{}, nil, notHere("read manifest", id)
	}
	raw, err := readBounded(d.name(id, suffixManifest), protocol.MaxManifestBytes)
	if err == nil {
		var m protocol.Manifest
		if m, err = protocol.DecodeManifest(id, raw); err == nil {
			return m, raw, nil
		}
	}
	if e.whole { // the file knows what it is made of
		if m, raw, again := d.remake(id); again == nil {
			d.cfg.Log.Warn("a file's manifest was damaged and made again", "file", id.Short(), "err", err)
			return m, raw, nil
		}
	}
	if errors.Is(err, fs.ErrNotExist) && !e.whole {
		return protocol.Manifest{}, nil, notHere("read manifest", id)
	}
	return protocol.Manifest{}, nil, &protocol.Error{Reason: protocol.ReasonDamaged, Op: "read manifest", ID: id.String(), Err: err}
}

// remake makes a manifest from a whole file.
func (d *Depot) remake(id protocol.CID) (m protocol.Manifest, raw []byte, err error) {
	f, err := os.Open(d.name(id, ""))
	if err != nil {
		return m, nil, err
	}
	defer f.Close()
	if m, err = chunked(f, nil); err != nil {
		return m, nil, err
	}
	raw, got, err := m.Encode()
	if err != nil || got != id {
		return m, nil, errors.Join(err, errors.New("the file is damaged too"))
	}
	return m, raw, d.writeManifest(id, raw)
}

func readBounded(name string, most int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, most+1))
}

func (d *Depot) writeManifest(id protocol.CID, raw []byte) error {
	return d.replace(d.name(id, suffixManifest), raw)
}

// replace writes a small file durably, under its name when it is whole.
func (d *Depot) replace(name string, raw []byte) error {
	if err := os.MkdirAll(d.cfg.Dir, dirMode); err != nil {
		return unwritable(err)
	}
	f, err := os.CreateTemp(d.cfg.Dir, uploadPrefix+"*")
	if err != nil {
		return unwritable(err)
	}
	_, err = f.Write(raw)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return unwritable(err)
	}
	return syncDir(d.cfg.Dir)
}

// Begin takes a manifest that came from elsewhere, so that chunks may follow. Where the
// file is here already nothing changes. What is no manifest of that id is refused as
// protocol.DecodeManifest does.
func (d *Depot) Begin(id protocol.CID, raw []byte) error {
	if _, err := protocol.DecodeManifest(id, raw); err != nil {
		return err
	}
	if err := d.room(); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, _, err := d.manifest(id); err == nil {
		return nil
	}
	if err := d.writeManifest(id, raw); err != nil {
		return err
	}
	if e := d.files[id]; e == nil {
		d.files[id] = &entry{bytes: uint64(len(raw)), used: d.cfg.Now()}
	}
	return nil
}

// Chunk reads chunk i, hashed again. It is ReasonNotFound where it is not here, and
// ReasonDamaged where what lies here is not it: then it is missing from now on. The bytes
// are the caller's.
func (d *Depot) Chunk(id protocol.CID, i int) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	m, _, err := d.manifest(id)
	if err != nil {
		return nil, err
	}
	if i < 0 || i >= len(m.Chunks) {
		return nil, notHere("read chunk", id)
	}
	e := d.files[id]
	if !e.whole {
		if err := d.look(id, m, e); err != nil {
			return nil, err
		}
		if !e.here[i] {
			return nil, notHere("read chunk", id)
		}
	}
	name := d.name(id, "")
	if !e.whole {
		name = d.name(id, suffixPart)
	}
	chunk := make([]byte, m.ChunkSize(i))
	err = readAt(name, chunk, int64(i)*protocol.ChunkBytes)
	if err == nil && m.Chunks[i].Matches(chunk) {
		return chunk, nil
	}
	if err == nil {
		err = errors.New("the bytes do not hash to the chunk's name")
	}
	d.miss(id, m, e, i, err)
	return nil, &protocol.Error{Reason: protocol.ReasonDamaged, Op: "read chunk", ID: id.String(), Err: fmt.Errorf("chunk %d: %w", i, err)}
}

func readAt(name string, into []byte, at int64) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.ReadAt(into, at)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// miss notes that chunk i is not what it was: a whole file becomes an unfinished one. The
// caller holds mu.
func (d *Depot) miss(id protocol.CID, m protocol.Manifest, e *entry, i int, err error) {
	d.cfg.Log.Warn("a part of a file is damaged on this disk", "file", id.Short(), "chunk", i, "err", err)
	if e.whole {
		if !d.setApart(id) {
			return // it is found again at the next reading
		}
		e.whole, e.here = false, slices.Repeat([]bool{true}, len(m.Chunks))
	}
	e.here[i] = false
}

// setApart gives a damaged file the name of an unfinished one. The caller holds mu.
func (d *Depot) setApart(id protocol.CID) bool {
	err := os.Rename(d.name(id, ""), d.name(id, suffixPart))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		d.cfg.Log.Warn("a damaged file could not be set apart", "file", id.Short(), "err", err)
		return false
	}
	return true
}

// look finds out which chunks of an unfinished file are here. The caller holds mu.
func (d *Depot) look(id protocol.CID, m protocol.Manifest, e *entry) error {
	if len(e.here) == len(m.Chunks) {
		return nil
	}
	e.here = make([]bool, len(m.Chunks))
	f, err := os.Open(d.name(id, suffixPart))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return unwritable(err)
	}
	defer f.Close()
	chunk := make([]byte, protocol.ChunkBytes)
	for i := range m.Chunks {
		part := chunk[:m.ChunkSize(i)]
		if n, _ := f.ReadAt(part, int64(i)*protocol.ChunkBytes); n == len(part) {
			e.here[i] = m.Chunks[i].Matches(part)
		}
	}
	return nil
}

// Missing lists the chunks that are not here, in order; none for a whole file.
// ReasonNotFound where there is no manifest.
func (d *Depot) Missing(id protocol.CID) ([]uint64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	m, _, err := d.manifest(id)
	if err != nil {
		return nil, err
	}
	e := d.files[id]
	if e.whole {
		return nil, nil
	}
	if err := d.look(id, m, e); err != nil {
		return nil, err
	}
	var out []uint64
	for i, here := range e.here {
		if !here {
			out = append(out, uint64(i))
		}
	}
	if len(out) == 0 { // a crash came between the last chunk and the name
		return nil, d.finish(id, e)
	}
	return out, nil
}

// Add takes chunk i of a file that was begun, and reports whether the file is whole now:
// then it is durable. Bytes that are not the chunk are ReasonBadHash and nothing changes.
func (d *Depot) Add(id protocol.CID, i int, chunk []byte) (whole bool, err error) {
	if err := d.room(); err != nil {
		return false, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	m, _, err := d.manifest(id)
	if err != nil {
		return false, err
	}
	if i < 0 || i >= len(m.Chunks) || len(chunk) != m.ChunkSize(i) || !m.Chunks[i].Matches(chunk) {
		return false, &protocol.Error{Reason: protocol.ReasonBadHash, Op: "keep chunk", ID: id.String(), Err: fmt.Errorf("chunk %d", i)}
	}
	e := d.files[id]
	if e.whole {
		return true, nil
	}
	if err := d.look(id, m, e); err != nil {
		return false, err
	}
	if !e.here[i] {
		f, err := os.OpenFile(d.name(id, suffixPart), os.O_RDWR|os.O_CREATE, fileMode)
		if err != nil {
			return false, unwritable(err)
		}
		_, err = f.WriteAt(chunk, int64(i)*protocol.ChunkBytes)
		if cerr := f.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			return false, unwritable(err)
		}
		e.here[i] = true
		e.bytes += uint64(len(chunk))
		e.used = d.cfg.Now()
	}
	if slices.Contains(e.here, false) {
		return false, nil
	}
	return true, d.finish(id, e)
}

// finish makes an unfinished file a whole one. The caller holds mu.
func (d *Depot) finish(id protocol.CID, e *entry) error {
	name := d.name(id, suffixPart)
	f, err := os.OpenFile(name, os.O_RDWR, fileMode)
	if err != nil {
		return unwritable(err)
	}
	err = f.Sync()
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(name, d.name(id, ""))
	}
	if err != nil {
		return unwritable(err)
	}
	e.whole, e.here = true, nil
	return syncDir(d.cfg.Dir)
}

// room is nil while the disk has room; otherwise ReasonReadOnly.
func (d *Depot) room() error {
	free, err := d.cfg.Free()
	if err != nil {
		return protocol.Fail(protocol.ReasonInternal, "measure free space", err)
	}
	if free < d.cfg.Floor {
		return &protocol.Error{Reason: protocol.ReasonReadOnly, Op: "keep file",
			Args: map[string]string{"free": fmt.Sprint(free), "floor": fmt.Sprint(d.cfg.Floor)},
			Err:  fmt.Errorf("%d bytes free, %d are needed", free, d.cfg.Floor)}
	}
	return nil
}
