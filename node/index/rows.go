package index

// rows reads the rows of records by their local numbers, without those that count no more.
func (c *conn) rows(locals []uint64) (map[uint64]Row, error) {
	rows := make(map[uint64]Row, len(locals))
	var due []uint64
	err := c.each(`SELECT `+rowColumns+` FROM (SELECT value AS local FROM json_each(?)) p`+rowJoins, []any{listOf(locals)}, func(scan func(...any) error) error {
		r, isDue, err := readRow(scan)
		if isDue {
			due = append(due, r.Seq)
		} else {
			rows[r.Seq] = r
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, local := range due {
		r, ok, err := c.rowOf(local)
		if err != nil {
			return nil, err
		}
		if ok {
			rows[local] = r
		}
	}
	return rows, nil
}

// Count is how many records of a member count, withdrawn ones included; of all
// members for "". While records are due it tells what was computed last.
func (x *Index) Count(handle string) (n int, err error) {
	err = x.read("count records", func(c *conn) error {
		w := wanted{FacetMember, []string{handle}}
		if handle == "" {
			w = wanted{facetAll, []string{""}}
		}
		g, err := c.group(w)
		n = int(g.n)
		return err
	})
	return n, err
}
