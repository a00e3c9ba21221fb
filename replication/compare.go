package replication

import (
	"encoding/hex"
	"errors"
	"slices"
	"strings"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
)

// lines resolves an offer to the lines that differ, descending into ranges.
func (s *session) lines(offer protocol.Offer) ([]protocol.Line, error) {
	if len(offer.Lines) > protocol.MaxLines || len(offer.Ranges) > protocol.MaxLines {
		return nil, protocol.Fail(protocol.ReasonTooLarge, "read offer", nil)
	}
	lines := offer.Lines
	listed := make(map[[32]byte]bool, len(lines))
	if err := s.within([]string{""}, offer, listed); err != nil {
		return nil, err
	}
	differing := s.r.frontier.differing(offer.Ranges)
	for depth := 0; len(differing) > 0 && depth < 64; depth++ {
		var deeper []string
		for batch := range slices.Chunk(differing, protocol.MaxAsk/2) {
			var o protocol.Offer
			if err := s.ask(&protocol.Ask{Ranges: batch}, &o); err != nil {
				return nil, err
			}
			if len(o.Lines) > protocol.MaxLines || len(o.Ranges) > protocol.MaxLines {
				return nil, protocol.Fail(protocol.ReasonTooLarge, "read offer", nil)
			}
			if err := s.within(batch, o, listed); err != nil {
				return nil, err
			}
			for _, p := range batch {
				if !slices.ContainsFunc(o.Ranges, func(r protocol.Range) bool { return strings.HasPrefix(r.Prefix, p) }) {
					s.whole = append(s.whole, p)
				}
			}
			lines = append(lines, o.Lines...)
			for _, p := range s.r.frontier.differing(o.Ranges) {
				if len(p) > depth { // ranges only ever become narrower
					deeper = append(deeper, p)
				}
			}
		}
		if len(lines)+len(deeper) > maxDiffering {
			s.left, s.behind = true, true // the next exchange finds the rest
			break
		}
		differing = deeper
	}
	return lines, nil
}

// within checks that an answer tells each feed once, and nothing but what was asked for:
// ranges that overlap, or do not become narrower, would never come to an end.
func (s *session) within(asked []string, o protocol.Offer, listed map[[32]byte]bool) error {
	for _, l := range o.Lines {
		digits := hex.EncodeToString(l.Feed[:])
		if listed[l.Feed] || !slices.ContainsFunc(asked, func(p string) bool { return strings.HasPrefix(digits, p) }) {
			return protocol.Fail(protocol.ReasonMalformed, "read offer", errors.New("a line twice, or not asked for"))
		}
		listed[l.Feed] = true
	}
	prefixes := make([]string, len(o.Ranges))
	for i, r := range o.Ranges {
		narrower := func(p string) bool { return strings.HasPrefix(r.Prefix, p) && (len(r.Prefix) > len(p) || p == "") }
		if !validPrefix(r.Prefix) || !slices.ContainsFunc(asked, narrower) {
			return protocol.Fail(protocol.ReasonMalformed, "read offer", errors.New("a range that was not asked for"))
		}
		prefixes[i] = r.Prefix
	}
	if !disjoint(prefixes) {
		return protocol.Fail(protocol.ReasonMalformed, "read offer", errors.New("ranges that overlap"))
	}
	return nil
}

// disjoint reports whether no prefix begins with another one.
func disjoint(prefixes []string) bool {
	sorted := slices.Sorted(slices.Values(prefixes))
	for i := 1; i < len(sorted); i++ {
		if strings.HasPrefix(sorted[i], sorted[i-1]) {
			return false
		}
	}
	return true
}

// missing compares another node's lines with ours: runs to fetch, and feeds whose
// heads differ at a place that is held here, which may be forked. Feeds of electors
// come first, because what they say decides whose feeds are admitted.
func (r *Replica) missing(lines []protocol.Line) (runs []protocol.RunAsk, doubts []protocol.FeedID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	look := func(id protocol.FeedID) (known, bool) {
		f := r.feeds[id]
		if f == nil {
			return known{}, false
		}
		return known{count: f.count, durable: f.durable, lastHead: f.lastHead, limit: f.limit, forked: r.forkAt(id)}, true
	}
	held := func(id protocol.FeedID, seq uint64) (protocol.EntryID, error) {
		e, err := r.ledger.Entry(id, seq)
		return e.ID(), err
	}
	return compareLines(lines, r.state.Electors(charter.ByElectors), look, held)
}

// known is what this node holds of a feed.
type known struct {
	count, durable uint64
	lastHead       protocol.EntryID // at durable-1
	limit          charter.Limit
	forked         uint64 // 1 + the lowest seq proven forked; 0 = none
}

// compareLines is missing as a pure function: look tells what is known of a feed, held the
// entry at a place before its last one.
func compareLines(lines []protocol.Line, electors []string, look func(protocol.FeedID) (known, bool),
	held func(protocol.FeedID, uint64) (protocol.EntryID, error)) (runs []protocol.RunAsk, doubts []protocol.FeedID) {
	var first, rest []protocol.RunAsk
	for _, l := range lines {
		st := l.Standing()
		f, ok := look(st.Feed)
		if !ok {
			rest = append(rest, protocol.RunAsk{Feed: l.Feed})
			continue
		}
		if f.limit.Void {
			continue
		}
		told := f.forked
		if told != 0 && f.limit.Head.Defined() && f.limit.Count >= told && f.durable+1 >= told {
			continue // it was chosen which branch stands: branches fetches it
		}
		if st.Count > f.count && f.count < f.limit.Count {
			run := protocol.RunAsk{Feed: l.Feed, From: f.count}
			if slices.Contains(electors, f.limit.Member) {
				first = append(first, run)
			} else {
				rest = append(rest, run)
			}
			continue
		}
		// A fork that was told explains the difference of longer branches, not of shorter ones.
		if st.Count > 0 && st.Count <= f.durable && (told == 0 || st.Count < told) {
			head := f.lastHead
			if st.Count < f.durable {
				var err error
				if head, err = held(st.Feed, st.Count-1); err != nil {
					continue
				}
			}
			if head != st.Head {
				doubts = append(doubts, st.Feed)
			}
		}
	}
	return append(first, rest...), doubts
}

// lacking counts the entries that the lines have beyond ours.
func (r *Replica) lacking(lines []protocol.Line) (n uint64) {
	for _, l := range lines {
		if ours := r.frontier.line(protocol.FeedCID(l.Feed)).Count; l.Count > ours {
			n += l.Count - ours
		}
	}
	return n
}
