package protocol

import (
	"errors"
	"fmt"
)

// Manifest is what a file that goes with a record is made of: its chunks in order, each
// of ChunkBytes but the last. It is a block of its own, not an entry, and its CID is the
// id by which records name the file. Length and order of the chunks follow from the
// file's bytes alone, so one file has one id, whoever publishes it. What kind of file it
// is, and what it is called, is the record's word.
type Manifest struct {
	Bytes  uint64 `cbor:"bytes"`
	Chunks []CID  `cbor:"chunks"` // raw blocks
}

// chunksOf is how many chunks a file of so many bytes has.
func chunksOf(bytes uint64) uint64 { return (bytes + ChunkBytes - 1) / ChunkBytes }

// MaxChunks is how many chunks the largest file has.
const MaxChunks = MaxAttachmentBytes / ChunkBytes

// ChunkSize is the length of chunk i, which must be one of the file's.
func (m *Manifest) ChunkSize(i int) int {
	if uint64(i) == chunksOf(m.Bytes)-1 {
		return int(m.Bytes - uint64(i)*ChunkBytes)
	}
	return ChunkBytes
}

// Check is nil for what may be written: a length within bounds, and as many chunks as a
// file of that length has, each a raw block.
func (m *Manifest) Check() error { return m.bounds() }

func (m *Manifest) bounds() error {
	fault := func(r Reason, field string, err error) error {
		return &Error{Reason: r, Op: "check manifest", Field: field, Err: err}
	}
	switch {
	case m.Bytes == 0:
		return fault(ReasonMalformed, "bytes", errors.New("a file without bytes"))
	case m.Bytes > MaxAttachmentBytes:
		return fault(ReasonTooLarge, "bytes", fmt.Errorf("%d bytes, the limit is %d", m.Bytes, MaxAttachmentBytes))
	case uint64(len(m.Chunks)) != chunksOf(m.Bytes):
		return fault(ReasonMalformed, "chunks", fmt.Errorf("%d chunks of %d bytes", len(m.Chunks), m.Bytes))
	}
	for _, c := range m.Chunks {
		if !c.Defined() || c.Type() != CodecRaw {
			return fault(ReasonMalformed, "chunks", errors.New("not a raw block"))
		}
	}
	return nil
}

// Encode is the manifest's bytes and their CID.
func (m *Manifest) Encode() (raw []byte, id CID, err error) {
	if err := m.bounds(); err != nil {
		return nil, CID{}, err
	}
	if raw, err = Encode(m); err != nil {
		return nil, CID{}, err
	}
	return raw, Sum(raw), nil
}

// DecodeManifest reads the manifest that id names. Bytes of another hash are
// ReasonBadHash; a manifest says nothing else than what a reader knows (ReasonTooNew).
func DecodeManifest(id CID, raw []byte) (Manifest, error) {
	if len(raw) > MaxManifestBytes {
		return Manifest{}, Fail(ReasonTooLarge, "decode manifest", nil)
	}
	if !id.Defined() || id.Type() != CodecDagCBOR || !id.Matches(raw) {
		return Manifest{}, &Error{Reason: ReasonBadHash, Op: "decode manifest"}
	}
	var m Manifest
	if err := DecodeWhole(raw, &m); err != nil {
		return Manifest{}, err
	}
	if err := m.bounds(); err != nil {
		return Manifest{}, err
	}
	return m, nil
}

// Chunker finds out the manifest of a file that is written to it. The zero value is ready.
type Chunker struct {
	m     Manifest
	chunk []byte
}

// Write implements io.Writer. It never fails.
func (c *Chunker) Write(b []byte) (int, error) {
	n := len(b)
	c.m.Bytes += uint64(n)
	for len(b) > 0 {
		k := min(len(b), ChunkBytes-len(c.chunk))
		c.chunk, b = append(c.chunk, b[:k]...), b[k:]
		if len(c.chunk) == ChunkBytes {
			c.flush()
		}
	}
	return n, nil
}

func (c *Chunker) flush() {
	c.m.Chunks = append(c.m.Chunks, SumRaw(c.chunk))
	c.chunk = c.chunk[:0]
}

// End is the manifest of all that was written, its bytes and the file's id.
func (c *Chunker) End() (m Manifest, raw []byte, id CID, err error) {
	if len(c.chunk) > 0 {
		c.flush()
	}
	raw, id, err = c.m.Encode()
	return c.m, raw, id, err
}

// Frames of the files stream. The side that opens it asks, one question after another;
// the other answers each and changes nothing.
//
//	asker                     server
//	FileAsk{entry, id}    →
//	                      ←   FileSent{manifest}        or FileSent{end}: not here
//	FileAsk{id, chunks}   →
//	                      ←   FileSent{number, data}…, FileSent{end}

// FileAsk asks for a file's manifest or, with Chunks, for chunks of it: their places in
// the manifest from 0 on, in rising order. Entry is one whose body names the file: whoever
// is asked looks there whether it may still be given, and needs no list of all files.
type FileAsk struct {
	Entry  EntryID  `cbor:"e"`
	File   CID      `cbor:"f"`
	Chunks []uint64 `cbor:"c,omitempty"`
}

// MaxChunksAsked bounds the chunks of one question; more are asked for in further frames.
const MaxChunksAsked = 16

// FileSent is one frame of an answer. A chunk that is not held is left out.
type FileSent struct {
	Manifest []byte `cbor:"m,omitempty"`
	Number   uint64 `cbor:"n,omitzero"` // of the chunk
	Data     []byte `cbor:"d,omitempty"`
	End      bool   `cbor:"x,omitempty"`
}

func (a *FileAsk) bounds() error {
	if !a.File.Defined() || a.File.Type() != CodecDagCBOR {
		return &Error{Reason: ReasonMalformed, Op: "check bounds", Field: "f", Err: errors.New("no manifest has this id")}
	}
	if !a.Entry.isBlock() {
		return &Error{Reason: ReasonMalformed, Op: "check bounds", Field: "e", Err: errors.New("not the id of an entry")}
	}
	if err := within("c", len(a.Chunks), MaxChunksAsked); err != nil {
		return err
	}
	for i, c := range a.Chunks {
		switch {
		case c >= MaxChunks:
			return &Error{Reason: ReasonTooLarge, Op: "check bounds", Field: "c"}
		case i > 0 && c <= a.Chunks[i-1]:
			return &Error{Reason: ReasonNonCanonical, Op: "check bounds", Field: "c", Err: errors.New("not in order, or twice")}
		}
	}
	return nil
}

func (s *FileSent) bounds() error {
	if s.Number >= MaxChunks {
		return &Error{Reason: ReasonTooLarge, Op: "check bounds", Field: "n"}
	}
	if err := within("m", len(s.Manifest), MaxManifestBytes); err != nil {
		return err
	}
	if err := within("d", len(s.Data), ChunkBytes); err != nil {
		return err
	}
	kinds := 0
	for _, there := range [...]bool{len(s.Manifest) > 0, len(s.Data) > 0, s.End} {
		if there {
			kinds++
		}
	}
	if kinds != 1 || s.Number > 0 && len(s.Data) == 0 {
		return &Error{Reason: ReasonMalformed, Op: "check bounds", Err: errors.New("a manifest, a chunk or the end")}
	}
	return nil
}
