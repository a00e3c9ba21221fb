package ledger

import (
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
