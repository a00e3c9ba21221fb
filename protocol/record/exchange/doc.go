// Package exchange owns the life of agreements: what the entries of a thread, from proposal to feedback, add up to. It is
// a pure fold: the same entries in any order, on any node, give the same state to the byte for the same day (AsOf). It
// never reads a clock or a ledger, never decides who may write (Deeds only says who would be heard), and never drops a
// contradiction in silence: what cannot both hold is shown as rivals, as a difference or as an over-commitment.
//
// A thread is the first proposal of a matter with everything said about it: counter-proposals and amendments are its
// further versions, and every other entry names the first proposal in its header ("of").
//
// Nothing here depends on when entries arrived or on the order of their claimed times. Where two words of different
// writers could cross, one entry of one writer has the last word (a version is agreed once its writer confirms it); where
// two words of one member cross on two of its nodes, a rule of the tables settles them, the same everywhere. The tables
// (Machines) are what the fold runs and what EXCHANGE.md shows.
package exchange
