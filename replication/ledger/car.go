package ledger

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
	"io"

	"github.com/dure-net/dure/protocol"
)

// A backup is a CARv1 file, so that any IPLD tool can list and check its blocks:
//
//	CAR header   roots: the federation
//	block        the founding act, whose CID is the root, from format 3 on
//	note         what this is (kind "backup")
//	papers       of the node's home, none of them secret, one note each (kind "paper"), from format 3 on
//	settings     one note each (kind "setting")
//	evidence     one note each (kind "fork")
//	runs         a note (kind "run"), its headers, then those of its bodies that are held
//	branches     likewise (kind "aside"), with the header that each page follows
//	files        of records: a note (kind "file") with the manifest, and its chunks, from format 4 on
//	note         kind "end": root, counts, and SHA-256 of every byte before it
//
// Notes are DAG-CBOR blocks of their own with their own CIDs. The end note is what tells
// a whole backup from a truncated one.
const (
	backupPlain  = 1 // without branches
	backupAside  = 2
	backupPapers = 3 // with the founding act and papers
	backupFormat = 4 // with files of records
)

// maxSection bounds one section: the largest is a note around a founding act.
// Beyond: ReasonTooLarge, before it is allocated.
const maxSection = protocol.MaxFrameBytes

// note is every kind of block that is neither header nor body.
type note struct {
	Kind   string `cbor:"backup"`
	Format uint64 `cbor:"format,omitzero"` // backup

	At int64 `cbor:"at,omitzero"` // backup: Unix milliseconds

	Name string `cbor:"name,omitempty"` // setting, paper; file: its id
	Data []byte `cbor:"data,omitempty"` // setting, fork, paper; file: its manifest

	Feed   protocol.FeedID `cbor:"feed,omitzero"`   // run, fork
	Seq    uint64          `cbor:"seq,omitzero"`    // run: of the first header; fork
	Count  uint64          `cbor:"count,omitzero"`  // run: headers
	Held   uint64          `cbor:"held,omitzero"`   // run: bit i is set if header i's body follows
	Erased uint64          `cbor:"erased,omitzero"` // run: bit i is set if header i's body was erased

	Names []protocol.EntryID `cbor:"names,omitempty"` // file: entries that name it, as far as they were noted
	Files uint64             `cbor:"files,omitzero"`  // end

	Root    []byte `cbor:"root,omitempty"` // end
	Entries uint64 `cbor:"entries,omitzero"`
	Feeds   uint64 `cbor:"feeds,omitzero"`
	Bodies  uint64 `cbor:"bodies,omitzero"`
	Sum     []byte `cbor:"sum,omitempty"`
}

type carHeader struct {
	Roots   []protocol.CID `cbor:"roots"`
	Version uint64         `cbor:"version"`
}

// carWriter writes sections and hashes what it writes.
type carWriter struct {
	w   *bufio.Writer
	sum hash.Hash
	n   uint64
	err error
}

func newCarWriter(w io.Writer, root protocol.CID) (*carWriter, error) {
	c := &carWriter{w: bufio.NewWriterSize(w, 1<<18), sum: sha256.New()}
	head, err := protocol.Encode(&carHeader{Roots: []protocol.CID{root}, Version: 1})
	if err != nil {
		return nil, err
	}
	c.write(binary.AppendUvarint(nil, uint64(len(head))))
	c.write(head)
	return c, nil
}

func (c *carWriter) write(b []byte) {
	if c.err == nil {
		_, c.err = c.w.Write(b)
		c.sum.Write(b)
		c.n += uint64(len(b))
	}
}

func (c *carWriter) section(id protocol.CID, block []byte) {
	name := id.Bytes()
	c.write(binary.AppendUvarint(nil, uint64(len(name)+len(block))))
	c.write(name)
	c.write(block)
}

func (c *carWriter) note(n note) error {
	block, err := protocol.Encode(&n)
	if err != nil {
		return err
	}
	c.section(protocol.Sum(block), block)
	return nil
}

// end writes the end note over everything before it.
func (c *carWriter) end(n note) error {
	n.Kind, n.Sum = "end", c.sum.Sum(nil)
	if err := c.note(n); err != nil {
		return err
	}
	if c.err == nil {
		c.err = c.w.Flush()
	}
	if c.err != nil {
		return protocol.Fail(protocol.ReasonHomeUnwritable, "write backup", c.err)
	}
	return nil
}

// carReader reads sections, checks each against its CID, and hashes what it reads.
type carReader struct {
	r    *bufio.Reader
	sum  hash.Hash
	n    uint64
	root protocol.CID
}

func newCarReader(r io.Reader) (*carReader, error) {
	c := &carReader{r: bufio.NewReaderSize(r, 1<<18), sum: sha256.New()}
	head, err := c.frame()
	if err != nil {
		return nil, err
	}
	var h carHeader
	if err := protocol.Decode(head, &h); err != nil {
		return nil, err
	}
	if h.Version != 1 || len(h.Roots) != 1 || h.Roots[0].IsZero() {
		return nil, protocol.Fail(protocol.ReasonMalformed, "read backup", errors.New("not a CARv1 file with one root"))
	}
	c.root = h.Roots[0]
	return c, nil
}

// frame reads one length and as many bytes; the slice is the caller's.
func (c *carReader) frame() ([]byte, error) {
	n, err := binary.ReadUvarint(c.r)
	if err != nil {
		return nil, truncated(err)
	}
	if n == 0 || n > maxSection {
		return nil, protocol.Fail(protocol.ReasonTooLarge, "read backup", errors.New("a section beyond the limit"))
	}
	length := binary.AppendUvarint(nil, n)
	b := make([]byte, n)
	if _, err := io.ReadFull(c.r, b); err != nil {
		return nil, truncated(err)
	}
	c.sum.Write(length)
	c.sum.Write(b)
	c.n += uint64(len(length)) + n
	return b, nil
}

const cidBytes = 36

// block reads one section and checks it against its CID.
func (c *carReader) block() (protocol.CID, []byte, error) {
	b, err := c.frame()
	if err != nil {
		return protocol.CID{}, nil, err
	}
	if len(b) < cidBytes {
		return protocol.CID{}, nil, protocol.Fail(protocol.ReasonMalformed, "read backup", errors.New("a section without a CID"))
	}
	id, err := protocol.CastCID(b[:cidBytes])
	if err != nil {
		return id, nil, err
	}
	if !id.Matches(b[cidBytes:]) {
		return id, nil, &protocol.Error{Reason: protocol.ReasonBadHash, Op: "read backup", ID: id.String()}
	}
	return id, b[cidBytes:], nil
}

// note reads a section that must be a note, and the hash of everything before it.
func (c *carReader) note() (n note, before digest, err error) {
	c.sum.Sum(before[:0])
	_, b, err := c.block()
	if err != nil {
		return n, before, err
	}
	if err := protocol.Decode(b, &n); err != nil {
		return note{}, before, err
	}
	return n, before, nil
}

// truncated is the error of a file that ends too early.
func truncated(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return protocol.Fail(protocol.ReasonDamaged, "read backup", errors.New("the backup ends before its end note"))
	}
	return protocol.Fail(protocol.ReasonMalformed, "read backup", err)
}
