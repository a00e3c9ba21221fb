package node

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dure-net/dure/node/api"
	desk "github.com/dure-net/dure/node/exchange"
	"github.com/dure-net/dure/node/index"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
	"github.com/dure-net/dure/protocol/record"
	"github.com/dure-net/dure/protocol/record/exchange"
	"github.com/dure-net/dure/replication"
)

// exchanges makes the desk at which agreements are made.
func (n *Node) exchanges() *desk.Desk {
	return desk.New(desk.Config{
		Self: n.facts.Handle, Index: n.index, Source: n.ledger, Now: n.opts.Now, Charter: func() charter.State { return n.replica.State() },
		Find: func(id protocol.EntryID) (protocol.Entry, error) { e, _, err := n.ledger.Find(id); return e, err },
		Gone: func(e protocol.Entry) bool { _, gone := n.replica.Erasures().Why(e); return gone },
		Publish: func(ctx context.Context, e desk.Entry) (desk.Written, error) {
			d := replication.Draft{Kind: e.Kind, Of: e.Of, Refs: e.Refs, Content: e.Content}
			if e.Numbered {
				number, err := n.nextNumber()
				if err != nil {
					return desk.Written{}, err
				}
				d.Number = number
			}
			p, err := n.replica.Publish(ctx, d)
			if err != nil {
				return desk.Written{}, err
			}
			n.indexed(ctx, p.Local)
			return desk.Written{Entry: p.Entry.ID(), Feed: p.Entry.Feed(), FeedSeq: p.Entry.Seq(), Seq: p.Local}, nil
		},
		Await:   func(ctx context.Context, local uint64) bool { return n.follower.Await(ctx, local, indexPatience) },
		Newest:  func() uint64 { return history{n}.Newest() },
		Changes: n.changesAfter,
		Resolve: n.resolve, Language: n.languageOf,
	})
}

// changesAfter tells the entries that something happened to after a local number, and how far it looked.
func (n *Node) changesAfter(local uint64) (entries []protocol.Entry, upto uint64, err error) {
	changes, err := n.ledger.Changes(local+1, 256)
	if err != nil {
		return nil, local, err
	}
	upto = local
	for _, c := range changes {
		entries, upto = append(entries, c.Entry), c.Local
	}
	return entries, upto, nil
}

// day reads a day on which something is to be judged; "" is today.
func (n *Node) day(asOf, op string) (record.Day, error) {
	if asOf == "" {
		return n.desk.Today(), nil
	}
	if _, err := time.Parse(time.DateOnly, asOf); err != nil {
		return "", &protocol.Error{Reason: protocol.ReasonUsage, Op: op, Field: "as_of", Err: err}
	}
	return record.Day(asOf), nil
}

// Agreements implements api.Exchanger.
func (n *Node) Agreements(_ context.Context, q api.AgreementQuery) (api.AgreementPage, error) {
	asOf, err := n.day(q.AsOf, "list agreements")
	if err != nil {
		return api.AgreementPage{}, err
	}
	cursor := api.RecordQuery{Types: q.Phases, Member: q.Member + " " + q.Listing, Cursor: q.Cursor}
	after, _, err := cursor.After()
	if err != nil {
		return api.AgreementPage{}, err
	}
	query := desk.Query{Member: q.Member, Before: after.Seq, Limit: cmp.Or(q.Limit, 50)}
	for _, p := range q.Phases {
		query.Phases = append(query.Phases, exchange.Phase(p))
	}
	if q.Listing != "" {
		row, err := n.index.Lookup(q.Listing)
		if err != nil {
			return api.AgreementPage{}, err
		}
		query.Listing = row.Record
	}
	threads, next, err := n.desk.Threads(query, asOf)
	if err != nil {
		return api.AgreementPage{}, err
	}
	out := api.AgreementPage{AsOf: string(asOf), Items: make([]api.Agreement, 0, len(threads))}
	for i := range threads {
		a, err := n.showThread(&threads[i], asOf)
		if err != nil {
			return api.AgreementPage{}, err
		}
		out.Items = append(out.Items, a)
	}
	if next > 0 {
		out.NextCursor = cursor.CursorAfter(api.Mark{Seq: next})
	}
	return out, nil
}

// Agreement implements api.Exchanger.
func (n *Node) Agreement(_ context.Context, ref, asOf string) (api.Agreement, error) {
	day, err := n.day(asOf, "read agreement")
	if err != nil {
		return api.Agreement{}, err
	}
	t, err := n.desk.Thread(ref, day)
	if err != nil {
		return api.Agreement{}, err
	}
	return n.showThread(&t, day)
}

// Act implements api.Exchanger.
func (n *Node) Act(ctx context.Context, ref string, d api.Deed) (api.Receipt, error) {
	deed := desk.Deed{
		Do: exchange.Deed(d.Deed), Version: d.Version, Proposal: d.Proposal, Text: d.Text, Done: d.Done, Clause: d.Clause, Quantity: d.Quantity,
		On: d.On, Corrects: d.Corrects, Less: d.Less, Clauses: d.Clauses, Reason: d.Reason, Closing: d.Closing, Outcome: d.Outcome,
		Repeat: d.Repeat, Lessons: d.Experience, Dry: d.Dry,
	}
	if e := d.Edit; e != nil {
		deed.Edit = &desk.Edit{Clause: e.Clause, Quantity: e.Quantity, Due: e.Due, RespondBy: e.RespondBy, Terms: e.Terms}
	}
	var err error
	if deed.Files, err = n.shown(d.Files); err != nil {
		return api.Receipt{}, err
	}
	done, err := n.desk.Act(ctx, ref, deed)
	if err != nil {
		return api.Receipt{}, err
	}
	out := api.Receipt{Dry: d.Dry}
	for _, p := range done.Personal {
		out.Warnings = append(out.Warnings, api.Personal{Field: p.Field, Code: string(p.Code), Found: p.Found})
	}
	if d.Dry {
		return out, nil
	}
	out.ID, out.Record, out.Seq, out.Feed, out.FeedSeq = done.Entry.String(), done.Thread.String(), done.Seq, done.Feed.String(), done.FeedSeq
	if out.Number = n.numberOf(done.Version); out.Number == "" {
		out.Number = n.numberOf(done.Thread)
	}
	return out, nil
}

// shown are the files that go with a report, if they lie here and are what they are said to be.
func (n *Node) shown(files []api.DeedFile) ([]record.Attachment, error) {
	var out []record.Attachment
	for i, f := range files {
		id, err := protocol.ParseCID(f.ID)
		if err != nil {
			fault := record.Fault{Field: "files[" + strconv.Itoa(i) + "].id", Code: record.FaultBadFormat, Value: f.ID, Args: map[string]string{"format": "attachment_id"}}
			return nil, &protocol.Error{Reason: protocol.ReasonInvalid, Op: "act", Field: fault.Field, Err: record.Faults{fault}}
		}
		out = append(out, record.Attachment{ID: id, MediaType: f.MediaType, Bytes: f.Bytes, Title: f.Title})
	}
	_, err := n.shelf.judge(out, nil)
	return out, err
}

// numberOf is the short number of a record; "" where it has none.
func (n *Node) numberOf(id protocol.RecordID) string {
	row, ok := n.rowOf(id)
	if !ok {
		return ""
	}
	return row.Number
}

// Inbox implements api.Exchanger.
func (n *Node) Inbox(ctx context.Context, asOf string) (api.Inbox, error) {
	day, err := n.day(asOf, "read inbox")
	if err != nil {
		return api.Inbox{}, err
	}
	waiting, err := n.desk.Inbox(day)
	if err != nil {
		return api.Inbox{}, err
	}
	out := api.Inbox{AsOf: string(day), Items: []api.InboxItem{}}
	for i := range waiting {
		t := &waiting[i].Thread
		head := latest(t)
		item := api.InboxItem{ID: t.ID.String(), Number: exchange.NumberOf(t.Proposer, t.Number), Title: head.Proposal.Title, Lang: head.Proposal.Lang, Phase: string(t.Phase), Parties: n.partiesOf(t)}
		for _, w := range waiting[i].Waits {
			item.Waits = append(item.Waits, n.wait(t, w))
		}
		out.Items = append(out.Items, item)
	}
	if out.Listings, err = n.overCommitted(day); err != nil {
		return api.Inbox{}, err
	}
	if out.Records, err = n.waiting(day); err != nil {
		return api.Inbox{}, err
	}
	if out.Unread, err = n.letters.Unread(ctx); err != nil {
		return api.Inbox{}, err
	}
	if out.Searches, err = n.searchesWithNews(ctx); err != nil {
		return api.Inbox{}, err
	}
	return out, nil
}

func (n *Node) wait(t *exchange.Thread, w exchange.Wait) api.Wait {
	out := api.Wait{Code: w.Code, Clause: w.Clause, From: w.From, Day: string(w.Day), Late: w.Late}
	if v := t.Version(w.Version); v != nil {
		out.Version = exchange.NumberOf(v.Writer, v.Number)
	}
	return out
}

// overListings bounds the own listings that are looked through for over-commitment, from the newest on.
const overListings = 500

// overCommitted lists own listings of which more is promised than there is.
func (n *Node) overCommitted(asOf record.Day) ([]api.OverListing, error) {
	var out []api.OverListing
	page, err := n.index.Page(index.Query{Types: []string{"offer", "request"}, Member: n.facts.Handle, Limit: overListings})
	if err != nil {
		return nil, err
	}
	answered, err := n.desk.Answered(asOf)
	if err != nil {
		return nil, err
	}
	for _, row := range page.Rows {
		if !answered[row.Record] {
			continue
		}
		l, ok := n.listingOf(row)
		if !ok {
			continue
		}
		s, err := n.desk.Stock(row.Record, row.Member, l, asOf)
		if err != nil {
			return nil, err
		}
		if s.Over == "" {
			continue
		}
		shown, err := n.show(row)
		if err != nil {
			return nil, err
		}
		out = append(out, api.OverListing{Record: shown, Stock: n.stock(s)})
	}
	return out, nil
}

// listingOf reads the current version of an offer or request; false where it says nothing.
func (n *Node) listingOf(row index.Row) (*record.Listing, bool) {
	if row.Withdrawn || row.Erased {
		return nil, false
	}
	e, err := n.ledger.Entry(row.Current.Feed, row.Current.FeedSeq)
	if err != nil {
		return nil, false
	}
	body, err := n.ledger.Body(e)
	if err != nil {
		return nil, false
	}
	r, err := record.FromBody(row.Kind, body)
	if err != nil {
		return nil, false
	}
	l, ok := r.(*record.Listing)
	return l, ok
}

// stockOf is what is left of an offer or a request that an agreement draws on; nil where none does.
func (n *Node) stockOf(row index.Row) (*api.Stock, error) {
	if row.Kind != protocol.KindOffer && row.Kind != protocol.KindRequest {
		return nil, nil
	}
	today := n.desk.Today()
	if answered, err := n.desk.Answered(today); err != nil || !answered[row.Record] {
		return nil, err
	}
	l, ok := n.listingOf(row)
	if !ok {
		return nil, nil
	}
	s, err := n.desk.Stock(row.Record, row.Member, l, today)
	if err != nil || len(s.Pledges) == 0 {
		return nil, err
	}
	out := n.stock(s)
	return &out, nil
}

func (n *Node) stock(s exchange.Stock) api.Stock {
	out := api.Stock{State: s.State, Total: s.Total, Committed: s.Committed, Remaining: s.Remaining, Over: s.Over, Unit: s.Unit}
	for _, p := range s.Pledges {
		out.Pledges = append(out.Pledges, n.pledge(p))
	}
	return out
}

func (n *Node) pledge(p exchange.Pledge) api.Pledge {
	return api.Pledge{Listing: p.Listing.String(), Number: n.numberOf(p.Listing), Thread: p.Thread.String(), Agreement: n.numberOf(p.Thread), Clause: p.Clause, Owner: p.Owner, Value: p.Value,
		Unit: p.Unit, Signed: p.Signed.String(), Exceeds: p.Exceeds}
}

// DraftProposal implements api.Exchanger.
func (n *Node) DraftProposal(_ context.Context, listing, own string) (map[string]any, error) {
	today := n.desk.Today()
	var offer, request *exchange.Side
	other := ""
	for _, ref := range []string{listing, own} {
		if ref == "" {
			continue
		}
		row, err := n.index.Lookup(ref)
		if err != nil {
			return nil, err
		}
		l, ok := n.listingOf(row)
		if !ok {
			return nil, &protocol.Error{Reason: protocol.ReasonUsage, Op: "draft proposal", Args: map[string]string{"unlisted": cmp.Or(row.Number, row.Record.String())}}
		}
		s, err := n.desk.Stock(row.Record, row.Member, l, today)
		if err != nil {
			return nil, err
		}
		side := &exchange.Side{ID: row.Record, Owner: row.Member, Listing: l, Remaining: s.Remaining}
		if row.Member != n.facts.Handle {
			other = row.Member
		}
		at := &offer
		if row.Kind == protocol.KindRequest {
			at = &request
		}
		if *at != nil {
			return nil, &protocol.Error{Reason: protocol.ReasonUsage, Op: "draft proposal", Args: map[string]string{"same_side": cmp.Or(row.Number, row.Record.String())}}
		}
		*at = side
	}
	if other == "" {
		return nil, &protocol.Error{Reason: protocol.ReasonUsage, Op: "draft proposal", Args: map[string]string{"own_listing": listing}}
	}
	raw, err := json.Marshal(exchange.Draft(offer, request, n.facts.Handle, other, today))
	if err != nil {
		return nil, protocol.Fail(protocol.ReasonInternal, "draft proposal", err)
	}
	out := map[string]any{}
	if err := json.Unmarshal(raw, &out); err != nil {
		return nil, protocol.Fail(protocol.ReasonInternal, "draft proposal", err)
	}
	return out, nil
}

// unansweredScanned bounds the listings that are looked through for those that nobody answered.
const unansweredScanned = 20_000

// Unanswered implements api.Exchanger.
func (n *Node) Unanswered(ctx context.Context, q api.UnansweredQuery) (api.Unanswered, error) {
	asOf, err := n.day(q.AsOf, "list unanswered")
	if err != nil {
		return api.Unanswered{}, err
	}
	if q.Pays != "" && !record.Has(record.CostBearers, q.Pays) {
		return api.Unanswered{}, &protocol.Error{Reason: protocol.ReasonUsage, Op: "list unanswered", Field: "pays"}
	}
	completed, err := n.desk.Completed(asOf)
	if err != nil {
		return api.Unanswered{}, err
	}
	answered, err := n.desk.Answered(asOf)
	if err != nil {
		return api.Unanswered{}, err
	}
	s := n.replica.State()
	out := api.Unanswered{AsOf: string(asOf), Items: []api.UnansweredItem{}}
	type waiting struct {
		row   index.Row
		since record.Day
		done  int
	}
	var found []waiting
	scanned := 0
	for after, more := (index.Mark{}), true; more && scanned < unansweredScanned; {
		if err := ctx.Err(); err != nil {
			return out, protocol.Fail(protocol.ReasonCanceled, "list unanswered", err)
		}
		page, err := n.index.Page(index.Query{Types: []string{cmp.Or(q.Type, "request")}, Limit: index.MaxLimit, After: after})
		if err != nil {
			return out, err
		}
		for _, row := range page.Rows {
			scanned++
			side, ok := n.side(s, row)
			if !ok || side.Listing.State != "" && side.Listing.State != "published" || !side.Listing.Standing && side.Listing.ValidUntil < asOf || !paid(side.Listing, q.Pays) {
				continue
			}
			if answered[row.Record] {
				continue
			}
			e, _, err := n.ledger.Find(row.Record)
			if err != nil {
				continue
			}
			found = append(found, waiting{row, record.DayOf(e.Header().Time), completed[row.Member]})
		}
		after, more = page.Next, page.Next != (index.Mark{})
	}
	slices.SortFunc(found, func(a, b waiting) int {
		return cmp.Or(cmp.Compare(a.since, b.since), cmp.Compare(a.done, b.done), strings.Compare(a.row.Record.KeyString(), b.row.Record.KeyString()))
	})
	for _, w := range found[:min(len(found), cmp.Or(q.Limit, 50))] {
		shown, err := n.show(w.row)
		if err != nil {
			return out, err
		}
		out.Items = append(out.Items, api.UnansweredItem{Record: shown, Since: string(w.since), Days: daysBetween(w.since, asOf), Completed: w.done})
	}
	return out, nil
}

func paid(l *record.Listing, by string) bool {
	if by == "" {
		return true
	}
	return l.Costs != nil && slices.Contains([]string{l.Costs.Travel, l.Costs.Lodging, l.Costs.Shipping, l.Costs.Insurance, l.Costs.Stipend}, by)
}

// daysBetween counts the days from one to another; 0 where the second is earlier.
func daysBetween(from, to record.Day) int {
	a, err1 := time.Parse(time.DateOnly, string(from))
	b, err2 := time.Parse(time.DateOnly, string(to))
	if err1 != nil || err2 != nil || b.Before(a) {
		return 0
	}
	return int(b.Sub(a) / (24 * time.Hour))
}

// latest is the version that people mean by a thread: the one that holds, else the newest open one, else the newest.
func latest(t *exchange.Thread) *exchange.Version {
	if v := t.Version(t.Ruling); v != nil {
		return v
	}
	best := &t.Versions[0]
	for i := range t.Versions {
		v := &t.Versions[i]
		open := func(v *exchange.Version) bool { return v.State == exchange.Proposed || v.State == exchange.Accepted }
		if open(v) || !open(best) {
			best = v
		}
	}
	return best
}

func digestOf(t *exchange.Thread) (string, error) {
	raw, err := exchange.Encode([]exchange.Thread{*t})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:]), nil
}
