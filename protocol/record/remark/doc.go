// Package remark owns what members' remarks about a record come to: who asks, adopted,
// endorsed, takes part, translated, answered a call, has acknowledged a notice and has
// not, and whether the secretariat has folded the record away. It is a pure function of
// the remarks that stand, the charter and a day: the same entries in any order give the
// same bytes on every node. It never reads a ledger or a clock, and refuses nothing: what
// its rules leave aside is listed with the reason.
//
// # Rules
//
// A remark says something once its body is here, is valid, and is not erased.
//
//   - One per member: adoption, endorsement, partnership, and translation into one
//     language. The last one rules: the one that no other of the same member supersedes,
//     by naming it in refs or by following it in one feed; of several, written at once on
//     nodes cut off from each other, the one with the larger (seq, CID), as for versions
//     of records.
//   - A recall takes back the own remark that it names, for good. Partnerships are left,
//     flags lifted and acknowledgements kept: a recall of those says nothing.
//   - Questions and replies have a rate: of what one member asks in one day of UTC, by
//     the claimed times of its entries, the first MaxQuestions count, wherever they were
//     asked, in order of (time, feed, seq); the rest is left aside. A feed's times never
//     fall, so nobody claims a day twice; and all days beyond the day after the view's own
//     are one day, so that claiming the future gains nothing. Who has been silent can claim
//     the days of its silence, and use up the rate of each: no clock can be asked about the
//     past. So about one record the first MaxAsked questions of one member count, whatever
//     days they claim.
//   - A partner is who the owner names in the project and who has joined by its own
//     signature. Named alone it is invited; joined alone it asks to take part.
//   - Offices count as of the act that the entry names in its header, while that act
//     stands on the line.
//   - A flag stands until it is lifted: by an entry of the secretariat that names it in refs, or by
//     an act that names the record and has a higher number than the flag's.
//   - An answer to a call is received when an acknowledgement of the call's owner names
//     it. It is late when the owner has closed the call and no acknowledgement up to the
//     closing one names it: what the owner knew decides, and no clock.
//   - A notice that needs an office and was written without it is shown as such. Of a
//     holder's urgent notices in one month of UTC, by their claimed times, the first
//     record.MaxUrgent are urgent.
package remark
