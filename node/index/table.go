package index

import (
	"encoding/binary"
	"hash/maphash"
	"slices"

	"github.com/dure-net/dure/protocol"
)

// digest is the hash inside a CID; all CIDs here are of one kind.
type digest = [32]byte

// cidOf is the inverse of protocol.CID.Digest for dag-cbor blocks.
func cidOf(d digest) protocol.CID {
	raw := append([]byte{1, byte(protocol.CodecDagCBOR), 0x12, 32}, d[:]...)
	id, err := protocol.CastCID(raw)
	if err != nil {
		panic("dure: internal error: " + err.Error())
	}
	return id
}

// chunked is a list that grows without moving what it holds, so that growing never
// holds readers up for longer than one chunk takes to clear.
type chunked[T any] struct {
	chunks [][]T
	n      uint32
}

const chunkBits = 8

func (c *chunked[T]) add(v T) uint32 {
	no := c.n
	if no>>chunkBits == uint32(len(c.chunks)) {
		c.chunks = append(c.chunks, make([]T, 1<<chunkBits))
	}
	c.chunks[no>>chunkBits][no&(1<<chunkBits-1)] = v
	c.n++
	return no
}

// at points into the list; the pointer stays good.
func (c *chunked[T]) at(no uint32) *T { return &c.chunks[no>>chunkBits][no&(1<<chunkBits-1)] }

// table is a hash table of places in some list, which holds the keys. A Go map of
// 32-byte keys takes five times the memory. Entries are never removed; equal keys may
// stand side by side.
type table struct {
	slots []uint32 // 1 + place; 0: empty. A power of two, at most three quarters full
	used  int
}

// find is the first place with this hash for which match holds.
func (t *table) find(hash uint64, match func(uint32) bool) (uint32, bool) {
	if len(t.slots) == 0 {
		return 0, false
	}
	mask := uint64(len(t.slots) - 1)
	for i := hash & mask; t.slots[i] != 0; i = (i + 1) & mask {
		if no := t.slots[i] - 1; match(no) {
			return no, true
		}
	}
	return 0, false
}

// add puts a place under its hash; rehash gives the hash of every place put in before.
func (t *table) add(hash uint64, no uint32, rehash func(uint32) uint64) {
	if (t.used+1)*4 > len(t.slots)*3 {
		old := t.slots
		t.slots = make([]uint32, max(16, 2*len(old)))
		for _, slot := range old {
			if slot != 0 {
				t.put(rehash(slot-1), slot)
			}
		}
	}
	t.put(hash, no+1)
	t.used++
}

func (t *table) put(hash uint64, slot uint32) {
	mask := uint64(len(t.slots) - 1)
	i := hash & mask
	for t.slots[i] != 0 {
		i = (i + 1) & mask
	}
	t.slots[i] = slot
}

// hash is seeded: who writes entries could otherwise choose them to collide.
func (x *Index) hash(d digest) uint64 { return maphash.Bytes(x.seed, d[:]) }

func (x *Index) hashNumber(feed uint32, number uint64) uint64 {
	var b [12]byte
	binary.LittleEndian.PutUint32(b[:], feed)
	binary.LittleEndian.PutUint64(b[4:], number)
	return maphash.Bytes(x.seed, b[:])
}

// insert keeps a list of records in order of their local numbers. Entries come in that
// order but for few.
func (x *Index) insert(list []uint32, no uint32) []uint32 {
	if len(list) == 0 || x.records.at(list[len(list)-1]).local <= x.records.at(no).local {
		return append(list, no)
	}
	return slices.Insert(list, x.below(list, x.records.at(no).local), no)
}

// below is how many records of a list have a local number smaller than local.
func (x *Index) below(list []uint32, local uint64) int {
	i, _ := slices.BinarySearchFunc(list, local, func(no uint32, local uint64) int {
		if x.records.at(no).local < local {
			return -1
		}
		return 1
	})
	return i
}
