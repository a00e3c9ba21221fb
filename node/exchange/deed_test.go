package exchange

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/dure-net/dure/node/phrase"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record/exchange"
)

// refused is a deed that would not be heard: with whom it would be heard of, and what the member can do instead.
type refused struct {
	member  string
	do      exchange.Deed
	reason  protocol.Reason
	who     string // who may; "" for nobody now
	instead string // one of what the member can do instead; "" for nothing
}

// inWords holds that every refusal is said in four languages, with what to do.
func inWords(t testing.TB, book *phrase.Book, err error) {
	t.Helper()
	said := map[string]bool{}
	for _, lang := range []string{"ko", "en", "fr", "es"} {
		sentence, hint := book.Error(lang, err)
		if sentence == "" || hint == "" || strings.Contains(sentence+hint, "{{") || strings.Contains(sentence+hint, "<no value>") {
			t.Errorf("%s: %q, %q for %v", lang, sentence, hint, err)
		}
		said[sentence] = true
	}
	if len(said) != 4 {
		t.Errorf("said in %d languages: %v", len(said), err)
	}
}

func (w *world) refuses(book *phrase.Book, thread protocol.RecordID, list []refused) {
	w.t.Helper()
	for _, c := range list {
		err := w.tries(c.member, thread, Deed{Do: c.do, Dry: true})
		var e *protocol.Error
		if !errors.As(err, &e) || e.Reason != c.reason || e.Args["who"] != c.who {
			w.t.Errorf("%s, %s: %v, who may: %q; want %s, %q", c.member, c.do, err, e.Args["who"], c.reason, c.who)
			continue
		}
		if instead := strings.Split(e.Args["instead"], ", "); !slices.Contains(instead, c.instead) {
			w.t.Errorf("%s, %s: instead %q, want %q among them", c.member, c.do, instead, c.instead)
		}
		inWords(w.t, book, err)
	}
}

// Who may do what, from a proposal to the feedback; who may not is told who may, and what to do instead.
func TestAct_WhoMayDoWhat(t *testing.T) {
	book, err := phrase.New()
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	offer := w.offers(seoul, "10")
	p := w.proposes(dakar, w.terms(offer, dakar, "4"))
	w.refuses(book, p, []refused{
		{dakar, exchange.Accept, protocol.ReasonNotOwner, seoul, "retract"},
		{lyon, exchange.Accept, protocol.ReasonNotOwner, seoul, ""},
		{lyon, exchange.Retract, protocol.ReasonNotOwner, dakar, ""},
		{seoul, exchange.Confirm, protocol.ReasonConflict, "", "accept"},
		{seoul, exchange.Fulfil, protocol.ReasonConflict, "", "accept"},
		{dakar, exchange.Review, protocol.ReasonConflict, "", "retract"},
		{bonn, exchange.Mediate, protocol.ReasonConflict, "", ""},
	})
	w.does(seoul, p, exchange.Accept)
	w.refuses(book, p, []refused{
		{seoul, exchange.Confirm, protocol.ReasonNotOwner, dakar, "retract"},
		{dakar, exchange.Amend, protocol.ReasonConflict, "", "confirm"},
	})
	w.does(dakar, p, exchange.Confirm)
	w.refuses(book, p, []refused{
		{seoul, exchange.Accept, protocol.ReasonConflict, "", "fulfil"},
		{lyon, exchange.Fulfil, protocol.ReasonNotOwner, "kr-seoul, sn-dakar", ""},
		{bonn, exchange.Mediate, protocol.ReasonConflict, "", ""},
	})
	if err := w.tries(dakar, p, Deed{Do: exchange.Contest, Text: map[string]string{"en": "Broken"}}); err != nil {
		t.Fatal(err)
	}
	w.refuses(book, p, []refused{
		{seoul, exchange.Mediate, protocol.ReasonNotOwner, bonn, "fulfil"},
		{lyon, exchange.Mediate, protocol.ReasonNotOwner, bonn, ""},
	})
	if box, err := w.desks[bonn].Inbox(w.today()); err != nil || len(box) != 1 || box[0].Thread.ID != p {
		t.Errorf("a mediator is not told of the dispute: %v, %v", box, err)
	}
	if err := w.tries(bonn, p, Deed{Do: exchange.Mediate, Closing: "continue", Text: map[string]string{"en": "Share it"}}); err != nil {
		t.Error(err)
	}
}

// What is wrong with a deed is said before anything is written, in four languages.
func TestAct_LimitsAndFaults(t *testing.T) {
	book, err := phrase.New()
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	offer := w.offers(seoul, "10")
	first, second := w.proposes(dakar, w.terms(offer, dakar, "6")), w.proposes(lyon, w.terms(offer, lyon, "6"))
	w.does(seoul, first, exchange.Accept)
	before := w.Newest()
	for _, c := range []struct {
		name   string
		member string
		thread protocol.RecordID
		deed   Deed
		reason protocol.Reason
		args   map[string]string
	}{
		{"more than is left", seoul, second, Deed{Do: exchange.Accept}, protocol.ReasonConflict, map[string]string{"remaining": "4", "wanted": "6", "reserved": "6"}},
		{"a clause that is none", dakar, first, Deed{Do: exchange.Counter, Edit: &Edit{Clause: 7, Quantity: "2"}}, protocol.ReasonInvalid, nil},
		{"no change", lyon, second, Deed{Do: exchange.Counter}, protocol.ReasonInvalid, nil},
		{"another clause's quantity", seoul, second, Deed{Do: exchange.Counter, Edit: &Edit{Quantity: "0"}}, protocol.ReasonInvalid, nil},
		{"a day that has passed", seoul, second, Deed{Do: exchange.Counter, Edit: &Edit{Quantity: "2", RespondBy: "2026-12-01"}}, protocol.ReasonInvalid, nil},
		{"terms without parties", dakar, protocol.RecordID{}, Deed{Do: Propose, Proposal: []byte(`{"type":"proposal","lang":"en","title":{"en":"x"}}`)}, protocol.ReasonInvalid, nil},
	} {
		ref := c.thread.String()
		if c.thread.IsZero() {
			ref = ""
		}
		_, err := w.desks[c.member].Act(context.Background(), ref, c.deed)
		var e *protocol.Error
		if !errors.As(err, &e) || e.Reason != c.reason {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		for name, want := range c.args {
			if e.Args[name] != want {
				t.Errorf("%s: %s is %q, want %q", c.name, name, e.Args[name], want)
			}
		}
		inWords(t, book, err)
	}
	if w.Newest() != before {
		t.Error("something was written")
	}
	// What is judged only writes nothing either.
	if err := w.tries(dakar, first, Deed{Do: exchange.Confirm, Dry: true}); err != nil || w.Newest() != before {
		t.Errorf("judging alone: %v, %d entries written", err, w.Newest()-before)
	}
	if _, err := w.desks[seoul].Act(context.Background(), offer.String(), Deed{Do: exchange.Accept}); protocol.ReasonOf(err) != protocol.ReasonUsage {
		t.Errorf("an offer is accepted as if it were a proposal: %v", err)
	}
}

// The terms of listings that are kept are those of the version that stands, without its words, and never more than the bound.
func TestListing_KeepsTermsAlone(t *testing.T) {
	w := newWorld(t)
	d, id := w.desks[seoul], w.offers(seoul, "10")
	row, ok := d.row(id)
	if !ok {
		t.Fatal("the offer is not in the index")
	}
	for range 2 {
		l, gist, err := d.Listing(row)
		if err != nil || gist == nil || l.Quantity.Value != "10" || l.Title != nil || l.Summary != nil {
			t.Fatalf("%+v, %v", l, err)
		}
	}
	if len(d.listings) != 1 {
		t.Errorf("%d are kept", len(d.listings))
	}
	for i := range maxListings {
		d.listings[protocol.Sum([]byte{byte(i), byte(i >> 8)})] = terms{}
	}
	delete(d.listings, row.Current.Entry)
	d.listings[protocol.Sum([]byte("one more"))] = terms{}
	if _, _, err := d.Listing(row); err != nil || len(d.listings) > maxListings {
		t.Errorf("%d are kept, %v", len(d.listings), err)
	}
}
