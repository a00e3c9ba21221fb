package protocol

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// Every test here names a hole that was found when this package was read with a
// hostile eye, and stays closed.

func wantReason(t *testing.T, err error, want Reason) {
	t.Helper()
	if got := ReasonOf(err); got != want {
		t.Errorf("got %s (%v), want %s", got, err, want)
	}
}

// null in a list's place came back as null, and was taken for canonical: one meaning
// in two spellings.
func TestDecode_NullInAListsPlace(t *testing.T) {
	for _, into := range []any{new(NodeRecord), new(ForkEvidence), new(PeerAddress), new(Message)} {
		key := map[bool]string{true: "addrs", false: "h"}[strings.Contains(fmt.Sprintf("%T", into), "Record") || strings.Contains(fmt.Sprintf("%T", into), "Peer")]
		wantReason(t, Decode(loose(map[string]any{key: nil}), into), ReasonMalformed)
	}
	raw, err := Encode(&NodeRecord{})
	if err != nil || !bytes.Equal(raw, loose(map[string]any{"addrs": []any{}})) {
		t.Errorf("no addresses are written as %x, %v", raw, err)
	}
}

// Encode wrote floats and null although Decode refuses them: a node could sign what
// no node reads.
func TestEncode_RefusesWhatDecodeRefuses(t *testing.T) {
	for _, v := range []any{1.5, nil, map[string]any{"a": nil}, []any{float32(0)}, map[int]int{1: 1}, struct{ A *int }{}, CID{},
		map[string]any{"a": "\xff"}, slices.Repeat([]uint64{1}, MaxElements+1)} {
		if raw, err := Encode(v); ReasonOf(err) != ReasonMalformed {
			t.Errorf("%T was written as %.20x, %v", v, raw, err)
		}
	}
	_, err := EncodeBody(Salt{}, map[string]any{"price": 1.5})
	wantReason(t, err, ReasonMalformed)
}

// Beside an unknown field, explicit zeros in embedded structs, in maps of structs and
// under Go's own field names were let through.
func TestDecode_ExplicitZeroInEveryNesting(t *testing.T) {
	type inner struct {
		N uint64 `cbor:"n,omitzero"`
	}
	type Embedded struct {
		E uint64 `cbor:"e,omitzero"`
	}
	type outer struct {
		Embedded
		M    map[string]inner `cbor:"m,omitempty"`
		L    []inner          `cbor:"l,omitempty"`
		P    *inner           `cbor:"p,omitempty"`
		Bare string           `cbor:",omitempty"`
	}
	zero := map[string]any{"n": uint64(0)}
	for _, m := range []map[string]any{
		{"e": uint64(0)}, {"m": map[string]any{"k": zero}}, {"l": []any{zero}}, {"p": zero}, {"Bare": ""},
	} {
		for _, beside := range []bool{false, true} {
			if beside {
				m["unknown"] = true
			}
			if err := Decode(loose(m), new(outer)); ReasonOf(err) != ReasonNonCanonical {
				t.Errorf("%v: %v", m, err)
			}
		}
	}
	if err := Decode(loose(map[string]any{"e": uint64(1), "m": map[string]any{"k": map[string]any{"zz": true}}, "zz": true}), new(outer)); err != nil {
		t.Errorf("unknown fields, wherever they are, are left alone: %v", err)
	}
}

// Anybody can make signatures for a point of small order, and libraries disagree on
// whether they count.
func TestPublicKey_WeakKeysVerifyNothing(t *testing.T) {
	spelled := fieldPrime // y = p: zero, spelled another way
	for _, k := range append(smallOrder[:], spelled) {
		for _, sign := range []byte{0, 0x80} {
			weak := PublicKey(k)
			weak[31] |= sign
			if !weak.weak() {
				t.Errorf("%x is not told to be weak", weak)
			}
		}
	}
	sig := Signature{1}
	if msg := weakMessage(smallOrder[2], sig); PublicKey(smallOrder[2]).Verify(msg, sig) {
		t.Error("a signature that nobody made was taken")
	}
	for i := range 200 {
		if key := testKey(t, fmt.Sprint(i)).Public(); key.weak() {
			t.Errorf("%s is an honest key", key)
		}
	}
}

// A fork proven at seq 2^64-1 would have been written into the frontier as 1 + seq = 0:
// not forked.
func TestEntry_NumbersHaveRoomToAddOne(t *testing.T) {
	w := newVectorWorld(t)
	for _, seq := range []uint64{MaxNumber + 1, ^uint64(0)} {
		_, err := DecodeEntry(w.spoil(w.entries[1], func(m map[string]any) { m["seq"] = seq }))
		wantReason(t, err, ReasonTooLarge)
	}
	h := w.after(w.entries[1], KindNotice)
	h.Seq = MaxNumber
	left := w.seal(h)
	h.Kind = KindOffer
	fork, err := NewForkEvidence(w.entries[0], []Entry{left}, []Entry{w.seal(h)}).Verify(w.fed)
	if err != nil || fork.Seq+1 == 0 {
		t.Errorf("%+v, %v", fork, err)
	}
}

// One who makes both branches of a fork begin with 63 large unsigned headers could
// have made evidence that no body holds: a fork that nobody can prove, and roots that
// differ for ever. MaxRunBytes is what prevents it.
func TestForkEvidence_OfWhateverStandsFitsABody(t *testing.T) {
	w := newVectorWorld(t)
	branch := func(kind Kind) []Entry {
		prev := w.entries[1]
		var run []Entry
		for {
			h := w.after(prev, kind)
			h.Refs = slices.Repeat([]CID{w.fed}, MaxReferences)
			signed := w.seal(h)
			if n, _ := Endorse(w.fed, w.node.Public(), &w.entries[1], append(slices.Clone(run), signed)); n == 0 {
				return run // one more would not stand
			}
			// The longest run that stands: only its last header is signed.
			if len(run) > 0 {
				run[len(run)-1] = w.unsigned(run[len(run)-1])
				h.Prev = run[len(run)-1].ID()
				signed = w.seal(h)
				if n, _ := Endorse(w.fed, w.node.Public(), &w.entries[1], append(slices.Clone(run), signed)); n == 0 {
					return run
				}
			}
			run = append(run, signed)
			prev = signed
		}
	}
	left, right := branch(KindNotice), branch(KindOffer)
	if size := len(left) * len(left[0].Bytes()); size < MaxRunBytes*3/4 {
		t.Fatalf("the branches are only %d bytes", size)
	}
	// branch leaves its last header unsigned once the next did not fit.
	for _, run := range [][]Entry{left, right} {
		h := run[len(run)-1].Header()
		h.Signature = nil
		run[len(run)-1] = w.seal(h)
	}
	ev := NewForkEvidence(w.entries[0], left, right)
	if _, err := ev.Verify(w.fed); err != nil {
		t.Fatal(err)
	}
	body, err := EncodeBody(Salt{}, &ev)
	if err != nil {
		t.Fatalf("%d and %d headers of %d bytes: %v", len(left), len(right), len(left[0].Bytes()), err)
	}
	t.Logf("%d and %d headers: a body of %d bytes", len(left), len(right), len(body))
}

// What stands of a feed is a function of its chain, however its pages are cut, and is
// what the definition says, tried out one entry at a time.
func TestEndorse_IsAFunctionOfTheChain(t *testing.T) {
	w := newVectorWorld(t)
	key := w.node.Public()
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 1))
		feed, good := []Entry{w.entries[0]}, []bool{true}
		for len(feed) < 150 {
			h := w.after(feed[len(feed)-1], KindNotice)
			h.Refs = slices.Repeat([]CID{w.fed}, rng.IntN(MaxReferences+1))
			e := w.seal(h)
			ok := rng.IntN(100) < int(seed)*2
			if !ok {
				e = w.unsigned(e)
			}
			feed, good = append(feed, e), append(good, ok)
		}
		stands, size := 1, 0
		for i := 1; i < len(feed); i++ {
			size += len(feed[i].Bytes())
			if size > MaxRunBytes || i-stands >= MaxPage {
				break
			}
			if good[i] {
				stands, size = i+1, 0
			}
		}
		got := 0
		var prev *Entry
		for {
			// A page as long as a page may be always reaches the next valid signature; shorter
			// ones are asked for again with more, as catch-up does.
			page, n := 1+rng.IntN(MaxPage), 0
			for ; ; page = min(2*page, MaxPage) {
				run := feed[got:min(got+page, len(feed))]
				if n, _ = Endorse(w.fed, key, prev, run); n > 0 || page == MaxPage {
					break
				}
			}
			if n == 0 {
				break
			}
			got += n
			prev = &feed[got-1]
		}
		if got != stands {
			t.Errorf("seed %d: %d entries stand by pages, %d by the definition", seed, got, stands)
		}
	}
}

// A page's first entry, of another feed or after a gap, never stands.
func TestEndorse_NeedsItsPlace(t *testing.T) {
	w := newVectorWorld(t)
	other := testKey(t, "montreal node").Public()
	if n, err := Endorse(w.fed, other, nil, w.entries); n != 0 || ReasonOf(err) != ReasonBadSignature {
		t.Errorf("another node's inception stood: %d, %v", n, err)
	}
	if n, err := Endorse(w.other, w.node.Public(), nil, w.entries); n != 0 || ReasonOf(err) != ReasonWrongFederation {
		t.Errorf("another federation's feed stood: %d, %v", n, err)
	}
}

// With unknown fields outside of the signature, one signed health message would have
// made any number of messages, each of them valid.
func TestHealth_OneMessageStaysOne(t *testing.T) {
	w := newVectorWorld(t)
	signed, err := Health{Federation: w.fed, State: "ready", Version: "1"}.Sign(w.node)
	if err != nil {
		t.Fatal(err)
	}
	raw := loose(&signed)
	if _, err := DecodeHealth(w.fed, raw); err != nil {
		t.Fatal(err)
	}
	_, err = DecodeHealth(w.fed, loose(with(w.generic(raw), "zz", uint64(1))))
	wantReason(t, err, ReasonBadSignature)
}

// The same for a gossiped entry and for a card. Nobody is blamed for a message of a
// newer node.
func TestMessage_OneEntryIsOneMessage(t *testing.T) {
	w := newVectorWorld(t)
	raw, err := EncodeMessage(w.entries[1], w.bodies[1])
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = DecodeMessage(loose(with(w.generic(raw), "zz", true)))
	wantReason(t, err, ReasonTooNew)
	if v := ReasonOf(err).Verdict(); v != Ignore {
		t.Errorf("the forwarder is blamed: %s", v)
	}
}

func TestCard_HasNoUnsignedFields(t *testing.T) {
	w := newVectorWorld(t)
	card, err := Card{Member: w.foundingForm.Founders[0]}.Sign(w.root)
	if err != nil {
		t.Fatal(err)
	}
	_, err = ParseCard(spelled(cardPrefix, with(w.generic(loose(&card)), "zz", true)))
	wantReason(t, err, ReasonMalformed)
}

// A header of version 2, whose fields may have other types, was malformed, and old
// nodes would have shut new ones out.
func TestEntry_AnotherVersionIsNobodysFault(t *testing.T) {
	w := newVectorWorld(t)
	_, err := DecodeEntry(w.spoil(w.entries[1], func(m map[string]any) { m["v"], m["act"], m["seq"] = uint64(2), "x", []any{} }))
	wantReason(t, err, ReasonWrongVersion)
	if v := ReasonOf(err).Verdict(); v != Ignore {
		t.Errorf("the forwarder is blamed: %s", v)
	}
}

// A kind of a newer node may be part of what governs.
func TestKind_UnknownKindsAreNotErasable(t *testing.T) {
	for k := Kind(0); k < 64; k++ {
		if k.IsErasable() && (k.IsGovernance() || k.String() == "unknown") {
			t.Errorf("bodies of kind %d can be erased", k)
		}
	}
	for _, k := range []Kind{KindNode, KindWithdraw, KindProfile, KindNotice} {
		if !k.IsErasable() {
			t.Errorf("bodies of kind %s cannot be erased", k)
		}
	}
}

// A cut that lists a feed twice would have ended it at either place.
func TestStatement_ListsAFeedOnce(t *testing.T) {
	w := newVectorWorld(t)
	a := Stand{Feed: w.entries[0].ID(), Count: 2, Head: w.entries[1].ID()}
	b := Stand{Feed: w.entries[0].ID(), Count: 4, Head: w.entries[3].ID()}
	_, err := Statement{Federation: w.fed, Purpose: PurposeCut, Node: w.node.Public(), Stands: []Stand{a, b}}.Sign(w.root)
	wantReason(t, err, ReasonMalformed)
	_, err = Statement{Federation: w.fed, Purpose: PurposeSettle, Stands: []Stand{{Feed: a.Feed}}}.Sign(w.root)
	wantReason(t, err, ReasonMalformed)
}

func TestReadFrame_HoldsFramesToTheirBounds(t *testing.T) {
	for _, f := range []any{&Ask{Bodies: slices.Repeat([]CID{Sum(nil)}, MaxAsk+1)}, &Ask{Ranges: []string{strings.Repeat("0", 65)}}, &Ask{Runs: []RunAsk{{From: 1 << 60}}},
		&Offer{Lines: make([]Line, MaxLines+1)}, &Offer{Lines: []Line{{Forked: 1 << 60}}}, &Sent{Headers: make([][]byte, MaxPage+1)},
		&JoinRequest{Federation: Sum(nil), Follow: make([][]byte, MaxFollow+1)}, &JoinAnswer{Peers: []PeerAddress{{Addresses: []string{strings.Repeat("x", 300)}}}}} {
		var b bytes.Buffer
		if err := WriteFrame(&b, f); err != nil {
			t.Fatal(err)
		}
		if err := ReadFrame(bytes.NewReader(b.Bytes()), MaxFrameBytes, f); ReasonOf(err) != ReasonTooLarge {
			t.Errorf("%T: %v", f, err)
		}
	}
	for _, clock := range []int64{-1, MaxTime + 1, -1 << 63} {
		var b bytes.Buffer
		if err := WriteFrame(&b, &JoinRequest{Federation: Sum(nil), Time: clock}); err != nil {
			t.Fatal(err)
		}
		wantReason(t, ReadFrame(&b, MaxFrameBytes, new(JoinRequest)), ReasonMalformed)
	}
	_, err := OpenBody[NodeRecord](loose(map[string]any{"data": &NodeRecord{Addresses: make([]string, MaxAddresses+1)}, "salt": make([]byte, 16)}))
	wantReason(t, err, ReasonTooLarge)
}

// A frame that says it is long takes no more than what comes.
func TestReadFrame_RefusesBeforeReading(t *testing.T) {
	var got Sent
	err := ReadFrame(bytes.NewReader([]byte{0x81, 0x80, 0x40}), MaxFrameBytes, &got)
	wantReason(t, err, ReasonTooLarge)
	if err := ReadFrame(bytes.NewReader([]byte{0xa5, 0x00}), 16, &got); ReasonOf(err) != ReasonNonCanonical {
		t.Error(err)
	}
}

func TestInvitation_NeverPrintsItsSeed(t *testing.T) {
	i := Invitation{Handle: "kr-seoul", Seed: bytes.Repeat([]byte("S"), 32)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		if out := fmt.Sprintf(verb, i); strings.Contains(out, "SSS") || strings.Contains(out, "5353") || strings.Contains(out, "83") {
			t.Errorf("%s: %s", verb, out)
		}
	}
}

func TestSeal_NeedsAFederation(t *testing.T) {
	w := newVectorWorld(t)
	_, err := Seal(FederationID{}, w.after(w.entries[1], KindNotice), w.node)
	wantReason(t, err, ReasonMalformed)
	if err := w.entries[1].Verify(FederationID{}, w.node.Public()); err == nil {
		t.Error("verified in no federation")
	}
}

// No tag is the beginning of another, so what is signed under one can never be read
// as signed under another.
func TestTags_StandApart(t *testing.T) {
	tags := []string{tagEntry, tagStatement, tagCard, tagApplyRoot, tagApplySeed, tagHealth, "dure/answer/1\x00", "dure/standing/1\x00", "dure/ledger/1\x00"}
	for i, a := range tags {
		if strings.IndexByte(a, 0) != len(a)-1 {
			t.Errorf("%q does not end in its one zero byte", a)
		}
		for j, b := range tags {
			if i != j && strings.HasPrefix(a, b) {
				t.Errorf("%q begins with %q", a, b)
			}
		}
	}
}

func TestLedgerRoot_IsOfTheSetOfLines(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	fed := Sum([]byte("a federation"))
	var lines []Standing
	for i := range 50 {
		lines = append(lines, Standing{Feed: Sum([]byte{byte(i)}), Count: uint64(i + 1), Head: Sum([]byte{byte(i), 1})})
	}
	root := LedgerRoot(fed, lines)
	for range 100 {
		rng.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
		if LedgerRoot(fed, lines) != root {
			t.Fatal("the order of arrival changes the root")
		}
	}
	for i := range lines {
		for _, change := range []func(s *Standing){
			func(s *Standing) { s.Count++ }, func(s *Standing) { s.Forked++ }, func(s *Standing) { s.Head = Sum(nil) }, func(s *Standing) { s.Feed = Sum(nil) },
		} {
			other := slices.Clone(lines)
			change(&other[i])
			if LedgerRoot(fed, other) == root {
				t.Fatal("a change of a line does not change the root")
			}
		}
	}
}

func TestError_ReasonsAreClosed(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Reasons() {
		if r.String() == "" || seen[r.String()] || ParseReason(r.String()) != r {
			t.Errorf("reason %d is %q", r, r)
		}
		seen[r.String()] = true
	}
	if Reason(255).String() != "internal" || ParseReason("from the future") != ReasonInternal {
		t.Error("an unknown reason is not internal")
	}
	err := fmt.Errorf("around: %w", &Error{Reason: ReasonGap, Op: "x"})
	if !errors.Is(err, &Error{Reason: ReasonGap}) || errors.Is(err, &Error{Reason: ReasonFork}) || ReasonOf(err) != ReasonGap {
		t.Error("errors.Is by reason")
	}
	for k := range kindNames {
		if back, ok := ParseKind(k.String()); !ok || back != k {
			t.Errorf("kind %d is %q", k, k)
		}
	}
}

// A float in a map that is read generically comes back equal when it is encoded again.
func TestDecode_IntoAnythingIsHeldToTheProfile(t *testing.T) {
	for _, v := range []any{map[string]any{"n": 1.5}, map[string]any{"n": nil}, []any{nil}} {
		var anything any
		wantReason(t, Decode(loose(v), &anything), ReasonMalformed)
	}
}
