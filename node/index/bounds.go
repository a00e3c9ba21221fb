package index

import (
	"time"

	"github.com/dure-net/dure/protocol"
)

const (
	// DefaultLimit and MaxLimit are the records of a page: more at once would keep a
	// reader's memory for nothing.
	DefaultLimit = 50
	MaxLimit     = 1000

	// MaxAbout bounds what is told of one kind in one feed about one entry: twice what any
	// reader of it folds.
	MaxAbout = 2000

	readers      = 4       // readers at once; more wait for one of them
	readerCache  = 4 << 20 // bytes of pages that each of them keeps
	writerCache  = 24 << 20
	keeperCache  = 64 << 10
	walBytes     = 4 << 20  // of the log that is kept, and of what is brought into the file at once beside the writer
	walMost      = 64 << 20 // of the log before the writer stops for it
	pageBytes    = 4096     // of SQLite's pages
	partsMost    = 8        // transactions that wrote words, before parts are merged though more waits
	maxPrepared  = 256      // questions of different form that stay prepared, a few KB each
	followBatch  = 512      // changes written at once
	dueAtOnce    = 256      // records computed at once when what they are was put off
	manyAtOnce   = 4096     // of either, while more than putOffBeyond wait
	putOffBeyond = 2048     // changes that wait: beyond this, what follows from them is put off
	heavy        = 64       // entries about one record: beyond them it is computed when nothing else waits
	maxTerm      = 1 << 22  // what the number of a facet's value cannot come to
	worthMeeting = 256      // records of the rarest of several conditions
	maxPrefixed  = 1000     // records that a prefix may name: far beyond what can be told apart
	maxValues    = 32       // values of one condition
	maxKm        = 20_100   // half way round the earth
	maxRanked    = 5_000    // records whose likeness to a question is computed: some 50 ms
	maxCounted   = 10_000   // records of a selection that are counted by facet: some 50 ms
	maxValue     = 64       // bytes of a facet's value; no code list has longer ones
	maxNamed     = 8        // records that an ambiguous reference lists
	maxLate      = 256      // entries that told nothing yet when somebody looked for what is new
	soonAnew     = 4 << 20  // bytes of a file that is built anew after a crash, in about a second
	retryAfter   = 5 * time.Second
	heavyPause   = 250 * time.Millisecond // before records of which much is said are computed
	shedPause    = 10 * time.Millisecond  // between two parts of taking words out, and of merging
	walPause     = time.Second            // between two looks at the log
	buildingTold = 5 * time.Second        // between two lines of the log while it is built
)

// Bounds lists the limits of the index. The slice is the caller's.
func Bounds() []protocol.Bound {
	b := func(name string, value int64, unit, why, beyond string) protocol.Bound {
		return protocol.Bound{Name: name, Value: value, Unit: unit, Why: why, Beyond: beyond}
	}
	return []protocol.Bound{
		b("DefaultLimit", DefaultLimit, "records", "of a page that names no number", "the next page"),
		b("maxTold", maxTold, "remarks", "of one member on one record whose translated words are found: the last to come", "shown, and not found"),
		b("MaxLimit", MaxLimit, "records", "of a page: more would keep memory for nothing", "refused, `usage`"),
		b("MaxAbout", MaxAbout, "entries", "of one kind in one feed that are told about one entry", "its further ones, in order of the feed, are not told: the same ones on every node"),
		b("readers", readers, "readers", "at once: each keeps pages in memory", "they wait for one another"),
		b("readerCache", readerCache, "bytes", "of pages kept by each reader", "read from the disk again"),
		b("writerCache", writerCache, "bytes", "of pages kept by the writer", "read from the disk again"),
		b("walBytes", walBytes, "bytes", "of SQLite's log between two uses", "brought into the file beside the writer, and cut back"),
		b("walMost", walMost, "bytes", "of SQLite's log while much is written", "the writer brings it into the file first"),
		b("maxPrepared", maxPrepared, "questions", "of different form that stay prepared", "prepared at each use"),
		b("followBatch", followBatch, "changes", "written in one transaction", "the next transaction"),
		b("dueAtOnce", dueAtOnce, "records", "computed in one transaction when that was put off", "the next transaction"),
		b("manyAtOnce", manyAtOnce, "changes", "or records in one transaction while more than putOffBeyond wait", "the next transaction"),
		b("putOffBeyond", putOffBeyond, "changes", "that wait: then what follows from them is put off", "computed by who reads"),
		b("foldsAtOnce", foldsAtOnce, "agreements", "folded for search before entries that wait are taken in", "folded afterwards"),
		b("heavy", heavy, "entries", "about one record: who revises one a thousand times slows nobody down", "computed when nothing else waits, or by who reads"),
		b("maxPrefixed", maxPrefixed, "records", "that the beginning of a CID may name", "the others are not found by it"),
		b("maxValues", maxValues, "values", "of one condition", "refused, `usage`"),
		b("maxKm", maxKm, "km", "half way round the earth", "refused, `usage`"),
		b("maxRanked", maxRanked, "records", "put in order of relevance", "the newest first instead, and the answer says so"),
		b("maxCounted", maxCounted, "records", "of a selection that are counted by facet", "the newest are counted, and the answer says so"),
		b("maxValue", maxValue, "bytes", "of a value by which records are counted", "not counted by it"),
		b("maxNamed", maxNamed, "records", "listed of those that a reference may mean", "not listed"),
		b("maxLate", maxLate, "entries", "that told nothing yet when somebody looked for what is new: their content was on its way", "when others come to tell something, that is not new"),
		b("soonAnew", soonAnew, "bytes", "of an index that is built anew after a crash, when nothing says that its bytes are right", "used as it is"),
		b("retryAfter", int64(retryAfter/time.Second), "s", "between two tries to write where the disk is full", ""),
	}
}
