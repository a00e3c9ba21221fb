package apitest

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
	"github.com/dure-net/dure/protocol/record/match"
)

// Matches implements api.Matcher over the records held.
func (b *Backend) Matches(_ context.Context, q api.MatchQuery) (api.Matches, error) {
	if err := b.see("Matches", q); err != nil {
		return api.Matches{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	i, err := b.find(q.Ref)
	if err != nil {
		return api.Matches{}, err
	}
	if len(b.records[i].For) > 0 && !q.Sealed {
		return api.Matches{}, &protocol.Error{Reason: protocol.ReasonNotFound, Op: "find record", ID: q.Ref, Args: map[string]string{"ref": q.Ref}}
	}
	self, ok := sideOf(b.records[i])
	if !ok {
		return api.Matches{}, &protocol.Error{Reason: protocol.ReasonUsage, Op: "find matches", Field: "id"}
	}
	by := map[protocol.RecordID]api.Record{}
	var others []match.Side
	for _, r := range b.records {
		if s, ok := sideOf(r); ok {
			by[s.ID] = r
			others = append(others, s)
		}
	}
	out := api.Matches{For: b.records[i], AsOf: q.AsOf, Items: []api.Match{}, Near: []api.Match{}}
	if out.AsOf == "" {
		out.AsOf = b.Now.Format("2006-01-02")
	}
	found, near := match.Find(self, others, record.Day(out.AsOf))
	for _, m := range found {
		out.Items = append(out.Items, show(m, by[m.Other.ID]))
	}
	for _, m := range near {
		out.Near = append(out.Near, show(m, by[m.Other.ID]))
	}
	return out, nil
}

func show(m match.Match, r api.Record) api.Match {
	out := api.Match{Record: r, Score: m.Score, Band: string(m.Band), Reasons: []api.MatchReason{}, Misses: []api.MatchMiss{}}
	for _, reason := range m.Reasons {
		out.Reasons = append(out.Reasons, api.MatchReason{Code: string(reason.Code), Points: reason.Points, Of: reason.Of, Facts: reason.Facts})
	}
	for _, miss := range m.Misses {
		out.Misses = append(out.Misses, api.MatchMiss{Code: string(miss.Code), Facts: miss.Facts})
	}
	return out
}

func sideOf(r api.Record) (match.Side, bool) {
	kind, _ := protocol.ParseKind(r.Type)
	if kind != protocol.KindOffer && kind != protocol.KindRequest || r.State != api.RecordPublished {
		return match.Side{}, false
	}
	id, err := protocol.ParseCID(r.ID)
	if err != nil {
		return match.Side{}, false
	}
	raw, err := json.Marshal(r.Content)
	if err != nil {
		return match.Side{}, false
	}
	rec, err := record.Parse(kind, raw)
	if err != nil {
		return match.Side{}, false
	}
	return match.Side{ID: id, Member: r.Member, Country: strings.ToUpper(r.Member[:2]), Listing: rec.(*record.Listing)}, true
}
