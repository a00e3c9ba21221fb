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
)

var kindNames = map[Kind]string{
	KindInception: "inception", KindStatement: "statement", KindDecision: "decision", KindAnswer: "answer",
	KindCertificate: "certificate", KindRound: "round", KindInvitation: "invitation", KindApplication: "application",
	KindForkEvidence: "fork_evidence", KindErasure: "erasure", KindNode: "node", KindErased: "erased", KindWithdraw: "withdraw",
	KindProfile: "profile", KindProject: "project", KindExperience: "experience", KindOffer: "offer",
	KindRequest: "request", KindNotice: "notice",
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

// IsRecord reports whether entries of this kind are records or revisions of records.
func (k Kind) IsRecord() bool { return k >= KindProfile && k <= KindNotice }

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
// are not: one of them may be part of what governs.
func (k Kind) IsErasable() bool { return k.IsRecord() || k == KindWithdraw || k == KindNode }
