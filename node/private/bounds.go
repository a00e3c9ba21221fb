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
		b("maxRewraps", maxRewraps, "entries", "that one pass writes for nodes that came later: 256 letters each", "the next pass"),
	}
}
