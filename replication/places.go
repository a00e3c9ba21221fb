package replication

import (
	"context"
	"time"

	"github.com/dure-net/dure/protocol"
)

// How many exchanges run at once, and who gives way. Every exchange finds a place
// within a few seconds, however many nodes hold theirs on purpose: its first moments use
// places that nobody may keep, and of those that last the idlest gives way while others
// wait. What it brought stays, and it comes back when its turn comes.
const (
	longPlaces  = 32
	quickPlaces = 16
	quickTime   = 2 * time.Second
)

// slot is held by a running exchange.
type slot struct {
	began, moved time.Time
	leave        context.CancelFunc
	left         bool // was asked to give way
}

// places is guarded by Replica.mu.
type places struct {
	taken map[protocol.PublicKey]*slot
	queue []protocol.PublicKey // who waits, each once; at most the nodes there are
	freed chan struct{}        // a place became free
}

func newPlaces() *places {
	return &places{taken: map[protocol.PublicKey]*slot{}, freed: make(chan struct{}, 1)}
}

// next is the node whose turn it is, if there is a place for it. Otherwise, if one is
// kept that long ones may not keep, its holder is asked to go.
func (p *places) next(now time.Time) (node protocol.PublicKey, ok bool) {
	if len(p.queue) == 0 {
		return node, false
	}
	if len(p.taken) < longPlaces+quickPlaces {
		node, p.queue = p.queue[0], p.queue[1:]
		return node, true
	}
	long := 0
	var idlest *slot
	for _, x := range p.taken {
		if now.Sub(x.began) < quickTime {
			continue
		}
		if x.left {
			return node, false // its place will be free in an instant
		}
		if long++; idlest == nil || x.moved.Before(idlest.moved) {
			idlest = x
		}
	}
	if long > longPlaces {
		idlest.left = true
		idlest.leave()
	}
	return node, false
}

// wait puts a node into the queue, once.
func (p *places) wait(node protocol.PublicKey) {
	for _, n := range p.queue {
		if n == node {
			return
		}
	}
	p.queue = append(p.queue, node)
}

// take gives a node a place; leave ends its exchange.
func (p *places) take(node protocol.PublicKey, now time.Time, leave context.CancelFunc) *slot {
	x := &slot{began: now, moved: now, leave: leave}
	p.taken[node] = x
	return x
}

func (p *places) free(node protocol.PublicKey, x *slot) {
	if p.taken[node] == x { // a node that was thrown out and let in again has another one
		delete(p.taken, node)
	}
	select {
	case p.freed <- struct{}{}:
	default:
	}
}

// moved notes that a node's exchange brought something.
func (p *places) moved(node protocol.PublicKey, now time.Time) {
	if x := p.taken[node]; x != nil {
		x.moved = now
	}
}
