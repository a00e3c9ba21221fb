package index

import "slices"

// SearchFacets counts as Facets does, over records and matters. A type is counted as if
// none were asked for.
func (x *Index) SearchFacets(q Search) (out Facets, err error) {
	q.Sort, q.After, q.Limit = "", Mark{}, 0
	s, err := q.check()
	if err != nil {
		return Facets{}, err
	}
	err = x.read("count facets", func(c *conn) error {
		strict := s
		strict.ask.Relaxed = ""
		out, err = c.searchFacets(q, strict)
		if err == nil && out.Total == 0 && s.ask.Relaxed != "" {
			out, err = c.searchFacets(q, s.relaxed())
		}
		return err
	})
	out.order()
	return out, err
}

func (c *conn) searchFacets(q Search, s selection) (Facets, error) {
	out := Facets{Values: map[Facet][]Value{}}
	if err := c.facets(s, &out); err != nil {
		return out, err
	}
	if q.NoRecords {
		out = Facets{Values: map[Facet][]Value{FacetType: out.Values[FacetType]}}
	}
	all, _, err := c.countMatters(MatterKinds(), s)
	if err != nil {
		return out, err
	}
	out.add(FacetType, all[FacetType])
	counted, total, err := c.countMatters(q.Kinds, s)
	if err != nil {
		return out, err
	}
	out.Total += total
	open := map[Facet]bool{FacetType: true}
	for _, g := range s.groups {
		if g.facet == FacetType {
			continue
		}
		open[g.facet] = true
		without := s
		without.groups = slices.DeleteFunc(slices.Clone(s.groups), func(w wanted) bool { return w.facet == g.facet })
		others, _, err := c.countMatters(q.Kinds, without)
		if err != nil {
			return out, err
		}
		out.add(g.facet, others[g.facet])
	}
	for f, values := range counted {
		if !open[f] {
			out.add(f, values)
		}
	}
	return out, nil
}

func (f Facets) add(facet Facet, values map[string]int) {
	for value, n := range values {
		i := slices.IndexFunc(f.Values[facet], func(v Value) bool { return v.Value == value })
		if i < 0 {
			f.Values[facet] = append(f.Values[facet], Value{value, n})
		} else {
			f.Values[facet][i].Count += n
		}
	}
}

func (c *conn) countMatters(kinds []MatterKind, s selection) (counts map[Facet]map[string]int, total int, err error) {
	counts = map[Facet]map[string]int{}
	if len(kinds) == 0 {
		return counts, 0, nil
	}
	q, _, err := c.matterQuery(kinds, s)
	if err != nil || q == nil {
		return counts, 0, err
	}
	err = c.each(`SELECT t.facet, t.value, count(*) FROM matter m JOIN matter_tag t ON t.id = m.id WHERE ?1 = 0 AND ?2 = 0 AND ?3 = 0`+q.where+` GROUP BY t.facet, t.value`,
		append([]any{0, 0, 0}, q.args...), func(scan func(...any) error) error {
			var facet, n int64
			var value string
			err := scan(&facet, &value, &n)
			if counts[Facet(facet)] == nil {
				counts[Facet(facet)] = map[string]int{}
			}
			counts[Facet(facet)][value] = int(n)
			if Facet(facet) == FacetType {
				total += int(n)
			}
			return err
		})
	return counts, total, err
}
