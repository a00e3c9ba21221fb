package index

import (
	"math"
	"strconv"

	"github.com/dure-net/dure/protocol"
)

// entry is a line of entry with what decides whether it counts.
type entry struct {
	id     digest
	local  uint64
	seq    uint64
	kind   protocol.Kind
	number uint64
	aside  bool
	refs   []digest
	erased bool // its body, by an act
	taken  bool // another first entry has the number
	feed   digest
	member string
	count  uint64
}

const entryColumns = `e.local, e.id, e.seq, e.kind, e.number, e.aside, e.refs, f.id, f.member, f.count,
  EXISTS (SELECT 1 FROM erased x WHERE x.key = e.key AND x.id = e.id), ` + numberTaken

// numberTaken is whether another first entry has the number of e, in feed f: of those of
// one member that stand, the one with the smallest claimed time has it, then the one with
// the smaller (seq, CID), on every node alike.
const numberTaken = `e.number > 0 AND EXISTS (SELECT 1 FROM feed g CROSS JOIN entry o INDEXED BY entry_number
  WHERE g.member = f.member AND o.feed = g.no AND o.number = e.number AND o.number > 0 AND o.ofkey IS NULL AND o.aside = 0 AND o.seq < g.count
  AND (o.time, o.seq, o.id) < (e.time, e.seq, e.id))`

// readEntry reads entryColumns, after columns that come before them.
func readEntry(scan func(...any) error, e *entry, before ...any) error {
	var id, refs, feed []byte
	var local, seq, kind, number, count int64
	if err := scan(append(before, &local, &id, &seq, &kind, &number, &e.aside, &refs, &feed, &e.member, &count, &e.erased, &e.taken)...); err != nil {
		return err
	}
	copy(e.id[:], id)
	copy(e.feed[:], feed)
	e.local, e.seq, e.kind, e.number, e.count = uint64(local), uint64(seq), protocol.Kind(kind), uint64(number), uint64(count)
	e.refs = nil
	for ; len(refs) >= len(digest{}); refs = refs[len(digest{}):] {
		e.refs = append(e.refs, digest(refs))
	}
	return nil
}

// stands reports whether the entry counts: it is of a member's feed, on its chain, and
// below every cut, removal and fork.
func (e *entry) stands() bool { return e.member != "" && !e.aside && e.seq < e.count }

func (e *entry) place() Place {
	return Place{Entry: cidOf(e.id), Feed: cidOf(e.feed), FeedSeq: e.seq, Seq: e.local, Kind: e.kind, Member: e.member}
}

// stored is a count as SQLite can hold it.
func stored(count uint64) int64 { return int64(min(count, math.MaxInt64)) }

// thread is a record's first entry and all that says something of it.
type thread struct {
	entry
	changes []entry
	told    []entry // what decides which translations are found
}

// threadOf reads the thread whose first entry has a local number.
func (c *conn) threadOf(local uint64) (*thread, bool, error) {
	all, err := c.threadsOf([]uint64{local})
	return all[local], all[local] != nil, err
}

// threadsOf reads many threads; those whose first entry is not here are not in the answer.
func (c *conn) threadsOf(locals []uint64) (map[uint64]*thread, error) {
	all, list := make(map[uint64]*thread, len(locals)), listOf(locals)
	err := c.each(`SELECT `+entryColumns+` FROM json_each(?) v CROSS JOIN entry e ON e.local = v.value JOIN feed f ON f.no = e.feed
		WHERE e.ofkey IS NULL`, []any{list}, func(scan func(...any) error) error {
		t := &thread{}
		err := readEntry(scan, &t.entry)
		all[t.local] = t
		return err
	})
	if err != nil {
		return nil, err
	}
	err = c.each(`SELECT t.local, `+entryColumns+` FROM json_each(?) v CROSS JOIN entry t ON t.local = v.value CROSS JOIN entry e ON e.ofkey = t.key AND e.of = t.id
		JOIN feed f ON f.no = e.feed WHERE t.ofkey IS NULL ORDER BY e.local DESC`, []any{list}, func(scan func(...any) error) error {
		var e entry
		var first int64
		err := readEntry(scan, &e, &first)
		if err == nil && isChange(e.kind) {
			t := all[uint64(first)]
			t.changes = append(t.changes, e)
		}
		if err == nil && isTold(e.kind) {
			all[uint64(first)].tell(e)
		}
		return err
	})
	return all, err
}

// listOf is numbers as SQLite's json_each takes them.
func listOf(locals []uint64) string {
	b := []byte{'['}
	for i, local := range locals {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendUint(b, local, 10)
	}
	return string(append(b, ']'))
}

// isChange reports whether an entry of a kind that is about a record can change what it is.
func isChange(k protocol.Kind) bool {
	return k.IsRecord() || k == protocol.KindWithdraw || k == protocol.KindErasure
}
