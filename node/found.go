package node

import (
	"context"
	"io"
	"time"

	"github.com/dure-net/dure/node/home"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
)

// Card is the line with which a member-to-be hands its facts to a founder: handle,
// names, kind, city and root public key, signed by the root key. It holds no secret.
func Card(h *home.Home, root protocol.PrivateKey) (string, error) {
	if err := h.CheckRoot(root); err != nil {
		return "", err
	}
	m, err := h.Member()
	if err != nil {
		return "", err
	}
	c, err := protocol.Card{Member: m}.Sign(root)
	if err != nil {
		return "", err
	}
	return c.Line()
}

// FoundOptions say what a federation is founded as.
type FoundOptions struct {
	Root     protocol.PrivateKey // of the founding member; not kept
	Names    protocol.Text
	Charter  protocol.Text
	Notice   protocol.Text // shown wherever records of the federation show
	Rules    protocol.Rules
	Founders []protocol.Card // the other founders; the founding member is added first
	// Offices of the beginning. None: the founding member is the chair city, and all
	// founders are the steering committee.
	Offices []protocol.Term

	Now    func() time.Time // nil: time.Now
	Random io.Reader        // nil: crypto/rand
}

// Found writes the founding act and this node's papers into the home. The other
// founders count from their own first entry: nobody signs for another.
// ReasonFederated where the home belongs to a federation already.
func Found(_ context.Context, h *home.Home, o FoundOptions) (protocol.FederationID, error) {
	if err := h.CheckRoot(o.Root); err != nil {
		return protocol.FederationID{}, err
	}
	if _, _, _, err := h.Founding(); protocol.ReasonOf(err) != protocol.ReasonNotFederated {
		if err == nil {
			err = &protocol.Error{Reason: protocol.ReasonFederated, Op: "found", Args: map[string]string{"path": h.Dir()}}
		}
		return protocol.FederationID{}, err
	}
	me, err := h.Member()
	if err != nil {
		return protocol.FederationID{}, err
	}
	founders := []protocol.MemberFacts{me}
	for _, c := range o.Founders {
		if err := c.Verify(); err != nil {
			return protocol.FederationID{}, err
		}
		if c.Member.Root != me.Root {
			founders = append(founders, c.Member)
		}
	}
	salt, err := newSalt(o.Random)
	if err != nil {
		return protocol.FederationID{}, err
	}
	raw, id, err := foundingAct(protocol.FoundingAct{Names: o.Names, Charter: o.Charter, Notice: o.Notice, Rules: o.Rules,
		Founders: founders, Offices: o.Offices, Salt: salt})
	if err != nil {
		return protocol.FederationID{}, err
	}
	if err := settle(h, raw, id, o.Root, clock(o.Now)); err != nil {
		return protocol.FederationID{}, err
	}
	return id, nil
}

// foundingAct fills in what a founding act needs and checks that it can decide.
func foundingAct(f protocol.FoundingAct) ([]byte, protocol.FederationID, error) {
	f.Version = protocol.Version
	for i := range f.Founders {
		if f.Founders[i].Category == "" {
			f.Founders[i].Category = protocol.CategoryFull
		}
	}
	if len(f.Offices) == 0 {
		for i, m := range f.Founders {
			if i == 0 && m.Kind == protocol.KindCity {
				f.Offices = append(f.Offices, protocol.Term{Office: protocol.OfficeChairCity, Member: m.Handle})
			}
			f.Offices = append(f.Offices, protocol.Term{Office: protocol.OfficeSteering, Member: m.Handle})
		}
	}
	if err := charter.CheckFounding(f); err != nil {
		return nil, protocol.FederationID{}, err
	}
	return protocol.EncodeFoundingAct(f)
}

// settle ties a home to a federation: the founding act, this node's inception and the
// statement that makes it the member's governing node. The founding act comes last,
// because its presence is what the other papers are judged by.
func settle(h *home.Home, founding []byte, id protocol.FederationID, root protocol.PrivateKey, now func() time.Time) error {
	if err := papers(h, id, root, now); err != nil {
		return err
	}
	return h.SaveFounding(founding)
}

// papers signs what only the root key can: the node's addition, in its inception, and
// its designation as the governing node, if the member has no other yet. What was
// signed before for the same federation and key stays: the inception may be known
// elsewhere, and a second one would be a second chain of entries.
func papers(h *home.Home, id protocol.FederationID, root protocol.PrivateKey, now func() time.Time) error {
	if h.Sealed() {
		return errSealed
	}
	add, err := protocol.Addition(id, protocol.PublicKey{}, h.Node().Public(), protocol.Signature{}).Sign(root)
	if err != nil {
		return err
	}
	if err := begins(h, add, now); err != nil {
		return err
	}
	said, ok, err := h.Governing()
	if err == nil && ok && said.Federation == id && said.Root == root.Public() && said.Node == h.Node().Public() {
		return nil
	}
	govern, err := protocol.Statement{Federation: id, Purpose: protocol.PurposeGovern, Node: h.Node().Public(), Number: 1}.Sign(root)
	if err != nil {
		return err
	}
	return h.SaveGoverning(govern)
}

// begins makes sure that the home has the inception that an addition of its node allows.
func begins(h *home.Home, add protocol.Statement, now func() time.Time) error {
	before, ok, err := h.Inception()
	if err != nil && protocol.ReasonOf(err) != protocol.ReasonDamaged {
		return err
	}
	if init := before.Header().Init; ok && err == nil && init.Federation == add.Federation && init.Root == add.Root && init.Node == h.Node().Public() {
		return nil
	}
	inception, err := inception(add, h.Node(), now())
	if err != nil {
		return err
	}
	return h.SaveInception(inception)
}

// Inception is the first entry of a node's feed.
func Inception(id protocol.FederationID, root, node protocol.PrivateKey, now time.Time) (protocol.Entry, error) {
	add, err := protocol.Addition(id, protocol.PublicKey{}, node.Public(), protocol.Signature{}).Sign(root)
	if err != nil {
		return protocol.Entry{}, err
	}
	return inception(add, node, now)
}

// inception is the first entry of the feed of a node that the root key has added.
func inception(add protocol.Statement, node protocol.PrivateKey, now time.Time) (protocol.Entry, error) {
	id := add.Federation
	return protocol.Seal(id, protocol.Header{
		Kind: protocol.KindInception, Time: now.UnixMilli(), Act: protocol.ActRef{ID: id},
		Init: &protocol.Inception{Federation: id, Root: add.Root, Node: node.Public(), Added: add.Signature},
	}, node)
}

func clock(now func() time.Time) func() time.Time {
	if now == nil {
		return time.Now
	}
	return now
}
