package replication

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
	"github.com/dure-net/dure/replication/mesh"
)

// session is one exchange with one node: this side pulls.
type session struct {
	r    *Replica
	node protocol.PublicKey
	s    mesh.Stream
	br   *bufio.Reader
	got  int

	whole  []string // ranges of the other side's frontier that it listed completely
	left   bool     // something known to be missing here was not asked for, or not taken
	behind bool     // likewise, for another reason than a member's allowance

	claimed, moved time.Time // when feeds were claimed, and when they last brought something
	came           int       // bytes since they were claimed; Replica.mu guards all three

	doubts []protocol.FeedID // feeds of which it sent another branch
}

// Bounds of one session's work under way: pages handed to the ledger but not durable
// yet. Beyond, reading from the stream pauses, and with it the other side.
const pagesUnderWay = 160

// maxDiffering bounds the lines and ranges of one session, and so its memory to some
// 5 MB; maxWasted the frames in a row that bring nothing new, such as the rest of a
// run whose beginning did not stand.
const (
	maxDiffering = 1 << 15
	maxWasted    = 1 << 14
)

// errTakenOver ends a session whose feed another one fetches by now. Nobody is to blame.
var errTakenOver = errors.New("another session fetches it")

// pull makes one exchange and returns how many entries and bodies it brought. What
// was admitted before an error stays: the ledger is the resume token, and a cut costs
// at most the page under way.
func (r *Replica) pull(ctx context.Context, n Network, node protocol.PublicKey) (int, error) {
	stream, err := n.OpenSync(ctx, node)
	if err != nil {
		return 0, err
	}
	stop := context.AfterFunc(ctx, func() { _ = stream.Reset() })
	defer stop()
	ses := &session{r: r, node: node, s: stream}
	ses.br = bufio.NewReaderSize(&arriving{s: ses}, 256<<10)
	defer r.unclaim(ses)
	if err := ses.run(ctx); err != nil {
		_ = stream.Reset()
		if errors.Is(err, errTakenOver) {
			return ses.got, nil
		}
		return ses.got, err
	}
	_ = stream.Close()
	return ses.got, nil
}

// arriving is the session's stream. What comes in counts as moving, also where a page takes
// longer than claimIdle to come whole; claimTime bounds what that can cost.
type arriving struct {
	s     *session
	told  time.Time
	bytes int // since then
}

func (a *arriving) Read(b []byte) (int, error) {
	n, err := a.s.s.Read(b)
	a.bytes += n
	if now := time.Now(); n > 0 && now.Sub(a.told) > time.Second {
		a.s.r.cameIn(a.s, a.bytes)
		a.told, a.bytes = now, 0
	}
	return n, err
}

func (s *session) run(ctx context.Context) error {
	r := s.r
	r.mu.Lock()
	hello := protocol.Hello{Root: r.frontier.ledgerRoot(), Since: r.peerFor(s.node).since}
	r.mu.Unlock()
	var offer protocol.Offer
	if err := s.ask(&hello, &offer); err != nil {
		return err
	}
	lacked := false
	if offer.Differ {
		lines, err := s.lines(offer)
		if err != nil {
			return err
		}
		runs, doubts := r.missing(lines)
		if len(runs) == 0 && len(doubts) == 0 && len(offer.Ranges) == 0 {
			// What changed there since the last exchange is all here, and still the roots
			// differ: look at everything.
			if lines, err = s.lines(protocol.Offer{Ranges: []protocol.Range{{}}}); err != nil {
				return err
			}
			runs, doubts = r.missing(lines)
		}
		r.noteBehind(s.node, lines, s.whole)
		r.mu.Lock()
		portion := r.peerFor(s.node).portion
		r.mu.Unlock()
		lacked = len(runs) > 0 // also where another session fetches it already
		runs, whole := r.meter(lines, runs, portion)
		s.left = s.left || !whole
		if c, _ := r.Condition(); c == ReadOnly {
			return nil // nothing of it could be kept
		}
		r.pulling.begin(r.lacking(lines))
		began := time.Now()
		err = s.fetch(ctx, runs)
		r.pulling.end()
		if s.got > 0 {
			r.mu.Lock()
			r.peerFor(s.node).portion = nextPortion(portion, s.got, time.Since(began))
			r.mu.Unlock()
		}
		if err != nil {
			return err
		}
		for _, id := range append(doubts, s.doubts...) {
			if err := s.compare(ctx, id); err != nil {
				return err
			}
		}
	} else {
		r.noteEqual(s.node)
	}
	if err := s.repair(ctx); err != nil {
		return err
	}
	if err := s.branches(ctx); err != nil {
		return err
	}
	if err := s.bodies(); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.peerFor(s.node)
	if p.barren++; !offer.Differ || s.got > 0 || s.left {
		p.barren = 0
	}
	if !lacked && !s.left && !r.informed {
		r.informed = true
		r.nudge()
	}
	if !s.left { // or the next exchange would not be told again
		p.since = offer.Next
	}
	p.left = s.behind
	return nil
}

// ask writes one frame and reads the one that answers it.
func (s *session) ask(question any, answer any) error {
	if err := s.write(question); err != nil {
		return err
	}
	return s.read(answer)
}

func (s *session) write(question any) error {
	_ = s.s.SetDeadline(time.Now().Add(idleTime))
	return protocol.WriteFrame(s.s, question)
}

func (s *session) read(into any) error {
	_ = s.s.SetDeadline(time.Now().Add(frameTime))
	if err := protocol.ReadFrame(s.br, protocol.MaxFrameBytes, into); err != nil {
		if protocol.ReasonOf(err).Verdict() == protocol.Reject {
			return err
		}
		return protocol.Fail(protocol.ReasonUnreachable, "read from node", err)
	}
	return nil
}

// lines resolves an offer to the lines that differ, descending into ranges.
func (s *session) lines(offer protocol.Offer) ([]protocol.Line, error) {
	if len(offer.Lines) > protocol.MaxLines || len(offer.Ranges) > protocol.MaxLines {
		return nil, protocol.Fail(protocol.ReasonTooLarge, "read offer", nil)
	}
	lines := offer.Lines
	listed := make(map[[32]byte]bool, len(lines))
	if err := s.within([]string{""}, offer, listed); err != nil {
		return nil, err
	}
	differing := s.r.frontier.differing(offer.Ranges)
	for depth := 0; len(differing) > 0 && depth < 64; depth++ {
		var deeper []string
		for batch := range slices.Chunk(differing, protocol.MaxAsk/2) {
			var o protocol.Offer
			if err := s.ask(&protocol.Ask{Ranges: batch}, &o); err != nil {
				return nil, err
			}
			if len(o.Lines) > protocol.MaxLines || len(o.Ranges) > protocol.MaxLines {
				return nil, protocol.Fail(protocol.ReasonTooLarge, "read offer", nil)
			}
			if err := s.within(batch, o, listed); err != nil {
				return nil, err
			}
			for _, p := range batch {
				if !slices.ContainsFunc(o.Ranges, func(r protocol.Range) bool { return strings.HasPrefix(r.Prefix, p) }) {
					s.whole = append(s.whole, p)
				}
			}
			lines = append(lines, o.Lines...)
			for _, p := range s.r.frontier.differing(o.Ranges) {
				if len(p) > depth { // ranges only ever become narrower
					deeper = append(deeper, p)
				}
			}
		}
		if len(lines)+len(deeper) > maxDiffering {
			s.left, s.behind = true, true // the next exchange finds the rest
			break
		}
		differing = deeper
	}
	return lines, nil
}

// within checks that an answer tells each feed once, and nothing but what was asked for:
// ranges that overlap, or do not become narrower, would never come to an end.
func (s *session) within(asked []string, o protocol.Offer, listed map[[32]byte]bool) error {
	for _, l := range o.Lines {
		digits := hex.EncodeToString(l.Feed[:])
		if listed[l.Feed] || !slices.ContainsFunc(asked, func(p string) bool { return strings.HasPrefix(digits, p) }) {
			return protocol.Fail(protocol.ReasonMalformed, "read offer", errors.New("a line twice, or not asked for"))
		}
		listed[l.Feed] = true
	}
	prefixes := make([]string, len(o.Ranges))
	for i, r := range o.Ranges {
		narrower := func(p string) bool { return strings.HasPrefix(r.Prefix, p) && (len(r.Prefix) > len(p) || p == "") }
		if !validPrefix(r.Prefix) || !slices.ContainsFunc(asked, narrower) {
			return protocol.Fail(protocol.ReasonMalformed, "read offer", errors.New("a range that was not asked for"))
		}
		prefixes[i] = r.Prefix
	}
	if !disjoint(prefixes) {
		return protocol.Fail(protocol.ReasonMalformed, "read offer", errors.New("ranges that overlap"))
	}
	return nil
}

// disjoint reports whether no prefix begins with another one.
func disjoint(prefixes []string) bool {
	sorted := slices.Sorted(slices.Values(prefixes))
	for i := 1; i < len(sorted); i++ {
		if strings.HasPrefix(sorted[i], sorted[i-1]) {
			return false
		}
	}
	return true
}

// missing compares another node's lines with ours: runs to fetch, and feeds whose
// heads differ at a place that is held here, which may be forked. Feeds of electors
// come first, because what they say decides whose feeds are admitted.
func (r *Replica) missing(lines []protocol.Line) (runs []protocol.RunAsk, doubts []protocol.FeedID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	look := func(id protocol.FeedID) (known, bool) {
		f := r.feeds[id]
		if f == nil {
			return known{}, false
		}
		return known{count: f.count, durable: f.durable, lastHead: f.lastHead, limit: f.limit, forked: r.forkAt(id)}, true
	}
	held := func(id protocol.FeedID, seq uint64) (protocol.EntryID, error) {
		e, err := r.ledger.Entry(id, seq)
		return e.ID(), err
	}
	return compareLines(lines, r.state.Electors(charter.ByElectors), look, held)
}

// known is what this node holds of a feed.
type known struct {
	count, durable uint64
	lastHead       protocol.EntryID // at durable-1
	limit          charter.Limit
	forked         uint64 // 1 + the lowest seq proven forked; 0 = none
}

// compareLines is missing as a pure function: look tells what is known of a feed, held the
// entry at a place before its last one.
func compareLines(lines []protocol.Line, electors []string, look func(protocol.FeedID) (known, bool),
	held func(protocol.FeedID, uint64) (protocol.EntryID, error)) (runs []protocol.RunAsk, doubts []protocol.FeedID) {
	var first, rest []protocol.RunAsk
	for _, l := range lines {
		st := l.Standing()
		f, ok := look(st.Feed)
		if !ok {
			rest = append(rest, protocol.RunAsk{Feed: l.Feed})
			continue
		}
		if f.limit.Void {
			continue
		}
		told := f.forked
		if told != 0 && f.limit.Head.Defined() && f.limit.Count >= told && f.durable+1 >= told {
			continue // it was chosen which branch stands: branches fetches it
		}
		if st.Count > f.count && f.count < f.limit.Count {
			run := protocol.RunAsk{Feed: l.Feed, From: f.count}
			if slices.Contains(electors, f.limit.Member) {
				first = append(first, run)
			} else {
				rest = append(rest, run)
			}
			continue
		}
		// A fork that was told explains the difference of longer branches, not of shorter ones.
		if st.Count > 0 && st.Count <= f.durable && (told == 0 || st.Count < told) {
			head := f.lastHead
			if st.Count < f.durable {
				var err error
				if head, err = held(st.Feed, st.Count-1); err != nil {
					continue
				}
			}
			if head != st.Head {
				doubts = append(doubts, st.Feed)
			}
		}
	}
	return append(first, rest...), doubts
}

// lacking counts the entries that the lines have beyond ours.
func (r *Replica) lacking(lines []protocol.Line) (n uint64) {
	for _, l := range lines {
		if ours := r.frontier.line(protocol.FeedCID(l.Feed)).Count; l.Count > ours {
			n += l.Count - ours
		}
	}
	return n
}

// fetch streams the missing runs and admits them page by page.
func (s *session) fetch(ctx context.Context, runs []protocol.RunAsk) error {
	for len(runs) > 0 {
		ask := s.r.claim(s, runs, protocol.MaxAsk)
		if len(ask) == 0 {
			s.left, s.behind = true, true
			return nil // others are fetching them
		}
		_ = s.s.SetDeadline(time.Now().Add(idleTime))
		if err := protocol.WriteFrame(s.s, &protocol.Ask{Runs: ask}); err != nil {
			return err
		}
		err := s.receive(ctx, ask)
		s.r.unclaim(s)
		if err != nil {
			return err
		}
		asked := map[[32]byte]bool{}
		for _, a := range ask {
			asked[a.Feed] = true
		}
		runs = slices.DeleteFunc(slices.Clone(runs), func(a protocol.RunAsk) bool { return asked[a.Feed] })
	}
	return nil
}

// receive takes the pages of one answer in. Reading, decoding and hashing go on
// meanwhile, and earlier pages are written to disk by the ledger's committer. What was
// handed in is waited for in any case, or it would lie on the disk and not count.
func (s *session) receive(ctx context.Context, asked []protocol.RunAsk) (err error) {
	var (
		underWay []taken
		refused  = map[protocol.FeedID]bool{} // runs that did not fit; the rest of them is skipped
		tail     protocol.Page
		next     = map[protocol.FeedID]uint64{} // of each run asked for, the seq that comes next
		end      = map[protocol.FeedID]uint64{} // and where it ends, where that was said
		wasted   = 0
	)
	for _, a := range asked {
		id := protocol.FeedCID(a.Feed)
		next[id], end[id] = a.From, math.MaxUint64
		if a.Max > 0 {
			end[id] = a.From + a.Max
		}
	}
	settle := func(keep int) (err error) {
		for len(underWay) > keep {
			in := underWay[0]
			underWay = underWay[1:]
			werr := in.wait()
			s.r.intake.Release(in.room)
			if werr != nil {
				err = errors.Join(err, werr)
				continue
			}
			s.got += len(in.page.Entries)
			s.r.pulling.fetched(len(in.page.Entries))
		}
		return err
	}
	defer func() { err = errors.Join(err, settle(0)) }()
	answer, ended := s.readAhead(ctx), false
	defer func() { answer.close(s, ended) }()
	for t := range answer.pages {
		if t.err != nil {
			return t.err
		}
		answer.room.Release(t.bytes)
		page := t.page
		id, n := page.Feed(), uint64(len(page.Entries))
		if from, ok := next[id]; !ok || page.Entries[0].Seq() != from || page.Entries[n-1].Seq() != from+n-1 || from+n > end[id] {
			return protocol.Fail(protocol.ReasonMalformed, "read page", errors.New("entries that were not asked for"))
		}
		next[id] += n
		if wasted++; wasted > maxWasted {
			return protocol.Fail(protocol.ReasonTooLarge, "read page", errors.New("nothing new in many pages"))
		}
		if refused[id] {
			continue
		}
		if len(tail.Entries) > 0 && tail.Feed() == id {
			page = protocol.Page{Entries: append(tail.Entries, page.Entries...), Bodies: append(tail.Bodies, page.Bodies...)}
		}
		tail = protocol.Page{}
		room := intakeOf(page)
		if !s.r.intake.TryAcquire(room) {
			// Whoever waits for room holds none, so somebody always goes on.
			if err := settle(0); err != nil {
				return err
			}
			if err := s.r.intake.Acquire(ctx, room); err != nil {
				return err
			}
		}
		before := len(underWay)
		keep := func() {
			if len(underWay) == before {
				s.r.intake.Release(room)
			} else {
				underWay[len(underWay)-1].room = room
			}
		}
		for len(page.Entries) > 0 {
			n := min(len(page.Entries), protocol.MaxPage)
			part := protocol.Page{Entries: page.Entries[:n], Bodies: page.Bodies[:n]}
			in, err := s.r.enter(admission{page: part, via: ViaCatchUp, checked: true})
			reason := protocol.ReasonOf(err)
			if in != nil {
				underWay, wasted = append(underWay, taken{admitted: in}), 0
				s.r.moved(s)
				last := in.page.Entries[len(in.page.Entries)-1].Seq()
				for len(page.Entries) > 0 && page.Entries[0].Seq() <= last {
					page.Entries, page.Bodies = page.Entries[1:], page.Bodies[1:]
				}
				if reason == protocol.ReasonBadSignature && len(page.Entries) < protocol.MaxPage {
					tail = page // endorsed, perhaps, by the next page's last entry
					break
				}
				if err == nil {
					continue
				}
			}
			switch reason {
			case protocol.ReasonKnown:
				if s.r.takenOver(s, id) {
					keep()
					return errTakenOver // somebody quicker brings it: all that follows would come twice
				}
				page.Entries = page.Entries[n:]
				page.Bodies = page.Bodies[n:]
				continue
			case protocol.ReasonFork:
				s.doubts = append(s.doubts, id)
			case protocol.ReasonReadOnly, protocol.ReasonDamaged:
				keep()
				return err
			case protocol.ReasonBusy:
				s.left = true // beyond its member's allowance; later
			case protocol.ReasonUnknownMember, protocol.ReasonNotMember, protocol.ReasonSetAside, protocol.ReasonGap:
				// Not ours to take, or not yet.
			default:
				s.r.log.Warn("a node sent entries that do not stand", "node", s.node.Short(), "feed", id.Short(), "err", err)
			}
			refused[id] = true
			break
		}
		keep()
		if err := settle(pagesUnderWay); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	ended = true
	return settle(0)
}

// taken is a run on its way to the disk, and the room that its page takes until then.
type taken struct {
	*admitted
	room int64
}

// intakeBytes bounds the pages that are on their way to the disk, of all sessions
// together, and intakePages their number: below what waits for the ledger's committer, so
// that handing a run in does not wait with the lock held. Beyond, sessions wait for room.
const (
	intakeBytes = 64 << 20
	intakePages = 192
)

func intakeOf(p protocol.Page) int64 { return max(weight(p), intakeBytes/intakePages) }
