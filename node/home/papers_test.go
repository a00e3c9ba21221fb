package home

import (
	"bytes"
	"os"
	"reflect"
	"testing"

	"github.com/dure-net/dure/protocol"
)

func foundingAct(t testing.TB, salt byte) ([]byte, protocol.FederationID) {
	t.Helper()
	m := seoul(t)
	m.Category = protocol.CategoryFull
	raw, id, err := protocol.EncodeFoundingAct(protocol.FoundingAct{Version: protocol.Version,
		Names: protocol.Text{"en": "Test federation"}, Charter: protocol.Text{"en": "Article 1."},
		Rules: protocol.Rules{Name: "own", Electors: "assembly", Threshold: protocol.Ratio{Num: 1, Den: 2},
			Assembly: protocol.Ratio{Num: 2, Den: 3}, Rebind: 30},
		Founders: []protocol.MemberFacts{m}, Offices: []protocol.Term{}, Salt: protocol.Salt{salt}})
	if err != nil {
		t.Fatal(err)
	}
	return raw, id
}

func inception(t testing.TB, fed protocol.FederationID, root, node protocol.PrivateKey) protocol.Entry {
	t.Helper()
	added, err := protocol.Addition(fed, root.Public(), node.Public(), protocol.Signature{}).Sign(root)
	if err != nil {
		t.Fatal(err)
	}
	e, err := protocol.Seal(fed, protocol.Header{Kind: protocol.KindInception, Act: protocol.ActRef{ID: fed}, Time: 1,
		Init: &protocol.Inception{Federation: fed, Root: root.Public(), Node: node.Public(), Added: added.Signature}}, node)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func testPending(t testing.TB, applied bool) Pending {
	t.Helper()
	_, fed := foundingAct(t, 1)
	p := Pending{Since: 1_800_000_000, Invitation: protocol.Invitation{Federation: fed, Name: protocol.Text{"en": "Test federation"},
		Node: testKey(t, 9).Public(), Addresses: []string{"/ip4/192.0.2.1/tcp/4710"}, Handle: "ca-montreal",
		Expires: 1_800_600_000, Seed: bytes.Repeat([]byte{5}, 32)}}
	if applied {
		m := seoul(t)
		m.Handle = "ca-montreal"
		a, err := protocol.Application{Federation: fed, Member: m}.Sign(testKey(t, 3), p.Invitation.Key())
		if err != nil {
			t.Fatal(err)
		}
		p.Application = &a
	}
	return p
}

func TestPapers_Founding(t *testing.T) {
	h := newHome(t)
	_, _, _, err := h.Founding()
	wantReason(t, err, protocol.ReasonNotFederated)
	raw, id := foundingAct(t, 1)
	for range 2 {
		if err := h.SaveFounding(raw); err != nil {
			t.Fatal(err)
		}
	}
	act, got, bytesBack, err := h.Founding()
	if err != nil || got != id || !bytes.Equal(bytesBack, raw) || act.Names["en"] != "Test federation" {
		t.Errorf("got %v, %v", got, err)
	}
	other, _ := foundingAct(t, 2)
	wantReason(t, h.SaveFounding(other), protocol.ReasonFederated)
	wantReason(t, newHome(t).SaveFounding(raw[:len(raw)-1]), protocol.ReasonMalformed)
	if _, got, _, _ := h.Founding(); got != id {
		t.Error("the federation changed")
	}
}

func TestPapers_Inception(t *testing.T) {
	h := newHome(t)
	if _, ok, err := h.Inception(); ok || err != nil {
		t.Errorf("a new home has an inception: %v", err)
	}
	_, fed := foundingAct(t, 1)
	e := inception(t, fed, testKey(t, 1), h.Node())
	if err := h.SaveInception(e); err != nil {
		t.Fatal(err)
	}
	got, ok, err := h.Inception()
	if err != nil || !ok || got.ID() != e.ID() {
		t.Errorf("got %v, %v, %v", got.ID(), ok, err)
	}
	wantReason(t, h.SaveInception(inception(t, fed, testKey(t, 1), testKey(t, 4))), protocol.ReasonNotOwner)
	forged := e.Header()
	init := *forged.Init
	init.Added[0] ^= 1
	forged.Init = &init
	bad, err := protocol.Seal(fed, forged, h.Node())
	if err != nil {
		t.Fatal(err)
	}
	wantReason(t, h.SaveInception(bad), protocol.ReasonBadSignature)
	if err := os.WriteFile(h.path(inceptionFile), bad.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	_, _, err = h.Inception()
	wantReason(t, err, protocol.ReasonDamaged)
}

func TestPapers_Governing(t *testing.T) {
	h := newHome(t)
	if _, ok, err := h.Governing(); ok || err != nil {
		t.Errorf("a new home governs: %v", err)
	}
	_, fed := foundingAct(t, 1)
	s, err := protocol.Statement{Federation: fed, Purpose: protocol.PurposeGovern, Node: h.Node().Public(), Number: 1}.Sign(testKey(t, 1))
	if err != nil {
		t.Fatal(err)
	}
	if err := h.SaveGoverning(s); err != nil {
		t.Fatal(err)
	}
	if got, ok, err := h.Governing(); err != nil || !ok || !reflect.DeepEqual(got, s) {
		t.Errorf("got %+v, %v, %v", got, ok, err)
	}
	added, err := protocol.Addition(fed, testKey(t, 1).Public(), h.Node().Public(), protocol.Signature{}).Sign(testKey(t, 1))
	if err != nil {
		t.Fatal(err)
	}
	wantReason(t, h.SaveGoverning(added), protocol.ReasonMalformed)
	s.Number = 2
	wantReason(t, h.SaveGoverning(s), protocol.ReasonBadSignature)
}

func TestPapers_Pending(t *testing.T) {
	h := newHome(t)
	if _, ok, err := h.Pending(); ok || err != nil {
		t.Errorf("a new home is joining: %v", err)
	}
	before := testPending(t, false)
	if err := h.SavePending(before); err != nil {
		t.Fatal(err)
	}
	if got, ok, err := h.Pending(); err != nil || !ok || !reflect.DeepEqual(got, before) {
		t.Errorf("got %+v, %v, %v", got, ok, err)
	}
	after := testPending(t, true)
	if err := h.SavePending(after); err != nil {
		t.Fatal(err)
	}
	got, ok, err := h.Pending()
	if err != nil || !ok || got.Application == nil || got.Application.Verify(after.Invitation.Federation) != nil {
		t.Fatalf("got %+v, %v, %v", got, ok, err)
	}
	if got.Invitation.Seed != nil || after.Invitation.Seed == nil {
		t.Error("the seed lies on disk though it has done its work, or the caller's was changed")
	}
	if raw, _ := os.ReadFile(h.path(pendingFile)); bytes.Contains(raw, after.Invitation.Seed) {
		t.Error("the seed lies on disk")
	}
	after.Application.Member.Handle = "ca-quebec"
	wantReason(t, h.SavePending(after), protocol.ReasonBadSignature)
	before.Invitation.Addresses = nil
	wantReason(t, h.SavePending(before), protocol.ReasonInvitationInvalid)
	for range 2 {
		if err := h.ClearPending(); err != nil {
			t.Fatal(err)
		}
	}
	if _, ok, err := h.Pending(); ok || err != nil {
		t.Errorf("still joining: %v", err)
	}
}

func TestPapers_DamagedAreRefused(t *testing.T) {
	h := newHome(t)
	raw, fed := foundingAct(t, 1)
	if err := h.SaveFounding(raw); err != nil {
		t.Fatal(err)
	}
	if err := h.SaveInception(inception(t, fed, testKey(t, 1), h.Node())); err != nil {
		t.Fatal(err)
	}
	if err := h.SavePending(testPending(t, true)); err != nil {
		t.Fatal(err)
	}
	s, err := protocol.Statement{Federation: fed, Purpose: protocol.PurposeGovern, Node: h.Node().Public(), Number: 1}.Sign(testKey(t, 1))
	if err != nil {
		t.Fatal(err)
	}
	if err := h.SaveGoverning(s); err != nil {
		t.Fatal(err)
	}
	read := map[string]func() error{
		foundingFile:  func() error { _, _, _, err := h.Founding(); return err },
		inceptionFile: func() error { _, _, err := h.Inception(); return err },
		governingFile: func() error { _, _, err := h.Governing(); return err },
		pendingFile:   func() error { _, _, err := h.Pending(); return err },
	}
	for name, get := range read {
		if err := get(); err != nil {
			t.Fatal(err)
		}
		whole, _ := os.ReadFile(h.path(name))
		for i := range 40 {
			cut := whole[:len(whole)*i/40]
			if err := os.WriteFile(h.path(name), cut, 0o600); err != nil {
				t.Fatal(err)
			}
			if e := wantReason(t, get(), protocol.ReasonDamaged); e.ID != name {
				t.Errorf("%s: the error names %q", name, e.ID)
			}
		}
	}
}

func FuzzPapers(f *testing.F) {
	raw, fed := foundingAct(f, 1)
	f.Add(raw)
	f.Add(inception(f, fed, testKey(f, 1), testKey(f, 2)).Bytes())
	for _, applied := range []bool{false, true} {
		p := testPending(f, applied)
		if b, err := protocol.Encode(&p); err == nil {
			f.Add(b)
		}
	}
	f.Add([]byte(`{"version":1,"member":{"handle":"kr-seoul","kind":"city","country":"KR","names":{"en":"Seoul"}}}`))
	f.Add([]byte(`[{"node":"ed","addresses":["/ip4/1.2.3.4/tcp/1"],"seen":"2026-12-15T00:00:00Z"}]`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if p, err := decodePending(raw); err == nil {
			again, err := protocol.Encode(&p)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := decodePending(again); err != nil {
				t.Fatal(err)
			}
		}
		if s, err := decodeGoverning(raw); err == nil && s.Verify() != nil {
			t.Fatal("a statement that does not verify was read")
		}
		if e, err := decodeInception(raw); err == nil && !bytes.Equal(e.Bytes(), raw) {
			t.Fatal("other bytes came back")
		}
		if m, err := decodeMember(raw); err == nil && m.Check("member") != nil {
			t.Fatal("facts that do not hold were read")
		}
		if book, err := decodeAddresses(raw); err == nil && len(book) > MaxKnown {
			t.Fatal("the address book is out of bounds")
		}
	})
}
