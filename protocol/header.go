package protocol

import "bytes"

// Catch-up reads every header of a ledger, so headers of later entries, which have a
// fixed small set of fields, are read and written by hand here. The rule is the one
// of codec.go all the same: what was read is written again and must give the same
// bytes. Whatever does not, and every inception, goes through Decode, which alone
// says what is wrong with it; FuzzMalleability_Entry holds the two against each other.

// appendHeader writes a header without Init in canonical form, leaving out the
// signature if there is none. Key order: shorter first, then by bytes.
func appendHeader(dst []byte, h *Header) []byte {
	pairs := uint64(5) // v, act, seq, kind, time
	for _, there := range [...]bool{h.Of.Defined(), h.Number != 0, len(h.Signature) != 0, h.Body.Defined(), h.Feed.Defined(),
		h.Prev.Defined(), len(h.Refs) != 0, h.Size != 0} {
		if there {
			pairs++
		}
	}
	dst = appendHead(dst, majorMap, pairs)
	dst = appendUint(dst, "v", h.Version)
	dst = appendCID(dst, "of", h.Of)
	dst = appendHead(appendText(dst, "act"), majorMap, 2)
	dst = appendHead(appendText(dst, "n"), majorUint, h.Act.Number)
	dst = appendCID(dst, "id", h.Act.ID)
	if h.Number != 0 {
		dst = appendUint(dst, "num", h.Number)
	}
	dst = appendUint(dst, "seq", h.Seq)
	if len(h.Signature) != 0 {
		dst = appendBytes(appendText(dst, "sig"), h.Signature)
	}
	dst = appendCID(dst, "body", h.Body)
	dst = appendCID(dst, "feed", h.Feed)
	dst = appendUint(dst, "kind", uint64(h.Kind))
	dst = appendCID(dst, "prev", h.Prev)
	if len(h.Refs) != 0 {
		dst = appendHead(appendText(dst, "refs"), majorArray, uint64(len(h.Refs)))
		for _, c := range h.Refs {
			dst = appendLink(dst, c)
		}
	}
	if h.Size != 0 {
		dst = appendUint(dst, "size", h.Size)
	}
	return appendUint(dst, "time", uint64(h.Time))
}

func appendUint(dst []byte, key string, n uint64) []byte {
	return appendHead(appendText(dst, key), majorUint, n)
}

// appendCID leaves an undefined CID out.
func appendCID(dst []byte, key string, c CID) []byte {
	if !c.Defined() {
		return dst
	}
	return appendLink(appendText(dst, key), c)
}

// readHeader reads a later entry's header into h, whose Signature then shares raw. It
// reports false, leaving h in any state, for everything but exactly the bytes that
// appendHeader writes. CIDs that prev has too are shared with it.
func readHeader(raw []byte, h *Header, prev *Entry) bool {
	c := cursor{b: raw}
	for range c.head(majorMap) {
		switch string(c.text()) {
		case "v":
			h.Version = c.head(majorUint)
		case "of":
			h.Of = c.likely(prev.h.Of)
		case "act":
			if c.head(majorMap) != 2 || string(c.text()) != "n" {
				return false
			}
			h.Act.Number = c.head(majorUint)
			if string(c.text()) != "id" {
				return false
			}
			h.Act.ID = c.likely(prev.h.Act.ID)
		case "num":
			h.Number = c.head(majorUint)
		case "seq":
			h.Seq = c.head(majorUint)
		case "sig":
			h.Signature = c.bytes(majorBytes)
		case "body":
			h.Body = c.link()
		case "feed":
			h.Feed = c.likely(prev.Feed())
		case "kind":
			h.Kind = Kind(c.head(majorUint))
		case "prev":
			h.Prev = c.likely(prev.id)
		case "refs":
			n := c.head(majorArray)
			if n > MaxReferences {
				return false
			}
			h.Refs = make([]CID, n)
			for i := range h.Refs {
				h.Refs[i] = c.link()
			}
		case "size":
			h.Size = c.head(majorUint)
		case "time":
			h.Time = int64(c.head(majorUint))
		default:
			return false
		}
		if c.bad {
			return false
		}
	}
	if c.bad || h.Time < 0 || h.Act.ID.IsZero() {
		return false
	}
	var room [MaxHeaderBytes]byte
	return bytes.Equal(appendHeader(room[:0], h), raw)
}

// cursor reads items one after the other; bad stays set once something did not fit.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) head(major byte) uint64 {
	m, n, rest, err := readHead(c.b)
	if err != nil || m != major {
		c.bad, c.b = true, nil
		return 0
	}
	c.b = rest
	return n
}

func (c *cursor) bytes(major byte) []byte {
	n := c.head(major)
	if n > uint64(len(c.b)) {
		c.bad = true
		return nil
	}
	out := c.b[:n:n]
	c.b = c.b[n:]
	return out
}

func (c *cursor) text() []byte { return c.bytes(majorText) }

// likely is link where the CID is probably this one, and then costs no memory.
func (c *cursor) likely(this CID) CID {
	const n = len(linkHead) + cidBytes
	if this.Defined() && len(c.b) >= n && [5]byte(c.b[:5]) == linkHead && string(c.b[5:n]) == this.KeyString() {
		c.b = c.b[n:]
		return this
	}
	return c.link()
}

func (c *cursor) link() CID {
	if len(c.b) < len(linkHead)+cidBytes || [5]byte(c.b[:5]) != linkHead || !isCID(c.b[5:5+cidBytes]) {
		c.bad = true
		return CID{}
	}
	out := castKnown(c.b[5 : 5+cidBytes])
	c.b = c.b[5+cidBytes:]
	return out
}
