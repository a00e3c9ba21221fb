// Package private owns this node's private letters: the keys it is written to under, whom
// it can write to, which sealed entries it can read, and what it wraps again for nodes
// that came later. It writes no decrypted byte to a disk, logs nothing of a letter and
// keeps none in memory: what it remembers of a sealed entry is whether it can be read,
// and with which content key.
//
// It never decides who is a member, and publishes only through what it is given.
//
// # What it costs
//
// A sealed entry names nobody, so a node tries its keys on every one: about 110
// microseconds for each slot and key, once, in the background. What did not open is
// remembered across starts, what opened while the node runs.
//
// # Who wraps for whom
//
// Every node can be written to under a key of its own, and a letter is sealed to the nodes
// that its parties have on that day. Whoever can read it wraps its key for the other
// nodes of its own member that cannot; and for another party of which no node can. So a
// node that a member adds reads the old letters as soon as an older one was on line, and a
// member that lost its only machine gets its letters back from those it wrote to, as long
// as one of them has them. That a node was served is believed of its own member alone, and
// of what this member wrapped itself. Nobody outside the parties ever gets a key, and no one that is
// suspended or removed.
package private
