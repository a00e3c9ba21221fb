package node

import (
	"context"
	"strconv"

	"github.com/dure-net/dure/node/index"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/replication/ledger"
)

// unlistedLook is how many of the changes that lists lack are looked through for one
// record, some ten milliseconds. What lies further on is found once lists are nearer.
const unlistedLook = 4096

// unlisted is the row of a record that the ledger holds and lists do not show yet, as while
// the disk takes nothing: as it was published first. It has an answer because its receipt
// said that it is here. What was said of it since, lists tell when they come to it.
func (n *Node) unlisted(ctx context.Context, ref string) (index.Row, bool) {
	id, err := protocol.ParseCID(ref)
	if err != nil || id.Prefix().Codec != protocol.CodecDagCBOR {
		return index.Row{}, false
	}
	e, isBody, err := n.ledger.Find(id)
	if err != nil || isBody {
		return index.Row{}, false
	}
	h := e.Header()
	if !h.Kind.IsRecord() || h.Kind.IsAgreement() || h.Of.Defined() {
		return index.Row{}, false
	}
	member, count := n.replica.Feeds().Standings(e.Feed())
	local, found := n.lacking(ctx, id)
	if member == "" || e.Seq() >= count || !found {
		return index.Row{}, false
	}
	_, gone := n.replica.Erasures().Why(e)
	row := index.Row{Record: id, Kind: h.Kind, Member: member, Seq: local, Erased: gone,
		Current: index.Place{Entry: id, Feed: e.Feed(), FeedSeq: e.Seq(), Seq: local, Kind: h.Kind, Member: member}}
	if h.Number > 0 {
		row.Number = member + "-" + strconv.FormatUint(h.Number, 10)
	}
	return row, true
}

// lacking finds an entry among those that lists have not come to, and its local number.
func (n *Node) lacking(ctx context.Context, id protocol.EntryID) (local uint64, found bool) {
	from, newest := n.follower.Progress().Applied+1, history{n}.Newest()
	for last := from + unlistedLook; from <= newest && from < last; {
		changes, err := n.ledger.Follow(ctx, from, int(min(last-from, 256)))
		if err != nil || len(changes) == 0 {
			return 0, false
		}
		for _, c := range changes {
			if c.What == ledger.Appended && c.Entry.ID() == id {
				return c.Local, true
			}
		}
		from = changes[len(changes)-1].Local + 1
	}
	return 0, false
}
