package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/export"
	"github.com/dure-net/dure/node/phrase"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
	"github.com/dure-net/dure/protocol/record/exchange"
)

func (a *app) agreementsCommand() *cobra.Command {
	q := api.AgreementQuery{}
	var mine bool
	c := a.command("agreements", between(0, 0), api.AgreementPage{}, func(ctx context.Context, _ []string) error {
		for _, p := range q.Phases {
			if !a.book.Has("term.phase."+p) || exchange.Phase(p) == exchange.Confirmed {
				return misuse("usage.bad_value", args{"flag": "--phase", "value": p, "command": "dure agreements"})
			}
		}
		if q.Limit < 1 || q.Limit > api.MaxLimit {
			return misuse("usage.bad_limit", args{"max": api.MaxLimit})
		}
		return a.with(ctx, func(s *session) error {
			if mine {
				status, err := s.Status(ctx)
				if err != nil {
					return err
				}
				q.Member = status.Member.Handle
			}
			page, err := s.Agreements(ctx, q)
			if err != nil {
				return err
			}
			return a.answer(page, func() {
				if len(page.Items) == 0 {
					a.line("cli.agreements.none", nil)
					return
				}
				t := table{}
				for _, one := range page.Items {
					t.row(one.Number, a.word("phase", one.Phase), a.partyNames(one.Parties), a.text(one.Title, one.Lang))
				}
				t.print(a.out)
			})
		})
	})
	f := c.Flags()
	a.textFlag(f, &q.Member, "member", "HANDLE", "")
	a.switchFlag(f, &mine, "mine")
	a.listFlag(f, &q.Phases, "phase", "PHASE")
	a.textFlag(f, &q.Listing, "listing", "ID", "")
	a.textFlag(f, &q.AsOf, "as-of", "DAY", "")
	a.numberFlag(f, &q.Limit, "limit", api.DefaultLimit)
	a.textFlag(f, &q.Cursor, "cursor", "TEXT", "")
	days(c, "as-of", &q.AsOf)
	c.Example = "dure agreements --mine\ndure agreements --phase in_force --phase in_progress"
	return c
}

func (a *app) agreementCommand() *cobra.Command {
	var asOf, dates, linked string
	c := a.command("agreement ID", between(1, 1), api.Agreement{}, func(ctx context.Context, arguments []string) error {
		return a.with(ctx, func(s *session) error {
			one, err := s.Agreement(ctx, arguments[0], asOf)
			if err != nil {
				return err
			}
			if dates != "" || linked != "" {
				return a.writeAgreement(ctx, s, one, dates, linked)
			}
			api.WordWaits(a.book.Wait, a.lang, one.Parties, one.Waits)
			return a.answer(one, func() {
				a.showAgreement(one)
				a.sayPrivate(ctx, s, one)
				a.sayNotice(ctx, s)
			})
		})
	})
	a.textFlag(c.Flags(), &asOf, "as-of", "DAY", "")
	days(c, "as-of", &asOf)
	a.textFlag(c.Flags(), &dates, "calendar", "FILE|-", "")
	a.textFlag(c.Flags(), &linked, "jsonld", "FILE|-", "")
	c.Example = "dure agreement kr-seoul-41\ndure agreement kr-seoul-41 --calendar dates.ics --jsonld agreement.jsonld"
	return c
}

// writeAgreement writes an agreement's days as iCalendar, and the agreement as linked data.
func (a *app) writeAgreement(ctx context.Context, s *session, one api.Agreement, dates, linked string) error {
	status, err := s.Status(ctx)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		make func() ([]byte, error)
	}{
		{dates, func() ([]byte, error) { return api.CalendarOfAgreement(a.book, a.lang, one), nil }},
		{linked, func() ([]byte, error) { return export.Document(export.Agreement(status.Federation.ID, one)...) }},
	} {
		if f.name == "" {
			continue
		}
		raw, err := f.make()
		if err != nil {
			return err
		}
		if raw == nil {
			return &complaint{reason: protocol.ReasonNotFound, key: "cli.agreement.no_days"}
		}
		if err := a.writeFile(f.name, func(w io.Writer) error { _, err := w.Write(raw); return err }); err != nil {
			return err
		}
		if f.name != "-" {
			a.note("cli.agreement.written", args{"file": f.name})
		}
	}
	return nil
}

func (a *app) text(t map[string]string, lang string) string {
	s, _ := phrase.Pick(a.lang, t, lang)
	return s
}

func (a *app) partyNames(parties []api.Party) string {
	var names []string
	for _, p := range parties {
		names = append(names, a.name(p.Names, p.Member))
	}
	return strings.Join(names, ", ")
}

func (a *app) showAgreement(one api.Agreement) {
	fmt.Fprintln(a.out, a.paint(bold, a.text(one.Title, one.Lang)))
	fmt.Fprintln(a.out, one.Number+" · "+a.paint(bold, a.word("phase", one.Phase)))
	a.line("cli.agreement.parties", args{"parties": a.partyNames(one.Parties)})
	if one.InForce != "" {
		a.line("cli.agreement.since", args{"day": a.book.Day(a.lang, one.InForce)})
	}
	if one.Ended != "" {
		a.line("cli.agreement.ended", args{"day": a.book.Day(a.lang, one.Ended)})
	}
	var removed []string
	for _, p := range one.Parties {
		if p.Removed {
			removed = append(removed, a.name(p.Names, p.Member))
		}
	}
	for key, members := range map[string][]string{"cli.agreement.removed": removed} {
		if len(members) > 0 {
			a.line(key, args{"members": strings.Join(members, ", ")})
		}
	}
	if len(one.Closed) > 0 {
		a.line("cli.agreement.closed", args{"records": strings.Join(one.Closed, ", ")})
	}
	if len(one.Asks) > 0 {
		a.line("cli.agreement.asks", args{"members": strings.Join(one.Asks, ", ")})
	}
	fmt.Fprintln(a.out)
	a.line("cli.agreement.clauses", nil)
	t := table{indent: 2}
	for _, c := range one.Clauses {
		t.row(strconv.FormatUint(c.No, 10), a.text(c.What, one.Lang), record.Label(record.ClauseActions, c.Action, a.lang),
			a.say("cli.agreement.clause", args{"provider": c.Provider, "receiver": c.Receiver, "day": a.book.Day(a.lang, c.Last)}), a.word("clause", c.State))
		t.row("", a.say("cli.agreement.counted", args{"promised": c.Promised, "given": c.Given, "received": c.Received, "counted": c.Counted, "unit": a.unit(c.Unit)}))
	}
	t.print(a.out)
	fmt.Fprintln(a.out)
	a.line("cli.agreement.versions", nil)
	t = table{indent: 2}
	for _, v := range one.Versions {
		t.row(v.Number, a.say("cli.agreement.answer_by", args{"writer": v.Writer, "day": a.book.Day(a.lang, v.AnswerBy)}), a.word("phase", v.State))
	}
	t.print(a.out)
	a.showEnds(one)
	fmt.Fprintln(a.out)
	for _, w := range one.Waits {
		fmt.Fprintln(a.out, w.Text)
	}
	if len(one.Choices) == 0 {
		a.line("cli.agreement.nothing", nil)
		return
	}
	var deeds []string
	for _, c := range one.Choices {
		name := c.Deed
		if name == "settle" {
			name = "retract"
		}
		word := a.word("deed", c.Deed) + " (`dure " + name + " " + one.Number + "`)"
		if len(deeds) == 0 || deeds[len(deeds)-1] != word {
			deeds = append(deeds, word)
		}
	}
	a.line("cli.agreement.choices", args{"deeds": strings.Join(deeds, ", ")})
}

// showEnds tells of cancellations, disputes, signatures and feedback.
func (a *app) showEnds(one api.Agreement) {
	for _, c := range one.Cancels {
		a.line("cli.agreement.cancelled", args{"member": c.Member, "day": a.book.Day(a.lang, c.On), "reason": strings.Trim(record.Label(record.CancelReasons, c.Reason, a.lang)+". "+a.text(c.Text, one.Lang), ". ")})
	}
	for _, d := range one.Disputes {
		a.line("cli.agreement.dispute", args{"member": d.Member, "day": a.book.Day(a.lang, d.On), "state": a.word("dispute", d.State), "text": a.text(d.Text, one.Lang)})
		for _, m := range d.Mediations {
			a.line("cli.agreement.mediation", args{"member": m.Member, "closing": record.Label(record.MediationClosings, m.Closing, a.lang), "text": a.text(m.Text, one.Lang)})
		}
	}
	if len(one.Signed) > 0 && one.Phase != string(exchange.Completed) {
		a.line("cli.agreement.signed", args{"members": strings.Join(one.Signed, ", ")})
	}
	for _, f := range one.Feedback {
		if f.State == exchange.FeedbackHidden {
			a.line("cli.agreement.feedback_hidden", args{"member": f.Member})
			continue
		}
		fmt.Fprintln(a.out, strings.TrimSpace(a.say("cli.agreement.feedback", args{"member": f.Member, "outcome": record.Label(record.Outcomes, f.Outcome, a.lang), "text": a.text(f.Text, one.Lang)})))
	}
}

// unit is a unit as people call it; a currency is its code.
func (a *app) unit(code string) string {
	if label := record.Label(record.Units, code, a.lang); label != "" {
		return label
	}
	return code
}

func (a *app) inboxCommand() *cobra.Command {
	var asOf string
	c := a.command("inbox", between(0, 0), api.Inbox{}, func(ctx context.Context, _ []string) error {
		return a.with(ctx, func(s *session) error {
			box, err := s.Inbox(ctx, asOf)
			if err != nil {
				return err
			}
			for _, item := range box.Items {
				api.WordWaits(a.book.Wait, a.lang, item.Parties, item.Waits)
			}
			return a.answer(box, func() {
				a.showInbox(box)
				a.sayNotice(ctx, s)
			})
		})
	})
	a.textFlag(c.Flags(), &asOf, "as-of", "DAY", "")
	days(c, "as-of", &asOf)
	return c
}

func (a *app) showInbox(box api.Inbox) {
	if len(box.Items)+len(box.Listings)+len(box.Records)+len(box.Searches)+box.Unread == 0 {
		a.line("cli.inbox.none", nil)
	}
	if box.Unread > 0 {
		a.line("cli.inbox.unread", args{"count": box.Unread})
	}
	for _, l := range box.Listings {
		var agreements []string
		for _, p := range l.Stock.Pledges {
			agreements = append(agreements, p.Agreement)
		}
		a.line("cli.inbox.over", args{"number": l.Record.Number, "over": l.Stock.Over, "unit": a.unit(l.Stock.Unit), "committed": l.Stock.Committed, "total": l.Stock.Total,
			"agreements": strings.Join(agreements, ", ")})
	}
	for _, item := range box.Items {
		fmt.Fprintln(a.out, a.paint(bold, item.Number)+"  "+a.text(item.Title, item.Lang)+" · "+a.word("phase", item.Phase))
		for _, w := range item.Waits {
			late := ""
			if w.Late {
				late = " (" + a.say("cli.inbox.late", nil) + ")"
			}
			fmt.Fprintln(a.out, "  "+w.Text+late)
		}
	}
	for _, w := range box.Records {
		a.sayWaiting(w)
	}
	a.sayNews(box.Searches)
}
