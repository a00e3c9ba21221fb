package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/dure-net/dure/protocol"
)

// A run is stored as: a format byte, the number of headers (1 to 64), the hash of the
// last header, then every header behind two bytes of length, big-endian. The hash makes
// a run whole in itself: each header names its predecessor's hash, the last one is named
// by nobody yet.
const (
	runFormat    = 1
	runHeadBytes = 1 + 1 + 32
)

var errRun = errors.New("not the bytes of a run")

// newRun begins a run's bytes; the count and hash are set by finishRun.
func newRun(capacity int) []byte {
	return append(make([]byte, 0, runHeadBytes+capacity), make([]byte, runHeadBytes)...)
}

func appendHeader(run, header []byte) []byte {
	run = binary.BigEndian.AppendUint16(run, uint16(len(header)))
	return append(run, header...)
}

func finishRun(run []byte, count int, last digest) {
	run[0], run[1] = runFormat, byte(count)
	copy(run[2:], last[:])
}

// runHeaders calls each with every header of a run, in order, until it says stop. The
// slices are parts of value. It checks the framing alone.
func runHeaders(value []byte, each func(i int, header []byte) error) (count int, err error) {
	count, rest, err := openRun(value)
	if err != nil {
		return 0, err
	}
	for i := range count {
		header, after, ok := nextHeader(rest)
		if !ok {
			return 0, errRun
		}
		if err := each(i, header); err != nil {
			return 0, err
		}
		rest = after
	}
	if len(rest) != 0 {
		return 0, errRun
	}
	return count, nil
}

func openRun(value []byte) (count int, rest []byte, err error) {
	if len(value) < runHeadBytes || value[0] != runFormat || value[1] == 0 || value[1] > protocol.MaxPage {
		return 0, nil, errRun
	}
	return int(value[1]), value[runHeadBytes:], nil
}

func nextHeader(b []byte) (header, rest []byte, ok bool) {
	if len(b) < 2 {
		return nil, nil, false
	}
	n := int(binary.BigEndian.Uint16(b))
	if n == 0 || n > protocol.MaxHeaderBytes || len(b) < 2+n {
		return nil, nil, false
	}
	return b[2 : 2+n], b[2+n:], true
}

// headerAt is header i of a run, a part of value.
func headerAt(value []byte, i uint64) ([]byte, error) {
	count, rest, err := openRun(value)
	if err != nil || i >= uint64(count) {
		return nil, errRun
	}
	for ; ; i-- {
		header, after, ok := nextHeader(rest)
		if !ok {
			return nil, errRun
		}
		if i == 0 {
			return header, nil
		}
		rest = after
	}
}

// link is a header as a chain walk sees it.
type link struct {
	glance
	id     digest
	header []byte // part of the run's bytes
}

// chain walks the headers of one feed from its beginning, or from any head, and checks
// that each follows the one before: seq, predecessor's hash, feed.
type chain struct {
	feed digest // zero before the inception
	head digest
	next uint64
}

func (c *chain) step(header []byte) (link, error) {
	g, err := glanceAt(header)
	if err != nil {
		return link{}, err
	}
	l := link{glance: g, id: sha256.Sum256(header), header: header}
	switch {
	case g.seq != c.next:
		return link{}, fmt.Errorf("entry %d stands in the place of entry %d", g.seq, c.next)
	case g.seq == 0 && c.feed == digest{}:
		c.feed = l.id
	case g.seq == 0 && c.feed != l.id:
		return link{}, errors.New("the inception is another feed's")
	case g.seq > 0 && (g.prev != c.head || g.feed != c.feed):
		return link{}, fmt.Errorf("entry %d does not follow its predecessor", g.seq)
	}
	c.head, c.next = l.id, g.seq+1
	return l, nil
}

// walk checks a whole run and calls each with its links. On error the chain must not be
// used any further; c is unchanged only if the caller kept a copy.
func (c *chain) walk(value []byte, each func(link)) error {
	_, err := runHeaders(value, func(_ int, header []byte) error {
		l, err := c.step(header)
		if err == nil {
			each(l)
		}
		return err
	})
	if err == nil && c.head != digest(value[2:runHeadBytes]) {
		err = errors.New("the last header of the run is not the one that was stored")
	}
	return err
}
