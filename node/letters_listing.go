package node

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/index"
	"github.com/dure-net/dure/node/private"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
	"github.com/dure-net/dure/protocol/record"
	"github.com/dure-net/dure/protocol/record/match"
	"github.com/dure-net/dure/protocol/sealed"
)

// A listing for chosen members is a letter whose content is what an open listing would
// say. Those who can read it see it in lists and among matches, marked; for all others
// there is a sealed entry and nothing else. It is never in the index, whose file lies on
// the disk: it is opened when it is asked for.

// whatOf is the letter that carries a listing of a kind.
func whatOf(kind protocol.Kind) (sealed.What, bool) {
	switch kind {
	case protocol.KindOffer:
		return sealed.WhatOffer, true
	case protocol.KindRequest:
		return sealed.WhatRequest, true
	}
	return "", false
}

func kindOf(l private.Letter) protocol.Kind {
	if l.What == sealed.WhatOffer {
		return protocol.KindOffer
	}
	return protocol.KindRequest
}

// publishFor publishes a listing for chosen members, or a new version of one.
func (n *Node) publishFor(ctx context.Context, d api.Draft, rec record.Record) (api.Receipt, error) {
	what, ok := whatOf(rec.Kind())
	if !ok {
		return api.Receipt{}, &protocol.Error{Reason: protocol.ReasonUsage, Op: "publish", Args: map[string]string{"chosen": d.Type}}
	}
	if listing, ok := rec.(*record.Listing); ok && len(listing.Attachments) > 0 {
		// Files lie open, and are handed to whoever names an entry that names them.
		return api.Receipt{}, &protocol.Error{Reason: protocol.ReasonUsage, Op: "publish", Args: map[string]string{"files": strconv.Itoa(len(listing.Attachments))}}
	}
	raw, err := protocol.Encode(rec.Content())
	if err != nil {
		return api.Receipt{}, err
	}
	content, err := protocol.DecodeGeneric(raw)
	if err != nil {
		return api.Receipt{}, err
	}
	l := sealed.Letter{What: what, To: d.For, Listing: content.(map[string]any)}
	if limit := sealed.MaxContentBytes - 4<<10; len(raw) > limit {
		return api.Receipt{}, &protocol.Error{Reason: protocol.ReasonTooLarge, Op: "publish", Field: "for",
			Args: map[string]string{"field": d.Type, "size": strconv.Itoa(len(raw)), "max": strconv.Itoa(limit)}}
	}
	var of protocol.RecordID
	if d.Of != "" {
		old, err := n.ownLetter(d.Of)
		if err != nil {
			return api.Receipt{}, err
		}
		if kindOf(old) != rec.Kind() {
			return api.Receipt{}, &protocol.Error{Reason: protocol.ReasonUsage, Op: "revise", Field: "type", Args: map[string]string{"type": d.Type, "was": string(old.What)}}
		}
		if d.Version != "" && d.Version != old.Entry.String() {
			return api.Receipt{}, &protocol.Error{Reason: protocol.ReasonConflict, Op: "revise", ID: old.Record.String(), Args: map[string]string{"superseded": old.Entry.String()}}
		}
		of = old.Record
	}
	return n.send(ctx, l, of, d.Dry)
}

// withdrawFor withdraws a listing for chosen members. An open withdrawal would tell
// everybody what the letter is, so it is another version of it, for the same members: closed
// as withdrawn, with the reason as its text.
func (n *Node) withdrawFor(ctx context.Context, ref string, reason map[string]string) (api.Receipt, error) {
	old, err := n.ownLetter(ref)
	if err != nil {
		return api.Receipt{}, err
	}
	listing, ok := listingOf(old)
	if !ok {
		return api.Receipt{}, &protocol.Error{Reason: protocol.ReasonInvalid, Op: "withdraw", ID: old.Record.String()}
	}
	if withdrawn(listing) {
		return api.Receipt{}, &protocol.Error{Reason: protocol.ReasonConflict, Op: "withdraw", ID: old.Record.String(), Args: map[string]string{"number": cmp.Or(old.Number, old.Record.String())}}
	}
	w := &record.Withdrawal{Base: record.Base{Type: protocol.KindWithdraw.String(), Lang: n.languageOf(reason)}, Reason: reason}
	if faults := record.Validate(w); len(faults) > 0 {
		return api.Receipt{}, &protocol.Error{Reason: protocol.ReasonInvalid, Op: "withdraw", Err: faults}
	}
	l := sealed.Letter{What: old.What, To: old.To, About: old.About, Listing: maps.Clone(old.Listing)}
	l.Listing["state"], l.Listing["closed_as"] = "closed", "withdrawn"
	if text := reason[w.Lang]; text != "" {
		l.Lang, l.Text = w.Lang, text
	}
	return n.send(ctx, l, old.Record, false)
}

// withdrawn reports whether a listing for chosen members was withdrawn.
func withdrawn(l *record.Listing) bool { return l.State == "closed" && l.ClosedAs == "withdrawn" }

// ownLetter finds a letter of this member that carries a listing.
func (n *Node) ownLetter(ref string) (private.Letter, error) {
	l, err := n.letters.Lookup(ref)
	switch {
	case err != nil:
		return l, err
	case !l.Own:
		return l, &protocol.Error{Reason: protocol.ReasonNotOwner, Op: "change record", ID: l.Record.String(),
			Args: map[string]string{"member": l.From, "number": cmp.Or(l.Number, l.Record.String())}}
	case l.State == private.StateErased:
		return l, &protocol.Error{Reason: protocol.ReasonErased, Op: "revise", ID: l.Record.String(), Args: map[string]string{"number": cmp.Or(l.Number, l.Record.String())}}
	case !l.IsListing():
		return l, &protocol.Error{Reason: protocol.ReasonUsage, Op: "revise", Args: map[string]string{"unlisted": cmp.Or(l.Number, l.Record.String())}}
	}
	return l, nil
}

// showLetter is a listing for chosen members as a record.
func (n *Node) showLetter(l private.Letter) (api.Record, bool) {
	m, _ := n.replica.State().Member(l.From)
	out := api.Record{ID: l.Record.String(), Number: l.Number, Type: cmp.Or(string(l.What), protocol.KindSealed.String()), Member: l.From, Names: m.Facts.Names, State: api.RecordPublished, Time: l.Time,
		Seq: l.Local, Revisions: l.Versions - 1, Entry: l.Entry.String(), Feed: l.Feed.String(), FeedSeq: l.FeedSeq, For: slices.Clone(l.To)}
	if m.Status == charter.StatusSuspended || m.Status == charter.StatusRemoved {
		out.Owner = string(m.Status)
	}
	if l.State == private.StateErased {
		out.State, out.For = api.RecordErased, []string{}
		return out, true
	}
	listing, ok := listingOf(l)
	if !ok {
		out.State = api.RecordInvalid
		return out, true
	}
	raw, err := json.Marshal(l.Listing)
	if err != nil || json.Unmarshal(raw, &out.Content) != nil {
		out.State = api.RecordInvalid
		return out, true
	}
	if out.Lang = listing.Lang; withdrawn(listing) {
		if out.State = api.RecordWithdrawn; l.Text != "" {
			out.Reason = map[string]string{l.Lang: l.Text}
		}
	}
	return out, true
}

// listingOf reads the listing in a letter as the body of an open one is read.
func listingOf(l private.Letter) (*record.Listing, bool) {
	if !l.IsListing() {
		return nil, false
	}
	body, err := protocol.EncodeBody(protocol.Salt{}, l.Listing)
	if err != nil {
		return nil, false
	}
	rec, err := record.FromBody(kindOf(l), body)
	if err != nil {
		return nil, false
	}
	listing, ok := rec.(*record.Listing)
	return listing, ok
}

// listings are the listings for chosen members that this node reads: below a local
// number (0: all), of some kinds and of one member ("": of all), newest first.
func (n *Node) listings(ctx context.Context, types []string, member string, before uint64, most int) ([]private.Letter, error) {
	q := private.Query{Before: before, Limit: min(most, private.MaxPage)}
	for _, what := range []sealed.What{sealed.WhatOffer, sealed.WhatRequest} {
		if len(types) == 0 || slices.Contains(types, string(what)) {
			q.What = append(q.What, what)
		}
	}
	if len(q.What) == 0 {
		return nil, nil
	}
	var out []private.Letter
	for len(out) < most {
		page, err := n.letters.List(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, l := range page.Letters {
			if member == "" || l.From == member {
				out = append(out, l)
			}
		}
		if q.Before = page.Next; page.Next == 0 {
			break
		}
	}
	return out, nil
}

// isPlain reports whether a query asks for nothing but types and an owner, newest first:
// words and facets are answered by the index alone, which holds nothing of letters.
func isPlain(q api.RecordQuery) bool {
	return reflect.DeepEqual(q, api.RecordQuery{Types: q.Types, Member: q.Member, Limit: q.Limit, Cursor: q.Cursor, Sort: q.Sort, AsOf: q.AsOf, Sealed: q.Sealed}) && (q.Sort == "" || q.Sort == api.SortNewest)
}

// weave puts listings for chosen members into a page of open records, newest first.
// seqs are the local numbers of the open ones.
func (n *Node) weave(ctx context.Context, q api.RecordQuery, before uint64, page *api.RecordPage, seqs []uint64, more bool) error {
	limit := cmp.Or(q.Limit, api.DefaultLimit)
	letters, err := n.listings(ctx, q.Types, q.Member, before, limit+1)
	if err != nil || len(letters) == 0 {
		return err
	}
	type placed struct {
		seq uint64
		rec api.Record
	}
	var all []placed
	for i, rec := range page.Items {
		all = append(all, placed{seqs[i], rec})
	}
	for _, l := range letters {
		if more && l.Local < seqs[len(seqs)-1] {
			break // of a later page
		}
		if rec, ok := n.showLetter(l); ok {
			all = append(all, placed{l.Local, rec})
		}
	}
	slices.SortFunc(all, func(a, b placed) int { return cmp.Compare(b.seq, a.seq) })
	if len(all) > limit {
		all, more = all[:limit], true
	}
	page.Items, page.NextCursor = page.Items[:0:0], ""
	for _, p := range all {
		page.Items = append(page.Items, p.rec)
	}
	if more {
		page.NextCursor = q.CursorAfter(api.Mark{Seq: all[len(all)-1].seq})
	}
	return nil
}

// sideOf reads a letter that can be judged as a listing.
func (n *Node) sideOf(s charter.State, l private.Letter) (match.Side, bool) {
	m, ok := s.Member(l.From)
	if !ok || m.Status != charter.StatusMember || l.State != private.StateOpen {
		return match.Side{}, false
	}
	listing, ok := listingOf(l)
	return match.Side{ID: l.Record, Member: l.From, Country: m.Facts.Country, Listing: listing}, ok
}

// lookup finds a record. A sealed entry is none, whoever it is for: what it is, only the
// room of letters can say.
func (n *Node) lookup(ref string) (index.Row, error) {
	row, err := n.index.Lookup(ref)
	if err == nil && row.Kind == protocol.KindSealed {
		return index.Row{}, &protocol.Error{Reason: protocol.ReasonNotFound, Op: "find record", ID: ref, Args: map[string]string{"ref": ref}}
	}
	return row, err
}
