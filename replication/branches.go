package replication

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
	"github.com/dure-net/dure/replication/ledger"
)

// Both branches of a fork are kept and neither counts until root key or act has chosen
// one. A node asks others for the branches that evidence names, holds what it did not
// have as its chain aside (ledger.Batch.Branch), and makes the chosen one the chain as
// soon as it holds the entry that the choice names. So the order in which branches,
// evidence and choice arrive makes no difference.

const (
	// branchAgain is how often one node is asked for what it has more of a branch.
	branchAgain = 15 * time.Second
	// branchAsks bounds the questions of one exchange: who signs many histories in many
	// feeds has them fetched later. The forks asked about are others each time.
	branchAsks = 16
	// branchBytes bounds what one answer may bring: what a node signs of further histories
	// passes its member's allowance by. The rest comes with the next question.
	branchBytes = 8 << 20
	// maxAside bounds the entries beyond a fork that are fetched of one branch while
	// nothing is chosen. What came as the feed's chain before the fork was known is kept in
	// any case, and so is a chosen branch.
	maxAside = 4096
)

// branchAsk is a part of a branch that another node may have.
type branchAsk struct {
	feed  protocol.FeedID
	entry protocol.EntryID // on the branch: its first, or the chosen one
	at    uint64           // where that is
	from  uint64
	after protocol.EntryID // the last entry held of it; undefined where none is
	max   uint64

	settled bool // it was chosen what stands, and this node does not hold it
	blind   bool // asked for by the chosen entry, which may lie on none of the branches known
}

// admits reports whether a page is of the branch that was asked for, as far as the page
// can tell: a node must not have this one keep other histories under that name.
func (ask branchAsk) admits(page protocol.Page) bool {
	if ask.blind {
		return true
	}
	first := page.Entries[0]
	if ask.after.Defined() {
		return first.Seq() > ask.from || first.Header().Prev == ask.after
	}
	i := ask.at - first.Seq()
	return first.Seq() > ask.at || i >= uint64(len(page.Entries)) || page.Entries[i].ID() == ask.entry
}

// branches asks the node for the branches of forked feeds, as far as they are not here.
func (s *session) branches(ctx context.Context) error {
	for _, ask := range s.r.branchesDue(s.node) {
		if err := s.branch(ctx, ask); err != nil {
			return err
		}
	}
	return nil
}

// branchesDue lists what a node may be asked for now, and notes that it is.
func (r *Replica) branchesDue(node protocol.PublicKey) []branchAsk {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.forks) == 0 || r.condition == ReadOnly {
		return nil
	}
	p, now := r.peerFor(node), time.Now()
	if p.branches == nil {
		p.branches = map[protocol.EntryID]time.Time{}
	}
	for id, at := range p.branches {
		if now.Sub(at) >= branchAgain {
			delete(p.branches, id)
		}
	}
	var out []branchAsk
	for id, k := range r.forks {
		f := r.feeds[id]
		if len(out) >= branchAsks {
			break
		}
		if f == nil || f.limit.Void || f.durable < k.seq {
			continue
		}
		missing := f.limit.Head.Defined() && f.limit.Count > k.seq && !r.ledger.Has(f.limit.Head)
		wanted := k.firsts
		if q := r.quotas.of(f.limit.Member, now); !missing && q.left() == 0 {
			q.over(f.node, now, r.cfg.Now())
			continue // later, as everything else that the member writes
		}
		if missing { // it may be none of the branches that evidence names
			wanted = append(wanted[:len(wanted):len(wanted)], f.limit.Head)
		}
		for i, entry := range wanted {
			if _, asked := p.branches[entry]; asked {
				continue
			}
			ask := branchAsk{feed: id, entry: entry, at: k.seq, max: k.seq + maxAside, settled: missing}
			if missing {
				ask.max = f.limit.Count
			}
			if i == len(k.firsts) {
				ask.at, ask.blind = f.limit.Count-1, true
			}
			if held, ok := r.ledger.Tip(entry); ok {
				ask.from, ask.after = held.Count, held.Head
			} else {
				ask.from = r.vouchedBefore(f, k.seq)
			}
			if ask.from < ask.max {
				ask.max -= ask.from
				p.branches[entry] = now
				out = append(out, ask)
			}
		}
	}
	return out
}

// vouchedBefore is the last place at or before seq where a page may begin: behind an
// entry with a valid own signature. The caller holds mu.
func (r *Replica) vouchedBefore(f *feed, seq uint64) uint64 {
	for at := seq; at > 1 && seq-at < protocol.MaxPage; at-- {
		e, err := r.ledger.Entry(f.id, at-1)
		if err != nil {
			break
		}
		if e.Verify(r.cfg.Federation, f.node) == nil {
			return at
		}
	}
	return max(1, seq-min(seq-1, protocol.MaxPage-1))
}

// branch fetches one branch, page by page. What is asked for by the entry that was
// chosen is kept only once that entry has come: before, it could be any history.
func (s *session) branch(ctx context.Context, ask branchAsk) error {
	run := protocol.RunAsk{Feed: ask.feed.Digest(), From: ask.from, Max: ask.max, Branch: ask.entry.Digest()}
	if err := s.write(&protocol.Ask{Runs: []protocol.RunAsk{run}}); err != nil {
		return err
	}
	next, refused, size := ask.from, false, 0
	var tail protocol.Page
	var blind []protocol.Page
	for {
		var sent protocol.Sent
		if err := s.read(&sent); err != nil {
			return err
		}
		if sent.End {
			break
		}
		page, err := decodePage(sent)
		if err != nil {
			return err
		}
		for i, e := range page.Entries {
			if e.Feed() != ask.feed || e.Seq() != next+uint64(i) {
				return protocol.Fail(protocol.ReasonMalformed, "read branch", errors.New("entries that were not asked for"))
			}
		}
		if next += uint64(len(page.Entries)); next > ask.from+ask.max+protocol.MaxPage {
			return protocol.Fail(protocol.ReasonTooLarge, "read branch", nil)
		}
		size += sizeOf(page)
		if refused = refused || size > branchBytes && !ask.settled || size > 2*branchBytes && ask.blind || !ask.admits(page); refused {
			continue
		}
		if ask.blind {
			blind = append(blind, page)
			continue
		}
		if tail, refused, err = s.keep(ask, tail, page); err != nil {
			return err
		}
	}
	found := slices.ContainsFunc(blind, func(p protocol.Page) bool {
		i := ask.at - p.Entries[0].Seq()
		return p.Entries[0].Seq() <= ask.at && i < uint64(len(p.Entries)) && p.Entries[i].ID() == ask.entry
	})
	for i := 0; found && i < len(blind) && !refused; i++ {
		var err error
		if tail, refused, err = s.keep(ask, tail, blind[i]); err != nil {
			return err
		}
	}
	return nil
}

// keep takes a page of a branch in, behind what was left of the one before, and returns
// what is left of it: entries that the next page may vouch for.
func (s *session) keep(ask branchAsk, tail, page protocol.Page) (left protocol.Page, refused bool, err error) {
	page = protocol.Page{Entries: append(tail.Entries, page.Entries...), Bodies: append(tail.Bodies, page.Bodies...)}
	for len(page.Entries) > 0 {
		n := min(len(page.Entries), protocol.MaxPage)
		took, fresh, err := s.r.takeBranch(protocol.Page{Entries: page.Entries[:n], Bodies: page.Bodies[:n]}, ViaCatchUp)
		s.got += fresh
		page = protocol.Page{Entries: page.Entries[took:], Bodies: page.Bodies[took:]}
		switch reason := protocol.ReasonOf(err); {
		case err == nil:
		case reason == protocol.ReasonBadSignature && len(page.Entries) < protocol.MaxPage:
			return page, false, nil // endorsed, perhaps, by the next page's last entry
		case reason == protocol.ReasonReadOnly, reason == protocol.ReasonDamaged:
			return left, true, err
		default:
			s.r.log.Debug("a branch was not taken", "node", s.node.Short(), "feed", ask.feed.Short(), "err", err)
			return left, true, nil
		}
	}
	return left, false, nil
}

func sizeOf(p protocol.Page) (size int) {
	for i, e := range p.Entries {
		size += len(e.Bytes()) + len(p.Bodies[i])
	}
	return size
}

// takeBranch takes in a page of a feed that is proven to be forked, whichever branch it
// is of, and returns when it is durable: how many of its entries stand on their chain, and
// how many of them are new here. If that brings the chosen branch, it is the chain then.
func (r *Replica) takeBranch(page protocol.Page, via Via) (took, fresh int, err error) {
	fail := func(reason protocol.Reason) (int, int, error) {
		return took, fresh, &protocol.Error{Reason: reason, Op: "admit branch", ID: page.Entries[0].ID().String()}
	}
	r.branching.Lock()
	defer r.branching.Unlock()
	id, first := page.Feed(), page.Entries[0]
	r.mu.Lock()
	f, proven := r.feeds[id], r.forks[id]
	if f == nil || f.limit.Void || proven == nil {
		r.mu.Unlock()
		return fail(protocol.ReasonSetAside)
	}
	if r.condition == ReadOnly {
		r.mu.Unlock()
		return fail(protocol.ReasonReadOnly)
	}
	node, settled := f.node, r.astray(f)
	r.mu.Unlock()
	// What is held already is passed over, back to an entry that vouches for itself.
	known := 0
	for known < len(page.Entries) && r.ledger.Has(page.Entries[known].ID()) {
		known++
	}
	if known == len(page.Entries) && first.Seq() == 0 {
		return known, 0, nil
	}
	for known > 0 && (known == len(page.Entries) || page.Entries[known-1].Seq() > 0 && page.Entries[known-1].Verify(r.cfg.Federation, node) != nil) {
		known--
	}
	page = protocol.Page{Entries: page.Entries[known:], Bodies: page.Bodies[known:]}
	if first = page.Entries[0]; first.Seq() == 0 {
		return fail(protocol.ReasonSetAside) // another feed
	}
	before, isBody, err := r.ledger.Find(first.Header().Prev)
	if err != nil || isBody || before.Feed() != id {
		return fail(protocol.ReasonGap)
	}
	n, judged := protocol.Endorse(r.cfg.Federation, node, &before, page.Entries)
	if n == 0 {
		return 0, 0, judged
	}
	page = protocol.Page{Entries: page.Entries[:n], Bodies: page.Bodies[:n:n]}
	var news []protocol.Entry
	for i, e := range page.Entries {
		if page.Bodies[i] != nil && e.CheckBody(page.Bodies[i]) != nil {
			page.Bodies[i] = nil
		}
		if !r.ledger.Has(e.ID()) {
			news = append(news, e)
		}
	}
	fresh = len(news)
	if err := r.keepBranch(f, page, settled, via); err != nil {
		return 0, 0, err
	}
	if fresh > 0 {
		r.counts.admit(via, fresh)
		r.mu.Lock()
		r.quotas.took(f.limit.Member, via, news, time.Now())
		r.mu.Unlock()
		r.governed(f, page)
		r.erased(f, page)
	}
	return known + n, fresh, errors.Join(r.turn(), judged)
}

// keepBranch makes a page durable: at the end of the chain, where it belongs there, or
// set aside. Where it was chosen what stands, and this node does not hold it, no bound
// keeps it out.
func (r *Replica) keepBranch(f *feed, page protocol.Page, settled bool, via Via) error {
	rest := page
	r.mu.Lock()
	for len(rest.Entries) > 0 && rest.Entries[0].Seq() < f.count {
		if held, err := r.held(f.id, rest.Entries[0].Seq(), f.head); err != nil || held != rest.Entries[0].ID() {
			break
		}
		rest = protocol.Page{Entries: rest.Entries[1:], Bodies: rest.Bodies[1:]}
	}
	if len(rest.Entries) > 0 && rest.Entries[0].Seq() == f.count && rest.Entries[0].Header().Prev == f.head.ID() {
		in := &admitted{r: r, feed: f, page: rest, via: via}
		in.submit(false)
		r.mu.Unlock()
		return in.wait()
	}
	r.mu.Unlock()
	batch := ledger.Batch{Branch: &page, Settled: settled}
	if len(rest.Entries) == 0 {
		batch = ledger.Batch{Pages: []protocol.Page{page}} // bodies of it may have been wanted
	}
	return r.ledger.Submit(batch).Wait(context.Background()) // see admitted.wait
}

// governed hands governance entries of a branch to the charter. What stands on its own
// signatures counts wherever it is written; the charter takes nothing else from beyond a
// fork.
func (r *Replica) governed(f *feed, page protocol.Page) {
	var blocks []charter.Block
	for i, e := range page.Entries {
		if e.Kind().IsGovernance() {
			blocks = append(blocks, charter.Block{Entry: e.Clone(), Body: slices.Clone(page.Bodies[i])})
		}
	}
	r.govern(blocks)
}

// erased hands what a branch says of erasures on: what it orders does not count there, and
// the node whose feed it is says it again elsewhere.
func (r *Replica) erased(f *feed, page protocol.Page) {
	r.mu.Lock()
	defer r.mu.Unlock()
	said := false
	for i, e := range page.Entries {
		if kind := e.Kind(); kind == protocol.KindErasure || kind == protocol.KindErased {
			r.erasures.hear(f.limit.Member, e, page.Bodies[i])
			said = true
		}
	}
	if said {
		r.erasures.restate(f)
	}
}

// Turned is a feed whose chain is another branch now: what stood from From on was set
// aside, and the ledger tells what left and came from local number Local on.
type Turned struct {
	Feed  protocol.FeedID
	From  uint64
	Local uint64
}

// turn makes the branches that root keys and acts have chosen the chains of their feeds,
// as far as they are held. The caller holds branching, and not mu.
func (r *Replica) turn() error {
	type choice struct {
		*feed
		limit charter.Limit // as it was then: it may change while the disk writes
	}
	r.mu.Lock()
	var due []choice
	for _, f := range r.feeds {
		if r.astray(f) && r.ledger.Has(f.limit.Head) {
			f.turning = true // nothing is handed to the ledger meanwhile
			due = append(due, choice{f, f.limit})
		}
	}
	r.mu.Unlock()
	var errs []error
	for _, c := range due {
		f := c.feed
		to, err := r.ledger.Choose(context.Background(), f.id, c.limit.Count, c.limit.Head)
		r.mu.Lock()
		if f.turning = false; err == nil && (to.Changed || r.outrun(f)) {
			err = r.reread(f)
		}
		r.mu.Unlock()
		if err != nil {
			if reason := protocol.ReasonOf(err); reason != protocol.ReasonNotFound && reason != protocol.ReasonNotRunning {
				errs = append(errs, err)
			}
			continue
		}
		if to.Changed {
			r.log.Warn("another branch of a forked chain of entries was chosen", "feed", f.id.Short(), "seq", to.From)
			if r.cfg.Turned != nil {
				r.cfg.Turned(Turned{Feed: f.id, From: to.From, Local: to.Local})
			}
			r.hint()
		}
	}
	return errors.Join(errs...)
}

// astray reports whether the chain held of a feed is not, or not yet, the chosen one. The
// caller holds mu.
func (r *Replica) astray(f *feed) bool {
	l := f.limit
	if l.Void || !l.Head.Defined() || l.Count == 0 {
		return false
	}
	if l.Count > f.durable {
		return true
	}
	e, err := r.ledger.Entry(f.id, l.Count-1)
	return err == nil && e.ID() != l.Head
}

// outrun reports whether the ledger holds more of the chain than was handed in: a page
// that filled a gap below a fork brought back what was held beyond it. The caller holds mu.
func (r *Replica) outrun(f *feed) bool {
	h, ok := r.ledger.Head(f.id)
	return ok && h.Count > f.count
}

// reread takes over what the ledger holds as the feed's chain. The caller holds mu.
func (r *Replica) reread(f *feed) error {
	h, ok := r.ledger.Head(f.id)
	if !ok {
		return protocol.Fail(protocol.ReasonDamaged, "read feed", nil)
	}
	head, err := r.ledger.Entry(f.id, h.Count-1)
	if err != nil {
		return err
	}
	f.head, f.count, f.durable, f.lastHead = head, h.Count, h.Count, h.Head
	f.turns++
	r.frontier.set(r.standing(f))
	r.erasures.reread(f)
	return nil
}

// takeTurns is turn for whoever holds nothing.
func (r *Replica) takeTurns() error {
	r.branching.Lock()
	defer r.branching.Unlock()
	return r.turn()
}

// turnstile is a lock that is held while a disk writes. It is made of a channel because
// virtual time stands still while anybody waits for a mutex.
type turnstile chan struct{}

func (t turnstile) Lock()   { t <- struct{}{} }
func (t turnstile) Unlock() { <-t }
