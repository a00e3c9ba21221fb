package web

import (
	"encoding/json"
	"net/http"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
)

// proposing is the form by which an exchange is proposed on the page of another member's listing.
type proposing struct {
	Path, Token, Key string
	Left             string // in words; "" where no agreement draws on the listing
}

// proposing is nil for what is no open listing, or is this member's own.
func (s *site) proposing(r *http.Request, v *view, rec api.Record) *proposing {
	kind, _ := protocol.ParseKind(rec.Type)
	state, _ := rec.Content["state"].(string)
	if kind != protocol.KindOffer && kind != protocol.KindRequest || rec.Member == v.Status.Member.Handle || rec.State != api.RecordPublished ||
		state != "" && state != "published" || rec.Owner != "" || !v.May("write") {
		return nil
	}
	p := &proposing{Path: recordURL(rec) + "/proposal", Token: s.sessions.FormToken(r, agreementForm), Key: newKey()}
	if t := rec.Stock; t != nil {
		p.Left = v.T("cli.stock", "remaining", t.Remaining, "total", t.Total, "unit", v.unit(t.Unit), "state", v.T("term.stock."+t.State))
	}
	return p
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
