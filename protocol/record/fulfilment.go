package record

import (
	"strconv"

	"github.com/dure-net/dure/protocol"
)

// Fulfilment is one side's report that something of a clause was done: the provider's that it was given, the receiver's
// that it arrived. It is never edited. A correction adds to what was reported or, with Less, takes from it: sums decide,
// in whatever order reports and corrections arrive.
type Fulfilment struct {
	Base
	Clause      uint64             `cbor:"clause" json:"clause"`
	Quantity    *Qty               `cbor:"quantity,omitempty" json:"quantity,omitempty"`
	Amount      *Money             `cbor:"amount,omitempty" json:"amount,omitempty"`
	On          Day                `cbor:"on" json:"on"`
	Note        Text               `cbor:"note,omitempty" json:"note,omitempty"`
	Corrects    *protocol.RecordID `cbor:"corrects,omitempty" json:"corrects,omitempty"`
	Less        bool               `cbor:"less,omitempty" json:"less,omitempty"`
	Attachments []Attachment       `cbor:"attachments,omitempty" json:"attachments,omitempty"`
}

// Cancellation ends an agreement by one party's word. Only where a party was removed may it name single clauses.
type Cancellation struct {
	Base
	Reason  string   `cbor:"reason" json:"reason"`
	Text    Text     `cbor:"text,omitempty" json:"text,omitempty"`
	Done    Text     `cbor:"done,omitempty" json:"done,omitempty"` // what was already done
	Clauses []uint64 `cbor:"clauses,omitempty" json:"clauses,omitempty"`
}

// Completion is one party's word that nothing remains to be done.
type Completion struct {
	Base
	Note Text `cbor:"note,omitempty" json:"note,omitempty"`
}

func (f *Fulfilment) Kind() protocol.Kind { return protocol.KindFulfilment }
func (f *Fulfilment) Content() any        { return f }
func (f *Fulfilment) Head() Head          { return headOf(f) }
func (f *Fulfilment) Refs() []protocol.CID {
	return links(f.Corrects)
}
func (c *Cancellation) Kind() protocol.Kind  { return protocol.KindCancellation }
func (c *Cancellation) Content() any         { return c }
func (c *Cancellation) Head() Head           { return headOf(c) }
func (c *Cancellation) Refs() []protocol.CID { return nil }
func (c *Completion) Kind() protocol.Kind    { return protocol.KindCompletion }
func (c *Completion) Content() any           { return c }
func (c *Completion) Head() Head             { return headOf(c) }
func (c *Completion) Refs() []protocol.CID   { return nil }

// Measure is how much the report is about: a decimal, and the unit or currency it is in.
func (f *Fulfilment) Measure() (value, unit string) {
	return (&Clause{Quantity: f.Quantity, Amount: f.Amount}).Measure()
}

func bindFulfilment(o *object) Record {
	f := &Fulfilment{Base: o.base(protocol.KindFulfilment)}
	f.Clause = o.whole("clause", must, maxClauseNo)
	f.Quantity = o.qty("quantity", barred(o.has("amount"), "amount", "", "exactly one of quantity, amount", needed(!o.has("amount"), "amount", "", "")), Units)
	f.Amount = o.money("amount", may)
	f.On = o.day("on", must)
	f.Note = o.text("note", may, maxNote, lines)
	f.Corrects = o.ref("corrects", want{doc: "an own report of the same clause"})
	f.Less = o.flag("less", barred(!o.has("corrects"), "corrects", "", "only with corrects: the quantity is taken from what was reported", may))
	f.Attachments = o.attachments()
	f.Machine = o.machine()
	return f
}

func bindCancellation(o *object) Record {
	c := &Cancellation{Base: o.base(protocol.KindCancellation)}
	c.Reason = o.code("reason", must, CancelReasons)
	c.Text = o.text("text", needed(c.Reason == "other", "reason", c.Reason, "required for other"), maxNote, lines)
	c.Done = o.text("done", want{doc: "what was already done"}, maxNote, lines)
	first := map[uint64]string{}
	for i, v := range o.items("clauses", want{doc: "absent means the whole agreement; clauses with a removed party only"}, "integer", 0, MaxClauses, "1 to "+itoa(maxClauseNo)) {
		path := index(o.at("clauses"), i)
		n, ok := o.integer(path, v)
		switch {
		case !ok:
		case n < 1 || n > maxClauseNo:
			o.fault(path, FaultOutOfRange, strconv.FormatUint(n, 10), "min", "1", "max", itoa(maxClauseNo))
		case first[n] != "":
			o.fault(path, FaultDuplicate, strconv.FormatUint(n, 10), "first", first[n])
		default:
			first[n] = path
			c.Clauses = append(c.Clauses, n)
		}
	}
	c.Machine = o.machine()
	return c
}

func bindCompletion(o *object) Record {
	c := &Completion{Base: o.base(protocol.KindCompletion)}
	c.Note = o.text("note", may, maxNote, lines)
	c.Machine = o.machine()
	return c
}
