package exchange

import (
	"slices"
	"strconv"
	"strings"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
	"github.com/dure-net/dure/protocol/record"
	"github.com/dure-net/dure/protocol/record/exchange"
)

// terms are those of a counter-proposal or an amendment: written anew, or the version's with changes.
func (d *Desk) terms(t *exchange.Thread, v *exchange.Version, deed Deed) (record.Record, error) {
	place := func(p *record.Proposal) {
		p.Thread, p.Replaces, p.Amends = &t.ID, nil, nil
		if deed.Do == exchange.Amend {
			p.Amends = &t.Ruling
		} else {
			p.Replaces = &v.ID
		}
	}
	if deed.Do == exchange.Amend {
		v = t.Version(t.Ruling)
	}
	var p *record.Proposal
	if len(deed.Proposal) > 0 {
		var err error
		if p, err = d.parse(deed.Proposal, place); err != nil {
			return nil, err
		}
	} else {
		q := *v.Proposal
		p = &q
		p.Clauses = slices.Clone(q.Clauses)
		place(p)
		p.RespondBy = d.Today().Plus(defaultRespondDays)
		if err := edit(p, deed.Edit); err != nil {
			return nil, err
		}
	}
	return p, d.judge(p, t)
}

// defaultRespondDays is how long a counter-proposal or an amendment waits for an answer where nothing else is said.
const defaultRespondDays = 30

func edit(p *record.Proposal, e *Edit) error {
	if e == nil {
		return invalid(record.Fault{Field: "clauses", Code: record.FaultRequired})
	}
	if e.Quantity != "" || e.Due != "" {
		no := e.Clause
		if no == 0 && len(p.Clauses) == 1 {
			no = p.Clauses[0].No
		}
		c := p.Clause(no)
		if c == nil {
			var list []string
			for _, c := range p.Clauses {
				list = append(list, strconv.FormatUint(c.No, 10))
			}
			return invalid(record.Fault{Field: "clause", Code: record.FaultNotInList, Value: strconv.FormatUint(no, 10), Args: map[string]string{"list": "clauses", "allowed": strings.Join(list, ",")}})
		}
		if e.Quantity != "" {
			_, unit := c.Measure()
			if c.Amount != nil {
				c.Amount = &record.Money{Value: e.Quantity, Currency: unit}
			} else {
				c.Quantity = &record.Qty{Value: e.Quantity, Unit: unit}
			}
		}
		if e.Due != "" {
			c.Window, c.Due = nil, record.Day(e.Due)
		}
	}
	if e.RespondBy != "" {
		p.RespondBy = record.Day(e.RespondBy)
	}
	if len(e.Terms) > 0 {
		p.Terms = e.Terms
	}
	return nil
}

// parse reads terms that a person or a program wrote; place, where given, puts them into their thread.
func (d *Desk) parse(raw []byte, place func(*record.Proposal)) (*record.Proposal, error) {
	r, err := record.ParseWith(protocol.KindProposal, raw, d.cfg.Resolve)
	if err != nil {
		return nil, err
	}
	p := r.(*record.Proposal)
	if place == nil && (p.Thread != nil || p.Replaces != nil || p.Amends != nil) {
		return nil, invalid(record.Fault{Field: "thread", Code: record.FaultNotAllowed})
	}
	if place != nil {
		place(p)
	}
	return p, nil
}

// judge finds what is wrong with terms as this node knows the others; all faults at once.
func (d *Desk) judge(p *record.Proposal, t *exchange.Thread) error {
	if faults := record.Validate(p); len(faults) > 0 {
		return invalid(faults...)
	}
	var faults record.Faults
	s := d.cfg.Charter()
	for i, party := range p.Parties {
		m, ok := s.Member(party)
		if !ok || m.Status == charter.StatusRemoved && t == nil {
			faults = append(faults, record.Fault{Field: "parties[" + strconv.Itoa(i) + "]", Code: record.FaultNotInList, Value: party, Args: map[string]string{"list": "members"}})
		}
	}
	if !slices.Contains(p.Parties, d.cfg.Self) {
		faults = append(faults, record.Fault{Field: "parties", Code: record.FaultRequired, Value: d.cfg.Self, Args: map[string]string{"because": "writer", "is": d.cfg.Self}})
	}
	if t != nil && (len(p.Parties) != len(t.Parties) || slices.ContainsFunc(p.Parties, func(h string) bool { return !slices.Contains(t.Parties, h) })) {
		faults = append(faults, record.Fault{Field: "parties", Code: record.FaultConflict, Args: map[string]string{"with": d.number(t)}})
	}
	today := d.Today()
	if p.RespondBy < today {
		faults = append(faults, record.Fault{Field: "respond_by", Code: record.FaultOrder, Value: string(p.RespondBy), Args: map[string]string{"after": "today", "limit": string(today)}})
	}
	if last := record.DayOf(d.cfg.Now().UnixMilli()).Plus(record.MaxRespondDays); p.RespondBy > last {
		faults = append(faults, record.Fault{Field: "respond_by", Code: record.FaultOrder, Value: string(p.RespondBy), Args: map[string]string{"before": "today", "limit": string(last)}})
	}
	faults = append(faults, d.judgeListing(p, "offer", p.Offer)...)
	faults = append(faults, d.judgeListing(p, "request", p.Request)...)
	if len(faults) > 0 {
		return invalid(faults...)
	}
	return nil
}

// judgeListing compares the clauses that draw on a listing with it.
func (d *Desk) judgeListing(p *record.Proposal, side string, id *protocol.RecordID) (faults record.Faults) {
	if id == nil {
		return nil
	}
	owner, l, err := d.listing(*id)
	if err != nil || l.Kind().String() != side {
		return record.Faults{{Field: side, Code: record.FaultUnknownRecord, Value: id.String()}}
	}
	_, unit := exchange.Total(l)
	for i := range p.Clauses {
		c := &p.Clauses[i]
		if !slices.Contains(c.Meets, side) {
			continue
		}
		at := "clauses[" + strconv.Itoa(i) + "]."
		by, field := c.Provider, "provider"
		if side == "request" {
			by, field = c.Receiver, "receiver"
		}
		if by != owner {
			faults = append(faults, record.Fault{Field: at + field, Code: record.FaultConflict, Value: by, Args: map[string]string{"with": side}})
		}
		if _, u := c.Measure(); u != unit {
			faults = append(faults, record.Fault{Field: at + "quantity.unit", Code: record.FaultConflict, Value: u, Args: map[string]string{"with": side}})
		}
	}
	return faults
}
