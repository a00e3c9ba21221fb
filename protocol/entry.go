package protocol

import (
	"errors"
	"fmt"
	"slices"
)

// ActRef names the last act a writer knew when it wrote: its number and its id.
// Number 0 is the founding act itself.
type ActRef struct {
	Number uint64 `cbor:"n"`
	ID     ActID  `cbor:"id"`
}

// Header is one item of a feed: a small signed block that names its predecessor and
// its body. Absent fields are left out of the bytes.
type Header struct {
	// Signed, structural.
	Version uint64   `cbor:"v"`
	Feed    FeedID   `cbor:"feed,omitzero"` // absent at seq 0: the inception names the feed
	Seq     uint64   `cbor:"seq"`
	Prev    EntryID  `cbor:"prev,omitzero"` // absent at seq 0
	Act     ActRef   `cbor:"act"`           // does not fall within a feed; never decides admission
	Time    int64    `cbor:"time"`          // claimed, Unix milliseconds; does not fall within a feed; never decides admission
	Kind    Kind     `cbor:"kind"`
	Number  uint64   `cbor:"num,omitzero"`   // short number that people cite; given to the first entry of a record
	Of      RecordID `cbor:"of,omitzero"`    // the record that is revised, withdrawn or erased
	Refs    []CID    `cbor:"refs,omitempty"` // what else this entry builds on; a revision names the entry it revises first
	Body    BodyID   `cbor:"body,omitzero"`
	Size    uint64   `cbor:"size,omitzero"` // bytes of the body

	Init *Inception `cbor:"init,omitempty"` // seq 0 only

	// Over tag ‖ federation ‖ the canonical header without this field.
	Signature []byte `cbor:"sig,omitempty"`
}

// Inception is what the first entry of a feed says, all of it in the header, so that
// a feed can be judged without any body.
type Inception struct {
	Federation FederationID  `cbor:"fed"`
	Root       PublicKey     `cbor:"root"`
	Node       PublicKey     `cbor:"node"`
	Continues  *Continuation `cbor:"cont,omitempty"`
	Salt       []byte        `cbor:"salt,omitempty"` // random, where a node opens another feed: no two are one by chance
	Added      Signature     `cbor:"sig"`            // the root key's signature of Addition(fed, root, node)
}

// Continuation names the feed that a node wrote before and the last entry of it that
// the node remembers. It is information: the old feed stands on its own.
type Continuation struct {
	Feed FeedID  `cbor:"feed"`
	Seq  uint64  `cbor:"seq"`
	Head EntryID `cbor:"head"`
}

// Entry is a decoded header with the bytes it came in. It is immutable; copies share
// the bytes.
type Entry struct {
	h     Header
	id    EntryID
	raw   []byte
	whole bool // raw holds nothing beyond what Header knows
}

// DecodeEntry reads a header. It checks the form alone: canonical bytes, size,
// fields that belong to the position. It keeps raw, which the caller must not change.
func DecodeEntry(raw []byte) (Entry, error) { return decodeEntry(raw, &Entry{}) }

// DecodeEntries reads headers as DecodeEntry does. Consecutive ones of a feed share what
// they have in common, which makes reading a page a good deal cheaper. On error nothing
// is returned.
func DecodeEntries(raw [][]byte) ([]Entry, error) {
	entries, prev := make([]Entry, len(raw)), &Entry{}
	for i := range raw {
		e, err := decodeEntry(raw[i], prev)
		if err != nil {
			return nil, err
		}
		entries[i], prev = e, &entries[i]
	}
	return entries, nil
}

// decodeEntry reads a header. prev, which may be zero, is one whose CIDs are likely to be
// found in it again; it changes nothing about the result.
func decodeEntry(raw []byte, prev *Entry) (Entry, error) {
	if len(raw) > MaxHeaderBytes {
		return Entry{}, Fail(ReasonTooLarge, "decode entry", fmt.Errorf("header has %d bytes, the limit is %d", len(raw), MaxHeaderBytes))
	}
	e := Entry{raw: raw}
	if e.whole = readHeader(raw, &e.h, prev); !e.whole {
		h, whole, err := decodeHeader(raw)
		if err != nil {
			return Entry{}, err
		}
		e.h, e.whole = h, whole
	}
	if err := e.h.check(); err != nil {
		return Entry{}, err
	}
	e.id = Sum(raw)
	return e, nil
}

// decodeHeader reads any header, and says what is wrong with one that cannot be read.
func decodeHeader(raw []byte) (h Header, whole bool, err error) {
	whole, err = decodeKnown(raw, &h)
	if err != nil {
		return Header{}, false, newerVersion(raw, err)
	}
	return h, whole, nil
}

// newerVersion tells a header of another protocol version, which nobody is to blame
// for, from one that is wrong: its fields may have other types here.
func newerVersion(raw []byte, err error) error {
	v, generic := DecodeGeneric(raw)
	if generic != nil {
		return err
	}
	if m, ok := v.(map[string]any); ok {
		if n, ok := m["v"].(uint64); ok && n != Version {
			return wrongVersion(n)
		}
	}
	return err
}

func wrongVersion(n uint64) error {
	return &Error{Reason: ReasonWrongVersion, Op: "decode entry", Field: "v", Err: fmt.Errorf("version %d", n)}
}

func (h *Header) check() error {
	bad := func(field, why string) error {
		return &Error{Reason: ReasonMalformed, Op: "decode entry", Field: field, Err: errors.New(why)}
	}
	switch {
	case h.Version != Version:
		return wrongVersion(h.Version)
	case len(h.Signature) != len(Signature{}):
		return bad("sig", "a signature has 64 bytes")
	case h.Time < 0:
		return bad("time", "negative")
	case h.Seq > MaxNumber || h.Number > MaxNumber || h.Act.Number > MaxNumber:
		return &Error{Reason: ReasonTooLarge, Op: "decode entry", Field: "seq", Err: errors.New("a number beyond what can be counted")}
	case h.Time > MaxTime:
		return &Error{Reason: ReasonTooLarge, Op: "decode entry", Field: "time"}
	case !h.Act.ID.isBlock():
		return bad("act", "missing, or not a block")
	case h.Of.Defined() && !h.Of.isBlock():
		return bad("of", "not a block")
	case len(h.Refs) > MaxReferences:
		return &Error{Reason: ReasonTooLarge, Op: "decode entry", Field: "refs"}
	case h.Body.Defined() != (h.Size > 0):
		return bad("size", "body and size come together")
	case h.Size > MaxBodyBytes:
		return &Error{Reason: ReasonTooLarge, Op: "decode entry", Field: "size"}
	case h.Body.Defined() && !h.Body.isBlock():
		return bad("body", "a body is a dag-cbor block")
	}
	if h.Seq == 0 {
		switch {
		case h.Kind != KindInception || h.Init == nil:
			return bad("init", "a feed begins with its inception")
		case h.Feed.Defined() || h.Prev.Defined() || h.Body.Defined() || h.Of.Defined() || h.Number != 0 || len(h.Refs) != 0:
			return bad("seq", "an inception names no feed, predecessor, body or record")
		case !h.Init.Federation.isBlock():
			return bad("init.fed", "missing, or not a block")
		case h.Init.Continues != nil && (!h.Init.Continues.Feed.isBlock() || !h.Init.Continues.Head.isBlock() || h.Init.Continues.Seq > MaxNumber):
			return bad("init.cont", "names no entry of a feed")
		case h.Init.Salt != nil && len(h.Init.Salt) != len(Salt{}):
			return bad("init.salt", "a salt has 16 bytes")
		}
		return nil
	}
	switch {
	case h.Kind == KindInception || h.Init != nil:
		return bad("init", "only the first entry of a feed is its inception")
	case !h.Feed.isBlock() || !h.Prev.isBlock():
		return bad("prev", "missing, or not a block")
	}
	return nil
}

// Seal signs a header and returns the finished entry. The node key must be the one
// that the feed's inception names; Seal does not know the feed and cannot check it.
func Seal(federation FederationID, h Header, key PrivateKey) (Entry, error) {
	if federation.IsZero() {
		return Entry{}, Fail(ReasonMalformed, "seal entry", errors.New("an entry is written in a federation"))
	}
	h.Version = Version
	h.Signature = nil
	unsigned, err := Encode(&h)
	if err != nil {
		return Entry{}, err
	}
	sig := key.Sign(signedRaw(tagEntry, federation, unsigned))
	h.Signature = sig[:]
	raw, err := Encode(&h)
	if err != nil {
		return Entry{}, err
	}
	return DecodeEntry(raw)
}

// Clone is the entry with bytes of its own: for whoever keeps one entry of a page and
// not the page.
func (e Entry) Clone() Entry {
	raw := slices.Clone(e.raw)
	if e.h.Signature != nil {
		e.h.Signature = slices.Clone(e.h.Signature)
	}
	e.raw = raw
	return e
}

// Header is the decoded header. Its slices and pointers are shared; do not change them.
func (e Entry) Header() Header { return e.h }

// ID is the CID of the whole signed header.
func (e Entry) ID() EntryID { return e.id }

// Bytes are the exact bytes of the header, shared; do not change them.
func (e Entry) Bytes() []byte { return e.raw }

// IsZero reports whether there is no entry.
func (e Entry) IsZero() bool { return e.raw == nil }

// Feed is the feed the entry belongs to: for an inception, its own id.
func (e Entry) Feed() FeedID {
	if e.h.Seq == 0 {
		return e.id
	}
	return e.h.Feed
}

func (e Entry) Seq() uint64 { return e.h.Seq }
func (e Entry) Kind() Kind  { return e.h.Kind }

// Verify checks the entry's own signature.
func (e Entry) Verify(federation FederationID, key PublicKey) error {
	unsigned, err := e.unsigned()
	if err != nil {
		return err
	}
	var sig Signature
	copy(sig[:], e.h.Signature)
	if federation.IsZero() || !key.Verify(signedRaw(tagEntry, federation, unsigned), sig) {
		return &Error{Reason: ReasonBadSignature, Op: "verify entry", ID: e.id.String()}
	}
	return nil
}

// Signed is what the entry's own signature covers, byte for byte, and the signature: what any
// Ed25519 tool needs beside the node's key. The slices are the caller's; nil where the
// header has no form, which no decoded entry is.
func (e Entry) Signed(federation FederationID) (message, signature []byte) {
	unsigned, err := e.unsigned()
	if err != nil {
		return nil, nil
	}
	return signedRaw(tagEntry, federation, unsigned), append([]byte(nil), e.h.Signature...)
}

func (e Entry) unsigned() ([]byte, error) {
	if e.whole {
		h := e.h
		h.Signature = nil
		if h.Init == nil {
			return appendHeader(make([]byte, 0, len(e.raw)), &h), nil
		}
		return Encode(&h)
	}
	return withoutSignature(e.raw)
}

// withoutSignature is the canonical map in raw without its field "sig": what the
// signature covers, with the fields that this node does not know.
func withoutSignature(raw []byte) ([]byte, error) {
	v, err := DecodeGeneric(raw)
	if err != nil {
		return nil, err
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, malformedCBOR("not a map")
	}
	delete(m, "sig")
	return Encode(m)
}

// VerifyInception checks a feed's first entry on its own: it speaks for this
// federation, the root key added the node key, and the node key signed.
func (e Entry) VerifyInception(federation FederationID) error {
	init := e.h.Init
	if init == nil {
		return Fail(ReasonMalformed, "verify inception", errors.New("not an inception"))
	}
	if init.Federation != federation {
		return &Error{Reason: ReasonWrongFederation, Op: "verify inception", ID: e.id.String(),
			Args: map[string]string{"theirs": init.Federation.String(), "ours": federation.String()}}
	}
	if err := Addition(federation, init.Root, init.Node, init.Added).Verify(); err != nil {
		return err
	}
	return e.Verify(federation, init.Node)
}

// Follows checks that e may stand directly after prev: same feed, next seq, prev's
// CID, and neither the claimed time nor the known act falls.
func (e Entry) Follows(prev Entry) error {
	bad := func(why string) error {
		return &Error{Reason: ReasonBrokenChain, Op: "check chain", ID: e.id.String(), Err: errors.New(why)}
	}
	switch {
	case e.h.Feed != prev.Feed():
		return bad("another feed")
	case e.h.Seq != prev.h.Seq+1:
		return bad("not the next number")
	case e.h.Prev != prev.id:
		return bad("names another predecessor")
	case e.h.Time < prev.h.Time:
		return bad("claimed time falls")
	case e.h.Act.Number < prev.h.Act.Number:
		return bad("known act falls")
	}
	return nil
}
