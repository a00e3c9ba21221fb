package record

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strconv"

	"github.com/dure-net/dure/protocol"
)

// Proposal is the concrete terms of an exchange, put to the other parties. A counter-proposal names what it replaces,
// an amendment the agreement version that it amends; both name the first proposal of their thread and have its parties.
// A proposal is never revised: whoever wants other terms writes another one.
type Proposal struct {
	Base
	Title     Text               `cbor:"title" json:"title"`
	Offer     *protocol.RecordID `cbor:"offer,omitempty" json:"offer,omitempty"`
	Request   *protocol.RecordID `cbor:"request,omitempty" json:"request,omitempty"`
	Parties   []string           `cbor:"parties" json:"parties"` // handles, the writer's among them
	Clauses   []Clause           `cbor:"clauses" json:"clauses"`
	RespondBy Day                `cbor:"respond_by" json:"respond_by"`
	Terms     Text               `cbor:"terms,omitempty" json:"terms,omitempty"`
	Governing *Governing         `cbor:"governing,omitempty" json:"governing,omitempty"`
	Thread    *protocol.RecordID `cbor:"thread,omitempty" json:"thread,omitempty"`
	Replaces  *protocol.RecordID `cbor:"replaces,omitempty" json:"replaces,omitempty"`
	Amends    *protocol.RecordID `cbor:"amends,omitempty" json:"amends,omitempty"`
}

// Clause is one commitment: who gives what to whom, how much and when.
type Clause struct {
	No           uint64   `cbor:"no" json:"no"`
	Provider     string   `cbor:"provider" json:"provider"`
	Receiver     string   `cbor:"receiver" json:"receiver"`
	Action       string   `cbor:"action" json:"action"`
	What         Text     `cbor:"what" json:"what"`
	Skill        string   `cbor:"skill,omitempty" json:"skill,omitempty"`
	Goods        string   `cbor:"goods,omitempty" json:"goods,omitempty"`
	Quantity     *Qty     `cbor:"quantity,omitempty" json:"quantity,omitempty"`
	Amount       *Money   `cbor:"amount,omitempty" json:"amount,omitempty"`
	Window       *Window  `cbor:"window,omitempty" json:"window,omitempty"`
	Due          Day      `cbor:"due,omitempty" json:"due,omitempty"`
	Place        *Place   `cbor:"place,omitempty" json:"place,omitempty"`
	ReciprocalOf uint64   `cbor:"reciprocal_of,omitempty" json:"reciprocal_of,omitempty"` // the clause that this one answers; for return_custody, the one it undoes
	Meets        []string `cbor:"meets,omitempty" json:"meets,omitempty"`                 // which of the proposal's listings the quantity counts against
}

// Governing says how the parties deal with what surrounds the exchange.
type Governing struct {
	Costs     *Costs `cbor:"costs,omitempty" json:"costs,omitempty"`
	Insurance Text   `cbor:"insurance,omitempty" json:"insurance,omitempty"`
	Data      Text   `cbor:"data,omitempty" json:"data,omitempty"`
	Property  Text   `cbor:"intellectual_property,omitempty" json:"intellectual_property,omitempty"`
	Notice    string `cbor:"cancellation_notice,omitempty" json:"cancellation_notice,omitempty"` // ISO 8601 duration
}

// Bounds of agreements: the reference federation's schemas, and for MaxRespondDays its rule that nobody keeps
// another one waiting longer than a quarter of a year.
const (
	MaxParties     = 6
	MaxClauses     = 20
	MaxRespondDays = 90

	maxClauseNo = 99
	maxWhat     = 280
	maxTerms    = 4000
	maxNote     = 1000
	maxAccount  = 2000 // of a dispute, a mediation, a feedback
)

func (p *Proposal) Kind() protocol.Kind { return protocol.KindProposal }
func (p *Proposal) Content() any        { return p }
func (p *Proposal) Head() Head          { return headOf(p) }
func (p *Proposal) Refs() []protocol.CID {
	return links(p.Thread, p.Replaces, p.Amends, p.Offer, p.Request)
}

// Clause is the clause of a number; nil where there is none. It points into the proposal.
func (p *Proposal) Clause(no uint64) *Clause {
	for i := range p.Clauses {
		if p.Clauses[i].No == no {
			return &p.Clauses[i]
		}
	}
	return nil
}

// Measure is how much the clause is about: a decimal, and the unit or currency it is in.
func (c *Clause) Measure() (value, unit string) {
	if c.Amount != nil {
		return c.Amount.Value, c.Amount.Currency
	}
	if c.Quantity != nil {
		return c.Quantity.Value, c.Quantity.Unit
	}
	return "", ""
}

// Last is the day by which the clause should be done.
func (c *Clause) Last() Day {
	if c.Window != nil {
		return c.Window.To
	}
	return c.Due
}

// Digest is what an answer says it agrees to: SHA-256, in hexadecimal, of the content of a proposal's body without its
// salt, so that fields which only newer nodes know are agreed to as well. A body that is none gives an error.
func Digest(body []byte) (string, error) {
	content, err := protocol.BodyContent(body)
	if err != nil {
		return "", err
	}
	raw, err := protocol.Encode(content)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:]), nil
}

func bindProposal(o *object) Record {
	p := &Proposal{Base: o.base(protocol.KindProposal)}
	p.Title = o.text("title", must, maxTitle, oneLine)
	p.Offer = o.ref("offer", want{doc: "what the exchange draws on"})
	p.Request = o.ref("request", want{doc: "what the exchange meets"})
	p.Parties = o.strings("parties", must, "handle", 2, MaxParties, "the writer's among them", o.checkHandle)
	numbers := map[uint64]string{}
	p.Clauses = each(o, "clauses", must, MaxClauses, func(o *object) Clause { return o.clause(p, numbers) })
	for i := range p.Clauses {
		o.returning(p, i)
	}
	p.RespondBy = o.day("respond_by", needs("at most 90 days after the proposal is written"))
	p.Terms = o.text("terms", may, maxTerms, lines)
	p.Governing = o.governing()
	follows := o.has("replaces") || o.has("amends")
	p.Replaces = o.ref("replaces", want{doc: "the proposal that this one counters"})
	p.Amends = o.ref("amends", barred(o.has("replaces"), "replaces", "", "the confirmed proposal that this one changes; not with replaces", may))
	p.Thread = o.ref("thread", barred(!follows, "replaces", "", "only with replaces or amends", needed(follows, "replaces", "", "the first proposal of the thread; required with replaces or amends")))
	p.Machine = o.machine()
	return p
}

func (o *object) clause(p *Proposal, numbers map[uint64]string) Clause {
	c := Clause{No: o.whole("no", needs("each once"), maxClauseNo)}
	if seen := numbers[c.No]; seen != "" {
		o.fault(o.at("no"), FaultDuplicate, strconv.FormatUint(c.No, 10), "first", seen)
	} else if c.No > 0 {
		numbers[c.No] = o.at("no")
	}
	c.Provider = o.party("provider", p.Parties)
	c.Receiver = o.party("receiver", p.Parties)
	if c.Provider != "" && c.Provider == c.Receiver {
		o.fault(o.at("receiver"), FaultConflict, c.Receiver, "with", o.at("provider"))
	}
	c.Action = o.code("action", must, ClauseActions)
	c.What = o.text("what", needs("things and work, never a private person's name"), maxWhat, lines)
	c.Skill = o.code("skill", may, Skills)
	c.Goods = o.goods(may)
	c.Quantity = o.qty("quantity", barred(o.has("amount"), "amount", "", "exactly one of quantity, amount", needed(!o.has("amount"), "amount", "", "")), Units)
	c.Amount = o.money("amount", want{doc: "a declaration; nothing here moves money"})
	c.Window = o.window("window", barred(o.has("due"), "due", "", "exactly one of window, due", needed(!o.has("due"), "due", "", "")))
	c.Due = o.day("due", may)
	c.Place = o.place("place", may)
	back := c.Action == "return_custody"
	if w := needed(back, "action", c.Action, "the number of another clause; required for return_custody, which undoes a transfer_custody"); o.has("reciprocal_of") || back || o.rows != nil {
		c.ReciprocalOf = o.whole("reciprocal_of", w, maxClauseNo)
	} else {
		o.known = append(o.known, "reciprocal_of")
	}
	c.Meets = o.codes("meets", want{doc: "listings of the proposal that the quantity counts against"}, ClauseMeets, 0, 2)
	for i, m := range c.Meets {
		if m == "offer" && p.Offer == nil || m == "request" && p.Request == nil {
			o.fault(index(o.at("meets"), i), FaultConflict, m, "with", m)
		}
	}
	return c
}

// returning judges what a clause answers, once all clauses are read.
func (o *object) returning(p *Proposal, i int) {
	c := &p.Clauses[i]
	if c.ReciprocalOf == 0 {
		return
	}
	at := join(index(o.at("clauses"), i), "reciprocal_of")
	of := p.Clause(c.ReciprocalOf)
	value := strconv.FormatUint(c.ReciprocalOf, 10)
	switch {
	case of == nil || of == c:
		o.fault(at, FaultConflict, value, "with", o.at("clauses"))
	case c.Action != "return_custody":
	case of.Action != "transfer_custody" || of.Provider != c.Receiver || of.Receiver != c.Provider || !sameMeasure(c, of):
		o.fault(at, FaultConflict, value, "with", join(index(o.at("clauses"), i), "action"))
	}
}

// sameMeasure reports whether a return is of the unit of what was handed over, and not more.
func sameMeasure(back, there *Clause) bool {
	bv, bu := back.Measure()
	tv, tu := there.Measure()
	if bv == "" || tv == "" {
		return true // a fault of its own
	}
	return bu == tu && rational(bv).Cmp(rational(tv)) <= 0
}

// whole takes a whole number from 1 on; 0 when absent or faulty.
func (o *object) whole(name string, w want, most uint64) uint64 {
	v, ok := o.take(name, w, "integer", "1 to "+strconv.FormatUint(most, 10))
	if !ok {
		return 0
	}
	n, ok := o.integer(o.at(name), v)
	if !ok {
		return 0
	}
	if n < 1 || n > most {
		o.fault(o.at(name), FaultOutOfRange, strconv.FormatUint(n, 10), "min", "1", "max", strconv.FormatUint(most, 10))
		return 0
	}
	return n
}

// party takes the handle of one of the parties.
func (o *object) party(name string, parties []string) string {
	s, ok := o.str(name, must, "handle", "one of parties")
	if !ok {
		return ""
	}
	before := o.count
	if o.checkHandle(o.at(name), s); o.count > before {
		return ""
	}
	for _, p := range parties {
		if p == s {
			return s
		}
	}
	if len(parties) > 0 {
		o.fault(o.at(name), FaultConflict, s, "with", "parties")
	}
	return ""
}

func (o *object) governing() *Governing {
	g := sub(o, "governing", may, func(o *object) Governing {
		return Governing{
			Costs: o.costs(), Insurance: o.text("insurance", may, maxReason, lines), Data: o.text("data", may, maxReason, lines),
			Property: o.text("intellectual_property", may, maxReason, lines),
			Notice:   o.form("cancellation_notice", want{doc: "PnY, PnM, PnW, PnD or PTnH"}, durationForm, "duration", 8),
		}
	})
	if g != nil && g.Costs == nil && g.Insurance == nil && g.Data == nil && g.Property == nil && g.Notice == "" {
		if o.body {
			o.fault(o.at("governing"), FaultEmpty, "")
		}
		return nil
	}
	return g
}

var digestForm = regexp.MustCompile(`^[0-9a-f]{64}$`)
