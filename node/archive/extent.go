package archive

import (
	"archive/zip"
	"encoding/binary"
	"errors"
	"io"
	"strconv"

	"github.com/dure-net/dure/protocol"
)

// Parts of a ZIP as Write makes it: no comment, no byte between one file and the next.
const (
	localHeader = 30
	descriptor  = 16 // behind each file that is written as it comes
	endRecord   = 22
)

// whole refuses a ZIP that has bytes which are of none of its files: before, between or
// behind them. Readers of ZIP pass over such bytes, so that no hash would tell of them. It is
// ReasonMalformed with Args "beyond", the place of the first such byte.
func whole(r io.ReaderAt, size int64, z *zip.Reader) error {
	at := int64(0)
	beyond := func(err error) error {
		return &protocol.Error{Reason: protocol.ReasonMalformed, Op: "read archive", Args: map[string]string{"beyond": strconv.FormatInt(at, 10)}, Err: err}
	}
	le := binary.LittleEndian
	var head [localHeader]byte
	for _, f := range z.File {
		if _, err := r.ReadAt(head[:], at); err != nil || le.Uint32(head[:]) != 0x04034b50 {
			return beyond(errors.New("no file begins here"))
		}
		data, err := f.DataOffset()
		if begins := at + localHeader + int64(le.Uint16(head[26:])) + int64(le.Uint16(head[28:])); err != nil || begins != data {
			return beyond(errors.New("the list of files has another place for this one"))
		}
		if at = data + int64(f.CompressedSize64); f.Flags&8 != 0 {
			at += descriptor
		}
	}
	var end [endRecord]byte
	if _, err := r.ReadAt(end[:], size-endRecord); err != nil || le.Uint32(end[:]) != 0x06054b50 || le.Uint16(end[20:]) != 0 {
		at = size
		return beyond(errors.New("bytes behind the end"))
	}
	if list, bytes := int64(le.Uint32(end[16:])), int64(le.Uint32(end[12:])); list != at || list+bytes != size-endRecord {
		return beyond(errors.New("the list of files is not behind the last one"))
	}
	return nil
}
