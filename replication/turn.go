package replication

import (
	"context"

	"golang.org/x/time/rate"

	"github.com/dure-net/dure/protocol"
)

// What one node may ask of this one. It delays and never refuses: beyond, the answer
// waits, and whoever asked with it; the others' answers do not.
const (
	asksRate      = 100   // questions a second, on all streams of the node together
	asksBurst     = 1_000 // a walk through a hundred thousand feeds takes some four hundred
	streamsAtOnce = 2     // answers of pages or bodies under way to one node
)

// turn is what one node may ask.
type turn struct {
	asks    *rate.Limiter
	streams chan struct{}
}

func newTurn() turn {
	return turn{asks: rate.NewLimiter(asksRate, asksBurst), streams: make(chan struct{}, streamsAtOnce)}
}

func (r *Replica) turnOf(node protocol.PublicKey) turn {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.peerFor(node).turn
}

// stream runs answer when it is the node's turn.
func (t turn) stream(ctx context.Context, answer func() error) error {
	select {
	case t.streams <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-t.streams }()
	return answer()
}
