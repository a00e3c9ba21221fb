package apitest

import (
	"context"
	"slices"
	"strconv"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// Agreements implements api.Exchanger over Threads, which the test sets.
func (b *Backend) Agreements(_ context.Context, q api.AgreementQuery) (api.AgreementPage, error) {
	if err := b.see("Agreements", q); err != nil {
		return api.AgreementPage{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	out := api.AgreementPage{AsOf: b.Now.Format("2006-01-02")}
	for _, a := range b.Threads {
		party := slices.ContainsFunc(a.Parties, func(p api.Party) bool { return p.Member == q.Member })
		if (q.Member == "" || party) && (len(q.Phases) == 0 || slices.Contains(q.Phases, a.Phase)) {
			out.Items = append(out.Items, a)
		}
	}
	return out, nil
}

// Agreement implements api.Exchanger.
func (b *Backend) Agreement(_ context.Context, ref, asOf string) (api.Agreement, error) {
	if err := b.see("Agreement", [2]string{ref, asOf}); err != nil {
		return api.Agreement{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.thread(ref)
}

func (b *Backend) thread(ref string) (api.Agreement, error) {
	for _, a := range b.Threads {
		if a.Number == ref || a.ID == ref {
			return a, nil
		}
	}
	return api.Agreement{}, &protocol.Error{Reason: protocol.ReasonNotFound, Op: "find agreement", ID: ref, Args: map[string]string{"ref": ref}}
}

// Act implements api.Exchanger: what the thread offers is taken down in Acts, and refused otherwise.
func (b *Backend) Act(_ context.Context, ref string, d api.Deed) (api.Receipt, error) {
	if err := b.see("Act", d); err != nil {
		return api.Receipt{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if ref != "" {
		a, err := b.thread(ref)
		if err != nil {
			return api.Receipt{}, err
		}
		if !slices.ContainsFunc(a.Choices, func(c api.Choice) bool { return c.Deed == d.Deed }) {
			return api.Receipt{}, &protocol.Error{Reason: protocol.ReasonConflict, Op: "act", ID: a.ID, Args: map[string]string{"deed": d.Deed, "number": a.Number, "phase": a.Phase}}
		}
	}
	if d.Dry {
		r := api.Receipt{Dry: true}
		if len(d.Proposal) > 0 {
			rec, err := record.ParseWith(protocol.KindProposal, d.Proposal, func(name string) (protocol.RecordID, bool) { return protocol.Sum([]byte(name)), true })
			if err != nil {
				return api.Receipt{}, err
			}
			for _, p := range record.FindPersonal(rec) {
				r.Warnings = append(r.Warnings, api.Personal{Field: p.Field, Code: string(p.Code), Found: p.Found})
			}
		}
		return r, nil
	}
	b.Acts = append(b.Acts, d)
	id := protocol.Sum([]byte("deed " + strconv.Itoa(len(b.Acts)))).String()
	return api.Receipt{ID: id, Record: id, Number: "kr-seoul-" + strconv.Itoa(90+len(b.Acts)), Seq: uint64(len(b.Acts))}, nil
}

// DraftProposal implements api.Exchanger.
func (b *Backend) DraftProposal(_ context.Context, listing, own string) (map[string]any, error) {
	if err := b.see("DraftProposal", [2]string{listing, own}); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	i, err := b.find(listing)
	if err != nil {
		return nil, err
	}
	r := b.records[i]
	return map[string]any{"type": "proposal", "lang": r.Lang, "title": r.Content["title"], r.Type: r.ID, "parties": []string{"kr-seoul", r.Member}, "respond_by": b.Now.AddDate(0, 0, 30).Format("2006-01-02"),
		"clauses": []any{map[string]any{"no": 1, "provider": r.Member, "receiver": "kr-seoul", "action": "transfer", "what": r.Content["title"],
			"quantity": map[string]any{"value": "1", "unit": "C62"}, "due": b.Now.AddDate(0, 2, 0).Format("2006-01-02")}}}, nil
}

// Inbox implements api.Exchanger: what waits in Threads.
func (b *Backend) Inbox(ctx context.Context, asOf string) (api.Inbox, error) {
	if err := b.see("Inbox", asOf); err != nil {
		return api.Inbox{}, err
	}
	found, err := b.searchesWithNews(ctx)
	if err != nil {
		return api.Inbox{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	out := api.Inbox{AsOf: b.Now.Format("2006-01-02"), Records: b.waiting(), Searches: found}
	for _, a := range b.Threads {
		if len(a.Waits) > 0 {
			out.Items = append(out.Items, api.InboxItem{ID: a.ID, Number: a.Number, Title: a.Title, Lang: a.Lang, Phase: a.Phase, Parties: a.Parties, Waits: slices.Clone(a.Waits)})
		}
	}
	return out, nil
}

// Unanswered implements api.Exchanger: every open listing of the type, since nobody here answers.
func (b *Backend) Unanswered(_ context.Context, q api.UnansweredQuery) (api.Unanswered, error) {
	if err := b.see("Unanswered", q); err != nil {
		return api.Unanswered{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	out := api.Unanswered{AsOf: b.Now.Format("2006-01-02")}
	for _, r := range b.records {
		if r.Type == q.Type {
			out.Items = append(out.Items, api.UnansweredItem{Record: r, Since: r.Time.Format("2006-01-02"), Days: int(b.Now.Sub(r.Time).Hours() / 24)})
		}
	}
	return out, nil
}
