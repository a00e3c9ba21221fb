package exchange

import (
	"slices"
	"testing"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
	"github.com/dure-net/dure/protocol/record/exchange"
)

// A mediator's inbox is of every thread. What was folded for one question is there for the next one, on several days in
// turn, and an entry has its own thread folded again and no other.
func TestDesk_FoldsEachThreadOnce(t *testing.T) {
	w := newWorld(t)
	offer := w.offers(seoul, "100")
	var threads []protocol.RecordID
	for range 12 {
		threads = append(threads, w.proposes(dakar, w.terms(offer, dakar, "2")))
	}
	d, today, later := w.desks[bonn], w.today(), w.today().Plus(30)
	inbox := func(day record.Day) func() {
		return func() {
			if box, err := d.Inbox(day); err != nil || len(box) != 0 {
				t.Errorf("a mediator's inbox has %d threads, %v", len(box), err)
			}
		}
	}
	if n := w.folds(inbox(today)); n < len(threads) {
		t.Fatalf("%d proposals are read for %d threads", n, len(threads))
	}
	w.folds(inbox(later))
	for range 3 {
		for _, day := range []record.Day{today, later} {
			if n := w.folds(inbox(day)); n != 0 {
				t.Errorf("on %s, %d proposals are read again", day, n)
			}
		}
	}
	w.does(seoul, threads[3], exchange.Accept)
	if n := w.folds(func() { inbox(today)(); inbox(later)() }); n != 2 {
		t.Errorf("after one entry, %d proposals are read on two days, want 2", n)
	}
	// More days than are kept: the day that nobody asked for is forgotten, today is not.
	for i := range maxBooks {
		inbox(today)()
		inbox(today.Plus(100 + i))()
	}
	if n := w.folds(inbox(today)); n != 0 {
		t.Errorf("today is folded again: %d proposals are read", n)
	}
	if len(d.books) > maxBooks {
		t.Errorf("%d days are kept", len(d.books))
	}
	d.Upset()
	if n := w.folds(inbox(today)); n < len(threads) {
		t.Errorf("what stands has changed, and %d proposals are read", n)
	}
}

// What a desk keeps is what a desk that begins anew finds, after every entry.
func TestDesk_KeepsWhatOneThatBeginsAnewFinds(t *testing.T) {
	w := newWorld(t)
	offer := w.offers(seoul, "10")
	if _, err := w.desks[seoul].Inbox(w.today()); err != nil { // there is a book from the beginning
		t.Fatal(err)
	}
	same := func(after string) {
		t.Helper()
		for _, day := range []record.Day{w.today(), w.today().Plus(60)} {
			kept, new := w.desks[seoul], w.desk(seoul)
			a, _, err1 := kept.Threads(Query{}, day)
			b, _, err2 := new.Threads(Query{}, day)
			if err1 != nil || err2 != nil {
				t.Fatal(err1, err2)
			}
			x, _ := exchange.Encode(a)
			y, _ := exchange.Encode(b)
			if !slices.Equal(x, y) {
				t.Errorf("after %s, on %s: %d threads, one that begins anew finds %d", after, day, len(a), len(b))
			}
			p, _ := kept.pledges(offer, protocol.RecordID{}, day)
			q, _ := new.pledges(offer, protocol.RecordID{}, day)
			if len(p) != len(q) || len(p) == 1 && p[0].Value != q[0].Value {
				t.Errorf("after %s, on %s: pledged %v and %v", after, day, p, q)
			}
			in, _ := kept.Inbox(day)
			on, _ := new.Inbox(day)
			if len(in) != len(on) || len(in) > 0 && in[0].Waits[0].Code != on[0].Waits[0].Code {
				t.Errorf("after %s, on %s: waiting %v and %v", after, day, in, on)
			}
		}
	}
	same("nothing")
	first := w.proposes(dakar, w.terms(offer, dakar, "4"))
	same("a proposal")
	w.does(seoul, first, exchange.Accept)
	same("an acceptance")
	second := w.proposes(lyon, w.terms(offer, lyon, "5"))
	same("another proposal")
	w.does(dakar, first, exchange.Confirm)
	same("a confirmation")
	w.does(lyon, second, exchange.Retract)
	same("a withdrawal")
	if err := w.tries(dakar, first, Deed{Do: exchange.Fulfil, Clause: 1, Quantity: "3"}); err != nil {
		t.Fatal(err)
	}
	same("a report")
}
