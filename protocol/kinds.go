package protocol

// Kind says what an entry is about, in its header, so that a node can order, count
// and list entries whose bodies are missing or erased.
//
// Kinds travel. Append only; never renumber and never reuse a number. An entry of a
// kind not listed here stands, is kept and relayed, and says nothing to this node.
type Kind uint64

const (
	KindInception    Kind = 0  // a feed begins; says everything in the header
	KindStatement    Kind = 1  // carries a root statement (Statement)
	KindDecision     Kind = 2  // tables a decision
	KindAnswer       Kind = 3  // an elector's answer to (n, round)
	KindCertificate  Kind = 4  // a decision with the approvals that make it an act
	KindRound        Kind = 5  // the answers that close a round without a winner
	KindInvitation   Kind = 6  // the public half of an invitation
	KindApplication  Kind = 7  // an applicant's signed application
	KindForkEvidence Kind = 8  // two runs from one predecessor
	KindErasure      Kind = 9  // erases a body
	KindNode         Kind = 10 // where a node can be reached
	KindErased       Kind = 11 // a node's word that bodies' bytes are gone from its disk

	KindWithdraw   Kind = 15 // withdraws a record
	KindProfile    Kind = 16
	KindProject    Kind = 17
	KindExperience Kind = 18
	KindOffer      Kind = 19
	KindRequest    Kind = 20
	KindNotice     Kind = 21

	// An agreement: its proposals are records of their own, the others speak of its first proposal ("of").
	KindProposal     Kind = 22
	KindAcceptance   Kind = 23
	KindConfirmation Kind = 24 // the last word of forming an agreement
	KindDecline      Kind = 25
	KindRetraction   Kind = 26 // takes back an own proposal, acceptance or dispute
	KindFulfilment   Kind = 27
	KindCancellation Kind = 28
	KindDispute      Kind = 29
	KindMediation    Kind = 30
	KindCompletion   Kind = 31
	KindFeedback     Kind = 32

	// What members say about one another's records, "of" being the record. Only
	// KindCollection is a record itself.
	KindQuestion        Kind = 40
	KindReply           Kind = 41
	KindTranslation     Kind = 42
	KindAdoption        Kind = 43
	KindEndorsement     Kind = 44
	KindPartnership     Kind = 45
	KindUpdate          Kind = 46
	KindCollection      Kind = 47
	KindAcknowledgement Kind = 48
	KindFlag            Kind = 49
	KindSubmission      Kind = 50 // an answer to a call
	KindRecall          Kind = 51 // takes back an own remark
	KindRecipient       Kind = 60 // under which key the writing node is written to privately
	KindSealed          Kind = 61 // a body that named members alone can read
	KindRewrap          Kind = 62 // content keys of such bodies, for a node that came later
)

var kindNames = map[Kind]string{
	KindInception: "inception", KindStatement: "statement", KindDecision: "decision", KindAnswer: "answer",
	KindCertificate: "certificate", KindRound: "round", KindInvitation: "invitation", KindApplication: "application",
	KindForkEvidence: "fork_evidence", KindErasure: "erasure", KindNode: "node", KindErased: "erased", KindWithdraw: "withdraw",
	KindProfile: "profile", KindProject: "project", KindExperience: "experience", KindOffer: "offer",
	KindRequest: "request", KindNotice: "notice",
	KindProposal: "proposal", KindAcceptance: "acceptance", KindConfirmation: "confirmation", KindDecline: "decline", KindRetraction: "retraction",
	KindFulfilment: "fulfilment", KindCancellation: "cancellation", KindDispute: "dispute", KindMediation: "mediation",
	KindCompletion: "completion", KindFeedback: "feedback",

	KindQuestion: "question", KindReply: "reply", KindTranslation: "translation", KindAdoption: "adoption",
	KindEndorsement: "endorsement", KindPartnership: "partnership", KindUpdate: "update", KindCollection: "collection",
	KindAcknowledgement: "acknowledgement", KindFlag: "flag", KindSubmission: "submission", KindRecall: "recall",
	KindRecipient: "recipient", KindSealed: "sealed", KindRewrap: "rewrap",
}

// String is the stable name of the kind; "unknown" for kinds of newer nodes.
func (k Kind) String() string {
	if name, ok := kindNames[k]; ok {
		return name
	}
	return "unknown"
}

// ParseKind is the inverse of String.
func ParseKind(name string) (Kind, bool) {
	for k, n := range kindNames {
		if n == name {
			return k, true
		}
	}
	return 0, false
}

// IsRecord reports whether entries of this kind are records or revisions of records. A
// proposal is a record that nobody revises.
func (k Kind) IsRecord() bool { return k >= KindProfile && k <= KindProposal || k == KindCollection }

// IsAgreement reports whether the kind forms, keeps or ends an agreement.
func (k Kind) IsAgreement() bool { return k >= KindProposal && k <= KindFeedback }

// IsRemark reports whether entries of this kind say something about a record, the
// writer's own or another member's, and change none.
func (k Kind) IsRemark() bool { return k >= KindQuestion && k <= KindRecall && k != KindCollection }

// IsGovernance reports whether the kind feeds the charter fold. Such bodies are
// fetched before others and cannot be erased.
func (k Kind) IsGovernance() bool {
	switch k {
	case KindInception, KindStatement, KindDecision, KindAnswer, KindCertificate, KindRound,
		KindInvitation, KindApplication, KindForkEvidence, KindErasure:
		return true
	}
	return false
}

// IsErasable reports whether a body of this kind may be erased. Kinds of newer nodes
// are not: one of them may be part of what governs. What forms or ends an agreement is
// not either: each party relies on the other's word.
func (k Kind) IsErasable() bool {
	switch k {
	case KindProposal:
		return false
	case KindWithdraw, KindNode, KindFeedback, KindSealed, KindRewrap:
		return true
	}
	return k.IsRecord() || k.IsRemark()
}
