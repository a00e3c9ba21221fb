package protocol

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

// Standing is one line of the frontier: how far a feed stands here, chain-valid, not
// cut and below its lowest proven fork, and that fork if there is one.
type Standing struct {
	Feed   FeedID  `cbor:"feed"`
	Count  uint64  `cbor:"count"`
	Head   EntryID `cbor:"head"`          // the last standing entry
	Forked uint64  `cbor:"fork,omitzero"` // 1 + lowest seq proven to be forked and not settled; 0 = none
}

// Digest is the hash of one line: SHA-256 of "dure/standing/1\x00" ‖ feed (32-byte
// hash) ‖ count ‖ head (32-byte hash) ‖ forked, numbers as 8 bytes big-endian.
func (s Standing) Digest() [32]byte {
	var b [112 + 16]byte
	n := copy(b[:], "dure/standing/1\x00")
	feed, head := s.Feed.Digest(), s.Head.Digest()
	n += copy(b[n:], feed[:])
	binary.BigEndian.PutUint64(b[n:], s.Count)
	n += 8
	n += copy(b[n:], head[:])
	binary.BigEndian.PutUint64(b[n:], s.Forked)
	n += 8
	return sha256.Sum256(b[:n])
}

// CompareStandings orders lines by the feed's hash, the order of the ledger root.
func CompareStandings(a, b Standing) int {
	x, y := a.Feed.Digest(), b.Feed.Digest()
	return bytes.Compare(x[:], y[:])
}

// Root is a ledger root.
type Root [32]byte

// LedgerRoot is the hash of a frontier: SHA-256 of "dure/ledger/1\x00", the
// federation's hash and the digests of the lines in order. Lines need not be sorted
// on entry; feeds with count 0 and no fork do not count. The slice is not changed.
func LedgerRoot(federation FederationID, lines []Standing) Root {
	if !slices.IsSortedFunc(lines, CompareStandings) {
		lines = slices.Clone(lines)
		slices.SortFunc(lines, CompareStandings)
	}
	h := sha256.New()
	h.Write([]byte("dure/ledger/1\x00"))
	f := federation.Digest()
	h.Write(f[:])
	for _, s := range lines {
		if s.Count == 0 && s.Forked == 0 {
			continue
		}
		d := s.Digest()
		h.Write(d[:])
	}
	var r Root
	h.Sum(r[:0])
	return r
}

func (r Root) String() string { return keyText.EncodeToString(r[:]) }

func (r Root) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText is the strict inverse of MarshalText.
func (r *Root) UnmarshalText(text []byte) error {
	b, err := keyText.DecodeString(string(text))
	if err != nil || len(b) != len(r) || keyText.EncodeToString(b) != string(text) {
		return Fail(ReasonMalformed, "read ledger root", err)
	}
	copy(r[:], b)
	return nil
}
