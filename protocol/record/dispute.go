package record

import "github.com/dure-net/dure/protocol"

// Dispute is one party's word that something is not as agreed. It ends when its writer takes it back.
type Dispute struct {
	Base
	Clause uint64 `cbor:"clause,omitempty" json:"clause,omitempty"`
	Text   Text   `cbor:"text" json:"text"`
}

// Mediation is what a steering-committee member or the secretariat says of a dispute. It proposes; nothing follows
// from it by itself.
type Mediation struct {
	Base
	Dispute *protocol.RecordID `cbor:"dispute" json:"dispute"`
	Closing string             `cbor:"closing" json:"closing"`
	Text    Text               `cbor:"text" json:"text"`
}

// Feedback is one party's word after the end. Screens show it when every party gave one, or 30 days passed.
type Feedback struct {
	Base
	Outcome     string             `cbor:"outcome" json:"outcome"`
	WouldRepeat bool               `cbor:"would_repeat,omitempty" json:"would_repeat,omitempty"`
	Text        Text               `cbor:"text,omitempty" json:"text,omitempty"`
	Experience  *protocol.RecordID `cbor:"experience,omitempty" json:"experience,omitempty"` // the lessons, written up
}

func (d *Dispute) Kind() protocol.Kind    { return protocol.KindDispute }
func (d *Dispute) Content() any           { return d }
func (d *Dispute) Head() Head             { return headOf(d) }
func (d *Dispute) Refs() []protocol.CID   { return nil }
func (m *Mediation) Kind() protocol.Kind  { return protocol.KindMediation }
func (m *Mediation) Content() any         { return m }
func (m *Mediation) Head() Head           { return headOf(m) }
func (m *Mediation) Refs() []protocol.CID { return links(m.Dispute) }
func (f *Feedback) Kind() protocol.Kind   { return protocol.KindFeedback }
func (f *Feedback) Content() any          { return f }
func (f *Feedback) Head() Head            { return headOf(f) }
func (f *Feedback) Refs() []protocol.CID  { return links(f.Experience) }

func bindDispute(o *object) Record {
	d := &Dispute{Base: o.base(protocol.KindDispute)}
	if o.has("clause") || o.rows != nil {
		d.Clause = o.whole("clause", want{doc: "absent means the agreement as a whole"}, maxClauseNo)
	} else {
		o.known = append(o.known, "clause")
	}
	d.Text = o.text("text", must, maxAccount, lines)
	d.Machine = o.machine()
	return d
}

func bindMediation(o *object) Record {
	m := &Mediation{Base: o.base(protocol.KindMediation)}
	m.Dispute = o.ref("dispute", must)
	m.Closing = o.code("closing", must, MediationClosings)
	m.Text = o.text("text", must, maxAccount, lines)
	m.Machine = o.machine()
	return m
}

func bindFeedback(o *object) Record {
	f := &Feedback{Base: o.base(protocol.KindFeedback)}
	f.Outcome = o.code("outcome", must, Outcomes)
	f.WouldRepeat = o.flag("would_repeat", may)
	f.Text = o.text("text", may, maxAccount, lines)
	f.Experience = o.ref("experience", may)
	f.Machine = o.machine()
	return f
}
