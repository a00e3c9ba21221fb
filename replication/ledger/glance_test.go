package ledger

import (
	"bytes"
	"testing"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/protocoltest"
)

// headers are entries of every shape.
func headers() [][]byte {
	_, fed, members := protocoltest.Federation(1)
	m := members[0]
	f := protocoltest.NewFeed(fed, m.Root, m.Node)
	f.Append(protocol.KindNode, nil)
	f.Append(protocol.KindOffer, map[string]any{"n": uint64(1)})
	f.Add(protocol.Header{Kind: protocol.KindWithdraw, Of: f.Head().ID(), Number: 300, Refs: []protocol.CID{f.Head().ID(), f.ID()}}, nil)
	f.Add(protocol.Header{Kind: 70_000, Number: 1 << 40}, bytes.Repeat([]byte("x"), 60_000))
	next := protocoltest.Begin(fed, m.Root, m.Node, protocoltest.Start, &protocol.Continuation{Feed: f.ID(), Seq: 4, Head: f.Head().ID()})
	var raw [][]byte
	for _, e := range append(f.Entries, next.Entries...) {
		raw = append(raw, e.Bytes())
	}
	return raw
}

// FuzzGlance holds the quick reader to the strict one: what protocol.DecodeEntry accepts,
// glanceAt reads the same way.
func FuzzGlance(f *testing.F) {
	for _, raw := range headers() {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		g, err := glanceAt(raw)
		e, derr := protocol.DecodeEntry(raw)
		if derr != nil {
			return
		}
		if err != nil {
			t.Fatalf("refuses what decodes: %v", err)
		}
		h := e.Header()
		want := glance{seq: h.Seq, feed: h.Feed.Digest(), prev: h.Prev.Digest(), body: h.Body.Digest(),
			hasBody: h.Body.Defined(), of: h.Of.Digest(), size: h.Size, kind: h.Kind}
		if h.Init != nil {
			want.fed, want.node, want.root = h.Init.Federation.Digest(), h.Init.Node, h.Init.Root
		}
		if g != want {
			t.Fatalf("reads %+v, want %+v", g, want)
		}
	})
}

// FuzzRun feeds the run reader anything; what it accepts, it accepts in one spelling.
func FuzzRun(f *testing.F) {
	run := newRun(0)
	all := headers()
	for _, h := range all {
		run = appendHeader(run, h)
	}
	finishRun(run, len(all), digest{1})
	f.Add(run)
	f.Add(run[:len(run)-1])
	f.Add([]byte{runFormat, 64})
	f.Fuzz(func(t *testing.T, value []byte) {
		again := newRun(len(value))
		var got [][]byte
		n, err := runHeaders(value, func(i int, h []byte) error {
			again = appendHeader(again, h)
			got = append(got, h)
			return nil
		})
		if err != nil {
			return
		}
		finishRun(again, n, digest(value[2:runHeadBytes]))
		if !bytes.Equal(again, value) {
			t.Fatal("another spelling of one run")
		}
		for i, h := range got {
			if one, err := headerAt(value, uint64(i)); err != nil || !bytes.Equal(one, h) {
				t.Fatalf("header %d: %v", i, err)
			}
		}
		if _, err := headerAt(value, uint64(n)); err == nil {
			t.Fatal("a header beyond the last")
		}
		var c chain
		_ = c.walk(value, func(link) {})
	})
}

// FuzzLog feeds the log reader anything.
func FuzzLog(f *testing.F) {
	f.Add(appendLog(nil, 9, []change{{Appended, 3, 7, 64}, {BodyErased, 1, 1 << 30, 1}}))
	f.Fuzz(func(t *testing.T, value []byte) {
		var log []change
		entries, err := readLog(value, func(ch change) error {
			log = append(log, ch)
			return nil
		})
		if err != nil {
			return
		}
		again, err := readLog(appendLog(nil, entries, log), func(change) error { return nil })
		if err != nil || again != entries {
			t.Fatalf("what was read does not write: %v", err)
		}
	})
}

// FuzzMark feeds the mark file anything: a mark is read only as it was written.
func FuzzMark(f *testing.F) {
	m := Mark{Feed: protocol.Sum([]byte("feed")), Seq: 41, Entry: protocol.Sum([]byte("entry")), Next: 900}
	slot := appendMarkSlot(nil, m, 7)
	f.Add(slot)
	f.Add(append(make([]byte, markStride), slot...))
	f.Add(append(append(appendMarkSlot(nil, m, 8), make([]byte, markStride-len(slot))...), slot...))
	f.Fuzz(func(t *testing.T, file []byte) {
		mark, generation := readMark(file)
		if generation > 0 && !bytes.Contains(file, appendMarkSlot(nil, mark, generation)) {
			t.Fatal("a mark that is not in the file")
		}
	})
}

// FuzzClosing feeds the closing note anything.
func FuzzClosing(f *testing.F) {
	f.Add(closing{next: 3, entries: 2, feeds: 1, root: protocol.Root{9}}.append(nil))
	f.Fuzz(func(t *testing.T, file []byte) {
		if c, ok := parseClosing(file); ok && !bytes.Equal(c.append(nil), file) {
			t.Fatal("another spelling of one note")
		}
	})
}

func TestChain_StopsAtWhatDoesNotFollow(t *testing.T) {
	_, fed, members := protocoltest.Federation(1)
	m := members[0]
	f := protocoltest.NewFeed(fed, m.Root, m.Node).Fill(5, 40)
	runOf := func(last digest, entries ...protocol.Entry) []byte {
		run := newRun(0)
		for _, e := range entries {
			run = appendHeader(run, e.Bytes())
		}
		finishRun(run, len(entries), last)
		return run
	}
	head := digest(f.Head().ID().Digest())
	var c chain
	if err := c.walk(runOf(head, f.Entries...), func(link) {}); err != nil || c.next != 5 || c.head != head || c.feed != digest(f.ID().Digest()) {
		t.Fatalf("a good chain: %v", err)
	}
	for what, value := range map[string][]byte{
		"a hole":             runOf(head, f.Entries[0], f.Entries[2]),
		"not the beginning":  runOf(head, f.Entries[1:]...),
		"another last entry": runOf(digest{1}, f.Entries...),
		"twice":              runOf(head, f.Entries[0], f.Entries[0]),
	} {
		var c chain
		if c.walk(value, func(link) {}) == nil {
			t.Errorf("%s passes", what)
		}
	}
}

func TestIndex_FindsEveryPlaceUnderAHash(t *testing.T) {
	x := index{seed: 42}
	x.find(1, func(place) bool { t.Fatal("something in an empty index"); return true })
	const n = 50_000
	hash := func(i uint64) uint64 { return i / 2 * 0x9e3779b97f4a7c15 } // pairs share a hash
	for i := range uint64(n) {
		x.add(hash(i), placeOf(uint32(1+i%90), i))
		x.add(hash(i), placeOf(uint32(1+i%90), i))
	}
	for i := range uint64(n) {
		found := map[place]int{}
		x.find(hash(i), func(p place) bool { found[p]++; return false })
		if len(found) != 2 || found[placeOf(uint32(1+i%90), i)] != 1 || !x.has(hash(i), placeOf(uint32(1+i%90), i)) {
			t.Fatalf("%d: found %v", i, found)
		}
		if x.has(hash(i), placeOf(95, i)) || x.has(hash(i)+1, placeOf(uint32(1+i%90), i)) {
			t.Fatalf("%d: has what was not added", i)
		}
	}
	if per := float64(x.bytes()) / n; per > 32 {
		t.Errorf("%.1f bytes an entry", per)
	}
}

func TestPlace_KeepsItsParts(t *testing.T) {
	for _, no := range []uint32{1, 77, maxFeeds} {
		for _, seq := range []uint64{0, 1, 1 << 20, maxSeq} {
			p := placeOf(no, seq)
			if p.feed() != no || p.seq() != seq || p.isBody() || !p.body().isBody() || p.body().entry() != p || p.body().seq() != seq {
				t.Fatalf("%d/%d becomes %d/%d", no, seq, p.feed(), p.seq())
			}
			if got, ok := readPlaceKey(placeKey(keyBody, p)); !ok || got != p {
				t.Fatalf("%d/%d reads as %v", no, seq, got)
			}
		}
	}
}

func (c Config) mustDefaults(t *testing.T) Config {
	t.Helper()
	c, err := c.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	return c
}
