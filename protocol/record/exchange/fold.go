package exchange

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// Entry is what the fold is told of one entry.
type Entry struct {
	// Of the header.
	ID     protocol.EntryID
	Feed   protocol.FeedID
	Seq    uint64
	Kind   protocol.Kind
	Of     protocol.RecordID // the first proposal of the thread; zero in proposals
	Number uint64            // short number; proposals only
	Time   int64             // claimed, Unix milliseconds; dates what is shown, orders nothing

	Member   string // handle of the writer
	Standing bool   // it lies below every cut, removal and fork
	Mediator bool   // the writer may mediate: it is of the steering committee or the secretariat

	Body   record.Record // nil: absent, erased or invalid
	Digest string        // of a proposal's body, see record.Digest
}

// View is what the same entries are seen with.
type View struct {
	AsOf    record.Day
	Removed []string // members that are removed from the federation
}

// Fold gives the state of every thread that the entries make up, by ascending id of the first proposal. Entries of other
// kinds, entries said twice, and entries about a thread whose first proposal is not among them change nothing. It keeps
// the bodies and never changes them; the slice is the caller's.
func Fold(entries []Entry, v View) []Thread {
	byThread := map[protocol.RecordID]*thread{}
	var order []*thread
	of := func(root protocol.RecordID) *thread {
		t := byThread[root]
		if t == nil {
			t = &thread{view: v}
			byThread[root], order = t, append(order, t)
		}
		return t
	}
	for i := range entries {
		e := &entries[i]
		if !e.Standing || e.Body == nil || !e.Kind.IsAgreement() {
			continue
		}
		if p, ok := e.Body.(*record.Proposal); ok {
			root := e.ID
			if p.Thread != nil {
				root = *p.Thread
			}
			t := of(root)
			if root == e.ID {
				t.root = e
			}
			t.proposals = append(t.proposals, e)
		} else if e.Of.Defined() {
			t := of(e.Of)
			t.answers = append(t.answers, e)
		}
	}
	out := make([]Thread, 0, len(order))
	for _, t := range order {
		if t.root != nil && slices.Contains(partiesOf(t.root), t.root.Member) {
			out = append(out, t.fold())
		}
	}
	slices.SortFunc(out, func(a, b Thread) int { return compareIDs(a.ID, b.ID) })
	return out
}

// Encode is the canonical encoding of states: nodes that agree give the same bytes.
func Encode(threads []Thread) ([]byte, error) { return protocol.Encode(threads) }

// thread is what is gathered of one thread while it is folded.
type thread struct {
	view      View
	root      *Entry
	parties   []string
	proposals []*Entry // versions, once sorted out
	answers   []*Entry // by parties and mediators, in order of writer, feed and seq

	versions []*version
	byID     map[protocol.EntryID]*version
	taken    map[protocol.EntryID][]*Entry // what retractions take back, by what they name
}

func partiesOf(e *Entry) []string { return e.Body.(*record.Proposal).Parties }

func compareIDs(a, b protocol.CID) int { return cmp.Compare(a.KeyString(), b.KeyString()) }

func (t *thread) fold() Thread {
	t.parties = partiesOf(t.root)
	t.sort()
	t.readVersions()
	ruling := t.rule()
	out := Thread{
		ID: t.root.ID, Number: t.root.Number, Proposer: t.root.Member, Parties: slices.Clone(t.parties), Began: record.DayOf(t.root.Time),
	}
	t.settleVersions(&out, ruling)
	t.settleAgreement(&out, ruling)
	return out
}

// sort leaves entries that count, each once, in an order that does not depend on how they came.
func (t *thread) sort() {
	byPlace := func(a, b *Entry) int {
		return cmp.Or(cmp.Compare(a.Member, b.Member), bytes.Compare(a.Feed.Bytes(), b.Feed.Bytes()), cmp.Compare(a.Seq, b.Seq), compareIDs(a.ID, b.ID))
	}
	same := func(a, b *Entry) bool { return a.ID == b.ID }
	slices.SortFunc(t.proposals, byPlace)
	t.proposals = slices.DeleteFunc(slices.CompactFunc(t.proposals, same), func(e *Entry) bool {
		return !slices.Contains(t.parties, e.Member) || !sameParties(partiesOf(e), t.parties)
	})
	if len(t.answers) > 1 {
		slices.SortFunc(t.answers, byPlace)
		t.answers = slices.CompactFunc(t.answers, same)
	}
	t.answers = slices.DeleteFunc(t.answers, func(e *Entry) bool {
		return !slices.Contains(t.parties, e.Member) && !(e.Kind == protocol.KindMediation && e.Mediator)
	})
	for _, e := range t.answers {
		if r, ok := e.Body.(*record.Retraction); ok {
			if t.taken == nil {
				t.taken = map[protocol.EntryID][]*Entry{}
			}
			t.taken[*r.Target] = append(t.taken[*r.Target], e)
		}
	}
}

// sameParties reports whether two lists name the same members, in any order.
func sameParties(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for _, p := range a {
		if !slices.Contains(b, p) {
			return false
		}
	}
	return true
}

// retraction is the member's word that takes an entry back; nil where there is none.
func (t *thread) retraction(of protocol.EntryID, member string) *Entry {
	for _, e := range t.taken[of] {
		if e.Member == member {
			return e
		}
	}
	return nil
}

func (t *thread) removed(member string) bool { return slices.Contains(t.view.Removed, member) }

// present are the parties that are not removed.
func (t *thread) present() []string {
	var out []string
	for _, p := range t.parties {
		if !t.removed(p) {
			out = append(out, p)
		}
	}
	return out
}
