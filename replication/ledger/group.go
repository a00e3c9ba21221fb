package ledger

import (
	"encoding/binary"
	"slices"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/erasure"
)

// group is the jobs of one transaction.
type group struct {
	jobs    []*job
	changed []uint64 // by job: how many local numbers it took
	size    int
	writes  int

	txn      *batch
	err      error // the transaction could not be built: an internal fault
	runs     []*growing
	last     map[*feed]*growing
	log      []change
	gained   []place // wanted bodies that came
	repaired []place // damaged runs that were written again
	mark     *Mark
	first    uint64 // local number of the first change
	next     uint64 // local number after the last change
	entries  uint64 // held when this group is on the disk

	keys []byte // where keys are cut from

	settled chan struct{} // a group of nothing that asks to be told when its turn comes
}

// growing is a run that still grows.
type growing struct {
	feed  *feed
	first uint64
	count int
	last  protocol.EntryID
	buf   []byte
	bytes uint64
}

func newGroup() *group { return &group{} }

func (g *group) empty() bool { return len(g.jobs) == 0 }

func (g *group) fits(j *job, bytes int) bool {
	return g.empty() || g.size+j.size <= bytes && g.writes+j.writes <= maxGroupWrites
}

// add checks a job against what is stored and on its way, and makes it part of the
// group. On error nothing of it is.
func (c *committer) add(g *group, j *job) error {
	s := c.state
	var few [4]placed
	plan := few[:0]
	for i := range j.Pages {
		p, err := c.fit(&j.Pages[i], plan)
		if err != nil {
			return err
		}
		plan = append(plan, p)
	}
	if j.Own {
		if err := c.ownFits(plan[len(plan)-1]); err != nil {
			return err
		}
	}
	bodies, err := c.fitBodies(j)
	if err != nil {
		return err
	}
	var branch branched
	if j.Branch != nil {
		if branch, err = c.fitBranch(j.Branch, j.Settled); err != nil {
			return err
		}
	}
	if g.empty() {
		g.txn, g.first, g.next = c.store.begin(), c.next, c.next
		g.last = map[*feed]*growing{}
	}
	g.jobs, g.size, g.writes = append(g.jobs, j), g.size+j.size, g.writes+j.writes
	before := c.next

	s.mu.Lock()
	for _, p := range plan {
		c.putPage(g, p)
	}
	if j.Branch != nil {
		c.putBranch(g, branch)
	}
	for i, p := range bodies {
		if p != 0 {
			c.putBody(g, p, j.Bodies[i].Data)
		}
	}
	for _, ev := range j.Evidence {
		at := fork{ev.Feed, ev.Seq}
		if _, known := s.forks[at]; !known {
			s.forks[at] = struct{}{}
			g.put(evidenceKey(at), ev.Data)
		}
	}
	s.mu.Unlock()
	for _, m := range j.Meta {
		g.put(metaKey(m.Key), m.Value)
	}
	if j.Own {
		last := &plan[len(plan)-1].page.Entries
		e := (*last)[len(*last)-1]
		if c.mark.Feed != e.Feed() || c.mark.Seq < e.Seq() {
			c.mark = Mark{Feed: e.Feed(), Seq: e.Seq(), Entry: e.ID()}
			m := c.mark
			g.mark = &m
		}
	}
	g.changed = append(g.changed, c.next-before)
	g.next, g.entries = c.next, c.entries
	return nil
}

// putPage appends the new entries of a page. The caller holds state.mu.
func (c *committer) putPage(g *group, p placed) {
	s, f := c.state, p.feed
	entries := p.page.Entries
	if f == nil {
		f = s.byID[entries[0].Feed()] // begun by an earlier page of the batch
	}
	for i := range p.skip {
		if b := bodyOf(p.page, i); b != nil {
			at := placeOf(f.at(entries[i].Seq()).no, entries[i].Seq())
			if _, ok := s.wanted[at]; ok {
				c.putBody(g, at, b)
			}
		}
	}
	if p.skip > 0 && len(s.damaged) > 0 {
		c.putRepairs(g, f, entries[:p.skip])
	}
	if p.skip == len(entries) {
		return
	}
	if f == nil {
		f = c.beginFeed(g, &entries[0])
	} else if f.next == 0 {
		f.fill(&entries[0])
	}
	bytes := 0
	for i := p.skip; i < len(entries); i++ {
		bytes += len(entries[i].Bytes()) + 2
	}
	fresh := entries[p.skip:]
	r := g.runFor(f, fresh[0].Seq(), len(fresh), bytes)
	for i := range fresh {
		c.putEntry(g, f, r, &fresh[i], bodyOf(p.page, p.skip+i))
	}
	c.log(g, change{what: Appended, feed: f.no, first: fresh[0].Seq(), count: uint64(len(fresh))})
	last := &fresh[len(fresh)-1]
	r.last = last.ID()
	f.next, f.nextHead = last.Seq()+1, last.ID()
	c.entries += uint64(len(fresh))
}

func bodyOf(p *protocol.Page, i int) []byte {
	if p.Bodies == nil {
		return nil
	}
	return p.Bodies[i]
}

func (c *committer) beginFeed(g *group, inception *protocol.Entry) *feed {
	f := c.state.addFeed(inception.ID())
	f.fill(inception)
	id := digest(inception.ID().Digest())
	g.put(feedKey(keyFeed, f.no), id[:])
	return f
}

func (f *feed) fill(inception *protocol.Entry) {
	init := inception.Header().Init
	f.node, f.root = init.Node, init.Root
}

// runFor is the run that n more headers of a feed go into.
func (g *group) runFor(f *feed, seq uint64, n, bytes int) *growing {
	r := g.last[f]
	if r == nil || r.count+n > protocol.MaxPage {
		r = &growing{feed: f, first: seq, buf: newRun(bytes)}
		g.runs = append(g.runs, r)
		g.last[f] = r
	}
	return r
}

func (c *committer) putEntry(g *group, f *feed, r *growing, e *protocol.Entry, body []byte) {
	s := c.state
	r.buf = appendHeader(r.buf, e.Bytes())
	r.count++
	r.bytes += uint64(len(e.Bytes()))
	if e.Seq() < f.from {
		return // its parent's, which has body and index
	}
	at := placeOf(f.no, e.Seq())
	id := digest(e.ID().Digest())
	s.index.add(id.short(), at)
	h := e.Header()
	if h.Kind == protocol.KindErasure {
		s.orders = append(s.orders, at)
	}
	if !h.Body.Defined() {
		return
	}
	named := digest(h.Body.Digest())
	r.bytes += h.Size
	s.index.add(named.short(), at.body())
	if _, gone := s.erased[at]; gone {
		return
	}
	if s.saysOf(f, at, id, h.Of.Digest(), h.Kind) == erasure.Gone { // its erasure came first
		s.erased[at] = c.tombstone(at)
		g.put(g.placeKey(keyErased, at), []byte{byte(s.erased[at])})
		return
	}
	if body != nil {
		g.put(g.placeKey(bodyPrefixes(h.Kind.IsErasable())[0], at), body)
		return
	}
	w := wanted{body: named, entry: id, size: h.Size, kind: h.Kind}
	s.wanted[at] = w
	g.put(g.placeKey(keyWanted, at), appendWanted(nil, w))
}

// putBody stores a wanted body.
func (c *committer) putBody(g *group, at place, data []byte) {
	w := c.state.wanted[at]
	key := g.placeKey(bodyPrefixes(w.kind.IsErasable())[0], at)
	g.put(key, data)
	if w.again {
		g.put(repairedKey(key), data)
	}
	g.put(g.placeKey(keyWanted, at), nil)
	g.gained = append(g.gained, at)
	if c.state.onChain(at) {
		c.log(g, change{what: BodyArrived, feed: at.feed(), first: at.seq(), count: 1})
	}
}

// putRepairs writes damaged runs again that a page covers as a whole, with the entries
// that were stored there.
func (c *committer) putRepairs(g *group, f *feed, entries []protocol.Entry) {
	from := entries[0].Seq()
	for p, count := range c.state.damaged {
		first := p.seq()
		of := c.state.feedNo(p.feed())
		if of == nil || of.id != f.id || first < from || first+count > from+uint64(len(entries)) {
			continue
		}
		run := newRun(0)
		part := entries[first-from : first-from+count]
		if slices.ContainsFunc(part, func(e protocol.Entry) bool {
			id := digest(e.ID().Digest())
			return !c.state.index.has(id.short(), placeOf(of.at(e.Seq()).no, e.Seq()))
		}) {
			continue // another branch's
		}
		for i := range part {
			run = appendHeader(run, part[i].Bytes())
		}
		finishRun(run, len(part), part[len(part)-1].ID().Digest())
		key := g.placeKey(keyRun, p)
		g.put(key, run)
		g.put(repairedKey(key), run)
		g.repaired = append(g.repaired, p)
		if c.state.onChain(placeOf(of.no, first+count-1)) {
			c.log(g, change{what: Appended, feed: of.no, first: first, count: count})
		}
	}
}

// log gives local numbers to a change.
func (c *committer) log(g *group, ch change) {
	c.next += ch.count
	if n := len(g.log); n > 0 && g.log[n-1].joins(ch) {
		g.log[n-1].count += ch.count
		return
	}
	g.log = append(g.log, ch)
}

// seal puts runs and log into the transaction; nothing is added to the group after.
func (g *group) seal() error {
	for _, r := range g.runs {
		finishRun(r.buf, r.count, r.last.Digest())
		g.put(g.placeKey(keyRun, placeOf(r.feed.no, r.first)), r.buf)
	}
	if len(g.log) > 0 {
		g.put(logKey(g.first), appendLog(nil, g.entries, g.log))
	}
	return g.err
}

func (g *group) put(key, value []byte) {
	if g.err == nil {
		g.err = put(g.txn, write{key, value})
	}
}

// placeKey cuts a key from a large piece: one allocation for many keys.
func (g *group) placeKey(prefix byte, p place) []byte {
	if cap(g.keys)-len(g.keys) < placeKeyBytes {
		g.keys = make([]byte, 0, 64*placeKeyBytes)
	}
	n := len(g.keys)
	g.keys = appendPlaceKey(g.keys, prefix, p)
	return g.keys[n:len(g.keys):len(g.keys)]
}

func evidenceKey(f fork) []byte {
	d := f.feed.Digest()
	return binary.BigEndian.AppendUint64(append([]byte{keyEvidence}, d[:]...), f.seq)
}

func appendWanted(b []byte, w wanted) []byte {
	b = append(b, w.body[:]...)
	b = append(b, w.entry[:]...)
	b = binary.BigEndian.AppendUint64(b, w.size)
	b = binary.BigEndian.AppendUint64(b, uint64(w.kind))
	switch {
	case w.again:
		return append(b, 1)
	case w.lifted:
		return append(b, 2)
	}
	return append(b, 0)
}

func readWanted(b []byte) (w wanted, ok bool) {
	if len(b) != 32+32+8+8+1 {
		return w, false
	}
	w.body, w.entry = digest(b[:32]), digest(b[32:64])
	w.size, w.kind, w.again = binary.BigEndian.Uint64(b[64:]), protocol.Kind(binary.BigEndian.Uint64(b[72:])), b[80] == 1
	w.lifted = b[80] == 2
	return w, true
}
