package exchange

import "github.com/dure-net/dure/protocol"

const (
	// maxEntries bounds the entries of one thread that are read of each party: an office writes some dozens.
	maxEntries = 2_000

	// maxBehind bounds the changes that are gone through to find the threads they touch.
	maxBehind = 10_000

	// maxBooks bounds the days on which every thread is kept folded: today, and what somebody compares with it.
	maxBooks = 4

	// maxWaiting bounds what an inbox shows.
	maxWaiting = 1_000

	// maxListings bounds the listings whose terms are kept in memory, at about two kilobytes each.
	maxListings = 16_384
)

// Bounds lists the limits of this package, one node's own. The slice is the caller's.
func Bounds() []protocol.Bound {
	b := protocol.NewBound
	return []protocol.Bound{
		b("maxEntries", maxEntries, "entries", "of one party in one agreement: an office writes some dozens", "its further ones, in order of its feeds, are not folded: the same ones on every node"),
		b("maxBehind", maxBehind, "changes", "that are gone through one by one to find which agreements they touch", "all are folded anew"),
		b("maxBooks", maxBooks, "days", "on which agreements are kept folded at once, today and what is compared with it", "the day not asked for the longest is forgotten, and folded anew when it is asked for"),
		b("maxWaiting", maxWaiting, "agreements", "that an inbox shows", "the least urgent ones wait until others are settled"),
		b("maxListings", maxListings, "listings", "whose terms are kept in memory for matching, without their texts", "all are forgotten, and read again when they are needed"),
	}
}
