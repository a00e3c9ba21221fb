package sealed

import (
	"bytes"
	"crypto/hpke"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/dure-net/dure/protocol"
)

const (
	tagSealed = "dure/sealed/1\x00"
	tagKey    = "dure/sealed-key/1\x00"
	tagCommit = "dure/sealed-commit/1\x00"
	tagSlot   = "dure/sealed-slot/1\x00"
	tagPrint  = "dure/recipient/1\x00"
)

// The one suite of version 1. Another one is another version.
func kem() hpke.KEM   { return hpke.MLKEM768X25519() }
func kdf() hpke.KDF   { return hpke.HKDFSHA256() }
func aead() hpke.AEAD { return hpke.ChaCha20Poly1305() }

// Print is a short name of a public key: the first 8 bytes of SHA-256 over it. It stands
// inside envelopes only, never beside a slot.
type Print [8]byte

// PublicKey is what a node is written to under. Make it with ParsePublicKey.
type PublicKey struct {
	raw string
	key hpke.PublicKey
}

// ParsePublicKey reads the 1,216 bytes of a key: the ML-KEM-768 half, then the X25519
// half. Bytes that are no key, or one that nothing can be sealed to, are ReasonMalformed.
func ParsePublicKey(raw []byte) (PublicKey, error) {
	key, err := kem().NewPublicKey(raw)
	if err == nil && len(raw) != publicKeyBytes {
		err = errors.New("wrong length")
	}
	if err == nil {
		// A point of small order passes the parser and fails every encapsulation.
		_, err = hpke.Seal(key, kdf(), aead(), nil, nil)
	}
	if err != nil {
		return PublicKey{}, &protocol.Error{Reason: protocol.ReasonMalformed, Op: "read recipient key", Field: "key", Err: err}
	}
	return PublicKey{string(raw), key}, nil
}

// Bytes is the key as ParsePublicKey reads it. The slice is the caller's.
func (k PublicKey) Bytes() []byte { return []byte(k.raw) }

// IsZero reports whether there is no key.
func (k PublicKey) IsZero() bool { return k.raw == "" }

// Print is the key's short name.
func (k PublicKey) Print() Print {
	sum := sha256.Sum256([]byte(tagPrint + k.raw))
	return Print(sum[:8])
}

// PrivateKey opens what was sealed to its public half. It never prints.
type PrivateKey struct {
	seed   [contentKeyBytes]byte
	key    hpke.PrivateKey
	public PublicKey
}

// NewPrivateKey makes a key from 32 random bytes.
func NewPrivateKey(random io.Reader) (PrivateKey, error) {
	var seed [contentKeyBytes]byte
	if _, err := io.ReadFull(random, seed[:]); err != nil {
		return PrivateKey{}, protocol.Fail(protocol.ReasonInternal, "make recipient key", err)
	}
	return privateKey(seed)
}

func privateKey(seed [contentKeyBytes]byte) (PrivateKey, error) {
	key, err := kem().NewPrivateKey(seed[:])
	if err != nil {
		return PrivateKey{}, protocol.Fail(protocol.ReasonMalformed, "make recipient key", err)
	}
	public := key.PublicKey()
	return PrivateKey{seed, key, PublicKey{string(public.Bytes()), public}}, nil
}

// Public is the half that others seal to.
func (k PrivateKey) Public() PublicKey { return k.public }

// IsZero reports whether there is no key.
func (k PrivateKey) IsZero() bool { return k.key == nil }

// secretPrefix begins the text of a private half, so that nobody takes it for anything else.
const secretPrefix = "dure-recipient-key-1:"

var secretText = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Reveal is the secret itself, for the file that keeps it.
func (k PrivateKey) Reveal() string { return secretPrefix + secretText.EncodeToString(k.seed[:]) }

// ParsePrivateKey is the inverse of Reveal. Its errors say nothing of the text.
func ParsePrivateKey(text string) (PrivateKey, error) {
	rest, ok := strings.CutPrefix(text, secretPrefix)
	raw, err := secretText.DecodeString(rest)
	if !ok || err != nil || len(raw) != contentKeyBytes || secretText.EncodeToString(raw) != rest {
		return PrivateKey{}, protocol.Fail(protocol.ReasonMalformed, "read recipient key", errors.New("not a recipient key"))
	}
	return privateKey([contentKeyBytes]byte(raw))
}

const redacted = secretPrefix + "[redacted]"

func (k PrivateKey) String() string               { return redacted }
func (k PrivateKey) GoString() string             { return redacted }
func (k PrivateKey) MarshalText() ([]byte, error) { return []byte(redacted), nil }
func (k PrivateKey) Format(f fmt.State, _ rune)   { _, _ = f.Write([]byte(redacted)) }

// ContentKey opens one body. It never prints.
type ContentKey [contentKeyBytes]byte

// IsZero reports whether there is no key.
func (k ContentKey) IsZero() bool { return k == ContentKey{} }

const redactedContent = "dure-content-key-[redacted]"

func (k ContentKey) String() string               { return redactedContent }
func (k ContentKey) GoString() string             { return redactedContent }
func (k ContentKey) MarshalText() ([]byte, error) { return []byte(redactedContent), nil }
func (k ContentKey) Format(f fmt.State, _ rune)   { _, _ = f.Write([]byte(redactedContent)) }

// Recipient is the body of a KindRecipient entry: under which key the node that wrote it
// is written to from now on. The newest of a node rules.
type Recipient struct {
	Version uint64 `cbor:"v"`
	Key     []byte `cbor:"key"`

	// Lost says that the private halves of the node's earlier keys are gone: what was sealed
	// to them alone has to be wrapped for it again.
	Lost bool `cbor:"lost,omitzero"`
}

// RecipientOf is the body that publishes a key.
func RecipientOf(k PublicKey, lost bool) *Recipient {
	return &Recipient{Version: version, Key: k.Bytes(), Lost: lost}
}

// OpenRecipient reads the body of a KindRecipient entry. Another version is
// ReasonWrongVersion; fields that this version does not know are left alone.
func OpenRecipient(raw []byte) (k PublicKey, lost bool, err error) {
	r, err := protocol.OpenBody[Recipient](raw)
	if err != nil {
		return PublicKey{}, false, err
	}
	if r.Version != version {
		return PublicKey{}, false, &protocol.Error{Reason: protocol.ReasonWrongVersion, Op: "read recipient key", Field: "v"}
	}
	k, err = ParsePublicKey(r.Key)
	return k, r.Lost, err
}

// distinct drops keys that stand in a list twice.
func distinct(keys []PublicKey) []PublicKey {
	seen := map[string]bool{}
	var out []PublicKey
	for _, k := range keys {
		if !k.IsZero() && !seen[k.raw] {
			seen[k.raw] = true
			out = append(out, k)
		}
	}
	return out
}

// Prints are the short names of keys, in order. The slice is the caller's.
func Prints(keys []PublicKey) []Print {
	keys = distinct(keys)
	out := make([]Print, len(keys))
	for i, k := range keys {
		out[i] = k.Print()
	}
	sortPrints(out)
	return out
}

func comparePrints(a, b Print) int { return bytes.Compare(a[:], b[:]) }
