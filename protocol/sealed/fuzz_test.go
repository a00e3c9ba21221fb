package sealed_test

import (
	"bytes"
	"testing"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/sealed"
)

// What is accepted has one spelling, and what was changed in any place opens to nothing:
// never to another content, and never to the same one.
func FuzzMalleability_Envelope(f *testing.F) {
	first := published(f)[0].In // a published one: every process that fuzzes has the same
	own, c := unhex(f, first["body"]), contextIn(f, first)
	k, err := sealed.NewPrivateKey(bytes.NewReader(unhex(f, first["seed"])))
	if err != nil {
		f.Fatal(err)
	}
	e, err := sealed.OpenEnvelope(own)
	if err != nil {
		f.Fatal(err)
	}
	right, err := e.Key(c, k)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(own, 0, byte(0))
	f.Add(own, len(own)-30, byte(1)) // the salt: not the envelope's
	f.Add(own, 60, byte(1))
	for _, v := range published(f) {
		f.Add(unhex(f, v.In["body"]), 0, byte(0))
	}
	f.Fuzz(func(t *testing.T, raw []byte, at int, bit byte) {
		if len(raw) > 0 && at >= 0 {
			raw = bytes.Clone(raw)
			raw[at%len(raw)] ^= bit
		}
		got, err := sealed.OpenEnvelope(raw)
		if err != nil {
			if protocol.ReasonOf(err) == protocol.ReasonInternal {
				t.Fatal(err)
			}
			return
		}
		again, err := protocol.Encode(got)
		if err != nil {
			t.Fatal(err)
		}
		v, err := protocol.BodyContent(raw)
		if err != nil {
			t.Fatalf("accepted, but no body: %v", err)
		}
		if whole, err := protocol.Encode(v); err != nil || !bytes.Equal(whole, again) {
			t.Fatalf("accepted in another spelling: %x", raw)
		}
		same, err := protocol.Encode(e)
		if err != nil {
			t.Fatal(err)
		}
		if content, err := got.Open(c, right); (err == nil) != bytes.Equal(same, again) {
			t.Fatalf("changed, and opens to %q", content)
		}
	})
}

func FuzzMalleability_Letter(f *testing.F) {
	seed := sealed.Letter{What: sealed.WhatMessage, To: []string{"a-b"}, Keys: []sealed.Print{{1}}, Text: "x", Persons: []sealed.Person{{Name: "n"}}}
	raw, err := protocol.Encode(&seed)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	c, k := context(f), key(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > sealed.MaxContentBytes {
			return
		}
		e := seal(t, c, raw, k)
		ck, err := e.Key(c, k)
		if err != nil {
			t.Fatal(err)
		}
		l, err := e.Letter(c, ck)
		if err != nil {
			return
		}
		if v, err := protocol.DecodeGeneric(raw); err != nil {
			t.Fatalf("read, but not canonical: %v %v", err, v)
		}
		if again, err := protocol.Encode(l); err != nil || len(again) > len(raw) {
			t.Fatalf("%v: says more than it was given: %x", err, raw)
		}
	})
}

func FuzzMalleability_Recipient(f *testing.F) {
	raw, err := protocol.EncodeBody(protocol.Salt{}, sealed.RecipientOf(key(f).Public(), false))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		k, _, err := sealed.OpenRecipient(raw)
		if err != nil {
			return
		}
		v, err := protocol.BodyContent(raw)
		if err != nil || !bytes.Equal(v["key"].([]byte), k.Bytes()) {
			t.Fatalf("%v: another key than it says", err)
		}
	})
}
