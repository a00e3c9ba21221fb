package apitest

import (
	"context"
	"fmt"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
)

// Decisions implements api.Governor.
func (b *Backend) Decisions(context.Context) (api.Decisions, error) {
	if err := b.see("Decisions", nil); err != nil {
		return api.Decisions{}, err
	}
	return api.Decisions{Act: 3, Round: 1, Electors: []string{"ca-montreal", "kr-seoul", "sn-dakar"}, Needed: 2,
		Acts: []api.Act{{Number: 0, ID: protocol.Sum([]byte("founding act")).String(), Changes: []api.Change{}}},
		Open: []api.Decision{b.decision()}, Applications: []api.Application{}, Invitations: []api.Invitation{}}, nil
}

func (b *Backend) decision() api.Decision {
	return api.Decision{Number: 4, Round: 1, ID: protocol.Sum([]byte("decision")).String(), By: "kr-seoul",
		Changes: []api.Change{{Kind: "admit", Member: "fr-bordeaux", Category: "full"}}, For: []string{"kr-seoul"}, None: []string{},
		Missing: []string{"ca-montreal", "sn-dakar"}, Needed: 1}
}

// Decision implements api.Governor: the open one, the founding act, and one that was overtaken.
func (b *Backend) Decision(_ context.Context, id string) (api.Fate, error) {
	if err := b.see("Decision", id); err != nil {
		return api.Fate{}, err
	}
	overtaken, founding := b.decision(), api.Act{ID: protocol.Sum([]byte("founding act")).String(), Changes: []api.Change{}}
	overtaken.ID, overtaken.Stale, overtaken.Text = protocol.Sum([]byte("overtaken")).String(), true, map[string]string{"en": "Lyon is admitted", "ko": "리옹의 가입"}
	switch id {
	case b.decision().ID:
		return api.Fate{Decision: b.decision(), State: "open", Time: b.Now}, nil
	case overtaken.ID:
		return api.Fate{Decision: overtaken, State: "stale", Why: "replaced", Time: b.Now, Instead: []api.Act{founding}}, nil
	case founding.ID:
		return api.Fate{Decision: api.Decision{ID: id, Changes: founding.Changes, Final: true, For: []string{}, None: []string{}, Missing: []string{}}, State: "act"}, nil
	}
	return api.Fate{}, &protocol.Error{Reason: protocol.ReasonNotFound, Op: "show decision", ID: id}
}

// Decide implements api.Governor.
func (b *Backend) Decide(_ context.Context, p api.Proposal) (api.Decision, error) {
	if err := b.see("Decide", p); err != nil {
		return api.Decision{}, err
	}
	d := b.decision()
	d.Changes, d.Text = p.Changes, p.Text
	return d, nil
}

// Answer implements api.Governor.
func (b *Backend) Answer(_ context.Context, a api.AnswerRequest) (api.Decision, error) {
	if err := b.see("Answer", a); err != nil {
		return api.Decision{}, err
	}
	if a.Number != 4 {
		return api.Decision{}, &protocol.Error{Reason: protocol.ReasonStale, Op: "answer", ID: fmt.Sprint(a.Number)}
	}
	d := b.decision()
	if a.None {
		d.For, d.None = []string{}, []string{"kr-seoul"}
	}
	return d, nil
}

// Invite implements api.Governor.
func (b *Backend) Invite(_ context.Context, r api.InviteRequest) (api.Invitation, error) {
	if err := b.see("Invite", r); err != nil {
		return api.Invitation{}, err
	}
	if err := protocol.CheckHandle(r.Handle); err != nil {
		return api.Invitation{}, err
	}
	return api.Invitation{Line: "dure-invitation-1:AAAA", Handle: r.Handle, Expires: b.Now.Add(14 * 24 * time.Hour), Fingerprint: "1234 5678 9012"}, nil
}

// Chains implements api.Governor.
func (b *Backend) Chains(_ context.Context, q api.ChainQuery) ([]api.Chain, error) {
	if err := b.see("Chains", q); err != nil {
		return nil, err
	}
	if names[q.Member] == nil {
		return nil, &protocol.Error{Reason: protocol.ReasonNotFound, Op: "list chains", ID: q.Member}
	}
	return []api.Chain{{Feed: protocol.Sum([]byte("feed of " + q.Member)).String(), Node: "ed" + q.Member, Root: "ed" + q.Member, Entries: 7,
		Head: protocol.Sum([]byte("head of " + q.Member)).String(), Last: b.Now.Add(-time.Hour), Open: true}}, nil
}

// Say implements api.Governor.
func (b *Backend) Say(_ context.Context, s api.Statement) (api.Said, error) {
	if err := b.see("Say", s); err != nil {
		return api.Said{}, err
	}
	var st protocol.Statement
	if err := protocol.Decode(s.Bytes, &st); err != nil {
		return api.Said{}, err
	}
	return api.Said{What: string(st.Purpose), Member: "kr-seoul", Node: st.Node.String(), Number: st.Number, Entry: protocol.Sum(s.Bytes).String()}, st.Verify()
}
