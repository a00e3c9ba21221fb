package index

import (
	"slices"
	"testing"

	"github.com/dure-net/dure/protocol"
)

const kindReply = protocol.Kind(41) // of others' entries; what it says is not the index's business

// say writes an entry about others.
func (f *scribe) say(kind protocol.Kind, of protocol.Entry, refs ...protocol.Entry) protocol.Entry {
	h := protocol.Header{Kind: kind, Of: of.ID()}
	for _, r := range refs {
		h.Refs = append(h.Refs, r.ID())
	}
	return f.write(h)
}

func TestIndex_AboutTellsWhatCounts(t *testing.T) {
	w := newWorld(t)
	seoul, bilbao, stranger := w.writer("kr-seoul"), w.writer("es-bilbao"), w.writer("")
	offer := seoul.publish(protocol.KindOffer, 1)
	other := seoul.publish(protocol.KindOffer, 2)
	asked := bilbao.say(40, offer)
	stranger.say(40, offer)
	answered := seoul.say(kindReply, offer, asked)
	twice := bilbao.say(kindReply, offer, offer, asked) // names it twice, is told once
	request := bilbao.write(protocol.Header{Kind: protocol.KindRequest, Number: 1, Refs: []protocol.CID{offer.ID()}})
	seoul.revise(offer, offer)
	seoul.withdraw(offer)
	x := w.index()

	told := func(subject protocol.Entry, kinds ...protocol.Kind) map[protocol.EntryID]Place {
		t.Helper()
		places, err := x.About(subject.ID(), kinds...)
		if err != nil {
			t.Fatal(err)
		}
		out := map[protocol.EntryID]Place{}
		for i, p := range places {
			out[p.Entry] = p
			if i > 0 && places[i-1].Feed == p.Feed && places[i-1].FeedSeq >= p.FeedSeq {
				t.Error("out of order")
			}
		}
		if len(out) != len(places) {
			t.Error("an entry is told twice")
		}
		return out
	}
	want := func(what string, got map[protocol.EntryID]Place, want ...protocol.Entry) {
		t.Helper()
		for _, e := range want {
			if _, ok := got[e.ID()]; !ok {
				t.Errorf("%s: entry %d of kind %d is not told", what, e.Seq(), e.Kind())
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: %d are told, want %d", what, len(got), len(want))
		}
	}
	want("of the offer", told(offer), asked, answered, twice, request)
	want("questions", told(offer, 40), asked)
	want("replies and requests", told(offer, kindReply, protocol.KindRequest), answered, twice, request)
	want("of the question", told(asked), answered, twice)
	want("of another", told(other))
	place := told(offer, 40)[asked.ID()]
	if place.Member != "es-bilbao" || place.Kind != 40 || place.Feed != bilbao.feed || place.FeedSeq != asked.Seq() || place.Seq != bilbao.items[1].Seq {
		t.Errorf("got %+v", place)
	}

	x.SetErased([]protocol.EntryID{asked.ID()})
	want("erased by an act", told(offer, 40))
	x.SetErased(nil)
	x.Restand(bilbao.feed, "es-bilbao", twice.Seq())
	want("cut", told(offer), asked, answered)
	x.Restand(bilbao.feed, "", Unlimited)
	want("removed", told(offer), answered)
	x.Restand(bilbao.feed, "es-bilbao", Unlimited)
	x.Restand(stranger.feed, "kr-busan", Unlimited)
	if got := told(offer, 40); len(got) != 2 {
		t.Errorf("a feed that became a member's: %d are told", len(got))
	}
	x.Restand(stranger.feed, "", 0)
	for range 2 { // as often as the choice is made anew
		x.retract(bilbao, twice.Seq())
		want("of another branch", told(offer), asked, answered)
		x.Add(slices.Clone(bilbao.items)...)
		want("back", told(offer), asked, answered, twice, request)
	}
}

// What one feed says in masses about a record is told up to a bound, from its beginning, and takes no place from others.
func TestFirstOfEach_WhatOneFeedSaysInMasses(t *testing.T) {
	loud, quiet := protocol.Sum([]byte("loud")), protocol.Sum([]byte("quiet"))
	var places []Place
	for seq := range uint64(3 * MaxAbout) {
		places = append(places, Place{Feed: loud, FeedSeq: seq, Kind: protocol.KindQuestion})
	}
	places = append(places, Place{Feed: loud, FeedSeq: 3 * MaxAbout, Kind: protocol.KindReply}, Place{Feed: quiet, Kind: protocol.KindQuestion})
	got := firstOfEach(places)
	if len(got) != MaxAbout+2 || got[MaxAbout-1].FeedSeq != MaxAbout-1 || got[MaxAbout].Kind != protocol.KindReply || got[MaxAbout+1].Feed != quiet {
		t.Errorf("%d places are told, the last %+v", len(got), got[len(got)-2:])
	}
}

func TestAbout_TellsTheFirstOfManyInOneFeed(t *testing.T) {
	w := newWorld(t)
	seoul, loud := w.writer("kr-seoul"), w.writer("xx-loud")
	offer := seoul.publish(protocol.KindOffer, 1)
	for range MaxAbout + 5 {
		loud.write(protocol.Header{Kind: protocol.KindQuestion, Of: offer.ID()})
	}
	x := w.index()
	places, err := x.About(offer.ID())
	if err != nil || len(places) != MaxAbout || places[0].FeedSeq != 1 || places[MaxAbout-1].FeedSeq != MaxAbout {
		t.Fatalf("%d places are told, %v", len(places), err)
	}
}
