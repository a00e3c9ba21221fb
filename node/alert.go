package node

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
	"github.com/dure-net/dure/replication"
)

// alerts gathers what the people of this node should know. Each source says what holds
// now; nothing is remembered, so an alert goes away with its reason.
func alerts(s charter.State, self string, nodes []replication.Node, floods []replication.Flood, offenders []replication.Offender, forks []api.Alert, listings []api.Alert) []api.Alert {
	out := []api.Alert{}
	out = append(out, lacking(s)...)
	out = append(out, strangeVersions(s, nodes)...)
	out = append(out, rebindings(s, self)...)
	out = append(out, flooding(floods)...)
	out = append(out, offending(offenders)...)
	out = append(out, forks...)
	out = append(out, listings...)
	slices.SortStableFunc(out, func(a, b api.Alert) int {
		return cmp.Or(strings.Compare(b.Level, a.Level), strings.Compare(a.Code, b.Code), strings.Compare(a.Member, b.Member))
	})
	return out
}

// backupOld is when a daily backup is missed: a weekend's failure is seen on Monday.
const backupOld = 3 * 24 * time.Hour

// ownAlerts tells of this node's own disk and backups.
func (n *Node) ownAlerts(s api.Status) []api.Alert {
	var out []api.Alert
	if s.Ledger.Damaged > 0 {
		out = append(out, api.Alert{Code: "damaged", Level: api.AlertWarn, Args: map[string]string{"damaged": strconv.FormatUint(s.Ledger.Damaged, 10)}})
	}
	switch b := s.Backups; {
	case b.Failed != "":
		out = append(out, api.Alert{Code: "backup_failed", Level: api.AlertWarn, Args: map[string]string{"dir": b.Dir}})
	case b.Dir != "" && b.Last != nil && n.opts.Now().Sub(*b.Last) > backupOld:
		out = append(out, api.Alert{Code: "backup_old", Level: api.AlertWarn, Args: map[string]string{"day": b.Last.Format(time.DateOnly), "dir": b.Dir}})
	}
	return slices.Concat(out, n.removed(n.replica.State()), n.unheardErasures(), n.governingLost())
}

// lacking tells of features that acts switched on and this program does not understand.
func lacking(s charter.State) []api.Alert {
	lacks := s.Lacks(protocol.Features())
	if len(lacks) == 0 {
		return nil
	}
	return []api.Alert{{Code: "features", Level: api.AlertWarn, Args: map[string]string{"features": strings.Join(lacks, ", ")}}}
}

// removed tells by which act this node's member was removed: as the act itself says, or as
// the nodes say that do not let this one in.
func (n *Node) removed(s charter.State) []api.Alert {
	if m, ok := s.ByRoot(n.facts.Root); ok && m.Status == charter.StatusRemoved {
		return []api.Alert{{Code: "removed", Level: api.AlertWarn, Member: n.facts.Handle, Args: map[string]string{"act": strconv.FormatUint(m.Changed.Number, 10)}}}
	}
	if act := n.replica.Others().SaysRemoved(); act > 0 {
		return []api.Alert{{Code: "removed_said", Level: api.AlertWarn, Member: n.facts.Handle, Args: map[string]string{"act": strconv.FormatUint(act, 10)}}}
	}
	return nil
}

// unread tells of private messages that nobody has read on this node.
func (n *Node) unread(ctx context.Context) []api.Alert {
	count, err := n.letters.Unread(ctx)
	if err != nil || count == 0 {
		return nil // the inbox and the list of messages say why they cannot be read
	}
	return []api.Alert{{Code: "unread", Level: api.AlertNote, Args: map[string]string{"unread": strconv.Itoa(count)}}}
}

// strangeVersions tells of nodes that cannot be talked to because one of the two
// programs is too old.
func strangeVersions(s charter.State, nodes []replication.Node) []api.Alert {
	var out []api.Alert
	for _, k := range nodes {
		if k.Speaks == 0 {
			continue
		}
		code := "node_older"
		if k.Speaks > protocol.Version {
			code = "node_newer"
		}
		member, _ := s.MemberOfNode(k.Key)
		out = append(out, api.Alert{Code: code, Level: api.AlertWarn, Member: member, Node: k.Key.String(),
			Args: map[string]string{"theirs": strconv.FormatUint(k.Speaks, 10), "ours": strconv.Itoa(protocol.Version)}})
	}
	return out
}

// rebindings tell of root keys that are to be replaced: the member itself, which may have its words after all and has
// until a day to object, and the others, who can ask it. An objection ends that.
func rebindings(s charter.State, self string) []api.Alert {
	var out []api.Alert
	for _, m := range s.Members() {
		if m.Rebind == nil || m.Objected {
			continue
		}
		a := api.Alert{Code: "rebind", Level: api.AlertNote, Member: m.Facts.Handle, Args: map[string]string{"fingerprint": m.Rebind.Root.Fingerprint(), "until": m.Rebind.Until}}
		if m.Facts.Handle == self {
			a.Code, a.Level = "rebind_own", api.AlertWarn
		}
		out = append(out, a)
	}
	return out
}

// flooding names the members that write more than this node takes in at once.
func flooding(floods []replication.Flood) []api.Alert {
	var out []api.Alert
	for _, f := range floods {
		a := api.Alert{Code: "flood", Level: api.AlertNote, Member: f.Member, Args: map[string]string{"since": moment(f.Since),
			"taken": strconv.FormatUint(f.Taken, 10), "waiting": strconv.FormatUint(f.Waiting, 10), "node": "?"}}
		if !f.Node.IsZero() {
			a.Node, a.Args["node"] = f.Node.String(), f.Node.Short()
		}
		out = append(out, a)
	}
	return out
}

// offending names the nodes that pass on what no node that checks would pass on.
func offending(offenders []replication.Offender) []api.Alert {
	var out []api.Alert
	for _, o := range offenders {
		out = append(out, api.Alert{Code: "offender", Level: api.AlertWarn, Member: o.Member, Node: o.Node.String(), Args: map[string]string{
			"node": o.Node.Short(), "since": moment(o.Since), "count": strconv.FormatUint(o.Count, 10)}})
	}
	return out
}

// moment is a time that reads the same in every language.
func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") + " UTC" }
