package ledger

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"
	"github.com/dure-net/dure/protocol"
)

// schemaVersion is the layout that this code writes. Open takes no other: a store of a
// lower one is ReasonTooOld, and Migrate brings it here; one of a higher one is
// ReasonTooNew, and there is no way back. 2 knows branches.
const schemaVersion = 2

// step brings a store from one version to the next. It works on a copy that nobody else
// uses and that is thrown away after an error or a crash: it is begun anew then, and need
// not go on where it stopped. What it leaves must be the same ledger: a backup read from
// it is compared, byte for byte, with the one that was read before. So the reader must
// know both layouts. What a backup does not tell of (wanted bodies, what damage has set
// aside, the order of arrival) is the step's own duty.
type step struct {
	rewrites bool // writes most of the store anew, and so needs its room once more
	run      func(ctx context.Context, s *store, progress func(done, total int64)) error
}

// steps are the migrations, by the version they start from. A store of version 1 is one
// of version 2 without branches.
func steps() map[uint32]step {
	return map[uint32]step{1: {run: func(context.Context, *store, func(done, total int64)) error { return nil }}}
}

const (
	metaSchema     = "m\x00schema"
	metaFederation = "m\x00federation"
)

// metaKey is where a value of the layer above lies.
func metaKey(name string) []byte { return append([]byte{keyMeta, '.'}, name...) }

func readEvidenceKey(key []byte) (fork, bool) {
	if len(key) != 1+32+8 {
		return fork{}, false
	}
	return fork{cidOf(digest(key[1:33])), binary.BigEndian.Uint64(key[33:])}, true
}

// identify reads the store's version and federation, and begins a new store. Nothing is
// migrated here: a store of another version than this one is refused.
func (s *store) identify(federation protocol.FederationID, version uint32) (protocol.FederationID, error) {
	stored, have, err := s.identity()
	if err != nil {
		return stored, err
	}
	switch {
	case have == 0 && !federation.Defined():
		return stored, protocol.Fail(protocol.ReasonNoHome, "open ledger", errors.New("there is no ledger here"))
	case have == 0:
		// A store whose files were mended may have lost this too: every feed says whose it is.
		if empty, err := s.empty(); err != nil || !empty && !s.mended {
			return stored, damagedAs("open ledger", errors.New("entries without a schema version"))
		}
		d := federation.Digest()
		return federation, s.commit([]write{versioned(version), {[]byte(metaFederation), d[:]}})
	case federation.Defined() && stored != federation:
		return stored, &protocol.Error{Reason: protocol.ReasonWrongFederation, Op: "open ledger",
			Args: map[string]string{"theirs": stored.String(), "ours": federation.String()}}
	}
	return stored, fits(have, version)
}

// fits says whether a store of version have is for a program of version want.
func fits(have, want uint32) error {
	reason := protocol.ReasonTooOld
	switch {
	case have == want:
		return nil
	case have > want:
		reason = protocol.ReasonTooNew
	}
	return &protocol.Error{Reason: reason, Op: "open ledger", Args: map[string]string{"have": fmt.Sprint(have), "want": fmt.Sprint(want)},
		Err: fmt.Errorf("the ledger has version %d, this program works with %d", have, want)}
}

// versioned is the key that says which version a store has.
func versioned(version uint32) write {
	return write{[]byte(metaSchema), binary.BigEndian.AppendUint32(nil, version)}
}

func (s *store) empty() (empty bool, err error) {
	empty = true
	err = s.scan(nil, nil, func([]byte, *badger.Item) error {
		empty = false
		return errStop
	})
	return empty, err
}

func (s *store) identity() (federation protocol.FederationID, version uint32, err error) {
	err = s.get([]byte(metaSchema), func(b []byte) error {
		if len(b) != 4 {
			return errors.New("not a schema version")
		}
		version = binary.BigEndian.Uint32(b)
		return nil
	})
	if errors.Is(err, badger.ErrKeyNotFound) {
		return federation, 0, nil
	}
	if err == nil {
		err = s.get([]byte(metaFederation), func(b []byte) error {
			if len(b) != 32 {
				return errors.New("not a federation's hash")
			}
			federation = cidOf(digest(b))
			return nil
		})
	}
	if err != nil {
		return federation, 0, damagedAs("open ledger", err)
	}
	return federation, version, nil
}
