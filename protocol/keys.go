package protocol

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
)

// PublicKey is an Ed25519 public key: a member's root key or a node's key.
// It is comparable; its text form is "ed" and 52 letters of unpadded base32.
type PublicKey [ed25519.PublicKeySize]byte

// Signature is an Ed25519 signature.
type Signature [ed25519.SignatureSize]byte

var keyText = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// IsZero reports whether the key was never set.
func (k PublicKey) IsZero() bool { return k == PublicKey{} }

func (k PublicKey) String() string { return "ed" + keyText.EncodeToString(k[:]) }

// Short is the beginning of the text form, for logs.
func (k PublicKey) Short() string { return k.String()[:10] }

func (k PublicKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText accepts exactly the form that String writes.
func (k *PublicKey) UnmarshalText(text []byte) error {
	key, err := ParsePublicKey(string(text))
	if err != nil {
		return err
	}
	*k = key
	return nil
}

// ParsePublicKey is the inverse of String; any other spelling is refused.
func ParsePublicKey(text string) (PublicKey, error) {
	var k PublicKey
	raw, ok := strings.CutPrefix(text, "ed")
	if !ok {
		return k, &Error{Reason: ReasonMalformed, Op: "read public key", Err: fmt.Errorf("%q does not begin with \"ed\"", clip(text))}
	}
	b, err := keyText.DecodeString(raw)
	if err != nil || len(b) != len(k) {
		return k, &Error{Reason: ReasonMalformed, Op: "read public key", Err: fmt.Errorf("%q is not 52 letters of base32", clip(text))}
	}
	copy(k[:], b)
	if k.String() != text {
		return PublicKey{}, &Error{Reason: ReasonNonCanonical, Op: "read public key"}
	}
	return k, nil
}

// Fingerprint is twelve digits of the key's hash, in three groups, short enough to
// compare by telephone: 40 bits of SHA-256("dure/fingerprint/1" ‖ key). It guards
// against mix-ups and hasty impostors; the invitation's seed is what authenticates.
func (k PublicKey) Fingerprint() string {
	sum := sha256.Sum256(append([]byte("dure/fingerprint/1"), k[:]...))
	var n uint64
	for _, b := range sum[:5] {
		n = n<<8 | uint64(b)
	}
	s := fmt.Sprintf("%012d", n%1_000_000_000_000)
	return s[:4] + " " + s[4:8] + " " + s[8:]
}

// Verify reports whether sig is the key's signature over msg. It is single,
// cofactorless verification (crypto/ed25519): batch verifiers can disagree with it
// on crafted signatures, which would split the network. A weak key verifies nothing.
func (k PublicKey) Verify(msg []byte, sig Signature) bool {
	return !k.weak() && ed25519.Verify(k[:], msg, sig[:])
}

// smallOrder are the y coordinates, little-endian, of the points of order 1, 2, 4 and
// 8. For a key among them anybody can make signatures; libraries differ in whether
// they say so, and nodes must not. The list is libsodium's (ge25519_has_small_order).
var smallOrder = [5][32]byte{
	{},
	{1},
	{0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
		0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
	{0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
		0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},
	{0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
}

// fieldPrime is 2^255 - 19, little-endian.
var fieldPrime = [32]byte{0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}

// weak reports whether the key is a point of small order, or spells its point in
// another than the one canonical way (y not below the field's prime).
func (k PublicKey) weak() bool {
	k[31] &= 0x7f // the sign of x
	for i := range smallOrder {
		if k == smallOrder[i] {
			return true
		}
	}
	for i := 31; i >= 0; i-- {
		if k[i] != fieldPrime[i] {
			return k[i] > fieldPrime[i]
		}
	}
	return true
}

// PrivateKey signs. It never prints: String, GoString, LogValue-style formatting and
// JSON all redact.
type PrivateKey struct{ key ed25519.PrivateKey }

// NewPrivateKey makes a key from its 32-byte seed; the seed is copied.
func NewPrivateKey(seed []byte) (PrivateKey, error) {
	if len(seed) != ed25519.SeedSize {
		return PrivateKey{}, Fail(ReasonMalformed, "make key", errors.New("a seed has 32 bytes"))
	}
	return PrivateKey{ed25519.NewKeyFromSeed(append([]byte(nil), seed...))}, nil
}

// IsZero reports whether there is no key.
func (k PrivateKey) IsZero() bool { return len(k.key) == 0 }

// Public is the public half; of the zero key the zero key.
func (k PrivateKey) Public() PublicKey {
	var p PublicKey
	if k.IsZero() {
		return p
	}
	copy(p[:], k.key[ed25519.SeedSize:])
	return p
}

// Seed is the secret itself, for writing key files; the slice is the caller's.
func (k PrivateKey) Seed() []byte { return append([]byte(nil), k.key.Seed()...) }

// Sign signs msg. Callers sign only bytes that begin with a domain tag (sign.go).
func (k PrivateKey) Sign(msg []byte) Signature {
	var s Signature
	copy(s[:], ed25519.Sign(k.key, msg))
	return s
}

const redacted = "dure-secret-key-[redacted]"

func (k PrivateKey) String() string               { return redacted }
func (k PrivateKey) GoString() string             { return redacted }
func (k PrivateKey) MarshalText() ([]byte, error) { return []byte(redacted), nil }
func (k PrivateKey) Format(f fmt.State, _ rune)   { _, _ = f.Write([]byte(redacted)) }

func clip(s string) string {
	if len(s) > 80 {
		return s[:80]
	}
	return s
}
