package exchange

import (
	"cmp"
	"slices"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
	"github.com/dure-net/dure/protocol/record/exchange"
)

// Waiting is a thread with what waits in it for the member.
type Waiting struct {
	Thread exchange.Thread
	Waits  []exchange.Wait
}

// Inbox lists what waits for the member, on a day: what is late first, then by day, then newest first. A mediator's is of
// all threads, so nothing is folded for it but what it shows.
func (d *Desk) Inbox(asOf record.Day) ([]Waiting, error) {
	d.reading.Lock()
	defer d.reading.Unlock()
	book, err := d.refresh(asOf)
	if err != nil {
		return nil, err
	}
	type at struct {
		id     protocol.RecordID
		local  uint64
		urgent exchange.Wait
	}
	var picked []at
	for id, b := range book.briefs {
		if len(b.waits) > 0 {
			picked = append(picked, at{id, b.local, slices.MinFunc(b.waits, urgency)})
		}
	}
	slices.SortFunc(picked, func(a, b at) int { return cmp.Or(urgency(a.urgent, b.urgent), cmp.Compare(b.local, a.local)) })
	var out []Waiting
	for _, p := range picked[:min(len(picked), maxWaiting)] {
		t, err := d.fold(p.id, asOf)
		if err != nil {
			continue // it went meanwhile
		}
		waits := slices.Clone(book.briefs[p.id].waits)
		slices.SortStableFunc(waits, urgency)
		out = append(out, Waiting{t, waits})
	}
	return out, nil
}

// urgency orders what waits: late first, then by day; what has no day comes last.
func urgency(a, b exchange.Wait) int {
	if a.Late != b.Late {
		if a.Late {
			return -1
		}
		return 1
	}
	return cmp.Compare(cmp.Or(a.Day, "9999-12-31"), cmp.Or(b.Day, "9999-12-31"))
}
