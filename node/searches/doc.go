// Package searches owns the searches that the people of one node have saved: what each asks
// for, whose it is, and how far its owner has looked. It never searches itself, and keeps no
// result: what is new is found each time, by whoever knows the index. All of it lies in one
// file of the home, which no backup takes along, as it takes no tokens and no users.
package searches

import "github.com/dure-net/dure/protocol"

// Bounds of what is saved, each with its reason and what happens beyond it.
const (
	// MaxOwn bounds the searches of one owner: each is asked for whenever the inbox is
	// looked at. Beyond: 409 conflict.
	MaxOwn = 32

	// MaxAll bounds the searches of all owners. Beyond: 409 conflict.
	MaxAll = 512

	// MaxName bounds a name, in characters. Beyond: 400 usage.
	MaxName = 64

	// maxQuery bounds what one asks for, in bytes: as much as an address may have. Beyond: 413.
	maxQuery = 4 << 10
)

// Bounds lists the limits of this package. The slice is the caller's.
func Bounds() []protocol.Bound {
	b := protocol.NewBound
	return []protocol.Bound{
		b("MaxOwn", MaxOwn, "searches", "saved by one user, or by the owner of the node: each is asked for whenever the inbox is looked at", "409 `conflict`"),
		b("MaxAll", MaxAll, "searches", "saved on one node", "409 `conflict`"),
		b("MaxName", MaxName, "characters", "of the name of a saved search", "400 `usage`"),
		b("maxQuery", maxQuery, "bytes", "of what a saved search asks for, as an address", "413 `too_large`"),
	}
}
