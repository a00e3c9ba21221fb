package replication

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/replication/ledger"
	"github.com/dure-net/dure/replication/mesh"
)

// Pages that were under way when a bundle turned out to be cut lay on the disk and did
// not count until the next start.
func TestImport_CutBundleCounts(t *testing.T) {
	empty, bundle := reader(t)
	if _, err := empty.Bundles().Import(context.Background(), bytes.NewReader(bundle[:len(bundle)-10]), nil); err == nil {
		t.Fatal("a cut bundle was read to its end")
	}
	entries, _ := empty.Total()
	if held := empty.ledger.Stats().Entries; entries == 0 || entries != held {
		t.Errorf("%d entries are on the disk and %d stand", held, entries)
	}
}

// A page of large records was too large for the ledger: it was refused, and the node
// became read-only for good. And one governance body under two headers of a page was
// lost on the way.
func TestImport_LargePagesAndEqualBodies(t *testing.T) {
	l := newLone(t, 2, nil)
	if err := l.Begin(context.Background()); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := l.Publish(context.Background(), Draft{Kind: protocol.KindStatement, Content: l.a.governing}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 40 {
		text := bytes.Repeat([]byte{byte('a' + i%26)}, 60<<10)
		if _, err := l.Publish(context.Background(), Draft{Kind: protocol.KindOffer, Content: map[string]any{"text": string(text), "n": i}}); err != nil {
			t.Fatal(err)
		}
	}
	var bundle bytes.Buffer
	if _, err := l.Bundles().Export(context.Background(), &bundle, nil); err != nil {
		t.Fatal(err)
	}
	store, err := ledger.Open(ledger.Config{Dir: filepath.Join(t.TempDir(), "other"), Federation: l.w.fed, FloorBytes: 1 << 20, ReserveBytes: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	other, err := New(Config{Ledger: store, Founding: l.w.founding, Papers: l.w.papers, Federation: l.w.fed, Key: keyOf(t, "a reader")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Bundles().Import(context.Background(), &bundle, nil); err != nil {
		t.Fatal(err)
	}
	if c, _ := other.Condition(); c == ReadOnly || other.Root() != l.Root() || store.Stats().Wanted > 0 {
		t.Errorf("after the import: %s, %d bodies wanted, equal roots %t", c, store.Stats().Wanted, other.Root() == l.Root())
	}
}

// A page with more bodies than one batch holds, as entries that waited for one another
// or a node's two pages make, was refused by the ledger, and the node was read-only.
func TestAdmit_MoreBodiesThanABatch(t *testing.T) {
	l := newLone(t, 2, nil)
	b := l.w.nodes[1]
	page := protocol.Page{Entries: []protocol.Entry{b.inception}, Bodies: [][]byte{nil}}
	for i := range protocol.MaxPage - 1 {
		body, err := protocol.EncodeBody(protocol.Salt{}, map[string]any{"text": string(bytes.Repeat([]byte("a"), 60<<10)), "n": i})
		if err != nil {
			t.Fatal(err)
		}
		prev := page.Entries[i]
		e, err := protocol.Seal(l.w.fed, protocol.Header{Feed: b.inception.ID(), Seq: uint64(i + 1), Prev: prev.ID(), Act: protocol.ActRef{ID: l.w.fed},
			Kind: protocol.KindNotice, Time: prev.Header().Time, Body: protocol.Sum(body), Size: uint64(len(body))}, b.node)
		if err != nil {
			t.Fatal(err)
		}
		page.Entries, page.Bodies = append(page.Entries, e), append(page.Bodies, body)
	}
	if n, err := l.Admit(context.Background(), page, ViaCatchUp); err != nil || n != protocol.MaxPage {
		t.Errorf("%d entries admitted, %v", n, err)
	}
	if c, _ := l.Condition(); c == ReadOnly || l.store.Stats().Wanted > 0 {
		t.Errorf("the node is %s and wants %d bodies", c, l.store.Stats().Wanted)
	}
}

// A session took whatever came, for as long as it came: frames of feeds that it had not
// asked for, the same bodies again and again.
func TestSession_TakesOnlyWhatItAskedFor(t *testing.T) {
	l := newLone(t, 2, nil)
	b := l.w.nodes[1]
	e, err := protocol.Seal(l.w.fed, protocol.Header{Feed: b.inception.ID(), Seq: 1, Prev: b.inception.ID(), Act: protocol.ActRef{ID: l.w.fed},
		Kind: protocol.KindNotice, Time: time.Now().UnixMilli(), Body: protocol.Sum([]byte("x")), Size: 1}, b.node)
	if err != nil {
		t.Fatal(err)
	}
	inception := protocol.Sent{Headers: [][]byte{b.inception.Bytes()}, Bodies: [][]byte{{}}}
	second := protocol.Sent{Headers: [][]byte{e.Bytes()}, Bodies: [][]byte{{}}}
	body := protocol.Sent{Entries: []protocol.CID{e.ID()}, Bodies: [][]byte{[]byte("x")}}
	answer := func(frames ...protocol.Sent) *session {
		var raw bytes.Buffer
		for i := range frames {
			if err := protocol.WriteFrame(&raw, &frames[i]); err != nil {
				t.Fatal(err)
			}
		}
		return &session{r: l.Replica, s: canned{}, br: bufio.NewReader(&raw)}
	}
	feed := b.inception.ID().Digest()
	end := protocol.Sent{End: true}
	for name, c := range map[string]struct {
		ask    protocol.RunAsk
		frames []protocol.Sent
	}{
		"another feed":       {protocol.RunAsk{Feed: [32]byte{1}}, []protocol.Sent{inception, end}},
		"another place":      {protocol.RunAsk{Feed: feed}, []protocol.Sent{second, end}},
		"the same run twice": {protocol.RunAsk{Feed: feed}, []protocol.Sent{inception, second, inception, end}},
	} {
		if err := answer(c.frames...).receive(context.Background(), []protocol.RunAsk{c.ask}); protocol.ReasonOf(err) != protocol.ReasonMalformed {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := answer(inception, second, end).receive(context.Background(), []protocol.RunAsk{{Feed: feed}}); err != nil {
		t.Errorf("what was asked for: %v", err)
	}
	if l.store.Stats().Wanted != 1 {
		t.Fatalf("%d bodies wanted", l.store.Stats().Wanted)
	}
	s := answer(body, body, end)
	if err := s.bodies(); protocol.ReasonOf(err) != protocol.ReasonMalformed || s.got != 1 {
		t.Errorf("one body twice: %d taken, %v", s.got, err)
	}
}

// canned is a stream whose answers were read already.
type canned struct{ mesh.Stream }

func (canned) Write(b []byte) (int, error)     { return len(b), nil }
func (canned) SetDeadline(time.Time) error     { return nil }
func (canned) SetReadDeadline(time.Time) error { return nil }
func (canned) Reset() error                    { return nil }

// Feeds were kept for a node as long as its session lasted, however little it brought.
func TestClaim_SlowNodeHoldsNothingBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLone(t, 1, nil)
		runs := []protocol.RunAsk{{Feed: [32]byte{1}}, {Feed: [32]byte{2}}}
		slow, quick := &session{r: l.Replica}, &session{r: l.Replica}
		if got := l.claim(slow, runs, protocol.MaxAsk); len(got) != 2 {
			t.Fatalf("%d feeds claimed", len(got))
		}
		if got := l.claim(quick, runs, protocol.MaxAsk); len(got) != 0 {
			t.Errorf("%d feeds claimed twice", len(got))
		}
		for range 3 {
			time.Sleep(claimIdle / 2)
			l.moved(slow, protocol.FeedCID(runs[0].Feed))
		}
		if got := l.claim(quick, runs, protocol.MaxAsk); len(got) != 0 {
			t.Errorf("%d feeds taken from a session that brings something", len(got))
		}
		time.Sleep(claimIdle)
		if got := l.claim(quick, runs, protocol.MaxAsk); len(got) != 2 {
			t.Errorf("%d feeds taken from a session that brings nothing", len(got))
		}
		l.unclaim(slow)
		l.unclaim(quick)
		if len(l.claims) != 0 {
			t.Errorf("%d claims are left", len(l.claims))
		}
	})
}

// A session that lay still and went on was ahead of the one that had taken its feed over,
// which brought everything again, page after page.
func TestClaim_WhoIsAheadHasTheFeedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLone(t, 1, nil)
		runs := []protocol.RunAsk{{Feed: [32]byte{1}}}
		id := protocol.FeedCID(runs[0].Feed)
		still, next := &session{r: l.Replica}, &session{r: l.Replica}
		l.claim(still, runs, protocol.MaxAsk)
		time.Sleep(claimIdle)
		if got := l.claim(next, runs, protocol.MaxAsk); len(got) != 1 || !l.takenOver(still, id) || l.Counts().Taken != 1 {
			t.Fatalf("%d feeds taken over, %d counted", len(got), l.Counts().Taken)
		}
		l.moved(still, id)
		if !l.takenOver(next, id) || l.takenOver(still, id) {
			t.Error("the session that is behind goes on")
		}
		l.moved(next, id)
		if !l.takenOver(still, id) {
			t.Error("the session that was overtaken goes on")
		}
		l.unclaim(next)
		if l.moved(still, id); len(l.claims) != 0 {
			t.Error("a feed that nobody claims is claimed by who brings it")
		}
	})
}

// Whatever members publish as their addresses, the answer to a joining node fits a frame.
func TestServeJoin_AnswerFitsAFrame(t *testing.T) {
	l := newLone(t, 1, nil)
	for i := range protocol.MaxFounders {
		key := keyOf(t, fmt.Sprint("node ", i)).Public()
		l.nodes[key] = true
		for range protocol.MaxAddresses {
			l.addresses[key] = append(l.addresses[key], string(bytes.Repeat([]byte("a"), protocol.MaxAddressBytes)))
		}
	}
	raw, err := protocol.Encode(&protocol.JoinAnswer{State: protocol.JoinWelcome, Founding: make([]byte, protocol.MaxFoundingBytes), Peers: l.known(protocol.PublicKey{})})
	if err != nil || len(raw) > protocol.MaxFrameBytes {
		t.Errorf("the answer takes %d bytes, %v", len(raw), err)
	}
}

// A node that lacked a whole feed was shown as not behind.
func TestReplica_BehindByWholeFeeds(t *testing.T) {
	l := newLone(t, 2, nil)
	l.w.fillSome(t, l.Replica, 40)
	node := keyOf(t, "another").Public()
	l.Others().Vouch(node)
	lines := []protocol.Line{}
	for _, s := range l.frontier.all()[:1] {
		s.Count -= 5
		lines = append(lines, s.ToLine())
	}
	l.noteBehind(node, lines, []string{""})
	if got := *l.peerFor(node).behind; got != 25 {
		t.Errorf("it is %d behind, want 5 of one feed and 20 of the other", got)
	}
}

// One health message from a clock that was years ahead shut out all later ones.
func TestHealth_ClockSetBack(t *testing.T) {
	now := time.Now()
	l := newLone(t, 2, func(c *Config) { c.Now = func() time.Time { return now } })
	b := l.w.nodes[1]
	if _, err := l.Admit(context.Background(), protocol.Page{Entries: []protocol.Entry{b.inception}, Bodies: [][]byte{nil}}, ViaImport); err != nil {
		t.Fatal(err)
	}
	say := func(at time.Time) protocol.Verdict {
		h, err := protocol.Health{Federation: l.w.fed, Time: at.UnixMilli(), State: "ready", Version: "test"}.Sign(b.node)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := protocol.Encode(&h)
		if err != nil {
			t.Fatal(err)
		}
		return l.Handler().Health(context.Background(), b.node.Public(), raw)
	}
	if v := say(now.AddDate(10, 0, 0)); v != protocol.Accept {
		t.Fatalf("a first message: %v", v)
	}
	if v := say(now); v != protocol.Ignore {
		t.Errorf("an older message at once: %v", v)
	}
	now = now.Add(healthAge)
	if v := say(now); v != protocol.Accept {
		t.Errorf("after the clock was set right: %v", v)
	}
}

// Once a fork of a feed was told, a lower one never was, and neither was looked for: nodes
// with the two lower branches kept different roots.
func TestForked_LowerForkIsToldToo(t *testing.T) {
	l := newLone(t, 2, func(c *Config) { c.Governing = nil })
	if err := l.Begin(context.Background()); err != nil {
		t.Fatal(err)
	}
	others := &world{fed: l.w.fed, nodes: l.w.nodes[1:]}
	others.fillSome(t, l.Replica, 10) // of the other founder's feed
	id := l.w.nodes[1].inception.ID()
	for _, seq := range []uint64{6, 8, 3} {
		before, err := l.store.Entry(id, seq-1)
		if err != nil {
			t.Fatal(err)
		}
		other, err := protocol.Seal(l.w.fed, protocol.Header{Feed: id, Seq: seq, Prev: before.ID(), Act: protocol.ActRef{ID: l.w.fed}, Kind: protocol.KindNotice,
			Time: before.Header().Time + 7}, l.w.nodes[1].node)
		if err != nil {
			t.Fatal(err)
		}
		line := protocol.Standing{Feed: id, Count: seq + 1, Head: other.ID()}
		_, doubts := l.missing([]protocol.Line{line.ToLine()})
		if known := seq == 8; (len(doubts) == 0) != known {
			t.Errorf("another entry at %d: %d doubts", seq, len(doubts))
		}
		if err := l.forked(context.Background(), id, []protocol.Entry{other}); err != nil {
			t.Fatal(err)
		}
	}
	if f := l.frontier.line(id); f.Forked != 4 || f.Count != 3 {
		t.Errorf("the feed is forked at %d, %d stand", f.Forked, f.Count)
	}
	if own := l.frontier.line(l.a.inception.ID()); own.Count < 2 {
		t.Errorf("the own feed has %d entries", own.Count)
	}
}

// What a node sent for the repair of a damaged range was stored wherever it belonged by
// its number, and behind the head of a feed that is without any signature being checked.
func TestRepair_TakesNothingNew(t *testing.T) {
	l := newLone(t, 2, nil)
	b := l.w.nodes[1]
	if _, err := l.Admit(context.Background(), protocol.Page{Entries: []protocol.Entry{b.inception}, Bodies: [][]byte{nil}}, ViaImport); err != nil {
		t.Fatal(err)
	}
	id := b.inception.ID()
	forged, err := protocol.Seal(l.w.fed, protocol.Header{Feed: id, Seq: 1, Prev: id, Act: protocol.ActRef{ID: l.w.fed}, Kind: protocol.KindNotice,
		Time: b.inception.Header().Time}, keyOf(t, "a forger"))
	if err != nil {
		t.Fatal(err)
	}
	s := &session{r: l.Replica}
	s.mend(context.Background(), ledger.Range{Feed: id, From: 0, Count: 1}, []protocol.Page{
		{Entries: []protocol.Entry{forged}, Bodies: [][]byte{nil}},
		{Entries: []protocol.Entry{b.inception, forged}, Bodies: [][]byte{nil, nil}},
	})
	if h, _ := l.store.Head(id); h.Count != 1 {
		t.Errorf("%d entries are stored after a forger sent one", h.Count)
	}
}
