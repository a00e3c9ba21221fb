package exchange

import (
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// Bounds lists the limits of agreements, which nodes must agree on. The slice is the caller's.
func Bounds() []protocol.Bound {
	b := protocol.NewBound
	return []protocol.Bound{
		b("MaxParties", record.MaxParties, "parties", "of an agreement: a confirmation names an acceptance of every other one, and its references fit a header", "the proposal says nothing"),
		b("MaxClauses", record.MaxClauses, "clauses", "of a proposal: what an office can oversee; more is another agreement", "the proposal says nothing"),
		b("MaxRespondDays", record.MaxRespondDays, "days", "to answer a proposal: nobody waits longer than a quarter of a year", "it lapses that long after its claimed time"),
		b("DifferenceDays", DifferenceDays, "days", "that two sides' reports may differ: a shipment is counted within a fortnight", "the clause is flagged; nothing ends"),
		b("FeedbackDays", FeedbackDays, "days", "that feedback of one party waits for the others'", "it is shown"),
	}
}
