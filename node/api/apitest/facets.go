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

// selects is a plain reading of a query: text as a part of the content, places and days
// passed over.
func selects(q api.RecordQuery, r api.Record) bool {
	if len(q.Types) > 0 && !slices.Contains(q.Types, r.Type) || q.Member != "" && q.Member != r.Member {
		return false
	}
	if q.Text != "" {
		raw, _ := json.Marshal(r.Content)
		if !strings.Contains(strings.ToLower(string(raw)), strings.ToLower(q.Text)) {
			return false
		}
	}
	has := values(r)
	for name, wanted := range q.Where {
		if !slices.ContainsFunc(wanted, func(v string) bool { return slices.Contains(has[name], v) }) {
			return false
		}
	}
	return true
}

func values(r api.Record) map[string][]string {
	kind, _ := protocol.ParseKind(r.Type)
	h := record.HeadOf(kind, r.Content)
	out := map[string][]string{"type": {r.Type}, "member": {r.Member}, "state": {string(r.State)}, "theme": h.Themes}
	for name, v := range map[string]string{"country": h.Country, "category": h.Category, "mode": h.Mode, "status": h.Status} {
		if v != "" {
			out[name] = []string{v}
		}
	}
	for lang := range h.Title {
		out["lang"] = append(out["lang"], lang)
	}
	return out
}

// Facets implements api.Reader.
func (b *Backend) Facets(_ context.Context, q api.RecordQuery) (api.Facets, error) {
	if err := b.see("Facets", q); err != nil {
		return api.Facets{}, err
	}
	if err := q.Check(); err != nil {
		return api.Facets{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	out := api.Facets{Facets: map[string][]api.FacetValue{}}
	counts := map[string]map[string]int{}
	for _, r := range b.records {
		if !selects(q, r) {
			continue
		}
		out.Total++
		for name, list := range values(r) {
			if counts[name] == nil {
				counts[name] = map[string]int{}
			}
			for _, v := range list {
				counts[name][v]++
			}
		}
	}
	for name, byValue := range counts {
		for v, n := range byValue {
			out.Facets[name] = append(out.Facets[name], api.FacetValue{Value: v, Count: n})
		}
		slices.SortFunc(out.Facets[name], func(a, b api.FacetValue) int {
			return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Value, b.Value))
		})
	}
	return out, nil
}
