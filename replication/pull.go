package replication

import (
	"bufio"
	"context"
	"errors"
	"time"

	"github.com/dure-net/dure/protocol"
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
	own := r.ownStanding()
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
		r.noteHolding(s.node, own, lines)
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
		r.noteEqual(s.node, own)
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
