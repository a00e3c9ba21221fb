// Package erasure owns which bodies are erased, by whose word, and which nodes have
// said that the bytes are gone: a pure fold over entries of two kinds, over how far
// feeds stand, and over acts. The same entries in any order give the same answers. It
// never touches a byte of a body: what the answers mean for a disk is the ledger's.
//
// # Who may erase
//
// The owner: an erasure counts for entries in feeds of the member in whose feed it
// stands itself, whichever of the member's nodes wrote either. And the federation: an
// act names an entry of anybody. Nobody else: an erasure that names another member's
// entry says nothing about it. Only bodies of erasable kinds go (protocol.Kind); what
// governs, or will form an agreement, stays.
//
// # What it names
//
// An erasure with Refs erases the bodies of exactly these entries. One without erases
// all of the record in Of: the first entry, every revision and the withdrawal, those
// included that come later, or were written meanwhile on a node that had not heard of
// it. An act that names the first entry of a record erases all of the record likewise.
// The header alone decides: the body, which says why, may be missing or say nothing.
//
// # When an erasure stops standing
//
// An erasure counts exactly as long as its entry stands, like everything that a feed
// says, and an act as long as it is on the line. This is what makes the answers a
// function of the blocks held: a rule "once erased, always erased" would depend on who
// heard of the cut before the erasure. So where a root key cuts a stolen node key, or a
// removal lists less of a feed, the erasures beyond do not count any more (Lapsed). What
// was dropped is gone from that disk all the same; the body is then missing like any
// other, and taken again from a node that still has it. A proven fork that nobody has
// settled decides nothing: erasures beyond it do not count, but what was dropped stays
// dropped and is not asked for, so that a cloned machine does not bring back what its
// owner had erased. The forked node says its erasures again in its new feed.
package erasure
