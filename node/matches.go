package node

import (
	"cmp"
	"context"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/index"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
	"github.com/dure-net/dure/protocol/record"
	"github.com/dure-net/dure/protocol/record/match"
)

// Matches implements api.Matcher.
func (n *Node) Matches(ctx context.Context, q api.MatchQuery) (api.Matches, error) {
	asOf := q.AsOf
	if asOf == "" {
		asOf = n.opts.Now().Format(time.DateOnly)
	} else if _, err := time.Parse(time.DateOnly, asOf); err != nil {
		return api.Matches{}, &protocol.Error{Reason: protocol.ReasonUsage, Op: "find matches", Field: "as_of", Err: err}
	}
	row, err := n.index.Lookup(q.Ref)
	if err != nil {
		return api.Matches{}, err
	}
	s := n.replica.State()
	self, ok := n.side(s, row)
	if !ok {
		return api.Matches{}, &protocol.Error{Reason: protocol.ReasonUsage, Op: "find matches",
			Args: map[string]string{"unlisted": cmp.Or(row.Number, row.Record.String())}}
	}
	shown, err := n.show(row)
	if err != nil {
		return api.Matches{}, err
	}
	other := protocol.KindRequest
	if row.Kind == protocol.KindRequest {
		other = protocol.KindOffer
	}
	rows := map[protocol.RecordID]index.Row{}
	var others []match.Side
	for before, more := uint64(0), true; more; {
		if err := ctx.Err(); err != nil {
			return api.Matches{}, protocol.Fail(protocol.ReasonCanceled, "find matches", err)
		}
		page, err := n.index.Page(index.Query{Types: []string{other.String()}, Limit: index.MaxLimit, Before: before})
		if err != nil {
			return api.Matches{}, err
		}
		for _, row := range page.Rows {
			if side, ok := n.side(s, row); ok {
				rows[side.ID] = row
				others = append(others, side)
			}
		}
		before, more = page.Next, page.Next > 0
	}
	found, near := match.Find(self, others, record.Day(asOf))
	out := api.Matches{For: shown, AsOf: asOf, Items: []api.Match{}, Near: []api.Match{}}
	for _, list := range []struct {
		from []match.Match
		to   *[]api.Match
	}{{found, &out.Items}, {near, &out.Near}} {
		for _, m := range list.from {
			one, err := n.showMatch(m, rows[m.Other.ID])
			if err != nil {
				return api.Matches{}, err
			}
			*list.to = append(*list.to, one)
		}
	}
	return out, nil
}

func (n *Node) showMatch(m match.Match, row index.Row) (api.Match, error) {
	shown, err := n.show(row)
	if err != nil {
		return api.Match{}, err
	}
	out := api.Match{Record: shown, Score: m.Score, Band: string(m.Band), Reasons: []api.MatchReason{}, Misses: []api.MatchMiss{}}
	for _, r := range m.Reasons {
		out.Reasons = append(out.Reasons, api.MatchReason{Code: string(r.Code), Points: r.Points, Of: r.Of, Facts: r.Facts})
	}
	for _, miss := range m.Misses {
		out.Misses = append(out.Misses, api.MatchMiss{Code: string(miss.Code), Facts: miss.Facts})
	}
	return out, nil
}

// side reads a listing that can be judged: an offer or request of a standing member
// whose content is here and valid.
func (n *Node) side(s charter.State, row index.Row) (match.Side, bool) {
	if row.Kind != protocol.KindOffer && row.Kind != protocol.KindRequest || row.Withdrawn || row.Erased {
		return match.Side{}, false
	}
	m, ok := s.Member(row.Member)
	if !ok || m.Status != charter.StatusMember {
		return match.Side{}, false
	}
	e, err := n.ledger.Entry(row.Current.Feed, row.Current.FeedSeq)
	if err != nil {
		return match.Side{}, false
	}
	body, err := n.ledger.Body(e)
	if err != nil {
		return match.Side{}, false
	}
	rec, err := record.FromBody(row.Kind, body)
	if err != nil {
		return match.Side{}, false
	}
	l, ok := rec.(*record.Listing)
	return match.Side{ID: row.Record, Member: row.Member, Country: m.Facts.Country, Listing: l}, ok
}
