package index

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/dure-net/dure/protocol"
)

// What an Item is. The numbers are the ledger's.
type What uint8

const (
	Appended    What = 1 // an entry came in; also again, after it was repaired
	BodyArrived What = 2
	BodyErased  What = 3
	SetAside    What = 4 // another branch of a fork is its feed's chain now
)

// Item is something that happened to the ledger.
type Item struct {
	Entry protocol.Entry
	Seq   uint64 // local number
	What  What
}

// Limit says whose a feed is and how far it stands.
type Limit struct {
	Feed   protocol.FeedID
	Member string // handle of the owner; "" while it is no member's: nothing of it counts
	Count  uint64 // this many first entries count, held or to come
}

// writer is the connection that writes, with what it knows of feeds and terms.
type writer struct {
	*conn
	x        *Index
	feeds    map[digest]*feed
	terms    map[termKey]int64
	erased   map[digest]bool // by acts
	applied  uint64          // the last change taken in
	samples  []sample        // see follow.go
	due      int             // lines in due
	owed     bool            // there are lines in owed, see matters.go
	shed     bool            // words are to be taken out, see shed.go
	shedding bool            // that has begun
	loose    bool            // parts of the search index may be to be merged, see tidy.go
	parts    int             // how many came since some were
	cooled   int64           // rows written before the memory of pages was given back

	read map[uint64]protocol.Entry // by local number, while the records are computed that they are of

	batch *batch // nil outside of a transaction
}

type feed struct {
	no     int64
	member string
	count  uint64
	number uint64 // the highest short number given in it
	node   uint64 // 1 + the seq of its last word on where its node is; 0: none
}

type termKey struct {
	facet Facet
	value string
}

// batch is what one transaction gathers.
type batch struct {
	touched map[uint64]bool // records to be computed; false: put off, because much is said of them
	counts  map[int64]int64 // what terms gain or lose
	risen   map[*feed]bool  // feeds whose number or node has risen
	applied uint64
	samples []sample
	worded  bool // words were written or taken out
	shed    bool // words of what was erased, or does not count, are in old parts of the search index
}

func (x *Index) openWriter() (*writer, error) {
	c, err := x.connect(writerCache, "auto_vacuum(incremental)", "journal_mode(wal)", "synchronous(normal)", "secure_delete(1)", "wal_autocheckpoint("+strconv.Itoa(walMost/pageBytes)+")", "journal_size_limit("+strconv.Itoa(walBytes)+")", "foreign_keys(0)")
	if err != nil {
		return nil, err
	}
	w := &writer{conn: c, x: x, feeds: map[digest]*feed{}, terms: map[termKey]int64{}, erased: map[digest]bool{}, read: map[uint64]protocol.Entry{}}
	if err := w.load(); err != nil {
		return nil, errors.Join(err, c.close())
	}
	return w, nil
}

// load reads what the writer keeps in memory, after making what is not there.
func (w *writer) load() error {
	var tables int64
	if _, err := w.one(`SELECT count(*) FROM sqlite_master`, nil, &tables); err != nil {
		return err
	}
	if tables == 0 {
		err := w.transaction(func() error {
			if err := w.script(schema); err != nil {
				return err
			}
			return w.setMeta(metaVersion, strconv.Itoa(schemaVersion))
		})
		if err != nil {
			return err
		}
	}
	if version, err := w.meta(metaVersion); err != nil || version != strconv.Itoa(schemaVersion) {
		return errors.Join(err, errOther)
	}
	applied, err := w.meta(metaApplied)
	if err != nil {
		return err
	}
	var due int64
	if _, err := w.one(`SELECT count(*) FROM due`, nil, &due); err != nil {
		return err
	}
	w.due, w.loose = int(due), true
	if err := w.loadOwed(); err != nil {
		return err
	}
	w.applied, _ = strconv.ParseUint(applied, 10, 64) // "": nothing yet
	shed, err := w.meta(metaShed)
	if err != nil {
		return err
	}
	w.shed = shed != ""
	samples, err := w.meta(metaSamples)
	if err != nil {
		return err
	}
	if w.samples, err = parseSamples(samples); err != nil {
		return errors.Join(err, errOther)
	}
	err = w.each(`SELECT no, id, member, count, number, node FROM feed`, nil, func(scan func(...any) error) error {
		f := &feed{}
		var id []byte
		var count, number, node int64
		err := scan(&f.no, &id, &f.member, &count, &number, &node)
		f.count, f.number, f.node = uint64(count), uint64(number), uint64(node)
		w.feeds[digest(id)] = f
		return err
	})
	if err != nil {
		return err
	}
	err = w.each(`SELECT id, facet, value FROM term`, nil, func(scan func(...any) error) error {
		var id, facet int64
		var value string
		err := scan(&id, &facet, &value)
		w.terms[termKey{Facet(facet), value}] = id
		return err
	})
	if err != nil {
		return err
	}
	return w.each(`SELECT id FROM erased`, nil, func(scan func(...any) error) error {
		var id []byte
		err := scan(&id)
		w.erased[digest(id)] = true
		return err
	})
}

func (w *writer) script(text string) error {
	_, err := w.c.ExecContext(bg, text)
	return err
}

func (w *writer) meta(name string) (value string, err error) {
	_, err = w.one(`SELECT value FROM meta WHERE name = ?`, []any{name}, &value)
	return value, err
}

func (w *writer) setMeta(name, value string) error {
	return w.exec(`INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value`, name, value)
}

// transaction runs do and commits, or takes everything back.
func (w *writer) transaction(do func() error) error {
	if err := w.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	err := do()
	if err == nil {
		err = w.exec("COMMIT")
	}
	if err != nil {
		_ = w.exec("ROLLBACK") // SQLite may have done so itself
	}
	return err
}

// write runs do as one transaction and computes the records that it touched, or puts
// that off. What the writer knows is read anew when it fails.
func (x *Index) write(op string, putOff bool, do func(*writer) error) error {
	x.writing.Lock()
	defer x.writing.Unlock()
	w := x.w
	if w == nil {
		return protocol.Fail(protocol.ReasonNotRunning, op, errors.New("the index is closed"))
	}
	w.batch = &batch{touched: map[uint64]bool{}, counts: map[int64]int64{}, risen: map[*feed]bool{}}
	err := w.transaction(func() error {
		if err := do(w); err != nil {
			return err
		}
		return w.finish(putOff)
	})
	b := w.batch
	w.batch = nil
	if err == nil {
		if b.applied > w.applied {
			w.applied, w.samples = b.applied, b.samples
		}
		w.shed = w.shed || b.shed
		if b.worded {
			w.loose, w.parts = true, w.parts+1
		}
		w.loose = w.loose || w.warm()
		return nil
	}
	clear(w.feeds)
	clear(w.terms)
	clear(w.erased)
	if lerr := w.load(); lerr != nil {
		err = errors.Join(err, lerr)
	}
	return failed(op, err)
}

// finish writes what a batch has gathered.
func (w *writer) finish(putOff bool) error {
	b := w.batch
	locals := make([]uint64, 0, len(b.touched))
	for local := range b.touched {
		locals = append(locals, local)
	}
	slices.Sort(locals)
	var now []uint64
	for _, local := range locals {
		if !putOff && b.touched[local] {
			now = append(now, local)
		} else if err := w.putOff(local); err != nil {
			return err
		}
	}
	err := w.compute(now)
	clear(w.read)
	if err != nil {
		return err
	}
	for id, n := range b.counts {
		if n != 0 {
			if err := w.exec(`UPDATE term SET n = n + ? WHERE id = ?`, n, id); err != nil {
				return err
			}
		}
	}
	for f := range b.risen {
		if err := w.exec(`UPDATE feed SET number = ?, node = ? WHERE no = ?`, int64(f.number), int64(f.node), f.no); err != nil {
			return err
		}
	}
	if b.shed && !w.shed {
		if err := w.setMeta(metaShed, "1"); err != nil {
			return err
		}
	}
	if b.applied <= w.applied {
		return nil
	}
	var text strings.Builder
	for _, s := range b.samples {
		text.WriteString(s.text() + "\n")
	}
	if err := w.setMeta(metaSamples, text.String()); err != nil {
		return err
	}
	return w.setMeta(metaApplied, strconv.FormatUint(b.applied, 10))
}

func (w *writer) putOff(local uint64) error {
	return w.owe(`INSERT OR IGNORE INTO due VALUES (?)`, int64(local))
}

// owe runs a statement that puts records down as due, and counts them.
func (w *writer) owe(text string, args ...any) error {
	st, err := w.stmt(text)
	if err != nil {
		return err
	}
	res, err := st.Exec(args...)
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	w.due += int(n)
	return err
}

// Restand says whose feeds are and how many of their first entries count (Unlimited for
// all). It can be taken back by another call. A feed without entries yet is remembered.
// Entries that count no more, or count again, do so for readers when it returns; lists
// and counts of facets follow by Work, when there are many.
func (x *Index) Restand(limits ...Limit) error {
	return x.write("restand feeds", true, func(w *writer) error {
		for _, l := range limits {
			if err := w.restand(l); err != nil {
				return err
			}
		}
		return nil
	})
}

func (w *writer) restand(l Limit) error {
	f, err := w.feed(l.Feed.Digest())
	if err != nil {
		return err
	}
	count := uint64(stored(l.Count))
	if f.member == l.Member && f.count == count {
		return nil
	}
	from := min(f.count, count)
	if f.member != l.Member {
		from = 0
	}
	f.member, f.count = l.Member, count
	if err := w.exec(`UPDATE feed SET member = ?, count = ? WHERE no = ?`, f.member, stored(count), f.no); err != nil {
		return err
	}
	return w.fallDue(f.no, from)
}

// fallDue puts down as due every record that entries of a feed from a seq on are about.
func (w *writer) fallDue(feed int64, from uint64) error {
	err := w.owe(`INSERT OR IGNORE INTO due SELECT local FROM entry WHERE feed = ? AND seq >= ? AND ofkey IS NULL`, feed, int64(from))
	if err != nil {
		return err
	}
	return w.owe(`INSERT OR IGNORE INTO due SELECT r.local FROM entry c CROSS JOIN entry r ON r.key = c.ofkey AND r.id = c.of
		WHERE c.feed = ? AND c.seq >= ? AND c.ofkey IS NOT NULL`, feed, int64(from))
}

// SetErased replaces the list of entries whose bodies acts have erased; one that is the
// first of a record stands for all of it. Erasures by owners are entries, and known from them.
func (x *Index) SetErased(entries []protocol.EntryID) error {
	return x.write("note erasures", false, func(w *writer) error {
		now := make(map[digest]bool, len(entries))
		for _, id := range entries {
			d := id.Digest()
			now[d] = true
			if w.erased[d] {
				continue
			}
			if err := w.exec(`INSERT INTO erased VALUES (?, ?)`, keyOf(d), d[:]); err != nil {
				return err
			}
			if err := w.touchDigest(d); err != nil {
				return err
			}
		}
		for d := range w.erased {
			if now[d] {
				continue
			}
			if err := w.exec(`DELETE FROM erased WHERE key = ? AND id = ?`, keyOf(d), d[:]); err != nil {
				return err
			}
			if err := w.touchDigest(d); err != nil {
				return err
			}
		}
		w.erased = now
		return nil
	})
}

func (w *writer) touchDigest(d digest) error {
	local, ok, err := w.firstByDigest(d)
	if err == nil && !ok {
		var kind protocol.Kind
		var of []byte
		if _, kind, _, _, of, err = w.byDigest(d); err == nil && isTold(kind) && len(of) == len(d) {
			local, ok, err = w.firstByDigest(digest(of))
		}
	}
	if err == nil && ok {
		w.batch.touched[local] = true
	}
	return err
}

// Work computes up to n records that are due, the newest first, and tells how many are
// left.
func (x *Index) Work(n int) (left int, err error) { return x.work(n, nil) }

// work is Work. What happened from a local number on is read at once where that is faster
// than entry by entry; what is not read so is read so then.
func (x *Index) work(n int, read func(from uint64, limit int) []Item) (left int, err error) {
	err = x.write("compute records", false, func(w *writer) error {
		if w.due == 0 {
			return nil
		}
		var locals []int64
		err := w.each(`SELECT local FROM due ORDER BY local DESC LIMIT ?`, []any{n}, func(scan func(...any) error) error {
			var local int64
			err := scan(&local)
			locals = append(locals, local)
			return err
		})
		for _, local := range locals {
			w.batch.touched[uint64(local)] = true
			if err == nil {
				err = w.exec(`DELETE FROM due WHERE local = ?`, local)
			}
		}
		if err != nil {
			return err
		}
		w.due -= len(locals)
		if len(locals) < dueAtOnce || read == nil {
			return nil
		}
		last := locals[len(locals)-1]
		if span := int(locals[0] - last + 1); span <= 4*len(locals) {
			for _, it := range read(uint64(last), span) {
				w.read[it.Seq] = it.Entry
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return x.due(), nil
}

// due is how many records are still to be computed.
func (x *Index) due() int {
	x.writing.Lock()
	defer x.writing.Unlock()
	if x.w == nil {
		return 0
	}
	return x.w.due
}
