package replication

import (
	"bufio"
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/replication/ledger"
	"github.com/dure-net/dure/replication/mesh"
)

// Deadlines of a catch-up stream. A frame of 1 MiB takes half a minute over a link of
// 256 kbit/s; the idle time is what a silent partner costs.
const (
	frameTime = 60 * time.Second
	idleTime  = 20 * time.Second
)

// maxAskBytes bounds a question: 256 runs take some 25 KB. What a node is waited for to
// send is kept in memory meanwhile. Beyond: the stream is reset.
const maxAskBytes = 64 << 10

// relayedPageBytes bounds the bodies of one frame over a relay. A relay as libp2p delivers
// it cuts a connection after 128 KiB, and what arrived of a frame is lost with it: a frame
// must fit, or catch-up begins with the same one for ever. A single body always fits
// (MaxBodyBytes), and is sent whatever its size.
const relayedPageBytes = 40 << 10

func pageBytes(s mesh.Stream) int {
	if s.Limited() {
		return relayedPageBytes
	}
	return protocol.MaxPageBodyBytes
}

// ServeSync answers one puller. It reads the ledger and never changes it. It serves
// while this node is recovering or read-only too: that is how others get what it has.
func (of handler) ServeSync(ctx context.Context, from protocol.PublicKey, s mesh.Stream) {
	r := of.replica
	if err := r.serve(ctx, from, s); err != nil {
		r.log.Debug("a node's catch-up from here ended early", "node", from.Short(), "err", err)
		_ = s.Reset()
	}
}

func (r *Replica) serve(ctx context.Context, from protocol.PublicKey, s mesh.Stream) error {
	br := bufio.NewReaderSize(s, 16<<10)
	_ = s.SetDeadline(time.Now().Add(idleTime))
	var hello protocol.Hello
	if err := protocol.ReadFrame(br, 256, &hello); err != nil {
		return err
	}
	turn := r.turnOf(from)
	if err := turn.asks.Wait(ctx); err != nil {
		return err
	}
	offer := r.frontier.offer(hello)
	if err := protocol.WriteFrame(s, &offer); err != nil {
		return err
	}
	r.met(from, offer.Differ)
	for {
		_ = s.SetDeadline(time.Now().Add(idleTime))
		var ask protocol.Ask
		err := protocol.ReadFrame(br, maxAskBytes, &ask)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if len(ask.Ranges) > protocol.MaxAsk || len(ask.Runs) > protocol.MaxAsk || len(ask.Bodies) > protocol.MaxAsk {
			return protocol.Fail(protocol.ReasonTooLarge, "serve catch-up", nil)
		}
		if err := turn.asks.Wait(ctx); err != nil {
			return err
		}
		switch {
		case len(ask.Ranges) > 0 && len(ask.Runs)+len(ask.Bodies) > 0, len(ask.Runs) > 0 && len(ask.Bodies) > 0:
			return protocol.Fail(protocol.ReasonMalformed, "serve catch-up", errors.New("several questions in one"))
		case twice(ask.Runs, func(a protocol.RunAsk) any { return [2][32]byte{a.Feed, a.Branch} }), twice(ask.Bodies, func(c protocol.CID) any { return c }):
			return protocol.Fail(protocol.ReasonMalformed, "serve catch-up", errors.New("one thing asked for twice"))
		case !disjoint(ask.Ranges):
			return protocol.Fail(protocol.ReasonMalformed, "serve catch-up", errors.New("ranges that overlap"))
		case len(ask.Ranges) > 0:
			offer := r.frontier.split(ask.Ranges)
			err = protocol.WriteFrame(s, &offer)
		case len(ask.Runs) > 0:
			err = turn.stream(ctx, func() error { return r.serveRuns(ctx, s, ask.Runs) })
		case len(ask.Bodies) > 0:
			err = turn.stream(ctx, func() error { return r.serveBodies(ctx, s, ask.Bodies) })
		default:
			return protocol.Fail(protocol.ReasonMalformed, "serve catch-up", errors.New("an empty question"))
		}
		if err != nil {
			return err
		}
	}
}

func twice[T any](asked []T, name func(T) any) bool {
	seen := make(map[any]bool, len(asked))
	for _, a := range asked {
		if seen[name(a)] {
			return true
		}
		seen[name(a)] = true
	}
	return false
}

// serveRuns streams the standing entries of each feed asked for, page by page, as
// the ledger keeps them: every page ends in a validly signed entry.
func (r *Replica) serveRuns(ctx context.Context, s mesh.Stream, runs []protocol.RunAsk) error {
	ctx, cancel := context.WithCancel(ctx)
	ahead := 0
	if r.ahead.TryAcquire(1) {
		ahead = readAhead
		defer r.ahead.Release(1)
	}
	pages := make(chan protocol.Sent, ahead)
	var reader sync.WaitGroup
	reader.Go(func() {
		defer close(pages)
		for _, run := range runs {
			r.readRun(ctx, run, pageBytes(s), pages)
		}
	})
	defer reader.Wait()
	defer cancel()
	w := bufio.NewWriterSize(s, 256<<10)
	for sent := range pages {
		_ = s.SetDeadline(time.Now().Add(frameTime))
		if err := protocol.WriteFrame(w, &sent); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return finish(w)
}

// readAhead is how many pages are read from the disk while others are written to the
// stream: reading and encrypting then share the time. Beyond, reading waits. aheadStreams
// is how many streams may do so at once; the others read a page when the one before is
// written. So what is held for slow readers stays below some 200 MB, whoever they are.
const (
	readAhead    = 4
	aheadStreams = 64
)

// readRun reads one run, page by page, until its end or the end of ctx.
func (r *Replica) readRun(ctx context.Context, run protocol.RunAsk, bodyBytes int, pages chan<- protocol.Sent) {
	id := protocol.FeedCID(run.Feed)
	branch := run.Branch != [32]byte{}
	for from := run.From; ; {
		count := r.frontier.line(id).Count
		if branch {
			count = r.branchReach(id, protocol.FeedCID(run.Branch))
		}
		if run.Max > 0 && run.From < count {
			count = run.From + min(run.Max, count-run.From)
		}
		if from >= count {
			return
		}
		var page ledger.Raw
		var err error
		if branch {
			page, err = r.ledger.RawBranch(protocol.FeedCID(run.Branch), from, int(min(count-from, protocol.MaxPage)), bodyBytes)
		} else {
			page, err = r.ledger.Raw(id, from, int(min(count-from, protocol.MaxPage)), bodyBytes)
		}
		if err != nil || len(page.Headers) == 0 {
			// Damaged or gone meanwhile: others may have it. The run ends here.
			r.log.Warn("entries could not be read for a node", "feed", id.Short(), "seq", from, "err", err)
			return
		}
		sent := protocol.Sent{Headers: page.Headers, Bodies: page.Bodies}
		for i := range sent.Bodies {
			if sent.Bodies[i] == nil {
				sent.Bodies[i] = []byte{}
			}
		}
		from += uint64(len(page.Headers))
		if count > from {
			sent.Left = count - from
		}
		select {
		case pages <- sent:
		case <-ctx.Done():
			return
		}
	}
}

// branchReach is how far a branch of a feed is held here that is proven to be forked; 0
// for everything else: what stands only is served.
func (r *Replica) branchReach(id protocol.FeedID, entry protocol.EntryID) uint64 {
	r.mu.Lock()
	proven := r.forks[id] != nil
	r.mu.Unlock()
	if !proven {
		return 0
	}
	if e, isBody, err := r.ledger.Find(entry); err != nil || isBody || e.Feed() != id {
		return 0
	}
	tip, _ := r.ledger.Tip(entry)
	return tip.Count
}

// serveBodies sends the bodies asked for that are held; those that are not are left
// out, and the puller asks somebody else.
func (r *Replica) serveBodies(ctx context.Context, s mesh.Stream, entries []protocol.CID) error {
	w := bufio.NewWriterSize(s, 64<<10)
	var sent protocol.Sent
	size := 0
	flush := func() error {
		if len(sent.Entries) == 0 {
			return nil
		}
		_ = s.SetDeadline(time.Now().Add(frameTime))
		err := protocol.WriteFrame(w, &sent)
		sent, size = protocol.Sent{}, 0
		return err
	}
	for _, id := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		body, err := r.bodyOf(id)
		if err != nil || body == nil {
			continue
		}
		if size+len(body) > pageBytes(s) {
			if err := flush(); err != nil {
				return err
			}
		}
		sent.Entries, sent.Bodies = append(sent.Entries, id), append(sent.Bodies, body)
		size += len(body)
	}
	if err := flush(); err != nil {
		return err
	}
	return finish(w)
}

func finish(w *bufio.Writer) error {
	if err := protocol.WriteFrame(w, &protocol.Sent{End: true}); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return protocol.Fail(protocol.ReasonUnreachable, "serve catch-up", err)
	}
	return nil
}
