package home

import (
	"bytes"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/dure-net/dure/protocol"
)

func TestAddresses_RoundTrip(t *testing.T) {
	h := newHome(t)
	if book, err := h.Addresses(); err != nil || len(book) != 0 {
		t.Errorf("a new home knows %v, %v", book, err)
	}
	a := Known{testKey(t, 1).Public(), []string{"/ip4/192.0.2.1/tcp/1", "/ip6/2001:db8::1/udp/1/quic-v1"}, noon}
	b := Known{testKey(t, 2).Public(), []string{"/dns/b.example/tcp/1"}, noon.Add(time.Hour)}
	if err := h.SaveAddresses([]Known{a, b}); err != nil {
		t.Fatal(err)
	}
	if got, err := h.Addresses(); err != nil || !reflect.DeepEqual(got, []Known{b, a}) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestAddresses_Bounds(t *testing.T) {
	h := newHome(t)
	var book []Known
	for i := range MaxKnown + 50 {
		k := Known{Seen: noon.Add(time.Duration(i) * time.Minute)}
		k.Node[0], k.Node[1] = byte(i), byte(i>>8)+1
		for j := range protocol.MaxAddresses + 3 {
			k.Addresses = append(k.Addresses, fmt.Sprintf("/dns/%s.example/tcp/%d", strings.Repeat("a", 60)+"."+strings.Repeat("b", 60), j+1))
		}
		book = append(book, k)
	}
	book = append(book, Known{Node: book[0].Node, Addresses: []string{"/ip4/192.0.2.1/tcp/1"}, Seen: noon.Add(-time.Hour)},
		Known{Addresses: []string{"/ip4/192.0.2.1/tcp/1"}, Seen: noon.AddDate(1, 0, 0)},
		Known{Node: testKey(t, 1).Public(), Addresses: []string{"nonsense", "/dns/" + strings.Repeat("x", 300) + "/tcp/1"}, Seen: noon.AddDate(1, 0, 0)})
	if err := h.SaveAddresses(book); err != nil {
		t.Fatal(err)
	}
	got, err := h.Addresses()
	if err != nil || len(got) != MaxKnown {
		t.Fatalf("%d nodes, %v", len(got), err)
	}
	if got[0].Node != book[MaxKnown+49].Node || got[MaxKnown-1].Node != book[50].Node {
		t.Error("it is not the oldest that were dropped")
	}
	for _, k := range got {
		if len(k.Addresses) != protocol.MaxAddresses {
			t.Fatalf("%d addresses", len(k.Addresses))
		}
	}
}

func TestAddresses_Damaged(t *testing.T) {
	h := newHome(t)
	if err := h.SaveAddresses([]Known{{testKey(t, 1).Public(), []string{"/ip4/192.0.2.1/tcp/1"}, noon}}); err != nil {
		t.Fatal(err)
	}
	good, _ := os.ReadFile(h.path(addressFile))
	for what, raw := range map[string][]byte{
		"cut":           good[:len(good)-3],
		"unknown field": bytes.Replace(good, []byte(`"seen"`), []byte(`"sean"`), 1),
		"no address":    bytes.Replace(good, []byte("/ip4"), []byte("/ip5"), 1),
		"twice":         append(append(bytes.TrimSuffix(bytes.TrimSpace(good), []byte("]")), ','), bytes.TrimPrefix(good, []byte("["))...),
	} {
		if err := os.WriteFile(h.path(addressFile), raw, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Addresses(); protocol.ReasonOf(err) != protocol.ReasonDamaged {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := h.SaveAddresses(nil); err != nil {
		t.Errorf("a damaged book cannot be written anew: %v", err)
	}
}
