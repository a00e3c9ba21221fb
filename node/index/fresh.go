package index

import "github.com/dure-net/dure/protocol"

// Fresh is something that came after a local number: a record by its first entry, a
// matter by the entry that brought it about. What is revised does not come again.
type Fresh struct {
	Seq    uint64            // local number of that entry
	Record protocol.RecordID // of a record
	Kind   MatterKind        // of a matter; 0 for a record
	Name   string
}

// Fresh lists what meets a search and came after one local number and up to another, at
// most limit of records and of matters each, the newest: only those rows are looked at.
// A record that is due is not told before it is computed. Local numbers are the ledger's,
// so that an index that is built anew tells the same.
func (x *Index) Fresh(q Search, after, upto uint64, limit int) (out []Fresh, err error) {
	q.Sort, q.After, q.Limit = SortNewest, Mark{}, 0
	s, err := q.check()
	if err != nil {
		return nil, err
	}
	err = x.read("look for new records", func(c *conn) error {
		if out, err = c.fresh(q, s, after, upto, limit); err == nil && len(out) == 0 && s.ask.Relaxed != "" {
			out, err = c.fresh(q, s.relaxed(), after, upto, limit)
		}
		return err
	})
	return out, err
}

func (c *conn) fresh(q Search, s selection, after, upto uint64, limit int) (out []Fresh, err error) {
	if !q.NoRecords {
		l, ok, err := c.lister(s, s.ask.Match)
		if err != nil {
			return nil, err
		}
		if ok {
			l.where += ` AND p.local > ` + l.arg(stored(after))
			marks, err := l.next(Mark{Seq: uint64(stored(upto)) + 1}, limit)
			if err != nil {
				return nil, err
			}
			for _, m := range marks {
				var id []byte
				if _, err := c.one(`SELECT id FROM entry WHERE local = ?`, []any{int64(m.local)}, &id); err != nil {
					return nil, err
				}
				out = append(out, Fresh{Seq: m.local, Record: cidOf(digest(id))})
			}
		}
	}
	if len(q.Kinds) == 0 {
		return out, nil
	}
	m, _, err := c.matterQuery(q.Kinds, s)
	if err != nil || m == nil {
		return out, err
	}
	return out, c.each(`SELECT e.local, m.kind, m.name FROM matter m JOIN entry e ON e.key = m.bykey AND e.id = m.by
		WHERE e.local > ?1 AND e.local <= ?2`+m.where+` ORDER BY e.local DESC LIMIT ?3`, append([]any{stored(after), stored(upto), limit}, m.args...),
		func(scan func(...any) error) error {
			var local, kind int64
			f := Fresh{}
			err := scan(&local, &kind, &f.Name)
			f.Seq, f.Kind = uint64(local), MatterKind(kind)
			out = append(out, f)
			return err
		})
}

// Still is what of a list stands: records that count and are neither withdrawn nor erased,
// and matters that are there. The slice is the caller's.
func (x *Index) Still(list []Fresh) (out []Fresh, err error) {
	err = x.read("look for new records", func(c *conn) error {
		for _, f := range list {
			if f.Kind > 0 {
				var n int64
				known, err := c.one(`SELECT 1 FROM matter WHERE kind = ? AND name = ?`, []any{int64(f.Kind), f.Name}, &n)
				if err != nil {
					return err
				}
				if known {
					out = append(out, f)
				}
				continue
			}
			row, ok, err := c.rowOf(f.Seq)
			if err != nil {
				return err
			}
			if ok && row.Record == f.Record && !row.Withdrawn && !row.Erased {
				out = append(out, f)
			}
		}
		return nil
	})
	return out, err
}
