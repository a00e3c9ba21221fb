package replication

import (
	"crypto/sha256"
	"encoding/binary"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
	"github.com/dure-net/dure/protocol/protocoltest"
)

var histories = flag.Int("histories", 300, "random histories that the pure parts replay")

// The decisions that nodes must agree on, and those that a fault is traced by, replay from
// a seed to the last bit: folding governance, endorsing runs, the waiting room, and the
// ranges of a frontier.
func TestReplay_PureParts(t *testing.T) {
	first := uint64(1)
	if *seedArg > 0 {
		first = *seedArg
	}
	set := newRehearsal(t)
	for seed := first; seed < first+uint64(*histories); seed++ {
		one, two := set.play(seed), set.play(seed)
		if one != two {
			t.Fatalf("seed %d: played twice, %x and %x", seed, one[:4], two[:4])
		}
	}
	if set.play(1) == set.play(2) {
		t.Error("two histories are one")
	}
}

// rehearsal is what histories are made of: making signatures would take most of the time.
type rehearsal struct {
	act   protocol.FoundingAct
	fed   protocol.FederationID
	feeds []*protocoltest.Feed
	keys  []protocol.PrivateKey
	body  map[protocol.EntryID][]byte
}

func newRehearsal(t *testing.T) *rehearsal {
	raw, fed, members := protocoltest.Federation(4)
	act, _, err := protocol.DecodeFoundingAct(raw)
	if err != nil {
		t.Fatal(err)
	}
	x := &rehearsal{act: act, fed: fed, body: map[protocol.EntryID][]byte{}}
	for i, m := range members {
		f := protocoltest.NewFeed(fed, m.Root, m.Node)
		statement, err := protocol.Statement{Federation: fed, Purpose: protocol.PurposeGovern, Node: m.Node.Public(), Number: 1}.Sign(m.Root)
		if err != nil {
			t.Fatal(err)
		}
		add := func(kind protocol.Kind, content any) {
			e, body := f.Append(kind, content)
			x.body[e.ID()] = body
		}
		add(protocol.KindStatement, &statement)
		for n := range 4 {
			s := charter.Fold(act, fed, x.blocks(append(x.feeds, f)...))
			d, err := charter.NewDecision(s, charter.Draft{By: charter.ByElectors, Title: protocol.Text{"en": fmt.Sprint("decision ", i, n)},
				Changes: []charter.Change{{What: charter.ChangeAmendNames, Text: protocol.Text{"fr": fmt.Sprint("Nom ", i, n)}}}})
			if err != nil {
				t.Fatal(err)
			}
			add(protocol.KindDecision, &d)
			add(protocol.KindNotice, map[string]any{"n": n})
		}
		x.feeds, x.keys = append(x.feeds, f), append(x.keys, m.Node)
	}
	// Everybody answers every place that is open, so that there are acts to fold.
	for range 2 {
		for i, f := range x.feeds {
			s := charter.Fold(act, fed, x.blocks(x.feeds...))
			if open := s.Open(); len(open) > 0 {
				if a, err := charter.SignAnswer(s, open[0].Place, open[0].ID, x.keys[i], "2026-11-20"); err == nil {
					e, body := f.Append(protocol.KindAnswer, &a)
					x.body[e.ID()] = body
				}
			}
		}
		s := charter.Fold(act, fed, x.blocks(x.feeds...))
		for _, o := range s.Open() {
			if c, ok := charter.Certify(s, o.ID); ok {
				e, body := x.feeds[0].Append(protocol.KindCertificate, &c)
				x.body[e.ID()] = body
				break
			}
		}
	}
	if n := charter.Fold(act, fed, x.blocks(x.feeds...)).Act().Number; n == 0 {
		t.Fatal("the histories know no act")
	}
	return x
}

func (x *rehearsal) blocks(feeds ...*protocoltest.Feed) (out []charter.Block) {
	for _, f := range feeds {
		for _, e := range f.Entries {
			out = append(out, charter.Block{Entry: e, Body: x.body[e.ID()]})
		}
	}
	return out
}

// play runs one history and returns the hash of all that was decided on the way.
func (x *rehearsal) play(seed uint64) [32]byte {
	dice := rand.New(rand.NewPCG(seed, 9))
	h := sha256.New()
	note := func(parts ...any) { fmt.Fprintln(h, parts...) }

	// The charter: a part of the blocks, in some order, some of them twice, bodies late.
	blocks := x.blocks(x.feeds...)
	dice.Shuffle(len(blocks), func(i, j int) { blocks[i], blocks[j] = blocks[j], blocks[i] })
	folder := charter.NewFolder(x.act, x.fed)
	for _, b := range blocks[:dice.IntN(len(blocks)+1)] {
		switch dice.IntN(4) {
		case 0:
			note(folder.Add(charter.Block{Entry: b.Entry}))
		case 1:
			note(folder.Add(b))
		}
		note(folder.Add(b))
	}
	state := folder.State()
	digest := state.Digest()
	h.Write(digest[:])
	for _, f := range x.feeds {
		init := f.Inception().Header().Init
		note(state.Limit(f.ID(), init.Root, init.Node))
	}
	note(folder.Uncarried(), state.Missing())

	// Endorsement: a run from somewhere, cut or with an entry that does not fit.
	f := x.feeds[dice.IntN(len(x.feeds))]
	from := dice.IntN(len(f.Entries))
	run := append([]protocol.Entry(nil), f.Entries[from:from+1+dice.IntN(len(f.Entries)-from)]...)
	if dice.IntN(3) == 0 {
		other := x.feeds[dice.IntN(len(x.feeds))]
		run[dice.IntN(len(run))] = other.Entries[dice.IntN(len(other.Entries))]
	}
	var prev *protocol.Entry
	if from > 0 && dice.IntN(4) > 0 {
		prev = &f.Entries[from-1]
	}
	n, err := protocol.Endorse(x.fed, f.Key().Public(), prev, run)
	note(n, protocol.ReasonOf(err))

	// The waiting room: entries come, are asked for, grow old.
	room, now := newWaiting(), time.Unix(1_800_000_000, 0)
	for range 40 {
		g := x.feeds[dice.IntN(len(x.feeds))]
		e := g.Entries[dice.IntN(len(g.Entries))]
		switch now = now.Add(time.Duration(dice.IntN(5000)) * time.Millisecond); dice.IntN(6) {
		case 0:
			p := room.run(g.ID(), e.Seq())
			for _, e := range p.Entries {
				note(e.ID())
			}
		case 1:
			room.expire(now)
		case 2:
			_, _, ok := room.take(g.ID(), e.Seq())
			note(ok)
		default:
			room.put(g.Key().Public(), e, nil, now)
		}
		note(room.len())
		for _, e := range room.inceptions() {
			note(e.ID())
		}
	}

	// The frontier: two nodes' lines, and what the one finds missing at the other.
	var lines [2]*frontier
	for i := range lines {
		lines[i] = newFrontier(x.fed, 1)
		for n := range 5 + dice.IntN(60) {
			var b [8]byte
			binary.BigEndian.PutUint64(b[:], uint64(n))
			s := protocol.Standing{Feed: protocol.Sum(b[:]), Count: uint64(dice.IntN(4))}
			if s.Count > 0 {
				s.Head = protocol.Sum(append(b[:], byte(s.Count)))
			}
			lines[i].set(s)
		}
		note(lines[i].ledgerRoot())
	}
	offer := lines[1].offer(protocol.Hello{Root: lines[0].ledgerRoot(), Since: uint64(dice.IntN(80))})
	for depth := 0; depth < 8; depth++ {
		note(offer)
		ask := lines[0].differing(offer.Ranges)
		if len(ask) == 0 {
			break
		}
		offer = lines[1].split(ask)
	}

	// What of another node's lines is missing here, and what is doubtful.
	look := func(id protocol.FeedID) (known, bool) {
		s := lines[0].line(id)
		k := known{count: s.Count, durable: s.Count - min(s.Count, uint64(id.Digest()[0])%2), lastHead: s.Head, limit: charter.Limit{Member: "city-a", Count: charter.Unlimited}}
		switch id.Digest()[1] % 8 {
		case 0:
			k.limit.Void = true
		case 1:
			k.limit.Count = 2
		case 2:
			k.forked = 1 + uint64(id.Digest()[2])%3
		case 3:
			k.limit.Member = "city-z"
		}
		return k, s.Count > 0
	}
	held := func(id protocol.FeedID, seq uint64) (protocol.EntryID, error) {
		d := id.Digest()
		return protocol.Sum(append(d[:], byte(seq))), nil
	}
	var theirs []protocol.Line
	for _, s := range lines[1].all() {
		theirs = append(theirs, s.ToLine())
	}
	runs, doubts := compareLines(theirs, []string{"city-a"}, look, held)
	note(runs, doubts)
	return [32]byte(h.Sum(nil))
}
