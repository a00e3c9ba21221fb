package protocol

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/ipfs/go-cid"
	mh "github.com/multiformats/go-multihash"
)

// CID names a block by its hash: CIDv1, dag-cbor (or raw for attachment chunks),
// sha2-256, written in lower-case base32. No other kind is read or written.
// It is comparable; the zero CID is undefined and stands for "absent".
type CID struct{ cid.Cid }

// Names of what a CID stands for, for readers of signatures.
type (
	FederationID = CID // the founding act
	FeedID       = CID // the feed's inception entry
	EntryID      = CID // a whole signed header
	BodyID       = CID // a body block
	RecordID     = CID // the first entry of a record
	ActID        = CID // the body of the decision that became an act; act 0 is the founding act
)

// Codecs of blocks.
const (
	CodecDagCBOR = uint64(cid.DagCBOR)
	CodecRaw     = uint64(cid.Raw)
)

const cidBytes = 36 // version, codec, hash function, length: one byte each; 32 bytes of hash

var cidPrefixes = [2][4]byte{{1, byte(CodecDagCBOR), mh.SHA2_256, 32}, {1, byte(CodecRaw), mh.SHA2_256, 32}}

// Sum is the CID of a dag-cbor block.
func Sum(block []byte) CID {
	return sumOf(CodecDagCBOR, block)
}

// SumRaw is the CID of a raw block (an attachment chunk).
func SumRaw(block []byte) CID {
	return sumOf(CodecRaw, block)
}

func sumOf(codec uint64, block []byte) CID {
	hash := [cidBytes - 2]byte{mh.SHA2_256, sha256.Size}
	sum := sha256.Sum256(block)
	copy(hash[2:], sum[:])
	return CID{cid.NewCidV1(codec, hash[:])}
}

// castKnown makes a CID of bytes that isCID has found to be one; they are copied.
func castKnown(raw []byte) CID { return CID{cid.NewCidV1(uint64(raw[1]), raw[2:])} }

// ParseCID reads the text form; other bases, versions, codecs and hash functions are refused.
func ParseCID(text string) (CID, error) {
	c, err := cid.Decode(text)
	if err != nil {
		return CID{}, Fail(ReasonMalformed, "read CID", err)
	}
	got, err := CastCID(c.Bytes())
	if err != nil {
		return CID{}, err
	}
	if got.String() != text {
		return CID{}, Fail(ReasonNonCanonical, "read CID", errors.New("not lower-case base32"))
	}
	return got, nil
}

// CastCID reads the 36-byte binary form.
func CastCID(raw []byte) (CID, error) {
	if !isCID(raw) {
		return CID{}, Fail(ReasonMalformed, "read CID", fmt.Errorf("want CIDv1, dag-cbor or raw, sha2-256, in %d bytes", cidBytes))
	}
	return castKnown(raw), nil
}

// isBlock reports whether c names a dag-cbor block.
func (c CID) isBlock() bool { return c.Defined() && c.KeyString()[1] == byte(CodecDagCBOR) }

// IsZero reports whether the CID is undefined.
func (c CID) IsZero() bool { return !c.Defined() }

// Digest is the hash inside the CID; zero for the undefined CID.
func (c CID) Digest() (d [32]byte) {
	if c.Defined() {
		copy(d[:], c.KeyString()[4:])
	}
	return d
}

// Matches reports whether block hashes to c.
func (c CID) Matches(block []byte) bool {
	return c.Defined() && sha256.Sum256(block) == c.Digest()
}

// Short is the end of the text form, which differs between CIDs where the beginning
// does not; for logs.
func (c CID) Short() string {
	s := c.String()
	if len(s) < 8 {
		return "-"
	}
	return s[len(s)-8:]
}

// MarshalCBOR writes the DAG-CBOR link: tag 42 over a zero byte and the binary CID.
func (c CID) MarshalCBOR() ([]byte, error) {
	if !c.Defined() {
		return nil, errors.New("an undefined CID cannot be encoded")
	}
	return appendLink(make([]byte, 0, len(linkHead)+cidBytes), c), nil
}

// UnmarshalCBOR is the strict inverse of MarshalCBOR.
func (c *CID) UnmarshalCBOR(b []byte) error {
	if len(b) != len(linkHead)+cidBytes || [5]byte(b[:5]) != linkHead {
		return errors.New("not a link of this profile")
	}
	got, err := CastCID(b[5:])
	if err != nil {
		return err
	}
	*c = got
	return nil
}

// MarshalText writes the base32 form; the undefined CID is empty text.
func (c CID) MarshalText() ([]byte, error) {
	if !c.Defined() {
		return nil, nil
	}
	return []byte(c.String()), nil
}

// UnmarshalText is the inverse of MarshalText.
func (c *CID) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*c = CID{}
		return nil
	}
	got, err := ParseCID(string(text))
	if err != nil {
		return err
	}
	*c = got
	return nil
}

// MarshalJSON writes the base32 form as a JSON string.
func (c CID) MarshalJSON() ([]byte, error) {
	if !c.Defined() {
		return []byte(`""`), nil
	}
	return []byte(`"` + c.String() + `"`), nil
}

// UnmarshalJSON is the inverse of MarshalJSON.
func (c *CID) UnmarshalJSON(b []byte) error {
	if len(b) < 2 || b[0] != '"' || b[len(b)-1] != '"' {
		return Fail(ReasonMalformed, "read CID", errors.New("not a JSON string"))
	}
	return c.UnmarshalText(b[1 : len(b)-1])
}
