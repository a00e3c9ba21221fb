package charter

import (
	"bytes"
	"errors"

	"github.com/dure-net/dure/protocol"
)

// tagAnswer is the domain of an answer's signature, see protocol.SignedBytes.
const tagAnswer = "dure/answer/1\x00"

// Place is what is answered: which act, in which round, after which act, by whom.
// An elector answers a place once.
type Place struct {
	Number uint64
	Round  uint64
	Prev   protocol.ActID
	By     By
}

// Answer is one elector's answer to a place: one decision, or none of these. It is
// the body of a KindAnswer entry and stands on its own signatures, so that anybody
// may carry and gather it. The root key says, in the designation, which node governs;
// the node's key signs the answer.
type Answer struct {
	Number   uint64          `cbor:"n"`
	Round    uint64          `cbor:"round,omitzero"`
	Prev     protocol.ActID  `cbor:"prev"`
	By       By              `cbor:"by"`
	Decision protocol.BodyID `cbor:"dec,omitzero"` // absent: none of these
	Approval
}

// Approval is the part of an answer that a certificate does not say already.
type Approval struct {
	Root        protocol.PublicKey `cbor:"root"` // the member
	Node        protocol.PublicKey `cbor:"node"` // its governing node
	Designation uint64             `cbor:"num"`  // number of the governing designation
	Designated  protocol.Signature `cbor:"gov"`  // the root key's signature of that designation
	Day         string             `cbor:"day"`  // claimed; ends waiting times
	Signature   protocol.Signature `cbor:"sig"`  // the governing node's, over tag ‖ federation ‖ the answer without it
}

// Place is what the answer answers.
func (a Answer) Place() Place { return Place{a.Number, a.Round, a.Prev, a.By} }

// Statement is the governing designation that the approval rests on.
func (a Approval) Statement(federation protocol.FederationID) protocol.Statement {
	return protocol.Statement{Federation: federation, Purpose: protocol.PurposeGovern, Root: a.Root, Node: a.Node,
		Number: a.Designation, Signature: a.Designated}
}

// answered is the answer that an approval of a decision at a place was signed as.
func (a Approval) answered(p Place, decision protocol.BodyID) Answer {
	return Answer{Number: p.Number, Round: p.Round, Prev: p.Prev, By: p.By, Decision: decision, Approval: a}
}

// sign fills in the governing node's signature.
func (a Answer) sign(federation protocol.FederationID, node protocol.PrivateKey) (Answer, error) {
	msg, err := a.signed(federation)
	if err != nil {
		return Answer{}, err
	}
	a.Signature = node.Sign(msg)
	return a, nil
}

func (a Answer) signed(federation protocol.FederationID) ([]byte, error) {
	return protocol.SignedBytes(tagAnswer, federation, struct {
		Number      uint64             `cbor:"n"`
		Round       uint64             `cbor:"round,omitzero"`
		Prev        protocol.ActID     `cbor:"prev"`
		By          By                 `cbor:"by"`
		Decision    protocol.BodyID    `cbor:"dec,omitzero"`
		Root        protocol.PublicKey `cbor:"root"`
		Node        protocol.PublicKey `cbor:"node"`
		Designation uint64             `cbor:"num"`
		Designated  protocol.Signature `cbor:"gov"`
		Day         string             `cbor:"day"`
	}{a.Number, a.Round, a.Prev, a.By, a.Decision, a.Root, a.Node, a.Designation, a.Designated, a.Day})
}

// verifyOwn checks the governing node's signature alone.
func (a Answer) verifyOwn(federation protocol.FederationID) error {
	msg, err := a.signed(federation)
	if err != nil {
		return err
	}
	if !a.Node.Verify(msg, a.Signature) {
		return protocol.Fail(protocol.ReasonBadSignature, "verify answer", nil)
	}
	return nil
}

func (a Answer) check() error {
	if a.Number == 0 || a.Prev.IsZero() || !a.By.valid() {
		return malformed("n", "an answer says which act, after which, by whom")
	}
	return a.Approval.check()
}

func (a Approval) check() error {
	switch {
	case a.Root.IsZero() || a.Node.IsZero() || a.Designation == 0:
		return malformed("root", "an answer names the member, its governing node and the designation")
	case !isDay(a.Day):
		return malformed("day", "want a day as YYYY-MM-DD")
	}
	return nil
}

// DecodeAnswer reads an answer's body; see DecodeDecision. Its signatures are the fold's to check.
func DecodeAnswer(body []byte) (Answer, error) { return open(body, Answer.check) }

// Certificate makes a decision an act: the body of a KindCertificate entry. It is
// judged only on what it names: its decision, through it the act and certificate
// before, and for a later round the closing of the one before.
type Certificate struct {
	Decision  protocol.BodyID `cbor:"dec"`
	Round     uint64          `cbor:"round,omitzero"`
	Closing   protocol.BodyID `cbor:"closing,omitzero"` // the Round that opened this round; absent in round 0
	Approvals []Approval      `cbor:"approvals"`        // in order of root keys, at most protocol.MaxElectors
}

func (c Certificate) check() error {
	if c.Decision.IsZero() || (c.Round == 0) != c.Closing.IsZero() {
		return malformed("dec", "a certificate names its decision and, from round 1, the closing of the round before")
	}
	if len(c.Approvals) == 0 || len(c.Approvals) > protocol.MaxElectors {
		return &protocol.Error{Reason: protocol.ReasonTooLarge, Op: "check certificate", Field: "approvals"}
	}
	for i, a := range c.Approvals {
		if err := a.check(); err != nil {
			return err
		}
		if i > 0 && bytes.Compare(c.Approvals[i-1].Root[:], a.Root[:]) >= 0 {
			return malformed("approvals", "each member once, in order of root keys")
		}
	}
	return nil
}

// DecodeCertificate reads a certificate's body; see DecodeDecision.
func DecodeCertificate(body []byte) (Certificate, error) { return open(body, Certificate.check) }

// Choice is an answer inside a Round.
type Choice struct {
	Decision protocol.BodyID `cbor:"dec,omitzero"`
	Approval
}

// Round closes a round and opens the next: the body of a KindRound entry. Either it
// carries answers that leave no decision able to win, or, for the assembly, it names
// two certificates of the round that contradict each other.
type Round struct {
	Number   uint64            `cbor:"n"`
	Round    uint64            `cbor:"round,omitzero"` // the round that is closed
	Prev     protocol.ActID    `cbor:"prev"`
	Cert     protocol.BodyID   `cbor:"cert,omitzero"` // a certificate of Prev; absent for number 1
	By       By                `cbor:"by"`
	Closing  protocol.BodyID   `cbor:"closing,omitzero"`   // the Round that opened this round; absent in round 0
	Answers  []Choice          `cbor:"answers,omitempty"`  // in order of root keys
	Conflict []protocol.BodyID `cbor:"conflict,omitempty"` // two certificates in order of their ids
}

// Place is what the round's answers answer.
func (r Round) Place() Place { return Place{r.Number, r.Round, r.Prev, r.By} }

func (r Round) check() error {
	switch {
	case r.Number == 0 || r.Prev.IsZero() || !r.By.valid() || (r.Number == 1) != r.Cert.IsZero() || (r.Round == 0) != r.Closing.IsZero():
		return malformed("n", "a closing names the act before with its certificate and, from round 1, the closing before")
	case (len(r.Answers) > 0) == (len(r.Conflict) > 0):
		return malformed("answers", "either answers or two certificates")
	case len(r.Answers) > protocol.MaxElectors:
		return &protocol.Error{Reason: protocol.ReasonTooLarge, Op: "check round", Field: "answers"}
	}
	if len(r.Conflict) > 0 && (r.By != ByAssembly || len(r.Conflict) != 2 || r.Conflict[0].KeyString() >= r.Conflict[1].KeyString()) {
		return malformed("conflict", "two certificates of the assembly, in order")
	}
	for _, c := range r.Conflict {
		if c.IsZero() {
			return malformed("conflict", "missing")
		}
	}
	for i, a := range r.Answers {
		if err := a.check(); err != nil {
			return err
		}
		if i > 0 && bytes.Compare(r.Answers[i-1].Root[:], a.Root[:]) >= 0 {
			return malformed("answers", "each member once, in order of root keys")
		}
	}
	return nil
}

// DecodeRound reads a round's body; see DecodeDecision.
func DecodeRound(body []byte) (Round, error) { return open(body, Round.check) }

// DecodeStatement reads the body of a KindStatement entry and verifies it; another
// federation's is ReasonWrongFederation.
func DecodeStatement(federation protocol.FederationID, body []byte) (protocol.Statement, error) {
	s, err := open(body, func(protocol.Statement) error { return nil })
	if err != nil {
		return protocol.Statement{}, err
	}
	if s.Federation != federation {
		return protocol.Statement{}, protocol.Fail(protocol.ReasonWrongFederation, "read root statement", errors.New("said in another federation"))
	}
	return s, s.Verify()
}
