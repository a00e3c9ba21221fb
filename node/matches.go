package node

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/index"
	"github.com/dure-net/dure/node/private"
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
	s := n.replica.State()
	var self match.Side
	var shown api.Record
	row, err := n.lookup(q.Ref)
	ok := false
	if l, lerr := n.letters.Lookup(q.Ref); q.Sealed && protocol.ReasonOf(err) == protocol.ReasonNotFound && lerr == nil && l.IsListing() {
		self, ok = n.sideOf(s, l)
		shown, _ = n.showLetter(l)
		row, err = index.Row{Kind: kindOf(l), Number: l.Number, Record: l.Record}, nil
	} else if err == nil {
		self, ok = n.side(s, row)
	}
	if err != nil {
		return api.Matches{}, err
	}
	if !ok {
		return api.Matches{}, &protocol.Error{Reason: protocol.ReasonUsage, Op: "find matches",
			Args: map[string]string{"unlisted": cmp.Or(row.Number, row.Record.String())}}
	}
	if len(shown.ID) == 0 {
		if shown, err = n.show(row); err != nil {
			return api.Matches{}, err
		}
	}
	other := protocol.KindRequest
	if row.Kind == protocol.KindRequest {
		other = protocol.KindOffer
	}
	rows := map[protocol.RecordID]index.Row{}
	var others []match.Side
	for after, more := (index.Mark{}), true; more; {
		if err := ctx.Err(); err != nil {
			return api.Matches{}, protocol.Fail(protocol.ReasonCanceled, "find matches", err)
		}
		page, err := n.index.Page(index.Query{Types: []string{other.String()}, Limit: index.MaxLimit, After: after})
		if err != nil {
			return api.Matches{}, err
		}
		for _, row := range page.Rows {
			if side, ok := n.side(s, row); ok {
				rows[side.ID] = row
				others = append(others, side)
			}
		}
		after, more = page.Next, page.Next != (index.Mark{})
	}
	letters := map[protocol.RecordID]private.Letter{}
	if q.Sealed {
		mine, err := n.listings(ctx, []string{other.String()}, "", 0, maxSealedMatched)
		if err != nil {
			return api.Matches{}, err
		}
		for _, l := range mine {
			if side, ok := n.sideOf(s, l); ok {
				letters[side.ID] = l
				others = append(others, side)
			}
		}
	}
	if err := n.exchanged(&self, others, record.Day(asOf)); err != nil {
		return api.Matches{}, err
	}
	found, near := match.Find(self, others, record.Day(asOf))
	out := api.Matches{For: shown, AsOf: asOf, Items: []api.Match{}, Near: []api.Match{}}
	for _, list := range []struct {
		from []match.Match
		to   *[]api.Match
	}{{found, &out.Items}, {near, &out.Near}} {
		for _, m := range list.from {
			var other api.Record
			if l, sealed := letters[m.Other.ID]; sealed {
				other, _ = n.showLetter(l)
			} else if other, err = n.show(rows[m.Other.ID]); err != nil {
				return api.Matches{}, err
			}
			one := showMatch(m, other)
			*list.to = append(*list.to, one)
		}
	}
	return out, nil
}

// maxSealedMatched bounds the listings for chosen members that are judged at once: each is
// opened for it.
const maxSealedMatched = 1000

func showMatch(m match.Match, shown api.Record) api.Match {
	out := api.Match{Record: shown, Score: m.Score, Band: string(m.Band), Reasons: []api.MatchReason{}, Misses: []api.MatchMiss{}}
	for _, r := range m.Reasons {
		out.Reasons = append(out.Reasons, api.MatchReason{Code: string(r.Code), Points: r.Points, Of: r.Of, Facts: r.Facts})
	}
	for _, miss := range m.Misses {
		out.Misses = append(out.Misses, api.MatchMiss{Code: string(miss.Code), Facts: miss.Facts})
	}
	return out
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
	l, gist, err := n.desk.Listing(row)
	return match.Side{ID: row.Record, Member: row.Member, Country: m.Facts.Country, Listing: l, Gist: gist}, err == nil
}

// exchanged adds what agreements say to listings that are matched: what they leave, and whose owner had few exchanges.
func (n *Node) exchanged(self *match.Side, others []match.Side, asOf record.Day) error {
	completed, err := n.desk.Completed(asOf)
	if err != nil {
		return err
	}
	answered, err := n.desk.Answered(asOf)
	if err != nil {
		return err
	}
	few := n.few(completed)
	sides := []*match.Side{self}
	for i := range others {
		sides = append(sides, &others[i])
	}
	for _, s := range sides {
		s.Few = few(s.Member)
		if !answered[s.ID] {
			continue
		}
		stock, err := n.desk.Stock(s.ID, s.Member, s.Listing, asOf)
		if err != nil {
			return err
		}
		s.Remaining = stock.Remaining
	}
	return nil
}

// few reports which members took part in fewer completed exchanges than the median of all members.
func (n *Node) few(completed map[string]int) func(member string) bool {
	var all []int
	for _, m := range n.replica.State().Members() {
		if m.Status == charter.StatusMember {
			all = append(all, completed[m.Facts.Handle])
		}
	}
	slices.Sort(all)
	median := 0
	if len(all) > 0 {
		median = all[len(all)/2]
	}
	return func(member string) bool { return completed[member] < median }
}
