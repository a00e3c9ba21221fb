package node

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
	"github.com/dure-net/dure/protocol/record"
	"github.com/dure-net/dure/replication"
)

// forkRecords is how many records of a branch are shown: enough to tell the two apart.
const forkRecords = 5

// forkLook bounds the entries of a branch that are looked through for them.
const forkLook = 64

// Forks implements api.Reader.
func (n *Node) Forks(context.Context) ([]api.Fork, error) {
	out := []api.Fork{}
	for _, f := range n.replica.Custody().Forks() {
		out = append(out, n.fork(f))
	}
	return out, nil
}

// Fork implements api.Reader.
func (n *Node) Fork(_ context.Context, id string) (api.Fork, error) {
	f, err := n.findFork(id)
	if err != nil {
		return api.Fork{}, err
	}
	return n.fork(f), nil
}

// findFork finds a fork by its chain, by a part of its name, or by its member.
func (n *Node) findFork(id string) (replication.Fork, error) {
	var found []replication.Fork
	for _, f := range n.replica.Custody().Forks() {
		name := f.Feed.String()
		if name == id {
			return f, nil
		}
		if f.Member == id || len(id) >= api.MinPrefix && (strings.HasPrefix(name, id) || strings.HasSuffix(name, id)) {
			found = append(found, f)
		}
	}
	if len(found) > 1 { // of a member's forks the one that waits
		var open []replication.Fork
		for _, f := range found {
			if !f.Settled {
				open = append(open, f)
			}
		}
		if len(open) == 1 {
			found = open
		}
	}
	switch len(found) {
	case 0:
		return replication.Fork{}, &protocol.Error{Reason: protocol.ReasonNotFound, Op: "find evidence", ID: id, Args: map[string]string{"id": id}}
	case 1:
		return found[0], nil
	}
	return replication.Fork{}, &protocol.Error{Reason: protocol.ReasonAmbiguous, Op: "find evidence", ID: id, Args: map[string]string{"count": strconv.Itoa(len(found))}}
}

func (n *Node) fork(f replication.Fork) api.Fork {
	out := api.Fork{ID: f.Feed.String(), Member: f.Member, Node: f.Node.String(), Own: f.Member == n.facts.Handle, Seq: f.Seq, State: stateOf(f),
		Stands: f.Stands, Branches: []api.ForkBranch{}, Proofs: []string{}}
	for _, p := range f.Proofs {
		out.Proofs = append(out.Proofs, p.String())
	}
	var chosen protocol.Stand
	if out.State == api.ForkSettled && len(f.Choices) > 0 {
		chosen = f.Choices[0].Stand // the lowest rules
		if out.By = "root"; f.Choices[0].Act > 0 {
			out.By, out.Act = "act", f.Choices[0].Act
		}
	}
	for i, b := range f.Branches {
		shown := api.ForkBranch{Name: branchName(i), First: b.First.String()}
		if b.Count > f.Seq {
			n.branch(f, b, &shown)
			if chosen.Count > f.Seq && chosen.Count <= b.Count {
				e, err := n.ledger.BranchEntry(b.Head, chosen.Count-1)
				if err == nil && e.ID() == chosen.Head {
					shown.Chosen, shown.Stands = true, chosen.Count
				}
			}
		}
		out.Branches = append(out.Branches, shown)
	}
	return out
}

func stateOf(f replication.Fork) string {
	switch {
	case f.Settled:
		return api.ForkSettled
	case len(f.Choices) > 1:
		return api.ForkContradictory
	}
	return api.ForkOpen
}

func branchName(i int) string { return string(rune('a' + i)) }

// branch tells what was written in a branch.
func (n *Node) branch(f replication.Fork, b replication.ForkBranch, out *api.ForkBranch) {
	out.Held, out.Entries, out.Count, out.Head = true, b.Count-f.Seq, b.Count, b.Head.String()
	for seq := f.Seq; seq < b.Count; seq++ {
		if seq >= f.Seq+forkLook || len(out.Records) == forkRecords {
			seq = b.Count - 1 // the last one's time
		}
		e, err := n.ledger.BranchEntry(b.Head, seq)
		if err != nil {
			continue // damaged, and fetched again
		}
		h := e.Header()
		at := time.UnixMilli(h.Time).UTC()
		if out.Until = at; seq == f.Seq {
			out.From = at
		}
		if !h.Kind.IsRecord() || h.Of.Defined() || len(out.Records) == forkRecords {
			continue
		}
		r := api.ForkRecord{ID: e.ID().String(), Type: h.Kind.String(), Time: at}
		if h.Number > 0 {
			r.Number = f.Member + "-" + strconv.FormatUint(h.Number, 10)
		}
		if body, err := n.ledger.Body(e); err == nil {
			if content, err := protocol.BodyContent(body); err == nil {
				head := record.HeadOf(h.Kind, content)
				r.Title = head.Title[head.Lang]
			}
		}
		out.Records = append(out.Records, r)
	}
}

// chosenBranch is where a feed ends if one of its branches counts as far as it is held.
func (n *Node) chosenBranch(id, name string) (replication.Fork, protocol.Stand, error) {
	f, err := n.findFork(id)
	if err != nil {
		return f, protocol.Stand{}, err
	}
	for i, b := range f.Branches {
		if branchName(i) == name && b.Count > f.Seq {
			return f, protocol.Stand{Feed: f.Feed, Count: b.Count, Head: b.Head}, nil
		}
	}
	return f, protocol.Stand{}, &protocol.Error{Reason: protocol.ReasonUsage, Op: "choose branch", Field: "branch", Args: map[string]string{"value": name}}
}

// settleable refuses a choice that would do nothing, or jam the chain it is about.
func (n *Node) settleable(m charter.Member, st protocol.Stand) (why string) {
	for _, f := range n.replica.Custody().Forks() {
		if f.Feed != st.Feed {
			continue
		}
		if f.Member != m.Facts.Handle {
			return "not_forked"
		}
		for _, c := range f.Choices {
			if c.Stand != st {
				return "settled_otherwise"
			}
		}
		for _, b := range f.Branches {
			if st.Count > f.Seq && st.Count <= b.Count {
				if e, err := n.ledger.BranchEntry(b.Head, st.Count-1); err == nil && e.ID() == st.Head {
					return ""
				}
			}
		}
		return "no_such_branch"
	}
	return "not_forked"
}

// forked tells of nodes that signed two histories and wait for a choice: everybody, and
// the member whose node it is in its own words.
func forked(forks []replication.Fork, own string) (out []api.Alert) {
	for _, f := range forks {
		state := stateOf(f)
		if state == api.ForkSettled {
			continue
		}
		a := api.Alert{Code: "fork", Level: api.AlertWarn, Member: f.Member, Node: f.Node.String(), Args: map[string]string{"seq": strconv.FormatUint(f.Seq, 10)}}
		if f.Member == own {
			a.Code = "fork_own"
		}
		if state == api.ForkContradictory {
			a.Code = "fork_frozen"
		}
		out = append(out, a)
	}
	return out
}
