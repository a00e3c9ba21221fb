package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/dure-net/dure/node/access"
)

// usersAnswer is what `dure user list --json` prints.
type usersAnswer struct {
	Items []access.User `json:"items"`
}

func (a *app) userCommand() *cobra.Command {
	c := &cobra.Command{Use: "user list|set|remove", Short: a.say("help.user", nil), Long: a.say("help.user.long", nil), DisableFlagsInUseLine: true,
		Args: between(0, 0), RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	c.AddCommand(
		a.under("user", "list", between(0, 0), usersAnswer{}, func(ctx context.Context, _ []string) error {
			return a.with(ctx, func(s *session) error {
				all, err := s.Users(ctx)
				if err != nil {
					return err
				}
				return a.answer(usersAnswer{all}, func() {
					a.line("cli.user.count", args{"count": len(all)})
					t := table{indent: 2}
					for _, u := range all {
						t.row(u.Name, a.word("role", string(u.Role)))
					}
					t.print(a.out)
				})
			})
		}),
		a.under("user", "set NAME reader|clerk|delegate|keeper", between(2, 2), access.User{}, func(ctx context.Context, arguments []string) error {
			return a.with(ctx, func(s *session) error {
				u, err := s.SetUser(ctx, access.User{Name: arguments[0], Role: access.Role(arguments[1])})
				if err != nil {
					return err
				}
				return a.answer(u, func() {
					a.line("cli.user.set", args{"name": u.Name, "role": a.word("role", string(u.Role))})
					a.note("cli.user.how", args{"name": u.Name})
				})
			})
		}),
		a.under("user", "remove NAME", between(1, 1), usersAnswer{}, func(ctx context.Context, arguments []string) error {
			return a.with(ctx, func(s *session) error {
				if err := s.RemoveUser(ctx, arguments[0]); err != nil {
					return err
				}
				all, err := s.Users(ctx)
				if err != nil {
					return err
				}
				return a.answer(usersAnswer{all}, func() { a.line("cli.user.removed", args{"name": arguments[0]}) })
			})
		}),
	)
	return c
}
