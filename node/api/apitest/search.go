package apitest

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// Search implements api.Searcher by a plain reading of words, types and members.
func (b *Backend) Search(_ context.Context, q api.RecordQuery) (api.FoundPage, error) {
	if err := b.see("Search", q); err != nil {
		return api.FoundPage{}, err
	}
	after, err := q.SearchAfter()
	if err == nil {
		err = q.CheckSearch()
	}
	if err != nil {
		return api.FoundPage{}, err
	}
	all := b.all(q)
	all = all[min(int(after.Told), len(all)):]
	n := min(cmp.Or(q.Limit, api.DefaultLimit), len(all))
	page := api.FoundPage{Items: all[:n]}
	if n < len(all) {
		page.NextCursor = q.SearchCursor(api.SearchMark{Told: after.Told + int64(n)})
	}
	return page, nil
}

// FoundFacets implements api.Searcher.
func (b *Backend) FoundFacets(_ context.Context, q api.RecordQuery) (api.Facets, error) {
	if err := b.see("FoundFacets", q); err != nil {
		return api.Facets{}, err
	}
	if err := q.CheckSearch(); err != nil {
		return api.Facets{}, err
	}
	out := api.Facets{Total: len(b.all(q)), Facets: map[string][]api.FacetValue{}}
	q.Types = nil
	counts := map[string]int{}
	for _, f := range b.all(q) {
		counts[f.Type]++
	}
	for _, t := range api.FoundTypes() {
		if counts[t] > 0 {
			out.Facets["type"] = append(out.Facets["type"], api.FacetValue{Value: t, Count: counts[t]})
		}
	}
	return out, nil
}

// all is everything that a query selects, matters first.
func (b *Backend) all(q api.RecordQuery) []api.Found {
	var out []api.Found
	add := func(f api.Found) {
		raw, _ := json.Marshal(f)
		if (len(q.Types) == 0 || slices.Contains(q.Types, f.Type)) && (q.Member == "" || q.Member == f.Member) && len(q.Where) == 0 &&
			strings.Contains(strings.ToLower(string(raw)), strings.ToLower(q.Text)) {
			out = append(out, f)
		}
	}
	members, _ := b.Members(context.Background())
	for _, m := range members {
		add(api.Found{Type: api.FoundMember, State: m.Status, Title: m.Names, Facts: &m, Record: api.Record{ID: m.Handle, Member: m.Handle, Names: m.Names}})
	}
	for _, t := range b.Threads {
		add(api.Found{Type: api.FoundAgreement, State: t.Phase, Title: t.Title, Agreement: &api.Agreeing{Phase: t.Phase, Proposer: t.Proposer, Parties: t.Parties, Began: t.Began},
			Record: api.Record{ID: t.ID, Number: t.Number, Member: t.Proposer, Names: names[t.Proposer], Lang: t.Lang}})
	}
	d := b.decision()
	d.Text = map[string]string{"en": "Bordeaux is admitted", "ko": "보르도의 가입"}
	add(api.Found{Type: api.FoundAct, State: "open", Time: b.Now, Title: d.Text, Decision: &d, Record: api.Record{ID: d.ID, Member: d.By, Names: names[d.By]}})
	b.mu.Lock()
	defer b.mu.Unlock()
	records := slices.Clone(b.records)
	slices.SortFunc(records, func(x, y api.Record) int { return int(y.Seq) - int(x.Seq) })
	rq := q
	rq.Types = nil
	for _, r := range records {
		if len(r.For) > 0 || !selects(rq, r) || len(q.Types) > 0 && !slices.Contains(q.Types, r.Type) {
			continue
		}
		kind, _ := protocol.ParseKind(r.Type)
		out = append(out, api.Found{Type: r.Type, State: string(r.State), Time: r.Time, Title: record.HeadOf(kind, r.Content).Title, Record: r})
	}
	return out
}
