package node

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
)

// unheard is which nodes have not said yet that they dropped what was erased. It
// is looked up now and then, because it reads the history of every such record.
type unheard struct {
	mu     sync.Mutex // guards all below; held while it is looked up
	at     time.Time
	alerts []api.Alert
}

const (
	// unheardAfter is how long a node has to say so before this member is told: a machine
	// that is off over a holiday is no reason to telephone.
	unheardAfter = 7 * 24 * time.Hour

	// unheardOrders bounds the orders that are looked at, the newest: older ones of a node
	// that stays away are told by these.
	unheardOrders = 200

	// unheardEvery is how long an answer stands.
	unheardEvery = time.Minute
)

// erasedRecord is a record that was erased, and when that was said, by its writer's clock.
type erasedRecord struct {
	ref string
	at  time.Time
}

// unheardErasures tells of nodes that have not acknowledged for long what this member
// erased, and to the secretariat also what the federation erased by acts: one alert a node.
func (n *Node) unheardErasures() []api.Alert {
	u := &n.unheard
	u.mu.Lock()
	defer u.mu.Unlock()
	now := n.opts.Now()
	if !u.at.IsZero() && now.Sub(u.at) < unheardEvery && !now.Before(u.at) {
		return u.alerts
	}
	before := now.Add(-unheardAfter)
	u.at, u.alerts = now, n.unheardOf("erasure_unheard", n.erasedByOwner(before), before)
	if s := n.replica.State(); s.Held(s.Act(), protocol.OfficeSecretariat, n.facts.Handle) {
		u.alerts = append(u.alerts, n.unheardOf("erasure_unheard_act", n.erasedByActs(s, before), before)...)
	}
	return u.alerts
}

// erasedByOwner lists what this member erased before a day, the oldest first.
func (n *Node) erasedByOwner(before time.Time) (out []erasedRecord) {
	for _, c := range n.replica.Erasures().Orders(n.facts.Handle, before) {
		if e, _, err := n.ledger.Find(c.Entry); err == nil {
			out = append(out, erasedRecord{e.Header().Of.String(), time.UnixMilli(c.Time)})
		}
	}
	return out
}

// erasedByActs lists what acts erased before a day, the oldest first.
func (n *Node) erasedByActs(s charter.State, before time.Time) (out []erasedRecord) {
	when := map[protocol.ActID]time.Time{}
	for _, a := range s.Acts() {
		if a.Certificate.Defined() {
			when[a.ID] = n.claimed(a.Certificate)
		}
	}
	for _, order := range s.Erasures() {
		at := when[order.Act.ID]
		if at.IsZero() || !at.Before(before) {
			continue
		}
		e, isBody, err := n.ledger.Find(order.Entry)
		if err != nil || isBody {
			continue
		}
		of := e.ID()
		if e.Header().Of.Defined() {
			of = e.Header().Of
		}
		out = append(out, erasedRecord{of.String(), at})
	}
	return out
}

// unheardOf counts, for each node that has not acknowledged them, the newest of the records
// erased; an alert names the oldest of those.
func (n *Node) unheardOf(code string, erased []erasedRecord, before time.Time) (alerts []api.Alert) {
	erased = erased[max(0, len(erased)-unheardOrders):]
	at := map[protocol.PublicKey]int{} // place in alerts, from 1
	count := map[protocol.PublicKey]int{}
	seen := map[string]bool{}
	for _, r := range erased {
		if seen[r.ref] {
			continue
		}
		seen[r.ref] = true
		row, err := n.index.Lookup(r.ref)
		if err != nil {
			continue
		}
		entries, _ := n.erasedEntries(row)
		if len(entries) == 0 {
			continue
		}
		for _, a := range n.replica.Erasures().Accounts(entries) {
			if !a.At.IsZero() || a.Node == n.home.Node().Public() || n.begunAfter(a.Member, a.Node, before) {
				continue
			}
			if count[a.Node]++; count[a.Node] > 1 {
				continue
			}
			alerts = append(alerts, api.Alert{Code: code, Level: api.AlertWarn, Member: a.Member, Node: a.Node.String(), Args: map[string]string{
				"node": a.Node.Short(), "days": strconv.Itoa(int(unheardAfter / (24 * time.Hour))), "number": row.Number,
				"day": r.at.UTC().Format(time.DateOnly)}})
			at[a.Node] = len(alerts)
		}
	}
	for node, i := range at {
		alerts[i-1].Args["count"] = strconv.Itoa(count[node])
	}
	slices.SortFunc(alerts, func(a, b api.Alert) int { return strings.Compare(a.Member+a.Node, b.Member+b.Node) })
	return alerts
}

// begunAfter reports whether a node is new: what was erased before it came is no concern of
// its own yet.
func (n *Node) begunAfter(member string, node protocol.PublicKey, day time.Time) bool {
	for _, c := range n.replica.Feeds().Chains(member, node) {
		if e, err := n.ledger.Entry(c.Stand.Feed, 0); err == nil && time.UnixMilli(e.Header().Time).Before(day) {
			return false
		}
	}
	return true
}

// lostTold is how long this node tells that another one answers for its member.
const lostTold = 30 * 24 * time.Hour

// governingLost tells that this node answered for its member, and another one does now: by
// the member's own doing, or by somebody who has its words.
func (n *Node) governingLost() []api.Alert {
	own, ok, err := n.home.Governing()
	self := n.home.Node().Public()
	if err != nil || !ok || own.Node != self || own.Federation != n.federation {
		return nil
	}
	now, ok := n.replica.State().Designation(n.facts.Handle)
	if !ok || now.Node == self || now.Number <= own.Number {
		return nil
	}
	if _, said := n.saidAt(own); !said {
		return nil // signed in stock, and never needed
	}
	at, said := n.saidAt(now)
	if !said || n.opts.Now().Sub(at) > lostTold {
		return nil
	}
	return []api.Alert{{Code: "governing_lost", Level: api.AlertWarn, Member: n.facts.Handle, Node: now.Node.String(),
		Args: map[string]string{"node": now.Node.Short(), "time": moment(at)}}}
}

// saidAt is when a root statement was written into a feed, by its writer's clock; false
// where it is not on the ledger.
func (n *Node) saidAt(s protocol.Statement) (time.Time, bool) {
	body, err := protocol.EncodeBody(protocol.Salt{}, &s)
	if err != nil {
		return time.Time{}, false
	}
	e, _, err := n.ledger.Find(protocol.Sum(body))
	if err != nil {
		return time.Time{}, false
	}
	return time.UnixMilli(e.Header().Time).UTC(), true
}
