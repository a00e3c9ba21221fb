package index

import (
	"errors"
	"strconv"

	"github.com/dure-net/dure/node/index/token"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// Sort is the order of a list. Append only; the strings are an interface.
type Sort string

const (
	SortNewest    Sort = "newest"    // by the arrival of first entries; also ""
	SortRelevance Sort = "relevance" // best first; for very common words newest first instead
	SortClosing   Sort = "closing"   // what ends soonest first; what has no end is left out
	SortDistance  Sort = "distance"  // nearest first
)

// Condition is any of some values of a facet.
type Condition struct {
	Facet  Facet
	Values []string
}

// Near is a circle.
type Near struct {
	Lat, Lon float64 // degrees
	Km       float64
}

// Query selects records: those that meet all that it says. The zero value is the newest
// DefaultLimit of all.
type Query struct {
	Types  []string // names of record kinds; none means all
	Member string   // handle; "" means all
	Where  []Condition
	Text   string     // as people type it, see package token
	Near   *Near      // what names a place with coordinates within
	Open   record.Day // what does not end before; "" means all

	Sort  Sort
	Limit int  // 1 to MaxLimit; 0 means DefaultLimit
	After Mark // where the page before ended; zero: the first page
}

// Mark is where a page ended. It means something to the same query only.
type Mark struct {
	Seq     uint64 // Row.Seq of the last record; for SortRelevance and SortDistance the newest that is looked at
	Key     int64  // for SortClosing its last day, for SortRelevance and SortDistance how many were told
	Relaxed bool   // Korean words were looked for in other forms
}

// Page is one page of records.
type Page struct {
	Rows    []Row
	Next    Mark // Query.After of the next page; zero: this is the last
	Relaxed bool // nothing has the words as they were typed: these have them in other forms
	Newest  bool // SortRelevance was asked for words so common that these are the newest instead
}

// selection is a query that was checked.
type selection struct {
	groups []wanted
	ask    token.Query
	near   *Near
	open   int64
	sort   Sort
	limit  int
	after  Mark
}

func usage(op, field, value string) error {
	return &protocol.Error{Reason: protocol.ReasonUsage, Op: op, Field: field, Args: map[string]string{"value": clip(value)}, Err: errors.New("not a value of it")}
}

// check makes a selection of the query. An unknown type or sort, a limit, a mark or a place
// out of bounds, a text without a word, or an order that has nothing to go by is ReasonUsage.
func (q Query) check() (s selection, err error) {
	const op = "list records"
	s = selection{near: q.Near, sort: q.Sort, limit: q.Limit, after: q.After}
	switch {
	case q.Limit < 0 || q.Limit > MaxLimit:
		return s, usage(op, "limit", strconv.Itoa(q.Limit))
	case q.Limit == 0:
		s.limit = DefaultLimit
	}
	if q.After.Key < 0 {
		return s, usage(op, "cursor", strconv.FormatInt(q.After.Key, 10)) // no page ends there
	}
	var types []string
	for _, name := range q.Types {
		if k, ok := protocol.ParseKind(name); !ok || !k.IsRecord() {
			return s, usage(op, "type", name)
		}
		types = append(types, name)
	}
	if types != nil {
		s.groups = append(s.groups, wanted{FacetType, types})
	}
	if q.Member != "" {
		s.groups = append(s.groups, wanted{FacetMember, []string{q.Member}})
	}
	for _, c := range q.Where {
		if c.Facet.String() == "" {
			return s, usage(op, "facet", strconv.Itoa(int(c.Facet)))
		}
		if len(c.Values) > maxValues {
			return s, usage(op, c.Facet.String(), strconv.Itoa(len(c.Values)))
		}
		if len(c.Values) > 0 {
			s.groups = append(s.groups, wanted{c.Facet, c.Values})
		}
	}
	if q.Text != "" {
		if s.ask = token.Ask(q.Text); s.ask.Match == "" {
			return s, &protocol.Error{Reason: protocol.ReasonUsage, Op: op, Field: "q", Args: map[string]string{"words": clip(q.Text)}, Err: errors.New("no word to look for")}
		}
	}
	if n := q.Near; n != nil && !(n.Lat >= -90 && n.Lat <= 90 && n.Lon >= -180 && n.Lon <= 180) {
		return s, usage(op, "near", strconv.FormatFloat(n.Lat, 'f', -1, 64)+","+strconv.FormatFloat(n.Lon, 'f', -1, 64))
	} else if n != nil && !(n.Km > 0 && n.Km <= maxKm) {
		return s, usage(op, "within", strconv.FormatFloat(n.Km, 'f', -1, 64))
	}
	if q.Open != "" {
		if s.open = dayNumber(q.Open); s.open == 0 {
			return s, usage(op, "open", string(q.Open))
		}
	}
	switch q.Sort {
	case "":
		s.sort = SortNewest
	case SortNewest, SortClosing:
	case SortRelevance:
		if q.Text == "" {
			return s, usage(op, "sort", string(q.Sort))
		}
	case SortDistance:
		if q.Near == nil {
			return s, usage(op, "sort", string(q.Sort))
		}
	default:
		return s, usage(op, "sort", string(q.Sort))
	}
	return s, nil
}

// Page lists records that count. Newest first is by the arrival of their first entries:
// revising a record does not move it, and new records come before all others, so who
// follows Next sees every record that was there at the beginning exactly once, whatever
// arrives meanwhile. In the other orders a record that changes meanwhile may be missed or
// told twice.
func (x *Index) Page(q Query) (p Page, err error) {
	s, err := q.check()
	if err != nil {
		return Page{}, err
	}
	err = x.read("list records", func(c *conn) error {
		if p, err = c.page(s, q.After.Relaxed); err != nil {
			return err
		}
		if len(p.Rows) == 0 && q.After == (Mark{}) && s.ask.Relaxed != "" {
			p, err = c.page(s, true)
		}
		return err
	})
	if err != nil {
		return Page{}, err
	}
	return p, nil
}

func (c *conn) page(s selection, relaxed bool) (Page, error) {
	match := s.ask.Match
	if relaxed && s.ask.Relaxed != "" {
		match = s.ask.Relaxed
	}
	p := Page{Relaxed: relaxed}
	l, ok, err := c.lister(s, match)
	if err != nil || !ok {
		return p, err
	}
	p.Newest = s.sort == SortRelevance && l.sort == SortNewest
	at, last := s.after, Mark{}
	for len(p.Rows) <= s.limit {
		marks, err := l.next(at, s.limit+1-len(p.Rows))
		if err != nil || len(marks) == 0 {
			return p, err
		}
		locals := make([]uint64, len(marks))
		for i, m := range marks {
			locals[i] = m.local
		}
		rows, err := c.rows(locals)
		if err != nil {
			return p, err
		}
		for _, m := range marks {
			row, ok := rows[m.local]
			if !ok {
				continue // it is due, and counts no more
			}
			if len(p.Rows) == s.limit {
				p.Next = last
				p.Next.Relaxed = relaxed
				return p, nil
			}
			p.Rows, last = append(p.Rows, row), m.Mark
		}
		at = marks[len(marks)-1].Mark
	}
	return p, nil
}
