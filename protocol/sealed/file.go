package sealed

import (
	"encoding/binary"
	"errors"
	"io"
	"strconv"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/dure-net/dure/protocol"
)

// File is a file that goes with a letter. What lies on disks, and is fetched from other
// nodes, is its encrypted form; what it is called and what it is lies in the letter alone.
//
// The encrypted form is a row of segments as long as the chunks of files are, so that one
// chunk is decrypted by itself. It is the STREAM construction (Hoang, Reyhanitabar, Rogaway
// and Vizár, 2015) as age has it: a number and a mark of the last one in each nonce, so
// that segments cannot be moved, left out or cut off. age itself is not used: its segments
// are 16 bytes longer than a chunk, its key has half the length, and it pads nothing.
//
// ChaCha20-Poly1305 lets two keys open one text. Here nobody is deceived by it: key and id
// stand in one letter, of which all readers read the same.
type File struct {
	ID    protocol.CID `cbor:"id"`    // of the encrypted form's manifest
	Key   ContentKey   `cbor:"key"`   // of this file alone
	Bytes uint64       `cbor:"bytes"` // of the file itself
	Type  string       `cbor:"type"`  // its media type
}

const tagFile = "dure/sealed-file/1\x00"

// Segments is how many segments the encrypted form has: the least of fileSteps that holds
// the file. 0 for a length that no file has.
func (f *File) Segments() int {
	if f.Bytes == 0 || f.Bytes > MaxFileBytes {
		return 0
	}
	return step(fileSteps, int((f.Bytes+SegmentBytes-1)/SegmentBytes))
}

// SealedBytes is the length of the encrypted form.
func (f *File) SealedBytes() uint64 { return uint64(f.Segments()) * protocol.ChunkBytes }

func (f *File) check() error {
	switch {
	case !f.ID.Defined() || f.ID.Prefix().Codec != protocol.CodecDagCBOR:
		return fileFault("id", "not the id of a file")
	case f.Key.IsZero():
		return fileFault("key", "missing")
	case f.Segments() == 0:
		return fileFault("bytes", strconv.FormatUint(f.Bytes, 10)+" bytes")
	case len(f.Type) == 0 || len(f.Type) > MaxLine:
		return fileFault("type", "not a media type")
	}
	return nil
}

func fileFault(field, why string) error {
	return &protocol.Error{Reason: protocol.ReasonMalformed, Op: "check file", Field: field, Err: errors.New(why)}
}

// fileCipher encrypts the segments of one file.
func (k ContentKey) fileCipher() cipherAEAD {
	aead, err := chacha20poly1305.New(k[:])
	if err != nil {
		panic("dure: internal error: " + err.Error()) // a key of 32 bytes fits
	}
	return aead
}

// segmentNonce is the number in 11 bytes, then 1 for the last segment and 0 for the others.
func segmentNonce(i int, last bool) []byte {
	nonce := make([]byte, chacha20poly1305.NonceSize)
	binary.BigEndian.PutUint64(nonce[3:], uint64(i))
	if last {
		nonce[11] = 1
	}
	return nonce
}

// Segment decrypts segment i of the encrypted form, and gives what it holds of the file:
// nothing where it is all padding. A segment of another length, or a number that the file
// has not, is ReasonMalformed, as is padding that is not zero; bytes that are not what was
// sealed there are ReasonBadHash. The slice is the caller's.
func (f *File) Segment(i int, sealed []byte) ([]byte, error) {
	n := f.Segments()
	if i < 0 || i >= n || len(sealed) != protocol.ChunkBytes {
		return nil, fileFault("segment", strconv.Itoa(i)+" of "+strconv.Itoa(len(sealed))+" bytes")
	}
	plain, err := f.Key.fileCipher().Open(nil, segmentNonce(i, i == n-1), sealed, []byte(tagFile))
	if err != nil {
		return nil, protocol.Fail(protocol.ReasonBadHash, "open file", nil)
	}
	holds := min(max(int(f.Bytes)-i*SegmentBytes, 0), SegmentBytes)
	for _, b := range plain[holds:] {
		if b != 0 {
			return nil, fileFault("segment", "not padded as it should be")
		}
	}
	return plain[:holds], nil
}

// FileSealer encrypts a file while its encrypted form is read. It is for one goroutine.
type FileSealer struct {
	r      io.Reader
	cipher cipherAEAD
	now    []byte // the segment to be sealed next
	then   []byte // the one after it: whether there is more decides which is the last
	made   int
	last   int // how many segments there will be; 0: not known yet
	bytes  uint64
	begun  bool
	out    []byte // of the segment made last, what was not read yet
}

// SealFile encrypts what is read from r with a fresh key. Reading gives the encrypted form.
// A file beyond MaxFileBytes ends it with ReasonTooLarge, one without bytes with
// ReasonMalformed, and any error of r but io.EOF as it is.
func SealFile(r io.Reader, key ContentKey) *FileSealer {
	return &FileSealer{r: r, cipher: key.fileCipher(), now: make([]byte, SegmentBytes), then: make([]byte, SegmentBytes)}
}

// Bytes is how much of the file has been read: all of it once reading came to io.EOF.
func (s *FileSealer) Bytes() uint64 { return s.bytes }

// Read implements io.Reader.
func (s *FileSealer) Read(p []byte) (int, error) {
	if len(s.out) == 0 {
		if err := s.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, s.out)
	s.out = s.out[n:]
	return n, nil
}

// next makes one more segment.
func (s *FileSealer) next() error {
	if !s.begun {
		s.begun = true
		if err := s.fill(); err != nil {
			return err
		}
	}
	if s.made == s.last && s.last > 0 {
		return io.EOF
	}
	s.now, s.then = s.then, s.now
	if err := s.fill(); err != nil {
		return err
	}
	s.out = s.cipher.Seal(s.out[:0], segmentNonce(s.made, s.made+1 == s.last), s.now, []byte(tagFile))
	s.made++
	return nil
}

// fill reads the segment after the next one, with zeros where the file has ended.
func (s *FileSealer) fill() error {
	n := 0
	for s.last == 0 && n < SegmentBytes {
		m, err := s.r.Read(s.then[n:])
		n += m
		if s.bytes += uint64(m); s.bytes > MaxFileBytes {
			return &protocol.Error{Reason: protocol.ReasonTooLarge, Op: "seal file", Args: map[string]string{"max": strconv.Itoa(MaxFileBytes)}}
		}
		if errors.Is(err, io.EOF) {
			if s.bytes == 0 {
				return fileFault("bytes", "the file is empty")
			}
			s.last = (&File{Bytes: s.bytes}).Segments()
		} else if err != nil {
			return err
		}
	}
	clear(s.then[n:])
	return nil
}
