package exchange

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/dure-net/dure/node/index/indextest"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
	"github.com/dure-net/dure/protocol/record"
	"github.com/dure-net/dure/protocol/record/exchange"
)

const (
	seoul = "kr-seoul"
	dakar = "sn-dakar"
	lyon  = "fr-lyon"
	bonn  = "de-bonn" // of the steering committee, which mediates
)

// world is a federation with a desk for each member.
type world struct {
	*indextest.Federation
	t     testing.TB
	desks map[string]*Desk
	clock time.Time

	mu     sync.Mutex // guards folded
	folded int        // proposals whose body was read, which every fold of a thread does
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, desks: map[string]*Desk{}, clock: time.Date(2027, 1, 10, 12, 0, 0, 0, time.UTC)}
	w.Federation = indextest.New(t, indextest.Member{Handle: seoul, Country: "KR"}, indextest.Member{Handle: dakar, Country: "SN"}, indextest.Member{Handle: lyon, Country: "FR"},
		indextest.Member{Handle: bonn, Country: "DE", Offices: []protocol.Office{protocol.OfficeSteering, protocol.OfficeChairCity}})
	for m := range w.Feeds {
		w.desks[m] = w.desk(m)
	}
	return w
}

// desk is a new desk of a member, which has folded nothing yet.
func (w *world) desk(member string) *Desk {
	return New(Config{
		Self: member, Index: w.Index, Source: w, Now: func() time.Time { return w.clock }, Charter: func() charter.State { return w.State },
		Find:    func(id protocol.EntryID) (protocol.Entry, error) { e, _, err := w.Ledger.Find(id); return e, err },
		Gone:    func(protocol.Entry) bool { return false },
		Publish: func(_ context.Context, e Entry) (Written, error) { return w.publish(member, e) },
		Await: func(ctx context.Context, local uint64) bool {
			return w.Follower.Await(ctx, local, time.Minute)
		},
		Newest: w.Newest,
		Changes: func(after uint64) (entries []protocol.Entry, upto uint64, err error) {
			changes, err := w.Ledger.Changes(after+1, 256)
			upto = after
			for _, c := range changes {
				entries, upto = append(entries, c.Entry), c.Local
			}
			return entries, upto, err
		},
		Resolve:  func(string) (protocol.RecordID, bool) { return protocol.RecordID{}, false },
		Language: func(map[string]string) string { return "en" },
	})
}

func (w *world) publish(member string, e Entry) (Written, error) {
	entry, err := w.Publish(member, protocol.Header{Kind: e.Kind, Of: e.Of, Refs: e.Refs}, e.Content, e.Numbered)
	if err != nil {
		return Written{}, err
	}
	return Written{Entry: entry.ID(), Feed: entry.Feed(), FeedSeq: entry.Seq(), Seq: w.Newest()}, nil
}

// Entry and Body make the world an index.Source; it counts what is read of proposals.
func (w *world) Entry(feed protocol.FeedID, seq uint64) (protocol.Entry, error) {
	return w.Ledger.Entry(feed, seq)
}

func (w *world) Body(e protocol.Entry) ([]byte, error) {
	if e.Kind() == protocol.KindProposal {
		w.mu.Lock()
		w.folded++
		w.mu.Unlock()
	}
	return w.Ledger.Body(e)
}

// folds counts the proposals read while something is done.
func (w *world) folds(do func()) int {
	w.mu.Lock()
	before := w.folded
	w.mu.Unlock()
	do()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.folded - before
}

func en(s string) record.Text           { return record.Text{"en": s} }
func based(k protocol.Kind) record.Base { return record.Base{Type: k.String(), Lang: "en"} }

func (w *world) today() record.Day { return record.Day(w.clock.Format(time.DateOnly)) }

// offers publishes an offer of so many pieces.
func (w *world) offers(member, n string) protocol.RecordID {
	w.t.Helper()
	l := &record.Listing{
		Base: based(protocol.KindOffer), Exchange: "material", Mode: "give", Title: en("Desks"), Summary: en("Desks of a school."), Themes: []string{"culture_tourism"},
		Goods: "exhibition", Condition: "good", Quantity: &record.Qty{Value: n, Unit: "C62"}, Divisible: true, Window: &record.Window{From: w.today(), To: w.today().Plus(90)},
		Delivery: "ship", Place: &record.Place{Country: "KR", Label: "Seoul"}, WorkingLanguages: []string{"en"}, Return: "gift", ValidUntil: w.today().Plus(90),
	}
	if faults := record.Validate(l); len(faults) > 0 {
		w.t.Fatal(faults)
	}
	done, err := w.publish(member, Entry{Kind: protocol.KindOffer, Content: l, Numbered: true})
	if err != nil {
		w.t.Fatal(err)
	}
	return done.Entry
}

// terms is a gift of n pieces of Seoul's to another member.
func (w *world) terms(offer protocol.RecordID, to, n string) *record.Proposal {
	c := record.Clause{No: 1, Provider: seoul, Receiver: to, Action: "transfer", What: en("Desks"), Quantity: &record.Qty{Value: n, Unit: "C62"}, Due: w.today().Plus(40)}
	p := &record.Proposal{Base: based(protocol.KindProposal), Title: en("Desks"), Parties: []string{seoul, to}, RespondBy: w.today().Plus(20)}
	if offer.Defined() {
		c.Meets, p.Offer = []string{"offer"}, &offer
	}
	p.Clauses = []record.Clause{c}
	return p
}

// proposes has a member begin a thread.
func (w *world) proposes(member string, p *record.Proposal) protocol.RecordID {
	w.t.Helper()
	done, err := w.publish(member, Entry{Kind: protocol.KindProposal, Content: p, Numbered: true})
	if err != nil {
		w.t.Fatal(err)
	}
	return done.Entry
}

func (w *world) tries(member string, thread protocol.RecordID, d Deed) error {
	_, err := w.desks[member].Act(context.Background(), thread.String(), d)
	return err
}

func (w *world) does(member string, thread protocol.RecordID, do exchange.Deed) {
	w.t.Helper()
	if err := w.tries(member, thread, Deed{Do: do}); err != nil {
		w.t.Fatalf("%s cannot %s: %v", member, do, err)
	}
}

func (w *world) thread(member string, id protocol.RecordID) exchange.Thread {
	w.t.Helper()
	t, err := w.desks[member].Thread(id.String(), "")
	if err != nil {
		w.t.Fatal(err)
	}
	return t
}
