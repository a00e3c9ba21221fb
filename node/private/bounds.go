package private

import (
	"time"

	"github.com/dure-net/dure/protocol"
)

const (
	// MaxPage bounds a page of letters. Beyond: ReasonUsage.
	MaxPage = 200

	// DefaultPage is a page where none is asked for.
	DefaultPage = 50

	// KeyAge is when a key is replaced by itself: what one stolen key opens is half a
	// year of letters.
	KeyAge = 180 * 24 * time.Hour

	// maxShut bounds the sealed entries for others that are remembered across starts, a
	// megabyte of them. The keys are tried anew on further ones at each start.
	maxShut = 65_536

	// maxRead bounds the letters that are remembered as read: far more than are looked through
	// for unread ones. The one marked first is forgotten first.
	maxRead = 4_096

	// saveShut and saveEvery are when marks of entries for others are saved: what a crash
	// between loses is tried again.
	saveShut  = 256
	saveEvery = time.Minute

	// maxRewraps bounds the entries that one pass writes for nodes that came later: 256
	// letters each. The next pass goes on.
	maxRewraps = 8
)

// Bounds lists the limits of this package. The slice is the caller's.
func Bounds() []protocol.Bound {
	b := protocol.NewBound
	return []protocol.Bound{
		b("MaxPage", MaxPage, "letters", "of one page: each is opened for it", "`usage`"),
		b("DefaultPage", DefaultPage, "letters", "of a page where none is asked for", ""),
		b("KeyAge", int64(KeyAge/(24*time.Hour)), "days", "a recipient key is replaced by itself: what one stolen key opens", "another one is published"),
		b("maxShut", maxShut, "entries", "for others that are remembered across starts, 16 bytes each", "the keys are tried on further ones at each start"),
		b("maxRead", maxRead, "letters", "that are remembered as read on this node", "the one marked first is forgotten"),
		b("saveShut", saveShut, "entries", "for others are saved together", "saved at once"),
		b("saveEvery", int64(saveEvery/time.Second), "seconds", "until fewer are saved; a crash before costs trying them again", "saved"),
		b("maxRewraps", maxRewraps, "entries", "that one pass writes for nodes that came later: 256 letters each", "the next pass"),
	}
}
