package protocol

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/ipld/go-ipld-prime/codec/dagcbor"
	"github.com/ipld/go-ipld-prime/node/basicnode"
)

// Malleability: what a decoder accepts, it must have accepted in the one spelling
// there is. Otherwise one meaning had two CIDs, or one CID two meanings.

// seeds feeds one input of all vectors of a file, accepted or not.
func seeds(f *testing.F, file, input string) {
	f.Helper()
	for _, v := range published(f, file) {
		if text, ok := v.In[input].(string); ok && !strings.HasPrefix(text, "zeros:") {
			f.Add(unhex(text))
		}
	}
}

func published(t testing.TB, file string) []vector {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "vectors", file+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var vf vectorFile
	if err := json.Unmarshal(raw, &vf); err != nil {
		t.Fatal(err)
	}
	return vf.Vectors
}

// roundTrips fails unless raw, which was accepted, is the one spelling of what it says.
func roundTrips(t *testing.T, raw []byte) any {
	t.Helper()
	v, err := DecodeGeneric(raw)
	if err != nil {
		t.Fatalf("accepted, but not canonical: %v\n%x", err, raw)
	}
	again, err := Encode(v)
	if err != nil || !bytes.Equal(again, raw) {
		t.Fatalf("accepted, but comes back as\n%x, %v, from\n%x", again, err, raw)
	}
	return v
}

// malleable fuzzes Decode and DecodeWhole into T.
func malleable[T any](f *testing.F) {
	f.Fuzz(func(t *testing.T, raw []byte) {
		var v, whole, twice T
		if err := Decode(raw, &v); err != nil {
			if DecodeWhole(raw, &whole) == nil {
				t.Fatalf("refused as a part, accepted as a whole: %x", raw)
			}
			return
		}
		roundTrips(t, raw)
		again, err := Encode(&v)
		if err != nil {
			t.Fatalf("decoded, but cannot be encoded: %v\n%x", err, raw)
		}
		if err := DecodeWhole(raw, &whole); (err == nil) != bytes.Equal(again, raw) {
			t.Fatalf("whole: %v, but comes back as\n%x, from\n%x", err, again, raw)
		}
		if err := DecodeWhole(again, &twice); err != nil || !reflect.DeepEqual(v, twice) {
			t.Fatalf("what is known of it changed: %v\n%#v\n%#v", err, v, twice)
		}
	})
}

func FuzzMalleability_Generic(f *testing.F) {
	seeds(f, "codec", "block")
	seeds(f, "headers", "header")
	seeds(f, "founding", "block")
	f.Fuzz(func(t *testing.T, raw []byte) {
		walked := checkCanonical(raw)
		v, err := DecodeGeneric(raw)
		if (walked == nil) != (err == nil) {
			t.Fatalf("walk: %v, decode: %v: %x", walked, err, raw)
		}
		if err != nil {
			return
		}
		roundTrips(t, raw)
		_ = v
		oracle(t, raw)
	})
}

// oracle is another implementation's reading of DAG-CBOR: it must accept what is
// accepted here, and write it in the same bytes.
func oracle(t *testing.T, raw []byte) {
	t.Helper()
	nb := basicnode.Prototype.Any.NewBuilder()
	if err := (dagcbor.DecodeOptions{AllowLinks: true}).Decode(nb, bytes.NewReader(raw)); err != nil {
		t.Fatalf("go-ipld-prime refuses %x: %v", raw, err)
	}
	var b bytes.Buffer
	if err := dagcbor.Encode(nb.Build(), &b); err != nil {
		t.Fatalf("go-ipld-prime cannot write %x: %v", raw, err)
	}
	if !bytes.Equal(b.Bytes(), raw) {
		t.Fatalf("go-ipld-prime writes\n%x for\n%x", b.Bytes(), raw)
	}
}

func FuzzMalleability_Entry(f *testing.F) {
	for file, input := range map[string]string{"headers": "header", "inceptions": "header", "chains": "header"} {
		seeds(f, file, input)
	}
	fed := Sum([]byte("a federation"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var quick Header
		isQuick := readHeader(raw, &quick, &Entry{})
		slow, whole, slowErr := decodeHeader(raw)
		if isQuick && (slowErr != nil || !whole || !reflect.DeepEqual(slow, quick)) {
			t.Fatalf("read by hand as %+v, by reflection as %+v, %v: %x", quick, slow, slowErr, raw)
		}
		if !isQuick && slowErr == nil && whole && slow.Init == nil && len(raw) <= MaxHeaderBytes && len(slow.Refs) <= MaxReferences && slow.Time >= 0 {
			t.Fatalf("not read by hand: %x", raw)
		}
		e, err := DecodeEntry(raw)
		if err != nil {
			return
		}
		// What an entry before it has in common with it changes nothing.
		if page, err := DecodeEntries([][]byte{raw, raw}); err != nil || !reflect.DeepEqual(page, []Entry{e, e}) {
			t.Fatalf("in a page: %+v, %v", page, err)
		}
		roundTrips(t, raw)
		if !bytes.Equal(e.Bytes(), raw) || e.ID() != Sum(raw) {
			t.Fatal("other bytes, or another name")
		}
		h := e.Header()
		if again, err := Encode(&h); e.whole && (err != nil || !bytes.Equal(again, raw)) {
			t.Fatalf("%v: %x came back as %x", err, raw, again)
		}
		unsigned, err := e.unsigned()
		if err != nil {
			t.Fatal(err)
		}
		if v := roundTrips(t, unsigned).(map[string]any); v["sig"] != nil {
			t.Fatal("the signature covers itself")
		}
		if e.whole {
			h.Signature = nil
			if again, err := Encode(&h); err != nil || !bytes.Equal(again, unsigned) {
				t.Fatalf("%v: signed as %x, by reflection %x", err, unsigned, again)
			}
		}
		_ = e.VerifyInception(fed)
		_ = e.Follows(e)
		_ = e.CheckBody(nil)
		_, _ = Endorse(fed, PublicKey{}, nil, []Entry{e})
	})
}

func FuzzMalleability_Message(f *testing.F) {
	seeds(f, "messages", "message")
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, body, err := DecodeMessage(raw)
		if err != nil {
			return
		}
		if again, err := EncodeMessage(e, body); err != nil || !bytes.Equal(again, raw) {
			t.Fatalf("%v: one entry, two messages:\n%x\n%x", err, raw, again)
		}
	})
}

func FuzzMalleability_FoundingAct(f *testing.F) {
	seeds(f, "founding", "block")
	f.Fuzz(func(t *testing.T, raw []byte) {
		act, id, err := DecodeFoundingAct(raw)
		if err != nil {
			return
		}
		roundTrips(t, raw)
		again, known, err := EncodeFoundingAct(act)
		if err != nil || (known == id) != bytes.Equal(again, raw) {
			t.Fatalf("%v: %x came back as %x", err, raw, again)
		}
	})
}

func FuzzMalleability_Statement(f *testing.F) {
	seeds(f, "statements", "statement")
	malleable[Statement](f)
}

func FuzzMalleability_Application(f *testing.F) {
	seeds(f, "applications", "application")
	malleable[Application](f)
}

func FuzzMalleability_ForkEvidence(f *testing.F) {
	seeds(f, "forks", "evidence")
	fed := Sum([]byte("a federation"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var ev ForkEvidence
		if Decode(raw, &ev) != nil {
			return
		}
		roundTrips(t, raw)
		if fork, err := ev.Verify(fed); err == nil && (fork.Seq == 0 || fork.Seq > MaxNumber) {
			t.Fatalf("a fork at %d", fork.Seq)
		}
	})
}

func FuzzMalleability_Body(f *testing.F) {
	seeds(f, "bodies", "body")
	f.Fuzz(func(t *testing.T, raw []byte) {
		if content, err := BodyContent(raw); err == nil {
			roundTrips(t, raw)
			if _, err := Encode(content); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := OpenBody[NodeRecord](raw); err == nil {
			roundTrips(t, raw)
			if _, err := BodyContent(raw); err != nil {
				t.Fatalf("opened, but has no content: %v", err)
			}
		}
	})
}

// erasureSeeds are what the vectors say under one kind.
func erasureSeeds(f *testing.F, kind string) {
	f.Helper()
	for _, v := range published(f, "erasures") {
		if v.In["kind"] == kind {
			f.Add(unhex(v.In["data"].(string)))
		}
	}
}

func FuzzMalleability_Erasure(f *testing.F) { erasureSeeds(f, "9"); malleable[Erasure](f) }

func FuzzMalleability_Erased(f *testing.F) { erasureSeeds(f, "11"); malleable[Erased](f) }

func FuzzMalleability_NodeRecord(f *testing.F) {
	f.Add(loose(&NodeRecord{Addresses: []string{"/ip4/192.0.2.1/tcp/7710"}}))
	f.Add(loose(map[string]any{"addrs": nil}))
	malleable[NodeRecord](f)
}

func FuzzMalleability_Health(f *testing.F) {
	seeds(f, "health", "message")
	fed := newVectorWorld(f).fed
	f.Fuzz(func(t *testing.T, raw []byte) {
		if _, err := DecodeHealth(fed, raw); err == nil {
			roundTrips(t, raw)
		}
	})
}

func FuzzMalleability_Hello(f *testing.F) { frameSeeds(f, "hello"); malleable[Hello](f) }
func FuzzMalleability_Offer(f *testing.F) { frameSeeds(f, "offer"); malleable[Offer](f) }
func FuzzMalleability_Ask(f *testing.F)   { frameSeeds(f, "ask"); malleable[Ask](f) }
func FuzzMalleability_JoinRequest(f *testing.F) {
	frameSeeds(f, "join_request")
	malleable[JoinRequest](f)
}
func FuzzMalleability_JoinAnswer(f *testing.F) {
	frameSeeds(f, "join_answer")
	malleable[JoinAnswer](f)
}

func frameSeeds(f *testing.F, kind string) {
	for _, v := range published(f, "frames") {
		if v.In["kind"] == kind {
			f.Add(unhex(v.In["bytes"].(string))[1:])
		}
	}
}

// A Sent is read and written by hand: both ways must agree with the other way.
func FuzzMalleability_Sent(f *testing.F) {
	frameSeeds(f, "sent")
	f.Fuzz(func(t *testing.T, raw []byte) {
		var quick, slow Sent
		isQuick := readSent(raw, &quick)
		whole, err := decodeKnown(raw, &slow)
		if isQuick && (err != nil || !whole || !reflect.DeepEqual(quick, slow)) {
			t.Fatalf("read by hand as %+v, by reflection as %+v, %v, %v: %x", quick, slow, whole, err, raw)
		}
		if !isQuick && err == nil && whole && slow.bounds() == nil {
			t.Fatalf("not read by hand: %x", raw)
		}
		if err != nil {
			return
		}
		roundTrips(t, raw)
		again, err := Encode(&slow)
		if err != nil {
			t.Fatal(err)
		}
		if byHand := appendSent(nil, &slow); !bytes.Equal(byHand, again) || len(byHand) > slow.size() {
			t.Fatalf("written by hand as %x, by reflection as %x", byHand, again)
		}
	})
}

func FuzzMalleability_ReadFrame(f *testing.F) {
	seeds(f, "frames", "bytes")
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, into := range []any{new(Hello), new(Offer), new(Ask), new(Sent), new(JoinRequest), new(JoinAnswer), new(FileAsk), new(FileSent)} {
			r := bytes.NewReader(raw)
			if ReadFrame(r, MaxFrameBytes, into) != nil {
				continue
			}
			read := raw[:len(raw)-r.Len()]
			var b bytes.Buffer
			if err := WriteFrame(&b, into); err != nil {
				t.Fatal(err)
			}
			// Without unknown fields the frame comes back as it was; with them, as what is
			// known of it, which is shorter.
			if b.Len() == len(read) && !bytes.Equal(b.Bytes(), read) || b.Len() > len(read) {
				t.Fatalf("%T: %x came back as %x", into, read, b.Bytes())
			}
		}
	})
}

func FuzzMalleability_Card(f *testing.F) {
	for _, v := range published(f, "cards") {
		f.Add(v.In["line"].(string))
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseCard(text)
		if err != nil {
			return
		}
		if line, err := c.Line(); err != nil || line != strings.Join(strings.Fields(text), "") {
			t.Fatalf("%v: %q came back as %q", err, text, line)
		}
	})
}

func FuzzMalleability_Addition(f *testing.F) {
	root, err := NewPrivateKey(bytes.Repeat([]byte{3}, 32))
	if err != nil {
		f.Fatal(err)
	}
	for _, st := range []Statement{
		{Federation: Sum([]byte("a federation")), Purpose: PurposeAdd, Node: PublicKey{1}},
		{Federation: Sum([]byte("a federation")), Purpose: PurposeGovern, Node: PublicKey{1}, Number: 1},
	} {
		signed, err := st.Sign(root)
		if err != nil {
			f.Fatal(err)
		}
		line, err := signed.AdditionLine()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseAddition(text)
		if err != nil {
			return
		}
		line, err := s.AdditionLine()
		if err != nil || line != strings.Join(strings.Fields(text), "") {
			t.Fatalf("two spellings of one addition: %q, %q, %v", text, line, err)
		}
		if s.Purpose != PurposeAdd || s.Verify() != nil {
			t.Fatalf("taken: %+v", s)
		}
	})
}

func FuzzMalleability_Invitation(f *testing.F) {
	for _, v := range published(f, "invitations") {
		f.Add(v.In["line"].(string))
	}
	f.Fuzz(func(t *testing.T, text string) {
		i, err := ParseInvitation(text)
		if err != nil {
			return
		}
		line, err := i.Line()
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseInvitation(line)
		if err != nil || !reflect.DeepEqual(i, again) {
			t.Fatalf("%v: %q came back as %q", err, text, line)
		}
	})
}

func FuzzMalleability_ParseCID(f *testing.F) {
	for _, v := range published(f, "cids") {
		f.Add(v.In["text"].(string))
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseCID(text)
		if err != nil {
			return
		}
		if back, err := CastCID(c.Bytes()); err != nil || back != c || c.String() != text {
			t.Fatalf("%v: %q came back as %q", err, text, c)
		}
	})
}

func FuzzMalleability_ParsePublicKey(f *testing.F) {
	for _, v := range published(f, "keys") {
		if text, ok := v.In["text"].(string); ok {
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		if k, err := ParsePublicKey(text); err == nil && k.String() != text {
			t.Fatalf("%q came back as %q", text, k)
		}
	})
}

func FuzzMalleability_Root(f *testing.F) {
	f.Add([]byte(LedgerRoot(Sum(nil), nil).String()))
	f.Fuzz(func(t *testing.T, text []byte) {
		var r Root
		if r.UnmarshalText(text) == nil && r.String() != string(text) {
			t.Fatalf("%q came back as %q", text, r)
		}
	})
}

// Everything valid among the vectors is valid DAG-CBOR to go-ipld-prime, byte for byte.
func TestCodec_AgreesWithGoIPLDPrime(t *testing.T) {
	n := 0
	for file, input := range map[string]string{"codec": "block", "headers": "header", "inceptions": "header", "bodies": "body", "forks": "evidence",
		"founding": "block", "statements": "statement", "applications": "application", "messages": "message", "health": "message"} {
		for _, v := range published(t, file) {
			if v.Expect == "accept" {
				oracle(t, unhex(v.In[input].(string)))
				n++
			}
		}
	}
	if n < 40 {
		t.Errorf("only %d blocks were compared", n)
	}
}
