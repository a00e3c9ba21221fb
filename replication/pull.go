package replication

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
	"github.com/dure-net/dure/replication/ledger"
	"github.com/dure-net/dure/replication/mesh"
)

// session is one exchange with one node: this side pulls.
type session struct {
	r    *Replica
	node protocol.PublicKey
	s    mesh.Stream
	br   *bufio.Reader
	got  int
}

// Bounds of one session's work under way: pages handed to the ledger but not durable
// yet. Beyond, reading from the stream pauses, and with it the other side.
const pagesUnderWay = 32

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
	defer r.unclaim(node)
	ses := &session{r: r, node: node, s: stream, br: bufio.NewReaderSize(stream, 256<<10)}
	if err := ses.run(ctx); err != nil {
		_ = stream.Reset()
		return ses.got, err
	}
	_ = stream.Close()
	return ses.got, nil
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
		r.noteBehind(s.node, lines)
		r.pulling.begin(r.lacking(lines))
		err = s.fetch(ctx, runs)
		r.pulling.end()
		if err != nil {
			return err
		}
		for _, id := range doubts {
			if err := s.compare(ctx, id); err != nil {
				return err
			}
		}
	} else {
		r.noteEqual(s.node)
	}
	if err := s.bodies(ctx); err != nil {
		return err
	}
	r.mu.Lock()
	r.peerFor(s.node).since = offer.Next
	r.mu.Unlock()
	return nil
}

// ask writes one frame and reads the one that answers it.
func (s *session) ask(question any, answer any) error {
	_ = s.s.SetDeadline(time.Now().Add(idleTime))
	if err := protocol.WriteFrame(s.s, question); err != nil {
		return err
	}
	return s.read(answer)
}

func (s *session) read(into any) error {
	_ = s.s.SetDeadline(time.Now().Add(frameTime))
	if err := protocol.ReadFrame(s.br, protocol.MaxFrameBytes, into); err != nil {
		return protocol.Fail(protocol.ReasonUnreachable, "read from node", err)
	}
	return nil
}

// lines resolves an offer to the lines that differ, descending into ranges.
func (s *session) lines(offer protocol.Offer) ([]protocol.Line, error) {
	lines := offer.Lines
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
			lines = append(lines, o.Lines...)
			for _, p := range s.r.frontier.differing(o.Ranges) {
				if len(p) > depth { // ranges only ever become narrower
					deeper = append(deeper, p)
				}
			}
		}
		if len(lines) > 1<<20 || len(deeper) > 1<<16 {
			return nil, protocol.Fail(protocol.ReasonTooLarge, "read offer", nil)
		}
		differing = deeper
	}
	return lines, nil
}

// missing compares another node's lines with ours: runs to fetch, and feeds whose
// heads differ at a place that is held here, which may be forked. Feeds of electors
// come first, because what they say decides whose feeds are admitted.
func (r *Replica) missing(lines []protocol.Line) (runs []protocol.RunAsk, doubts []protocol.FeedID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var first, rest []protocol.RunAsk
	electors := r.state.Electors(charter.ByElectors)
	for _, l := range lines {
		st := l.Standing()
		f := r.feeds[st.Feed]
		if f == nil {
			rest = append(rest, protocol.RunAsk{Feed: l.Feed})
			continue
		}
		if f.limit.Void {
			continue
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
		if st.Count > 0 && st.Count <= f.durable && !r.forkTold[st.Feed] {
			held := f.lastHead
			if st.Count < f.durable {
				e, err := r.ledger.Entry(st.Feed, st.Count-1)
				if err != nil {
					continue
				}
				held = e.ID()
			}
			if held != st.Head {
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
		ask := s.r.claim(s.node, runs, protocol.MaxAsk)
		if len(ask) == 0 {
			return nil // others are fetching them
		}
		_ = s.s.SetDeadline(time.Now().Add(idleTime))
		if err := protocol.WriteFrame(s.s, &protocol.Ask{Runs: ask}); err != nil {
			return err
		}
		if err := s.receive(ctx); err != nil {
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

// receive reads pages until the end of an answer. Decoding and hashing go on while
// earlier pages are written to disk by the ledger's committer.
func (s *session) receive(ctx context.Context) error {
	var (
		underWay []*admitted
		refused  = map[protocol.FeedID]bool{} // runs that did not fit; the rest of them is skipped
		tail     protocol.Page
	)
	settle := func(keep int) error {
		for len(underWay) > keep {
			in := underWay[0]
			underWay = underWay[1:]
			if err := in.wait(ctx); err != nil {
				return err
			}
			s.got += len(in.page.Entries)
			s.r.pulling.fetched(len(in.page.Entries))
		}
		return nil
	}
	defer func() { _ = settle(0) }()
	for {
		var sent protocol.Sent
		if err := s.read(&sent); err != nil {
			return err
		}
		if sent.End {
			return settle(0)
		}
		page, err := decodePage(sent)
		if err != nil {
			return err
		}
		id := page.Feed()
		if refused[id] {
			continue
		}
		if len(tail.Entries) > 0 && tail.Feed() == id {
			page = protocol.Page{Entries: append(tail.Entries, page.Entries...), Bodies: append(tail.Bodies, page.Bodies...)}
		}
		tail = protocol.Page{}
		for len(page.Entries) > 0 {
			n := min(len(page.Entries), protocol.MaxPage)
			part := protocol.Page{Entries: page.Entries[:n], Bodies: page.Bodies[:n]}
			in, err := s.r.enter(admission{page: part, via: ViaCatchUp})
			reason := protocol.ReasonOf(err)
			if in != nil {
				underWay = append(underWay, in)
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
				page.Entries = page.Entries[n:]
				page.Bodies = page.Bodies[n:]
				continue
			case protocol.ReasonFork:
				if err := s.r.forked(ctx, id, part.Entries); err != nil {
					s.r.log.Debug("fork evidence is not complete", "feed", id.Short(), "err", err)
				}
			case protocol.ReasonReadOnly, protocol.ReasonDamaged:
				return err
			case protocol.ReasonUnknownMember, protocol.ReasonNotMember, protocol.ReasonSetAside, protocol.ReasonGap:
				// Not ours to take, or not yet.
			default:
				s.r.log.Warn("a node sent entries that do not stand", "node", s.node.Short(), "feed", id.Short(), "err", err)
			}
			refused[id] = true
			break
		}
		if err := settle(pagesUnderWay); err != nil {
			return err
		}
	}
}

func decodePage(sent protocol.Sent) (protocol.Page, error) {
	if len(sent.Headers) == 0 || len(sent.Headers) > protocol.MaxPage || len(sent.Bodies) != len(sent.Headers) {
		return protocol.Page{}, protocol.Fail(protocol.ReasonMalformed, "read page", fmt.Errorf("%d headers, %d bodies", len(sent.Headers), len(sent.Bodies)))
	}
	p := protocol.Page{Entries: make([]protocol.Entry, len(sent.Headers)), Bodies: sent.Bodies}
	for i, raw := range sent.Headers {
		e, err := protocol.DecodeEntry(raw)
		if err != nil {
			return protocol.Page{}, err
		}
		if i > 0 && e.Feed() != p.Entries[0].Feed() {
			return protocol.Page{}, protocol.Fail(protocol.ReasonMalformed, "read page", errors.New("entries of two feeds"))
		}
		p.Entries[i] = e
		if len(sent.Bodies[i]) == 0 {
			p.Bodies[i] = nil
		}
	}
	return p, nil
}

// bodies asks the node for bodies wanted here.
func (s *session) bodies(ctx context.Context) error {
	// Another part of the list each time, so that bodies nobody has do not keep others waiting.
	wanted := s.r.ledger.Wanted(16 * protocol.MaxAsk)
	if len(wanted) == 0 {
		return nil
	}
	if len(wanted) > protocol.MaxAsk {
		from := rand.IntN(len(wanted) - protocol.MaxAsk + 1)
		wanted = wanted[from : from+protocol.MaxAsk]
	}
	ask := protocol.Ask{}
	for _, w := range wanted {
		ask.Bodies = append(ask.Bodies, w.Entry)
	}
	_ = s.s.SetDeadline(time.Now().Add(idleTime))
	if err := protocol.WriteFrame(s.s, &ask); err != nil {
		return err
	}
	for {
		var sent protocol.Sent
		if err := s.read(&sent); err != nil {
			return err
		}
		if sent.End {
			return nil
		}
		if len(sent.Entries) != len(sent.Bodies) || len(sent.Entries) > protocol.MaxAsk {
			return protocol.Fail(protocol.ReasonMalformed, "read bodies", nil)
		}
		for i, id := range sent.Entries {
			if err := s.r.fill(ctx, id, sent.Bodies[i]); err != nil {
				s.r.log.Debug("a body was not taken", "entry", id.Short(), "err", err)
				continue
			}
			s.got++
		}
	}
}

// fill stores a body that was wanted.
func (r *Replica) fill(ctx context.Context, id protocol.EntryID, body []byte) error {
	e, isBody, err := r.ledger.Find(id)
	if err != nil || isBody {
		return errors.Join(err, protocol.Fail(protocol.ReasonNotFound, "store body", nil))
	}
	if err := e.CheckBody(body); err != nil {
		r.counts.refuse(protocol.ReasonBadHash)
		return err
	}
	commit := r.ledger.Submit(ledger.Batch{Bodies: []ledger.Body{{Entry: id, Data: body}}})
	if err := commit.Wait(ctx); err != nil {
		return err
	}
	if e.Kind().IsGovernance() {
		r.govern([]charter.Block{{Entry: e, Body: body}})
	}
	return nil
}

// bodyOf is the body of the entry that id names.
func (r *Replica) bodyOf(id protocol.EntryID) ([]byte, error) {
	e, isBody, err := r.ledger.Find(id)
	if err != nil || isBody {
		return nil, errors.Join(err, protocol.Fail(protocol.ReasonNotFound, "read body", nil))
	}
	return r.ledger.Body(e)
}
