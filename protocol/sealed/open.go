package sealed

import (
	"crypto/hpke"
	"encoding/binary"

	"github.com/dure-net/dure/protocol"
)

// Key finds the content key of an envelope by trying keys on every slot, the first key
// on all of them first. It costs about 110 microseconds a try: at most MaxSlots times the
// keys. ReasonForbidden where none of the keys opens a slot; ReasonBadHash where one does
// and what lies in it is not the envelope's key.
func (e *Envelope) Key(c Context, keys ...PrivateKey) (ContentKey, error) {
	if err := e.check(); err != nil {
		return ContentKey{}, err
	}
	context := c.digest()
	reason := protocol.ReasonForbidden
	for _, k := range keys {
		for _, slot := range e.Slots {
			raw, err := hpke.Open(k.key, kdf(), aead(), info(context, e.Commit), slot)
			if err != nil {
				continue
			}
			if key, ok := contentKey(raw); ok && key.derive(tagCommit, context) == e.Commit {
				return key, nil
			}
			reason = protocol.ReasonBadHash // its author wrote a wrong one
		}
	}
	return ContentKey{}, protocol.Fail(reason, "open envelope", nil)
}

func contentKey(raw []byte) (ContentKey, bool) {
	if len(raw) != contentKeyBytes {
		return ContentKey{}, false
	}
	return ContentKey(raw), true
}

// Open decrypts the content with a key that Key found or a rewrap gave. A key of another
// envelope, or a context of another entry, is ReasonForbidden; bytes that are not what was
// sealed are ReasonBadHash; padding that Seal does not write is ReasonMalformed. The slice
// is the caller's.
func (e *Envelope) Open(c Context, key ContentKey) ([]byte, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	context := c.digest()
	if key.derive(tagCommit, context) != e.Commit {
		return nil, protocol.Fail(protocol.ReasonForbidden, "open envelope", nil)
	}
	cipher, nonce := key.cipher(context)
	padded, err := cipher.Open(nil, nonce, e.Data, e.bound(context))
	if err != nil {
		return nil, protocol.Fail(protocol.ReasonBadHash, "open envelope", nil)
	}
	n := uint64(binary.BigEndian.Uint32(padded))
	if n > uint64(len(padded)-lengthBytes) || step(sizeSteps, lengthBytes+int(n)) != len(padded) {
		return nil, malformed("data", "not padded as it should be")
	}
	content, rest := padded[lengthBytes:lengthBytes+n], padded[lengthBytes+n:]
	for _, b := range rest {
		if b != 0 {
			return nil, malformed("data", "not padded as it should be")
		}
	}
	return content, nil
}
