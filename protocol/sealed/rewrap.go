package sealed

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strconv"

	"github.com/dure-net/dure/protocol"
)

// Wrapped is the content of a KindRewrap entry: content keys of envelopes that a member
// can read, for a node that the member has added since. It lies in an envelope itself, so
// that it tells nobody which envelopes these are.
type Wrapped struct {
	Prints []Print      `cbor:"for"`  // of the keys that it was sealed to, in order
	Keys   []WrappedKey `cbor:"keys"` // in order of their entries, each once
}

// WrappedKey is the content key of one entry's envelope.
type WrappedKey struct {
	Entry protocol.EntryID `cbor:"entry"`
	Key   ContentKey       `cbor:"key"` // it need not be right: Open finds that out
}

// SealWrapped seals content keys of different entries, in any order, to keys. More than
// MaxWrapped is ReasonTooLarge.
func SealWrapped(c Context, keys []WrappedKey, to []PublicKey, random io.Reader) (*Envelope, error) {
	w := Wrapped{Prints(to), slices.Clone(keys)}
	slices.SortFunc(w.Keys, func(a, b WrappedKey) int { return bytes.Compare(a.Entry.Bytes(), b.Entry.Bytes()) })
	if err := w.check(); err != nil {
		return nil, err
	}
	raw, err := protocol.Encode(&w)
	if err != nil {
		return nil, err
	}
	return Seal(c, raw, to, random)
}

// Wrapped decrypts and reads the content of a KindRewrap entry.
func (e *Envelope) Wrapped(c Context, key ContentKey) (*Wrapped, error) {
	raw, err := e.Open(c, key)
	if err != nil {
		return nil, err
	}
	var w Wrapped
	if err := protocol.Decode(raw, &w); err != nil {
		return nil, err
	}
	if err := w.check(); err != nil {
		return nil, err
	}
	return &w, nil
}

func (w *Wrapped) check() error {
	if len(w.Keys) == 0 || len(w.Keys) > MaxWrapped {
		return &protocol.Error{Reason: protocol.ReasonTooLarge, Op: "check rewrap", Field: "keys",
			Args: map[string]string{"size": strconv.Itoa(len(w.Keys)), "max": strconv.Itoa(MaxWrapped)}}
	}
	if len(w.Prints) > MaxSlots {
		return &protocol.Error{Reason: protocol.ReasonTooLarge, Op: "check rewrap", Field: "for"}
	}
	for i, k := range w.Keys {
		if !k.Entry.Defined() || k.Entry.Prefix().Codec != protocol.CodecDagCBOR {
			return &protocol.Error{Reason: protocol.ReasonMalformed, Op: "check rewrap", Field: "keys", Err: errors.New("not the id of an entry")}
		}
		if i > 0 && bytes.Compare(w.Keys[i-1].Entry.Bytes(), k.Entry.Bytes()) >= 0 {
			return &protocol.Error{Reason: protocol.ReasonNonCanonical, Op: "check rewrap", Field: "keys", Err: errors.New("not in order, or twice")}
		}
	}
	return nil
}
