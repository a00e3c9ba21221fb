package ledger

import (
	"encoding/binary"
)

// Key prefixes; the package comment has the table. They are on disks: never reuse one.
const (
	keyFeed     = 'f'
	keyRun      = 'h'
	keyBody     = 'b'
	keyGoverned = 'g'
	keyWanted   = 'w'
	keyErased   = 'e'
	keyLog      = 'l'
	keyAside    = 'q'
	keyRepaired = 'r'
	keyEvidence = 'x'
	keyChosen   = 'c'
	keyMeta     = 'm'
)

const (
	feedKeyBytes  = 1 + 4
	placeKeyBytes = 1 + 4 + 8
	logKeyBytes   = 1 + 8
)

// place is where something stands: feed number, seq, and whether the body is meant.
// The zero place is nowhere: feed numbers begin at 1.
type place uint64

func placeOf(no uint32, seq uint64) place { return place(uint64(no)<<40 | seq<<1) }

func (p place) feed() uint32 { return uint32(p >> 40) }
func (p place) seq() uint64  { return uint64(p) >> 1 & maxSeq }
func (p place) isBody() bool { return p&1 != 0 }
func (p place) body() place  { return p | 1 }
func (p place) entry() place { return p &^ 1 }

func appendPlaceKey(b []byte, prefix byte, p place) []byte {
	b = append(b, prefix)
	b = binary.BigEndian.AppendUint32(b, p.feed())
	return binary.BigEndian.AppendUint64(b, p.seq())
}

func placeKey(prefix byte, p place) []byte {
	return appendPlaceKey(make([]byte, 0, placeKeyBytes), prefix, p)
}

// repairedKey is where the second copy of what lies under key is kept.
func repairedKey(key []byte) []byte { return append([]byte{keyRepaired}, key...) }

func feedKey(prefix byte, no uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{prefix}, no)
}

func logKey(local uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{keyLog}, local)
}

// readPlaceKey is the inverse of placeKey, without the prefix byte.
func readPlaceKey(key []byte) (place, bool) {
	if len(key) != placeKeyBytes {
		return 0, false
	}
	no, seq := binary.BigEndian.Uint32(key[1:]), binary.BigEndian.Uint64(key[5:])
	if no == 0 || no > maxFeeds || seq > maxSeq {
		return 0, false
	}
	return placeOf(no, seq), true
}

// bodyPrefixes are where a body of this kind lies, and where it lies if it was written by
// a program that knew less of kinds: an older one held bodies of kinds it did not know for
// governance, which is never erased.
func bodyPrefixes(erasable bool) [2]byte {
	if erasable {
		return [2]byte{keyBody, keyGoverned}
	}
	return [2]byte{keyGoverned, keyBody}
}

func readLogKey(key []byte) uint64 { return binary.BigEndian.Uint64(key[1:]) }
