package ledger

import (
	"bytes"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4"
)

// sizes are how large Badger's parts are. What it holds in memory while much is written
// follows from them: up to four memtables (one is filled, two wait, one becomes a table),
// a builder of three to five times the memtable for its table, and in a merge up to eighteen
// builders at a time, each of six times the size of a table, since their memory comes in
// pieces that double. So memtables and tables are much smaller than Badger's defaults, and
// many of them are let stand before they are merged, into a level that may grow large: each
// merge writes most of that level anew. Measured over 1,000,000 entries in 600 MB, Badger
// alone: memtables of 8 MiB and tables of 2 MiB, merged when there are 36, 6.1 to 7.9 µs of
// CPU an entry and at most 345 MB; 24 and 4 MiB, merged after 12, 8.5 µs and 858 MB; 8 and
// 2 MiB, merged after 12, 13.6 µs and 459 MB.
// On a small disk there are fewer tables: what Badger may come to allocate decides how much
// of the disk can be used.
type sizes struct {
	memtable, table, base int64
	fresh                 int // tables in level 0, before they are merged
	stall                 int // tables in level 0, before writing waits
	group                 int // bytes of one transaction; Badger takes 15 % of a memtable at most
	reserve               uint64
}

// smallDisk is the size below which a disk is small.
const smallDisk = 4 << 30

// formerMemtable was the size of a memtable before; a log of up to that size may be left.
const formerMemtable = 32 << 20

func sizesFor(total uint64, dir string) sizes {
	z := sizes{memtable: 8 << 20, table: 2 << 20, base: 192 << 20, fresh: 36, stall: 72, group: maxGroupBytes, reserve: DefaultReserveBytes}
	if total > 0 && total < smallDisk {
		z.base, z.fresh, z.stall, z.reserve = 16<<20, 4, 12, 32<<20
	}
	if fullestLog(dir) > z.memtable { // until the next start
		z.memtable = formerMemtable
	}
	return z
}

// fullestLog is how much the fullest of Badger's logs holds: it is read into a memtable,
// which must be as large. A log that cannot be read is Badger's to complain of.
func fullestLog(dir string) (most int64) {
	logs, _ := filepath.Glob(filepath.Join(dir, "*"+logSuffix)) // the pattern is a good one
	for _, path := range logs {
		if f, err := os.Open(path); err == nil {
			most = max(most, written(f))
			_ = f.Close() // it was only read
		}
	}
	return most
}

// written is where the zeros begin that a file ends in: a log is longer than what it holds.
func written(f *os.File) int64 {
	info, err := f.Stat()
	if err != nil {
		return 0
	}
	part := make([]byte, 256<<10)
	for end := info.Size(); end > 0; {
		from := max(0, end-int64(len(part)))
		n, err := f.ReadAt(part[:end-from], from)
		if held := len(bytes.TrimRight(part[:n], "\x00")); held > 0 || err != nil {
			return from + int64(held)
		}
		end = from
	}
	return 0
}

// FloorFor is the floor of a disk of this size where none is set: a sixteenth of it, at
// least 48 MiB and at most DefaultFloorBytes. 0 is a disk whose size is not known.
func FloorFor(total uint64) uint64 {
	if total == 0 {
		return DefaultFloorBytes
	}
	return min(max(total/16, 48<<20), DefaultFloorBytes)
}

// largest is what the table of one memtable takes, at most.
func (z sizes) largest() uint64 { return uint64(z.memtable + z.memtable/8) }

// coming is what Badger may still allocate by itself when nothing more is accepted than
// fits the memtable: the table of one memtable, and the merges that are due then.
func (z sizes) coming(levels []badger.LevelInfo) uint64 {
	table := int64(z.largest())
	merges, base := int64(0), int64(0)
	for _, l := range levels {
		if l.IsBaseLevel {
			base = l.Size
		}
	}
	for _, l := range levels {
		switch {
		case l.Level == 0 && l.NumTables+2 >= z.fresh:
			merges += l.Size + table + base
		case l.Level > 0 && l.Score > 0.9: // one table, and what it overlaps in the next level
			merges += min(12*l.TargetFileSize, l.Size+12*l.TargetFileSize)
		}
	}
	return uint64(table + merges)
}
