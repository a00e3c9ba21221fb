package api

import (
	"context"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"

	"github.com/dure-net/dure/protocol"
)

// wished is what a list is asked for: what is empty, and a limit of zero, is left to the node.
func wished(values map[string]string, limit int) url.Values {
	v := url.Values{}
	for name, value := range values {
		if value != "" {
			v.Set(name, value)
		}
	}
	if limit != 0 {
		v.Set("limit", strconv.Itoa(limit))
	}
	return v
}

// Agreements implements Exchanger.
func (c *Client) Agreements(ctx context.Context, q AgreementQuery) (page AgreementPage, err error) {
	v := wished(map[string]string{"member": q.Member, "phase": strings.Join(q.Phases, ","), "listing": q.Listing, "as_of": q.AsOf, "cursor": q.Cursor}, q.Limit)
	return page, c.get(ctx, "/agreements?"+v.Encode(), &page)
}

// Agreement implements Exchanger.
func (c *Client) Agreement(ctx context.Context, ref, asOf string) (a Agreement, err error) {
	return a, c.get(ctx, "/agreements/"+url.PathEscape(ref)+dated(asOf), &a)
}

// Inbox implements Exchanger.
func (c *Client) Inbox(ctx context.Context, asOf string) (box Inbox, err error) {
	return box, c.get(ctx, "/inbox"+dated(asOf), &box)
}

// Unanswered implements Exchanger.
func (c *Client) Unanswered(ctx context.Context, q UnansweredQuery) (u Unanswered, err error) {
	v := wished(map[string]string{"type": q.Type, "pays": q.Pays, "as_of": q.AsOf}, q.Limit)
	return u, c.get(ctx, "/unanswered?"+v.Encode(), &u)
}

// DraftProposal implements Exchanger.
func (c *Client) DraftProposal(ctx context.Context, listing, own string) (p map[string]any, err error) {
	path := "/records/" + url.PathEscape(listing) + "/proposal"
	if own != "" {
		path += "?own=" + url.QueryEscape(own)
	}
	return p, c.get(ctx, path, &p)
}

// Act implements Exchanger, with the promise of Publish.
func (c *Client) Act(ctx context.Context, ref string, d Deed) (Receipt, error) {
	if ref == "" {
		path := "/agreements"
		if d.Dry {
			path += "?dry_run=true"
		}
		return c.write(ctx, path, d.Proposal)
	}
	body, err := json.Marshal(d)
	if err != nil {
		return Receipt{}, protocol.Fail(protocol.ReasonMalformed, "act", err)
	}
	return c.write(ctx, "/agreements/"+url.PathEscape(ref)+"/deeds", body)
}

func dated(asOf string) string {
	if asOf == "" {
		return ""
	}
	return "?as_of=" + url.QueryEscape(asOf)
}
