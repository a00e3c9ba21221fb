package protocol

import (
	"errors"
	"fmt"
)

// Purpose is what a root statement does. Append only.
type Purpose string

const (
	PurposeAdd    Purpose = "add"    // adds a node key
	PurposeCut    Purpose = "cut"    // ends a node key: its feeds stand only as listed
	PurposeGovern Purpose = "govern" // designates the governing node, with a rising number
	PurposeSettle Purpose = "settle" // chooses a branch of a forked feed
	PurposeObject Purpose = "object" // the living root key objects to its own replacement
)

// Stand is where a feed ends for a cut, a removal or a settlement: its first Count
// entries stand, the last of them being Head. Count 0 with an undefined Head lists a
// feed of which nothing stands.
type Stand struct {
	Feed  FeedID  `cbor:"feed"`
	Count uint64  `cbor:"count"`
	Head  EntryID `cbor:"head,omitzero"`
}

// Statement is something only a member's root key can say. It stands on its own
// signature: anybody may carry it, in any feed.
type Statement struct {
	Federation FederationID `cbor:"fed"`
	Purpose    Purpose      `cbor:"what"`
	Root       PublicKey    `cbor:"root"`
	Node       PublicKey    `cbor:"node,omitzero"`    // add, cut, govern
	Number     uint64       `cbor:"num,omitzero"`     // govern: rises from 1
	Stands     []Stand      `cbor:"stands,omitempty"` // cut: the key's feeds that stand, and how far; others are void. settle: exactly one, the chosen branch
	Act        ActID        `cbor:"act,omitzero"`     // object: the act objected to

	Signature Signature `cbor:"sig,omitzero"`
}

const additionPrefix = "dure-node-1:"

// AdditionLine is the pasteable form of an addition, for the machine whose key is added: with
// it, that machine makes its inception without the root key. It holds no secret.
func (s Statement) AdditionLine() (string, error) { return line(additionPrefix, &s) }

// ParseAddition reads and verifies the line of an addition; surrounding space and line
// breaks are ignored. A statement of another purpose is ReasonMalformed.
func ParseAddition(text string) (Statement, error) {
	var s Statement
	if err := parseLine(additionPrefix, text, Decode, &s, ReasonMalformed); err != nil {
		return Statement{}, err
	}
	if s.Purpose != PurposeAdd {
		return Statement{}, Fail(ReasonMalformed, "read addition", fmt.Errorf("a statement of purpose %q", clip(string(s.Purpose))))
	}
	return s, s.Verify()
}

// IsZero lets signatures be left out of what they cover.
func (s Signature) IsZero() bool { return s == Signature{} }

// Addition is the statement that an inception carries in short form.
func Addition(federation FederationID, root, node PublicKey, sig Signature) Statement {
	return Statement{Federation: federation, Purpose: PurposeAdd, Root: root, Node: node, Signature: sig}
}

// Sign returns the statement signed by the root key, whose public half it also sets.
func (s Statement) Sign(root PrivateKey) (Statement, error) {
	s.Root, s.Signature = root.Public(), Signature{}
	msg, err := SignedBytes(tagStatement, s.Federation, &s)
	if err != nil {
		return Statement{}, err
	}
	s.Signature = root.Sign(msg)
	return s, s.Verify()
}

// Verify checks form and signature; whether Root is a member's key is the charter's question.
func (s Statement) Verify() error {
	if err := s.check(); err != nil {
		return &Error{Reason: ReasonMalformed, Op: "verify root statement", Err: err}
	}
	unsigned := s
	unsigned.Signature = Signature{}
	msg, err := SignedBytes(tagStatement, s.Federation, &unsigned)
	if err != nil {
		return err
	}
	if !s.Root.Verify(msg, s.Signature) {
		return Fail(ReasonBadSignature, "verify root statement", nil)
	}
	return nil
}

func (s Statement) check() error {
	if s.Federation.IsZero() {
		return errors.New("federation is missing")
	}
	if len(s.Stands) > MaxStands {
		return fmt.Errorf("lists %d feeds, the limit is %d", len(s.Stands), MaxStands)
	}
	listed := make(map[FeedID]bool, len(s.Stands))
	for _, st := range s.Stands {
		if !st.Feed.isBlock() || (st.Count == 0) != st.Head.IsZero() || (st.Count > 0 && !st.Head.isBlock()) || st.Count > MaxNumber+1 {
			return errors.New("a listed feed needs its count and head")
		}
		if listed[st.Feed] {
			return errors.New("a feed is listed twice")
		}
		listed[st.Feed] = true
	}
	node, number, stands, act := !s.Node.IsZero(), s.Number > 0, len(s.Stands), s.Act.Defined()
	var ok bool
	switch s.Purpose {
	case PurposeAdd:
		ok = node && !number && stands == 0 && !act
	case PurposeCut:
		ok = node && !number && !act
	case PurposeGovern:
		ok = node && number && stands == 0 && !act
	case PurposeSettle:
		ok = !node && !number && stands == 1 && s.Stands[0].Count > 0 && !act
	case PurposeObject:
		ok = !node && !number && stands == 0 && act
	}
	if !ok {
		return fmt.Errorf("the fields do not fit the purpose %q", clip(string(s.Purpose)))
	}
	return nil
}
