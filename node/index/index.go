// Package index is a disposable projection of the ledger for lists, search and facets:
// which records there are, in which version, under which number, who says what about
// them; and what finds a member, an agreement or a decision (matter.go). It lies in one SQLite file, follows the ledger by its local numbers, and is built
// anew when it does not match. It never decides what counts and losing it loses nothing.
//
// # How it is kept
//
// One Follower writes; readers read the last whole batch it wrote and wait for nothing.
// A batch, the number of the last change in it, and what follows from it for the records
// it touches are one transaction: after a crash the follower goes on from there, and
// nothing is missing or told twice. What the disk changed while nobody looked is not
// believed: a file is opened only as it was closed (seal.go).
//
// A record's version, state, words and facets follow from its entries (resolve). They are
// computed in the batch that touches it, or, while many entries wait, put down as due and
// computed afterwards, the newest first. A reader computes for itself what is still due:
// what a cut, a fork, a removal or an erasure voids is gone from all answers at once,
// however many records it voids.
//
// # Memory
//
// Nothing is kept per record: the writer's page cache, those of the readers, and one line
// per feed and per facet value (bounds.go).
package index

import (
	"encoding/binary"
	"fmt"
	"log/slog"
	"math"
	"sync"

	"github.com/dure-net/dure/protocol"
)

// Source gives what the index does not hold. The ledger is one.
type Source interface {
	// Entry is entry seq of a feed.
	Entry(feed protocol.FeedID, seq uint64) (protocol.Entry, error)

	// Body is the body of an entry; nil and no error if it names none. ReasonWanted,
	// ReasonErased and ReasonDamaged say why there are no bytes. The index does not
	// change the slice.
	Body(e protocol.Entry) ([]byte, error)
}

// Config is what an Index is made from.
type Config struct {
	Dir    string // of its own; made where it is missing
	Source Source
	Logger *slog.Logger // nil: discards

	unsealed bool // a file without a seal is used whatever its size, for tests of crashes
}

// Unlimited is the count of a feed that stands as far as it goes.
const Unlimited = uint64(math.MaxUint64)

// Index answers questions about records. Its methods are safe for concurrent use and
// block for the disk, never for the writer. Add, Restand and SetErased are the
// Follower's, and for tests.
//
// What it says of records does not depend on the order in which entries came, only the
// order of lists does.
type Index struct {
	source Source
	log    *slog.Logger
	path   string
	memory string // its name where the disk took no file; "": it is in the file

	unsealed bool // see Config

	mu    sync.RWMutex // held by readers while they read; for writing while the file is opened or closed
	reads chan *conn   // those that nobody uses; closed with the file

	keeping sync.Mutex // guards keeper's use; taken after mu
	keeper  *conn      // brings SQLite's log into the file, see tidy.go

	writing sync.Mutex // guards w; taken before mu
	w       *writer
}

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

// keyOf is the beginning of a digest as SQLite sorts it. Digests are found by it and then
// compared whole: an index of whole digests would be the largest part of the file.
func keyOf(d digest) int64 { return int64(binary.BigEndian.Uint64(d[:8]) ^ 1<<63) }

// Open opens the index, or makes an empty one where there is none, or one of another
// version, or one that is not as it was closed. On a disk that takes nothing it is in memory,
// built from the ledger like any new one, until it is opened again: a node can be read
// whatever its disk says. The caller closes it.
func Open(c Config) (*Index, error) {
	x := &Index{source: c.Source, log: c.Logger, unsealed: c.unsealed}
	if x.log == nil {
		x.log = slog.New(slog.DiscardHandler)
	}
	var err error
	if x.path, err = path(c.Dir); err == nil {
		if err = x.unseal(); err == nil {
			err = x.open()
		}
	}
	if err != nil && noRoom(err) {
		x.log.Warn("the disk takes no index: it is kept in memory until the next start", "err", err)
		x.memory = fmt.Sprintf("/dure-index-%p", x)
		err = x.open()
	}
	return x, err
}

// Close ends all use. What the last whole batch wrote survives.
func (x *Index) Close() error {
	x.writing.Lock()
	defer x.writing.Unlock()
	x.mu.Lock()
	defer x.mu.Unlock()
	was := x.w
	err := x.shut()
	if was != nil && x.memory == "" && err == nil {
		x.seal()
	}
	return err
}
