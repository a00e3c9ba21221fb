package replication

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
	"github.com/dure-net/dure/protocol/erasure"
)

// Pace of erasing. What is erased is absent at once; its bytes go, and the others are
// told, in portions, because a portion of one costs as much as one of a hundred.
const (
	eraseAfter = time.Second      // from a word to the sweep that executes it
	eraseAgain = 15 * time.Second // after a sweep, or an acknowledgement, that could not be made

	// eraseShare is one part in so many of the time that sweeping may take: a member that
	// erases without end costs the others' disks no more. It delays only the drop.
	eraseShare = 8
	eraseRest  = 5 * time.Minute // at most, however long the sweep before took
)

// maxOdd bounds the acknowledged bodies that are remembered of entries not held here:
// their entries may come later, or may be invented. Beyond, such a word is forgotten until
// the next start.
const maxOdd = 1 << 18

// Erasures is what this node knows of erased bodies: by whose word they are gone, and
// which nodes have said that the bytes lie on their disks no more. Its methods are safe
// for concurrent use.
type Erasures struct {
	r *Replica

	mu   sync.RWMutex // guards fold and acts; a leaf: nothing else is locked, and no ledger asked, under it
	fold *erasure.Fold
	acts []erasure.Act // as told to fold, those overruled after a zero one
	odd  int           // acknowledged bodies of entries that were not held here

	due     sync.Mutex // guards the two below
	all     bool       // every feed is to be swept
	members map[string]bool

	sweeping chan struct{} // holds one token while nobody sweeps; who has it may use unsaid
	unsaid   map[protocol.EntryID]bool

	wake chan struct{} // something is due
}

func newErasures(r *Replica) *Erasures {
	x := &Erasures{r: r, fold: erasure.New(), members: map[string]bool{}, unsaid: map[protocol.EntryID]bool{},
		sweeping: make(chan struct{}, 1), wake: make(chan struct{}, 1)}
	x.sweeping <- struct{}{}
	return x
}

// Erasures is what is known of erased bodies.
func (r *Replica) Erasures() *Erasures { return r.erasures }

// Why is why the body of an entry is erased; false if it is not.
func (x *Erasures) Why(e protocol.Entry) (erasure.Cause, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.fold.Why(erasure.TargetOf(e))
}

func (x *Erasures) gone(e protocol.Entry) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.fold.Says(erasure.TargetOf(e)) == erasure.Gone
}

// says is the ledger's judge.
func (x *Erasures) says(t erasure.Target) erasure.Word {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.fold.Says(t)
}

// Account is what one node has said of some bodies.
type Account struct {
	Node   protocol.PublicKey
	Member string
	Gone   int       // of the bodies asked for
	At     time.Time // when it had said so of all of them, by its claimed time; zero while it has not
}

// Accounts lists all nodes of standing members, this one included, and how far each has
// said that the bytes of these entries' bodies are gone; by member and node.
func (x *Erasures) Accounts(entries []protocol.EntryID) []Account {
	x.r.mu.Lock()
	nodes, state := slices.Collect(maps.Keys(x.r.nodes)), x.r.state
	x.r.mu.Unlock()
	var out []Account
	for _, node := range nodes {
		m, ok := state.MemberOfNode(node)
		if !ok {
			continue // this node, not a member's yet
		}
		a := Account{Node: node, Member: m}
		latest := int64(0)
		x.mu.RLock()
		for _, id := range entries {
			if at, said := x.fold.Said(node, id); said {
				a.Gone++
				latest = max(latest, at)
			}
		}
		x.mu.RUnlock()
		if a.Gone == len(entries) && a.Gone > 0 {
			a.At = time.UnixMilli(latest).UTC()
		}
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b Account) int {
		if c := strings.Compare(a.Member, b.Member); c != 0 {
			return c
		}
		return bytes.Compare(a.Node[:], b.Node[:])
	})
	return out
}

// Orders lists a member's own orders that are in force and were given before a time, by
// their writers' clocks, oldest first. The slice is the caller's.
func (x *Erasures) Orders(member string, before time.Time) []erasure.Cause {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.fold.Orders(member, before.UnixMilli())
}

// load reads what the ledger holds of erasures, and from then on the ledger asks here.
// The caller holds Replica.mu, and restates after it.
func (x *Erasures) load(bodies map[protocol.EntryID][]byte) {
	for _, e := range x.r.ledger.Erasures() {
		x.fold.Add(e, bodies[e.ID()])
	}
	x.all = true
	x.r.ledger.Judge(x.says)
}

// hear takes durable entries in.
func (x *Erasures) hear(member string, e protocol.Entry, body []byte) {
	switch kind := e.Kind(); {
	case kind == protocol.KindErasure:
		x.mu.Lock()
		fresh := x.fold.Add(e.Clone(), slices.Clone(body))
		x.mu.Unlock()
		if fresh {
			x.sweepSoon(member)
		}
	case kind == protocol.KindErased:
		x.account(e.Clone(), body)
	case kind.IsErasable() && e.Header().Body.Defined() && x.gone(e):
		x.sweepSoon(member) // to be said, and perhaps dropped: bytes may be older than their header
	}
}

// account takes an acknowledgement in.
func (x *Erasures) account(e protocol.Entry, body []byte) {
	held := map[protocol.EntryID]bool{}
	if said, err := protocol.OpenBody[protocol.Erased](body); err == nil {
		for _, id := range said.Entries {
			held[id] = x.r.ledger.Has(id)
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.fold.Account(e, body, func(id protocol.EntryID) bool {
		if held[id] {
			return true
		}
		x.odd++
		return x.odd <= maxOdd
	})
}

// sweepSoon asks for a sweep of a member's feeds; of all for "".
func (x *Erasures) sweepSoon(member string) {
	x.due.Lock()
	if x.all = x.all || member == ""; !x.all {
		x.members[member] = true
	}
	x.due.Unlock()
	select {
	case x.wake <- struct{}{}:
	default:
	}
}

// restate tells how feeds stand and which acts there are. The caller holds Replica.mu.
func (x *Erasures) restate(feeds ...*feed) {
	standings, chains := make([]erasure.Standing, len(feeds)), make([]map[protocol.EntryID]bool, len(feeds))
	for i, f := range feeds {
		standings[i] = x.r.erasedStanding(f)
		if !f.limit.Open() {
			chains[i] = x.chain(f)
		}
	}
	x.mu.Lock()
	news := false
	for i, f := range feeds {
		news = x.fold.Stand(f.id.Digest(), standings[i]) || news
		if chains[i] != nil {
			news = x.fold.Chain(f.id.Digest(), func(_ uint64, e protocol.EntryID) bool { return chains[i][e] }) || news
		}
	}
	x.mu.Unlock()
	if news {
		x.sweepSoon("")
	}
}

// reread hears what a feed's chain says since another branch was chosen. The caller holds
// Replica.mu.
func (x *Erasures) reread(f *feed) {
	from := uint64(1)
	if k := x.r.forks[f.id]; k != nil {
		from = k.seq
	}
	for seq := from; seq < f.durable; seq++ {
		e, err := x.r.ledger.Entry(f.id, seq)
		if err != nil || e.Kind() != protocol.KindErasure && e.Kind() != protocol.KindErased {
			continue
		}
		body, err := x.r.ledger.Body(e)
		if err != nil {
			body = nil
		}
		if e.Kind() == protocol.KindErased {
			x.account(e, body)
			continue
		}
		x.mu.Lock()
		x.fold.Add(e, body)
		x.mu.Unlock()
	}
	x.restate(f)
	x.sweepSoon(f.limit.Member)
}

// chain tells which of a feed's words on erasures lie on its chain; nil where it has none,
// or no branch: there all of them do. It is asked for every page of an ended feed, so it
// reads nothing from below the place where branches part.
func (x *Erasures) chain(f *feed) map[protocol.EntryID]bool {
	branches := x.r.ledger.Branches(f.id)
	if len(branches) == 0 {
		return nil
	}
	parted := branches[0].From
	for _, b := range branches {
		parted = min(parted, b.From)
	}
	x.mu.RLock()
	marks := x.fold.Marks(f.id.Digest())
	x.mu.RUnlock()
	if len(marks) == 0 {
		return nil
	}
	on := map[protocol.EntryID]bool{}
	for id, seq := range marks {
		if seq < parted {
			on[id] = true
			continue
		}
		e, err := x.r.ledger.Entry(f.id, seq)
		on[id] = err == nil && e.ID() == id || protocol.ReasonOf(err) == protocol.ReasonDamaged
	}
	return on
}

// act tells which acts erase. The caller holds Replica.mu.
func (x *Erasures) act(s charter.State) {
	var line, overruled []erasure.Act
	for _, e := range s.Erasures() {
		line = append(line, erasure.Act{Entry: e.Entry, Why: e.Why, Ref: e.Act})
	}
	for _, a := range s.Overruled() {
		for _, c := range a.Decision.Changes {
			if c.What == charter.ChangeErase {
				overruled = append(overruled, erasure.Act{Entry: c.Entry, Ref: protocol.ActRef{Number: a.Number, ID: a.ID}})
			}
		}
	}
	all := append(append(slices.Clone(line), erasure.Act{}), overruled...)
	x.mu.Lock()
	news := !slices.EqualFunc(all, x.acts, func(a, b erasure.Act) bool { return a.Entry == b.Entry && a.Ref == b.Ref })
	if news {
		x.acts = all
		x.fold.Acts(line, overruled)
	}
	x.mu.Unlock()
	if news && len(all) > 1 {
		x.sweepSoon("")
	}
}

// erasedStanding is how far a feed's word on erasures counts. The caller holds mu.
func (r *Replica) erasedStanding(f *feed) erasure.Standing {
	l := f.limit
	s := erasure.Standing{Member: l.Member, Node: f.node, Count: charter.Unlimited, Undecided: l.Fork != 0}
	if !l.Void && l.Count == charter.Unlimited {
		return s
	}
	var at protocol.EntryID
	if l.Head.Defined() && l.Count > 0 && l.Count <= f.durable {
		e, err := r.ledger.Entry(f.id, l.Count-1)
		if err != nil {
			s.Undecided = true // damaged here: it takes nothing back
		}
		at = e.ID()
	}
	s.Count = l.Stands(f.durable, at)
	return s
}

// run executes erasures until ctx ends.
func (x *Erasures) run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var took time.Duration // by the sweep before
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-x.wake:
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(max(eraseAfter, min(took*(eraseShare-1), eraseRest))):
			}
		case <-timer.C:
		}
		began := time.Now()
		err := x.Sweep(ctx)
		took = time.Since(began)
		if err != nil && ctx.Err() == nil {
			switch protocol.ReasonOf(err) {
			case protocol.ReasonReadOnly, protocol.ReasonRecovering, protocol.ReasonJoining, protocol.ReasonNotMember, protocol.ReasonSetAside:
				x.r.log.Debug("an erasure waits", "err", err)
			default:
				x.r.log.Warn("an erasure could not be finished; it is tried again", "err", err)
			}
			timer.Reset(eraseAgain)
		}
	}
}

// Sweep executes what is due: it drops the bytes of bodies that are erased and says so
// in this node's feed. It returns when the bytes lie in no file any more. What it could
// not do is still due.
func (x *Erasures) Sweep(ctx context.Context) error {
	select {
	case <-x.sweeping:
		defer func() { x.sweeping <- struct{}{} }()
	case <-ctx.Done():
		return protocol.Fail(protocol.ReasonCanceled, "erase bodies", ctx.Err())
	}
	x.due.Lock()
	all, members := x.all, x.members
	x.all, x.members = false, map[string]bool{}
	x.due.Unlock()
	x.mu.RLock()
	idle := x.fold.Empty()
	x.mu.RUnlock()
	if !idle && (all || len(members) > 0) {
		gone, err := x.sweep(ctx, all, members)
		if err == nil && len(gone) > 0 && x.r.cfg.Unnamed != nil {
			err = x.r.cfg.Unnamed(ctx)
		}
		if err != nil {
			x.due.Lock()
			x.all = x.all || all
			maps.Copy(x.members, members)
			x.due.Unlock()
			return err
		}
		x.mu.RLock()
		for _, id := range gone {
			if _, said := x.fold.Said(x.r.self, id); !said {
				x.unsaid[id] = true
			}
		}
		x.mu.RUnlock()
	}
	return x.say(ctx)
}

func (x *Erasures) sweep(ctx context.Context, all bool, members map[string]bool) ([]protocol.EntryID, error) {
	in := map[protocol.FeedID]bool{}
	x.r.mu.Lock()
	for id, f := range x.r.feeds {
		in[id] = all || members[f.limit.Member]
	}
	x.r.mu.Unlock()
	swept, err := x.r.ledger.Sweep(ctx, func(id protocol.FeedID) bool { return in[id] }, func(done, total int) {
		x.r.log.Debug("erasing", "done", done, "of", total)
	})
	if err != nil {
		return nil, err
	}
	if swept.Dropped > 0 {
		x.r.log.Info("bodies were erased", "bodies", swept.Dropped)
	}
	if swept.Lifted > 0 {
		x.r.log.Info("erasures do not count any more; the bodies are asked for again", "bodies", swept.Lifted)
	}
	return swept.Gone, nil
}

// say acknowledges what was erased here and not said yet. The caller holds sweeping.
func (x *Erasures) say(ctx context.Context) error {
	if len(x.unsaid) == 0 {
		return nil
	}
	due := slices.SortedFunc(maps.Keys(x.unsaid), func(a, b protocol.EntryID) int { return strings.Compare(a.KeyString(), b.KeyString()) })
	for some := range slices.Chunk(due, protocol.MaxErased) {
		if _, err := x.r.Publish(ctx, Draft{Kind: protocol.KindErased, Content: &protocol.Erased{Entries: some}}); err != nil {
			return err
		}
		for _, id := range some {
			delete(x.unsaid, id)
		}
	}
	return nil
}

// repeat says erasures again that this node wrote beyond a fork of its own feed: they do
// not count there until somebody settles it, and who had them erased was told that they
// are.
func (x *Erasures) repeat(ctx context.Context) error {
	x.r.mu.Lock()
	able := x.r.writable() == nil
	x.r.mu.Unlock()
	if !able {
		return nil
	}
	x.mu.RLock()
	due := x.fold.Unsettled(x.r.self)
	x.mu.RUnlock()
	for _, id := range due {
		e, _, err := x.r.ledger.Find(id)
		if err != nil {
			continue // damaged; said again when it is repaired
		}
		body, err := x.r.ledger.Body(e)
		if err != nil {
			body = nil
		}
		h := e.Header()
		if _, err := x.r.publish(ctx, Draft{Kind: protocol.KindErasure, Of: h.Of, Refs: h.Refs}, body); err != nil {
			return err
		}
	}
	return nil
}
