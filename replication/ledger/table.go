package ledger

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"os"

	"github.com/dgraph-io/badger/v4/fb"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/dgraph-io/badger/v4/pb"
	badgertable "github.com/dgraph-io/badger/v4/table"
	"github.com/dgraph-io/badger/v4/y"
	"github.com/klauspost/compress/snappy"
	"google.golang.org/protobuf/proto"
)

// A table of Badger's (4.9) is blocks, one behind the other, then an index of them, its
// length (4 bytes), its checksum and the length of that. A block is compressed with
// Snappy as a whole; inside it are entries, their offsets and number, a checksum over
// all that and its length. An entry is how much of the first key it shares (2 bytes), how
// much of its own follows (2), that, and the value: meta, user meta, expiry, bytes.
const (
	tableSuffix   = ".sst"
	maxBlockBytes = 4 << 20 // one entry makes a block of its own where it is larger than 4 KiB
	maxIndexBytes = 64 << 20
)

var errTable = errors.New("not the bytes of a table")

// span is a block's place in its file.
type span struct {
	from, n int
	first   []byte // key
}

// tableIndex reads where a table's blocks are. size is the file's.
func tableIndex(r io.ReaderAt, size int64) (blocks []span, err error) {
	tail := func(end, n int64) ([]byte, error) {
		if n <= 0 || n > maxIndexBytes || end < n {
			return nil, errTable
		}
		b := make([]byte, n)
		_, err := r.ReadAt(b, end-n)
		return b, err
	}
	number := func(end int64) (int64, error) {
		b, err := tail(end, 4)
		if err != nil {
			return 0, err
		}
		return int64(binary.BigEndian.Uint32(b)), nil
	}
	sumBytes, err := number(size)
	if err != nil {
		return nil, err
	}
	rawSum, err := tail(size-4, sumBytes)
	if err != nil {
		return nil, err
	}
	var sum pb.Checksum
	if err := proto.Unmarshal(rawSum, &sum); err != nil || sum.Algo != pb.Checksum_CRC32C {
		return nil, errTable
	}
	end := size - 4 - sumBytes
	indexBytes, err := number(end)
	if err != nil {
		return nil, err
	}
	raw, err := tail(end-4, indexBytes)
	if err != nil {
		return nil, err
	}
	if err := y.VerifyChecksum(raw, &sum); err != nil {
		return nil, err
	}
	index := fb.GetRootAsTableIndex(raw, 0)
	next := 0
	for i := range index.OffsetsLength() {
		var at fb.BlockOffset
		if !index.Offsets(&at, i) || int(at.Offset()) != next || at.Len() == 0 || at.Len() > maxBlockBytes {
			return nil, errTable
		}
		blocks = append(blocks, span{next, int(at.Len()), at.KeyBytes()})
		next += int(at.Len())
	}
	if len(blocks) == 0 {
		return nil, errTable
	}
	return blocks, nil
}

// soundTable says what is wrong with a table; nil if Badger can read every byte of it.
func soundTable(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	blocks, err := tableIndex(f, info.Size())
	if err != nil {
		return err
	}
	in := bufio.NewReaderSize(f, 1<<20)
	var raw, room []byte
	for _, b := range blocks {
		if cap(raw) < b.n {
			raw = make([]byte, b.n)
		}
		raw = raw[:b.n]
		if _, err := io.ReadFull(in, raw); err != nil {
			return err
		}
		if _, room, err = openBlock(raw, room); err != nil {
			return err
		}
	}
	return nil
}

// openBlock decompresses a block and checks it. What it returns is in room, or in a
// larger piece that takes its place.
func openBlock(raw, room []byte) (data, newRoom []byte, err error) {
	n, err := snappy.DecodedLen(raw)
	if err != nil || n < 16 || n > maxBlockBytes {
		return nil, room, errTable
	}
	if cap(room) < n {
		room = make([]byte, n)
	}
	data, err = snappy.Decode(room[:cap(room)], raw)
	if err != nil {
		return nil, room, err
	}
	sumBytes := int(binary.BigEndian.Uint32(data[len(data)-4:]))
	end := len(data) - 4 - sumBytes
	if sumBytes <= 0 || end < 4 {
		return nil, room, errTable
	}
	var sum pb.Checksum
	if err := proto.Unmarshal(data[end:len(data)-4], &sum); err != nil || sum.Algo != pb.Checksum_CRC32C {
		return nil, room, errTable
	}
	if err := y.VerifyChecksum(data[:end], &sum); err != nil {
		return nil, room, err
	}
	return data[:end], room, nil
}

// blockEntries calls each with the entries of an opened block: keys with their
// timestamps, and values as a table holds them. They are parts of data, but the key.
func blockEntries(data []byte, each func(key, value []byte)) error {
	count := int(binary.BigEndian.Uint32(data[len(data)-4:]))
	offsets := len(data) - 4 - 4*count
	if count <= 0 || count > len(data)/4 || offsets < 0 {
		return errTable
	}
	at := func(i int) int {
		if i == count {
			return offsets
		}
		return int(binary.LittleEndian.Uint32(data[offsets+4*i:]))
	}
	var base []byte
	for i := range count {
		from, to := at(i), at(i+1)
		if from < 0 || from+4 > to || to > offsets {
			return errTable
		}
		shared, own := int(binary.LittleEndian.Uint16(data[from:])), int(binary.LittleEndian.Uint16(data[from+2:]))
		from += 4
		if from+own > to || shared > len(base) {
			return errTable
		}
		key := append(append(make([]byte, 0, shared+own), base[:shared]...), data[from:from+own]...)
		if i == 0 {
			base = key
		}
		if len(key) <= timestampSize || from+own+3 > to {
			return errTable
		}
		each(key, data[from+own:to])
	}
	return nil
}

// snappyEnd is where a compressed block that begins here ends, which it says itself; 0 if
// nothing that begins here can be one.
func snappyEnd(b []byte) int {
	n, width := binary.Uvarint(b[:min(5, len(b))])
	if width <= 0 || n < 16 || n > maxBlockBytes {
		return 0
	}
	at, made := width, uint64(0)
	for made < n {
		if at >= len(b) {
			return 0
		}
		tag := b[at]
		at++
		length := uint64(tag >> 2)
		switch tag & 3 {
		case 0: // as it is
			if length >= 60 {
				width := int(length) - 59
				if at+width > len(b) {
					return 0
				}
				length = 0
				for i := range width {
					length |= uint64(b[at+i]) << (8 * i)
				}
				at += width
			}
			length++
			at += int(length)
		case 1: // a copy
			length = 4 + length&7
			at++
		case 2:
			length++
			at += 2
		case 3:
			length++
			at += 4
		}
		made += length
	}
	if made != n || at > len(b) {
		return 0
	}
	return at
}

// rescueTable calls each with every entry of a damaged table that can still be read, in
// the table's order, and returns how many parts of it could not. A block in which one
// bit is wrong is read: the checksum says which. Without a good index the blocks are
// found by what they say of themselves.
func rescueTable(b []byte, patience *patience, each func(key, value []byte)) (lost int) {
	var room []byte
	try := func(raw []byte) bool {
		data, r, err := openBlock(raw, room)
		room = r
		return err == nil && blockEntries(data, each) == nil
	}
	if blocks, err := tableIndex(asReader(b), int64(len(b))); err == nil {
		for i, s := range blocks {
			raw := b[s.from : s.from+s.n]
			if try(raw) {
				continue
			}
			fixed := patience.flipBack(raw, func(raw []byte) bool {
				_, r, err := openBlock(raw, room)
				room = r
				return err == nil
			})
			if fixed && try(raw) {
				continue
			}
			lost++
			var end []byte
			if i+1 < len(blocks) {
				end = blocks[i+1].first
			}
			looseEntries(raw, func(key, value []byte) {
				if y.CompareKeys(key, s.first) >= 0 && (end == nil || y.CompareKeys(key, end) < 0) {
					each(key, value)
				}
			})
		}
		return lost
	}
	broken := false
	for at := 0; at < len(b); {
		if end := snappyEnd(b[at:]); end > 0 && try(b[at:at+end]) {
			at, broken = at+end, false
			continue
		}
		if !broken { // the index counts as one part, and so does every hole
			broken = true
			lost++
		}
		at++
	}
	return lost
}

// looseEntries calls each with entries of a block whose checksum is wrong, as far as they
// carry a hash of their own, or are compared with one whenever they are read.
func looseEntries(raw []byte, each func(key, value []byte)) {
	n, err := snappy.DecodedLen(raw)
	if err != nil || n < 16 || n > maxBlockBytes {
		return
	}
	data, err := snappy.Decode(nil, raw)
	if err != nil {
		return
	}
	end := len(data) - 4 - int(binary.BigEndian.Uint32(data[len(data)-4:]))
	if end < 4 || end > len(data)-4 {
		return
	}
	_ = blockEntries(data[:end], func(key, value []byte) {
		var v y.ValueStruct
		v.Decode(value)
		if proven(key[:len(key)-timestampSize], v.Value) {
			each(key, value)
		}
	})
}

// proven says that what lies under a key is right in itself, or is a body, which is hashed
// whenever it is read.
func proven(key, value []byte) bool {
	if len(key) > 1 && key[0] == keyRepaired {
		key = key[1:]
	}
	switch key[0] {
	case keyBody, keyGoverned:
		return len(key) == placeKeyBytes
	case keyRun, keyAside:
		return len(key) == placeKeyBytes && soundRun(value)
	}
	return false
}

// soundRun says that the headers of a run follow one another, up to the last one.
func soundRun(value []byte) bool {
	var last digest
	_, err := runHeaders(value, func(i int, header []byte) error {
		g, err := glanceAt(header)
		if err == nil && i > 0 && g.prev != last {
			err = errRun
		}
		last = sha256.Sum256(header)
		return err
	})
	return err == nil && last == digest(value[2:runHeadBytes])
}

// buildTable makes a table of entries that come in the order of their keys. Those that
// do not are left out; nil if there is none.
func buildTable(z sizes, entries func(add func(key, value []byte))) []byte {
	b := badgertable.NewTableBuilder(badgertable.Options{TableSize: uint64(z.table), BlockSize: 4 << 10, BloomFalsePositive: 0.01, Compression: options.Snappy})
	defer b.Close()
	var last []byte
	entries(func(key, value []byte) {
		if last != nil && y.CompareKeys(last, key) >= 0 {
			return
		}
		last = key
		var v y.ValueStruct
		v.Decode(append([]byte(nil), value...))
		b.Add(key, v, 0)
	})
	if b.Empty() {
		b.Finish()
		return nil
	}
	return b.Finish()
}
