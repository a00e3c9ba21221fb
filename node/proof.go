package node

import (
	"context"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/proof"
)

// Proof implements api.Reader.
func (n *Node) Proof(_ context.Context, ref string) (proof.Proof, error) {
	id, err := protocol.ParseCID(ref)
	var e protocol.Entry
	if err == nil {
		var isBody bool
		if e, isBody, err = n.ledger.Find(id); err == nil && isBody {
			id = e.ID()
		}
	}
	if err != nil { // not an entry's CID: a record's number, or a part of its CID
		row, lerr := n.index.Lookup(ref)
		if lerr != nil {
			return proof.Proof{}, lerr
		}
		if e, err = n.ledger.Entry(row.Current.Feed, row.Current.FeedSeq); err != nil {
			return proof.Proof{}, err
		}
	}
	p := proof.Proof{Version: proof.Version, Federation: n.federation, Entry: e.ID(), Header: e.Bytes(), Founding: n.papers, Member: n.replica.Feeds().MemberOf(e.Feed())}
	if body, err := n.ledger.Body(e); err == nil && e.Header().Body.Defined() {
		p.Body = body
	}
	first, err := n.ledger.Entry(e.Feed(), 0)
	if err != nil {
		return proof.Proof{}, err
	}
	if e.Seq() > 0 {
		p.Inception = first.Bytes()
	}
	key := first.Header().Init.Node
	for last := e; last.Verify(n.federation, key) != nil; {
		if last, err = n.ledger.Entry(e.Feed(), last.Seq()+1); err != nil || len(p.Run) == protocol.MaxPage {
			return proof.Proof{}, &protocol.Error{Reason: protocol.ReasonDamaged, Op: "prove entry", ID: e.ID().String(), Err: err}
		}
		p.Run = append(p.Run, last.Bytes())
	}
	if m, ok := n.replica.State().ByRoot(first.Header().Init.Root); ok {
		p.Admitted = &proof.Admission{Number: m.Since.Number, ID: m.Since.ID}
		if m.Founder {
			p.Admitted.ID = n.federation
		}
	}
	return p, nil
}
