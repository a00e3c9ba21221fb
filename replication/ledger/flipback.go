package ledger

import (
	"bytes"
	"io"
	"time"
)

// patience bounds how long one opening of a ledger looks for single wrong bits. What it
// does not come to is lost to this disk as it would be without, and fetched again.
type patience struct{ until time.Time }

// maxFlipBytes bounds what is searched: every bit is tried, and each try reads it all.
const maxFlipBytes = 64 << 10

func newPatience() *patience { return &patience{time.Now().Add(20 * time.Second)} }

// flipBack looks for the one bit whose turning makes b right, and turns it. right must
// rest on a checksum or a hash: then what it accepts is what was written. It reports
// whether there is such a bit; b is as it was if there is none.
func (p *patience) flipBack(b []byte, right func([]byte) bool) bool {
	if len(b) > maxFlipBytes {
		return false
	}
	for i := range b {
		if i%64 == 0 && time.Now().After(p.until) {
			return false
		}
		for bit := range 8 {
			b[i] ^= 1 << bit
			if right(b) {
				return true
			}
			b[i] ^= 1 << bit
		}
	}
	return false
}

func asReader(b []byte) io.ReaderAt { return bytes.NewReader(b) }
