package index

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
)

// News is what is new to somebody.
type News struct {
	Hits []Hit // matters first, then records, the newest first
	More bool  // there is more than was asked for
}

// Fresh lists what meets a search, came up to a local number and was not seen: records by
// their first entries, matters by the entries that brought them about, at most limit. What
// is revised is not new again. What was withdrawn or erased is no news, unless the search
// asks for states. A record that is due is not told before it is computed.
func (x *Index) Fresh(q Search, seen Seen, forks Forked, upto uint64, limit int) (n News, err error) {
	q.Sort, q.After, q.Limit = SortNewest, Mark{}, 0
	s, err := q.check()
	if err != nil {
		return n, err
	}
	err = x.read("look for what is new", func(c *conn) error {
		f := freshness{c: c, q: q, seen: seen, upto: upto, limit: limit}
		if err := f.begin(forks); err != nil {
			return err
		}
		if n, err = f.news(s); err == nil && len(n.Hits) == 0 && s.ask.Relaxed != "" {
			n, err = f.news(s.relaxed())
		}
		return err
	})
	return n, err
}

// freshness is one look for what is new.
type freshness struct {
	c     *conn
	q     Search
	seen  Seen
	upto  uint64
	limit int

	feeds map[int64]feedState
	floor uint64 // everything up to this local number was seen, or is among seen.late
}

// begin finds where to look from. In a feed entries come in order, so that its first one
// that was not seen is the earliest.
func (f *freshness) begin(forks Forked) (err error) {
	if f.feeds, err = f.c.feedStates(f.seen, forks); err != nil {
		return err
	}
	f.floor = f.upto
	for _, feed := range f.feeds {
		var local int64
		known, err := f.c.one(`SELECT local FROM entry WHERE feed = ? AND seq >= ? ORDER BY seq, local LIMIT 1`, []any{feed.no, stored(feed.seen)}, &local)
		if err != nil {
			return err
		}
		if known {
			f.floor = min(f.floor, uint64(local)-1)
		}
	}
	return nil
}

func (f *freshness) news(s selection) (n News, err error) {
	if len(f.q.Kinds) > 0 {
		if n.Hits, err = f.matters(s); err != nil {
			return n, err
		}
	}
	if !f.q.NoRecords && len(n.Hits) <= f.limit {
		rows, err := f.records(s, f.limit+1-len(n.Hits))
		if err != nil {
			return n, err
		}
		for _, r := range rows {
			n.Hits = append(n.Hits, Hit{Row: r})
		}
	}
	n.More = len(n.Hits) > f.limit
	n.Hits = n.Hits[:min(len(n.Hits), f.limit)]
	return n, nil
}

func (f *freshness) records(s selection, limit int) (out []Row, err error) {
	if f.floor < f.upto {
		l, ok, err := f.c.lister(s, s.ask.Match)
		if err != nil || !ok {
			return nil, err
		}
		l.where += ` AND p.local > ` + l.arg(stored(f.floor))
		for at := (Mark{Seq: f.upto + 1}); len(out) < limit; {
			marks, err := l.next(at, DefaultLimit)
			if err != nil {
				return nil, err
			}
			if len(marks) == 0 {
				break
			}
			rows, err := f.told(marks)
			if err != nil {
				return nil, err
			}
			out, at = append(out, rows...), marks[len(marks)-1].Mark
		}
	}
	for _, key := range slices.Sorted(maps.Keys(f.seen.late)) {
		var local, feed, seq int64
		known, err := f.c.one(`SELECT local, feed, seq FROM entry WHERE key = ?`, []any{key}, &local, &feed, &seq)
		if err != nil {
			return nil, err
		}
		if !known || uint64(local) > f.upto || uint64(seq) >= f.feeds[feed].seen {
			continue // it is not here, or among the others
		}
		l, ok, err := f.c.lister(s, s.ask.Match)
		if err != nil || !ok {
			return nil, err
		}
		l.where += ` AND p.local = ` + l.arg(local)
		marks, err := l.next(Mark{Seq: uint64(local) + 1}, 1)
		if err != nil {
			return nil, err
		}
		rows, err := f.told(marks)
		if err != nil {
			return nil, err
		}
		out = append(out, rows...)
	}
	slices.SortStableFunc(out, func(a, b Row) int { return cmp.Compare(b.Seq, a.Seq) })
	return out[:min(len(out), limit)], nil
}

// told are the rows of those that are news.
func (f *freshness) told(marks []marked) (out []Row, err error) {
	var locals []uint64
	for _, m := range marks {
		var feed, seq, key int64
		known, err := f.c.one(`SELECT feed, seq, key FROM entry WHERE local = ?`, []any{int64(m.local)}, &feed, &seq, &key)
		if err != nil {
			return nil, err
		}
		if known && (uint64(seq) >= f.feeds[feed].seen || f.seen.late[key]) {
			locals = append(locals, m.local)
		}
	}
	if len(locals) == 0 {
		return nil, nil
	}
	rows, err := f.c.rows(locals)
	asked := slices.ContainsFunc(f.q.Where, func(c Condition) bool { return c.Facet == FacetState })
	for _, local := range locals {
		if r, ok := rows[local]; ok && (asked || !r.Withdrawn && !r.Erased) {
			out = append(out, r)
		}
	}
	return out, err
}

func (f *freshness) matters(s selection) (out []Hit, err error) {
	m, _, err := f.c.matterQuery(f.q.Kinds, s)
	if err != nil || m == nil {
		return nil, err
	}
	late, err := json.Marshal(slices.Sorted(maps.Keys(f.seen.late)))
	if err != nil {
		return nil, err
	}
	return out, f.c.each(`SELECT m.kind, m.name, e.feed, e.seq, e.key FROM matter m JOIN entry e ON e.key = m.bykey AND e.id = m.by
		WHERE (e.local > ?1 OR e.key IN (SELECT value FROM json_each(?2))) AND e.local <= ?3`+m.where+` ORDER BY e.local DESC, m.kind, m.name`,
		append([]any{stored(f.floor), string(late), stored(f.upto)}, m.args...), func(scan func(...any) error) error {
			var kind, feed, seq, key int64
			var h Hit
			err := scan(&kind, &h.Name, &feed, &seq, &key)
			if h.Kind = MatterKind(kind); uint64(seq) >= f.feeds[feed].seen || f.seen.late[key] {
				out = append(out, h)
			}
			return err
		})
}
