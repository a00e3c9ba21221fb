package main

import (
	"context"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
)

// rootOf reads a new root key: the public key, the card of its owner, or a file with the card.
func rootOf(text string) (string, error) {
	if raw, err := os.ReadFile(text); err == nil && len(raw) <= maxInput {
		text = string(raw)
	}
	text = strings.TrimSpace(text)
	if _, err := protocol.ParsePublicKey(text); err == nil {
		return text, nil
	}
	c, err := protocol.ParseCard(text)
	if err != nil {
		return "", misuse("usage.bad_root", args{"value": cut(text, 40)})
	}
	return c.Member.Root.String(), nil
}

// fingerprint is how people compare a root key; empty where there is none.
func fingerprint(key string) string {
	k, err := protocol.ParsePublicKey(key)
	if err != nil {
		return ""
	}
	return k.Fingerprint()
}

func (a *app) objectCommand() *cobra.Command {
	var wordsFile string
	c := a.command("object", between(0, 0), saidAnswer{}, func(ctx context.Context, _ []string) error {
		return a.with(ctx, func(s *session) error {
			k, err := a.kin(ctx, s, "")
			if err != nil {
				return err
			}
			r := k.member.Rebinding
			if r == nil {
				return &complaint{reason: protocol.ReasonConflict, key: "cli.object.nothing", args: args{"member": k.member.Handle}}
			}
			a.note("cli.object.means", args{"member": k.member.Handle, "fingerprint": r.Fingerprint, "until": a.book.Day(a.lang, r.Until)})
			act, err := protocol.ParseCID(r.ActID)
			if err != nil {
				return err
			}
			root, err := k.root(wordsFile)
			if err != nil {
				return err
			}
			said, err := k.say(ctx, root, protocol.Statement{Purpose: protocol.PurposeObject, Act: act})
			if err != nil {
				return err
			}
			return a.answer(saidAnswer{[]api.Said{said}}, func() {
				a.line("cli.object.done", args{"member": k.member.Handle})
				a.saySpreads(s)
			})
		})
	})
	a.textFlag(c.Flags(), &wordsFile, "words-file", "FILE", "")
	return c
}

// sayRebinding tells of an announced replacement of a member's root key.
func (a *app) sayRebinding(m api.Member) {
	if m.Rebinding == nil {
		return
	}
	key := "cli.members.rebinding"
	if m.Rebinding.Objected {
		key = "cli.members.objected"
	}
	a.line(key, args{"member": m.Handle, "fingerprint": m.Rebinding.Fingerprint, "until": a.book.Day(a.lang, m.Rebinding.Until)})
}
