package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol/record"
)

func (a *app) matchesCommand() *cobra.Command {
	var near, solidarity bool
	var pays string
	c := a.command("matches ID", between(0, 1), api.Matches{}, func(ctx context.Context, arguments []string) error {
		if solidarity && len(arguments) == 0 {
			return a.unanswered(ctx, api.UnansweredQuery{Type: "request", Pays: pays})
		}
		if len(arguments) == 0 || solidarity || pays != "" {
			return misuse("usage.missing_argument", args{"usage": "dure matches ID, dure matches --solidarity"})
		}
		return a.with(ctx, func(s *session) error {
			m, err := s.Matches(ctx, api.MatchQuery{Ref: arguments[0], Sealed: true})
			if err != nil {
				return err
			}
			a.wordMatches(&m)
			return a.answer(m, func() {
				a.sayMatches(m, near)
				a.sayNotice(ctx, s)
			})
		})
	})
	c.Example = "dure matches kr-seoul-41\ndure matches kr-seoul-41 --near\ndure matches --solidarity --pays provider"
	a.switchFlag(c.Flags(), &near, "near")
	a.switchFlag(c.Flags(), &solidarity, "solidarity")
	a.codeFlag(c, &pays, "pays", record.CostBearers)
	return c
}

// unanswered lists who waits without an answer.
func (a *app) unanswered(ctx context.Context, q api.UnansweredQuery) error {
	return a.with(ctx, func(s *session) error {
		u, err := s.Unanswered(ctx, q)
		if err != nil {
			return err
		}
		return a.answer(u, func() {
			if len(u.Items) == 0 {
				a.line("cli.unanswered.none", nil)
				return
			}
			t := table{}
			for _, one := range u.Items {
				t.row(one.Record.Number, a.title(one.Record), a.name(one.Record.Names, one.Record.Member), a.say("cli.unanswered.days", args{"days": one.Days, "completed": one.Completed}))
			}
			t.print(a.out)
		})
	})
}

// wordMatches puts the reasons into the language of the call.
func (a *app) wordMatches(m *api.Matches) {
	for _, list := range [][]api.Match{m.Items, m.Near} {
		for _, one := range list {
			for i, r := range one.Reasons {
				one.Reasons[i].Text = a.book.MatchReason(a.lang, r.Code, r.Facts)
			}
			for i, miss := range one.Misses {
				one.Misses[i].Text = a.book.MatchMiss(a.lang, miss.Code, miss.Facts)
			}
		}
	}
}

func (a *app) sayMatches(m api.Matches, near bool) {
	of := args{"title": a.title(m.For), "number": m.For.Number}
	switch state, _ := m.For.Content["state"].(string); {
	case state == "paused" || state == "closed":
		a.line("cli.matches.closed", of)
	case len(m.Items) == 0:
		a.line("cli.matches.none", of)
	default:
		a.line("cli.matches.for", of)
	}
	for _, one := range m.Items {
		a.sayMatch(one)
	}
	switch {
	case near && len(m.Near) > 0:
		fmt.Fprintln(a.out)
		a.line("cli.matches.near", nil)
		for _, one := range m.Near {
			a.sayMatch(one)
		}
	case len(m.Near) > 0:
		a.note("cli.matches.hint", of)
	}
}

// sayMatch says what fits and how well; the points follow, or why it does not fit.
func (a *app) sayMatch(m api.Match) {
	fmt.Fprintln(a.out)
	fmt.Fprintln(a.out, a.paint(bold, a.title(m.Record))+" ("+m.Record.Number+") · "+a.name(m.Record.Names, m.Record.Member))
	if len(m.Misses) > 0 {
		for _, miss := range m.Misses {
			fmt.Fprintln(a.out, "  "+miss.Text)
		}
		return
	}
	fmt.Fprintln(a.out, "  "+a.say("match.headline", args{"band": a.word("band", m.Band), "score": strconv.Itoa(m.Score)}))
	t := table{indent: 2}
	for _, r := range m.Reasons {
		points := a.say("match.points", args{"points": strconv.Itoa(r.Points), "of": strconv.Itoa(r.Of)})
		if r.Of == 0 {
			points = a.say("match.against", args{"points": strconv.Itoa(r.Points)})
		}
		t.row(points, r.Text)
	}
	t.print(a.out)
}
