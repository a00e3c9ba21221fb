package sealed

import (
	"crypto/hpke"
)

// Misseal is an envelope of which every slot opens for one key and holds a content key
// that is not the envelope's: what an author can write who wants to deceive.
func Misseal(c Context, e *Envelope, to PublicKey) (*Envelope, error) {
	again := *e
	again.Slots = nil
	for range e.Slots {
		slot, err := hpke.Seal(to.key, kdf(), aead(), info(c.digest(), e.Commit), make([]byte, contentKeyBytes))
		if err != nil {
			return nil, err
		}
		again.Slots = append(again.Slots, slot)
	}
	return &again, nil
}

// Mispad is an envelope whose padding holds a byte that is not zero.
func Mispad(c Context, key ContentKey, e *Envelope, at int) (*Envelope, error) {
	again, context := *e, c.digest()
	cipher, nonce := key.cipher(context)
	padded, err := cipher.Open(nil, nonce, e.Data, e.bound(context))
	if err != nil {
		return nil, err
	}
	padded[at] = 1
	again.Data = cipher.Seal(nil, nonce, padded, e.bound(context))
	return &again, nil
}
