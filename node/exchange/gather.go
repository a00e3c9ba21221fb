package exchange

import (
	"slices"

	"github.com/dure-net/dure/node/index"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
	"github.com/dure-net/dure/protocol/record/exchange"
)

// find gives the thread that a person names by the short number, CID or prefix of any of its proposals.
func (d *Desk) find(ref string) (protocol.RecordID, error) {
	row, err := d.cfg.Index.Lookup(ref)
	if err != nil {
		return protocol.RecordID{}, err
	}
	if row.Kind != protocol.KindProposal {
		name := row.Number
		if name == "" {
			name = row.Record.String()
		}
		return protocol.RecordID{}, &protocol.Error{Reason: protocol.ReasonUsage, Op: "find agreement", ID: row.Record.String(), Args: map[string]string{"no_agreement": name}}
	}
	root, ok := d.rootOf(row)
	if !ok {
		return protocol.RecordID{}, &protocol.Error{Reason: protocol.ReasonWanted, Op: "find agreement", ID: row.Record.String()}
	}
	return root, nil
}

// row finds a record; what the index cannot tell is not there.
func (d *Desk) row(id protocol.RecordID) (index.Row, bool) {
	row, ok, err := d.cfg.Index.Record(id)
	return row, ok && err == nil
}

// rootOf is the thread that a proposal belongs to; false while its body is not here.
func (d *Desk) rootOf(row index.Row) (protocol.RecordID, bool) {
	d.mu.Lock()
	root, ok := d.known[row.Record]
	d.mu.Unlock()
	if ok {
		return root, true
	}
	e, ok := d.first(row, nil)
	p, is := e.Body.(*record.Proposal)
	if !ok || !is {
		return root, false
	}
	root = row.Record
	if p.Thread != nil {
		root = *p.Thread
	}
	d.mu.Lock()
	d.known[row.Record] = root
	d.mu.Unlock()
	return root, true
}

// gather reads the entries of a thread that count.
func (d *Desk) gather(root protocol.RecordID) ([]exchange.Entry, error) {
	row, ok := d.row(root)
	if !ok {
		return nil, &protocol.Error{Reason: protocol.ReasonNotFound, Op: "read agreement", ID: root.String(), Args: map[string]string{"ref": root.String()}}
	}
	places, err := d.cfg.Index.About(root, record.AgreementKinds()...)
	if err != nil {
		return nil, err
	}
	mediators := d.mediators()
	e, ok := d.first(row, mediators)
	if !ok {
		return nil, nil
	}
	out := []exchange.Entry{e}
	first, _ := e.Body.(*record.Proposal)
	read := map[string]int{} // entries of each member, so that nobody's crowd out another one's
	for _, p := range places {
		// What others say in a thread says nothing, and is not read.
		if first == nil || !slices.Contains(first.Parties, p.Member) && !mediators[p.Member] || read[p.Member] == maxEntries {
			continue
		}
		read[p.Member]++
		if e, ok := d.read(p, mediators); ok {
			out = append(out, e)
		}
	}
	return out, nil
}

// first reads the proposal that a record is: its first entry, whatever others say of it.
func (d *Desk) first(row index.Row, mediators map[string]bool) (exchange.Entry, bool) {
	e, err := d.cfg.Find(row.Record)
	if err != nil {
		return exchange.Entry{}, false
	}
	return d.opened(e, row.Member, mediators)
}

// read reads one entry; one that cannot be read is no entry.
func (d *Desk) read(p index.Place, mediators map[string]bool) (exchange.Entry, bool) {
	e, err := d.cfg.Source.Entry(p.Feed, p.FeedSeq)
	if err != nil || e.ID() != p.Entry {
		return exchange.Entry{}, false
	}
	return d.opened(e, p.Member, mediators)
}

// opened adds what an entry's body says. An absent, erased or invalid body leaves Body nil.
func (d *Desk) opened(e protocol.Entry, member string, mediators map[string]bool) (exchange.Entry, bool) {
	body, err := d.cfg.Source.Body(e)
	if err != nil || e.Kind().IsErasable() && d.cfg.Gone(e) {
		body = nil
	}
	return d.says(e, body, member, mediators), true
}

// says is an entry with what its body says; nil for a body that is not here.
func (d *Desk) says(e protocol.Entry, body []byte, member string, mediators map[string]bool) exchange.Entry {
	h := e.Header()
	out := exchange.Entry{
		ID: e.ID(), Feed: e.Feed(), Seq: h.Seq, Kind: h.Kind, Of: h.Of, Number: h.Number, Time: h.Time,
		Member: member, Standing: true, Mediator: mediators[member],
	}
	if body == nil {
		return out
	}
	said, err := record.FromBody(h.Kind, body)
	if err == nil && h.Kind == protocol.KindProposal {
		out.Digest, err = record.Digest(body)
	}
	if err == nil {
		out.Body = said
	}
	return out
}

// fold gives the state of one thread on a day.
func (d *Desk) fold(root protocol.RecordID, asOf record.Day) (exchange.Thread, error) {
	entries, err := d.gather(root)
	if err != nil {
		return exchange.Thread{}, err
	}
	var parties []string
	for _, e := range entries {
		if p, ok := e.Body.(*record.Proposal); ok && e.ID == root {
			parties = p.Parties
		}
	}
	for _, t := range exchange.Fold(entries, exchange.View{AsOf: asOf, Removed: d.removed(parties)}) {
		if t.ID == root {
			return t, nil
		}
	}
	// Its first proposal is here, and says nothing: its body is missing, invalid, or not a party's.
	return exchange.Thread{}, &protocol.Error{Reason: protocol.ReasonWanted, Op: "read agreement", ID: root.String()}
}

// Thread is the state of the thread that a person names, on a day ("" for today).
func (d *Desk) Thread(ref string, asOf record.Day) (exchange.Thread, error) {
	root, err := d.find(ref)
	if err != nil {
		return exchange.Thread{}, err
	}
	if asOf == "" {
		asOf = d.Today()
	}
	return d.fold(root, asOf)
}

// ThreadOf is the state of the thread that a proposal belongs to, today, as far as the index goes: it waits for nothing.
func (d *Desk) ThreadOf(proposal protocol.EntryID) (exchange.Thread, error) {
	row, ok := d.row(proposal)
	var root protocol.RecordID
	if ok {
		root, ok = d.rootOf(row)
	}
	if !ok {
		return exchange.Thread{}, &protocol.Error{Reason: protocol.ReasonWanted, Op: "read agreement", ID: proposal.String()}
	}
	return d.fold(root, d.Today())
}
