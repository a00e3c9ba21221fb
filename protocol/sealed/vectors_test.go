package sealed_test

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"testing/cryptotest"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/protocoltest"
	"github.com/dure-net/dure/protocol/sealed"
)

// The published vectors are written from fixed seeds and checked in:
//
//	go test ./protocol/sealed -run TestVectors -update
//
// What is expected of each is written down by hand beside it. They are opened, never made
// again: how an encapsulation draws its random bytes is the library's own business.
var update = flag.Bool("update", false, "write testdata/vectors anew")

type vector struct {
	Name   string            `json:"name"`
	Expect string            `json:"expect"`
	Reason string            `json:"reason"`
	In     map[string]any    `json:"in"`
	Out    map[string]string `json:"out,omitempty"`
}

const vectorPath = "testdata/vectors/sealed.json"

func published(t testing.TB) []vector {
	t.Helper()
	raw, err := os.ReadFile(filepath.FromSlash(vectorPath))
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Vectors []vector }
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	return file.Vectors
}

func unhex(t testing.TB, v any) []byte {
	t.Helper()
	text, _ := v.(string)
	raw, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func contextIn(t testing.TB, in map[string]any) sealed.Context {
	t.Helper()
	c := sealed.Context{Author: protocol.PublicKey(unhex(t, in["author"])), Kind: protocol.Kind(in["kind"].(float64))}
	var err error
	if c.Federation, err = protocol.CastCID(unhex(t, in["federation"])); err != nil {
		t.Fatal(err)
	}
	if raw := unhex(t, in["record"]); len(raw) > 0 {
		if c.Record, err = protocol.CastCID(raw); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func judge(t testing.TB, in map[string]any) (map[string]string, error) {
	t.Helper()
	k, err := sealed.NewPrivateKey(bytes.NewReader(unhex(t, in["seed"])))
	if err != nil {
		t.Fatal(err)
	}
	e, err := sealed.OpenEnvelope(unhex(t, in["body"]))
	if err != nil {
		return nil, err
	}
	c := contextIn(t, in)
	key, err := e.Key(c, k)
	if err != nil {
		return nil, err
	}
	content, err := e.Open(c, key)
	if err != nil {
		return nil, err
	}
	return map[string]string{"public": hex.EncodeToString(k.Public().Bytes()), "content": hex.EncodeToString(content)}, nil
}

func TestVectors(t *testing.T) {
	if *update {
		write(t)
	}
	for _, v := range published(t) {
		out, err := judge(t, v.In)
		got := "accept"
		if err != nil {
			got = protocol.ReasonOf(err).String()
		}
		if got != v.Expect || len(out) != len(v.Out) || out["content"] != v.Out["content"] || out["public"] != v.Out["public"] {
			t.Errorf("%s: %s (%v), want %s", v.Name, got, err, v.Expect)
		}
	}
}

// check.py knows nothing of this code: it was written from SPEC.md, with an ML-KEM, an
// HPKE and a CBOR reader of its own.
func TestVectors_InAnotherLanguage(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed; the vectors were checked by Go alone")
	}
	out, err := exec.Command(python, filepath.Join("testdata", "vectors", "check.py")).CombinedOutput()
	if err != nil {
		t.Fatalf("check.py: %v\n%s", err, out)
	}
	t.Logf("%s", bytes.TrimSpace(out))
}

func write(t *testing.T) {
	cryptotest.SetGlobalRandom(t, 61)
	seed := bytes.Repeat([]byte{0x5a}, 32)
	reader, err := sealed.NewPrivateKey(bytes.NewReader(seed))
	if err != nil {
		t.Fatal(err)
	}
	other, stranger := key(t), bytes.Repeat([]byte{0x77}, 32)
	c := context(t)
	letter := sealed.Letter{What: sealed.WhatMessage, To: []string{"fr-paris"}, Lang: "ko", Text: "담당자는 김하나입니다."}
	e, err := sealed.SealLetter(c, letter, public(reader, other), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	k, err := e.Key(c, reader)
	if err != nil {
		t.Fatal(err)
	}
	content, err := e.Open(c, k)
	if err != nil {
		t.Fatal(err)
	}
	body := func(v any) string {
		raw, err := protocol.EncodeBody(protocol.Salt{1, 2, 3}, v)
		if err != nil {
			t.Fatal(err)
		}
		return hex.EncodeToString(raw)
	}
	var vectors []vector
	add := func(name, expect, reason string, c sealed.Context, seed []byte, raw string, out []byte) {
		v := vector{Name: name, Expect: expect, Reason: reason, In: map[string]any{"federation": hex.EncodeToString(c.Federation.Bytes()),
			"author": hex.EncodeToString(c.Author[:]), "kind": uint64(c.Kind), "record": "", "seed": hex.EncodeToString(seed), "body": raw}}
		if c.Record.Defined() {
			v.In["record"] = hex.EncodeToString(c.Record.Bytes())
		}
		if out != nil {
			v.Out = map[string]string{"content": hex.EncodeToString(out), "public": hex.EncodeToString(reader.Public().Bytes())}
		}
		vectors = append(vectors, v)
	}
	add("a letter for two nodes", "accept", "", c, seed, body(e), content)
	changed := func(f func(m *sealed.Envelope)) string {
		again := *e
		again.Data, again.Slots = bytes.Clone(e.Data), append([][]byte{}, e.Slots...)
		f(&again)
		return body(&again)
	}
	add("for others", "forbidden", "no slot opens with the key", c, stranger, body(e), nil)
	for _, moved := range []struct {
		what string
		c    sealed.Context
	}{
		{"of another federation", sealed.Context{Federation: protocol.Sum([]byte("another")), Author: c.Author, Kind: c.Kind}},
		{"by another author", sealed.Context{Federation: c.Federation, Author: protocoltest.Key("paris").Public(), Kind: c.Kind}},
		{"of another kind", sealed.Context{Federation: c.Federation, Author: c.Author, Kind: protocol.KindRewrap}},
		{"of another record", sealed.Context{Federation: c.Federation, Author: c.Author, Kind: c.Kind, Record: protocol.Sum([]byte("a record"))}},
	} {
		add("copied into an entry "+moved.what, "forbidden", "slots are bound to their entry", moved.c, seed, body(e), nil)
	}
	add("two slots exchanged", "bad_hash", "the content is bound to its slots in their order", c, seed, changed(func(e *sealed.Envelope) { e.Slots[0], e.Slots[1] = e.Slots[1], e.Slots[0] }), nil)
	add("a bit of the content", "bad_hash", "", c, seed, changed(func(e *sealed.Envelope) { e.Data[5] ^= 1 }), nil)
	add("another commitment", "forbidden", "slots are bound to it", c, seed, changed(func(e *sealed.Envelope) { e.Commit[0] ^= 1 }), nil)
	wrong, err := sealed.Misseal(c, e, reader.Public())
	if err != nil {
		t.Fatal(err)
	}
	add("a slot with a key of another content", "bad_hash", "it is not what the envelope is committed to", c, seed, body(wrong), nil)
	add("five slots", "malformed", "4, 8, 16 or 32", c, seed, changed(func(e *sealed.Envelope) { e.Slots = append(e.Slots, e.Slots[0]) }), nil)
	add("a content of no such size", "malformed", "", c, seed, changed(func(e *sealed.Envelope) { e.Data = e.Data[1:] }), nil)
	add("a short slot", "malformed", "", c, seed, changed(func(e *sealed.Envelope) { e.Slots[3] = e.Slots[3][:1167] }), nil)
	add("version 2", "wrong_version", "", c, seed, changed(func(e *sealed.Envelope) { e.Version = 2 }), nil)
	slots := make([]any, len(e.Slots))
	for i := range slots {
		slots[i] = e.Slots[i]
	}
	add("an unknown field", "too_new", "an envelope is closed", c, seed, body(map[string]any{"v": uint64(1), "commit": e.Commit[:], "data": e.Data, "slots": slots, "to": "fr-paris"}), nil)
	long, err := sealed.Mispad(c, k, e, 900)
	if err != nil {
		t.Fatal(err)
	}
	add("padding that is not zero", "malformed", "", c, seed, body(long), nil)
	revised := c
	revised.Record = protocol.Sum([]byte("a record"))
	second, err := sealed.Seal(revised, nil, public(reader), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	add("an empty revision", "accept", "the envelope asks nothing of its content", revised, seed, body(second), []byte{})
	raw, err := json.MarshalIndent(map[string]any{"about": "Envelopes (section 18). seed: the 32 bytes of a reader's private half. record: empty for a first entry. " +
		"out.public: the reader's public half; out.content: what the envelope holds.", "vectors": vectors}, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.FromSlash(vectorPath), append(raw, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}
