package exchange

import (
	"cmp"
	"errors"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
	"github.com/dure-net/dure/protocol/record/exchange"
)

// mayAgree refuses to sign for more of an own listing than is left: of what it holds, less what other agreements take and
// what the member has accepted elsewhere and others may yet confirm.
func (d *Desk) mayAgree(t *exchange.Thread, v *exchange.Version) error {
	raw, err := protocol.EncodeBody(protocol.Salt{}, v.Proposal.Content())
	if err != nil {
		return err
	}
	if digest, err := record.Digest(raw); err != nil || digest != v.Digest {
		return &protocol.Error{Reason: protocol.ReasonTooNew, Op: "agree", ID: v.ID.String(), Err: errors.New("terms with fields that this version does not know")}
	}
	asOf := d.Today()
	for _, id := range []*protocol.RecordID{v.Proposal.Offer, v.Proposal.Request} {
		if id == nil {
			continue
		}
		owner, l, err := d.listing(*id)
		if err != nil || owner != d.cfg.Self {
			continue // not this member's to promise
		}
		total, unit := exchange.Total(l)
		draws := exchange.Draws(v.Proposal, *id, owner, unit)
		if exchange.Compare(draws, "0") == 0 {
			continue
		}
		reserved, err := d.reserved(*id, t.ID, owner, unit, asOf)
		if err != nil {
			return err
		}
		others, err := d.pledges(*id, t.ID, asOf)
		if err != nil {
			return err
		}
		stock := exchange.StockOf(*id, owner, l, others)
		if taken := exchange.Sum(stock.Committed, reserved); exchange.Compare(exchange.Sum(taken, draws), total) > 0 {
			left := exchange.Difference(total, taken)
			if exchange.Compare(total, taken) < 0 {
				left = "0"
			}
			row, _ := d.row(*id)
			return &protocol.Error{Reason: protocol.ReasonConflict, Op: "agree", ID: id.String(),
				Args: map[string]string{"listing": cmp.Or(row.Number, id.String()), "remaining": left, "wanted": draws, "reserved": reserved, "unit_code": unit, "number": d.number(t)}}
		}
	}
	return nil
}
