package node

import (
	"crypto/rand"
	"io"
	"strconv"

	"github.com/dure-net/dure/protocol"
)

// languages are those that this program speaks.
var languages = [...]string{"ko", "en", "fr", "es"}

func random(r io.Reader) io.Reader {
	if r == nil {
		return rand.Reader
	}
	return r
}

func newSalt(r io.Reader) (protocol.Salt, error) {
	var s protocol.Salt
	if _, err := io.ReadFull(random(r), s[:]); err != nil {
		return s, protocol.Fail(protocol.ReasonInternal, "read randomness", err)
	}
	return s, nil
}

func itoa(n int) string { return strconv.Itoa(n) }
