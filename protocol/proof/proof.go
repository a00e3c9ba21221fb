// Package proof owns the document by which anybody can check one entry with nothing but
// its bytes: who signed it, for which federation, and what it says. It asks no node and no
// network, and it never says more than the bytes prove.
package proof

import (
	"errors"
	"fmt"
	"time"

	"github.com/dure-net/dure/protocol"
)

// Version is that of the document.
const Version = 1

// Proof is an entry with what proves it. Bytes are base64 in JSON. Member and Admitted are
// what the node that made it knows; no bytes of the document prove them, but for a founder.
type Proof struct {
	Version    int                   `json:"version"`
	Federation protocol.FederationID `json:"federation"`
	Entry      protocol.EntryID      `json:"entry"`
	Header     []byte                `json:"header"`
	Body       []byte                `json:"body,omitempty"`      // absent where it is erased, on its way, or there is none
	Run        [][]byte              `json:"run,omitempty"`       // the headers that follow, up to one that is signed itself; none where the entry is
	Inception  []byte                `json:"inception,omitempty"` // the feed's first header; absent where it is the entry
	Founding   []byte                `json:"founding,omitempty"`  // the founding act
	Member     string                `json:"member,omitempty"`    // handle
	Admitted   *Admission            `json:"admitted,omitempty"`  // the act that let the member in; 0 is the founding act
}

// Admission names the act that let a member in.
type Admission struct {
	Number uint64         `json:"number"`
	ID     protocol.ActID `json:"id"`
}

// Verdict is what the bytes prove.
type Verdict struct {
	Entry      protocol.EntryID      `json:"entry"`
	Federation protocol.FederationID `json:"federation"`
	Feed       protocol.FeedID       `json:"feed"`
	Seq        uint64                `json:"seq"`
	Kind       string                `json:"kind"`
	Time       time.Time             `json:"time"`      // as its author claims
	Node       protocol.PublicKey    `json:"node"`      // the key that signed
	Root       protocol.PublicKey    `json:"root"`      // the member's key that made the node its own
	SignedBy   protocol.EntryID      `json:"signed_by"` // the entry itself, or the later one whose signature vouches for it
	Founder    string                `json:"founder,omitempty"`
	Content    map[string]any        `json:"content,omitempty"` // what the body says; absent where the bytes of the body are
}

// Verify checks everything that can be checked. What does not fit is an error whose ID is
// that of the offending block: ReasonBadHash for bytes that are not what their name says,
// ReasonBadSignature, ReasonBrokenChain, ReasonWrongFederation, or a form that is refused.
func (p Proof) Verify() (v Verdict, err error) {
	if p.Version != Version {
		return v, protocol.Fail(protocol.ReasonWrongVersion, "verify proof", fmt.Errorf("version %d", p.Version))
	}
	if len(p.Run) > protocol.MaxPage {
		return v, protocol.Fail(protocol.ReasonTooLarge, "verify proof", errors.New("the run is longer than a signature reaches"))
	}
	e, err := protocol.DecodeEntry(p.Header)
	if err != nil {
		return v, err
	}
	if e.ID() != p.Entry {
		return v, &protocol.Error{Reason: protocol.ReasonBadHash, Op: "verify proof", ID: p.Entry.String(), Err: errors.New("the header is another entry's")}
	}
	first := e
	if p.Inception != nil {
		if first, err = protocol.DecodeEntry(p.Inception); err != nil {
			return v, err
		}
	}
	if err := first.VerifyInception(p.Federation); err != nil {
		return v, err
	}
	if first.ID() != e.Feed() {
		return v, &protocol.Error{Reason: protocol.ReasonBrokenChain, Op: "verify proof", ID: first.ID().String(), Err: errors.New("not the first entry of this feed")}
	}
	init := first.Header().Init
	signed, err := p.signed(e, init.Node)
	if err != nil {
		return v, err
	}
	h := e.Header()
	v = Verdict{Entry: e.ID(), Federation: p.Federation, Feed: e.Feed(), Seq: e.Seq(), Kind: h.Kind.String(), Time: time.UnixMilli(h.Time).UTC(),
		Node: init.Node, Root: init.Root, SignedBy: signed}
	if p.Body != nil {
		if !h.Body.Defined() || !h.Body.Matches(p.Body) {
			return Verdict{}, &protocol.Error{Reason: protocol.ReasonBadHash, Op: "verify proof", ID: h.Body.String(), Err: errors.New("the body is not the one that was signed")}
		}
		if content, err := protocol.BodyContent(p.Body); err == nil {
			v.Content = content
		}
	}
	if p.Founding == nil {
		return v, nil
	}
	act, id, err := protocol.DecodeFoundingAct(p.Founding)
	if err != nil {
		return Verdict{}, err
	}
	if id != p.Federation {
		return Verdict{}, &protocol.Error{Reason: protocol.ReasonWrongFederation, Op: "verify proof", ID: id.String(),
			Args: map[string]string{"theirs": id.String(), "ours": p.Federation.String()}}
	}
	for _, m := range act.Founders {
		if m.Root == init.Root {
			v.Founder = m.Handle
		}
	}
	return v, nil
}

// signed finds the signature that vouches for e: its own, or the last header's of the run,
// which by its predecessors commits to e.
func (p Proof) signed(e protocol.Entry, node protocol.PublicKey) (protocol.EntryID, error) {
	last := e
	for _, raw := range p.Run {
		next, err := protocol.DecodeEntry(raw)
		if err != nil {
			return protocol.EntryID{}, err
		}
		if err := next.Follows(last); err != nil {
			return protocol.EntryID{}, err
		}
		last = next
	}
	return last.ID(), last.Verify(p.Federation, node)
}
