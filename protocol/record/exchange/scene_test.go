package exchange

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// A scene is members with nodes that write entries, each into a feed of its own. What has arrived where is the test's:
// entries are values, and every test folds them in several orders and in parts.
type scene struct {
	t       testing.TB
	day     record.Day // claimed by what is written next
	all     []Entry
	removed []string
}

const (
	seoul = "kr-seoul"
	dakar = "sn-dakar"
	lyon  = "fr-lyon"
	bonn  = "de-bonn" // of the steering committee
)

var today = record.Day("2027-01-10")

type hand struct {
	s      *scene
	member string
	feed   protocol.FeedID
	seq    uint64
}

func newScene(t testing.TB) *scene { return &scene{t: t, day: today} }

// node is a node of a member: of several, each has its own feed.
func (s *scene) node(member string, no ...int) *hand {
	return &hand{s: s, member: member, feed: protocol.Sum([]byte(fmt.Sprint(member, no)))}
}

func (h *hand) write(of protocol.RecordID, body record.Record) Entry {
	h.s.t.Helper()
	if faults := record.Validate(body); len(faults) > 0 {
		h.s.t.Fatalf("%s: %v", body.Kind(), faults)
	}
	h.seq++
	day, err := time.Parse(time.DateOnly, string(h.s.day))
	if err != nil {
		h.s.t.Fatal(err)
	}
	raw, err := record.Encode(protocol.Salt{}, body)
	if err != nil {
		h.s.t.Fatal(err)
	}
	e := Entry{
		ID: protocol.Sum([]byte(fmt.Sprintf("%s %d %x", h.feed, h.seq, protocol.Sum(raw).Bytes()))), Feed: h.feed, Seq: h.seq, Kind: body.Kind(), Of: of,
		Time: day.UnixMilli() + int64(h.seq), Member: h.member, Standing: true, Mediator: h.member == bonn, Body: body,
	}
	if e.Kind == protocol.KindProposal {
		if e.Digest, err = record.Digest(raw); err != nil {
			h.s.t.Fatal(err)
		}
		e.Number = h.seq
	}
	h.s.all = append(h.s.all, e)
	return e
}

func en(s string) record.Text                 { return record.Text{"en": s} }
func based(k protocol.Kind) record.Base       { return record.Base{Type: k.String(), Lang: "en"} }
func pieces(n string) *record.Qty             { return &record.Qty{Value: n, Unit: "C62"} }
func ref(id protocol.CID) *protocol.CID       { return &id }
func listingOf(name string) protocol.RecordID { return protocol.Sum([]byte(name)) }
func clauseOf(no uint64, from, to, n string) record.Clause {
	return record.Clause{No: no, Provider: from, Receiver: to, Action: "transfer", What: en("Desks"), Quantity: pieces(n), Due: today.Plus(40)}
}

// terms is a gift of n desks from Seoul's offer to another member.
func terms(to, n string) *record.Proposal {
	c := clauseOf(1, seoul, to, n)
	c.Meets = []string{"offer"}
	return &record.Proposal{
		Base: based(protocol.KindProposal), Title: en("Desks"), Offer: ref(listingOf("offer")), Parties: []string{seoul, to}, Clauses: []record.Clause{c}, RespondBy: today.Plus(20),
	}
}

func (h *hand) propose(p *record.Proposal) Entry { return h.write(protocol.RecordID{}, p) }

func threadOf(e Entry) protocol.RecordID {
	if p := e.Body.(*record.Proposal); p.Thread != nil {
		return *p.Thread
	}
	return e.ID
}

// counter writes other terms in place of a proposal; amend, of an agreement.
func (h *hand) counter(e Entry, p *record.Proposal) Entry {
	q := *p
	q.Thread, q.Replaces, q.Amends = ref(threadOf(e)), ref(e.ID), nil
	return h.propose(&q)
}

func (h *hand) amend(e Entry, p *record.Proposal) Entry {
	q := *p
	q.Thread, q.Amends, q.Replaces = ref(threadOf(e)), ref(e.ID), nil
	return h.propose(&q)
}

func (h *hand) accept(p Entry) Entry {
	return h.write(threadOf(p), &record.Acceptance{Base: based(protocol.KindAcceptance), Proposal: ref(p.ID), Digest: p.Digest})
}

func (h *hand) confirm(p Entry, acceptances ...Entry) Entry {
	c := &record.Confirmation{Base: based(protocol.KindConfirmation), Proposal: ref(p.ID), Digest: p.Digest}
	for _, a := range acceptances {
		c.Acceptances = append(c.Acceptances, a.ID)
	}
	return h.write(threadOf(p), c)
}

func (h *hand) decline(p Entry) Entry {
	return h.write(threadOf(p), &record.Decline{Base: based(protocol.KindDecline), Proposal: ref(p.ID)})
}

func (h *hand) retract(of protocol.RecordID, e Entry) Entry {
	return h.write(of, &record.Retraction{Base: based(protocol.KindRetraction), Target: ref(e.ID)})
}

func (h *hand) report(of protocol.RecordID, no uint64, n string) Entry {
	return h.write(of, &record.Fulfilment{Base: based(protocol.KindFulfilment), Clause: no, Quantity: pieces(n), On: h.s.day})
}

func (h *hand) correct(of protocol.RecordID, e Entry, n string, less bool) Entry {
	no := e.Body.(*record.Fulfilment).Clause
	return h.write(of, &record.Fulfilment{Base: based(protocol.KindFulfilment), Clause: no, Quantity: pieces(n), On: h.s.day, Corrects: ref(e.ID), Less: less})
}

func (h *hand) cancel(of protocol.RecordID, clauses ...uint64) Entry {
	return h.write(of, &record.Cancellation{Base: based(protocol.KindCancellation), Reason: "funding", Clauses: clauses})
}

func (h *hand) complete(of protocol.RecordID) Entry {
	return h.write(of, &record.Completion{Base: based(protocol.KindCompletion)})
}

func (h *hand) dispute(of protocol.RecordID, no uint64) Entry {
	return h.write(of, &record.Dispute{Base: based(protocol.KindDispute), Clause: no, Text: en("Broken")})
}

func (h *hand) mediate(of protocol.RecordID, d Entry) Entry {
	return h.write(of, &record.Mediation{Base: based(protocol.KindMediation), Dispute: ref(d.ID), Closing: "continue", Text: en("Share it")})
}

func (h *hand) review(of protocol.RecordID, outcome string) Entry {
	return h.write(of, &record.Feedback{Base: based(protocol.KindFeedback), Outcome: outcome, WouldRepeat: true})
}

// agreed is an agreement on terms, with the proposal, its acceptance and confirmation.
func (s *scene) agreed(a, b *hand, p *record.Proposal) (proposal, acceptance, confirmation Entry) {
	proposal = a.propose(p)
	acceptance = b.accept(proposal)
	return proposal, acceptance, a.confirm(proposal, acceptance)
}

func (s *scene) view() View { return View{AsOf: s.day, Removed: s.removed} }

func encoded(t testing.TB, threads []Thread) []byte {
	t.Helper()
	raw, err := Encode(threads)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// fold is the state of the scene's one thread, the same in whatever order its entries come, with some of them twice.
func (s *scene) fold() Thread {
	s.t.Helper()
	threads := s.folds()
	if len(threads) != 1 {
		s.t.Fatalf("%d threads", len(threads))
	}
	return threads[0]
}

func (s *scene) folds() []Thread {
	s.t.Helper()
	want := Fold(s.all, s.view())
	bytesWant := encoded(s.t, want)
	r := rand.New(rand.NewPCG(uint64(len(s.all)), 7))
	entries := append([]Entry(nil), s.all...)
	for range 24 {
		r.Shuffle(len(entries), func(i, j int) { entries[i], entries[j] = entries[j], entries[i] })
		again := append(entries[:len(entries):len(entries)], entries[:r.IntN(len(entries))]...)
		if got := Fold(again, s.view()); !bytes.Equal(encoded(s.t, got), bytesWant) {
			s.t.Fatalf("another order gives another state:\n%+v\nand\n%+v", got, want)
		}
	}
	return want
}

// seen is the thread as a node sees it that has received these entries alone.
func (s *scene) seen(entries ...Entry) Thread {
	s.t.Helper()
	threads := Fold(entries, s.view())
	if len(threads) != 1 {
		s.t.Fatalf("%d threads seen", len(threads))
	}
	return threads[0]
}

func (s *scene) wantPhase(t Thread, want Phase) {
	s.t.Helper()
	if t.Phase != want {
		s.t.Errorf("the thread is %s, want %s: %+v", t.Phase, want, t)
	}
}

func wantVersion(t testing.TB, th Thread, e Entry, want Phase) {
	t.Helper()
	if v := th.Version(e.ID); v == nil || v.State != want {
		t.Errorf("the proposal is %+v, want %s", v, want)
	}
}

func offers(of Thread, deeds ...Deed) func(testing.TB, string) {
	return func(t testing.TB, member string) {
		t.Helper()
		have := map[Deed]bool{}
		for _, c := range of.Choices(Actor{Handle: member}) {
			have[c.Deed] = true
		}
		for _, d := range deeds {
			if !have[d] {
				t.Errorf("%s cannot %s: %v", member, d, have)
			}
			delete(have, d)
		}
		if len(have) > 0 {
			t.Errorf("%s can do more: %v", member, have)
		}
	}
}
