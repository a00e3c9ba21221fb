package protocol

import (
	"bytes"
	"crypto/sha256"
	"testing"
)

func testKey(t testing.TB, name string) PrivateKey {
	t.Helper()
	seed := sha256.Sum256([]byte(name))
	k, err := NewPrivateKey(seed[:])
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// testFeed makes an inception and n entries with bodies, each by the rules.
func testFeed(t testing.TB, fed FederationID, name string, n int) ([]Entry, [][]byte) {
	t.Helper()
	root, node := testKey(t, name+" root"), testKey(t, name+" node")
	add, err := Addition(fed, PublicKey{}, node.Public(), Signature{}).Sign(root)
	if err != nil {
		t.Fatal(err)
	}
	act := ActRef{ID: fed}
	init, err := Seal(fed, Header{Act: act, Kind: KindInception, Time: 1, Init: &Inception{
		Federation: fed, Root: root.Public(), Node: node.Public(), Added: add.Signature}}, node)
	if err != nil {
		t.Fatal(err)
	}
	entries, bodies := []Entry{init}, [][]byte{nil}
	for i := range n {
		body, err := EncodeBody(Salt{byte(i)}, map[string]any{"n": i, "text": "두레"})
		if err != nil {
			t.Fatal(err)
		}
		last := entries[len(entries)-1]
		e, err := Seal(fed, Header{Act: act, Feed: init.ID(), Seq: last.Seq() + 1, Prev: last.ID(), Kind: KindOffer,
			Number: uint64(i + 1), Time: int64(i + 2), Body: Sum(body), Size: uint64(len(body))}, node)
		if err != nil {
			t.Fatal(err)
		}
		entries, bodies = append(entries, e), append(bodies, body)
	}
	return entries, bodies
}

func TestEntry_RoundTrip(t *testing.T) {
	fed := Sum([]byte("a federation"))
	entries, bodies := testFeed(t, fed, "seoul", 3)
	for i, e := range entries {
		got, err := DecodeEntry(bytes.Clone(e.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		if got.ID() != e.ID() || got.Seq() != uint64(i) {
			t.Errorf("entry %d came back as %s, %d", i, got.ID(), got.Seq())
		}
		key := entries[0].Header().Init.Node
		if err := got.Verify(fed, key); err != nil {
			t.Error(err)
		}
		if err := got.Verify(Sum([]byte("another")), key); ReasonOf(err) != ReasonBadSignature {
			t.Errorf("verified in another federation: %v", err)
		}
		if err := got.CheckBody(bodies[i]); err != nil {
			t.Error(err)
		}
		t.Logf("%s: %d bytes", e.Kind(), len(e.Bytes()))
	}
	if err := entries[0].VerifyInception(fed); err != nil {
		t.Error(err)
	}
}

// An entry of a newer node carries fields this code does not know: they stay in the
// bytes, and signature and CID still hold.
func TestEntry_KeepsUnknownFields(t *testing.T) {
	fed := Sum([]byte("a federation"))
	entries, _ := testFeed(t, fed, "seoul", 1)
	key := testKey(t, "seoul node")
	v, err := DecodeGeneric(entries[1].Bytes())
	if err != nil {
		t.Fatal(err)
	}
	m := v.(map[string]any)
	m["zz"] = "from the future"
	delete(m, "sig")
	unsigned, err := Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	sig := key.Sign(signedRaw(tagEntry, fed, unsigned))
	m["sig"] = sig[:]
	raw, err := Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	e, err := DecodeEntry(raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Verify(fed, key.Public()); err != nil {
		t.Error(err)
	}
	m["num"] = uint64(0) // a known field, spelled where it should be absent
	raw, err = Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := DecodeEntry(raw); ReasonOf(err) != ReasonNonCanonical {
		t.Errorf("an explicit zero was accepted: %v", err)
	}
}

func TestEndorse_BadOwnSignatureIsEndorsedLater(t *testing.T) {
	fed := Sum([]byte("a federation"))
	entries, _ := testFeed(t, fed, "seoul", 1)
	key := testKey(t, "seoul node")
	h := entries[1].Header()
	h.Signature = bytes.Repeat([]byte{7}, 64)
	raw, err := Encode(&h)
	if err != nil {
		t.Fatal(err)
	}
	bad, err := DecodeEntry(raw)
	if err != nil {
		t.Fatal(err)
	}
	next, err := Seal(fed, Header{Act: h.Act, Feed: entries[0].ID(), Seq: 2, Prev: bad.ID(), Kind: KindOffer, Time: 9}, key)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := Endorse(fed, key.Public(), nil, []Entry{entries[0], bad}); n != 1 || ReasonOf(err) != ReasonBadSignature {
		t.Errorf("without a later signature: %d, %v", n, err)
	}
	if n, err := Endorse(fed, key.Public(), nil, []Entry{entries[0], bad, next}); n != 3 || err != nil {
		t.Errorf("with a later signature: %d, %v", n, err)
	}
	if n, err := Endorse(fed, key.Public(), &entries[0], []Entry{entries[1], next}); n != 1 || ReasonOf(err) != ReasonBrokenChain {
		t.Errorf("a broken chain: %d, %v", n, err)
	}
}

func TestEntry_CloneSharesNothing(t *testing.T) {
	fed := Sum([]byte("a federation"))
	entries, _ := testFeed(t, fed, "seoul", 2)
	raw := bytes.Clone(entries[2].Bytes())
	page, err := DecodeEntries([][]byte{entries[1].Bytes(), raw})
	if err != nil {
		t.Fatal(err)
	}
	kept := page[1].Clone()
	clear(raw)
	if !bytes.Equal(kept.Bytes(), entries[2].Bytes()) || kept.ID() != entries[2].ID() {
		t.Error("the clone changed with the page")
	}
	if err := kept.Verify(fed, entries[0].Header().Init.Node); err != nil {
		t.Error(err)
	}
}
