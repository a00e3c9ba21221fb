package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"os"
	"path/filepath"
	"time"

	"github.com/dure-net/dure/protocol"
)

// closing is the note left by an orderly Close. It is never removed: it holds for as
// long as no number was given since, so a stale one cannot be taken for a true one.
type closing struct {
	next    uint64 // local number of the next change
	entries uint64
	feeds   uint64
	root    protocol.Root
	at      time.Time
}

const (
	closingName  = "closed"
	closingMagic = "dure closed 1\x00\x00\x00"
	closingBytes = len(closingMagic) + 4*8 + 32 + 32
)

func (c closing) append(b []byte) []byte {
	from := len(b)
	b = append(b, closingMagic...)
	for _, n := range [...]uint64{c.next, c.entries, c.feeds, uint64(c.at.UnixMilli())} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	b = append(b, c.root[:]...)
	sum := sha256.Sum256(b[from:])
	return append(b, sum[:]...)
}

func parseClosing(b []byte) (c closing, ok bool) {
	if len(b) != closingBytes || string(b[:len(closingMagic)]) != closingMagic {
		return c, false
	}
	if sum := sha256.Sum256(b[:closingBytes-32]); !bytes.Equal(sum[:], b[closingBytes-32:]) {
		return c, false
	}
	b = b[len(closingMagic):]
	c.next, c.entries, c.feeds = binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:]), binary.BigEndian.Uint64(b[16:])
	c.at = time.UnixMilli(int64(binary.BigEndian.Uint64(b[24:])))
	c.root = protocol.Root(b[32:64])
	return c, true
}

func readClosing(dir string) (closing, bool) {
	b, err := os.ReadFile(filepath.Join(dir, closingName))
	if err != nil {
		return closing{}, false
	}
	return parseClosing(b)
}

// writeClosing replaces the note.
func writeClosing(dir string, c closing) error {
	return replaceFile(filepath.Join(dir, closingName), c.append(nil))
}
