package ledger

import (
	"math/bits"
	"unsafe"
)

// index finds places by the first eight bytes of a hash. It is a hint, not an answer:
// eight bytes can collide, so whoever follows a place hashes what is there and goes on
// with the next candidate if that is another block.
//
// 256 tables grow one by one, so that growing never stops the ledger for long; linear
// probing, at most four fifths full, 16 bytes a slot. Slots are chosen by a keyed mix of
// the hash: a member who grinds entries with alike hashes cannot pile them up.
// Places are added and never taken out. It is not safe for concurrent use.
type index struct {
	seed   uint64
	tables [256]table
}

type table struct {
	slots []slot
	used  int
}

type slot struct {
	hash uint64
	at   place // 0 = empty
}

func (x *index) mix(hash uint64) uint64 {
	hi, lo := bits.Mul64(hash^x.seed, 0x9e3779b97f4a7c15)
	z := (hi ^ lo) * 0xff51afd7ed558ccd
	return z ^ z>>32
}

// start is the first slot to try in a table of n slots.
func start(mixed uint64, n int) int {
	hi, _ := bits.Mul64(mixed<<8, uint64(n))
	return int(hi)
}

// add remembers that a block with this hash is at this place. Adding it again is harmless.
func (x *index) add(hash uint64, at place) {
	m := x.mix(hash)
	t := &x.tables[m>>56]
	if t.used*5 >= len(t.slots)*4 {
		x.grow(t)
	}
	if t.put(slot{hash, at}, m) {
		t.used++
	}
}

func (t *table) put(s slot, mixed uint64) bool {
	for i := start(mixed, len(t.slots)); ; {
		switch t.slots[i] {
		case slot{}:
			t.slots[i] = s
			return true
		case s:
			return false
		}
		if i++; i == len(t.slots) {
			i = 0
		}
	}
}

func (x *index) grow(t *table) {
	old := t.slots
	t.slots = make([]slot, max(16, len(old)+len(old)/2))
	for _, s := range old {
		if s.at != 0 {
			t.put(s, x.mix(s.hash))
		}
	}
}

// find calls try with every place under this hash until it says stop.
func (x *index) find(hash uint64, try func(place) (stop bool)) {
	m := x.mix(hash)
	t := &x.tables[m>>56]
	if len(t.slots) == 0 {
		return
	}
	for i := start(m, len(t.slots)); ; {
		s := t.slots[i]
		if s.at == 0 || s.hash == hash && try(s.at) {
			return
		}
		if i++; i == len(t.slots) {
			i = 0
		}
	}
}

// has reports whether a block with this hash is known to be at this place.
func (x *index) has(hash uint64, at place) bool {
	m := x.mix(hash)
	t := &x.tables[m>>56]
	if len(t.slots) == 0 {
		return false
	}
	for i := start(m, len(t.slots)); ; {
		switch t.slots[i] {
		case slot{}:
			return false
		case slot{hash, at}:
			return true
		}
		if i++; i == len(t.slots) {
			i = 0
		}
	}
}

// bytes is the memory that the slots take.
func (x *index) bytes() uint64 {
	n := 0
	for i := range x.tables {
		n += len(x.tables[i].slots)
	}
	return uint64(n) * uint64(unsafe.Sizeof(slot{}))
}
