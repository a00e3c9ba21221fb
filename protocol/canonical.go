package protocol

import (
	"encoding/binary"
	"errors"
	"unicode/utf8"
)

// Major types of CBOR (RFC 8949, section 3.1).
const (
	majorUint  = 0
	majorNeg   = 1
	majorBytes = 2
	majorText  = 3
	majorArray = 4
	majorMap   = 5
	majorTag   = 6
	majorOther = 7
)

const (
	cborFalse = 0xf4
	cborTrue  = 0xf5
)

// linkHead begins a link: tag 42 over a byte string of 37 bytes, the first of them zero.
var linkHead = [5]byte{0xd8, 42, 0x58, cidBytes + 1, 0}

// checkCanonical walks bytes from outside before anything is decoded from them: one
// item of the profile, in its one spelling, within depth and counts, and nothing
// after it. It takes no memory. The decoder underneath accepts lengths in more bytes
// than needed, keys in any order, null and floats; and what comes back equal when it
// is encoded again is not enough either, because null in a list's place comes back
// as null.
func checkCanonical(raw []byte) error {
	rest, err := walkItem(raw, 0)
	if err != nil {
		return err
	}
	if len(rest) != 0 {
		return malformedCBOR("bytes after the item")
	}
	return nil
}

func malformedCBOR(why string) *Error {
	return Fail(ReasonMalformed, "decode", errors.New(why))
}

func nonCanonicalCBOR(why string) *Error {
	return Fail(ReasonNonCanonical, "decode", errors.New(why))
}

// walkItem returns what follows the first item of b; depth is the number of arrays
// and maps around it.
func walkItem(b []byte, depth int) (rest []byte, err *Error) {
	major, n, rest, err := readHead(b)
	if err != nil {
		return nil, err
	}
	switch major {
	case majorUint:
		return rest, nil
	case majorNeg:
		if n > 1<<63-1 {
			return nil, malformedCBOR("a number below -2^63")
		}
		return rest, nil
	case majorBytes, majorText:
		if n > uint64(len(rest)) {
			return nil, malformedCBOR("cut short")
		}
		if major == majorText && !utf8.Valid(rest[:n]) {
			return nil, malformedCBOR("text is not UTF-8")
		}
		return rest[n:], nil
	case majorArray:
		// Each element takes a byte at least: a count that the bytes cannot hold is
		// refused before anything is counted on it.
		if n > MaxElements || n > uint64(len(rest)) || depth == MaxDepth {
			return nil, malformedCBOR("an array too long or nested too deep")
		}
		for range n {
			if rest, err = walkItem(rest, depth+1); err != nil {
				return nil, err
			}
		}
		return rest, nil
	case majorMap:
		if n > MaxPairs || n > uint64(len(rest)) || depth == MaxDepth {
			return nil, malformedCBOR("a map too long or nested too deep")
		}
		return walkMap(rest, n, depth)
	case majorTag:
		if len(b) < len(linkHead)+cidBytes || [5]byte(b[:5]) != linkHead {
			return nil, malformedCBOR("a tag that is not a link of this profile")
		}
		if !isCID(b[5 : 5+cidBytes]) {
			return nil, malformedCBOR("a link that is not CIDv1, dag-cbor or raw, sha2-256")
		}
		return b[5+cidBytes:], nil
	}
	if b[0] != cborFalse && b[0] != cborTrue {
		return nil, malformedCBOR("a float, null or another simple value")
	}
	return rest, nil
}

func walkMap(rest []byte, pairs uint64, depth int) ([]byte, *Error) {
	var before []byte
	for i := range pairs {
		major, n, after, err := readHead(rest)
		if err != nil {
			return nil, err
		}
		if major != majorText || n > uint64(len(after)) {
			return nil, malformedCBOR("a key that is not text")
		}
		key := after[:n]
		if !utf8.Valid(key) {
			return nil, malformedCBOR("a key is not UTF-8")
		}
		if i > 0 {
			switch order := compareKeys(before, key); {
			case order == 0:
				return nil, malformedCBOR("a key stands twice")
			case order > 0:
				return nil, nonCanonicalCBOR("keys are not in order")
			}
		}
		before = key
		if rest, err = walkItem(after[n:], depth+1); err != nil {
			return nil, err
		}
	}
	return rest, nil
}

// compareKeys is the order of DAG-CBOR: shorter first, then by bytes.
func compareKeys(a, b []byte) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	for i := range a {
		if a[i] != b[i] {
			return int(a[i]) - int(b[i])
		}
	}
	return 0
}

// readHead reads an item's first byte and its argument, which must be written in the
// fewest bytes.
func readHead(b []byte) (major byte, n uint64, rest []byte, err *Error) {
	if len(b) == 0 {
		return 0, 0, nil, malformedCBOR("cut short")
	}
	major, info := b[0]>>5, b[0]&31
	b = b[1:]
	switch {
	case info < 24:
		return major, uint64(info), b, nil
	case major == majorOther:
		return 0, 0, nil, malformedCBOR("a float, null or another simple value")
	case info == 24 && len(b) >= 1:
		n, rest = uint64(b[0]), b[1:]
		if n < 24 {
			return 0, 0, nil, nonCanonicalCBOR("a number in more bytes than needed")
		}
	case info == 25 && len(b) >= 2:
		n, rest = uint64(binary.BigEndian.Uint16(b)), b[2:]
		if n <= 0xff {
			return 0, 0, nil, nonCanonicalCBOR("a number in more bytes than needed")
		}
	case info == 26 && len(b) >= 4:
		n, rest = uint64(binary.BigEndian.Uint32(b)), b[4:]
		if n <= 0xffff {
			return 0, 0, nil, nonCanonicalCBOR("a number in more bytes than needed")
		}
	case info == 27 && len(b) >= 8:
		n, rest = binary.BigEndian.Uint64(b), b[8:]
		if n <= 0xffffffff {
			return 0, 0, nil, nonCanonicalCBOR("a number in more bytes than needed")
		}
	case info == 31:
		return 0, 0, nil, nonCanonicalCBOR("an indefinite length")
	case info > 27:
		return 0, 0, nil, malformedCBOR("a reserved length")
	default:
		return 0, 0, nil, malformedCBOR("cut short")
	}
	return major, n, rest, nil
}

// appendHead writes an item's first byte and its argument in the fewest bytes.
func appendHead(dst []byte, major byte, n uint64) []byte {
	major <<= 5
	switch {
	case n < 24:
		return append(dst, major|byte(n))
	case n <= 0xff:
		return append(dst, major|24, byte(n))
	case n <= 0xffff:
		return binary.BigEndian.AppendUint16(append(dst, major|25), uint16(n))
	case n <= 0xffffffff:
		return binary.BigEndian.AppendUint32(append(dst, major|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, major|27), n)
}

func appendText(dst []byte, s string) []byte {
	return append(appendHead(dst, majorText, uint64(len(s))), s...)
}

func appendBytes(dst, b []byte) []byte {
	return append(appendHead(dst, majorBytes, uint64(len(b))), b...)
}

// appendLink writes a defined CID.
func appendLink(dst []byte, c CID) []byte {
	return append(append(dst, linkHead[:]...), c.KeyString()...)
}

// isCID reports whether b is a binary CID of this profile.
func isCID(b []byte) bool {
	return len(b) == cidBytes && ([4]byte(b) == cidPrefixes[0] || [4]byte(b) == cidPrefixes[1])
}
