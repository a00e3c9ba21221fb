// Package protocol owns what an entry is, when it is valid and what the bytes are:
// the canonical form, names by hash, keys and signatures, feeds, frontiers, forks,
// and the frames that nodes exchange. It never reads a clock, a disk or the network,
// never starts a goroutine and never logs: what time it is and what is known is told
// to it.
//
// SPEC.md is the normative text; testdata/vectors are its examples, valid and
// invalid, which need nothing but SHA-256, Ed25519 and CBOR. Everything a node must
// agree on with other nodes stands here, in protocol/record (what entries say) and in
// protocol/charter (who may say it).
//
// Nothing here panics on bytes from outside. Errors are *Error; branch on ReasonOf.
// All functions are safe for concurrent use; values share the memory they were read
// from, so that neither may be changed.
package protocol
