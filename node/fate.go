package node

import (
	"context"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
)

// Decision implements api.Governor.
func (n *Node) Decision(_ context.Context, id string) (api.Fate, error) {
	s := n.replica.State()
	d, ok := n.decided(s, id)
	if !ok {
		return api.Fate{}, &protocol.Error{Reason: protocol.ReasonNotFound, Op: "show decision", ID: id}
	}
	out := api.Fate{Decision: d.Decision, State: d.state, Time: d.at}
	if cid, err := protocol.ParseCID(id); err == nil {
		if t, known := s.Decision(cid); known {
			n.explain(s, t, &out)
		}
	}
	return out, nil
}

// explain says why a decision is no act, and which are in its place.
func (n *Node) explain(s charter.State, t charter.Tabled, out *api.Fate) {
	shown := func(a charter.Act) api.Act {
		return api.Act{Number: a.Number, ID: a.ID.String(), Changes: n.showChanges(a.Decision.Changes), Text: a.Decision.Title}
	}
	switch t.Condition {
	case charter.ConditionStale:
		acts := s.Acts()
		stands := t.Decision.Prev == n.federation
		for _, a := range acts {
			stands = stands || a.ID == t.Decision.Prev
		}
		number := t.Decision.Number
		switch {
		case !stands: // what it was tabled on is not on the line, so another act is in that place
			out.Why, number = "base", number-1
		case t.Decision.By == charter.ByAssembly:
			out.Why = "assembly"
		default:
			out.Why = "replaced"
		}
		for _, a := range acts {
			if a.Number == number && a.ID != t.ID {
				out.Instead = append(out.Instead, shown(a))
			}
		}
	case charter.ConditionHalted:
		out.Why = "contradiction"
		if h := s.Halted(); h != nil {
			for _, b := range h.Branches {
				out.Instead = append(out.Instead, shown(b.Act))
			}
		}
	case charter.ConditionInvalid:
		out.Why, out.Breaks = "rule", string(t.Fault.Why)
	}
}
