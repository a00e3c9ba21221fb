package ledger

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"strconv"
)

// Badger's log of a memtable (4.9): 20 bytes of head, of which the first 8 are zero
// without encryption, then records: meta, user meta, length of key, length of value and
// expiry as varints, key, value, CRC-32C of all that. Keys end in 8 bytes of timestamp.
// A transaction is records with the transaction bit, and one that finishes it.
const (
	logHeadBytes  = 20
	logInTxn      = 1 << 6
	logFinishes   = 1 << 7
	maxLogKey     = 1 << 10 // far beyond any key of ours
	maxLogValue   = 2 << 20 // so is this
	timestampSize = 8
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// record is one record of a log; key and value are parts of the log's bytes.
type record struct {
	meta       byte
	key, value []byte // the key without its timestamp
	ts         uint64
	end        int
}

// recordAt reads the record at a place of a log; false if there is none.
func recordAt(b []byte, at int) (r record, ok bool) {
	if at+2 > len(b) {
		return r, false
	}
	r.meta = b[at]
	pos := at + 2
	var n [3]uint64
	for i := range n {
		v, width := binary.Uvarint(b[pos:min(pos+10, len(b))])
		if width <= 0 {
			return r, false
		}
		n[i], pos = v, pos+width
	}
	klen, vlen := n[0], n[1]
	if klen == 0 || klen > maxLogKey || vlen > maxLogValue || pos+int(klen+vlen)+4 > len(b) {
		return r, false
	}
	r.key, r.value = b[pos:pos+int(klen)], b[pos+int(klen):pos+int(klen+vlen)]
	pos += int(klen + vlen)
	if crc32.Checksum(b[at:pos], castagnoli) != binary.BigEndian.Uint32(b[pos:]) {
		return r, false
	}
	r.end = pos + 4
	if len(r.key) > timestampSize {
		cut := len(r.key) - timestampSize
		r.ts = ^binary.BigEndian.Uint64(r.key[cut:])
		r.key = r.key[:cut]
	}
	return r, true
}

// wholeTransactions is where the unbroken row of whole transactions of a log ends, which
// is where Badger stops reading it; each is called with every transaction's records.
func wholeTransactions(b []byte, at int, each func(from, to int, txn []record)) (end int) {
	end = at
	var txn []record
	for {
		r, ok := recordAt(b, at)
		if !ok {
			return end
		}
		at = r.end
		switch {
		case r.meta&logInTxn != 0:
			if len(txn) > 0 && txn[0].ts != r.ts {
				return end
			}
			txn = append(txn, r)
		case r.meta&logFinishes != 0:
			ts, err := strconv.ParseUint(string(r.value), 10, 64)
			if err != nil || len(txn) == 0 || txn[0].ts != ts {
				return end
			}
			if each != nil {
				each(end, at, txn)
			}
			end, txn = at, nil
		default:
			if len(txn) > 0 {
				return end
			}
			if each != nil {
				each(end, at, []record{r})
			}
			end = at
		}
	}
}

// settleLogs cuts every log behind its last whole transaction, which is what Badger does
// when it opens a store for writing, and asks for when it opens one for reading. It
// gives room to the disk and takes none. It reports whether there is a store at all.
func settleLogs(dir string) (begun bool, err error) {
	if _, err := os.Stat(filepath.Join(dir, "MANIFEST")); err != nil {
		if os.IsNotExist(err) {
			return false, nil
		}
		return false, err
	}
	logs, _ := filepath.Glob(filepath.Join(dir, "*"+logSuffix)) // the pattern is a good one
	for _, path := range logs {
		b, err := os.ReadFile(path)
		if err != nil {
			return true, err
		}
		end := wholeTransactions(b, min(logHeadBytes, len(b)), nil)
		switch {
		case end <= logHeadBytes:
			err = os.Remove(path)
		case end < len(b):
			err = os.Truncate(path, int64(end))
		}
		if err != nil {
			return true, err
		}
	}
	return true, nil
}

// brokenLog is a log that says more than Badger would read of it.
type brokenLog struct {
	whole []byte   // a log of all its whole transactions; nil if nothing follows what Badger reads
	stray []record // records of transactions that are not whole any more
}

// examineLog looks behind the place where Badger would stop reading a log, and drop what
// follows. What a crash leaves there is the beginning of a transaction that nobody was
// told of; what damage leaves is everything that was acknowledged since. A record in
// which one bit is wrong is read: its checksum says which.
func examineLog(b []byte, patience *patience) (x brokenLog) {
	head := logHeadBytes
	if len(b) < head {
		return x
	}
	written := len(bytes.TrimRight(b, "\x00"))
	keep := func(from, to int) {
		if x.whole == nil {
			x.whole = make([]byte, logHeadBytes, len(b))
		}
		x.whole = append(x.whole, b[from:to]...)
	}
	end := wholeTransactions(b, head, nil)
	damagedHead := !bytes.Equal(b[:8], make([]byte, 8))
	if end >= written && !damagedHead {
		return x
	}
	if end > head {
		keep(head, end)
	}
	mended := false
	from, mark := end, 0 // behind the last whole transaction, and the strays of then
	for at := end; at < written; {
		if next := wholeTransactions(b, at, nil); next > at {
			keep(at, next)
			mended = true
			at, from, mark = next, next, len(x.stray)
			continue
		}
		next := nextRecord(b, at, written)
		if r, ok := recordAt(b, at); ok { // of a transaction with a hole, or without an end
			x.stray = append(x.stray, r)
			at = r.end
			continue
		}
		if fixRecord(b, at, next, written, patience) {
			at, x.stray = from, x.stray[:mark]
			continue
		}
		if next == 0 {
			break
		}
		// What follows a hole belongs, up to where a transaction ends, to the one with the hole.
		for at = next; ; {
			r, ok := recordAt(b, at)
			if !ok {
				break
			}
			x.stray = append(x.stray, r)
			if at = r.end; r.meta&logFinishes != 0 {
				break
			}
		}
		from, mark = at, len(x.stray)
	}
	switch {
	case mended || damagedHead:
		if x.whole == nil {
			x.whole = make([]byte, logHeadBytes)
		}
	default:
		x.whole = nil
	}
	return x
}

// nextRecord is where the next record begins that can be read; 0 if there is none.
func nextRecord(b []byte, at, written int) int {
	for i := at + 1; i < written; i++ {
		if m := b[i]; m&(logInTxn|logFinishes) == 0 || i+1 < written && b[i+1] != 0 { // user meta is never used
			continue
		}
		if _, ok := recordAt(b, i); ok {
			return i
		}
	}
	return 0
}

// fixRecord turns the one wrong bit of the record that begins at a place and ends before
// the next one, or before what is zero.
func fixRecord(b []byte, at, next, written int, patience *patience) bool {
	end := next
	if end == 0 { // nothing follows: its checksum may end in zeros
		end = min(len(b), at+maxFlipBytes, written+4)
	}
	if end <= at {
		return false
	}
	return patience.flipBack(b[at:end], func(part []byte) bool {
		r, ok := recordAt(part, 0)
		return ok && (next == 0 || r.end == len(part))
	})
}
