package exchange

import (
	"cmp"

	"github.com/dure-net/dure/node/index"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
	"github.com/dure-net/dure/protocol/record/match"
)

// terms are what agreeing and matching need of one version of a listing: nothing of what its writer says in words.
type terms struct {
	listing *record.Listing
	gist    *match.Gist
}

// Listing reads an offer or request as its row says it stands, with what matching needs of it. A version that was read is
// kept: a node that looks for matches judges thousands of them again and again. What comes back has none of the listing's
// texts, contacts and files, is shared, and is not to be changed.
func (d *Desk) Listing(row index.Row) (*record.Listing, *match.Gist, error) {
	d.mu.Lock()
	kept, ok := d.listings[row.Current.Entry]
	d.mu.Unlock()
	if ok && !row.Erased {
		return kept.listing, kept.gist, nil
	}
	e, err := d.cfg.Source.Entry(row.Current.Feed, row.Current.FeedSeq)
	if err != nil {
		return nil, nil, err
	}
	body, err := d.cfg.Source.Body(e)
	if err != nil {
		return nil, nil, err
	}
	r, err := record.FromBody(row.Kind, body)
	if err != nil {
		return nil, nil, err
	}
	l, ok := r.(*record.Listing)
	if !ok {
		return nil, nil, &protocol.Error{Reason: protocol.ReasonUsage, Op: "read listing", ID: row.Record.String(), Args: map[string]string{"unlisted": cmp.Or(row.Number, row.Record.String())}}
	}
	l.Title, l.Summary, l.Body, l.Requirements, l.ContactRole, l.Attachments = nil, nil, nil, nil, nil, nil
	kept = terms{l, match.Grasp(l)}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.listings) >= maxListings {
		clear(d.listings)
	}
	d.listings[e.ID()] = kept
	return kept.listing, kept.gist, nil
}

// listing reads an offer or a request, and whose it is.
func (d *Desk) listing(id protocol.RecordID) (owner string, l *record.Listing, err error) {
	row, ok := d.row(id)
	if !ok {
		return "", nil, &protocol.Error{Reason: protocol.ReasonNotFound, Op: "read listing", ID: id.String(), Args: map[string]string{"ref": id.String()}}
	}
	if l, _, err = d.Listing(row); err != nil {
		return "", nil, err
	}
	return row.Member, l, nil
}
