package exchange

import (
	"cmp"
	"context"
	"slices"

	"github.com/dure-net/dure/node/index"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
	"github.com/dure-net/dure/protocol/record/exchange"
)

// brief is what is kept of a folded thread, so that lists and sums need not fold all of them again.
type brief struct {
	dirty    bool
	local    uint64 // local number of the first proposal: the order of lists
	parties  []string
	listings []protocol.RecordID // that any version names
	phase    exchange.Phase
	ended    record.Day
	pledges  []exchange.Pledge
	waits    []exchange.Wait // for the desk's member
	over     bool            // folded, and of no thread
}

// book is the briefs of every thread, folded on one day.
type book struct {
	briefs map[protocol.RecordID]*brief
	charge charge
	listed bool   // every proposal that the index had is in it
	used   uint64 // when it was last asked for, in questions
}

// charge is what says who mediates and who is removed: the newest act, and the day of this machine, on which terms end.
type charge struct {
	act   protocol.ActID
	today record.Day
}

// touch notes that something happened to an entry: it came, its body came or went, or it was set aside.
func (d *Desk) touch(e protocol.Entry) {
	h := e.Header()
	about := []protocol.CID{h.Of}
	switch {
	case h.Kind == protocol.KindProposal:
		about = append(slices.Clone(h.Refs), e.ID())
		if row, ok := d.row(e.ID()); ok {
			for _, b := range d.books {
				d.enter(b, row)
			}
		}
	case !h.Kind.IsAgreement():
		return
	}
	for _, b := range d.books {
		for _, id := range about {
			if one := b.briefs[id]; one != nil {
				one.dirty = true
			}
		}
	}
}

// enter makes room in a book for the thread of a proposal. One whose body is not here is entered when that comes.
func (d *Desk) enter(b *book, row index.Row) {
	root, ok := d.rootOf(row)
	if !ok {
		return
	}
	one := b.briefs[root]
	if one == nil {
		one = &brief{}
		b.briefs[root] = one
	}
	one.dirty = true
	if root == row.Record {
		one.local = row.Seq
	}
}

// Upset says that what stands may have changed: what was folded is forgotten. It does not block.
func (d *Desk) Upset() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.upset = true
}

// refresh gives the book of a day, brought up to date as far as the index goes. The caller holds reading, also while it
// reads the book.
func (d *Desk) refresh(asOf record.Day) (*book, error) {
	d.mu.Lock()
	upset := d.upset
	d.upset = false
	d.mu.Unlock()
	newest := d.cfg.Newest()
	settled := d.cfg.Await(context.Background(), newest)
	if upset && !settled {
		d.Upset() // again, once the index has followed
	}
	if settled {
		touched, all, err := d.changed(newest)
		if err != nil {
			d.mu.Lock()
			d.upset = d.upset || upset
			d.mu.Unlock()
			return nil, err
		}
		if upset || !all {
			clear(d.books)
			d.mu.Lock()
			clear(d.known)
			d.mu.Unlock()
		} else {
			for _, e := range touched {
				d.touch(e)
			}
		}
		d.seen = newest
	}
	b, err := d.open(asOf)
	if err != nil {
		return nil, err
	}
	who := d.Actor(d.cfg.Self)
	for id, one := range b.briefs {
		if !one.dirty {
			continue
		}
		t, err := d.fold(id, asOf)
		if err != nil {
			// A body that comes touches it again.
			*one = brief{dirty: protocol.ReasonOf(err) != protocol.ReasonWanted, over: true, local: one.local}
			continue
		}
		*one = brief{local: one.local, parties: t.Parties, phase: t.Phase, ended: t.Ended, pledges: t.Pledges, listings: listingsOf(&t), waits: t.Waits(who, asOf)}
	}
	return b, nil
}

// changed lists the entries that something happened to since the books were last brought up to date; not all of them
// where there are no books, or where going through them would be more work than to begin anew.
func (d *Desk) changed(newest uint64) (touched []protocol.Entry, all bool, err error) {
	if len(d.books) == 0 {
		return nil, false, nil
	}
	for at := d.seen; at < newest; {
		entries, upto, err := d.cfg.Changes(at)
		if err != nil {
			return nil, false, err
		}
		if upto <= at {
			break // nothing more that concerns entries
		}
		if upto-d.seen > maxBehind {
			return nil, false, nil
		}
		at = upto
		touched = append(touched, entries...)
	}
	return touched, true, nil
}

// open gives the book of a day, with room for every thread. A day that was not asked for lately is forgotten for it.
func (d *Desk) open(asOf record.Day) (*book, error) {
	d.asked++
	b, now := d.books[asOf], charge{d.cfg.Charter().Act().ID, d.Today()}
	if b == nil || b.charge != now {
		for len(d.books) >= maxBooks && b == nil {
			var oldest record.Day
			for day, other := range d.books {
				if oldest == "" || other.used < d.books[oldest].used {
					oldest = day
				}
			}
			delete(d.books, oldest)
		}
		b = &book{briefs: map[protocol.RecordID]*brief{}, charge: now}
		d.books[asOf] = b
	}
	b.used = d.asked
	for after := (index.Mark{}); !b.listed; {
		page, err := d.cfg.Index.Page(index.Query{Types: []string{protocol.KindProposal.String()}, Limit: index.MaxLimit, After: after})
		if err != nil {
			return nil, err
		}
		for _, row := range page.Rows {
			d.enter(b, row)
		}
		after = page.Next
		b.listed = after == (index.Mark{})
	}
	return b, nil
}

func listingsOf(t *exchange.Thread) []protocol.RecordID {
	var out []protocol.RecordID
	for i := range t.Versions {
		for _, id := range []*protocol.RecordID{t.Versions[i].Proposal.Offer, t.Versions[i].Proposal.Request} {
			if id != nil && !slices.Contains(out, *id) {
				out = append(out, *id)
			}
		}
	}
	return out
}

// Query selects threads. The zero value is all of them.
type Query struct {
	Member  string            // a party
	Phases  []exchange.Phase  // none means all
	Listing protocol.RecordID // that a version names
	Before  uint64            // only threads that came earlier than this local number; 0 means all
	Limit   int               // 0 means all
}

// Threads lists threads, newest arrival first, on a day. next is the Before of the next page; 0 where this is the last.
func (d *Desk) Threads(q Query, asOf record.Day) (found []exchange.Thread, next uint64, err error) {
	d.reading.Lock()
	defer d.reading.Unlock()
	book, err := d.refresh(asOf)
	if err != nil {
		return nil, 0, err
	}
	type at struct {
		id    protocol.RecordID
		local uint64
	}
	var picked []at
	for id, b := range book.briefs {
		switch {
		case b.over || q.Before > 0 && b.local >= q.Before:
		case q.Member != "" && !slices.Contains(b.parties, q.Member):
		case len(q.Phases) > 0 && !slices.Contains(q.Phases, b.phase):
		case q.Listing.Defined() && !slices.Contains(b.listings, q.Listing):
		default:
			picked = append(picked, at{id, b.local})
		}
	}
	slices.SortFunc(picked, func(a, b at) int { return cmp.Compare(b.local, a.local) })
	if q.Limit > 0 && len(picked) > q.Limit {
		picked = picked[:q.Limit]
		next = picked[q.Limit-1].local
	}
	for _, p := range picked {
		t, err := d.fold(p.id, asOf)
		if err != nil {
			continue // it went meanwhile
		}
		found = append(found, t)
	}
	return found, next, nil
}

// pledges are what agreements take from a listing, on a day; of all threads but one (zero: of all).
func (d *Desk) pledges(listing, but protocol.RecordID, asOf record.Day) ([]exchange.Pledge, error) {
	d.reading.Lock()
	defer d.reading.Unlock()
	book, err := d.refresh(asOf)
	if err != nil {
		return nil, err
	}
	var out []exchange.Pledge
	for id, b := range book.briefs {
		if id != but && !b.over && slices.Contains(b.listings, listing) {
			out = append(out, b.pledges...)
		}
	}
	return out, nil
}

// reserved is how much of a listing its owner has accepted in threads, but one, that are not confirmed yet.
func (d *Desk) reserved(listing, but protocol.RecordID, owner, unit string, asOf record.Day) (string, error) {
	threads, _, err := d.Threads(Query{Listing: listing}, asOf)
	if err != nil {
		return "", err
	}
	sum := "0"
	for i := range threads {
		if threads[i].ID != but {
			sum = exchange.Sum(sum, threads[i].Reserved(listing, owner, unit))
		}
	}
	return sum, nil
}

// Stock is what is left of a listing, on a day ("" for today).
func (d *Desk) Stock(id protocol.RecordID, owner string, l *record.Listing, asOf record.Day) (exchange.Stock, error) {
	if asOf == "" {
		asOf = d.Today()
	}
	pledges, err := d.pledges(id, protocol.RecordID{}, asOf)
	if err != nil {
		return exchange.Stock{}, err
	}
	return exchange.StockOf(id, owner, l, pledges), nil
}

// solidarityMonths is over how long completed exchanges are counted: two years, as the federation's committee looks
// back on its programmes.
const solidarityMonths = 24

// Completed counts the exchanges that each member took part in and that were completed in the 24 months before a day.
func (d *Desk) Completed(asOf record.Day) (map[string]int, error) {
	d.reading.Lock()
	defer d.reading.Unlock()
	book, err := d.refresh(asOf)
	if err != nil {
		return nil, err
	}
	since := asOf.PlusMonths(-solidarityMonths)
	out := map[string]int{}
	for _, b := range book.briefs {
		if !b.over && b.phase == exchange.Completed && b.ended > since && b.ended <= asOf {
			for _, p := range b.parties {
				out[p]++
			}
		}
	}
	return out, nil
}

// Answered lists the offers and requests that a proposal names.
func (d *Desk) Answered(asOf record.Day) (map[protocol.RecordID]bool, error) {
	d.reading.Lock()
	defer d.reading.Unlock()
	book, err := d.refresh(asOf)
	if err != nil {
		return nil, err
	}
	out := map[protocol.RecordID]bool{}
	for _, b := range book.briefs {
		if !b.over {
			for _, id := range b.listings {
				out[id] = true
			}
		}
	}
	return out, nil
}
