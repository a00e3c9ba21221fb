// Package ordeal owns the ordeals of the real binary: kills, power cuts, hostile
// networks, sizes and paces. Everything in it is a test, built from the source beside
// it and used as people and programs use it; it is never part of the program.
//
// Tests that need root, network namespaces, loop devices or XFS skip with a word about
// what is missing. The short runs are part of go test; the environment makes them long:
//
//	DURE_KILLS=200       kills in each kill test, that of streams too
//	DURE_POWERCUTS=30    power cuts
//	DURE_FLIPS=500       single bits that are wrong on the disk of a stopped node
//	DURE_FULL=100        times that a small disk is filled under a node
//	DURE_ENTRIES=100000  entries of the ledger that is started and weighed
//	DURE_PUBLICATIONS=300  records that are timed from one node to nine others
//	DURE_PATIENT=1       waits until an outsider's time is over
//	DURE_BARS=1          holds timings to what is asked of dure, instead of to what a
//	                     machine that does other work besides can be held to
//	DURE_BINARY=FILE     a binary that was built already
package ordeal
