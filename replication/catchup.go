package replication

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/dure-net/dure/protocol"
)

// peer is what this node remembers of another one between exchanges.
type peer struct {
	linked   bool // a connection stands
	pulling  bool
	again    bool      // asked for while pulling
	since    uint64    // its Next of the last finished exchange
	due      time.Time // the next exchange by the timer
	began    time.Time // the last exchange
	last     time.Time // the last finished exchange, by the claimed clock, as it is shown
	caught   time.Time // the last exchange that left nothing to fetch, by this process's own time
	left     bool      // the last finished exchange left to others, or to the next one, what is known to be missing; a member's allowance apart
	fails    int
	speaks   uint64 // newest protocol version of a node that speaks none of ours; 0 = it does, or is not known
	health   *protocol.Health
	heard    time.Time
	holds    holding       // of this node's own feed
	behind   *uint64       // entries of ours that its root lacked at the last exchange
	barren   int           // exchanges in a row that differed and brought nothing
	told     *rate.Limiter // health messages of its own that are passed on
	strange  *rate.Limiter // messages of feeds not known here that are looked at
	turn     turn          // what it may ask here
	portion  uint64        // of entries that an exchange asks it for
	refused  offences
	branches map[protocol.EntryID]time.Time // of forked feeds, by an entry of theirs: when it was asked for them
}

// Pace of catch-up. The timer is what heals an idle network; exchanges on connect and
// on a gap are what makes it quick. With many members the timer slows down, so that
// a node answers at most some twenty questions a second.
const (
	roundTime    = 2 * time.Second
	roundPerPeer = 50 * time.Millisecond
	poke         = 100 * time.Millisecond // shortest time between two exchanges with one node asked for by events
	barrenMost   = 20                     // so many exchanges in a row that differed and brought nothing
	barrenPoke   = time.Second            // make this the shortest time
	strayTime    = 30 * time.Second       // between exchanges with a node that failed again and again: its connection may stand all the same
)

// What is passed on of one node. Beyond it is ignored: of health messages the next one
// says all, and what is strange here comes by catch-up.
const (
	toldRate     = 10 // health messages a second of one node; twice what a busy one says
	toldBurst    = 20
	strangeRate  = 20 // messages a second, from one node, of feeds not known here
	strangeBurst = 200
)

// offences are a node's messages that prove that it did not check what it passed on.
type offences struct {
	count       uint64
	since, last time.Time
	claimed     time.Time // since, by the claimed clock
}

// offend counts one.
func (p *peer) offend(now, claimed time.Time) {
	if now.Sub(p.refused.last) > offenceEnds {
		p.refused = offences{since: now, claimed: claimed}
	}
	p.refused.count++
	p.refused.last = now
}

// offenceEnds is how long an offence is told of.
const offenceEnds = 10 * time.Minute

// Connected is told by the mesh of every new connection to a standing node.
func (of handler) Connected(node protocol.PublicKey) {
	r := of.replica
	r.mu.Lock()
	p := r.peerFor(node)
	p.linked, p.fails, p.due = true, 0, time.Time{}
	if member, ok := r.state.MemberOfNode(node); ok {
		r.quotas.meet(member, time.Now())
	}
	r.mu.Unlock()
	r.wakeFor(node)
}

// met notes that a node asked; if its root differs, it may have what is missing here.
func (r *Replica) met(node protocol.PublicKey, differs bool) {
	r.mu.Lock()
	p := r.peerFor(node)
	p.linked = true
	pulling := p.pulling
	r.mu.Unlock()
	if differs && !pulling {
		r.wakeFor(node)
	}
}

// peerFor is the memory of a node; of one that takes no part any more, while an exchange
// with it may be under way, a memory that is forgotten at once. The caller holds mu.
func (r *Replica) peerFor(node protocol.PublicKey) *peer {
	p := r.peers[node]
	if p == nil {
		p = &peer{told: rate.NewLimiter(toldRate, toldBurst), strange: rate.NewLimiter(strangeRate, strangeBurst), turn: newTurn(), portion: portionFirst}
		if r.nodes[node] || r.vouched[node] {
			r.peers[node] = p
		}
	}
	return p
}

// catchUp runs exchanges with every linked node, all of them concurrently, until ctx
// ends. A slow or dead node costs the others nothing.
func (r *Replica) catchUp(ctx context.Context, n Network) error {
	if r.cfg.NoCatchUp {
		return r.introduceAlone(ctx, n)
	}
	var running sync.WaitGroup
	defer running.Wait()
	ask := func(node protocol.PublicKey) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if p := r.peerFor(node); p.pulling {
			p.again = true
		} else {
			r.places.wait(node)
		}
	}
	start := func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		for {
			node, ok := r.places.next(time.Now())
			if !ok {
				return
			}
			p := r.peerFor(node)
			p.pulling, p.again = true, false
			ctx, leave := context.WithCancel(ctx)
			held := r.places.take(node, time.Now(), leave)
			running.Go(func() {
				defer leave()
				r.exchange(ctx, n, node, held)
			})
		}
	}
	tick := time.NewTicker(roundTime / 8)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case node := <-r.wake:
			if node != r.self {
				ask(node)
			}
		case <-r.places.freed:
		case <-tick.C:
			for _, node := range r.dueNow() {
				ask(node)
			}
		}
		start()
	}
}

// introduceAlone stands in for catch-up where that is switched off: nodes still present
// themselves to each other, or gossip could not place anything they say.
func (r *Replica) introduceAlone(ctx context.Context, n Network) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case node := <-r.wake:
			if node != r.self {
				_ = r.introduce(ctx, n, node) // said in the log there; tried again at the next connection
			}
		}
	}
}

// dueNow lists the linked nodes whose turn it is, and expires the waiting room.
func (r *Replica) dueNow() []protocol.PublicKey {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now() // pace follows this process's own time, whatever the claimed clock
	r.waiting.expire(now)
	period := max(roundTime, time.Duration(len(r.peers))*roundPerPeer)
	var due []protocol.PublicKey
	if r.claimed() {
		// What they have is on its way from others: asking costs a slow line more than it tells.
		period = max(period, 3*roundTime)
	}
	for node, p := range r.peers {
		if p.pulling || now.Before(p.due) || !p.linked && (p.fails == 0 || !r.nodes[node]) {
			continue
		}
		pause := period
		if !p.linked {
			pause = max(period, strayTime)
		}
		// Jitter keeps nodes from asking in step.
		p.due = now.Add(pause*3/4 + rand.N(pause/2))
		due = append(due, node)
	}
	return due
}

// exchange pulls from one node until nothing more is to be had from it.
func (r *Replica) exchange(ctx context.Context, n Network, node protocol.PublicKey, held *slot) {
	for got := 0; ; {
		r.mu.Lock()
		p := r.peerFor(node)
		rest := poke - time.Since(p.began)
		if p.barren >= barrenMost {
			rest += barrenPoke - poke
		}
		r.mu.Unlock()
		if rest > 0 && got == 0 {
			select {
			case <-ctx.Done():
			case <-time.After(rest):
			}
		}
		r.mu.Lock()
		p.began = time.Now()
		r.mu.Unlock()
		var err error
		got, err = r.pull(ctx, n, node)
		strange := strangeVersion(err)
		if err != nil && ctx.Err() == nil && strange == 0 {
			// Perhaps it does not know this node yet.
			switch ierr := r.introduce(ctx, n, node); protocol.ReasonOf(ierr) {
			case protocol.ReasonNone:
				got, err = r.pull(ctx, n, node)
			case protocol.ReasonPendingApproval:
				err = ierr
			}
		}
		r.mu.Lock()
		p = r.peerFor(node)
		p.speaks = strange
		if protocol.ReasonOf(err) == protocol.ReasonPendingApproval {
			p.fails, p.linked = 0, true // it answers; the electors have not: the timer asks again
		} else if err != nil && ctx.Err() != nil {
			// It ends with this node, or gives way to others: nobody's fault.
		} else if err != nil {
			if reason := protocol.ReasonOf(err); reason.Verdict() == protocol.Reject && reason != protocol.ReasonTooLarge && reason != protocol.ReasonWrongFederation {
				p.offend(time.Now(), r.cfg.Now()) // an honest node's program does not write that
			}
			if p.fails++; p.fails >= 3 {
				p.linked = false // the mesh tells when it is back
				p.due = time.Now().Add(strayTime)
			}
		} else {
			p.fails, p.last, p.linked = 0, r.cfg.Now(), true
			r.takenIn(node)
			if got == 0 && !p.left {
				p.caught = time.Now()
				if r.condition == Recovering || r.unheard {
					r.nudge()
				}
			}
		}
		more := err == nil && (p.again || got > 0)
		p.again = false
		if !more || ctx.Err() != nil {
			p.pulling = false
			r.places.free(node, held)
			r.mu.Unlock()
			if err != nil && ctx.Err() == nil {
				r.log.Debug("an exchange ended early", "node", node.Short(), "err", err)
			}
			return
		}
		r.mu.Unlock()
	}
}

// strangeVersion is the newest version of a node that speaks none of this node's, as the
// mesh told it; 0 for every other outcome.
func strangeVersion(err error) uint64 {
	var e *protocol.Error
	if protocol.ReasonOf(err) != protocol.ReasonWrongVersion || !errors.As(err, &e) {
		return 0
	}
	v, _ := strconv.ParseUint(e.Args["theirs"], 10, 32) // 0: it told none
	return v
}

// A session keeps the feeds that it fetches to itself as long as it brings something.
// Beyond, others fetch them too: a slow or hostile node holds no feed back.
const (
	claimIdle = 10 * time.Second
	claimTime = time.Minute

	// claimSlow is how long a session keeps them that is about as quick as others.
	claimSlow = 10 * time.Minute

	// claimShares is into how many parts the feeds are divided where so many nodes are in
	// reach. One connection alone does not fill a long line that loses packets.
	claimShares = 3
)

// claim takes up to most of the feeds for one session, leaving out those that another
// session fetches already.
func (r *Replica) claim(s *session, runs []protocol.RunAsk, most int) []protocol.RunAsk {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	s.claimed, s.moved, s.came = now, now, 0
	out := slices.DeleteFunc(slices.Clone(runs), func(run protocol.RunAsk) bool {
		by := r.claims[protocol.FeedCID(run.Feed)]
		return by != nil && (by == s || r.keeps(by, now))
	})
	for i, run := range out { // another session may have brought a part of it meanwhile
		if f := r.feeds[protocol.FeedCID(run.Feed)]; f != nil && f.count > run.From {
			if more := f.count - run.From; run.Max > 0 {
				run.Max = max(run.Max, more+1) - more // 0 would be all
			}
			run.From = f.count
			out[i] = run
		}
	}
	linked := 0
	for _, p := range r.peers {
		if p.linked {
			linked++
		}
	}
	if n := min(linked, claimShares); n > 1 {
		most = min(most, (len(out)+n-1)/n)
	}
	out = out[:min(len(out), most)]
	for _, run := range out {
		id := protocol.FeedCID(run.Feed)
		if by := r.claims[id]; by != nil && by != s {
			r.counts.takenOver.Add(1)
		}
		r.claims[id] = s
	}
	return out
}

// keeps reports whether a session keeps the feeds it fetches for itself: it moves, and has
// not had them for long, or is not much slower than the others that fetch. On a slow line
// all are slow, and taking over would only bring everything twice. The caller holds mu.
func (r *Replica) keeps(by *session, now time.Time) bool {
	held := now.Sub(by.claimed)
	if now.Sub(by.moved) >= claimIdle || held >= claimSlow {
		return false
	}
	if held < claimTime {
		return true
	}
	pace := func(s *session) float64 { return float64(s.came) / max(now.Sub(s.claimed).Seconds(), 1) }
	quickest := 0.0
	for _, other := range r.claims {
		if other != by && other.node != by.node {
			quickest = max(quickest, pace(other))
		}
	}
	return quickest > 0 && 4*pace(by) >= quickest
}

// takenOver reports whether another session fetches a feed by now.
func (r *Replica) takenOver(s *session, id protocol.FeedID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	by := r.claims[id]
	return by != nil && by != s
}

func (r *Replica) unclaim(s *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, by := range r.claims {
		if by == s {
			delete(r.claims, id)
		}
	}
}

// moved notes that a session brought something new of a feed. Where another took the feed
// over while it lay still, the one that is ahead has it again, and the other ends at the
// first page that is here already: what came twice is a page and not all that is missing.
func (r *Replica) moved(s *session, id protocol.FeedID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.moved = time.Now()
	r.places.moved(s.node, s.moved)
	if by := r.claims[id]; by != nil && by != s {
		r.claims[id] = s
	}
}

// cameIn notes that bytes came in on a session, of a page perhaps that is not whole yet.
func (r *Replica) cameIn(s *session, bytes int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.moved = time.Now()
	s.came += bytes
}
