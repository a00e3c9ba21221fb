// Package exchange owns what one member can see and do of agreements on its node: it gathers the entries of a thread from
// the index and the ledger, has them folded, says what waits for the member, and signs for it. It never decides what an
// entry means (protocol/record/exchange does), never writes but through the one door of the node, and keeps nothing that
// cannot be gathered again.
//
// What the member signs is signed under one lock: this node never promises more of a listing than is left. Two nodes of
// one member that are cut off from each other can, and then the fold shows it.
package exchange

import (
	"context"
	"sync"
	"time"

	"github.com/dure-net/dure/node/index"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
	"github.com/dure-net/dure/protocol/record"
	"github.com/dure-net/dure/protocol/record/exchange"
)

// Config is what a Desk is made from. All of it is needed.
type Config struct {
	Self   string // handle of the member
	Index  *index.Index
	Source index.Source
	Now    func() time.Time

	// Find is the entry of an id, wherever it stands.
	Find func(protocol.EntryID) (protocol.Entry, error)

	// Await waits, for a moment, until the index holds what happened here up to a local number, and reports whether it
	// does. Newest is the last number; Changes tells which entries something happened to after a number, as far as it
	// goes in one call.
	Await   func(ctx context.Context, local uint64) bool
	Newest  func() uint64
	Changes func(after uint64) (entries []protocol.Entry, upto uint64, err error)

	// Charter is the charter as it stands.
	Charter func() charter.State
	// Gone reports whether an erasure stands over the body of an entry.
	Gone func(protocol.Entry) bool
	// Publish writes an entry of this member.
	Publish func(context.Context, Entry) (Written, error)
	// Resolve finds the record that a text names by short number, CID or prefix.
	Resolve func(name string) (protocol.RecordID, bool)
	// Language is the language that a text by language was written in.
	Language func(text map[string]string) string
}

// Entry is an entry to be written. Refs begin with what it answers.
type Entry struct {
	Kind     protocol.Kind
	Of       protocol.RecordID
	Refs     []protocol.CID
	Content  any
	Numbered bool
}

// Written is an entry that was written.
type Written struct {
	Entry   protocol.EntryID
	Feed    protocol.FeedID
	FeedSeq uint64
	Seq     uint64 // local number
}

// Desk answers for one member. Its methods are safe for concurrent use; they read the disk, and never wait for the network.
type Desk struct {
	cfg Config

	signing sync.Mutex // held from judging what the member may sign until it is written

	reading sync.Mutex           // guards what follows, from bringing it up to date until it is read; taken after signing
	books   map[record.Day]*book // bounded by maxBooks
	seen    uint64               // local number up to which changes are in the books
	asked   uint64               // questions so far

	mu       sync.Mutex                             // guards all below; taken last
	known    map[protocol.EntryID]protocol.RecordID // proposals read so far, and their threads
	upset    bool                                   // what stands has changed: nothing folded before counts
	listings map[protocol.EntryID]terms             // versions of listings read so far; bounded by maxListings
}

// New makes a desk.
func New(c Config) *Desk {
	return &Desk{cfg: c, books: map[record.Day]*book{}, known: map[protocol.EntryID]protocol.RecordID{}, listings: map[protocol.EntryID]terms{}}
}

// Today is the day of this machine's clock, which screens show things on. It decides nothing.
func (d *Desk) Today() record.Day { return record.Day(d.cfg.Now().Format(time.DateOnly)) }

// Actor is a member as threads know it.
func (d *Desk) Actor(member string) exchange.Actor {
	return exchange.Actor{Handle: member, Mediator: d.mediators()[member]}
}

// mediators are the members that may mediate: the steering committee and the secretariat, while they are members.
func (d *Desk) mediators() map[string]bool {
	out := map[string]bool{}
	s := d.cfg.Charter()
	for _, o := range s.Offices(string(d.Today())) {
		if o.Office == protocol.OfficeSteering || o.Office == protocol.OfficeSecretariat {
			if m, ok := s.Member(o.Member); ok && m.Status != charter.StatusRemoved {
				out[o.Member] = true
			}
		}
	}
	return out
}

func (d *Desk) removed(parties []string) []string {
	var out []string
	s := d.cfg.Charter()
	for _, p := range parties {
		if m, ok := s.Member(p); !ok || m.Status == charter.StatusRemoved {
			out = append(out, p)
		}
	}
	return out
}
