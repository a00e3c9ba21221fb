package protocol

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
)

func foundingVectors(w *vectorWorld) *suite {
	s := &suite{file: "founding", about: "A founding act. in.block; out.federation is its CID.",
		judge: func(in inputs) (map[string]any, error) {
			_, id, err := DecodeFoundingAct(in.bytes("block"))
			if err != nil {
				return nil, err
			}
			return map[string]any{"federation": id.String()}, nil
		}}
	add := func(name, expect, reason string, block []byte) {
		s.add(name, expect, reason, map[string]any{"block": hex.EncodeToString(block)})
	}
	change := func(f func(m map[string]any)) []byte {
		m := w.generic(w.founding)
		f(m)
		return loose(m)
	}
	set := func(key string, v any) []byte { return change(func(m map[string]any) { m[key] = v }) }
	founder := func(i int, key string, v any) []byte {
		return change(func(m map[string]any) { m["founders"].([]any)[i].(map[string]any)[key] = v })
	}
	add("founding act", "accept", "two founders", w.founding)
	add("another salt", "accept", "the same text, another federation", set("salt", bytes.Repeat([]byte{7}, 16)))
	add("unknown field", "accept", "it stays under the CID", set("zz", true))
	add("version 2", "wrong_version", "rules of another version", set("v", uint64(2)))
	add("no names", "malformed", "at least one name", set("names", map[string]any{}))
	add("no charter", "malformed", "null is never written", set("charter", nil))
	add("no founders", "malformed", "at least one founder", set("founders", []any{}))
	add("null founders", "malformed", "null is never written", set("founders", nil))
	add("founder twice", "malformed", "each handle and each root key once", change(func(m map[string]any) {
		m["founders"] = append(m["founders"].([]any), m["founders"].([]any)[0])
	}))
	add("root key twice", "malformed", "each root key once", change(func(m map[string]any) {
		twin := maps.Clone(m["founders"].([]any)[0].(map[string]any))
		twin["handle"] = "kr-busan"
		m["founders"] = append(m["founders"].([]any), twin)
	}))
	add("bad handle", "malformed", "lower-case words joined by hyphens", founder(0, "handle", "KR-Seoul"))
	add("city without country", "malformed", "a city has a country", change(func(m map[string]any) { delete(m["founders"].([]any)[0].(map[string]any), "country") }))
	add("unknown member kind", "malformed", "city, region or organisation", founder(0, "kind", "village"))
	add("unknown category", "malformed", "a category of membership", founder(0, "category", "gold"))
	add("explicit empty category", "non_canonical", "empty text is left out where it is optional", founder(0, "category", ""))
	add("zero root", "malformed", "a founder has a root key", founder(0, "root", make([]byte, 32)))
	add("office of a stranger", "malformed", "held by no founder", change(func(m map[string]any) { m["offices"].([]any)[0].(map[string]any)["member"] = "jp-tokyo" }))
	add("thirteen languages", "too_large", "at most 12", change(func(m map[string]any) {
		names := map[string]any{}
		for _, l := range strings.Fields("aa bb cc dd ee ff gg hh ii jj kk ll mm") {
			names[l] = "x"
		}
		m["names"] = names
	}))
	add("float threshold", "malformed", "shares are two integers", change(func(m map[string]any) { m["rules"].(map[string]any)["threshold"] = 0.5 }))
	s.add("beyond 512 KiB", "too_large", "refused before it is decoded", map[string]any{"block": zeros(MaxFoundingBytes + 1)})
	return s
}

func statementVectors(w *vectorWorld) *suite {
	s := &suite{file: "statements", about: "A root statement: form and signature. in.statement (its canonical bytes); out.signed.",
		judge: func(in inputs) (map[string]any, error) {
			var st Statement
			if err := DecodeWhole(in.bytes("statement"), &st); err != nil {
				return nil, err
			}
			if err := st.Verify(); err != nil {
				return nil, err
			}
			st.Signature = Signature{}
			msg, err := SignedBytes(tagStatement, st.Federation, &st)
			return map[string]any{"signed": hex.EncodeToString(msg)}, err
		}}
	add := func(name, expect, reason string, st any) {
		s.add(name, expect, reason, map[string]any{"statement": hex.EncodeToString(loose(st))})
	}
	sign := func(st Statement) *Statement {
		st.Federation, st.Root = w.fed, w.root.Public()
		st.Signature = w.root.Sign(signedRaw(tagStatement, w.fed, loose(&st)))
		return &st
	}
	node := w.node.Public()
	stand := Stand{Feed: w.entries[0].ID(), Count: 4, Head: w.entries[3].ID()}
	add("add", "accept", "adds a node key", sign(Statement{Purpose: PurposeAdd, Node: node}))
	add("govern", "accept", "designates the governing node", sign(Statement{Purpose: PurposeGovern, Node: node, Number: 1}))
	add("cut", "accept", "ends a node key; its one feed stands with four entries", sign(Statement{Purpose: PurposeCut, Node: node, Stands: []Stand{stand}}))
	add("cut all", "accept", "ends a node key; nothing of it stands", sign(Statement{Purpose: PurposeCut, Node: node}))
	add("cut to nothing", "accept", "a feed of which nothing stands", sign(Statement{Purpose: PurposeCut, Node: node, Stands: []Stand{{Feed: stand.Feed}}}))
	add("settle", "accept", "chooses a branch", sign(Statement{Purpose: PurposeSettle, Stands: []Stand{stand}}))
	add("object", "accept", "objects to its own replacement", sign(Statement{Purpose: PurposeObject, Act: w.other}))
	add("settle nothing", "malformed", "a branch has entries", sign(Statement{Purpose: PurposeSettle, Stands: []Stand{{Feed: stand.Feed}}}))
	add("settle two", "malformed", "exactly one branch", sign(Statement{Purpose: PurposeSettle, Stands: []Stand{stand, {Feed: w.fed}}}))
	add("feed listed twice", "malformed", "which of the two would count?", sign(Statement{Purpose: PurposeCut, Node: node, Stands: []Stand{stand, stand}}))
	add("count without head", "malformed", "both or none", sign(Statement{Purpose: PurposeCut, Node: node, Stands: []Stand{{Feed: stand.Feed, Count: 4}}}))
	add("head of another codec", "malformed", "a head is a block", sign(Statement{Purpose: PurposeCut, Node: node, Stands: []Stand{{stand.Feed, 4, SumRaw(nil)}}}))
	add("giant count", "malformed", "beyond what can be counted", sign(Statement{Purpose: PurposeCut, Node: node, Stands: []Stand{{stand.Feed, 1 << 60, stand.Head}}}))
	many := make([]Stand, MaxStands+1)
	for i := range many {
		many[i] = Stand{Feed: Sum([]byte{byte(i), byte(i >> 8)})}
	}
	add("257 feeds", "malformed", "at most 256", sign(Statement{Purpose: PurposeCut, Node: node, Stands: many}))
	add("govern without number", "malformed", "numbers rise from 1", sign(Statement{Purpose: PurposeGovern, Node: node}))
	add("add with number", "malformed", "the fields do not fit the purpose", sign(Statement{Purpose: PurposeAdd, Node: node, Number: 1}))
	add("object without act", "malformed", "the fields do not fit the purpose", sign(Statement{Purpose: PurposeObject}))
	add("unknown purpose", "malformed", "of a newer node: says nothing here", sign(Statement{Purpose: "resign", Node: node}))
	good := sign(Statement{Purpose: PurposeGovern, Node: node, Number: 1})
	add("unknown field", "too_new", "nobody could say whether the signature covers it", with(w.generic(loose(good)), "zz", true))
	add("explicit zero", "non_canonical", "what is absent is left out", with(w.generic(loose(sign(Statement{Purpose: PurposeAdd, Node: node}))), "num", uint64(0)))
	add("unsigned", "bad_signature", "a statement stands on its signature", with(w.generic(loose(good)), "sig", bytes.Repeat([]byte{1}, 64)))
	raised := *good
	raised.Number = 2
	add("another number", "bad_signature", "the number is signed", &raised)
	moved := *good
	moved.Federation = w.other
	add("replayed in another federation", "bad_signature", "the federation is signed", &moved)
	purpose := *sign(Statement{Purpose: PurposeAdd, Node: node})
	purpose.Purpose = PurposeCut
	add("add turned into cut", "bad_signature", "the purpose is signed", &purpose)
	tagged := *good
	tagged.Signature = Signature{}
	tagged.Signature = w.root.Sign(signedRaw(tagEntry, w.fed, loose(&tagged)))
	add("signed under another tag", "bad_signature", "what is signed is signed", &tagged)
	weak := *good
	weak.Root, weak.Signature = smallOrder[1], Signature{1}
	add("weak root", "bad_signature", "anybody can sign for a point of small order", &weak)
	return s
}

// spelled is the pasteable form of anything.
func spelled(prefix string, v any) string {
	return prefix + base64.RawURLEncoding.EncodeToString(loose(v))
}

func cardVectors(w *vectorWorld) *suite {
	s := &suite{file: "cards", about: "A founder's card. in.line; out.handle, out.root, out.signed.",
		judge: func(in inputs) (map[string]any, error) {
			c, err := ParseCard(in.text("line"))
			if err != nil {
				return nil, err
			}
			msg, err := SignedBytes(tagCard, FederationID{}, &Card{Member: c.Member})
			return map[string]any{"handle": c.Member.Handle, "root": c.Member.Root.String(), "signed": hex.EncodeToString(msg)}, err
		}}
	add := func(name, expect, reason, line string) { s.add(name, expect, reason, map[string]any{"line": line}) }
	facts := w.foundingForm.Founders[0]
	facts.Category = ""
	card, err := Card{Member: facts}.Sign(w.root)
	if err != nil {
		w.t.Fatal(err)
	}
	line, err := card.Line()
	if err != nil {
		w.t.Fatal(err)
	}
	add("card", "accept", "facts, signed by the root key", line)
	add("folded by a mail program", "accept", "white space is left out", "\n  "+line[:40]+"\r\n "+line[40:]+"\n")
	add("another prefix", "malformed", "not a card", strings.Replace(line, "card", "chart", 1))
	add("padded", "malformed", "base64url without padding", line+"=")
	add("standard alphabet", "malformed", "base64url", cardPrefix+strings.NewReplacer("-", "+", "_", "/").Replace(spelled("", map[string]any{"a": "\u07ff\u07ff\u07ff?>"})))
	add("cut short", "malformed", "not whole", line[:len(line)-8])
	add("too long", "malformed", "8 KiB", cardPrefix+strings.Repeat("A", 8*MaxHeaderBytes+1))
	changed := card
	changed.Member.Handle = "kr-busan"
	add("another handle", "bad_signature", "the facts are signed", spelled(cardPrefix, &changed))
	add("unknown field", "malformed", "anybody could have added it", spelled(cardPrefix, with(w.generic(loose(&card)), "zz", true)))
	facts.Handle = "Seoul!"
	add("bad handle", "malformed", "form first", spelled(cardPrefix, &Card{facts, card.Signature}))
	add("unsigned", "bad_signature", "a card is signed", spelled(cardPrefix, &Card{Member: card.Member}))
	return s
}

func invitationVectors(w *vectorWorld) *suite {
	s := &suite{file: "invitations", about: "An invitation's line. in.line; out.federation, out.node, out.key (the public half of the seed; absent without one).",
		judge: func(in inputs) (map[string]any, error) {
			i, err := ParseInvitation(in.text("line"))
			if err != nil {
				return nil, err
			}
			out := map[string]any{"federation": i.Federation.String(), "node": i.Node.String()}
			if len(i.Seed) > 0 {
				out["key"] = i.Key().Public().String()
			}
			return out, nil
		}}
	add := func(name, expect, reason string, change func(i *Invitation)) {
		i := Invitation{Federation: w.fed, Name: Text{"en": "Test federation"}, Node: w.node.Public(), Addresses: []string{"/ip4/192.0.2.1/udp/7710/quic-v1"},
			Handle: "ca-montreal", Expires: 1_800_000_000, Seed: bytes.Repeat([]byte{5}, 32)}
		change(&i)
		s.add(name, expect, reason, map[string]any{"line": spelled(invitationPrefix, &i)})
	}
	add("invitation", "accept", "works once", func(*Invitation) {})
	add("without seed", "accept", "for a further node of a member", func(i *Invitation) { i.Seed, i.Expires, i.Handle = nil, 0, "" })
	add("short seed", "invitation_invalid", "32 bytes", func(i *Invitation) { i.Seed = i.Seed[1:] })
	add("no address", "invitation_invalid", "somewhere to ask", func(i *Invitation) { i.Addresses = nil })
	add("seventeen addresses", "invitation_invalid", "at most 16", func(i *Invitation) { i.Addresses = slices.Repeat(i.Addresses, 17) })
	add("long address", "invitation_invalid", "at most 256 bytes", func(i *Invitation) { i.Addresses = []string{strings.Repeat("/", 257)} })
	add("bad handle", "invitation_invalid", "a handle has a form", func(i *Invitation) { i.Handle = "Montréal" })
	add("before 1970", "invitation_invalid", "a day before 1970", func(i *Invitation) { i.Expires = -1 })
	add("no node", "invitation_invalid", "the inviting node", func(i *Invitation) { i.Node = PublicKey{} })
	add("federation by another codec", "invitation_invalid", "a founding act is a block", func(i *Invitation) { i.Federation = SumRaw(nil) })
	s.add("a card", "invitation_invalid", "another kind of line", map[string]any{"line": cardPrefix + "oA"})
	s.add("nothing", "invitation_invalid", "no line", map[string]any{"line": " \n"})
	return s
}

func applicationVectors(w *vectorWorld) *suite {
	s := &suite{file: "applications", about: "An application: form, federation and both signatures. in.federation, in.application; out.by_seed and out.by_root are the signed bytes.",
		judge: func(in inputs) (map[string]any, error) {
			var a Application
			if err := DecodeWhole(in.bytes("application"), &a); err != nil {
				return nil, err
			}
			if err := a.Verify(in.cid("federation")); err != nil {
				return nil, err
			}
			a.BySeed, a.ByRoot = Signature{}, Signature{}
			body, err := Encode(&a)
			return map[string]any{"by_seed": hex.EncodeToString(signedRaw(tagApplySeed, a.Federation, body)),
				"by_root": hex.EncodeToString(signedRaw(tagApplyRoot, a.Federation, body))}, err
		}}
	add := func(name, expect, reason string, fed FederationID, a any) {
		s.add(name, expect, reason, map[string]any{"federation": hex.EncodeToString(fed.Bytes()), "application": hex.EncodeToString(loose(a))})
	}
	facts := w.foundingForm.Founders[0]
	facts.Handle, facts.Category = "kr-busan", ""
	root, seed := testKey(w.t, "busan root"), testKey(w.t, "busan seed")
	good, err := Application{Federation: w.fed, Member: facts}.Sign(root, seed)
	if err != nil {
		w.t.Fatal(err)
	}
	add("application", "accept", "signed by the new root key and by the seed", w.fed, &good)
	add("in another federation", "wrong_federation", "it names its federation", w.other, &good)
	moved := good
	moved.Federation = w.other
	add("moved to another federation", "bad_signature", "the federation is signed", w.other, &moved)
	swapped := good
	swapped.BySeed, swapped.ByRoot = good.ByRoot, good.BySeed
	add("signatures swapped", "bad_signature", "each has its own tag", w.fed, &swapped)
	noSeed := good
	noSeed.BySeed = Signature{}
	add("without the seed", "bad_signature", "who has no seed was not invited", w.fed, &noSeed)
	noRoot := good
	noRoot.ByRoot = Signature{}
	add("without the root", "bad_signature", "nobody applies for another", w.fed, &noRoot)
	handle := good
	handle.Member.Handle = "kr-daegu"
	add("another handle", "bad_signature", "the facts are signed", w.fed, &handle)
	add("unknown field", "too_new", "nobody could say whether the signatures cover it", w.fed, with(w.generic(loose(&good)), "zz", true))
	handle.Member.Handle = "-"
	add("bad handle", "malformed", "form first", w.fed, &handle)
	return s
}

func healthVectors(w *vectorWorld) *suite {
	s := &suite{file: "health", about: "A message of the health topic. in.federation, in.message; out.node, out.signed.",
		judge: func(in inputs) (map[string]any, error) {
			h, err := DecodeHealth(in.cid("federation"), in.bytes("message"))
			if err != nil {
				return nil, err
			}
			unsigned, err := withoutSignature(in.bytes("message"))
			return map[string]any{"node": h.Node.String(), "signed": hex.EncodeToString(signedRaw(tagHealth, h.Federation, unsigned))}, err
		}}
	add := func(name, expect, reason string, h any) {
		s.add(name, expect, reason, map[string]any{"federation": hex.EncodeToString(w.fed.Bytes()), "message": hex.EncodeToString(loose(h))})
	}
	base := Health{Federation: w.fed, Time: 1_796_083_200_000, Root: LedgerRoot(w.fed, nil), Entries: 4, State: "ready", Version: "1.0.0"}
	sign := func(change func(h *Health)) *Health {
		h := base
		change(&h)
		signed, err := h.Sign(w.node)
		if err != nil {
			w.t.Fatal(err)
		}
		return &signed
	}
	good := sign(func(*Health) {})
	add("health", "accept", "signed by the node it names", good)
	add("behind", "accept", "bodies wanted, an act known, addresses", sign(func(h *Health) { h.Wanted, h.Act, h.Addresses = 3, 7, []string{"/ip4/192.0.2.1/tcp/7710"} }))
	newer := w.generic(loose(good))
	delete(newer, "sig")
	newer["zz"] = uint64(1)
	sig := w.node.Sign(signedRaw(tagHealth, w.fed, loose(newer)))
	newer["sig"] = sig[:]
	add("unknown field", "accept", "of a newer node, under the signature", newer)
	add("unknown field added later", "bad_signature", "the signature covers it: one message stays one", with(w.generic(loose(good)), "zz", true))
	add("unsigned", "bad_signature", "not signed", &base)
	busy := *good
	busy.Entries = 5
	add("another count", "bad_signature", "the counts are signed", &busy)
	elsewhere := base
	elsewhere.Federation = w.other
	moved, err := elsewhere.Sign(w.node)
	if err != nil {
		w.t.Fatal(err)
	}
	add("of another federation", "wrong_federation", "another federation's topic", &moved)
	moved.Federation = w.fed
	add("replayed from another federation", "bad_signature", "the federation is signed", &moved)
	add("explicit zero", "non_canonical", "zero is left out", with(w.generic(loose(good)), "wanted", uint64(0)))
	add("seventeen addresses", "too_large", "at most 16", sign(func(h *Health) { h.Addresses = slices.Repeat([]string{"/"}, 17) }))
	add("long state", "too_large", "at most 32 bytes", sign(func(h *Health) { h.State = strings.Repeat("x", 33) }))
	add("giant count", "too_large", "beyond what can be counted", sign(func(h *Health) { h.Entries = 1 << 60 }))
	add("negative time", "malformed", "before 1970", sign(func(h *Health) { h.Time = -1 }))
	s.add("oversized", "too_large", "4 KiB", map[string]any{"federation": hex.EncodeToString(w.fed.Bytes()), "message": zeros(MaxHealthBytes + 1)})
	return s
}
