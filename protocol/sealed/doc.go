// Package sealed owns bodies that only named members can read: the envelope, the keys
// that open it, and what lies inside. It never decides who may be written to, keeps no
// key, and reads no clock; a content key and the order of slots come from the reader of
// random bytes it is given.
//
// # The envelope
//
// A fresh content key for every body. The content is encrypted with it once; the key is
// wrapped in a slot for every node of the members addressed and of the author's own, by
// HPKE (RFC 9180, base mode) with MLKEM768-X25519 (X-Wing), HKDF-SHA256 and
// ChaCha20-Poly1305. Both halves of the hybrid must be broken to open a slot: entries are
// kept for ever by every member, so what is recorded today must withstand the computers of
// later. HPKE is the standard library's crypto/hpke: it is kept with the toolchain, TLS
// links it already, and the copy that age brings (filippo.io/hpke) is the same code for
// older toolchains. ChaCha20-Poly1305 is as fast in software as in hardware, without
// tables that leak through caches, and short enough to be written down in any language.
//
// Base mode has no sender: whose word a body is, the entry's signature says, which covers
// the hash of the body.
//
// # What it is bound to
//
// Content and slots are bound to the federation, the author's node key, the kind and the
// record that is revised. Bytes that another member copies into an entry of its own do
// not open. The content is also bound to its slots, and the content key to the envelope
// by a commitment, without which an author could write one body that says different
// things to different readers: ChaCha20-Poly1305 alone lets two keys open one text.
//
// # What outsiders learn
//
// That the author wrote an envelope, when, and of which of six sizes and four numbers of
// slots it is. Slots name nobody: a reader tries its keys on each of them, which costs it
// about 110 microseconds a slot, once a body, and at most MaxSlots of them. Names of keys
// beside the slots would make that one comparison, and would tell every member for ever
// who writes to whom: the ledger is read by all, and the one thing that cannot be taken
// back is what everybody was told. At eight slots a node tries a thousand bodies in a
// second; the price is the reader's, and is paid once.
//
// Empty slots are sealed to a throwaway key and not filled with random bytes: a real
// slot holds a compressed lattice point and a point of a curve, which statistics tell
// from noise.
//
// # Forward secrecy
//
// There is none within the life of a recipient key: whoever gets an old private half and
// the old bytes reads them. Rotation bounds what one stolen key opens later, erasure
// removes the bytes.
package sealed
