package replication

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
	"github.com/dure-net/dure/replication/ledger"
)

// admission is one run of entries at the door.
type admission struct {
	page    protocol.Page
	via     Via
	checked bool // its bodies were, by checkBodies
}

// admitted is a run on its way to the disk.
type admitted struct {
	r      *Replica
	feed   *feed
	page   protocol.Page // what of the run was new
	commit *ledger.Commit
	bodies []*ledger.Commit // bodies that one batch had no room for
	via    Via
	meta   []ledger.Setting // that becomes durable with it
	limit  charter.Limit    // of the feed when it came in
	turns  uint64           // of the feed then
	left   func()           // called once the disk has answered; may be nil
	local  uint64           // local number of the first entry, once durable
}

// submit hands the run to the ledger. The caller holds mu, so that the ledger sees
// each feed's runs in order.
func (a *admitted) submit(own bool) {
	a.limit, a.turns = a.feed.limit, a.feed.turns
	if a.feed.count == 0 {
		a.r.erasures.restate(a.feed)
	}
	page, rest := portion(a.page)
	a.commit = a.r.ledger.Submit(ledger.Batch{Pages: []protocol.Page{page}, Checked: true, Own: own, Meta: a.meta, OnCommit: func(first uint64) {
		a.local = first
		if a.r.cfg.Arrived != nil && first > 0 {
			a.r.cfg.Arrived(Arrival{First: first, Page: a.page, Member: a.limit.Member, Stands: a.limit.Stands(math.MaxUint64, protocol.EntryID{}), Via: a.via})
		}
	}})
	for _, bodies := range rest {
		a.bodies = append(a.bodies, a.r.ledger.Submit(ledger.Batch{Bodies: bodies}))
	}
	last := a.page.Entries[len(a.page.Entries)-1]
	a.feed.head, a.feed.count = last.Clone(), last.Seq()+1 // or the head would keep its page in memory
}

// portionBytes bounds the bodies that go to the ledger in one batch: with 64 headers
// and their keys it stays below ledger.MaxBatchBytes.
const portionBytes = 768 << 10

// portion splits a page whose bodies are too large for one batch: the headers with the
// bodies that fit, and then the other bodies.
func portion(p protocol.Page) (protocol.Page, [][]ledger.Body) {
	size := 0
	for _, body := range p.Bodies {
		size += len(body)
	}
	if size <= portionBytes {
		return p, nil
	}
	first := protocol.Page{Entries: p.Entries, Bodies: make([][]byte, len(p.Bodies))}
	var rest [][]ledger.Body
	size = 0
	for i, body := range p.Bodies {
		switch {
		case len(body) == 0:
			continue
		case size+len(body) > portionBytes:
			rest, size = append(rest, nil), 0
		}
		size += len(body)
		if n := len(rest); n > 0 {
			rest[n-1] = append(rest[n-1], ledger.Body{Entry: p.Entries[i].ID(), Data: body})
		} else {
			first.Bodies[i] = body
		}
	}
	return first, rest
}

// Arrival is a run of entries that became durable here: entry i has the local number
// First+i. It is told in order, from one goroutine that all writing waits for.
type Arrival struct {
	First  uint64
	Page   protocol.Page // shared; not to be changed or kept beyond the entries
	Member string        // the owner's handle
	Stands uint64        // so many first entries of the feed count; Changed tells what moves that
	Via    Via
}

// Admit takes a run of one feed in and returns when it is durable: how many of its
// entries are new here. A run that is wholly known is ReasonKnown. Where only a part
// stands, that part is admitted and the error says why the rest does not. It does not
// begin when ctx has ended, and what is begun is finished.
func (r *Replica) Admit(ctx context.Context, page protocol.Page, via Via) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, protocol.Fail(protocol.ReasonCanceled, "admit", err)
	}
	return r.admit(admission{page: page, via: via})
}

func (r *Replica) admit(a admission) (int, error) {
	in, err := r.enterSingle(context.Background(), a)
	if in == nil {
		return 0, err
	}
	if werr := in.wait(); werr != nil {
		return 0, werr
	}
	return len(in.page.Entries), err
}

// singleRuns bounds the runs that are on their way to the disk beside those of catch-up
// sessions (intakePages) and of imports: entries written here, gossiped, or that waited.
// Together they are fewer than the ledger queues, so handing one in never waits while the
// lock is held: on a slow disk whoever brings something waits for room here, and the node
// goes on. Beyond: the next one waits.
const singleRuns = 256

// room waits for room on the way to the disk; the function that it returns gives it back.
func (r *Replica) room(ctx context.Context, op string) (left func(), err error) {
	if err := r.single.Acquire(ctx, 1); err != nil {
		return nil, protocol.Fail(protocol.ReasonCanceled, op, err)
	}
	return func() { r.single.Release(1) }, nil
}

// enterSingle is enter for a run that no session or import counts.
func (r *Replica) enterSingle(ctx context.Context, a admission) (*admitted, error) {
	left, err := r.room(ctx, "admit")
	if err != nil {
		return nil, err
	}
	in, err := r.enter(a)
	if in == nil {
		left()
	} else {
		in.left = left
	}
	return in, err
}

// enter judges a run and hands what stands to the ledger, without waiting for the
// disk. It decides on headers alone: a missing, wrong or unreadable body never keeps
// an entry out. nil with an error means that nothing was taken.
func (r *Replica) enter(a admission) (*admitted, error) {
	p := a.page
	if len(p.Entries) == 0 {
		return nil, protocol.Fail(protocol.ReasonMalformed, "admit", errors.New("an empty page"))
	}
	if len(p.Bodies) != len(p.Entries) {
		return nil, protocol.Fail(protocol.ReasonMalformed, "admit", errors.New("bodies do not go with the headers"))
	}
	if !a.checked {
		r.checkBodies(p)
	}
	for try := 0; ; try++ {
		in, again, err := r.enterOnce(a, p)
		if again && try == 16 {
			err = protocol.Fail(protocol.ReasonBusy, "admit", errors.New("the feed's head moves too fast"))
		}
		if !again || err != nil {
			if in == nil && err != nil {
				r.counts.refuse(protocol.ReasonOf(err))
			}
			return in, err
		}
	}
}

// checkBodies drops bodies that are not their entries': the header may stand all the
// same, the body is wanted.
func (r *Replica) checkBodies(p protocol.Page) {
	for i := range p.Entries {
		if p.Bodies[i] == nil {
			continue
		}
		if err := p.Entries[i].CheckBody(p.Bodies[i]); err != nil {
			p.Bodies[i] = nil
			r.counts.refuse(protocol.ReasonBadHash)
		}
	}
}

// enterOnce judges against the feed's present head. Signatures are verified without
// the lock; if the head moved meanwhile, it asks to be called again.
func (r *Replica) enterOnce(a admission, p protocol.Page) (in *admitted, again bool, err error) {
	id := p.Feed()
	r.mu.Lock()
	f, prev, count, err := r.feedFor(p, a.via)
	r.mu.Unlock()
	if err != nil {
		return nil, false, err
	}

	// What is known already is compared, not judged again.
	skip := 0
	for skip < len(p.Entries) && p.Entries[skip].Seq() < count {
		skip++
	}
	if skip > 0 {
		last := p.Entries[skip-1]
		held, err := r.held(id, last.Seq(), prev)
		if err != nil {
			return nil, false, err
		}
		if held != last.ID() {
			return nil, false, &protocol.Error{Reason: protocol.ReasonFork, Op: "admit", ID: last.ID().String()}
		}
		p = protocol.Page{Entries: p.Entries[skip:], Bodies: p.Bodies[skip:]}
		if len(p.Entries) == 0 {
			return nil, false, protocol.Fail(protocol.ReasonKnown, "admit", nil)
		}
	}
	first := p.Entries[0]
	switch {
	case first.Seq() > count:
		return nil, false, &protocol.Error{Reason: protocol.ReasonGap, Op: "admit", ID: first.ID().String()}
	case count > 0 && first.Header().Prev != prev.ID():
		return nil, false, &protocol.Error{Reason: protocol.ReasonFork, Op: "admit", ID: first.ID().String()}
	}

	var before *protocol.Entry
	if count > 0 {
		before = &prev
	}
	n, judged := protocol.Endorse(r.cfg.Federation, f.node, before, p.Entries)
	if n == 0 {
		return nil, false, judged
	}
	p = protocol.Page{Entries: p.Entries[:n], Bodies: p.Bodies[:n]}

	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.feeds[id]
	if now == nil && count == 0 {
		if err := r.list(f); err != nil {
			return nil, false, err
		}
		now = f
	}
	if now == nil || now.count != count {
		return nil, true, nil
	}
	if r.condition == ReadOnly {
		return nil, false, protocol.Fail(protocol.ReasonReadOnly, "admit", nil)
	}
	if now.turning {
		return nil, false, protocol.Fail(protocol.ReasonBusy, "admit", errors.New("another branch is being chosen"))
	}
	in = &admitted{r: r, feed: now, page: p, via: a.via}
	if now == r.own {
		in.meta = r.reminded(now)
	}
	in.submit(false)
	r.quotas.took(now.limit.Member, a.via, p.Entries, time.Now())
	return in, false, judged
}

// feedFor finds, or for an inception makes, the feed of a page. The caller holds mu.
func (r *Replica) feedFor(p protocol.Page, via Via) (f *feed, prev protocol.Entry, count uint64, err error) {
	id := p.Feed()
	if f = r.feeds[id]; f != nil {
		if f.limit.Void {
			return nil, prev, 0, &protocol.Error{Reason: protocol.ReasonSetAside, Op: "admit", ID: id.String()}
		}
		if f.count >= f.limit.Count && p.Entries[len(p.Entries)-1].Seq() >= f.count {
			return nil, prev, 0, &protocol.Error{Reason: protocol.ReasonSetAside, Op: "admit", ID: id.String()}
		}
		return f, f.head, f.count, nil
	}
	first := p.Entries[0]
	if first.Seq() != 0 {
		return nil, prev, 0, &protocol.Error{Reason: protocol.ReasonGap, Op: "admit", ID: first.ID().String()}
	}
	init := first.Header().Init
	if init.Federation != r.cfg.Federation {
		return nil, prev, 0, &protocol.Error{Reason: protocol.ReasonWrongFederation, Op: "admit", ID: first.ID().String()}
	}
	limit := r.state.Limit(first.ID(), init.Root, init.Node)
	if limit.Void {
		return nil, prev, 0, &protocol.Error{Reason: limit.Reason, Op: "admit", ID: first.ID().String()}
	}
	if via != ViaLocal && via != ViaImport && !r.opens(first.ID(), limit.Member, init.Node) {
		return nil, prev, 0, &protocol.Error{Reason: protocol.ReasonBusy, Op: "admit", ID: first.ID().String(), Err: errors.New("its member has opened too many feeds")}
	}
	return &feed{id: first.ID(), root: init.Root, node: init.Node, limit: limit, heard: make(chan struct{})}, prev, 0, nil
}

// list takes a new feed among those that are known. Its limit is looked up once more,
// because the charter may have changed since it was found, and a change tells only the
// feeds that are listed. The caller holds mu.
func (r *Replica) list(f *feed) error {
	if f.limit = r.state.Limit(f.id, f.root, f.node); f.limit.Void {
		return &protocol.Error{Reason: f.limit.Reason, Op: "admit", ID: f.id.String()}
	}
	r.feeds[f.id] = f
	return nil
}

// held is the id of our entry at (feed, seq); head is the feed's last entry.
func (r *Replica) held(id protocol.FeedID, seq uint64, head protocol.Entry) (protocol.EntryID, error) {
	if head.Seq() == seq {
		return head.ID(), nil
	}
	e, err := r.ledger.Entry(id, seq)
	if err != nil {
		return protocol.EntryID{}, err
	}
	return e.ID(), nil
}

// wait returns when the run is durable, and then lets it count: frontier, charter,
// what waited for it. Whoever has handed a run in calls it, and no deadline ends it:
// what is on the disk counts, or an elector could answer twice.
func (a *admitted) wait() error {
	r := a.r
	err := a.commit.Wait(context.Background())
	for _, c := range a.bodies {
		if berr := c.Wait(context.Background()); err == nil && berr != nil {
			r.log.Warn("bodies were not stored and are wanted", "feed", a.feed.id.Short(), "err", berr)
		}
	}
	if a.left != nil {
		a.left()
	}
	if err != nil {
		r.failed(a.feed, err)
		return err
	}
	last := a.page.Entries[len(a.page.Entries)-1]
	r.mu.Lock()
	f := r.feeds[a.feed.id]
	if f == nil { // given up while this run was under way
		f = a.feed
		f.limit = r.state.Limit(f.id, f.root, f.node)
		r.feeds[f.id] = f
	}
	if a.turns == f.turns { // else the run was set aside meanwhile, and what the ledger holds was read anew
		if count := last.Seq() + 1; count > f.durable {
			f.durable, f.lastHead = count, last.ID()
		}
		if f.durable > f.count {
			f.head, f.count = last.Clone(), f.durable
		}
	}
	// Under mu, or an older line could follow a newer one.
	r.frontier.set(r.standing(f))
	if !f.limit.Open() {
		r.erasures.restate(f)
	}
	if f.limit.Count > f.durable && f.limit.Head.Defined() && r.ledger.Has(f.limit.Head) {
		r.nudge() // the chosen branch is held beyond what was damaged here
	}
	follow := r.waiting.run(f.id, last.Seq()+1)
	// What Arrived said of these entries may be out of date: the charter changed meanwhile,
	// or they bring the entry by which it is told whether this is the branch that ends there.
	news := f.limit != a.limit || f.limit.Head.Defined() && last.Seq()+1 >= f.limit.Count
	state := r.state
	r.mu.Unlock()
	if news && r.cfg.Changed != nil {
		r.cfg.Changed(state)
	}
	r.counts.admit(a.via, len(a.page.Entries))
	if a.via != ViaGossip && a.via != ViaLocal {
		r.hint()
	}
	var blocks []charter.Block
	for i, e := range a.page.Entries {
		r.erasures.hear(a.limit.Member, e, a.page.Bodies[i])
		if e.Kind().IsGovernance() {
			blocks = append(blocks, charter.Block{Entry: e.Clone(), Body: slices.Clone(a.page.Bodies[i])})
		}
		if e.Kind() == protocol.KindNode && a.page.Bodies[i] != nil {
			r.learnAddresses(f.node, a.page.Bodies[i])
		}
	}
	r.govern(blocks)
	if len(follow.Entries) > 0 {
		if _, err := r.admit(admission{page: follow, via: ViaGossip}); err != nil && protocol.ReasonOf(err) != protocol.ReasonKnown {
			r.log.Debug("waiting entries were not admitted", "feed", f.id.Short(), "err", err)
		}
	}
	return nil
}

// failed takes back what was promised for a feed whose commit did not happen. Where
// the ledger cannot be written at all, writing stops until it says that it can.
func (r *Replica) failed(f *feed, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch protocol.ReasonOf(err) {
	case protocol.ReasonNotRunning: // it is being closed
	case protocol.ReasonGap, protocol.ReasonFork, protocol.ReasonConflict, protocol.ReasonBrokenChain, protocol.ReasonTooLarge, protocol.ReasonBadHash:
		r.log.Error("the ledger refused a run that was admitted", "feed", f.id.Short(), "err", err)
	case protocol.ReasonRecovering:
		r.log.Error("the ledger has forgotten entries of this node", "err", err)
		if r.own == f {
			r.become(Recovering, whyBehind)
			r.own = nil
		}
	default:
		r.log.Error("the ledger could not be written", "err", err)
		why := "state.read_only.disk"
		if r.ledger.Failed() != nil {
			why = "state.read_only.failed"
		}
		r.become(ReadOnly, why)
	}
	r.nudge()
	if f.durable == 0 {
		f.hear()
		delete(r.feeds, f.id)
		if r.own == f {
			r.own = nil
		}
		return
	}
	if e, err := r.ledger.Entry(f.id, f.durable-1); err == nil {
		f.head, f.count = e, f.durable
	}
}
