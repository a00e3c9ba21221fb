package main

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dure-net/dure/node/access"
	"github.com/dure-net/dure/node/api"
)

// tokenAnswer is what `dure token --json` prints.
type tokenAnswer struct {
	Token string `json:"token"`
	File  string `json:"file"`
}

// tokensAnswer is what `dure token list --json` prints.
type tokensAnswer struct {
	Items []access.Token `json:"items"`
}

// tokenCommand prints the owner's token; below it are the commands for all others.
func (a *app) tokenCommand() *cobra.Command {
	var renew bool
	c := a.command("token", between(0, 0), tokenAnswer{}, func(context.Context, []string) error {
		h, err := a.openHome()
		if err != nil {
			return err
		}
		token, err := h.Token()
		if renew {
			token, err = h.NewToken()
		}
		if err != nil {
			return err
		}
		return a.answer(tokenAnswer{Token: token.Reveal(), File: h.TokenPath()}, func() {
			if renew {
				a.note("cli.token.renewed", nil)
			}
			a.plain(token.Reveal())
		})
	})
	a.switchFlag(c.Flags(), &renew, "renew")
	c.AddCommand(a.newTokenCommand(), a.listTokensCommand(), a.revokeTokenCommand())
	return c
}

// under is command for one below another: its texts are "help.<parent>.<name>".
func (a *app) under(parent, use string, takes cobra.PositionalArgs, output any, run func(ctx context.Context, arguments []string) error) *cobra.Command {
	name, _, _ := strings.Cut(use, " ")
	c := a.command(use, takes, nil, run)
	key := "help." + parent + "." + name
	c.Short, c.Long = a.say(key, nil), ""
	if long := key + ".long"; a.book.Has(long) {
		c.Long = a.say(long, nil)
	}
	a.outputs[parent+" "+name] = output
	return c
}

func (a *app) newTokenCommand() *cobra.Command {
	var name, user, expires string
	var scopes []string
	c := a.under("token", "new", between(0, 0), api.IssuedToken{}, func(ctx context.Context, _ []string) error {
		life, err := lifeOf(expires)
		if err != nil {
			return err
		}
		r := access.Request{Name: name, User: user, Seconds: int64(life / time.Second)}
		for _, list := range scopes {
			r.Scopes = append(r.Scopes, strings.Split(list, ",")...)
		}
		return a.with(ctx, func(s *session) error {
			t, err := s.IssueToken(ctx, r)
			if err != nil {
				return err
			}
			return a.answer(t, func() {
				a.note("cli.token.made", args{"name": t.Name, "scopes": strings.Join(t.Scopes, ", "), "until": a.book.Time(a.lang, t.Expires.Local())})
				a.plain(t.Secret)
				a.note("cli.token.once", nil)
			})
		})
	})
	c.Example = "dure token new --name website --scope read\ndure token new --name sync --scope read,write --expires 30d"
	f := c.Flags()
	f.StringVar(&name, "name", "", a.say("flag.token.name", nil)) // other commands have a --name of their own
	_ = f.SetAnnotation("name", placeholder, []string{"NAME"})
	a.listFlag(f, &scopes, "scope", "read|write|govern|keep")
	f.StringVar(&expires, "expires", "90d", a.say("flag.token.expires", nil))
	_ = f.SetAnnotation("expires", placeholder, []string{"30d"})
	f.StringVar(&user, "user", "", a.say("flag.token.user", nil))
	_ = f.SetAnnotation("user", placeholder, []string{"NAME"})
	return c
}

// lifeOf reads "30d", or a duration as Go writes it.
func lifeOf(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil && n > 0 {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	} else if life, err := time.ParseDuration(text); err == nil && life >= time.Second {
		return life, nil
	}
	return 0, misuse("usage.life", args{"value": text})
}

func (a *app) listTokensCommand() *cobra.Command {
	return a.under("token", "list", between(0, 0), tokensAnswer{}, func(ctx context.Context, _ []string) error {
		return a.with(ctx, func(s *session) error {
			all, err := s.Tokens(ctx)
			if err != nil {
				return err
			}
			return a.answer(tokensAnswer{all}, func() { a.sayTokens(all) })
		})
	})
}

func (a *app) sayTokens(all []access.Token) {
	a.line("cli.token.count", args{"count": len(all)})
	t := table{indent: 2}
	for _, one := range all {
		key, at := "cli.token.live", one.Expires
		switch one.State {
		case access.StateExpired:
			key = "cli.token.expired"
		case access.StateRevoked:
			key, at = "cli.token.revoked", one.Revoked
		}
		used := ""
		if !one.Used.IsZero() {
			used = a.say("cli.token.used", args{"time": a.book.Time(a.lang, one.Used.Local())})
		}
		t.row(one.ID, one.Name, one.User, strings.Join(one.Scopes, ","), a.say(key, args{"time": a.book.Time(a.lang, at.Local())}), used)
	}
	t.print(a.out)
	a.note("cli.token.owner", nil)
}

func (a *app) revokeTokenCommand() *cobra.Command {
	return a.under("token", "revoke ID|NAME", between(1, 1), access.Token{}, func(ctx context.Context, arguments []string) error {
		return a.with(ctx, func(s *session) error {
			t, err := s.RevokeToken(ctx, arguments[0])
			if err != nil {
				return err
			}
			return a.answer(t, func() { a.line("cli.token.ended", args{"name": t.Name}) })
		})
	})
}
