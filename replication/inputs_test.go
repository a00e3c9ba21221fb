package replication

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/replication/mesh"
)

var updateInputs = flag.Bool("update-inputs", false, "write the table of hostile inputs into protocol/SPEC.md")

// input is one thing that a hostile node or outsider sends, and what comes of it:
//
//	accept, ignore, reject       the verdict of a gossip validator
//	reset                        the stream is ended as a failure, and nothing else answered
//	answered                     the stream is answered and closed in order
//	given up: reason             this node, which asked, ends the exchange
//	taken                        this node, which asked, takes what stands of it and goes on
//	refused: reason              a join answer, or the end of an import
type input struct {
	where, what string
	verdict     string
	send        func(s *siege) string
}

// siege is a node under attack: of the first of three founders. The second one is the
// attacker's, with six entries here; of the third one only the charter knows.
type siege struct {
	*lone
	t       *testing.T
	ctx     context.Context
	by      protocol.PublicKey // the attacker's node
	entries []protocol.Entry   // of the attacker's feed: six are held here, the others follow
	moved   bool               // the ledger may have changed: a cut, a fork's evidence
	shelf   *shelf             // what it keeps of files
}

const siegeHeld = 6

func besiege(t *testing.T) *siege {
	files := newShelf(t)
	l := newLone(t, 3, files.config)
	if err := l.Begin(context.Background()); err != nil {
		t.Fatal(err)
	}
	s := &siege{lone: l, t: t, ctx: context.Background(), by: l.w.nodes[1].node.Public(), entries: l.w.nodes[1].chain(t, 200), shelf: files}
	page := protocol.Page{Entries: s.entries[:siegeHeld], Bodies: make([][]byte, siegeHeld)}
	if _, err := l.Admit(s.ctx, page, ViaImport); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *siege) gossip(raw []byte) string { return s.Handler().Gossip(s.ctx, s.by, raw).String() }
func (s *siege) say(e protocol.Entry) string {
	return s.gossip(message(s.t, e, nil))
}

// write is an entry after the held ones, changed before it is signed by the key.
func (s *siege) write(key protocol.PrivateKey, change func(*protocol.Header)) protocol.Entry {
	return s.writeIn(s.w.fed, key, change)
}

func (s *siege) writeIn(fed protocol.FederationID, key protocol.PrivateKey, change func(*protocol.Header)) protocol.Entry {
	s.t.Helper()
	h := s.entries[siegeHeld].Header()
	h.Signature = nil
	change(&h)
	e, err := protocol.Seal(fed, h, key)
	if err != nil {
		s.t.Fatal(err)
	}
	return e
}

func (s *siege) key() protocol.PrivateKey { return s.w.nodes[1].node }

// bent is the next entry's message with fields of its header replaced; nil leaves out.
func (s *siege) bent(fields map[string]any) []byte {
	s.t.Helper()
	v, err := protocol.DecodeGeneric(s.entries[siegeHeld].Bytes())
	if err != nil {
		s.t.Fatal(err)
	}
	m := v.(map[string]any)
	for k, x := range fields {
		if m[k] = x; x == nil {
			delete(m, k)
		}
	}
	raw, err := protocol.Encode(m)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.pack(map[string]any{"h": raw})
}

func (s *siege) pack(m any) []byte {
	s.t.Helper()
	raw, err := protocol.Encode(m)
	if err != nil {
		s.t.Fatal(err)
	}
	return raw
}

// withBody is the next entry with this body, as it is.
func (s *siege) withBody(body []byte) (protocol.Entry, []byte) {
	e := s.write(s.key(), func(h *protocol.Header) { h.Body, h.Size = protocol.Sum(body), uint64(len(body)) })
	return e, message(s.t, e, body)
}

// health is a message of the attacker, or of whom the key is, changed before it is signed.
func (s *siege) health(key protocol.PrivateKey, change func(*protocol.Health)) string {
	h := protocol.Health{Federation: s.w.fed, Time: time.Now().UnixMilli(), State: "ready", Version: "test"}
	change(&h)
	h, err := h.Sign(key)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.Handler().Health(s.ctx, s.by, s.pack(&h)).String()
}

// ended is a stream that knows how it was ended.
type ended struct {
	pipe
	reset *atomic.Bool
}

func (e ended) Reset() error { e.reset.Store(true); return e.Close() }

// stream lets the attacker talk to a handler and tells how the handler ended it.
func (s *siege) stream(handle func(context.Context, mesh.Peer, mesh.Stream), attack func(pipe)) string {
	here, there := net.Pipe()
	var reset atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		handle(s.ctx, s.by, ended{pipe{there, s.by}, &reset})
		there.Close()
	}()
	attack(pipe{here, s.by})
	here.Close()
	<-done
	if reset.Load() {
		return "reset"
	}
	return "answered"
}

func (s *siege) served(attack func(pipe)) string { return s.stream(s.Handler().ServeSync, attack) }

// hello begins a catch-up in order and reads the offer.
func (s *siege) hello(p pipe, h protocol.Hello) protocol.Offer {
	var offer protocol.Offer
	if err := errors.Join(protocol.WriteFrame(p, &h), protocol.ReadFrame(byteReader{p}, protocol.MaxFrameBytes, &offer)); err != nil {
		s.t.Error(err)
	}
	return offer
}

// asks puts one question after a hello in order, and reads to the end of the answer.
func (s *siege) asks(ask any) string {
	return s.served(func(p pipe) {
		s.hello(p, protocol.Hello{})
		_ = protocol.WriteFrame(p, ask)
		for {
			var sent protocol.Sent
			if err := protocol.ReadFrame(byteReader{p}, protocol.MaxFrameBytes, &sent); err != nil || sent.End {
				if len(sent.Headers)+len(sent.Entries) > 0 {
					s.t.Error("it was given something")
				}
				return
			}
		}
	})
}

// asked has this node pull from the attacker, who answers frame by frame. What an answer
// does not cover is answered with an end.
func (s *siege) asked(offer protocol.Offer, answers ...func(pipe)) string {
	w := wires{answer: map[mesh.Peer]func(mesh.Stream){s.by: func(st mesh.Stream) {
		p := st.(pipe)
		defer p.Close()
		var hello protocol.Hello
		if protocol.ReadFrame(byteReader{p}, protocol.MaxFrameBytes, &hello) != nil {
			return
		}
		offer.Differ = true
		if protocol.WriteFrame(p, &offer) != nil {
			return
		}
		for {
			var ask protocol.Ask
			if protocol.ReadFrame(byteReader{p}, protocol.MaxFrameBytes, &ask) != nil {
				return
			}
			if len(answers) > 0 {
				answer := answers[0]
				answers = answers[1:]
				answer(p)
			} else if len(ask.Ranges) > 0 {
				_ = protocol.WriteFrame(p, &protocol.Offer{})
			} else {
				_ = protocol.WriteFrame(p, &protocol.Sent{End: true})
			}
		}
	}}}
	_, err := s.pull(s.ctx, w, s.by)
	time.Sleep(5 * time.Minute) // the other side notices
	if err != nil {
		return "given up: " + protocol.ReasonOf(err).String()
	}
	return "taken"
}

// line is a frontier line of the attacker's feed with so many entries.
func (s *siege) line(count int) protocol.Line {
	return protocol.Standing{Feed: s.entries[0].ID(), Count: uint64(count), Head: s.entries[count-1].ID()}.ToLine()
}

// sent is a page of the attacker's entries, without bodies.
func (s *siege) sent(entries ...protocol.Entry) *protocol.Sent {
	var out protocol.Sent
	for _, e := range entries {
		out.Headers, out.Bodies = append(out.Headers, e.Bytes()), append(out.Bodies, []byte{})
	}
	return &out
}

func framed(all ...any) func(pipe) {
	return func(p pipe) {
		for _, f := range all {
			if raw, ok := f.([]byte); ok {
				if _, err := p.Write(raw); err != nil {
					return
				}
			} else if protocol.WriteFrame(p, f) != nil {
				return
			}
		}
	}
}

// joins sends a request to join and tells the answer.
func (s *siege) joins(send func(pipe)) string {
	state := ""
	how := s.stream(s.Handler().ServeJoin, func(p pipe) {
		send(p)
		var answer protocol.JoinAnswer
		if err := protocol.ReadFrame(byteReader{p}, protocol.MaxFrameBytes, &answer); err == nil {
			state = "refused: " + answer.Reason
			if answer.State != protocol.JoinRefused {
				state = "let in"
			}
			if len(answer.Founding) > 0 || len(answer.Peers) > 0 {
				state += ", and told about the federation"
			}
		}
	})
	if state != "" {
		return state
	}
	return how
}

func (s *siege) request(change func(*protocol.JoinRequest)) func(pipe) {
	r := protocol.JoinRequest{Federation: s.w.fed, Time: time.Now().UnixMilli()}
	change(&r)
	return framed(&r)
}

// imports reads a bundle and tells why not.
func (s *siege) imports(change func(whole []byte) []byte) string {
	s.t.Helper()
	other := besiege(s.t)
	if _, err := other.Admit(s.ctx, protocol.Page{Entries: other.entries[siegeHeld : siegeHeld+10], Bodies: make([][]byte, 10)}, ViaImport); err != nil {
		s.t.Fatal(err)
	}
	var whole bytes.Buffer
	if _, err := other.Bundles().Export(s.ctx, &whole, nil); err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.Bundles().Import(s.ctx, bytes.NewReader(change(whole.Bytes())), nil); err != nil {
		return "refused: " + protocol.ReasonOf(err).String()
	}
	return "taken"
}

// Every input of the table is sent to a real node, and the node goes on.
func TestInputs_Hostile(t *testing.T) {
	seen := map[string]bool{}
	for _, in := range hostileInputs() {
		name := in.where + ": " + in.what
		if seen[name] {
			t.Errorf("%q twice", name)
		}
		seen[name] = true
		t.Run(strings.NewReplacer("/", "|", " ", "_").Replace(name), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := besiege(t)
				defer s.store.Close()
				before := s.Root()
				if got := in.send(s); got != in.verdict {
					t.Errorf("%s: got %q, want %q", name, got, in.verdict)
				}
				if in.verdict != "accept" && in.verdict != "taken" && !strings.HasPrefix(in.verdict, "given up") && !s.moved && s.Root() != before {
					t.Error("it changed the ledger")
				}
				if err := s.offer(); err != nil {
					t.Errorf("the node does not go on: %v", err)
				}
				if !s.moved {
					s.counted(t)
				}
			})
		})
	}
	if len(seen) < 80 {
		t.Errorf("%d inputs, want 80 at least", len(seen))
	}
}

// SPEC.md has the same rows as the tests. go test ./replication -run TestInputs -update-inputs writes them.
func TestInputs_SpecHasThem(t *testing.T) {
	path := filepath.Join("..", "protocol", "SPEC.md")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := "| | input | verdict |\n| --- | --- | --- |\n"
	for _, in := range hostileInputs() {
		text += fmt.Sprintf("| %s | %s | %s |\n", in.where, in.what, in.verdict)
	}
	const from, to = "<!-- inputs: network -->\n", "<!-- end -->"
	before, rest, ok := strings.Cut(string(raw), from)
	if !ok {
		t.Fatal("SPEC.md has no place for the hostile inputs")
	}
	old, after, _ := strings.Cut(rest, to)
	if old == text {
		return
	}
	if !*updateInputs {
		t.Fatal("the hostile inputs in SPEC.md are not those that are tested; run with -update-inputs and read the difference")
	}
	if err := os.WriteFile(path, []byte(before+from+text+to+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

func hostileInputs() []input {
	return slices.Concat(gossipInputs(), healthInputs(), serveInputs(), pullInputs(), fileInputs(), fetchInputs(), joinInputs(), bundleInputs())
}

func gossipInputs() []input {
	const where = "entries"
	// head is a map of one pair h whose value follows.
	head := []byte{0xa1, 0x61, 'h'}
	with := func(value ...byte) func(*siege) string {
		return func(s *siege) string { return s.gossip(append(slices.Clone(head), value...)) }
	}
	next := func(s *siege) []byte { return message(s.t, s.entries[siegeHeld], nil) }
	list := []input{
		{where, "nothing", "reject", func(s *siege) string { return s.gossip(nil) }},
		{where, "a text", "reject", func(s *siege) string { return s.gossip([]byte("\x65hello")) }},
		{where, "a message cut short", "reject", func(s *siege) string { return s.gossip(next(s)[:100]) }},
		{where, "a message and one byte more", "reject", func(s *siege) string { return s.gossip(append(next(s), 0)) }},
		{where, "two messages in one", "reject", func(s *siege) string { return s.gossip(append(next(s), next(s)...)) }},
		{where, "more than the largest message", "reject", func(s *siege) string { return s.gossip(make([]byte, protocol.MaxMessageBytes+1)) }},
		{where, "a number in more bytes than it needs", "reject", with(0x18, 0x01)},
		{where, "a length in more bytes than it needs", "reject", with(0x58, 0x01, 0x00)},
		{where, "keys in another order", "reject", func(s *siege) string {
			m := next(s)[3:]
			return s.gossip(slices.Concat([]byte{0xa2, 0x61, 'z', 0x01, 0x61, 'h'}, m))
		}},
		{where, "one key twice", "reject", func(s *siege) string {
			m := next(s)[3:]
			return s.gossip(slices.Concat([]byte{0xa2, 0x61, 'h'}, m, []byte{0x61, 'h'}, m))
		}},
		{where, "an indefinite length", "reject", func(s *siege) string { return s.gossip(slices.Concat([]byte{0xbf}, next(s)[1:], []byte{0xff})) }},
		{where, "a float", "reject", with(0xf9, 0x3c, 0x00)},
		{where, "null", "reject", with(0xf6)},
		{where, "undefined", "reject", with(0xf7)},
		{where, "a tag that is no link", "reject", with(0xc1, 0x01)},
		{where, "a link to no CID", "reject", with(0xd8, 0x2a, 0x41, 0x00)},
		{where, "text that is not UTF-8", "reject", with(0x62, 0xc3, 0x28)},
		{where, "an array said to have four thousand million elements", "reject", with(0x9a, 0xff, 0xff, 0xff, 0xff)},
		{where, "bytes said to be 2^63 long", "reject", with(0x5b, 0x80, 0, 0, 0, 0, 0, 0, 0)},
		{where, "arrays nested ten thousand deep", "reject", with(bytes.Repeat([]byte{0x81}, 10_000)...)},
		{where, "compressed bytes", "reject", with(0x4a, 0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0, 0)},
		{where, "a field beside header and body", "ignore", func(s *siege) string {
			return s.gossip(s.pack(map[string]any{"h": s.entries[siegeHeld].Bytes(), "z": "newer"}))
		}},
		{where, "random bytes, a thousand times", "reject", func(s *siege) string {
			dice := rand.New(rand.NewPCG(1, 2))
			for range 1000 {
				raw := make([]byte, dice.IntN(400))
				for i := range raw {
					raw[i] = byte(dice.Uint32())
				}
				if v := s.gossip(raw); v != "reject" {
					return fmt.Sprintf("%s for %x", v, raw)
				}
			}
			return "reject"
		}},
		{where, "a good message with one bit flipped, at every place", "reject", func(s *siege) string {
			good := next(s)
			for i := range len(good) * 8 {
				raw := slices.Clone(good)
				raw[i/8] ^= 1 << (i % 8)
				if v := s.gossip(raw); v != "reject" && v != "ignore" {
					return fmt.Sprintf("%s with bit %d flipped", v, i)
				}
			}
			return "reject"
		}},
		{where, "a header of another version", "ignore", func(s *siege) string { return s.gossip(s.bent(map[string]any{"v": uint64(9)})) }},
		{where, "a header without a version", "reject", func(s *siege) string { return s.gossip(s.bent(map[string]any{"v": nil})) }},
		{where, "a header without a signature", "reject", func(s *siege) string { return s.gossip(s.bent(map[string]any{"sig": nil})) }},
		{where, "a header of more than MaxHeaderBytes", "reject", func(s *siege) string { return s.gossip(s.bent(map[string]any{"padding": make([]byte, 1024)})) }},
		{where, "a negative time", "reject", func(s *siege) string { return s.gossip(s.bent(map[string]any{"time": int64(-1)})) }},
		{where, "a time after the year 9999", "reject", func(s *siege) string {
			return s.gossip(s.bent(map[string]any{"time": uint64(protocol.MaxTime + 1)}))
		}},
		{where, "a seq beyond MaxNumber", "reject", func(s *siege) string {
			return s.gossip(s.bent(map[string]any{"seq": uint64(protocol.MaxNumber + 1)}))
		}},
		{where, "a body without a size", "reject", func(s *siege) string { return s.gossip(s.bent(map[string]any{"body": protocol.Sum([]byte("x"))})) }},
		{where, "a size beyond MaxBodyBytes", "reject", func(s *siege) string {
			return s.gossip(s.bent(map[string]any{"body": protocol.Sum([]byte("x")), "size": uint64(protocol.MaxBodyBytes + 1)}))
		}},
		{where, "nine references", "reject", func(s *siege) string {
			refs := make([]any, protocol.MaxReferences+1)
			for i := range refs {
				refs[i] = protocol.Sum([]byte{byte(i)})
			}
			return s.gossip(s.bent(map[string]any{"refs": refs}))
		}},
		{where, "an inception in the middle of a feed", "reject", func(s *siege) string { return s.gossip(s.bent(map[string]any{"kind": uint64(0)})) }},
		{where, "a right header with a wrong body", "reject", func(s *siege) string {
			e, _ := s.withBody([]byte("\xa0"))
			return s.gossip(message(s.t, e, []byte("\xa1")))
		}},
		{where, "a right header without its body", "reject", func(s *siege) string {
			e, _ := s.withBody([]byte("\xa0"))
			return s.gossip(message(s.t, e, nil))
		}},
		{where, "a body that no header names", "reject", func(s *siege) string {
			return s.gossip(message(s.t, s.entries[siegeHeld], []byte("\xa0")))
		}},
		{where, "a body that is not canonical", "accept", func(s *siege) string { _, m := s.withBody([]byte{0xbf, 0xff}); return s.gossip(m) }},
		{where, "a body nested ten thousand deep", "accept", func(s *siege) string {
			_, m := s.withBody(bytes.Repeat([]byte{0x81}, 10_000))
			return s.gossip(m)
		}},
		{where, "an entry signed by another key", "reject", func(s *siege) string { return s.say(s.write(keyOf(s.t, "another"), func(*protocol.Header) {})) }},
		{where, "an entry signed by another member's node", "reject", func(s *siege) string { return s.say(s.write(s.w.nodes[2].node, func(*protocol.Header) {})) }},
		{where, "a signature of zeros", "reject", func(s *siege) string { return s.gossip(s.bent(map[string]any{"sig": make([]byte, 64)})) }},
		{where, "a signature whose S is not below the group order", "reject", func(s *siege) string {
			order := [32]byte{0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 31: 0x10}
			sig := slices.Clone([]byte(s.entries[siegeHeld].Header().Signature))
			carry := 0
			for i := range order {
				sum := int(sig[32+i]) + int(order[i]) + carry
				sig[32+i], carry = byte(sum), sum>>8
			}
			return s.gossip(s.bent(map[string]any{"sig": sig}))
		}},
		{where, "an entry signed for another federation", "reject", func(s *siege) string {
			return s.say(s.writeIn(protocol.Sum([]byte("another federation")), s.key(), func(*protocol.Header) {}))
		}},
		{where, "an inception of another federation", "reject", func(s *siege) string {
			other := protocol.Sum([]byte("another federation"))
			init := *s.entries[0].Header().Init
			init.Federation = other
			add, err := protocol.Addition(other, protocol.PublicKey{}, init.Node, protocol.Signature{}).Sign(s.w.nodes[1].root)
			if err != nil {
				s.t.Fatal(err)
			}
			init.Added = add.Signature
			e, err := protocol.Seal(other, protocol.Header{Kind: protocol.KindInception, Time: 1, Act: protocol.ActRef{ID: other}, Init: &init}, s.key())
			if err != nil {
				s.t.Fatal(err)
			}
			return s.say(e)
		}},
		{where, "an inception with a forged addition by a member's root key", "reject", func(s *siege) string {
			h := s.w.nodes[2].inception.Header()
			init := *h.Init
			init.Node = keyOf(s.t, "a thief").Public()
			e, err := protocol.Seal(s.w.fed, protocol.Header{Kind: protocol.KindInception, Time: 1, Act: h.Act, Init: &init}, keyOf(s.t, "a thief"))
			if err != nil {
				s.t.Fatal(err)
			}
			return s.say(e)
		}},
		{where, "an inception under a root key that is no member's", "ignore", func(s *siege) string {
			stranger := &actor{w: s.w, root: keyOf(s.t, "a stranger's root"), node: keyOf(s.t, "a stranger's node")}
			stranger.sign(s.t)
			return s.say(stranger.inception)
		}},
		{where, "an entry of a feed that nobody knows", "ignore", func(s *siege) string {
			return s.say(s.write(s.key(), func(h *protocol.Header) { h.Feed = protocol.Sum([]byte("a feed")) }))
		}},
		{where, "two hundred and one of them at once", "ignore", func(s *siege) string {
			for i := range strangeBurst {
				s.say(s.write(s.key(), func(h *protocol.Header) { h.Feed, h.Number = protocol.Sum([]byte("a feed")), uint64(i) }))
			}
			if s.peerFor(s.by).strange.Tokens() >= 1 {
				return "looked at"
			}
			return s.say(s.write(s.key(), func(h *protocol.Header) { h.Feed = protocol.Sum([]byte("a feed")) }))
		}},
		{where, "an entry far ahead of its feed", "ignore", func(s *siege) string {
			return s.say(s.write(s.key(), func(h *protocol.Header) { h.Seq = 1 << 50 }))
		}},
		{where, "the same entry twice", "ignore", func(s *siege) string {
			if v := s.say(s.entries[siegeHeld-1]); v != "ignore" {
				return v
			}
			return s.say(s.entries[2])
		}},
		{where, "another entry at a place that is taken", "ignore", func(s *siege) string {
			s.moved = true
			return s.say(s.write(s.key(), func(h *protocol.Header) {
				h.Seq, h.Prev, h.Time = siegeHeld-1, s.entries[siegeHeld-2].ID(), h.Time+1
			}))
		}},
		{where, "an entry that names another predecessor", "ignore", func(s *siege) string {
			return s.say(s.write(s.key(), func(h *protocol.Header) { h.Prev = protocol.Sum([]byte("another")) }))
		}},
		{where, "a time before its predecessor's", "ignore", func(s *siege) string {
			return s.say(s.write(s.key(), func(h *protocol.Header) { h.Time-- }))
		}},
		{where, "a claimed time of the year 9999", "accept", func(s *siege) string {
			return s.say(s.write(s.key(), func(h *protocol.Header) { h.Time = protocol.MaxTime }))
		}},
		{where, "a kind that nobody knows", "accept", func(s *siege) string {
			return s.say(s.write(s.key(), func(h *protocol.Header) { h.Kind = 999 }))
		}},
		{where, "a claimed act that there is not", "accept", func(s *siege) string {
			return s.say(s.write(s.key(), func(h *protocol.Header) {
				h.Act = protocol.ActRef{Number: 1 << 40, ID: protocol.Sum([]byte("no act"))}
			}))
		}},
		{where, "an entry of a node that its root key has cut", "ignore", func(s *siege) string {
			cut, err := protocol.Statement{Federation: s.w.fed, Purpose: protocol.PurposeCut, Node: s.by}.Sign(s.w.nodes[1].root)
			if err != nil {
				s.t.Fatal(err)
			}
			root := s.Root()
			if _, err := s.Publish(s.ctx, Draft{Kind: protocol.KindStatement, Content: &cut}); err != nil || s.Root() == root {
				s.t.Fatal("the cut is not on the ledger: ", err)
			}
			s.moved = true
			return s.say(s.entries[siegeHeld])
		}},
		{where, "an entry of a member beyond its allowance", "ignore", func(s *siege) string {
			s.spend("city-1", 0)
			return s.say(s.entries[siegeHeld])
		}},
		{where, "a health message", "reject", func(s *siege) string {
			h, err := protocol.Health{Federation: s.w.fed, Time: 1}.Sign(s.key())
			if err != nil {
				s.t.Fatal(err)
			}
			return s.gossip(s.pack(&h))
		}},
	}
	for what, forge := range map[string]func(s *siege) protocol.ForkEvidence{
		"fork evidence of one entry twice": func(s *siege) protocol.ForkEvidence {
			return protocol.NewForkEvidence(s.entries[0], s.entries[1:2], s.entries[1:2])
		},
		"fork evidence with an entry of another author": func(s *siege) protocol.ForkEvidence {
			other := s.w.nodes[2].chain(s.t, 1)
			return protocol.NewForkEvidence(s.entries[0], s.entries[1:2], other[1:2])
		},
		"fork evidence whose branch nobody signed": func(s *siege) protocol.ForkEvidence {
			forged := s.write(keyOf(s.t, "a forger"), func(h *protocol.Header) { h.Seq, h.Prev = 1, s.entries[0].ID() })
			return protocol.NewForkEvidence(s.entries[0], s.entries[1:2], []protocol.Entry{forged})
		},
		"fork evidence of another federation": func(s *siege) protocol.ForkEvidence {
			forged := s.writeIn(protocol.Sum([]byte("another federation")), s.key(), func(h *protocol.Header) { h.Seq, h.Prev = 1, s.entries[0].ID() })
			return protocol.NewForkEvidence(s.entries[0], s.entries[1:2], []protocol.Entry{forged})
		},
	} {
		list = append(list, input{where, what, "reject", func(s *siege) string {
			ev := forge(s)
			body, err := protocol.EncodeBody(protocol.Salt{}, &ev)
			if err != nil {
				s.t.Fatal(err)
			}
			e := s.write(s.key(), func(h *protocol.Header) {
				h.Kind, h.Body, h.Size = protocol.KindForkEvidence, protocol.Sum(body), uint64(len(body))
			})
			return s.gossip(message(s.t, e, body))
		}})
	}
	slices.SortStableFunc(list, func(a, b input) int { // the order of a map is none
		if strings.HasPrefix(a.what, "fork evidence") && strings.HasPrefix(b.what, "fork evidence") {
			return strings.Compare(a.what, b.what)
		}
		return 0
	})
	return list
}

func healthInputs() []input {
	const where = "health"
	none := func(*protocol.Health) {}
	return []input{
		{where, "nothing", "reject", func(s *siege) string { return s.Handler().Health(s.ctx, s.by, nil).String() }},
		{where, "more than MaxHealthBytes", "reject", func(s *siege) string {
			return s.Handler().Health(s.ctx, s.by, make([]byte, protocol.MaxHealthBytes+1)).String()
		}},
		{where, "an entry", "reject", func(s *siege) string {
			return s.Handler().Health(s.ctx, s.by, message(s.t, s.entries[siegeHeld], nil)).String()
		}},
		{where, "another federation", "reject", func(s *siege) string {
			return s.health(s.key(), func(h *protocol.Health) { h.Federation = protocol.Sum([]byte("another")) })
		}},
		{where, "a message that another node signed", "reject", func(s *siege) string {
			h, err := protocol.Health{Federation: s.w.fed, Time: time.Now().UnixMilli()}.Sign(keyOf(s.t, "another"))
			if err != nil {
				s.t.Fatal(err)
			}
			h.Node = s.by
			return s.Handler().Health(s.ctx, s.by, s.pack(&h)).String()
		}},
		{where, "a message changed after it was signed", "reject", func(s *siege) string {
			h, err := protocol.Health{Federation: s.w.fed, Time: time.Now().UnixMilli()}.Sign(s.key())
			if err != nil {
				s.t.Fatal(err)
			}
			h.Entries++
			return s.Handler().Health(s.ctx, s.by, s.pack(&h)).String()
		}},
		{where, "seventeen addresses", "reject", func(s *siege) string {
			return s.health(s.key(), func(h *protocol.Health) {
				h.Addresses = slices.Repeat([]string{"/ip4/203.0.113.7/udp/4710/quic-v1"}, protocol.MaxAddresses+1)
			})
		}},
		{where, "an address of a thousand bytes", "reject", func(s *siege) string {
			return s.health(s.key(), func(h *protocol.Health) { h.Addresses = []string{strings.Repeat("a", 1000)} })
		}},
		{where, "a version of a thousand bytes", "reject", func(s *siege) string {
			return s.health(s.key(), func(h *protocol.Health) { h.Version = strings.Repeat("a", 1000) })
		}},
		{where, "counts beyond MaxNumber", "reject", func(s *siege) string {
			return s.health(s.key(), func(h *protocol.Health) { h.Entries = 1 << 60 })
		}},
		{where, "a time before 1970", "reject", func(s *siege) string { return s.health(s.key(), func(h *protocol.Health) { h.Time = -5 }) }},
		{where, "a time of the year 9999", "accept", func(s *siege) string {
			return s.health(s.key(), func(h *protocol.Health) { h.Time = protocol.MaxTime })
		}},
		{where, "a time of last year, the first that is heard", "accept", func(s *siege) string {
			return s.health(s.key(), func(h *protocol.Health) { h.Time -= 365 * 24 * 3600_000 })
		}},
		{where, "the same message twice", "ignore", func(s *siege) string {
			at := time.Now().UnixMilli()
			s.health(s.key(), func(h *protocol.Health) { h.Time = at })
			return s.health(s.key(), func(h *protocol.Health) { h.Time = at })
		}},
		{where, "an older message", "ignore", func(s *siege) string {
			s.health(s.key(), none)
			return s.health(s.key(), func(h *protocol.Health) { h.Time -= 1000 })
		}},
		{where, "a node of no member", "ignore", func(s *siege) string { return s.health(keyOf(s.t, "nobody"), none) }},
		{where, "this node itself", "ignore", func(s *siege) string { return s.health(s.a.node, none) }},
		{where, "a root that nobody has", "accept", func(s *siege) string { return s.health(s.key(), func(h *protocol.Health) { h.Root[0] = 1 }) }},
		{where, "twenty-one messages at once", "ignore", func(s *siege) string {
			at, last := time.Now().UnixMilli(), ""
			for i := range toldBurst + 1 {
				last = s.health(s.key(), func(h *protocol.Health) { h.Time = at + int64(i) })
			}
			return last
		}},
	}
}
