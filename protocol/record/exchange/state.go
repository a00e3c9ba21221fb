package exchange

import (
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// Phase is where a thread stands. The values are an interface; append only.
type Phase string

// Phases of a thread. The first six are those of its proposals, while none is confirmed.
const (
	Proposed   Phase = "proposed"
	Accepted   Phase = "accepted" // by all; the proposal's writer has the last word
	Declined   Phase = "declined"
	Withdrawn  Phase = "withdrawn"
	Countered  Phase = "countered" // of a version only
	Lapsed     Phase = "lapsed"    // nobody answered in time
	InForce    Phase = "in_force"
	InProgress Phase = "in_progress"
	Disputed   Phase = "disputed"
	Completed  Phase = "completed"
	Cancelled  Phase = "cancelled"

	Confirmed Phase = "confirmed" // of a version only: it is the agreement, or was until amended
	Overtaken Phase = "overtaken" // of a version only: other terms hold
	Outranked Phase = "outranked" // of a version only: confirmed, and so was a rival that prevails
)

// Thread is the state of one thread. Lists are in an order that does not depend on how entries came.
type Thread struct {
	ID       protocol.RecordID `cbor:"id" json:"id"`
	Number   uint64            `cbor:"number,omitempty" json:"number,omitempty"`
	Proposer string            `cbor:"proposer" json:"proposer"`
	Parties  []string          `cbor:"parties" json:"parties"`
	Began    record.Day        `cbor:"began" json:"began"`
	Phase    Phase             `cbor:"phase" json:"phase"`
	Versions []Version         `cbor:"versions" json:"versions"`
	Ruling   protocol.EntryID  `cbor:"ruling,omitzero" json:"ruling,omitzero"` // the version that holds; zero while none is confirmed
	InForce  record.Day        `cbor:"in_force,omitempty" json:"in_force,omitempty"`
	Amended  int               `cbor:"amended,omitempty" json:"amended,omitempty"` // how often
	Clauses  []Clause          `cbor:"clauses,omitempty" json:"clauses,omitempty"`
	Asks     []string          `cbor:"asks,omitempty" json:"asks,omitempty"` // parties that took back their acceptance when it was confirmed already: they ask to cancel
	Done     []string          `cbor:"done,omitempty" json:"done,omitempty"` // parties that signed completion
	Cancels  []Cancel          `cbor:"cancels,omitempty" json:"cancels,omitempty"`
	Disputes []Dispute         `cbor:"disputes,omitempty" json:"disputes,omitempty"`
	Ended    record.Day        `cbor:"ended,omitempty" json:"ended,omitempty"`
	Feedback []Feedback        `cbor:"feedback,omitempty" json:"feedback,omitempty"`
	Pledges  []Pledge          `cbor:"pledges,omitempty" json:"pledges,omitempty"`
	Removed  []string          `cbor:"removed,omitempty" json:"removed,omitempty"` // parties that are no members any more

}

// Version is one proposal of a thread.
type Version struct {
	ID         protocol.EntryID  `cbor:"id" json:"id"`
	Number     uint64            `cbor:"number,omitempty" json:"number,omitempty"`
	Writer     string            `cbor:"writer" json:"writer"`
	State      Phase             `cbor:"state" json:"state"`
	Digest     string            `cbor:"digest" json:"digest"`
	On         record.Day        `cbor:"on" json:"on"`
	Answer     record.Day        `cbor:"answer" json:"answer"` // the last day to answer
	Replaces   protocol.EntryID  `cbor:"replaces,omitzero" json:"replaces,omitzero"`
	Amends     protocol.EntryID  `cbor:"amends,omitzero" json:"amends,omitzero"`
	Accepted   []Word            `cbor:"accepted,omitempty" json:"accepted,omitempty"` // acceptances not taken back
	Declined   []Word            `cbor:"declined,omitempty" json:"declined,omitempty"`
	Waiting    []string          `cbor:"waiting,omitempty" json:"waiting,omitempty"` // parties that have not answered
	Proposal   *record.Proposal  `cbor:"-" json:"-"`
	Confirming *protocol.EntryID `cbor:"confirmation,omitempty" json:"confirmation,omitempty"`
}

// Word is one party's entry.
type Word struct {
	Member string           `cbor:"member" json:"member"`
	Entry  protocol.EntryID `cbor:"entry" json:"entry"`
	On     record.Day       `cbor:"on" json:"on"`
}

// Clause is what became of one clause. Quantities are decimals in its own unit.
type Clause struct {
	No          uint64     `cbor:"no" json:"no"`
	State       string     `cbor:"state" json:"state"`
	Provider    string     `cbor:"provider" json:"provider"`
	Receiver    string     `cbor:"receiver" json:"receiver"`
	Promised    string     `cbor:"promised" json:"promised"`
	Unit        string     `cbor:"unit" json:"unit"`
	Given       string     `cbor:"given" json:"given"`       // as the provider reports
	Received    string     `cbor:"received" json:"received"` // as the receiver reports
	Counted     string     `cbor:"counted" json:"counted"`   // the smaller of both
	Last        record.Day `cbor:"last" json:"last"`         // day by which it should be done
	Reported    record.Day `cbor:"reported,omitempty" json:"reported,omitempty"`
	Cancellable bool       `cbor:"cancellable,omitempty" json:"cancellable,omitempty"` // by itself, because a side of it was removed
	Reports     []Report   `cbor:"reports,omitempty" json:"reports,omitempty"`
}

// Report is one report of fulfilment.
type Report struct {
	Entry    protocol.EntryID `cbor:"entry" json:"entry"`
	Member   string           `cbor:"member" json:"member"`
	Value    string           `cbor:"value" json:"value"`
	Unit     string           `cbor:"unit" json:"unit"`
	Less     bool             `cbor:"less,omitempty" json:"less,omitempty"`
	Corrects protocol.EntryID `cbor:"corrects,omitzero" json:"corrects,omitzero"`
	Counts   bool             `cbor:"counts" json:"counts"` // false: of another unit than the clause now has, or correcting nothing
	On       record.Day       `cbor:"on" json:"on"`
	Written  record.Day       `cbor:"written" json:"written"`
	Note     record.Text      `cbor:"-" json:"note,omitempty"`
}

// Cancel is one party's cancellation.
type Cancel struct {
	Word
	Reason  string      `cbor:"reason" json:"reason"`
	Clauses []uint64    `cbor:"clauses,omitempty" json:"clauses,omitempty"`
	Text    record.Text `cbor:"-" json:"text,omitempty"`
	Done    record.Text `cbor:"-" json:"done,omitempty"`
}

// Dispute is one party's dispute with what mediators said of it.
type Dispute struct {
	Word
	State      string      `cbor:"state" json:"state"`
	Clause     uint64      `cbor:"clause,omitempty" json:"clause,omitempty"`
	Text       record.Text `cbor:"-" json:"text,omitempty"`
	Mediations []Mediation `cbor:"mediations,omitempty" json:"mediations,omitempty"`
}

// Mediation is one mediator's word.
type Mediation struct {
	Word
	Closing string      `cbor:"closing" json:"closing"`
	Text    record.Text `cbor:"-" json:"text,omitempty"`
}

// Feedback is one party's word after the end. Body is nil while it is not shown.
type Feedback struct {
	Word
	State string           `cbor:"state" json:"state"`
	Late  bool             `cbor:"late,omitempty" json:"late,omitempty"` // written when the others' were already shown
	Body  *record.Feedback `cbor:"-" json:"body,omitempty"`
}
