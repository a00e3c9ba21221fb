package replication

import (
	"cmp"
	"slices"
	"time"

	"github.com/dure-net/dure/protocol"
)

// What one member's writing may take of this node. It is this node's own measure and
// never the federation's: it delays and never refuses, so all nodes come to the same
// root, some of them later.
//
// A member has an allowance of entries, bytes and feeds. It grows at an even rate. While
// the member is in touch it grows up to a burst; the time of an absence, the member's or
// this node's, is saved up beyond that, because what was written meanwhile comes at once:
// a backlog is metered by the line alone. After a start, and with a member not seen
// before, the time away is not known and the allowance is all that can be saved. A minute
// in touch in which nothing of a member had to be fetched ends its backlog. Bundles and
// what is written here take nothing of it.
//
// Beyond the allowance a member's messages are ignored, whoever forwards them, and its
// runs are asked for in portions that the allowance has. Nobody is blamed for passing
// them on: other nodes' allowances are in another state.
const (
	// A hundred entries a second are more than an office writes in a day; fifty thousand
	// at once are ten times the largest import that is measured.
	entriesRate  = 100.0
	entriesBurst = 50_000.0
	entriesSaved = 1_000_000.0
	bytesRate    = 1 << 20
	bytesBurst   = 512 << 20
	bytesSaved   = 16 << 30
	// A member needs one feed for each of its nodes, and one for each restore of one.
	feedsRate  = 1.0 / 60
	feedsBurst = 64.0
	feedsSaved = 4_096.0
	// By gossip, whose every entry is verified and flushed alone: twice what a node of
	// this program announces. What is ignored comes in pages within a second or two.
	heardRate  = 2.0 * announceRate
	heardBurst = 8.0 * announceBurst
)

const (
	awayAfter   = time.Minute // not heard of for so long, a member was away
	backlogEnds = time.Minute // in touch for so long without anything to fetch, a member has no backlog
	quotaDebt   = time.Minute // an allowance is overdrawn by at most what it grows in this time
	floodEnds   = time.Minute // within its allowance for so long, a member is not named any more
	// heldFeeds bounds the feeds remembered as opened beyond an allowance. Beyond, one is
	// asked for again in vain.
	maxHeldFeeds = 4_096
)

// tokens is one allowance: its growth a second, what may be gathered in touch and away,
// and what is left; below zero it is overdrawn.
type tokens struct{ rate, burst, saved, left float64 }

func (t *tokens) grow(since, away time.Duration) {
	if full := min(max(t.burst, t.rate*away.Seconds()), t.saved); t.left < full {
		t.left = min(full, t.left+t.rate*since.Seconds())
	}
}

func (t *tokens) take(n float64) { t.left = max(t.left-n, -t.rate*quotaDebt.Seconds()) }

// quota is one member's. Times are this process's own.
type quota struct {
	entries, bytes, feeds, heard tokens

	grown   time.Time // when the allowances grew last
	seen    time.Time // when a node of the member was heard of last; zero = not since the start
	present time.Time // since when it has been seen without being away
	fetched time.Time // when something of it came by catch-up last

	flood flood
}

// flood is a stretch of time in which a member's allowance did not suffice.
type flood struct {
	since, last time.Time
	claimed     time.Time // since, by the claimed clock, as it is shown
	node        protocol.PublicKey
	ignored     uint64 // messages
	taken       uint64 // entries
	waiting     uint64 // entries known to be missing, at the last look
}

// quotas is guarded by Replica.mu. Its members are those of the charter.
type quotas struct {
	members map[string]*quota
	opened  map[protocol.FeedID]string // feeds held back, and whose
}

func newQuotas() *quotas {
	return &quotas{members: map[string]*quota{}, opened: map[protocol.FeedID]string{}}
}

// of is a member's quota as of now.
func (q *quotas) of(member string, now time.Time) *quota {
	m := q.members[member]
	if m == nil {
		full := func(rate, burst, saved float64) tokens { return tokens{rate, burst, saved, saved} }
		m = &quota{grown: now, entries: full(entriesRate, entriesBurst, entriesSaved), bytes: full(bytesRate, bytesBurst, bytesSaved),
			feeds: full(feedsRate, feedsBurst, feedsSaved), heard: full(heardRate, heardBurst, heardBurst)}
		q.members[member] = m
	}
	var away time.Duration
	if gone := now.Sub(m.seen); !m.seen.IsZero() && gone > awayAfter {
		away = gone
	}
	since := now.Sub(m.grown)
	for _, t := range m.all() {
		t.grow(since, away)
	}
	m.grown = now
	if !m.seen.IsZero() && away == 0 && now.Sub(m.present) > backlogEnds && now.Sub(m.fetched) > backlogEnds {
		for _, t := range m.all() {
			t.left = min(t.left, t.burst)
		}
	}
	return m
}

func (m *quota) all() [4]*tokens { return [...]*tokens{&m.entries, &m.bytes, &m.feeds, &m.heard} }

// meet notes that a member is in touch.
func (q *quotas) meet(member string, now time.Time) {
	if member == "" {
		return
	}
	m := q.of(member, now)
	if m.seen.IsZero() || now.Sub(m.seen) > awayAfter {
		m.present = now
	}
	m.seen = now
}

// took debits a member with entries that came in.
func (q *quotas) took(member string, via Via, entries []protocol.Entry, now time.Time) {
	if member == "" || via == ViaLocal || via == ViaImport {
		return
	}
	m := q.of(member, now)
	size := 0
	for _, e := range entries {
		size += len(e.Bytes()) + int(e.Header().Size)
		if e.Seq() == 0 {
			m.feeds.take(1)
		}
	}
	m.entries.take(float64(len(entries)))
	m.bytes.take(float64(size))
	switch via {
	case ViaCatchUp:
		m.fetched = now
	case ViaGossip:
		q.meet(member, now)
	}
	if m.flooding(now) {
		m.flood.taken += uint64(len(entries))
	}
}

// left is how many entries may be asked for now.
func (m *quota) left() uint64 {
	if m.entries.left < 1 || m.bytes.left < 1 {
		return 0
	}
	return uint64(m.entries.left)
}

func (m *quota) flooding(now time.Time) bool {
	return !m.flood.last.IsZero() && now.Sub(m.flood.last) < floodEnds
}

// over notes that a member's allowance did not suffice; node is whose feed it is.
func (m *quota) over(node protocol.PublicKey, now, claimed time.Time) {
	if !m.flooding(now) {
		m.flood = flood{since: now, claimed: claimed}
	}
	m.flood.last = now
	if !node.IsZero() {
		m.flood.node = node
	}
}

// hears reports whether a message of a feed may be judged now: whether its member still
// has something of its allowance. What it ignores comes by catch-up. The caller holds mu.
func (r *Replica) hears(f *feed) bool {
	if f.limit.Member == "" {
		return true // nobody's: nothing of it is taken in
	}
	now := time.Now()
	q := r.quotas.of(f.limit.Member, now)
	if q.left() == 0 {
		q.over(f.node, now, r.cfg.Now())
		q.flood.ignored++
		return false
	}
	return q.heard.left >= 1
}

// heard debits a message that its author has signed and that is new here.
func (r *Replica) heard(member string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if member != "" {
		r.quotas.of(member, time.Now()).heard.take(1)
	}
}

// opens reports whether a member may open a further feed here now. The caller holds mu.
func (r *Replica) opens(id protocol.FeedID, member string, node protocol.PublicKey) bool {
	now := time.Now()
	q := r.quotas.of(member, now)
	if q.feeds.left >= 1 && q.left() > 0 {
		delete(r.quotas.opened, id)
		return true
	}
	q.over(node, now, r.cfg.Now())
	if len(r.quotas.opened) < maxHeldFeeds {
		r.quotas.opened[id] = member
	}
	return false
}

// firstRun bounds the entries asked for of a feed whose owner is not known yet.
const firstRun = 1 << 14

// A portion is how many entries one exchange asks for: after them it looks again, so that
// what others write meanwhile does not wait for the end of somebody's backlog. It follows
// the line: what takes less than a second grows, what takes more than four shrinks.
const (
	portionFirst = 1 << 14
	portionLeast = 1 << 10
	portionMost  = 1 << 18
)

func nextPortion(n uint64, got int, took time.Duration) uint64 {
	switch {
	case took < time.Second && uint64(got) >= n/2:
		return min(2*n, portionMost)
	case took > 4*time.Second:
		return max(n/2, portionLeast)
	}
	return n
}

// meter cuts runs to what their members' allowances have, and puts the short ones
// first. whole is false if something was left out that another exchange must ask for.
func (r *Replica) meter(lines []protocol.Line, runs []protocol.RunAsk, portion uint64) (out []protocol.RunAsk, whole bool) {
	if len(runs) == 0 {
		return nil, true
	}
	lacks := make(map[[32]byte]uint64, len(runs))
	for _, l := range lines {
		lacks[l.Feed] = l.Count
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now, claimed := time.Now(), r.cfg.Now()
	left := map[string]uint64{}
	held := map[string]uint64{}
	whole = true
	for _, run := range runs {
		id := protocol.FeedCID(run.Feed)
		lack := lacks[run.Feed] - min(run.From, lacks[run.Feed])
		member, node, most := r.quotas.opened[id], protocol.PublicKey{}, min(firstRun, portion)
		if f := r.feeds[id]; f != nil {
			member, node, most = f.limit.Member, f.node, portion
		}
		if member == "" {
			run.Max = most
			out, whole = append(out, run), whole && lack <= most
			continue
		}
		q := r.quotas.of(member, now)
		if _, ok := left[member]; !ok {
			left[member] = q.left()
		}
		may := left[member]
		if node.IsZero() && q.feeds.left < 1 {
			may = 0
		}
		// Smaller portions would cost more than they bring.
		if may < max(1, min(lack, protocol.MaxPage)) { // a Max of 0 would ask for all
			q.over(node, now, claimed)
			held[member] += lack
			whole = false
			continue
		}
		run.Max = min(may, most)
		left[member] -= min(may, lack)
		if lack > run.Max {
			whole = false
			if may < most {
				q.over(node, now, claimed)
				held[member] += lack - run.Max
			}
		}
		out = append(out, run)
	}
	for member, n := range held {
		r.quotas.members[member].flood.waiting = n
	}
	slices.SortStableFunc(out, func(a, b protocol.RunAsk) int {
		return cmp.Compare(long(lacks[a.Feed], a.From), long(lacks[b.Feed], b.From))
	})
	for i, sum := 0, uint64(0); i < len(out); i++ {
		if sum >= portion {
			return out[:i], false
		}
		sum += min(lacks[out[i].Feed]-min(out[i].From, lacks[out[i].Feed]), out[i].Max)
	}
	return out, whole
}

func long(count, from uint64) int {
	if count > from+protocol.MaxPage {
		return 1
	}
	return 0
}
