// Package charter owns who is a member, who holds which office and what was decided:
// a pure fold over governance entries, in which the same blocks in any order give the
// same State. It never reads a clock, never judges by what arrived first, and never
// looks at a block that the block judged does not name.
//
// # The act line
//
// Act 0 is the founding act. A Decision names the act before it and one certificate of
// that act; its body's CID is the id of the act it may become. The electors of the
// state before answer a Place (number, round, act before, who decides) with one
// decision or none of these; an Answer carries the root key's governing designation
// and the governing node's signature, so anybody may gather answers. A Certificate is
// a decision with enough approvals, and is final: it is judged on what it names alone,
// so nothing learnt later (a fork, a cut, a rotation, an erasure) unmakes it. Because a
// decision names a certificate and not only an act, certificates form chains, and a
// designation may not fall below the one its member used earlier on the chain named.
// A certificate with one approval that does not count is no certificate: partial
// counting would let two nodes disagree about what was approved.
//
// A Round of answers that leave no decision able to win opens the next round.
//
// # Contradictions
//
// Two certificates for different decisions after one act need somebody who answered
// one place twice, or approved and closed it. The line halts before them. The assembly
// resolves a halt in two ways: by an act of its own after the last act that stands,
// which overrules both sides; or by an act on top of one branch, whose approvers are
// enough full members of the state before the split, which accepts that branch with
// all its acts. The second is why a halt does not mean re-admitting every member.
// Contradicting acts of the assembly are resolved in a higher round, which a Round
// opens that names the two certificates. An assembly that has accepted both sides
// cannot act any more: a successor federation adopts the ledger.
//
// While the line is halted nobody is thrown out: a member that only one branch knows
// is Contested, and its feeds stand as that branch says. Otherwise one stolen key of an
// early elector could brick a large federation by certifying a rival of an old act.
//
// # The assembly's reach
//
// An act of the assembly may follow any act of the line, by the full members of that
// state; later acts of the electors are overruled. Nothing in a set of signed blocks
// tells when they were signed, so the keys of former full members could do the same
// years later, and a federation founded by one member would be in that one key's hand
// for ever. What the assembly has accepted is therefore out of its reach: an act of the
// assembly further along, whose approvers include the assembly of the earlier state,
// protects everything before it. A committee cannot fake this with puppets, because
// only full members of the earlier state count. Founding with several members, and an
// act of the assembly from time to time (a resolution is enough), keep old keys
// harmless; State.Overruled shows what was overruled.
//
// # Choices
//
//   - Founders count as members and electors from the founding act on, joined or not.
//     Otherwise the electorate would depend on which inceptions a node has seen. A
//     founder that never comes is removed by an act.
//   - Electors "steering" are the active members holding that office; a committee
//     with no active holder is replaced by all full members. Offices end by an act
//     only; terms are shown (Offices takes a day).
//   - A state that no act could follow is not reached: no full member, no elector, or
//     more approvals needed than protocol.MaxElectors makes the decision invalid. With
//     two thirds, 240 full members are the most. A closing carries all answers given,
//     so that an electorate of more than MaxElectors may be unable to close a round
//     that is split among many decisions; the assembly of such a federation works
//     best with a steering committee.
//   - A body with a field or a word that this node does not know is TooNew and says
//     nothing here, because half a decision must not be judged as if it were whole.
//   - A waiting time is kept by the days that approvals claim: the electors' rebinding
//     is announced on a day early enough before its end, and confirmed by approvals
//     of later days. An objection by the living root key is seen by electors, who
//     then do not approve (SignAnswer refuses); it does not unmake a certificate.
//   - After a rebinding the old root key's feeds go on, because a lost key can do no
//     harm, unless the act closes them (a stolen key), listing what stands.
//   - The last act that lists a feed rules over where it ends, and over root
//     statements. Of root statements the lowest end rules, unless they may lie on two
//     branches of a proven fork: then the feed is frozen until an act settles it.
//   - An application counts in the order of the inviter's own feed, so that one writer
//     decides who used an invitation first; an act that names the invitation is final.
//   - Governance bodies have no salt (see Body): they are never erased, and equal
//     content gets one id.
package charter
