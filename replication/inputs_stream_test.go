package replication

import (
	"bytes"
	"errors"
	"strings"
	"time"

	"github.com/dure-net/dure/protocol"
)

func serveInputs() []input {
	const where = "catch-up, asking"
	raw := func(b ...byte) func(*siege) string {
		return func(s *siege) string {
			return s.served(func(p pipe) {
				_, _ = p.Write(b)
				_, _ = p.Read(make([]byte, 1))
			})
		}
	}
	feed := func(s *siege) [32]byte { return s.entries[0].ID().Digest() }
	unknown := protocol.Sum([]byte("nobody's feed"))
	return []input{
		{where, "nothing", "reset", raw()},
		{where, "one byte a second", "reset", func(s *siege) string {
			return s.served(func(p pipe) {
				for _, b := range append([]byte{200, 1}, make([]byte, 200)...) {
					if _, err := p.Write([]byte{b}); err != nil {
						return
					}
					time.Sleep(time.Second)
				}
			})
		}},
		{where, "a frame said to be 2^62 long", "reset", raw(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f)},
		{where, "a length in more bytes than it needs", "reset", raw(0x81, 0x00)},
		{where, "a length without an end", "reset", raw(bytes.Repeat([]byte{0x80}, 20)...)},
		{where, "a frame that ends inside", "reset", func(s *siege) string { return s.served(func(p pipe) { _, _ = p.Write([]byte{100, 0xa1, 0x61}) }) }},
		{where, "a compressed frame", "reset", raw(12, 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 0)},
		{where, "an HTTP request", "reset", raw([]byte("GET / HTTP/1.1\r\nHost: node\r\n\r\n")...)},
		{where, "a request to join", "reset", func(s *siege) string {
			return s.served(func(p pipe) { s.request(func(*protocol.JoinRequest) {})(p); _, _ = p.Read(make([]byte, 1)) })
		}},
		{where, "a hello with a giant number of the last exchange", "answered", func(s *siege) string {
			return s.served(func(p pipe) {
				if o := s.hello(p, protocol.Hello{Since: 1<<64 - 1}); !o.Differ || len(o.Lines) == 0 {
					s.t.Error("it was not offered everything")
				}
			})
		}},
		{where, "a hello, and the stream is closed", "answered", func(s *siege) string { return s.served(func(p pipe) { s.hello(p, protocol.Hello{}) }) }},
		{where, "a hello, and silence", "reset", func(s *siege) string {
			return s.served(func(p pipe) { s.hello(p, protocol.Hello{}); _, _ = p.Read(make([]byte, 1)) })
		}},
		{where, "an empty question", "reset", func(s *siege) string { return s.asks(&protocol.Ask{}) }},
		{where, "two questions in one", "reset", func(s *siege) string {
			return s.asks(&protocol.Ask{Ranges: []string{"a"}, Bodies: []protocol.CID{unknown}})
		}},
		{where, "257 runs", "reset", func(s *siege) string { return s.asks(map[string]any{"f": runsOf(protocol.MaxAsk + 1)}) }},
		{where, "one feed twice", "reset", func(s *siege) string {
			return s.asks(&protocol.Ask{Runs: []protocol.RunAsk{{Feed: feed(s)}, {Feed: feed(s), From: 3}}})
		}},
		{where, "one body twice", "reset", func(s *siege) string { return s.asks(&protocol.Ask{Bodies: []protocol.CID{unknown, unknown}}) }},
		{where, "one range twice", "reset", func(s *siege) string { return s.asks(&protocol.Ask{Ranges: []string{"ab", "ab"}}) }},
		{where, "ranges within one another", "reset", func(s *siege) string { return s.asks(&protocol.Ask{Ranges: []string{"abc", "f", "ab"}}) }},
		{where, "a range of a thousand digits", "reset", func(s *siege) string { return s.asks(&protocol.Ask{Ranges: []string{strings.Repeat("a", 1000)}}) }},
		{where, "a range that is no hexadecimal", "answered", func(s *siege) string {
			return s.served(func(p pipe) {
				s.hello(p, protocol.Hello{})
				var o protocol.Offer
				if err := errors.Join(protocol.WriteFrame(p, &protocol.Ask{Ranges: []string{"../etc"}}), protocol.ReadFrame(byteReader{p}, protocol.MaxFrameBytes, &o)); err != nil || len(o.Lines)+len(o.Ranges) > 0 {
					s.t.Errorf("offered %+v, %v", o, err)
				}
			})
		}},
		{where, "a question of a mebibyte", "reset", func(s *siege) string { return s.asks(map[string]any{"z": make([]byte, protocol.MaxFrameBytes-100)}) }},
		{where, "a run from beyond MaxNumber", "reset", func(s *siege) string {
			return s.asks(&protocol.Ask{Runs: []protocol.RunAsk{{Feed: feed(s), From: protocol.MaxNumber + 1}}})
		}},
		{where, "a run beyond the end of its feed", "answered", func(s *siege) string {
			return s.asks(&protocol.Ask{Runs: []protocol.RunAsk{{Feed: feed(s), From: protocol.MaxNumber}}})
		}},
		{where, "a run of a feed that nobody knows", "answered", func(s *siege) string { return s.asks(&protocol.Ask{Runs: []protocol.RunAsk{{Feed: unknown.Digest()}}}) }},
		{where, "a body that is not here", "answered", func(s *siege) string { return s.asks(&protocol.Ask{Bodies: []protocol.CID{unknown}}) }},
		{where, "a header in place of an entry's body", "answered", func(s *siege) string {
			return s.asks(&protocol.Ask{Bodies: []protocol.CID{s.entries[1].ID()}})
		}},
		{where, "a question whose answer is never read", "reset", func(s *siege) string {
			return s.served(func(p pipe) {
				s.hello(p, protocol.Hello{})
				_ = protocol.WriteFrame(p, &protocol.Ask{Runs: []protocol.RunAsk{{Feed: feed(s)}}})
				time.Sleep(2 * frameTime)
			})
		}},
		{where, "eleven hundred questions without a pause", "answered", func(s *siege) string {
			began := time.Now()
			v := s.served(func(p pipe) {
				s.hello(p, protocol.Hello{})
				for range asksBurst + asksRate {
					var o protocol.Offer
					if protocol.WriteFrame(p, &protocol.Ask{Ranges: []string{"a"}}) != nil || protocol.ReadFrame(byteReader{p}, protocol.MaxFrameBytes, &o) != nil {
						s.t.Error("a question was refused")
						return
					}
				}
			})
			if took := time.Since(began); took < time.Second {
				s.t.Errorf("answered within %s", took)
			}
			return v
		}},
	}
}

func runsOf(n int) []any {
	out := make([]any, n)
	for i := range out {
		out[i] = map[string]any{"f": append([]byte{byte(i), byte(i >> 8)}, make([]byte, 30)...)}
	}
	return out
}

func pullInputs() []input {
	const where = "catch-up, answering"
	offer := func(s *siege) protocol.Offer { return protocol.Offer{Lines: []protocol.Line{s.line(100)}} }
	end := &protocol.Sent{End: true}
	answer := func(frame func(s *siege) []any) func(*siege) string {
		return func(s *siege) string { return s.asked(offer(s), framed(frame(s)...)) }
	}
	// nothingNew tells the verdict, unless something was taken that should not.
	nothingNew := func(send func(s *siege) string) func(*siege) string {
		return func(s *siege) string {
			before := s.Root()
			v := send(s)
			if s.Root() != before {
				return v + ", and something was taken"
			}
			return v
		}
	}
	unknown := func(n int) (lines []protocol.Line) {
		for i := range n {
			lines = append(lines, protocol.Standing{Feed: protocol.Sum([]byte{byte(i), byte(i >> 8)}), Count: 1 << 40, Head: protocol.Sum([]byte("head"))}.ToLine())
		}
		return lines
	}
	list := []input{
		{where, "silence", "given up: unreachable", func(s *siege) string { return s.asked(offer(s), func(p pipe) { time.Sleep(2 * frameTime) }) }},
		{where, "one byte a second", "given up: unreachable", func(s *siege) string {
			return s.asked(offer(s), func(p pipe) {
				for {
					if _, err := p.Write([]byte{0x80 | 1}); err != nil {
						return
					}
					time.Sleep(10 * time.Second)
				}
			})
		}},
		{where, "a frame said to be a terabyte", "given up: too_large", answer(func(*siege) []any { return []any{[]byte{0x80, 0x80, 0x80, 0x80, 0x80, 0x20}} })},
		{where, "a compressed frame", "given up: non_canonical", answer(func(*siege) []any { return []any{[]byte{12, 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 0}} })},
		{where, "2,049 lines", "given up: too_large", func(s *siege) string { return s.asked(protocol.Offer{Lines: unknown(protocol.MaxLines + 1)}) }},
		{where, "one line twice", "given up: malformed", func(s *siege) string {
			return s.asked(protocol.Offer{Lines: []protocol.Line{s.line(100), s.line(90)}})
		}},
		{where, "a line of more than MaxNumber entries", "given up: too_large", func(s *siege) string {
			l := s.line(100)
			l.Count = 1 << 60
			return s.asked(protocol.Offer{Lines: []protocol.Line{l}})
		}},
		{where, "two thousand feeds of a million million entries that do not exist", "taken", func(s *siege) string {
			return s.asked(protocol.Offer{Lines: unknown(2000)})
		}},
		{where, "ranges within one another", "given up: malformed", func(s *siege) string {
			return s.asked(protocol.Offer{Ranges: []protocol.Range{{Prefix: "a", Print: []byte{1}}, {Prefix: "ab", Print: []byte{2}}}})
		}},
		{where, "a range that leads back to itself", "given up: malformed", func(s *siege) string {
			ab := protocol.Range{Prefix: "ab", Print: []byte{1}}
			return s.asked(protocol.Offer{Ranges: []protocol.Range{ab}}, framed(&protocol.Offer{Ranges: []protocol.Range{ab}}))
		}},
		{where, "a range that was not asked for", "given up: malformed", func(s *siege) string {
			return s.asked(protocol.Offer{Ranges: []protocol.Range{{Prefix: "ab", Print: []byte{1}}}}, framed(&protocol.Offer{Ranges: []protocol.Range{{Prefix: "cde", Print: []byte{1}}}}))
		}},
		{where, "a line outside the range asked for", "given up: malformed", func(s *siege) string {
			l := s.line(100)
			prefix := "0"
			if l.Feed[0]>>4 == 0 {
				prefix = "1"
			}
			return s.asked(protocol.Offer{Ranges: []protocol.Range{{Prefix: prefix, Print: []byte{1}}}}, framed(&protocol.Offer{Lines: []protocol.Line{l}}))
		}},
		{where, "ranges narrower and narrower without end", "given up: malformed", func(s *siege) string {
			deeper := make([]func(pipe), 70)
			for i := range deeper {
				deeper[i] = framed(&protocol.Offer{Ranges: []protocol.Range{{Prefix: strings.Repeat("a", min(i+2, 64)), Print: []byte{1}}}})
			}
			return s.asked(protocol.Offer{Ranges: []protocol.Range{{Prefix: "a", Print: []byte{1}}}}, deeper...)
		}},
		{where, "a page of a feed not asked for", "given up: malformed", answer(func(s *siege) []any { return []any{s.sent(s.w.nodes[2].inception), end} })},
		{where, "a page of another place of the feed", "given up: malformed", answer(func(s *siege) []any { return []any{s.sent(s.entries[20:30]...), end} })},
		{where, "a page twice", "given up: malformed", func(s *siege) string {
			page := s.sent(s.entries[siegeHeld:20]...)
			return s.asked(offer(s), framed(page, page, end))
		}},
		{where, "more entries than were asked for", "given up: malformed", func(s *siege) string {
			s.spend("city-1", protocol.MaxPage)
			return s.asked(offer(s), framed(s.sent(s.entries[siegeHeld:siegeHeld+64]...), s.sent(s.entries[siegeHeld+64:siegeHeld+128]...), end))
		}},
		{where, "65 entries in a page", "given up: too_large", answer(func(s *siege) []any { return []any{s.sent(s.entries[siegeHeld : siegeHeld+65]...), end} })},
		{where, "a page without entries, again and again", "given up: malformed", answer(func(s *siege) []any { return []any{&protocol.Sent{}, &protocol.Sent{}, end} })},
		{where, "entries of two feeds in one page", "given up: malformed", answer(func(s *siege) []any {
			return []any{s.sent(s.entries[siegeHeld], s.w.nodes[2].inception), end}
		})},
		{where, "more bodies than headers", "given up: malformed", answer(func(s *siege) []any {
			page := s.sent(s.entries[siegeHeld:20]...)
			page.Bodies = append(page.Bodies, []byte("\xa0"))
			return []any{page, end}
		})},
		{where, "a header that is none", "given up: malformed", answer(func(s *siege) []any {
			return []any{&protocol.Sent{Headers: [][]byte{{0xa0}}, Bodies: [][]byte{{}}}, end}
		})},
		{where, "entries that another key signed", "taken", nothingNew(answer(func(s *siege) []any {
			return []any{s.sent(s.write(keyOf(s.t, "a forger"), func(*protocol.Header) {})), end}
		}))},
		{where, "entries that do not follow one another", "taken", nothingNew(answer(func(s *siege) []any {
			return []any{s.sent(s.write(s.key(), func(h *protocol.Header) { h.Prev = protocol.Sum([]byte("another")) })), end}
		}))},
		{where, "a wrong body under a right header", "taken", func(s *siege) string {
			e, _ := s.withBody([]byte("\xa0"))
			page := s.sent(e)
			page.Bodies[0] = []byte("\xa1")
			v := s.asked(offer(s), framed(page, end))
			if s.store.Stats().Wanted != 1 {
				return v + ", and the body is not wanted"
			}
			return v
		}},
		{where, "the stream cut within a page", "given up: unreachable", func(s *siege) string {
			return s.asked(offer(s), func(p pipe) {
				var whole bytes.Buffer
				_ = protocol.WriteFrame(&whole, s.sent(s.entries[siegeHeld:siegeHeld+64]...))
				_, _ = p.Write(whole.Bytes()[:whole.Len()/2])
				p.Close()
			})
		}},
		{where, "a body that was not asked for", "given up: malformed", func(s *siege) string {
			e, _ := s.withBody([]byte("\xa0"))
			return s.asked(offer(s), framed(s.sent(e), end), framed(&protocol.Sent{Entries: []protocol.CID{s.entries[1].ID()}, Bodies: [][]byte{{0xa0}}}, end))
		}},
		{where, "one body twice", "given up: malformed", func(s *siege) string {
			e, _ := s.withBody([]byte("\xa0"))
			body := &protocol.Sent{Entries: []protocol.CID{e.ID()}, Bodies: [][]byte{{0xa0}}}
			return s.asked(offer(s), framed(s.sent(e), end), framed(body, body, end))
		}},
		{where, "a body of another hash", "taken", func(s *siege) string {
			e, _ := s.withBody([]byte("\xa0"))
			v := s.asked(offer(s), framed(s.sent(e), end), framed(&protocol.Sent{Entries: []protocol.CID{e.ID()}, Bodies: [][]byte{{0xa1}}}, end))
			if s.store.Stats().Wanted != 1 {
				return v + ", and the body is not wanted"
			}
			return v
		}},
	}
	return list
}

func joinInputs() []input {
	const where = "joining"
	return []input{
		{where, "nothing", "reset", func(s *siege) string { return s.joins(func(pipe) {}) }},
		{where, "one byte a second", "reset", func(s *siege) string {
			return s.joins(func(p pipe) {
				for range 60 {
					if _, err := p.Write([]byte{0x81}); err != nil {
						return
					}
					time.Sleep(time.Second)
				}
			})
		}},
		{where, "a frame of a mebibyte", "reset", func(s *siege) string { return s.joins(framed([]byte{0x80, 0x80, 0x40})) }},
		{where, "a request cut short", "reset", func(s *siege) string {
			return s.joins(func(p pipe) { _, _ = p.Write([]byte{50, 0xa3, 0x63}); p.Close() })
		}},
		{where, "a hello of catch-up", "reset", func(s *siege) string { return s.joins(framed(&protocol.Hello{})) }},
		{where, "an empty request", "refused: malformed", func(s *siege) string { return s.joins(s.request(func(*protocol.JoinRequest) {})) }},
		{where, "another federation", "refused: wrong_federation", func(s *siege) string {
			return s.joins(s.request(func(r *protocol.JoinRequest) { r.Federation = protocol.Sum([]byte("another")) }))
		}},
		{where, "an application by a clock that is a year off", "refused: wrong_clock", func(s *siege) string {
			return s.joins(s.request(func(r *protocol.JoinRequest) {
				a := s.application(keyOf(s.t, "a seed"))
				r.Application = &a
				r.Time += 365 * 24 * 3600_000
			}))
		}},
		{where, "a time before 1970", "reset", func(s *siege) string { return s.joins(s.request(func(r *protocol.JoinRequest) { r.Time = -1 })) }},
		{where, "five entries that follow", "reset", func(s *siege) string {
			return s.joins(s.request(func(r *protocol.JoinRequest) {
				r.Inception, r.Follow = s.w.nodes[2].inception.Bytes(), make([][]byte, protocol.MaxFollow+1)
			}))
		}},
		{where, "another node's inception", "refused: malformed", func(s *siege) string {
			return s.joins(s.request(func(r *protocol.JoinRequest) { r.Inception = s.w.nodes[2].inception.Bytes() }))
		}},
		{where, "an inception of a root key that is no member's", "refused: pending_approval", func(s *siege) string {
			stranger := &actor{w: s.w, root: keyOf(s.t, "a stranger's root"), node: s.key()}
			stranger.sign(s.t)
			return s.joins(s.request(func(r *protocol.JoinRequest) { r.Inception = stranger.inception.Bytes() }))
		}},
		{where, "an inception whose addition the root key did not sign", "refused: bad_signature", func(s *siege) string {
			h := s.w.nodes[2].inception.Header()
			init := *h.Init
			init.Node = s.by
			e, err := protocol.Seal(s.w.fed, protocol.Header{Kind: protocol.KindInception, Time: 1, Act: h.Act, Init: &init}, s.key())
			if err != nil {
				s.t.Fatal(err)
			}
			return s.joins(s.request(func(r *protocol.JoinRequest) { r.Inception = e.Bytes() }))
		}},
		{where, "an application that its root key did not sign", "refused: bad_signature", func(s *siege) string {
			return s.joins(s.request(func(r *protocol.JoinRequest) {
				a := s.application(keyOf(s.t, "a seed"))
				a.ByRoot = a.BySeed
				r.Application = &a
			}))
		}},
		{where, "an application that the invitation did not sign", "refused: bad_signature", func(s *siege) string {
			return s.joins(s.request(func(r *protocol.JoinRequest) {
				a := s.application(keyOf(s.t, "a seed"))
				a.BySeed = a.ByRoot
				r.Application = &a
			}))
		}},
		{where, "an application under an invitation that nobody made", "refused: invitation_invalid", func(s *siege) string {
			return s.joins(s.request(func(r *protocol.JoinRequest) {
				a := s.application(keyOf(s.t, "a seed"))
				r.Application = &a
			}))
		}},
		{where, "an application for another federation", "refused: wrong_federation", func(s *siege) string {
			return s.joins(s.request(func(r *protocol.JoinRequest) {
				a := s.application(keyOf(s.t, "a seed"))
				a.Federation = protocol.Sum([]byte("another"))
				r.Application = &a
			}))
		}},
	}
}

func (s *siege) application(seed protocol.PrivateKey) protocol.Application {
	a, err := protocol.Application{Federation: s.w.fed, Member: protocol.MemberFacts{Handle: "fr-lyon", Kind: protocol.KindCity, Country: "FR",
		Names: protocol.Text{"fr": "Lyon"}}}.Sign(keyOf(s.t, "an applicant"), seed)
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

func bundleInputs() []input {
	const where = "bundle"
	return []input{
		{where, "nothing", "refused: malformed", func(s *siege) string { return s.imports(func([]byte) []byte { return nil }) }},
		{where, "another file", "refused: malformed", func(s *siege) string {
			return s.imports(func([]byte) []byte { return []byte("PK\x03\x04 something that was zipped") })
		}},
		{where, "a bundle cut within a block", "refused: malformed", func(s *siege) string { return s.imports(func(b []byte) []byte { return b[:len(b)-10] }) }},
		{where, "a block that does not hash to its name", "refused: bad_hash", func(s *siege) string {
			return s.imports(func(b []byte) []byte { b[len(b)-1] ^= 1; return b })
		}},
		{where, "a section said to be 2^62 long", "refused: too_large", func(s *siege) string {
			return s.imports(func(b []byte) []byte { return append(b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f) })
		}},
		{where, "another federation's", "refused: wrong_federation", func(s *siege) string {
			return s.imports(func(b []byte) []byte {
				id := s.w.fed.Bytes()
				other := protocol.Sum([]byte("another"))
				return bytes.ReplaceAll(b, id, other.Bytes())
			})
		}},
		{where, "the same bundle twice", "taken", func(s *siege) string { return s.imports(func(b []byte) []byte { return b }) }},
	}
}
