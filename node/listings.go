package node

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/index"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// Adjust implements api.Publisher. The new version says what the current one says, but
// for its state: whoever pauses a listing does not write it again.
func (n *Node) Adjust(ctx context.Context, ref string, a api.Adjustment) (api.Receipt, error) {
	row, err := n.owned(ref)
	var chosen []string // whom it is for; nil: everybody
	var v index.View
	if protocol.ReasonOf(err) == protocol.ReasonNotFound {
		if l, lerr := n.ownLetter(ref); lerr == nil {
			shown, _ := n.showLetter(l)
			row, chosen, err = index.Row{Record: l.Record, Number: l.Number, Kind: kindOf(l), Current: index.Place{Entry: l.Entry}}, l.To, nil
			v = index.View{State: index.State(shown.State), Content: shown.Content}
		} else if protocol.ReasonOf(lerr) != protocol.ReasonNotFound {
			err = lerr
		}
	}
	if err != nil {
		return api.Receipt{}, err
	}
	number := cmp.Or(row.Number, row.Record.String())
	if row.Kind == protocol.KindNotice && a.State == "closed" {
		if v, err := n.index.View(row); err != nil || v.Head.Category == "call" {
			if err != nil {
				return api.Receipt{}, err
			}
			return n.closeCall(ctx, row)
		}
	}
	if row.Kind != protocol.KindOffer && row.Kind != protocol.KindRequest {
		return api.Receipt{}, &protocol.Error{Reason: protocol.ReasonUsage, Op: "adjust listing", Args: map[string]string{"unlisted": number}}
	}
	if chosen == nil {
		if v, err = n.index.View(row); err != nil {
			return api.Receipt{}, err
		}
	}
	if v.State != index.StatePublished {
		return api.Receipt{}, &protocol.Error{Reason: protocol.ReasonConflict, Op: "adjust listing", ID: row.Record.String(), Args: map[string]string{"number": number}}
	}
	content := maps.Clone(v.Content)
	now, _ := content["state"].(string)
	if now = cmp.Or(now, "published"); now == "closed" {
		return api.Receipt{}, &protocol.Error{Reason: protocol.ReasonConflict, Op: "adjust listing", ID: row.Record.String(), Args: map[string]string{"closed": number}}
	}
	changed := false
	if a.State != "" && a.State != now {
		content["state"], changed = a.State, true
		if a.State == "closed" {
			content["closed_as"] = cmp.Or(a.ClosedAs, "withdrawn")
		}
	}
	if a.ValidUntil != "" && a.ValidUntil != content["valid_until"] {
		content["valid_until"], changed = a.ValidUntil, true
		delete(content, "standing")
	}
	if !changed {
		return api.Receipt{}, &protocol.Error{Reason: protocol.ReasonConflict, Op: "adjust listing", ID: row.Record.String(), Args: map[string]string{"same": number}}
	}
	raw, err := json.Marshal(content)
	if err != nil {
		return api.Receipt{}, protocol.Fail(protocol.ReasonInternal, "adjust listing", err)
	}
	return n.Publish(ctx, api.Draft{Type: row.Kind.String(), Raw: raw, Of: row.Record.String(), Version: row.Current.Entry.String(), For: chosen})
}

// Reminders before an own listing ends, and how long afterwards it is still told.
const (
	remindDays   = 7
	remindedDays = 14
)

// remindedListings bounds the own listings that are looked through, from the newest on,
// and maxReminders those told of: status is asked for often.
const (
	remindedListings = 200
	maxReminders     = 20
)

// ending tells of own listings that are about to end, or ended lately.
func (n *Node) ending() []api.Alert {
	var out []api.Alert
	today := n.opts.Now()
	day := func(days int) record.Day { return record.Day(today.AddDate(0, 0, days).Format(time.DateOnly)) }
	page, err := n.index.Page(index.Query{Types: []string{"offer", "request"}, Member: n.facts.Handle, Limit: remindedListings})
	if err != nil {
		return nil
	}
	s := n.replica.State()
	for _, row := range page.Rows {
		side, ok := n.side(s, row)
		if !ok || len(out) == maxReminders {
			continue
		}
		l := side.Listing
		if l.Standing || l.ValidUntil == "" || l.State != "" && l.State != "published" {
			continue
		}
		code := ""
		switch until := l.ValidUntil; {
		case until < day(-remindedDays):
		case until < day(0):
			code = "listing_ended"
		case until <= day(1):
			code = "listing_ends_tomorrow"
		case until <= day(remindDays):
			code = "listing_ends"
		}
		if code == "" {
			continue
		}
		if v, err := n.index.View(row); err == nil { // what is kept for judging has no title
			out = append(out, api.Alert{Code: code, Level: api.AlertNote, Member: n.facts.Handle,
				Args: map[string]string{"number": row.Number, "day": string(l.ValidUntil), "title": oneName(protocol.Text(v.Head.Title), n.conf.Lang)}})
		}
	}
	return out
}
