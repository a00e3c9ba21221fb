package protocol

import "errors"

// Frames of the join stream, the one that outsiders may use. One request, one answer.

// JoinRequest either applies (Application) or presents the inception of a node whose
// root key the federation knows (Inception, and the statement that designates it).
// A repeated application asks how it stands.
type JoinRequest struct {
	Federation  FederationID `cbor:"fed"`
	Time        int64        `cbor:"time"` // the applicant's clock, Unix milliseconds
	Application *Application `cbor:"apply,omitempty"`
	Inception   []byte       `cbor:"init,omitempty"`
	Follow      [][]byte     `cbor:"follow,omitempty"` // messages (EncodeMessage) that follow the inception in its feed, at most MaxFollow
}

// MaxFollow bounds JoinRequest.Follow: an inception is followed by the designation of
// the governing node and the node's addresses.
const MaxFollow = 4

// JoinState is how an applicant stands. Append only.
type JoinState uint64

const (
	JoinRefused  JoinState = 0
	JoinPending  JoinState = 1 // the application is on the ledger and waits for the electors
	JoinAdmitted JoinState = 2 // the root key belongs to a member; present an inception
	JoinWelcome  JoinState = 3 // the node is one of the federation's
)

// JoinAnswer is the answer. The founding act is given only to those who proved an
// invitation or a member's root key.
type JoinAnswer struct {
	State    JoinState         `cbor:"state"`
	Reason   string            `cbor:"reason,omitempty"` // Reason.String() of a refusal
	Args     map[string]string `cbor:"args,omitempty"`
	Time     int64             `cbor:"time"` // the answering node's clock, Unix milliseconds
	Founding []byte            `cbor:"founding,omitempty"`
	Peers    []PeerAddress     `cbor:"peers,omitempty"` // with JoinWelcome: where other nodes are

	// Member is, with JoinWelcome, the member that the node belongs to, as the answering
	// node knows it: a new machine that has nothing but the root key learns who it is. The
	// ledger, once it is here, has the last word.
	Member *MemberFacts `cbor:"member,omitempty"`
	// Designation is the number of the member's last governing designation that the
	// answering node knows, 0 if there is none: a further node does not designate itself.
	Designation uint64 `cbor:"num,omitzero"`

	// Removal is, with ReasonNotMember, the act that removed the member: for a node that
	// showed that the member's root key had added it, and for nobody else.
	Removal *Removal `cbor:"removal,omitempty"`
}

// Removal is the act that removed a member, as its node is told when it is not let in any
// more: such a node hears nothing else. Without the bodies the number is a mere word.
type Removal struct {
	Number      uint64 `cbor:"n"`
	Decision    []byte `cbor:"decision,omitempty"` // the bodies, at most MaxBodyBytes each
	Certificate []byte `cbor:"cert,omitempty"`
}

func (r *Removal) bounds() error {
	if r.Number == 0 || r.Number > MaxNumber {
		return &Error{Reason: ReasonTooLarge, Op: "check bounds", Field: "n"}
	}
	return errors.Join(within("decision", len(r.Decision), MaxBodyBytes), within("cert", len(r.Certificate), MaxBodyBytes))
}

func (r *JoinRequest) bounds() error {
	if err := checkTime(r.Time); err != nil {
		return err
	}
	return within("follow", len(r.Follow), MaxFollow)
}

func (a *JoinAnswer) bounds() error {
	if err := checkTime(a.Time); err != nil {
		return err
	}
	if err := within("peers", len(a.Peers), MaxFounders); err != nil {
		return err
	}
	for _, p := range a.Peers {
		if err := checkAddresses(p.Addresses); err != nil {
			return err
		}
	}
	if a.Member != nil {
		if err := a.Member.Check("member"); err != nil {
			return err
		}
	}
	if a.Designation > MaxNumber {
		return &Error{Reason: ReasonTooLarge, Op: "check bounds", Field: "num"}
	}
	if a.Removal != nil {
		if err := a.Removal.bounds(); err != nil {
			return err
		}
	}
	return within("args", len(a.Args), MaxAddresses)
}

// checkTime bounds a clock that somebody claims.
func checkTime(ms int64) error {
	if ms < 0 || ms > MaxTime {
		return &Error{Reason: ReasonMalformed, Op: "check bounds", Field: "time", Err: errors.New("before 1970 or after 9999")}
	}
	return nil
}

// PeerAddress is where a node can be reached: multiaddrs without /p2p.
type PeerAddress struct {
	Node      PublicKey `cbor:"node"`
	Addresses []string  `cbor:"addrs"`
}

// NodeRecord is the body of a KindNode entry: where the writing node can be reached,
// published when that changes.
type NodeRecord struct {
	Addresses []string `cbor:"addrs"`
}

func (n *NodeRecord) bounds() error { return checkAddresses(n.Addresses) }

// Health is what a node tells on the health topic: signed, short-lived, never on the
// ledger.
type Health struct {
	Federation FederationID `cbor:"fed"`
	Node       PublicKey    `cbor:"node"`
	Time       int64        `cbor:"time"` // Unix milliseconds
	Root       Root         `cbor:"root"`
	Entries    uint64       `cbor:"entries"`
	Wanted     uint64       `cbor:"wanted,omitzero"`
	Act        uint64       `cbor:"act,omitzero"`
	State      string       `cbor:"state"`   // ready, joining, recovering, read_only
	Version    string       `cbor:"version"` // of the program
	Addresses  []string     `cbor:"addrs,omitempty"`
	Signature  Signature    `cbor:"sig,omitzero"`
}

// MaxHealthBytes bounds a health message.
const MaxHealthBytes = 4 << 10

// Sign returns the message signed by the node's key.
func (h Health) Sign(key PrivateKey) (Health, error) {
	h.Node, h.Signature = key.Public(), Signature{}
	msg, err := SignedBytes(tagHealth, h.Federation, &h)
	if err != nil {
		return Health{}, err
	}
	h.Signature = key.Sign(msg)
	return h, nil
}

// DecodeHealth reads and verifies a health message of this federation. The signature
// covers all of its bytes but the signature itself, also fields of newer nodes that
// this one does not know, so nobody can make two messages of one.
func DecodeHealth(federation FederationID, raw []byte) (Health, error) {
	var h Health
	if len(raw) > MaxHealthBytes {
		return h, Fail(ReasonTooLarge, "decode health", nil)
	}
	if err := Decode(raw, &h); err != nil {
		return Health{}, err
	}
	if h.Federation != federation {
		return Health{}, Fail(ReasonWrongFederation, "decode health", nil)
	}
	if err := checkAddresses(h.Addresses); err != nil {
		return Health{}, err
	}
	if len(h.State) > 32 || len(h.Version) > 64 || h.Entries > MaxNumber || h.Wanted > MaxNumber || h.Act > MaxNumber {
		return Health{}, Fail(ReasonTooLarge, "decode health", nil)
	}
	if err := checkTime(h.Time); err != nil {
		return Health{}, err
	}
	unsigned, err := withoutSignature(raw)
	if err != nil {
		return Health{}, err
	}
	if !h.Node.Verify(signedRaw(tagHealth, federation, unsigned), h.Signature) {
		return Health{}, Fail(ReasonBadSignature, "decode health", errors.New("not signed by the node it names"))
	}
	return h, nil
}
