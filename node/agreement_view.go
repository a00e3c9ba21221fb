package node

import (
	"cmp"
	"encoding/json"
	"slices"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
	"github.com/dure-net/dure/protocol/record/exchange"
)

// showThread is a thread as programs see it, with what this member can do in it.
func (n *Node) showThread(t *exchange.Thread, asOf record.Day) (api.Agreement, error) {
	head := latest(t)
	digest, err := digestOf(t)
	if err != nil {
		return api.Agreement{}, protocol.Fail(protocol.ReasonInternal, "show agreement", err)
	}
	out := api.Agreement{
		ID: t.ID.String(), Number: exchange.NumberOf(t.Proposer, t.Number), Title: head.Proposal.Title, Lang: head.Proposal.Lang, Phase: string(t.Phase),
		AsOf: string(asOf), Digest: digest, Proposer: t.Proposer, Parties: n.partiesOf(t), Began: string(t.Began), InForce: string(t.InForce),
		Ended: string(t.Ended), Amended: t.Amended, Versions: []api.Version{}, Clauses: []api.ClauseState{}, Asks: t.Asks, Signed: t.Done,
		Choices: []api.Choice{}, Waits: []api.Wait{},
	}
	number := func(id protocol.EntryID) string {
		if v := t.Version(id); v != nil {
			return exchange.NumberOf(v.Writer, v.Number)
		}
		return ""
	}
	out.Ruling = number(t.Ruling)
	if t.Phase == exchange.Proposed || t.Phase == exchange.Accepted {
		out.Closed = n.closed(head.Proposal)
	}
	for i := range t.Versions {
		v, err := showVersion(&t.Versions[i], number)
		if err != nil {
			return api.Agreement{}, err
		}
		out.Versions = append(out.Versions, v)
	}
	out.Clauses = showClauses(t, head)
	for _, c := range t.Cancels {
		out.Cancels = append(out.Cancels, api.Cancelled{PartyWord: said(c.Word), Reason: c.Reason, Clauses: c.Clauses, Text: c.Text, Done: c.Done})
	}
	for _, d := range t.Disputes {
		one := api.Dispute{PartyWord: said(d.Word), State: d.State, Clause: d.Clause, Text: d.Text}
		for _, m := range d.Mediations {
			one.Mediations = append(one.Mediations, api.Mediation{PartyWord: said(m.Word), Closing: m.Closing, Text: m.Text})
		}
		out.Disputes = append(out.Disputes, one)
	}
	for _, f := range t.Feedback {
		one := api.FeedbackGiven{PartyWord: said(f.Word), State: f.State, Late: f.Late}
		if b := f.Body; b != nil {
			one.Outcome, one.WouldRepeat, one.Text = b.Outcome, &b.WouldRepeat, b.Text
			if b.Experience != nil {
				one.Experience = b.Experience.String()
			}
		}
		out.Feedback = append(out.Feedback, one)
	}
	for _, p := range t.Pledges {
		out.Pledges = append(out.Pledges, n.pledge(p))
	}
	who := n.desk.Actor(n.facts.Handle)
	for _, c := range t.Choices(who) {
		one := api.Choice{Deed: string(c.Deed), Version: number(c.Version), Clauses: c.Clauses}
		if c.Target.Defined() {
			one.Target = c.Target.String()
		}
		out.Choices = append(out.Choices, one)
	}
	for _, w := range t.Waits(who, asOf) {
		out.Waits = append(out.Waits, n.wait(t, w))
	}
	return out, nil
}

// closed lists the offer and the request of terms that their owner has closed or withdrawn.
func (n *Node) closed(p *record.Proposal) (out []string) {
	for _, id := range []*protocol.RecordID{p.Offer, p.Request} {
		if id == nil {
			continue
		}
		row, ok, err := n.index.Record(*id)
		if err != nil || !ok {
			continue
		}
		if l, _, err := n.desk.Listing(row); row.Withdrawn || err == nil && l.State == "closed" {
			out = append(out, cmp.Or(row.Number, id.String()))
		}
	}
	return out
}

func said(w exchange.Word) api.PartyWord {
	return api.PartyWord{Member: w.Member, Entry: w.Entry.String(), On: string(w.On)}
}

func (n *Node) partiesOf(t *exchange.Thread) []api.Party {
	s := n.replica.State()
	out := make([]api.Party, 0, len(t.Parties))
	for _, p := range t.Parties {
		one := api.Party{Member: p, Removed: slices.Contains(t.Removed, p)}
		if m, ok := s.Member(p); ok {
			one.Names = m.Facts.Names
		}
		out = append(out, one)
	}
	return out
}

func showVersion(v *exchange.Version, number func(protocol.EntryID) string) (api.Version, error) {
	out := api.Version{
		ID: v.ID.String(), Number: number(v.ID), Writer: v.Writer, State: string(v.State), On: string(v.On), AnswerBy: string(v.Answer),
		Replaces: number(v.Replaces), Amends: number(v.Amends), Waiting: v.Waiting,
	}
	for _, w := range v.Accepted {
		out.Accepted = append(out.Accepted, said(w))
	}
	for _, w := range v.Declined {
		out.Declined = append(out.Declined, said(w))
	}
	raw, err := json.Marshal(v.Proposal)
	if err == nil {
		err = json.Unmarshal(raw, &out.Content)
	}
	if err != nil {
		return out, protocol.Fail(protocol.ReasonInternal, "show proposal", err)
	}
	return out, nil
}

// showClauses are those of the agreement with what became of them; before there is one, those of the version at hand.
func showClauses(t *exchange.Thread, head *exchange.Version) []api.ClauseState {
	out := []api.ClauseState{}
	if t.Ruling.IsZero() {
		for i := range head.Proposal.Clauses {
			c := &head.Proposal.Clauses[i]
			promised, unit := c.Measure()
			out = append(out, fill(api.ClauseState{No: c.No, State: exchange.ClauseOpen, Provider: c.Provider, Receiver: c.Receiver, Promised: promised, Unit: unit,
				Given: "0", Received: "0", Counted: "0", Last: string(c.Last())}, c))
		}
		return out
	}
	for _, s := range t.Clauses {
		one := api.ClauseState{No: s.No, State: s.State, Provider: s.Provider, Receiver: s.Receiver, Promised: s.Promised, Unit: s.Unit, Given: s.Given,
			Received: s.Received, Counted: s.Counted, Last: string(s.Last), Cancellable: s.Cancellable}
		for i := len(t.Versions) - 1; i >= 0 && one.Action == ""; i-- { // a clause that was left out stands in an earlier version
			if v := &t.Versions[i]; v.ID == t.Ruling || s.State == exchange.ClauseDropped {
				if c := v.Proposal.Clause(s.No); c != nil {
					one = fill(one, c)
				}
			}
		}
		for _, r := range s.Reports {
			report := api.Report{Entry: r.Entry.String(), Member: r.Member, Value: r.Value, Unit: r.Unit, Less: r.Less, Counts: r.Counts, On: string(r.On), Note: r.Note}
			if r.Corrects.Defined() {
				report.Corrects = r.Corrects.String()
			}
			one.Reports = append(one.Reports, report)
		}
		out = append(out, one)
	}
	return out
}

func fill(s api.ClauseState, c *record.Clause) api.ClauseState {
	s.Action, s.What = c.Action, c.What
	if c.Window != nil {
		s.From = string(c.Window.From)
	}
	return s
}
