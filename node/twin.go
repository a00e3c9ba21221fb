package node

import (
	"sync"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
	"github.com/dure-net/dure/replication"
)

// twins notes what came from others in chains of this member that this process did not
// write, dated after it began. Where such a chain is of this node's own key, the key is
// in use a second time: a copy of the server or of its disk runs, or a thief's. Nothing
// forks where the copy went on in a chain of its own, but two machines act as one node.
type twins struct {
	handle  string    // of this member; set before anything arrives, like started
	started time.Time // when this process began

	mu   sync.Mutex                    // guards all below
	mine map[protocol.FeedID]bool      // written by this process
	last map[protocol.FeedID]time.Time // claimed time of the newest such entry, by chain
}

const (
	// twinsKept bounds the chains that are watched; a member has few. Beyond: not watched.
	twinsKept = 64

	// twinTold is how long after its last entry a second machine is told of.
	twinTold = 24 * time.Hour
)

func (t *twins) note(a replication.Arrival) {
	if a.Member != t.handle || len(a.Page.Entries) == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	feed := a.Page.Feed()
	if a.Via == replication.ViaLocal {
		if t.mine == nil {
			t.mine = map[protocol.FeedID]bool{}
		}
		if len(t.mine) < twinsKept {
			t.mine[feed] = true
		}
		return
	}
	if _, known := t.last[feed]; t.mine[feed] || !known && len(t.last) >= twinsKept {
		return
	}
	for _, e := range a.Page.Entries {
		if at := time.UnixMilli(e.Header().Time); at.After(t.started) && at.After(t.last[feed]) {
			if t.last == nil {
				t.last = map[protocol.FeedID]time.Time{}
			}
			t.last[feed] = at
		}
	}
}

// alert tells of a second machine that writes with the key self.
func (t *twins) alert(s charter.State, self protocol.PublicKey, now time.Time) []api.Alert {
	t.mu.Lock()
	defer t.mu.Unlock()
	var newest time.Time
	if m, ok := s.Member(t.handle); ok {
		for _, node := range m.Nodes {
			for _, feed := range node.Feeds {
				if at, ok := t.last[feed]; ok && node.Key == self && at.After(newest) {
					newest = at
				}
			}
		}
	}
	if newest.IsZero() || now.Sub(newest) > twinTold {
		return nil
	}
	return []api.Alert{{Code: "twin", Level: api.AlertWarn, Member: t.handle, Node: self.String(), Args: map[string]string{"time": moment(newest)}}}
}
