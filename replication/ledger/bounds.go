package ledger

import "github.com/dure-net/dure/protocol"

// Bounds lists the limits of this package, one node's own. The slice is the caller's.
func Bounds() []protocol.Bound {
	const bytes = "bytes"
	b := protocol.NewBound
	return []protocol.Bound{
		b("DefaultFloorBytes", DefaultFloorBytes, bytes, "free on a disk of 8 GiB or more, less on a smaller one: the store's files must never meet a full disk", "`read_only`; reads go on"),
		b("DefaultReserveBytes", DefaultReserveBytes, bytes, "kept for the day the disk is full, less on a small disk", "given back when needed"),
		b("MaxBatchBytes", MaxBatchBytes, bytes, "the largest page with its bodies takes 385 KiB", "`too_large`"),
		b("MaxMetaBytes", MaxMetaBytes, bytes, "the largest small value is a founding act", "`too_large`"),
		b("maxQueue", maxQueue, "batches", "waiting for the one writer", "handing in waits"),
		b("maxGroupBytes", maxGroupBytes, bytes, "of one transaction", "the next transaction"),
		b("maxGroupWrites", maxGroupWrites, "keys", "of one transaction", "the next transaction"),
		b("maxFeeds", maxFeeds, "feeds", "24 bits of the index", "`too_large`"),
		b("maxSeq", maxSeq, "entries of one feed", "39 bits of the index", "`too_large`"),
		b("maxBranches", maxBranches, "branches", "of one feed beside its chain, which a node can make others keep by signing further histories; twice as many while a chosen one is on its way", "not kept"),
		b("maxProblems", maxProblems, "lines", "that a verification lists by name", "counted only"),
	}
}
