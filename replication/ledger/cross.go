package ledger

import "github.com/dure-net/dure/protocol"

// Damage that is found at the start ends a feed before it, and what follows is set aside
// until the gap is filled. Where the feed was forked beyond the gap, the page that fills
// it may go on with another of the histories: what is below the fork belongs to the feed,
// the rest to the branch, which is the chain from then on.

// crossing is where a page leaves a feed that ends before a fork known of: the index of
// the first entry that is not the feed's own there, and the branch it begins, nil where
// none that is held begins with it. ok is false where the page leaves it nowhere.
func (s *state) crossing(f *feed, page *protocol.Page) (at int, to *feed, ok bool) {
	first := page.Entries[0].Seq()
	for _, b := range s.forked[f.id] {
		if b.parent != f || b.from < f.next || b.from < first || b.from-first >= uint64(len(page.Entries)) {
			continue
		}
		i := int(b.from - first)
		switch id := page.Entries[i].ID(); {
		case id == b.rival || ok && i > at:
		case id == b.first && b.count > b.from:
			at, to, ok = i, b, true
		case !ok || i < at:
			at, to, ok = i, nil, true
		}
	}
	return at, to, ok
}

// crosses reports whether a page of the job leaves its feed where damage has taken what
// was there.
func (c *committer) crosses(j *job) bool {
	for i := range j.Pages {
		if c.state.lacks(j.Pages[i].Feed()) {
			if _, _, ok := c.state.crossing(c.state.byID[j.Pages[i].Feed()], &j.Pages[i]); ok {
				return true
			}
		}
	}
	return false
}

// lacks reports whether the feed's chain ends before a fork of it that is known of.
func (s *state) lacks(id protocol.FeedID) bool {
	f := s.byID[id]
	for _, b := range s.forked[id] {
		if b.parent == f && b.from >= f.next {
			return true
		}
	}
	return false
}

// cross takes the pages of a job in up to where the last of them leaves its feed, and
// makes the branch that it goes on with the chain. What is left of the job then goes the
// usual way. It runs in gather, with nothing on its way to the disk, and a crash between
// its steps leaves what any page cut short would.
func (c *committer) cross(j *job) error {
	for i := range j.Pages {
		page := &j.Pages[i]
		for c.state.lacks(page.Feed()) {
			f := c.state.byID[page.Feed()]
			at, to, ok := c.state.crossing(f, page)
			if !ok {
				break
			}
			below, beyond := cutPage(page, at)
			if at > 0 {
				if err := c.now(j, Batch{Pages: []protocol.Page{below}}); err != nil {
					return err
				}
			}
			if to == nil {
				if err := c.now(j, Batch{Branch: &beyond, Settled: true}); err != nil {
					return err
				}
			}
			e := &beyond.Entries[0]
			chosen, err := c.choose(e.Feed(), e.Seq()+1, e.ID())
			if err != nil {
				return err
			}
			j.crossed(chosen.Local)
		}
		if i+1 < len(j.Pages) {
			if err := c.now(j, Batch{Pages: []protocol.Page{*page}}); err != nil {
				return err
			}
		}
	}
	return nil
}

// now takes a part of a job in before its turn.
func (c *committer) now(of *job, b Batch) error {
	b.Checked = true
	j, err := prepare(b)
	if err != nil {
		return err
	}
	g := newGroup()
	if err := c.add(g, j); err != nil {
		return err
	}
	if err := c.write(g); err != nil {
		c.fail(err)
		return err
	}
	c.publish(g)
	if g.changed[0] > 0 {
		of.crossed(g.first)
	}
	return nil
}

// crossed notes the local number of the first thing that a job changed before its turn.
func (j *job) crossed(local uint64) {
	if j.first == 0 {
		j.first = local
	}
}

func cutPage(p *protocol.Page, at int) (below, beyond protocol.Page) {
	below.Entries, beyond.Entries = p.Entries[:at:at], p.Entries[at:]
	if p.Bodies != nil {
		below.Bodies, beyond.Bodies = p.Bodies[:at:at], p.Bodies[at:]
	}
	return below, beyond
}
