package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/phrase"
)

func (a *app) statusCommand() *cobra.Command {
	return a.command("status", between(0, 0), api.Status{}, func(ctx context.Context, _ []string) error {
		return a.with(ctx, func(s *session) error {
			status, err := s.Status(ctx)
			if err != nil {
				return err
			}
			return a.answer(status, func() { a.sayStatus(status, s.running) })
		})
	})
}

// sayStatus answers in sentences first; the table of nodes follows.
func (a *app) sayStatus(s api.Status, running bool) {
	who := args{"name": a.name(s.Member.Names, s.Member.Handle), "handle": s.Member.Handle}
	switch {
	case !running:
		a.line("cli.status.offline", who)
	case s.Node.State == api.StateReady && somethingToDo(s):
		a.line("cli.status.node.warned", who)
	default:
		a.line("cli.status.node."+string(s.Node.State), who)
	}
	if a.book.Has(s.Node.Reason) { // "state.joining": a key of the catalogue
		a.line(s.Node.Reason, nil)
	}
	a.sayAlerts(s)
	if rec := s.Recovery; running && rec != nil {
		switch {
		case rec.Seen > 0:
			a.line("cli.status.recovery", args{"count": rec.Needed, "seen": rec.Seen, "done": rec.CaughtUp})
		case rec.Others > 0:
			a.line("cli.status.recovery_nobody", nil)
		}
	}
	a.line("cli.status.federation", args{"name": a.name(s.Federation.Names, s.Federation.Name), "number": strconv.FormatUint(s.Federation.Act, 10)})
	if running && s.Node.State != api.StateEnded { // the others have closed their doors
		a.sayOthers(s)
	}
	held := args{"count": s.Ledger.Entries, "nodes": s.Ledger.Feeds, "bytes": a.book.Bytes(a.lang, s.Ledger.Bytes)}
	a.line("cli.status.ledger", held)
	if s.Ledger.Wanted > 0 {
		a.line("cli.status.wanted", args{"count": s.Ledger.Wanted})
	}
	if s.Ledger.Damaged > 0 {
		a.line("cli.status.damaged", args{"count": s.Ledger.Damaged})
	}
	switch {
	case s.Scrub.Begun != nil:
		a.line("cli.status.scrub", args{"done": s.Scrub.Checked, "total": s.Scrub.Total, "begun": s.Scrub.Begun.Local()})
	case s.Scrub.LastEnded != nil:
		a.line("cli.status.scrubbed", args{"ended": s.Scrub.LastEnded.Local()})
	}
	if s.Catchup.Running && s.Catchup.Known > 0 {
		a.line("cli.status.catchup", args{"fetched": s.Catchup.Fetched, "count": s.Catchup.Known})
	}
	if m := s.Storage.Mended; m != nil && running { // a stopped node's was told when it was opened
		fmt.Fprintln(a.out, a.mendedText(*m))
	}
	a.line("cli.status.storage", args{"used": a.book.Bytes(a.lang, s.Storage.UsedBytes), "free": a.book.Bytes(a.lang, s.Storage.FreeBytes)})
	if s.Node.API != "" {
		a.line("cli.status.web", args{"api": s.Node.API})
	}
	if text, _ := phrase.Pick(a.lang, s.Federation.Notice); text != "" {
		a.line("cli.notice", args{"text": text})
	}
	if running {
		fmt.Fprintln(a.out)
		a.nodesTable(s)
	}
}

func (a *app) mendedText(m api.Mended) string {
	name := "cli.status.mended"
	if m.Whole {
		name = "cli.status.rebuilt"
	}
	return a.say(name, args{"number": m.Files, "path": m.Aside})
}

// warnMended tells, on standard error, that opening the store has put damaged files in order.
func (a *app) warnMended(m api.Mended) { fmt.Fprintln(a.err, a.mendedText(m)) }

// somethingToDo reports whether the sentences that follow say that not all is in order.
func somethingToDo(s api.Status) bool {
	return s.Node.Reason != "" || slices.ContainsFunc(s.Alerts, func(alert api.Alert) bool { return alert.Level == api.AlertWarn })
}

// sayAlerts says what somebody should know or do.
func (a *app) sayAlerts(s api.Status) {
	for _, alert := range s.Alerts {
		fmt.Fprintln(a.out, a.alertText(s, alert))
	}
}

// alertText is the sentence of an alert, with names for handles.
func (a *app) alertText(s api.Status, alert api.Alert) string {
	values := map[string]string{"member": alert.Member, "node": short(alert.Node)}
	for _, m := range s.Members {
		if m.Handle == alert.Member {
			values["member"] = a.name(m.Names, m.Handle)
		}
	}
	maps.Copy(values, alert.Args)
	return a.book.Alert(a.lang, alert.Code, values)
}

// sayOthers says how many members answer, and who is behind.
func (a *app) sayOthers(s api.Status) {
	var reached, members int
	var behind []string
	for _, m := range s.Members {
		if m.Handle == s.Member.Handle {
			continue
		}
		members++
		connected := false
		for _, n := range m.Nodes {
			connected = connected || n.Connected
			if n.Connected && n.Behind != nil && *n.Behind > 0 {
				behind = append(behind, a.say("cli.status.behind_one", args{"member": a.name(m.Names, m.Handle), "count": *n.Behind}))
			}
		}
		if connected {
			reached++
		}
	}
	switch {
	case members == 0:
		a.line("cli.status.alone", nil)
	case reached == 0:
		a.line("cli.status.nobody", args{"count": members})
	default:
		a.line("cli.status.reached", args{"reached": reached, "count": members})
	}
	if reached > 0 && len(behind) == 0 {
		a.line("cli.status.nobody_behind", nil)
	}
	for _, sentence := range behind {
		fmt.Fprintln(a.out, sentence)
	}
}

func (a *app) nodesTable(s api.Status) {
	t := table{indent: 2}
	for _, m := range s.Members {
		if len(m.Nodes) == 0 {
			t.row(m.Handle, a.name(m.Names, m.Handle), a.say("cli.status.no_node", nil))
		}
		for _, n := range m.Nodes {
			t.row(m.Handle, a.name(m.Names, m.Handle), a.nodeState(n), a.behind(n), n.Version)
		}
	}
	t.print(a.out)
}

func (a *app) nodeState(n api.NodeStatus) string {
	switch {
	case n.Self:
		return a.say("cli.status.self", nil)
	case n.Connected && n.Relayed:
		return a.say("cli.status.relayed", nil)
	case n.Connected:
		return a.say("cli.status.connected", nil)
	case n.LastSeen != nil:
		return a.say("cli.status.seen", args{"ago": a.book.Ago(a.lang, *n.LastSeen, a.now())})
	}
	return a.say("cli.status.never", nil)
}

func (a *app) behind(n api.NodeStatus) string {
	switch {
	case n.Self:
		return ""
	case n.Behind == nil:
		return a.say("cli.status.behind_unknown", nil)
	case *n.Behind == 0:
		return a.say("cli.status.same", nil)
	}
	return a.say("cli.status.behind", args{"count": *n.Behind})
}

// membersAnswer is what `dure members --json` prints.
type membersAnswer struct {
	Items []api.Member `json:"items"`
}

func (a *app) membersCommand() *cobra.Command {
	return a.command("members", between(0, 0), membersAnswer{}, func(ctx context.Context, _ []string) error {
		return a.with(ctx, func(s *session) error {
			members, err := s.Members(ctx)
			if err != nil {
				return err
			}
			return a.answer(membersAnswer{Items: members}, func() {
				a.line("cli.members.count", args{"count": len(members)})
				t := table{indent: 2}
				for _, m := range members {
					country := ""
					if m.Country != "" {
						country = a.book.Country(a.lang, m.Country)
					}
					t.row(m.Handle, a.name(m.Names, m.Handle), a.word("kind", m.Kind), country, a.word("status", m.Status), a.offices(m),
						a.say("cli.members.records", args{"count": m.Records}))
				}
				t.print(a.out)
				for _, m := range members {
					a.sayRebinding(m)
				}
			})
		})
	})
}

func (a *app) offices(m api.Member) string {
	text := ""
	for _, o := range m.Offices {
		if text != "" {
			text += ", "
		}
		text += a.word("office", o.Office)
	}
	return text
}

// sortedKeys are the keys of a map in order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
