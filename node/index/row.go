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

	Kind   protocol.Kind
	Member string // handle of the owner of the feed
}

// Row is what the index knows of one record. It is a copy.
type Row struct {
	Record protocol.RecordID
	Kind   protocol.Kind
	Member string // handle of the owner
	Number string // "kr-seoul-41"; "" where the writer gave none, or one that another has
	Given  string // the number that the writer gave it and another has; "" mostly
	Seq    uint64 // local number of the record's first entry: the order of lists

	Current    Place // the current version
	Revisions  int   // versions after the first that count
	Rivals     int   // further versions that nothing supersedes, written at once elsewhere
	Withdrawn  bool
	Withdrawal Place // the withdrawal; zero unless Withdrawn
	Erased     bool  // the current version's body is erased
}

// row is the thread as lists show it; false where it does not count.
func (t *thread) row() (Row, bool) {
	r, ok := t.resolve()
	if !ok {
		return Row{}, false
	}
	out := Row{Record: cidOf(t.id), Kind: t.kind, Member: t.member, Seq: t.local,
		Current: r.current.place(), Revisions: r.revisions, Rivals: r.rivals, Erased: r.erased}
	out.name(t.number, t.taken)
	if r.withdrawal != nil {
		out.Withdrawn, out.Withdrawal = true, r.withdrawal.place()
	}
	return out, true
}

// name says which number the record has, or was given while another has it.
func (r *Row) name(number uint64, taken bool) {
	if taken {
		r.Given = numberText(r.Member, number)
	} else {
		r.Number = numberText(r.Member, number)
	}
}

func numberText(handle string, number uint64) string {
	if number == 0 {
		return ""
	}
	return handle + "-" + strconv.FormatUint(number, 10)
}

// rowOf computes one row; false where the record does not count.
func (c *conn) rowOf(local uint64) (Row, bool, error) {
	t, ok, err := c.threadOf(local)
	if err != nil || !ok {
		return Row{}, false, err
	}
	r, ok := t.row()
	return r, ok, nil
}

// Rows of lists are read as they were computed; what is due is computed anew.
const (
	rowColumns = `e.local, e.id, e.kind, e.number, f.member, f.id, e.seq, e.aside, f.count,
  r.cur, c.id, c.seq, cf.id, r.revisions, r.rivals, r.erased, r.withdrawal, w.id, w.seq, wf.id, d.local, ` + numberTaken
	rowJoins = ` JOIN entry e ON e.local = p.local JOIN feed f ON f.no = e.feed
  JOIN record r ON r.local = p.local
  LEFT JOIN entry c ON c.local = r.cur AND r.cur <> r.local LEFT JOIN feed cf ON cf.no = c.feed
  LEFT JOIN entry w ON w.local = r.withdrawal LEFT JOIN feed wf ON wf.no = w.feed
  LEFT JOIN due d ON d.local = p.local `
)

// readRow reads rowColumns; due where it is to be computed anew.
func readRow(scan func(...any) error) (r Row, due bool, err error) {
	var id, feed, cur, curFeed, wd, wdFeed []byte
	var local, seq, kind, number, count, curLocal, revisions, rivals, wdLocal int64
	var aside, taken bool
	var curSeq, wdSeq, dueLocal *int64
	if err = scan(&local, &id, &kind, &number, &r.Member, &feed, &seq, &aside, &count,
		&curLocal, &cur, &curSeq, &curFeed, &revisions, &rivals, &r.Erased, &wdLocal, &wd, &wdSeq, &wdFeed, &dueLocal, &taken); err != nil {
		return r, false, err
	}
	r.Record, r.Kind, r.Seq = cidOf(digest(id)), protocol.Kind(kind), uint64(local)
	r.Revisions, r.Rivals = int(revisions), int(rivals)
	r.name(uint64(number), taken)
	r.Current = Place{Entry: r.Record, Feed: cidOf(digest(feed)), FeedSeq: uint64(seq), Seq: r.Seq, Kind: r.Kind, Member: r.Member}
	if curSeq != nil {
		r.Current.Entry, r.Current.Feed, r.Current.FeedSeq, r.Current.Seq = cidOf(digest(cur)), cidOf(digest(curFeed)), uint64(*curSeq), uint64(curLocal)
	}
	if wdSeq != nil {
		r.Withdrawn = true
		r.Withdrawal = Place{Entry: cidOf(digest(wd)), Feed: cidOf(digest(wdFeed)), FeedSeq: uint64(*wdSeq), Seq: uint64(wdLocal),
			Kind: protocol.KindWithdraw, Member: r.Member}
	}
	return r, dueLocal != nil, nil
}
