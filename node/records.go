package node

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/index"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
	"github.com/dure-net/dure/protocol/record"
	"github.com/dure-net/dure/replication"
	"github.com/dure-net/dure/replication/ledger"
)

// reindex fills the index with what the ledger holds, in order of arrival.
func (n *Node) reindex() error {
	n.restand()
	items := make([]index.Item, 0, 1024)
	places := map[protocol.FeedID]protocol.Entry{} // each feed's last word on where its node is
	err := n.ledger.Walk(func(local uint64, e protocol.Entry) error {
		items = append(items, n.item(local, e))
		if e.Kind() == protocol.KindNode {
			places[e.Feed()] = e
		}
		if len(items) == cap(items) {
			n.index.Add(items...)
			items = items[:0]
		}
		return nil
	})
	n.index.Add(items...)
	n.restand()
	for _, e := range places {
		n.replica.Others().Remember(e)
	}
	return err
}

func (n *Node) item(local uint64, e protocol.Entry) index.Item {
	member, count := n.replica.Feeds().Standings(e.Feed())
	return index.Item{Entry: e, Seq: local, Member: member, Standing: e.Seq() < count}
}

// arrived is told of entries in the order in which they became durable, before their
// writer is told: what was published can be read at once.
func (n *Node) arrived(a replication.Arrival) {
	items := make([]index.Item, len(a.Page.Entries))
	for i, e := range a.Page.Entries {
		items[i] = index.Item{Entry: e, Seq: a.First + uint64(i), Member: a.Member, Standing: e.Seq() < a.Stands}
	}
	n.index.Add(items...)
	n.events.note(a)
	n.twins.note(a)
}

// turned has the index follow a feed to another branch.
func (n *Node) turned(t replication.Turned) {
	newest := n.ledger.Stats().Next
	n.index.Retract(t.Feed, t.From)
	for from := t.Local; from < newest; {
		changes, err := n.ledger.Changes(from, 256)
		if err != nil || len(changes) == 0 {
			if err != nil {
				n.log.Error("the list of records lacks some until the next start", "feed", t.Feed.Short(), "err", err)
			}
			break
		}
		var items []index.Item
		for _, c := range changes {
			from = c.Local + 1
			if c.What == ledger.Appended && c.Entry.Feed() == t.Feed {
				items = append(items, n.item(c.Local, c.Entry))
			}
		}
		n.index.Add(items...)
	}
	n.restand()
	n.events.reached(newest - 1)
}

// restand tells the index whose the feeds are and how far they stand.
func (n *Node) restand() {
	n.restanding.Lock() // what was read later is told later
	defer n.restanding.Unlock()
	for _, l := range n.replica.Feeds().Limits() {
		n.index.Restand(l.Feed, l.Member, l.Count)
	}
	var erased []protocol.EntryID
	for _, e := range n.replica.State().Erasures() {
		erased = append(erased, e.Entry)
	}
	n.index.SetErased(erased)
}

// Records implements api.Reader.
func (n *Node) Records(_ context.Context, q api.RecordQuery) (api.RecordPage, error) {
	before, _, err := q.Before()
	if err != nil {
		return api.RecordPage{}, err
	}
	page, err := n.index.Page(index.Query{Types: q.Types, Member: q.Member, Limit: q.Limit, Before: before})
	if err != nil {
		return api.RecordPage{}, err
	}
	out := api.RecordPage{Items: make([]api.Record, 0, len(page.Rows))}
	for _, row := range page.Rows {
		r, err := n.show(row)
		if err != nil {
			return api.RecordPage{}, err
		}
		out.Items = append(out.Items, r)
	}
	if page.Next > 0 {
		out.NextCursor = q.CursorAfter(page.Next)
	}
	return out, nil
}

// Record implements api.Reader.
func (n *Node) Record(_ context.Context, ref string) (api.Record, error) {
	row, err := n.index.Lookup(ref)
	if err != nil {
		return api.Record{}, err
	}
	return n.show(row)
}

func (n *Node) show(row index.Row) (api.Record, error) {
	v, err := n.index.View(row)
	if err != nil {
		return api.Record{}, err
	}
	out := api.Record{
		ID: row.Record.String(), Number: row.Number, Type: row.Kind.String(), Member: row.Member, Lang: v.Lang, State: api.RecordState(v.State),
		Time: v.Time, Seq: row.Current.Seq, Revisions: row.Revisions, Entry: row.Current.Entry.String(), Feed: row.Current.Feed.String(),
		FeedSeq: row.Current.FeedSeq, Content: v.Content, Reason: v.Reason,
	}
	if v.Body.Defined() {
		out.Body = v.Body.String()
	}
	if m, ok := n.replica.State().Member(row.Member); ok {
		out.Names = m.Facts.Names
		if m.Status == charter.StatusSuspended || m.Status == charter.StatusRemoved {
			out.Owner = string(m.Status)
		}
	}
	if v.State == index.StateErased {
		if e, err := n.ledger.Entry(row.Current.Feed, row.Current.FeedSeq); err == nil {
			if c, gone := n.replica.Erasures().Why(e); gone {
				out.Erased = n.erasedBy(c)
			}
		}
	}
	return out, nil
}

// Block implements api.Reader.
func (n *Node) Block(_ context.Context, text string) (api.Block, error) {
	id, err := protocol.ParseCID(text)
	if err != nil {
		return api.Block{}, err
	}
	codec := api.CodecDagCBOR
	if id.Prefix().Codec == protocol.CodecRaw {
		codec = api.CodecRaw
	}
	if id == n.federation {
		return api.Block{CID: text, Codec: codec, Data: append([]byte(nil), n.papers...)}, nil
	}
	raw, err := n.ledger.Block(id)
	e, isBody, ferr := n.ledger.Find(id)
	if protocol.ReasonOf(err) == protocol.ReasonErased && ferr == nil {
		if c, gone := n.replica.Erasures().Why(e); gone {
			row, _ := n.index.Record(e.ID())
			return api.Block{}, n.goneError("read block", row, c)
		}
	}
	if err != nil {
		return api.Block{}, err
	}
	return api.Block{CID: text, Codec: codec, Data: raw, Erasable: ferr != nil || isBody && e.Kind().IsErasable()}, nil
}

// Publish implements api.Publisher.
func (n *Node) Publish(ctx context.Context, d api.Draft) (api.Receipt, error) {
	kind, ok := protocol.ParseKind(d.Type)
	if !ok || !kind.IsRecord() {
		return api.Receipt{}, &protocol.Error{Reason: protocol.ReasonUsage, Op: "publish", Field: "type", Args: map[string]string{"type": d.Type}}
	}
	rec, err := record.ParseWith(kind, d.Raw, n.resolve)
	if err != nil {
		return api.Receipt{}, err
	}
	warnings := personal(rec)
	draft := replication.Draft{Kind: kind, Content: rec.Content()}
	refs := rec.Refs()
	if d.Of == "" {
		if d.Dry {
			return api.Receipt{Dry: true, Warnings: warnings}, nil
		}
		draft.Refs = refs[:min(len(refs), protocol.MaxReferences)]
		return warned(warnings)(n.publish(ctx, draft, true))
	}
	row, err := n.owned(d.Of)
	if err != nil {
		return api.Receipt{}, err
	}
	if row.Kind != kind {
		return api.Receipt{}, &protocol.Error{Reason: protocol.ReasonUsage, Op: "revise", Field: "type",
			Args: map[string]string{"type": d.Type, "was": row.Kind.String()}}
	}
	if row.Erased {
		return api.Receipt{}, n.erasedError("revise", row)
	}
	if row.Withdrawn {
		return api.Receipt{}, &protocol.Error{Reason: protocol.ReasonConflict, Op: "revise", ID: row.Record.String(), Args: map[string]string{"number": row.Number}}
	}
	if d.Dry {
		return api.Receipt{Dry: true, Warnings: warnings}, nil
	}
	draft.Of = row.Record
	draft.Refs = append([]protocol.CID{row.Current.Entry}, refs[:min(len(refs), protocol.MaxReferences-1)]...)
	return warned(warnings)(n.publish(ctx, draft, false))
}

// personal tells the writer, and nobody else, what looks like data of private persons.
func personal(r record.Record) []api.Personal {
	var out []api.Personal
	for _, p := range record.FindPersonal(r) {
		out = append(out, api.Personal{Field: p.Field, Code: string(p.Code), Found: p.Found})
	}
	return out
}

// warned adds warnings to a receipt.
func warned(warnings []api.Personal) func(api.Receipt, error) (api.Receipt, error) {
	return func(r api.Receipt, err error) (api.Receipt, error) {
		if err == nil {
			r.Warnings = warnings
		}
		return r, err
	}
}

// Withdraw implements api.Publisher.
func (n *Node) Withdraw(ctx context.Context, ref string, reason map[string]string) (api.Receipt, error) {
	row, err := n.owned(ref)
	if err != nil {
		return api.Receipt{}, err
	}
	if row.Erased {
		return api.Receipt{}, n.erasedError("withdraw", row)
	}
	if row.Withdrawn {
		return api.Receipt{}, &protocol.Error{Reason: protocol.ReasonConflict, Op: "withdraw", ID: row.Record.String(), Args: map[string]string{"number": row.Number}}
	}
	w := &record.Withdrawal{Base: record.Base{Type: protocol.KindWithdraw.String(), Lang: n.languageOf(reason)}, Reason: reason}
	if faults := record.Validate(w); len(faults) > 0 {
		return api.Receipt{}, &protocol.Error{Reason: protocol.ReasonInvalid, Op: "withdraw", Err: faults}
	}
	return n.publish(ctx, replication.Draft{Kind: protocol.KindWithdraw, Of: row.Record, Refs: []protocol.CID{row.Current.Entry}, Content: w.Content()}, false)
}

// languageOf is the language that a text by language was written in: this home's
// where it has that, else the first.
func (n *Node) languageOf(text map[string]string) string {
	own := n.phrases.Match(n.conf.Lang)
	if _, ok := text[own]; ok || len(text) == 0 {
		return own
	}
	return slices.Min(slices.Collect(maps.Keys(text)))
}

// owned finds a record of this member: only the owner changes it.
func (n *Node) owned(ref string) (index.Row, error) {
	row, err := n.index.Lookup(ref)
	if err != nil {
		return row, err
	}
	if row.Member != n.facts.Handle {
		return row, &protocol.Error{Reason: protocol.ReasonNotOwner, Op: "change record", ID: row.Record.String(),
			Args: map[string]string{"member": row.Member, "number": row.Number}}
	}
	return row, nil
}

// publish writes an entry about a record. Numbers are given one after another and used
// at most once by this node, also when publishing fails: then one is left out.
func (n *Node) publish(ctx context.Context, d replication.Draft, numbered bool) (api.Receipt, error) {
	if numbered {
		d.Number = n.nextNumber()
	}
	p, err := n.replica.Publish(ctx, d)
	if err != nil {
		return api.Receipt{}, err
	}
	e := p.Entry
	out := api.Receipt{ID: e.ID().String(), Record: e.ID().String(), Seq: p.Local, Feed: e.Feed().String(), FeedSeq: e.Seq()}
	if d.Of.Defined() {
		out.Record = d.Of.String()
	}
	if row, ok := n.index.Record(e.ID()); ok {
		out.Number = row.Number
	}
	return out, nil
}

func (n *Node) nextNumber() uint64 {
	n.number.Lock()
	defer n.number.Unlock()
	n.numbered = max(n.numbered+1, n.index.NextNumber(n.facts.Handle))
	return n.numbered
}

// resolve finds the record that a draft refers to by number or prefix.
func (n *Node) resolve(name string) (protocol.RecordID, bool) {
	row, err := n.index.Lookup(name)
	if err != nil {
		return protocol.RecordID{}, false
	}
	return row.Record, true
}

// newest is when the newest entry arrived; zero while none has since the start.
func (n *Node) newest() *time.Time {
	if t := n.events.newest(); !t.IsZero() {
		return &t
	}
	return nil
}

var errNoAddress = errors.New("this node's addresses are known only while it runs, or after it ran")
