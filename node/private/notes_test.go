package private

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/protocoltest"
	"github.com/dure-net/dure/protocol/sealed"
)

// counting is a Source that counts the bodies read.
type counting struct {
	feeds
	bodies int
}

func (c *counting) Body(e protocol.Entry) ([]byte, error) { c.bodies++; return c.feeds.Body(e) }

// desk is a room for one member with a key, and letters of another one: n for a third member and one for this.
func desk(t *testing.T, n int) (source *counting, notes *page, open func(keys ...OwnKey) *Room, own OwnKey) {
	t.Helper()
	_, federation, _ := protocoltest.Federation(1)
	all := feeds{}
	for _, member := range []string{"kr-seoul", "ca-montreal"} {
		all[member] = protocoltest.NewFeed(federation, protocoltest.Key(member), protocoltest.Key(member+" node"))
	}
	var keys []sealed.PrivateKey
	for range 2 {
		k, err := sealed.NewPrivateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, k)
	}
	c := sealed.Context{Federation: federation, Author: all["kr-seoul"].Key().Public(), Kind: protocol.KindSealed}
	write := func(to sealed.PublicKey, text string) {
		env, err := sealed.SealLetter(c, sealed.Letter{What: sealed.WhatMessage, To: []string{"ca-montreal"}, Lang: "en", Text: text}, []sealed.PublicKey{to}, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		all["kr-seoul"].Append(protocol.KindSealed, env)
	}
	for range n {
		write(keys[1].Public(), "For others.")
	}
	write(keys[0].Public(), "For Montréal.")
	source, notes, own = &counting{feeds: all}, &page{}, OwnKey{Key: keys[0], Made: time.Unix(1, 0)}
	return source, notes, func(keys ...OwnKey) *Room {
		r := New(Config{Federation: federation, Node: all["ca-montreal"].Key().Public(), Member: "ca-montreal", Source: source, Keys: keyring(keys), Notes: notes,
			Standing: all.standing, Now: time.Now, Random: rand.Reader})
		for i, e := range all["kr-seoul"].Entries {
			r.Add(e, uint64(i+1))
		}
		return r
	}, own
}

func listed(t *testing.T, r *Room, want int) {
	t.Helper()
	page, err := r.List(context.Background(), Query{})
	if err != nil || len(page.Letters) != want {
		t.Fatalf("%d letters, want %d, %v", len(page.Letters), want, err)
	}
}

// What is for others is tried once, and not again after a restart; with a key that came since, it is.
func TestRoom_WhatIsForOthersIsTriedOnce(t *testing.T) {
	const others = 20
	source, notes, open, own := desk(t, others)
	r := open(own)
	listed(t, r, 1)
	if source.bodies != others+1 {
		t.Fatalf("%d bodies are read at first", source.bodies)
	}
	if err := r.save(); err != nil {
		t.Fatal(err)
	}
	source.bodies = 0
	listed(t, open(own), 1)
	if source.bodies != 1 {
		t.Errorf("after a restart %d bodies are read, want the own one", source.bodies)
	}
	key, err := sealed.NewPrivateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	source.bodies = 0
	listed(t, open(own, OwnKey{Key: key, Made: time.Now()}), 1)
	if source.bodies != others+1 {
		t.Errorf("with another key %d bodies are read", source.bodies)
	}
	// What cannot be read is as good as nothing, and told once.
	notes.raw = []byte("torn")
	source.bodies = 0
	r = open(own)
	listed(t, r, 1)
	if source.bodies != others+1 || r.notes.fault == nil {
		t.Errorf("with notes that are damaged %d bodies are read, fault %v", source.bodies, r.notes.fault)
	}
}

// A letter is unread until somebody reads it on this node, and stays read after a restart.
func TestRoom_ReadLettersStayRead(t *testing.T) {
	_, _, open, own := desk(t, 3)
	r := open(own)
	unread := func(r *Room, want int) {
		t.Helper()
		if n, err := r.Unread(context.Background()); err != nil || n != want {
			t.Errorf("%d unread, want %d, %v", n, want, err)
		}
	}
	unread(r, 1)
	page, err := r.List(context.Background(), Query{})
	if err != nil {
		t.Fatal(err)
	}
	if r.IsRead(&page.Letters[0]) {
		t.Error("it is read before anybody read it")
	}
	if err := r.MarkRead(page.Letters[0].Record); err != nil {
		t.Fatal(err)
	}
	unread(r, 0)
	again := open(own)
	unread(again, 0)
	if !again.IsRead(&page.Letters[0]) {
		t.Error("after a restart it is unread")
	}
	for i := range maxRead + 3 {
		if err := again.load(); err != nil {
			t.Fatal(err)
		}
		again.notes.read = append(again.notes.read, markOf(protocol.Sum([]byte{byte(i), byte(i >> 8)})))
	}
	if err := again.MarkRead(protocol.Sum([]byte("last"))); err != nil || len(again.notes.read) != maxRead {
		t.Errorf("%d are remembered as read, %v", len(again.notes.read), err)
	}
}

var errDisk = errors.New("no")

type broken struct{ page }

func (b *broken) Save([]byte) error { return errDisk }

func TestRoom_ReadIsDurableOrAnError(t *testing.T) {
	_, _, open, own := desk(t, 0)
	r := open(own)
	r.cfg.Notes = &broken{}
	if err := r.MarkRead(protocol.Sum([]byte("x"))); !errors.Is(err, errDisk) {
		t.Errorf("a mark that is not kept: %v", err)
	}
}
