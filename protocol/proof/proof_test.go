package proof_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/proof"
	"github.com/dure-net/dure/protocol/protocoltest"
)

// prove makes the proof of an entry of a feed of which only every fourth entry is signed.
func prove(t testing.TB, seq int) (proof.Proof, *protocoltest.Feed) {
	t.Helper()
	fed := protocol.Sum([]byte("founding act"))
	root, node := key(t, 1), key(t, 2)
	f := protocoltest.NewFeed(fed, root, node)
	for i := 1; i <= 12; i++ {
		if i%4 == 0 {
			f.Append(protocol.KindOffer, map[string]any{"n": uint64(i)})
		} else {
			f.AppendUnsigned(protocol.KindOffer, map[string]any{"n": uint64(i)})
		}
	}
	page := f.Page(0, 13)
	p := proof.Proof{Version: proof.Version, Federation: fed, Entry: page.Entries[seq].ID(), Header: page.Entries[seq].Bytes(), Body: page.Bodies[seq], Member: "kr-seoul"}
	if seq > 0 {
		p.Inception = page.Entries[0].Bytes()
	}
	for i := seq; seq > 0 && i%4 != 0; i++ {
		p.Run = append(p.Run, page.Entries[i+1].Bytes())
	}
	return p, f
}

func key(t testing.TB, b byte) protocol.PrivateKey {
	t.Helper()
	k, err := protocol.NewPrivateKey(bytes.Repeat([]byte{b}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestProof_BytesAloneProveAnEntry(t *testing.T) {
	for seq := range 13 {
		p, _ := prove(t, seq)
		raw, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		var again proof.Proof
		if err := json.Unmarshal(raw, &again); err != nil {
			t.Fatal(err)
		}
		v, err := again.Verify()
		if err != nil {
			t.Fatalf("entry %d: %v", seq, err)
		}
		if v.Seq != uint64(seq) || v.Node != key(t, 2).Public() || v.Root != key(t, 1).Public() || seq > 0 && v.Content["n"] == nil {
			t.Errorf("entry %d: %+v", seq, v)
		}
		if own := v.SignedBy == v.Entry; own != (seq%4 == 0) {
			t.Errorf("entry %d is signed by %s", seq, v.SignedBy)
		}
	}
}

// Whatever is changed, exchanged or left out, the proof proves nothing any more.
func TestProof_NothingElseIsProven(t *testing.T) {
	for what, c := range map[string]struct {
		change func(p *proof.Proof, f *protocoltest.Feed)
		want   protocol.Reason
	}{
		"another version":      {func(p *proof.Proof, _ *protocoltest.Feed) { p.Version = 2 }, protocol.ReasonWrongVersion},
		"another name":         {func(p *proof.Proof, _ *protocoltest.Feed) { p.Entry = protocol.Sum(nil) }, protocol.ReasonBadHash},
		"another federation":   {func(p *proof.Proof, _ *protocoltest.Feed) { p.Federation = protocol.Sum(nil) }, protocol.ReasonWrongFederation},
		"another body":         {func(p *proof.Proof, f *protocoltest.Feed) { p.Body = f.Page(0, 13).Bodies[6] }, protocol.ReasonBadHash},
		"no signature":         {func(p *proof.Proof, _ *protocoltest.Feed) { p.Run = nil }, protocol.ReasonBadSignature},
		"a run that ends":      {func(p *proof.Proof, _ *protocoltest.Feed) { p.Run = p.Run[:1] }, protocol.ReasonBadSignature},
		"a run with a hole":    {func(p *proof.Proof, _ *protocoltest.Feed) { p.Run = p.Run[1:] }, protocol.ReasonBrokenChain},
		"no inception":         {func(p *proof.Proof, _ *protocoltest.Feed) { p.Inception = nil }, protocol.ReasonMalformed},
		"no inception but one": {func(p *proof.Proof, f *protocoltest.Feed) { p.Inception = f.Entries[1].Bytes() }, protocol.ReasonMalformed},
		"another feed's": {func(p *proof.Proof, _ *protocoltest.Feed) {
			p.Inception = protocoltest.NewFeed(p.Federation, key(t, 1), key(t, 3)).Entries[0].Bytes()
		}, protocol.ReasonBrokenChain},
		"a founding act that is none": {func(p *proof.Proof, _ *protocoltest.Feed) { p.Founding = []byte{0xa0} }, protocol.ReasonNonCanonical},
		"no header":                   {func(p *proof.Proof, _ *protocoltest.Feed) { p.Header = nil }, protocol.ReasonMalformed},
		"a run without end":           {func(p *proof.Proof, _ *protocoltest.Feed) { p.Run = make([][]byte, protocol.MaxPage+1) }, protocol.ReasonTooLarge},
	} {
		p, f := prove(t, 5)
		c.change(&p, f)
		if v, err := p.Verify(); protocol.ReasonOf(err) != c.want {
			t.Errorf("%s: got %+v, %v, want %s", what, v, err, c.want)
		}
	}
}

// Every bit counts.
func FuzzProof_Malleability(f *testing.F) {
	for _, seed := range []uint{0, 77, 1000, 2500} {
		f.Add(seed, byte(1))
	}
	f.Fuzz(func(t *testing.T, at uint, flip byte) {
		p, _ := prove(t, 5)
		parts := append([][]byte{p.Header, p.Body, p.Inception}, p.Run...)
		n := uint(0)
		for _, part := range parts {
			n += uint(len(part))
		}
		if flip == 0 {
			return
		}
		at %= n
		for i, part := range parts {
			if at < uint(len(part)) {
				part = bytes.Clone(part)
				part[at] ^= flip
				switch i {
				case 0:
					p.Header = part
				case 1:
					p.Body = part
				case 2:
					p.Inception = part
				default:
					p.Run[i-3] = part
				}
				break
			}
			at -= uint(len(part))
		}
		if v, err := p.Verify(); err == nil {
			t.Fatalf("byte %d changed by %d, and it verifies: %+v", at, flip, v)
		}
	})
}
