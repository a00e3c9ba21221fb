package web

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/phrase"
	"github.com/dure-net/dure/protocol/record"
)

// search is what stands above a list of records: what was asked, and how to ask for less.
type search struct {
	Words   string
	Hidden  []kept // filters that go on with other words
	Chips   []chip // filters that are set
	Clear   string // address of the list without words and filters; "" where there are none
	Facets  []facet
	Orders  []typeLink
	Found   string // how many there are
	Told    string // that the words were found in other forms, or that the newest come first
	Narrow  bool   // a filter is set: the facets are open
	Without string // address without "still open", or with it
	Open    bool
}

type kept struct{ Name, Value string }

type chip struct{ URL, Label, Without string }

type facet struct {
	Label  string
	Values []facetValue
}

type facetValue struct {
	URL, Label string
	Count      string
	Current    bool
}

// shownValues is how many values of a facet are listed: more are not read.
const shownValues = 8

// shownFacets are those that people narrow lists by.
var shownFacets = []string{"theme", "category", "country", "member", "lang", "status"}

// searched reads what a list is asked for. What is no filter is refused, as programs are.
func (s *site) searched(v *view) (q api.RecordQuery, err error) {
	q = api.RecordQuery{Limit: listRecords, Cursor: v.query.Get("cursor"), Member: v.query.Get("member"), Text: strings.TrimSpace(v.query.Get("q")),
		Sort: api.Sort(v.query.Get("sort"))}
	if typ := v.query.Get("type"); slices.Contains(api.FoundTypes(), typ) {
		q.Types = []string{typ}
	}
	for _, f := range api.Filters() {
		if value := v.query.Get(parameter(f.Name)); value != "" {
			if q.Where == nil {
				q.Where = map[string][]string{}
			}
			q.Where[f.Name] = strings.Split(value, ",")
		}
	}
	if v.query.Has("open") {
		q.Open = s.now().Format(time.DateOnly)
	}
	if q.Text == "" && q.Sort == api.SortRelevance {
		q.Sort = ""
	}
	if everything(q) {
		return q, q.CheckSearch()
	}
	return q, q.Check()
}

// parameter is what a filter is called in addresses of pages, where lang is the reader's.
func parameter(filter string) string {
	if filter == "lang" {
		return "in"
	}
	return filter
}

// address is the list of a query.
func address(q api.RecordQuery) string {
	v := q.Values()
	v.Del("limit")
	if in := v.Get("lang"); in != "" {
		v.Del("lang")
		v.Set(parameter("lang"), in)
	}
	if q.Open != "" {
		v.Set("open", "1") // a day in an address would be yesterday tomorrow
	}
	if len(v) == 0 {
		return "/records"
	}
	return "/records?" + v.Encode()
}

// with is the query with a filter set, or taken away by "", from its first page on.
func with(q api.RecordQuery, name, value string) api.RecordQuery {
	q.Cursor = ""
	switch name {
	case "type":
		if q.Types = nil; value != "" {
			q.Types = []string{value}
		}
		return q
	case "member":
		q.Member = value
		return q
	case "q":
		if q.Text = value; value == "" && q.Sort == api.SortRelevance {
			q.Sort = ""
		}
		return q
	}
	where := map[string][]string{}
	for n, values := range q.Where {
		if n != name {
			where[n] = values
		}
	}
	if value != "" {
		where[name] = []string{value}
	}
	q.Where = where
	return q
}

func (s *site) search(ctx context.Context, v *view, q api.RecordQuery, told told) (search, error) {
	out := search{Words: q.Text}
	asked := len(q.Where) > 0 || q.Text != "" || q.Member != "" || q.Open != ""
	for name, values := range (api.RecordQuery{Types: q.Types, Member: q.Member, Where: q.Where, Sort: q.Sort}).Values() {
		out.Hidden = append(out.Hidden, kept{parameter(name), values[0]})
	}
	if q.Open != "" {
		out.Hidden = append(out.Hidden, kept{"open", "1"})
	}
	slices.SortFunc(out.Hidden, func(a, b kept) int { return strings.Compare(a.Name, b.Name) })
	chip := func(name, label string) {
		out.Chips = append(out.Chips, chipOf(v, address(with(q, name, "")), label))
	}
	if q.Text != "" {
		chip("q", q.Text)
	}
	for _, name := range shownFacets {
		values := q.Where[name]
		if name == "member" && q.Member != "" {
			values = []string{q.Member}
		}
		for _, value := range values {
			chip(name, v.valueLabel(name, value))
		}
	}
	toggled := q
	toggled.Cursor = ""
	if out.Open = q.Open != ""; out.Open {
		toggled.Open = ""
		out.Chips = append(out.Chips, chipOf(v, address(toggled), v.T("web.search.open")))
	} else {
		toggled.Open = s.now().Format(time.DateOnly)
	}
	out.Without = address(toggled)
	if out.Narrow = len(out.Chips) > 0; out.Narrow {
		out.Clear = address(api.RecordQuery{Types: q.Types})
	}
	orders := []api.Sort{api.SortNewest, api.SortClosing}
	if q.Text != "" {
		orders = []api.Sort{api.SortNewest, api.SortRelevance, api.SortClosing}
	}
	for _, order := range orders {
		sorted := q
		if sorted.Cursor, sorted.Sort = "", order; order == api.SortNewest {
			sorted.Sort = ""
		}
		out.Orders = append(out.Orders, typeLink{address(sorted), v.T("web.search.sort." + string(order)), sorted.Sort == q.Sort})
	}
	switch {
	case told.relaxed:
		out.Told = v.T("web.search.relaxed")
	case told.unranked:
		out.Told = v.T("web.search.unranked")
	}
	count := s.backend.Facets
	if everything(q) {
		count = s.backend.FoundFacets
		asked = true
	}
	facets, err := count(ctx, q)
	if err != nil {
		return out, err
	}
	if asked {
		key := "web.search.found"
		if facets.Partial {
			key = "web.search.found_more"
		}
		out.Found = v.T(key, "count", facets.Total)
	}
	facetsShown := shownFacets
	if everything(q) {
		facetsShown = foundFacets
	}
	for _, name := range facetsShown {
		f := facet{Label: v.T("web.search.facet." + name)}
		for _, value := range facets.Facets[name] {
			current := slices.Contains(q.Where[name], value.Value) || name == "type" && slices.Contains(q.Types, value.Value) || name == "member" && q.Member == value.Value
			if len(f.Values) == shownValues && !current {
				continue
			}
			to := with(q, name, value.Value)
			if current {
				to = with(q, name, "")
			}
			f.Values = append(f.Values, facetValue{URL: address(to), Label: v.valueLabel(name, value.Value), Count: s.book.Number(v.Lang, int64(value.Count)), Current: current})
		}
		if len(f.Values) > 0 {
			out.Facets = append(out.Facets, f)
		}
	}
	return out, nil
}

func chipOf(v *view, url, label string) chip {
	return chip{URL: url, Label: label, Without: v.T("web.search.without", "value", label)}
}

// valueLabel is what a value of a filter is called.
func (v *view) valueLabel(name, value string) string {
	switch name {
	case "type":
		return v.typeLabel(value)
	case "country":
		if label := phrase.Country(v.Lang, value); label != "" {
			return label
		}
	case "lang":
		if label := phrase.Language(v.Lang, value); label != "" {
			return label
		}
	case "member":
		for _, m := range v.Status.Members {
			if m.Handle == value && len(m.Names) > 0 {
				return v.text(m.Names).Text
			}
		}
	}
	for _, f := range api.Filters() {
		if f.Name != name {
			continue
		}
		for _, list := range f.Lists {
			if label := record.Label(list, value, v.Lang); label != "" {
				return label
			}
		}
	}
	return value
}
