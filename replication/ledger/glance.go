package ledger

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"

	"github.com/dure-net/dure/protocol"
)

// digest is the hash inside a CID.
type digest [32]byte

// short is what the index keeps of it.
func (d digest) short() uint64 { return binary.BigEndian.Uint64(d[:]) }

// glance is what the ledger itself needs of a header: its place in the chain and its
// body. Reading these few fields takes a hundredth of a full protocol.DecodeEntry, and
// a full decode is not needed again: the header was decoded strictly when it was
// admitted, and the hash says that these are the same bytes.
type glance struct {
	seq     uint64
	feed    digest // zero at seq 0
	prev    digest // zero at seq 0
	body    digest
	hasBody bool
	of      digest // the record it is about; zero where it names none
	size    uint64
	kind    protocol.Kind
	node    protocol.PublicKey // seq 0 only
	root    protocol.PublicKey // seq 0 only
	fed     digest             // seq 0 only
}

var errGlance = errors.New("not the bytes of a header")

// glanceAt reads a header. It accepts more than protocol.DecodeEntry does and reads
// the same from everything that DecodeEntry accepts.
func glanceAt(raw []byte) (glance, error) {
	var g glance
	r := reader{b: raw}
	pairs, ok := r.head(5)
	if !ok || pairs > protocol.MaxPairs {
		return g, errGlance
	}
	for range pairs {
		key, ok := r.take(3)
		if !ok {
			return g, errGlance
		}
		switch string(key) {
		case "seq":
			g.seq, ok = r.head(0)
		case "size":
			g.size, ok = r.head(0)
		case "kind":
			var k uint64
			k, ok = r.head(0)
			g.kind = protocol.Kind(k)
		case "feed":
			ok = r.link(&g.feed)
		case "prev":
			ok = r.link(&g.prev)
		case "body":
			g.hasBody = true
			ok = r.link(&g.body)
		case "of":
			ok = r.link(&g.of)
		case "init":
			ok = r.inception(&g)
		default:
			ok = r.skip(0)
		}
		if !ok {
			return g, errGlance
		}
	}
	if len(r.b) != 0 {
		return g, errGlance
	}
	return g, nil
}

// reader walks canonical CBOR.
type reader struct{ b []byte }

// head reads the head of an item of this major type and returns its argument.
func (r *reader) head(major byte) (uint64, bool) {
	m, n, ok := r.any()
	return n, ok && m == major
}

func (r *reader) any() (major byte, arg uint64, ok bool) {
	if len(r.b) == 0 {
		return 0, 0, false
	}
	first := r.b[0]
	r.b = r.b[1:]
	major, info := first>>5, first&31
	width := 0
	switch {
	case info < 24:
		return major, uint64(info), true
	case info <= 27:
		width = 1 << (info - 24)
	default:
		return 0, 0, false
	}
	if len(r.b) < width {
		return 0, 0, false
	}
	var wide [8]byte
	copy(wide[8-width:], r.b[:width])
	r.b = r.b[width:]
	return major, binary.BigEndian.Uint64(wide[:]), true
}

// take reads a byte (2) or text (3) string, without copying.
func (r *reader) take(major byte) ([]byte, bool) {
	n, ok := r.head(major)
	if !ok || n > uint64(len(r.b)) {
		return nil, false
	}
	s := r.b[:n]
	r.b = r.b[n:]
	return s, true
}

var linkHead = []byte{0xd8, 42, 0x58, 37, 0, 1}

// link reads a link of this profile: tag 42 over a zero byte and a 36-byte CID.
func (r *reader) link(into *digest) bool {
	const whole = 41
	if len(r.b) < whole || !bytes.HasPrefix(r.b, linkHead) {
		return false
	}
	copy(into[:], r.b[whole-len(into):whole])
	r.b = r.b[whole:]
	return true
}

// inception reads the federation and the keys that a feed's first header names.
func (r *reader) inception(g *glance) bool {
	pairs, ok := r.head(5)
	if !ok || pairs > protocol.MaxPairs {
		return false
	}
	for range pairs {
		key, ok := r.take(3)
		if !ok {
			return false
		}
		switch string(key) {
		case "fed":
			ok = r.link(&g.fed)
		case "node":
			ok = r.key(&g.node)
		case "root":
			ok = r.key(&g.root)
		default:
			ok = r.skip(1)
		}
		if !ok {
			return false
		}
	}
	return true
}

// key reads a public key: a byte string of its length.
func (r *reader) key(into *protocol.PublicKey) bool {
	s, ok := r.take(2)
	if !ok || len(s) != len(into) {
		return false
	}
	copy(into[:], s)
	return true
}

// skip reads one item of any kind.
func (r *reader) skip(depth int) bool {
	if depth > protocol.MaxDepth {
		return false
	}
	major, n, ok := r.any()
	if !ok {
		return false
	}
	items := uint64(0)
	switch major {
	case 2, 3:
		if n > uint64(len(r.b)) {
			return false
		}
		r.b = r.b[n:]
	case 4:
		items = n
	case 5:
		if n > math.MaxUint64/2 {
			return false
		}
		items = 2 * n
	case 6:
		items = 1
	}
	if items > uint64(len(r.b)) { // an item takes a byte at least
		return false
	}
	for range items {
		if !r.skip(depth + 1) {
			return false
		}
	}
	return true
}
