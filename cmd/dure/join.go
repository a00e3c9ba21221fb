package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/enrol"
	"github.com/dure-net/dure/protocol"
)

// joined is what `dure join --json` prints.
type joined struct {
	Federation  string            `json:"federation"`
	Names       map[string]string `json:"names"`
	Fingerprint string            `json:"fingerprint"`
	Pending     bool              `json:"pending"`
}

func (a *app) joinCommand() *cobra.Command {
	var wordsFile string
	var timeout int
	c := a.command("join LINE|-", between(1, -1), joined{}, func(ctx context.Context, arguments []string) error {
		line := strings.Join(arguments, "")
		if line == "-" {
			raw, err := a.readInput("-")
			if err != nil {
				return err
			}
			line = string(raw)
		}
		return a.join(ctx, line, wordsFile, time.Duration(timeout)*time.Second)
	})
	c.Example = "dure join dure-invitation-1:omZ…"
	a.textFlag(c.Flags(), &wordsFile, "words-file", "FILE", "")
	a.numberFlag(c.Flags(), &timeout, "timeout", int(enrol.DialTime/time.Second))
	return c
}

func (a *app) join(ctx context.Context, line, wordsFile string, timeout time.Duration) error {
	// A line that cannot be used is said before the words are asked for.
	invitation, err := protocol.ParseInvitation(line)
	if err != nil {
		return err
	}
	h, err := a.openHome()
	if err != nil {
		return err
	}
	if err := a.unseal(h); err != nil {
		return err
	}
	a.note("cli.join.to", args{"name": a.name(invitation.Name, invitation.Federation.String())})
	root, err := a.root(wordsFile)
	if err != nil {
		return err
	}
	a.note("cli.join.asking", nil)
	j, err := enrol.Join(ctx, h, enrol.JoinOptions{Root: root, Line: line, Timeout: timeout})
	if err != nil {
		return err
	}
	out := joined{Federation: j.Federation.String(), Names: j.Names, Fingerprint: j.Fingerprint, Pending: j.Pending}
	return a.answer(out, func() {
		key := "cli.join.done"
		if j.Pending {
			key = "cli.join.pending"
		}
		a.line(key, args{"name": a.name(j.Names, out.Federation)})
		a.line("cli.init.fingerprint", args{"fingerprint": j.Fingerprint})
		a.note("cli.join.next", nil)
	})
}

func (a *app) inviteCommand() *cobra.Command {
	var handle string
	var days int
	var trust bool
	c := a.command("invite --handle HANDLE", between(0, 0), api.Invitation{}, func(ctx context.Context, _ []string) error {
		if handle == "" {
			return misuse("usage.flag_needed", args{"flag": "--handle"})
		}
		return a.with(ctx, func(s *session) error {
			members, err := s.Members(ctx)
			if err != nil {
				return err
			}
			r := api.InviteRequest{Handle: handle, Days: days, Trust: trust}
			for _, m := range members {
				// A founder, or a member that adds a node, needs no secret: the federation knows its root key.
				r.Known = r.Known || m.Handle == handle
				if m.Handle == handle && m.Status == "removed" {
					return &complaint{reason: protocol.ReasonNotMember, key: "cli.invite.removed", args: args{"handle": handle}}
				}
			}
			invitation, err := s.Invite(ctx, r)
			if err != nil {
				return err
			}
			return a.answer(invitation, func() {
				if r.Known {
					a.note("cli.invite.known", args{"handle": handle})
				} else {
					a.note("cli.invite.secret", args{"handle": handle, "expires": a.book.Date(a.lang, invitation.Expires.Local())})
				}
				a.plain(invitation.Line)
				if !s.running {
					a.note("cli.invite.start", nil)
				}
			})
		})
	})
	f := c.Flags()
	a.textFlag(f, &handle, "handle", "HANDLE", "")
	a.numberFlag(f, &days, "days", 0)
	a.switchFlag(f, &trust, "trust")
	return c
}
