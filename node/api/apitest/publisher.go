package apitest

import (
	"context"
	"maps"
	"strconv"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// Publish implements api.Publisher.
func (b *Backend) Publish(ctx context.Context, d api.Draft) (api.Receipt, error) {
	if err := b.see("Publish", d); err != nil {
		return api.Receipt{}, err
	}
	if b.Pause != nil {
		b.Pause(ctx)
	}
	if d.Dry {
		kind, _ := protocol.ParseKind(d.Type)
		rec, err := record.ParseWith(kind, d.Raw, func(name string) (protocol.RecordID, bool) { return protocol.Sum([]byte(name)), true })
		if err != nil {
			return api.Receipt{}, err
		}
		r := api.Receipt{Dry: true}
		for _, p := range record.FindPersonal(rec) {
			r.Warnings = append(r.Warnings, api.Personal{Field: p.Field, Code: string(p.Code), Found: p.Found})
		}
		return r, nil
	}
	if d.Version != "" {
		if now, err := b.Record(ctx, d.Of); err == nil && now.Entry != d.Version {
			return api.Receipt{}, &protocol.Error{Reason: protocol.ReasonConflict, Op: "revise", ID: now.ID, Args: map[string]string{"superseded": now.Entry}}
		}
	}
	if d.For != nil && len(d.For) == 0 {
		return api.Receipt{}, &protocol.Error{Reason: protocol.ReasonUsage, Op: "publish", Field: "to", Args: map[string]string{"nobody": "to"}}
	}
	r, err := b.add("kr-seoul", d.Type, d.Raw, d.Of, b.Now, "local")
	if err == nil && d.For != nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		for i := range b.records {
			if b.records[i].ID == r.Record {
				b.records[i].For = d.For
				for _, cid := range []string{b.records[i].Entry, b.records[i].Body} {
					sealed := b.blocks[cid]
					sealed.Sealed = true
					b.blocks[cid] = sealed
				}
			}
		}
	}
	return r, err
}

// Withdraw implements api.Publisher.
func (b *Backend) Withdraw(_ context.Context, ref string, reason map[string]string) (api.Receipt, error) {
	if err := b.see("Withdraw", ref); err != nil {
		return api.Receipt{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	i, err := b.own(ref)
	if err != nil {
		return api.Receipt{}, err
	}
	r := &b.records[i]
	r.State, r.Reason, r.Entry = api.RecordWithdrawn, reason, b.block(map[string]any{"withdraws": r.ID})
	return b.commit(r, api.EventWithdrawal, b.Now, "local"), nil
}

// Adjust implements api.Publisher.
func (b *Backend) Adjust(_ context.Context, ref string, a api.Adjustment) (api.Receipt, error) {
	if err := b.see("Adjust", a); err != nil {
		return api.Receipt{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	i, err := b.own(ref)
	if err != nil {
		return api.Receipt{}, err
	}
	r := &b.records[i]
	r.Content = maps.Clone(r.Content)
	for name, value := range map[string]string{"state": a.State, "closed_as": a.ClosedAs, "valid_until": a.ValidUntil} {
		if value != "" {
			r.Content[name] = value
		}
	}
	r.Revisions++
	return b.commit(r, api.EventRevision, b.Now, "local"), nil
}

func (b *Backend) own(ref string) (int, error) {
	i, err := b.find(ref)
	if err == nil && b.records[i].Member != "kr-seoul" {
		err = &protocol.Error{Reason: protocol.ReasonNotOwner, Op: "change record", ID: ref}
	}
	return i, err
}

func (b *Backend) add(member, typ string, raw []byte, of string, at time.Time, via string) (api.Receipt, error) {
	kind, _ := protocol.ParseKind(typ)
	rec, err := record.Parse(kind, raw)
	if err != nil {
		return api.Receipt{}, err
	}
	body, err := protocol.EncodeBody(protocol.Salt{}, rec.Content())
	if err != nil {
		return api.Receipt{}, err
	}
	content, err := protocol.BodyContent(body)
	if err != nil {
		return api.Receipt{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	bodyID := protocol.Sum(body).String()
	b.blocks[bodyID] = api.Block{CID: bodyID, Codec: api.CodecDagCBOR, Data: body}
	entry := b.block(map[string]any{"body": bodyID, "member": member, "seq": b.feeds[member], "of": of})
	if of != "" {
		i, err := b.own(of)
		if err != nil {
			return api.Receipt{}, err
		}
		r := &b.records[i]
		if b.past == nil {
			b.past = map[string][]api.RecordVersion{}
		}
		b.past[r.ID] = append(b.past[r.ID], version(*r, "superseded"))
		r.Content, r.Lang, r.Entry, r.Body, r.Revisions, r.Time = content, rec.Head().Lang, entry, bodyID, r.Revisions+1, at
		return b.commit(r, api.EventRevision, at, via), nil
	}
	b.numbers[member]++
	b.records = append(b.records, api.Record{ID: entry, Number: member + "-" + strconv.Itoa(b.numbers[member]), Type: typ, Member: member,
		Names: names[member], Lang: rec.Head().Lang, State: api.RecordPublished, Time: at, Entry: entry, Body: bodyID, Content: content})
	return b.commit(&b.records[len(b.records)-1], api.EventRecord, at, via), nil
}

func (b *Backend) block(content map[string]any) string {
	raw, err := protocol.Encode(content)
	if err != nil {
		panic(err)
	}
	id := protocol.Sum(raw).String()
	b.blocks[id] = api.Block{CID: id, Codec: api.CodecDagCBOR, Data: raw}
	return id
}

func (b *Backend) commit(r *api.Record, what api.EventType, at time.Time, via string) api.Receipt {
	r.Feed, r.FeedSeq, r.Seq = protocol.Sum([]byte(r.Member)).String(), b.feeds[r.Member], b.seq()+1
	b.feeds[r.Member]++
	b.events = append(b.events, api.Event{Seq: r.Seq, Type: what, ID: r.Entry, Record: r.ID, Number: r.Number, RecordType: r.Type,
		Member: r.Member, Via: via, Time: at})
	close(b.changed)
	b.changed = make(chan struct{})
	return api.Receipt{ID: r.Entry, Record: r.ID, Number: r.Number, Seq: r.Seq, Feed: r.Feed, FeedSeq: r.FeedSeq}
}

// AwaitHeld implements api.Publisher: two nodes hold everything at once, a third never does.
func (b *Backend) AwaitHeld(ctx context.Context, r api.Receipt, nodes int) (api.Held, error) {
	if err := b.see("AwaitHeld", r); err != nil {
		return api.Held{}, err
	}
	if nodes > 2 {
		<-ctx.Done()
	}
	return api.Held{Wanted: nodes, Nodes: 2, By: []string{"ca-montreal", "es-bilbao"}}, nil
}
