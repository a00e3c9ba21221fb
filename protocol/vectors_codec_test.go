package protocol

import (
	"bytes"
	"encoding/hex"
	"strings"
)

func codecVectors() *suite {
	s := &suite{file: "codec", about: "One block of the profile in its one spelling. in.block; out.cid is its CID under dag-cbor.",
		judge: func(in inputs) (map[string]any, error) {
			block := in.bytes("block")
			if _, err := DecodeGeneric(block); err != nil {
				return nil, err
			}
			return map[string]any{"cid": Sum(block).String()}, nil
		}}
	add := func(name, expect, block, reason string) {
		s.add(name, expect, reason, map[string]any{"block": block})
	}
	link := "d82a5825000171122012345678901234567890123456789012345678901234567890123456789012345678"[:82]
	raw := strings.Replace(link, "000171", "000155", 1)
	add("zero", "accept", "00", "the shortest integer")
	add("largest in one byte", "accept", "17", "23 stands in the first byte")
	add("smallest in two bytes", "accept", "1818", "24 takes one more byte")
	add("largest unsigned", "accept", "1bffffffffffffffff", "2^64-1")
	add("minus one", "accept", "20", "negative integers are -1-n")
	add("smallest negative", "accept", "3b7fffffffffffffff", "-2^63")
	add("true", "accept", "f5", "one of two simple values")
	add("false", "accept", "f4", "one of two simple values")
	add("empty text", "accept", "60", "text may be empty where a schema says so")
	add("hangul", "accept", "66eb9190eba088", "text is UTF-8")
	add("bytes", "accept", "43010203", "byte strings")
	add("nested", "accept", "a1616181a1616280", "maps and arrays")
	add("map in order", "accept", "a3616101616202626161f5", "shorter keys first, then by bytes")
	add("link", "accept", link, "tag 42 over a zero byte and a CID of 36 bytes")
	add("link to raw", "accept", raw, "an attachment chunk")
	add("sixteen deep", "accept", strings.Repeat("81", 15)+"80", "the deepest nesting")
	add("seventeen deep", "malformed", strings.Repeat("81", 16)+"80", "beyond the deepest nesting")
	add("integer in two bytes", "non_canonical", "1801", "1 has a shorter spelling")
	add("integer in three bytes", "non_canonical", "1900ff", "255 has a shorter spelling")
	add("integer in five bytes", "non_canonical", "1a0000ffff", "65535 has a shorter spelling")
	add("integer in nine bytes", "non_canonical", "1b00000000ffffffff", "4294967295 has a shorter spelling")
	add("length in two bytes", "non_canonical", "580101", "lengths too are written in the fewest bytes")
	add("keys out of order", "non_canonical", "a2616201616102", "b before a")
	add("long key first", "non_canonical", "a262616101616202", "aa before b: shorter keys come first")
	add("indefinite array", "non_canonical", "9f01ff", "lengths are always given")
	add("indefinite text", "non_canonical", "7f6161ff", "lengths are always given")
	add("key twice", "malformed", "a2616101616102", "no key stands twice")
	add("integer key", "malformed", "a10102", "keys are text")
	add("bytes key", "malformed", "a1416101", "keys are text")
	add("null", "malformed", "f6", "what is absent is left out")
	add("null in a map", "malformed", "a16161f6", "what is absent is left out")
	add("undefined", "malformed", "f7", "no undefined")
	add("simple value", "malformed", "f8ff", "no other simple values")
	add("half float", "malformed", "f93c00", "no floats")
	add("single float", "malformed", "fa3f800000", "no floats")
	add("double float", "malformed", "fb3ff0000000000000", "no floats")
	add("negative zero", "malformed", "f98000", "no floats, so no negative zero")
	add("not a number", "malformed", "f97e00", "no floats")
	add("too negative", "malformed", "3b8000000000000000", "below -2^63")
	add("big number", "malformed", "c249010000000000000000", "tag 2 is not a link")
	add("date", "malformed", "c11a514b67b0", "tag 1 is not a link")
	add("self described", "malformed", "d9d9f700", "no tag but links")
	add("tag in a tag", "malformed", "d82a"+link, "a link holds bytes")
	add("link over text", "malformed", "d82a6161", "a link holds bytes")
	add("link without zero byte", "malformed", strings.Replace(link, "d82a582500", "d82a582501", 1), "the first byte of a link is zero")
	add("link to CIDv0", "malformed", "d82a5823001220"+strings.Repeat("00", 32), "CIDv1 only")
	add("link by sha2-512", "malformed", "d82a584500017113"+"40"+strings.Repeat("00", 64), "sha2-256 only")
	add("link by identity", "malformed", "d82a45000171"+"0000", "sha2-256 only")
	add("link to dag-pb", "malformed", strings.Replace(link, "000171", "000170", 1), "dag-cbor and raw only")
	add("tag in a longer form", "non_canonical", "d9002a"+link[4:], "tag numbers too are written in the fewest bytes")
	add("not UTF-8", "malformed", "62c328", "text is UTF-8")
	add("surrogate", "malformed", "63eda080", "text is UTF-8")
	add("key not UTF-8", "malformed", "a162c32801", "keys are UTF-8")
	add("trailing byte", "malformed", "0000", "one item and nothing after it")
	add("nothing", "malformed", "", "there is no item")
	add("cut short", "malformed", "6261", "text of two bytes, one given")
	add("giant array", "malformed", "9b00ffffffffffffff", "a count that the bytes cannot hold, refused before memory is taken")
	add("giant bytes", "malformed", "5b7fffffffffffffff00", "a length that the bytes cannot hold")
	add("giant map", "malformed", "bb00ffffffffffffff", "a count that the bytes cannot hold")
	add("reserved length", "malformed", "1c", "28 to 30 are reserved")
	add("break alone", "malformed", "ff", "a break outside of an indefinite item")
	return s
}

func cidVectors() *suite {
	s := &suite{file: "cids", about: "The text form of a CID. in.text; out.bytes is the binary form.",
		judge: func(in inputs) (map[string]any, error) {
			c, err := ParseCID(in.text("text"))
			if err != nil {
				return nil, err
			}
			return map[string]any{"bytes": hex.EncodeToString(c.Bytes())}, nil
		}}
	add := func(name, expect, text, reason string) { s.add(name, expect, reason, map[string]any{"text": text}) }
	good := Sum([]byte("두레")).String()
	add("block", "accept", good, "CIDv1, dag-cbor, sha2-256, lower-case base32")
	add("attachment", "accept", SumRaw([]byte("두레")).String(), "CIDv1, raw, sha2-256, lower-case base32")
	add("upper case", "non_canonical", strings.ToUpper(good), "another base")
	add("base58", "non_canonical", "zdpuAyvkgEDQm9TenwGkd5eNaosSxjgEYd8QatfPetgB1CdEZ", "another base")
	add("version 0", "malformed", "QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n", "CIDv1 only")
	add("dag-pb", "malformed", "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi", "dag-cbor and raw only")
	add("empty", "malformed", "", "nothing")
	add("cut short", "malformed", good[:40], "not 36 bytes")
	add("other last bit", "non_canonical", good[:58]+flipped(good[58]), "the bits beyond the last byte are zero")
	return s
}

// flipped is the base32 letter that differs in the last bit alone.
func flipped(letter byte) string {
	const letters = "abcdefghijklmnopqrstuvwxyz234567"
	return string(letters[strings.IndexByte(letters, letter)^1])
}

func keyVectors() *suite {
	s := &suite{file: "keys", about: "Keys and signatures. With in.text: the text form of a public key; out.key, out.fingerprint. With in.key, in.message, in.signature: whether the signature counts.",
		judge: func(in inputs) (map[string]any, error) {
			if text, ok := in["text"].(string); ok {
				k, err := ParsePublicKey(text)
				if err != nil {
					return nil, err
				}
				return map[string]any{"key": hex.EncodeToString(k[:]), "fingerprint": k.Fingerprint()}, nil
			}
			if !in.key("key").Verify(in.bytes("message"), Signature(in.bytes("signature"))) {
				return nil, Fail(ReasonBadSignature, "verify", nil)
			}
			return nil, nil
		}}
	seed := [32]byte{1, 2, 3}
	key, _ := NewPrivateKey(seed[:])
	text := key.Public().String()
	add := func(name, expect, text, reason string) { s.add(name, expect, reason, map[string]any{"text": text}) }
	add("text", "accept", text, "ed and 52 letters of base32")
	add("no prefix", "malformed", text[2:], "the prefix belongs to it")
	add("upper case", "malformed", "ed"+strings.ToUpper(text[2:]), "lower case only")
	add("line break", "non_canonical", text[:20]+"\n"+text[20:], "no line breaks inside a key")
	add("other last bit", "non_canonical", text[:53]+flipped(text[53]), "the bits beyond the last byte are zero")
	add("short", "malformed", text[:50], "not 32 bytes")

	verify := func(name, expect, reason string, k PublicKey, msg []byte, sig Signature) {
		s.add(name, expect, reason, map[string]any{"key": hex.EncodeToString(k[:]), "message": hex.EncodeToString(msg), "signature": hex.EncodeToString(sig[:])})
	}
	msg := []byte("message")
	good := key.Sign(msg)
	verify("signature", "accept", "RFC 8032 Ed25519", key.Public(), msg, good)
	verify("another message", "bad_signature", "what is signed counts", key.Public(), []byte("massage"), good)
	// S + L, the same signature for a verifier that forgets to compare S with L.
	order := unhex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")
	twin := good
	carry := 0
	for i := range 32 {
		carry += int(twin[32+i]) + int(order[i])
		twin[32+i], carry = byte(carry), carry>>8
	}
	verify("S beyond the order", "bad_signature", "a second spelling of one signature", key.Public(), msg, twin)
	// For these keys R = the neutral element or the key's own point, S = 0 can verify.
	for i, weak := range smallOrder {
		var sig Signature
		sig[0] = 1
		verify("weak key "+string(rune('1'+i)), "bad_signature", "a point of small order: anybody can sign for it", weak, weakMessage(weak, sig), sig)
	}
	p1 := fieldPrime
	p1[0]++
	var sig Signature
	sig[0] = 1
	verify("key spelled another way", "bad_signature", "y is not below 2^255-19", p1, weakMessage(p1, sig), sig)
	return s
}

// weakMessage is a message for which crypto/ed25519 takes sig for the weak key's.
func weakMessage(k PublicKey, sig Signature) []byte {
	for i := range 256 {
		msg := []byte{byte(i)}
		if stdVerify(k, msg, sig) {
			return msg
		}
	}
	panic("no message found")
}

func frontierVectors(w *vectorWorld) *suite {
	s := &suite{file: "frontier", about: "The ledger root. in.federation (binary CID), in.lines [[feed hash, count, head hash, forked]…]; out.root (text), out.lines (digest of each line, in order of feed), out.print (of the range of all feeds).",
		judge: func(in inputs) (map[string]any, error) {
			var lines []Standing
			all, _ := in["lines"].([]any)
			for _, l := range all {
				f := l.([]any)
				line := Line{Feed: [32]byte(unhex(f[0].(string))), Count: uint64(f[1].(float64)), Forked: uint64(f[3].(float64))}
				copy(line.Head[:], unhex(f[2].(string)))
				if line.Count > MaxNumber+1 || line.Forked > MaxNumber+1 {
					return nil, Fail(ReasonTooLarge, "read line", nil)
				}
				lines = append(lines, line.Standing())
			}
			return map[string]any{"root": LedgerRoot(in.cid("federation"), lines).String(), "lines": digests(lines)}, nil
		}}
	hash := func(b byte) string { return hex.EncodeToString(bytes.Repeat([]byte{b}, 32)) }
	add := func(name, reason string, fed FederationID, lines ...[]any) {
		all := make([]any, len(lines))
		for i := range lines {
			all[i] = lines[i]
		}
		s.add(name, "accept", reason, map[string]any{"federation": hex.EncodeToString(fed.Bytes()), "lines": all})
	}
	a, b, c := []any{hash(1), 5, hash(0xaa), 0}, []any{hash(2), 64, hash(0xbb), 0}, []any{hash(3), 9, hash(0xcc), 10}
	add("empty", "no feeds yet", w.fed)
	add("empty elsewhere", "the root depends on the federation", w.other)
	add("one feed", "one line", w.fed, a)
	add("three feeds", "lines in order of the feed's hash; the third is forked at seq 9", w.fed, a, b, c)
	add("three feeds in another order", "the order of arrival does not matter", w.fed, c, a, b)
	add("nothing stands", "a line of count 0 without a fork does not count", w.fed, a, []any{hash(2), 0, "", 0})
	add("forked at its second entry", "1 + seq 1", w.fed, []any{hash(1), 1, hash(0xaa), 2})
	return s
}

func digests(lines []Standing) []any {
	out := []any{}
	for _, s := range sortedStandings(lines) {
		if s.Count > 0 || s.Forked > 0 {
			d := s.Digest()
			out = append(out, hex.EncodeToString(d[:]))
		}
	}
	return out
}

func frameVectors(w *vectorWorld) *suite {
	s := &suite{file: "frames", about: "Frames of the stream protocols. in.kind, in.bytes as they stand on the stream; out.length of the frame's block, out.block.",
		judge: func(in inputs) (map[string]any, error) {
			into := map[string]func() any{"hello": func() any { return new(Hello) }, "offer": func() any { return new(Offer) },
				"ask": func() any { return new(Ask) }, "sent": func() any { return new(Sent) },
				"file_ask": func() any { return new(FileAsk) }, "file_sent": func() any { return new(FileSent) },
				"join_request": func() any { return new(JoinRequest) }, "join_answer": func() any { return new(JoinAnswer) }}[in.text("kind")]()
			r := bytes.NewReader(in.bytes("bytes"))
			if err := ReadFrame(r, MaxFrameBytes, into); err != nil {
				return nil, err
			}
			block, err := Encode(into)
			if err != nil {
				return nil, err
			}
			return map[string]any{"length": len(block), "block": hex.EncodeToString(block)}, nil
		}}
	frame := func(v any) string {
		var b bytes.Buffer
		if err := WriteFrame(&b, v); err != nil {
			w.t.Fatal(err)
		}
		return hex.EncodeToString(b.Bytes())
	}
	add := func(name, expect, kind, bytes, reason string) {
		s.add(name, expect, reason, map[string]any{"kind": kind, "bytes": bytes})
	}
	root := LedgerRoot(w.fed, nil)
	line := Standing{Feed: w.entries[0].ID(), Count: 4, Head: w.entries[3].ID()}.ToLine()
	e := w.entries[1]
	add("hello", "accept", "hello", frame(&Hello{Root: root}), "a stranger's first frame: 38 bytes on the stream")
	add("hello again", "accept", "hello", frame(&Hello{Root: root, Since: 4_000_000_000_000}), "to a node met before")
	add("offer of nothing", "accept", "offer", frame(&Offer{Next: 4_000_000_000_000}), "equal roots: the end")
	add("offer of a line", "accept", "offer", frame(&Offer{Next: 7, Differ: true, Lines: []Line{line}}), "what changed since")
	add("offer of ranges", "accept", "offer", frame(&Offer{Next: 7, Differ: true, Ranges: []Range{{Prefix: "0", Print: make([]byte, RangePrintBytes)}}}), "to a stranger")
	add("ask for ranges", "accept", "ask", frame(&Ask{Ranges: []string{"0", "f"}}), "one digit narrower")
	add("ask for runs", "accept", "ask", frame(&Ask{Runs: []RunAsk{{Feed: line.Feed, From: 1, Max: 64}}}), "entries 1 to 64 of a feed")
	add("ask for a branch", "accept", "ask", frame(&Ask{Runs: []RunAsk{{Feed: line.Feed, From: 2, Max: 64, Branch: e.ID().Digest()}}}), "entries from 2 on of the branch that an entry lies on")
	add("ask for bodies", "accept", "ask", frame(&Ask{Bodies: []CID{e.ID()}}), "by the entry's id")
	add("page", "accept", "sent", frame(&Sent{Headers: [][]byte{e.Bytes()}, Bodies: [][]byte{w.bodies[1]}, Left: 2}), "a header with its body")
	add("page without body", "accept", "sent", frame(&Sent{Headers: [][]byte{e.Bytes()}, Bodies: [][]byte{{}}}), "an empty byte string: not carried")
	add("bodies", "accept", "sent", frame(&Sent{Entries: []CID{e.ID()}, Bodies: [][]byte{w.bodies[1]}}), "an answer to an ask for bodies")
	add("end", "accept", "sent", frame(&Sent{End: true}), "nothing more")
	add("ask to join", "accept", "join_request", frame(&JoinRequest{Federation: w.fed, Time: 1, Inception: w.entries[0].Bytes()}), "a node presents its inception")
	add("refusal", "accept", "join_answer", frame(&JoinAnswer{Reason: "invitation_used", Time: 1}), "state 0 is a refusal")
	facts := MemberFacts{Handle: "kr-seoul", Kind: KindCity, Country: "KR", Names: Text{"en": "Seoul"}, Root: w.entries[0].Header().Init.Root}
	add("welcome", "accept", "join_answer", frame(&JoinAnswer{State: JoinWelcome, Time: 1, Founding: []byte{1}, Member: &facts, Designation: 3}), "whose node it is, as the answering one knows")
	facts.Handle = "Seoul"
	add("welcome as nobody", "malformed", "join_answer", frame(&JoinAnswer{State: JoinWelcome, Time: 1, Member: &facts}), "a member has a handle")
	add("welcome beyond counting", "too_large", "join_answer", frame(&JoinAnswer{State: JoinWelcome, Time: 1, Designation: MaxNumber + 1}), "numbers end at 2⁵³−1")
	add("turned away", "accept", "join_answer", frame(&JoinAnswer{Reason: "not_member", Time: 1, Removal: &Removal{Number: 7, Decision: w.bodies[1], Certificate: []byte{0xa0}}}), "with the act that removed the member, for its node alone")
	add("turned away without the act", "accept", "join_answer", frame(&JoinAnswer{Reason: "not_member", Time: 1, Removal: &Removal{Number: 7}}), "the number alone is a word")
	add("turned away by no act", "too_large", "join_answer", frame(&JoinAnswer{Reason: "not_member", Time: 1, Removal: &Removal{}}), "acts are counted from 1")
	add("turned away beyond counting", "too_large", "join_answer", frame(&JoinAnswer{Reason: "not_member", Time: 1, Removal: &Removal{Number: MaxNumber + 1}}), "numbers end at 2⁵³−1")
	add("turned away at length", "too_large", "join_answer", frame(&JoinAnswer{Reason: "not_member", Time: 1, Removal: &Removal{Number: 7, Decision: make([]byte, MaxBodyBytes+1)}}), "a body has 64 KiB at most")
	add("from the future", "accept", "hello", hex.EncodeToString(append([]byte{42}, loose(map[string]any{"r": root[:], "zzz": true})...)), "unknown fields are left alone")
	long := frame(&Hello{Root: root})
	add("length in two bytes", "non_canonical", "hello", "a500"+long[2:], "the length too has one spelling")
	add("length beyond the limit", "too_large", "sent", "818040", "1 MiB and one byte: refused before anything is read")
	add("length beyond counting", "non_canonical", "sent", "ffffffffffffffffffff01", "a length of more than 63 bits")
	add("cut short", "unreachable", "hello", long[:20], "the stream ended inside a frame")
	add("null list", "malformed", "ask", "04a16172f6", "null in a list's place")
	add("empty list", "non_canonical", "ask", "04a1617280", "an empty list is left out")
	add("explicit zero", "non_canonical", "hello", "28a26172"+long[8:]+"617300", "zero is left out")
	add("explicit false", "non_canonical", "sent", "04a16178f4", "false is left out")
	add("short root", "non_canonical", "hello", "05a1617241ff", "a root has 32 bytes")
	add("missing root", "non_canonical", "hello", "01a0", "a hello has a root")
	add("text in a number's place", "malformed", "hello", "29a26172"+long[8:]+"61736161", "a type that does not fit")
	add("too many questions", "too_large", "ask", frame(&Ask{Ranges: make([]string, MaxAsk+1)}), "at most 256 a frame")
	add("too many headers", "too_large", "sent", frame(&Sent{Headers: make([][]byte, MaxPage+1), Bodies: make([][]byte, MaxPage+1)}), "at most 64 a page")
	add("giant count", "too_large", "offer", frame(&Offer{Lines: []Line{{Feed: line.Feed, Count: 1 << 60, Head: line.Head}}}), "beyond what can be counted")
	add("too many to follow", "too_large", "join_request", frame(&JoinRequest{Federation: w.fed, Follow: make([][]byte, MaxFollow+1)}), "at most 4")
	file := Sum([]byte("a manifest"))
	add("ask for a manifest", "accept", "file_ask", frame(&FileAsk{Entry: e.ID(), File: file}), "what a file is made of")
	add("ask for chunks", "accept", "file_ask", frame(&FileAsk{Entry: e.ID(), File: file, Chunks: []uint64{0, 1, 159}}), "by their places")
	add("ask for chunks of a chunk", "malformed", "file_ask", frame(&FileAsk{Entry: e.ID(), File: SumRaw([]byte("a chunk"))}), "files are named by their manifests")
	add("ask by a chunk's name", "malformed", "file_ask", frame(&FileAsk{Entry: SumRaw([]byte("a chunk")), File: file}), "an entry is a block")
	add("ask by no entry", "malformed", "file_ask", "01a0", "an entry names the file")
	add("seventeen chunks", "too_large", "file_ask", frame(&FileAsk{Entry: e.ID(), File: file, Chunks: []uint64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}}), "at most 16 a question")
	add("a chunk beyond every file", "too_large", "file_ask", frame(&FileAsk{Entry: e.ID(), File: file, Chunks: []uint64{MaxChunks}}), "10 MiB are 160 chunks")
	add("chunks out of order", "non_canonical", "file_ask", frame(&FileAsk{Entry: e.ID(), File: file, Chunks: []uint64{1, 0}}), "one question has one spelling")
	add("a chunk twice", "non_canonical", "file_ask", frame(&FileAsk{Entry: e.ID(), File: file, Chunks: []uint64{1, 1}}), "one question has one spelling")
	add("a manifest", "accept", "file_sent", frame(&FileSent{Manifest: []byte{0xa0}}), "checked against the file's id by whoever asked")
	add("a first chunk", "accept", "file_sent", frame(&FileSent{Data: []byte("두레")}), "number 0 is left out")
	add("a chunk", "accept", "file_sent", frame(&FileSent{Number: 3, Data: []byte("두레")}), "checked against the manifest by whoever asked")
	add("no more of a file", "accept", "file_sent", frame(&FileSent{End: true}), "what was not sent is not held")
	add("a manifest and a chunk", "malformed", "file_sent", frame(&FileSent{Manifest: []byte{0xa0}, Data: []byte("x")}), "one thing a frame")
	add("nothing of a file", "malformed", "file_sent", frame(&FileSent{}), "one thing a frame")
	add("a number without a chunk", "malformed", "file_sent", frame(&FileSent{Number: 3, End: true}), "one thing a frame")
	add("a chunk too long", "too_large", "file_sent", frame(&FileSent{Data: make([]byte, ChunkBytes+1)}), "64 KiB and one byte")
	add("clock before 1970", "malformed", "join_request", frame(&JoinRequest{Federation: w.fed, Time: -1}), "a clock between 1970 and 9999")
	add("clock far ahead", "malformed", "join_answer", frame(&JoinAnswer{State: JoinPending, Time: 1 << 62}), "a clock between 1970 and 9999")
	return s
}
