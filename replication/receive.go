package replication

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/dure-net/dure/protocol"
)

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
				s.r.moved(s, id)
				s.r.counts.cameAgain(int(in.page.Entries[0].Seq() - part.Entries[0].Seq()))
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
				s.r.counts.cameAgain(n)
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
