package charter

import (
	"slices"
	"testing"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/protocoltest"
)

// Two nodes had equal roots and different states for ever: one held a feed that the
// removal of its member left out, the other had never heard of it and never would.
func TestDigest_VoidFeedsSayNothing(t *testing.T) {
	w := newWorld(t, 3, nil)
	b := w.actors["city-b"]
	second := protocoltest.NewFeed(w.fed, b.root, protocoltest.Key("another node of city-b"))
	w.add(second.Inception(), nil)
	unheard := map[protocol.FeedID]bool{second.ID(): true}
	d, err := NewDecision(w.state(), Draft{By: ByElectors, Title: title("never heard of"), Changes: []Change{admit("city-y")}})
	if err != nil {
		t.Fatal(err)
	}
	e, body := second.Append(protocol.KindDecision, &d)
	w.add(e, body)
	if open := w.state().Open(); len(open) != 1 {
		t.Fatalf("%d decisions can be answered", len(open))
	}
	w.enact(Change{What: ChangeRemove, Member: "city-b", Stands: []protocol.Stand{ends(b.feed, 1)}})

	some := slices.DeleteFunc(slices.Clone(w.blocks), func(x Block) bool { return unheard[x.Entry.Feed()] })
	if len(some) == len(w.blocks) {
		t.Fatal("both would hold the same")
	}
	other := Fold(w.act, w.fed, some)
	if w.state().Digest() != other.Digest() {
		t.Errorf("the states differ:\n%+v\n%+v", w.state().Members(), other.Members())
	}
}

// An answer, and a decision that could be answered, were known for ever to those nodes
// alone that held the branch of the feed that was not chosen.
func TestUncarried_WhatCanBeAnsweredAndWasAnswered(t *testing.T) {
	w := newWorld(t, 3, nil)
	b := w.actors["city-b"]
	before := uint64(len(b.feed.Entries))
	d, err := NewDecision(w.state(), Draft{By: ByElectors, Title: title("admit"), Changes: []Change{admit("city-x")}})
	if err != nil {
		t.Fatal(err)
	}
	id := w.say(b, protocol.KindDecision, &d)
	w.answer("city-b", w.place(ByElectors), id)
	if got := w.folder.Uncarried(); len(got) != 0 {
		t.Fatalf("uncarried before the fork: %v", got)
	}
	w.root(b, protocol.Statement{Purpose: protocol.PurposeSettle, Stands: []protocol.Stand{ends(b.feed, before)}})
	kinds := map[protocol.Kind]int{}
	for _, c := range w.folder.Uncarried() {
		kinds[c.Kind]++
	}
	if kinds[protocol.KindDecision] != 1 || kinds[protocol.KindAnswer] != 1 {
		t.Errorf("uncarried: %v", w.folder.Uncarried())
	}
}
