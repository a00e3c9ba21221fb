package ledger

import (
	"slices"

	"github.com/dure-net/dure/protocol"
)

// Wanted is a body that a stored header names and that is not here.
type Wanted struct {
	Entry protocol.EntryID
	Body  protocol.BodyID
	Size  uint64
	Kind  protocol.Kind

	Lifted bool // it was erased once, and perhaps nobody has it
}

// Wanted lists bodies that are not here, governance first, then by feed and seq, after
// them those that were erased once, and at last those of branches set aside; at most
// limit. Erased bodies are not wanted.
func (r *Reader) Wanted(limit int) []Wanted {
	r.s.mu.RLock()
	defer r.s.mu.RUnlock()
	places := make([]place, 0, len(r.s.wanted))
	for p := range r.s.wanted {
		if _, ok := r.s.holds(p); ok {
			places = append(places, p)
		}
	}
	slices.SortFunc(places, func(a, b place) int {
		if ca, cb := r.s.onChain(a), r.s.onChain(b); ca != cb {
			if ca {
				return -1
			}
			return 1
		}
		ga, gb := r.s.wanted[a].kind.IsGovernance(), r.s.wanted[b].kind.IsGovernance()
		switch la, lb := r.s.wanted[a].lifted, r.s.wanted[b].lifted; {
		case la != lb && lb:
			return -1
		case la != lb:
			return 1
		case ga && !gb, ga == gb && a < b:
			return -1
		case a == b:
			return 0
		}
		return 1
	})
	places = places[:min(limit, len(places))]
	list := make([]Wanted, len(places))
	for i, p := range places {
		w := r.s.wanted[p]
		list[i] = Wanted{Entry: cidOf(w.entry), Body: cidOf(w.body), Size: w.size, Kind: w.kind, Lifted: w.lifted}
	}
	return list
}

// Range is a part of a feed.
type Range struct {
	Feed   protocol.FeedID
	From   uint64
	Count  uint64
	Branch protocol.EntryID // the first entry of the branch set aside that it is a part of; undefined for the chain
}

// Damaged lists the headers that were found unreadable since the start, by feed and seq.
// A page that covers a range, submitted again, repairs it.
func (r *Reader) Damaged() []Range {
	r.s.mu.RLock()
	defer r.s.mu.RUnlock()
	places := make([]place, 0, len(r.s.damaged))
	for p := range r.s.damaged {
		places = append(places, p)
	}
	slices.Sort(places)
	list := make([]Range, len(places))
	for i, p := range places {
		f := r.s.feedNo(p.feed())
		list[i] = Range{Feed: f.id, From: p.seq(), Count: r.s.damaged[p]}
		if r.s.onChain(placeOf(f.no, p.seq()+r.s.damaged[p]-1)) {
			continue
		}
		if _, on, ok := f.leaves(r.s.byID[f.id]); !ok {
			list[i].Branch = f.first
		} else if on != nil {
			list[i].Branch = on.rival
		}
	}
	return list
}

// Broken counts what was found damaged and did not come again yet: runs of headers, and
// bodies.
func (r *Reader) Broken() (runs, bodies int) {
	r.s.mu.RLock()
	defer r.s.mu.RUnlock()
	for _, w := range r.s.wanted {
		if w.again {
			bodies++
		}
	}
	return len(r.s.damaged), bodies
}

func (r *Reader) runDamaged(first place, count uint64) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	r.s.damaged[first] = count
}

// bodyDamaged makes a body wanted again: in memory at once, on the disk when the
// committer comes to it. If that is lost, the next reader finds the damage again.
func (r *Reader) bodyDamaged(p place, g glance, header []byte) {
	w := wanted{body: g.body, entry: digest(protocol.Sum(header).Digest()), size: g.size, kind: g.kind, again: true}
	r.s.mu.Lock()
	_, known := r.s.wanted[p]
	_, gone := r.s.erased[p]
	if !known && !gone {
		r.s.wanted[p] = w
	}
	r.s.mu.Unlock()
	if known || gone {
		return
	}
	r.repair(func(c *committer) error {
		r.s.mu.RLock()
		_, still := r.s.wanted[p]
		r.s.mu.RUnlock()
		if !still {
			return nil
		}
		return c.store.commit([]write{{placeKey(keyWanted, p), appendWanted(nil, w)}})
	})
}
