package sealed

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/dure-net/dure/protocol"
)

// Context is what an envelope is bound to. All of it is known from the entry's header and
// its feed's inception.
type Context struct {
	Federation protocol.FederationID
	Author     protocol.PublicKey // the node key that signs the entry
	Kind       protocol.Kind
	Record     protocol.RecordID // what the entry revises ("of"); undefined for a first entry
}

// ContextOf is the context of an entry that stands in a feed of a node key.
func ContextOf(federation protocol.FederationID, node protocol.PublicKey, h protocol.Header) Context {
	return Context{federation, node, h.Kind, h.Of}
}

// digest is SHA-256(tag ‖ federation ‖ author ‖ kind ‖ record); an undefined CID is 36
// zero bytes.
func (c Context) digest() [32]byte {
	b := []byte(tagSealed)
	for _, id := range []protocol.CID{c.Federation, c.Record} {
		var raw [36]byte
		if id.Defined() {
			copy(raw[:], id.Bytes())
		}
		b = append(b, raw[:]...)
	}
	b = append(b, c.Author[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(c.Kind))
	return sha256.Sum256(b)
}

// Envelope is the body of entries of KindSealed and KindRewrap.
type Envelope struct {
	Version uint64   `cbor:"v"`
	Commit  [32]byte `cbor:"commit"` // to the content key
	Data    []byte   `cbor:"data"`   // the padded content, encrypted
	Slots   [][]byte `cbor:"slots"`  // the content key, once for each reader, in an order that says nothing
}

// OpenEnvelope reads a body. It is closed: what it does not know is ReasonTooNew, another
// version ReasonWrongVersion, a shape that Seal does not write ReasonMalformed.
func OpenEnvelope(raw []byte) (*Envelope, error) {
	if len(raw) > protocol.MaxBodyBytes {
		return nil, protocol.Fail(protocol.ReasonTooLarge, "open envelope", nil)
	}
	var body struct {
		Data Envelope      `cbor:"data"`
		Salt protocol.Salt `cbor:"salt"`
	}
	if err := versionOf(raw); err != nil {
		return nil, err
	}
	if err := protocol.DecodeWhole(raw, &body); err != nil {
		return nil, err
	}
	if err := body.Data.check(); err != nil {
		return nil, err
	}
	return &body.Data, nil
}

// versionOf tells another version from one that is damaged, before its fields are judged.
func versionOf(raw []byte) error {
	content, err := protocol.BodyContent(raw)
	if err != nil {
		return err
	}
	switch v := content["v"].(type) {
	case uint64:
		if v == version {
			return nil
		}
		return &protocol.Error{Reason: protocol.ReasonWrongVersion, Op: "open envelope", Field: "v"}
	}
	return malformed("v", "no version")
}

func (e *Envelope) check() error {
	if !slices.Contains(slotSteps, len(e.Slots)) {
		return malformed("slots", fmt.Sprintf("%d slots", len(e.Slots)))
	}
	for i, s := range e.Slots {
		if len(s) != SlotBytes {
			return malformed(fmt.Sprintf("slots[%d]", i), fmt.Sprintf("%d bytes", len(s)))
		}
	}
	if !slices.Contains(sizeSteps, len(e.Data)-tagBytes) {
		return malformed("data", fmt.Sprintf("%d bytes", len(e.Data)))
	}
	return nil
}

func malformed(field, why string) error {
	return &protocol.Error{Reason: protocol.ReasonMalformed, Op: "open envelope", Field: field, Err: errors.New(why)}
}

// derive is HMAC-SHA256(content key, tag ‖ context).
func (k ContentKey) derive(tag string, context [32]byte) [32]byte {
	mac := hmac.New(sha256.New, k[:])
	mac.Write([]byte(tag))
	mac.Write(context[:])
	return [32]byte(mac.Sum(nil))
}

// info binds a slot to its envelope: tag ‖ context ‖ commitment.
func info(context, commit [32]byte) []byte {
	return append(append([]byte(tagSlot), context[:]...), commit[:]...)
}

// bound is what the content is bound to: context ‖ commitment ‖ SHA-256 of all slots.
func (e *Envelope) bound(context [32]byte) []byte {
	sum := sha256.New()
	for _, s := range e.Slots {
		sum.Write(s)
	}
	return sum.Sum(append(append([]byte{}, context[:]...), e.Commit[:]...))
}
