package protocol

import (
	"errors"
	"fmt"
)

// Page is a contiguous run of one feed: at most MaxPage headers, with the bodies that
// travel along. Bodies has the length of Entries; a nil body is not carried.
type Page struct {
	Entries []Entry
	Bodies  [][]byte
}

// Feed is the feed of the page; undefined for an empty page.
func (p Page) Feed() FeedID {
	if len(p.Entries) == 0 {
		return FeedID{}
	}
	return p.Entries[0].Feed()
}

// Endorse applies the rule of endorsed verification to a run of headers that follows
// prev (nil at the beginning of a feed). Because every entry commits to its
// predecessor, a valid signature vouches for all entries before it in the feed.
//
// It returns how many of the entries stand: the chain is whole up to there and the
// last of them carries a valid signature of key. What follows must not be stored. The
// count is a function of the run alone, so all nodes agree on it. An error says why
// the run ends early, if it does: a broken chain, or no valid signature after the
// last one that stands; count says what may be kept all the same.
//
// A valid signature reaches back over at most MaxPage entries and MaxRunBytes of
// headers, itself included. The inception's own signatures are checked where it
// stands in the run, and it must name key.
func Endorse(federation FederationID, key PublicKey, prev *Entry, run []Entry) (count int, err error) {
	if len(run) > MaxPage {
		return 0, Fail(ReasonTooLarge, "endorse page", fmt.Errorf("%d entries, the limit is %d", len(run), MaxPage))
	}
	var broken error
	chained := 0
	for i := range run {
		switch {
		case prev == nil && run[i].Seq() == 0:
			if broken = run[i].VerifyInception(federation); broken == nil && run[i].h.Init.Node != key {
				broken = Fail(ReasonBadSignature, "endorse page", errors.New("the inception names another node key"))
			}
		case prev == nil:
			broken = Fail(ReasonGap, "endorse page", errors.New("the run does not begin with an inception"))
		default:
			broken = run[i].Follows(*prev)
		}
		if broken != nil {
			break
		}
		chained, prev = i+1, &run[i]
	}
	// From one valid signature to the furthest next one within MaxRunBytes: for a usual
	// page, one verification. tried keeps an entry from being verified twice.
	for tried := 0; count < chained; {
		reach, size := count, 0
		for reach < chained && size+len(run[reach].raw) <= MaxRunBytes {
			size += len(run[reach].raw)
			reach++
		}
		n := reach
		for n > max(count, tried) && run[n-1].Seq() != 0 && run[n-1].Verify(federation, key) != nil {
			n--
		}
		if n <= max(count, tried) {
			return count, Fail(ReasonBadSignature, "endorse page", fmt.Errorf("no valid signature after the first %d entries of the run", count))
		}
		count, tried = n, reach
	}
	return count, broken
}
