package remark

import (
	"cmp"
	"slices"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// perDay is the rate of a kind; 0 where it has none.
func perDay(kind protocol.Kind) int {
	switch kind {
	case protocol.KindQuestion:
		return MaxQuestions
	case protocol.KindReply:
		return MaxReplies
	}
	return 0
}

// Rated lists the kinds that have a rate. The slice is the caller's.
func Rated() []protocol.Kind { return []protocol.Kind{protocol.KindQuestion, protocol.KindReply} }

// DayOf is the day of UTC on which an entry claims to have been written.
func DayOf(claimed int64) record.Day {
	return record.Day(time.UnixMilli(claimed).UTC().Format(time.DateOnly))
}

// bucket is the day that a remark counts in: everything after the day after asOf is one.
func bucket(claimed int64, asOf record.Day) record.Day {
	day := DayOf(claimed)
	if t, err := time.Parse(time.DateOnly, string(asOf)); err == nil {
		if last := record.Day(t.AddDate(0, 0, 1).Format(time.DateOnly)); day > last {
			return "later"
		}
	}
	return day
}

// beyond finds the remarks that the rate leaves aside, and those about the record itself
// that are more than one member's.
func beyond(said []Said, about protocol.RecordID, asOf record.Day) map[protocol.EntryID]bool {
	type use struct {
		member string
		kind   protocol.Kind
		day    record.Day
	}
	out, used, asked := map[protocol.EntryID]bool{}, map[use]int{}, map[string]int{}
	for _, s := range said { // in order
		most := perDay(s.Kind)
		if most == 0 {
			continue
		}
		u := use{s.Member, s.Kind, bucket(s.Time, asOf)}
		if used[u]++; used[u] > most {
			out[s.Entry] = true
			continue
		}
		if s.Kind == protocol.KindQuestion && s.Of == about {
			if asked[s.Member]++; asked[s.Member] > MaxAsked {
				out[s.Entry] = true
			}
		}
	}
	return out
}

// Room tells how many remarks of a kind a member may still write at a time, given what it
// has written, and when there is room again where there is none now. Kinds without a rate
// have room for one at any time.
func Room(said []Said, member string, kind protocol.Kind, now time.Time) (left int, again time.Time) {
	most := perDay(kind)
	if most == 0 {
		return 1, time.Time{}
	}
	day := DayOf(now.UnixMilli())
	n := 0
	for _, s := range said {
		if s.Member == member && s.Kind == kind && DayOf(s.Time) == day {
			n++
		}
	}
	if n < most {
		return most - n, time.Time{}
	}
	return 0, now.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)
}

// Asked reports whether a member may not ask anything more about a record, of which these
// remarks are.
func Asked(said []Said, about protocol.RecordID, member string) bool {
	n := 0
	for _, s := range said {
		if s.Member == member && s.Kind == protocol.KindQuestion && s.Of == about {
			n++
		}
	}
	return n >= MaxAsked
}

// urgent reports whether a notice is among those of its month that count as urgent.
func urgent(s Subject) bool {
	self := slices.IndexFunc(s.Notices, func(n Urgent) bool { return n.Record == s.Record })
	if self < 0 {
		return false
	}
	month, before := DayOf(s.Notices[self].Time)[:7], 0
	for _, n := range s.Notices {
		if DayOf(n.Time)[:7] == month && cmp.Or(cmp.Compare(n.Time, s.Notices[self].Time), compareCID(n.Record, s.Record)) < 0 {
			before++
		}
	}
	return before < record.MaxUrgent
}
