// Package enrol ties a home to a federation: by founding one, by joining with an
// invitation, by coming back with nothing but the root key, or, for demonstrations, all
// members at once. It works on stopped homes, needs the network for a moment at most, and
// never runs a node.
package enrol

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
