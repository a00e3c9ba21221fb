package index

import (
	"cmp"
	"database/sql"
	"slices"
)

// Facet is a property by which records are counted and filtered. The numbers are in the
// file: append only, or raise schemaVersion.
type Facet uint8

const (
	facetAll    Facet = 0 // every record that counts has the value ""
	FacetType   Facet = 1
	FacetMember Facet = 2

	FacetCountry  Facet = 3
	FacetLang     Facet = 4 // languages that the title is in
	FacetTheme    Facet = 5
	FacetCategory Facet = 6 // kind of a listing, of a member, category of a notice
	FacetMode     Facet = 7
	FacetStatus   Facet = 8 // what its owner says of it: a project's status, a listing's state
	FacetState    Facet = 9 // what can be said of its content: State
	FacetSDG      Facet = 10
)

// facetNames are the names by which programs ask. Append only.
var facetNames = map[Facet]string{FacetType: "type", FacetMember: "member", FacetCountry: "country", FacetLang: "lang", FacetTheme: "theme",
	FacetCategory: "category", FacetMode: "mode", FacetStatus: "status", FacetState: "state", FacetSDG: "sdg"}

// String is the stable name of the facet.
func (f Facet) String() string { return facetNames[f] }

// ofContent reports whether a record has values of the facet only while its content can be read.
func (f Facet) ofContent() bool {
	switch f {
	case facetAll, FacetType, FacetMember, FacetState:
		return false
	}
	return true
}

// ParseFacet is the inverse of String.
func ParseFacet(name string) (Facet, bool) {
	for f, n := range facetNames {
		if n == name {
			return f, true
		}
	}
	return 0, false
}

// wanted is one condition: any of some values of a facet.
type wanted struct {
	facet  Facet
	values []string
}

// group is a condition as lines of tag.
type group struct {
	terms   []int64
	n       int64 // how many records have them, each counted once per value
	content bool  // only what can be read has any: it is in the search index
}

func (c *conn) group(w wanted) (g group, err error) {
	g.content = w.facet.ofContent()
	for _, v := range w.values {
		var id, n int64
		ok, err := c.one(`SELECT id, n FROM term WHERE facet = ? AND value = ?`, []any{int64(w.facet), v}, &id, &n)
		if err != nil {
			return g, err
		}
		if ok && n > 0 && !slices.Contains(g.terms, id) {
			g.terms, g.n = append(g.terms, id), g.n+n
		}
	}
	return g, nil
}

// Value is one value of a facet with how many records have it.
type Value struct {
	Value string
	Count int
}

// Facets are the values of each facet, the most frequent first, over the records that a
// query selects; a facet that the query names is counted as if it did not, so that its
// other values can be chosen too.
type Facets struct {
	Values  map[Facet][]Value
	Total   int
	Partial bool // counted over the newest maxCounted records of the selection only
}

// Facets counts. Without conditions it reads kept counts, which follow records that are
// due with some delay.
func (x *Index) Facets(q Query) (out Facets, err error) {
	q.Sort, q.After, q.Limit = "", Mark{}, 0
	s, err := q.check()
	if err != nil {
		return Facets{}, err
	}
	out.Values = map[Facet][]Value{}
	err = x.read("count facets", func(c *conn) error { return c.facets(s, &out) })
	out.order()
	return out, err
}

// order puts the most frequent first.
func (f Facets) order() {
	for _, values := range f.Values {
		slices.SortFunc(values, func(a, b Value) int { return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Value, b.Value)) })
	}
}

func (c *conn) facets(s selection, out *Facets) error {
	if len(s.groups) == 0 && s.ask.Match == "" && s.near == nil && s.open == 0 {
		return c.kept(out)
	}
	counts, total, partial, err := c.count(s)
	if err != nil {
		return err
	}
	out.Total, out.Partial = total, partial
	open := map[Facet]map[int64]int{}
	for _, g := range s.groups {
		without := s
		without.groups = slices.DeleteFunc(slices.Clone(s.groups), func(w wanted) bool { return w.facet == g.facet })
		if open[g.facet], _, _, err = c.count(without); err != nil {
			return err
		}
	}
	return c.each(`SELECT id, facet, value FROM term WHERE facet > 0 AND n > 0`, nil, func(scan func(...any) error) error {
		var id, facet int64
		var value string
		err := scan(&id, &facet, &value)
		n := counts[id]
		if other, ok := open[Facet(facet)]; ok {
			n = other[id]
		}
		if n > 0 {
			out.Values[Facet(facet)] = append(out.Values[Facet(facet)], Value{value, n})
		}
		return err
	})
}

func (c *conn) kept(out *Facets) error {
	return c.each(`SELECT facet, value, n FROM term WHERE n > 0`, nil, func(scan func(...any) error) error {
		var facet, n int64
		var value string
		err := scan(&facet, &value, &n)
		if Facet(facet) == facetAll {
			out.Total = int(n)
		} else {
			out.Values[Facet(facet)] = append(out.Values[Facet(facet)], Value{value, int(n)})
		}
		return err
	})
}

// count counts the terms of the records of a selection, the newest first.
func (c *conn) count(s selection) (counts map[int64]int, total int, partial bool, err error) {
	counts = map[int64]int{}
	match := s.ask.Match
	for {
		l, ok, err := c.lister(s, match)
		if err != nil {
			return nil, 0, false, err
		}
		if ok {
			marks, err := l.next(Mark{}, maxCounted+1)
			if err != nil {
				return nil, 0, false, err
			}
			partial = len(marks) > maxCounted
			marks = marks[:min(len(marks), maxCounted)]
			if err := c.countTerms(marks, counts); err != nil {
				return nil, 0, false, err
			}
			total = len(marks)
		}
		if total > 0 || match == s.ask.Relaxed || s.ask.Relaxed == "" {
			return counts, total, partial, nil
		}
		match = s.ask.Relaxed
	}
}

// countTerms adds the terms of records, many at a time.
func (c *conn) countTerms(of []marked, counts map[int64]int) error {
	const atOnce = 1000
	var n []int // by term: a map would take longer than the reading
	for len(of) > 0 {
		part := of[:min(len(of), atOnce)]
		of = of[len(part):]
		locals := make([]uint64, len(part))
		for i, m := range part {
			locals[i] = m.local
		}
		err := c.each(`SELECT r.terms FROM json_each(?) v CROSS JOIN record r ON r.local = v.value`, []any{listOf(locals)},
			func(scan func(...any) error) error {
				var packed sql.RawBytes
				err := scan(&packed)
				eachTerm(packed, func(id int64) {
					for int(id) >= len(n) {
						n = append(n, make([]int, len(n)+64)...)
					}
					n[id]++
				})
				return err
			})
		if err != nil {
			return err
		}
	}
	for id, n := range n {
		if n > 0 {
			counts[int64(id)] += n
		}
	}
	return nil
}
