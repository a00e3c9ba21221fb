package protocol

import (
	"errors"
	"strings"
)

// Reason is the closed set of things that can go wrong. Code branches on it: it
// chooses the gossip verdict, the HTTP status, the metric label and the sentence
// shown to people. The text of an Error is for developers only.
//
// Values travel (problem documents, join answers, metrics). Append only; never
// renumber and never reuse a value.
type Reason uint8

const (
	ReasonNone     Reason = 0 // no error
	ReasonInternal Reason = 1 // a fault of dure itself

	// What bytes can be.
	ReasonMalformed    Reason = 2 // not the shape the specification asks for
	ReasonNonCanonical Reason = 3 // right meaning, not the one canonical spelling
	ReasonTooLarge     Reason = 4 // beyond a limit of limits.go
	ReasonWrongVersion Reason = 5 // a protocol version this node does not speak
	ReasonBadSignature Reason = 6 // a signature that does not verify
	ReasonBadHash      Reason = 7 // bytes that do not hash to the CID they came under
	ReasonBrokenChain  Reason = 8 // an entry that cannot follow its predecessor

	// Who may say it.
	ReasonWrongFederation Reason = 9  // made for, or speaking for, another federation
	ReasonUnknownMember   Reason = 10 // the author is not known here (yet)
	ReasonNotMember       Reason = 11 // the author is removed or was never admitted
	ReasonNotGoverning    Reason = 12 // an answer from a node that is not the governing one
	ReasonNotOwner        Reason = 13 // only the owner changes a record
	ReasonNotElector      Reason = 14 // the member does not decide on this act
	ReasonForbidden       Reason = 15 // the caller lacks the right (token, host)

	// Where it stands.
	ReasonKnown     Reason = 16 // already held
	ReasonGap       Reason = 17 // its predecessor is not held yet
	ReasonFork      Reason = 18 // another entry stands at this place
	ReasonSetAside  Reason = 19 // beyond a cut, a removal or a proven fork
	ReasonStale     Reason = 20 // tabled on an act that is no longer the last
	ReasonInvalid   Reason = 21 // content with faults; see record.Faults
	ReasonNotFound  Reason = 22 // nothing here under that name
	ReasonWanted    Reason = 23 // known of, its bytes are still on the way
	ReasonErased    Reason = 24 // erased by its owner or by an act
	ReasonConflict  Reason = 25 // it changed meanwhile, or was already done otherwise
	ReasonAmbiguous Reason = 26 // a number or prefix that names several records

	// Invitations and joining.
	ReasonInvitationExpired  Reason = 27
	ReasonInvitationUsed     Reason = 28
	ReasonInvitationInvalid  Reason = 29
	ReasonInviterUnreachable Reason = 30
	ReasonHandleTaken        Reason = 31
	ReasonPendingApproval    Reason = 32
	ReasonWrongClock         Reason = 33

	// This machine.
	ReasonPortInUse      Reason = 34
	ReasonHomeUnwritable Reason = 35
	ReasonHomeLocked     Reason = 36 // another process runs on this home
	ReasonNoHome         Reason = 37 // nothing set up here
	ReasonHomeExists     Reason = 38 // something is set up here already
	ReasonNotRunning     Reason = 39 // the node's local address does not answer
	ReasonWrongWords     Reason = 40 // recovery words that do not make this key
	ReasonConfig         Reason = 41 // a setting that cannot be used
	ReasonUsage          Reason = 42 // a command line or request that cannot be understood

	// Condition of the node.
	ReasonRecovering   Reason = 43
	ReasonReadOnly     Reason = 44 // no space left for writing
	ReasonDamaged      Reason = 45 // bytes on this disk are not what was written
	ReasonJoining      Reason = 46
	ReasonBusy         Reason = 47 // a bound was reached; try again
	ReasonUnreachable  Reason = 48 // another node does not answer
	ReasonCanceled     Reason = 49
	ReasonTooNew       Reason = 50 // written by a newer version of dure
	ReasonNotFederated Reason = 51 // this home has not founded or joined a federation
	ReasonFederated    Reason = 52 // this home already belongs to a federation
	ReasonTooOld       Reason = 53 // written by an older version of dure, and to be migrated first
)

var reasonNames = [...]string{
	"none", "internal", "malformed", "non_canonical", "too_large", "wrong_version", "bad_signature", "bad_hash",
	"broken_chain", "wrong_federation", "unknown_member", "not_member", "not_governing", "not_owner", "not_elector",
	"forbidden", "known", "gap", "fork", "set_aside", "stale", "invalid", "not_found", "wanted", "erased", "conflict",
	"ambiguous", "invitation_expired", "invitation_used", "invitation_invalid", "inviter_unreachable", "handle_taken",
	"pending_approval", "wrong_clock", "port_in_use", "home_unwritable", "home_locked", "no_home", "home_exists",
	"not_running", "wrong_words", "config", "usage", "recovering", "read_only", "damaged", "joining", "busy",
	"unreachable", "canceled", "too_new", "not_federated", "federated",
	"too_old",
}

// Reasons lists every reason, in order of number. The slice is the caller's.
func Reasons() []Reason {
	all := make([]Reason, len(reasonNames))
	for i := range all {
		all[i] = Reason(i)
	}
	return all
}

// String is the stable code of the reason, as it stands in problem documents and metrics.
func (r Reason) String() string {
	if int(r) < len(reasonNames) {
		return reasonNames[r]
	}
	return "internal"
}

// ParseReason is the inverse of String; unknown codes are ReasonInternal.
func ParseReason(code string) Reason {
	for i, name := range reasonNames {
		if name == code {
			return Reason(i)
		}
	}
	return ReasonInternal
}

// Verdict is what a gossip validator answers about a message.
type Verdict uint8

const (
	Accept Verdict = iota // pass it on
	Ignore                // do not pass it on; nobody is to blame
	Reject                // do not pass it on; the forwarder misbehaved
)

func (v Verdict) String() string {
	switch v {
	case Accept:
		return "accept"
	case Ignore:
		return "ignore"
	}
	return "reject"
}

// Verdict says what a gossip validator answers for an error of this reason. Only
// what proves that the forwarder did not check is a Reject: an honest node never
// forwards bytes that fail form, hash, signature or federation.
func (r Reason) Verdict() Verdict {
	switch r {
	case ReasonNone:
		return Accept
	case ReasonMalformed, ReasonNonCanonical, ReasonTooLarge, ReasonBadSignature, ReasonBadHash, ReasonWrongFederation:
		return Reject
	}
	return Ignore
}

// Error is the one error type of dure. Err and Op are for developers; Reason is for
// code; Args fill the sentence that node/phrase keeps for the reason.
type Error struct {
	Reason Reason
	Op     string            // what was being done: "decode entry"
	ID     string            // what it was done to, if it has a name
	Field  string            // field path, for bad input
	Hint   string            // what to do next, for developers; people get the catalogue's
	Args   map[string]string // values for the catalogue's sentence; never secrets
	Err    error
}

func (e *Error) Error() string {
	var b strings.Builder
	if e.Op != "" {
		b.WriteString(e.Op + ": ")
	}
	b.WriteString(strings.ReplaceAll(e.Reason.String(), "_", " "))
	if e.ID != "" {
		b.WriteString(" " + e.ID)
	}
	if e.Field != "" {
		b.WriteString(" at " + e.Field)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// Is makes errors.Is(err, &Error{Reason: r}) true for every error of reason r.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Op == "" && t.Err == nil && t.Reason == e.Reason
}

// Fail builds an Error. err may be nil.
func Fail(r Reason, op string, err error) *Error { return &Error{Reason: r, Op: op, Err: err} }

// ReasonOf is the reason of the outermost Error in err's chain: ReasonNone for nil,
// ReasonInternal where there is no Error at all.
func ReasonOf(err error) Reason {
	if err == nil {
		return ReasonNone
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return ReasonInternal
}
