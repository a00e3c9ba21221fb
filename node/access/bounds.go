package access

import (
	"time"

	"github.com/dure-net/dure/protocol"
)

// Bounds of what is kept about callers, each with its reason and what happens beyond it.
const (
	// MaxTokens bounds the tokens kept: a token for each program of a large city. Beyond: 409 conflict.
	MaxTokens = 256

	// MaxUsers bounds the users kept. Beyond: 409 conflict.
	MaxUsers = 128

	// MaxName bounds the name of a token or a user, in characters. Beyond: 400 usage.
	MaxName = 64

	// DefaultLife is how long a token lives when nobody says; MaxLife is the longest: a key
	// that nobody has thought of for two years is not one that anybody watches.
	DefaultLife = 90 * 24 * time.Hour
	MaxLife     = 732 * 24 * time.Hour

	// keptEnded is how long an ended token is still listed, so that its end can be explained.
	keptEnded = 30 * 24 * time.Hour
)

// Bounds lists the limits of this package. The slice is the caller's.
func Bounds() []protocol.Bound {
	b := protocol.NewBound
	return []protocol.Bound{
		b("MaxTokens", MaxTokens, "tokens", "a token for each program of a large city", "409 `conflict`"),
		b("MaxUsers", MaxUsers, "users", "that people sign in or hold tokens as", "409 `conflict`"),
		b("MaxName", MaxName, "characters", "of the name of a token or a user", "400 `usage`"),
		b("MaxLife", int64(MaxLife/(24*time.Hour)), "days", "that a token may live; 90 when nobody says", "400 `usage`"),
		b("keptEnded", int64(keptEnded/(24*time.Hour)), "days", "an ended token is still listed", "forgotten"),
	}
}
