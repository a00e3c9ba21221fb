package ledger

import (
	"errors"
	"fmt"

	"github.com/dure-net/dure/protocol"
)

// placed is a page that was found to fit.
type placed struct {
	page *protocol.Page
	feed *feed // nil for a feed that begins
	skip int   // entries held already
}

// fit finds where a page belongs. plan holds the pages of the same job before it.
func (c *committer) fit(page *protocol.Page, plan []placed) (placed, error) {
	p := placed{page: page}
	first := &page.Entries[0]
	id := first.Feed()
	p.feed = c.state.byID[id]
	var next, durable uint64
	var head protocol.EntryID
	if p.feed != nil {
		next, head = p.feed.next, p.feed.nextHead
	}
	durable = next
	for i := range plan {
		if last := plan[i].page.Entries; last[0].Feed() == id && last[len(last)-1].Seq() >= next {
			next, head = last[len(last)-1].Seq()+1, last[len(last)-1].ID()
		}
	}
	fail := func(r protocol.Reason, e *protocol.Entry, err error) (placed, error) {
		return p, &protocol.Error{Reason: r, Op: "submit", ID: e.ID().String(), Err: err}
	}
	if first.Seq() > next {
		return fail(protocol.ReasonGap, first, fmt.Errorf("entry %d comes after %d", first.Seq(), next))
	}
	if p.feed == nil && len(c.state.feeds) >= maxFeeds {
		return fail(protocol.ReasonTooLarge, first, errors.New("too many feeds"))
	}
	for ; p.skip < len(page.Entries) && page.Entries[p.skip].Seq() < next; p.skip++ {
		e := &page.Entries[p.skip]
		if e.Seq() >= durable {
			return fail(protocol.ReasonConflict, e, errors.New("twice in one batch"))
		}
		if id := digest(e.ID().Digest()); !c.state.index.has(id.short(), placeOf(p.feed.at(e.Seq()).no, e.Seq())) {
			return fail(protocol.ReasonFork, e, fmt.Errorf("another entry stands at %d", e.Seq()))
		}
	}
	if p.skip == 0 && first.Seq() > 0 {
		if h := first.Header(); h.Prev != head {
			return fail(protocol.ReasonFork, first, fmt.Errorf("another entry stands at %d", first.Seq()-1))
		}
	}
	return p, nil
}

// ownFits refuses to sign a seq twice: the mark says that it was acknowledged before.
func (c *committer) ownFits(p placed) error {
	if p.skip == len(p.page.Entries) {
		return nil
	}
	if e := &p.page.Entries[p.skip]; e.Feed() == c.mark.Feed && e.Seq() <= c.mark.Seq {
		return &protocol.Error{Reason: protocol.ReasonRecovering, Op: "submit", ID: e.ID().String(),
			Err: fmt.Errorf("entry %d of this node's feed was acknowledged before, and the store has forgotten it", e.Seq())}
	}
	return nil
}

// fitBodies finds the places of wanted bodies; 0 for those that are passed over.
func (c *committer) fitBodies(j *job) ([]place, error) {
	if len(j.Bodies) == 0 {
		return nil, nil
	}
	s := c.state
	s.mu.RLock()
	defer s.mu.RUnlock()
	places := make([]place, len(j.Bodies))
	for i, b := range j.Bodies {
		entry := digest(b.Entry.Digest())
		known := false
		var err error
		s.index.find(entry.short(), func(p place) bool {
			if p.isBody() {
				return false
			}
			known = true
			w, ok := s.wanted[p]
			if !ok || w.entry != entry {
				return false
			}
			if w.body != j.bodies[i] {
				err = &protocol.Error{Reason: protocol.ReasonBadHash, Op: "submit", ID: b.Entry.String(), Field: "bodies"}
			}
			places[i] = p
			return true
		})
		if err != nil {
			return nil, err
		}
		if !known {
			return nil, &protocol.Error{Reason: protocol.ReasonNotFound, Op: "submit", ID: b.Entry.String(), Field: "bodies"}
		}
	}
	return places, nil
}
