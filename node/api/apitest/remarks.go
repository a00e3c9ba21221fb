package apitest

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
	"github.com/dure-net/dure/protocol/record/remark"
)

// Hear has a member of the made-up federation say something about a record. The members
// are those of names; kr-seoul holds the secretariat. It judges nothing but the form.
func (b *Backend) Hear(member string, d api.RemarkDraft) (api.Receipt, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i, err := b.find(d.Ref)
	if err != nil {
		return api.Receipt{}, err
	}
	r := b.records[i]
	kind, _ := protocol.ParseKind(d.Type)
	raw := d.Raw
	var fields map[string]any
	if json.Unmarshal(raw, &fields) == nil && fields != nil {
		fields["type"] = d.Type
		if _, there := fields["version"]; !there && kind == protocol.KindTranslation {
			fields["version"] = r.Entry
		}
		if raw, err = json.Marshal(fields); err != nil {
			return api.Receipt{}, err
		}
	}
	body, err := record.Parse(kind, raw)
	if err != nil {
		return api.Receipt{}, err
	}
	of, err := protocol.ParseCID(r.ID)
	if err != nil {
		return api.Receipt{}, err
	}
	s := remark.Said{Feed: protocol.Sum([]byte(member)), Seq: uint64(1000 + len(b.said)), Member: member, Kind: kind,
		Time: b.Now.Add(time.Duration(len(b.said)) * time.Minute).UnixMilli(), Of: of, Body: body}
	for _, other := range b.said {
		if text := other.Entry.String(); d.To != "" && (text == d.To || strings.HasPrefix(text[7:], d.To)) {
			s.Refs = append(s.Refs, other.Entry)
		}
	}
	for _, f := range b.fold(r).Flags {
		if flag, ok := body.(*record.Flag); ok && flag.Step == "lift" && f.Lifted == nil {
			if id, err := protocol.ParseCID(f.ID); err == nil {
				s.Refs = append(s.Refs, id)
			}
		}
	}
	id, err := protocol.ParseCID(b.block(map[string]any{"member": member, "n": uint64(len(b.said)), "of": r.ID}))
	if err != nil {
		return api.Receipt{}, err
	}
	s.Entry = id
	b.said = append(b.said, s)
	return api.Receipt{ID: id.String(), Record: r.ID, Number: r.Number, Seq: b.seq()}, nil
}

// Remark implements api.Remarker.
func (b *Backend) Remark(_ context.Context, d api.RemarkDraft) (api.Receipt, error) {
	if err := b.see("Remark", d); err != nil {
		return api.Receipt{}, err
	}
	return b.Hear("kr-seoul", d)
}

func (b *Backend) fold(r api.Record) remark.View {
	kind, _ := protocol.ParseKind(r.Type)
	about := remark.Subject{Kind: kind, Owner: r.Member, Time: r.Time.UnixMilli(), Versions: map[protocol.EntryID]record.Record{}}
	about.Record, _ = protocol.ParseCID(r.ID) // ids of this backend are CIDs
	about.Current, _ = protocol.ParseCID(r.Entry)
	if body, ok := b.blocks[r.Body]; ok {
		about.Body, _ = record.FromBody(kind, body.Data) // nil where it is erased
	}
	about.Notices = []remark.Urgent{{Record: about.Record, Time: about.Time}}
	c := remark.Charter{Holds: func(_ protocol.ActRef, office protocol.Office, member string) bool {
		return member == "kr-seoul" && (office == protocol.OfficeSecretariat || office == protocol.OfficeChairCity)
	}}
	for handle := range names {
		c.Members = append(c.Members, remark.Member{Handle: handle, Country: "KR", Full: true})
	}
	return remark.Fold(about, b.said, c, remark.DayOf(b.Now.UnixMilli()))
}

// Remarks implements api.Remarker. May names every remark that the kind of record allows,
// whoever owns it.
func (b *Backend) Remarks(_ context.Context, ref, asOf string) (api.Remarks, error) {
	if err := b.see("Remarks", ref); err != nil {
		return api.Remarks{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	i, err := b.find(ref)
	if err != nil {
		return api.Remarks{}, err
	}
	r := b.records[i]
	v := b.fold(r)
	if asOf != "" {
		v.AsOf = record.Day(asOf)
	}
	out := api.Remarks{Record: r.ID, Number: r.Number, Type: r.Type, View: v, May: []string{}, Names: map[string]map[string]string{}}
	for _, handle := range v.Members() {
		out.Names[handle] = names[handle]
	}
	kind, _ := protocol.ParseKind(r.Type)
	category, _ := r.Content["category"].(string)
	for _, name := range record.Remarks() {
		k, _ := protocol.ParseKind(name)
		switch {
		case !remark.Fits(k, kind, category) || k == protocol.KindRecall:
		case k == protocol.KindPartnership:
			out.May = append(out.May, "join")
		case k == protocol.KindFlag && v.Count.Flagged:
			out.May = append(out.May, "lift")
		default:
			out.May = append(out.May, name)
		}
	}
	return out, nil
}

// waiting are the questions about kr-seoul's records. The caller holds mu.
func (b *Backend) waiting() []api.Waiting {
	var out []api.Waiting
	for _, r := range b.records {
		if r.Member != "kr-seoul" {
			continue
		}
		for _, q := range b.fold(r).Questions {
			if !q.Answered {
				out = append(out, api.Waiting{What: "question", Record: r.ID, Number: r.Number, Remark: q.ID, Member: q.Member, Names: names[q.Member], Text: q.Text, Lang: q.Lang})
			}
		}
	}
	return out
}
