package node

import (
	"context"
	"strconv"
	"time"

	"github.com/dure-net/dure/node/index"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/replication/ledger"
)

const (
	// indexedSoon bounds how long a start waits for lists to be whole. A larger index goes
	// on being built while the node runs.
	indexedSoon = 10 * time.Second

	// indexPatience bounds how long a writer or a watcher waits for an index that does not
	// come any further: an entry is durable whatever becomes of lists. A disk that others use too
	// stands still for a second now and then, and who has published looks into the list next.
	indexPatience = 2 * time.Second
)

// history is the ledger as the index follows it.
type history struct{ *Node }

var _ index.Log = history{}

// Follow implements index.Log.
func (h history) Follow(ctx context.Context, from uint64, limit int) ([]index.Item, uint64, error) {
	changes, err := h.ledger.Follow(ctx, from, limit)
	if err != nil {
		return nil, 0, err
	}
	items := make([]index.Item, len(changes))
	for i, c := range changes {
		items[i] = index.Item{Entry: c.Entry, Seq: c.Local, What: index.What(c.What)}
	}
	return items, h.Newest(), nil
}

// Newest implements index.Log.
func (h history) Newest() uint64 { return h.ledger.Stats().Next - 1 }

// Limits implements index.Log.
func (h history) Limits() []index.Limit {
	all := h.replica.Feeds().Limits()
	out := make([]index.Limit, len(all))
	for i, l := range all {
		out[i] = index.Limit{Feed: l.Feed, Member: l.Member, Count: l.Count}
	}
	return out
}

// Limit implements index.Log.
func (h history) Limit(feed protocol.FeedID) index.Limit {
	member, count := h.replica.Feeds().Standings(feed)
	return index.Limit{Feed: feed, Member: member, Count: count}
}

// Erased implements index.Log.
func (h history) Erased() (erased []protocol.EntryID) {
	for _, e := range h.replica.State().Erasures() {
		erased = append(erased, e.Entry)
	}
	return erased
}

// follow begins to keep the index up with the ledger, until Close. It returns when lists
// are whole, or after indexedSoon.
func (n *Node) follow(ctx context.Context) {
	origin := n.federation.String()
	if at := n.ledger.Opened().Restored; !at.IsZero() {
		origin += " " + strconv.FormatInt(at.UnixNano(), 10)
	}
	n.follower = index.NewFollower(n.index, history{n}, folds{n}, origin)
	running, stop := context.WithCancel(context.Background()) // for as long as the node is open, whoever opened it
	n.stopFollowing = stop
	newest := history{n}.Newest()
	n.following.Go(func() {
		if err := n.follower.Run(running); err != nil {
			n.log.Error("the index is not kept up any more", "err", err)
		}
	})
	ctx, cancel := context.WithTimeout(ctx, indexedSoon)
	defer cancel()
	n.follower.Unsettle()
	if n.follower.Await(ctx, newest, indexedSoon) {
		n.follower.AwaitFolds(ctx)
		n.remember()
		n.loadLetters()
		return
	}
	n.following.Go(func() {
		for running.Err() == nil && !n.follower.Await(running, newest, indexedSoon) {
		}
		if running.Err() == nil {
			n.remember()
			n.loadLetters()
		}
	})
}

// remember has the replica know where nodes were, by their last words.
func (n *Node) remember() {
	places, err := n.index.Nodes()
	if err != nil {
		n.log.Warn("where other nodes were is not known from the index", "err", err)
	}
	for _, p := range places {
		if e, err := n.ledger.Entry(p.Feed, p.FeedSeq); err == nil { // damaged: it is told again when it is repaired
			n.replica.Others().Remember(e)
		}
	}
}

// indexed waits until lists show what was written.
func (n *Node) indexed(ctx context.Context, local uint64) {
	if !n.follower.Await(ctx, local, indexPatience) && ctx.Err() == nil {
		n.log.Debug("lists do not show yet what was written", "seq", local)
	}
}

// rowOf is the row of a record; what the index cannot tell is not shown.
func (n *Node) rowOf(id protocol.EntryID) (index.Row, bool) {
	row, ok, err := n.index.Record(id)
	if err != nil {
		n.log.Debug("a record was not looked up", "record", id.Short(), "err", err)
	}
	return row, ok
}

// The two number what happens alike; an array of another length would not compile.
var (
	_ [index.Appended]struct{}    = [ledger.Appended]struct{}{}
	_ [index.BodyArrived]struct{} = [ledger.BodyArrived]struct{}{}
	_ [index.BodyErased]struct{}  = [ledger.BodyErased]struct{}{}
	_ [index.SetAside]struct{}    = [ledger.SetAside]struct{}{}
)
