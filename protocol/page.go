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
// The inception's own signatures are checked where it stands in the run.
func Endorse(federation FederationID, key PublicKey, prev *Entry, run []Entry) (count int, err error) {
	if len(run) > MaxPage {
		return 0, Fail(ReasonTooLarge, "endorse page", fmt.Errorf("%d entries, the limit is %d", len(run), MaxPage))
	}
	var broken error
	chained := 0
	for i := range run {
		switch {
		case prev == nil && run[i].Seq() == 0:
			broken = run[i].VerifyInception(federation)
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
	for n := chained; n > 0; n-- {
		if run[n-1].Seq() == 0 || run[n-1].Verify(federation, key) == nil {
			if n < chained {
				broken = Fail(ReasonBadSignature, "endorse page", fmt.Errorf("no valid signature after entry %d", run[n-1].Seq()))
			}
			return n, broken
		}
	}
	if broken == nil && len(run) > 0 {
		broken = Fail(ReasonBadSignature, "endorse page", errors.New("no entry of the run carries a valid signature"))
	}
	return 0, broken
}
