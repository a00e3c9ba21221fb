package index

// SQLite's search index takes a record's words out by noting that they are gone; the words
// themselves stay in its old parts until those are merged. What was erased must go from
// the disk, so they are merged until one part is left, a little at a time, and what SQLite
// keeps beside the file is cut off. That it is to be done outlives a crash.

// shedPages is how much is merged under one hold of the writer: some tens of milliseconds.
const shedPages = 500

// shed does a part of it, and reports whether there is more.
func (x *Index) shed() (more bool, err error) {
	x.writing.Lock()
	defer x.writing.Unlock()
	w := x.w
	if w == nil || !w.shed {
		return false, nil
	}
	pages := -shedPages // the first call takes all parts, whatever their age
	if w.shedding {
		pages = shedPages
	}
	w.shedding, err = w.merge(pages, func() error { return w.exec(`DELETE FROM meta WHERE name = ?`, metaShed) })
	if err != nil || w.shedding {
		return err == nil, failed("shed words", err)
	}
	w.shed = false
	var busy, log, moved int64
	_, err = w.one(`PRAGMA wal_checkpoint(TRUNCATE)`, nil, &busy, &log, &moved)
	w.shed = w.shed || busy != 0 // a reader holds the log: again
	return w.shed, failed("shed words", err)
}

func (x *Index) mustShed() bool {
	x.writing.Lock()
	defer x.writing.Unlock()
	return x.w != nil && x.w.shed
}
