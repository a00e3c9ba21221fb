package protocol

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// Card is what a founder-to-be hands over before there is a federation: its facts,
// signed by its root key. Text form: "dure-card-1:" and base64url.
type Card struct {
	Member    MemberFacts `cbor:"member"`
	Signature Signature   `cbor:"sig,omitzero"`
}

const (
	cardPrefix       = "dure-card-1:"
	invitationPrefix = "dure-invitation-1:"
)

// Sign returns the card signed by the root key, which it also names.
func (c Card) Sign(root PrivateKey) (Card, error) {
	c.Member.Root, c.Signature = root.Public(), Signature{}
	msg, err := SignedBytes(tagCard, FederationID{}, &c)
	if err != nil {
		return Card{}, err
	}
	c.Signature = root.Sign(msg)
	return c, c.Verify()
}

// Verify checks form and signature.
func (c Card) Verify() error {
	if err := c.Member.Check("member"); err != nil {
		return err
	}
	unsigned := Card{Member: c.Member}
	msg, err := SignedBytes(tagCard, FederationID{}, &unsigned)
	if err != nil {
		return err
	}
	if !c.Member.Root.Verify(msg, c.Signature) {
		return Fail(ReasonBadSignature, "verify card", nil)
	}
	return nil
}

// Line is the pasteable form.
func (c Card) Line() (string, error) { return line(cardPrefix, &c) }

// ParseCard reads and verifies a card's line; surrounding space is ignored.
func ParseCard(text string) (Card, error) {
	var c Card
	if err := parseLine(cardPrefix, text, DecodeWhole, &c, ReasonMalformed); err != nil {
		return Card{}, err
	}
	return c, c.Verify()
}

// Invitation is the one pasteable line that lets a member in. Seed is a secret that
// works once; an invitation without a seed is for founders and for further nodes of a
// member, whose root key the federation knows already.
type Invitation struct {
	Federation FederationID `cbor:"fed"`
	Name       Text         `cbor:"name"`                    // the federation's, to show before anything is fetched
	Node       PublicKey    `cbor:"node"`                    // the inviting node
	Addresses  []string     `cbor:"addrs"`                   // multiaddrs of the inviting node
	Handle     string       `cbor:"handle,omitempty"`        // proposed
	Expires    int64        `cbor:"expires,omitzero"`        // Unix seconds; 0 with no seed
	Seed       []byte       `cbor:"seed,omitempty" json:"-"` // 32 bytes, secret
}

// Line is the pasteable form. It contains the secret.
func (i Invitation) Line() (string, error) { return line(invitationPrefix, &i) }

// ParseInvitation reads an invitation's line; surrounding space and line breaks, as
// mail programs add them, are ignored.
func ParseInvitation(text string) (Invitation, error) {
	var i Invitation
	if err := parseLine(invitationPrefix, text, Decode, &i, ReasonInvitationInvalid); err != nil {
		return Invitation{}, err
	}
	if err := i.check(); err != nil {
		return Invitation{}, &Error{Reason: ReasonInvitationInvalid, Op: "read invitation", Err: err}
	}
	return i, nil
}

func (i Invitation) check() error {
	if !i.Federation.isBlock() || i.Node.IsZero() || len(i.Addresses) == 0 || (len(i.Seed) != 0 && len(i.Seed) != 32) || i.Expires < 0 {
		return errors.New("incomplete")
	}
	if i.Handle != "" {
		if err := CheckHandle(i.Handle); err != nil {
			return err
		}
	}
	if err := checkAddresses(i.Addresses); err != nil {
		return err
	}
	return i.Name.check("name", MaxName)
}

// Format never writes the seed.
func (i Invitation) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("dure-invitation-[redacted]")) }

// Key is the one-time key made from the seed; the zero key if there is none.
func (i Invitation) Key() PrivateKey {
	k, err := NewPrivateKey(i.Seed)
	if err != nil {
		return PrivateKey{}
	}
	return k
}

// Invited is the public half of an invitation: the body of a KindInvitation entry.
// Only members publish it; its use is an Application that names the same key.
type Invited struct {
	Key     PublicKey `cbor:"key"`
	Handle  string    `cbor:"handle"`
	Expires int64     `cbor:"expires"`         // Unix seconds
	Trust   bool      `cbor:"trust,omitempty"` // the inviter decides alone (a committee of one)
}

// Application is what an applicant signs: with its new root key and with the
// invitation's seed, over the federation, its facts and the invitation.
type Application struct {
	Federation FederationID `cbor:"fed"`
	Member     MemberFacts  `cbor:"member"`
	Invitation PublicKey    `cbor:"invitation"` // public half of the seed
	BySeed     Signature    `cbor:"by_seed,omitzero"`
	ByRoot     Signature    `cbor:"by_root,omitzero"`
}

// Sign returns the application signed by both keys.
func (a Application) Sign(root, seed PrivateKey) (Application, error) {
	a.Member.Root, a.Invitation, a.BySeed, a.ByRoot = root.Public(), seed.Public(), Signature{}, Signature{}
	body, err := Encode(&a)
	if err != nil {
		return Application{}, err
	}
	a.BySeed = seed.Sign(signedRaw(tagApplySeed, a.Federation, body))
	a.ByRoot = root.Sign(signedRaw(tagApplyRoot, a.Federation, body))
	return a, a.Verify(a.Federation)
}

// Verify checks form, federation and both signatures.
func (a Application) Verify(federation FederationID) error {
	if a.Federation != federation {
		return &Error{Reason: ReasonWrongFederation, Op: "verify application",
			Args: map[string]string{"theirs": a.Federation.String(), "ours": federation.String()}}
	}
	if err := a.Member.Check("member"); err != nil {
		return err
	}
	unsigned := a
	unsigned.BySeed, unsigned.ByRoot = Signature{}, Signature{}
	body, err := Encode(&unsigned)
	if err != nil {
		return err
	}
	if !a.Invitation.Verify(signedRaw(tagApplySeed, federation, body), a.BySeed) ||
		!a.Member.Root.Verify(signedRaw(tagApplyRoot, federation, body), a.ByRoot) {
		return Fail(ReasonBadSignature, "verify application", nil)
	}
	return nil
}

func line(prefix string, v any) (string, error) {
	raw, err := Encode(v)
	if err != nil {
		return "", err
	}
	return prefix + base64.RawURLEncoding.EncodeToString(raw), nil
}

func parseLine(prefix, text string, decode func([]byte, any) error, into any, r Reason) error {
	text = strings.Join(strings.Fields(text), "")
	rest, ok := strings.CutPrefix(text, prefix)
	if !ok {
		return Fail(r, "read line", errors.New("it does not begin with "+prefix))
	}
	if len(rest) > MaxHeaderBytes*8 {
		return Fail(r, "read line", errors.New("too long"))
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(rest)
	if err != nil {
		return Fail(r, "read line", err)
	}
	if err := decode(raw, into); err != nil {
		return &Error{Reason: r, Op: "read line", Err: err}
	}
	return nil
}
