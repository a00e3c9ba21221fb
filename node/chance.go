package node

import (
	"crypto/rand"
	"io"
	"strconv"
)

// languages are those that this program speaks.
var languages = [...]string{"ko", "en", "fr", "es"}

func random(r io.Reader) io.Reader {
	if r == nil {
		return rand.Reader
	}
	return r
}

func itoa(n int) string { return strconv.Itoa(n) }
