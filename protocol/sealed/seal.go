package sealed

import (
	"crypto/hpke"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strconv"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/dure-net/dure/protocol"
)

// Seal makes the envelope of a content for the holders of keys; a key that is named twice
// counts once. The content key and the order of the slots are taken from random;
// encapsulation takes its own random bytes, as crypto/hpke has it (testing/cryptotest makes
// them repeatable in tests). No key, or more than MaxSlots, or a content beyond
// MaxContentBytes is refused.
func Seal(c Context, content []byte, to []PublicKey, random io.Reader) (*Envelope, error) {
	to = distinct(to)
	slots, size := step(slotSteps, len(to)), step(sizeSteps, lengthBytes+len(content))
	switch {
	case len(to) == 0:
		return nil, &protocol.Error{Reason: protocol.ReasonUsage, Op: "seal", Field: "to"}
	case slots == 0:
		return nil, &protocol.Error{Reason: protocol.ReasonTooLarge, Op: "seal", Field: "to",
			Args: map[string]string{"readers": strconv.Itoa(len(to)), "max": strconv.Itoa(MaxSlots)}}
	case size == 0:
		return nil, &protocol.Error{Reason: protocol.ReasonTooLarge, Op: "seal", Field: "content",
			Args: map[string]string{"size": strconv.Itoa(len(content)), "max": strconv.Itoa(MaxContentBytes)}}
	}
	var key ContentKey
	if _, err := io.ReadFull(random, key[:]); err != nil {
		return nil, protocol.Fail(protocol.ReasonInternal, "seal", err)
	}
	context := c.digest()
	e := &Envelope{Version: version, Commit: key.derive(tagCommit, context), Slots: make([][]byte, slots)}
	order, err := shuffled(slots, random)
	if err != nil {
		return nil, err
	}
	for i, place := range order {
		var reader hpke.PublicKey
		if i < len(to) {
			reader = to[i].key
		} else if reader, err = nobody(); err != nil {
			return nil, err
		}
		slot, err := hpke.Seal(reader, kdf(), aead(), info(context, e.Commit), key[:])
		if err != nil {
			return nil, &protocol.Error{Reason: protocol.ReasonMalformed, Op: "seal", Field: fmt.Sprintf("to[%d]", i), Err: err}
		}
		e.Slots[place] = slot
	}
	padded := make([]byte, size, size+tagBytes)
	binary.BigEndian.PutUint32(padded, uint32(len(content)))
	copy(padded[lengthBytes:], content)
	cipher, nonce := key.cipher(context)
	e.Data = cipher.Seal(padded[:0], nonce, padded, e.bound(context))
	return e, nil
}

// nobody is a key whose private half is forgotten at once.
func nobody() (hpke.PublicKey, error) {
	k, err := kem().GenerateKey()
	if err != nil {
		return nil, protocol.Fail(protocol.ReasonInternal, "seal", err)
	}
	return k.PublicKey(), nil
}

// cipher encrypts one content: the key is used once, so the nonce is zero.
func (k ContentKey) cipher(context [32]byte) (c cipherAEAD, nonce []byte) {
	derived := k.derive(tagKey, context)
	aead, err := chacha20poly1305.New(derived[:])
	if err != nil {
		panic("dure: internal error: " + err.Error()) // a key of 32 bytes fits
	}
	return aead, make([]byte, chacha20poly1305.NonceSize)
}

// cipherAEAD is the part of crypto/cipher.AEAD that is used.
type cipherAEAD interface {
	Seal(dst, nonce, plaintext, additional []byte) []byte
	Open(dst, nonce, ciphertext, additional []byte) ([]byte, error)
}

// shuffled is the numbers below n in random order.
func shuffled(n int, random io.Reader) ([]int, error) {
	raw := make([]byte, 8*n)
	if _, err := io.ReadFull(random, raw); err != nil {
		return nil, protocol.Fail(protocol.ReasonInternal, "seal", err)
	}
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	// By 64-bit draws: two are equal once in 2^55 envelopes, and then they keep their order.
	slices.SortStableFunc(order, func(a, b int) int { return slices.Compare(raw[8*a:8*a+8], raw[8*b:8*b+8]) })
	return order, nil
}
