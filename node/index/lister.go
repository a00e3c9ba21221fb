package index

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
)

// marked is a record on a list, and the mark of a page that ends with it.
type marked struct {
	Mark
	local uint64
}

// lister is a selection as a walk along an order.
type lister struct {
	c     *conn
	sort  Sort
	match string
	near  *Near
	query // what is asked, without order
}

// query is SQL in the making: conditions on p.local, and their arguments. ?1 to ?3 are
// left for where the walk is and how far it goes.
type query struct {
	from  string // FROM …
	where string // AND …
	args  []any
}

func (q *query) arg(v any) string {
	q.args = append(q.args, v)
	return "?" + strconv.Itoa(3+len(q.args))
}

// lister chooses the way: from the words, from places, from days, or else along the rarest
// of the conditions. false where nothing can meet them.
func (c *conn) lister(s selection, match string) (*lister, bool, error) {
	l := &lister{c: c, sort: s.sort, match: match, near: s.near}
	groups := make([]group, 0, len(s.groups))
	for _, w := range s.groups {
		g, err := c.group(w)
		if err != nil || len(g.terms) == 0 {
			return nil, false, err
		}
		groups = append(groups, g)
	}
	slices.SortStableFunc(groups, func(a, b group) int { return cmp.Compare(a.n, b.n) })
	all, err := c.group(wanted{facetAll, []string{""}})
	if err != nil || len(all.terms) == 0 {
		return nil, false, err
	}
	// What every record has need not be looked up.
	groups = slices.DeleteFunc(groups, func(g group) bool { return len(g.terms) == 1 && g.n == all.n })
	switch {
	case match != "":
		match = `{title body} : (` + match + `)`
		for _, g := range groups {
			match += ` AND ` + g.match()
		}
		groups = nil
		if s.sort == SortRelevance {
			var n int64
			if _, err := c.one(`SELECT count(*) FROM (SELECT 1 FROM words WHERE words MATCH ? LIMIT ?)`, []any{match, maxRanked + 1}, &n); err != nil {
				return nil, false, err
			}
			if n > maxRanked {
				l.sort = SortNewest
			}
		}
		l.from = `FROM (SELECT rowid AS local, rank FROM words WHERE words MATCH ` + l.arg(match) + bounded(l.sort, "rowid") + `) p`
		if l.sort != SortRelevance {
			l.from = strings.Replace(l.from, ", rank", "", 1)
		}
	case l.near != nil:
		l.from = `FROM (SELECT b.local, b.lat0, b.lon0 FROM spot b WHERE ` + l.within() + `) p`
	case l.sort == SortClosing:
		l.from = `FROM record p`
	case meet(groups):
		for i, g := range groups {
			if i > 0 {
				match += ` AND `
			}
			match += g.match()
		}
		groups = nil
		l.from = `FROM (SELECT rowid AS local FROM words WHERE words MATCH ` + l.arg(match) + bounded(l.sort, "rowid") + `) p`
	default:
		if len(groups) == 0 {
			l.from = `FROM (SELECT local FROM record WHERE local < ?1) p`
			break
		}
		var parts []string
		for _, t := range groups[0].terms {
			parts = append(parts, `SELECT local FROM tag WHERE term = `+l.arg(t)+` AND local < ?1`)
		}
		l.from = `FROM (` + strings.Join(parts, ` UNION `)
		if len(parts) > 1 {
			l.from += ` ORDER BY local DESC`
		}
		l.from += `) p`
		groups = groups[1:]
	}
	for _, g := range groups {
		var in []string
		for _, t := range g.terms {
			in = append(in, l.arg(t))
		}
		l.where += ` AND EXISTS (SELECT 1 FROM tag t WHERE t.term IN (` + strings.Join(in, ",") + `) AND t.local = p.local)`
	}
	if s.open > 0 {
		l.where += ` AND EXISTS (SELECT 1 FROM record o WHERE o.local = p.local AND (o.closes = 0 OR o.closes >= ` + l.arg(s.open) + `))`
	}
	if l.near != nil && match != "" {
		l.where += ` AND p.local IN (SELECT b.local FROM spot b WHERE ` + l.within() + `)`
	}
	return l, true, nil
}

// meet reports whether records that meet several conditions are found faster where the
// search index keeps what has each: it steps over what meets one of them alone, while a
// walk along tag looks up every record of the rarest. What is not there, because nothing
// can be read of it, must not be asked for.
func meet(groups []group) bool {
	return len(groups) > 1 && groups[0].n >= worthMeeting && slices.ContainsFunc(groups, func(g group) bool { return g.content })
}

// match is the condition as the search index is asked.
func (g group) match() string {
	return `tags : (` + strings.ReplaceAll(strings.TrimSpace(tagWords(g.terms)), " ", " OR ") + `)`
}

// within is the condition on b of being in the boxes that hold the circle.
func (l *lister) within() string {
	var in []string
	for _, b := range l.near.boxes() {
		in = append(in, `b.lat1 >= `+l.arg(b.lat0)+` AND b.lat0 <= `+l.arg(b.lat1)+` AND b.lon1 >= `+l.arg(b.lon0)+` AND b.lon0 <= `+l.arg(b.lon1))
	}
	return strings.Join(in, ` OR `)
}

// bounded is where a walk along the words begins, pushed down to them.
func bounded(s Sort, column string) string {
	switch s {
	case SortNewest:
		return ` AND ` + column + ` < ?1`
	case SortClosing:
		return ``
	}
	return ` AND ` + column + ` <= ?1`
}

// next is the next records after a mark, at most limit.
func (l *lister) next(at Mark, limit int) ([]marked, error) {
	switch {
	case l.near != nil:
		return l.nextNear(at, limit)
	case l.sort == SortClosing:
		return l.nextClosing(at, limit)
	case l.sort == SortRelevance:
		return l.nextRanked(at, limit)
	}
	before := int64(math.MaxInt64)
	if at.Seq > 0 {
		before = int64(min(at.Seq, math.MaxInt64))
	}
	return l.read(`SELECT p.local, 0 `+l.from+` WHERE ?3 = 0`+l.where+` ORDER BY p.local DESC LIMIT ?2`, []any{before, limit, 0},
		func(local uint64, _ int64, _ int) Mark { return Mark{Seq: local} })
}

func (l *lister) nextClosing(at Mark, limit int) ([]marked, error) {
	from, r := l.from, "p"
	if l.match != "" {
		from, r = from+` JOIN record r ON r.local = p.local`, "r"
	}
	return l.read(`SELECT p.local, `+r+`.closes `+from+` WHERE `+r+`.closes > 0 AND (`+r+`.closes, `+r+`.local) > (?1, ?2)`+l.where+
		` ORDER BY `+r+`.closes, `+r+`.local LIMIT ?3`, []any{at.Key, int64(at.Seq), limit},
		func(local uint64, key int64, _ int) Mark { return Mark{Seq: local, Key: key} })
}

// nextRanked counts what was told: scores move with every record that comes. Later ones
// are left out, so that they do not move the rest.
func (l *lister) nextRanked(at Mark, limit int) ([]marked, error) {
	newest := int64(at.Seq)
	if newest == 0 {
		if _, err := l.c.one(`SELECT ifnull(max(local), 0) FROM record`, nil, &newest); err != nil {
			return nil, err
		}
	}
	return l.read(`SELECT p.local, 0 `+l.from+` WHERE 1`+l.where+` ORDER BY p.rank, p.local DESC LIMIT ?2 OFFSET ?3`, []any{newest, limit, at.Key},
		func(_ uint64, _ int64, i int) Mark { return Mark{Seq: uint64(newest), Key: at.Key + int64(i) + 1} })
}

func (l *lister) read(text string, at []any, mark func(local uint64, key int64, i int) Mark) (out []marked, err error) {
	err = l.c.each(text, append(at, l.args...), func(scan func(...any) error) error {
		var local, key int64
		err := scan(&local, &key)
		out = append(out, marked{mark(uint64(local), key, len(out)), uint64(local)})
		return err
	})
	return out, err
}
