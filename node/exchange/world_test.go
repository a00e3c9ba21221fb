package exchange

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/dure-net/dure/node/index"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
	"github.com/dure-net/dure/protocol/protocoltest"
	"github.com/dure-net/dure/protocol/record"
	"github.com/dure-net/dure/protocol/record/exchange"
	"github.com/dure-net/dure/replication/ledger"
)

const (
	seoul = "kr-seoul"
	dakar = "sn-dakar"
	lyon  = "fr-lyon"
	bonn  = "de-bonn" // of the steering committee, which mediates
)

// world is one ledger with an index, as members have it who have told each other everything, and a desk for each member.
type world struct {
	t        testing.TB
	fed      protocol.FederationID
	state    charter.State
	ledger   *ledger.Ledger
	index    *index.Index
	follower *index.Follower
	feeds    map[string]*protocoltest.Feed // by member
	desks    map[string]*Desk
	owners   map[protocol.FeedID]string
	clock    time.Time
	number   uint64

	mu     sync.Mutex // guards folded
	folded int        // proposals whose body was read, which every fold of a thread does
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, feeds: map[string]*protocoltest.Feed{}, desks: map[string]*Desk{}, owners: map[protocol.FeedID]string{}, clock: time.Date(2027, 1, 10, 12, 0, 0, 0, time.UTC)}
	raw, _, _ := protocoltest.Federation(1)
	act, _, err := protocol.DecodeFoundingAct(raw)
	if err != nil {
		t.Fatal(err)
	}
	fact := act.Founders[0]
	act.Founders, act.Offices = nil, nil
	for _, m := range []struct{ handle, country string }{{seoul, "KR"}, {dakar, "SN"}, {lyon, "FR"}, {bonn, "DE"}} {
		f := fact
		f.Handle, f.Country, f.Root = m.handle, m.country, protocoltest.Key("root/"+m.handle).Public()
		act.Founders = append(act.Founders, f)
	}
	act.Offices = []protocol.Term{{Office: protocol.OfficeSteering, Member: bonn}, {Office: protocol.OfficeChairCity, Member: bonn}}
	if _, w.fed, err = protocol.EncodeFoundingAct(act); err != nil {
		t.Fatal(err)
	}
	w.state = charter.Fold(act, w.fed, nil)
	if w.ledger, err = ledger.Open(ledger.Config{Dir: t.TempDir(), Federation: w.fed, ReserveBytes: 1 << 20}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.ledger.Close() })
	for _, m := range []string{seoul, dakar, lyon, bonn} {
		f := protocoltest.NewFeed(w.fed, protocoltest.Key("root/"+m), protocoltest.Key("node/"+m))
		w.feeds[m], w.owners[f.ID()] = f, m
		w.put(f.Page(0, 1))
	}
	if w.index, err = index.Open(index.Config{Dir: t.TempDir(), Source: w}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.index.Close() })
	w.follower = index.NewFollower(w.index, w, "world")
	w.follower.Unsettle()
	ctx, cancel := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	wait.Go(func() { _ = w.follower.Run(ctx) })
	t.Cleanup(func() { cancel(); wait.Wait() })
	for m := range w.feeds {
		w.desks[m] = w.desk(m)
	}
	return w
}

// desk is a new desk of a member, which has folded nothing yet.
func (w *world) desk(member string) *Desk {
	return New(Config{
		Self: member, Index: w.index, Source: w, Now: func() time.Time { return w.clock }, Charter: func() charter.State { return w.state },
		Find:    func(id protocol.EntryID) (protocol.Entry, error) { e, _, err := w.ledger.Find(id); return e, err },
		Gone:    func(protocol.Entry) bool { return false },
		Publish: func(_ context.Context, e Entry) (Written, error) { return w.publish(member, e) },
		Await: func(ctx context.Context, local uint64) bool {
			return w.follower.Await(ctx, local, time.Minute)
		},
		Newest: w.Newest,
		Changes: func(after uint64) (entries []protocol.Entry, upto uint64, err error) {
			changes, err := w.ledger.Changes(after+1, 256)
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

func (w *world) put(p protocol.Page) {
	w.t.Helper()
	if err := w.ledger.Put(context.Background(), ledger.Batch{Pages: []protocol.Page{p}}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) publish(member string, e Entry) (Written, error) {
	f := w.feeds[member]
	raw, err := protocol.EncodeBody(protocol.Salt{byte(len(f.Entries))}, e.Content)
	if err != nil {
		return Written{}, err
	}
	h := protocol.Header{Kind: e.Kind, Of: e.Of, Refs: e.Refs}
	if e.Numbered {
		w.number++
		h.Number = w.number
	}
	entry, _ := f.Add(h, raw)
	w.put(f.Page(len(f.Entries)-1, 1))
	if !w.follower.Await(context.Background(), w.Newest(), time.Minute) {
		return Written{}, errors.New("the index does not follow")
	}
	return Written{Entry: entry.ID(), Feed: f.ID(), FeedSeq: entry.Seq(), Seq: w.Newest()}, nil
}

// Entry and Body make the world an index.Source; it counts what is read of proposals.
func (w *world) Entry(feed protocol.FeedID, seq uint64) (protocol.Entry, error) {
	return w.ledger.Entry(feed, seq)
}

func (w *world) Body(e protocol.Entry) ([]byte, error) {
	if e.Kind() == protocol.KindProposal {
		w.mu.Lock()
		w.folded++
		w.mu.Unlock()
	}
	return w.ledger.Body(e)
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

// Follow, Newest, Limits, Limit and Erased make the world an index.Log.
func (w *world) Follow(ctx context.Context, from uint64, limit int) ([]index.Item, uint64, error) {
	changes, err := w.ledger.Follow(ctx, from, limit)
	if err != nil {
		return nil, 0, err
	}
	items := make([]index.Item, len(changes))
	for i, c := range changes {
		items[i] = index.Item{Entry: c.Entry, Seq: c.Local, What: index.What(c.What)}
	}
	return items, w.Newest(), nil
}

func (w *world) Newest() uint64 { return w.ledger.Stats().Next - 1 }

func (w *world) Limits() (out []index.Limit) {
	for feed := range w.owners {
		out = append(out, w.Limit(feed))
	}
	return out
}

func (w *world) Limit(feed protocol.FeedID) index.Limit {
	return index.Limit{Feed: feed, Member: w.owners[feed], Count: index.Unlimited}
}

func (w *world) Erased() []protocol.EntryID { return nil }

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
