package ledger

import (
	"errors"
	"log/slog"
	"time"

	"github.com/dure-net/dure/protocol"
)

// Bounds of this package, each with what happens beyond it.
const (
	// DefaultFloorBytes is the free space below which nothing is accepted any more on a
	// disk of 8 GiB or more (FloorFor has the others): Badger's memory-mapped files die of
	// SIGBUS on a full disk, and it needs room for one memtable, its table and a
	// compaction. Beyond: ReasonReadOnly, reads go on.
	DefaultFloorBytes = 512 << 20

	// DefaultReserveBytes is a file of real blocks kept on the disk for the day it is full:
	// it is given back where Badger must finish what it has begun, and made again when
	// there is room. Two tables' worth; a small disk has a smaller one.
	DefaultReserveBytes = 64 << 20

	// MaxBatchBytes bounds one batch: the largest page (64 headers, and bodies within
	// protocol.MaxPageBodyBytes plus one) takes 385 KiB. Beyond: ReasonTooLarge.
	MaxBatchBytes = 1 << 20

	// MaxMetaBytes bounds a small value: the largest is a founding act.
	// Beyond: ReasonTooLarge.
	MaxMetaBytes = protocol.MaxFoundingBytes

	// maxQueue bounds the batches that wait for the committer: more than the layer above
	// lets be under way, so that it can hand in while it holds its lock. Beyond: Submit
	// blocks.
	maxQueue = 640

	// maxGroupBytes bounds one transaction. Badger takes 15 % of a memtable (1.2 MiB
	// of 8 MiB) at most. Beyond: the group is committed and the next one begun.
	maxGroupBytes = 1 << 20

	// maxGroupWrites bounds the keys of one transaction; Badger takes 15 % of a memtable
	// divided by its largest node (13,000 of 8 MiB). A job of MaxBatchBytes brings at
	// most some 8,000. Beyond: as above.
	maxGroupWrites = 12_000

	// maxFeeds and maxSeq bound what fits a place in the index: 24 and 39 bits.
	// Beyond: ReasonTooLarge.
	maxFeeds = 1<<24 - 1
	maxSeq   = 1<<39 - 1

	// maxProblems bounds what a verification lists by name; it counts all.
	maxProblems = 1000
)

// Config is what a ledger needs. The zero value of every optional field is the default.
type Config struct {
	Dir        string                // the ledger's own directory; made if it is missing
	Federation protocol.FederationID // required for a new ledger; an existing one of another federation is refused; undefined opens an existing one as it is

	FloorBytes   uint64                 // 0 = FloorFor the disk
	ReserveBytes uint64                 // 0 = DefaultReserveBytes, less on a small disk
	Free         func() (uint64, error) // free bytes on the ledger's disk; nil asks the system

	// Born is when a file was made, in nanoseconds; 0 where that is not known. A copy of a
	// file is made later. nil asks the system.
	Born func(path string) (int64, error)

	Now      func() time.Time        // nil = time.Now; stamps backups and the closing marker, decides nothing
	Logger   *slog.Logger            // nil discards
	Progress func(done, total int64) // called while the ledger is read at the start, in feeds; may be nil
}

func (c Config) withDefaults() (Config, error) {
	if c.Dir == "" {
		return c, &protocol.Error{Reason: protocol.ReasonConfig, Op: "open ledger", Field: "Dir", Err: errors.New("missing")}
	}
	if c.Free == nil {
		dir := c.Dir
		c.Free = func() (uint64, error) { return freeBytes(dir) }
	}
	if c.Born == nil {
		c.Born = born
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Progress == nil {
		c.Progress = func(int64, int64) {}
	}
	return c, nil
}
