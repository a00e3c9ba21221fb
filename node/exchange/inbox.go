package exchange

import (
	"cmp"
	"slices"

	"github.com/dure-net/dure/protocol/record"
	"github.com/dure-net/dure/protocol/record/exchange"
)

// Waiting is a thread with what waits in it for the member.
type Waiting struct {
	Thread exchange.Thread
	Waits  []exchange.Wait
}

// Inbox lists what waits for the member, on a day: what is late first, then by day, then newest first.
func (d *Desk) Inbox(asOf record.Day) ([]Waiting, error) {
	q := Query{Member: d.cfg.Self}
	who := d.Actor(d.cfg.Self)
	if who.Mediator {
		q = Query{}
	}
	threads, _, err := d.Threads(q, asOf)
	if err != nil {
		return nil, err
	}
	var out []Waiting
	for i := range threads {
		if w := threads[i].Waits(who, asOf); len(w) > 0 {
			slices.SortStableFunc(w, urgency)
			out = append(out, Waiting{threads[i], w})
		}
	}
	slices.SortStableFunc(out, func(a, b Waiting) int { return urgency(a.Waits[0], b.Waits[0]) })
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
