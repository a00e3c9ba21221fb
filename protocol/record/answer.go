package record

import "github.com/dure-net/dure/protocol"

// Acceptance is one party's word that it agrees to a proposal. It binds nobody until the proposal's writer confirms.
type Acceptance struct {
	Base
	Proposal *protocol.RecordID `cbor:"proposal" json:"proposal"`
	Digest   string             `cbor:"digest" json:"digest"` // of the terms agreed to, see Digest
	Note     Text               `cbor:"note,omitempty" json:"note,omitempty"`
}

// Confirmation is the last word of forming an agreement: one entry, by the proposal's writer. It names one acceptance of
// every other party, so that which acceptances it rests on is never a matter of what had arrived where.
type Confirmation struct {
	Base
	Proposal    *protocol.RecordID  `cbor:"proposal" json:"proposal"`
	Digest      string              `cbor:"digest" json:"digest"`
	Acceptances []protocol.RecordID `cbor:"acceptances" json:"acceptances"`
	Note        Text                `cbor:"note,omitempty" json:"note,omitempty"`
}

// Decline is one party's word that it does not agree to a proposal.
type Decline struct {
	Base
	Proposal *protocol.RecordID `cbor:"proposal" json:"proposal"`
	Reason   Text               `cbor:"reason,omitempty" json:"reason,omitempty"`
}

// Retraction takes back the writer's own proposal, acceptance or dispute.
type Retraction struct {
	Base
	Target *protocol.RecordID `cbor:"target" json:"target"`
	Reason Text               `cbor:"reason,omitempty" json:"reason,omitempty"`
}

func (a *Acceptance) Kind() protocol.Kind   { return protocol.KindAcceptance }
func (a *Acceptance) Content() any          { return a }
func (a *Acceptance) Head() Head            { return headOf(a) }
func (a *Acceptance) Refs() []protocol.CID  { return links(a.Proposal) }
func (c *Confirmation) Kind() protocol.Kind { return protocol.KindConfirmation }
func (c *Confirmation) Content() any        { return c }
func (c *Confirmation) Head() Head          { return headOf(c) }
func (c *Confirmation) Refs() []protocol.CID {
	return links(append([]*protocol.CID{c.Proposal}, pointers(c.Acceptances)...)...)
}
func (d *Decline) Kind() protocol.Kind     { return protocol.KindDecline }
func (d *Decline) Content() any            { return d }
func (d *Decline) Head() Head              { return headOf(d) }
func (d *Decline) Refs() []protocol.CID    { return links(d.Proposal) }
func (r *Retraction) Kind() protocol.Kind  { return protocol.KindRetraction }
func (r *Retraction) Content() any         { return r }
func (r *Retraction) Head() Head           { return headOf(r) }
func (r *Retraction) Refs() []protocol.CID { return links(r.Target) }

func bindAcceptance(o *object) Record {
	a := &Acceptance{Base: o.base(protocol.KindAcceptance)}
	a.Proposal, a.Digest = o.ref("proposal", must), o.digest()
	a.Note = o.text("note", may, maxNote, lines)
	a.Machine = o.machine()
	return a
}

func bindConfirmation(o *object) Record {
	c := &Confirmation{Base: o.base(protocol.KindConfirmation)}
	c.Proposal, c.Digest = o.ref("proposal", must), o.digest()
	c.Acceptances = o.refs("acceptances", needs("one of every other party"), MaxParties-1)
	c.Note = o.text("note", may, maxNote, lines)
	c.Machine = o.machine()
	return c
}

func bindDecline(o *object) Record {
	d := &Decline{Base: o.base(protocol.KindDecline)}
	d.Proposal = o.ref("proposal", must)
	d.Reason = o.text("reason", may, maxReason, lines)
	d.Machine = o.machine()
	return d
}

func bindRetraction(o *object) Record {
	r := &Retraction{Base: o.base(protocol.KindRetraction)}
	r.Target = o.ref("target", needs("a proposal, an acceptance or a dispute of the writer's own"))
	r.Reason = o.text("reason", may, maxReason, lines)
	r.Machine = o.machine()
	return r
}

func (o *object) digest() string {
	return o.form("digest", needs("SHA-256 of the proposal's content, in hexadecimal"), digestForm, "digest", 64)
}
