package exchange

import (
	"slices"
	"strconv"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// Side is a listing that a proposal is drafted from.
type Side struct {
	ID        protocol.RecordID
	Owner     string
	Listing   *record.Listing
	Remaining string // decimal in the listing's unit
}

// RespondDays is how long a drafted proposal waits for an answer: time for an office that meets once a fortnight.
const RespondDays = 30

// Draft is a proposal made of what the listings already say: one of them, or one of each side. self and other are who
// exchange. Nothing is promised by a draft:
// the writer reads it, changes what is different, and proposes it.
func Draft(offer, request *Side, self, other string, asOf record.Day) *record.Proposal {
	from := offer
	if from == nil {
		from = request
	}
	l := from.Listing
	p := &record.Proposal{
		Base: record.Base{Type: protocol.KindProposal.String(), Lang: l.Lang, Machine: slices.Clone(l.Machine)}, Title: l.Title,
		Parties: []string{self, other}, RespondBy: asOf.Plus(RespondDays),
	}
	var provider, receiver string
	var meets []string
	switch {
	case offer != nil:
		p.Offer, provider, meets = &offer.ID, offer.Owner, append(meets, "offer")
		if receiver = self; provider == self {
			receiver = other
		}
	default:
		receiver = request.Owner
		if provider = self; receiver == self {
			provider = other
		}
	}
	if request != nil {
		p.Request = &request.ID
	}
	c := record.Clause{No: 1, Provider: provider, Receiver: receiver, Action: actionOf(l), What: l.Title, Goods: l.Goods, Window: window(offer, request, asOf)}
	if len(l.Skills) > 0 {
		c.Skill = l.Skills[0]
	}
	value, unit := Total(l)
	n := parse(value)
	if from.Remaining != "" {
		n = least(n, parse(from.Remaining))
	}
	if offer != nil && request != nil {
		if wanted, u := Total(request.Listing); u == unit {
			if request.Remaining != "" {
				wanted = request.Remaining
			}
			n, meets = least(n, parse(wanted)), append(meets, "request")
		}
	} else if request != nil {
		meets = append(meets, "request")
	}
	if n.sign() <= 0 {
		n = parse(value) // nothing is left: the writer sees it when it is refused, and may ask for less
	}
	if l.Amount != nil {
		c.Amount = &record.Money{Value: n.String(), Currency: unit}
	} else {
		c.Quantity = &record.Qty{Value: n.String(), Unit: unit}
	}
	c.Meets = meets
	if (l.Exchange == "material" || l.Exchange == "space") && l.Place != nil && offer != nil {
		c.Place = offer.Listing.Place
	}
	p.Clauses = []record.Clause{c}
	if c.Action == "transfer_custody" {
		back := c
		back.No, back.Provider, back.Receiver, back.Action, back.ReciprocalOf, back.Meets, back.Place = 2, receiver, provider, "return_custody", 1, nil, nil
		back.Window, back.Due = nil, c.Window.To
		p.Clauses = append(p.Clauses, back)
	}
	if l.Costs != nil {
		p.Governing = &record.Governing{Costs: l.Costs}
	}
	p.Machine = slices.DeleteFunc(p.Machine, func(tag string) bool { _, has := l.Title[tag]; return !has })
	if len(p.Machine) == 0 {
		p.Machine = nil
	}
	return p
}

// window is when both can; where they have no common day, when the first one can.
func window(offer, request *Side, asOf record.Day) *record.Window {
	var w record.Window
	for _, s := range []*Side{offer, request} {
		if s == nil || s.Listing.Window == nil {
			continue
		}
		lw := *s.Listing.Window
		if w == (record.Window{}) {
			w = lw
		} else if both := (record.Window{From: max(w.From, lw.From), To: min(w.To, lw.To)}); both.From <= both.To {
			w = both
		}
	}
	if w.From < asOf && asOf <= w.To {
		w.From = asOf
	}
	return &w
}

// actionOf is what a listing's mode means for a clause.
func actionOf(l *record.Listing) string {
	switch l.Mode {
	case "lend":
		return "transfer_custody"
	case "give", "cost_price", "guarantee", "loan_fund", "grant_cofunding":
		return "transfer"
	case "share_use", "venue", "residency", "desk":
		return "use"
	case "case_documents", "software":
		return "copy"
	case "secondment", "expert_mission", "trainer", "internship", "volunteer":
		return "work"
	}
	return "deliver_service"
}

// NumberOf is a short number as people write it.
func NumberOf(member string, number uint64) string {
	if number == 0 {
		return ""
	}
	return member + "-" + strconv.FormatUint(number, 10)
}
