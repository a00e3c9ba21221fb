package ledger

import (
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4"
)

// sizes are how large Badger's parts are. What it holds in memory while much is written
// follows from them: up to four memtables (one is filled, two wait, one becomes a table),
// and a builder for the memtable's table and for each that a merge makes, up to ten at a
// time, each of six times the size of a table at least, since its memory comes in pieces
// that double. So memtables and tables are smaller than Badger's defaults, and more of them
// are let stand before they are merged, so that bulk writing costs no more CPU. Measured over
// 600,000 entries under a soft limit of 300 MB: memtables of 24 MiB and tables of 4 MiB, 7.0 µs of
// CPU an entry and at most 275 MB; 32 and 8 MiB, merged after 8, 7.8 µs and 323 to 409 MB.
// On a small disk all of it is smaller: what Badger may come to allocate decides how much of
// the disk can be used.
type sizes struct {
	memtable, table, base int64
	fresh                 int // tables in level 0, before they are merged
	stall                 int // tables in level 0, before writing waits
	group                 int // bytes of one transaction; Badger takes 15 % of a memtable at most
	reserve               uint64
}

// smallDisk is the size below which a disk is small.
const smallDisk = 4 << 30

// formerMemtable was the size of a memtable before; a log of that size may be left.
const formerMemtable = 32 << 20

func sizesFor(total uint64, dir string) sizes {
	log := largestLog(dir)
	small := sizes{memtable: 8 << 20, table: 2 << 20, base: 16 << 20, fresh: 4, stall: 12, group: 1 << 20, reserve: 32 << 20}
	if total > 0 && total < smallDisk && log <= small.memtable {
		return small
	}
	z := sizes{memtable: 24 << 20, table: 4 << 20, base: 96 << 20, fresh: 12, stall: 30, group: maxGroupBytes, reserve: DefaultReserveBytes}
	if log > z.memtable { // until the next start
		z.memtable = formerMemtable
	}
	return z
}

// largestLog is how much the fullest of Badger's logs holds: it is read into a memtable,
// which must be as large.
func largestLog(dir string) (most int64) {
	logs, _ := filepath.Glob(filepath.Join(dir, "*"+logSuffix)) // the pattern is a good one
	for _, path := range logs {
		if info, err := os.Stat(path); err == nil {
			most = max(most, int64(allocated(info)))
		}
	}
	return most
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
