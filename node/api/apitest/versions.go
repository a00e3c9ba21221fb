package apitest

import (
	"context"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// Versions implements api.Reader: those that were replaced here, and the present one.
func (b *Backend) Versions(_ context.Context, ref string) (api.RecordVersions, error) {
	if err := b.see("Versions", ref); err != nil {
		return api.RecordVersions{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	i, err := b.find(ref)
	if err != nil {
		return api.RecordVersions{}, err
	}
	r := b.records[i]
	out := api.RecordVersions{Record: r.ID, Number: r.Number, Items: append(append([]api.RecordVersion{}, b.past[r.ID]...), version(r, "current"))}
	for i := range out.Items {
		out.Items[i].Version = i + 1
	}
	return out, nil
}

// Lose adds a version of a record that was written at the same time as the present one.
func (b *Backend) Lose(ref string, title map[string]string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i, err := b.find(ref)
	if err != nil {
		panic(err)
	}
	if b.past == nil {
		b.past = map[string][]api.RecordVersion{}
	}
	r := b.records[i]
	one := version(r, "rival")
	one.Entry, one.Self, one.Node, one.Title = protocol.Sum([]byte("rival "+r.Entry)).String(), false, "edother", title
	one.Content = map[string]any{}
	for name, value := range r.Content {
		one.Content[name] = value
	}
	one.Content["title"] = title
	b.past[r.ID] = append(b.past[r.ID], one)
	b.records[i].Revisions += 2
}

func version(r api.Record, role string) api.RecordVersion {
	kind, _ := protocol.ParseKind(r.Type)
	return api.RecordVersion{Entry: r.Entry, Role: role, Type: r.Type, Member: r.Member, Names: r.Names, Node: "ed" + r.Member, Self: r.Member == "kr-seoul", Time: r.Time, Seq: r.Seq,
		State: "published", Lang: r.Lang, Title: record.HeadOf(kind, r.Content).Title, Content: r.Content}
}
