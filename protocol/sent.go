package protocol

// Nearly every byte of a catch-up travels in a Sent, so that it too is read and
// written by hand (see header.go). Byte strings that were read share the frame's memory.

// appendSent writes the frame in canonical form.
func appendSent(dst []byte, s *Sent) []byte {
	pairs := uint64(0)
	for _, there := range [...]bool{len(s.Bodies) != 0, len(s.Entries) != 0, len(s.Headers) != 0, s.Left != 0, s.End} {
		if there {
			pairs++
		}
	}
	dst = appendHead(dst, majorMap, pairs)
	dst = appendBlocks(dst, "b", s.Bodies)
	if len(s.Entries) != 0 {
		dst = appendHead(appendText(dst, "e"), majorArray, uint64(len(s.Entries)))
		for _, c := range s.Entries {
			dst = appendLink(dst, c)
		}
	}
	dst = appendBlocks(dst, "h", s.Headers)
	if s.Left != 0 {
		dst = appendUint(dst, "l", s.Left)
	}
	if s.End {
		dst = append(appendText(dst, "x"), cborTrue)
	}
	return dst
}

func appendBlocks(dst []byte, key string, blocks [][]byte) []byte {
	if len(blocks) == 0 {
		return dst
	}
	dst = appendHead(appendText(dst, key), majorArray, uint64(len(blocks)))
	for _, b := range blocks {
		dst = appendBytes(dst, b)
	}
	return dst
}

// size is about what appendSent takes, never less.
func (s *Sent) size() int {
	n := 64 + (len(linkHead)+cidBytes)*len(s.Entries)
	for _, list := range [2][][]byte{s.Headers, s.Bodies} {
		for _, b := range list {
			n += len(b) + 9
		}
	}
	return n
}

// readSent reads a frame, and reports false for everything but exactly the bytes that
// appendSent writes: keys it knows, in order, none of them empty or zero.
func readSent(raw []byte, s *Sent) bool {
	c := cursor{b: raw}
	last := byte(0)
	for range c.head(majorMap) {
		key := c.text()
		if len(key) != 1 || key[0] <= last {
			return false
		}
		switch last = key[0]; last {
		case 'b':
			s.Bodies = c.blocks()
		case 'e':
			n := c.head(majorArray)
			if n == 0 || n > MaxAsk {
				return false
			}
			s.Entries = make([]CID, n)
			for i := range s.Entries {
				s.Entries[i] = c.link()
			}
		case 'h':
			s.Headers = c.blocks()
		case 'l':
			if s.Left = c.head(majorUint); s.Left == 0 {
				return false
			}
		case 'x':
			if len(c.b) == 0 || c.b[0] != cborTrue {
				return false
			}
			s.End, c.b = true, c.b[1:]
		default:
			return false
		}
		if c.bad {
			return false
		}
	}
	return !c.bad && len(c.b) == 0
}

func (c *cursor) blocks() [][]byte {
	n := c.head(majorArray)
	if n == 0 || n > MaxAsk {
		c.bad = true
		return nil
	}
	out := make([][]byte, n)
	for i := range out {
		out[i] = c.bytes(majorBytes)
	}
	return out
}
