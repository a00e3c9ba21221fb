package web

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
)

// proposing is the form by which an exchange is proposed on the page of another member's listing.
type proposing struct {
	Path, Token, Key string
	Whole            string // how much the listing is about; "" where it does not say
	Left             string // in words; "" where no agreement draws on the listing
}

// proposing is nil for what is no open listing, or is this member's own.
func (s *site) proposing(r *http.Request, v *view, rec api.Record) *proposing {
	if rec.Member == v.Status.Member.Handle || !v.proposable(rec) {
		return nil
	}
	p := &proposing{Path: recordURL(rec) + "/proposal", Token: s.sessions.FormToken(r, agreementForm), Key: newKey()}
	for _, name := range []string{"quantity", "effort", "amount"} {
		if q, ok := rec.Content[name].(map[string]any); ok {
			p.Whole = v.label(name) + v.T("web.colon") + " " + v.amount(textOf(q["value"]), or(textOf(q["unit"]), textOf(q["currency"])))
		}
	}
	if t := rec.Stock; t != nil {
		p.Left = v.T("cli.stock", "remaining", t.Remaining, "total", t.Total, "unit", v.unit(t.Unit), "state", v.T("term.stock."+t.State))
	}
	return p
}

// proposable reports whether who is signed in may propose an exchange about a listing.
func (v *view) proposable(rec api.Record) bool {
	kind, _ := protocol.ParseKind(rec.Type)
	state, _ := rec.Content["state"].(string)
	return (kind == protocol.KindOffer || kind == protocol.KindRequest) && rec.State == api.RecordPublished && (state == "" || state == "published") &&
		rec.Owner == "" && v.May("write")
}

// proposeURL is the form of a proposal about both of two listings that fit, one of them this member's; "" where there is none.
func (v *view) proposeURL(one, two api.Record) string {
	if one.Member == v.Status.Member.Handle {
		one, two = two, one
	}
	if two.Member != v.Status.Member.Handle || one.Member == two.Member || !v.proposable(one) || !v.proposable(two) {
		return ""
	}
	return recordURL(one) + "/proposal?" + url.Values{"own": {cmp.Or(two.Number, two.ID)}}.Encode()
}

// changedDraft puts another quantity into a drafted proposal; of a loan, what comes back as well.
func changedDraft(draft map[string]any, quantity string) (json.RawMessage, error) {
	clauses, _ := draft["clauses"].([]any)
	for _, one := range clauses {
		c, _ := one.(map[string]any)
		for _, name := range []string{"quantity", "amount"} {
			if q, ok := c[name].(map[string]any); ok && quantity != "" {
				q["value"] = quantity
			}
		}
	}
	raw, err := json.Marshal(draft)
	if err != nil {
		return nil, protocol.Fail(protocol.ReasonInternal, "propose", err)
	}
	return raw, nil
}
