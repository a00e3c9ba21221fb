package remark

import (
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// Bounds that nodes must agree on. Beyond: the remark stands in the ledger and is left
// aside, with the reason.
const (
	// MaxQuestions bounds the questions that one member asks in a day, all records
	// together: a city that reads every listing of the day asks about a few.
	MaxQuestions = 20

	// MaxAsked bounds the questions of one member about one record, all days together: days can
	// be claimed that have passed, so that a bound by days alone is none.
	MaxAsked = 50

	// MaxReplies bounds its replies: an owner answers more often than it asks.
	MaxReplies = 100

	// MaxSaid bounds the remarks of one kind that are read of one member about one record: a
	// project told of every week for nineteen years. Without it one member could have
	// everybody's node read a hundred thousand bodies to show another's record.
	MaxSaid = 1_000
)

// Bounds lists the limits that nodes must agree on when they read remarks. The slice is
// the caller's.
func Bounds() []protocol.Bound {
	b := protocol.NewBound
	return []protocol.Bound{
		b("MaxQuestions", MaxQuestions, "a day", "of one member, about all records together", "left aside; the own node refuses first"),
		b("MaxAsked", MaxAsked, "questions", "of one member about one record, all days together", "left aside; the own node refuses first"),
		b("MaxReplies", MaxReplies, "a day", "of one member, about all records together", "left aside; the own node refuses first"),
		b("MaxSaid", MaxSaid, "remarks", "of one kind, by one member about one record: a report every week for nineteen years", "its further ones, in order of its feeds, are not read: the same ones on every node"),
		b("MaxUrgent", record.MaxUrgent, "a month", "urgent notices of one office's holder: what cries every day is not heard", "not urgent to readers"),
	}
}
