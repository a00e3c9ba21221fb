package protocol

import (
	"bytes"
	"encoding/hex"
	"slices"
)

func header(raw []byte) map[string]any { return map[string]any{"header": hex.EncodeToString(raw)} }

func headerVectors(w *vectorWorld) *suite {
	s := &suite{file: "headers", about: "A header and its own signature. in.federation, in.key, in.header; out.id, out.feed, out.signed (the bytes that the signature covers).",
		judge: func(in inputs) (map[string]any, error) {
			e, err := DecodeEntry(in.bytes("header"))
			if err != nil {
				return nil, err
			}
			if err := e.Verify(in.cid("federation"), in.key("key")); err != nil {
				return nil, err
			}
			unsigned, err := e.unsigned()
			if err != nil {
				return nil, err
			}
			return map[string]any{"id": e.ID().String(), "feed": e.Feed().String(),
				"signed": hex.EncodeToString(signedRaw(tagEntry, in.cid("federation"), unsigned))}, nil
		}}
	key := w.node.Public()
	add := func(name, expect, reason string, raw []byte) {
		in := header(raw)
		in["federation"], in["key"] = hex.EncodeToString(w.fed.Bytes()), hex.EncodeToString(key[:])
		s.add(name, expect, reason, in)
	}
	e := w.entries[1]
	set := func(key string, v any) []byte { return w.spoil(e, func(m map[string]any) { m[key] = v }) }
	drop := func(key string) []byte { return w.spoil(e, func(m map[string]any) { delete(m, key) }) }
	add("offer", "accept", "a usual header", e.Bytes())
	add("without body", "accept", "body and size are absent together", w.seal(w.after(w.entries[1], KindWithdraw)).Bytes())
	full := w.after(w.entries[1], KindOffer)
	full.Of, full.Refs = e.ID(), slices.Repeat([]CID{e.ID()}, MaxReferences)
	full.Number, full.Act, full.Time = MaxNumber, ActRef{MaxNumber, w.fed}, MaxTime
	add("every field", "accept", "all optional fields, at their bounds", w.seal(full).Bytes())
	add("unknown kind", "accept", "a kind of a newer node stands and says nothing here", set("kind", uint64(999)))
	add("unknown field", "accept", "a field of a newer node stays in the bytes and under the signature", set("zz", "from the future"))
	add("unknown nested field", "accept", "the same inside a known field", w.spoil(e, func(m map[string]any) { m["act"].(map[string]any)["zz"] = true }))
	add("explicit zero", "non_canonical", "num 0 is left out", set("num", uint64(0)))
	add("explicit zero beside an unknown field", "non_canonical", "the same where the header is not known as a whole",
		w.spoil(e, func(m map[string]any) { m["num"], m["zz"] = uint64(0), true }))
	add("empty references", "non_canonical", "an empty list is left out", set("refs", []any{}))
	add("null references", "malformed", "null is never written", set("refs", nil))
	add("null init", "malformed", "null is never written", set("init", nil))
	add("missing kind", "non_canonical", "kind is always written, zero too", drop("kind"))
	add("missing act", "malformed", "the known act is named", drop("act"))
	add("missing prev", "malformed", "a later entry names its predecessor", drop("prev"))
	add("missing feed", "malformed", "a later entry names its feed", drop("feed"))
	add("missing size", "malformed", "body and size come together", drop("size"))
	unsigned := w.generic(e.Bytes())
	delete(unsigned, "sig")
	add("missing signature", "malformed", "every entry is signed", loose(unsigned))
	add("empty signature", "non_canonical", "what is empty is left out", w.spoil(e, func(m map[string]any) { m["sig"] = []byte{} }))
	add("short signature", "malformed", "64 bytes", w.spoil(e, func(m map[string]any) { m["sig"] = make([]byte, 63) }))
	add("signature as a list", "non_canonical", "a byte string, not an array of numbers", w.spoil(e, func(m map[string]any) { m["sig"] = slices.Repeat([]any{uint64(1)}, 64) }))
	add("size without body", "malformed", "body and size come together", drop("body"))
	add("size beyond the limit", "too_large", "64 KiB", set("size", uint64(MaxBodyBytes+1)))
	add("giant size", "too_large", "a count that nothing was allocated for", set("size", uint64(1<<63)))
	add("body of another codec", "malformed", "a body is a dag-cbor block", set("body", SumRaw(w.bodies[1])))
	add("feed of another codec", "malformed", "two names for one feed", set("feed", SumRaw(w.entries[0].Bytes())))
	add("negative time", "malformed", "before 1970", set("time", int64(-1)))
	add("time beyond the year 9999", "too_large", "no calendar writes it", set("time", uint64(MaxTime+1)))
	add("time beyond 63 bits", "malformed", "does not fit", set("time", uint64(1<<63)))
	add("far future number", "too_large", "seq beyond 2^53-1: one more could not be counted", set("seq", uint64(MaxNumber+1)))
	add("largest number", "too_large", "seq 2^64-1: one more would be zero", set("seq", ^uint64(0)))
	add("giant act", "too_large", "act number beyond 2^53-1", w.spoil(e, func(m map[string]any) { m["act"].(map[string]any)["n"] = uint64(1 << 60) }))
	add("nine references", "too_large", "at most 8", set("refs", slices.Repeat([]any{e.ID()}, 9)))
	add("seq 0 without inception", "malformed", "a feed begins with its inception", set("seq", uint64(0)))
	add("kind inception in the middle", "malformed", "only the first entry of a feed", set("kind", uint64(0)))
	add("version 2", "wrong_version", "nobody is to blame: ignored", set("v", uint64(2)))
	add("version 2 with other types", "wrong_version", "told from a fault by its version", w.spoil(e, func(m map[string]any) { m["v"], m["act"] = uint64(2), "other" }))
	add("version 1 with other types", "malformed", "a known field of another type", set("act", "other"))
	add("beyond 1 KiB", "too_large", "refused before it is decoded", set("zz", string(bytes.Repeat([]byte{'x'}, MaxHeaderBytes))))
	add("trailing byte", "malformed", "one item and nothing after it", append(bytes.Clone(e.Bytes()), 0))
	add("number in more bytes", "non_canonical", "v: 1 in two bytes", replace(e.Bytes(), "617601", "61761801"))
	add("keys out of order", "non_canonical", "kind before act", loose(rawPairs(w.generic(e.Bytes()))))
	add("a list", "malformed", "not a map", loose([]any{uint64(1)}))
	add("null", "malformed", "not a map", []byte{0xf6})
	add("nothing", "malformed", "no bytes", []byte{})
	add("forged", "bad_signature", "a signature that does not verify", w.unsigned(e).Bytes())
	add("unknown field added later", "bad_signature", "the signature covers fields that a reader does not know",
		loose(with(w.generic(e.Bytes()), "zz", true)))
	otherFed, err := Seal(w.other, e.Header(), w.node)
	if err != nil {
		w.t.Fatal(err)
	}
	add("replayed from another federation", "bad_signature", "the signature covers the federation", otherFed.Bytes())
	otherKey, err := Seal(w.fed, e.Header(), w.root)
	if err != nil {
		w.t.Fatal(err)
	}
	add("signed by the root key", "bad_signature", "the node's key signs entries, not the root key", otherKey.Bytes())
	noTag := w.generic(e.Bytes())
	delete(noTag, "sig")
	sig := w.node.Sign(signedRaw(tagStatement, w.fed, loose(noTag)))
	add("signed under another tag", "bad_signature", "the signature covers what is signed", loose(with(noTag, "sig", sig[:])))
	return s
}

func with(m map[string]any, key string, v any) map[string]any {
	m[key] = v
	return m
}

// rawPairs encodes a header's map with kind before act.
type misordered map[string]any

func rawPairs(m map[string]any) misordered { return misordered(m) }

func (m misordered) MarshalCBOR() ([]byte, error) {
	out := appendHead(nil, majorMap, uint64(len(m)))
	for _, k := range []string{"v", "kind", "act", "num", "seq", "sig", "body", "feed", "prev", "size", "time"} {
		out = append(appendText(out, k), loose(m[k])...)
	}
	return out, nil
}

func inceptionVectors(w *vectorWorld) *suite {
	s := &suite{file: "inceptions", about: "The first entry of a feed, judged on its own. in.federation, in.header; out.feed, out.root, out.node, out.added (the bytes that the root key signed).",
		judge: func(in inputs) (map[string]any, error) {
			e, err := DecodeEntry(in.bytes("header"))
			if err != nil {
				return nil, err
			}
			if err := e.VerifyInception(in.cid("federation")); err != nil {
				return nil, err
			}
			init := e.Header().Init
			st := Addition(init.Federation, init.Root, init.Node, Signature{})
			added, err := SignedBytes(tagStatement, init.Federation, &st)
			return map[string]any{"feed": e.Feed().String(), "root": init.Root.String(), "node": init.Node.String(), "added": hex.EncodeToString(added)}, err
		}}
	add := func(name, expect, reason string, raw []byte) {
		in := header(raw)
		in["federation"] = hex.EncodeToString(w.fed.Bytes())
		s.add(name, expect, reason, in)
	}
	e := w.entries[0]
	init := func(change func(i map[string]any)) []byte {
		return w.spoil(e, func(m map[string]any) { change(m["init"].(map[string]any)) })
	}
	add("inception", "accept", "added by the root key, signed by the node key", e.Bytes())
	next := e.Header()
	cont := *next.Init
	cont.Continues = &Continuation{Feed: e.ID(), Seq: 3, Head: w.entries[3].ID()}
	next.Init = &cont
	add("continues another feed", "accept", "the node may have forgotten entries and begins anew", w.seal(next).Bytes())
	cont.Salt = bytes.Repeat([]byte{7}, 16)
	add("salted", "accept", "no other feed is this one by chance", w.seal(next).Bytes())
	add("short salt", "malformed", "a salt has 16 bytes", init(func(i map[string]any) { i["salt"] = bytes.Repeat([]byte{7}, 15) }))
	add("long salt", "malformed", "a salt has 16 bytes", init(func(i map[string]any) { i["salt"] = bytes.Repeat([]byte{7}, 17) }))
	add("unknown field", "accept", "a field of a newer node, under the signature", init(func(i map[string]any) { i["zz"] = true }))
	add("empty continuation", "malformed", "it names a feed and its head",
		init(func(i map[string]any) { i["cont"] = map[string]any{} }))
	add("continues a raw block", "malformed", "a feed is a dag-cbor block",
		init(func(i map[string]any) {
			i["cont"] = map[string]any{"feed": SumRaw(nil), "seq": uint64(1), "head": w.fed}
		}))
	add("of another federation", "wrong_federation", "it speaks for another federation", init(func(i map[string]any) { i["fed"] = w.other }))
	add("not added by the root", "bad_signature", "the addition is forged", init(func(i map[string]any) { i["sig"] = bytes.Repeat([]byte{1}, 64) }))
	otherRoot := testKey(w.t, "montreal root").Public()
	add("under another root", "bad_signature", "another member's root key did not add this node", init(func(i map[string]any) { i["root"] = otherRoot[:] }))
	otherNode := testKey(w.t, "montreal node").Public()
	add("for another node", "bad_signature", "the addition names another node", init(func(i map[string]any) { i["node"] = otherNode[:] }))
	add("weak root", "bad_signature", "a key of small order verifies nothing", init(func(i map[string]any) { k := smallOrder[1]; i["root"] = k[:] }))
	add("short key", "non_canonical", "a key has 32 bytes", init(func(i map[string]any) { i["node"] = make([]byte, 31) }))
	add("long key", "non_canonical", "a key has 32 bytes", init(func(i map[string]any) { i["node"] = make([]byte, 33) }))
	add("with a body", "malformed", "an inception says everything in the header",
		w.spoil(e, func(m map[string]any) { m["body"], m["size"] = w.fed, uint64(1) }))
	add("with a feed", "malformed", "an inception names the feed by its own CID", w.spoil(e, func(m map[string]any) { m["feed"] = w.fed }))
	add("with a predecessor", "malformed", "an inception follows nothing", w.spoil(e, func(m map[string]any) { m["prev"] = w.fed }))
	add("of another kind", "malformed", "kind 0", w.spoil(e, func(m map[string]any) { m["kind"] = uint64(18) }))
	add("later in the feed", "malformed", "only at seq 0", w.spoil(w.entries[1], func(m map[string]any) { m["init"] = w.generic(e.Bytes())["init"] }))
	add("a later entry", "malformed", "not an inception", w.entries[1].Bytes())
	add("not signed by the node", "bad_signature", "the node key signs its inception", w.spoil(e, func(m map[string]any) { m["sig"] = bytes.Repeat([]byte{1}, 64) }))
	return s
}

func chainVectors(w *vectorWorld) *suite {
	s := &suite{file: "chains", about: "Whether in.header may stand directly after in.prev. Signatures are not looked at.",
		judge: func(in inputs) (map[string]any, error) {
			prev, err := DecodeEntry(in.bytes("prev"))
			if err != nil {
				return nil, err
			}
			e, err := DecodeEntry(in.bytes("header"))
			if err != nil {
				return nil, err
			}
			return nil, e.Follows(prev)
		}}
	add := func(name, expect, reason string, prev Entry, next []byte) {
		in := header(next)
		in["prev"] = hex.EncodeToString(prev.Bytes())
		s.add(name, expect, reason, in)
	}
	e := w.entries
	change := func(key string, v any) []byte { return w.spoil(e[2], func(m map[string]any) { m[key] = v }) }
	add("after the inception", "accept", "the feed is named by the inception's CID", e[0], e[1].Bytes())
	add("after an entry", "accept", "the next number, the predecessor's CID", e[1], e[2].Bytes())
	add("same time", "accept", "claimed time does not fall; it may stand still", e[1], change("time", e[1].Header().Time))
	add("unknown fields", "accept", "of a newer node", e[1], change("zz", true))
	add("a gap", "broken_chain", "not the next number", e[0], e[2].Bytes())
	add("backwards", "broken_chain", "not the next number", e[2], e[1].Bytes())
	add("itself", "broken_chain", "not the next number", e[1], e[1].Bytes())
	add("another predecessor", "broken_chain", "prev names another entry", e[1], change("prev", e[0].ID()))
	add("another feed", "broken_chain", "feed names another feed", e[1], change("feed", w.fed))
	add("an inception", "broken_chain", "nothing precedes an inception", e[1], e[0].Bytes())
	add("time falls", "broken_chain", "claimed time does not fall within a feed", e[1], change("time", e[1].Header().Time-1))
	h := w.after(e[1], KindOffer)
	h.Act = ActRef{5, w.other}
	five := w.seal(h)
	h = w.after(five, KindOffer)
	h.Act = ActRef{4, w.other}
	add("known act falls", "broken_chain", "the known act's number does not fall within a feed", five, w.seal(h).Bytes())
	h.Act = ActRef{5, w.other}
	add("known act stands still", "accept", "the same number", five, w.seal(h).Bytes())
	return s
}

func endorseVectors(w *vectorWorld) *suite {
	s := &suite{file: "endorsed", about: "Endorsed verification of a run. in.federation, in.key, in.prev (absent at the beginning of a feed), in.run; out.count entries stand. expect tells why the run ends early, if it does.",
		judge: func(in inputs) (map[string]any, error) {
			var prev *Entry
			if _, there := in["prev"]; there {
				e, err := DecodeEntry(in.bytes("prev"))
				if err != nil {
					return nil, err
				}
				prev = &e
			}
			var run []Entry
			for _, raw := range in.list("run") {
				e, err := DecodeEntry(raw)
				if err != nil {
					return nil, err
				}
				run = append(run, e)
			}
			n, err := Endorse(in.cid("federation"), in.key("key"), prev, run)
			return map[string]any{"count": n}, err
		}}
	key := w.node.Public()
	add := func(name, expect, reason string, prev *Entry, run []Entry) {
		in := map[string]any{"federation": hex.EncodeToString(w.fed.Bytes()), "key": hex.EncodeToString(key[:]), "run": hexes(raws(run))}
		if prev != nil {
			in["prev"] = hex.EncodeToString(prev.Bytes())
		}
		s.add(name, expect, reason, in)
	}
	e := w.entries
	add("whole feed", "accept", "one signature, of the last entry, vouches for all", nil, e)
	add("rest of a feed", "accept", "after a known entry", &e[1], e[2:])
	add("nothing", "accept", "an empty run", &e[1], nil)
	// grow makes n entries after the inception whose own signatures do not verify, and
	// one that is signed.
	grow := func(n int, refs int, signed bool) []Entry {
		run := []Entry{e[0]}
		for i := range n + 1 {
			h := w.after(run[len(run)-1], KindNotice)
			h.Refs = slices.Repeat([]CID{w.fed}, refs)
			next := w.seal(h)
			if i < n || !signed {
				next = w.unsigned(next)
			}
			run = append(run, next)
		}
		return run
	}
	bad := grow(1, 0, true)
	add("bad signature endorsed later", "accept", "the next entry's signature vouches for it", nil, bad)
	add("bad signature at the end", "bad_signature", "nothing vouches for the last entry", nil, bad[:2])
	add("bad inception", "bad_signature", "an inception counts only with its own signatures", nil, append([]Entry{w.unsigned(e[0])}, e[1:]...))
	run := grow(63, 0, true)
	add("63 without a signature", "accept", "the 64th vouches for them", &run[0], run[1:])
	run = grow(64, 0, true)
	add("64 without a signature", "bad_signature", "no signature in 64 headers", &run[0], run[1:65])
	add("65 headers", "too_large", "a page has at most 64", &run[0], run[1:])
	wide := grow(60, 8, true)
	add("28 KiB without a signature", "bad_signature", "a signature reaches back over 28 KiB of headers at most", &wide[0], wide[1:])
	wide = grow(8, 8, true)
	add("short of 28 KiB without a signature", "accept", "the signed header vouches for eight large ones", &wide[0], wide[1:])
	hop := grow(30, 8, true)
	for range 30 {
		h := w.after(hop[len(hop)-1], KindNotice)
		h.Refs = slices.Repeat([]CID{w.fed}, 8)
		next := w.seal(h)
		hop = append(hop, next)
	}
	add("from signature to signature", "accept", "more than 28 KiB in all, each part within", &hop[0], hop[1:])
	broken := slices.Clone(e)
	broken[2] = w.unsigned(e[2])
	add("broken chain", "broken_chain", "the third names an entry that is not there", nil, []Entry{e[0], e[1], e[3]})
	add("forged in the middle", "bad_signature", "what follows names the true entry: the forged one ends the chain, and nothing vouches for it", nil, broken)
	add("from the middle", "gap", "the run does not begin with an inception", nil, e[1:])
	other := testKey(w.t, "montreal node").Public()
	add("another key", "bad_signature", "signed by another node than the one asked for", &e[0], e[1:])
	s.cases[len(s.cases)-1].In["key"] = hex.EncodeToString(other[:])
	add("inception of another node", "bad_signature", "the feed is another node's", nil, e)
	s.cases[len(s.cases)-1].In["key"] = hex.EncodeToString(other[:])
	return s
}

func bodyVectors(w *vectorWorld) *suite {
	s := &suite{file: "bodies", about: "A body. in.body, and in.header where it must be the one that the header names; out.id, out.data (the canonical bytes of what it says).",
		judge: func(in inputs) (map[string]any, error) {
			body := in.bytes("body")
			if _, there := in["header"]; there {
				e, err := DecodeEntry(in.bytes("header"))
				if err != nil {
					return nil, err
				}
				if err := e.CheckBody(body); err != nil {
					return nil, err
				}
			}
			content, err := BodyContent(body)
			if err != nil {
				return nil, err
			}
			data, err := Encode(content)
			return map[string]any{"id": Sum(body).String(), "data": hex.EncodeToString(data)}, err
		}}
	add := func(name, expect, reason string, body []byte, of ...Entry) {
		in := map[string]any{"body": hex.EncodeToString(body)}
		for _, e := range of {
			in["header"] = hex.EncodeToString(e.Bytes())
		}
		s.add(name, expect, reason, in)
	}
	salt := bytes.Repeat([]byte{9}, 16)
	add("body", "accept", "what it says, and a salt", w.bodies[1], w.entries[1])
	add("alone", "accept", "without its header", w.bodies[1])
	add("unknown field", "accept", "of a newer node", loose(map[string]any{"data": map[string]any{}, "salt": salt, "zz": true}))
	add("of another entry", "bad_hash", "a right header with a wrong body", w.bodies[2], w.entries[1])
	add("none", "bad_hash", "the header names a body", nil, w.entries[1])
	add("one too many", "bad_hash", "the header names no body", w.bodies[1], w.seal(w.after(w.entries[3], KindNotice)))
	add("short salt", "malformed", "16 bytes", loose(map[string]any{"data": map[string]any{}, "salt": salt[1:]}))
	add("no salt", "malformed", "16 bytes", loose(map[string]any{"data": map[string]any{}}))
	add("no data", "malformed", "a map", loose(map[string]any{"salt": salt}))
	add("data is not a map", "malformed", "a map", loose(map[string]any{"data": "text", "salt": salt}))
	add("float", "malformed", "no floats", loose(map[string]any{"data": map[string]any{"n": 1.5}, "salt": salt}))
	add("null", "malformed", "no null", loose(map[string]any{"data": map[string]any{"n": nil}, "salt": salt}))
	s.add("beyond 64 KiB", "too_large", "refused before it is decoded", map[string]any{"body": zeros(MaxBodyBytes + 1)})
	return s
}

func messageVectors(w *vectorWorld) *suite {
	s := &suite{file: "messages", about: "A message of the entries topic: form, and that the body is the header's. in.message; out.id, out.verdict of a validator that stops here.",
		judge: func(in inputs) (map[string]any, error) {
			e, _, err := DecodeMessage(in.bytes("message"))
			out := map[string]any{"verdict": ReasonOf(err).Verdict().String()}
			if err == nil {
				out["id"] = e.ID().String()
			}
			return out, err
		}}
	add := func(name, expect, reason string, message []byte) {
		s.add(name, expect, reason, map[string]any{"message": hex.EncodeToString(message)})
	}
	e, body := w.entries[1], w.bodies[1]
	msg, err := EncodeMessage(e, body)
	if err != nil {
		w.t.Fatal(err)
	}
	add("entry with its body", "accept", "the whole entry", msg)
	bare, err := EncodeMessage(w.entries[0], nil)
	if err != nil {
		w.t.Fatal(err)
	}
	add("entry without a body", "accept", "an inception", bare)
	add("right header, wrong body", "bad_hash", "the forwarder did not check", loose(&Message{e.Bytes(), w.bodies[2]}))
	add("body left out", "bad_hash", "a message carries the whole entry", loose(&Message{Header: e.Bytes()}))
	add("body too many", "bad_hash", "the header names none", loose(&Message{w.entries[0].Bytes(), body}))
	add("explicit empty body", "non_canonical", "an absent body is left out", loose(map[string]any{"h": w.entries[0].Bytes(), "b": []byte{}}))
	add("unknown field", "too_new", "one entry is one message: anybody could have added it, nobody is to blame", loose(map[string]any{"h": e.Bytes(), "b": body, "z": true}))
	add("no header", "non_canonical", "the header is always written", loose(map[string]any{"b": body}))
	add("null header", "malformed", "null is never written", loose(map[string]any{"h": nil}))
	add("non-canonical header", "non_canonical", "inside the message too", loose(&Message{replace(e.Bytes(), "617601", "61761801"), body}))
	add("header of version 2", "wrong_version", "nobody is to blame", loose(&Message{w.spoil(e, func(m map[string]any) { m["v"] = uint64(2) }), body}))
	add("cut short", "malformed", "not whole", msg[:len(msg)-1])
	s.add("oversized", "too_large", "refused before it is decoded", map[string]any{"message": zeros(MaxMessageBytes + 1)})
	return s
}

func forkVectors(w *vectorWorld) *suite {
	s := &suite{file: "forks", about: "Fork evidence. in.federation, in.evidence (its canonical bytes); out.feed, out.seq of the fork, out.node.",
		judge: func(in inputs) (map[string]any, error) {
			var ev ForkEvidence
			if err := Decode(in.bytes("evidence"), &ev); err != nil {
				return nil, err
			}
			f, err := ev.Verify(in.cid("federation"))
			if err != nil {
				return nil, err
			}
			return map[string]any{"feed": f.Feed.String(), "seq": f.Seq, "node": f.Node.String()}, nil
		}}
	add := func(name, expect, reason string, fed FederationID, ev any) {
		s.add(name, expect, reason, map[string]any{"federation": hex.EncodeToString(fed.Bytes()), "evidence": hex.EncodeToString(loose(ev))})
	}
	e := w.entries
	// A second history from entry 1 on.
	h := w.after(e[1], KindNotice)
	fork := []Entry{w.seal(h)}
	fork = append(fork, w.seal(w.after(fork[0], KindNotice)))
	good := NewForkEvidence(e[0], e[2:3], fork[:1])
	swapped := ForkEvidence{good.Inception, good.Right, good.Left}
	add("two entries", "accept", "one predecessor, two signed successors", w.fed, &good)
	longer := NewForkEvidence(e[0], []Entry{e[2], e[3]}, []Entry{w.unsigned(fork[0]), mustFollow(w, w.unsigned(fork[0]))})
	add("endorsed branches", "accept", "a branch may begin with an entry that a later signature vouches for", w.fed, &longer)
	add("unknown field", "accept", "of a newer node", w.fed, with(w.generic(loose(&good)), "zz", true))
	add("wrong order", "malformed", "branches are in order of their first header's CID", w.fed, &swapped)
	same := ForkEvidence{e[0].Bytes(), raws(e[2:3]), raws(e[2:3])}
	add("same entry twice", "malformed", "that is no fork", w.fed, &same)
	both := NewForkEvidence(e[0], e[2:3], []Entry{e[2], e[3]})
	add("one branch a part of the other", "malformed", "that is no fork", w.fed, &both)
	badBranch := NewForkEvidence(e[0], e[2:3], []Entry{w.unsigned(fork[0])})
	add("unsigned branch", "bad_signature", "anybody could have made it", w.fed, &badBranch)
	add("another federation", "wrong_federation", "evidence counts where it was signed", w.other, &good)
	others, _ := testFeed(w.t, w.fed, "montreal", 3)
	author := NewForkEvidence(others[0], e[2:3], fork[:1])
	add("another author", "malformed", "the branches belong to another feed", w.fed, &author)
	mixed := NewForkEvidence(e[0], e[2:3], others[2:3])
	add("branches of two feeds", "malformed", "one of them belongs to another feed", w.fed, &mixed)
	apart := NewForkEvidence(e[0], e[1:2], fork[:1])
	add("from two predecessors", "malformed", "the branches do not begin at one place", w.fed, &apart)
	broken := NewForkEvidence(e[0], e[2:3], []Entry{fork[0], e[3]})
	add("broken branch", "broken_chain", "a branch is a chain", w.fed, &broken)
	noBranch := NewForkEvidence(e[0], e[2:3], nil)
	add("empty branch", "malformed", "a branch has 1 to 64 headers", w.fed, &noBranch)
	nullBranch := w.generic(loose(&good))
	nullBranch["right"] = nil
	add("null branch", "malformed", "null is never written", w.fed, nullBranch)
	long := ForkEvidence{e[0].Bytes(), raws(e[2:3]), slices.Repeat(raws(fork[:1]), MaxPage+1)}
	add("65 headers", "malformed", "a branch has 1 to 64 headers", w.fed, &long)
	noInit := ForkEvidence{e[1].Bytes(), good.Left, good.Right}
	add("no inception", "malformed", "it brings the feed's first header", w.fed, &noInit)
	forged := ForkEvidence{w.unsigned(e[0]).Bytes(), good.Left, good.Right}
	add("forged inception", "bad_signature", "an inception counts only with its own signatures", w.fed, &forged)
	atZero := ForkEvidence{e[0].Bytes(), raws(e[:1]), raws(others[:1])}
	add("two inceptions", "malformed", "two inceptions are two feeds", w.fed, &atZero)
	return s
}

func mustFollow(w *vectorWorld, prev Entry) Entry { return w.seal(w.after(prev, KindNotice)) }
