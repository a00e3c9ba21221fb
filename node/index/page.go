package index

import (
	"errors"
	"slices"
	"strconv"

	"github.com/dure-net/dure/protocol"
)

// Bounds of a page.
const (
	DefaultLimit = 50
	MaxLimit     = 1000 // more at once would keep a reader's memory and the lock for nothing
)

// Query selects records. The zero value is the newest DefaultLimit of all.
type Query struct {
	Types  []string // names of record kinds; none means all
	Member string   // handle; "" means all
	Limit  int      // 1 to MaxLimit; 0 means DefaultLimit
	Before uint64   // only records whose Row.Seq is smaller; 0 means all: the first page
}

// Page is one page of records, newest arrival first.
type Page struct {
	Rows []Row
	Next uint64 // Query.Before of the next page; 0: this is the last
}

// Page lists records that count, by the arrival of their first entries, newest first.
// Revising a record does not move it, and new records come before all others: who
// follows Next sees every record that was there at the beginning exactly once, whatever
// arrives meanwhile. An unknown type, or a limit out of bounds, is ReasonUsage.
func (x *Index) Page(q Query) (Page, error) {
	kinds, err := kindsOf(q.Types)
	if err != nil {
		return Page{}, err
	}
	if q.Limit == 0 {
		q.Limit = DefaultLimit
	}
	if q.Limit < 1 || q.Limit > MaxLimit {
		return Page{}, &protocol.Error{Reason: protocol.ReasonUsage, Op: "list records", Field: "limit",
			Args: map[string]string{"value": strconv.Itoa(q.Limit)}, Err: errors.New("out of bounds")}
	}
	if q.Before == 0 {
		q.Before = Unlimited
	}
	rows := x.rows(func() []uint32 { return x.pick(kinds, q.Member, q.Before, q.Limit+1) })
	p := Page{Rows: rows}
	if len(rows) > q.Limit {
		p.Rows = rows[:q.Limit]
		p.Next = p.Rows[q.Limit-1].Seq
	}
	return p, nil
}

func kindsOf(types []string) ([]protocol.Kind, error) {
	var kinds []protocol.Kind
	for _, name := range types {
		k, ok := protocol.ParseKind(name)
		if !ok || !k.IsRecord() {
			return nil, &protocol.Error{Reason: protocol.ReasonUsage, Op: "list records", Field: "type",
				Args: map[string]string{"value": name}, Err: errors.New("not a type of record")}
		}
		if !slices.Contains(kinds, k) {
			kinds = append(kinds, k)
		}
	}
	return kinds, nil
}

// pick merges the lists that a query needs, from the newest on.
func (x *Index) pick(kinds []protocol.Kind, handle string, before uint64, limit int) []uint32 {
	var lists [][]uint32
	switch {
	case handle != "":
		no, ok := x.memNo[handle]
		if !ok {
			return nil
		}
		for _, f := range x.members[no].feeds {
			lists = append(lists, x.feeds[f].records)
		}
	case len(kinds) > 0:
		for _, k := range kinds {
			lists = append(lists, x.byKind[k-protocol.KindProfile])
		}
	default:
		lists = [][]uint32{x.order}
	}
	for i := range lists {
		lists[i] = lists[i][:x.below(lists[i], before)]
	}
	lists = slices.DeleteFunc(lists, func(l []uint32) bool { return len(l) == 0 })
	picked := make([]uint32, 0, limit)
	for len(lists) > 0 && len(picked) < limit {
		newest, local := 0, uint64(0)
		for i, l := range lists {
			if at := x.records.at(l[len(l)-1]).local; i == 0 || at > local {
				newest, local = i, at
			}
		}
		l := lists[newest]
		no := l[len(l)-1]
		if lists[newest] = l[:len(l)-1]; len(l) == 1 {
			lists = append(lists[:newest], lists[newest+1:]...)
		}
		r := x.records.at(no)
		if _, ok := x.stands(&r.place); ok && (handle == "" || len(kinds) == 0 || slices.Contains(kinds, r.kind)) {
			picked = append(picked, no)
		}
	}
	return picked
}
