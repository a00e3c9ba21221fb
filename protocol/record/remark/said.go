package remark

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// Said is one remark that stands, as the ledger has it.
type Said struct {
	Entry  protocol.EntryID
	Feed   protocol.FeedID
	Seq    uint64 // in the feed
	Member string // handle of the writer
	Kind   protocol.Kind
	Time   int64 // claimed, Unix milliseconds
	Act    protocol.ActRef
	Of     protocol.RecordID
	Refs   []protocol.CID
	Body   record.Record // nil where it is not here, erased, or not valid
}

// Subject is the record that the remarks are about.
type Subject struct {
	Record  protocol.RecordID
	Kind    protocol.Kind
	Owner   string
	Current protocol.EntryID // the current version's entry
	Time    int64            // claimed by it
	Act     protocol.ActRef  // named by it
	Body    record.Record    // nil where it is not here, erased, or not valid

	// Versions holds the bodies of versions that translations and updates name, as far as
	// they are here.
	Versions map[protocol.EntryID]record.Record

	// Notices are the owner's urgent notices of the month, this one among them; only for
	// an urgent notice. See Urgent.
	Notices []Urgent
}

// Urgent is a notice that its owner calls urgent: the first version of it that does.
type Urgent struct {
	Record protocol.RecordID
	Time   int64
}

// Member is who a notice can be meant for: a member that is neither suspended nor removed.
type Member struct {
	Handle  string
	Country string
	College string // a code of the list colleges; "" where its profile says no stakeholder
	Full    bool   // it votes
}

// Charter is what the fold asks of the charter. Both functions must answer the same for
// the same arguments.
type Charter struct {
	Members []Member

	// Holds reports whether a member held an office as of an act.
	Holds func(at protocol.ActRef, office protocol.Office, member string) bool

	// Lifts lists the numbers of the acts that lift flags of the subject.
	Lifts []uint64
}

func (c Charter) holdsAny(at protocol.ActRef, offices []protocol.Office, member string) bool {
	return slices.ContainsFunc(offices, func(o protocol.Office) bool { return c.Holds(at, o, member) })
}

// earlier is the order in which remarks are shown and in which a rate is used up. It is
// the same on every node and says nothing about what came first.
func earlier(a, b Said) int {
	return cmp.Or(cmp.Compare(a.Time, b.Time), compareCID(a.Feed, b.Feed), cmp.Compare(a.Seq, b.Seq), compareCID(a.Entry, b.Entry))
}

func compareCID(a, b protocol.CID) int { return bytes.Compare(a.Bytes(), b.Bytes()) }

// first is what a remark answers or builds on.
func (s Said) first() protocol.CID {
	if len(s.Refs) == 0 {
		return protocol.CID{}
	}
	return s.Refs[0]
}

// heads are the remarks that no other one of the list supersedes, at most one of a feed.
// The work is linear: one member may have written very many.
func heads(list []Said) []Said {
	last, named := map[protocol.FeedID]Said{}, map[protocol.EntryID]bool{}
	for _, s := range list {
		if h, ok := last[s.Feed]; !ok || s.Seq > h.Seq {
			last[s.Feed] = s
		}
		for _, id := range s.Refs {
			named[id] = true
		}
	}
	var out []Said
	for _, s := range last {
		if !named[s.Entry] {
			out = append(out, s)
		}
	}
	return out
}

// latest is the remark that rules among those of one member that supersede one another.
// The list is not empty.
func latest(list []Said) Said {
	return slices.MaxFunc(heads(list), func(a, b Said) int { return cmp.Or(cmp.Compare(a.Seq, b.Seq), compareCID(a.Entry, b.Entry)) })
}

// Supersedes lists what a member's next remark of a kind about a record names in refs, so
// that it rules over what the member said before: into one language, for translations. The
// slice is the caller's.
func Supersedes(said []Said, about protocol.RecordID, member string, kind protocol.Kind, lang string) []protocol.EntryID {
	var own []Said
	for _, s := range said {
		if t, ok := s.Body.(*record.Translation); ok && t.Lang != lang {
			continue
		}
		if s.Of == about && s.Member == member && s.Kind == kind {
			own = append(own, s)
		}
	}
	list := heads(own)
	slices.SortFunc(list, earlier)
	var out []protocol.EntryID
	for _, s := range list {
		out = append(out, s.Entry)
	}
	return out
}
