package node

import (
	"crypto/rand"
	"io"
)

// random is the randomness that was handed in, or the machine's.
func random(r io.Reader) io.Reader {
	if r == nil {
		return rand.Reader
	}
	return r
}
