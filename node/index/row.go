package index

import (
	"strconv"

	"github.com/dure-net/dure/protocol"
)

// Place names one entry and says where it stands.
type Place struct {
	Entry   protocol.EntryID
	Feed    protocol.FeedID
	FeedSeq uint64
	Seq     uint64 // local number
}

// Row is what the index knows of one record. It is a copy.
type Row struct {
	Record protocol.RecordID
	Kind   protocol.Kind
	Member string // handle of the owner
	Number string // "kr-seoul-41"; "" where the writer gave none
	Seq    uint64 // local number of the record's first entry: the order of lists

	Current    Place // the current version
	Revisions  int   // versions after the first that count
	Rivals     int   // further versions that nothing supersedes, written at once elsewhere
	Withdrawn  bool
	Withdrawal Place // the withdrawal; zero unless Withdrawn
	Erased     bool  // the current version's body is erased
}

// row copies a resolved record that stands.
func (x *Index) row(r *held) Row {
	f := &x.feeds[r.feed]
	out := Row{
		Record: cidOf(r.id), Kind: r.kind, Member: x.members[f.member].handle, Seq: r.local,
		Current: x.placeOf(x.version(r)), Revisions: int(r.revisions), Rivals: int(r.rivals), Erased: r.flags&flagErased != 0,
	}
	if r.number != 0 {
		out.Number = numberText(out.Member, r.number)
	}
	if r.withdrawal != 0 {
		out.Withdrawn, out.Withdrawal = true, x.placeOf(&x.changes.at(r.withdrawal-1).place)
	}
	return out
}

func (x *Index) placeOf(p *place) Place {
	return Place{Entry: cidOf(p.id), Feed: cidOf(x.feeds[p.feed].id), FeedSeq: p.seq, Seq: p.local}
}

func numberText(handle string, number uint64) string {
	return handle + "-" + strconv.FormatUint(number, 10)
}

// rows copies records, resolving them first where needed. The caller holds no lock.
func (x *Index) rows(pick func() []uint32) []Row {
	x.mu.RLock()
	picked := pick()
	ready := true
	for _, no := range picked {
		ready = ready && x.fresh(x.records.at(no))
	}
	if ready {
		defer x.mu.RUnlock()
		return x.copyRows(picked)
	}
	x.mu.RUnlock()
	x.mu.Lock()
	defer x.mu.Unlock()
	picked = pick() // entries may have come in between
	for _, no := range picked {
		if r := x.records.at(no); !x.fresh(r) {
			x.resolve(r)
		}
	}
	return x.copyRows(picked)
}

func (x *Index) copyRows(picked []uint32) []Row {
	out := make([]Row, len(picked))
	for i, no := range picked {
		out[i] = x.row(x.records.at(no))
	}
	return out
}
