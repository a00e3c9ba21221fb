package sealed_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"testing/cryptotest"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/protocoltest"
	"github.com/dure-net/dure/protocol/sealed"
)

func key(t testing.TB) sealed.PrivateKey {
	t.Helper()
	k, err := sealed.NewPrivateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func context(t testing.TB) sealed.Context {
	t.Helper()
	return sealed.Context{Federation: protocol.Sum([]byte("a federation")), Author: protocoltest.Key("seoul").Public(), Kind: protocol.KindSealed}
}

func public(keys ...sealed.PrivateKey) (out []sealed.PublicKey) {
	for _, k := range keys {
		out = append(out, k.Public())
	}
	return out
}

func seal(t testing.TB, c sealed.Context, content []byte, to ...sealed.PrivateKey) *sealed.Envelope {
	t.Helper()
	e, err := sealed.Seal(c, content, public(to...), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func refused(t *testing.T, what string, err error, want protocol.Reason) {
	t.Helper()
	if got := protocol.ReasonOf(err); got != want {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func TestEnvelope_NamedReadersAlone(t *testing.T) {
	c, a, b, stranger := context(t), key(t), key(t), key(t)
	content := []byte("ask for 김하나 at 02-123-4567")
	e := seal(t, c, content, a, b, a)
	raw, err := protocol.EncodeBody(protocol.Salt{1}, e)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(raw, []byte("123-4567")) || bytes.Contains(raw, a.Public().Bytes()[:32]) {
		t.Fatal("the envelope shows what it holds, or whom it is for")
	}
	e, err = sealed.OpenEnvelope(raw)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []sealed.PrivateKey{a, b} {
		found, err := e.Key(c, stranger, k)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := e.Open(c, found); err != nil || !bytes.Equal(got, content) {
			t.Fatalf("%q %v", got, err)
		}
	}
	_, err = e.Key(c, stranger)
	refused(t, "a stranger", err, protocol.ReasonForbidden)
	_, err = e.Key(c)
	refused(t, "nobody", err, protocol.ReasonForbidden)
}

// What is copied into another entry, feed or federation does not open, with the right
// private half and with the right content key.
func TestEnvelope_BoundToItsPlace(t *testing.T) {
	c, a := context(t), key(t)
	e := seal(t, c, []byte("content"), a)
	right, err := e.Key(c, a)
	if err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(*sealed.Context){
		"another federation": func(c *sealed.Context) { c.Federation = protocol.Sum([]byte("another")) },
		"another author":     func(c *sealed.Context) { c.Author = protocoltest.Key("paris").Public() },
		"another kind":       func(c *sealed.Context) { c.Kind = protocol.KindRewrap },
		"another record":     func(c *sealed.Context) { c.Record = protocol.Sum([]byte("a record")) },
	} {
		other := c
		change(&other)
		_, err := e.Key(other, a)
		refused(t, what+", key", err, protocol.ReasonForbidden)
		_, err = e.Open(other, right)
		refused(t, what+", content", err, protocol.ReasonForbidden)
	}
	second := seal(t, c, []byte("another content"), a)
	_, err = second.Open(c, right)
	refused(t, "the key of another envelope", err, protocol.ReasonForbidden)
	for i, s := range e.Slots { // slots moved into another envelope of the same author
		second.Slots[i] = s
	}
	_, err = second.Key(c, a)
	refused(t, "slots of another envelope", err, protocol.ReasonForbidden)
}

// Outsiders see one of four numbers of slots and one of six sizes.
func TestEnvelope_TellsLittle(t *testing.T) {
	c := context(t)
	var readers []sealed.PrivateKey
	for range sealed.MaxSlots + 1 {
		readers = append(readers, key(t))
	}
	shapes := map[[2]int]bool{}
	for _, readers := range [][]sealed.PrivateKey{readers[:1], readers[:2], readers[:4], readers[:5], readers[:13], readers[:sealed.MaxSlots]} {
		for _, size := range []int{0, 1, 700, 1020, 1021, 5000, 9000, sealed.MaxContentBytes} {
			e := seal(t, c, make([]byte, size), readers...)
			shapes[[2]int{len(e.Slots), len(e.Data)}] = true
			raw, err := protocol.EncodeBody(protocol.Salt{}, e)
			if err != nil {
				t.Fatalf("%d readers and %d bytes do not fit a body: %v", len(readers), size, err)
			}
			if _, err := sealed.OpenEnvelope(raw); err != nil {
				t.Fatal(err)
			}
			k, err := e.Key(c, readers[len(readers)-1])
			if err != nil {
				t.Fatal(err)
			}
			if content, err := e.Open(c, k); err != nil || len(content) != size {
				t.Fatal(len(content), err)
			}
		}
	}
	if len(shapes) > 4*6 {
		t.Errorf("%d shapes", len(shapes))
	}
	_, err := sealed.Seal(c, nil, public(readers...), rand.Reader)
	refused(t, "too many readers", err, protocol.ReasonTooLarge)
	_, err = sealed.Seal(c, make([]byte, sealed.MaxContentBytes+1), public(readers[0]), rand.Reader)
	refused(t, "too much content", err, protocol.ReasonTooLarge)
	_, err = sealed.Seal(c, nil, nil, rand.Reader)
	refused(t, "no reader", err, protocol.ReasonUsage)
}

// Empty slots look like full ones: half of all random strings are on the twist of the
// curve and not on it, and the compressed lattice point of a full slot is not uniform.
func TestEnvelope_EmptySlotsAreNoNoise(t *testing.T) {
	c, a := context(t), key(t)
	p := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	onCurve := func(u []byte) bool {
		le := bytes.Clone(u)
		for i, j := 0, len(le)-1; i < j; i, j = i+1, j-1 {
			le[i], le[j] = le[j], le[i]
		}
		x := new(big.Int).SetBytes(le)
		y := new(big.Int).Mul(x, x) // v² = u³ + 486662u² + u
		y.Mul(y, x).Add(y, new(big.Int).Mul(big.NewInt(486662), new(big.Int).Mul(x, x))).Add(y, x).Mod(y, p)
		return big.Jacobi(y, p) >= 0
	}
	for range 8 {
		for i, s := range seal(t, c, nil, a).Slots {
			if !onCurve(s[1088:1120]) {
				t.Fatalf("slot %d holds no point of the curve", i)
			}
		}
	}
}

// The order of slots says nothing: the author's own node does not stand in one place.
func TestEnvelope_OrderSaysNothing(t *testing.T) {
	c, a := context(t), key(t)
	at := map[int]int{}
	for range 60 {
		e := seal(t, c, nil, a)
		for i := range e.Slots {
			one := *e
			one.Slots = make([][]byte, len(e.Slots))
			for j := range one.Slots {
				one.Slots[j] = e.Slots[i]
			}
			if _, err := one.Key(c, a); err == nil {
				at[i]++
			}
		}
	}
	if len(at) != 4 {
		t.Errorf("the only reader stood at %v of 4 places in 60 envelopes", at)
	}
}

// An author cannot give two readers different contents in one body: what a slot holds
// must be the key that the envelope is committed to.
func TestEnvelope_OneContentForAll(t *testing.T) {
	c, a, b := context(t), key(t), key(t)
	e, other := seal(t, c, []byte("yes"), a), seal(t, c, []byte("no"), b)
	other.Commit = e.Commit
	_, err := other.Key(c, b)
	refused(t, "another envelope's commitment", err, protocol.ReasonForbidden)
	// A slot made by hand for this very envelope, with a key of its author's choice.
	wrong, err := sealed.Misseal(c, e, b.Public())
	if err != nil {
		t.Fatal(err)
	}
	_, err = wrong.Key(c, b)
	refused(t, "a slot with another key", err, protocol.ReasonBadHash)
}

func TestEnvelope_DamageIsNoticed(t *testing.T) {
	c, a := context(t), key(t)
	e := seal(t, c, []byte("content"), a)
	k, err := e.Key(c, a)
	if err != nil {
		t.Fatal(err)
	}
	change := func(what string, f func(e *sealed.Envelope), want protocol.Reason) {
		t.Helper()
		again := *e
		again.Data, again.Slots = bytes.Clone(e.Data), append([][]byte{}, e.Slots...)
		f(&again)
		_, err := again.Open(c, k)
		refused(t, what, err, want)
	}
	change("a bit of the content", func(e *sealed.Envelope) { e.Data[3] ^= 1 }, protocol.ReasonBadHash)
	change("two slots exchanged", func(e *sealed.Envelope) { e.Slots[0], e.Slots[1] = e.Slots[1], e.Slots[0] }, protocol.ReasonBadHash)
	change("a bit of the commitment", func(e *sealed.Envelope) { e.Commit[0] ^= 1 }, protocol.ReasonForbidden)
	change("a slot less", func(e *sealed.Envelope) { e.Slots = e.Slots[1:] }, protocol.ReasonMalformed)
	change("a short slot", func(e *sealed.Envelope) { e.Slots[2] = e.Slots[2][1:] }, protocol.ReasonMalformed)
	change("a short content", func(e *sealed.Envelope) { e.Data = e.Data[1:] }, protocol.ReasonMalformed)
}

func TestOpenEnvelope_Shapes(t *testing.T) {
	e := seal(t, context(t), nil, key(t))
	content := func() map[string]any {
		slots := make([]any, len(e.Slots))
		for i := range slots {
			slots[i] = e.Slots[i]
		}
		return map[string]any{"v": uint64(1), "commit": e.Commit[:], "data": e.Data, "slots": slots}
	}
	open := func(change func(map[string]any)) error {
		m := content()
		change(m)
		raw, err := protocol.EncodeBody(protocol.Salt{}, m)
		if err != nil {
			t.Fatal(err)
		}
		_, err = sealed.OpenEnvelope(raw)
		return err
	}
	if err := open(func(map[string]any) {}); err != nil {
		t.Fatal(err)
	}
	refused(t, "another version", open(func(m map[string]any) { m["v"] = uint64(2) }), protocol.ReasonWrongVersion)
	refused(t, "no version", open(func(m map[string]any) { delete(m, "v") }), protocol.ReasonMalformed)
	refused(t, "an unknown field", open(func(m map[string]any) { m["to"] = "kr-seoul" }), protocol.ReasonTooNew)
	refused(t, "a short commitment", open(func(m map[string]any) { m["commit"] = e.Commit[1:] }), protocol.ReasonNonCanonical)
	refused(t, "no slots", open(func(m map[string]any) { m["slots"] = []any{} }), protocol.ReasonMalformed)
	_, err := sealed.OpenEnvelope(make([]byte, protocol.MaxBodyBytes+1))
	refused(t, "too large", err, protocol.ReasonTooLarge)
}

func TestLetter_GoesThere(t *testing.T) {
	c, a, own := context(t), key(t), key(t)
	l := sealed.Letter{What: sealed.WhatParticulars, To: []string{"fr-paris", "kr-jeonju"}, About: protocol.Sum([]byte("an agreement")), Lang: "ko", Text: "안녕하세요",
		Persons: []sealed.Person{{Name: "김하나", Phone: "+82 2 123 4567"}}, Documents: []sealed.Document{{Title: "여권 사본", Where: "2층 금고"}}}
	e, err := sealed.SealLetter(c, l, public(a, own), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	k, err := e.Key(c, a)
	if err != nil {
		t.Fatal(err)
	}
	got, err := e.Letter(c, k)
	if err != nil {
		t.Fatal(err)
	}
	if got.Text != l.Text || got.Persons[0] != l.Persons[0] || got.About != l.About || !got.Holds(a.Public()) || !got.Holds(own.Public()) || got.Holds(key(t).Public()) {
		t.Errorf("%+v", got)
	}
}

func TestLetter_Faults(t *testing.T) {
	long := strings.Repeat("가", sealed.MaxText+1)
	for field, c := range map[string]struct {
		letter sealed.Letter
		want   protocol.Reason
	}{
		"to":              {sealed.Letter{What: "message", Text: "x"}, protocol.ReasonMalformed},
		"text":            {sealed.Letter{What: "message", To: []string{"a-b"}, Text: long}, protocol.ReasonTooLarge},
		"persons[1].name": {sealed.Letter{What: "particulars", To: []string{"a-b"}, Persons: []sealed.Person{{Name: "x"}, {Phone: "1"}}}, protocol.ReasonMalformed},
		"listing":         {sealed.Letter{What: "offer", To: []string{"a-b"}, Text: "x"}, protocol.ReasonMalformed},
		"what":            {sealed.Letter{To: []string{"a-b"}, Text: "x"}, protocol.ReasonMalformed},
	} {
		err := c.letter.Check()
		var e *protocol.Error
		if !errors.As(err, &e) || e.Reason != c.want || e.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	for what, to := range map[string][]string{"twice": {"a", "a"}, "not in order": {"b", "a"}} {
		refused(t, what, (&sealed.Letter{What: "message", To: to, Text: "x"}).Check(), protocol.ReasonNonCanonical)
	}
	if err := (&sealed.Letter{What: "message", To: []string{"a"}}).Check(); err == nil {
		t.Error("a letter that says nothing")
	}
}

func TestRewrap_GivesOldBodiesToALaterNode(t *testing.T) {
	c, old, later := context(t), key(t), key(t)
	entry := protocol.Sum([]byte("an entry"))
	e := seal(t, c, []byte("old news"), old)
	k, err := e.Key(c, old)
	if err != nil {
		t.Fatal(err)
	}
	mine := sealed.Context{Federation: c.Federation, Author: protocoltest.Key("paris").Public(), Kind: protocol.KindRewrap}
	re, err := sealed.SealWrapped(mine, []sealed.WrappedKey{{Entry: entry, Key: k}}, public(old, later), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rk, err := re.Key(mine, later)
	if err != nil {
		t.Fatal(err)
	}
	w, err := re.Wrapped(mine, rk)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := e.Open(c, w.Keys[0].Key); err != nil || string(got) != "old news" || w.Keys[0].Entry != entry {
		t.Fatalf("%q %v", got, err)
	}
	_, err = sealed.SealWrapped(mine, nil, public(later), rand.Reader)
	refused(t, "nothing to wrap", err, protocol.ReasonTooLarge)
	many := make([]sealed.WrappedKey, sealed.MaxWrapped)
	for i := range many {
		many[i] = sealed.WrappedKey{Entry: protocol.Sum([]byte{byte(i), byte(i >> 8)}), Key: k}
	}
	_, err = sealed.SealWrapped(mine, append(many[:1:1], many[0]), public(later), rand.Reader)
	refused(t, "one entry twice", err, protocol.ReasonNonCanonical)
	_, err = sealed.SealWrapped(mine, append(many[:len(many):len(many)], many[0]), public(later), rand.Reader)
	refused(t, "too many", err, protocol.ReasonTooLarge)
	var all []sealed.PrivateKey
	for range sealed.MaxSlots {
		all = append(all, key(t))
	}
	if _, err := sealed.SealWrapped(mine, many, public(all...), rand.Reader); err != nil {
		t.Errorf("the most keys for the most nodes do not fit: %v", err)
	}
}

func TestPrivateKey_NeverPrints(t *testing.T) {
	k := key(t)
	secret := k.Reveal()
	again, err := sealed.ParsePrivateKey(secret)
	if err != nil || again.Public().Print() != k.Public().Print() {
		t.Fatal(err)
	}
	e := seal(t, context(t), nil, k)
	ck, err := e.Key(context(t), k)
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(map[string]any{"k": k, "c": ck})
	if err != nil {
		t.Fatal(err)
	}
	shown := fmt.Sprintf("%v %+v %#v %s %x %v %#v %s", k, k, k, k, k, ck, ck, asJSON)
	if strings.Contains(shown, secret[len("dure-recipient-key-1:"):]) || strings.Contains(shown, fmt.Sprintf("%x", ck[:4])) || strings.Contains(shown, fmt.Sprint(ck[0])+" ") {
		t.Fatalf("it prints: %s", shown)
	}
	for _, text := range []string{"", "dure-recipient-key-1:", secret[:len(secret)-1], secret + "a", strings.ToUpper(secret), strings.Replace(secret, "recipient", "node", 1)} {
		if _, err := sealed.ParsePrivateKey(text); protocol.ReasonOf(err) != protocol.ReasonMalformed || len(text) > 30 && strings.Contains(err.Error(), text[25:]) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestRecipient_KeysThatAreNone(t *testing.T) {
	k := key(t).Public()
	open := func(v uint64, raw []byte) error {
		body, err := protocol.EncodeBody(protocol.Salt{}, &sealed.Recipient{Version: v, Key: raw})
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = sealed.OpenRecipient(body)
		return err
	}
	if err := open(1, k.Bytes()); err != nil {
		t.Fatal(err)
	}
	refused(t, "another version", open(2, k.Bytes()), protocol.ReasonWrongVersion)
	refused(t, "short", open(1, k.Bytes()[1:]), protocol.ReasonMalformed)
	low := k.Bytes()
	copy(low[1184:], make([]byte, 32)) // a point of small order: every shared secret would be zero
	refused(t, "small order", open(1, low), protocol.ReasonMalformed)
	beyond := k.Bytes()
	for i := range 1152 {
		beyond[i] = 0xff // coefficients beyond the modulus
	}
	refused(t, "coefficients beyond the modulus", open(1, beyond), protocol.ReasonMalformed)
}

// The same random bytes give the same envelope: what is published can be made again.
func TestSeal_IsAFunctionOfItsRandomBytes(t *testing.T) {
	cryptotest.SetGlobalRandom(t, 7)
	k, err := sealed.NewPrivateKey(bytes.NewReader(bytes.Repeat([]byte{5}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	make1 := func() []byte {
		cryptotest.SetGlobalRandom(t, 11)
		e, err := sealed.Seal(context(t), []byte("x"), public(k), bytes.NewReader(bytes.Repeat([]byte{9, 3, 7, 1}, 100)))
		if err != nil {
			t.Fatal(err)
		}
		raw, err := protocol.Encode(e)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	if !bytes.Equal(make1(), make1()) {
		t.Error("they differ")
	}
	if _, err := sealed.Seal(context(t), nil, public(k), strings.NewReader("too few")); err == nil {
		t.Error("sealed without enough random bytes")
	}
}

func BenchmarkEnvelope(b *testing.B) {
	c, a, stranger := context(b), key(b), key(b)
	e := seal(b, c, make([]byte, 900), a, key(b), key(b), key(b), key(b))
	k, err := e.Key(c, a)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("seal for 5 nodes", func(b *testing.B) {
		for b.Loop() {
			seal(b, c, make([]byte, 900), a, a, stranger)
		}
	})
	b.Run("8 slots, not for us", func(b *testing.B) {
		for b.Loop() {
			_, _ = e.Key(c, stranger)
		}
	})
	b.Run("content with its key", func(b *testing.B) {
		for b.Loop() {
			_, _ = e.Open(c, k)
		}
	})
}
