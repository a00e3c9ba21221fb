package index

import "strconv"

// Every transaction leaves a part of the search index of its own. SQLite would merge them
// when one too many comes, and whoever writes that one waits for the whole. So they are
// merged while nothing waits, a little at a time, and where records never stop coming, a
// little after every few. Nor does a record wait for the disk: SQLite's log is brought
// into the file beside the writer.

const (
	// tidyPages is how much is merged under one hold of the writer: a few milliseconds.
	tidyPages = 32

	// builtPages is the same at the end of a rebuild, when all is merged.
	builtPages = 1000

	// warmChanges is how many rows are written before it is worth giving back what the writer
	// keeps of the file in memory: a day of one member's records, and a fraction of a catch-up.
	warmChanges = 4096
)

// tidy merges some parts, and reports whether there may be more.
func (x *Index) tidy(pages int) (more bool, err error) {
	x.writing.Lock()
	defer x.writing.Unlock()
	w := x.w
	if w == nil || !w.loose {
		return false, nil
	}
	w.parts = 0
	if w.loose, err = w.merge(pages, nil); err == nil && !w.loose {
		w.loose, err = w.giveBack(pages)
	}
	if err == nil && !w.loose {
		err = w.cool()
	}
	if err != nil && noRoom(err) {
		w.loose, err = false, nil // it can wait for the next record: whoever writes that says what is wrong
	}
	return w.loose, failed("merge words", err)
}

// cool gives back the memory of the pages that the writer keeps, when much was written and
// nothing more is to be done: SQLite holds them for ever, each in twice its own size.
func (w *writer) cool() error {
	if !w.warm() {
		return nil
	}
	err := w.exec(`PRAGMA shrink_memory`)
	if err == nil {
		w.cooled, err = w.changes()
	}
	return err
}

// warm reports whether enough was written for that.
func (w *writer) warm() bool {
	now, err := w.changes()
	return err == nil && now-w.cooled >= warmChanges // an error comes again where it is told
}

// changes is how many rows were written since the file was opened.
func (w *writer) changes() (n int64, err error) {
	_, err = w.one(`SELECT total_changes()`, nil, &n)
	return n, err
}

// giveBack takes pages that nothing uses from the end of the file, when they are many, and
// reports whether there are more.
func (w *writer) giveBack(pages int) (more bool, err error) {
	var free, left, all int64
	if _, err = w.one(`PRAGMA freelist_count`, nil, &free); err == nil {
		_, err = w.one(`PRAGMA page_count`, nil, &all)
	}
	if err != nil || free < max(all/64, tidyPages) {
		return false, err
	}
	if err = w.each(`PRAGMA incremental_vacuum(`+strconv.Itoa(pages)+`)`, nil, func(func(...any) error) error { return nil }); err == nil {
		_, err = w.one(`PRAGMA freelist_count`, nil, &left)
	}
	return left < free, err
}

// merge merges parts of the search index until so many pages are written, and reports
// whether there was anything to do. What is to be done when there was not is in the same
// transaction.
func (w *writer) merge(pages int, last func() error) (did bool, err error) {
	err = w.transaction(func() error {
		before, err := w.changes()
		if err != nil {
			return err
		}
		if err := w.exec(`INSERT INTO words(words, rank) VALUES ('merge', ?)`, pages); err != nil {
			return err
		}
		after, err := w.changes()
		did = after-before >= 2 // as SQLite's documentation says
		if err == nil && !did && last != nil {
			return last()
		}
		return err
	})
	return did, err
}

// mustTidy reports whether there may be parts to merge, and whether it should be done
// before more come.
func (x *Index) mustTidy() (loose, crowded bool) {
	x.writing.Lock()
	defer x.writing.Unlock()
	if x.w == nil {
		return false, false
	}
	return x.w.loose, x.w.loose && x.w.parts >= partsMost
}

// checkpoint brings SQLite's log into the file once it is worth it, or once nothing came for
// a while; then the log is cut off. The writer goes on meanwhile. It is called again and
// again, with what it returned before: how long the log was.
func (x *Index) checkpoint(before int64) (log int64, err error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	x.keeping.Lock()
	defer x.keeping.Unlock()
	c := x.keeper
	if c == nil {
		return 0, nil
	}
	var busy, moved int64
	_, err = c.one(`PRAGMA wal_checkpoint(NOOP)`, nil, &busy, &log, &moved)
	idle := log == before
	switch {
	case err != nil || log <= 0:
	case log-moved >= walBytes/pageBytes || idle && moved < log:
		_, err = c.one(`PRAGMA wal_checkpoint(PASSIVE)`, nil, &busy, &log, &moved)
	case idle: // and all of it is in the file: nobody waits for the disk
		_, err = c.one(`PRAGMA wal_checkpoint(TRUNCATE)`, nil, &busy, &log, &moved)
	}
	return log, failed("checkpoint", err)
}
