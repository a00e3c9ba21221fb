package node

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/index"
	"github.com/dure-net/dure/node/private"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
	"github.com/dure-net/dure/protocol/record"
	"github.com/dure-net/dure/replication"
)

// arrived is told of entries in the order in which they became durable, before their
// writer is told.
func (n *Node) arrived(a replication.Arrival) {
	defer n.changes.Add(1)
	for i, e := range a.Page.Entries {
		n.letters.Add(e, a.First+uint64(i))
	}
	n.shelf.note(a)
	n.events.note(a)
	n.twins.note(a)
}

// turned is told that a feed follows another branch. The index learns it from the ledger.
func (n *Node) turned(t replication.Turned) {
	defer n.changes.Add(1)
	n.follower.Unsettle()
	n.turnLetters(t)
	n.desk.Upset()
}

// epoch rises with whatever changes what lists and records tell, once they tell it: the
// index's editions, and what is taken in beside it.
func (n *Node) epoch() uint64 { return n.follower.Edition() + n.changes.Load() }

// Records implements api.Reader.
func (n *Node) Records(ctx context.Context, q api.RecordQuery) (api.RecordPage, error) {
	after, _, err := q.After()
	if err != nil {
		return api.RecordPage{}, err
	}
	iq, err := indexQuery(q)
	if err != nil {
		return api.RecordPage{}, err
	}
	iq.After = index.Mark(after)
	page, err := n.index.Page(iq)
	if err != nil {
		return api.RecordPage{}, err
	}
	out := api.RecordPage{Items: make([]api.Record, 0, len(page.Rows)), Relaxed: page.Relaxed, Unranked: page.Newest}
	var seqs []uint64
	for _, row := range page.Rows {
		seqs = append(seqs, row.Seq)
		r, err := n.show(row)
		if err != nil {
			return api.RecordPage{}, err
		}
		out.Items = append(out.Items, r)
	}
	if page.Next != (index.Mark{}) {
		out.NextCursor = q.CursorAfter(api.Mark(page.Next))
	}
	if q.Sealed && isPlain(q) {
		err = n.weave(ctx, q, after.Seq, &out, seqs, page.Next != (index.Mark{}))
	}
	out.Judge(cmp.Or(q.AsOf, n.opts.Now().Format(time.DateOnly)))
	return out, err
}

// indexQuery is a query as the index takes it.
func indexQuery(q api.RecordQuery) (index.Query, error) {
	if err := q.Check(); err != nil {
		return index.Query{}, err
	}
	return conditions(q)
}

// conditions is indexQuery of a query that was checked.
func conditions(q api.RecordQuery) (index.Query, error) {
	out := index.Query{Types: q.Types, Member: q.Member, Text: q.Text, Open: record.Day(q.Open), Sort: index.Sort(q.Sort), Limit: q.Limit}
	if q.Near != nil {
		out.Near = &index.Near{Lat: q.Near.Lat, Lon: q.Near.Lon, Km: q.Near.Km}
	}
	for _, filter := range api.Filters() {
		if values := q.Where[filter.Name]; len(values) > 0 {
			f, ok := index.ParseFacet(filter.Name)
			if !ok {
				return out, &protocol.Error{Reason: protocol.ReasonInternal, Op: "list records", Field: filter.Name}
			}
			out.Where = append(out.Where, index.Condition{Facet: f, Values: values})
		}
	}
	return out, nil
}

// Facets implements api.Reader.
func (n *Node) Facets(_ context.Context, q api.RecordQuery) (api.Facets, error) {
	iq, err := indexQuery(q)
	if err != nil {
		return api.Facets{}, err
	}
	counted, err := n.index.Facets(iq)
	if err != nil {
		return api.Facets{}, err
	}
	return shownFacets(counted), nil
}

func shownFacets(counted index.Facets) api.Facets {
	out := api.Facets{Total: counted.Total, Partial: counted.Partial, Facets: map[string][]api.FacetValue{}}
	for f, values := range counted.Values {
		for _, v := range values {
			out.Facets[f.String()] = append(out.Facets[f.String()], api.FacetValue{Value: v.Value, Count: v.Count})
		}
	}
	return out
}

// Record implements api.Reader.
func (n *Node) Record(ctx context.Context, ref string) (api.Record, error) {
	row, err := n.lookup(ref)
	if protocol.ReasonOf(err) == protocol.ReasonNotFound {
		if late, ok := n.unlisted(ctx, ref); ok {
			row, err = late, nil
		}
	}
	if err != nil {
		if l, lerr := n.letters.Lookup(ref); lerr == nil && (l.IsListing() || l.State == private.StateErased) {
			r, _ := n.showLetter(l)
			return r, nil
		}
		return api.Record{}, err
	}
	out, err := n.show(row)
	if err == nil {
		out.Stock, err = n.stockOf(row)
	}
	return out, err
}

func (n *Node) show(row index.Row) (api.Record, error) {
	v, err := n.index.View(row)
	if err != nil {
		return api.Record{}, err
	}
	out := api.Record{
		ID: row.Record.String(), Number: row.Number, Given: row.Given, Type: row.Kind.String(), Member: row.Member, Lang: v.Lang, State: api.RecordState(v.State),
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
	if out.Flag, err = n.flagged(row); err != nil {
		return api.Record{}, err
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
			row, _ := n.rowOf(e.ID())
			return api.Block{}, n.goneError("read block", row, c)
		}
	}
	if err != nil {
		return api.Block{}, err
	}
	return api.Block{CID: text, Codec: codec, Data: raw, Erasable: ferr != nil || isBody && e.Kind().IsErasable(),
		Sealed: ferr == nil && (e.Kind() == protocol.KindSealed || e.Kind() == protocol.KindRewrap)}, nil
}

// Publish implements api.Publisher.
func (n *Node) Publish(ctx context.Context, d api.Draft) (api.Receipt, error) {
	kind, ok := protocol.ParseKind(d.Type)
	if !ok || !kind.IsRecord() || kind.IsAgreement() {
		return api.Receipt{}, &protocol.Error{Reason: protocol.ReasonUsage, Op: "publish", Field: "type", Args: map[string]string{"type": d.Type}}
	}
	rec, err := record.ParseWith(kind, d.Raw, n.resolve)
	if err != nil {
		return api.Receipt{}, err
	}
	if notice, ok := rec.(*record.Notice); ok {
		var was index.Row
		if d.Of != "" {
			if was, err = n.owned(d.Of); err != nil {
				return api.Receipt{}, err
			}
		}
		if err := n.remarkRoom().Office(notice, n.facts.Handle, was, n.opts.Now()); err != nil {
			return api.Receipt{}, err
		}
	}
	warnings := personal(rec)
	if d.For != nil {
		return warned(nil)(n.publishFor(ctx, d, rec)) // it is said to its readers alone
	}
	draft := replication.Draft{Kind: kind, Content: rec.Content()}
	refs := rec.Refs()
	if d.Of == "" {
		pictures, err := n.shelf.judge(record.FilesOf(rec), nil)
		if err != nil {
			return api.Receipt{}, err
		}
		warnings = append(warnings, pictures...)
		if d.Dry {
			return api.Receipt{Dry: true, Warnings: warnings}, nil
		}
		draft.Refs = refs[:min(len(refs), protocol.MaxReferences)]
		return warned(warnings)(n.publish(ctx, draft, true))
	}
	n.revising.Lock() // from the look at the present version until the new one is in its place
	defer n.revising.Unlock()
	row, err := n.owned(d.Of)
	if err != nil {
		return api.Receipt{}, err
	}
	if now := row.Current.Entry.String(); d.Version != "" && now != d.Version {
		return api.Receipt{}, &protocol.Error{Reason: protocol.ReasonConflict, Op: "revise", ID: row.Record.String(), Args: map[string]string{"superseded": now}}
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
	var before []record.Attachment
	if by, err := n.namedBy(d.Of); err == nil {
		before = by.files
	}
	pictures, err := n.shelf.judge(record.FilesOf(rec), before)
	if err != nil {
		return api.Receipt{}, err
	}
	warnings = append(warnings, pictures...)
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
	if protocol.ReasonOf(err) == protocol.ReasonNotFound {
		if l, lerr := n.letters.Lookup(ref); lerr == nil && l.IsListing() {
			return n.withdrawFor(ctx, ref, reason)
		}
	}
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
	row, err := n.lookup(ref)
	if err != nil {
		return row, err
	}
	if row.Member != n.facts.Handle {
		return row, &protocol.Error{Reason: protocol.ReasonNotOwner, Op: "change record", ID: row.Record.String(),
			Args: map[string]string{"member": row.Member, "number": row.Number}}
	}
	if row.Kind.IsAgreement() {
		return row, &protocol.Error{Reason: protocol.ReasonUsage, Op: "change record", ID: row.Record.String(),
			Args: map[string]string{"agreement": cmp.Or(row.Number, row.Record.String())}}
	}
	return row, nil
}

// publish writes an entry about a record. Numbers are given one after another and used
// at most once by this node, also when publishing fails: then one is left out.
func (n *Node) publish(ctx context.Context, d replication.Draft, numbered bool) (api.Receipt, error) {
	if numbered {
		number, err := n.nextNumber()
		if err != nil {
			return api.Receipt{}, err
		}
		d.Number = number
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
	n.indexed(ctx, p.Local)
	// Lists may show it later, as while the disk is full; its number is known all the same.
	if row, ok := n.rowOf(e.ID()); ok {
		out.Number = row.Number
	} else if numbered {
		out.Number = n.facts.Handle + "-" + strconv.FormatUint(d.Number, 10)
	} else if d.Of.Defined() {
		if row, ok := n.rowOf(d.Of); ok {
			out.Number = row.Number
		}
	}
	return out, nil
}

// firstPatience bounds how long the first number after a start waits for the index.
const firstPatience = 2 * time.Second

// nextNumber needs a whole index: while it is built, which takes a large ledger minutes
// after an update, numbers that were given before are not known.
func (n *Node) nextNumber() (uint64, error) {
	if p := n.follower.Progress(); p.Building && p.Applied < p.Newest {
		return 0, &protocol.Error{Reason: protocol.ReasonBusy, Op: "publish", Args: map[string]string{"why": "indexing"}}
	}
	n.number.Lock()
	defer n.number.Unlock()
	if n.numbered == 0 && !n.follower.Await(context.Background(), n.ledger.Stats().Next-1, firstPatience) {
		// An index that was not written while the disk was full lacks the last numbers that were
		// given before this start; from then on they are known here.
		return 0, &protocol.Error{Reason: protocol.ReasonBusy, Op: "publish", Args: map[string]string{"why": "indexing"}}
	}
	next, err := n.index.NextNumber(n.facts.Handle)
	if err != nil {
		return 0, err
	}
	n.numbered = max(n.numbered+1, next, n.letters.NextNumber())
	return n.numbered, nil
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
