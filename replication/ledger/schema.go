package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"
	"github.com/dure-net/dure/protocol"
)

// schemaVersion is the layout that this code writes. A store of a lower one is migrated
// when it is opened; one of a higher one is refused with ReasonTooNew.
// 2 knows branches.
const schemaVersion = 2

// step migrates a store from one version to the next; it must be safe to run again after
// a crash in the middle of it.
type step func(*store) error

// steps are the migrations, by the version they start from. A store of version 1 is one
// of version 2 without branches.
func steps() map[uint32]step {
	return map[uint32]step{1: func(*store) error { return nil }}
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

// identify reads the store's version and federation, begins a new store, and migrates
// an old one.
func (s *store) identify(federation protocol.FederationID, version uint32, steps map[uint32]step) (protocol.FederationID, error) {
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
		return federation, s.commit([]write{
			{[]byte(metaSchema), binary.BigEndian.AppendUint32(nil, version)}, {[]byte(metaFederation), d[:]}})
	case federation.Defined() && stored != federation:
		return stored, &protocol.Error{Reason: protocol.ReasonWrongFederation, Op: "open ledger",
			Args: map[string]string{"theirs": stored.String(), "ours": federation.String()}}
	case have > version:
		return stored, &protocol.Error{Reason: protocol.ReasonTooNew, Op: "open ledger",
			Err: fmt.Errorf("the ledger has version %d, this program knows %d", have, version)}
	}
	for ; have < version; have++ {
		migrate := steps[have]
		if migrate == nil {
			return stored, protocol.Fail(protocol.ReasonInternal, "migrate ledger", fmt.Errorf("no way from version %d", have))
		}
		if err := migrate(s); err != nil {
			return stored, err
		}
		if err := s.commit([]write{{[]byte(metaSchema), binary.BigEndian.AppendUint32(nil, have+1)}}); err != nil {
			return stored, err
		}
	}
	return stored, nil
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
