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
	var attach, only []string
	c := a.command("publish FILE|-", between(1, 1), api.Receipt{}, func(ctx context.Context, arguments []string) error {
		if strings.EqualFold(filepath.Ext(arguments[0]), ".csv") {
			if len(attach) > 0 {
				return misuse("attach.table", nil)
			}
			if len(only) > 0 {
				return misuse("usage.only_table", nil)
			}
			return a.publishTable(ctx, arguments[0], check, yes)
		}
		d, err := a.draft(arguments[0])
		if err != nil {
			return err
		}
		d.For = append(d.For, only...)
		if len(attach) > 0 {
			if d.For != nil {
				return misuse("usage.only_attach", nil)
			}
			return a.publishWith(ctx, d, attach, check, yes)
		}
		if check {
			if d.For == nil {
				a.sayPersonal(d)
			}
			return a.answer(map[string]bool{"valid": true}, func() { a.line("cli.publish.valid", args{"type": a.word("type", d.Type)}) })
		}
		return a.publish(ctx, d, "cli.publish.done", yes)
	})
	c.Example = "dure publish request.json\ndure publish project.json --attach photo.jpg\ndure publish offers.csv --check\ndure publish offer.json --only kr-seoul"
	a.listFlag(c.Flags(), &attach, "attach", "FILE")
	a.listFlag(c.Flags(), &only, "only", "HANDLE")
	a.switchFlag(c.Flags(), &check, "check")
	a.switchFlag(c.Flags(), &yes, "yes")
	return c
}

func (a *app) reviseCommand() *cobra.Command {
	var yes bool
	var only []string
	c := a.command("revise ID FILE|-", between(2, 2), api.Receipt{}, func(ctx context.Context, arguments []string) error {
		d, err := a.draft(arguments[1])
		if err != nil {
			return err
		}
		d.Of, d.For = arguments[0], append(d.For, only...)
		return a.publish(ctx, d, "cli.revise.done", yes)
	})
	a.listFlag(c.Flags(), &only, "only", "HANDLE")
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
	d, err := api.Addressed(api.Draft{Raw: json.RawMessage(raw)})
	if err != nil {
		return api.Draft{}, err
	}
	somewhere := protocol.Sum(nil)
	r, err := record.ParseAny(d.Raw, func(string) (protocol.RecordID, bool) { return somewhere, true })
	if err != nil {
		return api.Draft{}, err
	}
	d.Type = r.Kind().String()
	return d, nil
}

// sayPersonal says what in a draft looks like data of private persons, and what erasing
// cannot recall. It reports whether there is any.
func (a *app) sayPersonal(d api.Draft) bool {
	r, err := record.ParseAny(d.Raw, func(name string) (protocol.RecordID, bool) { return protocol.Sum([]byte(name)), true })
	if err != nil {
		return false // its faults are told elsewhere
	}
	return a.tellPersonal(r)
}

// tellPersonal is sayPersonal of what was read already.
func (a *app) tellPersonal(r record.Record) bool {
	found := record.FindPersonal(r)
	for _, p := range found {
		a.note("cli.publish.personal", args{"field": p.Field, "sentence": a.say("personal."+string(p.Code), args{"found": p.Found})})
	}
	if len(found) > 0 {
		a.note("personal.what", nil)
		a.note("personal.private", nil)
	}
	return len(found) > 0
}

// publish publishes a draft. Where it seems to hold data of private persons, whoever sits
// at the terminal is asked first; programs are told, and go on.
func (a *app) publish(ctx context.Context, d api.Draft, key string, yes bool) error {
	if d.For == nil && a.sayPersonal(d) && !yes && a.interactive() && !a.agrees("cli.publish.ask") {
		a.note("cli.publish.not", nil)
		return nil
	}
	return a.with(ctx, func(s *session) error {
		receipt, err := s.Publish(ctx, d)
		if err != nil {
			return err
		}
		if d.For != nil {
			return a.answer(receipt, func() {
				a.plain(receipt.Number, receipt.Record)
				a.note("cli.publish.for", args{"number": receipt.Number, "members": strings.Join(d.For, ", ")})
				a.note("cli.message.recall", args{"number": receipt.Number})
			})
		}
		return a.receipt(s, receipt, key)
	})
}

// publishWith publishes a draft with files, which are brought to the node first.
func (a *app) publishWith(ctx context.Context, d api.Draft, files []string, check, yes bool) error {
	var content map[string]any
	if err := json.Unmarshal(d.Raw, &content); err != nil {
		return protocol.Fail(protocol.ReasonMalformed, "read draft", err)
	}
	if a.sayPersonal(d) && !check && !yes && a.interactive() && !a.agrees("cli.publish.ask") {
		a.note("cli.publish.not", nil)
		return nil
	}
	return a.with(ctx, func(s *session) error {
		going, err := a.attach(ctx, s, content, files, yes || check)
		if err != nil || !going {
			return err
		}
		if d.Raw, err = json.Marshal(content); err != nil {
			return err
		}
		d.Dry = check
		receipt, err := s.Publish(ctx, d)
		if err != nil {
			return err
		}
		if check {
			return a.answer(map[string]bool{"valid": true}, func() { a.line("cli.publish.valid", args{"type": a.word("type", d.Type)}) })
		}
		return a.receipt(s, receipt, "cli.publish.done")
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
