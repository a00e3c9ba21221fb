package index

import (
	"encoding/binary"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
)

// computing is a record on its way to be written.
type computing struct {
	local    uint64
	thread   *thread // nil: its first entry is not here
	resolved resolved
	counts   bool
	content  content
	err      error
	ready    chan struct{} // closed when content and err are there
}

// compute writes what records are now: their lines, their tags, their words. The writer
// is in a transaction. Contents are read and cut into words beside it, by all processors.
func (w *writer) compute(locals []uint64) error {
	threads, err := w.threadsOf(locals)
	if err != nil {
		return err
	}
	all := make([]computing, 0, len(locals))
	for _, local := range locals {
		t := threads[local]
		ok := t != nil
		if ok && !t.kind.IsRecord() { // it only bears a number
			continue
		}
		c := computing{local: local, thread: t, ready: make(chan struct{})}
		if ok {
			c.resolved, c.counts = t.resolve()
		}
		all = append(all, c)
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	defer wg.Wait()
	defer next.Store(int64(len(all))) // after an error nobody begins another
	for range min(len(all), runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(all)); i = next.Add(1) - 1 {
				c := &all[i]
				if c.counts {
					c.content, c.err = w.contentOf(c.thread)
				}
				close(c.ready)
			}
		})
	}
	for i := range all {
		c := &all[i]
		<-c.ready
		if c.err != nil {
			return c.err
		}
		if c.thread != nil {
			if err := w.touchFolded(c.thread, c.counts); err != nil {
				return err
			}
		}
		if err := w.put(c); err != nil {
			return err
		}
	}
	return nil
}

// put writes one record.
func (w *writer) put(of *computing) error {
	local, r, c, ok := of.local, of.resolved, of.content, of.counts
	var before []byte
	var hadWords, hadSpot bool
	known, err := w.one(`SELECT terms, words, spot FROM record WHERE local = ?`, []any{int64(local)}, &before, &hadWords, &hadSpot)
	if err != nil {
		return err
	}
	w.batch.worded = w.batch.worded || hadWords || c.title != nil
	if hadWords {
		w.batch.shed = w.batch.shed || r.erased || !ok || c.lost
		if err := w.exec(`DELETE FROM words WHERE rowid = ?`, int64(local)); err != nil {
			return err
		}
	}
	if hadSpot {
		if err := w.exec(`DELETE FROM spot WHERE local = ?`, int64(local)); err != nil {
			return err
		}
	}
	terms, err := w.termsOf(c.facets)
	if err != nil {
		return err
	}
	if err := w.retag(local, before, terms); err != nil {
		return err
	}
	if !ok {
		if !known {
			return nil
		}
		return w.exec(`DELETE FROM record WHERE local = ?`, int64(local))
	}
	if c.title != nil {
		if err := w.exec(`INSERT INTO words(rowid, title, body, tags) VALUES (?, ?, ?, ?)`, int64(local), string(c.title), string(c.body), tagWords(w.lines(terms))); err != nil {
			return err
		}
	}
	if s := c.spot; s != nil {
		if err := w.exec(`INSERT INTO spot VALUES (?, ?, ?, ?, ?)`, int64(local), s.lat, s.lat, s.lon, s.lon); err != nil {
			return err
		}
	}
	withdrawal := int64(0)
	if r.withdrawal != nil {
		withdrawal = int64(r.withdrawal.local)
	}
	return w.exec(`INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET cur = excluded.cur, withdrawal = excluded.withdrawal,
		revisions = excluded.revisions, rivals = excluded.rivals, erased = excluded.erased, terms = excluded.terms,
		words = excluded.words, closes = excluded.closes, spot = excluded.spot`,
		int64(local), int64(r.current.local), withdrawal, r.revisions, r.rivals, r.erased, packTerms(terms), c.title != nil, c.closes, c.spot != nil)
}

// termsOf gives values their numbers, in order, each once.
func (w *writer) termsOf(keys []termKey) ([]int64, error) {
	terms := make([]int64, 0, len(keys))
	for _, k := range keys {
		id, ok := w.terms[k]
		if !ok {
			id = int64(len(w.terms) + 1)
			if err := w.exec(`INSERT INTO term VALUES (?, ?, ?, 0)`, id, int64(k.facet), k.value); err != nil {
				return nil, err
			}
			w.terms[k] = id
		}
		terms = append(terms, id)
	}
	slices.Sort(terms)
	return slices.Compact(terms), nil
}

// lines are those of some terms that have lines in tag.
func (w *writer) lines(terms []int64) []int64 {
	all := w.terms[termKey{facetAll, ""}]
	return slices.DeleteFunc(slices.Clone(terms), func(id int64) bool { return id == all })
}

// retag changes a record's lines in tag and what terms count.
func (w *writer) retag(local uint64, packed []byte, now []int64) error {
	before := unpackTerms(packed)
	all := w.terms[termKey{facetAll, ""}] // it is counted, and has no lines: those are record's
	for _, id := range before {
		if _, still := slices.BinarySearch(now, id); !still {
			w.batch.counts[id]--
			if id == all {
				continue
			}
			if err := w.exec(`DELETE FROM tag WHERE term = ? AND local = ?`, id, int64(local)); err != nil {
				return err
			}
		}
	}
	args := []any{int64(local)}
	for _, id := range now {
		if _, had := slices.BinarySearch(before, id); !had {
			w.batch.counts[id]++
			if id != all {
				args = append(args, id)
			}
		}
	}
	if len(args) == 1 {
		return nil
	}
	return w.exec(tagLines(len(args)-1), args...)
}

// tagLines writes so many lines of tag, of the record that is its first argument. A
// statement that SQLite could take back on its own, which OR FAIL says it need not, would
// have the search index write what it has gathered to the disk, for every record.
func tagLines(n int) string {
	b := []byte(`INSERT OR FAIL INTO tag VALUES `)
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(strconv.AppendInt(append(b, "(?"...), int64(i+2), 10), ", ?1)"...)
	}
	return string(b)
}

// packTerms writes numbers in order as varints of their differences.
func packTerms(terms []int64) (b []byte) {
	last := int64(0)
	for _, id := range terms {
		b = binary.AppendUvarint(b, uint64(id-last))
		last = id
	}
	return b
}

func unpackTerms(b []byte) (terms []int64) {
	eachTerm(b, func(id int64) { terms = append(terms, id) })
	return terms
}

// eachTerm calls do with the numbers that packTerms wrote. Numbers that no term can have,
// because the file is damaged, end it.
func eachTerm(b []byte, do func(id int64)) {
	last := int64(0)
	for len(b) > 0 {
		d, n := binary.Uvarint(b)
		if last += int64(d); n <= 0 || d > maxTerm || last > maxTerm {
			return
		}
		do(last)
		b = b[n:]
	}
}

// tagWords are terms as words.
func tagWords(terms []int64) string {
	var b []byte
	for _, id := range terms {
		b = strconv.AppendInt(append(b, " t"...), id, 10)
	}
	return string(b)
}
