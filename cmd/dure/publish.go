package main

import (
	"context"
	"encoding/json"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

func (a *app) publishCommand() *cobra.Command {
	var check, yes bool
	c := a.command("publish FILE|-", between(1, 1), api.Receipt{}, func(ctx context.Context, arguments []string) error {
		if strings.EqualFold(filepath.Ext(arguments[0]), ".csv") {
			return a.publishTable(ctx, arguments[0], check, yes)
		}
		d, err := a.draft(arguments[0])
		if err != nil {
			return err
		}
		if check {
			a.sayPersonal(d)
			return a.answer(map[string]bool{"valid": true}, func() { a.line("cli.publish.valid", args{"type": a.word("type", d.Type)}) })
		}
		return a.publish(ctx, d, "cli.publish.done", yes)
	})
	c.Example = "dure publish request.json\ndure publish offers.csv --check"
	a.switchFlag(c.Flags(), &check, "check")
	a.switchFlag(c.Flags(), &yes, "yes")
	return c
}

func (a *app) reviseCommand() *cobra.Command {
	var yes bool
	c := a.command("revise ID FILE|-", between(2, 2), api.Receipt{}, func(ctx context.Context, arguments []string) error {
		d, err := a.draft(arguments[1])
		if err != nil {
			return err
		}
		d.Of = arguments[0]
		return a.publish(ctx, d, "cli.revise.done", yes)
	})
	a.switchFlag(c.Flags(), &yes, "yes")
	return c
}

func (a *app) withdrawCommand() *cobra.Command {
	var reasons []string
	c := a.command("withdraw ID", between(1, 1), api.Receipt{}, func(ctx context.Context, arguments []string) error {
		reason, err := textsOf("--reason", reasons)
		if err != nil {
			return err
		}
		return a.with(ctx, func(s *session) error {
			receipt, err := s.Withdraw(ctx, arguments[0], reason)
			if err != nil {
				return err
			}
			return a.receipt(s, receipt, "cli.withdraw.done")
		})
	})
	a.listFlag(c.Flags(), &reasons, "reason", "LANG=TEXT")
	return c
}

// draft reads a record and checks it, so that every fault is told at once and before anything is opened. References to
// other records are the node's to resolve.
func (a *app) draft(name string) (api.Draft, error) {
	raw, err := a.readInput(name)
	if err != nil {
		return api.Draft{}, err
	}
	somewhere := protocol.Sum(nil)
	r, err := record.ParseAny(raw, func(string) (protocol.RecordID, bool) { return somewhere, true })
	if err != nil {
		return api.Draft{}, err
	}
	return api.Draft{Type: r.Kind().String(), Raw: json.RawMessage(raw)}, nil
}

// sayPersonal says what in a draft looks like data of private persons, and what erasing
// cannot recall. It reports whether there is any.
func (a *app) sayPersonal(d api.Draft) bool {
	r, err := record.ParseAny(d.Raw, func(name string) (protocol.RecordID, bool) { return protocol.Sum([]byte(name)), true })
	if err != nil {
		return false // its faults are told elsewhere
	}
	found := record.FindPersonal(r)
	for _, p := range found {
		a.note("cli.publish.personal", args{"field": p.Field, "sentence": a.say("personal."+string(p.Code), args{"found": p.Found})})
	}
	if len(found) > 0 {
		a.note("personal.what", nil)
	}
	return len(found) > 0
}

// publish publishes a draft. Where it seems to hold data of private persons, whoever sits
// at the terminal is asked first; programs are told, and go on.
func (a *app) publish(ctx context.Context, d api.Draft, key string, yes bool) error {
	if a.sayPersonal(d) && !yes && a.interactive() && !a.agrees("cli.publish.ask") {
		a.note("cli.publish.not", nil)
		return nil
	}
	return a.with(ctx, func(s *session) error {
		receipt, err := s.Publish(ctx, d)
		if err != nil {
			return err
		}
		return a.receipt(s, receipt, key)
	})
}

// receipt prints the short number and the record number on one line, for people and scripts alike; the sentence goes
// to standard error.
func (a *app) receipt(s *session, r api.Receipt, key string) error {
	return a.answer(r, func() {
		a.plain(r.Number, r.ID)
		if s.running && s.ended(context.Background()) {
			a.warn("cli.publish.kept", args{"number": r.Number})
			a.warn("cli.publish.ended", nil)
			return
		}
		a.note(key, args{"number": r.Number})
		if !s.running {
			a.note("cli.publish.offline", nil)
		}
	})
}
