package replication

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/replication/mesh"
)

// behaviour is one thing that a hostile member does.
type behaviour string

const (
	// What it sends by itself.
	sendsBadSignatures behaviour = "entries signed by another key"
	sendsWrongBodies   behaviour = "headers with another body"
	sendsNonCanonical  behaviour = "messages in another spelling"
	sendsJunk          behaviour = "floods of junk"
	sendsOldEntries    behaviour = "old entries again and again"
	equivocates        behaviour = "two entries at one place"
	forgesEvidence     behaviour = "forged fork evidence"
	liesAboutHealth    behaviour = "health messages with false roots"
	sendsFarEntries    behaviour = "entries far ahead of their feed"
	leavesBodiesOut    behaviour = "entries whose bodies nobody has"
	endorsesBadEntries behaviour = "badly signed entries, endorsed later"
	opensHalfStreams   behaviour = "streams left half open"
	asksForGiantFrames behaviour = "frames of a declared terabyte"
	asksAndNeverReads  behaviour = "questions whose answers it never reads"
	claimsStrangeRoots behaviour = "hellos with strange roots and numbers"
	// How it answers.
	stallsStreams   behaviour = "catch-up that stalls"
	withholds       behaviour = "entries withheld"
	offersPhantoms  behaviour = "feeds and entries that do not exist"
	offersGiants    behaviour = "giant counts"
	liesAboutHeads  behaviour = "false heads"
	offersOldCounts behaviour = "an old frontier"
	servesBadBodies behaviour = "wrong bodies in pages"
	servesBadPages  behaviour = "damaged headers in pages"
	servesUnasked   behaviour = "pages that nobody asked for"
	cutsPagesShort  behaviour = "streams reset within a page"
)

// behaviours lists them all. The last one is the last, because whoever met it asks that
// node nothing for a minute.
func behaviours() []behaviour {
	return []behaviour{sendsBadSignatures, sendsWrongBodies, sendsNonCanonical, sendsJunk, sendsOldEntries, equivocates, forgesEvidence, liesAboutHealth,
		sendsFarEntries, leavesBodiesOut, endorsesBadEntries, opensHalfStreams, asksForGiantFrames, asksAndNeverReads, claimsStrangeRoots,
		withholds, offersPhantoms, offersGiants, liesAboutHeads, offersOldCounts, servesBadBodies, servesBadPages, servesUnasked, cutsPagesShort, stallsStreams}
}

// hostility is a member whose node lies. It has a ledger and takes part, so that it knows
// what to lie about; each behaviour has a switch.
type hostility struct {
	mu      sync.Mutex // guards all below
	does    map[behaviour]bool
	did     map[behaviour]int
	dice    *rand.Rand
	running sync.WaitGroup
	base    context.Context
}

// turnHostile makes the node a hostile one, from its next start on. Nothing that it
// promised counts any more.
func (a *actor) turnHostile(does ...behaviour) {
	h := &hostility{does: map[behaviour]bool{}, did: map[behaviour]int{}, dice: rand.New(rand.NewPCG(a.w.seed, uint64(a.n)))}
	h.behave(does...)
	a.hostile, a.acked = h, nil
}

// behave switches to exactly these behaviours.
func (h *hostility) behave(does ...behaviour) {
	h.mu.Lock()
	defer h.mu.Unlock()
	clear(h.does)
	for _, b := range does {
		h.does[b] = true
	}
}

// now reports whether the behaviour is on, and counts that it was shown.
func (h *hostility) now(b behaviour) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.does[b] {
		h.did[b]++
	}
	return h.does[b]
}

// shown counts, by behaviour, how often it was shown. The map is the caller's.
func (h *hostility) shown() map[behaviour]int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return maps.Clone(h.did)
}

func (h *hostility) n(n int) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.dice.IntN(n)
}

// behind is the node's face to the network.
func (h *hostility) behind(a *actor) mesh.Handler {
	return &liar{Handler: a.replica.Handler(), a: a, h: h}
}

// liar answers catch-up with lies and everything else as the replica does.
type liar struct {
	mesh.Handler
	a *actor
	h *hostility
}

func (l *liar) ServeSync(ctx context.Context, _ protocol.PublicKey, s mesh.Stream) {
	_ = l.serve(ctx, s)
	_ = s.Reset()
}

func (l *liar) serve(ctx context.Context, s mesh.Stream) error {
	h, r := l.h, l.a.replica
	br := bufio.NewReader(s)
	var hello protocol.Hello
	if err := protocol.ReadFrame(br, 256, &hello); err != nil {
		return err
	}
	if h.now(stallsStreams) {
		if h.n(2) == 0 {
			_, _ = s.Write([]byte{0x40}) // the beginning of a frame that never comes
		}
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Minute):
		}
		return nil
	}
	offer := r.frontier.offer(hello)
	l.spoil(&offer)
	if err := protocol.WriteFrame(s, &offer); err != nil {
		return err
	}
	for {
		var ask protocol.Ask
		if err := protocol.ReadFrame(br, protocol.MaxFrameBytes, &ask); err != nil {
			return err
		}
		switch {
		case len(ask.Ranges) > 0:
			o := r.frontier.split(ask.Ranges)
			l.spoil(&o)
			if err := protocol.WriteFrame(s, &o); err != nil {
				return err
			}
			continue
		case len(ask.Bodies) > 0 && !h.now(withholds):
			for _, id := range ask.Bodies {
				if body, err := r.bodyOf(id); err == nil && body != nil {
					if h.now(servesBadBodies) {
						body = []byte("another body")
					}
					_ = protocol.WriteFrame(s, &protocol.Sent{Entries: []protocol.CID{id}, Bodies: [][]byte{body}})
				}
			}
		case len(ask.Runs) > 0 && !h.now(withholds):
			for _, run := range ask.Runs {
				if err := l.serveRun(s, run); err != nil {
					return err
				}
			}
		}
		if err := protocol.WriteFrame(s, &protocol.Sent{End: true}); err != nil {
			return err
		}
	}
}

// spoil turns an offer into a lie.
func (l *liar) spoil(o *protocol.Offer) {
	h := l.h
	lines := l.a.replica.frontier.all()
	if len(lines) == 0 {
		return
	}
	any := func() protocol.Line { return lines[h.n(len(lines))].ToLine() }
	lie := func(line protocol.Line) { o.Differ, o.Lines = true, append(o.Lines, line) }
	if h.now(offersPhantoms) {
		var feed [32]byte
		feed[0] = byte(h.n(256))
		lie(protocol.Line{Feed: feed, Count: 10, Head: feed})
		line := any()
		line.Count += 100
		lie(line)
	}
	if h.now(offersGiants) {
		line := any()
		line.Count = []uint64{protocol.MaxNumber + 1, math.MaxUint64, 1 << 40}[h.n(3)]
		lie(line)
	}
	if h.now(liesAboutHeads) {
		line := any()
		line.Head[5] ^= 1
		lie(line)
	}
	if h.now(offersOldCounts) {
		o.Differ = true
		for i := range o.Lines {
			o.Lines[i].Count /= 2
		}
	}
}

func (l *liar) serveRun(s mesh.Stream, run protocol.RunAsk) error {
	h := l.h
	id := protocol.FeedCID(run.Feed)
	if h.now(servesUnasked) {
		lines := l.a.replica.frontier.all()
		id = lines[h.n(len(lines))].Feed
	}
	count := l.a.replica.frontier.line(id).Count
	if run.Max > 0 {
		count = min(count, run.From+run.Max)
	}
	for from := run.From; from < count; {
		page, err := l.a.replica.ledger.Raw(id, from, int(min(count-from, protocol.MaxPage)), protocol.MaxPageBodyBytes)
		if err != nil || len(page.Headers) == 0 {
			return nil
		}
		from += uint64(len(page.Headers))
		sent := protocol.Sent{Headers: slices.Clone(page.Headers), Bodies: slices.Clone(page.Bodies)}
		for i := range sent.Bodies {
			if sent.Bodies[i] == nil {
				sent.Bodies[i] = []byte{}
			}
		}
		if h.now(servesBadBodies) {
			sent.Bodies[h.n(len(sent.Bodies))] = []byte("another body")
		}
		if h.now(servesBadPages) {
			i := h.n(len(sent.Headers))
			sent.Headers[i] = bytes.Clone(sent.Headers[i])
			sent.Headers[i][h.n(len(sent.Headers[i]))] ^= 1
		}
		if h.now(cutsPagesShort) {
			var frame bytes.Buffer
			_ = protocol.WriteFrame(&frame, &sent)
			_, _ = s.Write(frame.Bytes()[:frame.Len()/2])
			return io.ErrClosedPipe
		}
		if err := protocol.WriteFrame(s, &sent); err != nil {
			return err
		}
	}
	return nil
}

// begin starts what the node does by itself; join waits for its end.
func (h *hostility) begin(ctx context.Context, a *actor) {
	h.base = ctx
	h.running.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(time.Second/2 + time.Duration(h.n(1000))*time.Millisecond):
			}
			h.act(ctx, a)
		}
	})
}

func (h *hostility) join() { h.running.Wait() }

// act does once all that is switched on.
func (h *hostility) act(ctx context.Context, a *actor) {
	r, fed := a.replica, a.w.fed
	line := r.frontier.all()
	if len(line) == 0 {
		return
	}
	at := line[h.n(len(line))]
	if at.Count == 0 {
		return
	}
	e, err := r.ledger.Entry(at.Feed, uint64(h.n(int(at.Count))))
	if err != nil {
		return
	}
	body, _ := r.ledger.Body(e)
	message, err := protocol.EncodeMessage(e, body)
	if err != nil {
		return
	}
	say := func(m []byte) { _ = a.mesh.Announce(m) }
	r.mu.Lock()
	own := r.own
	r.mu.Unlock()

	if h.now(sendsOldEntries) {
		say(message)
	}
	if h.now(sendsBadSignatures) {
		if head, err := r.ledger.Entry(at.Feed, at.Count-1); err == nil {
			hd := protocol.Header{Feed: at.Feed, Seq: at.Count, Prev: head.ID(), Act: head.Header().Act, Kind: protocol.KindNotice, Time: head.Header().Time}
			if forged, err := protocol.Seal(fed, hd, a.node); err == nil { // perhaps its own feed: then it is no forgery
				if m, err := protocol.EncodeMessage(forged, nil); err == nil && (own == nil || at.Feed != own.id) {
					say(m)
				}
			}
		}
	}
	if h.now(sendsWrongBodies) {
		if m, err := protocol.EncodeMessage(e, []byte{0xa0}); err == nil {
			say(m)
		}
	}
	if h.now(sendsNonCanonical) {
		say(append(slices.Clone(message), 0))
		say(append([]byte{0xb8, message[0] & 0x1f}, message[1:]...)) // the same map with a longer length
	}
	if h.now(sendsJunk) {
		for range 50 {
			junk := make([]byte, 100+h.n(400))
			for i := range junk {
				junk[i] = byte(h.n(256))
			}
			say(junk)
		}
	}
	if h.now(liesAboutHealth) {
		var root protocol.Root
		root[h.n(len(root))] = byte(h.n(256))
		signed, err := protocol.Health{Federation: fed, Time: a.now().UnixMilli() + int64(h.n(1000)), Root: root, Entries: protocol.MaxNumber, State: "ready", Version: "lies"}.Sign(a.node)
		if err == nil {
			if raw, err := protocol.Encode(&signed); err == nil {
				_ = a.mesh.AnnounceHealth(raw)
			}
		}
	}
	if own != nil {
		h.write(ctx, a, own.id)
	}
	h.pester(ctx, a)
}

// write does what needs an own feed.
func (h *hostility) write(ctx context.Context, a *actor, id protocol.FeedID) {
	r, fed := a.replica, a.w.fed
	count := r.frontier.line(id).Count
	if count == 0 {
		return
	}
	head, err := r.ledger.Entry(id, count-1)
	if err != nil {
		return
	}
	next := func(prev protocol.Entry, ahead uint64, key protocol.PrivateKey, body []byte) (protocol.Entry, bool) {
		hd := protocol.Header{Feed: id, Seq: prev.Seq() + 1 + ahead, Prev: prev.ID(), Act: prev.Header().Act, Kind: protocol.KindNotice, Time: prev.Header().Time}
		if body != nil {
			hd.Body, hd.Size = protocol.Sum(body), uint64(len(body))
		}
		e, err := protocol.Seal(fed, hd, key)
		return e, err == nil
	}
	say := func(e protocol.Entry, body []byte) {
		if m, err := protocol.EncodeMessage(e, body); err == nil {
			_ = a.mesh.Announce(m)
		}
	}
	if h.now(equivocates) {
		body, err := protocol.EncodeBody(protocol.Salt{byte(h.n(256))}, map[string]any{"text": "for the others"})
		if e, ok := next(head, 0, a.node, body); err == nil && ok {
			_, _ = a.tryPublish("for some")
			say(e, body)
		}
	}
	if h.now(sendsFarEntries) {
		if e, ok := next(head, 1+uint64(h.n(1000)), a.node, nil); ok {
			say(e, nil)
		}
	}
	if h.now(leavesBodiesOut) {
		// The header comes by catch-up, the body never.
		if e, ok := next(head, 0, a.node, []byte("nobody has this")); ok {
			_, _ = r.admit(admission{page: protocol.Page{Entries: []protocol.Entry{e}, Bodies: [][]byte{nil}}, via: ViaImport})
			return
		}
	}
	if h.now(endorsesBadEntries) {
		bad, ok := next(head, 0, a.root, nil)
		if ok {
			if good, ok := next(bad, 0, a.node, nil); ok {
				_, _ = r.admit(admission{page: protocol.Page{Entries: []protocol.Entry{bad, good}, Bodies: [][]byte{nil, nil}}, via: ViaImport})
				say(good, nil)
				return
			}
		}
	}
	if h.now(forgesEvidence) {
		h.forge(ctx, a, head)
	}
}

// forge publishes evidence of forks that are none.
func (h *hostility) forge(ctx context.Context, a *actor, own protocol.Entry) {
	r := a.replica
	for _, l := range r.frontier.all() {
		if l.Count < 2 || l.Feed == own.Feed() {
			continue
		}
		inception, err := r.ledger.Entry(l.Feed, 0)
		e, err2 := r.ledger.Entry(l.Feed, l.Count-1)
		if err != nil || err2 != nil {
			continue
		}
		forged := []protocol.Entry{e} // the same entry twice
		if h.n(2) == 0 {
			hd := e.Header() // another author
			hd.Kind = protocol.KindNotice
			if x, err := protocol.Seal(a.w.fed, hd, a.node); err == nil {
				forged = []protocol.Entry{x}
			}
		}
		ev := protocol.NewForkEvidence(inception, []protocol.Entry{e}, forged)
		_, _ = r.Publish(ctx, Draft{Kind: protocol.KindForkEvidence, Content: &ev})
		return
	}
}

// pester opens streams to somebody and misuses them.
func (h *hostility) pester(ctx context.Context, a *actor) {
	others := slices.DeleteFunc(slices.Clone(a.w.running()), func(b *actor) bool { return b == a })
	if len(others) == 0 {
		return
	}
	open := func(do func(s mesh.Stream)) {
		to := others[h.n(len(others))].node.Public()
		h.running.Go(func() {
			s, err := a.mesh.OpenSync(ctx, to)
			if err != nil {
				return
			}
			do(s)
			select {
			case <-ctx.Done():
			case <-time.After(20 * time.Second):
			}
			_ = s.Reset()
		})
	}
	hello := func(s mesh.Stream, since uint64) {
		var root protocol.Root
		root[0] = byte(h.n(256))
		_ = protocol.WriteFrame(s, &protocol.Hello{Root: root, Since: since})
	}
	if h.now(opensHalfStreams) {
		open(func(s mesh.Stream) { _, _ = s.Write([]byte{0x20, 0xa1}) })
	}
	if h.now(asksForGiantFrames) {
		open(func(s mesh.Stream) {
			hello(s, 0)
			_, _ = s.Write([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0x7f})
		})
	}
	if h.now(asksAndNeverReads) {
		open(func(s mesh.Stream) {
			hello(s, 0)
			ask := protocol.Ask{}
			for _, l := range a.replica.frontier.all() {
				if len(ask.Runs) < protocol.MaxAsk {
					ask.Runs = append(ask.Runs, protocol.RunAsk{Feed: l.Feed.Digest()})
				}
			}
			_ = protocol.WriteFrame(s, &ask)
		})
	}
	if h.now(claimsStrangeRoots) {
		open(func(s mesh.Stream) { hello(s, uint64(h.n(1<<31))) })
	}
}
