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
	over     bool // folded, and of no thread
}

// touch notes that something happened to an entry: it came, its body came or went, or it was set aside.
func (d *Desk) touch(e protocol.Entry) {
	h := e.Header()
	switch {
	case h.Kind == protocol.KindProposal:
		d.stale = true
		for _, id := range append(h.Refs, e.ID()) {
			if b := d.briefs[id]; b != nil {
				b.dirty = true
			}
		}
	case h.Kind.IsAgreement():
		if b := d.briefs[h.Of]; b != nil {
			b.dirty = true
		}
	}
}

// Upset says that what stands may have changed: what was folded is forgotten. It does not block.
func (d *Desk) Upset() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.upset = true
}

// refresh brings the briefs up to date for a day, as far as the index goes. The caller holds reading.
func (d *Desk) refresh(asOf record.Day) error {
	d.mu.Lock()
	upset := d.upset
	d.upset = false
	seen := d.seen
	d.mu.Unlock()
	newest := d.cfg.Newest()
	settled := d.cfg.Await(context.Background(), newest)
	var touched []protocol.Entry
	if settled {
		for at := seen; at < newest && !upset; {
			entries, upto, err := d.cfg.Changes(at)
			if err != nil {
				return err
			}
			if upto <= at {
				break // nothing more that concerns entries
			}
			upset = upto-seen > maxBehind
			at = upto
			touched = append(touched, entries...)
		}
	}
	act := d.cfg.Charter().Act().ID
	d.mu.Lock()
	if asOf != d.asOf || act != d.charge || upset && settled {
		clear(d.briefs)
		clear(d.known)
		d.asOf, d.charge, d.stale = asOf, act, true
	}
	d.upset = d.upset || upset && !settled
	if settled {
		d.seen = newest
		for _, e := range touched {
			d.touch(e)
		}
	}
	stale := d.stale
	d.stale = false
	d.mu.Unlock()
	if stale {
		if err := d.list(); err != nil {
			d.mu.Lock()
			d.stale = true
			d.mu.Unlock()
			return err
		}
	}
	d.mu.Lock()
	var dirty []protocol.RecordID
	for id, b := range d.briefs {
		if b.dirty {
			dirty = append(dirty, id)
			b.dirty = false // what comes in from now on makes it dirty again
		}
	}
	d.mu.Unlock()
	for _, id := range dirty {
		t, err := d.fold(id, asOf)
		d.mu.Lock()
		if b := d.briefs[id]; b != nil {
			if err != nil {
				b.over, b.dirty = true, true // its body may yet come
			} else {
				*b = brief{dirty: b.dirty, local: b.local, parties: t.Parties, phase: t.Phase, ended: t.Ended, pledges: t.Pledges, listings: listingsOf(&t)}
			}
		}
		d.mu.Unlock()
	}
	return nil
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

// list goes through the proposals in the index and makes room for threads that are new.
func (d *Desk) list() error {
	for after := (index.Mark{}); ; {
		page, err := d.cfg.Index.Page(index.Query{Types: []string{protocol.KindProposal.String()}, Limit: index.MaxLimit, After: after})
		if err != nil {
			return err
		}
		for _, row := range page.Rows {
			root, ok := d.root(row.Record)
			if !ok {
				d.mu.Lock()
				d.stale = true // its body may yet come
				d.mu.Unlock()
				continue
			}
			d.mu.Lock()
			b := d.briefs[root]
			if b == nil {
				b = &brief{dirty: true}
				d.briefs[root] = b
			}
			if root == row.Record {
				b.local = row.Seq
			}
			d.mu.Unlock()
		}
		if after = page.Next; after == (index.Mark{}) {
			return nil
		}
	}
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
	if err := d.refresh(asOf); err != nil {
		return nil, 0, err
	}
	type at struct {
		id    protocol.RecordID
		local uint64
	}
	var picked []at
	d.mu.Lock()
	for id, b := range d.briefs {
		switch {
		case b.over || q.Before > 0 && b.local >= q.Before:
		case q.Member != "" && !slices.Contains(b.parties, q.Member):
		case len(q.Phases) > 0 && !slices.Contains(q.Phases, b.phase):
		case q.Listing.Defined() && !slices.Contains(b.listings, q.Listing):
		default:
			picked = append(picked, at{id, b.local})
		}
	}
	d.mu.Unlock()
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
	if err := d.refresh(asOf); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []exchange.Pledge
	for id, b := range d.briefs {
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
	if err := d.refresh(asOf); err != nil {
		return nil, err
	}
	since := asOf.PlusMonths(-solidarityMonths)
	out := map[string]int{}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, b := range d.briefs {
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
	if err := d.refresh(asOf); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	out := map[protocol.RecordID]bool{}
	for _, b := range d.briefs {
		if !b.over {
			for _, id := range b.listings {
				out[id] = true
			}
		}
	}
	return out, nil
}
