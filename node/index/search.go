package index

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/dure-net/dure/protocol"
)

// Search selects records and matters. Both meet all that Query says; a matter has no mode,
// status or goal, so that conditions on those leave records alone.
type Search struct {
	Query                  // its After is not used
	Kinds     []MatterKind // none: no matters
	NoRecords bool
	From      SearchMark // where the page before ended; zero: the first page
}

// SearchMark is where a page of a search ended. It means something to the same search only.
type SearchMark struct {
	Records bool // the matters are all told
	Record  Mark
	At      int64 // of the last matter: its time
	Kind    MatterKind
	Name    string
	Told    int64 // matters told, in orders that are counted
	Relaxed bool
}

// Hit is a record, or a matter that its fold tells more of.
type Hit struct {
	Row  Row        // Kind is 0 for a matter
	Kind MatterKind // 0 for a record
	Name string
}

// SearchPage is one page.
type SearchPage struct {
	Hits    []Hit
	Next    SearchMark // Search.From of the next page; zero: this is the last
	Relaxed bool       // as in Page
	Newest  bool       // as in Page, of the records
}

// Search lists matters first, being few, then records, each in the order that is asked
// for. In SortClosing there are no matters; in SortDistance a member is where its profile
// says.
func (x *Index) Search(q Search) (p SearchPage, err error) {
	q.After = q.From.Record
	s, err := q.check()
	if err != nil {
		return p, err
	}
	err = x.read("search", func(c *conn) error {
		again := s.ask.Relaxed != "" && q.From == (SearchMark{})
		if q.From.Relaxed && s.ask.Relaxed != "" {
			s = s.relaxed()
		}
		if p, err = c.search(q, s); err == nil && len(p.Hits) == 0 && again {
			p, err = c.search(q, s.relaxed())
			p.Relaxed, p.Next.Relaxed = true, p.Next != (SearchMark{})
		}
		return err
	})
	if q.From.Relaxed {
		p.Relaxed, p.Next.Relaxed = true, p.Next != (SearchMark{})
	}
	return p, err
}

func (c *conn) search(q Search, s selection) (p SearchPage, err error) {
	at := q.From
	at.Relaxed = false
	if !at.Records && len(q.Kinds) > 0 && s.sort != SortClosing {
		found, err := c.matters(q.Kinds, s, at, s.limit+1)
		if err != nil {
			return p, err
		}
		for _, m := range found[:min(len(found), s.limit)] {
			p.Hits = append(p.Hits, Hit{Kind: m.kind, Name: m.name})
			at.At, at.Kind, at.Name, at.Told = m.at, m.kind, m.name, at.Told+1
		}
		if len(found) > s.limit {
			p.Next = at
			return p, nil
		}
	}
	if q.NoRecords {
		return p, nil
	}
	left := s.limit - len(p.Hits)
	s.limit, s.after = max(left, 1), at.Record
	page, err := c.page(s, false)
	if err != nil {
		return p, err
	}
	p.Newest = page.Newest
	next := SearchMark{Records: true, Record: page.Next}
	if left == 0 {
		if len(page.Rows) > 0 {
			next.Record = Mark{}
			p.Next = next
		}
		return p, nil
	}
	for _, r := range page.Rows {
		p.Hits = append(p.Hits, Hit{Row: r})
	}
	if page.Next != (Mark{}) {
		p.Next = next
	}
	return p, nil
}

type matterRow struct {
	at   int64
	kind MatterKind
	name string
}

// matters lists at most limit after a mark.
func (c *conn) matters(kinds []MatterKind, s selection, after SearchMark, limit int) ([]matterRow, error) {
	q, near, err := c.matterQuery(kinds, s)
	if err != nil || q == nil {
		return nil, err
	}
	if near != nil && s.sort == SortDistance {
		return c.nearest(q, near, after, limit)
	}
	from := `FROM matter m `
	order := ` ORDER BY m.at DESC, m.kind, m.name`
	offset := int64(0)
	if match := s.words(); match != "" && s.sort == SortRelevance {
		from = `FROM (SELECT rowid AS id, rank FROM matter_words WHERE matter_words MATCH ` + q.arg(match) + `) r JOIN matter m ON m.id = r.id `
		order, offset = ` ORDER BY r.rank, m.at DESC, m.kind, m.name`, after.Told
	} else if after.Kind > 0 {
		q.where += ` AND (-m.at, m.kind, m.name) > (` + q.arg(-after.At) + `, ` + q.arg(int64(after.Kind)) + `, ` + q.arg(after.Name) + `)`
	}
	return c.readMatters(`SELECT m.at, m.kind, m.name `+from+`WHERE ?1 = 0`+q.where+order+` LIMIT ?2 OFFSET ?3`, 0, int64(limit), offset, q)
}

func (c *conn) readMatters(text string, one, two, three int64, q *query) (out []matterRow, err error) {
	err = c.each(text, append([]any{one, two, three}, q.args...), func(scan func(...any) error) error {
		var r matterRow
		var kind int64
		err := scan(&r.at, &kind, &r.name)
		r.kind = MatterKind(kind)
		out = append(out, r)
		return err
	})
	return out, err
}

// nearest lists members by how far their profiles' places are.
func (c *conn) nearest(q *query, near map[string]float64, after SearchMark, limit int) ([]matterRow, error) {
	all, err := c.readMatters(`SELECT m.at, m.kind, m.name FROM matter m WHERE ?1 = 0 AND ?2 = 0 AND ?3 = 0`+q.where, 0, 0, 0, q)
	slices.SortFunc(all, func(a, b matterRow) int {
		return cmp.Or(cmp.Compare(near[a.name], near[b.name]), strings.Compare(a.name, b.name))
	})
	all = all[min(int(after.Told), len(all)):]
	return all[:min(limit, len(all))], err
}

// words are what is looked for in matters.
func (s selection) words() string {
	if s.ask.Match == "" {
		return ""
	}
	return `{title body} : (` + s.ask.Match + `)`
}

// relaxed is the selection with Korean words in other forms.
func (s selection) relaxed() selection {
	s.ask.Match, s.ask.Relaxed = s.ask.Relaxed, ""
	return s
}

// matterQuery is the conditions of a selection on matters m; nil where none can meet them.
// With a place, near is how far members are.
func (c *conn) matterQuery(kinds []MatterKind, s selection) (q *query, near map[string]float64, err error) {
	q = &query{}
	in := func(values []string) string {
		var args []string
		for _, v := range values {
			args = append(args, q.arg(v))
		}
		return strings.Join(args, ",")
	}
	var numbers []string
	for _, k := range kinds {
		numbers = append(numbers, q.arg(int64(k)))
	}
	q.where = ` AND m.kind IN (` + strings.Join(numbers, ",") + `)`
	if match := s.words(); match != "" && s.sort != SortRelevance {
		q.where += ` AND m.id IN (SELECT rowid FROM matter_words WHERE matter_words MATCH ` + q.arg(match) + `)`
	}
	for _, w := range s.groups {
		if w.facet != FacetType { // the kinds say that
			q.where += ` AND EXISTS (SELECT 1 FROM matter_tag t WHERE t.facet = ` + q.arg(int64(w.facet)) + ` AND t.value IN (` + in(w.values) + `) AND t.id = m.id)`
		}
	}
	if s.open > 0 {
		q.where += ` AND (m.closes = 0 OR m.closes >= ` + q.arg(s.open) + `)`
	}
	if s.near == nil {
		return q, nil, nil
	}
	if near, err = c.membersNear(s.near); err != nil || len(near) == 0 {
		return nil, nil, err
	}
	var handles []string
	for handle := range near {
		handles = append(handles, handle)
	}
	list, err := json.Marshal(handles)
	q.where += ` AND m.kind = ` + q.arg(int64(MatterMember)) + ` AND m.name IN (SELECT value FROM json_each(` + q.arg(string(list)) + `))`
	return q, near, err
}

// membersNear are the members whose profiles name a place in a circle, and how far it is.
func (c *conn) membersNear(n *Near) (map[string]float64, error) {
	l := &lister{c: c, near: n}
	out := map[string]float64{}
	within := l.within()
	err := c.each(`SELECT f.member, b.lat0, b.lon0 FROM spot b JOIN entry e ON e.local = b.local JOIN feed f ON f.no = e.feed
		WHERE ?1 = 0 AND ?2 = 0 AND e.kind = ?3 AND (`+within+`)`, append([]any{0, 0, int64(protocol.KindProfile)}, l.args...), func(scan func(...any) error) error {
		var member string
		var lat, lon float64
		err := scan(&member, &lat, &lon)
		if km := n.km(lat, lon); err == nil && km <= n.Km {
			if was, known := out[member]; !known || km < was {
				out[member] = km
			}
		}
		return err
	})
	return out, err
}
